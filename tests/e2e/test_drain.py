"""Draining: a socket gets no new connections, until it dies, and others serve in its place."""
import json
import os
import socket
import time

import pytest

import slots
from conftest import REFUSED, WIRES
from test_register import at, cookie, group, reached, rules

TCP4, TCP6, UDP4 = (WIRES[name] for name in ("tcp-ipv4", "tcp-ipv6", "udp-ipv4"))


class Two:
    """A host with two declared sockets, the first of which serves."""

    def __init__(self, host):
        self.host = host
        self.first, self.second = host.server(TCP4), host.server(TCP4)
        self.all = [self.first, self.second]
        self.text = rules(at(self.first), at(self.second))
        host.apply(self.text)

    def serves(self, server):
        return self.host.reach(TCP4, TCP4.at(1), 80, self.all) is server

    def drain(self, *words, **more):
        return self.host.sklc("drain", "web", *words, **more)

    def drain_first(self):
        return self.drain(cookie(self.first))


@pytest.fixture
def two(host):
    return Two(host)


def test_a_drained_socket_gets_none_of_1000_connections_and_keeps_those_it_has(two):
    client = two.host.namespace.socket(TCP4.af, TCP4.type)
    client.connect((TCP4.at(1), 80))
    peer = two.first.accept()[0]
    done = two.drain_first()
    assert done.stdout.startswith(f"web: drained: 127.0.0.1:{two.first.getsockname()[1]} (cookie {cookie(two.first)}")
    for _ in range(1000):
        assert two.serves(two.second)
    peer.sendall(b"still here")
    assert client.recv(64) == b"still here"
    client.close()
    peer.close()


def test_a_socket_is_drained_by_its_address(two):
    two.drain(f"127.0.0.1:{two.first.getsockname()[1]}")
    assert two.serves(two.second)


def test_all_sockets_of_a_label_are_drained_without_a_socket_s_name(two):
    done = two.drain()
    assert two.serves(REFUSED)
    assert "no other socket serves tcp ipv4 of the label 'web'" in done.stderr
    third = two.host.server(TCP4)
    two.all.append(third)
    two.host.apply(rules(at(two.first), at(third)))
    assert two.serves(third)


def test_a_drained_socket_is_passed_over_by_sync_and_by_a_later_apply(two):
    two.drain_first()
    two.host.sklc("sync")
    assert two.serves(two.second)
    two.host.apply(rules(at(two.first), at(two.second), "tcp 127.0.0.1:1"))
    assert two.serves(two.second)
    two.host.sklc("rollback")
    assert two.serves(two.second)


@pytest.mark.parametrize("end", ["rollback", "confirm"])
def test_a_drained_socket_is_passed_over_on_trial_and_after_it(two, end):
    two.host.apply(rules(at(two.first), at(two.second), "tcp 127.0.0.1:1"), "--confirm", "60")
    two.drain_first()
    assert two.serves(two.second)
    two.host.sklc(end)
    assert two.serves(two.second)


def test_a_drained_socket_that_listens_again_is_passed_over(two, cgroup2):
    two.drain_first()
    two.second.close()
    two.all.remove(two.second)
    assert two.serves(REFUSED)
    for _ in range(3):
        two.first.shutdown(socket.SHUT_RD)
        two.host.sklc("sync", "-q")
        two.first.listen(8)
        assert two.serves(REFUSED)


def test_after_its_death_a_new_socket_at_the_endpoint_is_taken(two, cgroup2):
    port = two.first.getsockname()[1]
    two.drain_first()
    two.first.close()
    two.second.close()
    again = two.host.server(TCP4, port=port)
    two.all = [again]
    assert two.serves(again)
    assert not two.host.status()["labels"][0]["drained"]


def test_undrain_gives_connections_again(two):
    two.drain_first()
    done = two.host.sklc("undrain", "web")
    assert f"cookie {cookie(two.first)}" in done.stdout
    two.second.close()
    two.all.remove(two.second)
    assert two.serves(two.first)
    assert "no drained socket" in two.host.sklc("undrain", "web", status=4).stderr


def test_registering_a_drained_socket_ends_that(two):
    two.drain_first()
    two.host.register("web", two.first)
    two.second.close()
    two.all.remove(two.second)
    assert two.serves(two.first)


def test_an_override_can_be_drained_and_the_declared_serve(two):
    other = two.host.server(TCP4)
    two.all.append(other)
    two.host.sklc("register", "web", "--pid", os.getpid(), "--fd", other.fileno(), "--override")
    assert two.serves(other)
    two.drain(cookie(other))
    assert two.serves(two.first)
    two.host.sklc("sync")
    assert two.serves(two.first)


@pytest.mark.parametrize("wire", [TCP4, TCP6, UDP4], ids=["tcp-ipv4", "tcp-ipv6", "udp-ipv4"])
def test_a_registered_socket_is_drained_and_comes_back(host, wire):
    server = host.server(wire)
    host.apply(f"{wire.protocol} dport 80 redirect to web\n")
    host.register("web", server)
    host.sklc("drain", "web")
    assert host.reach(wire, wire.at(1), 80, [server]) is REFUSED
    host.sklc("undrain", "web")
    assert host.reach(wire, wire.at(1), 80, [server]) is server


def test_undrain_says_that_another_socket_has_the_slot(host):
    first, second = host.server(TCP4), host.server(TCP4)
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    host.register("web", first)
    host.sklc("drain", "web")
    host.register("web", second)
    done = host.sklc("undrain", "web")
    assert f"the socket with the cookie {cookie(first)} is not registered for the label 'web'" in done.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [first, second]) is second


def test_a_member_of_a_group_is_not_drained_alone(host):
    members = group(host, TCP4, 3)
    host.apply(rules(at(members[0])))
    done = host.sklc("drain", "web", cookie(members[1]), status=3)
    address = f"127.0.0.1:{members[0].getsockname()[1]}"
    assert f"one of 3 of a SO_REUSEPORT group at {address}" in done.stderr
    assert f"`sklc drain web {address} tcp`" in done.stderr
    assert reached(host, TCP4, members)
    done = host.sklc("drain", "web", address, "tcp")
    assert done.stdout.count("drained: ") == 3
    assert host.reach(TCP4, TCP4.at(1), 80, members) is REFUSED


def joined(host, wire, count=2):
    """A declared group that was drained, and a socket that joined it then."""
    members = group(host, wire, count)
    port = members[0].getsockname()[1]
    host.apply(rules(f"{wire.protocol} 127.0.0.1:{port}", match=f"{wire.protocol} daddr 192.0.2.0/24 dport 80"))
    host.sklc("drain", "web")
    return members, host.server(wire, port=port, reuseport=True)


@pytest.mark.parametrize("wire", [TCP4, UDP4], ids=["tcp", "udp"])
def test_a_socket_that_joins_a_drained_group_is_kept_out_until_the_group_is_gone(host, cgroup2, wire):
    members, late = joined(host, wire)
    port = late.getsockname()[1]

    def serves_none():
        return all(host.reach(wire, wire.at(1), 80, [*members, late]) is REFUSED for _ in range(20))

    assert serves_none()
    assert "joined a SO_REUSEPORT group that is drained" in host.sklc("sync").stderr
    assert serves_none()
    host.apply(rules(f"{wire.protocol} 127.0.0.1:{port}", f"{wire.protocol} 127.0.0.1:1",
                     match=f"{wire.protocol} daddr 192.0.2.0/24 dport 80"))
    assert serves_none()
    members.pop().close()
    host.sklc("sync")
    assert serves_none()
    members.pop().close()
    host.sklc("sync")
    assert host.reach(wire, wire.at(1), 80, [late]) is late


def test_status_names_a_socket_that_joined_a_drained_group(host, cgroup2):
    members, late = joined(host, TCP4)
    found = [each for each in host.status(status=1)["problems"] if "joined" in each["what"]]
    (problem,) = found
    assert problem["sockets"] == 1 and f"tcp 127.0.0.1:{late.getsockname()[1]}" in problem["what"]
    assert "`sklc undrain web`" in problem["mend"]
    host.sklc("undrain", "web")
    assert reached(host, TCP4, [*members, late]) and host.status()["problems"] == []


def test_a_socket_that_joins_a_drained_group_leaves_the_alternatives_as_they_are(host, cgroup2):
    members, other = group(host, TCP4, 2), host.server(TCP4)
    host.apply(rules(at(members[0]), at(other)))
    host.sklc("drain", "web", f"127.0.0.1:{members[0].getsockname()[1]}")
    late = [host.server(TCP4, port=members[0].getsockname()[1], reuseport=True) for _ in range(3)]
    for _ in range(2):
        assert all(host.reach(TCP4, TCP4.at(1), 80, [*members, *late, other]) is other for _ in range(50))
        host.sklc("sync")


def test_registering_a_socket_that_joined_a_drained_group_ends_that_for_all(host, cgroup2):
    members, late = joined(host, TCP4)
    host.register("web", late)
    assert reached(host, TCP4, [*members, late])
    assert host.status()["labels"][0]["drained"] == []


def test_a_member_of_a_group_that_is_undrained_brings_the_others(host):
    members = group(host, TCP4, 3)
    host.apply(rules(at(members[0])))
    host.sklc("drain", "web")
    assert host.sklc("undrain", "web", cookie(members[1])).stdout.count("no longer drained: ") == 3
    assert reached(host, TCP4, members)
    assert host.status()["labels"][0]["drained"] == []


def test_a_socket_that_is_not_there_is_named(two):
    done = two.drain("127.0.0.1:1", status=4)
    assert "the label 'web' has no such socket '127.0.0.1:1'" in done.stderr
    assert two.serves(two.first)


def test_a_drained_socket_can_be_drained_again(two):
    for name in (cookie(two.first), f"127.0.0.1:{two.first.getsockname()[1]}"):
        first, again = two.drain(name), two.drain(name)
        assert (again.stdout, again.stderr) == (first.stdout, first.stderr)
        assert two.serves(two.second)
    once, twice = two.drain(), two.drain()
    assert once.stdout.count("web: drained: ") == 2 and once.stderr == twice.stderr
    assert sorted(once.stdout.splitlines()) == sorted(twice.stdout.splitlines())
    dead = cookie(two.first)
    two.first.close()
    two.all.remove(two.first)
    assert "has no such socket" in two.drain(dead, status=4).stderr
    two.host.sklc("undrain", "web")
    assert two.serves(two.second)


def test_what_was_drained_is_told_as_json_and_by_status(two):
    said = json.loads(two.drain(cookie(two.first), "--json").stdout)
    (told,) = said["sockets"]
    assert said["result"] == "drained" and told["cookie"] == cookie(two.first) and said["empty"] == []
    assert two.host.status()["labels"][0]["drained"] == [told]
    assert f"drained   127.0.0.1:{two.first.getsockname()[1]}" in two.host.sklc("status").stdout
    assert two.host.status()["problems"] == []
    said = json.loads(two.drain("--json").stdout)
    assert said["empty"] == [{"protocol": "tcp", "family": "ipv4"}]


def test_status_names_labels_whose_sockets_are_all_drained(host):
    servers = [host.server(TCP4), host.server(TCP4)]
    host.apply(f"socket web {{\n\t{at(servers[0])}\n}}\nip daddr 192.0.2.0/24 tcp dport 80 redirect to web\n"
               "ip daddr 192.0.2.0/24 tcp dport 81 redirect to hand\n", "-q")
    host.register("hand", servers[1])
    assert host.status()["problems"] == []
    for label in "web", "hand":
        host.sklc("drain", label, "-q")
    found = host.status(status=1)["problems"]
    assert sorted(each["label"] for each in found) == ["hand", "web"]
    for each in found:
        assert each["what"] == "its sockets for tcp ipv4 are drained, and no other serves"
        assert f"`sklc undrain {each['label']}`" in each["mend"]
    servers[1].close()
    (found,) = [each for each in host.status(status=1)["problems"] if each["label"] == "hand"]
    assert "none is declared" in found["what"]


@pytest.mark.parametrize("wire", [TCP4, UDP4], ids=["tcp", "udp"])
def test_nothing_is_kept_of_a_drained_socket_that_died(host, wire):
    """The next command that looks proves it dead; it is not drained, whatever is kept."""
    first, second = host.server(wire), host.server(wire)
    protocol = "udp" if wire.is_udp else "tcp"
    host.apply(rules(*(f"{protocol} 127.0.0.1:{each.getsockname()[1]}" for each in (first, second)),
                     match=f"{protocol} daddr 192.0.2.0/24 dport 80"))
    number = cookie(first)
    host.sklc("drain", "web", number)
    assert slots.is_noted(host, number)
    first.close()
    host.sklc("sync", "-q")
    assert host.status()["labels"][0]["drained"] == []
    assert host.reach(wire, wire.at(1), 80, [second]) is second
    slots.skip_unless_proven_dead(wire)
    assert not slots.is_noted(host, number)


# what undrain gives back


def override(host, server):
    host.sklc("register", "web", "--pid", os.getpid(), "--fd", server.fileno(), "--override", "-q")


class Registered:
    """A host whose label declares nothing, with a socket that is registered, and rules that declare another one."""

    def __init__(self, host):
        self.host = host
        self.server, self.declared = host.server(TCP4), host.server(TCP4)
        host.apply(rules(), "-q")
        host.register("web", self.server)

    def declare(self, *options):
        self.host.apply(rules(at(self.declared)), *options)
        assert self.serves(self.declared)

    def drain_and_undrain(self, *words):
        for verb in "drain", "undrain":
            self.host.sklc(verb, "web", *words, "-q")

    def serves(self, *servers):
        return self.host.reach(TCP4, TCP4.at(1), 80, [self.server, self.declared]) in servers


@pytest.fixture
def registered(host):
    return Registered(host)


@pytest.mark.parametrize("end", ["rollback", "expiry"])
@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
def test_what_is_registered_survives_drain_and_undrain_on_trial(registered, end, named):
    registered.declare("--confirm", "3" if end == "expiry" else "600")
    registered.drain_and_undrain(*([cookie(registered.server)] if named else []))
    if end == "expiry":
        time.sleep(3.1)  # no process of sklc runs
    else:
        registered.host.sklc("rollback")
    assert registered.serves(registered.server)


def test_what_is_registered_survives_drain_and_undrain_while_declarations_decide(registered):
    registered.declare()
    registered.drain_and_undrain(f"127.0.0.1:{registered.server.getsockname()[1]}")
    assert registered.serves(registered.declared)
    registered.host.sklc("rollback")
    assert registered.serves(registered.server)


def test_what_is_registered_is_drained_under_one_generation_and_comes_back_under_another(registered):
    host = registered.host
    host.sklc("drain", "web")
    other = host.server(TCP4)
    for declared in registered.declared, other, registered.declared:  # no rules that are kept leave the label open
        host.apply(rules(at(declared)))
    host.sklc("undrain", "web")
    host.sklc("rollback", "1")
    assert registered.serves(registered.server)


def test_what_is_registered_is_drained_in_all_generations_until_undrain(registered):
    registered.declare()
    registered.host.sklc("drain", "web", cookie(registered.server))
    registered.host.sklc("rollback")
    assert registered.serves(REFUSED)
    registered.host.sklc("sync")
    assert registered.serves(REFUSED)
    registered.host.sklc("undrain", "web")
    assert registered.serves(registered.server)


def test_a_drained_registration_ends_where_no_kept_rules_name_the_label(registered):
    host = registered.host
    host.sklc("drain", "web")
    for port in 81, 82:
        host.apply(f"tcp dport {port} drop\n")
    host.apply(rules(), "-q")
    done = host.sklc("undrain", "web")
    assert "is not registered for the label 'web'" in done.stderr
    assert registered.serves(REFUSED)


@pytest.mark.parametrize("verb", ["register", "unregister"])
def test_a_drained_registration_ends_with_another_one_and_with_unregister(registered, verb):
    host = registered.host
    host.sklc("drain", "web")
    if verb == "register":
        host.register("web", registered.declared)
    assert "web: tcp ipv4 unregistered" in host.sklc("unregister", "web").stdout
    assert "gets no packets of tcp ipv4 there" in host.sklc("undrain", "web").stderr
    assert registered.serves(REFUSED)


def test_unregistering_under_declarations_leaves_what_is_registered_and_drained(registered):
    registered.declare()
    registered.host.sklc("drain", "web", cookie(registered.server))
    registered.host.sklc("unregister", "web")
    registered.host.sklc("undrain", "web")
    registered.host.sklc("rollback")
    assert registered.serves(registered.server)


def test_registering_a_drained_socket_as_declared_gives_it_back_what_it_was_registered_for(registered):
    host = registered.host
    host.apply(rules(at(registered.server)))
    host.sklc("drain", "web")
    host.register("web", registered.server)
    assert registered.serves(registered.server)
    host.sklc("rollback")
    assert registered.serves(registered.server)


@pytest.mark.parametrize("wire", [TCP4, TCP6, UDP4], ids=["tcp-ipv4", "tcp-ipv6", "udp-ipv4"])
def test_a_registered_group_has_the_same_slots_again(host, wire):
    members = group(host, wire, 4)
    host.apply(f"{wire.protocol} dport 80 redirect to web\n")
    host.register("web", members[2])
    before = slots.cookies(host, "web", wire.flow_class)
    assert before[False][0] == cookie(members[2]) and len(before[False]) == 4
    host.sklc("drain", "web")
    assert not slots.cookies(host, "web", wire.flow_class)
    host.sklc("undrain", "web", cookie(members[0]))
    assert slots.cookies(host, "web", wire.flow_class) == before
    assert host.sklc("undrain", "web", status=4)


def test_a_dual_stack_socket_comes_back_in_both_families(host):
    dual = host.server(TCP6, "::", v6only=False)
    host.apply("tcp dport 80 redirect to web\n", "-q")
    host.register("web", dual)
    host.apply(rules("tcp 127.0.0.1:1"), "-q")
    host.sklc("drain", "web", cookie(dual))
    host.sklc("undrain", "web")
    host.sklc("rollback")
    for wire in TCP4, TCP6:
        assert host.reach(wire, wire.at(1), 80, [dual]) is dual


@pytest.mark.parametrize("by", ["all", "cookie", "address"])
def test_an_override_is_one_again_after_undrain(two, by):
    other = two.host.server(TCP4)
    two.all.append(other)
    override(two.host, other)
    word = {"all": [], "cookie": [cookie(other)], "address": [f"127.0.0.1:{other.getsockname()[1]}"]}[by]
    two.drain(cookie(other))
    for text in two.text, rules(at(two.second)):  # also in the slots of rules that come meanwhile
        two.host.apply(text, "-q")
        assert not two.serves(other)
    two.host.sklc("undrain", "web", *word)
    for _ in range(2):
        assert two.serves(other)
        two.host.sklc("rollback")
    (shown,) = [each for each in two.host.status()["labels"][0]["sockets"] if each["needed"]]
    assert shown["override"]
    two.host.sklc("unregister", "web")
    two.host.sklc("sync")
    assert not two.serves(other)


@pytest.mark.parametrize("verb", ["register", "unregister"])
def test_an_override_that_is_drained_ends_with_unregister_and_with_another_socket(two, verb):
    other = two.host.server(TCP4)
    two.all.append(other)
    override(two.host, other)
    two.drain(cookie(other))
    if verb == "register":
        two.host.register("web", two.second)
    else:
        assert "web: tcp ipv4 unregistered" in two.host.sklc("unregister", "web").stdout
    two.host.sklc("undrain", "web")
    two.host.sklc("sync")
    assert two.serves(two.first)


def test_an_override_group_stands_first_again_with_the_chosen_one(host):
    members, declared = group(host, TCP4, 3), host.server(TCP4)
    host.apply(rules(at(declared)))
    override(host, members[1])
    before = slots.cookies(host, "web", TCP4.flow_class)
    host.sklc("drain", "web", f"127.0.0.1:{members[0].getsockname()[1]}")
    assert host.reach(TCP4, TCP4.at(1), 80, [*members, declared]) is declared
    host.sklc("undrain", "web")
    assert slots.cookies(host, "web", TCP4.flow_class) == before
    assert before[True][0] == cookie(members[1])


def test_draining_all_leaves_the_way_back(two):
    old, new = two.first, two.second
    two.host.apply(rules(at(old)))
    two.host.apply(rules(at(new)))
    assert two.drain().stdout.count("drained: ") == 1
    assert two.serves(REFUSED)
    two.host.sklc("rollback")
    assert two.serves(old)


def test_draining_all_on_trial_is_for_the_rules_on_trial(two):
    two.host.apply(rules(at(two.first)))
    two.host.apply(rules(at(two.second)), "--confirm", "600")
    two.drain()
    assert two.serves(REFUSED)
    two.host.sklc("rollback")
    assert two.serves(two.first)


# how a socket is named, and what is said of it


def test_a_socket_is_named_by_its_address_in_any_spelling(host):
    server = host.server(TCP6)
    port = server.getsockname()[1]
    host.apply(f"socket web {{ tcp [::1]:{port} }}\ntcp daddr {TCP6.prefix} dport 80 redirect to web\n")
    for word in f"[0:0::1]:{port}", f"[::0.0.0.1]:{port}", f"[0:0:0:0:0:0:0:1]:{port}":
        host.sklc("drain", "web", word)
        assert host.reach(TCP6, TCP6.at(1), 80, [server]) is REFUSED
        host.sklc("undrain", "web", word)
        assert host.reach(TCP6, TCP6.at(1), 80, [server]) is server
    for word in f"::1:{port}", f"[::1]:0{port + 1}", "[::1]", f"[::1]{port}", f"[::1%]:{port}", f"[::2]:{port}", f":{port}", "::":
        assert "no such socket" in host.sklc("drain", "web", word, status=4).stderr


def test_a_socket_at_an_ipv4_mapped_address_has_both_names(host):
    server = host.socket(socket.AF_INET6, socket.SOCK_STREAM)
    server.bind(("::ffff:127.0.0.1", 0))
    server.listen()
    port = server.getsockname()[1]
    host.apply(f"socket web {{ tcp 127.0.0.1:{port} }}\ntcp daddr {TCP4.prefix} dport 80 redirect to web\n")
    for word in f"127.0.0.1:{port}", f"[::ffff:127.0.0.1]:{port}", f"[::ffff:7f00:1]:{port}":
        host.sklc("drain", "web", word)
        assert host.reach(TCP4, TCP4.at(1), 80, [server]) is REFUSED
        host.sklc("undrain", "web", word)
        assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    for word in f"127.0.0.2:{port}", f"[::127.0.0.1]:{port}", f"[::ffff:127.0.0.2]:{port}":
        assert "no such socket" in host.sklc("drain", "web", word, status=4).stderr


def test_a_family_that_is_drained_has_one_cause(host, cgroup2):
    servers = [host.server(TCP6, "::"), None]
    servers[1] = host.server(TCP4, "0.0.0.0", port=servers[0].getsockname()[1])
    port = servers[0].getsockname()[1]
    host.apply(f"socket web {{ tcp *:{port} }}\ntcp dport 80 redirect to web\n")
    for server, family in (servers[0], "ipv6"), (servers[1], "ipv4"):
        host.sklc("drain", "web", cookie(server), "-q")
        (problem,) = host.status(status=1)["problems"]
        assert problem["what"] == f"its sockets for tcp {family} are drained, and no other serves"
        assert host.sklc("sync").stderr == ""
        host.sklc("undrain", "web")
        assert host.status()["problems"] == []
