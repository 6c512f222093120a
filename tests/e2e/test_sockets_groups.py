"""Groups of many sockets: no client is refused as long as one socket is left, however many die at once."""
import contextlib
import json
import resource
import socket
import subprocess
import sys
import time

import pytest

from conftest import REFUSED, WIRES, call, libc
from test_sockets_followed import CLONE_NEWNET, ask
from test_sockets_reuseport import Datagrams, Load

TCP4, TCP6, UDP4 = (WIRES[name] for name in ("tcp-ipv4", "tcp-ipv6", "udp-ipv4"))
ROOM = 241  # sockets of one flow class of a label, its own and 16 blocks of 15, if there are few labels

pytestmark = pytest.mark.usefixtures("cgroup2")

GROUP = """
import os, signal, socket, sys
family, kind, address, port, count = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])

def serve(ready):
    server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen(64)
    os.write(ready, b"1")
    while kind == socket.SOCK_STREAM:
        peer = server.accept()[0]
        peer.sendall(b"served")
        peer.close()
    while True:
        server.sendto(*server.recvfrom(64))

workers = []
for _ in range(count):
    read, write = os.pipe()
    workers.append(os.fork())
    if not workers[-1]:
        serve(write)
    os.close(write)
    assert os.read(read, 1)
    os.close(read)
print(*workers, flush=True)
for line in sys.stdin:
    dead = [workers[int(word)] for word in line.split()]
    for worker in dead:
        os.kill(worker, signal.SIGKILL)
    for worker in dead:
        os.waitpid(worker, 0)
    print("dead", flush=True)
"""


class Group:
    """COUNT workers, each a process with a socket of its own at one address."""

    def __init__(self, host, wire, count, port=8080):
        def enter():
            with open(host.namespace.path, "rb") as namespace:
                call(libc.setns, namespace.fileno(), CLONE_NEWNET)

        self.process = subprocess.Popen([sys.executable, "-c", GROUP, *map(str, (
            int(wire.af), int(wire.type), wire.loopback, port, count))], preexec_fn=enter,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.left = list(range(count))
        self.pids = self.process.stdout.readline().split()
        assert len(self.pids) == count
        self.fd = 5  # of the socket in each worker, after those of the pipes

    def kill(self, *workers):
        """Kills these workers at once."""
        print(*workers, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "dead\n"
        self.left = [each for each in self.left if each not in workers]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.left:
            self.kill(*self.left)
        self.process.stdin.close()
        self.process.wait()


class Clients(Load):
    wire = TCP4

    def ask(self):
        with self.host.namespace.socket(self.wire.af, self.wire.type) as client:
            client.settimeout(5)
            client.connect((self.wire.at(1), 80))
            return client.recv(64)


class ClientsOfIpv6(Clients):
    wire = TCP6


LOADS = {TCP4: Clients, TCP6: ClientsOfIpv6, UDP4: Datagrams}


def declared(wire, port=8080):
    address = f"[{wire.loopback}]" if wire.is_ipv6 else wire.loopback
    return (f"socket web {{ {wire.protocol} {address}:{port} }}\n"
            f"{wire.protocol} daddr {wire.prefix} dport 80 redirect to web\n")


def members(host):
    (shown,) = [each for label in host.status()["labels"] for each in label["sockets"] if each["needed"]]
    return shown["members"]


@pytest.mark.parametrize("wire", LOADS, ids=["tcp-ipv4", "tcp-ipv6", "udp-ipv4"])
@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("first", ["service", "rules"])
def test_a_large_group_serves_as_long_as_one_socket_is_left(host, wire, count, first):
    text = declared(wire)
    if first == "rules":
        host.apply(text)
    with Group(host, wire, count) as group:
        if first == "service":
            host.apply(text)
        elif wire is UDP4:
            host.sklc("sync")  # no hook tells of UDP sockets
        assert members(host) == count
        last = count * 2 // 3
        with LOADS[wire](host) as load:
            for worker in range(20):
                group.kill(worker)
            group.kill(*(each for each in group.left if each != last))
            load.wait(served=20)
        assert load.refused == 0, vars(load)
        assert members(host) == 1
        group.kill(last)
        with LOADS[wire](host) as load:
            load.wait(refused=1)
        assert load.served == 0, vars(load)


def test_the_last_socket_of_a_group_is_found_in_whichever_slot(host):
    host.apply(declared(TCP4))
    for last in (0, 1, 15, 16, 17, 30, 31, 60, 61, 62, 225, 226, ROOM - 1):
        with Group(host, TCP4, ROOM) as group:
            group.kill(*(each for each in group.left if each != last))
            assert ask(host) == "served", last
    assert ask(host) is REFUSED


def test_a_group_that_starts_again_is_served_by_the_new_workers(host):
    host.apply(declared(TCP4))
    with Group(host, TCP4, 40) as old, Clients(host) as load:
        with Group(host, TCP4, 40) as new:
            old.kill(*old.left)
            time.sleep(0.2)
            assert members(host) == 40
            assert ask(host) == "served"
            load.wait(served=1)


def test_a_group_that_is_larger_than_the_room_is_a_named_problem(host):
    host.apply(declared(TCP4))
    with Group(host, TCP4, ROOM + 3):
        (problem,) = host.status()["problems"]
        assert problem["label"] == "web"
        assert f"{ROOM} of {ROOM + 3}" in problem["what"], problem
        assert "sklc sync" in problem["mend"], problem
    with Group(host, TCP4, ROOM):
        assert host.status()["problems"] == []


@pytest.mark.parametrize("words", [[], ["--override"]], ids=["undeclared", "override"])
def test_a_group_that_is_registered_and_larger_than_the_room_is_named_and_a_sync_gives_free_slots(host, words):
    """Registered by hand; before declared sockets a third of the room is for it."""
    room = ROOM // 3 if words else ROOM
    host.apply((declared(TCP4, 9999) if words else "") + "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n", status=None)
    with Group(host, TCP4, room + 3) as group:
        done = host.sklc("register", "web", "--pid", group.pids[0], "--fd", group.fd, *words)
        assert f"and {room + 2} more of its SO_REUSEPORT group, {room - 1} of which have a slot" in done.stdout, done
        assert f"only {room} of the {room + 3} sockets" in done.stderr and "sklc sync" in done.stderr
        again = json.loads(host.sklc("register", "web", "--pid", group.pids[0], "--fd", group.fd, "--json", *words).stdout)
        assert (again["siblings"], again["members"]) == (room + 2, room)
        (problem,) = [each for each in host.status(status=None)["problems"] if "have room" in each["what"]]
        assert problem["label"] == "web" and f"only {room} of {room + 3} sockets" in problem["what"], problem
        group.kill(*group.left[:10])
        host.sklc("sync")
        assert not [each for each in host.status(status=None)["problems"] if "have room" in each["what"]]
        assert members(host) == len(group.left)
        while group.left:
            assert ask(host) == "served"
            group.kill(*group.left[:100])
        assert ask(host) is REFUSED


def test_a_group_that_has_room_is_no_problem(host):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n", status=None)
    with Group(host, TCP4, 5) as group:
        assert not host.sklc("register", "web", "--pid", group.pids[0], "--fd", group.fd).stderr
        assert host.status()["problems"] == []
        assert "of which" not in host.sklc("register", "web", "--pid", group.pids[0], "--fd", group.fd).stdout


def test_a_sync_gives_no_slot_to_a_drained_group(host):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n", status=None)
    with Group(host, TCP4, 5) as group:
        host.sklc("register", "web", "--pid", group.pids[0], "--fd", group.fd)
        host.sklc("drain", "web")
        host.sklc("sync")
        assert ask(host) is REFUSED
        host.sklc("undrain", "web")
        assert ask(host) == "served"


def test_drained_sockets_want_no_room(host):
    host.apply(declared(TCP4))
    with Group(host, TCP4, ROOM + 3):
        host.sklc("drain", "web", "-q")
        problems = host.status(status=1)["problems"]
        assert problems and not any("have room" in problem["what"] for problem in problems), problems


def test_many_labels_share_the_spare_slots_and_all_have_some(host):
    """Half of the 4,096 blocks is left for later rules, so 300 labels have 4 blocks of 15 slots each."""
    host.apply("".join(f"socket l{number} {{ tcp 127.0.0.1:{10000 + number} }}\n"
                       f"tcp daddr 192.0.2.0/24 dport {10000 + number} redirect to l{number}\n"
                       for number in range(300)), "-q")
    for port in (10000, 10299):
        with Group(host, TCP4, 61, port) as group:
            for _ in range(3):
                group.kill(*group.left[:20])
                assert ask(host, port=port) == "served"
            group.kill(*group.left)
            assert ask(host, port=port) is REFUSED


def test_labels_that_come_later_have_spare_slots_too(host):
    def text(count):
        return "".join(f"socket l{number} {{ tcp 127.0.0.1:{10000 + number} }}\n"
                       f"tcp daddr 192.0.2.0/24 dport {10000 + number} redirect to l{number}\n"
                       for number in range(count))

    for count in (128, 192, 1100):
        done = host.apply(text(count), "-q")
        assert "spare" not in done.stderr, done.stderr
        with Group(host, TCP4, 16, 10000 + count - 1) as group:
            group.kill(*group.left[:15])
            assert ask(host, port=10000 + count - 1) == "served"


def test_labels_without_spare_slots_are_reported(host):
    lines = [f"socket l{number} {{ tcp 127.0.0.1:{10000 + number} }}\n"
             f"tcp daddr 192.0.2.0/24 dport {10000 + number} redirect to l{number}\n" for number in range(4100)]
    done = host.apply("".join(lines))
    assert "for 4 families and protocols of labels there are no spare slots" in done.stderr


def test_no_socket_is_lost_however_many_are_at_declared_places(host):
    """12 labels times 1500 sockets are more than what is prepared for at first."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4096), limit))
    host.apply("".join(f"socket l{number} {{ udp *:53 }}\n"
                       f"udp daddr 192.0.2.{number} dport 53 redirect to l{number}\n" for number in range(12)), "-q")
    with contextlib.ExitStack() as sockets:
        with host.namespace.entered():
            for number in range(1500):
                service = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                service.bind((f"127.1.{number // 250}.{1 + number % 250}", 53))
        host.sklc("sync", "-q")
        said = [problem["what"] for problem in host.status(status=None)["problems"]]
        assert sum("only 241 of 1500 sockets" in what for what in said) == 12, said


def test_a_slot_that_was_given_back_is_free_of_marks(host):
    """Sockets in the blocks of a label that is gone never serve the next label that gets the blocks."""
    host.apply(declared(TCP4))
    with Group(host, TCP4, ROOM):
        other = declared(TCP4, 8081).replace("web", "other")
        host.apply(other)
        host.apply(other)
        assert ask(host) is REFUSED
        with Group(host, TCP4, 2, 8081):
            assert ask(host) == "served"
