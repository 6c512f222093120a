"""Commands killed, or refused a system call, at any point, with as many older generations as are kept, and
tables in all of them: every generation that history lists can be read whole, and none is lost but the oldest."""
import json

from conftest import WIRES
from life import check_settled
from test_crash import COUNTED, NEW, OLD, Lab, Operation, both_tests, needs_strace

TCP4 = WIRES["tcp-ipv4"]
MANY = "".join(f"tcp daddr 198.51.{n}.0/24 dport {1 + n % 7} drop\n" for n in range(64))
KEPT = 12

pytestmark = needs_strace


class HistoryLab(Lab):
    """The older generations are the rules OLD and NEW in turn, and for each point this adds some."""

    def __init__(self, host):
        super().__init__(host)
        self.texts = {"old": MANY + OLD + COUNTED, "new": MANY + COUNTED + NEW}
        for name, text in self.texts.items():
            self.run(host.rules(text, f"{name}.conf"), "-o", self.objects[name], "--tables", "splus")
        for _ in range(KEPT // 2 + 1):
            self.fill()
        assert sum(each["state"] == "older" for each in self.history()) == KEPT - 2

    def begin_again(self):
        """The history goes on."""

    def history(self):
        return json.loads(self.sklc("history", "--json").stdout)["generations"]

    def older(self):
        """The number of the oldest generation but one that has the rules NEW; the operation may forget the oldest."""
        for each in reversed(self.history()[:-1]):
            if self.sklc("list", each["generation"]).stdout == self.texts["new"]:
                return each["generation"]
        raise AssertionError("NEW is not in the history")

    def rules_with_history(self):
        found = self.history()
        numbers = [each["generation"] for each in found]
        assert numbers == sorted(numbers, reverse=True) and KEPT <= len(found) <= KEPT + 1, numbers
        for number in numbers:
            assert self.sklc("list", number).stdout in self.texts.values(), number
        return self.rules()

    def is_tidy(self):
        super().is_tidy()
        assert len(check_settled(self.host)) == KEPT


OPERATIONS = {
    "apply": Operation(lambda lab: ["--apply", lab.objects["new"]], after="new", outcome=HistoryLab.rules_with_history),
    "rollback": Operation(lambda lab: ["rollback", lab.older()], after="new", outcome=HistoryLab.rules_with_history),
}


test_killed_at_any_system_call, test_any_system_call_fails = both_tests(HistoryLab, OPERATIONS, 3, 16)
