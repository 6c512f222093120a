"""State as sklc kept it in version 3: made by a program of the tests (version_3_state.c), or, with SKLC_VERSION_3, by
that sklc itself. The objects and the follower in state-version-3/ are made by it, from the rules beside them."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from conftest import NO_LEAK_CHECK, SKLC, cgroup2_root

BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
MAKER = pathlib.Path(SKLC).parent / "tests" / "e2e" / "version_3_state"
HERE = pathlib.Path(__file__).with_name("state-version-3")
OLD_SKLC = os.environ.get("SKLC_VERSION_3")
IS_LITTLE_ENDIAN = sys.byteorder == "little"  # the objects are
# What is the same whenever and wherever the same state is made.
STABLE = {"names", "object", "base", "labels", "declared", "cgroups", "state"}

# Which rules are current, and which were so before; on trial, for how many seconds.
CASES = {
    "plain": {"current": "plain"},
    "declared": {"current": "old"},
    "replaced": {"current": "new", "previous": "old"},
    "trial": {"current": "new", "previous": "old", "trial": 600},
    "first-trial": {"current": "old", "trial": 600},
}


def make_by_program(host, sockets, current, previous=None, trial=0):
    words = [MAKER, "--folder", f"{host.bpffs}/sklc", "--netns", host.namespace.path,
             "--current", HERE / f"{current}.o"]
    if cgroup2_root():
        words += ["--cgroup", cgroup2_root(), "--follower", HERE / "follow.bpf.o"]
    words += ["--previous", HERE / f"{previous}.o"] if previous else []
    words += ["--trial", str(trial)] if trial else []
    for label, flow_class, sock in sockets:
        words += ["--socket", f"{label}:{flow_class}:{sock.fileno()}"]
    # Its end frees what it opened.
    subprocess.run(words, check=True, env=NO_LEAK_CHECK, pass_fds=[sock.fileno() for _, _, sock in sockets])


def make_by_sklc(host, sockets, current, previous=None, trial=0):
    def sklc(*words):
        subprocess.run([OLD_SKLC, *map(str, words), "-q", "--netns", host.namespace.path, "--bpffs", host.bpffs],
                       check=True)

    if previous:
        sklc("--apply", HERE / f"{previous}.o")
    sklc("--apply", HERE / f"{current}.o", *(["--confirm", trial] if trial else []))
    for label, _, sock in sockets:
        sklc("register", label, "--pid", os.getpid(), "--fd", sock.fileno())


def make_version_3(host, case, sockets=()):
    """Makes the state of a case. SOCKETS are registered by hand: tuples of label, flow class and socket."""
    (make_by_sklc if OLD_SKLC else make_by_program)(host, sockets, **CASES[case])


def bpftool(*words):
    return json.loads(subprocess.run([BPFTOOL, "-j", *map(str, words)], check=True, capture_output=True).stdout)


def contents(pin):
    entries = sorted(json.dumps([entry["key"], entry["value"]]) for entry in bpftool("map", "dump", "pinned", pin)
                     if "value" in entry)
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]


def place_of(pin, generations):
    """The folder of a pin: `current`, `previous` or `follower2`; nothing for that of the namespace."""
    folder = pin.parent.name
    if re.fullmatch(r"g\d+", folder):
        return ["current/", "previous/"][generations.index(int(folder[1:]))]
    return "" if folder.isdigit() else f"{folder}/"


def describe(pin, generations):
    place = place_of(pin, generations)
    if pin.name in ("link", "program", "trial"):
        return f"{place}{pin.name}"
    shown = bpftool("map", "show", "pinned", pin)
    shape = (f"{place}{pin.name}: {shown['type']} {shown['name']} key {shown['bytes_key']} value "
             f"{shown['bytes_value']} entries {shown['max_entries']} flags {shown['flags']}")
    if shown.get("frozen"):
        shape += " frozen"
    is_stable = pin.name in STABLE and not place.startswith("follower")
    return f"{shape} = {contents(pin)}" if is_stable else shape


def described(host):
    """Each pin of a host, with its sizes, and a digest of what is in it."""
    pins = [pin for pin in host.pins() if not pin.is_dir()]
    generations = sorted({int(pin.parent.name[1:]) for pin in pins if re.fullmatch(r"g\d+", pin.parent.name)},
                         reverse=True)
    return sorted(describe(pin, generations) for pin in pins)
