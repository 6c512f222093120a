"""A command that is killed, or whose system call fails, at any point leaves the earlier rules or the new ones, never a
mixture, and the next command clears up.

strace injects SIGKILL, and in another run an error, into each system call in turn. Only the calls in CHANGING change
what the kernel keeps, so killing at each of these leaves every possible state. Where look-ups in one map follow each
other, the first and the last one fail. A run takes a share of the calls (SKLC_TEST_SHARE=1/4: every fourth, from the
first on). With SKLC_TEST_EVERY_CALL=1 it takes all of them, calls of every other kind too, and every error at each of
them."""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing

import pytest

from conftest import NO_LEAK_CHECK, REFUSED, SANITIZED, SKLC, WIRES
from life import check_killed, check_settled, namespace_folder

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
OLD = ("tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n"
       "tcp daddr 192.0.2.0/24 dport 81 counter redirect to old\n")
NEW = ("tcp daddr 192.0.2.0/24 dport 81 counter redirect to new\n"
       "tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n")
# This rule counts datagrams: a connection may send a late packet, which would be counted too.
COUNTED = "udp daddr 192.0.2.0/24 dport 53 counter drop\n"
CHANGING = {"bpf", "mkdirat", "unlinkat", "renameat", "flock", "sendmsg", "recvmsg", "clone", "fork"}
FAILING = CHANGING | {"openat", "mmap", "socket", "setns", "socketpair", "getdents64", "wait4",
                      "membarrier"}
# A process that is killed at one of these leaves the same as one that is killed at its next other call.
READING = re.compile(r"bpf\(BPF_(MAP_LOOKUP_ELEM|MAP_LOOKUP_BATCH|MAP_GET_NEXT_KEY|OBJ_GET_INFO_BY_FD|OBJ_GET|PROG_QUERY"
                     r"|\w+_BY_ID),")
LOOKUP = re.compile(r"bpf\(BPF_MAP_LOOKUP_ELEM, \{map_fd=\d+,")
EVERY_CALL = os.environ.get("SKLC_TEST_EVERY_CALL") == "1"
SHARE, SHARES = map(int, os.environ.get("SKLC_TEST_SHARE", "1/1" if EVERY_CALL else "1/4").split("/"))
# One after another for a process's calls of a kind; three, so that each share of a quarter has all of them.
ERRORS = {"bpf": ["ENOMEM", "EPERM", "EINVAL"], "openat": ["ENOMEM", "EMFILE", "EACCES"]}

# The pins of a state in which nothing is under way, but for those of generations, which life.h tells.
FOLDER = ["count", "hand", "link", "since", "slots", "sockets", "spare_marks", "state"]

KEPT_STATE = pathlib.Path(SKLC).parent / "tests" / "e2e" / "kept_state"

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
pytestmark = needs_strace


class Lab:
    """A host with sockets for all labels, whose rules are OLD, NEW or none. DONE is the command that was interrupted."""

    quietly = ["-q"]
    done = None

    def __init__(self, host):
        self.host = host
        self.web, self.old, self.new, self.usual = (host.server(TCP4) for _ in range(4))
        self.usual = host.server(TCP4, TCP4.any, 81)
        self.servers = [self.web, self.old, self.new, self.usual]
        self.datagrams = 0
        self.objects = {}
        for name, text in (("old", OLD + COUNTED), ("new", COUNTED + NEW)):
            self.objects[name] = host.folder / f"{name}.o"
            self.run(host.rules(text, f"{name}.conf"), "-o", self.objects[name])

    def kept(self):
        """All that the state holds; None if it cannot be told, as when another namespace changes the follower."""
        folder = self.host.state_folder()
        followers = [each.name for each in folder.parent.glob("follower*")]
        done = subprocess.run([KEPT_STATE, folder.parent, folder.name, *followers], capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def run(self, *words, before=()):
        return subprocess.run([*before, SKLC, *map(str, words), *self.quietly], capture_output=True, text=True,
                              check=False, timeout=120, env=NO_LEAK_CHECK)

    def sklc(self, *words, before=()):
        return self.run(*words, "--netns", self.host.namespace.path, "--bpffs", self.host.bpffs,
                        before=before)

    def must(self, *words):
        done = self.sklc(*words)
        assert done.returncode == 0, f"{done.args}\n{done.stderr}"

    def apply(self, name, *words):
        self.must("--apply", self.objects[name], *words)

    def cannot_follow(self):
        """Whether the command that was interrupted has warned of that."""
        return self.done is not None and "warning: cannot follow" in self.done.stderr

    def register(self, label, sock):
        return ["register", label, "--pid", os.getpid(), "--fd", sock.fileno()]

    def fill(self):
        """Makes OLD the current rules and NEW the ones before, with all sockets registered."""
        for name, sock in (("new", self.new), ("old", self.old)):
            self.apply(name)
            self.must(*self.register(name, sock))
        self.must(*self.register("web", self.web))

    def reach(self, port):
        return self.host.reach(TCP4, TCP4.at(1), port, self.servers)

    def uncounted(self):
        """How many datagrams the rule that OLD and NEW share did not count; negative if it counted some twice."""
        for _ in range(3):
            assert self.host.reach(UDP4, UDP4.at(1), 53, []) == REFUSED
            self.datagrams += 1
        status = json.loads(self.sklc("status", "--json").stdout)
        counted, = [rule["counter"] for rule in status["rules"] if "dport 53" in rule["text"]]
        return self.datagrams - counted

    def rules(self):
        """Which rules decide: OLD, NEW or none. No mixture may."""
        found = {self.old: "old", self.new: "new", self.usual: "none"}[self.reach(81)]
        web = self.reach(80)
        assert web == REFUSED if found == "none" else web is self.web
        return found

    def restore(self):
        """Makes the state that every injection starts from. The first command that does so must clear up the last
        injection."""
        self.sklc("confirm")
        check_settled(self.host)
        self.begin_again()
        self.fill()
        assert self.rules() == "old"
        self.is_tidy()

    def begin_again(self):
        """Forgets the generations, so that commands have as few system calls as they can."""
        self.detach()

    def detach(self):
        """Takes the rules off, if there are any."""
        assert self.sklc("detach").returncode in (0, 4)

    def leave(self):
        self.detach()
        assert self.host.pins() == []

    def is_tidy(self):
        """Nothing is pinned but what is in use."""
        check_settled(self.host)
        assert sorted(pin.name for pin in namespace_folder(self.host).iterdir() if not pin.is_dir()) == FOLDER


class Operation:
    """A command to interrupt: how to prepare for it, and what OUTCOME must be before it and after it. STAYS: what it
    had done before a system call failed is right by itself, and is kept. SPOILS: to find the outcome, commands change
    the state, so the next point prepares anew."""

    def __init__(self, words, before="old", after=None, prepare=None, outcome=None,
                 counts_on=True, stays=False, spoils=False):
        self.words, self.before, self.after = words, before, after or before
        self.prepare, self.outcome = prepare or (lambda lab: None), outcome or Lab.rules
        self.stays, self.spoils = stays, spoils
        self.counts_on = counts_on  # counters keep their values, whether the command succeeds or not


def prepare_nothing(lab):
    lab.sklc("detach")


def prepare_trial(lab):
    lab.apply("new", "--confirm", "600")


def registered(lab):
    return {lab.web: "web", lab.usual: "usual", REFUSED: "none"}[lab.reach(80)]


def prepare_registered(lab):
    lab.must(*lab.register("web", lab.web))


OPERATIONS = {
    "first apply": Operation(lambda lab: ["--apply", lab.objects["old"]], "none", "old-empty",
                             prepare_nothing, lambda lab: "none" if lab.reach(81) is lab.usual
                             else "old-empty", counts_on=False),
    "apply": Operation(lambda lab: ["--apply", lab.objects["new"]], after="new"),
    "apply on trial": Operation(lambda lab: ["--apply", lab.objects["new"], "--confirm", "600"],
                                after="new"),
    "confirm": Operation(lambda lab: ["confirm"], "new", "new", prepare_trial),
    "rollback": Operation(lambda lab: ["rollback"], after="new"),
    "rollback of a trial": Operation(lambda lab: ["rollback"], "new", "old", prepare_trial),
    "reset": Operation(lambda lab: ["reset"], counts_on=False),
    "register": Operation(lambda lab: lab.register("web", lab.usual), "web", "usual",
                          prepare_registered, registered),
    "unregister": Operation(lambda lab: ["unregister", "web", "tcp", "ipv4"], "web", "none", prepare_registered,
                            registered),
    "detach": Operation(lambda lab: ["detach"], after="none", counts_on=False),
}


class Call(typing.NamedTuple):
    is_change: bool  # it may change what the kernel keeps
    is_amid: bool  # amid look-ups in one map


def calls_in(lines):
    """The calls of one process, each with its name and number. What the loader does before the program begins is the
    same for any program, and not among them."""
    counts, rows = collections.Counter(), [LOOKUP.match(line) for line in lines]
    rows = [row and row.group() for row in rows]
    begun = max((at for at, line in enumerate(lines) if line.startswith("set_tid_address(")), default=-1)
    for at, line in enumerate(lines):
        name = line.split("(")[0]
        counts[name] += 1
        if at > begun:
            is_amid = rows[at] and 0 < at < len(rows) - 1 and rows[at - 1] == rows[at] == rows[at + 1]
            yield name, counts[name], Call(not READING.match(line), bool(is_amid))


def calls_of(lab, operation):
    """The calls of a command: by name, and by the number in the process that makes it. Where two processes have calls
    of the same name and number, strace injects into both."""
    operation.prepare(lab)
    log = lab.host.folder / "trace"
    done = lab.sklc(*operation.words(lab), before=["strace", "-f", "-o", log])
    assert done.returncode == 0, done.stderr
    processes = collections.defaultdict(list)
    for line in log.read_text(errors="replace").splitlines():
        pid, rest = line.split(None, 1)
        if re.match(r"[a-z_0-9]+\(", rest):
            processes[pid].append(rest)
    found = {}
    for lines in processes.values():
        for name, number, call in calls_in(lines):
            other = found.get((name, number), call)
            found[name, number] = Call(call.is_change or other.is_change, call.is_amid and other.is_amid)
    return found


def inject(lab, operation, call, number, what):
    """Runs the operation with one injection. Returns the finished process, and whether strace did inject. What fails
    closes no descriptor that it does not have: a number that nobody wrote may be another one's."""
    log = lab.host.folder / "injected"
    quickly = ["--seccomp-bpf"] if what.startswith("error") else []  # with it strace injects no signals
    done = lab.sklc(*operation.words(lab), before=[
        "strace", "-f", *quickly, "-o", log, "-e", f"trace={call},close", "-e", f"inject={call}:{what}:when={number}"])
    text = log.read_text(errors="replace")
    closed = re.findall(r"\bclose\(0\).*|\bclose\(.*EBADF (?!.*INJECTED).*", text)
    assert not closed, (operation, call, number, what, closed)
    return done, "INJECTED" in text or "killed by SIGKILL" in text


def kills(_name, _number, call):
    return ["signal=KILL"] if call.is_change or EVERY_CALL else []


def failures(name, number, call):
    errors = ERRORS.get(name, ["ENOMEM"])
    if EVERY_CALL:
        return [f"error={error}" for error in errors]
    return [] if call.is_amid else [f"error={errors[number % len(errors)]}"]


def points(lab, operation, names, what):
    for (name, number), call in sorted(calls_of(lab, operation).items()):
        if name in names or EVERY_CALL and name not in ("execve", "exit_group"):
            for each in what(name, number, call):
                yield name, number, each


def outcome_of(lab, operation):
    """What the operation has led to, or what is wrong with it."""
    try:
        check_killed(lab.host)
        return operation.outcome(lab)
    except (AssertionError, KeyError, OSError) as error:
        return repr(error)


def run_points(lab, operation, calls, what, fewer):
    """FEWER: takes one of so many of the calls, unless a share is asked for. A command that failed, and left what was,
    is followed by the next one, whatever it left behind. One that failed, and changed not a byte of what is kept, needs
    no other look: what the state leads to was seen at a point before."""
    wanted, injected, faults, is_as_before, was_seen, kept = 0, 0, [], False, False, None
    lab.restore()
    step = SHARES * (1 if "SKLC_TEST_SHARE" in os.environ else fewer)
    for call, number, each in list(points(lab, operation, calls, what))[SHARE - 1::step]:
        if not is_as_before:
            lab.restore()
            operation.prepare(lab)
        if kept is None:
            uncounted = operation.counts_on and lab.uncounted()
            kept = lab.kept()
        lab.done, was = inject(lab, operation, call, number, each)
        wanted, injected = wanted + 1, injected + was
        is_error, done = each.startswith("error"), lab.done
        if is_error and done.returncode and was_seen and kept is not None and lab.kept() == kept:
            is_as_before = True
            continue
        kept, found = None, outcome_of(lab, operation)
        right = {operation.before, operation.after}
        if is_error:
            if done.returncode == 0:
                right = {operation.after}
            elif not operation.stays:
                right = {operation.before}
            if done.returncode == 0 and re.search("^sklc: (?!warning: |note: )", done.stderr, re.MULTILINE):
                faults.append(f"{call} {number} {each}: succeeded with an error: {done.stderr}")
        if found not in right:
            faults.append(f"{call} {number} {each}: {found}, status {done.returncode}: {done.stderr}")
        lost = operation.counts_on and lab.uncounted() - uncounted
        if lost:
            faults.append(f"{call} {number} {each}: {lost} datagrams not counted")
        is_as_before = (is_error and done.returncode and not operation.spoils
                        and found == operation.before != operation.after)
        was_seen = was_seen or found == operation.before
    lab.restore()
    assert not faults, "\n".join(faults)
    # A run with an injection may make a few calls less of a kind than one without.
    assert wanted - injected <= max(3, wanted // 10) and (injected or wanted < 2), f"{injected} of {wanted} were injected"
    print(f"{injected} of {wanted} injected")


def kill_everywhere(lab, operation, fewer=1):
    run_points(lab, operation, CHANGING, kills, fewer)


def fail_everywhere(lab, operation, fewer=1):
    if SANITIZED:
        pytest.skip("the sanitizer's own system calls must not fail")
    run_points(lab, operation, FAILING, failures, fewer)


def both_tests(make_lab, operations, fewer_kills, fewer_failures):
    """The tests of a file: each operation killed anywhere, and with each of its system calls failing."""
    @pytest.mark.parametrize("name", operations)
    def killed(host, name):
        lab = make_lab(host)
        kill_everywhere(lab, operations[name], fewer_kills)
        lab.leave()

    @pytest.mark.parametrize("name", operations)
    def failing(host, name):
        lab = make_lab(host)
        fail_everywhere(lab, operations[name], fewer_failures)
        lab.leave()

    return killed, failing


test_killed_at_any_system_call, test_any_system_call_fails = both_tests(Lab, OPERATIONS, 1, 4)
