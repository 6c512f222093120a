"""Objects that were not compiled here are loaded without CAP_PERFMON, where the verifier takes their programs so: it then
walks more, and guards against speculative execution."""
import ctypes
import json
import os
import subprocess

import pytest

from conftest import SKLC, WIRES, sklc
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


def test_it_is_loaded_with_cap_perfmon_where_the_guards_do_not_fit(host):
    """A large decision's tables are reached in ways that the guards against speculative execution do not allow."""
    prog = host.folder / "large.o"
    text = "".join(f"tcp daddr 10.{n // 200}.{n % 200}.0/24 dport {80 + n % 3} redirect to l{n % 50}\n"
                   for n in range(3000)) + "tcp dport 7 redirect to l0\n"
    assert sklc("compile", "--tables", "splus", host.rules(text), "-q", "-o", prog).returncode == 0
    full, guarded = sizes(host, prog)
    if guarded:
        pytest.skip("on this kernel the guards fit here too")
    assert full
    assert "(refused without CAP_PERFMON)" in host.sklc("check", "-v", prog).stdout
    host.sklc("apply", prog)


def test_a_process_without_cap_perfmon_checks_objects_or_is_told_that_it_cannot(host, prog):
    done = subprocess.run([*WITHOUT, "--", SKLC, "check", "-v", prog], capture_output=True, text=True)
    if sizes(host, prog)[1] is None:
        assert done.returncode == 3 and "this needs the capability CAP_PERFMON" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert "without CAP_PERFMON" in done.stdout


# What made the verifier see a loop without end, on Linux 6.18, where it follows jumps that the processor may guess.
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
def test_a_loop_that_only_the_guards_see_is_no_fault_of_the_object(host, kind):
    if not llvm_works():
        pytest.skip("built without LLVM")
    path = host.folder / "loops.o"
    assert sklc("compile", host.rules(LOOPS), "-q", "--backend", "llvm", "--tables", kind, "-o", path).returncode == 0
    host.sklc("check", path)
    host.sklc("apply", path)
    web = host.server(TCP4)
    host.register("web", web)
    assert host.reach(TCP4, TCP4.at(7), 80, [web]) is web
