"""Commands that read without the lock, while others change what they read: they show what was in force before or after,
without a word of what they met in between."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from conftest import NO_LEAK_CHECK, SKLC, program

READERS = [["status"], ["status", "--all"], ["list"], ["history"]]
A, B, C = ("tcp dport 80 redirect to web\n", "tcp dport 81 redirect to web\n", "tcp dport 82 redirect to other\n")


def children(process):
    words = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return [int(each) for each in words]


class Stopped:
    """A reader that stops behind system calls, as long as it takes to call MEANWHILE."""

    def __init__(self, host, words, calls):
        self.log = host.folder / "stopped"
        self.log.unlink(missing_ok=True)
        injections = [word for call, when in calls.items() for word in ("-e", f"inject={call}:signal=STOP:when={when}")]
        self.process = subprocess.Popen(
            [program("strace"), "-o", self.log, "-e", f"trace={','.join(calls)}", *injections, SKLC, *words, "--netns",
             host.namespace.path, "--bpffs", host.bpffs], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=NO_LEAK_CHECK)

    def stops(self):
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return text.count("stopped by SIGSTOP")

    def run(self, meanwhile):
        """Returns what it said, and how often it was stopped."""
        seen = 0
        while self.process.poll() is None:
            if self.stops() > seen:
                seen += 1
                (child,) = children(self.process)
                meanwhile(child)
                os.kill(child, signal.SIGCONT)
            time.sleep(0.005)
        out, err = self.process.communicate()
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err), seen


def calls_of(host, words, call):
    """How many calls the reader makes, where nothing is changed meanwhile."""
    done = subprocess.run([program("strace"), "-e", f"trace={call}", SKLC, *words, "--netns", host.namespace.path,
                           "--bpffs", host.bpffs], text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
    return len(re.findall(rf"^{call}\(", done.stderr, re.MULTILINE))


def check_each_stop(host, words, before, meanwhile, stops=5):
    """Stops the reader in one call of bpf(2) after another, changes what it reads, and looks at what it says then."""
    before()
    calls = calls_of(host, words, "bpf")
    stopped, step = 0, max(1, calls // stops)
    for when in range(1, calls + 1, step):
        before()
        known = {host.sklc(*words, status=None).returncode}
        done, seen = Stopped(host, words, {"bpf": when}).run(lambda child: meanwhile())
        known.add(host.sklc(*words, status=None).returncode)
        stopped += seen
        said = f"call {when} of {calls}: {done}"
        assert done.returncode in known, said
        assert done.stderr == "" or done.returncode == 4, said
        assert not re.search("missing|on the hook:|did not put there|no state of rules", done.stdout + done.stderr), said
    assert stopped >= calls // step


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_an_apply_beside_a_reader_leaves_no_word(host, words):
    def before():
        host.sklc("detach", status=None)
        for rules in (A, B):
            host.apply(rules, "-q")

    def meanwhile():
        for rules in (C, A):
            host.apply(rules, "-q")

    check_each_stop(host, words, before, meanwhile)


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_the_end_of_a_trial_beside_a_reader_leaves_no_word(host, words):
    def before():
        host.sklc("detach", status=None)
        host.apply(A, "-q")
        host.apply(B, "-q", "--confirm", "600")

    check_each_stop(host, words, before, lambda: host.sklc("rollback", "-q"))


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_detach_beside_a_reader_leaves_no_word(host, words):
    def before():
        host.apply(A, "-q")

    check_each_stop(host, words, before, lambda: host.sklc("detach", "-q"))


def number_of_look(host, words):
    """Which call of openat(2) looks for the folder of sklc."""
    done = subprocess.run([program("strace"), "-e", "trace=openat", SKLC, *words, "--netns", host.namespace.path,
                           "--bpffs", host.bpffs], text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
    calls = [line for line in done.stderr.splitlines() if line.startswith("openat(")]
    return 1 + next(i for i, line in enumerate(calls) if '"sklc"' in line)


@pytest.mark.parametrize("words", [["status"], ["list"], ["history"]], ids=" ".join)
def test_rules_that_come_while_a_reader_looks_are_no_lost_program(host, words):
    """They come when it has seen that there is no folder."""
    look = number_of_look(host, words)
    done, seen = Stopped(host, words, {"openat": look}).run(lambda _: host.apply("tcp dport 80 drop\n", "-q"))
    assert seen == 1 and done.returncode == 0 and done.stderr == "", done


@pytest.mark.parametrize("words", [["sync"], ["reset"], ["detach"]], ids=" ".join)
def test_rules_that_come_before_a_command_has_the_lock_are_no_lost_program(host, words):
    look = number_of_look(host, words)
    done, seen = Stopped(host, words, {"openat": look}).run(lambda _: host.apply(A, "-q"))
    assert seen == 1 and done.returncode == 3 and "has just applied rules to" in done.stderr, done
    assert "on the hook" not in done.stderr
    host.sklc(*words)


@pytest.mark.parametrize("words", [["status"], ["list"], ["history"]], ids=" ".join)
def test_a_reader_that_is_overtaken_each_time_says_so(host, words):
    """It opens the bpffs before each try, and again behind it, to compare."""
    rules = [A, B]
    host.apply(A, "-q")

    def meanwhile(_):
        rules.reverse()
        host.apply(rules[0], "-q")

    done, seen = Stopped(host, words, {"fstatfs": "1+"}).run(meanwhile)
    assert done.returncode == 3 and done.stdout == "" and seen >= 5, (done, seen)
    assert done.stderr.count("sklc: ") == 1 and "was changed each of the 5 times that it was read" in done.stderr


def test_a_pin_that_stays_away_is_told_once(host):
    """Such as one that somebody removed, while no other command runs."""
    host.apply(A, "-q")
    (host.state_folder() / "g1" / "keys").unlink()
    done = host.sklc("status", status=3)
    assert done.stderr.count("sklc: ") == 1 and "g1/keys' is missing" in done.stderr


def test_a_try_that_was_overtaken_leaves_nothing_open(host):
    """Looks at the descriptors when the status is written, once everything is closed."""
    host.apply(A, "-q")
    rules, opened = [C, B], []

    def meanwhile(child):
        opened.append(len(os.listdir(f"/proc/{child}/fd")))
        host.apply(rules[len(opened) % 2], "-q")

    Stopped(host, ["status"], {"write": "1"}).run(meanwhile)
    Stopped(host, ["status"], {"write": "1", "bpf": "20"}).run(meanwhile)
    alone, _, overtaken = opened
    assert overtaken == alone
