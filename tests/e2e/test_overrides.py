"""Sockets that an operator puts before others, where these have something to lose: one family, their slots, their group."""
import socket

import pytest

import slots
from conftest import REFUSED, WIRES
from test_register import at, cookie, group, rules

TCP4 = WIRES["tcp-ipv4"]
IPV4 = "ip daddr 192.0.2.0/24 tcp dport 80"
UNPLACED = "is not behind its label yet"


def problems(host, status=0):
    return [each["what"] for each in host.status(status)["problems"]]


def overrides(host):
    """The families in which an override serves."""
    return [each["family"] for each in host.status()["labels"][0]["sockets"] if each["override"]]


class Dual:
    """A host whose rules declare one socket for both families, which was put before the declared ones."""

    def __init__(self, host, protocol="tcp"):
        self.host = host
        self.wires = [WIRES[f"{protocol}-{family}"] for family in ("ipv4", "ipv6")]
        self.socket = host.server(self.wires[1], address="::", port=8080, v6only=False)
        host.apply(rules(f"{protocol} *:8080", match=f"{protocol} dport 80"))
        host.register("web", self.socket, override=True)

    def serving(self, *others):
        return [self.host.reach(wire, wire.at(1), 80, [self.socket, *others]) for wire in self.wires]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_an_override_that_ends_in_one_family_is_declared_there_and_stays_one_in_the_other(host, protocol):
    dual = Dual(host, protocol)
    host.sklc("unregister", "web", protocol, "ipv4")
    assert dual.serving() == [REFUSED, dual.socket]
    assert any(UNPLACED in each for each in problems(host, status=1))
    for _ in range(2):
        host.sklc("sync")
        assert dual.serving() == [dual.socket, dual.socket]
        assert problems(host) == [] and overrides(host) == ["ipv6"]


def test_the_follower_takes_an_override_of_one_family_for_declared_in_the_other(host, cgroup2):
    dual = Dual(host)
    host.sklc("unregister", "web", "tcp", "ipv4")
    dual.socket.shutdown(socket.SHUT_RDWR)
    dual.socket.listen()
    assert dual.serving() == [dual.socket, dual.socket]


def test_an_override_that_another_replaced_in_one_family_serves_there_as_declared_when_that_dies(host):
    dual, other = Dual(host), host.server(TCP4)
    host.register("web", other, override=True)
    for _ in range(2):
        host.sklc("sync")
        assert dual.serving(other) == [other, dual.socket]
    other.close()
    assert dual.serving() == [dual.socket, dual.socket]
    assert overrides(host) == ["ipv6"]


def test_an_override_of_one_family_leaves_the_other_when_the_rules_declare_another_socket(host):
    dual, other = Dual(host), host.server(TCP4)
    host.sklc("unregister", "web", "tcp", "ipv4")
    host.sklc("sync")
    host.apply(rules(at(other), match="tcp dport 80"))
    assert dual.serving(other) == [other, dual.socket]


def test_a_drained_override_of_one_family_is_drained_in_both_and_comes_back_as_it_was(host):
    dual = Dual(host)
    host.sklc("unregister", "web", "tcp", "ipv4")
    host.sklc("sync")
    host.sklc("drain", "web", cookie(dual.socket))
    host.sklc("sync")
    assert dual.serving() == [REFUSED, REFUSED]
    host.sklc("undrain", "web")
    assert dual.serving() == [dual.socket, dual.socket]
    assert overrides(host) == ["ipv6"]


def many_labels(count):
    """Rules that leave other labels few spare slots."""
    return "".join(f"socket l{i} {{\n\ttcp *:{20000 + i}\n\tudp *:{20000 + i}\n}}\n"
                   f"tcp dport {20000 + i} redirect to l{i}\nudp dport {20000 + i} redirect to l{i}\n"
                   for i in range(count))


@pytest.mark.parametrize("others, count, alternatives", [(0, 121, 2), (0, 130, 9), (300, 8, 2), (300, 20, 4)])
def test_an_override_group_leaves_a_slot_to_each_alternative(host, others, count, alternatives):
    """Also to one that starts while the group is there; each serves when nothing else is left."""
    every = [host.server(TCP4) for _ in range(alternatives)]
    declared = [at(server) for server in every]
    host.apply(many_labels(others) + rules(*declared, match=IPV4), "-q")
    (label,) = [each for each in slots.labels(host) if each.name == "web"]
    assert len(label.slots(0)) == (16 if others else 241)
    members = group(host, TCP4, count)
    host.register("web", members[0], override=True)
    assert host.reach(TCP4, TCP4.at(1), 80, [*members, *every]) in members
    last = every.pop()
    port = last.getsockname()[1]
    last.close()
    every.append(host.server(TCP4, port=port))
    assert set(map(cookie, every)) < set(slots.cookies(host, "web", 0)[True])
    for member in members:
        member.close()
    while every:
        assert host.reach(TCP4, TCP4.at(1), 80, every) is every[0]
        every.pop(0).close()


def test_declared_sockets_that_an_override_group_leaves_no_room_are_named(host):
    declared = group(host, TCP4, 20)
    host.apply(many_labels(300) + rules(at(declared[0]), match=IPV4), "-q")
    host.register("web", group(host, TCP4, 8)[0], override=True)
    about = "\n".join(each["what"] for each in host.status(1)["problems"] if each["label"] == "web")
    assert "only 11 of 20 sockets at 'tcp 127.0.0.1:" in about
    assert "only 5 of 8 sockets that were registered before the declared ones" in about


def test_a_registered_group_behind_an_override_gets_the_slots_of_members_that_restart(host):
    members, declared, override = group(host, TCP4, 4), host.server(TCP4), host.server(TCP4)
    port = members[0].getsockname()[1]
    host.apply(f"{IPV4} redirect to web\n")
    host.register("web", members[0])
    host.apply(rules(at(declared), match=IPV4))
    host.register("web", override, override=True)
    host.sklc("rollback")
    for i, member in enumerate(members):
        member.close()
        members[i] = host.server(TCP4, port=port, reuseport=True)
        assert any(f"only 3 of 4 sockets that were registered at 127.0.0.1:{port} " in each for each in problems(host))
        host.sklc("sync")
        assert slots.cookies(host, "web", 0)[False][0] == cookie(override)
        assert sorted(slots.cookies(host, "web", 0)[False][1:]) == sorted(map(cookie, members))
        assert problems(host) == []
    override.close()
    while members:
        assert host.reach(TCP4, TCP4.at(1), 80, members) in members
        members.pop(0).close()
