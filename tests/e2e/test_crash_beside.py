"""Commands killed, or refused a system call, at any point, while another sklc works in another network namespace. Both namespaces share the
follower. Neither harms the other, and nothing is left behind: when both are detached, each map and each program that
was ever pinned is gone from the kernel."""
import json
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from conftest import WIRES
from test_crash import fail_everywhere, kill_everywhere, needs_strace
from test_crash_by_hand import OPERATIONS as BY_HAND, HandLab
from test_crash_sockets import OPERATIONS as DECLARED, DeclaredLab

TCP4 = WIRES["tcp-ipv4"]
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"

pytestmark = [needs_strace, pytest.mark.usefixtures("cgroup2")]


def numbers_of(kind):
    """The kernel's numbers of all maps, or of all programs, of the host."""
    shown = subprocess.run([BPFTOOL, "-j", kind, "show"], check=True, capture_output=True)
    return {each["id"] for each in json.loads(shown.stdout)}


def pinned(host):
    """What is pinned now: kinds and numbers. A pin may go while this looks."""
    found = set()
    for pin in host.pins():
        if pin.is_dir() or pin.name == "link":
            continue
        kind = "prog" if pin.name in ("program", "trial") else "map"
        shown = subprocess.run([BPFTOOL, "-j", kind, "show", "pinned", pin], check=False, capture_output=True)
        if shown.returncode == 0:
            found.add((kind, json.loads(shown.stdout)["id"]))
    return found


class Neighbour(threading.Thread):
    """Applies one and the other rules to another namespace, time and again, and checks that they decide."""

    def __init__(self, host):
        super().__init__()
        self.lab = DeclaredLab(host)
        self.lab.apply("old")
        self.stopped, self.faults, self.rounds = False, [], 0

    def round(self):
        # What this one needs may be held by the other, which strace slows down; but it is never refused.
        name = ("old", "new")[self.rounds % 2]
        self.lab.apply(name)
        found = self.lab.rules_that_follow()
        if found != name:
            self.faults.append(f"{found} decide instead of {name}")
        self.rounds += 1

    def run(self):
        while not self.stopped and not self.faults:
            try:
                self.round()
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                self.faults.append(repr(error))

    def finish(self):
        self.stopped = True
        self.join()
        assert not self.faults, self.faults
        assert self.rounds > 1
        self.lab.must("detach")


class Beside:
    """Of a lab: notes what is pinned before each injection."""

    def __init__(self, host):
        super().__init__(host)
        self.seen = set()

    def is_tidy(self):
        self.seen |= pinned(self.host)


class DeclaredBeside(Beside, DeclaredLab):
    pass


class HandBeside(Beside, HandLab):
    pass


OPERATIONS = {**{name: (DeclaredBeside, each) for name, each in DECLARED.items()},
              **{name: (HandBeside, each) for name, each in BY_HAND.items()}}


def left(seen):
    """Which of the maps and programs the kernel still has; it frees them a little later than their last user goes."""
    deadline = time.monotonic() + 10
    while True:
        there = {(kind, number) for kind in ("map", "prog") for number in numbers_of(kind)} & seen
        if not there or time.monotonic() > deadline:
            return there
        time.sleep(0.1)


def run_beside(make_host, name, run, fewer):
    """Runs RUN(lab, operation, FEWER) beside a neighbour."""
    make_lab, operation = OPERATIONS[name]
    neighbour = Neighbour(make_host())
    lab = make_lab(make_host())  # makes its objects in the same folder, so both apply these
    neighbour.start()
    try:
        run(lab, operation, fewer)
    finally:
        neighbour.finish()
    lab.seen |= pinned(lab.host)
    lab.leave()
    assert not pathlib.Path(lab.host.bpffs, "sklc").exists()
    assert left(lab.seen) == set()


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_beside_a_second_sklc(make_host, name):
    run_beside(make_host, name, kill_everywhere, fewer=24)


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_system_call_fails_beside_a_second_sklc(make_host, name):
    run_beside(make_host, name, fail_everywhere, fewer=48)
