"""A newer sklc takes over what an older one keeps, while the rules stay in force.

With SKLC_VERSION_3=/path/of/an/old/sklc, that sklc makes the state of version 3 in these tests, instead of their own
program; with SKLC_WRITE=1, the first test then writes the descriptions anew."""
import os

import pytest

from conftest import WIRES
from version_3 import CASES, HERE, IS_LITTLE_ENDIAN, OLD_SKLC, described, make_version_3

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]

pytestmark = [pytest.mark.usefixtures("cgroup2"),
              pytest.mark.skipif(not IS_LITTLE_ENDIAN, reason="the objects of version 3 are for little-endian hosts")]


@pytest.mark.parametrize("case", CASES)
def test_the_state_of_version_3_is_made_as_that_version_made_it(host, case):
    make_version_3(host, case)
    stored = HERE / f"{case}.txt"
    if OLD_SKLC and os.environ.get("SKLC_WRITE"):
        stored.write_text("\n".join(described(host)) + "\n", encoding="ascii")
    assert described(host) == stored.read_text(encoding="ascii").splitlines()


class Served:
    """A host with the sockets of all labels, and the state of a case over it."""

    def __init__(self, host, case):
        self.host, self.case = host, case
        self.hand, self.dns = host.server(TCP4), host.server(UDP4)
        names = {"plain": [("hand", 0, self.hand), ("dns", 1, self.dns)], "declared": [("hand", 0, self.hand)],
                 "first-trial": [("hand", 0, self.hand)]}
        make_version_3(host, case, names.get(case, [("hand", 0, self.hand), ("dns", 1, self.dns)]))
        self.old, self.new = (host.server(TCP4, port=port) for port in (8080, 9090))
        self.servers = [self.hand, self.old, self.new]

    def web(self):
        """Who serves port 80; the follower put the services there, which started after the state was made."""
        return self.host.reach(TCP4, TCP4.at(1), 80, self.servers)

    def check(self):
        """Every label has the sockets that it had when the state was made."""
        if self.case == "plain":
            assert self.web() is self.hand
        else:
            assert self.host.reach(TCP4, TCP4.at(1), 81, self.servers) is self.hand
            # On trial the two rules shared their slots in that version, so the one that stood there stayed.
            assert self.web() is (self.new if self.case == "replaced" else self.old)
        if self.case in ("plain", "replaced", "trial"):
            assert self.host.reach(UDP4, UDP4.at(1), 53, [self.dns]) is self.dns


@pytest.mark.parametrize("case", CASES)
def test_the_rules_of_version_3_decide_and_their_follower_follows(host, case):
    Served(host, case).check()
