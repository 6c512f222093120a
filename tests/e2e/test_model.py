"""Random sequences of commands and of services that start and stop, against a model of what each label should serve
(model.py). After each step, real clients ask every label.

A run is as long as SKLC_TEST_SEQUENCES says, from the seed SKLC_TEST_SEED on; a failure prints the seed of its sequence
and its steps. With SKLC_TEST_SEQUENCES=1 that seed runs the sequence again."""
import errno
import json
import os
import random
import select
import socket
import subprocess
import sys
import time

import pytest

from conftest import IP_FREEBIND, IPV6_FREEBIND, SKLC, CLONE_NEWNET, call, libc
from model import DONE, NOT_THERE, REFUSED, SYSTEM, USUAL, Endpoint, Model, Service, text_of

SEQUENCES = int(os.environ.get("SKLC_TEST_SEQUENCES", "40"))
SEED = int(os.environ.get("SKLC_TEST_SEED", random.randrange(1 << 30)))
STEPS = 8  # commands
PORTS = {"a": 1001, "b": 1002, "c": 1003}
FLOW_CLASSES = [(False, False), (True, False), (False, True)]  # is UDP, is IPv6
LOOPBACK, ANY = {False: "127.0.0.1", True: "::1"}, {False: "0.0.0.0", True: "::"}
TARGET = {False: "192.0.2.1", True: "2001:db8:0:1::1"}
ENDPOINTS = ([Endpoint(is_udp, "127.0.0.1", port) for is_udp in (False, True) for port in (8001, 8002)]
             + [Endpoint(False, "::1", 8001), Endpoint(False, None, 8003), Endpoint(True, None, 8003)])
# A place where a service may be, whether rules declare it or not. Some are near what rules declare, and another.
PLACES = [(is_udp, is_ipv6, address[is_ipv6], port) for is_udp, is_ipv6 in FLOW_CLASSES
          for address in (LOOPBACK, ANY) for port in (8001, 8002, 8003, 8004)]
TRIAL_SECONDS = 1
SO_COOKIE = 57
OVER = "the trial's time is over"
OLDER_MAX = 10  # older generations that are kept, beside the current and the previous one

pytestmark = pytest.mark.usefixtures("cgroup2")


def random_rules(rng):
    """Rules over some labels. Most declare one endpoint or two of a few, so that declarations come back."""
    labels = rng.sample(sorted(PORTS), rng.randint(1, 3))
    return {label: tuple(rng.sample(ENDPOINTS, rng.choice([0, 1, 1, 2, 2]))) for label in labels}


class Disagreement(Exception):
    pass


class Late(Exception):
    """The host was so slow that nobody can say whether a trial was still running."""


class Run:
    """One sequence on one host, beside its model."""

    def __init__(self, host, rng, usual):
        self.host, self.rng, self.usual = host, rng, usual
        self.model, self.sockets, self.steps = Model(), {}, []
        self.poll = select.epoll()
        self.runs_until = self.deadline = 0  # of the trial: surely, and at most
        self.texts = []
        for sock in usual.values():
            self.poll.register(sock, select.EPOLLIN)

    def close(self):
        for sock in self.sockets.values():
            sock.close()
        self.poll.close()
        done = self.sklc("detach")
        assert done.returncode == 0 or not self.model.current, done.stderr

    def sklc(self, *words):
        return subprocess.run([SKLC, *map(str, words), "-q", "--netns", self.host.namespace.path, "--bpffs",
                               self.host.bpffs], capture_output=True, text=True, check=False, timeout=60)

    def command(self, right, *words):
        """Runs a command, which must succeed exactly if it does so in the model; or end with the status RIGHT."""
        self.steps.append(" ".join(map(str, words)))
        done = self.sklc(*words)
        if (done.returncode == 0 if isinstance(right, bool) else done.returncode) != right:
            raise Disagreement(f"status {done.returncode}, expected {right}: {done.stderr}")
        return done

    # commands

    def do_apply(self, trial=False):
        rules = self.rng.choice([random_rules(self.rng), *self.texts[-3:]])
        if self.model.tried and rules == self.model.tried.rules:
            return
        self.texts.append(rules)
        path = self.host.rules(text_of(rules, PORTS.get))
        self.steps.append(text_of(rules, PORTS.get))
        right = self.model.apply(rules, trial)
        start = time.monotonic()
        self.command(right, "--apply", path, *(["--confirm", TRIAL_SECONDS] if trial else []))
        if self.model.tried and right:
            self.runs_until, self.deadline = (at + TRIAL_SECONDS for at in (start, time.monotonic()))

    def do_trial(self):
        self.do_apply(trial=True)

    def do_confirm(self):
        self.command(self.model.confirm(), "confirm")

    def do_rollback(self):
        self.command(self.model.rollback(), "rollback")

    def do_rollback_to(self):
        """Back to any generation that the history lists, which must be those of the model."""
        kept = self.model.history()
        if not kept or self.model.tried:
            return
        listed = [each["generation"] for each in json.loads(self.sklc("history", "--json").stdout)["generations"]]
        if len(listed) != min(len(kept), OLDER_MAX + 2):
            raise Disagreement(f"history lists {listed}, and the model has {len(kept)}")
        chosen = self.rng.randrange(len(listed))
        if list(kept[chosen].rules.items()) == list(self.model.current.rules.items()):
            return
        self.command(self.model.rollback(kept[chosen]), "rollback", listed[chosen])

    def do_sync(self):
        self.command(self.model.sync_all(), "sync")

    def do_detach(self):
        if self.model.in_force():
            self.model.detach()
            self.command(True, "detach")

    # by hand

    def choose_label(self):
        """Mostly one that the rules name."""
        rules = self.model.in_force().rules if self.model.in_force() else {}
        return self.rng.choice([*sorted(rules) * 4, *sorted(PORTS)])

    def choose_service(self):
        return self.rng.choice(sorted(self.sockets, key=lambda each: each.number))

    def do_register(self, override=False):
        if not self.sockets:
            return
        label, service = self.choose_label(), self.choose_service()
        key = self.model.key_of(label)
        fit = [each for each in self.sockets if key and any(endpoint.takes(each) for endpoint in key[1])]
        if fit and self.rng.random() < 0.5:
            service = self.rng.choice(sorted(fit, key=lambda each: each.number))
        status = self.model.register(label, service, override)
        self.command(status, "register", label, "--pid", os.getpid(), "--fd", self.sockets[service].fileno(),
                     *(["--override"] if override else []))

    def do_override(self):
        self.do_register(override=True)

    def do_unregister(self):
        label, protocol = self.choose_label(), self.rng.choice([None, None, "tcp", "udp"])
        flow_classes = [each for each in FLOW_CLASSES if protocol in (None, "udp" if each[0] else "tcp")]
        self.command(self.model.unregister(label, flow_classes), "unregister", label,
                     *([protocol] if protocol else []))

    def choose_socket(self, likely):
        """The word that names a socket or several, or None, and a function that chooses these. LIKELY are services."""
        way = self.rng.choice(["all", "address", "cookie"]) if self.sockets else "all"
        if way == "all":
            return None, lambda each: True
        service = self.choose_service()
        if likely and self.rng.random() < 0.8:
            service = self.rng.choice(sorted(likely, key=lambda each: each.number))
        if way == "address":
            return service.endpoint, lambda each: each.endpoint == service.endpoint
        return service.cookie, lambda each: each == service

    def do_drain(self):
        """The model knows what surely stands behind the label, and what may; the command says what it drained."""
        self.model.settle()
        label = self.choose_label()
        word, is_meant = self.choose_socket(self.model.standing(label, lambda each: True, True)[0])
        if isinstance(word, int):  # A member of a group is not drained alone, whether it has a slot itself or not.
            is_meant = next(self.model.group(each) for each in self.sockets if each.cookie == word).__contains__
        sure, maybe = self.model.standing(label, is_meant, word is not None)
        named = self.model.key_of(label) is not None
        words = ["drain", label, *([word] if word else [])]
        if not named or not maybe:
            self.command(NOT_THERE, *words)
        elif isinstance(word, int) and len(maybe) > 1:
            self.steps.append(" ".join(map(str, words)))
            allowed = [SYSTEM] if sure else [SYSTEM, NOT_THERE]
            if self.sklc(*words).returncode not in allowed:
                raise Disagreement(f"one of {len(maybe)} was drained")
        elif sure:
            self.drained(self.command(DONE, *words, "--json"), label, sure, maybe)
        # Otherwise the socket stands behind rules before, if another has not taken its place.

    def drained(self, done, label, sure, maybe):
        by_cookie = {each.cookie: each for each in self.sockets}
        told = {by_cookie[each["cookie"]] for each in json.loads(done.stdout)["sockets"]}
        if not sure <= told <= maybe:
            raise Disagreement(f"{told} were drained instead of {sure}")
        self.model.drain(label, told)

    def do_undrain(self):
        drained = sorted({name for name, _ in self.model.hands})
        label = self.rng.choice(drained) if drained else self.choose_label()
        word, is_meant = self.choose_socket([service for name, service in self.model.hands if name == label])
        self.command(self.model.undrain(label, is_meant), "undrain", label, *([word] if word else []))

    # services

    def do_start(self):
        declared = [endpoint for rules in self.texts[-3:] for endpoints in rules.values() for endpoint in endpoints]
        fit = [place for place in PLACES if any(each.takes(Service(*place, 0)) for each in declared)]
        is_udp, is_ipv6, address, port = self.rng.choice(fit if fit and self.rng.random() < 0.7 else PLACES)
        clash = [other for other in self.sockets if (other.is_udp, other.is_ipv6, other.port) == (is_udp, is_ipv6, port)
                 and other.address != address]
        if not clash:
            self.start(is_udp, is_ipv6, address, port)

    def do_join(self):
        """Another member of a group."""
        if self.sockets:
            old = self.choose_service()
            self.start(*old.flow_class, old.address, old.port)

    def start(self, is_udp, is_ipv6, address, port):
        sock = listen(is_udp, address, port, is_ipv6)
        cookie = int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)
        service = Service(is_udp, is_ipv6, address, port, len(self.steps), cookie)
        self.steps.append(f"start {service}")
        self.sockets[service] = sock
        self.poll.register(sock, select.EPOLLIN)
        self.model.start(service)

    def stop(self, service):
        self.steps.append(f"stop {service}")
        self.model.stop(service)
        self.sockets.pop(service).close()

    def do_stop(self):
        if self.sockets:
            self.stop(self.choose_service())

    def do_restart(self):
        if self.sockets:
            old = self.choose_service()
            self.stop(old)
            self.start(*old.flow_class, old.address, old.port)

    def wait_for_the_trial(self):
        self.steps.append(OVER)
        time.sleep(max(0, self.deadline + 0.02 - time.monotonic()))
        self.model.expire()

    # clients

    def got(self, label, is_udp, is_ipv6):
        """Who gets what a client sends to the label's port: a service, USUAL or REFUSED."""
        with socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET,
                           socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM) as client:
            client.settimeout(5)
            try:
                client.connect((TARGET[is_ipv6], PORTS[label]))
                if is_udp:
                    client.send(b"hello")
                    self.poll.register(client, select.EPOLLIN)
                ready = [fd for fd, _ in self.poll.poll(5)]
                if is_udp and client.fileno() in ready:
                    client.recv(1)
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    return REFUSED
                raise
            if len(ready) != 1:
                raise Disagreement(f"{len(ready)} sockets got what was sent to {label}")
            everyone = {**{sock: service for service, sock in self.sockets.items()},
                        **{sock: USUAL for sock in self.usual.values()}}
            receiver, = [sock for sock in everyone if sock.fileno() == ready[0]]
            if is_udp:
                receiver.recv(64)
            else:
                receiver.accept()[0].close()
            return everyone[receiver]

    def check(self):
        for label in PORTS:
            for flow_class in FLOW_CLASSES:
                right = self.model.serving(label, *flow_class)
                found = self.got(label, *flow_class)
                if found != right and not (isinstance(right, set) and found in right):
                    raise Disagreement(f"{label} {flow_class}: {found} instead of {right}")

    def wait_or_act(self):
        if self.model.tried and time.monotonic() > self.runs_until - 0.5:
            self.wait_for_the_trial()
            return
        weights = {self.do_apply: 6, self.do_trial: 0.8, self.do_confirm: 2 if self.model.tried else 0.1,
                   self.do_rollback: 3, self.do_rollback_to: 1, self.do_sync: 2, self.do_register: 4,
                   self.do_override: 4, self.do_unregister: 1, self.do_drain: 4,
                   self.do_undrain: 3 if self.model.hands else 0.1, self.do_detach: 0.2}
        if not self.model.in_force():
            weights = {self.do_apply: 20, self.do_trial: 1, self.do_register: 0.5, self.do_sync: 0.5, self.do_drain: 0.2}
        self.choose(weights)

    def choose(self, weights):
        self.rng.choices(list(weights), list(weights.values()))[0]()

    def services(self):
        """Services start and stop between two commands."""
        for _ in range(self.rng.choice([0, 0, 1, 1, 2, 3])):
            self.choose({self.do_start: 4, self.do_join: 2, self.do_stop: 2, self.do_restart: 1})
            self.check()

    def step(self):
        tried = self.model.tried
        try:
            self.services()
            self.wait_or_act()
            self.check()
        finally:
            if (tried or self.model.tried) and self.steps[-1] != OVER and time.monotonic() > self.runs_until:
                raise Late


def listen(is_udp, address, port, is_ipv6):
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET,
                         socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM)
    if is_ipv6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((address, port))
    if not is_udp:
        sock.listen(64)
    return sock


@pytest.fixture
def inside(make_host):
    """A host, with this process in its namespace, so that its sockets are there. Another host has rules too, so the
    follower, which both share, does not go with the rules of each sequence."""
    other, host = make_host(), make_host()
    other.apply("socket web {\n\ttcp *:80\n}\ntcp dport 80 redirect to web\n")
    with host.namespace.entered():
        yield host
    other.sklc("detach")
    assert other.pins() == []


LATE = "late"


def run_sequence(host, seed, usual):
    run = Run(host, random.Random(seed), usual)
    try:
        for _ in range(STEPS):
            run.step()
    except Late:
        return LATE
    except Disagreement as disagreement:
        steps = "\n".join(run.steps)
        return f"seed {seed}: {disagreement}\n{steps}"
    finally:
        run.close()
    return None


def test_every_label_serves_what_the_model_says(inside):
    print(f"SKLC_TEST_SEED={SEED}")
    usual = {(label, flow_class): listen(flow_class[0], ANY[flow_class[1]], PORTS[label], flow_class[1])
             for label in PORTS for flow_class in FLOW_CLASSES}
    faults = [fault for seed in range(SEED, SEED + SEQUENCES) if (fault := run_sequence(inside, seed, usual))]
    for sock in usual.values():
        sock.close()
    late = faults.count(LATE)
    print(f"{SEQUENCES - late} of {SEQUENCES} sequences were in time")
    assert late <= (SEQUENCES + 1) / 2
    faults = [fault for fault in faults if fault != LATE]
    assert not faults, f"{len(faults)} of {SEQUENCES} sequences:\n" + "\n\n".join(faults[:3])
