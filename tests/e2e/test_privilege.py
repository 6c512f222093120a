"""What sklc may do: the capabilities that each verb needs, as sklc(1) has them, and those that it gives up; and that
what it pins is for its user alone."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

import slots
from conftest import NO_LEAK_CHECK, SKLC, WIRES, locked_folder, program, public_copy
from test_absence import without_proc

TCP4 = WIRES["tcp-ipv4"]
PAGE = pathlib.Path(__file__).parents[2] / "man" / "sklc.1"
NOBODY = 65534
NUMBERS = {"CAP_BPF": 39, "CAP_NET_ADMIN": 12, "CAP_PERFMON": 38, "CAP_SYS_ADMIN": 21, "CAP_SYS_PTRACE": 19,
           "CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2}
PLAIN = "tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n"
OTHER = "tcp daddr 192.0.2.0/24 dport 81 counter redirect to web\n"
DECLARED = f"socket web {{\n\ttcp 127.0.0.1:8080\n}}\n{PLAIN}"
EXPECTING = f"{PLAIN}expect tcp 192.0.2.1:80 redirect to web\n"


def capabilities(words):
    return [] if words == "none" else words.split(", ")


# The manual's table: by verb, what it needs, and what it also needs with declared sockets.
TABLE = {verb: (capabilities(plain), capabilities(declared)) for verb, plain, declared in
         re.findall(r"^\.It Cm (\w+) Ta (.*?) Ta (.*)$", PAGE.read_text(encoding="ascii"), re.MULTILINE)}


# The second table: what it needs now and then; both are what it keeps.
BESIDES = {verb: capabilities(words) for verb, words in
           re.findall(r"^\.It Cm (\w+) Ta ((?:(?! Ta ).)*)$", PAGE.read_text(encoding="ascii"), re.MULTILINE)}
KEPT = {verb: {*TABLE[verb][0], *TABLE[verb][1], *BESIDES[verb]} for verb in TABLE}
FOR_NETNS = {"CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"}
FOR_BPFFS = {"CAP_DAC_READ_SEARCH"}
COMPILING = ("compile", "dump")
STATEFUL = [verb for verb in TABLE if verb not in (*COMPILING, "check")]
CHANGING = [verb for verb in STATEFUL if verb not in ("list", "history", "status")]


def run_with(having, *words, network=None, first=()):
    """Runs sklc as a root that has these capabilities alone, after a command that sets something up."""
    bounds = ",".join(["-all", *(f"+{each.removeprefix('CAP_').lower()}" for each in having)])
    enter = ["nsenter", f"--net={network}"] if network else []
    return subprocess.run([*enter, *first, program("setpriv"), "--bounding-set", bounds, SKLC, *map(str, words)],
                          text=True, capture_output=True, check=False)


class Limited:
    """A host on which a verb is run, in its own network namespace, with few capabilities; before each run the state
    is such that the verb has something to do."""

    def __init__(self, host, rules):
        self.host, self.text = host, rules
        self.server = host.server(TCP4, "127.0.0.1", 8080)
        rules = host.rules(rules, "limited.conf")
        self.words = {"compile": [rules, "-o", host.folder / "limited.o"], "dump": ["layout", rules], "check": [rules],
                      "apply": [rules], "register": ["web", "--pid", os.getpid(), "--fd", self.server.fileno()],
                      "unregister": ["web"], "drain": ["web"], "undrain": ["web"]}

    def prepare(self, verb):
        self.host.sklc("detach", status=None)
        if verb in (*COMPILING, "check", "apply"):
            return
        self.host.apply(self.text, "--quiet")
        if verb in ("status", "unregister", "drain", "undrain"):
            self.host.register("web", self.server)
        if verb == "undrain":
            self.host.sklc("drain", "web", "--quiet")
        if verb == "confirm":
            self.host.apply(OTHER, "--confirm", "60", "--quiet")
        if verb == "rollback":
            self.host.apply(OTHER, "--quiet")

    def run(self, verb, having, *more):
        self.prepare(verb)
        where = [] if verb in COMPILING else ["--bpffs", self.host.bpffs]
        network = None if more else self.host.namespace.path
        return run_with(having, verb, *self.words.get(verb, []), *where, *more, network=network)

    def run_elsewhere(self, verb, having):
        return self.run(verb, having, "--netns", self.host.namespace.path)


@pytest.fixture
def limited(host):
    return Limited(host, PLAIN)


def fails_without(dropped, limited, verb, needed):
    done = limited.run(verb, [each for each in needed if each != dropped])
    assert f"this needs the capability {dropped}" in done.stderr and done.returncode == 3, done
    assert len(done.stderr.splitlines()) == 1, done


def held(verb):
    """What the test's own process needs besides, since another process has the socket."""
    return ["CAP_SYS_PTRACE"] if verb == "register" else []


def test_the_table_has_every_verb():
    helped = subprocess.run([SKLC, "help"], text=True, capture_output=True, check=True).stdout
    words = set(re.findall(r"^  sklc (\w+)", helped, re.MULTILINE))
    assert set(TABLE) == set(BESIDES) == words - {"help"}
    assert not any(set(BESIDES[verb]) & {*TABLE[verb][0], *TABLE[verb][1]} for verb in TABLE)


@functools.cache
def loading():
    """What this kernel needs besides what the table says to load rules that redirect."""
    rules = public_copy("sklc").with_name("loading.conf")
    rules.write_text(PLAIN, encoding="ascii")
    done = run_with(["CAP_BPF", "CAP_NET_ADMIN"], "check", rules)
    assert done.returncode == 0 or "this needs the capability CAP_PERFMON" in done.stderr, done
    return [] if done.returncode == 0 else ["CAP_PERFMON"]


def needs(verb):
    return TABLE[verb][0] + (loading() if verb in ("check", "apply", "rollback") else [])


@pytest.mark.parametrize("verb", TABLE)
def test_a_verb_does_with_what_the_table_says_and_not_with_less(limited, verb):
    needed = needs(verb) + held(verb)
    done = limited.run(verb, needed)
    assert done.returncode == 0, done
    for each in needed:
        fails_without(each, limited, verb, needed)


@pytest.mark.parametrize("verb", [verb for verb in TABLE if TABLE[verb][1]])
def test_a_verb_needs_more_where_sockets_are_declared(host, cgroup2, verb):
    limited = Limited(host, DECLARED)
    needed = TABLE[verb][0] + TABLE[verb][1] + held(verb)
    done = limited.run(verb, needed)
    assert done.returncode == 0 and "cannot" not in done.stderr, done
    for each in TABLE[verb][1]:
        fails_without(each, limited, verb, needed)


def test_a_group_that_was_registered_needs_what_declared_sockets_do_when_another_socket_joins_it(host):
    limited = Limited(host, PLAIN)
    members = [host.server(TCP4, port=8081, reuseport=True) for _ in range(2)]
    host.apply(PLAIN, "--quiet")
    host.register("web", members[0])
    limited.prepare = lambda verb: None
    plain = {"sync": [], "apply": ["CAP_BPF", "CAP_NET_ADMIN"]}
    for verb, needed in plain.items():
        assert limited.run(verb, needed).returncode == 0
    for verb, needed in plain.items():
        members.append(host.server(TCP4, port=8081, reuseport=True))
        more = [*needed, *(each for each in ("CAP_BPF", "CAP_PERFMON") if each not in needed)]
        for each in set(more) - set(needed):
            fails_without(each, limited, verb, more)
        assert limited.run(verb, more).returncode == 0
        assert len(slots.cookies(host, "web", 0)[False]) == len(members)


@pytest.mark.parametrize("verb", STATEFUL)
def test_another_namespace_needs_the_capability_to_enter_it(limited, verb):
    needed = TABLE[verb][0] + held(verb)
    done = limited.run_elsewhere(verb, needed)
    assert done.returncode == 3 and "CAP_SYS_ADMIN" in done.stderr
    assert limited.run_elsewhere(verb, [*needed, "CAP_SYS_ADMIN"]).returncode == 0


def test_expect_lines_need_nothing_more(host):
    assert "1 expect line holds" in Limited(host, EXPECTING).run("check", needs("check")).stdout


def test_the_old_capability_stands_in_for_the_new_ones(host, cgroup2):
    limited = Limited(host, DECLARED)
    for verb in ("apply", "status", "sync"):
        done = limited.run(verb, ["CAP_SYS_ADMIN"])
        if "operation not permitted" in done.stderr:  # the kernel wants CAP_NET_ADMIN itself for a socket map
            done = limited.run(verb, ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"])
        assert done.returncode == 0, done


def status_inside(host, having):
    """What status shows in the namespace that it is called in."""
    return json.loads(run_with(having, "status", "--json", "--bpffs", host.bpffs,
                               network=host.namespace.path).stdout)


STATUS = TABLE["status"][0] + TABLE["status"][1]


@pytest.mark.parametrize("more", [[], ["CAP_SYS_ADMIN"]])
def test_status_tells_that_listeners_are_followed(host, cgroup2, more):
    host.apply(DECLARED, status=None)
    assert status_inside(host, STATUS + more)["followed"]


def test_status_says_what_it_needs_to_tell_whether_listeners_are_followed_during_a_trial(host, cgroup2):
    host.apply(DECLARED, status=None)
    host.apply(DECLARED.replace("8080", "8081"), "--confirm", "60", status=None)
    assert status_inside(host, [*STATUS, "CAP_SYS_ADMIN"])["followed"]
    status = status_inside(host, STATUS)
    (problem,) = [each for each in status["problems"] if "followed" in each["what"]]
    assert not status["followed"] and problem["what"].endswith("this needs the capability CAP_SYS_ADMIN")
    assert problem["mend"] == "run `sklc status` as root"


def test_status_names_programs_without_state_in_the_namespace_that_it_is_called_in(host):
    host.apply(PLAIN)
    folder = next(pathlib.Path(host.bpffs, "sklc").glob("[0-9]*"))
    (folder / "link").rename(pathlib.Path(host.bpffs, "kept"))
    shutil.rmtree(folder)
    assert len(status_inside(host, [*STATUS, "CAP_NET_ADMIN", "CAP_SYS_ADMIN"])["lost_programs"]) == 1
    status = status_inside(host, [*STATUS, "CAP_NET_ADMIN"])
    assert (status["lost_programs"], status["unnamed_programs"]) == ([], 1)


def test_status_without_rules_names_the_capability_to_ask_for_programs(host):
    done = run_with(STATUS, "status", "--bpffs", host.bpffs, network=host.namespace.path)
    assert done.returncode == 3 and "this needs the capability CAP_NET_ADMIN" in done.stderr
    assert run_with([*STATUS, "CAP_NET_ADMIN"], "status", "--bpffs", host.bpffs,
                    network=host.namespace.path).returncode == 4


# what is given up

def sets_of(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return {name: int(value, 16) for name, value in re.findall(r"^(Cap\w+):\t(\w+)$", status, re.MULTILINE)}


def bits(names):
    return sum(1 << NUMBERS[each] for each in names)


def check_waiting(words, allowed, **more):
    """Checks what a command has while it waits for something that never comes."""
    waiting = subprocess.Popen(list(map(str, words)), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)
    try:
        deadline = time.monotonic() + 10
        while (sets := sets_of(waiting))["CapEff"] != allowed and time.monotonic() < deadline:
            time.sleep(0.05)
        assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.communicate()
    assert (sets["CapPrm"], sets["CapEff"], sets["CapInh"], sets["CapAmb"]) == (allowed, allowed, 0, 0)


@pytest.mark.parametrize("verb", CHANGING)
def test_a_verb_that_waits_for_the_lock_has_no_capability_but_its_own(limited, verb):
    limited.prepare("reset")
    with locked_folder(limited.host.state_folder()):
        check_waiting(["nsenter", f"--net={limited.host.namespace.path}", SKLC, verb, *limited.words.get(verb, []),
                       "--bpffs", limited.host.bpffs], bits(KEPT[verb] | FOR_BPFFS))


@pytest.mark.parametrize("words", [["compile", "-", "-o", os.devnull], ["dump", "ast", "-"], ["check", "-"],
                                   ["apply", "-"]], ids=lambda words: words[0])
def test_a_verb_that_waits_for_rules_has_no_capability_but_its_own(words):
    check_waiting([SKLC, *words], bits(KEPT[words[0]]), stdin=subprocess.PIPE)


# As the kernel gets it, wherever the verb fails later: the usual bpffs is hidden.
@pytest.mark.parametrize("more, adds", [([], set()), (["--netns", "no-such"], FOR_NETNS),
                                        (["--bpffs", "/no-such"], FOR_BPFFS)], ids=["own", "netns", "bpffs"])
@pytest.mark.parametrize("verb", TABLE)
def test_a_verb_keeps_what_the_table_says_and_what_a_path_adds(limited, verb, more, adds):
    if verb in COMPILING and more:
        done = subprocess.run([SKLC, verb, *map(str, limited.words[verb]), *more], capture_output=True, check=False)
        assert done.returncode == 2
        return
    log = limited.host.folder / "strace"
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t bpf -o mode=0700 none /sys/fs/bpf && exec "$@"', "sh"]
    subprocess.run([*hide, program("strace"), "-e", "trace=capset", "-X", "raw", "-o", log, SKLC, verb,
                    *map(str, limited.words.get(verb, [])), *more], env=NO_LEAK_CHECK, capture_output=True, check=False)
    (first, *_) = re.findall(r"effective=(\S+), permitted=(\S+), inheritable=(\S+)}\) = 0", log.read_text())
    sets = [sum(int(word, 0) << 32 * i for i, word in enumerate(each.split("|"))) for each in first]  # low|high
    assert sets == [bits(KEPT[verb] | adds)] * 2 + [0]


# what is needed now and then

def other_user(host):
    """A process of another user, in the host's namespace."""
    process = subprocess.Popen(["nsenter", f"--net={host.namespace.path}", program("setpriv"), f"--reuid={NOBODY}",
                                "sh", "-c", "echo; exec sleep 300"], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


@pytest.mark.parametrize("kind", ["netns", "linked netns", "bpffs", "linked bpffs"])
@pytest.mark.parametrize("verb", STATEFUL)
def test_a_path_through_a_process_of_another_user_needs_its_capability(limited, verb, kind):
    host = limited.host
    process = other_user(host)
    path = pathlib.Path(f"/proc/{process.pid}", "ns/net" if "netns" in kind else f"root{host.bpffs}")
    if "linked" in kind:
        link = host.folder / "link"
        link.symlink_to(path)
        path = link
    more = ["--netns", path] if "netns" in kind else ["--netns", host.namespace.path, "--bpffs", path]
    needed = [*needs(verb), "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]
    try:
        assert limited.run(verb, needed, *more).returncode == 0
        done = limited.run(verb, [each for each in needed if each != "CAP_SYS_PTRACE"], *more)
        assert done.returncode == 3 and "this needs the capability CAP_SYS_PTRACE" in done.stderr, done
    finally:
        process.kill()
        process.communicate()


def test_interfaces_of_another_user_s_namespace_need_its_capability(host):
    limited, process = Limited(host, 'iifname "lo" drop\n'), other_user(host)
    needed = [*needs("check"), "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]
    try:
        for name in f"pid:{process.pid}", f"/proc/{process.pid}/ns/net":
            assert limited.run("check", needed, "--netns", name).returncode == 0
            done = limited.run("check", needed[:-1], "--netns", name)
            assert done.returncode == 3 and "this needs the capability CAP_SYS_PTRACE" in done.stderr, done
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("verb", STATEFUL)
def test_a_bpffs_below_a_folder_of_another_user_needs_its_capability(limited, verb):
    folder = limited.host.folder / "private"
    folder.mkdir()
    (folder / "bpffs").symlink_to(limited.host.bpffs)
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o700)
    more = ["--netns", limited.host.namespace.path, "--bpffs", folder / "bpffs"]
    needed = [*needs(verb), *held(verb), "CAP_SYS_ADMIN"]
    done = limited.run(verb, needed, *more)
    assert done.returncode == 3 and "this needs the capability CAP_DAC_READ_SEARCH" in done.stderr, done
    assert limited.run(verb, [*needed, "CAP_DAC_READ_SEARCH"], *more).returncode == 0


@pytest.mark.parametrize("verb", STATEFUL)
def test_the_usual_bpffs_is_compared_with_that_of_process_1(limited, verb):
    hidden = 'mount -t bpf -o mode=0700 none /sys/fs/bpf && exec "$@"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", hidden, "sh", SKLC, verb,
                           *map(str, limited.words.get(verb, []))], text=True, capture_output=True, check=False)
    assert done.returncode == 3 and "is not the machine's bpffs" in done.stderr, done


# `apply` and `rollback` may make it in any case.
@pytest.mark.parametrize("verb", [verb for verb in CHANGING if verb not in ("apply", "rollback")])
def test_a_verb_needs_more_to_make_the_follower_anew(host, cgroup2, verb):
    limited, tracing = Limited(host, DECLARED), ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]
    prepare = limited.prepare

    def prepare_broken(name):
        prepare(name)
        next(pathlib.Path(host.bpffs, "sklc").glob("follower*")).joinpath("since").unlink()

    limited.prepare = prepare_broken
    done = limited.run(verb, tracing + held(verb))
    assert done.returncode == 0 and "cannot" not in done.stderr, done
    for each in tracing:
        done = limited.run(verb, [*(other for other in tracing if other != each), *held(verb)])
        assert f"this needs the capability {each}" in done.stderr, done
        assert done.returncode == (0 if verb == "detach" else 3)


@pytest.mark.parametrize("verb", ["list", "history"])
def test_reading_needs_more_during_a_trial(limited, verb):
    limited.prepare(verb)
    limited.host.apply(OTHER, "--confirm", "60", "--quiet")
    where = [verb, "--bpffs", limited.host.bpffs]
    network = limited.host.namespace.path
    assert "this needs the capability CAP_BPF" in run_with([], *where, network=network).stderr
    assert run_with(["CAP_BPF"], *where, network=network).returncode == 0


@without_proc
@pytest.mark.parametrize("verb", ["list", "history"])
def test_reading_needs_more_without_proc(limited, verb):
    limited.prepare(verb)
    limited.host.apply(OTHER, "--confirm", "60", "--quiet")
    where = [verb, "--bpffs", limited.host.bpffs]
    network = limited.host.namespace.path
    hide = ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"]
    done = run_with(["CAP_BPF"], *where, network=network, first=hide)
    assert done.returncode == 3 and "this needs the capability CAP_NET_ADMIN" in done.stderr, done
    assert run_with(["CAP_BPF", "CAP_NET_ADMIN"], *where, network=network, first=hide).returncode == 0


def test_files_of_other_users_need_their_capabilities(limited):
    folder = limited.host.folder / "theirs"
    folder.mkdir()
    (folder / "rules.conf").write_text(PLAIN)
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o700)
    for words in (["dump", "ast", folder / "rules.conf"],
                  ["compile", folder / "rules.conf", "-o", limited.host.folder / "out.o"]):
        assert "ermission denied" in run_with([], *words).stderr
        assert run_with(["CAP_DAC_READ_SEARCH"], *words).returncode == 0
    words = ["compile", limited.words["check"][0], "-o", folder / "out.o"]
    assert "ermission denied" in run_with(["CAP_DAC_READ_SEARCH"], *words).stderr
    assert run_with(["CAP_DAC_OVERRIDE"], *words).returncode == 0


@pytest.mark.parametrize("verb", [*COMPILING, "check", "apply"])
def test_files_of_a_process_of_another_user_need_its_capability(limited, verb):
    process = other_user(limited.host)
    theirs = lambda word: pathlib.Path(f"/proc/{process.pid}/root{word}") if isinstance(word, pathlib.Path) else word
    limited.words[verb] = [theirs(word) for word in limited.words[verb]]
    try:
        assert "ermission denied" in limited.run(verb, needs(verb)).stderr
        done = limited.run(verb, [*needs(verb), "CAP_SYS_PTRACE"])
        assert done.returncode == 0, done
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("gives_rights, mends", [("set-user-id", "chmod ug-s"), ("file capabilities", "setcap -r")])
def test_sklc_does_not_run_with_more_rights_than_its_caller(gives_rights, mends):
    copy = public_copy(f"sklc-{gives_rights.split()[0]}", 0o4755 if gives_rights == "set-user-id" else 0o755)
    if gives_rights == "file capabilities":
        subprocess.run([program("setcap"), "cap_bpf+ep", copy], check=True)
    for words in (["status"], ["dump", "ast", "-"]):
        done = subprocess.run([copy, *words], text=True, capture_output=True, check=False, user=NOBODY, input=PLAIN,
                              group=NOBODY, extra_groups=[])
        assert done.returncode == 3 and mends in done.stderr, done


# who may open what is pinned

@pytest.mark.parametrize("umask", [0, 0o777])
def test_what_is_pinned_is_for_the_user_alone_after_every_verb(host, cgroup2, umask):
    limited = Limited(host, DECLARED)
    for verb in [verb for verb in TABLE if verb not in COMPILING]:
        limited.prepare(verb)
        host.sklc(verb, *limited.words.get(verb, []), status=None, umask=umask)
        for pin in [*host.pins(), pathlib.Path(host.bpffs, "sklc")]:
            if pin.exists():
                owner = 0o700 if pin.is_dir() else 0o600
                assert (pin.stat().st_mode & 0o7777, pin.stat().st_uid) == (owner, 0), (verb, pin)
