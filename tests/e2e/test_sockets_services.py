"""Debian's services are found and followed; UDP answers have the source address that the client asked."""
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import CLONE_NEWNET, REFUSED, SKLC, WIRES, call, libc, program

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
ECHO = pathlib.Path(SKLC).parent / "tests" / "e2e" / "udp_echo"

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 2;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
    fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:8080{options}; return 200 "nginx {name}"; }} }}
"""


def start(host, *words, **more):
    """Starts a process in the host's namespace."""
    def enter():
        with open(host.namespace.path, "rb") as namespace:
            call(libc.setns, namespace.fileno(), CLONE_NEWNET)

    return subprocess.Popen([str(word) for word in words], preexec_fn=enter, **more)


def stop(service, how=signal.SIGTERM):
    service.send_signal(how)
    service.wait(10)


def http(host):
    with host.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect((TCP4.at(1), 80))
        except ConnectionRefusedError:
            return REFUSED
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: client.recv(4096), b"")).decode().split("\r\n\r\n")[-1]


def wait_for(what, wanted):
    deadline = time.monotonic() + 10
    while (got := what()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert got == wanted


@pytest.fixture(params=["", " reuseport"])
def nginx(request, host, cgroup2):
    path_of_nginx = program("nginx")
    folder = host.folder / "nginx"
    folder.mkdir()
    running = []

    def run(name, **more):
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, name=name, options=request.param))
        running.append(start(host, path_of_nginx, "-c", path, "-p", folder, "-e", folder / "error.log",
                             stderr=subprocess.DEVNULL, **more))
        return running[-1]

    run.running = running
    yield run
    for each in running:
        if each.poll() is None:
            stop(each)


WEB = ('socket web { tcp 127.0.0.1:8080; uid "root" }\n'
       "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")


def test_nginx_started_before_apply(host, nginx):
    nginx("one")
    wait_for(lambda: "LISTEN" in subprocess.run(["ss", "-N", host.namespace.name, "-ltn"],
                                                text=True, capture_output=True).stdout, True)
    host.apply(WEB)
    assert http(host) == "nginx one"


def test_nginx_started_after_apply_and_restarted(host, nginx):
    host.apply(WEB)
    first = nginx("one")
    wait_for(lambda: http(host), "nginx one")
    stop(first)
    assert http(host) is REFUSED
    second = nginx("two")
    wait_for(lambda: http(host), "nginx two")
    nginx_is_named = host.sklc("status").stdout
    assert " nginx)" in nginx_is_named
    stop(second)


def test_nginx_reloaded_serves_on(host, nginx):
    host.apply(WEB)
    service = nginx("one")
    wait_for(lambda: http(host), "nginx one")
    path = host.folder / "nginx" / "nginx.conf"
    path.write_text(path.read_text().replace("nginx one", "nginx again"))
    service.send_signal(signal.SIGHUP)
    wait_for(lambda: http(host), "nginx again")


def test_nginx_killed_under_load_is_served_when_it_starts_again(host, nginx):
    host.apply(WEB)
    nginx("one", start_new_session=True)
    wait_for(lambda: http(host), "nginx one")
    answers, done = [], threading.Event()

    def load():
        while not done.is_set():
            try:
                answers.append(http(host))
            except (ConnectionResetError, TimeoutError):
                answers.append("lost")  # the connection was with a process that was killed

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    for name in ("two", "three"):
        time.sleep(0.2)
        os.killpg(nginx.running[-1].pid, signal.SIGKILL)
        nginx.running[-1].wait()
        wait_for(lambda: answers[-1], REFUSED)
        nginx(name, start_new_session=True)
        wait_for(lambda: answers[-1], f"nginx {name}")
    wait_for(lambda: set(answers[-20:]), {"nginx three"})
    done.set()
    thread.join()
    assert {"nginx one", "nginx two", REFUSED} <= set(answers) <= {"nginx one", "nginx two", "nginx three",
                                                                   REFUSED, "lost", ""}


# names


QUESTION = bytes.fromhex("1234010000010000000000000474657374076578616d706c650000010001")  # test.example A


def ask_for_name(host, wire, address):
    with host.namespace.socket(wire.af, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.connect((address, 53))
        client.send(QUESTION)
        try:
            return client.recv(512)[-4:]
        except (TimeoutError, ConnectionRefusedError):
            return None


@pytest.mark.usefixtures("cgroup2")
@pytest.mark.parametrize("server", ["dnsmasq", "unbound"])
def test_a_name_server_found_by_sync(host, server):
    path = program(server)
    host.apply("socket dns { udp *:53; tcp *:53 }\n"
               "meta l4proto { tcp, udp } daddr 198.51.100.0/24 dport 53 redirect to dns\n")
    config = host.folder / "config"
    if server == "dnsmasq":
        config.write_text("")
        words = [path, "-k", "-C", config, "--no-resolv", "--no-hosts", "--pid-file", "--user=root",
                 "--address=/test.example/192.0.2.77", "--port=53", "--listen-address=198.51.100.53",
                 "--bind-interfaces"]
        host.namespace.ip("addr", "add", "198.51.100.53/32", "dev", "lo")
    else:
        config.write_text('server:\n interface: 198.51.100.53\n do-daemonize: no\n username: ""\n'
                          ' chroot: ""\n directory: ""\n pidfile: ""\n use-syslog: no\n logfile: "/dev/null"\n'
                          ' access-control: 0.0.0.0/0 allow\n ip-freebind: yes\n'
                          ' interface-automatic: no\n'
                          ' local-zone: "test.example" static\n'
                          ' local-data: "test.example A 192.0.2.77"\n'
                          'remote-control:\n control-enable: no\n')
        words = [path, "-d", "-c", config]
        host.namespace.ip("addr", "add", "198.51.100.53/32", "dev", "lo")
    service = start(host, *words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":53 " in subprocess.run(["ss", "-N", host.namespace.name, "-lun"], text=True,
                                                   capture_output=True).stdout, True)
        done = host.sklc("sync")
        assert "warning" not in done.stderr, done.stderr
        assert ask_for_name(host, UDP4, "198.51.100.53") == bytes([192, 0, 2, 77])
        assert host.status(status=0)["problems"] == []
    finally:
        stop(service)


# answers


@pytest.fixture(params=["udp-ipv4", "udp-ipv6"])
def udp(request):
    return WIRES[request.param]


@pytest.mark.parametrize("port", [5300, 53])
def test_answers_come_from_where_the_question_went(host, udp, port):
    assert ECHO.exists(), "`make tests` builds the example server"
    service = start(host, ECHO, udp.loopback, 5300, stdout=subprocess.PIPE)
    try:
        assert service.stdout.readline() == b"ready\n"
        bound = f"[{udp.loopback}]" if udp.is_ipv6 else udp.loopback
        host.apply(f"socket echo {{ udp {bound}:5300 }}\n"
                   f"udp daddr {udp.prefix} dport {port} redirect to echo\n")
        for number in (1, 2, 3):
            with host.namespace.socket(udp.af, udp.type) as client:
                client.settimeout(5)
                client.connect((udp.at(number), port))  # so it accepts only answers from there
                client.send(b"hello")
                assert client.recv(16) == b"hello"
    finally:
        stop(service, signal.SIGKILL)


def test_an_answer_sent_as_usual_comes_from_elsewhere(host):
    """This is why udp_echo.c, the example, sets the source address of its answers."""
    server = host.server(UDP4, port=5300)
    host.apply("socket echo { udp 127.0.0.1:5300 }\n"
               "udp daddr 192.0.2.0/24 dport 53 redirect to echo\n")
    with host.namespace.socket(UDP4.af, UDP4.type) as client:
        client.settimeout(5)
        client.sendto(b"hello", (UDP4.at(1), 53))
        data, peer = server.recvfrom(16)
        server.sendto(data, peer)
        assert client.recvfrom(16)[1] == ("127.0.0.1", 5300)
