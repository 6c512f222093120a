"""A host for each test: a network namespace, a bpffs, and the command, with real sockets.

The whole run has a mount namespace of its own, so no mount outlives it, however it ends. A socket belongs to the
network namespace that its process is in when it makes the socket; so the test process itself can be all services
and clients of all hosts."""
import contextlib
import ctypes
import errno
import functools
import itertools
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from json_schema import check_run  # noqa: E402

SKLC = os.environ.get("SKLC", str(pathlib.Path(__file__).parents[2] / "build" / "sklc"))
# .ci/deps unpacks here the services that it does not install.
SERVICES = pathlib.Path(os.environ.get("BUILD") or pathlib.Path(__file__).parents[2] / "build", "services")
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
IP_FREEBIND, IPV6_FREEBIND, SO_NETNS_COOKIE = 15, 78, 71
REFUSED, RESET = "refused", "reset"
SANITIZED = b"__asan_init" in pathlib.Path(SKLC).read_bytes()
# The leak sanitizer does not work under strace.
NO_LEAK_CHECK = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


def within(memory, seconds=30):
    """Arguments for a run of sklc that gets no more memory (bytes) and CPU time. The address sanitizer reserves more
    than it uses and takes longer, so it has a bound of its own: four times as much of what is in memory."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds * (4 if SANITIZED else 1),) * 2)
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    bound = {**os.environ, "ASAN_OPTIONS": f"hard_rss_limit_mb={4 * memory >> 20}"}
    return {"preexec_fn": limit, **({"env": bound} if SANITIZED else {})}


# A shell's background job ignores SIGINT, and would hand that on to the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()


def call(function, *args):
    if function(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def enter_own_mounts():
    """Enters a mount namespace of the run's own. Returns None, or why the tests cannot run here."""
    try:
        call(libc.unshare, CLONE_NEWNS)
        run("mount", "--make-rprivate", "/")
        pathlib.Path("/run/netns").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "none", "/run/netns")
        run("ip", "netns", "add", "probe")
        run("ip", "netns", "del", "probe")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"cannot make namespaces here: {error}"
    return None


def cgroup2_root():
    """The mount point of the root of the cgroup2 tree that sklc would find: one that no other mount hides; or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        root, path = line.split()[3:5]
        if " - cgroup2 " in line and root == "/" and pathlib.Path(path, "cgroup.controllers").exists():
            return path
    return None


def mount_cgroup2():
    """Mounts cgroup2 for this run if the host has it nowhere. Returns None, or why that is not possible. The mount
    point is in the run's own tmpfs, so nothing stays on the host."""
    if cgroup2_root():
        return None
    pathlib.Path("/run/netns/cgroup2").mkdir()
    try:
        run("mount", "-t", "cgroup2", "none", "/run/netns/cgroup2")
    except subprocess.CalledProcessError as error:
        return f"no cgroup2 tree is mounted, and none can be: {error.stderr.decode().strip()}"
    return None


def program(name):
    """The path of a program that tests run. Without it the test is skipped; or fails, if SKLC_TEST_ALL is set."""
    folders = [os.environ["PATH"], "/usr/sbin", "/sbin", f"{SERVICES}/usr/sbin"]
    path = shutil.which(name, path=os.pathsep.join(folders))
    if not path:
        (pytest.fail if os.environ.get("SKLC_TEST_ALL") else pytest.skip)(f"needs {name}")
    return path


def pytest_configure(config):
    config.cannot_run = "needs root" if os.geteuid() else enter_own_mounts()
    config.cannot_follow = config.cannot_run or mount_cgroup2()


class Namespace:
    """A network namespace with its loopback up."""

    def __init__(self):
        self.name = f"sklc-{os.getpid()}-{next(numbers)}"
        self.path = f"/run/netns/{self.name}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        run("ip", "-n", self.name, *words)

    @contextlib.contextmanager
    def entered(self):
        with open("/proc/thread-self/ns/net", "rb") as old, open(self.path, "rb") as new:
            call(libc.setns, new.fileno(), CLONE_NEWNET)
            try:
                yield
            finally:
                call(libc.setns, old.fileno(), CLONE_NEWNET)

    def socket(self, *args):
        with self.entered():
            return socket.socket(*args)

    def delete(self):
        run("ip", "netns", "del", self.name)


class Wire:
    """A flow class (family and protocol) with the addresses that tests use in it."""

    def __init__(self, protocol, family):
        self.protocol, self.family = protocol, family
        self.is_ipv6, self.is_udp = family == "ipv6", protocol == "udp"
        self.af = socket.AF_INET6 if self.is_ipv6 else socket.AF_INET
        self.type = socket.SOCK_DGRAM if self.is_udp else socket.SOCK_STREAM
        self.loopback = "::1" if self.is_ipv6 else "127.0.0.1"
        self.any = "::" if self.is_ipv6 else "0.0.0.0"
        self.prefix = "2001:db8:0:1::/64" if self.is_ipv6 else "192.0.2.0/24"
        self.other_prefix = "2001:db8:0:2::/64" if self.is_ipv6 else "198.51.100.0/24"
        self.half = "2001:db8:0:1::/65" if self.is_ipv6 else "192.0.2.0/25"
        self.flow_class = 2 * self.is_ipv6 + self.is_udp

    def at(self, number):
        """An address of the prefix; if NUMBER is below 128, of the half too."""
        return f"2001:db8:0:1::{number:x}" if self.is_ipv6 else f"192.0.2.{number}"

    def other(self, number):
        return f"2001:db8:0:2::{number:x}" if self.is_ipv6 else f"198.51.100.{number}"

    def far(self, number):
        """An address of the prefix outside of the half."""
        return f"2001:db8:0:1:8000::{number:x}" if self.is_ipv6 else f"192.0.2.{128 + number}"


WIRES = {f"{protocol}-{family}": Wire(protocol, family)
         for protocol in ("tcp", "udp") for family in ("ipv4", "ipv6")}


class Host:
    """A network namespace and a bpffs, with sockets and the command."""

    def __init__(self, folder, bpffs, namespace):
        self.folder, self.bpffs, self.namespace = folder, bpffs, namespace
        self.sockets = []
        for prefix in ("192.0.2.0/24", "198.51.100.0/24", "10.0.0.0/8", "2001:db8::/32"):
            namespace.ip("route", "add", "local", prefix, "dev", "lo")

    # the command

    def sklc(self, *words, status=0, **more):
        """Runs sklc on this namespace; it must end with the status, if that is not None."""
        done = sklc(*words, "--netns", self.namespace.path, "--bpffs", self.bpffs, **more)
        assert status in (None, done.returncode), f"{done.args}\n{done.stdout}{done.stderr}"
        return done

    def rules(self, text, name="rules.conf"):
        path = self.folder / name
        path.write_text(text)
        return path

    def apply(self, text, *words, **more):
        return self.sklc("--apply", self.rules(text), *words, **more)

    def register(self, label, sock, override=False, **more):
        words = ["--override"] if override else []
        return self.sklc("register", label, "--pid", os.getpid(), "--fd", sock.fileno(), *words, **more)

    def status(self, status=0):
        return json.loads(self.sklc("status", "--json", status=status).stdout)

    def state_folder(self):
        """Where the state of this namespace is, if it has any."""
        with self.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            cookie = int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), sys.byteorder)
        return pathlib.Path(self.bpffs, "sklc", str(cookie))

    def pins(self):
        """What is pinned, with the folders; one that goes meanwhile is as good as gone."""
        return sorted(pathlib.Path(folder, name) for folder, folders, pins in os.walk(pathlib.Path(self.bpffs, "sklc"))
                      for name in folders + pins)

    # services and clients

    def socket(self, *args):
        sock = self.namespace.socket(*args)
        self.sockets.append(sock)
        return sock

    def server(self, wire, address=None, port=0, reuseport=False, v6only=True):
        """A socket that listens, or receives, at an address: by default at any port of the loopback address."""
        sock = self.socket(wire.af, wire.type)
        if wire.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        if reuseport:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address or wire.loopback, port))
        if not wire.is_udp:
            sock.listen(256)
        return sock

    def reach(self, wire, address, port, servers, source=None):
        """The server that a client of the address and port reaches; or REFUSED."""
        with self.namespace.socket(wire.af, wire.type) as client:
            client.settimeout(5)
            if source:
                client.bind(source)
            try:
                client.connect((address, port))
                if wire.is_udp:
                    client.send(b"hello")
                waiting = [*servers, client] if wire.is_udp else servers
                readable = select.select(waiting, [], [], 5)[0]
                if client in readable:
                    client.recv(1)
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    return REFUSED
                raise
            assert len(readable) == 1, f"{len(readable)} of the servers got something"
            if wire.is_udp:
                readable[0].recvfrom(64)
            else:
                readable[0].accept()[0].close()
            return readable[0]

    def close(self):
        for sock in self.sockets:
            sock.close()


class Wires:
    """The host with two interfaces, v0 and v1, and a namespace of clients at the other ends, at .2 of each subnet."""

    def __init__(self, host):
        self.host, self.far = host, Namespace()
        for number in (0, 1):
            self.add(number)

    def add(self, number, *words):
        host = self.host.namespace
        host.ip("link", "add", f"v{number}", *words, "type", "veth", "peer", "name", f"p{number}", "netns", self.far.name)
        for namespace, name, last in ((host, f"v{number}", 1), (self.far, f"p{number}", 2)):
            namespace.ip("addr", "add", f"172.16.{number}.{last}/24", "dev", name)
            namespace.ip("-6", "addr", "add", f"fe80::{last}/64", "dev", name, "nodad")
            namespace.ip("link", "set", name, "up")

    def server(self, device=None, address="0.0.0.0", port=0, kind=socket.SOCK_STREAM):
        sock = self.host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        if device and "fe80" not in address:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        scope = {"v0": self.number("v0"), "v1": self.number("v1")}.get(device, 0)
        sock.bind((address, port, 0, scope) if ":" in address else (address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def number(self, name):
        with self.host.namespace.entered():
            return socket.if_nametoindex(name)

    def client(self, number, servers, address=None, port=80):
        """The server that a client behind an interface reaches; or REFUSED, or RESET."""
        address = address or f"172.16.{number}.1"
        with self.far.entered():
            client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            scope = socket.if_nametoindex(f"p{number}") if ":" in address else 0
        with client:
            client.settimeout(3)
            try:
                client.connect((address, port, 0, scope) if ":" in address else (address, port))
                for server in servers:
                    server.settimeout(0.5)
                    try:
                        server.accept()[0].close()
                        return server
                    except TimeoutError:
                        continue
                client.recv(1)
            except OSError as error:
                if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
                    return REFUSED if error.errno == errno.ECONNREFUSED else RESET
                raise
        return None


@functools.cache
def public_folder():
    """A folder that every user may enter, until the run ends; other users may not be able to enter the build's."""
    folder = tempfile.TemporaryDirectory(dir="/tmp", prefix="sklc-test-")
    os.chmod(folder.name, 0o755)
    return folder


def public_copy(name, mode=0o755):
    """A copy of the command that every user may run."""
    copy = pathlib.Path(public_folder().name, name)
    if not copy.exists():
        shutil.copy(SKLC, copy)
        os.chmod(copy, mode)
    return copy


@contextlib.contextmanager
def locked_folder(folder):
    """While it is entered, another process holds the folder's lock."""
    holder = subprocess.Popen(["flock", "--no-fork", folder, "sh", "-c", "echo; exec sleep 60"],
                              stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        yield
    finally:
        holder.kill()
        holder.wait()


def sklc(*words, timeout=300, **more):
    """Runs the command; with --json its documents are checked against the schema."""
    command = public_copy("sklc") if "user" in more else SKLC
    words = [str(word) for word in words]
    done = subprocess.run([command, *words], text=True, capture_output=True, timeout=timeout, **more)
    if "--json" in words:
        check_run(words, done)
    return done


@pytest.fixture(autouse=True)
def skip_where_it_cannot_run(request):
    if request.config.cannot_run and "bpffs" in request.fixturenames:
        pytest.skip(request.config.cannot_run)


@pytest.fixture
def cgroup2(request):
    """The root of the cgroup2 tree. Followers are attached there, so tests of followed sockets need it."""
    if request.config.cannot_follow:
        pytest.skip(request.config.cannot_follow)
    return pathlib.Path(cgroup2_root())


@pytest.fixture
def bpffs(tmp_path):
    folder = tmp_path / "bpffs"
    folder.mkdir()
    run("mount", "-t", "bpf", "-o", "mode=0700", "none", folder)
    yield str(folder)
    run("umount", "-l", folder)


@pytest.fixture
def make_host(tmp_path, bpffs):
    hosts = []

    def make():
        hosts.append(Host(tmp_path, bpffs, Namespace()))
        return hosts[-1]

    yield make
    for each in hosts:
        each.close()
        each.namespace.delete()


@pytest.fixture
def host(make_host):
    return make_host()


@pytest.fixture
def wires(host):
    made = Wires(host)
    yield made
    made.far.delete()


@pytest.fixture(params=WIRES)
def wire(request):
    return WIRES[request.param]
