"""Declared cgroups: how deep they may be, and where in the tree the follower stands."""
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import REFUSED, SKLC
from test_sockets_followed import BPFTOOL, TCP4, ask, endpoint, followers, join, leave, rules, start, stop

SEEN_MAX = 64  # folders below the root

pytestmark = pytest.mark.usefixtures("cgroup2")


@pytest.fixture
def deep(cgroup2):
    """Makes a cgroup so many folders below the root, and returns the paths of all of them, the top one first."""
    made = []

    def make(depth):
        path = cgroup2
        for number in range(depth):
            path = path / (f"sklc-deep-{os.getpid()}" if number == 0 else "d")
            if not path.exists():
                path.mkdir()
                made.append(path)
        return made

    yield make
    for path in reversed(made):
        leave(path)


@pytest.mark.parametrize("depth", [1, 2, 13, 14, 15, 40, SEEN_MAX])
def test_a_socket_in_a_deep_cgroup_counts_as_from_those_above(host, deep, depth):
    paths = deep(depth)
    host.apply(rules(endpoint(TCP4, 8080) + f'\ncgroup "/{paths[0].name}"'))
    service = start(host, "deep", 8080, prepare=join(paths[-1]))
    assert ask(host) == "deep"
    stop(service)
    service = start(host, "beside", 8080)
    assert ask(host) is REFUSED
    stop(service)
    service = start(host, "found", 8080, prepare=join(paths[-1]))
    done = host.apply(rules(endpoint(TCP4, 8080) + f'\ncgroup "/{paths[0].name}"') + "tcp dport 82 drop\n")
    assert ask(host) == "found" and "deep" not in done.stderr, done.stderr
    stop(service)


def test_a_socket_in_a_cgroup_too_deep_to_be_compared_is_named(host, deep):
    paths = deep(SEEN_MAX + 1)
    host.apply(rules(endpoint(TCP4, 8080) + f'\ncgroup "/{paths[0].name}"'))
    service = start(host, "deep", 8080, prepare=join(paths[-1]))
    assert ask(host) is REFUSED
    problems = host.status(status=1)["problems"]
    assert any(f"more than {SEEN_MAX} folders deep" in problem["what"] for problem in problems), problems
    assert f"more than {SEEN_MAX} folders deep" in host.sklc("sync").stderr
    listener, = [link.name for link in pathlib.Path(f"/proc/{service.pid}/fd").iterdir()
                 if os.readlink(link).startswith("socket:")]
    done = host.sklc("register", "web", "--pid", service.pid, "--fd", listener, status=1)
    assert f"more than {SEEN_MAX} folders deep" in done.stderr
    stop(service)


def test_a_declared_cgroup_that_is_too_deep_is_an_error(host):
    for depth, status in ((13, 0), (14, 3)):
        done = host.apply(rules(endpoint(TCP4, 8080) + '\ncgroup "' + "/d" * depth + '"'), status=status)
        assert ("too deep" in done.stderr) == bool(status), done.stderr


def test_a_part_of_the_tree_in_a_cgroup_namespace_is_not_the_root(host, deep):
    """There the mount has the look of a root. A follower on it would see the sockets of that container alone."""
    path = host.rules(rules(endpoint(TCP4, 8080)))
    inside = deep(2)[-1]
    script = ("umount -l -a -t cgroup2; mkdir /run/netns/part; mount -t cgroup2 none /run/netns/part && "
              "! test -e /run/netns/part/sklc-deep-* && grep -q ' / .* - cgroup2 ' /proc/self/mountinfo && exec \"$@\"")
    done = subprocess.run(["unshare", "-m", "-C", "sh", "-c", script, "sh", SKLC, "--apply", path, "--netns",
                           host.namespace.path, "--bpffs", host.bpffs], text=True, capture_output=True, check=False,
                          preexec_fn=join(inside))
    pathlib.Path("/run/netns/part").rmdir()
    assert done.returncode == 0, done.stderr
    assert "only a container's part of the cgroup2 tree is mounted" in done.stderr
    assert "--netns" in done.stderr and "sklc sync" in done.stderr
    assert not followers(host)
    assert not host.status(status=1)["followed"]
    host.sklc("--apply", host.rules(rules(endpoint(TCP4, 8080)) + "tcp dport 82 drop\n"))
    service = start(host, "outside", 8080)
    assert ask(host) == "outside" and len(followers(host)) == 1
    stop(service)


def test_a_follower_below_the_root_is_replaced_by_one_on_it(host, deep):
    """As an earlier sklc made it in a container. Its link is pinned over the right one."""
    host.apply(rules(endpoint(TCP4, 8080)))
    (link,) = pathlib.Path(host.bpffs, "sklc").glob("follower*/link")
    part = deep(1)[-1]
    subprocess.run([sys.executable, "-c", ATTACH, link, part], check=True)
    shown = subprocess.run([BPFTOOL, "-j", "link", "show", "pinned", link], capture_output=True, text=True, check=True)
    assert '"cgroup_id":1,' not in shown.stdout
    assert not host.status(status=1)["followed"]
    host.sklc("sync")
    assert host.status(status=1)["followed"]
    service = start(host, "outside", 8080)
    assert ask(host) == "outside"
    stop(service)


# Attaches the program of the link argv[1] to the cgroup argv[2], and pins that link in the place of the first.
ATTACH = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[os.uname().machine]
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\\0"))
    result = libc.syscall(SYS_BPF, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result, buffer
path = ctypes.create_string_buffer(os.fsencode(sys.argv[1]))
link, _ = bpf(7, struct.pack("QII", ctypes.addressof(path), 0, 0))
info = ctypes.create_string_buffer(128)
bpf(15, struct.pack("IIQ", link, 128, ctypes.addressof(info)))
program, _ = bpf(13, struct.pack("III", struct.unpack_from("III", info)[2], 0, 0))
cgroup = os.open(sys.argv[2], os.O_RDONLY)
made, _ = bpf(28, struct.pack("IIII", program, cgroup, 3, 0))
os.unlink(sys.argv[1])
bpf(6, struct.pack("QII", ctypes.addressof(path), made, 0))
"""
