"""The follower can always be told what is declared, or nothing changes: its lock, its pins, and whom it follows."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import NO_LEAK_CHECK, SKLC, WIRES, locked_folder, program

TCP4 = WIRES["tcp-ipv4"]
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
KINDS = ["cgroups", "declared", "hand", "link", "since", "sockets", "spare_marks"]

pytestmark = pytest.mark.usefixtures("cgroup2")


def rules(port, at=80):
    return f"socket web {{ tcp 127.0.0.1:{port} }}\ntcp daddr 192.0.2.0/24 dport {at} redirect to web\n"


def follower(host):
    return next(pathlib.Path(host.bpffs, "sklc").glob("follower*"))


def folder_of(host):
    return pathlib.Path(host.bpffs, "sklc", str(host.status(status=None)["netns"]["cookie"]))


def everything(host):
    folder = folder_of(host)
    return [pin for pin in host.pins() if folder in pin.parents], host.status(status=None)["generation"]


def followed(host):
    """The cookies of the namespaces in each of the follower's maps."""
    cookies = set()
    for kind in KINDS:
        if kind != "link":
            dump = subprocess.run([BPFTOOL, "-j", "map", "dump", "pinned", follower(host) / kind],
                                  capture_output=True, check=True)
            cookies |= {int.from_bytes(bytes(int(byte, 16) for byte in entry["key"]), "little")
                        if isinstance(entry["key"], list) else entry["key"] for entry in json.loads(dump.stdout)}
    return cookies


def serves(host, port, at=80):
    """Whether a service that starts now is served at once."""
    server = host.server(TCP4, port=port)
    try:
        return host.reach(TCP4, TCP4.at(1), at, [server]) is server
    finally:
        server.close()


def test_while_the_follower_cannot_be_told_nothing_changes(host):
    """The old rules declare 8080; the refused ones 8081, in whose slot the follower would put 8080's service."""
    host.apply(rules(8080))
    before = everything(host)
    new = host.rules(rules(8081), "new.conf")
    with locked_folder(follower(host)):
        done = host.sklc("--apply", new, status=3)
        assert "follower of listeners is locked by process" in done.stderr and "(sleep)" in done.stderr
        assert done.stdout == "" and everything(host) == before
        assert serves(host, 8080)
        host.sklc("status", status=1)
    host.sklc("--apply", new)
    assert serves(host, 8081)


def test_rules_that_declare_nothing_do_not_wait_for_the_follower(make_host):
    host, other = make_host(), make_host()
    host.apply(rules(8080))
    with locked_folder(follower(host)):
        for _ in range(2):
            other.apply("tcp dport 80 drop\n", timeout=5)
        other.sklc("detach", timeout=5)


def test_a_command_that_waits_ends_when_it_is_told_to(host):
    host.apply(rules(8080))
    before = everything(host)
    for locked in (follower(host), folder_of(host)):
        for name in (signal.SIGTERM, signal.SIGINT):
            with locked_folder(locked):
                waiting = subprocess.Popen([SKLC, "--apply", host.rules(rules(8081)), "--netns", host.namespace.path,
                                            "--bpffs", host.bpffs], stderr=subprocess.PIPE)
                time.sleep(0.7)
                assert waiting.poll() is None
                waiting.send_signal(name)
                said = waiting.communicate(timeout=60)[1]
                assert waiting.returncode == -name and b"waited 10 seconds" not in said, said
            assert everything(host) == before and serves(host, 8080)


@pytest.mark.parametrize("words", ["apply", "sync", "detach", "drain"])
def test_detach_says_that_the_follower_was_not_told_and_the_next_command_tells_it(make_host, words):
    """Commands for another network namespace leave the entries, since this one lives."""
    host, other = make_host(), make_host()
    for each in (host, other):
        each.apply(rules(8080))
    cookie, theirs = (int(folder_of(each).name) for each in (host, other))
    with locked_folder(follower(host)):
        done = host.sklc("detach")
        assert "locked by process" in done.stderr and "still has entries" in done.stderr
    assert cookie in followed(host)
    assert host.status(status=4)["generation"] == 0
    assert re.search(f"cookie {cookie}: nothing is attached; .*its rules were detached",
                     host.sklc("status", "--all").stdout)
    other.apply(rules(8081))
    assert followed(other) == {cookie, theirs}
    if words == "apply":
        host.apply("tcp dport 80 drop\n")
        host.sklc("detach")
    elif words == "drain":
        assert "no rules are applied" in host.sklc("drain", "web", status=4).stderr
    else:
        host.sklc(words, status=0 if words == "detach" else 4)
    assert followed(other) == {theirs}
    assert not any(str(cookie) in str(pin) for pin in other.pins())
    assert serves(other, 8081)


def test_what_was_left_is_said_to_be_cleared_only_when_it_is(host):
    host.apply(rules(8080))
    with locked_folder(follower(host)):
        host.sklc("detach")
        said = host.apply(rules(8081), status=3).stderr
        assert "locked by process" in said and "cleared" not in said, said
    assert "is cleared now" in host.apply(rules(8081)).stderr
    assert "cleared" not in host.apply(rules(8080)).stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["apply", "sync", "detach"])
def test_a_follower_whose_pins_are_not_whole_is_made_anew(make_host, kind, words):
    host, other = make_host(), make_host()
    for each in (host, other):
        each.apply(rules(8080))
    cookies = {each: int(folder_of(each).name) for each in (host, other)}
    (follower(host) / kind).unlink()
    done = host.sklc(words, timeout=20) if words != "apply" else host.apply(rules(8081), timeout=20)
    assert "error" not in done.stderr and "cannot" not in done.stderr, done.stderr
    assert sorted(pin.name for pin in follower(host).iterdir()) == KINDS
    assert followed(host) == set(cookies.values()) - ({cookies[host]} if words == "detach" else set())
    assert serves(other, 8080)
    if words != "detach":
        assert serves(host, 8081 if words == "apply" else 8080)
    for each in (host, other):
        each.sklc("detach", status=None)
    assert host.pins() == []


def test_entries_of_namespaces_without_state_are_swept(make_host):
    host, gone = make_host(), make_host()
    for each in (host, gone):
        each.apply(rules(8080))
    cookie = int(folder_of(host).name)
    folder = folder_of(gone)
    shutil.rmtree(folder)
    assert len(followed(host)) == 2
    host.sklc("sync")
    assert followed(host) == {cookie}
    assert serves(host, 8080)


@pytest.mark.parametrize("error,first", [("EPERM", 1), ("ENOMEM", 9), ("EIO", 10)])
def test_no_failing_call_to_the_kernel_makes_an_apply_half_done(host, tmp_path, error, first):
    """Calls fail, one for each apply: what is refused changed nothing, and what is not serves by the new rules."""
    texts = {8080: host.rules(rules(8080), "old.conf"), 8081: host.rules(rules(8081), "new.conf")}
    port, call = 8080, first
    host.sklc("--apply", texts[port])
    while call < 10000:
        new = 8081 if port == 8080 else 8080
        done = subprocess.run([program("strace"), "-f", "-o", tmp_path / "log", "-e",
                               f"inject=bpf:error={error}:when={call}", SKLC, "--apply", texts[new], "--netns",
                               host.namespace.path, "--bpffs", host.bpffs], text=True, capture_output=True,
                              timeout=30, check=False, env=NO_LEAK_CHECK)
        if "INJECTED" not in (tmp_path / "log").read_text(encoding="utf-8", errors="replace"):
            break
        assert done.returncode in (0, 3), done.stderr
        port = port if done.returncode else new
        host.sklc("sync")
        assert serves(host, port), (call, done.stderr)
        call += call // 3 + 1
    assert 100 < call < 10000
