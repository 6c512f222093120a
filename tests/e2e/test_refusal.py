"""Messages about programs that the kernel refuses: objects with a changed instruction, and load calls that strace makes
fail."""
import collections
import re
import struct
import subprocess

import pytest

from conftest import NO_LEAK_CHECK, SKLC, program, sklc
from objects import patch
from test_diagnostics import on, said_alike  # noqa: F401 (a fixture)

RULES = """\
# what this host serves
tcp daddr 192.0.2.0/24 dport 80 redirect to web
chain inner {
\tsaddr 10.0.0.0/8 \\
\t\tdport 53 redirect to dns
}
udp jump inner
include "more.inc"
"""
MORE = "\nip saddr 203.0.113.0/24 drop\n"

LOAD, MOVE, ADD, JUMP, JUMP_UNLESS, EXIT = 0x61, 0xb7, 0x07, 0x05, 0x55, 0x95
LOAD_8 = 0x79
PROG_LOAD = "BPF_PROG_LOAD"


def insn(code, dst=0, src=0, offset=0, value=0):
    return struct.pack("<BBhi", code, dst | src << 4, offset, value)


class Program:
    """A compiled object and its listing, by which tests find instructions to change."""

    def __init__(self, host):
        self.path = host.folder / "prog.o"
        self.rules = host.rules(RULES)
        host.rules(MORE, "more.inc")
        assert sklc(self.rules, "-o", self.path).returncode == 0
        self.listing = sklc("--dump", "bytecode", self.rules).stdout

    def find(self, text, after=""):
        """The number of the first instruction with this text after the line that has AFTER in it."""
        found = re.search(rf"^ *(\d+): {text}", self.listing[self.listing.index(after):], re.MULTILINE)
        return int(found[1])

    def change(self, number, *instructions):
        patch(self.path, "sk_lookup", 8 * number, b"".join(instructions))


@pytest.fixture
def prog(host):
    return Program(host)


@pytest.mark.parametrize("location, after, shown", [
    (("rules.conf", 2, 1), ":2: tcp", "tcp daddr 192.0.2.0/24 dport 80 redirect to web"),
    (("rules.conf", 4, 2), ":4: saddr", "saddr 10.0.0.0/8 \\"),
    (("more.inc", 2, 1), ":2: ip saddr", "ip saddr 203.0.113.0/24 drop"),
], ids=["rule", "chain", "include"])
def test_a_refused_instruction_is_shown_at_its_rule(on, prog, location, after, shown):
    """A rule's first instruction loads through a register that was never written."""
    number = prog.find("", after)
    prog.change(number, insn(LOAD, 7, 9))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert said["message"] == "refused by the kernel's verifier"
    assert (said["file"].rpartition("/")[2], said["line"], said["column"]) == location
    assert said["text"] == shown
    assert said["details"] == f"instruction {number}: r7 = *(u32 *)(r9 +0)\nR9 !read_ok\n"
    text = on("--check", prog.path).stderr.splitlines()
    assert text[1].endswith("| " + " " * 7 * (location[2] - 1) + " " * (location[2] - 1) + shown)
    assert text[2].endswith("^" + "~" * (len(shown) - 1))
    assert text[3:] == said["details"].splitlines()


def test_a_fault_outside_of_the_rules_is_shown_as_in_what_serves_all_rules(on, prog):
    prog.change(prog.find("if r1 > 0x7 goto"), insn(JUMP))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert "file" not in said and said["message"].endswith("in what serves all rules")
    assert re.match(r"instruction \d+: r2 = \*\(u32 \*\)\(r3 \+0\)\nR3 unbounded memory access",
                    said["details"])


def test_a_return_value_of_two_is_refused(on, prog):
    prog.change(prog.find("r0 = 1"), insn(MOVE, 0, value=2))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert re.match(r"instruction \d+: exit\nAt program exit the register R0", said["details"])


def test_a_socket_reference_that_is_not_released_is_refused(on, prog):
    prog.change(prog.find("call bpf_sk_release"), insn(MOVE))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert re.match(r"instruction \d+: exit\nUnreleased reference", said["details"])


def test_an_unreachable_instruction_of_no_rule_is_shown_by_its_number(on, prog):
    prog.change(0, insn(EXIT))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert "refused by the kernel's verifier" in said["message"]
    assert said["details"] == "unreachable insn 1\n"


def test_an_unreachable_instruction_of_a_rule_is_shown_there(on, prog):
    """The jump before a rule's three instructions passes over them."""
    number = prog.find("r7 = r8", ":2: tcp")
    prog.change(number - 1, insn(JUMP, offset=3))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert said["line"] == 2 and said["details"] == f"unreachable insn {number}\n"


def test_a_program_too_long_to_verify_is_told_from_one_at_fault(on, prog):
    start = prog.find(r"r8 >>= 3")
    prog.change(start, insn(MOVE, 8), insn(ADD, 8, value=1))
    prog.change(start + 2, insn(JUMP_UNLESS, 8, offset=-2, value=5_000_000), insn(JUMP), insn(MOVE, 8))
    (said,) = said_alike(on, "--check", prog.path, status=3)
    assert "file" not in said and "more ways than the million instructions" in said["message"]
    assert "BPF program is too large" in said["details"]


def test_verbose_shows_the_end_of_the_log(on, prog):
    prog.change(prog.find("", ":2: tcp"), insn(LOAD, 7, 9))
    said = said_alike(on, "--check", prog.path, "-v", status=3)[0]
    head, log = said["details"].split("the verifier's log ends:\n")
    assert head.endswith("R9 !read_ok\n") and "processed " in log and len(log.splitlines()) > 5


def test_rules_that_are_refused_leave_what_was_applied(host, prog):
    prog.change(prog.find("", ":2: tcp"), insn(LOAD, 7, 9))
    host.apply("tcp dport 80 drop\n", "--quiet")
    assert "rules.conf:2:1: error" in host.sklc("--apply", prog.path, status=3).stderr
    assert "dport 80 drop" in host.sklc("list").stdout


def test_false_line_information_does_no_harm(on, prog):
    """Line information with bad offsets: libbpf, the kernel or sklc refuses it, or ignores it, and none crashes."""
    prog.change(prog.find("", ":2: tcp"), insn(LOAD, 7, 9))
    whole = prog.path.read_bytes()
    for at in (0, 20, 24, 28, 60, -4):
        for value in (0, 0xffffffff, 0x7fffffff):
            prog.path.write_bytes(whole)
            patch(prog.path, ".BTF.ext", at, struct.pack("<I", value))
            done = on("--check", prog.path)
            assert done.returncode == 3 and re.search("R9 !read_ok|cannot (open|load)|Invalid line_info|another header",
                                                      done.stderr), done.stderr


def trace(host, prog, *options):
    """Runs --check under strace, where the leak sanitizer does not work; its result and the trace."""
    log = host.folder / "trace"
    done = subprocess.run([program("strace"), "-f", "-o", log, "-e", "trace=bpf", *options, SKLC, "--check",
                           prog.path], text=True, capture_output=True,
                          env=NO_LEAK_CHECK)
    return done, log.read_text(errors="replace").splitlines()


def number_of_load(lines):
    """The number of the call that loads the program, among the bpf calls of its process."""
    calls = collections.Counter()
    for line in lines:
        if " bpf(" not in line:
            continue
        calls[line.split()[0]] += 1
        if PROG_LOAD in line and 'prog_name="sklc"' in line:
            return calls[line.split()[0]]
    raise AssertionError("the program was not loaded")


@pytest.mark.parametrize("error, words", [
    ("EPERM", "cannot load '{}' into the kernel: operation not permitted"),
    ("EINVAL", "this kernel may lack the sk_lookup hook: Linux 5.9 or later is needed"),
    ("E2BIG", "more ways than the million instructions"),
    ("ENOSPC", "the log that says why is longer than the 16 MiB kept of it"),
    ("ENOMEM", "cannot load '{}' into the kernel: cannot allocate memory"),
])
def test_a_refusal_without_a_log_says_what_it_is(host, prog, error, words):
    _, lines = trace(host, prog)
    done, _ = trace(host, prog, "-e", f"inject=bpf:error={error}:when={number_of_load(lines)}+")
    assert done.returncode == 3 and words.format(prog.path) in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
