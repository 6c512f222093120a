"""Replacing rules under load: no packet is lost or counted twice, and rollback restores the earlier rules."""
import os
import select
import signal
import struct
import subprocess
import threading
import time

import pytest

from conftest import NO_LEAK_CHECK, REFUSED, SKLC, WIRES, locked_folder, program, sklc
from objects import patch

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
OLD = ("tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n"
       "tcp daddr 192.0.2.0/24 dport 81 counter redirect to old\n")
NEW = ("tcp daddr 192.0.2.0/24 dport 81 counter redirect to new\n"
       "tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n")


class Pair:
    """A host, sockets for the labels of OLD and NEW, and OLD applied."""

    def __init__(self, host, wire=TCP4):
        self.host, self.wire = host, wire
        self.old_rules, self.new_rules = (text.replace("tcp", wire.protocol) for text in (OLD, NEW))
        self.web, self.old, self.new = (host.server(wire) for _ in range(3))
        self.servers = [self.web, self.old, self.new]
        host.apply(self.old_rules)
        host.register("web", self.web)
        host.register("old", self.old)

    def reach(self, port):
        return self.host.reach(self.wire, self.wire.at(1), port, self.servers)

    def is_old(self):
        assert self.reach(80) is self.web
        return self.reach(81) is self.old

    def apply_new(self, *words, **more):
        return self.host.apply(self.new_rules, *words, **more)

    def counted(self, text, rules=None):
        found = [rule["counter"] for rule in rules or self.host.status(status=None)["rules"]
                 if text in rule["text"]]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def pair(host):
    return Pair(host)


@pytest.fixture
def datagrams(host):
    """The pair with datagrams, for tests that count: connections may send late packets, which are counted too."""
    return Pair(host, UDP4)


def strace(host, options, *words):
    """Runs the command under strace. Returns the finished process, and the calls."""
    log = host.folder / "calls"
    done = subprocess.run([program("strace"), "-f", "-o", log, *options, SKLC, *words, "--netns", host.namespace.path,
                           "--bpffs", host.bpffs], text=True, capture_output=True, check=False,
                          env=NO_LEAK_CHECK)
    return done, log.read_text().splitlines()


def generation(host):
    return host.status(status=None)["generation"]


# swapping


class Crowd:
    """Threads with clients: each connects to one port again and again. Servers accept all of them, and it is recorded
    which server each client reached."""

    def __init__(self, host, servers, ports, clients_each=2):
        self.host, self.calling, self.serving = host, True, True
        self.count, self.faults, self.met = 0, [], set()
        self.servers = [threading.Thread(target=self.serve, args=each) for each in servers.items()]
        self.clients = [threading.Thread(target=self.call, args=[port])
                        for port in ports for _ in range(clients_each)]

    def call(self, port):
        while self.calling:
            with self.host.namespace.socket(TCP4.af, TCP4.type) as client:
                client.settimeout(5)
                try:
                    client.connect((TCP4.at(1), port))
                    client.recv(1)
                except OSError as error:
                    self.faults.append(f"port {port}: {error}")
            self.count += 1

    def serve(self, name, server):
        while self.serving:
            if select.select([server], [], [], 0.1)[0]:
                with server.accept()[0] as connection:
                    self.met.add((connection.getsockname()[1], name))

    def __enter__(self):
        for thread in self.servers + self.clients:
            thread.start()
        return self

    def __exit__(self, *_):
        self.calling = False
        for thread in self.clients:
            thread.join()
        self.serving = False
        for thread in self.servers:
            thread.join()


def test_no_client_is_refused_or_misled_by_alternating_rules(host):
    applies = int(os.environ.get("SKLC_TEST_APPLIES", "100"))
    servers = {name: host.server(TCP4) for name in ("web", "one", "two")}
    servers |= {f"usual {port}": host.server(TCP4, TCP4.any, port) for port in (80, 81)}
    sets = [host.rules("tcp dport 80 redirect to web\ntcp dport 81 redirect to one\n", "a.conf"),
            host.rules("tcp dport 81 redirect to two\ntcp dport 80 redirect to web\n", "b.conf")]
    for rules, own in zip(sets, ("one", "two")):
        host.sklc("--apply", rules)
        host.register("web", servers["web"])
        host.register(own, servers[own])
    with Crowd(host, servers, [80, 81]) as crowd:
        for n in range(applies):
            host.sklc("--apply", sets[n % 2])
    assert crowd.faults == []
    assert crowd.met == {(80, "web"), (81, "one"), (81, "two")}
    assert crowd.count > applies


def test_slots_of_a_label_that_is_gone_are_not_reused_at_once(pair):
    host = pair.host
    pair.apply_new()
    host.register("new", pair.new)
    assert not pair.is_old()
    host.apply("tcp dport 81 redirect to third\ntcp dport 80 redirect to web\n")
    assert pair.reach(81) == REFUSED
    labels = host.status(status=None)["labels"]
    assert sorted(label["name"] for label in labels) == ["third", "web"]


def test_apply_lists_labels_that_have_no_socket_before_it_swaps(pair):
    done = pair.apply_new("--require-sockets", status=1)
    assert "'new'" in done.stderr and "'web'" not in done.stderr
    assert pair.is_old()
    assert "'new'" in pair.apply_new().stderr
    assert not pair.is_old()


# counters


def test_counters_go_on_for_the_rules_that_stay(datagrams):
    for _ in range(3):
        datagrams.reach(80)
    datagrams.reach(81)
    datagrams.apply_new()
    assert datagrams.counted("dport 80") == 3
    assert datagrams.counted("dport 81") == 0
    datagrams.reach(80)
    assert datagrams.counted("dport 80") == 4
    datagrams.host.apply(datagrams.old_rules)
    datagrams.reach(80)
    assert datagrams.counted("dport 80") == 5
    hits = [each["hits"] for label in datagrams.host.status(status=None)["labels"]
            if label["name"] == "web" for each in label["sockets"]]
    assert sum(hits) == 5


def test_equal_rules_keep_their_counters_by_their_order(host):
    twice = "udp dport 82 counter drop\nudp dport 83 drop\nudp dport 82 counter drop\n"
    host.apply(twice)
    host.reach(UDP4, UDP4.at(1), 82, [])
    host.apply("udp dport 84 drop\n" + twice)
    rules = host.status(status=None)["rules"]
    assert [rule["counter"] for rule in rules] == [None, 1, None, 0]


def test_reset_begins_again_at_zero(datagrams):
    datagrams.reach(80)
    datagrams.host.sklc("reset")
    assert datagrams.counted("dport 80") == 0
    datagrams.reach(80)
    assert datagrams.counted("dport 80") == 1
    datagrams.apply_new()
    datagrams.reach(80)
    assert datagrams.counted("dport 80") == 2


def test_nothing_is_counted_twice_or_lost_while_rules_are_replaced(host):
    """The test and the kernel count the same datagrams."""
    server = host.server(UDP4)
    sets = [host.rules(f"udp dport 53 counter redirect to dns\ntcp dport {n} drop\n", f"{n}.conf")
            for n in (1, 2)]
    host.sklc("--apply", sets[0])
    host.register("dns", server)
    sent = 0
    with host.namespace.socket(UDP4.af, UDP4.type) as client:
        for n in range(20):
            apply = subprocess.Popen([SKLC, "--apply", sets[n % 2], "-q", "--netns",
                                      host.namespace.path, "--bpffs", host.bpffs])
            while apply.poll() is None:
                client.sendto(b"x", (UDP4.at(1), 53))
                sent += 1
                server.recv(8)
    assert host.status(status=None)["rules"][0]["counter"] == sent


# rollback


def test_rollback_restores_rules_and_sockets(pair):
    pair.apply_new()
    assert not pair.is_old()
    pair.host.sklc("rollback")
    assert pair.is_old()
    pair.host.sklc("rollback")
    assert not pair.is_old()


def test_rollback_without_anything_before_says_so(pair):
    assert "before" in pair.host.sklc("rollback", status=4).stderr
    assert pair.is_old()


def test_rules_on_trial_go_back_by_themselves_without_any_process(datagrams):
    """The kernel ends the trial although the process that applied was killed."""
    apply = subprocess.Popen(
        [SKLC, "--apply", datagrams.host.rules(datagrams.new_rules), "--confirm", "2", "--netns",
         datagrams.host.namespace.path, "--bpffs", datagrams.host.bpffs],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    apply.stdout.readline()
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    assert not datagrams.is_old()
    time.sleep(2.1)
    assert datagrams.is_old()
    status = datagrams.host.status()
    assert status["trial"]["phase"] == "over"
    assert datagrams.counted("dport 80", status["rules"]) == 2
    assert "not confirmed" in datagrams.host.sklc("confirm", status=4).stderr
    assert datagrams.host.status()["trial"] is None
    assert datagrams.counted("dport 80") == 2


def test_confirmed_rules_stay(pair):
    pair.apply_new("--confirm", "2")
    assert pair.host.status(status=None)["trial"]["phase"] == "running"
    pair.host.sklc("confirm")
    assert pair.host.status(status=None)["trial"] is None
    time.sleep(2.1)
    assert not pair.is_old()


def test_a_trial_is_ended_by_rollback_and_bars_other_applies(pair):
    pair.apply_new("--confirm", "60")
    assert "trial" in pair.apply_new(status=3).stderr
    assert "trial" in pair.host.sklc("reset", status=3).stderr
    assert not pair.is_old()
    pair.host.sklc("rollback")
    assert pair.is_old()
    pair.apply_new()
    assert not pair.is_old()


def test_a_trial_that_would_be_over_before_it_begins_changes_nothing(pair):
    before = generation(pair.host)
    done, _ = strace(pair.host, ["-e", "trace=mkdirat", "-e", "inject=mkdirat:delay_enter=1500000"], "--apply",
                     pair.host.rules(pair.new_rules), "--confirm", "1")
    assert done.returncode == 3 and done.stdout == ""
    assert "would be over before it begins" in done.stderr
    assert generation(pair.host) == before and pair.is_old()


@pytest.mark.parametrize("verb", ["confirm", "rollback"])
def test_a_trial_keeps_its_map_of_programs_while_its_program_may_run(pair, verb):
    """A program that runs while another replaces it on the link is waited for before the map's pin goes."""
    pair.apply_new("--confirm", "60")
    calls = strace(pair.host, ["-e", "trace=bpf,membarrier,unlinkat"], verb)[1]
    swap, wait, gone = ([number for number, call in enumerate(calls) if words in call]
                        for words in ("BPF_LINK_UPDATE", "membarrier(", '"choices"'))
    gone = [number for number in gone if "unlinkat" in calls[number]]
    assert len(swap) == 1 and len(gone) == 1
    assert any(swap[0] < number < gone[0] for number in wait)


def test_a_trial_of_the_first_rules_ends_with_none(host):
    there = host.server(TCP4, TCP4.any, 80)
    host.apply("tcp dport 80 drop\n", "--confirm", "1")
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED
    time.sleep(1.1)
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there
    host.sklc("detach", status=None)
    assert host.pins() == []


def test_a_trial_keeps_the_way_back_behind_the_rules_before(pair):
    pair.apply_new()
    pair.host.apply("tcp dport 80 redirect to web\n", "--confirm", "60")
    pair.host.sklc("rollback")
    assert not pair.is_old()
    pair.host.sklc("rollback")
    assert pair.is_old()


# one writer


def test_an_apply_that_knows_an_older_generation_is_refused(pair):
    first = generation(pair.host)
    pair.apply_new("--if-generation", first)
    done = pair.host.apply(OLD, "--if-generation", first, status=1)
    assert "somebody else" in done.stderr
    assert not pair.is_old()
    pair.host.sklc("detach")
    pair.host.apply(OLD, "--if-generation", 0)
    assert generation(pair.host) == 1


def test_eight_applies_at_once_end_as_one_of_them(host):
    server = host.server(TCP4)
    every = range(8)
    rules = [host.rules(f"tcp dport {80 + n} redirect to web\ntcp dport 90 counter drop\n",
                        f"{n}.conf") for n in every]
    applies = [subprocess.Popen([SKLC, "--apply", each, "-q", "--netns", host.namespace.path,
                                 "--bpffs", host.bpffs], stderr=subprocess.PIPE) for each in rules]
    for each in applies:
        assert each.wait() == 0, each.stderr.read()
        each.stderr.close()
    host.register("web", server)
    there = [host.reach(TCP4, TCP4.at(1), 80 + n, [server]) is server for n in every]
    assert there.count(True) == 1
    assert f"dport {80 + there.index(True)} " in host.sklc("list").stdout


@pytest.fixture
def locked(pair):
    """The state's folder, locked by a process that sleeps."""
    folder = os.path.dirname(next(str(pin) for pin in pair.host.pins() if pin.name == "link"))
    with locked_folder(folder):
        yield pair


def test_a_command_that_waits_for_the_lock_says_who_holds_it(locked):
    start = time.monotonic()
    done = locked.apply_new(status=3)
    assert "locked by process" in done.stderr
    assert time.monotonic() - start < 30
    assert locked.is_old()


def test_readers_do_not_wait(locked):
    start = time.monotonic()
    locked.host.status()
    locked.host.sklc("list")
    assert time.monotonic() - start < 5


# signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_exit_status_says_which_rules_decide_after_a_signal(pair, name):
    """Signals arrive at any time during an apply; status 0 means that the new rules decide, any other the old ones."""
    rules = {True: pair.host.rules(OLD, "old.conf"), False: pair.host.rules(NEW, "new.conf")}
    outcomes = set()
    for n in range(25):
        was_old = pair.is_old()
        apply = subprocess.Popen([SKLC, "--apply", rules[not was_old], "-q", "--netns",
                                  pair.host.namespace.path, "--bpffs", pair.host.bpffs],
                                 stderr=subprocess.DEVNULL)
        time.sleep(n * 0.003)
        apply.send_signal(getattr(signal, name))
        done = apply.wait() == 0
        assert pair.is_old() == (was_old != done)
        outcomes.add(done)
    assert outcomes


def test_output_that_nobody_reads_does_not_undo_the_exit_status(pair):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([SKLC, "--apply", pair.host.rules(NEW), "--netns",
                               pair.host.namespace.path, "--bpffs", pair.host.bpffs],
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    assert "standard output" in done.stderr
    assert not pair.is_old()


def test_a_closed_pipe_does_not_undo_the_exit_status(pair):
    apply = subprocess.Popen([SKLC, "--apply", pair.host.rules(NEW), "--netns",
                              pair.host.namespace.path, "--bpffs", pair.host.bpffs],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    apply.stdout.close()
    assert apply.wait() == 0
    assert not pair.is_old()


# others on the hook


def test_other_programs_on_the_hook_are_shown(pair, tmp_path):
    assert len(pair.host.status()["link"]["programs_on_hook"]) == 1
    remove = other_instance(pair.host, tmp_path)
    assert len(pair.host.status()["link"]["programs_on_hook"]) == 2
    assert "order" in pair.apply_new().stderr
    assert pair.host.status(status=None)["link"]["position"] == 1
    remove()


@pytest.mark.parametrize("option, chosen", [("", "first"), ("option override\n", "second")])
def test_the_first_choice_on_the_hook_stands_unless_a_later_overrides(host, tmp_path, option, chosen):
    servers = {"first": host.server(TCP4), "second": host.server(TCP4)}
    host.apply("tcp dport 80 redirect to first\n")
    host.register("first", servers["first"])
    folder = tmp_path / "second"
    folder.mkdir()
    subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "none", folder], check=True)
    try:
        later = ["--netns", host.namespace.path, "--bpffs", folder]
        rules = host.rules(f"{option}tcp dport 80 redirect to second\n", "later.conf")
        subprocess.run([SKLC, "--apply", rules, "-q", *later], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([SKLC, "register", "second", "--pid", str(os.getpid()), "--fd",
                        str(servers["second"].fileno()), *later], check=True,
                       stdout=subprocess.DEVNULL)
        reached = host.reach(TCP4, TCP4.at(1), 80, list(servers.values()))
        assert reached is servers[chosen]
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def other_instance(host, tmp_path, name="second"):
    """Rules on the same namespace with their state in another bpffs: to sklc, another program on the hook."""
    folder = tmp_path / name
    folder.mkdir()
    subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "none", folder], check=True)
    done = subprocess.run([SKLC, "--apply", host.rules("tcp dport 99 drop\n", "o.conf"), "-q",
                           "--netns", host.namespace.path, "--bpffs", folder],
                          check=False, capture_output=True, text=True)

    def remove():
        subprocess.run(["umount", "-l", folder], check=True)
    if done.returncode:
        remove()
        raise RuntimeError(done.stderr)
    return remove


def test_a_full_hook_is_a_clear_error_and_changes_nothing(host, tmp_path):
    others = [other_instance(host, tmp_path, f"other{n}") for n in range(64)]
    try:
        done = host.apply("tcp dport 80 drop\n", status=3)
        assert "64" in done.stderr
        assert host.pins() == []
    finally:
        for remove in others:
            remove()


# room


def labels_apart(first, count):
    return "".join(f"tcp dport {1 + n} redirect to label{first + n}\n" for n in range(count))


def test_labels_of_the_rules_before_give_way_to_those_that_need_room(host):
    """16384 labels fit; those of the current rules keep their slots."""
    host.apply(labels_apart(0, 7000), "-q")
    host.apply(labels_apart(7000, 7000), "-q")
    before = generation(host)
    done = host.apply(labels_apart(14000, 7000))
    assert "make room" in done.stderr
    assert generation(host) != before
    old = host.server(TCP4)
    host.apply(labels_apart(21000, 1) + "tcp dport 81 redirect to label14001\n", "-q")
    host.register("label14002", old)  # of the rules before
    done = host.apply(labels_apart(30000, 16384), "-q", status=3)
    assert "no room" in done.stderr and "make room" not in done.stderr
    host.sklc("rollback", "-q")
    assert host.reach(TCP4, TCP4.at(1), 3, [old]) is old
    assert "label14000 " in host.sklc("list").stdout.replace("\n", " ")


def test_the_rules_before_keep_their_labels_where_the_kernel_refuses_those_that_need_room(host):
    host.apply(labels_apart(0, 7000), "-q")
    old = host.server(TCP4)
    host.register("label2", old)
    host.apply(labels_apart(7000, 7000), "-q")
    path = host.folder / "refused.o"
    assert sklc(host.rules(labels_apart(14000, 7000)), "-o", path).returncode == 0
    patch(path, "sk_lookup", 0, struct.pack("<BBhi", 0xbf, 9 << 4, 0, 0))  # r0 = r9, which has no value
    done = host.sklc("--apply", path, status=3)
    assert "R9" in done.stderr and "make room" not in done.stderr
    host.sklc("rollback", "-q")
    assert host.reach(TCP4, TCP4.at(1), 3, [old]) is old
