"""A command that takes over the state of an older sklc, killed, or refused a system call, at any point: the rules stay in
force and are followed, and the next command does the rest."""
import os

import pytest

from life import check_killed, check_settled
from test_crash import Lab, Operation, fail_everywhere, kill_everywhere, needs_strace
from test_upgrade import Served, is_taken_over, pytestmark as upgrade_marks
from version_3 import CASES

pytestmark = [needs_strace, *upgrade_marks]


class OldLab(Lab):
    """A host whose state is of version 3."""

    quietly = []  # a warning tells that listeners cannot be followed

    def __init__(self, host, case):
        self.host, self.served = host, Served(host, case)

    def restore(self):
        self.leave()
        self.served.make()
        check_killed(self.host)

    def served_on(self):
        """Checks that the rules stay in force after a command that may not have ended, and ends its work."""
        self.served.check()
        if self.done.returncode == 0:
            is_taken_over(self.host)
        if not self.cannot_follow():
            self.served.restart()
            self.served.check()
        self.must("reset" if self.served.case in ("plain", "replaced") else "sync")
        is_taken_over(self.host)
        check_settled(self.host)
        if self.served.case != "trial":  # see the take-over of trials, test_upgrade.py
            self.served.check()
            self.served.restart()
            self.served.check()
        return "served"


def take_over(lab):
    # During a trial of version 3 a search fills the slots that both rules have for the one and the other.
    words = ["unregister", "hand", "udp", "ipv6"] if lab.served.case == "trial" else ["sync"]
    return Operation(lambda lab: words, "served", outcome=OldLab.served_on, counts_on=False)


@pytest.fixture(params=CASES)
def lab(host, request):
    return OldLab(host, request.param)


def test_killed_at_any_system_call_of_a_take_over(lab):
    kill_everywhere(lab, take_over(lab), fewer=8)
    lab.leave()


def test_any_system_call_of_a_take_over_fails(lab):
    fail_everywhere(lab, take_over(lab), fewer=16)
    lab.leave()
