"""Declared sockets are found at apply and by `sklc sync`, by their address, user and cgroup; messages name what is
wrong."""
import shutil
import socket
import subprocess
import time

import pytest

import slots
from conftest import NO_LEAK_CHECK, REFUSED, SKLC, WIRES, libc

TCP4, TCP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"]
UDP4, UDP6 = WIRES["udp-ipv4"], WIRES["udp-ipv6"]
MPTCP = 262


def endpoint(wire, sock):
    address = f"[{wire.loopback}]" if wire.is_ipv6 else wire.loopback
    return f"{wire.protocol} {address}:{sock.getsockname()[1]}"


def rules(wire, declaration, extra=""):
    return (f"socket web {{\n{declaration}\n}}\n{extra}\n"
            f"{wire.protocol} daddr {wire.prefix} dport 80 redirect to web\n")


def as_user(host, uid, make):
    """What MAKE returns, made by another user."""
    libc.setfsuid(uid)
    try:
        return make()
    finally:
        libc.setfsuid(0)


@pytest.mark.usefixtures("cgroup2")
def test_a_service_that_runs_is_found_at_apply(host, wire):
    server = host.server(wire)
    done = host.apply(rules(wire, endpoint(wire, server)))
    assert "warning" not in done.stderr
    assert host.reach(wire, wire.at(1), 80, [server]) is server


def test_a_star_accepts_a_socket_at_any_address(host, wire):
    server = host.server(wire)
    host.apply(rules(wire, f"{wire.protocol} *:{server.getsockname()[1]}"))
    assert host.reach(wire, wire.at(1), 80, [server]) is server


def test_a_socket_at_another_port_is_not_taken(host, wire):
    server, other = host.server(wire), host.server(wire)
    host.apply(rules(wire, endpoint(wire, server)))
    server.close()
    assert host.reach(wire, wire.at(1), 80, [other]) is REFUSED


def test_sync_finds_what_came_later(host, wire):
    first = host.server(wire)
    port = first.getsockname()[1]
    host.apply(rules(wire, endpoint(wire, first)))
    first.close()
    second = host.server(wire, port=port)
    host.sklc("sync")
    assert host.reach(wire, wire.at(1), 80, [second]) is second


def test_a_missing_socket_is_reported_with_its_mend(host, wire):
    done = host.apply(rules(wire, f"{wire.protocol} {'[::1]' if wire.is_ipv6 else '127.0.0.1'}:4000"))
    assert "label 'web': no" in done.stderr and ":4000'" in done.stderr
    assert "start the service" in done.stderr


def test_a_required_socket_that_is_missing_changes_nothing(host):
    done = host.apply(rules(TCP4, "tcp 127.0.0.1:4000"), "--require-sockets", status=1)
    assert "nothing was changed" in done.stderr
    assert not host.pins()


def test_a_stranger_at_the_declared_address_gets_nothing(host, wire):
    server = as_user(host, 1234, lambda: host.server(wire))
    done = host.apply(rules(wire, endpoint(wire, server) + '\nuid "root"'))
    assert "belongs to user 1234, not to user 0" in done.stderr
    assert host.reach(wire, wire.at(1), 80, [server]) is REFUSED
    host.sklc("sync")
    assert host.reach(wire, wire.at(1), 80, [server]) is REFUSED


def test_a_user_may_be_a_number(host, wire):
    server = as_user(host, 1234, lambda: host.server(wire))
    host.apply(rules(wire, endpoint(wire, server) + '\nuid "1234"'))
    assert host.reach(wire, wire.at(1), 80, [server]) is server


def test_an_unknown_user_is_an_error(host):
    done = host.apply(rules(TCP4, 'tcp 127.0.0.1:4000\nuid "nosuchuser"'), status=3)
    assert "user 'nosuchuser'" in done.stderr
    assert not host.pins()


def test_two_sockets_that_are_no_group_are_ambiguous(host):
    first = host.server(TCP4)
    port = first.getsockname()[1]
    host.server(TCP4, address="127.0.0.2", port=port)
    done = host.apply(rules(TCP4, f"tcp *:{port}"))
    assert f"'tcp *:{port}' is ambiguous" in done.stderr and "write the address" in done.stderr


def test_two_udp_sockets_of_one_address_are_ambiguous_and_one_is_to_go(host):
    first, second = (host.socket(UDP4.af, UDP4.type) for _ in range(2))
    for each in (first, second):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0 if each is first else first.getsockname()[1]))
    done = host.apply(rules(UDP4, f"udp *:{first.getsockname()[1]}"))
    assert "is ambiguous" in done.stderr and "stop one of them" in done.stderr and "write the" not in done.stderr


def test_an_mptcp_listener_is_reported_with_its_mend(host):
    try:
        server = host.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    except OSError:
        pytest.skip("no MPTCP in this kernel")
    server.bind(("127.0.0.1", 0))
    server.listen()
    done = host.apply(rules(TCP4, endpoint(TCP4, server)))
    assert "listens with MPTCP" in done.stderr and "GODEBUG=multipathtcp=0" in done.stderr


def test_an_ipv6_only_socket_is_reported_where_rules_want_ipv4(host):
    server = host.server(TCP6, address="::")
    done = host.apply(rules(TCP4, f"tcp [::]:{server.getsockname()[1]}"))
    assert "is for IPv6 alone" in done.stderr and "IPV6_V6ONLY" in done.stderr


def test_a_dual_stack_socket_serves_both_families(host):
    server = host.server(TCP6, address="::", v6only=False)
    host.apply(f"socket web {{ tcp [::]:{server.getsockname()[1]} }}\n"
               "tcp dport 80 redirect to web\n")
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    assert host.reach(TCP6, TCP6.at(1), 80, [server]) is server


def test_a_connected_udp_socket_is_not_taken(host):
    server = host.server(UDP4)
    server.connect(("127.0.0.1", 9))
    done = host.apply(rules(UDP4, endpoint(UDP4, server)))
    assert "no socket is bound" in done.stderr


def test_another_declaration_takes_another_socket(host, wire):
    old, new = host.server(wire), host.server(wire)
    host.apply(rules(wire, endpoint(wire, old)))
    assert host.reach(wire, wire.at(1), 80, [old, new]) is old
    host.apply(rules(wire, endpoint(wire, new)))
    assert host.reach(wire, wire.at(1), 80, [old, new]) is new
    host.sklc("rollback")
    assert host.reach(wire, wire.at(1), 80, [old, new]) is old


def test_a_failed_apply_leaves_the_sockets_as_they_were(host, wire):
    old, new = host.server(wire), host.server(wire)
    host.apply(rules(wire, endpoint(wire, old)))
    host.apply(rules(wire, endpoint(wire, new), "tcp dport 1 redirect to nobody"),
               "--require-sockets", status=1)
    assert host.reach(wire, wire.at(1), 80, [old, new]) is old


def test_a_socket_that_no_longer_fits_leaves_its_label(host, wire):
    server = host.server(wire)
    host.apply(rules(wire, endpoint(wire, server)))
    host.apply(rules(wire, endpoint(wire, server) + '\nuid "1234"'))
    assert host.reach(wire, wire.at(1), 80, [server]) is REFUSED


def test_one_socket_serves_several_labels(host, wire):
    server = host.server(wire)
    at = endpoint(wire, server)
    host.apply(f"socket a {{ {at} }}\nsocket b {{ {at} }}\n"
               f"{wire.protocol} daddr {wire.prefix} dport 80 redirect to a\n"
               f"{wire.protocol} daddr {wire.prefix} dport 81 redirect to b\n")
    assert host.reach(wire, wire.at(1), 80, [server]) is server
    assert host.reach(wire, wire.at(1), 81, [server]) is server


@pytest.mark.usefixtures("cgroup2")
def test_a_thousand_labels_find_their_sockets(host):
    servers = [host.server(TCP4, address=f"127.0.{i // 250}.{1 + i % 250}", port=8080)
               for i in range(1000)]
    text = "".join(f"socket s{i} {{ tcp 127.0.{i // 250}.{1 + i % 250}:8080 }}\n"
                   f"tcp daddr 10.0.{i // 250}.{1 + i % 250} dport 80 redirect to s{i}\n"
                   for i in range(1000))
    done = host.apply(text)
    assert "warning" not in done.stderr
    for i in (0, 1, 499, 999):
        assert host.reach(TCP4, f"10.0.{i // 250}.{1 + i % 250}", 80, [servers[i]]) is servers[i]


@pytest.mark.parametrize("end, left", [("confirm", "new"), ("rollback", "old")])
def test_a_trial_that_ends_leaves_the_sockets_of_the_rules_that_decide(host, wire, end, left):
    servers = {name: host.server(wire) for name in ("old", "new")}
    text = {name: rules(wire, endpoint(wire, server)) for name, server in servers.items()}
    host.apply(text["old"])
    host.apply(text["new"], "--confirm", "600")
    assert host.reach(wire, wire.at(1), 80, servers.values()) is servers["new"]
    host.sklc(end)
    assert host.reach(wire, wire.at(1), 80, servers.values()) is servers[left]
    servers[left].close()
    assert host.reach(wire, wire.at(1), 80, []) is REFUSED


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_listener_that_comes_while_a_stranger_is_taken_out_gets_its_label(host):
    """`sklc sync` finds a stranger in a slot and then clears it; in between, the stranger closes and the right socket
    comes."""
    def stranger():
        server = host.server(TCP4)
        slots.put(host, "web", TCP4.flow_class, server)
        return server

    def sync(*options):
        return subprocess.Popen(["strace", "-f", "-e", "trace=bpf", "-o", trace, *options, SKLC, "sync", "-q",
                                 "--netns", host.namespace.path, "--bpffs", host.bpffs],
                                env=NO_LEAK_CHECK)

    trace = host.folder / "trace"
    free = host.server(TCP4)
    port = free.getsockname()[1]
    free.close()
    host.apply(rules(TCP4, f"tcp 127.0.0.1:{port}"))
    first = stranger()
    assert sync().wait() == 0
    calls = [line.split(None, 1) for line in trace.read_text().splitlines() if " bpf(" in line]
    sklc_itself = calls[0][0]  # strace counts the calls of each process
    calls = [call for process, call in calls if process == sklc_itself]
    assert host.reach(TCP4, TCP4.at(1), 80, []) is REFUSED  # the stranger is taken out
    taken_out = min(number for number, call in enumerate(calls, 1) if "BPF_MAP_DELETE_ELEM" in call)
    first.close()
    second = stranger()
    assert host.reach(TCP4, TCP4.at(1), 80, [second]) is second
    delayed = sync("-e", f"inject=bpf:delay_enter=4s:when={taken_out}")
    time.sleep(3)
    assert delayed.poll() is None
    second.close()
    right = host.server(TCP4, port=port)
    assert delayed.wait() == 0
    assert host.reach(TCP4, TCP4.at(1), 80, [right]) is right
