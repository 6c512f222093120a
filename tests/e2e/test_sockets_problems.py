"""`sklc status` shows the sockets of labels, and why one is missing."""
import os
import socket
import time

import pytest

from conftest import REFUSED, WIRES

TCP4, TCP6, UDP4 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"], WIRES["udp-ipv4"]


def rules(declaration, more=""):
    return f"socket web {{\n{declaration}\n}}\ntcp daddr 192.0.2.0/24 dport 80 redirect to web\n{more}"


def socket_of(status, label="web", protocol="tcp", family="ipv4"):
    (found,) = [each for each in status["labels"] if each["name"] == label]
    (found,) = [each for each in found["sockets"]
                if each["protocol"] == protocol and each["family"] == family]
    return found


@pytest.mark.usefixtures("cgroup2")
def test_a_socket_is_shown_with_its_owner_process_and_time(host):
    server = host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}"))
    status = host.status()
    shown = socket_of(status)
    assert shown["uid"] == 0 and shown["pid"] == os.getpid() and shown["members"] == 1
    assert abs(shown["since"] - host.status()["applied_at"]) <= 5
    assert status["problems"] == [] and status["followed"]
    text = host.sklc("status").stdout
    assert f"process {os.getpid()} " in text and " since " in text and "followed as they come" in text


def test_a_missing_socket_is_a_problem_with_its_mend(host):
    host.apply(rules("tcp 127.0.0.1:4000"))
    (problem,) = host.status(status=1)["problems"]
    assert problem["label"] == "web" and "nothing listens at 'tcp 127.0.0.1:4000'" in problem["what"]
    assert "start the service" in problem["mend"]
    assert "problems:" in host.sklc("status", status=1).stdout


def test_a_missing_udp_socket_wants_a_sync(host):
    host.apply("socket dns { udp *:53 }\nudp daddr 192.0.2.0/24 dport 53 redirect to dns\n")
    (problem,) = host.status(status=1)["problems"]
    assert "no socket is bound to 'udp *:53'" in problem["what"] and "sklc sync" in problem["mend"]


def test_a_socket_that_nobody_put_behind_its_label_wants_a_sync(host):
    host.apply("socket dns { udp 127.0.0.1:5353 }\nudp daddr 192.0.2.0/24 dport 53 redirect to dns\n")
    host.server(UDP4, port=5353)
    (problem,) = host.status(status=1)["problems"]
    assert "the socket at udp 127.0.0.1:5353 is not behind its label" in problem["what"]
    assert "sklc sync" in problem["mend"]
    host.sklc("sync")
    assert host.status()["problems"] == []


def test_the_time_of_a_socket_stays_as_it_is(host):
    server = host.server(TCP4)
    time.sleep(-time.time() % 1 + 0.4)  # to the middle of a second, since times are in seconds
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}"))
    seen = set()
    for _ in range(6):
        seen.add(socket_of(host.status())["since"])
        time.sleep(0.2)
    assert len(seen) == 1, seen


def test_a_socket_that_was_shut_down_is_a_problem(host):
    server = host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}"))
    server.shutdown(socket.SHUT_RD)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is REFUSED
    problems = host.status(status=1)["problems"]
    assert any("was shut down" in each["what"] for each in problems)


def test_a_stranger_is_named(host):
    server = host.server(TCP4)
    host.apply(rules(f'tcp 127.0.0.1:{server.getsockname()[1]}\nuid "4321"'))
    problems = host.status(status=1)["problems"]
    assert any("belongs to user 0, not to user 4321" in each["what"] for each in problems)


def test_an_ipv6_only_socket_is_named_where_rules_want_ipv4(host):
    server = host.server(TCP6, address="::")
    host.apply(rules(f"tcp [::]:{server.getsockname()[1]}"))
    problems = host.status(status=1)["problems"]
    assert any("is for IPv6 alone" in each["what"] for each in problems)


def test_an_ipv4_socket_is_named_where_rules_want_ipv6(host):
    server = host.server(TCP4, address="0.0.0.0")
    host.apply(rules(f"tcp *:{server.getsockname()[1]}", "tcp daddr 2001:db8::/32 dport 80 redirect to web\n"))
    (problem,) = host.status(status=1)["problems"]
    assert "send it IPv6 packets" in problem["what"] and "is for IPv4 alone" in problem["what"]
    assert "to an IPv6 address too" in problem["mend"]


def test_an_address_that_is_not_local_is_named_with_the_route_to_add(host):
    server = host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}",
                     "tcp daddr { 203.0.113.0/24, 192.0.2.1 } dport 80 redirect to web\n"
                     "tcp daddr 2a00::1 dport 80 redirect to web\n"
                     "tcp daddr 203.0.113.9 dport 81 pass\n"))
    problems = host.status(status=1)["problems"]
    assert [each["mend"] for each in problems if "local" in each["mend"]] == [
        "`ip route add local 203.0.113.0/24 dev lo`, or give the host an address of it",
        "`ip route add local 2a00::1 dev lo`, or give the host an address of it"]
    host.namespace.ip("route", "add", "local", "203.0.113.0/24", "dev", "lo")
    host.namespace.ip("addr", "add", "2a00::1/128", "dev", "lo")
    assert not any("local" in each["mend"] for each in host.status(status=None)["problems"])


def test_hits_and_misses_are_counted_by_flow_class(host):
    server = host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}"))
    for _ in range(3):
        assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    server.close()
    assert host.reach(TCP4, TCP4.at(1), 80, []) is REFUSED
    shown = socket_of(host.status(status=1))
    assert shown["hits"] == 3 and shown["misses"] >= 1


def warnings_of_web(done):
    return [line for line in done.stderr.splitlines() if line.startswith("sklc: warning:") and "'web'" in line]


def test_apply_warns_of_a_missing_socket_once(host):
    for _ in range(2):
        (warning,) = warnings_of_web(host.apply(rules("tcp 127.0.0.1:4000")))
        assert "nothing listens at 'tcp 127.0.0.1:4000'" in warning


def test_apply_warns_of_the_flow_classes_that_no_declaration_covers(host):
    more = "udp dport 80 redirect to web\ntcp daddr 2001:db8::/64 dport 80 redirect to web\n"
    first, second = warnings_of_web(host.apply(rules("tcp 127.0.0.1:4000", more)))
    assert "nothing listens at" in first
    assert second == "sklc: warning: the label 'web' has no socket for udp ipv4, tcp ipv6, udp ipv6"


def test_apply_names_all_that_is_empty_where_sockets_are_required(host):
    done = host.apply(rules("tcp 127.0.0.1:4000"), "--require-sockets", status=1)
    assert len(warnings_of_web(done)) == 1
    assert "note: the label 'web' has no socket for tcp ipv4" in done.stderr


def test_apply_warns_of_a_declared_label_whose_sockets_are_drained(host):
    server = host.server(TCP4)
    text = rules(f"tcp 127.0.0.1:{server.getsockname()[1]}")
    host.apply(text)
    host.sklc("drain", "web")
    for each in (text, text + "tcp dport 81 drop\n"):
        (warning,) = warnings_of_web(host.apply(each))
        assert warning.endswith("the label 'web' has no socket for tcp ipv4")
