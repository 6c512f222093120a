"""Applying, checking, registering, detaching: what changes, what stays, and what is refused."""
import json
import os
import pathlib
import socket
import subprocess

import pytest

from conftest import REFUSED, WIRES, sklc

TCP4 = WIRES["tcp-ipv4"]
WEB = "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n"
MPTCP = 262


@pytest.fixture
def web(host):
    """A host whose label `web` is there, empty."""
    host.apply(WEB)
    return host


# apply


def test_the_rules_work_after_every_process_of_sklc_has_ended(host):
    server = host.server(TCP4)
    host.apply(WEB)
    host.register("web", server)
    assert not [name for name in pathlib.Path("/proc").glob("[0-9]*/comm")
                if name.exists() and name.read_text() == "sklc\n" and
                host.namespace.name in (name.parent / "cmdline").read_text()]
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_a_second_apply_replaces_the_rules_and_keeps_the_sockets(host):
    server, other = host.server(TCP4), host.server(TCP4)
    host.apply(WEB)
    host.register("web", server)
    host.apply("tcp daddr 192.0.2.0/24 dport 81 redirect to other\n"
               "tcp daddr 192.0.2.0/24 dport 82 redirect to web\n")
    assert host.reach(TCP4, TCP4.at(1), 80, [server, other]) == REFUSED
    assert host.reach(TCP4, TCP4.at(1), 81, [server, other]) == REFUSED
    assert host.reach(TCP4, TCP4.at(1), 82, [server, other]) is server
    host.register("other", other)
    assert host.reach(TCP4, TCP4.at(1), 81, [server, other]) is other


def test_labels_in_another_order_keep_their_sockets(host):
    one, two = host.server(TCP4), host.server(TCP4)
    rules = ["tcp dport 81 redirect to one\n", "tcp dport 82 redirect to two\n"]
    host.apply("".join(rules))
    host.register("one", one)
    host.register("two", two)
    host.apply("tcp dport 80 redirect to zero\n" + "".join(reversed(rules)))
    assert host.reach(TCP4, TCP4.at(1), 81, [one, two]) is one
    assert host.reach(TCP4, TCP4.at(1), 82, [one, two]) is two
    assert host.reach(TCP4, TCP4.at(1), 80, [one, two]) == REFUSED


def test_rules_with_an_error_change_nothing(host):
    server = host.server(TCP4)
    host.apply(WEB)
    host.register("web", server)
    failed = host.apply("tcp dprt 80 drop\n", status=1)
    assert "dprt" in failed.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_an_object_is_applied_as_its_rules_are(host):
    server = host.server(TCP4)
    prog = host.folder / "prog.o"
    assert sklc(host.rules(WEB), "-o", prog).returncode == 0
    host.sklc("--check", prog)
    host.sklc("--apply", prog)
    host.register("web", server)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_rules_on_standard_input_are_applied(host):
    host.sklc("--apply", "-", input="tcp dport 80 drop\n")
    there = host.server(TCP4, TCP4.any, 80)
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED


@pytest.mark.parametrize("how", ["name", "pid"])
def test_a_namespace_is_named_in_three_ways(host, how):
    there = host.server(TCP4, TCP4.any, 80)
    keeper = subprocess.Popen(["nsenter", f"--net={host.namespace.path}", "sleep", "60"])
    try:
        with open(f"/proc/{keeper.pid}/comm", encoding="ascii") as comm:
            while comm.read().strip() != "sleep":
                comm.seek(0)
        named = {"name": host.namespace.name, "pid": f"pid:{keeper.pid}"}[how]
        done = sklc("--apply", host.rules("tcp dport 80 drop\n"), "--netns", named,
                    "--bpffs", host.bpffs)
        assert done.returncode == 0, done.stderr
        assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED
    finally:
        keeper.kill()
        keeper.wait()


def test_a_namespace_that_is_not_there_is_named(host):
    done = sklc("--apply", host.rules(WEB), "--netns", "no-such-namespace", "--bpffs", host.bpffs)
    assert done.returncode == 4
    assert "no-such-namespace" in done.stderr


def test_a_folder_that_is_no_bpffs_is_named(host, tmp_path):
    done = sklc("--apply", host.rules(WEB), "--netns", host.namespace.path, "--bpffs", tmp_path)
    assert done.returncode == 3
    assert str(tmp_path) in done.stderr and "bpffs" in done.stderr


def test_apply_can_insist_on_sockets(host):
    there = host.server(TCP4, TCP4.any, 80)
    done = host.apply(WEB, "--require-sockets", status=1)
    assert "web" in done.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there


# check


def test_check_attaches_nothing_and_leaves_nothing(host):
    there = host.server(TCP4, TCP4.any, 80)
    done = host.sklc("--check", host.rules("policy drop\ntcp dport 80 redirect to web\n"))
    assert "instructions" in done.stdout
    assert host.pins() == []
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there


def test_check_leaves_the_applied_rules_alone(host):
    there = host.server(TCP4, TCP4.any, 80)
    host.apply("tcp dport 80 drop\n")
    pins = host.pins()
    host.sklc("--check", host.rules("policy pass\n", "other.conf"))
    assert host.pins() == pins
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED


def test_check_without_the_capability_names_it(request):
    if request.config.cannot_run:
        pytest.skip(request.config.cannot_run)
    done = sklc("--check", "-", input=WEB, cwd="/", user=65534, group=65534, extra_groups=[])
    assert done.returncode == 3, done.stderr
    assert "CAP_BPF" in done.stderr


@pytest.mark.parametrize("words", [["--apply", "-"], ["status"], ["detach"], ["list"],
                                   ["register", "web", "--pid", "1", "--fd", "3"]], ids=lambda words: words[0])
def test_commands_without_the_capability_name_it(host, words):
    done = host.sklc(*words, input=WEB, cwd="/", user=65534, group=65534, extra_groups=[], status=3)
    assert "this needs the capability CAP_" in done.stderr


MISSING = 'iifname "eth7" tcp dport 80 drop\n'


@pytest.mark.parametrize("action", ["--check", "--apply"])
def test_a_missing_interface_is_a_warning_with_a_name(host, action):
    rules = host.rules(MISSING)
    done = host.sklc(action, rules)
    assert f"warning: there is no interface 'eth7' in network namespace '{host.namespace.path}'" in done.stderr
    assert "[-Winterface]" in done.stderr
    for words in (["-Wno-interface"], ["--quiet"]):
        assert host.sklc(action, rules, *words).stderr == ""
    for words in (["-Werror"], ["-Werror=interface"]):
        assert "[-Werror=interface]" in host.sklc(action, rules, *words, status=3).stderr


def test_an_interface_that_must_exist_is_an_error_where_it_does_not(host):
    rules = host.rules('iif "eth7" tcp dport 80 drop\n')
    done = host.sklc("--apply", rules, "-Wno-interface", status=3)
    assert "there is no interface 'eth7'" in done.stderr and "iifname" in done.stderr
    assert host.pins() == []
    host.apply('iif "lo" tcp dport 80 drop\n')


# register, unregister


def test_register_says_which_families_and_protocols_it_filled(web):
    done = web.register("web", web.server(TCP4))
    assert "web" in done.stdout and "tcp" in done.stdout and "ipv4" in done.stdout


def refuse(host, sock, *words, label="web", status=3):
    done = host.register(label, sock, status=status)
    for word in words:
        assert word in done.stderr.lower(), done.stderr
    return done


def test_register_refuses_a_file(web):
    with open(web.rules(WEB), encoding="ascii") as file:
        refuse(web, file, "not a socket")


def test_register_refuses_a_tcp_socket_that_does_not_listen(web):
    sock = web.socket(socket.AF_INET, socket.SOCK_STREAM)
    refuse(web, sock, "listen")
    sock.bind(("127.0.0.1", 0))
    refuse(web, sock, "listen")


def test_register_refuses_a_connected_tcp_socket(web):
    listener, client = web.server(TCP4), web.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(listener.getsockname())
    refuse(web, client, "connected")


def test_register_refuses_a_connected_udp_socket(web):
    udp = WIRES["udp-ipv4"]
    sock = web.server(udp)
    sock.connect(("127.0.0.1", 9))
    refuse(web, sock, "connected")


def test_register_refuses_an_unbound_udp_socket(web):
    refuse(web, web.socket(socket.AF_INET, socket.SOCK_DGRAM), "bound")


@pytest.mark.parametrize("family, kind, said", [(socket.AF_UNIX, socket.SOCK_STREAM, "ipv4"),
                                                (socket.AF_INET, socket.SOCK_RAW, "tcp"),
                                                (socket.AF_NETLINK, socket.SOCK_RAW, "ipv4")],
                         ids=["unix", "raw", "netlink"])
def test_register_refuses_other_kinds_of_socket(web, family, kind, said):
    refuse(web, web.socket(family, kind, 1 if family == socket.AF_INET else 0), said)


def test_register_refuses_mptcp_and_says_what_to_do(web):
    try:
        sock = web.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    except OSError as error:
        pytest.skip(f"no MPTCP here: {error}")
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    refuse(web, sock, "mptcp")


def test_register_refuses_a_socket_of_another_namespace(web, make_host):
    refuse(web, make_host().server(TCP4), "namespace")


def test_register_refuses_a_label_that_no_rule_names_and_tells_the_nearest(web):
    done = refuse(web, web.server(TCP4), "'wbe'", label="wbe", status=4)
    assert "'web'" in done.stderr


def test_register_refuses_a_process_and_a_descriptor_that_are_not_there(web):
    done = web.sklc("register", "web", "--pid", 2**22 + 1, "--fd", 3, status=4)
    assert str(2**22 + 1) in done.stderr
    done = web.sklc("register", "web", "--pid", os.getpid(), "--fd", 9999, status=4)
    assert "9999" in done.stderr


def test_register_before_apply_says_that_nothing_is_applied(host):
    done = host.register("web", host.server(TCP4), status=4)
    assert "appl" in done.stderr


def test_registering_anew_replaces_the_socket(web):
    old, new = web.server(TCP4), web.server(TCP4)
    web.register("web", old)
    web.register("web", new)
    assert web.reach(TCP4, TCP4.at(1), 80, [old, new]) is new


def test_registering_does_not_keep_a_socket_alive(web):
    server = web.server(TCP4)
    port = server.getsockname()[1]
    web.register("web", server)
    server.close()
    again = web.server(TCP4, port=port)
    assert again.getsockname()[1] == port
    assert web.reach(TCP4, TCP4.at(1), 80, [again]) == REFUSED


def test_unregister_empties_only_the_families_and_protocols_named(host):
    six = WIRES["tcp-ipv6"]
    four_server, six_server = host.server(TCP4), host.server(six)
    host.apply("tcp dport 80 redirect to web\n")
    host.register("web", four_server)
    host.register("web", six_server)
    assert "has no such socket" in host.sklc("unregister", "web", "udp").stderr
    host.sklc("unregister", "web", "tcp", "ipv4")
    assert host.reach(TCP4, TCP4.at(1), 80, [four_server, six_server]) == REFUSED
    assert host.reach(six, six.at(1), 80, [four_server, six_server]) is six_server
    host.sklc("unregister", "web")
    assert host.reach(six, six.at(1), 80, [four_server, six_server]) == REFUSED


# list, status, detach


def test_list_prints_the_rules_as_they_were_written(host):
    text = "# the shop\n\ttcp  dport 80   redirect to web # here\n"
    host.apply(text)
    assert host.sklc("list").stdout == text
    assert json.loads(host.sklc("list", "--json").stdout)["files"][0]["text"] == text


def test_list_names_each_of_several_files(host):
    one, two = host.rules("tcp dport 80 drop\n", "one.conf"), host.rules("udp drop\n", "two.conf")
    host.sklc("--apply", one, two)
    assert host.sklc("list").stdout == "# one.conf\ntcp dport 80 drop\n\n# two.conf\nudp drop\n"


def test_list_shows_what_the_command_line_defined(host):
    rules = host.rules("define port = 80\ntcp dport $port drop\n")
    host.sklc("--apply", rules, "-D", "port={ 81,\n82 }", "-D", "host=192.0.2.1")
    assert host.sklc("list").stdout == (f"# -D port={{ 81, 82 }}\n# -D host=192.0.2.1\n\n# {rules.name}\n"
                                        "define port = 80\ntcp dport $port drop\n")


def test_list_without_rules_says_so(host):
    assert "no rules are applied" in host.sklc("list", status=4).stderr


def test_status_without_rules_is_a_result_with_a_status_of_its_own(host):
    assert "no rules are applied" in host.sklc("status", status=4).stdout
    assert host.status(status=4)["generation"] == 0
    assert "no network namespace has rules" in host.sklc("status", "--all").stdout


def test_status_fails_while_a_needed_socket_is_missing(web):
    done = web.sklc("status", status=1)
    assert "web" in done.stdout
    web.register("web", web.server(TCP4))
    done = web.sklc("status", status=0)
    assert "web" in done.stdout and "tcp" in done.stdout


def test_status_shows_the_rules_and_counts(host):
    server = host.server(TCP4)
    host.apply("tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\ntcp dport 81 counter drop\n")
    host.register("web", server)
    for n in range(3):
        host.reach(TCP4, TCP4.at(1 + n), 80, [server])
    host.reach(TCP4, TCP4.at(1), 81, [server])
    lines = host.sklc("status").stdout.splitlines()
    assert [line for line in lines if "192.0.2.0/24" in line and "3" in line.replace("192.0.2.0", "")]
    assert [line for line in lines if "dport 81" in line and "1" in line.replace("81", "")]
    assert host.status()


def test_status_without_rules_says_so(host):
    done = sklc("status", "--netns", host.namespace.path, "--bpffs", host.bpffs)
    assert done.returncode != 0
    assert "appl" in done.stdout + done.stderr


def test_detach_removes_everything_and_the_usual_socket_is_back(host):
    there, server = host.server(TCP4, TCP4.any, 80), host.server(TCP4)
    host.apply(WEB)
    host.register("web", server)
    assert host.pins()
    host.sklc("detach")
    assert host.reach(TCP4, TCP4.at(1), 80, [there, server]) is there
    assert host.pins() == []


def test_detach_of_nothing_says_so(host):
    assert "appl" in host.sklc("detach", status=4).stderr


def test_apply_after_detach_starts_afresh(host):
    server = host.server(TCP4)
    host.apply(WEB)
    host.register("web", server)
    host.sklc("detach")
    host.apply(WEB)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) == REFUSED


def test_the_state_is_closed_to_other_users(web):
    for folder in (pathlib.Path(web.bpffs) / "sklc").rglob("*"):
        assert folder.stat().st_mode & 0o077 == 0, folder
