"""Slots of labels as the pinned maps have them, read and filled without sklc."""
import ctypes
import platform
import re
import struct
import sys
import typing

import pytest

from life import bpf, info_of, namespace_folder

LOOKUP, UPDATE, NEXT_KEY = 1, 2, 4
KEY_BYTES, NAME_BYTES = 80, 64
HAND_KEY_BYTES = 16
LINUX = tuple(int(number) for number in re.match(r"(\d+)\.(\d+)", platform.release()).groups())


def element(command, map_fd, key, value=None, flags=0):
    pointer = lambda buffer: ctypes.addressof(buffer) if buffer is not None else 0
    return bpf(command, struct.pack("=IIQQQ", map_fd, 0, pointer(key), pointer(value), flags))


class Label(typing.NamedTuple):
    name: str
    declared: bool
    words: tuple  # a slot word for each flow class

    def slots(self, flow_class):
        """Its own slot and its spare ones, as abi.h tells."""
        word = self.words[flow_class]
        block, spares = word >> 19, 15 * (1 << (word >> 16 & 7))
        return [word & 0xffff] + [65536 + (block - 1) * 15 + i for i in range(spares if block else 0)]


def keys_of(file, size):
    """The keys of a hash map."""
    last = None
    while True:
        key = ctypes.create_string_buffer(size)
        try:
            element(NEXT_KEY, file.fileno(), last, key)
        except OSError:
            return
        yield key
        last = key


def labels(host):
    """All keys of the map of slots."""
    file, _ = info_of(namespace_folder(host) / "slots", 88)
    found = []
    with file:
        for key in keys_of(file, KEY_BYTES):
            value = ctypes.create_string_buffer(16)
            element(LOOKUP, file.fileno(), key, value)
            found.append(Label(key.raw[:NAME_BYTES].rstrip(b"\0").decode(), any(key.raw[NAME_BYTES:]),
                               struct.unpack("=4I", value.raw)))
    return found


def put(host, label, flow_class, sock):
    """Puts a socket into the label's own slots, whatever the rules declare."""
    file, _ = info_of(namespace_folder(host) / "sockets", 88)
    with file:
        for each in labels(host):
            if each.name == label:
                element(UPDATE, file.fileno(), ctypes.create_string_buffer(struct.pack("=I", each.slots(flow_class)[0])),
                        ctypes.create_string_buffer(struct.pack("=Q", sock.fileno())))


def cookies(host, label, flow_class):
    """The cookies in the label's slots, by key: those of a declared label, or not."""
    file, _ = info_of(namespace_folder(host) / "sockets", 88)
    found = {}
    with file:
        for each in labels(host):
            if each.name != label:
                continue
            for slot in each.slots(flow_class):
                value = ctypes.create_string_buffer(8)
                try:
                    element(LOOKUP, file.fileno(), ctypes.create_string_buffer(struct.pack("=I", slot)), value)
                except OSError:
                    continue
                found.setdefault(each.declared, []).append(struct.unpack("=Q", value.raw)[0])
    return found


def is_noted(host, cookie):
    """Whether the socket is in the map of things done by hand."""
    file, _ = info_of(namespace_folder(host) / "hand", 88)
    with file:
        return any(int.from_bytes(key.raw[:8], sys.byteorder) == cookie for key in keys_of(file, HAND_KEY_BYTES))


def skip_unless_proven_dead(wire):
    """What was done to a socket stays noted until the kernel proves it dead."""
    if not wire.is_udp and LINUX < (6, 8):
        pytest.skip("Linux before 6.8 does not tell of bound TCP sockets, so it proves none dead")
