"""The object file: the same rules give the same bytes, any loader can load it, and it may have any size."""
import ctypes
import os
import random
import shutil
import struct
import subprocess
import zlib

import pytest

from conftest import REFUSED, SKLC, WIRES, call, run, sklc
from objects import checksum, content, patch, sections, text_at

BPF_SK_LOOKUP = 36
EXPECT_PORT = 56  # the local port in a record of sklc.expects
TCP4 = WIRES["tcp-ipv4"]
RULES = "daddr { 192.0.2.0/24, 2001:db8:0:1::/64 } dport 80 redirect to web\ndport 81 drop\n"
# With a declared socket the program calls a subprogram.
DECLARED = "socket web { tcp 127.0.0.1:1 }\n" + RULES


@pytest.fixture(scope="module")
def libbpf():
    try:
        library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        pytest.skip(str(error))
    library.bpf_object__open_file.restype = ctypes.c_void_p
    library.bpf_object__find_program_by_name.restype = ctypes.c_void_p
    return library


def compile_rules(host, text):
    prog = host.folder / "prog.o"
    done = sklc(host.rules(text), "-o", prog)
    assert done.returncode == 0, done.stderr
    return prog


def put_sockets(libbpf, sockets_map, sockets):
    """Puts sockets into slots, as any loader might."""
    for slot, sock in sockets.items():
        key, value = struct.pack("=I", slot), struct.pack("=Q", sock.fileno())
        call(libbpf.bpf_map_update_elem, sockets_map, key, value, ctypes.c_uint64(0))


def attach(libbpf, host, program):
    with open(host.namespace.path, "rb") as namespace:
        link = libbpf.bpf_link_create(program, namespace.fileno(), BPF_SK_LOOKUP, None)
    assert link >= 0, os.strerror(ctypes.get_errno())
    return link


def steers(host):
    """Servers for the four flow classes of the first label, by slot; and a check that each is reached."""
    servers = {wire.flow_class: host.server(wire) for wire in WIRES.values()}

    def test():
        every = list(servers.values())
        for wire in WIRES.values():
            assert host.reach(wire, wire.at(7), 80, every) is servers[wire.flow_class]
            assert host.reach(wire, wire.at(7), 81, every) == REFUSED

    return servers, test


@pytest.mark.parametrize("rules", [RULES, DECLARED], ids=["alone", "with a function"])
def test_bpftool_loads_it_and_it_steers_without_sklc(host, libbpf, rules):
    prog = compile_rules(host, rules)
    pins = f"{host.bpffs}/by-bpftool"
    run("env", f"PATH={os.environ['PATH']}:/usr/sbin", "bpftool", "prog", "loadall", prog, pins,
        "pinmaps", pins)
    program = libbpf.bpf_obj_get(f"{pins}/sklc".encode())
    sockets_map = libbpf.bpf_obj_get(f"{pins}/sockets".encode())
    assert program >= 0 and sockets_map >= 0
    servers, test = steers(host)
    put_sockets(libbpf, sockets_map, servers)
    link = attach(libbpf, host, program)
    test()
    os.close(link)
    assert host.reach(TCP4, TCP4.at(7), 80, list(servers.values())) == REFUSED


@pytest.mark.parametrize("rules", [RULES, DECLARED], ids=["alone", "with a function"])
def test_libbpf_opens_and_loads_it_and_it_steers_without_sklc(host, libbpf, rules):
    prog = compile_rules(host, rules)
    opened = ctypes.c_void_p(libbpf.bpf_object__open_file(str(prog).encode(), None))
    assert opened.value
    call(libbpf.bpf_object__load, opened)
    program = ctypes.c_void_p(libbpf.bpf_object__find_program_by_name(opened, b"sklc"))
    servers, test = steers(host)
    put_sockets(libbpf, libbpf.bpf_object__find_map_fd_by_name(opened, b"sockets"), servers)
    link = attach(libbpf, host, libbpf.bpf_program__fd(program))
    test()
    os.close(link)
    libbpf.bpf_object__close(opened)


def test_a_loader_fills_the_map_of_prefixes_with_the_records_of_the_section(host, libbpf):
    """As sklc-object(5) says: the key as it stands there, then the value."""
    prog = host.folder / "prog.o"
    drops = ", ".join(f"10.0.{n}.0/25" for n in range(90))
    done = sklc(host.rules(f"saddr {{ {drops} }} dport 80 drop\n" + RULES), "--tables", "lpm", "-o", prog)
    assert done.returncode == 0, done.stderr
    data = prog.read_bytes()
    records = list(struct.iter_unpack("=16sII", content(data, sections(data)["sklc.prefixes"])))
    assert len(records) > 90
    opened = ctypes.c_void_p(libbpf.bpf_object__open_file(str(prog).encode(), None))
    call(libbpf.bpf_object__load, opened)
    servers, test = steers(host)
    put_sockets(libbpf, libbpf.bpf_object__find_map_fd_by_name(opened, b"sockets"), servers)
    prefixes = libbpf.bpf_object__find_map_fd_by_name(opened, b"prefixes")
    for key, value, _ in records:
        call(libbpf.bpf_map_update_elem, prefixes, key, struct.pack("=I", value), ctypes.c_uint64(0))
    program = ctypes.c_void_p(libbpf.bpf_object__find_program_by_name(opened, b"sklc"))
    link = attach(libbpf, host, libbpf.bpf_program__fd(program))
    test()
    os.close(link)
    libbpf.bpf_object__close(opened)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    objects = []
    for name, environment in (("a", {"TZ": "UTC"}), ("b", {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "rules.conf").write_text(RULES)
        done = sklc("rules.conf", "-o", "prog.o", cwd=folder, env={**os.environ, **environment})
        assert done.returncode == 0, done.stderr
        objects.append((folder / "prog.o").read_bytes())
    assert objects[0] == objects[1]


FILES = {
    "rules/main.conf": 'include "parts/*.inc"\ninclude "shared.conf"\nset s { type addr; file "../list" }\n'
                       "saddr @s drop\ntcp dport 80 redirect to web\n",
    "rules/parts/a.inc": 'tcp dport 1 drop\ninclude "deep.conf"\n',
    "rules/parts/b.inc": "tcp dport 2 drop\n",
    "rules/parts/deep.conf": "tcp dport 3 drop\n",
    "lib/shared.conf": "tcp dport 4 drop\n",
    "list": "192.0.2.0/24\n",
}
NAMES = ["main.conf", "parts/a.inc", "parts/deep.conf", "parts/b.inc", "shared.conf", "../list"]


@pytest.fixture
def tree(tmp_path):
    def plant(folder):
        for name, text in FILES.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_text(text)
        return tmp_path / folder

    return plant


def compile_in(folder, *words):
    done = subprocess.run([SKLC, *map(str, words), "-q", "-o", "-"], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names_in(data):
    """The names of files in the object, with those in the line information."""
    every = sections(data)
    strings = content(data, every["sklc.strings"])
    names = [text_at(strings, name) for name, _, _ in struct.iter_unpack("=IIQ", content(data, every["sklc.texts"]))]
    assert {name for name in names if name.encode() + b"\0" in content(data, every[".BTF"])} >= {names[0]}
    return names


def test_bytes_do_not_tell_where_the_files_were_or_how_they_were_named(tree):
    one, other = tree("one"), tree("other/and/deeper")
    first = compile_in(one / "rules", "main.conf", "-I", "../lib")
    assert names_in(first) == NAMES
    for folder, words in ((one / "rules", ["./main.conf", "-I", one / "lib"]), (one, ["rules/main.conf", "-I", "lib/"]),
                          (one / "lib", ["../rules/../rules/main.conf", "-I", "."]),
                          ("/", [one / "rules" / "main.conf", "-I", one / "lib"]),
                          (other, ["rules/main.conf", "-I", "lib"])):
        assert compile_in(folder, *words) == first


def test_a_prefix_map_names_folders_however_they_are_given(tree):
    one = tree("one")
    due = ["/etc/sklc/rules/" + name for name in NAMES]
    due[4] = "/etc/sklc/lib/shared.conf"
    first = compile_in(one, "rules/main.conf", "-I", "lib", "--file-prefix-map", f"{one}=/etc/sklc")
    assert names_in(first) == due
    assert compile_in(one / "rules", "./main.conf", "-I", "../lib", "--file-prefix-map", "..=/etc/sklc/") == first
    some = compile_in(one, "rules/main.conf", "-I", "lib", "--file-prefix-map", "rules=", "--file-prefix-map", "lib=x=y")
    assert names_in(some) == [*NAMES[:4], "x=y/shared.conf", NAMES[5]]
    above = compile_in(one, "rules/main.conf", "-I", "lib", "--file-prefix-map", "rul=no", "--file-prefix-map", "/nowhere=x")
    assert names_in(above) == NAMES


@pytest.mark.parametrize("words", [[], ["--file-prefix-map", ".=/etc/sklc"]], ids=["plain", "mapped"])
def test_rules_are_verified_by_the_names_in_the_object(tree, words):
    one = tree("one")
    (one / "x.o").write_bytes(compile_in(one, "rules/main.conf", "-I", "lib", *words))
    done = sklc("check", "--verify", "x.o", cwd=one)
    assert done.returncode == 0, done.stderr


def test_messages_name_files_as_they_were_given(host):
    rules = host.rules("tcp dport 80 drop\nexpect tcp 192.0.2.1:80 pass\n")
    assert f"{rules}:2:" in host.sklc("check", rules, status=1).stderr
    prog = compile_rules(host, "tcp dport 80 drop\nexpect tcp 192.0.2.1:80 drop\n")
    patch(prog, "sklc.expects", EXPECT_PORT, struct.pack("=I", 81))
    said = host.sklc("check", prog, status=1).stderr
    assert "rules.conf:2:" in said and str(host.folder / "rules.conf") not in said


def test_an_object_is_compiled_without_privilege(tmp_path):
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = sklc("-", "-o", "-", input="tcp dport 80 drop\n", encoding="latin-1", cwd="/", **user)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("\x7fELF")


PORTS = (80, 443, 8080, 8443)


def large_rules():
    """Rules for four ports of each of 10,000 prefixes, with 1,000 labels; and the label of each (address, port)."""
    lines, due = [], {}
    for prefix in range(10_000):
        for index, port in enumerate(PORTS):
            label = (prefix * 7 + index * 13) % 1000
            address = f"10.{prefix >> 7}.{prefix & 127}"
            lines.append(f"tcp daddr {address}.0/25 dport {port} redirect to label{label}\n")
            due[address, port] = label
    return "".join(lines), due


def test_ten_thousand_prefixes_and_a_thousand_labels_decide_rightly(host):
    text, due = large_rules()
    prog = compile_rules(host, text)
    done = host.sklc("--check", prog)
    assert "instructions" in done.stdout
    host.sklc("--apply", prog)
    servers = {label: host.server(TCP4) for label in random.Random(1).sample(range(1000), 8)}
    for label, server in servers.items():
        host.register(f"label{label}", server)
    every = list(servers.values())
    mine = [(endpoint, label) for endpoint, label in due.items() if label in servers]
    others = [endpoint for endpoint, label in due.items() if label not in servers]
    for (address, port), label in random.Random(2).sample(mine, 100):
        for last in (0, 1, 127):
            assert host.reach(TCP4, f"{address}.{last}", port, every) is servers[label]
        assert host.reach(TCP4, f"{address}.128", port, every) == REFUSED
        assert host.reach(TCP4, f"{address}.1", port + 1, every) == REFUSED
    for address, port in random.Random(3).sample(others, 20):
        assert host.reach(TCP4, f"{address}.1", port, every) == REFUSED


@pytest.mark.parametrize("rules", [RULES, DECLARED], ids=["alone", "with a function"])
def test_a_damaged_object_is_refused_and_nothing_breaks(host, rules):
    whole = compile_rules(host, rules).read_bytes()
    damaged = host.folder / "damaged.o"
    chance = random.Random(4)
    for n in range(40):
        bytes_left = bytearray(whole[:chance.randrange(64, len(whole))] if n % 2 else whole)
        for _ in range(8):
            bytes_left[chance.randrange(4, len(bytes_left))] ^= 1 << chance.randrange(8)
        damaged.write_bytes(bytes_left)
        done = sklc("--check", damaged, "--netns", host.namespace.path, "--bpffs", host.bpffs)
        assert done.returncode in (0, 3), f"{done.returncode}\n{done.stderr}"
        assert "verifier" not in done.stderr and "cannot open object" not in done.stderr, done.stderr
    assert host.pins() == []


@pytest.mark.parametrize("rules", [RULES, DECLARED], ids=["alone", "with a function"])
def test_every_change_of_what_is_in_an_object_is_told_as_damage(host, rules):
    """Not of the rules' text, which zlib checks, or of how the parts lie in the file, which tools change."""
    prog = compile_rules(host, rules)
    whole = prog.read_bytes()
    chance = random.Random(5)
    for section in sections(whole).values():
        if not section.size or section.name in ("", "sklc.text", ".symtab", ".strtab", ".bss"):
            continue
        bytes_left = bytearray(whole)
        at = chance.randrange(8 if section.name == "sklc.header" else 0, section.size)
        bytes_left[section.offset + at] ^= 1 << chance.randrange(8)
        prog.write_bytes(bytes_left)
        said = host.sklc("check", prog, status=3).stderr
        assert "is damaged: the checksum of what is in it is" in said, (section.name, at, said)


def test_whichever_byte_changes_it_is_told_as_damage_or_makes_no_difference(host):
    """All of the file behind the first header, whose magic and machine say what kind of file it is; but the version of
    the format is what it says it is."""
    prog = compile_rules(host, DECLARED)
    whole = prog.read_bytes()
    version = sections(whole)["sklc.header"].offset + 4
    chance = random.Random(6)
    text, harmless = zlib.decompress(content(whole, sections(whole)["sklc.text"])), 0
    for at in chance.sample([at for at in range(64, len(whole)) if at not in range(version, version + 4)], 400):
        bytes_left = bytearray(whole)
        bytes_left[at] ^= 1 << chance.randrange(8)
        prog.write_bytes(bytes_left)
        done = sklc("check", prog)
        if done.returncode == 0:
            assert checksum(bytes_left) == checksum(whole), at
            assert zlib.decompress(content(bytes_left, sections(bytes_left)["sklc.text"])) == text, at
            harmless += 1
        else:
            assert done.returncode == 3 and "damaged" in done.stderr, (at, done.stderr)
    assert 0 < harmless < 100


def test_an_object_that_was_not_copied_whole_is_said_to_be_cut_off(host):
    prog = compile_rules(host, DECLARED)
    whole = prog.read_bytes()
    for size in (5, 63, 64, len(whole) // 2, len(whole) - 1):
        prog.write_bytes(whole[:size])
        said = host.sklc("apply", prog, status=3).stderr
        assert f"is cut off or damaged: it has {size} bytes" in said, said
    assert host.pins() == []


def test_tools_that_move_the_parts_leave_the_object_as_it_is(host):
    tool = shutil.which("llvm-objcopy")
    if not tool:
        pytest.skip("there is no llvm-objcopy")
    prog, moved = compile_rules(host, DECLARED), host.folder / "moved.o"
    run(tool, prog, moved)
    assert moved.read_bytes() != prog.read_bytes()
    host.sklc("apply", moved)
    assert "dport 81 drop" in host.sklc("list").stdout
