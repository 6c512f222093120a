"""The life of generations as runtime/state/life.h tells it, held against the folders in a bpffs."""
import ctypes
import mmap
import pathlib
import platform
import re
import struct
import typing

RUNTIME = pathlib.Path(__file__).parents[2] / "runtime"
PHASES = ["new", "on trial", "current", "previous", "older"]
STAGES = ["taking", "finishing"]  # the state's version is 3, and 4
TAKEN_OVER, VERSION = 3, 4
OLDER_MAX = 10
SYSCALL_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}[platform.machine()]
BPF_OBJ_GET, BPF_OBJ_GET_INFO_BY_FD = 7, 15

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    done = libc.syscall(SYSCALL_BPF, command, attributes, len(attributes))
    if done < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return done


def info_of(pin, size):
    """A pinned object's descriptor, and what the kernel says of it."""
    path = ctypes.create_string_buffer(str(pin).encode())
    descriptor = bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(path), 0, 0))
    info = ctypes.create_string_buffer(size)
    bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", descriptor, size, ctypes.addressof(info)))
    return open(descriptor, "rb", buffering=0, closefd=True), info.raw


def pinned_bytes(pin):
    """The one value of a pinned map."""
    file, info = info_of(pin, 88)
    with file:
        size, = struct.unpack_from("=I", info, 12)
        return mmap.mmap(file.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ)[:]


def program_on(link):
    file, info = info_of(link, 48)
    with file:
        return struct.unpack_from("=I", info, 8)[0]


def names_of_pins():
    """What the constants of pins stand for."""
    text = "".join((RUNTIME / file).read_text() for file in ("abi.h", "state/state.h", "state/migrate.c"))
    words = dict(re.findall(r'#define\s+(\w+)[ \t\\\n]+("?[\w.]+"?)', text))
    resolve = lambda word: word.strip('"') if word.startswith('"') else resolve(words[word])
    return {name: resolve(name) for name in words if "PIN_" in name}


def rows_of(width):
    """The rows of the table that has so many columns: for each pin its columns."""
    names = names_of_pins()
    rows = re.findall(rf"X\((\w+)((?:,\s*(?:MUST|MADE|MAY|NEVER|PHASE)){{{width}}})\)",
                      (RUNTIME / "state/life.h").read_text())
    return {names[pin]: re.findall(r"\w+", columns) for pin, columns in rows}


def table(stage=None):
    """For each pin, whether a folder has it in each phase, at a stage of a take-over."""
    rows = {pin: dict(zip(PHASES, columns)) for pin, columns in rows_of(len(PHASES)).items()}
    assert len(rows) > 10
    if stage:
        taken = rows_of(len(STAGES))
        assert len(taken) > 5
        for pin, columns in taken.items():
            each = columns[STAGES.index(stage)]
            if each != "PHASE":
                rows[pin] = dict.fromkeys(PHASES, each)
    return rows


class Record(typing.NamedTuple):
    generation: int
    program: int
    previous: int
    same_as: int
    trial_program: int
    user: int
    pins: int = 0  # what it was made with: a bit for each row of the table


def read_record(path, stage):
    """The facts of a generation; None if it has none."""
    pin = path / ("about" if stage == STAGES[0] else "record")
    if not pin.exists():
        return None
    if stage != STAGES[0]:
        facts = pinned_bytes(pin)
        return Record(*struct.unpack_from("=6I", facts), *struct.unpack_from("=I", facts, 56))
    generation, previous, trial = struct.unpack_from("=3I", pinned_bytes(pin))
    return Record(generation, generation, previous, 0, trial, 0)


class Folder(typing.NamedTuple):
    number: int
    pins: set
    record: Record  # or None


def read_folder(path, stage):
    return Folder(int(path.name[1:]), {pin.name for pin in path.iterdir()}, read_record(path, stage))


def stage_of(top):
    """At which stage a take-over of the state in a folder is; None: at none."""
    if top is None or not (top / "labels").exists():
        return None
    version = struct.unpack_from("=II", pinned_bytes(top / "state"))[1]
    assert version in (TAKEN_OVER, VERSION)
    return STAGES[version - TAKEN_OVER]


def namespace_folder(host):
    """The folder of the host's namespace; None if there is none."""
    folder = host.state_folder()
    return folder if folder.exists() else None


def phases_of(host):
    """The generations in the host's folder, each with its phase; None: it is a leftover."""
    top = namespace_folder(host)
    stage = stage_of(top)
    found = [] if top is None else [read_folder(path, stage) for path in top.glob("g*")]
    folders = {folder.number: folder for folder in found}
    records = {number: folder.record for number, folder in folders.items() if folder.record}
    phases = {}
    if folders and (top / "link").exists():
        program = program_on(top / "link")
        for record in records.values():
            if program in (record.program, record.trial_program):
                phase = 2 if program == record.program else 1
                number = record.generation
                while number in records:
                    phases[number] = PHASES[phase]
                    phase, number = min(phase + 1, 4), records[number].previous
                phases |= {older: "older" for older in records if older < min(phases)}
    return [(folder, phases.get(number)) for number, folder in sorted(folders.items())]


def needed(rows, phase, record):
    """The pins that a generation must have in a phase."""
    made = {pin for bit, pin in enumerate(rows) if record.pins >> bit & 1}
    return {pin for pin, row in rows.items() if row[phase] == "MUST" or (row[phase] == "MADE" and pin in made)}


def check_killed(host):
    """Whatever a killed command left: each folder is in a phase, perhaps with pins of the phases before, or it is a
    leftover."""
    rows = table(stage_of(namespace_folder(host)))
    for folder, phase in phases_of(host):
        assert folder.pins <= set(rows), folder
        if phase:
            passed = PHASES[:PHASES.index(phase) + 1]
            must = needed(rows, phase, folder.record)
            may = {pin for pin, row in rows.items() if any(row[each] != "NEVER" for each in passed)}
            assert must <= folder.pins <= may, (folder, phase)


def check_settled(host):
    """After a command: each folder has what its phase says, and there is no leftover."""
    rows = table()
    found = phases_of(host)
    for folder, phase in found:
        assert phase, f"{folder} is a leftover"
        must = needed(rows, phase, folder.record)
        never = {pin for pin, row in rows.items() if row[phase] == "NEVER"}
        assert must <= folder.pins and not folder.pins & never and folder.pins <= set(rows), (folder, phase)
    assert sum(phase == "older" for _, phase in found) <= OLDER_MAX, found
    return found
