"""Slots belong to a label and to what it declares: a generation has its rules and its sockets, and both change in one
step."""
import collections
import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import threading
import time

import pytest

from conftest import REFUSED, WIRES, run, sklc
from test_sockets_found import as_user, endpoint, rules

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"

pytestmark = pytest.mark.usefixtures("cgroup2")


class Moving:
    """A service that moves from one socket to another, and rules for each."""

    def __init__(self, host, wire):
        self.host, self.wire = host, wire
        self.old, self.new = host.server(wire), host.server(wire)
        self.old_rules, self.new_rules = (rules(wire, endpoint(wire, server)) for server in (self.old, self.new))

    def reach(self, port=80):
        return self.host.reach(self.wire, self.wire.at(1), port, [self.old, self.new])

    def shown(self):
        """The port that `sklc status` shows behind the label."""
        status = self.host.status(status=None)
        (shown,) = [each for label in status["labels"] for each in label["sockets"] if each["needed"]]
        return shown["address"] and int(shown["address"].rpartition(":")[2])

    def check(self, server):
        assert self.reach() is server
        assert self.shown() == server.getsockname()[1]


@pytest.fixture
def moving(host, wire):
    return Moving(host, wire)


def test_a_trial_tries_the_new_sockets_and_its_end_gives_back_the_old_ones(moving):
    host = moving.host
    host.apply(moving.old_rules)
    host.apply(moving.new_rules, "--confirm", 3)
    moving.check(moving.new)
    time.sleep(3.1)  # no process of sklc runs
    moving.check(moving.old)
    host.sklc("sync")
    moving.check(moving.old)


@pytest.mark.parametrize("end", ["confirm", "rollback"])
def test_a_trial_that_is_ended_needs_no_sync(moving, end):
    host = moving.host
    host.apply(moving.old_rules)
    host.apply(moving.new_rules, "--confirm", 600)
    host.sklc(end)
    moving.check(moving.new if end == "confirm" else moving.old)


def test_sync_during_a_trial_finds_the_sockets_of_both_rules(host):
    """Only `sklc sync` finds UDP sockets that come later."""
    old, new = (host.server(UDP4) for _ in range(2))
    texts = [rules(UDP4, endpoint(UDP4, server)) for server in (old, new)]
    ports = [server.getsockname()[1] for server in (old, new)]
    old.close()
    new.close()
    host.apply(texts[0])
    host.apply(texts[1], "--confirm", 3)
    old, new = (host.server(UDP4, port=port) for port in ports)
    host.sklc("sync")
    assert host.reach(UDP4, UDP4.at(1), 80, [old, new]) is new
    time.sleep(3.1)
    assert host.reach(UDP4, UDP4.at(1), 80, [old, new]) is old


def test_a_listener_that_comes_during_a_trial_serves_the_rules_that_declare_it(host):
    ports = [8080, 9090]
    host.apply(rules(TCP4, f"tcp 127.0.0.1:{ports[0]}"))
    host.apply(rules(TCP4, f"tcp 127.0.0.1:{ports[1]}"), "--confirm", 3)
    old, new = (host.server(TCP4, port=port) for port in ports)
    assert host.reach(TCP4, TCP4.at(1), 80, [old, new]) is new
    time.sleep(3.1)
    status = host.status(status=None)
    assert status["followed"] and not [each for each in status["problems"] if "follow" in each["what"]]
    assert host.reach(TCP4, TCP4.at(1), 80, [old, new]) is old


def test_rollback_gives_back_the_sockets_without_a_sync(moving):
    host = moving.host
    for text, server in ((moving.old_rules, moving.old), (moving.new_rules, moving.new)):
        host.apply(text)
        moving.check(server)
    for server in (moving.old, moving.new):
        host.sklc("rollback")
        moving.check(server)


def test_rollback_finds_the_service_that_came_back_meanwhile(host):
    first = host.server(UDP4)
    port = first.getsockname()[1]
    text = rules(UDP4, endpoint(UDP4, first))
    host.apply(text)
    second = host.server(UDP4)
    host.apply(rules(UDP4, endpoint(UDP4, second)))
    first.close()
    again = host.server(UDP4, port=port)
    host.sklc("rollback")
    assert host.reach(UDP4, UDP4.at(1), 80, [again, second]) is again


# registered by hand


HAND = "tcp daddr 192.0.2.0/24 dport 81 redirect to hand\n"


def test_no_rollback_undoes_a_registration(host):
    """What is registered behind a label without declarations is there for all generations."""
    one, two = (host.server(TCP4) for _ in range(2))
    reach = lambda: host.reach(TCP4, TCP4.at(1), 81, [one, two])
    host.apply(HAND)
    host.register("hand", one)
    host.apply(HAND + "tcp dport 82 drop\n")
    host.register("hand", two)
    host.sklc("rollback")
    assert reach() is two
    host.apply(HAND + "tcp dport 83 drop\n", "--confirm", 600)
    assert reach() is two
    host.register("hand", one)
    host.sklc("rollback")
    assert reach() is one


def test_rollback_gives_back_what_was_registered_before_the_label_was_declared(host):
    by_hand, declared = (host.server(TCP4) for _ in range(2))
    reach = lambda: host.reach(TCP4, TCP4.at(1), 80, [by_hand, declared])
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    host.register("web", by_hand)
    host.apply(rules(TCP4, endpoint(TCP4, declared)))
    assert reach() is declared
    host.sklc("rollback")
    assert reach() is by_hand


def test_registering_during_a_trial_goes_by_the_rules_on_trial(host):
    old, new, other = (host.server(TCP4) for _ in range(3))
    reach = lambda: host.reach(TCP4, TCP4.at(1), 80, [old, new, other])
    host.apply(rules(TCP4, endpoint(TCP4, old)))
    port = new.getsockname()[1]
    new.close()
    host.apply(rules(TCP4, f"tcp 127.0.0.1:{port}"), "--confirm", 600)
    assert reach() == REFUSED
    new = host.server(TCP4, port=port)
    host.register("web", new)
    assert reach() is new
    host.sklc("unregister", "web")
    assert reach() == REFUSED
    host.sklc("rollback")
    assert reach() is old


# which declarations are the same


def key_of(host):
    """What the slots of the only label belong to."""
    generation = host.status(status=None)["generation"]
    (pin,) = pathlib.Path(host.bpffs, "sklc").glob(f"[0-9]*/g{generation}/keys")
    shown = subprocess.run([BPFTOOL, "-j", "map", "dump", "pinned", pin], check=True, capture_output=True)
    value = bytes(int(byte, 16) for byte in json.loads(shown.stdout)[0]["value"])
    assert value[:64].rstrip(b"\0") == b"web"
    return value


SAME = {
    "spelling": ("tcp 127.0.0.1:8080\nuid \"root\"", "  tcp   127.0.0.1:8080\n\nuid \"0\""),
    "comments": ("tcp 127.0.0.1:8080", "# the service\ntcp 127.0.0.1:8080 # here"),
    "cgroup": ("tcp 127.0.0.1:8080\ncgroup \"/web.slice/web\"", "tcp 127.0.0.1:8080\ncgroup \"/web.slice//web/\""),
}
OTHER = {
    "port": ("tcp 127.0.0.1:8080", "tcp 127.0.0.1:8081"),
    "address": ("tcp 127.0.0.1:8080", "tcp *:8080"),
    "family": ("tcp *:8080", "tcp [::]:8080"),
    "protocol": ("tcp 127.0.0.1:8080", "udp 127.0.0.1:8080"),
    "user": ("tcp 127.0.0.1:8080\nuid \"1\"", "tcp 127.0.0.1:8080\nuid \"2\""),
    "user or none": ("tcp 127.0.0.1:8080", "tcp 127.0.0.1:8080\nuid \"0\""),
    "cgroup": ("tcp 127.0.0.1:8080\ncgroup \"/a/b\"", "tcp 127.0.0.1:8080\ncgroup \"/ab\""),
    "device": ("tcp *:8080 dev \"lo\"", "tcp *:8080 dev \"none\""),
    "device or none": ("tcp *:8080", "tcp *:8080 dev \"lo\""),
    "order": ("tcp 127.0.0.1:8080\ntcp 127.0.0.1:8081", "tcp 127.0.0.1:8081\ntcp 127.0.0.1:8080"),
    "another endpoint": ("tcp 127.0.0.1:8080", "tcp 127.0.0.1:8080\ntcp 127.0.0.1:8081"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_declares_the_same_has_the_same_slots(host, name):
    keys = set()
    for number, text in enumerate(SAME[name]):
        host.apply(rules(TCP4, text, f"tcp dport {100 + number} drop"))
        keys.add(key_of(host))
    assert len(keys) == 1


@pytest.mark.parametrize("name", OTHER)
def test_what_declares_something_else_has_other_slots(host, name):
    keys = set()
    for text in OTHER[name]:
        host.apply(rules(TCP4, text))
        keys.add(key_of(host))
    assert len(keys) == 2


def test_options_and_counters_keep_the_slots(host):
    text = rules(TCP4, "tcp 127.0.0.1:8080")
    host.apply(text)
    keys = {key_of(host)}
    for words in (["--tables", "trie"], ["--backend", "direct"]):
        host.apply("tcp dport 82 counter drop\n" + text, *words)
        keys.add(key_of(host))
    assert len(keys) == 1


def test_a_label_without_endpoints_has_one_key_for_all_generations(host):
    host.apply("tcp dport 80 redirect to web\n")
    assert key_of(host)[64:] == bytes(16)


@contextlib.contextmanager
def user(host, name, uid):
    """While it is entered, the user has this number on the host."""
    users = host.folder / f"passwd{uid}"
    users.write_text(f"root:x:0:0::/:/bin/sh\n{name}:x:{uid}:{uid}::/:/bin/false\n")
    run("mount", "--bind", users, "/etc/passwd")
    yield
    run("umount", "/etc/passwd")


def test_a_user_whose_number_changes_is_the_one_before_until_the_next_apply(host):
    text = rules(TCP4, 'tcp 127.0.0.1:8080\nuid "service"')
    reach = lambda server: host.reach(TCP4, TCP4.at(1), 80, [server])
    serve = lambda uid: as_user(host, uid, lambda: host.server(TCP4, port=8080))
    with user(host, "service", 1234):
        server = serve(1234)
        host.apply(text)
        key = key_of(host)
        assert reach(server) is server
    with user(host, "service", 1235):
        for words in (["sync"], ["sync"]):
            host.sklc(*words)
            assert reach(server) is server
            server.close()
            server = serve(1234)  # the follower finds it
        assert not [each for each in host.status()["problems"] if each["label"]]
        host.apply(text)
        assert key_of(host) != key
        assert reach(server) == REFUSED
        server.close()
        server = serve(1235)
        assert reach(server) is server


def test_an_endpoint_can_be_declared_sixteen_times_by_the_old_rules_and_by_the_new_ones(host):
    """The follower compares with both while one replaces the other, and during a trial."""
    def text(start):
        labels = [f"s{start}n{number}" for number in range(16)]
        return "".join(f"socket {label} {{ tcp 127.0.0.1:8080\ntcp 127.0.0.1:{start} }}\n"
                       f"tcp daddr 192.0.2.0/24 dport {80 + number} redirect to {label}\n"
                       for number, label in enumerate(labels))

    host.apply(text(9001))
    host.apply(text(9002), "--confirm", 3)
    server = host.server(TCP4, port=8080)
    for _ in range(2):
        for port in range(80, 96):
            assert host.reach(TCP4, TCP4.at(1), port, [server]) is server
        time.sleep(3.1)


# room


def test_the_previous_rules_give_up_their_slots_where_changed_declarations_need_their_slots(host):
    def text(start, count, port):
        return "".join(f"socket s{number} {{ tcp 127.0.0.1:{port} }}\n" if number % 1100 == 0 else
                       f"socket s{number} {{ udp 127.{number >> 8}.{number & 255}.1:{port} }}\n"
                       for number in range(start, start + count)) + f"tcp dport 80 redirect to s{start}\n"

    for port, count in ((8080, 6000), (8081, 6000)):
        host.apply(text(0, count, port), "-q")
    done = host.apply(text(0, 6000, 8082), status=0)
    assert "to make room" in done.stderr
    done = host.apply(text(0, 12000, 8083), status=3)
    assert "no room for the label" in done.stderr and "counts twice" in done.stderr


def test_a_listener_that_listens_again_keeps_its_slot_however_many_are_filled(host):
    """More than 16,384 slots have a socket."""
    groups, members = 69, 241
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < groups * members + 100:
        pytest.skip(f"needs {groups * members} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    servers = [host.server(UDP4, port=9000 + group, reuseport=True) for group in range(groups) for _ in range(members)]
    try:
        host.apply("".join(f"socket s{group} {{ udp 127.0.0.1:{9000 + group} }}\n"
                           f"udp daddr 192.0.2.0/24 dport {9000 + group} redirect to s{group}\n" for group in range(groups)) +
                   rules(TCP4, "tcp 127.0.0.1:8080"))
        shown = {label["name"]: each["members"] for label in host.status(status=None)["labels"]
                 for each in label["sockets"] if each["needed"]}
        assert shown == {**{f"s{group}": members for group in range(groups)}, "web": 0}
        server = host.server(TCP4, port=8080)
        for _ in range(2):
            server.shutdown(socket.SHUT_RDWR)
            server.listen()
        (web,) = [label for label in host.status()["labels"] if label["name"] == "web"]
        assert [each["members"] for each in web["sockets"] if each["needed"]] == [1]
        assert all(each["since"] for label in host.status()["labels"] for each in label["sockets"] if each["needed"])
    finally:
        for each in servers:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# under load


def test_no_client_is_refused_or_misled_while_declarations_change(host):
    """Each apply declares the label at the next of three sockets. A client that began after apply N and was served
    before apply M began is served by one of those that N to M declare."""
    applies = int(os.environ.get("SKLC_TEST_APPLIES", 100))
    servers = [host.server(TCP4) for _ in range(3)]
    objects = []
    for number, server in enumerate(servers):
        objects.append(host.folder / f"{number}.o")
        source = host.rules(rules(TCP4, endpoint(TCP4, server), f"udp dport {number + 1} drop"), f"{number}.conf")
        assert sklc(source, "-o", objects[-1]).returncode == 0
    host.sklc("--apply", objects[0], "-q")
    progress, faults, met, done = {"begun": 0, "ended": 0}, [], collections.Counter(), threading.Event()

    def be_served():
        while not done.is_set():
            first = progress["ended"]
            try:
                found = host.reach(TCP4, TCP4.at(1), 80, servers)
            except OSError as error:
                found = error
            allowed = {servers[number % 3] for number in range(first, progress["begun"] + 1)}
            met[found] += 1
            if found not in allowed:
                faults.append((first, progress["begun"], found))

    client = threading.Thread(target=be_served)
    client.start()
    for number in range(1, applies + 1):
        progress["begun"] = number
        host.sklc("--apply", objects[number % 3], "-q")
        progress["ended"] = number
    done.set()
    client.join()
    print(f"{applies} applies, {met.total()} connections, {len(faults)} refused or misled")
    assert not faults
    assert set(met) == set(servers) and met.total() > applies
