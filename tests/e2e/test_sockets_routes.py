"""`sklc status` names destinations of rules that are not local, by what the kernel's routing really does with them."""
import socket

import pytest

from conftest import WIRES

TCP4, TCP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"]
IP_TRANSPARENT = 19
AWAY = {TCP4: ("203.0.113.0/24", "203.0.113.9"), TCP6: ("2001:db9::/64", "2001:db9::9")}


def named(host):
    return [each for each in host.status(status=None)["problems"] if "of it is local" in each["what"]]


@pytest.fixture(params=["tcp-ipv4", "tcp-ipv6"])
def away(request, host):
    """Rules for an address of a prefix that is not local, with a server; the function `ip` is for the family."""
    wire = WIRES[request.param]

    class Away:
        prefix, address = AWAY[wire]
        server = host.server(wire)
        # Without it IPv4 sends no answer from an address that is local by another table than `local`.
        server.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        family = "-6" if wire.is_ipv6 else "-4"

        def ip(self, *words):
            host.namespace.ip(self.family, *words)

        def apply(self, destination=None):
            loopback = "[::1]" if wire.is_ipv6 else "127.0.0.1"
            host.apply(f"socket web {{ tcp {loopback}:{self.server.getsockname()[1]} }}\n"
                       f"tcp daddr {destination or self.prefix} dport 80 redirect to web\n")

        def is_reached(self):
            try:
                source = (wire.loopback, 0)  # an address of another table than `local` cannot be one
                return host.reach(wire, self.address, 80, [self.server], source) is self.server
            except OSError:
                return False
    return Away()


def test_a_local_route_in_a_table_that_no_rule_reaches_makes_nothing_local(host, away):
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "100")
    away.apply()
    (problem,) = named(host)
    assert not away.is_reached()
    assert "table 100" in problem["mend"] and f"`ip route add local {away.prefix} dev lo`" in problem["mend"]
    away.ip("rule", "add", "lookup", "100")
    assert named(host) == [] and away.is_reached()


@pytest.mark.parametrize("selector", [["fwmark", "1"], ["iif", "lo"], ["iif", "eth7"], ["from", "default"], ["pref", "9"],
                                      ["not", "fwmark", "3"], ["tos", "0x10"], ["ipproto", "tcp"]])
def test_a_rule_that_may_lead_packets_to_the_route_is_believed(host, away, selector):
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "100")
    away.ip("rule", "add", *selector, "lookup", "100")
    away.apply()
    assert named(host) == []


def test_a_rule_for_some_destinations_counts_for_these(host, away):
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "100")
    away.ip("rule", "add", "to", away.address, "lookup", "100")
    away.apply(away.address)
    assert named(host) == [] and away.is_reached()
    away.apply(away.address[:-1] + "7")
    assert len(named(host)) == 1


def test_a_rule_for_all_but_some_destinations_is_believed(host, away):
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "100")
    away.ip("rule", "add", "not", "to", away.address, "lookup", "100")
    away.apply()
    assert named(host) == []


def test_a_rule_for_packets_that_leave_leads_none_that_come(host, away):
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "100")
    away.ip("rule", "add", "oif", "lo", "lookup", "100")
    away.apply()
    assert len(named(host)) == 1


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_a_more_specific_route_that_is_not_local_comes_first(host, away, kind):
    away.ip("route", "add", "local", away.prefix, "dev", "lo")
    away.apply(away.address)
    assert named(host) == [] and away.is_reached()
    away.ip("route", "add", kind, away.address, "table", "local")
    assert len(named(host)) == 1 and not away.is_reached()
    away.apply()  # other addresses of the prefix are local
    assert named(host) == []


def test_a_rule_that_drops_a_destination_before_the_local_table_is_seen(host, away):
    away.ip("route", "add", "local", away.prefix, "dev", "lo")
    away.ip("rule", "add", "pref", "100", "lookup", "local")
    away.ip("rule", "del", "pref", "0")
    away.ip("rule", "add", "pref", "50", "to", away.address, "blackhole")
    away.apply(away.address)
    assert len(named(host)) == 1 and not away.is_reached()


def test_a_local_table_without_its_rule_is_believed_as_far_as_the_kernel_asks_it(host, away):
    """Linux asks the IPv6 table all the same, until the first rule is added."""
    away.ip("route", "add", "local", away.prefix, "dev", "lo")
    away.ip("rule", "del", "pref", "0")
    away.apply(away.address)
    assert bool(named(host)) != away.is_reached()
    away.ip("rule", "add", "pref", "70", "lookup", "70")
    assert len(named(host)) == 1 and not away.is_reached()


def test_a_route_in_a_table_that_a_vrf_may_have_is_believed(host, away):
    away.ip("rule", "add", "pref", "1000", "l3mdev")  # the kernel adds it with the first VRF
    away.ip("route", "add", "local", away.prefix, "dev", "lo", "table", "77")
    away.apply()
    assert named(host) == []


def test_a_destination_is_named_once_and_what_is_not_shown_is_counted(host):
    host.apply("".join(f"tcp daddr 203.0.113.{i} dport {port} redirect to web\n" for i in range(30) for port in (80, 81)))
    found = named(host)
    assert len(found) == 20 and len({each["what"] for each in found}) == 20
    assert any("20 more times" in each["what"] for each in host.status(status=1)["problems"])
