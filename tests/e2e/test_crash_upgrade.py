"""A command that takes over the state of an older sklc, killed at any point: the rules stay in force and are followed,
and the next command does the rest."""
import os
import shutil

import pytest

from test_crash import CHANGING, FAILING, SANITIZED, SHARE, SHARES, Lab, Operation, inject, points
from test_upgrade import Served, is_taken_over, pytestmark as upgrade_marks
from version_3 import CASES

pytestmark = [pytest.mark.skipif(not shutil.which("strace"), reason="needs strace"), *upgrade_marks]


class OldLab(Lab):
    """A host whose state is of version 3."""

    def __init__(self, host, case):
        self.host, self.served = host, Served(host, case)

    def again(self):
        self.sklc("detach")
        assert self.host.pins() == []
        self.served.make()

    def fault(self, said):
        """What is wrong after a command that did not end; then ends its work. SAID: what the command wrote."""
        try:
            self.served.check()
            if "cannot follow" not in said:
                self.served.restart()
                self.served.check()
            self.must("reset" if self.served.case in ("plain", "replaced") else "sync")
            is_taken_over(self.host)
            if self.served.case != "trial":  # see the take-over of trials, test_upgrade.py
                self.served.check()
                self.served.restart()
                self.served.check()
        except (AssertionError, OSError) as error:
            return f"{error!r}"
        return None


def run(host, case, calls, what):
    lab = OldLab(host, case)
    # During a trial of version 3 a search fills the slots that both rules have for the one and the other.
    words = ["unregister", "hand", "udp", "ipv6"] if case == "trial" else ["sync"]
    operation = Operation(lambda lab: words, prepare=OldLab.again)
    faults, injected, wanted = [], 0, 0
    # All cases together take as long as one that takes each of its calls; unless a share is asked for.
    step = SHARES * (1 if "SKLC_TEST_SHARE" in os.environ else 8)
    for call, number, each in list(points(lab, operation, calls, what))[SHARE - 1::step]:
        lab.again()
        done, was = inject(lab, operation, call, number, each)
        wanted, injected = wanted + 1, injected + was
        fault = lab.fault(done.stderr)
        if fault:
            faults.append(f"{call} {number} {each}: status {done.returncode}: {done.stderr}{fault}")
    lab.sklc("detach")
    assert host.pins() == []
    assert not faults, "\n".join(faults)
    assert injected >= wanted * 0.95, f"{injected} of {wanted} were injected"
    print(f"{injected} of {wanted} injected")


@pytest.mark.parametrize("case", CASES)
def test_killed_at_any_system_call_of_a_take_over(host, case):
    run(host, case, CHANGING, lambda call: ["signal=KILL"])


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's own system calls must not fail")
@pytest.mark.parametrize("case", ["declared", "replaced"])
def test_any_system_call_of_a_take_over_fails(host, case):
    run(host, case, FAILING, lambda call: ["error=ENOMEM"])
