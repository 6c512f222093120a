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
BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_OBJ_GET, BPF_LINK_DETACH = 0, 2, 3, 7, 34
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
    assert words in problem["what"] and problem["mend"] == "call `sklc sync`" and problem["label"] is None
    host.sklc("sync", status=None)
    assert unfollowed(host) == []
    server = host.server(TCP4, port=4000)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_declarations_that_are_followed_without_rules_for_them_are_named(make_host):
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
    (problem,) = named(host)
    assert "declarations that are not in force" in problem["what"]
    host.sklc("sync")
    assert named(host) == []


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
