"""Groups of sockets, and alternative endpoints: when some are gone the others serve, without any process of sklc."""
import socket
import threading
import time

import pytest

from conftest import REFUSED, WIRES, run, sklc
import test_sockets_followed as followed
from test_sockets_followed import ask, endpoint, rules, start, stop

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
IP_RECVERR = 11

pytestmark = pytest.mark.usefixtures("cgroup2")


def reuse_port(code):
    """Makes a server of test_sockets_followed share its port."""
    return code.replace("SO_REUSEADDR", "SO_REUSEPORT")


@pytest.fixture
def worker(monkeypatch, host):
    monkeypatch.setattr(followed, "SERVER", reuse_port(followed.SERVER))
    return lambda name: start(host, name, 8080)


@pytest.fixture(params=["direct", "llvm"])
def backend(request, tmp_path):
    if request.param == "llvm":
        path = tmp_path / "probe.conf"
        path.write_text("policy pass\n")
        if sklc("--check", "--backend", "llvm", path).returncode:
            pytest.skip("no LLVM back end")
    return request.param


class Load(threading.Thread):
    """A client that connects all the time, and counts the results."""

    def __init__(self, host):
        super().__init__()
        self.host, self.done = host, threading.Event()
        self.served = self.refused = 0
        self.lost = 0  # connections in the queue of a socket that died, which the kernel resets

    def run(self):
        with self.host.namespace.entered():
            while not self.done.is_set():
                try:
                    self.served += bool(self.ask())
                except ConnectionRefusedError:
                    self.refused += 1
                except (ConnectionResetError, TimeoutError):
                    self.lost += 1

    def ask(self):
        with socket.socket() as client:
            client.settimeout(5)
            client.connect((TCP4.at(1), 80))
            return client.recv(64)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def wait(self, served=0, refused=0):
        """Until so many more were served and refused; a busy host takes its time."""
        deadline, served, refused = time.monotonic() + 60, self.served + served, self.refused + refused
        while self.served < served or self.refused < refused:
            assert time.monotonic() < deadline, vars(self)
            time.sleep(0.01)


class Datagrams(Load):
    """A client that sends datagrams all the time. An answer comes from the address that the server is bound to, not
    from the one that the client asked. So the client's socket is not connected, and must ask for errors."""

    def ask(self):
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            client.settimeout(0.2)
            client.sendto(b"hello", (UDP4.at(1), 80))
            return client.recv(64)


UDP_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", 8080))
print("ready", flush=True)
while True:
    data, peer = server.recvfrom(64)
    server.sendto(data, peer)
"""


@pytest.mark.parametrize("first", ["before", "after"])
def test_workers_that_die_one_by_one_leave_the_others_served(host, worker, backend, first):
    text = rules(endpoint(TCP4, 8080))
    if first == "after":
        host.apply(text, "--backend", backend)
    workers = [worker(f"worker {number}") for number in range(8)]
    if first == "before":
        host.apply(text, "--backend", backend)
    assert len({ask(host) for _ in range(100)}) > 4  # the kernel spreads over the group
    with Load(host) as load:
        for number in (0, 1, 7, 2, 6, 3, 5):
            load.wait(served=10)
            stop(workers[number])
        load.wait(served=20)
    assert load.refused == 0, vars(load)
    assert ask(host) == "worker 4"
    stop(workers[4])
    assert ask(host) is REFUSED


def test_workers_on_datagrams_that_die_one_by_one_leave_the_others_served(host, monkeypatch, backend):
    monkeypatch.setattr(followed, "SERVER", UDP_SERVER)
    workers = [start(host, "", 0) for _ in range(8)]
    host.apply("socket web { udp 127.0.0.1:8080 }\n"
               "udp daddr 192.0.2.0/24 dport 80 redirect to web\n", "--backend", backend)
    with Datagrams(host) as load:
        for number in (0, 1, 7, 2, 6, 3, 5):
            load.wait(served=10)
            stop(workers[number])
        load.wait(served=20)
    assert load.refused == 0, vars(load)
    stop(workers[4])
    with Datagrams(host) as load:
        load.wait(refused=1)
    assert load.served == 0, vars(load)


def test_a_rolling_restart_refuses_nobody(host, worker):
    host.apply(rules(endpoint(TCP4, 8080)))
    workers = [worker(f"old {number}") for number in range(3)]
    with Load(host) as load:
        for round_ in range(10):
            workers.append(worker(f"new {round_}"))
            stop(workers.pop(0))
    assert load.refused == 0, vars(load)
    for each in workers:
        stop(each)


def test_a_worker_that_is_shut_down_leaves_the_others_served(host):
    workers = [host.server(TCP4, reuseport=True)]
    port = workers[0].getsockname()[1]
    workers += [host.server(TCP4, port=port, reuseport=True) for _ in range(3)]
    host.apply(rules(endpoint(TCP4, port)))
    for gone in range(3):
        workers[gone].shutdown(socket.SHUT_RD)
        for _ in range(8):
            assert host.reach(TCP4, TCP4.at(1), 80, workers[gone + 1:]) in workers[gone + 1:]
        assert host.status()["problems"] == []
    workers[3].shutdown(socket.SHUT_RD)
    problems = host.status(status=1)["problems"]
    assert any("it was shut down" in each["what"] for each in problems), problems


def test_a_worker_that_listens_again_takes_no_room_from_the_others(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    first = host.server(TCP4, port=8080, reuseport=True)
    for _ in range(20):
        first.shutdown(socket.SHUT_RD)
        first.listen()
    second = host.server(TCP4, port=8080, reuseport=True)
    (shown,) = [each for each in host.status()["labels"][0]["sockets"] if each["needed"]]
    assert shown["members"] == 2
    first.close()
    assert host.reach(TCP4, TCP4.at(1), 80, [second]) is second


def test_a_group_of_udp_sockets_is_followed_too(host):
    workers = [host.server(UDP4, reuseport=True)]
    port = workers[0].getsockname()[1]
    workers += [host.server(UDP4, port=port, reuseport=True) for _ in range(3)]
    host.apply(f"socket web {{ udp 127.0.0.1:{port} }}\n"
               "udp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    while workers:
        for _ in range(8):
            assert host.reach(UDP4, UDP4.at(1), 80, workers) in workers
        workers.pop(0).close()
    assert host.reach(UDP4, UDP4.at(1), 80, []) is REFUSED


def test_alternatives_are_tried_in_order(host):
    host.apply(rules("tcp 127.0.0.1:8080\ntcp 127.0.0.1:8081\ntcp 127.0.0.1:8082"))
    third = start(host, "third", 8082)
    assert ask(host) == "third"
    second = start(host, "second", 8081)
    assert ask(host) == "second"
    first = start(host, "first", 8080)
    assert ask(host) == "first"
    stop(second)
    assert ask(host) == "first"
    stop(first)
    assert ask(host) == "third"
    host.sklc("sync")
    assert ask(host) == "third"
    stop(third)
    assert ask(host) is REFUSED


def test_an_ipv4_socket_comes_before_one_that_serves_both(host):
    both = host.server(WIRES["tcp-ipv6"], address="::", v6only=False)
    port = both.getsockname()[1]
    host.apply("socket web {\n" f"tcp [::]:{port}\ntcp 127.0.0.1:8080\n" "}\n"
               "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    assert host.reach(TCP4, TCP4.at(1), 80, [both]) is both
    only = host.server(TCP4, port=8080)
    assert host.reach(TCP4, TCP4.at(1), 80, [both, only]) is only


def test_a_label_keeps_its_spares_from_one_apply_to_the_next(host, worker):
    text = rules(endpoint(TCP4, 8080))
    host.apply(text)
    workers = [worker(f"worker {number}") for number in range(3)]
    for _ in range(3):
        host.apply(text)
        stop(workers.pop(0)) if len(workers) > 1 else None
        assert ask(host).startswith("worker")
    for each in workers:
        stop(each)


@pytest.mark.parametrize("option, chosen", [("", "first"), ("option override\n", "worker")])
def test_the_choice_of_an_earlier_program_stands_before_a_spare_slot(host, tmp_path, worker, option, chosen):
    first = start(host, "first", 9090)
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    run("mount", "-t", "bpf", "-o", "mode=0700", "none", earlier)
    try:
        done = sklc("--apply", host.rules(rules(endpoint(TCP4, 9090)), "earlier.conf"), "--bpffs", earlier,
                    "--netns", host.namespace.path)
        assert done.returncode == 0, done.stderr
        host.apply(option + rules(endpoint(TCP4, 8080)))
        workers = [worker("worker") for _ in range(2)]
        stop(workers[0])
        assert ask(host) == chosen
        (shown,) = [each for each in host.status()["labels"][0]["sockets"] if each["needed"]]
        assert (shown["hits"], shown["misses"]) == (int(chosen == "worker"), 0)
        stop(workers[1])
    finally:
        run("umount", "-l", earlier)
        stop(first)


def test_four_thousand_labels_have_room_for_a_group_each(host, worker):
    host.apply("".join(f"socket l{number} {{ tcp 127.0.0.1:{10000 + number} }}\n"
                       f"tcp daddr 192.0.2.0/24 dport {10000 + number} redirect to l{number}\n"
                       for number in range(4096)), "-q")
    workers = [start(host, name, 10000 + 4095) for name in ("first", "second")]
    for each in workers:
        assert ask(host, port=10000 + 4095) != REFUSED
        stop(each)
    assert ask(host, port=10000 + 4095) is REFUSED


def test_status_counts_the_members_of_a_group(host, worker):
    host.apply(rules(endpoint(TCP4, 8080)))
    workers = [worker(f"worker {number}") for number in range(4)]
    (label,) = host.status()["labels"]
    assert [each["members"] for each in label["sockets"] if each["needed"]] == [4]
    for each in workers:
        stop(each)
