"""A socket that is registered for a label that declares nothing, and an override that goes before it while other rules
decide: when the override is gone, the registered one serves again."""
import json
import os
import pathlib
import time

import pytest

import slots
from conftest import REFUSED, WIRES
from test_register import at, cookie, group, reached_during, rules

VERSION_2 = pathlib.Path(__file__).with_name("object-version-2")
TCP4, TCP6, UDP4 = (WIRES[name] for name in ("tcp-ipv4", "tcp-ipv6", "udp-ipv4"))


class Behind:
    """A host whose label declares nothing, with a registered socket; rules that come later declare another one."""

    def __init__(self, host):
        self.host = host
        self.registered, self.declared, self.other = (host.server(TCP4) for _ in range(3))
        host.apply(rules(), "-q")
        host.register("web", self.registered)

    def declare(self, *options):
        self.host.apply(rules(at(self.declared)), *options)
        assert self.serves(self.declared)

    def override(self, server=None):
        return self.host.register("web", server or self.other, override=True)

    def back(self):
        self.host.sklc("rollback", "-q")

    def who(self):
        every = {"registered": self.registered, "declared": self.declared, "other": self.other}
        found = self.host.reach(TCP4, TCP4.at(1), 80, [each for each in every.values() if each.fileno() >= 0])
        return found if found is REFUSED else next(name for name, each in every.items() if each is found)

    def serves(self, server):
        return self.who() == {self.registered: "registered", self.declared: "declared", self.other: "other"}[server]


@pytest.fixture
def behind(host):
    return Behind(host)


@pytest.mark.parametrize("end", ["rollback", "expiry"])
def test_what_is_registered_serves_as_soon_as_an_override_made_on_trial_dies(behind, end):
    behind.declare("--confirm", "8" if end == "expiry" else "600")
    behind.override()
    if end == "expiry":
        time.sleep(8.1)  # no process of sklc runs
    else:
        behind.back()
    assert behind.who() == "other"
    behind.other.close()  # nor after this
    assert behind.who() == "registered"
    for words in ["sync"], ["sync"]:
        behind.host.sklc(*words)
        assert behind.who() == "registered"
    assert behind.host.status()["problems"] == []


@pytest.mark.parametrize("when", ["declared", "undeclared"])
def test_what_is_registered_serves_when_an_override_is_drained_and_stands_behind_it_again(behind, when):
    behind.declare()
    behind.override()
    if when == "undeclared":
        behind.back()
    done = behind.host.sklc("drain", "web", cookie(behind.other))
    assert done.stderr == ""
    if when == "declared":
        behind.back()
    for _ in range(2):
        assert behind.who() == "registered"
        behind.host.sklc("undrain", "web")
        assert behind.who() == "other"
        assert "no drained socket" in behind.host.sklc("undrain", "web", status=4).stderr
        behind.host.sklc("drain", "web", cookie(behind.other))
    behind.other.close()
    behind.host.sklc("sync")
    assert behind.who() == "registered"


@pytest.mark.parametrize("end", ["unregister", "register"])
def test_what_is_registered_serves_when_an_override_is_ended_under_declarations(behind, end):
    behind.declare()
    behind.override()
    if end == "unregister":
        behind.host.sklc("unregister", "web")
    else:
        behind.host.register("web", behind.declared)
    behind.back()
    assert behind.who() == "registered"
    assert list(slots.cookies(behind.host, "web", TCP4.flow_class)[False]) == [cookie(behind.registered)]
    assert not slots.is_noted(behind.host, cookie(behind.registered))


@pytest.mark.parametrize("end", ["unregister", "register", "drain", "death", "other"])
def test_a_registered_socket_that_was_an_override_itself_is_registered_after_that(behind, end):
    behind.declare()
    behind.override(behind.registered)
    assert behind.who() == "registered"
    if end == "unregister":
        behind.host.sklc("unregister", "web")
    elif end == "register":
        behind.host.register("web", behind.declared)
    elif end == "drain":
        for verb in "drain", "undrain":
            behind.host.sklc(verb, "web", cookie(behind.registered))
    elif end == "other":
        behind.override()
        assert behind.who() == "other"
        behind.other.close()
        behind.host.sklc("sync")
    else:
        behind.declared.close()
        behind.host.sklc("sync", status=None)
    behind.back()
    assert behind.who() == "registered"


def test_overrides_that_come_one_after_another_leave_what_is_registered(behind):
    behind.declare()
    third = behind.host.server(TCP4)
    for server in behind.other, third, behind.other:
        behind.override(server)
    behind.back()
    assert behind.who() == "other"
    behind.other.close()
    assert behind.who() == "registered"
    assert behind.host.reach(TCP4, TCP4.at(1), 80, [third, behind.registered]) is behind.registered


def test_what_is_registered_serves_without_a_gap_when_an_override_ends(behind):
    behind.declare()
    behind.override()
    behind.back()

    def come_and_go():
        for verb in ("drain", "undrain") * 4:
            behind.host.sklc(verb, "web", cookie(behind.other))

    assert reached_during(behind.host, 80, [behind.registered, behind.other], come_and_go) == {
        behind.registered, behind.other}


@pytest.mark.parametrize("wire", [TCP4, TCP6, UDP4], ids=["tcp-ipv4", "tcp-ipv6", "udp-ipv4"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_registered_group_stands_behind_an_override_or_a_group(host, wire, count):
    members, others = group(host, wire, 3), group(host, wire, count)
    host.apply(f"{wire.protocol} dport 80 redirect to web\n", "-q")
    host.register("web", members[1])
    before = slots.cookies(host, "web", wire.flow_class)
    host.apply(rules(f"{'udp' if wire.is_udp else 'tcp'} *:1", match=f"{wire.protocol} dport 80"), "-q")
    host.register("web", others[0], override=True)
    host.sklc("rollback", "-q")
    while others:
        assert host.reach(wire, wire.at(1), 80, [*others, *members]) in others
        others.pop(0).close()
    assert host.reach(wire, wire.at(1), 80, members) in members
    host.sklc("sync", "-q")
    after = slots.cookies(host, "web", wire.flow_class)
    assert after[False][0] == cookie(members[1]) and sorted(after[False]) == sorted(before[False])
    while members:
        assert host.reach(wire, wire.at(1), 80, members) in members
        members.pop(0).close()


def test_a_dual_stack_socket_is_registered_again_in_each_family_whose_override_is_gone(host):
    dual, other = host.server(TCP6, "::", v6only=False), host.server(TCP4)
    host.apply("tcp dport 80 redirect to web\n", "-q")
    host.register("web", dual)
    host.apply(rules("tcp 127.0.0.1:1", match="tcp dport 80"), "-q")
    host.register("web", other, override=True)
    host.sklc("rollback", "-q")
    assert host.reach(TCP4, TCP4.at(1), 80, [dual, other]) is other
    assert host.reach(TCP6, TCP6.at(1), 80, [dual, other]) is dual
    other.close()
    for wire in TCP4, TCP6:
        assert host.reach(wire, wire.at(1), 80, [dual]) is dual


def test_a_dual_stack_override_ends_in_one_family_alone(host):
    one, two, dual = host.server(TCP4), host.server(TCP6), host.server(TCP6, "::", v6only=False)
    every = [one, two, dual]
    host.apply("tcp dport 80 redirect to web\n", "-q")
    host.register("web", one)
    host.register("web", two)
    host.apply(rules("tcp 127.0.0.1:1", "tcp [::1]:1", match="tcp dport 80"), "-q")
    host.register("web", dual, override=True)
    host.sklc("unregister", "web", "ipv4")
    host.sklc("rollback", "-q")
    assert host.reach(TCP4, TCP4.at(1), 80, every) is one
    assert host.reach(TCP6, TCP6.at(1), 80, every) is dual
    dual.close()
    assert host.reach(TCP6, TCP6.at(1), 80, [one, two]) is two


def test_what_is_registered_and_waits_behind_an_override_can_be_drained(behind):
    behind.declare()
    behind.override()
    behind.host.sklc("drain", "web", cookie(behind.registered))
    behind.back()
    behind.other.close()
    assert behind.who() is REFUSED
    behind.host.sklc("undrain", "web")
    assert behind.who() == "registered"


@pytest.mark.parametrize("override", [False, True])
def test_another_registration_replaces_both_where_nothing_is_declared(behind, override):
    behind.declare()
    behind.override()
    behind.back()
    third = behind.host.server(TCP4)
    done = behind.host.register("web", third, override=override)
    assert ("nothing to override" in done.stderr) == override
    for each in behind.other, behind.registered:
        assert f"web: tcp ipv4 replaced: 127.0.0.1:{each.getsockname()[1]} (cookie {cookie(each)}," in done.stdout
    third.close()
    behind.host.sklc("sync", "-q")
    assert behind.who() is REFUSED


def test_unregistering_where_nothing_is_declared_ends_both(behind):
    behind.declare()
    behind.override()
    behind.back()
    behind.host.sklc("unregister", "web")
    assert behind.who() is REFUSED
    behind.host.sklc("sync", "-q")
    assert behind.who() is REFUSED
    for each in behind.other, behind.registered:
        assert not slots.is_noted(behind.host, cookie(each))


def test_what_is_registered_is_named_when_it_goes_behind_an_override(behind):
    behind.declare()
    done = behind.override()
    assert (f"web: tcp ipv4 behind it where nothing is declared: 127.0.0.1:{behind.registered.getsockname()[1]} "
            f"(cookie {cookie(behind.registered)},") in done.stdout
    said = json.loads(behind.host.sklc("register", "web", "--pid", os.getpid(), "--fd", behind.other.fileno(),
                                       "--override", "--json").stdout)
    (told,) = said["behind"]
    assert told["protocol"] == "tcp" and told["family"] == "ipv4"
    assert told["socket"]["cookie"] == cookie(behind.registered)


def test_what_is_registered_stays_so_through_rules_that_come_and_go(behind):
    behind.declare()
    behind.override()
    for declared in behind.other, behind.declared, behind.other:  # no rules that are kept leave the label open
        behind.host.apply(rules(at(declared)), "-q")
    behind.host.sklc("rollback", "1", "-q")
    assert behind.who() == "other"
    behind.other.close()
    assert behind.who() == "registered"


def test_an_override_that_is_declared_too_leaves_what_is_registered(behind):
    behind.declare()
    behind.override(behind.declared)
    behind.back()
    assert behind.who() == "declared"
    behind.declared.close()
    assert behind.who() == "registered"


def test_what_is_registered_waits_where_rules_try_one_slot_alone(host):
    """Those of an older sklc: the next command that looks for sockets puts it back."""
    registered, other = host.server(TCP4), host.server(TCP4)
    host.sklc("--apply", VERSION_2 / "undeclared.o", "-q")
    host.register("web", registered)
    host.apply(rules("tcp 127.0.0.1:1"), "-q")
    host.register("web", other, override=True)
    host.sklc("rollback", "-q")
    reached = lambda: host.reach(TCP4, TCP4.at(7), 80, [each for each in (registered, other) if each.fileno() >= 0])
    assert reached() is other
    for verb in "drain", "undrain":
        host.sklc(verb, "web", cookie(other))
        assert reached() is (registered if verb == "drain" else other)
    other.close()
    assert reached() is REFUSED
    (problem,) = [each for each in host.status(status=1)["problems"] if each["label"] == "web"]
    assert "its socket for tcp ipv4 is registered and has no slot yet: another that was before it is gone" in problem["what"] and "`sklc sync`" in problem["mend"]
    host.sklc("sync", "-q")
    assert reached() is registered
    assert not slots.is_noted(host, cookie(registered))
