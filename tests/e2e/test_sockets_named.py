"""`sklc status` names what is nearly right, what stands where it should not, and what nobody fills; each cause once."""
import os
import pathlib
import socket
import time

import pytest

import slots
from conftest import REFUSED, WIRES, run

TCP4, TCP6, UDP4, UDP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"], WIRES["udp-ipv4"], WIRES["udp-ipv6"]


def rules(declaration, match="tcp daddr 192.0.2.0/24 dport 80"):
    return f"socket web {{\n{declaration}\n}}\n{match} redirect to web\n"


def problems(host, status=None):
    return host.status(status=status)["problems"]


def test_a_group_of_a_wrong_user_is_one_problem_with_its_size(host):
    first = host.server(TCP4, reuseport=True)
    port = first.getsockname()[1]
    for _ in range(63):
        host.server(TCP4, port=port, reuseport=True)
    host.apply(rules(f'tcp 127.0.0.1:{port}\nuid "4321"'))
    (problem,) = problems(host, status=1)
    assert problem["sockets"] == 64
    assert f"64 sockets at tcp 127.0.0.1:{port} belong to user 0, not to user 4321" in problem["what"]


def test_wrong_users_at_several_addresses_are_one_problem_by_the_declaration(host):
    port = host.server(TCP4).getsockname()[1]
    host.server(TCP4, address="127.0.0.2", port=port)
    host.apply(rules(f'tcp *:{port}\nuid "4321"'))
    (problem,) = problems(host, status=1)
    assert f"2 sockets at tcp *:{port} belong to user 0" in problem["what"]


def test_two_wrong_users_are_two_causes(host):
    first = host.server(TCP4, reuseport=True)
    other = host.server(TCP4, port=first.getsockname()[1], reuseport=True)
    os.fchown(other.fileno(), 5, -1)
    host.apply(rules(f'tcp 127.0.0.1:{first.getsockname()[1]}\nuid "4321"'))
    found = problems(host, status=1)
    assert sorted(each["what"].split("belongs to ")[1].split(",")[0] for each in found) == ["user 0", "user 5"]


@pytest.mark.parametrize("declared, wire, address, wanted", [
    ("tcp 127.0.0.1", TCP4, "0.0.0.0", "tcp 0.0.0.0"),
    ("tcp 127.0.0.1", TCP6, "::", "tcp [::]"),
    ("tcp 127.0.0.1", TCP4, "192.0.2.7", "tcp 192.0.2.7"),
    ("tcp 0.0.0.0", TCP4, "127.0.0.1", "tcp 127.0.0.1"),
    ("tcp [::]", TCP4, "0.0.0.0", "tcp 0.0.0.0"),
    ("tcp [::1]", TCP6, "::", "tcp [::]"),
    ("udp 127.0.0.1", UDP4, "0.0.0.0", "udp 0.0.0.0"),
    ("udp [::1]", UDP6, "::", "udp [::]"),
    ("tcp 127.0.0.1", UDP4, "127.0.0.1", "udp 127.0.0.1"),
    ("tcp *", UDP6, "::", "udp [::]"),
])
def test_a_socket_that_is_nearly_the_declared_one_is_named_with_the_line_to_write(
        host, declared, wire, address, wanted):
    port = host.server(wire, address=address, v6only=False).getsockname()[1]
    host.apply(rules(f"{declared}:{port}", "meta l4proto { tcp, udp } dport 80"))
    (problem,) = [each for each in problems(host, status=1) if "but process" in each["what"]]
    assert f"process {os.getpid()} (" in problem["what"] and f"{wanted}:{port}" in problem["what"]
    line = problem["mend"].split("`")[1]
    assert line == f"{wanted}:{port}"
    host.apply(rules(line, f"{wire.protocol} daddr 192.0.2.0/24 dport 80"))
    assert not [each for each in problems(host) if "but process" in each["what"]]


@pytest.mark.parametrize("declared, match, wire, address, wanted, serving", [
    ("tcp [::1]", "ip6 daddr 2001:db8::/32 tcp", TCP4, "0.0.0.0", "tcp [::]", TCP6),
    ("tcp [::1]", "ip6 daddr 2001:db8::/32 tcp", TCP4, "127.0.0.1", "tcp [::]", TCP6),
    ("udp [::1]", "ip6 daddr 2001:db8::/32 udp", UDP4, "0.0.0.0", "udp [::]", UDP6),
    ("tcp 127.0.0.1", "ip daddr 192.0.2.0/24 tcp", TCP6, "::", "tcp 0.0.0.0", TCP4),
    ("tcp 127.0.0.1", "ip daddr 192.0.2.0/24 tcp", TCP6, "::1", "tcp 0.0.0.0", TCP4),
    ("udp 127.0.0.1", "ip daddr 192.0.2.0/24 udp", UDP6, "::", "udp 0.0.0.0", UDP4),
])
def test_a_socket_whose_family_the_rules_do_not_need_is_not_offered(
        host, declared, match, wire, address, wanted, serving):
    near = host.server(wire, address=address, v6only=True)
    port = near.getsockname()[1]
    host.apply(rules(f"{declared}:{port}", f"{match} dport 80"))
    (problem,) = problems(host, status=1)
    alone = ", for IPv6 alone" if ":" in address else ", for IPv4 alone"
    assert "but process" in problem["what"] and problem["what"].endswith(alone)
    assert problem["mend"].split("`")[1::2] == [f"{wanted}:{port}"]
    near.close()
    line = problem["mend"].split("`")[1]
    server = host.server(serving, address=line.split()[1].rsplit(":", 1)[0].strip("[]"), port=port)
    assert "can fill" not in host.apply(rules(line, f"{match} dport 80")).stderr
    assert problems(host, status=0) == []
    assert host.reach(serving, serving.at(1), 80, [server]) is server


def test_a_socket_for_both_families_is_offered_to_rules_of_one(host):
    server = host.server(TCP6, address="::", v6only=False)
    port = server.getsockname()[1]
    host.apply(rules(f"tcp 127.0.0.1:{port}"))
    (problem,) = problems(host, status=1)
    assert problem["mend"].split("`")[1] == f"tcp [::]:{port}"
    host.apply(rules(f"tcp [::]:{port}"))
    assert problems(host, status=0) == [] and host.reach(TCP4, TCP4.at(1), 80, [server]) is server


@pytest.mark.parametrize("first", [True, False])
def test_a_socket_that_serves_is_offered_before_one_of_the_other_family(host, first):
    made = [host.server(TCP4, address="0.0.0.0")] if first else []
    port = made[0].getsockname()[1] if first else 4000
    host.server(TCP6, address="::", port=port, v6only=True)
    if not first:
        host.server(TCP4, address="0.0.0.0", port=port)
    host.apply(rules(f"tcp [::1]:{port}", "tcp ip6 daddr 2001:db8::/32 dport 80"))
    (problem,) = problems(host, status=1)
    assert problem["mend"].split("`")[1] == f"tcp [::]:{port}" and "alone" not in problem["what"]


def test_a_socket_of_a_protocol_that_the_rules_do_not_need_is_not_offered(host):
    port = host.server(UDP4).getsockname()[1]
    host.apply(rules(f"tcp 127.0.0.1:{port}"))
    (problem,) = problems(host, status=1)
    assert f"is bound to udp 127.0.0.1:{port}" in problem["what"]
    assert problem["mend"] == "start the service; a udp socket takes none of these packets"


def test_the_command_that_applies_names_a_near_socket_too(host):
    port = host.server(TCP4, address="0.0.0.0").getsockname()[1]
    done = host.apply(rules(f"tcp 127.0.0.1:{port}"))
    assert f"listens at tcp 0.0.0.0:{port}" in done.stderr and f"`tcp *:{port}`" in done.stderr


def test_the_wildcard_that_a_missing_address_asks_for_serves(host):
    server = host.server(TCP4, address="0.0.0.0")
    port = server.getsockname()[1]
    host.apply(rules(f"tcp *:{port}"))
    assert problems(host, status=0) == []
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_a_socket_that_another_label_declares_is_not_offered(host):
    port = host.server(TCP4).getsockname()[1]
    host.apply(rules(f"tcp 127.0.0.1:{port}") + f"socket api {{ tcp 127.0.0.2:{port} }}\n"
               "tcp daddr 192.0.2.0/24 dport 81 redirect to api\n")
    (problem,) = problems(host, status=1)
    assert problem["label"] == "api" and problem["what"] == f"nothing listens at 'tcp 127.0.0.2:{port}'"


def test_a_socket_at_another_port_is_not_near(host):
    host.server(TCP4, port=4001)
    host.apply(rules("tcp 127.0.0.1:4000"))
    (problem,) = problems(host, status=1)
    assert problem["what"] == "nothing listens at 'tcp 127.0.0.1:4000'"


def test_a_socket_that_no_declaration_allows_is_named_until_a_sync(host):
    server, other = host.server(TCP4), host.server(TCP6, address="::", v6only=False)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}\ntcp [::1]:9", "tcp dport 80"))
    server.close()
    slots.put(host, "web", TCP4.flow_class, other)
    slots.put(host, "web", TCP6.flow_class, other)
    stray = [each for each in problems(host) if "no declaration allows" in each["what"]]
    assert len(stray) == 1 and stray[0]["sockets"] == 1
    assert f"tcp [::]:{other.getsockname()[1]}" in stray[0]["what"] and "sklc sync" in stray[0]["mend"]
    host.sklc("sync")
    assert not [each for each in problems(host) if "no declaration allows" in each["what"]]
    assert host.reach(TCP4, TCP4.at(1), 80, [other]) is REFUSED


def test_a_socket_where_no_declaration_is_for_its_packets_is_named_until_it_is_unregistered(host):
    server, other = host.server(TCP4), host.server(TCP6)
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}", "tcp dport 80"))
    slots.put(host, "web", TCP6.flow_class, other)
    stray = [each for each in problems(host) if "no declaration allows" in each["what"]]
    assert len(stray) == 1 and "`sklc unregister`" in stray[0]["mend"]
    host.sklc("unregister", "web")
    assert not [each for each in problems(host) if "no declaration allows" in each["what"]]


def test_a_trial_has_no_socket_of_the_rules_before(host):
    old, new = host.server(TCP4), host.server(TCP4)
    host.apply(rules(f"tcp 127.0.0.1:{old.getsockname()[1]}"))
    host.apply(rules(f"tcp 127.0.0.1:{new.getsockname()[1]}"), "--confirm", "60")
    assert problems(host, status=0) == []
    assert host.reach(TCP4, TCP4.at(1), 80, [old, new]) is new
    host.sklc("rollback")
    assert problems(host, status=0) == []


def test_a_socket_whose_user_changed_is_named_while_it_takes_packets(host):
    server = host.server(TCP4)
    host.apply(rules(f'tcp 127.0.0.1:{server.getsockname()[1]}\nuid "0"'))
    assert problems(host, status=0) == []
    os.fchown(server.fileno(), 5, -1)
    (problem,) = problems(host)
    assert "belongs to user 5, not to user 0" in problem["what"] and "takes packets all the same" in problem["what"]
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    host.sklc("sync")
    (problem,) = problems(host, status=1)
    assert "all the same" not in problem["what"]
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is REFUSED


def test_a_user_that_changed_behind_any_address_is_named(host):
    server = host.server(TCP4)
    host.apply(rules(f'tcp *:{server.getsockname()[1]}\nuid "0"'))
    os.fchown(server.fileno(), 5, -1)
    (problem,) = problems(host)
    assert "user 5" in problem["what"] and "no declaration allows" in problem["what"]


def test_an_empty_label_that_nobody_declares_is_named_with_the_command(host):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\nudp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    (problem,) = problems(host, status=1)
    assert problem["label"] == "web" and "no socket for tcp ipv4, udp ipv4" in problem["what"]
    assert "`sklc register web --pid PID --fd FD`" in problem["mend"]
    host.register("web", host.server(TCP4))
    (problem,) = problems(host, status=1)
    assert "no socket for udp ipv4" in problem["what"]
    host.register("web", host.server(UDP4))
    assert problems(host, status=0) == []


@pytest.mark.parametrize("declared, match, lacking", [
    ("tcp 127.0.0.1", "tcp dport 80", "tcp ipv6"),
    ("tcp [::1]", "tcp dport 80", "tcp ipv4"),
    ("tcp 127.0.0.1", "meta l4proto { tcp, udp } ip daddr 192.0.2.0/24 dport 80", "udp ipv4"),
])
def test_what_the_declarations_leave_out_is_named(host, declared, match, lacking):
    address = declared.split()[1].strip("[]")
    server = host.server(TCP6 if ":" in address else TCP4, address=address)
    host.apply(rules(f"{declared}:{server.getsockname()[1]}", match))
    (problem,) = problems(host, status=1)
    assert f"packets of {lacking}, and none of its declared" in problem["what"]
    assert "declare one for these too" in problem["mend"]


def test_a_dual_stack_socket_that_was_shut_down_is_one_problem(host):
    server = host.server(TCP6, address="::", v6only=False)
    host.apply(rules(f"tcp [::]:{server.getsockname()[1]}", "tcp dport 80"))
    server.shutdown(socket.SHUT_RD)
    found = [each for each in problems(host, status=1) if "shut down" in each["what"]]
    assert len(found) == 1 and found[0]["sockets"] == 1


def test_a_udp_socket_that_is_connected_now_is_named(host):
    server = host.server(UDP4)
    host.apply(rules(f"udp 127.0.0.1:{server.getsockname()[1]}", "udp daddr 192.0.2.0/24 dport 80"))
    assert problems(host, status=0) == []
    server.connect(("127.0.0.1", 9))
    assert any("is connected or gone" in each["what"] for each in problems(host, status=1))


def test_a_thousand_labels_are_looked_at_in_seconds(host):
    server = host.server(TCP4, address="0.0.0.0")
    port = server.getsockname()[1]
    text = "".join(f"socket l{i} {{ tcp 127.0.0.{1 + i % 200}:{port + i // 200} }}\n"
                   f"tcp daddr 192.0.2.0/24 dport {1000 + i} redirect to l{i}\n" for i in range(1000))
    host.apply(text, "-q")
    begin = time.monotonic()
    found = problems(host, status=1)
    assert time.monotonic() - begin < 10
    assert len(found) == 1000
    assert sum("but process" in each["what"] for each in found) == 200


@pytest.fixture
def users(tmp_path):
    """Replaces the host's users by these, in the mount namespace of the run."""
    path = tmp_path / "passwd"
    path.write_text(pathlib.Path("/etc/passwd").read_text())
    run("mount", "--bind", path, "/etc/passwd")
    yield lambda lines: path.write_text("root:x:0:0::/:/bin/sh\n" + lines)
    run("umount", "/etc/passwd")


def test_a_user_that_got_another_number_is_named(host, users):
    users("web:x:4001:4001::/:/bin/sh\n")
    server = host.server(TCP4)
    os.fchown(server.fileno(), 4001, -1)
    text = rules(f'tcp 127.0.0.1:{server.getsockname()[1]}\nuid "web"') + \
        'socket other { tcp 127.0.0.1:9\nuid "web"\n}\n'
    host.apply(text)
    assert problems(host, status=0) == []
    users("web:x:4002:4002::/:/bin/sh\n")
    (problem,) = problems(host, status=0)
    assert problem["what"] == "the user 'web' has the number 4002 now, and had 4001 when the rules were applied"
    assert problem["mend"] == "apply the rules again"
    os.fchown(server.fileno(), 4002, -1)
    assert any("belongs to user 4002, not to user 4001" in each["what"] for each in problems(host))
    host.apply(text)
    assert problems(host, status=0) == []


def test_a_user_that_is_gone_is_named_and_the_others_are_looked_at(host, users):
    users("web:x:4001:4001::/:/bin/sh\n")
    host.apply(rules('tcp 127.0.0.1:4000\nuid "web"'))
    users("")
    found = problems(host, status=1)
    assert any("there is no user 'web' any more; the rules still mean the number 4001" in each["what"]
               for each in found)
    assert any("nothing listens at" in each["what"] for each in found)
    assert host.sklc("status", status=1).stderr == ""
    host.sklc("sync", status=None)
