#!/usr/bin/env python3
"""Compares every form that the compiler gives of every input with the file beside it. Prints TAP.

usage: golden.py [--write] SKLC

An input is FOLDER/NAME.conf in a folder of tests/golden, or rules/NAME.conf at the top of the repository.
The folder says what the input shows:

    language/   what one may write           errors/     what is refused, and how the message reads
    layout/     how a decision is stored     mistakes/   errors that nft finds too, with nft's own message
    warnings/   what is accepted, with a warning
    objects/    what the object file holds: FOLDER/NAME.object lists it, for these inputs only

Beside FOLDER/NAME.conf stand its forms, FOLDER/NAME.STAGE (those of rules/NAME.conf in tests/golden/rules/), and
FOLDER/NAME.diag has the messages and the exit status. A form that is not made has no file. A first line
`# options: ...` in the input gives options. sklc runs in the input's folder, so its messages name NAME.conf.
--write writes all forms anew.

The policy is a rules file too: it must give the same policy and the same decision again. Every other file in
the folders must be named in double quotes by an input or by a file that one includes."""
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import struct
import subprocess
import sys
import zlib

GOLDEN = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(GOLDEN.parent / "lib"))
from json_schema import check_diagnostics  # noqa: E402
from object_listing import listing  # noqa: E402

RULES = GOLDEN.parent.parent / "rules"
STAGES = ["ast", "policy", "decision", "layout", "bytecode"]
SUFFIXES = [*STAGES, "object", "diag"]


def sklc(program, folder, *words, text=None):
    return subprocess.run([program, *words], cwd=folder, input=text, capture_output=True, timeout=120)


def options_of(path):
    first = path.read_bytes().split(b"\n", 1)[0].decode(errors="replace")
    match = re.match(r"# options: (.*)", first)
    return match[1].split() if match else []


def forms_of(program, path):
    """All forms that the compiler makes of an input, and its messages: bytes by their file's suffix."""
    options = options_of(path)
    compiled = sklc(program, path.parent, *options, "-o", "-", path.name)
    forms = {}
    if compiled.stderr or compiled.returncode:
        forms["diag"] = compiled.stderr + b"exit status %d\n" % compiled.returncode
    if "--json" in options:
        check_diagnostics(compiled.stderr, compiled.returncode)
    if path.parent.name == "objects" and compiled.returncode == 0:
        try:
            forms["object"] = listing(compiled.stdout)
        except (ValueError, IndexError, KeyError, struct.error, zlib.error) as error:
            forms["object"] = f"unreadable: {error!r}\n".encode()
    for stage in STAGES:
        dump = sklc(program, path.parent, *options, "--dump", stage, path.name)
        if dump.returncode != 0:
            break
        forms[stage] = dump.stdout
    return forms


def form_file(path, suffix):
    """The file that holds one form of an input."""
    folder = GOLDEN / "rules" if path.parent == RULES else path.parent
    return folder / f"{path.stem}.{suffix}"


def check_form(path, suffix, made):
    file = form_file(path, suffix)
    kept = file.read_bytes() if file.exists() else None
    name = f"{file.relative_to(GOLDEN)}"
    if made is None and kept is None:
        return None
    if made is None:
        return name, f"{name} is there, but is not made any more"
    if kept is None:
        return name, f"{name} is missing; 'make golden' writes it"
    if made != kept:
        return name, difference(file, made)
    return name, None


def difference(file, made):
    shown = subprocess.run(["diff", "-u", "--label", str(file), "--label", "made now", str(file), "-"],
                           input=made, capture_output=True, check=False)
    return shown.stdout.decode(errors="replace")


def check_round_trip(program, path, forms):
    """The policy, read as rules, gives the same policy and the same decision."""
    name = f"{path.parent.name}/{path.stem}: the policy reads back as itself"
    for stage in ("policy", "decision"):
        if stage not in forms:
            continue
        again = sklc(program, path.parent, *options_of(path), "-W", "no-unused", "--dump", stage,
                     "-", text=forms["policy"])
        if again.returncode or again.stdout != forms[stage]:
            return name, (f"the {stage} of the policy differs:\n" + again.stderr.decode()
                          + again.stdout.decode())
    return name, None


def check_input(program, path):
    forms = forms_of(program, path)
    results = [check_form(path, suffix, forms.get(suffix)) for suffix in SUFFIXES]
    if "policy" in forms:
        results.append(check_round_trip(program, path, forms))
    return [result for result in results if result]


def write_forms(program, path):
    forms = forms_of(program, path)
    for suffix in SUFFIXES:
        file = form_file(path, suffix)
        if suffix in forms:
            file.write_bytes(forms[suffix])
        else:
            file.unlink(missing_ok=True)
    return []


def check_strays(inputs):
    """Every file belongs to an input: it is one, holds a form of one, or is named by what one reads."""
    forms = {form_file(path, suffix) for path in inputs for suffix in SUFFIXES}
    known = forms | {*inputs, *GOLDEN.glob("*.py")}
    others = [file for file in sorted(GOLDEN.rglob("*"))
              if file.is_file() and file not in known and file.parent.name != "__pycache__"]
    texts = [file.read_bytes().decode(errors="replace") for file in [*inputs, *others]]
    named = {pathlib.PurePath(word).name for text in texts for word in re.findall(r'"([^"\n]+)"', text)}
    strays = [str(file.relative_to(GOLDEN)) for file in others
              if file.suffix[1:] in SUFFIXES or not any(fnmatch.fnmatch(file.name, word) for word in named)]
    return "no file is without an input", strays and "belongs to no input: " + ", ".join(strays)


def main():
    write = sys.argv[1] == "--write"
    program = pathlib.Path(sys.argv[-1]).resolve()
    inputs = sorted(GOLDEN.glob("*/*.conf")) + sorted(RULES.glob("*.conf"))
    work = write_forms if write else check_input
    os.environ.pop("NO_COLOR", None)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        batches = list(pool.map(lambda path: work(program, path), inputs))
    results = [result for batch in batches for result in batch]
    if write:
        return 0
    results.append(check_strays(inputs))
    print(f"1..{len(results)}")
    for number, (name, problem) in enumerate(results, 1):
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        if problem:
            print("\n".join("# " + line for line in problem.splitlines()))
    return int(any(problem for _, problem in results))


if __name__ == "__main__":
    sys.exit(main())
