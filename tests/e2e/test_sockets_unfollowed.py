"""`sklc status` says why listeners are not followed, and `sklc sync` mends it."""
import ctypes
import os
import pathlib
import struct

import pytest

from conftest import WIRES

TCP4 = WIRES["tcp-ipv4"]
RULES = "socket web {{ tcp 127.0.0.1:{} }}\ntcp daddr 192.0.2.0/24 dport 80 redirect to web\n"
SYS_BPF, BPF_MAP_TYPE_ARRAY, SPARE_BLOCKS = 321, 2, 4096
BPF_MAP_CREATE, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY = range(5)
BPF_OBJ_GET, BPF_OBJ_GET_INFO_BY_FD, BPF_LINK_DETACH = 7, 15, 34
BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC = 1, 1
pytestmark = pytest.mark.usefixtures("cgroup2")
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(SYS_BPF, command, buffer, 128)
    assert result >= 0, os.strerror(ctypes.get_errno())
    return result


def open_pin(path):
    name = ctypes.create_string_buffer(str(path).encode())
    return bpf(BPF_OBJ_GET, struct.pack("QII", ctypes.addressof(name), 0, 0)), name


def follower(host):
    (folder,) = pathlib.Path(host.bpffs, "sklc").glob("follower*")
    return folder


def declared_pin(host):
    cookie = host.status(status=None)["netns"]["cookie"]
    return max(pathlib.Path(host.bpffs, "sklc", str(cookie)).glob("g*/declared"), key=lambda pin: int(pin.parent.name[1:]))


def change_entry(host, kind, fd=None):
    """Sets the namespace's entry in a map of the follower, or removes it."""
    map_fd, _ = open_pin(follower(host) / kind)
    key = ctypes.create_string_buffer(struct.pack("Q", host.status(status=None)["netns"]["cookie"]), 8)
    value = ctypes.create_string_buffer(struct.pack("I", fd or 0), 4)
    if fd:
        bpf(BPF_MAP_UPDATE_ELEM, struct.pack("IIQQQ", map_fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
    else:
        bpf(BPF_MAP_DELETE_ELEM, struct.pack("IIQ", map_fd, 0, ctypes.addressof(key)))
    os.close(map_fd)


def detach(host):
    fd, _ = open_pin(follower(host) / "link")
    bpf(BPF_LINK_DETACH, struct.pack("I", fd))
    os.close(fd)


def lose_folder(host):
    for pin in follower(host).iterdir():
        pin.unlink()
    follower(host).rmdir()


def lose_pin(host):
    (follower(host) / "cgroups").unlink()


def lose_entry(host):
    change_entry(host, "declared")


def lose_attachment(host):
    (follower(host) / "link").unlink()


def enter_other_declarations(host):
    """Gives the follower the declarations of the rules before, as if it had never been told of the new ones."""
    host.apply(RULES.format(4001))
    fd, _ = open_pin(declared_pin(host))
    host.apply(RULES.format(4000))
    change_entry(host, "declared", fd)
    os.close(fd)


def enter_other_map(host):
    """Gives the follower a map of spare marks that is not the namespace's own."""
    fd = bpf(BPF_MAP_CREATE, struct.pack("IIIII", BPF_MAP_TYPE_ARRAY, 4, 16, SPARE_BLOCKS + 1, 0))
    change_entry(host, "spare_marks", fd)
    os.close(fd)


def sizes(fd):
    """The sizes of a map's key and of its value."""
    info = ctypes.create_string_buffer(88)
    bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    return struct.unpack_from("II", info, 8)


def only_entry(fd):
    """The key and the value of a map's one entry."""
    key, value = (ctypes.create_string_buffer(size) for size in sizes(fd))
    bpf(BPF_MAP_GET_NEXT_KEY, struct.pack("IIQQ", fd, 0, 0, ctypes.addressof(key)))
    bpf(BPF_MAP_LOOKUP_ELEM, struct.pack("IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
    return key.raw, value.raw


def make_declared(entries):
    """A map of declarations with these keys and values."""
    (key, value), *_ = entries
    fd = bpf(BPF_MAP_CREATE, struct.pack("IIIII", BPF_MAP_TYPE_HASH, len(key), len(value), len(entries), BPF_F_NO_PREALLOC))
    for key, value in entries:
        buffers = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
        bpf(BPF_MAP_UPDATE_ELEM, struct.pack("IIQQQ", fd, 0, *map(ctypes.addressof, buffers), 0))
    return fd


def declared_entry(host):
    fd, _ = open_pin(declared_pin(host))
    entry = only_entry(fd)
    os.close(fd)
    return entry


def follow_both(host, before, now):
    """What a command leaves that is killed after it told the follower of both rules' declarations."""
    fd = make_declared([before, now])
    change_entry(host, "declared", fd)
    os.close(fd)


def named(host):
    return [each for each in host.status(status=None)["problems"] if "follow" in each["what"]]


def unfollowed(host):
    found = named(host)
    assert host.status(status=None)["followed"] == (not found)
    return found


@pytest.mark.parametrize("change, words", [
    (lose_folder, "there is no follower"),
    (lose_pin, "pins of the follower are missing"),
    (lose_attachment, "program is not attached"),
    (detach, "program is not attached"),
    (lose_entry, "does not know this network namespace"),
    (enter_other_declarations, "other declarations than those in force"),
    (enter_other_map, "other declarations than those in force"),
])
def test_what_keeps_listeners_from_being_followed_is_named_and_mended_by_a_sync(host, change, words):
    host.apply(RULES.format(4000))
    assert unfollowed(host) == []
    change(host)
    (problem,) = unfollowed(host)
    text = host.sklc("status", status=None).stdout
    assert text.count("listeners are") == 1 and f"  {problem['what']}\n" in text
    assert words in problem["what"] and problem["mend"] == "call `sklc sync`" and problem["label"] is None
    host.sklc("sync", status=None)
    assert unfollowed(host) == []
    server = host.server(TCP4, port=4000)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


INTERRUPTED = "a command is running, or was interrupted: listeners of other rules are followed too"


def test_what_an_interrupted_command_left_is_followed_too_and_no_problem(host):
    host.apply(RULES.format(4001))
    before = declared_entry(host)
    host.apply(RULES.format(4000))
    follow_both(host, before, declared_entry(host))
    assert unfollowed(host) == []
    text = host.sklc("status", status=None).stdout
    assert "listeners are followed as they come\n" in text and INTERRUPTED in text
    server = host.server(TCP4, port=4000)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    host.sklc("sync")
    assert INTERRUPTED not in host.sklc("status").stdout


def test_a_laxer_declaration_left_for_the_same_slots_is_a_problem(host):
    host.apply(RULES.format(4000))
    key, value = declared_entry(host)
    port = struct.pack("H", 4000)
    assert key.count(port) == 1
    follow_both(host, (key.replace(port, struct.pack("H", 4001)), value), (key, value))
    (problem,) = unfollowed(host)
    assert "other declarations than those in force" in problem["what"]
    assert INTERRUPTED not in host.sklc("status", status=None).stdout
    host.sklc("sync", status=None)
    assert unfollowed(host) == []


def test_declarations_that_are_followed_without_rules_for_them_are_told_of(make_host):
    host, other = make_host(), make_host()
    other.apply(RULES.format(4000))  # so that there is a follower
    host.apply(RULES.format(4000))
    declared, _ = open_pin(declared_pin(host))
    state = declared_pin(host).parents[1]
    kinds = {kind: open_pin(state / kind)[0] for kind in ("sockets", "since", "spare_marks", "hand")}
    kinds["cgroups"] = open_pin(declared_pin(host).parent / "cgroups")[0]
    host.apply("tcp daddr 192.0.2.0/24 dport 80 drop\n")
    assert named(host) == []
    for kind, fd in {**kinds, "declared": declared}.items():
        change_entry(host, kind, fd)
        os.close(fd)
    assert named(host) == [] and INTERRUPTED in host.sklc("status").stdout
    host.sklc("sync")
    assert INTERRUPTED not in host.sklc("status").stdout


@pytest.mark.parametrize("words", [["--confirm", "60"], []])
def test_rules_on_trial_and_after_it_are_followed(host, words):
    host.apply(RULES.format(4000))
    host.apply(RULES.format(4001), *words)
    assert unfollowed(host) == []
    if words:
        host.sklc("confirm")
    assert unfollowed(host) == []
    host.sklc("rollback")
    assert unfollowed(host) == []


def test_rules_that_declare_nothing_need_no_follower(host):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 drop\n")
    assert host.status()["problems"] == []
