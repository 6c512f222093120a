"""Objects of the format's versions 2 and 3, which kept state may have, and the host's words, which are not frozen since 3.
The objects in object-version-N/ were made from the rules beside them by the last sklc that wrote that version."""
import ctypes
import pathlib
import struct
import subprocess

import pytest

from conftest import REFUSED, SKLC, WIRES, call

OLD = pathlib.Path(__file__).with_name("object-version-2")
OLD_3 = pathlib.Path(__file__).with_name("object-version-3")
TCP4 = WIRES["tcp-ipv4"]
ADDRESS = TCP4.at(7)


@pytest.mark.parametrize("backend", ["", "-llvm"], ids=["direct", "llvm"])
def test_an_object_of_version_2_that_declares_sockets_decides_rightly(host, cgroup2, backend):
    server = host.server(TCP4, port=8080)
    prog = OLD / f"declared{backend}.o"
    assert "1 expect line holds" in host.sklc("--check", prog).stdout
    host.sklc("--apply", prog)
    assert [host.reach(TCP4, ADDRESS, port, [server]) for port in (80, 81)] == [server] * 2
    assert [host.reach(TCP4, ADDRESS, port, [server]) for port in (82, 83)] == [REFUSED] * 2
    counters = [rule["counter"] for rule in host.status(status=None)["rules"]]
    assert counters == [1, None, None, None]


@pytest.mark.parametrize("backend", ["", "-llvm"], ids=["direct", "llvm"])
def test_an_object_of_version_2_without_declared_sockets_decides_rightly(host, backend):
    """Its program knows no spare slots, so its slot words must name none."""
    host.sklc("--apply", OLD / f"undeclared{backend}.o")
    web, other = host.server(TCP4), host.server(TCP4)
    every = [web, other]
    assert host.reach(TCP4, ADDRESS, 80, every) == REFUSED
    host.register("other", other)
    assert host.reach(TCP4, ADDRESS, 80, every) is other
    host.register("web", web)
    assert host.reach(TCP4, ADDRESS, 80, every) is web
    assert host.reach(TCP4, ADDRESS, 83, every) == REFUSED


def test_register_says_that_rules_of_version_2_cannot_have_the_siblings(host):
    host.sklc("--apply", OLD / "undeclared.o")
    members = [host.server(TCP4, reuseport=True)]
    assert host.register("web", members[0]).stderr == ""
    members.append(host.server(TCP4, port=members[0].getsockname()[1], reuseport=True))
    assert "1 more socket of its SO_REUSEPORT group has no slot" in host.register("web", members[0]).stderr


@pytest.mark.parametrize("backend", ["", "-llvm"], ids=["direct", "llvm"])
def test_an_object_of_version_3_decides_rightly(host, cgroup2, backend):
    """Its tables are frozen, and its words are slot words as they are."""
    server, hand = host.server(TCP4, port=8080), host.server(TCP4)
    every = [server, hand]
    prog = OLD_3 / f"rules{backend}.o"
    assert "3 expect lines hold" in host.sklc("check", prog).stdout
    host.sklc("apply", prog, "-q")
    assert [host.reach(TCP4, ADDRESS, port, every) for port in (80, 81, 83, 84)] == [server, REFUSED, server, REFUSED]
    host.register("hand", hand)
    assert host.reach(TCP4, ADDRESS, 84, every) is hand
    assert [rule["counter"] for rule in host.status(status=None)["rules"] if rule["counter"] is not None] == [1]
    assert "tcp dport 84 redirect to hand" in host.sklc("list").stdout


def test_labels_of_version_3_and_of_today_move_together(host):
    """While a trial runs, the slots of both are told to both, whatever words they have them by."""
    hand = host.server(TCP4)
    host.sklc("apply", OLD_3 / "rules.o", "-q")
    host.register("hand", hand)
    host.apply("tcp dport 84 redirect to other else continue\ntcp dport 84 redirect to hand\n", "--confirm", "600")
    members = [host.server(TCP4, reuseport=True)]
    members += [host.server(TCP4, port=members[0].getsockname()[1], reuseport=True) for _ in range(20)]
    host.register("hand", members[0])
    assert host.reach(TCP4, ADDRESS, 84, [hand, *members]) in members
    host.sklc("rollback")
    assert host.reach(TCP4, ADDRESS, 84, [hand, *members]) in members


def test_rules_go_from_version_2_to_the_version_of_today_and_back(host):
    web = host.server(TCP4)
    host.sklc("--apply", OLD / "undeclared.o")
    host.register("web", web)
    host.apply("tcp daddr 192.0.2.0/24 dport 84 redirect to web\n")
    assert host.reach(TCP4, ADDRESS, 84, [web]) is web
    assert host.reach(TCP4, ADDRESS, 80, [web]) == REFUSED
    host.sklc("rollback")
    assert host.reach(TCP4, ADDRESS, 80, [web]) is web


def llvm_works():
    return subprocess.run([SKLC, "--backend", "llvm", "--dump", "bytecode", "-"], input="", text=True,
                          capture_output=True).returncode == 0


@pytest.fixture
def libbpf():
    try:
        return ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("backend", ["direct", "llvm"])
def test_a_label_goes_to_another_slot_while_the_program_runs(host, libbpf, backend):
    """Whoever writes the pinned words of the host moves a label, whatever word it is: one that names no slot of the map
    is a miss."""
    if backend == "llvm" and not llvm_works():
        pytest.skip("built without LLVM")
    web, other = host.server(TCP4), host.server(TCP4)
    every = [web, other]
    host.apply("dport 80 redirect to web\ndport 81 redirect to other\n", "--backend", backend)
    host.register("web", web)
    host.register("other", other)
    (machine,) = [path for path in host.pins() if path.name == "machine"]
    words = libbpf.bpf_obj_get(str(machine).encode())
    assert words >= 0
    key, before = struct.pack("=I", 0), ctypes.create_string_buffer(8 * 4)
    call(libbpf.bpf_map_lookup_elem, words, key, before)
    slots = [word ^ index for index, word in enumerate(struct.unpack("=8I", before.raw))]

    def move(slot):
        value = struct.pack("=8I", slot, *(word ^ index for index, word in enumerate(slots) if index))
        call(libbpf.bpf_map_update_elem, words, key, value, ctypes.c_uint64(0))

    assert host.reach(TCP4, ADDRESS, 80, every) is web
    move(slots[4])
    assert host.reach(TCP4, ADDRESS, 80, every) is other
    move(0xffffffff)
    assert host.reach(TCP4, ADDRESS, 80, every) == REFUSED
    move(slots[0])
    assert host.reach(TCP4, ADDRESS, 80, every) is web
