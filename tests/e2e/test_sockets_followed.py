"""Listeners that start after apply get their labels at once, without any process of sklc."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import REFUSED, SKLC, WIRES, call, libc, run

TCP4, TCP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"]
CLONE_NEWNET = 0x40000000

pytestmark = pytest.mark.usefixtures("cgroup2")

BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"

SERVER = """
import socket, sys
family, address, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((address, port))
listener.listen(4096)
print("ready", flush=True)
while True:
    peer = listener.accept()[0]
    peer.sendall(sys.argv[4].encode())
    peer.close()
"""


def endpoint(wire, port):
    return f"tcp [{wire.loopback}]:{port}" if wire.is_ipv6 else f"tcp {wire.loopback}:{port}"


def rules(declaration, wire=TCP4):
    return (f"socket web {{\n{declaration}\n}}\n"
            f"tcp daddr {wire.prefix} dport 80 redirect to web\n")


def start(host, name, port, wire=TCP4, address=None, prepare=None):
    """A service in a process of its own, that answers with its name."""
    def enter():
        with open(host.namespace.path, "rb") as namespace:
            call(libc.setns, namespace.fileno(), CLONE_NEWNET)
        if prepare:
            prepare()

    service = subprocess.Popen([sys.executable, "-c", SERVER, str(int(wire.af)),
                                address or wire.loopback, str(port), name],
                               stdout=subprocess.PIPE, preexec_fn=enter)
    assert service.stdout.readline() == b"ready\n"
    return service


def ask(host, wire=TCP4, address=None, port=80):
    with host.namespace.socket(wire.af, wire.type) as client:
        client.settimeout(5)
        try:
            client.connect((address or wire.at(1), port))
        except ConnectionRefusedError:
            return REFUSED
        return client.recv(64).decode()


def stop(service):
    service.kill()
    service.wait()


def followers(host):
    """The ids of the programs that are pinned as followers on this host; other tests may have theirs too."""
    shown = [subprocess.run([BPFTOOL, "-j", "link", "show", "pinned", link], capture_output=True)
             for link in pathlib.Path(host.bpffs).glob("sklc/follower*/link")]
    return [json.loads(each.stdout)["prog_id"] for each in shown]


def are_gone(programs):
    """Waits for the kernel to free the programs, a moment after they were detached; false if it does not."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if all(subprocess.run([BPFTOOL, "prog", "show", "id", str(each)],
                              capture_output=True).returncode for each in programs):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(params=["tcp-ipv4", "tcp-ipv6"])
def tcp(request):
    return WIRES[request.param]


def test_a_service_started_after_apply_is_served(host, tcp):
    host.apply(rules(endpoint(tcp, 8080), tcp))
    assert ask(host, tcp) is REFUSED
    service = start(host, "late", 8080, tcp)
    assert ask(host, tcp) == "late"
    stop(service)
    assert ask(host, tcp) is REFUSED


def test_a_restarted_service_is_served_at_once(host):
    service = start(host, "first", 8080)
    host.apply(rules(endpoint(TCP4, 8080)))
    assert ask(host) == "first"
    for name in ("second", "third"):
        stop(service)
        service = start(host, name, 8080)
        assert ask(host) == name
    stop(service)


def test_a_listener_of_another_user_is_not_taken(host):
    host.apply(rules(endpoint(TCP4, 8080) + '\nuid "root"'))
    service = start(host, "stranger", 8080, prepare=lambda: os.setuid(1234))
    assert ask(host) is REFUSED
    stop(service)
    service = start(host, "own", 8080)
    assert ask(host) == "own"
    stop(service)


def test_a_listener_elsewhere_is_not_taken(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    for address, port in (("127.0.0.2", 8080), ("127.0.0.1", 8081), ("0.0.0.0", 8080)):
        service = start(host, "elsewhere", port, address=address)
        assert ask(host) is REFUSED
        stop(service)


def test_a_star_follows_listeners_at_any_address(host):
    host.apply(rules("tcp *:8080"))
    for address in ("127.0.0.1", "127.0.0.2", "0.0.0.0"):
        service = start(host, address, 8080, address=address)
        assert ask(host) == address
        stop(service)


def test_other_namespaces_are_left_alone(make_host):
    followed, other = make_host(), make_host()
    followed.apply(rules(endpoint(TCP4, 8080)))
    service = start(other, "other", 8080)
    assert ask(followed) is REFUSED
    stop(service)


@pytest.fixture
def cgroup(cgroup2):
    path = cgroup2 / f"sklc-test-{os.getpid()}" / "web.service"
    path.parent.mkdir()
    yield path
    for folder in (path / "workers", path, path.parent):
        if folder.exists():
            folder.rmdir()


def join(cgroup):
    return lambda: (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def leave(cgroup):
    for _ in range(100):
        try:
            cgroup.rmdir()
            return
        except OSError:
            time.sleep(0.02)
    cgroup.rmdir()


def test_a_cgroup_made_anew_is_the_same_one(host, cgroup):
    path = f"/{cgroup.parent.name}/{cgroup.name}"
    host.apply(rules(endpoint(TCP4, 8080) + f'\ncgroup "{path}"'))
    for name in ("first", "second"):
        cgroup.mkdir()
        service = start(host, name, 8080, prepare=join(cgroup))
        assert ask(host) == name
        host.sklc("sync")
        assert ask(host) == name
        stop(service)
        leave(cgroup)


def test_a_cgroup_below_counts_and_one_beside_does_not(host, cgroup):
    path = f"/{cgroup.parent.name}/{cgroup.name}"
    host.apply(rules(endpoint(TCP4, 8080) + f'\ncgroup "{path}"'))
    cgroup.mkdir()
    workers = cgroup / "workers"
    workers.mkdir()
    service = start(host, "below", 8080, prepare=join(workers))
    assert ask(host) == "below"
    stop(service)
    leave(workers)
    for prepare in (None, join(cgroup.parent)):
        service = start(host, "beside", 8080, prepare=prepare)
        assert ask(host) is REFUSED
        done = host.sklc("sync")
        assert f"is not from the cgroup '{path}'" in done.stderr
        assert ask(host) is REFUSED
        stop(service)
    leave(cgroup)


def test_one_follower_serves_many_namespaces_the_sixty_fifth_too(make_host):
    hosts = [make_host() for _ in range(65)]
    for each in hosts:
        each.apply(rules(endpoint(TCP4, 8080)))
    assert len(followers(hosts[0])) == 1
    for number in (0, 31, 63, 64):
        service = start(hosts[number], f"of {number}", 8080)
        assert ask(hosts[number]) == f"of {number}"
        stop(service)


def test_detach_stops_following(make_host):
    one, other = make_host(), make_host()
    one.apply(rules(endpoint(TCP4, 8080)))
    other.apply(rules(endpoint(TCP4, 8080)))
    programs = followers(one)
    assert len(programs) == 1
    one.sklc("detach")
    assert followers(one) == programs
    service = start(other, "other", 8080)
    assert ask(other) == "other"
    other.sklc("detach")
    stop(service)
    assert not one.pins()
    assert are_gone(programs)


def test_rules_without_declarations_need_no_follower(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    programs = followers(host)
    host.apply("tcp dport 80 redirect to web\n")
    assert not followers(host) and are_gone(programs)
    service = start(host, "late", 8080)
    assert ask(host) is REFUSED
    stop(service)


def test_earlier_declarations_are_followed_again_after_a_rollback(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    host.apply(rules(endpoint(TCP4, 9090)))
    host.sklc("rollback")
    service = start(host, "old", 8080)
    assert ask(host) == "old"
    stop(service)
    service = start(host, "new", 9090)
    assert ask(host) is REFUSED
    stop(service)


def test_old_and_new_declarations_are_followed_during_a_trial(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    host.apply(rules(endpoint(TCP4, 9090)), "--confirm", 2)
    service = start(host, "new", 9090)
    assert ask(host) == "new"
    stop(service)
    time.sleep(2.5)
    service = start(host, "old", 8080)
    assert ask(host) == "old"
    stop(service)


def test_a_follower_of_another_version_is_replaced(make_host):
    one, other = make_host(), make_host()
    one.apply(rules(endpoint(TCP4, 8080)))
    folder = pathlib.Path(one.bpffs, "sklc")
    (follower,) = folder.glob("follower*")
    programs = followers(one)
    follower.rename(folder / "follower0")
    other.apply(rules(endpoint(TCP4, 8080)))
    assert [each.name for each in folder.glob("follower*")] == [follower.name]
    assert len(followers(one)) == 1 and are_gone(programs)
    for host in (one, other):
        service = start(host, "found", 8080)
        assert ask(host) == "found"
        stop(service)


def test_a_follower_of_another_version_stays_for_those_that_cannot_be_taken_over(make_host):
    old, new = make_host(), make_host()
    old.apply(rules(endpoint(TCP4, 8080)))
    folder = pathlib.Path(old.bpffs, "sklc")
    (follower,) = folder.glob("follower*")
    follower.rename(folder / "follower0")
    version = folder / str(old.status(status=1)["netns"]["cookie"]) / "state"
    hidden = version.rename(version.with_name("hidden"))
    done = new.apply(rules(endpoint(TCP4, 8080)))
    assert not [line for line in done.stderr.splitlines() if "warning" not in line], done.stderr
    for host in (old, new):
        service = start(host, "late", 8080)
        assert ask(host) == "late"
        stop(service)
    assert len(followers(new)) == 2
    hidden.rename(version)
    old.sklc("detach")
    assert [each.name for each in folder.glob("follower*")] == [follower.name]
    new.sklc("detach")
    assert not followers(new)


def test_applying_leaves_no_moment_without_a_follower(host):
    """A service restarts all the time, while rules are applied all the time."""
    host.apply(rules(endpoint(TCP4, 8080)))
    done, missed = threading.Event(), []

    def restart():
        with host.namespace.entered():
            while not done.is_set():
                with socket.socket() as server:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    server.bind(("127.0.0.1", 8080))
                    server.listen(64)
                    with socket.socket() as client:
                        try:
                            client.connect((TCP4.at(1), 80))
                        except OSError as error:
                            missed.append(error)

    thread = threading.Thread(target=restart)
    thread.start()
    for number in range(12):
        host.apply(rules(endpoint(TCP4, 8080)) + f"tcp dport {100 + number} redirect to web\n", "-q")
    done.set()
    thread.join()
    assert not missed


def test_declarations_of_earlier_rules_are_followed_no_more(host):
    host.apply(rules(endpoint(TCP4, 8080)))
    done = threading.Event()

    def come_and_stay():
        while not done.is_set():
            host.server(TCP4, port=8080, reuseport=True)
            time.sleep(0.0005)

    thread = threading.Thread(target=come_and_stay)
    thread.start()
    time.sleep(0.05)
    host.apply(rules(endpoint(TCP4, 8081)))
    done.set()
    thread.join()
    assert ask(host) is REFUSED


def test_a_namespace_that_died_is_followed_no_more(make_host, tmp_path):
    one, other = make_host(), make_host()
    one.apply(rules(endpoint(TCP4, 8080)))
    one.namespace.delete()
    run("ip", "netns", "add", one.namespace.name)
    time.sleep(0.5)
    programs = followers(one)
    other.apply("tcp dport 80 redirect to web\n")
    assert not followers(other) and are_gone(programs)


def without_cgroup2(host, *words, status=0):
    """Runs sklc where no cgroup2 tree is mounted, and returns how often it says so."""
    code = ("umount -l -a -t cgroup2; exec \"$@\"")
    words = [SKLC, *map(str, words), "--netns", host.namespace.path, "--bpffs", host.bpffs]
    done = subprocess.run(["unshare", "-m", "sh", "-c", code, "sh", *words], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("cgroup2") == done.stderr.count("call `sklc sync` after it")
    return done.stderr.count("no cgroup2 tree is mounted")


def test_a_missing_cgroup2_tree_is_a_warning_of_every_command_on_rules(host):
    """Without it no listener is followed; the warning says to use `sklc sync`."""
    path = host.rules(rules(endpoint(TCP4, 8080)))
    server = host.server(TCP4, port=8080)
    for words, status in ((["--apply", path], 0), (["--apply", path], 0), (["sync"], 0), (["confirm"], 4), (["rollback"], 4),
                          (["rollback", "7"], 4), (["drain", "web"], 0), (["undrain", "web"], 0), (["reset"], 0)):
        assert without_cgroup2(host, *words, status=status) == 1, words
    for word in "history", "list", "detach":
        assert without_cgroup2(host, word) == 0, word
    server.close()
