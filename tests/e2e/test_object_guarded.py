"""Objects that were not compiled here are loaded without CAP_PERFMON, where the verifier takes their programs so: it then
walks more, and guards against speculative execution."""
import ctypes
import json
import os
import subprocess

import pytest

from conftest import SKLC, WIRES, sklc
from objects import content, patch, sections
from test_object_versions import llvm_works

TCP4 = WIRES["tcp-ipv4"]
RULES = """\
tcp daddr 192.0.2.0/24 dport 80 redirect to web
tcp daddr 198.51.100.0/24 dport { 80, 443, 8000-8999 } redirect to other
"""
WITHOUT = ["setpriv", "--bounding-set=-all,+bpf,+net_admin,+dac_override"]


@pytest.fixture
def verified(host):
    """How many instructions the verifier walked in the program that decides now."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)

    def ask():
        number = host.status(status=None)["generation"]
        (pin,) = [path for path in host.pins() if path.name == "program" and path.parent.name == f"g{number}"]
        program = libbpf.bpf_obj_get(str(pin).encode())
        assert program >= 0
        with open(f"/proc/self/fdinfo/{program}", encoding="ascii") as info:
            lines = dict(line.split(":", 1) for line in info)
        os.close(program)
        if "verified_insns" not in lines:
            pytest.skip("this kernel does not tell")
        return int(lines["verified_insns"])

    return ask


@pytest.fixture
def prog(host):
    path = host.folder / "prog.o"
    assert sklc("compile", host.rules(RULES), "-o", path).returncode == 0
    return path


def sizes(host, prog):
    shown = json.loads(host.sklc("check", "--json", prog).stdout)
    return shown["instructions_verified"], shown["instructions_verified_without_perfmon"]


@pytest.fixture
def fitting(host, prog):
    """The sizes of the object, with CAP_PERFMON and without."""
    full, guarded = sizes(host, prog)
    if guarded is None:
        pytest.skip("this kernel's verifier does not take the program without CAP_PERFMON")
    return full, guarded


def test_an_object_from_elsewhere_is_loaded_without_cap_perfmon(host, prog, fitting, verified):
    full, guarded = fitting
    assert guarded > full
    server = host.server(TCP4)
    host.apply(RULES)
    host.register("web", server)
    assert verified() == full
    host.apply("tcp dport 9 drop\n")
    host.sklc("apply", prog)
    assert verified() == guarded
    assert host.reach(TCP4, TCP4.at(7), 80, [server]) is server
    host.apply("tcp dport 9 drop\n")
    host.sklc("rollback")
    assert verified() == guarded  # going back does not change how far the object is trusted
    host.apply("tcp dport 9 drop\n")
    host.sklc("apply", "--verify", prog)
    assert verified() == full


def test_check_shows_both_numbers(host, prog, fitting):
    full, guarded = fitting
    assert f"{full} verified ({guarded} without CAP_PERFMON)\n" in host.sklc("check", "-v", prog).stdout
    assert f"{full} verified\n" in host.sklc("check", prog).stdout


# Roots that are elements of one step, and one that has a step of its own before it.
ROOTS = "".join(f"{protocol} daddr 10.{n}.0.0/16 dport {port + n} redirect to l{n % 5}\n"
                for n in range(200) for protocol, port in (("tcp", 8000), ("udp", 9000)))
LATER_ROOT = "".join(f"tcp daddr 10.{n}.0.0/16 dport {8000 + n} redirect to l{n % 5}\n"
                     f"udp dport {2 * n + 1} redirect to l{n % 5}\n" for n in range(200))
MOVE_ZERO, MOVE_0 = b"\xbf\x87\0\0\0\0\0\0", b"\xb7\x07\0\0\0\0\0\0"  # r7 = r8, r7 = 0


def test_it_is_loaded_with_cap_perfmon_where_the_guards_do_not_fit(host, prog, fitting):
    """The program is changed to enter its tables with numbers that the verifier knows: the same numbers, but the guards
    do not allow that other ones come there, too."""
    assert sklc("compile", host.rules(ROOTS), "-q", "-o", prog).returncode == 0
    assert all(sizes(host, prog))
    code = content(prog.read_bytes(), sections(prog.read_bytes())["sk_lookup"])
    moves = [at for at in range(0, len(code), 8) if code[at:at + 8] == MOVE_ZERO]
    assert moves
    for at in moves:
        patch(prog, "sk_lookup", at, MOVE_0)
    full, guarded = sizes(host, prog)
    assert full and guarded is None
    assert "(refused without CAP_PERFMON)" in host.sklc("check", "-v", prog).stdout
    host.sklc("apply", prog, "-q")


@pytest.mark.parametrize("backend", ["direct", "llvm"])
@pytest.mark.parametrize("kind", ["auto", "splus", "trie", "ranges", "lpm"])
@pytest.mark.parametrize("text", [ROOTS, LATER_ROOT], ids=["roots", "later-root"])
def test_roots_and_results_may_lead_to_one_table(host, prog, fitting, text, kind, backend):
    if backend == "llvm" and not llvm_works():
        pytest.skip("built without LLVM")
    options = ["--tables", kind, "--backend", backend]
    assert sklc("compile", host.rules(text), "-q", *options, "-o", prog).returncode == 0
    assert all(sizes(host, prog))


def test_a_process_without_cap_perfmon_checks_objects_or_is_told_that_it_cannot(host, prog):
    done = subprocess.run([*WITHOUT, "--", SKLC, "check", "-v", prog], capture_output=True, text=True)
    if sizes(host, prog)[1] is None:
        assert done.returncode == 3 and "this needs the capability CAP_PERFMON" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert "without CAP_PERFMON" in done.stdout


# Where the program had a loop over rows, the verifier of Linux 6.18 saw one without end in these rules, since it followed
# jumps that the processor may guess.
LOOPS = """\
set many { type addr; elements = { 127.0.1.0/24, %s } }
chain inner { tcp dport 81 counter drop }
iifname "none" drop
saddr @many tcp dport 82 drop
tcp dport 80-83 counter jump inner
tcp dport 80-83 redirect to web
tcp dport 84 redirect to hand
""" % ", ".join(f"127.0.2.{n}" for n in range(1, 33, 2))


@pytest.mark.parametrize("kind", ["auto", "splus"])
def test_two_attempts_are_no_loop_that_the_guards_see(host, prog, fitting, kind):
    if not llvm_works():
        pytest.skip("built without LLVM")
    assert sklc("compile", host.rules(LOOPS), "-q", "--backend", "llvm", "--tables", kind, "-o", prog).returncode == 0
    assert all(sizes(host, prog))
    host.sklc("apply", prog)
    web = host.server(TCP4)
    host.register("web", web)
    assert host.reach(TCP4, TCP4.at(7), 80, [web]) is web
