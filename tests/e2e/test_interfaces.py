"""Rules that match interfaces: which packets they are for, and how interfaces are followed that come, go and are renamed."""
import re

import pytest

from conftest import REFUSED, WIRES, sklc


def named(host, words):
    return [each for each in host.status(status=None)["problems"] if words in each["what"]]


def steer(host, wires, rules, labels):
    """Applies the rules and registers a server for each label."""
    servers = {label: wires.server() for label in labels}
    host.apply(rules, "-q")
    for label, server in servers.items():
        host.register(label, server)
    return servers


def test_each_of_many_interfaces_has_its_own_rules(host, wires):
    for number in range(2, 24):
        wires.add(number)
    labels = [f"l{number}" for number in range(20)]
    servers = steer(host, wires, "".join(f'iifname "v{number}" tcp dport 80 redirect to l{number}\n' for number in range(20)) +
                    "".join(f'iifname "n{number}" tcp dport 80 drop\n' for number in range(1000)) +
                    'iifname "v2*" tcp dport 80 drop\n', labels)
    for number in range(20):
        expected = servers[f"l{number}"]
        assert wires.client(number, [expected]) is expected
    for number in range(20, 24):
        assert wires.client(number, []) is REFUSED


def test_an_interface_is_of_its_name_else_of_the_longest_wildcard_else_of_none(host, wires):
    for number in (10, 11, 20):
        wires.add(number)
    servers = steer(host, wires, 'iifname "v10" tcp dport 80 redirect to exact\n'
                                 'iifname != "v*" tcp dport 80 drop\n'
                                 'iifname "v1*" tcp dport 80 redirect to long\n'
                                 'iifname "v*" tcp dport 80 redirect to short\n', ["exact", "long", "short"])
    for number, label in ((10, "exact"), (11, "long"), (1, "long"), (20, "short"), (0, "short")):
        assert wires.client(number, [servers[label]]) is servers[label], (number, label)


def test_interfaces_are_keys_of_maps_and_sets(host, wires):
    for number in (10, 11, 20, 21):
        wires.add(number)
    host.apply('set closed { type ifname . port; elements = { "v20" . 80, "w*" . 80 } }\n'
               'iifname . dport @closed drop\n'
               'tcp iifname . dport map { "v*" . 80 : redirect to short, "v1*" . 80 : redirect to long, "v10" . 80 : '
               'redirect to exact }\n', "-q")
    servers = {label: wires.server() for label in ("exact", "long", "short")}
    for label, server in servers.items():
        host.register(label, server)
    for number, label in ((10, "exact"), (11, "long"), (1, "long"), (21, "short"), (0, "short")):
        assert wires.client(number, [servers[label]]) is servers[label], (number, label)
    assert wires.client(20, []) is REFUSED


def table_bytes(count):
    rules = "".join(f'iifname "v{n}" jump c{n}\n' for n in range(count)) + "".join(
        f"chain c{n} {{\n\ttcp dport 80 redirect to l{n % 9} else continue\n\ttcp dport {8000 + n} redirect to m{n % 9}\n"
        f"\tudp dport 53 saddr 10.{n // 250}.{n % 250}.0/24 drop\n}}\n" for n in range(count))
    return int(re.search(r"^tables: (\d+) bytes", sklc("--dump", "layout", "-", input=rules).stdout, re.MULTILINE)[1])


def test_tables_are_linear_in_the_interfaces_that_have_rules_of_their_own():
    assert table_bytes(1000) < 5 * table_bytes(250) < 5 * 100_000


def test_a_missing_interface_is_a_name_that_no_packet_has(host, wires):
    servers = steer(host, wires, 'iifname "gone" tcp dport 80 drop\niifname != "gone" tcp dport 80 redirect to web\n', ["web"])
    assert wires.client(0, [servers["web"]]) is servers["web"]


def test_sync_follows_an_interface_that_came_back_under_another_number(host, wires):
    server = wires.server(port=80)
    host.apply('iifname "v0" tcp dport 80 drop\n')
    assert wires.client(0, [server]) is REFUSED and wires.client(1, [server]) is server
    old = wires.number("v0")
    host.namespace.ip("link", "del", "v0")
    (problem,) = named(host, f"the interface number {old}, to the rules 'v0', is gone")
    assert problem["mend"] == "`sklc sync` tells them"
    wires.add(0)
    assert wires.client(0, [server]) is server  # the drop does not drop
    assert named(host, f"the interface 'v0' (number {wires.number('v0')}) came or got its name since")
    host.sklc("sync")
    assert named(host, "the interface") == [] and wires.client(0, [server]) is REFUSED
    assert host.status()["generation"] == 1


def test_an_interface_that_took_anothers_number_is_named_until_it_is_followed(host, wires):
    host.apply('iifname "v0" tcp dport 80 drop\n')
    old = wires.number("v0")
    host.namespace.ip("link", "del", "v0")
    host.namespace.ip("link", "add", "thief", "index", str(old), "type", "veth", "peer", "name", "other")
    (problem,) = named(host, f"the interface 'thief' (number {old})")
    assert problem["what"].endswith("to the rules it is 'v0'")
    host.sklc("sync")
    assert named(host, "the interface") == []


def test_an_interface_that_came_after_the_apply_is_followed_by_the_same_apply(host, wires):
    text = 'iifname "v5" tcp dport 80 drop\n'
    host.apply(text, "-q")
    assert named(host, "the interface") == []
    server = wires.server(port=80)
    wires.add(5)
    assert wires.client(5, [server]) is server and named(host, "the interface 'v5' (number ")
    assert host.apply(text).stdout == "unchanged: generation 1\n"
    assert named(host, "the interface") == [] and wires.client(5, [server]) is REFUSED


def test_iif_and_iifname_follow_a_name(host, wires):
    server = wires.server(port=80)
    host.apply('iif "v0" tcp dport 80 drop\niifname "w*" tcp dport 80 drop\n')
    assert wires.client(0, [server]) is REFUSED
    host.namespace.ip("link", "set", "v0", "down")
    host.namespace.ip("link", "set", "v0", "name", "x0")
    host.namespace.ip("link", "set", "v1", "down")
    host.namespace.ip("link", "set", "v1", "name", "w1")
    for name in ("x0", "w1"):
        host.namespace.ip("link", "set", name, "up")
    assert wires.client(0, [server]) is REFUSED and wires.client(1, [server]) is server
    assert len(named(host, "came or got its name since")) == 2
    host.sklc("sync")
    assert wires.client(0, [server]) is server and wires.client(1, [server]) is REFUSED
    assert named(host, "there is no interface 'v0', which `iif` names") and len(named(host, "the interface")) == 0


def test_the_rules_that_a_trial_may_go_back_to_are_told_too(host, wires):
    server = wires.server(port=80)
    host.apply('iifname "w*" tcp dport 80 drop\n')
    host.apply("tcp dport 81 drop\n", "--confirm", "60")
    host.namespace.ip("link", "set", "v0", "down")
    host.namespace.ip("link", "set", "v0", "name", "w0")
    host.namespace.ip("link", "set", "w0", "up")
    assert wires.client(0, [server]) is server
    host.sklc("rollback")
    assert wires.client(0, [server]) is REFUSED and named(host, "the interface") == []


def test_interfaces_whose_numbers_are_4096_apart_are_told_apart(host, wires):
    """The program looks first at a table that has one of them."""
    for number in (2, 3, 4):
        wires.add(number, "index", str(500 + 4096 * number))
    servers = steer(host, wires, 'iifname "v3" tcp dport 80 redirect to three\niifname "v4" tcp dport 80 redirect to four\n'
                                 'tcp dport 80 redirect to other\n', ["three", "four", "other"])
    for number, label in ((2, "other"), (3, "three"), (4, "four"), (0, "other")):
        assert wires.client(number, [servers[label]]) is servers[label], number
    host.namespace.ip("link", "del", "v2")
    host.sklc("sync")
    for number, label in ((3, "three"), (4, "four"), (0, "other")):
        assert wires.client(number, [servers[label]]) is servers[label], number


def test_many_interfaces_that_changed_are_few_problems(host):
    host.apply('iifname "d*" tcp dport 80 drop\n')
    for number in range(13):
        host.namespace.ip("link", "add", f"d{number}", "type", "bridge")
    assert len(named(host, "came or got its name since")) == 10
    assert named(host, "3 more interfaces came, got another name or are gone since")
    host.sklc("sync")
    assert named(host, "interface") == []


def test_rules_whose_interfaces_stay_have_no_such_problem(host, wires):
    host.apply('iifname { "v0", "v1" } tcp dport 80 drop\n')
    assert named(host, "interface") == []


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_client_on_this_host_comes_in_by_the_interface_that_has_the_address(host, wires, wire):
    host.namespace.ip("-6", "addr", "add", "2001:db8:ffff::1/64", "dev", "v0", "nodad")
    address = "2001:db8:ffff::1" if wire.is_ipv6 else "172.16.0.1"
    of_v0, of_lo, server = (host.server(wire) for _ in range(3))
    rules = 'iifname "v0" dport 80 redirect to inner\niifname "lo" dport 80 redirect to loopback\n'
    host.apply(rules, "-q")
    host.register("inner", of_v0)
    host.register("loopback", of_lo)
    for asked, expected in ((address, of_v0), (wire.loopback, of_lo)):
        assert host.reach(wire, asked, 80, [of_v0, of_lo, server]) is expected


def test_what_comes_by_a_port_of_a_bridge_comes_in_by_the_bridge(host, wires):
    host.namespace.ip("link", "add", "name", "join", "type", "bridge")
    host.namespace.ip("link", "set", "dev", "join", "up")
    host.namespace.ip("link", "set", "dev", "v0", "master", "join")
    host.namespace.ip("addr", "del", "172.16.0.1/24", "dev", "v0")
    host.namespace.ip("addr", "add", "172.16.0.1/24", "dev", "join")
    servers = steer(host, wires, 'iifname "v0" tcp dport 80 drop\niifname "join" tcp dport 80 redirect to web\n', ["web"])
    assert wires.client(0, [servers["web"]]) is servers["web"]


def test_another_name_of_an_interface_is_told_with_its_own(host, wires):
    host.namespace.ip("link", "property", "add", "dev", "v0", "altname", "uplink")
    server = wires.server(port=80)
    done = host.apply('iif "uplink" tcp dport 80 drop\n', status=3)
    assert f"'uplink' is another name of the interface 'v0' in network namespace '{host.namespace.path}', and an `iif` match " \
        "names it: write 'v0', the name that packets come in by" in done.stderr
    done = host.apply('iifname { "uplink", "v1" } tcp dport 80 drop\n')
    assert "'uplink' is another name of the interface 'v0' in " in done.stderr and "write 'v0' [-Winterface]" in done.stderr
    assert wires.client(0, [server]) is server and wires.client(1, []) is REFUSED
    bound = wires.server(device="v0", port=81)
    done = host.apply('socket web { tcp *:81 dev uplink }\ntcp dport 82 redirect to web\n')
    assert "'uplink' is another name of the interface 'v0' in " in done.stderr
    assert wires.client(0, [bound], port=82) is bound and named(host, "the interface") == []
