"""Sockets that are bound to a device, and interfaces that change under the rules."""
import errno
import json
import pathlib
import socket
import subprocess

import pytest

from conftest import REFUSED, RESET, WIRES

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
SO_BINDTODEVICE = socket.SO_BINDTODEVICE


def rules(*lines, match="tcp dport 80"):
    return "socket web {\n" + "\n".join(lines) + f"\n}}\nip daddr 172.16.0.0/16 {match} redirect to web\n"


def named(host, words):
    return [each for each in host.status(status=None)["problems"] if words in each["what"]]


def test_a_listener_of_a_device_that_is_declared_without_it_is_warned_of(host, wires):
    server = wires.server("v0")
    done = host.apply(rules(f"tcp *:{server.getsockname()[1]}"))
    assert wires.client(0, [server]) is server
    assert wires.client(1, [server]) in (REFUSED, RESET)
    assert "bound to the device 'v0'" in done.stderr
    (problem,) = named(host, "bound to the device 'v0'")
    assert "another interface are reset" in problem["what"] and '`dev "v0"`' in problem["mend"]
    shown = host.status()["labels"][0]["sockets"][0]
    assert shown["device"] == "v0" and shown["interface"] == wires.number("v0")
    assert "%v0:" in shown["address"] and "0.0.0.0%v0:" in host.sklc("status").stdout


def test_members_of_a_group_that_are_bound_to_a_device_are_one_problem(host, wires):
    first = host.socket(socket.AF_INET, socket.SOCK_STREAM)
    members = [first] + [host.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(7)]
    for member in members:
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        member.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"v0\0")
        member.bind(("0.0.0.0", 0 if member is first else first.getsockname()[1]))
        member.listen()
    host.apply(rules(f"tcp 0.0.0.0:{first.getsockname()[1]}"))
    (problem,) = named(host, "bound to the device")
    assert problem["sockets"] == 8


def test_a_registered_socket_of_a_device_is_warned_of(host, wires):
    server = wires.server("v0")
    host.apply("ip daddr 172.16.0.0/16 tcp dport 80 redirect to web\n")
    host.register("web", server)
    (problem,) = named(host, "bound to the device 'v0'")
    assert problem["label"] == "web"


def test_a_socket_of_no_device_is_not_warned_of(host, wires):
    server = wires.server()
    host.apply(rules(f"tcp *:{server.getsockname()[1]}"))
    assert host.status()["problems"] == [] and host.status()["labels"][0]["sockets"][0]["device"] is None
    assert wires.client(0, [server]) is server and wires.client(1, [server]) is server


def test_a_declared_device_chooses_among_sockets_of_one_port(host, wires):
    first = wires.server("v0")
    second = wires.server("v1", port=first.getsockname()[1])
    port = first.getsockname()[1]
    host.apply(f'socket a {{ tcp *:{port} dev "v0" }}\nsocket b {{ tcp *%v1:{port} }}\n'
               'iifname "v0" tcp dport 80 redirect to a\niifname "v1" tcp dport 80 redirect to b\n')
    assert wires.client(0, [first, second]) is first
    assert wires.client(1, [first, second]) is second
    assert not named(host, "bound to")


def test_sockets_that_their_devices_alone_tell_apart_are_one_problem(host, wires):
    first = wires.server("v0")
    port = first.getsockname()[1]
    second = wires.server("v1", port=port)
    done = host.apply(rules(f"tcp *:{port}"))
    (problem,) = host.status()["problems"]
    stands = problem["what"].partition("stand at ")[2]  # in the order of their cookies
    assert sorted(stands.split(" and ")) == [f"0.0.0.0%v0:{port}", f"0.0.0.0%v1:{port}"], problem
    assert "ambiguous" in problem["what"] and "`dev`" in problem["mend"]
    assert done.stderr.count("warning:") == 1, done.stderr


@pytest.mark.usefixtures("cgroup2")
def test_the_follower_compares_the_device(host, wires):
    port = 4711
    host.apply(f'socket a {{ tcp *:{port} dev "v0" }}\niifname "v0" tcp dport 80 redirect to a\n')
    wrong = wires.server("v1", port=port)
    assert wires.client(0, [wrong]) is REFUSED
    (problem,) = named(host, "bound to the device 'v1', not to 'v0'")
    assert "correct the `dev`" in problem["mend"]
    right = wires.server("v0", port=port)
    assert wires.client(0, [right]) is right


def test_a_socket_of_no_device_is_not_one_of_the_declared_device(host, wires):
    server = wires.server()
    host.apply(rules(f'tcp *:{server.getsockname()[1]} dev "v0"'))
    (problem,) = host.status(status=1)["problems"]
    assert "bound to no device, not to 'v0'" in problem["what"] and "SO_BINDTODEVICE" in problem["mend"]
    server.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"v0\0")
    host.sklc("sync")
    assert host.status()["problems"] == [] and wires.client(0, [server]) is server


def test_a_link_local_listener_is_declared_as_ss_prints_it(host, wires):
    first = wires.server("v0", address="fe80::1")
    second = wires.server("v1", address="fe80::1", port=first.getsockname()[1])
    port = first.getsockname()[1]
    printed = subprocess.run(["ip", "netns", "exec", host.namespace.name, "ss", "-Hlnt"], text=True,
                             capture_output=True, check=True).stdout
    (line,) = [line.split()[3] for line in printed.splitlines() if f"%v0:{port}" in line]
    assert line == f"[fe80::1]%v0:{port}"
    host.apply(f'socket a {{ tcp {line} }}\nsocket b {{ tcp [fe80::1%v1]:{port} }}\n'
               'iifname "v0" tcp dport 80 redirect to a\niifname "v1" tcp dport 80 redirect to b\n')
    assert wires.client(0, [first, second], "fe80::1") is first
    assert wires.client(1, [first, second], "fe80::1") is second
    assert not named(host, "bound to")


def test_a_udp_socket_of_a_device_is_found_by_it(host, wires):
    server = wires.server("v0", kind=socket.SOCK_DGRAM)
    port = server.getsockname()[1]
    host.apply(rules(f"udp 0.0.0.0%v1:{port}", match="udp dport 80"))
    assert named(host, "bound to the device 'v0', not to 'v1'")
    host.apply(rules(f"udp 0.0.0.0%v0:{port}", match="udp dport 80"))
    assert host.status()["problems"] == []


def test_a_udp_socket_of_a_device_answers_by_it(host, wires):
    server = wires.server("v0", kind=socket.SOCK_DGRAM)
    done = host.apply(rules(f"udp 0.0.0.0:{server.getsockname()[1]}", match="udp dport 80"))
    assert "bound to the device 'v0'" in done.stderr and "answered by way of that device" in done.stderr
    with wires.far.entered():  # an address is answered for by its own interface alone
        pathlib.Path("/proc/sys/net/ipv4/conf/all/arp_ignore").write_text("1")

    def answered(number):
        with wires.far.entered():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.bind((f"172.16.{number}.2", 0))
            client.sendto(b"ask", (f"172.16.{number}.1", 80))
            server.settimeout(1)
            client.settimeout(1)
            server.sendto(b"answer", server.recvfrom(16)[1])
            try:
                return client.recvfrom(16)[0] == b"answer"
            except TimeoutError:
                return False
    assert answered(0) and not answered(1)


def test_rules_that_give_a_device_packets_of_others_are_warned_of(host, wires):
    server = wires.server("v0")
    port = server.getsockname()[1]
    words = "rules redirect packets of other interfaces to it"
    done = host.apply(rules(f'tcp *:{port} dev "v0"'))
    assert words in done.stderr and wires.client(1, [server]) in (REFUSED, RESET)
    done = host.apply(rules(f'tcp *:{port} dev "v0"', match='iifname "v0" tcp dport 80'))
    assert words not in done.stderr and wires.client(1, [server]) is REFUSED
    assert wires.client(0, [server]) is server


def test_a_device_that_is_not_there_matches_nothing_and_is_warned_of(host, wires):
    server = wires.server()
    done = host.apply(rules(f'tcp *:{server.getsockname()[1]} dev "v7"'))
    assert "there is no interface 'v7'" in done.stderr
    assert named(host, "there is no interface 'v7'") and wires.client(0, [server]) is REFUSED


def test_a_device_that_came_back_wants_an_apply(host, wires):
    server = wires.server("v0")
    text = rules(f'tcp *:{server.getsockname()[1]} dev "v0"')
    host.apply(text)
    assert wires.client(0, [server]) is server
    host.namespace.ip("link", "del", "v0")
    assert named(host, "the interface 'v0' (number ")
    wires.add(0)
    server.close()
    server = wires.server("v0", port=server_port(text))
    (problem,) = named(host, "which has another number since the rules were applied")
    assert problem["mend"] == "apply the rules again"
    host.apply(text)
    assert host.status()["problems"] == [] and wires.client(0, [server]) is server


def test_an_interface_that_came_back_has_its_socket_through_a_trial(host, wires):
    server = wires.server("v0")
    text = rules(f'tcp *:{server.getsockname()[1]} dev "v0"')
    host.apply(text)
    host.namespace.ip("link", "del", "v0")
    wires.add(0)
    later = wires.server("v0", port=server.getsockname()[1])
    host.apply(text, "--confirm", "60")
    assert wires.client(0, [later]) is later
    host.sklc("sync")
    assert wires.client(0, [later]) is later
    host.sklc("confirm")
    assert host.status()["problems"] == [] and wires.client(0, [later]) is later


def is_reached(wires, server):
    try:
        return wires.client(0, [server]) is server
    except TimeoutError:
        return False


def check_gone(host, server, number):
    """Status names the gone interface by its number, and advises no line with a name that was made up."""
    (problem,) = named(host, f"bound to an interface that is gone (number {number})")
    assert problem["mend"] == "restart the service, so that it binds again" and problem["sockets"] == 1
    assert all(f"if{number}" not in each["mend"] for each in host.status(status=None)["problems"])
    assert not named(host, f"'if{number}'")


@pytest.mark.parametrize("device", ["", ' dev "v0"'])
@pytest.mark.parametrize("again", ["", "back", "applied"])
@pytest.mark.parametrize("endpoint", ["tcp *", "tcp 0.0.0.0"])
def test_a_socket_whose_interface_is_gone_is_to_bind_again(host, wires, device, again, endpoint):
    server = wires.server("v0")
    port, number = server.getsockname()[1], wires.number("v0")
    text = rules(f"{endpoint}:{port}{device}", match='iifname "v0" tcp dport 80')
    host.apply(text)
    host.namespace.ip("link", "del", "v0")
    if again:
        wires.add(0)
        assert wires.number("v0") != number
    if again == "applied":
        host.apply(text)
    if again != "applied":
        shown = host.status(status=None)["labels"][0]["sockets"][0]
        assert shown["address"].split(":")[0] == f"0.0.0.0%if{number}"
        assert shown["device"] is None and shown["interface"] == number  # "if7" could be a name
    check_gone(host, server, number)
    assert not again or not is_reached(wires, server)
    server.close()
    if not again:
        wires.add(0)
    later = wires.server("v0", port=port)
    host.apply(text)
    assert wires.client(0, [later]) is later and not named(host, "is gone")


def test_a_registered_socket_whose_interface_is_gone_is_to_bind_again(host, wires):
    server, number = wires.server("v0"), wires.number("v0")
    host.apply("ip daddr 172.16.0.0/16 tcp dport 80 redirect to web\n")
    host.register("web", server)
    host.namespace.ip("link", "del", "v0")
    wires.add(0)
    check_gone(host, server, number)
    (drained,) = json.loads(host.sklc("drain", "web", "--json").stdout)["sockets"]
    assert drained["device"] is None and drained["interface"] == number
    assert not is_reached(wires, server)


def test_a_near_socket_whose_interface_is_gone_is_not_offered(host, wires):
    server, number = wires.server("v0"), wires.number("v0")
    host.namespace.ip("link", "del", "v0")
    host.apply(rules(f"tcp 127.0.0.1:{server.getsockname()[1]}"))
    (problem,) = named(host, "but process")
    assert f"0.0.0.0%if{number}:" in problem["what"] and "`" not in problem["mend"]
    assert problem["mend"] == \
        f"restart the service, so that it binds again: its interface is gone (number {number})"


def server_port(text):
    return int(text.split("*:")[1].split()[0])


def test_a_problem_names_a_socket_of_a_device_as_drain_takes_it(host, wires):
    server = wires.server("v0", address="fe80::1")
    port = server.getsockname()[1]
    host.apply(f"socket web {{ tcp [fe80::1]:{port} }}\nip6 daddr fe80::/10 tcp dport 80 redirect to web\n")
    (problem,) = named(host, "bound to the device 'v0'")
    (word,) = [word for word in problem["what"].split() if f":{port}" in word]
    assert word == f"[fe80::1]%v0:{port}"
    for each in word, f"[fe80::1%v0]:{port}", f"[fe80:0:0::1]%v0:{port}":
        host.sklc("drain", "web", each)
        assert wires.client(0, [server], "fe80::1") is REFUSED
        assert not named(host, "bound to the device")
        host.sklc("undrain", "web", each)
        assert wires.client(0, [server], "fe80::1") is server
    for each in f"[fe80::1]:{port}", f"[fe80::1%v1]:{port}", f"[fe80::1%v0]%v0:{port}", f"[fe80::1%]:{port}":
        assert "no such socket" in host.sklc("drain", "web", each, status=4).stderr


def test_a_problem_names_an_ipv4_socket_of_a_device_as_drain_takes_it(host, wires):
    server = wires.server("v0")
    port = server.getsockname()[1]
    host.apply(rules(f"tcp *:{port}"))
    (problem,) = named(host, "bound to the device 'v0'")
    assert f"the socket at tcp 0.0.0.0%v0:{port} " in problem["what"]
    host.sklc("drain", "web", f"0.0.0.0%v0:{port}")
    (problem,) = host.status(status=1)["problems"]
    assert "drained" in problem["what"]
