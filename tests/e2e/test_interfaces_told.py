"""How a running program is told the interfaces: by two maps, of which the small one comes first. A writer may be killed between
them, and a map may be full."""
import ctypes
import os
import re
import signal
import struct
import subprocess
import time

from conftest import NO_LEAK_CHECK, REFUSED, SKLC, program
from life import bpf, info_of

from test_interfaces import named

BPF_MAP_UPDATE_ELEM = 2
ROOM = 65536  # as ABI_INTERFACES_MAX
KILLED = -9


def rename(host, old, new):
    host.namespace.ip("link", "set", old, "down")
    host.namespace.ip("link", "set", old, "name", new)
    host.namespace.ip("link", "set", new, "up")


def put(host, name, entries, generation=1):
    """Writes entries, each a number and a class, into a map of interfaces of a generation."""
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(8)
    file, _ = info_of(host.state_folder() / f"g{generation}" / name, 88)
    with file:
        request = struct.pack("=IIQQQ", file.fileno(), 0, ctypes.addressof(key), ctypes.addressof(value), 0)
        for number, content in entries:
            key[:], value[:] = struct.pack("=I", number), struct.pack("=Q", content)
            bpf(BPF_MAP_UPDATE_ELEM, request)


def traced_sync(host, log, words):
    return subprocess.run([program("strace"), "-o", log, *words, SKLC, "sync", "--netns", host.namespace.path, "--bpffs",
                           host.bpffs], capture_output=True, check=False, env=NO_LEAK_CHECK).returncode


def calls_of_telling(host, log):
    """The calls by which a sync tells the program: the name of each, and which call of that name it is."""
    assert traced_sync(host, log, ["-e", "trace=bpf,mmap,munmap"]) == 0
    rows = log.read_text().splitlines()
    first = next(number for number, row in enumerate(rows) if "bpf(BPF_MAP_UPDATE_ELEM" in row) - 1
    names = [row.partition("(")[0] for row in rows]
    return [(name, names[:number + 1].count(name)) for number, name in enumerate(names)][first:first + 7]


def test_status_is_true_of_the_program_wherever_a_sync_was_killed(host, wires, tmp_path):
    server = wires.server(port=80)
    host.apply('iifname "x*" tcp dport 80 drop\n', "-q")
    rename(host, "v0", "x0")
    calls = calls_of_telling(host, tmp_path / "log")
    seen = set()
    for name, when in calls:
        rename(host, "x0", "v0")
        host.sklc("sync")
        rename(host, "v0", "x0")
        assert traced_sync(host, tmp_path / "log", ["-e", f"inject={name}:signal=KILL:when={when}"]) == KILLED
        is_told = wires.client(0, [server]) is REFUSED
        seen.add(is_told)
        assert bool(named(host, "the interface 'x0'")) is not is_told, (name, when)
        assert wires.client(1, [server]) is server
    assert seen == {False, True}
    host.sklc("sync")
    assert named(host, "interface") == [] and wires.client(0, [server]) is REFUSED


def test_near_interfaces_that_say_otherwise_than_the_map_are_named_and_mended(host, wires):
    server = wires.server(port=80)
    host.apply('iifname "v0" tcp dport 80 drop\n')
    other, first = 2, wires.number("v0")
    put(host, "near_interfaces", [(number % 4096, number << 32 | held) for number, held in
                                  ((first, other), (wires.number("v1"), 1), (4000, 1))])
    assert wires.client(0, [server]) is server and wires.client(1, [server]) is REFUSED
    assert named(host, "the interface 'v0' ") and named(host, "the interface 'v1' ")
    assert named(host, "the interface number 4000, to the rules 'v0', is gone")
    host.sklc("sync")
    assert named(host, "interface") == []
    assert wires.client(0, [server]) is REFUSED and wires.client(1, [server]) is server


def test_where_the_map_is_full_what_is_gone_makes_room_for_what_came(host, wires):
    host.apply('iifname "v*" tcp dport 80 drop\n')
    server = wires.server(port=80)
    for number in (2, 3):
        wires.add(number)
    put(host, "interfaces", ((number, 1) for number in range(1 << 20, (1 << 20) + ROOM - 2)))
    assert [wires.client(number, [server]) for number in range(4)] == [REFUSED, REFUSED, server, server]
    assert named(host, f"{ROOM - 10} more interfaces came, got another name or are gone since")
    host.sklc("sync")
    assert named(host, "interface") == [] and [wires.client(number, []) for number in range(4)] == [REFUSED] * 4


def test_interfaces_with_large_numbers_have_classes_too(host, wires):
    wires.add(7, "index", "2147483647")
    wires.add(8, "index", "1048577")
    server = wires.server(port=80)
    host.apply('iifname "v7" tcp dport 80 drop\n')
    assert wires.client(7, []) is REFUSED and wires.client(8, [server]) is server


def test_an_interface_that_comes_while_rules_are_loaded_is_known_when_they_decide(host, wires, tmp_path):
    """The apply is stopped when it has loaded the program, at its third folder, that of the generation."""
    server, log = wires.server(port=80), tmp_path / "log"
    rules = host.rules('iifname "v5" tcp dport 80 drop\n')
    with subprocess.Popen([program("strace"), "-f", "-o", log, "-e", "trace=bpf,mkdirat", "-e",
                           "inject=mkdirat:signal=STOP:when=3", SKLC, "--apply", rules, "-q", "--netns",
                           host.namespace.path, "--bpffs", host.bpffs], env=NO_LEAK_CHECK) as apply:
        stopped = None
        for _ in range(2000):
            stopped = stopped or re.search(r"^(\d+) .*stopped by SIGSTOP", log.read_text() if log.exists() else "", re.MULTILINE)
            if stopped:
                break
            time.sleep(0.01)
        assert stopped and "BPF_PROG_LOAD" in log.read_text()
        wires.add(5)
        os.kill(int(stopped[1]), signal.SIGCONT)
        assert apply.wait(60) == 0
    assert wires.client(5, []) is REFUSED and wires.client(0, [server]) is server and named(host, "interface") == []
