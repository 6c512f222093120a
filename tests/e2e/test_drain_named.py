"""Which sockets `drain` takes by what they are called, and which it names instead."""
import pytest

import slots
from conftest import WIRES
from test_register import at, cookie, group, rules

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
PLAIN = "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n"


@pytest.mark.parametrize("by", ["declaration", "hand"])
def test_a_member_without_a_slot_is_refused_as_those_that_have_one(host, by):
    """The kernel spreads to it as to them; a label has room for 241 sockets."""
    members = group(host, TCP4, 243)
    host.apply(rules(at(members[0])) if by == "declaration" else PLAIN, "-q")
    if by == "hand":
        host.register("web", members[0])
    (placed,) = slots.cookies(host, "web", 0).values()
    without = [cookie(member) for member in members if cookie(member) not in placed]
    assert len(placed) == 241 and len(without) == 2
    for each in (cookie(members[0]), *without):
        done = host.sklc("drain", "web", each, status=3)
        assert f"the socket with the cookie {each} is one of 243 of a SO_REUSEPORT group" in done.stderr
    other = group(host, TCP4, 2)
    assert "no such socket" in host.sklc("drain", "web", cookie(other[0]), status=4).stderr
    assert host.sklc("drain", "web").stdout.count("drained: ") == 243
    done = host.sklc("drain", "web", without[0], status=3)
    assert "is one of 243" in done.stderr


def both_protocols(host):
    """Servers of one label at one address, by their protocol: two groups."""
    servers = {wire: [host.server(wire, port=5300, reuseport=True) for _ in range(2)] for wire in (TCP4, UDP4)}
    lines = ("socket dns {\n\ttcp 127.0.0.1:5300\n\tudp 127.0.0.1:5300\n}\n"
             "ip daddr 192.0.2.0/24 tcp dport 53 redirect to dns\nip daddr 192.0.2.0/24 udp dport 53 redirect to dns\n")
    host.apply(lines)
    return servers


def serving(host, servers):
    return [wire for wire, all_of in servers.items()
            if host.reach(wire, wire.at(1), 53, [each for both in servers.values() for each in both]) in all_of]


@pytest.mark.parametrize("words", [["127.0.0.1:5300", "udp"], ["udp", "127.0.0.1:5300"], ["udp"]], ids=" ".join)
def test_a_protocol_is_drained_alone(host, words):
    servers = both_protocols(host)
    said = host.sklc("drain", "dns", cookie(servers[UDP4][0]), status=3).stderr
    assert "`sklc drain dns 127.0.0.1:5300 udp` drains all" in said
    done = host.sklc("drain", "dns", *words)
    assert done.stdout.count("drained: ") == 2 and serving(host, servers) == [TCP4]
    assert "no drained socket" in host.sklc("undrain", "dns", "tcp", status=4).stderr
    assert serving(host, servers) == [TCP4]
    host.sklc("drain", "dns", "tcp")
    assert serving(host, servers) == []
    assert host.sklc("undrain", "dns", *words).stdout.count("no longer drained: ") == 2
    assert serving(host, servers) == [UDP4]
    host.sklc("undrain", "dns")
    assert serving(host, servers) == [TCP4, UDP4]


def test_a_socket_of_the_other_protocol_is_not_there(host):
    servers = both_protocols(host)
    for words in ([cookie(servers[TCP4][0]), "udp"], ["127.0.0.1:5301", "udp"]):
        done = host.sklc("drain", "dns", *words, status=4)
        assert f"the label 'dns' has no such socket '{words[0]}' of udp" in done.stderr
    assert serving(host, servers) == [TCP4, UDP4]
