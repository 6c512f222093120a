"""What cannot be seen is not taken for gone: a /proc that does not show this process, and errors of the kernel."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from conftest import NO_LEAK_CHECK, SANITIZED, SKLC, WIRES, program

TCP4 = WIRES["tcp-ipv4"]
NOBODY = 65534
RULES = "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n"
# What hides this process from /proc, each in a mount namespace of its own.
HIDDEN = {
    "no /proc": "umount -l /proc",
    "an empty folder": "mount -t tmpfs none /proc",
    "the /proc of another pid namespace": "unshare --pid --fork mount -t proc proc /proc",
}

without_proc = pytest.mark.skipif(SANITIZED, reason="the sanitizers need /proc themselves")


def hidden(how, *words, netns=None):
    """Runs the command where /proc is hidden, in the network namespace if one is given."""
    command = ["nsenter", f"--net={netns}", SKLC] if netns else [SKLC]
    return subprocess.run(["unshare", "-m", "sh", "-c", f'{HIDDEN[how]} && exec "$@"', "sh", *command,
                           *(str(word) for word in words)], text=True, capture_output=True, check=False)


def everything(host):
    """The pins of the namespace, and its generation."""
    status = host.status(status=None)
    folder = pathlib.Path(host.bpffs, "sklc", str(status["netns"]["cookie"]))
    return [pin for pin in host.pins() if folder in pin.parents], status["generation"]


@pytest.fixture
def served(host):
    """A host with rules that are served, and the server."""
    host.apply(RULES)
    host.apply(RULES + "tcp dport 81 drop\n")
    server = host.server(TCP4)
    host.register("web", server)
    return host, server


@without_proc
@pytest.mark.parametrize("how", HIDDEN)
def test_commands_need_no_proc_for_the_state(served, make_host, how):
    host, server = served
    other = make_host()
    other.apply(RULES)
    there = other.server(TCP4)
    other.register("web", there)
    before, theirs = everything(host), everything(other)
    where = ["--netns", host.namespace.path, "--bpffs", host.bpffs]
    for words in (["status"], ["sync"], ["list"], ["status", "--all"]):
        done = hidden(how, *words, *where)
        assert done.returncode == 0, done.stderr
    assert everything(host) == before
    done = hidden(how, "--apply", host.rules(RULES), *where)
    assert done.returncode == 0 and "cleared" not in done.stderr, done.stderr
    assert everything(other) == theirs
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
    assert other.reach(TCP4, TCP4.at(1), 80, [there]) is there
    assert hidden(how, "detach", *where).returncode == 0
    assert everything(other) == theirs


@without_proc
@pytest.mark.parametrize("how", HIDDEN)
def test_the_own_namespace_is_found_without_proc(served, how):
    host, server = served
    done = hidden(how, "status", "--bpffs", host.bpffs, netns=host.namespace.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == re.sub(r", process \d+ \S+\)", ")", host.sklc("status").stdout)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


@without_proc
@pytest.mark.parametrize("how", HIDDEN)
def test_a_process_is_not_looked_for_in_a_proc_that_does_not_show_us(host, how):
    done = hidden(how, "status", "--netns", f"pid:{os.getpid()}", "--bpffs", host.bpffs)
    assert done.returncode == 3
    assert "/proc does not show this process" in done.stderr and "mount -t proc" in done.stderr


@without_proc
def test_a_process_that_proc_hides_is_told_from_one_that_is_gone(host):
    """As with hidepid, /proc has this process and not the other."""
    asked = [SKLC, "status", "--bpffs", host.bpffs, "--netns"]
    with subprocess.Popen(["sleep", "60"], user=NOBODY) as other:
        script = f"mount -t tmpfs none /proc && ln -s $$ /proc/self && exec \"$@\" pid:{other.pid}"
        said = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *asked], text=True, capture_output=True,
                              check=False)
        assert said.returncode == 3 and "which is there" in said.stderr, said.stderr
        other.kill()
    gone = subprocess.run([*asked, f"pid:{other.pid}"], text=True, capture_output=True, check=False)
    assert "there is no process" in gone.stderr


@without_proc
@pytest.mark.parametrize("how", HIDDEN)
def test_without_proc_the_machines_bpffs_is_not_guessed(host, how):
    """Without --bpffs, the one at the usual place is compared with that of process 1."""
    script = f"mountpoint -q /sys/fs/bpf || mount -t bpf none /sys/fs/bpf; {HIDDEN[how]} && exec '{SKLC}' status " \
             f"--netns '{host.namespace.path}'"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], text=True, capture_output=True, check=False)
    assert done.returncode == 3
    assert "/proc does not show this process" in done.stderr


def test_a_kernel_before_6_5_is_asked_by_name_in_the_folder(served, tmp_path):
    """Such a kernel says EINVAL to a folder's descriptor. Here it says so to one call, of the main thread."""
    host, _ = served
    asked = [program("strace"), "-e", "bpf", SKLC, "status", "--netns", host.namespace.path, "--bpffs", host.bpffs]
    calls = subprocess.run(asked, text=True, capture_output=True, check=True, env=NO_LEAK_CHECK).stderr.splitlines()
    pins = [number for number, call in enumerate(calls, 1) if call.startswith("bpf(BPF_OBJ_GET,")]
    assert len(pins) >= 5
    for call in pins:
        done = subprocess.run([*asked[:1], "-o", tmp_path / "log", "-e", f"inject=bpf:error=EINVAL:when={call}",
                               *asked[3:]], text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
        assert "(INJECTED)" in (tmp_path / "log").read_text(encoding="ascii")
        assert done.returncode == 0 and "generation" in done.stdout, done.stderr


@pytest.mark.parametrize("error", ["EPERM", "ENOMEM", "EIO", "ENOSPC", "EMFILE", "ENODEV", "ESRCH", "EACCES"])
def test_a_look_up_that_fails_removes_nothing(served, make_host, error):
    host, server = served
    other = make_host()
    other.apply(RULES)
    there = other.server(TCP4)
    other.register("web", there)
    before, theirs = everything(host), everything(other)
    where = ["--netns", host.namespace.path, "--bpffs", host.bpffs]
    for words in (["sync"], ["--apply", host.rules(RULES)]):
        done = subprocess.run([program("strace"), "-f", "-o", "/dev/null", "-e", f"inject=bpf:error={error}", SKLC,
                               *[str(word) for word in words], *where],
                              text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert "cleared" not in done.stderr
        assert everything(host) == before and everything(other) == theirs
        assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server
        assert other.reach(TCP4, TCP4.at(1), 80, [there]) is there


def reading_calls(verb, *where):
    """How many calls of bpf(2) the command makes."""
    done = subprocess.run([program("strace"), "-f", "-e", "bpf", SKLC, *verb, *where], text=True, capture_output=True,
                          check=True, env=NO_LEAK_CHECK)
    return len(re.findall(r"bpf\(BPF_", done.stderr))


@pytest.mark.parametrize("verb", [["status"], ["status", "--all"], ["history"], ["list"]], ids=" ".join)
def test_a_look_up_that_fails_is_shown_as_no_absence(host, cgroup2, verb):  # pylint: disable=unused-argument
    """Each call in turn: either the command says that it fails, or it still shows every socket and every rule."""
    server = host.server(TCP4, port=8080)
    host.apply("socket web { tcp 127.0.0.1:8080 }\n" + RULES + "tcp daddr 192.0.2.0/24 dport 81 redirect to plain\n")
    host.register("plain", host.server(TCP4))
    where = ["--netns", host.namespace.path, "--bpffs", host.bpffs]
    for call in range(1, reading_calls(verb, *where) + 1, 3):
        done = subprocess.run([program("strace"), "-f", "-o", "/dev/null", "-e", f"inject=bpf:error=ENOMEM:when={call}",
                               SKLC, *verb, *where], text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
        said = f"call {call}\n{done.stdout}{done.stderr}"
        assert done.returncode in (0, 3), said
        assert not re.search("nothing is attached|no socket|declarations than those in force", said), said
        assert done.returncode == 3 or verb != ["status"] or said.count(", user ") == 2, said
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


@pytest.mark.parametrize("verb", [["status"], ["sync"], ["drain", "web"]], ids=" ".join)
def test_variables_that_cannot_be_mapped_are_an_error(host, cgroup2, verb):  # pylint: disable=unused-argument
    """libbpf loads its programs also where the kernel refuses the map that it tries this with."""
    server = host.server(TCP4, port=8080)
    host.apply("socket web { tcp 127.0.0.1:8080 }\n" + RULES)
    words = [SKLC, *verb, "--netns", host.namespace.path, "--bpffs", host.bpffs]
    traced = subprocess.run([program("strace"), "-e", "bpf", *words], text=True, capture_output=True, check=True,
                            env=NO_LEAK_CHECK)
    calls = [line for line in traced.stderr.splitlines() if line.startswith("bpf(")]
    tried = 1 + next(i for i, line in enumerate(calls) if "map_flags=BPF_F_MMAPABLE" in line)
    host.sklc("undrain", "web", status=0 if "drain" in verb else 4)
    done = subprocess.run([program("strace"), "-o", "/dev/null", "-e", f"inject=bpf:error=EPERM:when={tried}", *words],
                          text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)
    assert done.returncode == 3 and "programs that find sockets" in done.stderr, (done.returncode, done.stderr)
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def lose_state(host):
    """Applies rules and removes their pins while another pin keeps the link, as of rules that were applied with another
    bpffs. Returns the link."""
    host.apply("tcp dport 81 drop\n")
    folder = next(pathlib.Path(host.bpffs, "sklc").glob("[0-9]*"))
    shown = subprocess.run([program("bpftool"), "-j", "link", "show", "pinned", folder / "link"], text=True,
                           capture_output=True, check=True)
    (folder / "link").rename(pathlib.Path(host.bpffs, "kept"))
    shutil.rmtree(folder)
    return json.loads(shown.stdout)


# Those that say that no rules are applied.
NEED_RULES = [["list"], ["list", "1"], ["history"], ["sync"], ["confirm"], ["rollback"], ["rollback", "1"], ["reset"],
              ["register", "web", "--pid", str(os.getpid()), "--fd", "0"], ["unregister", "web"], ["drain", "web"],
              ["undrain", "web"], ["detach"]]


def inside(host, *words, first=()):
    """Runs the command in its own namespace, which is the host's."""
    return subprocess.run(["nsenter", f"--net={host.namespace.path}", *first, SKLC, *map(str, words), "--bpffs",
                           host.bpffs], text=True, capture_output=True, check=False, env=NO_LEAK_CHECK)


def test_a_program_without_state_is_named(host):
    bpftool = program("bpftool")
    link = lose_state(host)
    lost = host.sklc("status", status=4).stdout
    assert f"program {link['prog_id']} of sklc is on the hook and decides" in lost and "no rules" not in lost
    status = host.status(status=4)
    assert not status["applied"] and status["lost_programs"] == [link["prog_id"]]
    for words in NEED_RULES:
        assert f"but program {link['prog_id']} of sklc is on the hook" in host.sklc(*words, status=4).stderr
    assert "run beside" in host.apply("tcp dport 82 drop\n").stderr
    host.sklc("detach")
    subprocess.run([bpftool, "link", "detach", "id", str(link["id"])], check=True)
    assert host.sklc("status", status=4).stdout.endswith("no rules are applied\n")
    assert host.status(status=4)["lost_programs"] == []


@pytest.mark.parametrize("words", NEED_RULES, ids=" ".join)
def test_a_program_without_state_is_not_passed_over_in_the_own_namespace(host, words):
    """There these verbs have given up the capability to read the names of programs, unless it is needed otherwise."""
    link = lose_state(host)
    done = inside(host, *words)
    assert done.returncode == 4 and "no rules are applied" not in done.stderr, done
    assert "but 1 program is on the hook; to tell whether of sklc needs the capability CAP_SYS_ADMIN: run `sklc status` " \
        "as root" in done.stderr or f"but program {link['prog_id']} of sklc is on the hook" in done.stderr, done
    assert f"program {link['prog_id']} of sklc" in inside(host, "status").stdout


def test_apply_warns_of_a_program_that_it_cannot_name(host):
    link = lose_state(host)
    apply = ["apply", host.rules("tcp dport 82 drop\n")]
    limited = inside(host, *apply, first=[program("setpriv"), "--bounding-set", "-all,+bpf,+net_admin,+perfmon"])
    assert limited.returncode == 0 and "warning: 1 program is on the hook already; to tell whether of sklc" in \
        limited.stderr and "CAP_SYS_ADMIN: run as root" in limited.stderr, limited
    host.sklc("detach")
    whole = inside(host, *apply)
    assert whole.returncode == 0 and f"warning: program {link['prog_id']} of sklc is on the hook already" in \
        whole.stderr, whole


def number_of_query(host, words):
    """Which call of bpf(2) asks for the programs on the hook."""
    done = inside(host, *words, first=[program("strace"), "-e", "bpf"])
    calls = [line for line in done.stderr.splitlines() if line.startswith("bpf(")]
    return 1 + next(i for i, line in enumerate(calls) if "BPF_PROG_QUERY" in line)


@pytest.mark.parametrize("words", [["status"], *NEED_RULES], ids=" ".join)
@pytest.mark.parametrize("error", ["ENOMEM", "EPERM"])
def test_a_hook_that_cannot_be_asked_is_no_absence(host, words, error):
    call = number_of_query(host, words)
    done = inside(host, *words, first=[program("strace"), "-o", "/dev/null", "-e", f"inject=bpf:error={error}:when={call}"])
    assert done.returncode == 3 and "cannot ask for the programs on the hook" in done.stderr, done
    assert "no rules" not in done.stdout + done.stderr
    assert inside(host, *words).returncode == 4


def test_apply_warns_where_the_hook_cannot_be_asked(host):
    apply = ["apply", host.rules("tcp dport 82 drop\n")]
    call = number_of_query(host, apply)
    host.sklc("detach")
    done = inside(host, *apply, first=[program("strace"), "-o", "/dev/null", "-e", f"inject=bpf:error=ENOMEM:when={call}"])
    assert done.returncode == 0 and "warning: cannot ask for the programs on the hook" in done.stderr, done


def test_what_a_killed_first_apply_left_is_cleared_when_the_namespace_is_gone(host):
    """Its folder has no link, and no namespace has its cookie."""
    left = pathlib.Path(host.bpffs, "sklc", "999999999")
    host.apply(RULES)
    left.mkdir(mode=0o700)
    (left / "g1").mkdir(mode=0o700)
    done = host.apply(RULES)
    assert "cleared the state of a network namespace that is gone (cookie 999999999)" in done.stderr
    assert not left.exists()


def state_folder(host):
    return pathlib.Path(host.bpffs, "sklc", str(host.status(status=None)["netns"]["cookie"]))


def test_state_of_a_namespace_that_lives_is_kept_when_its_rules_were_detached(served, make_host):
    host, _ = served
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    folder = state_folder(host)
    shown = subprocess.run([bpftool, "-j", "link", "show", "pinned", folder / "link"], text=True, capture_output=True,
                           check=True).stdout
    subprocess.run([bpftool, "link", "detach", "id", str(json.loads(shown)["id"])], check=True)
    before = sorted(folder.rglob("*"))
    other = make_host()
    assert "cleared" not in other.apply(RULES).stderr
    assert sorted(folder.rglob("*")) == before


def test_state_of_a_namespace_that_lives_is_kept_when_its_link_has_another_name(served, make_host):
    host, server = served
    folder = state_folder(host)
    (folder / "link").rename(folder / "elsewhere")
    other = make_host()
    assert "cleared" not in other.apply(RULES).stderr
    (folder / "elsewhere").rename(folder / "link")
    assert host.status(status=None)["generation"] == 2
    assert host.reach(TCP4, TCP4.at(1), 80, [server]) is server


def test_state_of_a_namespace_that_is_gone_is_kept_by_whom_the_kernel_does_not_let_look(make_host):
    """The walk over the kernel's list of namespaces needs CAP_PERFMON."""
    gone, other = make_host(), make_host()
    gone.apply(RULES)
    folder = state_folder(gone)
    gone.namespace.delete()
    try:
        deadline = time.monotonic() + 10
        while "nothing is attached" not in other.sklc("status", "--all").stdout:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = sorted(folder.rglob("*"))
        done = subprocess.run(["nsenter", f"--net={other.namespace.path}", program("setpriv"), "--bounding-set",
                               "-all,+bpf,+net_admin,+dac_override", SKLC, "apply", other.rules("tcp dport 80 drop\n"),
                               "--bpffs", other.bpffs], text=True, capture_output=True, check=True)
        assert "cleared" not in done.stderr and sorted(folder.rglob("*")) == before
        assert "cleared" in other.apply(RULES).stderr
        assert not folder.exists()
    finally:
        subprocess.run(["ip", "netns", "add", gone.namespace.name], check=True)


def test_state_of_a_namespace_that_only_a_socket_keeps_is_kept(served, make_host):
    """No process and no file is in the namespace any more."""
    host, _ = served
    folder = state_folder(host)
    subprocess.run(["ip", "netns", "del", host.namespace.name], check=True)
    try:
        assert "cleared" not in make_host().apply(RULES).stderr
        assert folder.exists()
    finally:
        subprocess.run(["ip", "netns", "add", host.namespace.name], check=True)
