"""The state's folder in the bpffs: its owner and mode, where it may be, and what happens when its namespace is gone."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from conftest import REFUSED, SKLC, WIRES, locked_folder, public_copy, sklc
from life import table

TCP4 = WIRES["tcp-ipv4"]
DROP = "tcp dport 80 drop\n"
NOBODY = 65534
FIXTURE = pathlib.Path(__file__).with_name("state-version-4.txt")
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
MAGIC, VERSION = 0x636c6b73, 4


def folder_of(host):
    return pathlib.Path(host.bpffs, "sklc", str(host.status(status=None)["netns"]["cookie"]))


def in_own_mounts(*commands):
    return subprocess.run(["unshare", "-m", "sh", "-c", " && ".join(commands)], text=True,
                          capture_output=True, check=False)


# whose it is


@pytest.mark.parametrize("plant, said", [("folder of another user", "somebody else made it, or it was given away"),
                                         ("folder open to others", "look at what is there, then close it"),
                                         ("symbolic link", "is a symbolic link where sklc has a folder")])
def test_a_planted_folder_is_refused(host, tmp_path, plant, said):
    os.chmod(host.bpffs, 0o1777)
    planted = pathlib.Path(host.bpffs, "sklc")
    if plant == "symbolic link":
        (tmp_path / "elsewhere").mkdir()
        planted.symlink_to(tmp_path / "elsewhere")
    else:
        planted.mkdir(mode=0o700)
        os.chmod(planted, 0o777 if plant == "folder open to others" else 0o700)
        if plant == "folder of another user":
            os.chown(planted, NOBODY, NOBODY)
    for words in (["--apply", host.rules(DROP)], ["status"], ["detach"]):
        assert said in host.sklc(*words, status=3).stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [host.server(TCP4, TCP4.any, 80)])


def test_a_planted_folder_of_the_namespace_is_refused(host):
    host.apply(DROP)
    folder = folder_of(host)
    os.chown(folder, NOBODY, NOBODY)
    assert "somebody else" in host.sklc("status", status=3).stderr
    os.chown(folder, 0, 0)
    host.sklc("status")


def test_a_bpffs_that_others_can_rename_in_is_refused(host):
    os.chmod(host.bpffs, 0o777)
    assert "chmod +t" in host.apply(DROP, status=3).stderr


# where it may be


def test_a_bpffs_mounted_read_only_is_an_error_that_says_so(host):
    subprocess.run(["mount", "-o", "remount,ro", host.bpffs], check=True)
    done = host.apply(DROP, status=3)
    assert "read-only" in done.stderr and "writable" in done.stderr


def test_no_bpffs_says_how_to_mount_it(host):
    done = in_own_mounts("mount -t tmpfs none /sys/fs/bpf",
                         f"'{SKLC}' --apply '{host.rules(DROP)}' --netns '{host.namespace.path}'")
    assert done.returncode == 3
    assert "mount -t bpf" in done.stderr


def test_apply_inside_ip_netns_exec_is_refused_since_its_pins_would_vanish(host):
    there = host.server(TCP4, TCP4.any, 80)
    command = f"'{SKLC}' --apply '{host.rules(DROP)}'"
    for mount in ("true", "mount -t bpf bpf /sys/fs/bpf"):
        done = subprocess.run(["ip", "netns", "exec", host.namespace.name, "sh", "-c",
                               f"{mount} && {command}"], text=True, capture_output=True, check=False)
        assert done.returncode == 3
        assert "--netns" in done.stderr
        assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there


# namespaces


def test_state_of_a_dead_namespace_is_seen_and_cleared(make_host):
    dead, alive = make_host(), make_host()
    dead.apply(DROP)
    cookie = int(folder_of(dead).name)
    alive.apply(DROP)
    dead.namespace.delete()
    deadline = time.monotonic() + 5
    while found_by_cookie(alive)[cookie]["attached"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not found_by_cookie(alive)[cookie]["attached"]
    assert "gone" in alive.sklc("status", "--all").stdout
    done = alive.apply(DROP)
    assert "cleared" in done.stderr and str(cookie) in done.stderr
    assert cookie not in found_by_cookie(alive)
    subprocess.run(["ip", "netns", "add", dead.namespace.name], check=True)


def found_by_cookie(host):
    every = json.loads(host.sklc("status", "--all", "--json").stdout)["namespaces"]
    return {each["cookie"]: each for each in every}


def test_status_lists_every_namespace_that_has_rules(make_host):
    hosts = [make_host() for _ in range(3)]
    for host in hosts[:2]:
        host.apply(DROP)
    found = found_by_cookie(hosts[2])
    assert {each["name"] for each in found.values()} == {host.namespace.name for host in hosts[:2]}
    for host in hosts[:2]:
        assert found[int(folder_of(host).name)]["generation"] == host.status()["generation"]
        assert host.namespace.name in hosts[2].sklc("status", "--all").stdout
    for host in hosts[:2]:
        host.sklc("detach")
    assert found_by_cookie(hosts[2]) == {}


def test_rules_that_somebody_else_detached_are_cleared(host):
    there = host.server(TCP4, TCP4.any, 80)
    host.apply(DROP)
    subprocess.run([BPFTOOL, "link", "detach", "pinned", folder_of(host) / "link"], check=True)
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there
    assert "were detached and their state was left" in host.apply(DROP).stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED


def test_the_manual_names_every_pin(host):
    manual = (pathlib.Path(__file__).parents[2] / "man/sklc-object.5").read_text()
    section = manual.split(".Sh STATE\n")[1].split(".Sh ")[0]
    named = {word for line in section.splitlines() if line.startswith(".It Pa") for word in line.split()[2:]}
    server = host.server(TCP4)
    text = (f"socket web {{ tcp 127.0.0.1:{server.getsockname()[1]} }}\n"
            "tcp dport 80 counter redirect to web\n")
    host.apply(text)
    host.apply(text + "tcp dport 81 counter drop\n", "--confirm", "600")
    pins = {path.name for path in folder_of(host).rglob("*") if not path.is_dir()}
    assert {"trial", "choices", "declared", "cgroups", "since", "hand"} < pins
    host.sklc("confirm")
    pins |= {path.name for path in folder_of(host).rglob("*") if not path.is_dir()}
    assert pins <= named and "base" in named


# versions


def bytes_of(number):
    return [f"0x{byte:02x}" for byte in number.to_bytes(4, "little")]


def write_version(folder, version):
    """Replaces the version of the state."""
    pin = folder / "state"
    pin.unlink()
    run = lambda *words: subprocess.run([BPFTOOL, "map", *words], check=True)
    run("create", pin, "type", "array", "key", "4", "value", "8", "entries", "1", "name", "state",
        "flags", "1024")
    run("update", "pinned", pin, "key", *bytes_of(0), "value", *bytes_of(MAGIC), *bytes_of(version))
    run("freeze", "pinned", pin)


@pytest.mark.parametrize("version", [2, VERSION + 1])
def test_state_of_another_version_is_refused_and_can_be_detached(host, version):
    there = host.server(TCP4, TCP4.any, 80)
    host.apply(DROP)
    write_version(folder_of(host), version)
    for words in (["--apply", host.rules(DROP)], ["status"], ["rollback"]):
        done = host.sklc(*words, status=3)
        assert f"version {version}" in done.stderr and "detach" in done.stderr
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) == REFUSED
    host.sklc("detach")
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there
    assert host.pins() == []


def describe(pin):
    """What a pin is: a map's type and sizes, or the kind of object; without what depends on the rules."""
    if pin.name in ("link", "program", "trial"):
        return f"{pin.name}: {'link' if pin.name == 'link' else 'program'}"
    shown = subprocess.run([BPFTOOL, "-j", "map", "show", "pinned", pin], check=True,
                           capture_output=True, text=True)
    shape = json.loads(shown.stdout)
    sized = pin.name in ("base", "host", "keys", "machine", "object", "tables")
    counts = pin.name.endswith("_counters") or (pin.name in ("declared", "cgroups") and pin.parent.name[0] == "g")
    return (f"{pin.name}: {shape['type']} key {shape['bytes_key']} value "
            f"{'any' if sized else shape['bytes_value']} entries "
            f"{'any' if counts else shape['max_entries']} flags {shape['flags']}"
            f"{' frozen' if shape.get('frozen') else ''}")


def described(host):
    """All pins, each behind the kind of its folder."""
    kind = lambda folder: "" if folder.isdigit() else re.sub(r"^g\d+$", "gN", folder) + "/"
    return {kind(pin.parent.name) + describe(pin) for pin in host.pins() if not pin.is_dir()}


@pytest.mark.usefixtures("cgroup2")
def test_the_state_is_laid_out_as_its_version_says(host):
    """A change of the layout needs a new version; commands then read the older version or refuse it."""
    text = ("socket web { tcp 127.0.0.1:8080; cgroup \"/system.slice/web.service\" }\n"
            "tcp dport 80 counter redirect to web\niifname \"lo\" tcp dport 83 drop\n")
    host.apply(text)
    host.apply(text + "tcp dport 81 counter drop\n")
    found = described(host)
    host.apply(text + "tcp dport 82 counter drop\n", "--confirm", "600")
    found = sorted(found | described(host))
    every = set(table()) - {pin for pin, row in table().items() if pin.endswith("_new")}
    assert every <= {re.match(r"(?:\w+/)?([\w.]+):", line)[1] for line in found}
    if os.environ.get("SKLC_WRITE"):
        FIXTURE.write_text("\n".join(found) + "\n", encoding="ascii")
    assert found == FIXTURE.read_text(encoding="ascii").splitlines()


def test_two_words_for_the_same_namespace_are_one_state(host):
    host.apply(DROP)
    done = sklc("status", "--netns", host.namespace.name, "--bpffs", host.bpffs)
    assert done.returncode == 0 and "dport 80" in done.stdout
