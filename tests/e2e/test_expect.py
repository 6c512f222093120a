"""Expect lines are run in the kernel on the compiled program, so that errors of the compiler are found."""
import re
import struct
import subprocess

import pytest

from conftest import NO_LEAK_CHECK, REFUSED, SKLC, WIRES, program, sklc
from objects import content, patch, sections

TCP4 = WIRES["tcp-ipv4"]
RULES = """
tcp daddr 192.0.2.0/24 dport 80 redirect to web
udp daddr { 192.0.2.0/24, 2001:db8::/32 } dport 53 redirect to dns no-reuseport
ip6 daddr ::/0 tcp dport 80 drop
iifname "eth7" tcp dport 22 drop
expect tcp 192.0.2.7:80 redirect to web
expect udp 192.0.2.7:53 redirect to dns
expect udp [2001:db8::9]:4242 -> [2001:db8::1]:53 redirect to dns
expect tcp [2001:db8::1]:80 drop
expect tcp 198.51.100.1:80 pass
expect tcp 198.51.100.1:22 iif eth7 drop
expect tcp 198.51.100.1:22 pass
"""
DNS = 1
EXPECT_BYTES, EXPECT_INTERFACE, EXPECT_VERDICT, EXPECT_LABEL = 76, 60, 64, 68


@pytest.fixture
def prog(host):
    path = host.folder / "prog.o"
    done = sklc(host.rules(RULES), "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_expect_lines_that_are_right_hold_in_the_kernel(host, prog):
    assert "7 expect lines hold in the kernel" in host.sklc("--check", prog).stdout
    host.sklc("--apply", prog)


def test_a_wrong_label_is_found_and_the_right_one_named(host, prog):
    patch(prog, "sklc.expects", EXPECT_LABEL, struct.pack("<I", DNS))
    done = host.sklc("--check", prog, status=1)
    assert "'redirect to dns'" in done.stderr and "decided 'redirect to web'" in done.stderr
    assert "rules.conf:6" in done.stderr


def test_a_wrong_verdict_is_found(host, prog):
    patch(prog, "sklc.expects", 3 * EXPECT_BYTES + EXPECT_VERDICT, struct.pack("<I", 0))
    done = host.sklc("--check", prog, status=1)
    assert "expected 'pass', the kernel decided 'drop'" in done.stderr


def test_a_wrong_interface_is_found(host, prog):
    patch(prog, "sklc.expects", 5 * EXPECT_BYTES + EXPECT_INTERFACE, struct.pack("<I", 2))
    assert "decided 'pass'" in host.sklc("--check", prog, status=1).stderr


def test_a_broken_program_is_found(host, prog):
    """Changes a comparison with port 80 to port 81."""
    data = prog.read_bytes()
    program = content(data, sections(data)["sk_lookup"])
    for at in range(0, len(program), 8):
        code, immediate = struct.unpack_from("<B3xi", program, at)
        if code & 7 in (5, 6) and immediate == 80:
            patch(prog, "sk_lookup", at + 4, struct.pack("<i", 81))
    done = host.sklc("--check", prog, status=1)
    assert "expected 'redirect to web', the kernel decided 'pass'" in done.stderr


def test_a_wrong_slot_is_found(host, prog):
    """Makes the program take two slots for each label instead of four."""
    data = prog.read_bytes()
    program = content(data, sections(data)["sk_lookup"])
    shift_r1_by_two = struct.pack("<BBhi", 0x67, 1, 0, 2)
    first = next(at for at in range(0, len(program), 8) if program[at:at + 8] == shift_r1_by_two)
    patch(prog, "sk_lookup", first + 4, struct.pack("<i", 1))
    for action in ("--check", "--apply"):
        done = host.sklc(action, prog, status=1)
        assert "'expect udp 192.0.2.7:53 redirect to dns' fails in the kernel" in done.stderr
        assert "'expect tcp 192.0.2.7:80 redirect to web'" not in done.stderr
    assert host.pins() == []


def test_rules_that_fail_their_expectations_change_nothing(host, prog):
    there = host.server(TCP4, TCP4.any, 80)
    host.apply("tcp dport 80 drop\n", "--quiet")
    patch(prog, "sklc.expects", EXPECT_LABEL, struct.pack("<I", DNS))
    host.sklc("--apply", prog, status=1)
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED


def test_a_refusal_of_the_verifier_shows_its_words_and_changes_nothing(host, prog):
    """The program ends at its first instruction."""
    there = host.server(TCP4, TCP4.any, 80)
    host.apply("tcp dport 80 drop\n", "--quiet")
    patch(prog, "sk_lookup", 0, struct.pack("<Q", 0x95))
    for action in ("--check", "--apply"):
        done = host.sklc(action, prog, status=3)
        assert "verifier" in done.stderr and "unreachable insn" in done.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED


def test_the_machine_keeps_no_trace_of_a_check(host, prog):
    host.sklc("--check", prog)
    assert host.pins() == []


def loads(host, prog, log):
    done = subprocess.run([program("strace"), "-f", "-o", log, "-e", "trace=bpf", SKLC, "--check", prog, "--netns",
                           host.namespace.path], capture_output=True, text=True, check=True, env=NO_LEAK_CHECK)
    return log.read_text().count("BPF_PROG_LOAD"), re.search(r"(\d+) expect lines? holds? in the kernel", done.stdout)[1]


def test_the_program_is_loaded_no_more_often_for_many_interfaces(host, tmp_path):
    rules = "".join(f'iifname "v{number}" tcp dport 80 redirect to l{number % 7}\n' for number in range(40))
    lines = [f"expect tcp 192.0.2.7:80 iif v{number} redirect to l{number % 7}\n" for number in range(40)]
    few, many = tmp_path / "few.o", tmp_path / "many.o"
    for path, text in ((few, rules + lines[0]), (many, rules + "".join(lines) + "expect tcp 192.0.2.7:80 pass\n")):
        assert sklc(host.rules(text), "-o", path).returncode == 0
    count, held = loads(host, many, tmp_path / "log")
    assert (count, held) == (loads(host, few, tmp_path / "log")[0], "41")


def test_each_expect_line_that_fails_is_told_whatever_its_interface(host, tmp_path):
    prog = tmp_path / "prog.o"
    rules = "".join(f'iifname "v{number}" tcp dport 80 redirect to l{number}\n' for number in range(3))
    rules += "".join(f"expect tcp 192.0.2.7:80 iif v{number} redirect to l{number}\n" for number in (2, 0, 1, 2))
    assert sklc(host.rules(rules), "-o", prog).returncode == 0
    for number in (1, 3):
        patch(prog, "sklc.expects", number * EXPECT_BYTES + EXPECT_LABEL, struct.pack("<I", 1 if number == 3 else 2))
    told = host.sklc("--check", prog, status=1).stderr
    assert "rules.conf:5" in told and "rules.conf:7" in told and "rules.conf:4" not in told and "rules.conf:6" not in told
    assert "decided 'redirect to l0'" in told and "decided 'redirect to l2'" in told
