"""Commands about single sockets killed, or refused a system call, at any point: the socket that served before serves,
or the one that should after; and what the next commands complete is one of the two."""
import json
import os

import pytest

from conftest import REFUSED, WIRES
from life import check_settled
from test_crash import Operation, both_tests, needs_strace
from test_crash_sockets import RULES, DeclaredLab
from test_register import cookie, group

TCP4, TCP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"]
UNDECLARED = (f"tcp daddr 192.0.2.0/24 dport 83 redirect to plain\n"
              f"tcp daddr {TCP6.prefix} dport 83 redirect to plain\n")

pytestmark = [needs_strace, pytest.mark.usefixtures("cgroup2")]


class HandLab(DeclaredLab):
    """As DeclaredLab, and a label that declares nothing; WEB has a second socket, which rules do not declare. In the
    rules before, OPEN, WEB declares nothing."""

    def __init__(self, host):
        super().__init__(host)
        self.other = host.server(TCP4)
        self.plain, self.members = host.server(TCP4), group(host, TCP4, 3)
        self.plain6, self.dual = host.server(TCP6), host.server(TCP6, "::", v6only=False)
        for name in ("old", "new"):
            text = (host.folder / f"{name}.conf").read_text() + UNDECLARED
            self.run(host.rules(text, f"{name}.conf"), "-o", self.objects[name])
        self.objects["open"] = host.folder / "open.o"
        text = RULES.replace(f"socket web {{ tcp 127.0.0.1:{self.web.getsockname()[1]} }}\n", "") + UNDECLARED
        assert "socket web" not in text
        self.run(host.rules(text, "open.conf"), "-o", self.objects["open"])

    @property
    def servers(self):
        return [*super().servers, self.other, self.plain, self.plain6, self.dual, *self.members]

    def rules(self):
        return "old" if self.reach(81) is self.old else "new"

    def fill(self):
        self.apply("open")
        self.apply("old")
        self.must(*self.register("plain", self.plain))
        self.must(*self.register("plain", self.plain6))

    def settled(self, find):
        """Who serves at once, and after a command that looks for sockets; both or only the second may be new."""
        first = find(self)
        self.must("sync")
        then = find(self)
        check_settled(self.host)
        return then if first != then else first

    def web_of(self):
        return {self.web: "web", self.other: "other", self.plain: "plain", REFUSED: "none"}[self.reach(80)]

    def web_of_all(self, if_ended="none"):
        """Who serves WEB. What stands before the declared ones does so under the rules before too, and where it is not
        so any more, nothing is left of it there."""
        found = self.settled(HandLab.web_of)
        self.must("rollback")
        before = self.web_of()
        self.must("rollback")
        assert before == ("other" if found == "other" else if_ended), (found, before)
        return found

    def web_before_a_registered_one(self):
        """As web_of_all, and when the override ends what was registered for WEB serves under the rules before."""
        found = self.web_of_all("plain")
        if found == "other":
            self.must("unregister", "web")
            self.must("sync")
        self.must("rollback")
        assert self.web_of() == "plain"
        self.must("rollback")
        return found

    def drained_again(self):
        """Whether an undrain has ended or not, its socket can be drained, and comes back."""
        problems = json.loads(self.sklc("status", "--json").stdout)["problems"]
        assert not any("none is declared" in each["what"] for each in problems), problems
        self.must("drain", "plain", cookie(self.plain))
        drained = self.settled(HandLab.plain_of)
        self.must("undrain", "plain")
        return drained, self.settled(HandLab.plain_of)

    def plain_of(self):
        found = self.reach(83)
        return "group" if found in self.members else {self.plain: "plain", REFUSED: "none"}[found]

    def both_of_plain(self):
        """Who serves both families; a mixture is an error."""
        ipv6 = self.host.reach(TCP6, TCP6.at(1), 83, self.servers)
        return {(self.plain, self.plain6): "plain", (self.dual, self.dual): "dual"}[self.reach(83), ipv6]

    def is_tidy(self):
        check_settled(self.host)


def override(lab):
    return [*lab.register("web", lab.other), "--override"]


def prepare_override(lab):
    lab.must(*override(lab))


def prepare_open_override(lab):
    lab.must(*override(lab))
    lab.must("rollback")


def prepare_registered(lab):
    lab.must("rollback")
    lab.must(*lab.register("web", lab.plain))
    lab.must("rollback")


def prepare_override_of_registered(lab):
    prepare_registered(lab)
    prepare_override(lab)


def prepare_drained(lab):
    lab.must("drain", "web", cookie(lab.web))


def prepare_drained_override(lab):
    lab.must(*override(lab))
    lab.must("drain", "web", cookie(lab.other))


def prepare_drained_plain(lab):
    lab.must("drain", "plain")


def prepare_group(lab):
    lab.must(*lab.register("plain", lab.members[0]))


def prepare_drained_group(lab):
    prepare_group(lab)
    lab.must("drain", "plain", "127.0.0.1:{}".format(lab.members[0].getsockname()[1]))


def operation(words, before, after, prepare=None, find=None, outcome=HandLab.web_of_all):
    return Operation(words, before, after, prepare, (lambda lab: lab.settled(find)) if find else outcome, counts_on=False,
                     spoils=outcome is HandLab.web_before_a_registered_one)


OPERATIONS = {
    "override": operation(override, "web", "other"),
    "override before what is registered": operation(override, "web", "other", prepare_registered,
                                                    outcome=HandLab.web_before_a_registered_one),
    "end of an override before what is registered": operation(
        lambda lab: ["unregister", "web"], "other", "web", prepare_override_of_registered,
        outcome=HandLab.web_before_a_registered_one),
    "end of an override": operation(lambda lab: ["unregister", "web"], "other", "web", prepare_override),
    "registering the declared one again": operation(lambda lab: lab.register("web", lab.web), "other", "web",
                                                    prepare_override),
    "registering another one where nothing is declared": operation(
        lambda lab: lab.register("web", lab.plain), "other", "plain", prepare_open_override,
        outcome=lambda lab: lab.web_of_all("web")),
    "drain": operation(lambda lab: ["drain", "web"], "web", "none"),
    "undrain": operation(lambda lab: ["undrain", "web"], "none", "web", prepare_drained),
    "register a group": operation(lambda lab: lab.register("plain", lab.members[0]), "plain", "group",
                                  find=HandLab.plain_of),
    "register a dual-stack socket": operation(lambda lab: lab.register("plain", lab.dual), "plain", "dual",
                                              find=HandLab.both_of_plain),
    "drain what is registered": operation(lambda lab: ["drain", "plain"], "plain", "none", find=HandLab.plain_of),
    "undrain what is registered": operation(lambda lab: ["undrain", "plain"], "none", "plain", prepare_drained_plain,
                                            find=HandLab.plain_of),
    "undrain what is registered and is drained again": operation(
        lambda lab: ["undrain", "plain"], ("none", "plain"), ("none", "plain"), prepare_drained_plain,
        outcome=HandLab.drained_again),
    "drain an override": operation(lambda lab: ["drain", "web", cookie(lab.other)], "other", "web", prepare_override),
    "undrain an override": operation(lambda lab: ["undrain", "web"], "web", "other", prepare_drained_override),
    "drain a registered group": operation(lambda lab: ["drain", "plain"], "group", "none", prepare_group,
                                          find=HandLab.plain_of),
    "undrain a registered group": operation(lambda lab: ["undrain", "plain"], "none", "group", prepare_drained_group,
                                            find=HandLab.plain_of),
}


test_killed_at_any_system_call, test_any_system_call_fails = both_tests(HandLab, OPERATIONS, 3, 16)
