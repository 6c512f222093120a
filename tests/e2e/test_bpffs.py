"""Where no bpffs is mounted: when apply mounts one, and when it does not.

Each run has a mount namespace of its own, so nothing is mounted on the host. A shell there puts itself in the place of
process 1 in its /proc, and so looks to sklc like the host itself."""
import os
import shlex
import subprocess

import pytest

from conftest import REFUSED, SKLC, WIRES, program

TCP4 = WIRES["tcp-ipv4"]
DROP = "tcp dport 80 drop\n"
INITIAL_PID_NAMESPACE = 0xEFFFFFFC
NONE_MOUNTED = "umount -l /sys/fs/bpf 2>/dev/null; mount --make-rprivate /"
AS_PROCESS_1 = "mount --bind /proc/$$ /proc/1"
MOUNTS = "echo; echo mounts; grep -w bpf /proc/self/mounts; true"
NOTE = "no bpffs was mounted at '/sys/fs/bpf': mounted one"


@pytest.fixture(autouse=True)
def needs_the_initial_pid_namespace():
    if os.stat("/proc/self/ns/pid").st_ino != INITIAL_PID_NAMESPACE:
        pytest.skip("sklc mounts bpffs only in the initial pid namespace, and this is another")


def command(host, *words):
    return shlex.join([SKLC, *map(str, words), "--netns", host.namespace.path])


def run_apart(*lines, unshare=("-m",)):
    """Runs lines of shell in a mount namespace of their own. Returns the run, and the lines of the bpffs that are mounted
    at its end at /sys/fs/bpf, in whichever root."""
    script = "\n".join([NONE_MOUNTED, *lines, MOUNTS])
    done = subprocess.run(["unshare", *unshare, "sh", "-c", script], text=True, capture_output=True, check=False)
    return done, [line for line in done.stdout.rpartition("\nmounts\n")[2].splitlines()
                  if line.split()[1].endswith("/sys/fs/bpf") and line.split()[2] == "bpf"]


@pytest.fixture
def there(host):
    return host.server(TCP4, TCP4.any, 80)


def test_apply_mounts_a_bpffs_where_none_is_and_says_so(host, there):
    rules = host.rules(DROP)
    done, mounts = run_apart(AS_PROCESS_1, command(host, "apply", rules), "stat -c '%a %U' /sys/fs/bpf",
                             command(host, "apply", rules), command(host, "detach"))
    assert done.stderr.count(NOTE) == 1, done.stderr
    assert "applied: generation 1\n1700 root\nunchanged: generation 1\ndetached" in done.stdout
    assert len(mounts) == 1 and "mode=700" in mounts[0] and "nosuid,nodev,noexec" in mounts[0]
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there


def test_rules_stay_in_the_mounted_bpffs(host, there):
    """The mount goes with its namespace, and with it the link's only pin; until then it holds the rules."""
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", "\n".join(
        [NONE_MOUNTED, AS_PROCESS_1, command(host, "apply", host.rules(DROP)), "echo done", "exec cat"])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while holder.stdout.readline() not in ("", "done\n"):
        pass
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED
    holder.communicate("")


def test_two_that_apply_at_once_mount_one(make_host):
    hosts = [make_host(), make_host()]
    lines = [f"{command(host, 'apply', host.rules(DROP, f'{number}.conf'))} &" for number, host in enumerate(hosts)]
    for _ in range(5):
        done, mounts = run_apart(AS_PROCESS_1, *lines, "wait", *(command(host, "detach") for host in hosts))
        assert len(mounts) == 1 and done.stdout.count("detached") == 2, done


def test_one_that_was_mounted_since_the_folder_was_opened_is_used(make_host, tmp_path):
    """The first is stopped between its look at what is there and its decision, for as long as the second one takes."""
    first, second = make_host(), make_host()
    apply = command(first, "apply", first.rules(DROP))
    log = tmp_path / "log"
    stopped = f"{program('strace')} -o {log} -e inject=fstatfs:signal=STOP:when=1 {apply} &"
    wait = f"until grep -qs 'stopped by SIGSTOP' {log}; do kill -0 $! || exit; sleep 0.01; done"
    done, mounts = run_apart(AS_PROCESS_1, stopped, wait, command(second, "apply", second.rules(DROP)),
                             "kill -CONT $(pgrep -P $!)", "wait", command(first, "detach"), command(second, "detach"))
    assert len(mounts) == 1 and done.stdout.count("detached") == 2 and done.stderr.count(NOTE) == 1, done


def test_quiet_and_json_are_as_for_other_notes(host):
    apply = command(host, "apply", host.rules(DROP))
    done, mounts = run_apart(AS_PROCESS_1, f"{apply} --quiet")
    assert done.stderr == "" and len(mounts) == 1
    done, mounts = run_apart(AS_PROCESS_1, f"{apply} --json")
    assert f'"message": "{NOTE}' in done.stderr and len(mounts) == 1


ON_TMPFS = "mount -t tmpfs -o mode={} none /sys/fs/bpf"
UNSAFE = {
    "in another mount namespace": [],
    "where the folder has entries": [AS_PROCESS_1, ON_TMPFS.format("0700"), "touch /sys/fs/bpf/something"],
    "where others may write to the folder": [AS_PROCESS_1, ON_TMPFS.format("0777")],
    "where the folder is another user's": [AS_PROCESS_1, ON_TMPFS.format("0700,uid=65534")],
    "without a /proc": [AS_PROCESS_1, "mount -t tmpfs none /proc"],
}


@pytest.mark.parametrize("lines", UNSAFE.values(), ids=UNSAFE)
def test_nothing_is_mounted(host, there, lines):
    done, mounts = run_apart(*lines, command(host, "apply", host.rules(DROP)), "umount -l /proc 2>/dev/null",
                             "grep -q cgroup /proc/mounts || mount -t proc proc /proc")
    assert mounts == [] and NOTE not in done.stderr
    assert "'/sys/fs/bpf' is no bpffs: mount it with `mount -t bpf bpf /sys/fs/bpf`" in done.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there


def test_nothing_is_mounted_in_another_pid_namespace(host):
    done, mounts = run_apart(command(host, "apply", host.rules(DROP)), unshare=("-m", "-p", "-f", "--mount-proc"))
    assert mounts == [] and "is no bpffs" in done.stderr


def test_nothing_is_mounted_in_a_changed_root(host, tmp_path):
    """What is mounted there would be elsewhere for all others."""
    root = tmp_path / "root"
    root.mkdir()
    done, mounts = run_apart(AS_PROCESS_1, f"mount --rbind / {root}",
                             f"chroot {root} {command(host, 'apply', host.rules(DROP))}")
    assert mounts == [] and "is no bpffs" in done.stderr


def test_nothing_is_mounted_without_the_capability(host):
    rules = host.rules(DROP)
    limited = shlex.join([program("nsenter"), f"--net={host.namespace.path}", program("setpriv"), "--bounding-set",
                          "-all,+bpf,+net_admin,+sys_ptrace", SKLC, "apply", str(rules)])
    done, mounts = run_apart(AS_PROCESS_1, limited)
    assert mounts == [] and "is no bpffs" in done.stderr


def test_nothing_is_mounted_at_a_folder_that_was_given(host):
    done, mounts = run_apart(AS_PROCESS_1, f"{command(host, 'apply', host.rules(DROP))} --bpffs /sys/fs/bpf")
    assert mounts == [] and "is no bpffs" in done.stderr


@pytest.mark.parametrize("verb", ["status", "list", "history", "sync", "confirm", "rollback", "reset", "detach"])
def test_only_apply_mounts(host, verb):
    done, mounts = run_apart(AS_PROCESS_1, command(host, verb))
    assert mounts == [] and "is no bpffs" in done.stderr
