"""Commands killed, or refused a system call, at any point, with rules that declare sockets: the old rules or the new ones decide, never a mixture,
and a service that starts again gets its label at once without any process of sklc."""
import collections
import time

import pytest

from conftest import REFUSED, WIRES
from life import check_settled
from test_crash import FOLDER, Lab, Operation, both_tests, inject, needs_strace, outcome_of

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
WEB, OLD, NEW, DNS = 8080, 8081, 8082, 5300
MOVED = {"old": 8083, "new": 8084}
RULES = f"""
socket web {{ tcp 127.0.0.1:{WEB} }}
socket dns {{ udp 127.0.0.1:{DNS} }}
tcp daddr 192.0.2.0/24 dport 80 redirect to web
udp daddr 192.0.2.0/24 dport 53 redirect to dns
"""

FOLLOWER = ["cgroups", "declared", "hand", "link", "since", "sockets", "spare_marks"]

pytestmark = [needs_strace, pytest.mark.usefixtures("cgroup2")]


def other(label, port):
    """Rules at a port of their own, by which tests know which rules decide; and a label that both declare, each at
    another place."""
    return (f"socket {label} {{ tcp 127.0.0.1:{port} }}\n"
            f"socket moved {{ tcp 127.0.0.1:{MOVED[label]} }}\n"
            f"tcp daddr 192.0.2.0/24 dport 81 redirect to {label}\n"
            f"tcp daddr 192.0.2.0/24 dport 82 redirect to moved\n")


class DeclaredLab(Lab):
    """Services at declared addresses, and one at port 81 that nobody redirects to."""

    quietly = []  # a warning tells that listeners cannot be followed

    def __init__(self, host):
        self.host, self.objects = host, {}
        self.web, self.old, self.new = (host.server(TCP4, port=port) for port in (WEB, OLD, NEW))
        self.moved = {name: host.server(TCP4, port=port) for name, port in MOVED.items()}
        self.usual = host.server(TCP4, TCP4.any, 81)
        self.dns = host.server(UDP4, port=DNS)
        for name, text in (("old", RULES + other("old", OLD)), ("new", other("new", NEW) + RULES)):
            self.objects[name] = host.folder / f"{name}.o"
            self.run(host.rules(text, f"{name}.conf"), "-o", self.objects[name])

    @property
    def servers(self):
        return [self.web, self.old, self.new, self.usual, *self.moved.values()]

    def fill(self):
        self.apply("new")
        self.apply("old")

    def rules(self):
        """Which rules decide; their packets reach the sockets that they declare, and no others."""
        found = super().rules()
        assert self.reach(82) == self.moved.get(found, REFUSED)
        return found

    def start_again(self, found):
        """Restarts the service at WEB and those of the rules that decide; no process of sklc runs."""
        self.web.close()
        self.web = self.host.server(TCP4, port=WEB)
        if found in MOVED:
            getattr(self, found).close()
            setattr(self, found, self.host.server(TCP4, port={"old": OLD, "new": NEW}[found]))
            self.moved[found].close()
            self.moved[found] = self.host.server(TCP4, port=MOVED[found])

    def start_dns_again(self):
        """Restarts the UDP service, which only `sklc sync` finds."""
        self.dns.close()
        self.dns = self.host.server(UDP4, port=DNS)

    def rules_that_follow(self):
        found = self.rules()
        self.start_again(found)
        if found in MOVED and self.cannot_follow():
            self.must("sync")
        assert self.rules() == found
        return found

    def dns_that_answers(self):
        """Checks that the old rules decide and follow; returns who answers by UDP."""
        assert self.rules_that_follow() == "old"
        answer = self.host.reach(UDP4, UDP4.at(1), 53, [self.dns])
        return "none" if answer == REFUSED else "dns"

    def is_tidy(self):
        pins = [(pin.parent.name.rstrip("0123456789"), pin.name) for pin in self.host.pins()
                if not pin.is_dir()]
        assert sorted(name for folder, name in pins if folder == "follower") == FOLLOWER
        assert sorted(name for folder, name in pins if folder == "") == sorted(FOLDER)
        generations = {name for folder, name in pins if folder == "g"}
        assert generations >= {"declared", "cgroups"}, generations
        check_settled(self.host)


def prepare_nothing(lab):
    lab.sklc("detach")


def prepare_trial(lab):
    lab.apply("new", "--confirm", "600")


def prepare_expired(lab):
    lab.apply("new", "--confirm", "3")  # a trial must not be over before it begins, on a busy host
    time.sleep(3)


def prepare_dns(lab):
    lab.start_dns_again()


def operation(words, before="old", after=None, **more):
    return Operation(words, before, after, counts_on=False,
                     **{"outcome": DeclaredLab.rules_that_follow, **more})


OPERATIONS = {
    "first apply": operation(lambda lab: ["--apply", lab.objects["old"]], "none", "old",
                             prepare=prepare_nothing),
    "apply": operation(lambda lab: ["--apply", lab.objects["new"]], after="new"),
    "apply on trial": operation(lambda lab: ["--apply", lab.objects["new"], "--confirm", "600"],
                                after="new"),
    "confirm": operation(lambda lab: ["confirm"], "new", "new", prepare=prepare_trial),
    "rollback": operation(lambda lab: ["rollback"], after="new"),
    "rollback of a trial": operation(lambda lab: ["rollback"], "new", "old", prepare=prepare_trial),
    "reset after a trial": operation(lambda lab: ["reset"], prepare=prepare_expired),
    "sync": operation(lambda lab: ["sync"], "none", "dns", prepare=prepare_dns,
                      outcome=DeclaredLab.dns_that_answers, stays=True),
    "detach": operation(lambda lab: ["detach"], after="none"),
}


test_killed_at_any_system_call, test_any_system_call_fails = both_tests(DeclaredLab, OPERATIONS, 3, 16)


def asks(lab, operation):
    """The numbers of the calls of bpf(2) that ask about a map shortly before the keys of one are walked."""
    log = lab.host.folder / "trace"
    lab.sklc(*operation.words(lab), before=["strace", "-f", "-e", "bpf", "-o", log])
    calls = collections.defaultdict(list)
    for line in log.read_text(errors="replace").splitlines():
        process, call = line.split(None, 1)
        if call.startswith("bpf("):
            calls[process].append(call.split(",")[0])
    return [i + 1 for rows in calls.values() for i, call in enumerate(rows)
            if call == "bpf(BPF_OBJ_GET_INFO_BY_FD" and "bpf(BPF_MAP_GET_NEXT_KEY" in rows[i + 1:i + 8]]


def test_declarations_are_not_read_in_part(host):
    """Where the size of their map cannot be asked for, the command fails or says so; what decides is followed."""
    lab, trial = DeclaredLab(host), OPERATIONS["apply on trial"]
    lab.restore()
    numbers = asks(lab, trial)
    assert len(numbers) >= 12
    for number in numbers:
        lab.restore()
        done, was_injected = inject(lab, trial, "bpf", number, "error=EPERM")
        assert was_injected and outcome_of(lab, trial) in ("old", "new"), (number, done.stderr)
    lab.restore()
