"""A pin of the state that somebody removes is not taken for one that there never was: commands are refused by its name,
and change nothing."""
import contextlib
import os
import struct
import time

import pytest

from conftest import REFUSED, WIRES
from life import bpf, check_settled, ctypes, pinned_bytes, program_on, table

TCP4 = WIRES["tcp-ipv4"]
BPF_OBJ_PIN, BPF_OBJ_GET = 6, 7

# So many addresses that they are in tables.
MANY = ", ".join(f"203.0.{number >> 8}.{number & 255}" for number in range(0, 4000, 2))
COUNTED = f"ip saddr {{ {MANY} }} counter drop\ntcp dport 85 counter redirect to hand\n"
OLDER = "tcp dport 80 drop\n" + COUNTED
BEFORE = "socket web { tcp 127.0.0.1:8079 }\ntcp dport 80 counter redirect to web\n" + COUNTED
RULES = "socket web { tcp 127.0.0.1:8080 }\ntcp dport 80 counter redirect to web\n" + COUNTED
TRIED = "socket web { tcp 127.0.0.1:8082 }\ntcp dport 80 counter redirect to web\n" + COUNTED
OTHER = "socket oth { tcp 127.0.0.1:8081 }\ntcp dport 81 redirect to oth\n"

pytestmark = pytest.mark.usefixtures("cgroup2")


def on_path(command, path, *rest):
    name = ctypes.create_string_buffer(str(path).encode())
    return bpf(command, struct.pack("=QII", ctypes.addressof(name), *(rest or (0, 0))))


@contextlib.contextmanager
def without(pin):
    """While the pin is removed. What it holds stays, so it can be pinned again."""
    held = on_path(BPF_OBJ_GET, pin)
    try:
        pin.unlink()
        yield
        on_path(BPF_OBJ_PIN, pin, held, 0)
    finally:
        os.close(held)


class Served:
    """A host whose rules are served: of the generations 1 (older), 2 (previous), 3 (current), and perhaps 4 (on trial)."""

    def __init__(self, host, on_trial):
        self.host = host
        self.by_hand = host.server(TCP4)
        self.declared = {port: host.server(TCP4, port=port) for port in (8079, 8080, 8081, 8082)}
        self.servers = [self.by_hand, *self.declared.values()]
        for text in (OLDER, BEFORE, RULES):
            host.apply(text, "-q")
        host.register("hand", self.by_hand)
        assert self.traffic() == [self.declared[8080], REFUSED, self.by_hand]
        host.sklc("drain", "web", "-q")  # a look for sockets would find this one again
        if on_trial:
            host.apply(TRIED, "-q", "--confirm", "600")
        check_settled(host)
        assert self.traffic() == [self.declared[8082] if on_trial else REFUSED, REFUSED, self.by_hand]

    def traffic(self):
        return [self.host.reach(TCP4, TCP4.at(1), port, self.servers) for port in (80, 81, 85)]

    def everything(self):
        folder = self.host.state_folder()
        pins = {str(pin.relative_to(folder)) for pin in folder.rglob("*") if not pin.is_dir()}
        records = [pinned_bytes(pin) for pin in sorted(folder.glob("g*/record"))]
        return pins, records, program_on(folder / "link")

    def commands(self):
        rules = self.host.rules(OTHER)
        socket = ["--pid", os.getpid(), "--fd", self.by_hand.fileno()]
        return [["apply", rules], ["apply", rules, "--confirm", "2"], ["sync"], ["rollback"], ["rollback", "1"], ["confirm"],
                ["status"], ["status", "--json"], ["register", "hand", *socket], ["unregister", "hand"],
                ["drain", "hand"], ["reset"], ["apply", self.host.rules(RULES, "same.conf")]]


def removable(host, phases):
    """The pins that the state must have, but for the link: its removal takes the rules off."""
    folder = host.state_folder()
    return [pin for pin in sorted(folder.rglob("*")) if not pin.is_dir() and pin.name != "link" and
            (pin.parent == folder or pin.parent.name in phases) and (pin.parent.name, pin.name) != ("g1", "record")]


@pytest.mark.parametrize("on_trial", [False, True], ids=["settled", "on trial"])
def test_each_command_is_refused_by_the_name_of_a_pin_that_was_removed(host, on_trial):
    served = Served(host, on_trial)
    pins = removable(host, ["g1", "g2", "g3", "g4"])
    names = {pin.name for pin in pins}
    assert {"state", "sockets", "slots", "spare_marks", "since", "hand", "count", "base", "host", "program", "record",
            "object", "tables", "keys", "machine", "rule_counters", "label_counters", "declared", "cgroups"} <= names
    assert {"trial", "choices"} <= names or not on_trial
    for pin in pins:
        with without(pin):
            before, traffic = served.everything(), served.traffic()
            for words in served.commands():
                done = host.sklc(*words, status=3)
                assert f"'{pin}'" in done.stderr or (pin.name == "record" and "'record'" in done.stderr), (pin, words, done.stderr)
                assert "missing" in done.stderr and "detach" in done.stderr, (pin, words, done.stderr)
                assert served.everything() == before, (pin, words)
            assert served.traffic() == traffic, pin
    before = served.traffic()
    host.sklc("sync", "-q")
    assert served.traffic() == before
    host.sklc("confirm" if on_trial else "rollback", "-q")
    check_settled(host)


def test_detach_clears_a_state_that_lacks_a_pin(host):
    server = host.server(TCP4, TCP4.any, 80)
    host.apply(BEFORE, "-q")
    host.apply(TRIED, "-q", "--confirm", "600")
    for pin in [pin.relative_to(host.state_folder()) for pin in removable(host, ["g2"])]:
        if not host.state_folder().exists():
            host.apply(TRIED, "-q", "--confirm", "600")
        newest = "g2" if (host.state_folder() / "g2").exists() else "g1"
        (host.state_folder() / str(pin).replace("g2", newest)).unlink()
        host.sklc("detach")
        assert host.pins() == [], pin
        assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_without_the_link_the_rules_are_off_and_can_be_applied_again(host):
    served = Served(host, False)
    (host.state_folder() / "link").unlink()
    deadline = time.monotonic() + 10  # the kernel takes a link off some time after its last pin is gone
    while served.traffic() != [REFUSED] * 3:
        assert time.monotonic() < deadline
    assert host.sklc("status", status=4)
    host.apply(OTHER, "-q")
    assert served.traffic()[1] is served.declared[8081]
    check_settled(host)


def test_an_older_generation_without_its_record_is_forgotten(host):
    served = Served(host, False)
    before = served.traffic()
    (host.state_folder() / "g1" / "record").unlink()
    host.sklc("sync", "-q")
    assert served.traffic() == before and not (host.state_folder() / "g1").exists()


def test_the_table_says_of_each_pin_whether_its_absence_can_be_told():
    """A pin of rules that may run is there always, or as the record says; but for what is written later."""
    rows = table()
    assert {pin for pin, row in rows.items() if "MAY" in (row["on trial"], row["current"], row["previous"], row["older"])} \
        == {"base"}


def test_rules_of_another_namespace_that_lack_a_pin_are_not_taken_for_ones_without_declarations(make_host):
    """When the follower is made anew, it says that it does not follow them."""
    lacking, whole = make_host(), make_host()
    for each in (lacking, whole):
        each.apply(RULES, "-q")
    follower = next(path for path in (lacking.state_folder().parent).iterdir() if path.name.startswith("follower"))
    next(pin for pin in sorted(follower.iterdir()) if pin.name != "link").unlink()
    with without(lacking.state_folder() / "g1" / "declared"):
        assert "are not followed until" in whole.sklc("sync").stderr
    assert "not followed" not in whole.sklc("sync").stderr
    lacking.sklc("sync", "-q")
    assert not [each for each in lacking.status(status=None)["problems"] if "follow" in str(each)]
