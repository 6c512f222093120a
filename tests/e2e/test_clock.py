"""Times and deadlines in time namespaces, where the clock since boot of a process is not the kernel's."""
import functools
import pathlib
import subprocess
import time

import pytest

from conftest import REFUSED, SKLC, WIRES, program

TCP4 = WIRES["tcp-ipv4"]
DROP = "tcp dport 80 drop\n"
DECLARED = "socket web {\n\ttcp 127.0.0.1:8080\n}\ntcp daddr 192.0.2.0/24 dport 80 redirect to web\n"


def uptime():
    return float(pathlib.Path("/proc/uptime").read_text(encoding="ascii").split()[0])


# Seconds by which the clock since boot is shifted. It cannot be negative.
SHIFTS = {"ahead": lambda: 997, "behind": lambda: -int(uptime() / 2)}


@functools.cache
def why_no_time_namespace():
    done = subprocess.run([program("unshare"), "--time", "--boottime", "1", "--fork", "true"], text=True,
                          capture_output=True, check=False)
    return done.stderr


@pytest.fixture(params=SHIFTS)
def shifted(request, host):
    """Runs sklc on the host's namespace where the clock since boot is shifted."""
    if why_no_time_namespace():
        pytest.skip(f"no time namespace can be made: {why_no_time_namespace()}")
    shift = SHIFTS[request.param]()

    def run(*words, status=0):
        done = subprocess.run(
            ["unshare", "--time", "--boottime", str(shift), "--fork", SKLC, *map(str, words), "--netns",
             host.namespace.path, "--bpffs", host.bpffs], text=True, capture_output=True, check=False)
        assert status in (None, done.returncode), f"{done.args}\n{done.stdout}{done.stderr}"
        return done

    return run


def lasts_three_seconds(host, apply, status):
    """Whether rules that are applied on trial decide for three seconds, and STATUS tells so."""
    there = host.server(TCP4, TCP4.any, 80)
    before = time.monotonic()
    apply("--apply", host.rules(DROP), "--confirm", "3")
    after = time.monotonic()
    assert "on trial for another" in status("status").stdout
    while host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED:
        assert time.monotonic() < after + 3.5, "the trial goes on"
        time.sleep(0.02)
    assert time.monotonic() >= before + 3, "the trial ended early"
    assert "no rules are applied" in status("status", status=None).stdout
    assert "not confirmed in time" in status("confirm", status=None).stderr


def test_a_trial_of_a_shifted_process_ends_in_time(host, shifted):
    lasts_three_seconds(host, apply=shifted, status=host.sklc)


def test_a_shifted_process_sees_a_trial_as_it_is(host, shifted):
    lasts_three_seconds(host, apply=host.sklc, status=shifted)


def test_a_shifted_process_confirms_a_trial(host, shifted):
    host.apply(DROP, "--confirm", "60")
    shifted("confirm")
    assert "trial" not in host.sklc("status").stdout


class Moment:
    """Between its making and the question; the kernel's times are whole seconds, and its clocks differ by little."""

    def __init__(self):
        self.began = time.time()

    def has(self, since):
        return self.began - 2 < since < time.time() + 2


def web_since(host):
    sockets = host.status()["labels"][0]["sockets"]
    return next(each for each in sockets if each["protocol"] == "tcp" and each["family"] == "ipv4")["since"]


def since_lines(words):
    return [line.partition(" since ")[2][:19] for line in words.splitlines() if " since " in line]


def test_since_when_a_socket_serves_is_the_same_for_all(host, shifted):
    server, applied = host.server(TCP4, "127.0.0.1", 8080), Moment()
    shifted("--apply", host.rules(DECLARED))
    assert applied.has(web_since(host))
    server.close()
    restarted = Moment()
    host.server(TCP4, "127.0.0.1", 8080)
    shifted("sync")
    assert restarted.has(web_since(host))
    (line,) = since_lines(shifted("status").stdout)
    assert restarted.has(time.mktime(time.strptime(line, "%Y-%m-%d %H:%M:%S")))


def test_since_when_a_registered_socket_serves_is_the_same_for_all(host, shifted):
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    registered = Moment()
    host.register("web", host.server(TCP4))
    (line,) = since_lines(shifted("status").stdout)
    assert registered.has(time.mktime(time.strptime(line, "%Y-%m-%d %H:%M:%S")))
