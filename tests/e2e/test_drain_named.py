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
