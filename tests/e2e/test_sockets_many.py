"""More sockets than the kernel tells at once: it pauses, and what is closed in a pause makes it pass over others."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import slots
from conftest import IPV6_FREEBIND, NO_LEAK_CHECK, SKLC, WIRES, program
from test_register import cookie

TCP4, UDP4, UDP6 = (WIRES[name] for name in ("tcp-ipv4", "udp-ipv4", "udp-ipv6"))
PORT = 5353
FAR = 720  # as the kernel tells the latest first, one that is in none of the datagrams before a pause
CLOSED = 400


def rules(wire):
    return f"{wire.protocol} daddr {wire.prefix} dport 80 redirect to web\n"


def many(host, wire, count):
    """Sockets at one port, each at an address of its own."""
    with host.namespace.entered():
        made = [socket.socket(wire.af, wire.type) for _ in range(count)]
    host.sockets += made
    for number, sock in enumerate(made, 1):
        if wire.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        sock.bind((f"2001:db8:0:1::{number:x}" if wire.is_ipv6 else f"127.1.{number // 250}.{number % 250}", PORT))
        if not wire.is_udp:
            sock.listen(8)
    return made


def traced(host, log, *words, **more):
    options = [f"{name}={value}" for name, value in more.items()]
    return subprocess.Popen([program("strace"), "-o", log, "-e", "trace=recvfrom", *(w for o in options for w in ("-e", o)),
                             SKLC, *words, "--netns", host.namespace.path, "--bpffs", host.bpffs],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=NO_LEAK_CHECK)


def paused(host, meanwhile, *words):
    """Does something while the command has the first full datagram of sockets, and not all of them."""
    log = host.folder / "log"
    assert traced(host, log, *words).communicate() and log.exists()
    sizes = [int(size) for size in re.findall(r"^recvfrom\(.* = (\d+)", log.read_text(), re.M)]
    first = next(number for number, size in enumerate(sizes, 1) if size > 20000)
    assert sizes[first] > 20000
    asked = traced(host, log, *words, inject=f"recvfrom:signal=STOP:when={first}")
    while "stopped by SIGSTOP" not in log.read_text():
        assert asked.poll() is None
        time.sleep(0.01)
    meanwhile()
    with open(f"/proc/{asked.pid}/task/{asked.pid}/children", encoding="ascii") as children:
        os.kill(int(children.read()), signal.SIGCONT)
    asked.out, asked.err = asked.communicate(timeout=300)
    assert asked.returncode == 0, asked.err
    return asked


def close_latest(sockets):
    for sock in sockets[-CLOSED:]:
        sock.close()


@pytest.mark.parametrize("wire", [UDP4, UDP6], ids=["udp-ipv4", "udp-ipv6"])
def test_a_drained_socket_that_the_kernel_passed_over_is_not_forgotten(host, wire):
    sockets = many(host, wire, 1500)
    kept, dead = sockets[-FAR], sockets[-FAR - 1]
    host.apply(rules(wire))
    for sock in (dead, kept):
        host.register("web", sock)
        host.sklc("drain", "web", cookie(sock), "-q")
    assert slots.is_noted(host, cookie(kept))
    dead.close()
    paused(host, lambda: close_latest(sockets), "sync")
    assert [sock["cookie"] for sock in host.status(status=None)["labels"][0]["drained"]] == [cookie(kept)]
    host.sklc("undrain", "web")
    assert host.reach(wire, wire.at(1), 80, [kept]) is kept


def test_status_takes_no_socket_for_dead_that_the_kernel_passed_over(host):
    sockets = many(host, UDP4, 1500)
    host.apply(rules(UDP4))
    host.register("web", sockets[-FAR])
    told = paused(host, lambda: close_latest(sockets), "status", "--json")
    assert str(cookie(sockets[-FAR])) in told.out and f":{PORT}" in told.out
    assert "connected or gone" not in told.out


def test_where_too_many_share_an_address_none_is_proven_dead_and_none_is_forgotten(host):
    with host.namespace.entered():
        made = [socket.socket(UDP4.af, UDP4.type) for _ in range(1500)]
    host.sockets += made
    kept = made[-FAR]
    for sock in made:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.2" if sock is kept else "127.0.0.1", PORT))
    number = cookie(kept)
    host.apply(rules(UDP4))
    host.register("web", kept)
    host.sklc("drain", "web", "-q")
    paused(host, lambda: close_latest(made), "sync")
    assert slots.is_noted(host, number)
    kept.close()
    host.sklc("sync")
    assert slots.is_noted(host, number)
    host.close()
    host.sklc("sync")
    assert not slots.is_noted(host, number)


def test_a_drained_socket_among_many_that_do_not_listen_is_told_from_a_dead_one(host):
    sockets = many(host, TCP4, 60)
    kept, dead = sockets[20], sockets[21]
    numbers = [cookie(kept), cookie(dead)]
    host.apply(rules(TCP4))
    for sock in (kept, dead):
        host.register("web", sock)
        host.sklc("drain", "web", cookie(sock), "-q")
    for sock in sockets:
        sock.shutdown(socket.SHUT_RD)
    host.sklc("sync")
    assert [slots.is_noted(host, number) for number in numbers] == [True, True]
    dead.close()
    slots.skip_unless_proven_dead(TCP4)
    host.sklc("sync")
    assert [slots.is_noted(host, number) for number in numbers] == [True, False]
