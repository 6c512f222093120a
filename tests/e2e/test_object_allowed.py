"""An object is data that root runs: what sklc does not put into objects itself is refused, by name, and all that it puts
there is taken."""
import concurrent.futures
import os
import pathlib
import struct
import subprocess
import time

import pytest

from conftest import SKLC, sklc
from objects import HEADER, SECTION, Section, content, header, patch, sealed, sections
from test_object_versions import OLD, llvm_works

TESTS = pathlib.Path(__file__).parents[1]
INT, ARRAY, STRUCT, CONST, VOLATILE, TYPE_TAG = 1, 3, 4, 10, 9, 18
# How many words follow a type of a kind, and how many more for each of its members.
WORDS = {INT: (1, 0), ARRAY: (3, 0), STRUCT: (0, 3), 13: (0, 2), 14: (1, 0), 15: (0, 3)}
RULES = """\
socket web { tcp 127.0.0.1:8080 }
tcp daddr 192.0.2.0/24 dport 80 counter redirect to web
iifname "lo" tcp dport 81 counter redirect to web
"""


@pytest.fixture
def prog(host):
    path = host.folder / "prog.o"
    done = sklc(host.rules(RULES), "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def refused(host, prog, why):
    """`check` and `apply` refuse the object at once, and nothing stays."""
    for verb in ("check", "apply"):
        begun = time.monotonic()
        done = host.sklc(verb, prog, status=3)
        assert why in done.stderr, done.stderr
        assert time.monotonic() - begun < 5
    assert host.pins() == []


def types(data):
    """Offset into .BTF, kind, name and words of each type."""
    start, size, strings = struct.unpack_from("<3I", data, 8)
    at, end = 24 + start, 24 + start + size
    while at < end:
        name, info, _ = struct.unpack_from("<3I", data, at)
        fixed, each = WORDS.get(info >> 24 & 31, (0, 0))
        count = fixed + each * (info & 0xffff)
        text = data[24 + strings + name:data.index(0, 24 + strings + name)].decode()
        yield at, info >> 24 & 31, text, struct.unpack_from(f"<{count}I", data, at + 12)
        at += 12 + 4 * count


def change_and_refuse(host, prog, whole, at, value, why):
    prog.write_bytes(whole)
    patch(prog, ".BTF", at, struct.pack("<I", value))
    refused(host, prog, why)


def test_every_number_of_a_map_is_the_one_that_the_header_asks_for(host, prog):
    """Maps are defined by lengths of arrays of `int`: their types, sizes and flags."""
    whole = prog.read_bytes()
    every = list(types(content(whole, sections(whole)[".BTF"])))
    numbers = [(at, words[2]) for at, kind, _, words in every
               if kind == ARRAY and every[words[0] - 1][2] == "int"]
    assert len(numbers) == 3 * 6  # the type, the entries and the flags of six maps
    for at, number in numbers:
        for value in {number + 1, number - 1 if number else 3, 20_000_000}:
            change_and_refuse(host, prog, whole, at + 12 + 8, value, "object '")


def test_keys_and_values_have_the_sizes_that_the_program_uses(host, prog):
    whole = prog.read_bytes()
    for at, kind, name, _ in types(content(whole, sections(whole)[".BTF"])):
        if kind == STRUCT and name in ("label_count", "spare_marks"):
            change_and_refuse(host, prog, whole, at + 8, 24, "object '")
        if kind == INT and name == "unsigned long long":
            change_and_refuse(host, prog, whole, at + 8, 4, "object '")


def test_types_are_of_the_kinds_and_names_that_sklc_writes(host, prog):
    """To the kernel a struct `bpf_timer` in a map's value is a timer, and a tagged pointer is one of the kernel's."""
    assert sklc(host.folder / "rules.conf", "--freeze-tables", "-o", prog).returncode == 0
    whole = prog.read_bytes()
    tested = 0
    for at, kind, name, _ in types(content(whole, sections(whole)[".BTF"])):
        if kind == CONST:
            for other in (VOLATILE, TYPE_TAG):
                change_and_refuse(host, prog, whole, at + 4, other << 24, "is not one that sklc makes")
                tested += 1
        if name == "label_count" and kind == STRUCT:
            prog.write_bytes(sealed(whole.replace(b"\0label_count\0", b"\0bpf_list_hd\0")))
            refused(host, prog, "bpf_list_hd is not one that sklc makes")
            tested += 1
    assert tested == 3


def test_what_the_header_counts_is_what_the_maps_have_room_for(host, prog):
    whole = prog.read_bytes()
    for at, value, why in ((16, 0, "sklc.rules"), (16, 1, "sklc.rules"), (16, 20_000_000, "20000000 counters"),
                           (36, 0, "header makes no sense"), (8, 0, "'.bss' has 20 bytes"),
                           (4, 2, "has no section 'sklc.header' of its form")):
        prog.write_bytes(whole)
        patch(prog, "sklc.header", at, struct.pack("<I", value))
        refused(host, prog, why)


def change_section(data, name, **fields):
    """The object with other fields in the header of a section."""
    start = header(data).sections + list(sections(data)).index(name) * SECTION.size
    changed = dict(zip(Section._fields, SECTION.unpack_from(data, start))) | fields
    left = bytearray(data)
    SECTION.pack_into(left, start, *changed.values())
    return left


def without_section(data, name):
    """The object without the header of a section. Those behind it have other indexes then, by which symbols and
    relocations are linked to each other."""
    head, index = header(data), list(sections(data)).index(name)
    assert index < head.names
    for section in sections(data).values():
        if section.name and section.link > index:
            data = change_section(data, section.name, link=section.link - 1)
    start = head.sections + index * SECTION.size
    left = bytearray(data[:start] + data[start + SECTION.size:])
    fields = head._replace(section_count=head.section_count - 1, names=head.names - 1)
    HEADER.pack_into(left, 0, *fields)
    return left


@pytest.mark.parametrize("name", [".maps", ".BTF", ".bss", "sklc.strings", "sklc.header"])
def test_a_section_that_is_missing_is_named(host, prog, name):
    prog.write_bytes(sealed(without_section(prog.read_bytes(), name)))
    refused(host, prog, f"has no section '{name}'")


def test_the_program_is_named_sklc_and_has_its_license(host, prog):
    whole = prog.read_bytes()
    prog.write_bytes(sealed(whole.replace(b"\0sklc\0", b"\0evil\0")))
    refused(host, prog, "expected exactly one program, 'sklc'")
    prog.write_bytes(sealed(whole.replace(b"Dual BSD/GPL", b"Proprietary!")))
    refused(host, prog, "is not 'Dual BSD/GPL'")


@pytest.mark.parametrize("field, value", [("link", "sklc.strings"), ("link", ""), ("entry_bytes", 0),
                                          ("entry_bytes", 1 << 20)])
@pytest.mark.parametrize("name", [".symtab", ".relsk_lookup"])
def test_names_and_symbols_are_from_the_section_that_is_checked(host, prog, name, field, value):
    """With names from another section, libbpf would see other maps than those that --verify compares."""
    data = prog.read_bytes()
    if field == "link":
        value = list(sections(data)).index(value)
    prog.write_bytes(change_section(data, name, **{field: value}))
    refused(host, prog, f"the section '{name}' is of another form")
    assert f"the section '{name}' is of another form" in host.sklc("check", "--verify", prog, status=3).stderr


def test_kernel_memory_is_not_read_by_an_object_that_lists_harmless_rules(host, prog):
    """The case that was seen: the look-up of the socket becomes bpf_probe_read_kernel."""
    listing = sklc("--dump", "bytecode", host.folder / "rules.conf").stdout
    number = int(next(line for line in listing.splitlines() if "call bpf_map_lookup_elem" in line).split(":")[0])
    for imm, source, why in ((113, 0, "calls a helper that sklc does not use"), (4, 0, "calls a helper"),
                             (1, 2, "calls a function of the kernel"), (1, 1, "calls no subprogram")):
        patch(prog, "sk_lookup", 8 * number, struct.pack("<BBhi", 0x85, source << 4, 0, imm))
        refused(host, prog, f"instruction {number} of section 'sk_lookup' {why}")


@pytest.mark.parametrize("name", ["hang.o", "counters-20M.o"])
def test_maps_of_millions_of_counters_never_reach_the_kernel(host, name):
    """One hung the kernel for minutes, the other took 20 million counters for each CPU."""
    refused(host, OLD / name, "the map 'rule_counters' is not the one that sklc makes for its rules")


def inputs():
    for folder in ("language", "layout", "objects", "warnings", "rules"):
        yield from sorted((TESTS / "golden" / folder).glob("*.conf"))
    yield from sorted((TESTS.parent / "rules").glob("*.conf"))


def options_of(path):
    first = path.read_text(errors="replace").partition("\n")[0]
    words = first.partition("# options: ")[2].split()
    return [word for word in words if word not in ("--json", "-Werror")]


@pytest.mark.parametrize("backend", ["direct", "llvm"])
def test_every_object_of_every_input_is_taken_and_made_again_from_what_is_in_it(host, backend):
    if backend == "llvm" and not llvm_works():
        pytest.skip("built without LLVM")

    def check(path):
        prog = host.folder / f"{path.parent.name}-{path.stem}.o"
        made = subprocess.run([SKLC, *options_of(path), "--backend", backend, path.name, "-o", prog],
                              cwd=path.parent, capture_output=True, text=True, timeout=120)
        if made.returncode:
            return None
        done = sklc("check", "--verify", prog, "--netns", host.namespace.path, "--bpffs", host.bpffs)
        return None if done.returncode == 0 else f"{path}: {done.stderr}"

    files = list(inputs())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(check, files) if fault]
    made = len(list(host.folder.glob("*.o")))
    assert not faults and made > 60, (made, faults)
