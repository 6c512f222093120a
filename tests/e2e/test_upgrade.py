"""A newer sklc takes over what an older one keeps, while the rules stay in force.

With SKLC_VERSION_3=/path/of/an/old/sklc, that sklc makes the state of version 3 in these tests, instead of their own
program; with SKLC_WRITE=1, the first test then writes the descriptions anew."""
import contextlib
import os
import re
import subprocess
import threading

import pytest

from conftest import REFUSED, SKLC, WIRES, sklc
from test_state import VERSION as STATE_VERSION, write_version
from version_3 import CASES, HERE, IS_LITTLE_ENDIAN, OLD_SKLC, bpftool, described, make_version_3

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
        self.old = self.new = None
        self.make()

    def make(self):
        """Makes the state, then starts the declared services, which the follower finds."""
        by_hand = [("hand", 0, self.hand)]
        if self.case in ("plain", "replaced", "trial"):
            by_hand.append(("dns", 1, self.dns))
        self.stop()
        make_version_3(self.host, self.case, by_hand)
        self.restart()

    def stop(self):
        for sock in (self.old, self.new):
            if sock:
                sock.close()

    def restart(self):
        """Starts the declared services again; no process of sklc runs."""
        self.stop()
        self.old, self.new = (self.host.server(TCP4, port=port) for port in (8080, 9090))
        self.servers = [self.hand, self.old, self.new]

    def web(self):
        """Who serves port 80."""
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


# A command that changes something takes the state over.


TAKES_OVER = {
    "sync": lambda served: ["sync"],
    "reset": lambda served: ["reset"],
    "register": lambda served: ["register", "hand", "--pid", os.getpid(), "--fd", served.hand.fileno()],
    "unregister": lambda served: ["unregister", "hand", "udp", "ipv6"],
}
# Pins that only version 3 has, and those of a take-over that is not finished.
FORMER = {"about", "names", "labels", "times", "state_new", "declared_new", "cgroups_new"}


def version_of(host):
    value, = bpftool("map", "dump", "pinned", host.state_folder() / "state")
    return int(value["value"][4], 16)


def is_taken_over(host):
    pins = host.pins()
    assert not FORMER & {pin.name for pin in pins}
    assert not any(pin.name == "follower2" for pin in pins)
    assert version_of(host) == STATE_VERSION


class Clients(threading.Thread):
    """Asks for every label all the time; each answer must be the one that it was."""

    def __init__(self, served):
        super().__init__()
        self.served, self.stopped, self.faults, self.rounds = served, False, [], 0

    def run(self):
        while not self.stopped:
            try:
                self.served.check()
                self.rounds += 1
            except (AssertionError, OSError) as error:
                self.faults.append(repr(error))
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.join()
        assert not self.faults and self.rounds


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("verb", TAKES_OVER)
def test_a_command_takes_the_state_over_while_the_rules_stay_in_force(host, case, verb):
    served = Served(host, case)
    # Counters are not set to zero during a trial; and where a trial of that version declares a label differently,
    # both rules have the same slots, which a search fills for the one and the other.
    is_settled = "trial" not in case or verb != "reset"
    with contextlib.nullcontext() if (case, verb) == ("trial", "sync") else Clients(served):
        done = host.sklc(*TAKES_OVER[verb](served), status=0 if is_settled else 3)
    assert "took over" in done.stderr
    is_taken_over(host)
    served.check()
    assert "took over" not in host.sklc("sync").stderr
    host.status(None)
    served.restart()
    served.check()
    host.sklc("detach")
    assert host.pins() == []


def run_inside(host, *words):
    """Runs a verb in the namespace itself, for which sklc keeps fewer capabilities."""
    return subprocess.run(["nsenter", f"--net={host.namespace.path}", SKLC, *words, "--bpffs", host.bpffs], text=True,
                          capture_output=True, check=False)


@pytest.mark.parametrize("case", CASES)
def test_sync_takes_the_state_over_in_the_namespace_that_it_is_called_in(host, case):
    make_version_3(host, case)
    assert "took over" in run_inside(host, "sync").stderr
    is_taken_over(host)


@pytest.mark.parametrize("verb", ["reset", "rollback", "confirm"])
def test_a_command_that_may_not_take_the_state_over_leaves_it_and_names_sync(host, verb):
    make_version_3(host, "replaced")
    before = described(host)
    done = run_inside(host, verb)
    assert done.returncode == 3 and "capability CAP_SYS_ADMIN, which here `sync` and `apply` alone keep" in done.stderr
    assert "let root call `sklc sync` first" in done.stderr and described(host) == before
    run_inside(host, "sync")
    assert "CAP_SYS_ADMIN" not in run_inside(host, verb).stderr


def test_apply_takes_the_state_over_in_the_namespace_that_it_is_called_in(host):
    make_version_3(host, "replaced")
    assert "took over" in run_inside(host, "apply", host.rules("tcp dport 80 drop\n")).stderr
    is_taken_over(host)


@pytest.mark.parametrize("case", [case for case in CASES if case != "plain"])
def test_rules_are_applied_over_those_of_version_3_and_rolled_back(host, case):
    served = Served(host, case)
    if "trial" in case:
        host.sklc("confirm")
    before = max(int(pin.name[1:]) for pin in host.pins() if re.fullmatch(r"g\d+", pin.name))
    host.apply("socket web {\n\ttcp 127.0.0.1:8181\n}\ntcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    is_taken_over(host)
    assert host.status(None)["generation"] == before + 1
    assert served.web() == REFUSED
    third = host.server(TCP4, port=8181)
    assert host.reach(TCP4, TCP4.at(1), 80, [*served.servers, third]) is third
    host.sklc("rollback")
    assert host.status(None)["generation"] == before + 2
    assert served.web() is (served.old if case in ("declared", "first-trial") else served.new)
    assert host.reach(TCP4, TCP4.at(1), 81, served.servers) is served.hand


def test_rules_that_version_3_replaced_come_back(host):
    served = Served(host, "replaced")
    host.sklc("rollback")
    is_taken_over(host)
    assert served.web() is served.old
    assert host.reach(TCP4, TCP4.at(1), 81, served.servers) is served.hand
    host.sklc("rollback")
    assert served.web() is served.new


@pytest.mark.parametrize("verb", ["confirm", "rollback"])
def test_a_trial_that_version_3_began_is_ended(host, verb):
    served = Served(host, "trial")
    for _ in range(2):
        host.sklc("sync")
        assert served.web() in (served.old, served.new)
    host.sklc(verb)
    is_taken_over(host)
    assert served.web() is (served.new if verb == "confirm" else served.old)
    served.restart()
    assert served.web() is (served.new if verb == "confirm" else served.old)
    assert host.status(None)["trial"] is None


def test_counters_of_version_3_go_on(host):
    served = Served(host, "replaced")
    for _ in range(3):
        served.check()
    host.sklc("sync")
    counted = {rule["text"]: rule["counter"] for rule in host.status(None)["rules"] if rule["counter"] is not None}
    assert sorted(counted.values()) == [3, 3, 3]
    served.check()
    assert all(rule["counter"] == 4 for rule in host.status(None)["rules"] if rule["counter"] is not None)


def test_a_namespace_that_is_not_taken_over_yet_is_followed_still(make_host):
    first, second = (Served(make_host(), "declared") for _ in range(2))
    first.host.sklc("sync")
    names = {pin.name for pin in first.host.pins() if pin.is_dir()}
    assert {"follower2"} < {name for name in names if name.startswith("follower")}
    for served in (first, second):
        served.restart()
        served.check()
    second.host.sklc("sync")
    is_taken_over(second.host)
    is_taken_over(first.host)
    for served in (first, second):
        served.restart()
        served.check()


def test_status_of_version_3_says_who_takes_it_over_and_changes_nothing(host):
    served = Served(host, "declared")
    before = described(host)
    for verb in ("status", "list"):
        done = host.sklc(verb, status=3)
        assert "version 3" in done.stderr and "sklc sync" in done.stderr
    assert described(host) == before
    served.check()


# An older sklc does not touch what a newer one keeps.


WITHOUT_STATE = {"compile", "check", "dump", "help", "detach"}


def verbs():
    return set(re.findall(r"^  sklc ([a-z]+)", sklc("help").stdout, re.MULTILINE)) - WITHOUT_STATE


def test_state_of_a_newer_version_is_refused_by_name_and_not_harmed(host):
    host.apply("socket web {\n\ttcp 127.0.0.1:8080\n}\ntcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    web = host.server(TCP4, port=8080)
    write_version(host.state_folder(), STATE_VERSION + 1)
    operands = {"apply": [host.rules("tcp dport 80 drop\n", "other.conf")], "unregister": ["web"], "drain": ["web"],
                "undrain": ["web"],
                "register": ["web", "--pid", os.getpid(), "--fd", web.fileno()]}
    before = [(pin, pin.stat().st_ino) for pin in host.pins()]
    assert {"apply", "sync", "status"} < verbs()
    for verb in sorted(verbs()):
        done = host.sklc(verb, *operands.get(verb, []), status=3)
        assert f"version {STATE_VERSION + 1}" in done.stderr and "sklc detach" in done.stderr, verb
        assert [(pin, pin.stat().st_ino) for pin in host.pins()] == before, verb
        assert host.reach(TCP4, TCP4.at(1), 80, [web]) is web
    web.close()
    web = host.server(TCP4, port=8080)
    assert host.reach(TCP4, TCP4.at(1), 80, [web]) is web
    host.sklc("detach")
    assert host.pins() == []


def test_state_of_version_3_is_detached_as_it_is(host):
    served = Served(host, "declared")
    usual = host.server(TCP4, TCP4.any, 80)
    host.sklc("detach")
    assert host.pins() == []
    assert host.reach(TCP4, TCP4.at(1), 80, [*served.servers, usual]) is usual
