"""Registering: a socket that fits what the rules declare, or one that an operator puts before these."""
import json
import os
import socket
import subprocess
import threading
import time

import pytest

import slots
from conftest import REFUSED, SKLC, WIRES

TCP4, TCP6, UDP4 = (WIRES[name] for name in ("tcp-ipv4", "tcp-ipv6", "udp-ipv4"))


def rules(*declared, match="tcp daddr 192.0.2.0/24 dport 80"):
    lines = "\n".join(declared)
    return f"socket web {{\n{lines}\n}}\n{match} redirect to web\n"


def at(sock):
    return f"tcp 127.0.0.1:{sock.getsockname()[1]}"


def cookie(sock):
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, 57, 8), "little")  # SO_COOKIE


def serves(host, server, servers, wire=TCP4):
    return host.reach(wire, wire.at(1), 80, servers) is server


class Pair:
    """A host whose rules declare the socket OLD, and another one."""

    def __init__(self, host):
        self.host = host
        self.old, self.other = host.server(TCP4), host.server(TCP4)
        self.all = [self.old, self.other]
        host.apply(rules(at(self.old)))

    def serves(self, server):
        return self.host.reach(TCP4, TCP4.at(1), 80, self.all) is server

    def override(self):
        return self.host.sklc("register", "web", "--pid", os.getpid(), "--fd", self.other.fileno(), "--override")


@pytest.fixture
def pair(host):
    return Pair(host)


def test_a_socket_that_fits_the_declaration_is_registered_as_sync_would(pair):
    pair.host.sklc("unregister", "web")
    assert pair.serves(REFUSED)
    done = pair.host.register("web", pair.old)
    assert "web: tcp ipv4 registered: " in done.stdout
    assert pair.serves(pair.old)


def test_a_socket_at_another_address_is_refused_and_told_what_is_declared(pair):
    done = pair.host.register("web", pair.other, status=1)
    assert f"it is at {at(pair.other)}, and declared is '{at(pair.old)}'" in done.stderr
    assert "--override" in done.stderr
    assert pair.serves(pair.old)


@pytest.mark.parametrize("line, said", [('uid "4321"', "it belongs to user 0, not to user 4321"),
                                        ('cgroup "/nowhere"', "it is not from the cgroup '/nowhere'")])
def test_a_socket_of_another_user_or_cgroup_is_refused_by_name(host, line, said):
    server = host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}", line))
    assert said in host.register("web", server, status=1).stderr
    assert serves(host, REFUSED, [server])


def test_a_block_with_options_alone_declares_nothing(host):
    server = host.server(TCP4)
    warned = host.apply('socket web { uid "root" }\ntcp dport 80 redirect to web\n').stderr
    assert "nothing can fill" not in warned
    host.register("web", server)
    assert serves(host, server, [server])


def test_what_is_registered_serves_again_when_the_rules_declare_nothing_again(host):
    registered, first, second = (host.server(TCP4) for _ in range(3))
    host.apply(rules())
    host.register("web", registered)
    for declared in (first, second, first):
        host.apply(rules(at(declared)))
        assert serves(host, declared, [registered, first, second])
    host.sklc("rollback", "1")
    assert serves(host, registered, [registered, first, second])


def test_an_override_stands_before_the_declared_socket_which_takes_over_when_it_ends(pair):
    pair.override()
    assert pair.serves(pair.other)
    pair.other.close()
    pair.all = [pair.old]
    assert pair.serves(pair.old)


def test_an_override_is_kept_by_sync(pair):
    pair.override()
    pair.host.sklc("sync")
    assert pair.serves(pair.other)


def test_an_override_is_kept_by_an_apply_with_another_declaration(pair):
    pair.override()
    third = pair.host.server(TCP4)
    pair.all.append(third)
    pair.host.apply(rules(at(third)))
    assert pair.serves(pair.other)
    pair.other.close()
    pair.all.remove(pair.other)
    assert pair.serves(third)


def test_an_override_is_kept_by_an_apply_that_declares_nothing(pair):
    pair.override()
    pair.host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    assert pair.serves(pair.other)


def test_an_override_is_kept_by_a_rollback(pair):
    third = pair.host.server(TCP4)
    pair.all.append(third)
    pair.host.apply(rules(at(third)))
    pair.override()
    assert pair.serves(pair.other)
    pair.host.sklc("rollback")
    assert pair.serves(pair.other)


@pytest.mark.parametrize("end", ["rollback", "confirm"])
def test_an_override_is_kept_whether_a_trial_fails_or_not(pair, end):
    third = pair.host.server(TCP4)
    pair.all.append(third)
    pair.host.apply(rules(at(third)), "--confirm", "60")
    assert pair.serves(third)
    pair.override()
    assert pair.serves(pair.other)
    pair.host.sklc(end)
    assert pair.serves(pair.other)


def test_an_override_is_kept_when_a_trial_expires(pair):
    pair.host.apply(rules("tcp 127.0.0.1:1"), "--confirm", "2")
    pair.override()
    time.sleep(2.5)
    assert pair.serves(pair.other)
    pair.host.sklc("sync")
    assert pair.serves(pair.other)


def test_an_override_is_shown_and_is_no_problem(pair):
    pair.override()
    status = pair.host.status()
    shown = [each for each in status["labels"][0]["sockets"] if each["needed"]]
    assert [(each["override"], each["cookie"]) for each in shown] == [(True, cookie(pair.other))]
    assert status["problems"] == []
    assert "(override)" in pair.host.sklc("status").stdout
    pair.host.sklc("unregister", "web")
    pair.host.sklc("sync")
    assert "(override)" not in pair.host.sklc("status").stdout


def test_unregister_ends_an_override(pair):
    pair.override()
    pair.host.sklc("unregister", "web")
    pair.host.sklc("sync")
    assert pair.serves(pair.old)


def test_a_later_registration_ends_an_override(pair):
    pair.override()
    done = pair.host.register("web", pair.old)
    assert pair.serves(pair.old)
    assert f"replaced: 127.0.0.1:{pair.other.getsockname()[1]} (cookie {cookie(pair.other)}" in done.stdout
    pair.host.sklc("sync")
    assert pair.serves(pair.old)


def test_a_later_override_ends_an_override(pair):
    pair.override()
    third = pair.host.server(TCP4)
    pair.all.append(third)
    pair.host.sklc("register", "web", "--pid", os.getpid(), "--fd", third.fileno(), "--override")
    pair.host.sklc("sync")
    assert pair.serves(third)
    third.close()
    pair.all.remove(third)
    assert pair.serves(pair.old)


@pytest.mark.parametrize("fits", [False, True])
def test_an_override_that_is_registered_as_an_ordinary_socket_is_one_in_the_rules_before_too(host, fits):
    """Whether the new rules declare nothing, or this very socket; those before declare nothing of its family."""
    old, members = host.server(TCP4), group(host, TCP6, 2)
    host.apply(rules(at(old), match="tcp dport 80"))
    host.register("web", members[0], override=True)
    declared = [f"tcp [::1]:{members[0].getsockname()[1]}"] if fits else []
    host.apply(rules(*declared, match="tcp dport 80"))
    host.register("web", members[0])
    assert reached(host, TCP6, members)
    host.sklc("rollback")
    assert host.reach(TCP6, TCP6.at(1), 80, members) is REFUSED
    assert serves(host, old, [old])


def test_what_replaces_an_override_on_trial_leaves_the_rules_before_their_declared_socket(pair):
    """The declared socket itself was put first, and is replaced in the rules on trial alone."""
    pair.host.register("web", pair.old, override=True)
    pair.host.apply(rules(), "--confirm", "60")
    pair.host.register("web", pair.other)
    assert pair.serves(pair.other)
    pair.host.sklc("rollback")
    assert pair.serves(pair.old)


def test_an_override_that_is_registered_again_stays(pair):
    for _ in range(3):
        pair.override()
        assert pair.serves(pair.other)
    pair.host.sklc("sync")
    assert pair.serves(pair.other)


def test_an_override_that_was_drained_and_is_registered_again_is_one(pair):
    pair.override()
    pair.host.sklc("drain", "web", cookie(pair.other))
    assert pair.serves(pair.old)
    pair.override()
    pair.host.sklc("sync")
    assert pair.serves(pair.other)
    assert "(override)" in pair.host.sklc("status").stdout


def test_a_group_before_the_declared_socket_that_is_registered_again_stays(host):
    old, members = host.server(TCP4), group(host, TCP4, 3)
    host.apply(rules(at(old)))
    for member in members:
        host.register("web", member, override=True)
        host.sklc("sync")
        assert host.reach(TCP4, TCP4.at(1), 80, [*members, old]) in members
    while members:
        assert reached(host, TCP4, members)
        members.pop(0).close()
    assert serves(host, old, [old])


def reached_during(host, port, servers, work):
    """Those of the servers that clients reached while the work was done; also REFUSED."""
    done, found = threading.Event(), set()

    def ask():
        while not done.is_set():
            found.add(host.reach(TCP4, TCP4.at(1), port, servers))

    client = threading.Thread(target=ask)
    client.start()
    try:
        work()
    finally:
        done.set()
        client.join()
    return found


def test_an_override_that_replaces_another_leaves_no_gap(pair):
    pair.override()
    third = pair.host.server(TCP4)
    pair.all.append(third)

    def replace():
        for sock in (third, pair.other) * 4:
            pair.host.register("web", sock, override=True)

    assert reached_during(pair.host, 80, pair.all, replace) == {third, pair.other}


def test_what_replaces_an_override_in_one_family_leaves_no_gap_in_the_other(host):
    old, both, one = host.server(TCP4), host.server(TCP6, address="::", v6only=False), host.server(TCP6)
    every = [old, both, one]
    host.apply(rules(at(old), "tcp [::1]:1", match="tcp dport 80"))

    def replace():
        for _ in range(4):
            host.register("web", both, override=True)
            host.register("web", one, override=True)
            host.sklc("unregister", "web", "tcp", "ipv6")

    host.register("web", both, override=True)
    assert reached_during(host, 80, every, replace) == {both}


def test_a_group_before_the_declared_socket_serves_until_its_last_is_gone_whatever_commands_run(host):
    old, members = host.server(TCP4), sorted(group(host, TCP4, 3), key=cookie)
    host.apply(rules(at(old)))
    host.register("web", members[0], override=True)
    members.pop(0).close()
    host.register("web", host.server(TCP4), status=1)
    while members:
        assert reached(host, TCP4, members)
        members.pop(0).close()
    assert serves(host, old, [old])


@pytest.mark.parametrize("chosen", [0, 1])
def test_a_declared_group_put_before_another_socket_serves_until_its_last_is_gone(host, chosen):
    members, other = sorted(group(host, TCP4, 2), key=cookie), host.server(TCP4)
    host.apply(rules(at(members[0])))
    host.register("web", other, override=True)
    host.register("web", members[chosen], override=True)
    members.pop(chosen).close()
    assert serves(host, members[0], [*members, other])


def test_a_group_before_the_declared_socket_whose_first_is_gone_serves_while_it_moves_up(host):
    old, members = host.server(TCP4), group(host, TCP4, 2)
    host.apply(rules(at(old)))
    host.register("web", members[0], override=True)
    members.pop(0).close()
    assert reached_during(host, 80, [old, *members], lambda: host.sklc("sync")) == set(members)


@pytest.mark.parametrize("later", ["tcp 127.0.0.1:1", None])
def test_a_group_before_the_declared_socket_has_room_in_rules_that_come_later_too(host, later):
    """Those declare nothing of its family and protocol, for which no spare slots are needed otherwise."""
    members = group(host, UDP4, 3)
    host.apply(rules("udp 127.0.0.1:1", match="udp dport 80"))
    host.register("web", members[0], override=True)
    host.apply(rules(*[later] if later else [], match="udp dport 80"))
    while members:
        assert reached(host, UDP4, members)
        members.pop(0).close()


def test_a_declared_service_that_starts_takes_no_place_before_what_is_left_of_an_override(host):
    """And is served at once when nothing is left of it."""
    members = group(host, TCP4, 3)
    host.apply(rules("tcp 127.0.0.1:8080"))
    host.register("web", members[0], override=True)
    while members:
        members.pop(0).close()
        with host.server(TCP4, port=8080) as started:
            assert host.reach(TCP4, TCP4.at(1), 80, [*members, started]) in (members or [started])


def test_nothing_is_kept_of_an_override_that_died(host, wire):
    protocol, address = ("udp" if wire.is_udp else "tcp"), f"[{wire.loopback}]" if wire.is_ipv6 else wire.loopback
    declared, other = host.server(wire), host.server(wire)
    host.apply(rules(f"{protocol} {address}:{declared.getsockname()[1]}",
                     match=f"{protocol} daddr {wire.prefix} dport 80"))
    host.register("web", other, override=True)
    number = cookie(other)
    assert slots.is_noted(host, number)
    other.close()
    host.sklc("sync")
    assert serves(host, declared, [declared], wire)
    slots.skip_unless_proven_dead(wire)
    assert not slots.is_noted(host, number)


def test_a_dual_stack_socket_that_replaces_another_says_so(host):
    old, both = host.server(TCP6), host.server(TCP6, address="::", v6only=False)
    host.apply("tcp dport 80 redirect to web\n")
    host.register("web", old)
    done = host.register("web", both)
    assert f"web: tcp ipv6 replaced: [::1]:{old.getsockname()[1]} (cookie {cookie(old)}" in done.stdout
    assert f"process {os.getpid()} " in done.stdout and "ipv4 replaced" not in done.stdout


def test_a_flow_class_that_no_rule_needs_is_a_warning(host):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    done = host.register("web", host.server(TCP6, address="::", v6only=False))
    assert "no rule redirects packets of tcp ipv6 to the label 'web'\n" in done.stderr
    done = host.register("web", host.server(UDP4))
    assert "no rule redirects packets of udp ipv4 to the label 'web': this socket gets none" in done.stderr


def test_a_label_of_the_rules_before_is_a_warning(host):
    host.apply("tcp dport 80 redirect to old\n")
    host.apply("tcp dport 80 redirect to new\n")
    done = host.register("old", host.server(TCP4))
    assert "name no label 'old', only those before" in done.stderr
    host.apply("tcp dport 80 redirect to newest\n", "--confirm", "60")
    assert "name no label 'new', only those before" in host.register("new", host.server(TCP4)).stderr


def test_a_declared_socket_of_the_rules_before_serves_when_they_come_back(host):
    host.apply(rules("tcp 127.0.0.1:8080"), "-q")
    host.apply("tcp dport 80 redirect to new\n", "-q")
    first, late = host.server(TCP4), host.server(TCP4, port=8080)
    assert "it is at tcp 127.0.0.1:" in host.register("web", first, status=1).stderr
    done = host.register("web", late)
    assert "name no label 'web', only those before" in done.stderr and "web: tcp ipv4 registered" in done.stdout
    host.register("web", first, override=True)
    host.sklc("rollback")
    assert serves(host, first, [late, first])
    host.sklc("unregister", "web")
    host.sklc("sync")
    assert serves(host, late, [late, first])


def test_during_a_trial_the_rules_on_trial_say_what_is_declared(host):
    one, two = host.server(TCP4), host.server(TCP4)
    host.apply(rules(at(one)))
    host.apply(rules(at(two)), "--confirm", "60")
    assert f"declared is '{at(two)}'" in host.register("web", one, status=1).stderr
    host.register("web", two)


def test_what_is_registered_is_told_as_json(host):
    old, both = host.server(TCP6), host.server(TCP6, address="::", v6only=False)
    host.apply("tcp dport 80 redirect to web\n")
    host.register("web", old)
    said = json.loads(host.sklc("register", "web", "--pid", os.getpid(), "--fd", both.fileno(), "--json").stdout)
    assert said["result"] == "registered" and said["label"] == "web" and not said["override"]
    assert said["socket"]["address"] == f"[::]:{both.getsockname()[1]}"
    assert said["socket"]["cookie"] == cookie(both) and said["socket"]["uid"] == 0
    assert said["socket"]["pid"] == os.getpid() and said["socket"]["command"]
    assert said["flow_classes"] == [{"protocol": "tcp", "family": "ipv4"}, {"protocol": "tcp", "family": "ipv6"}]
    (replaced,) = said["replaced"]
    assert replaced["family"] == "ipv6" and replaced["socket"]["cookie"] == cookie(old)


def test_the_process_that_is_told_is_never_the_command_itself(host):
    """The command, which has a duplicate of the socket, starts first here, and so has the lower number."""
    server = host.namespace.socket(TCP4.af, TCP4.type)
    server.bind(("127.0.0.1", 0))
    server.listen()
    host.apply("tcp dport 80 redirect to web\n")
    command = subprocess.Popen(
        ["sh", "-c", f'read pid; exec {SKLC} register web --pid $pid --fd {server.fileno()} --json --netns '
                     f"{host.namespace.path} --bpffs {host.bpffs}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    owner = subprocess.Popen(["sleep", "60"], pass_fds=[server.fileno()])
    server.close()
    try:
        out, _ = command.communicate(f"{owner.pid}\n", timeout=60)
        assert json.loads(out)["socket"]["pid"] == owner.pid
    finally:
        owner.kill()
        owner.wait()


def group(host, wire, count, **more):
    first = host.server(wire, reuseport=True, **more)
    return [first] + [host.server(wire, port=first.getsockname()[1], reuseport=True, **more)
                      for _ in range(count - 1)]


def reached(host, wire, servers):
    """Whether one of the servers answers."""
    return host.reach(wire, wire.at(1), 80, servers) in servers


@pytest.mark.parametrize("wire", [TCP4, TCP6, UDP4], ids=["tcp-ipv4", "tcp-ipv6", "udp-ipv4"])
def test_one_of_a_group_brings_its_siblings(host, wire):
    host.apply(f"{wire.protocol} dport 80 redirect to web\n")
    members = group(host, wire, 5)
    done = host.register("web", members[0])
    assert "and 4 more of its SO_REUSEPORT group" in done.stdout
    while members:
        assert reached(host, wire, members)
        members.pop(0).close()
    assert host.reach(wire, wire.at(1), 80, []) is REFUSED


def test_blocks_are_given_at_the_first_group(host):
    host.apply("tcp dport 80 redirect to web\n")
    host.register("web", host.server(TCP4))
    assert not any(word >> 19 for label in slots.labels(host) for word in label.words)
    members = group(host, TCP4, 3)
    host.register("web", members[0])
    (label,) = slots.labels(host)
    assert label.words[TCP4.flow_class] >> 19 and not label.words[TCP6.flow_class] >> 19
    assert sorted(slots.cookies(host, "web", TCP4.flow_class)[False]) == sorted(map(cookie, members))


def test_a_group_registered_on_trial_stays_when_the_trial_ends(host):
    host.apply("tcp dport { 80, 81 } redirect to web\n")
    host.apply("tcp dport { 80, 82 } redirect to web\n", "--confirm", "60")
    members = group(host, TCP4, 3)
    host.register("web", members[0])
    members.pop(0).close()
    assert reached(host, TCP4, members)
    host.sklc("rollback")
    assert reached(host, TCP4, members)
    members.pop(0).close()
    assert reached(host, TCP4, members)


def test_a_socket_registered_after_a_group_takes_its_place(host):
    host.apply("tcp dport 80 redirect to web\n")
    members, alone = group(host, TCP4, 3), host.server(TCP4)
    host.register("web", members[0])
    host.register("web", alone)
    assert slots.cookies(host, "web", TCP4.flow_class)[False] == [cookie(alone)]
    alone.close()
    assert host.reach(TCP4, TCP4.at(1), 80, members) is REFUSED


def test_an_override_brings_its_siblings_and_leaves_room_for_the_declared(pair):
    members = group(pair.host, TCP4, 3)
    pair.host.sklc("register", "web", "--pid", os.getpid(), "--fd", members[0].fileno(), "--override")
    while members:
        assert reached(pair.host, TCP4, members)
        members.pop(0).close()
    assert pair.serves(pair.old)
