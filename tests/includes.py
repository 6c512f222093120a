#!/usr/bin/env python3
"""Which folder may include which: one table. Prints a line for each include that it does not allow, and for each
circle of headers within a folder. With `--test`, checks itself on small trees, as TAP."""
import pathlib
import re
import sys
import tempfile

# Each folder of sources, and the folders whose public headers it may include, which stand before it.
FOLDERS = {
    "compiler/base": [],
    "runtime/base": ["compiler/base"],
    "runtime": ["runtime/base"],
    "runtime/bpf": [],
    "runtime/kernel": ["runtime/base"],
    "runtime/object": ["runtime/base"],
    "runtime/labels": ["compiler/base", "runtime/base", "runtime/kernel", "runtime/object"],
    "runtime/load": ["runtime/base", "runtime/kernel", "runtime/object"],
    "runtime/expect": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load"],
    "runtime/state": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load"],
    "runtime/sockets": ["compiler/base", "runtime/base", "runtime/kernel", "runtime/object", "runtime/labels",
                        "runtime/load", "runtime/state"],
    "runtime/problems": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/sockets"],
    "runtime/transaction": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                            "runtime/state", "runtime/sockets", "runtime/problems"],
    "runtime/status": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                       "runtime/state", "runtime/sockets", "runtime/problems"],
    "runtime/verbs": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                      "runtime/expect", "runtime/state", "runtime/sockets", "runtime/transaction", "runtime/status"],
    "compiler/ast": ["compiler/base"],
    "compiler/policy": ["compiler/base", "compiler/ast"],
    "compiler/diagram": ["compiler/base", "compiler/policy"],
    "compiler/decision": ["compiler/base", "compiler/policy", "compiler/diagram"],
    "compiler/lint": ["compiler/base", "compiler/policy", "compiler/diagram", "compiler/decision"],
    "compiler/layout": ["compiler/base", "compiler/policy", "compiler/diagram", "compiler/decision"],
    "compiler/bytecode": ["compiler/base"],
    "compiler/emit": ["compiler/base", "compiler/layout", "compiler/bytecode"],
    "compiler/llvm": ["compiler/base", "compiler/layout", "compiler/bytecode", "compiler/emit"],
    "compiler/object": ["compiler/base", "compiler/policy", "compiler/layout", "compiler/bytecode"],
    "compiler": ["compiler/base", "compiler/ast", "compiler/bytecode", "compiler/llvm",
                 "compiler/object"],
    "grammar": ["compiler/base", "compiler/ast"],
}
# A folder's public header has the folder's name; where there is another, it is here, with those who may include it.
PUBLIC = {
    "compiler/pipeline.h": ["compiler/"],  # the page that shows the whole compiler
    "compiler/ast/parser.h": ["grammar"],  # what the actions of the grammar call
    "compiler/layout/table_format.h": ["compiler/emit", "compiler/llvm"],  # the bytes that programs read
    "runtime/abi.h": ["compiler/", "runtime/"],  # what the object file holds
    "runtime/bpf/maps.h": ["runtime/"],  # what the BPF programs share with the runtime
    "runtime/runtime.h": ["compiler/sklc.c", "runtime/"],
    "runtime/base/fail.h": ["compiler/sklc.c", "runtime/"],
}
# In these, every header is public.
LEAVES = ["compiler/base", "runtime/base", "runtime/kernel"]


def is_allowed(path, header):
    """Whether a file may include a header of another folder."""
    folder, other = path.rpartition("/")[0], header.rpartition("/")[0]
    if header in PUBLIC:
        return any(path.startswith(prefix) for prefix in PUBLIC[header])
    return other in FOLDERS.get(folder, []) and (
        other in LEAVES or header == f"{other}/{other.rpartition('/')[2]}.h")


def sources(top):
    """The files of the folders in the table, and the headers of ours that each includes."""
    for folder in FOLDERS:
        for path in sorted((top / folder).glob("*.[chly]")):
            name = f"{folder}/{path.name}"
            found = re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)
            yield name, [header if "/" in header else f"{folder}/{header}" for header in found
                         if not re.fullmatch(r"skl\.(tab|lex)\.h|.*\.skel\.h", header)]


def circles(graph):
    """Headers that lead back to themselves."""
    def reached(start):
        seen, todo = set(), [start]
        while todo:
            for header in graph.get(todo.pop(), []):
                if header not in seen:
                    seen.add(header)
                    todo.append(header)
        return seen

    return [name for name in graph if name in reached(name)]


def faults(top):
    graph = {}
    unknown = {str(path.relative_to(top)) for room in ("compiler", "runtime") for path in (top / room).glob("*/")
               if path.is_dir()} - set(FOLDERS)
    for folder in sorted(unknown):
        yield f"{folder} is not in the table of folders"
    for path, headers in sources(top):
        if path.endswith(".h"):
            graph[path] = headers
        for header in headers:
            if not (top / header).exists():
                yield f"{path} includes {header}, which is not there"
            elif path.rpartition("/")[0] != header.rpartition("/")[0] and not is_allowed(path, header):
                yield f"{path} may not include {header}"
    for header in circles(graph):
        yield f"{header} includes itself"
    seen = set()
    for folder, others in FOLDERS.items():
        for other in others:
            if other not in seen:
                yield f"{folder} may include {other}, which does not stand before it in the table"
        seen.add(folder)


# A name, files with what each includes, and the faults that these have.
EXAMPLES = [
    ("a_form_and_the_pass_that_makes_it_are_allowed", {
        "compiler/base/arena.h": [], "compiler/ast/ast.h": ["compiler/base/arena.h"],
        "compiler/policy/policy.h": [], "compiler/policy/pass.c": ["policy.h", "compiler/ast/ast.h"],
    }, []),
    ("a_form_does_not_include_what_is_made_of_it", {
        "compiler/ast/ast.h": ["compiler/policy/policy.h"], "compiler/policy/policy.h": [],
    }, ["compiler/ast/ast.h may not include compiler/policy/policy.h"]),
    ("a_private_header_is_for_its_own_folder", {
        "compiler/layout/cost.h": [], "compiler/emit/steps.c": ["compiler/layout/cost.h"],
    }, ["compiler/emit/steps.c may not include compiler/layout/cost.h"]),
    ("the_compiler_knows_only_the_object_of_the_runtime", {
        "runtime/abi.h": [], "runtime/runtime.h": [],
        "compiler/object/pass.c": ["runtime/abi.h", "runtime/runtime.h"],
    }, ["compiler/object/pass.c may not include runtime/runtime.h"]),
    ("headers_that_include_each_other_are_found", {
        "compiler/layout/a.h": ["b.h"], "compiler/layout/b.h": ["a.h"],
    }, ["compiler/layout/a.h includes itself", "compiler/layout/b.h includes itself"]),
    ("a_header_that_is_not_there_is_named", {
        "compiler/layout/a.c": ["gone.h"],
    }, ["compiler/layout/a.c includes compiler/layout/gone.h, which is not there"]),
    ("a_new_folder_must_be_in_the_table", {"compiler/new/a.c": []},
     ["compiler/new is not in the table of folders"]),
]


def check_itself():
    print(f"1..{len(EXAMPLES)}")
    failed = 0
    for number, (name, files, expected) in enumerate(EXAMPLES, 1):
        with tempfile.TemporaryDirectory() as folder:
            for path, headers in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(f'#include "{header}"\n' for header in headers))
            found = list(faults(pathlib.Path(folder)))
        print(f"{'ok' if found == expected else 'not ok'} {number} - {name}")
        if found != expected:
            print(f"# found {found}")
            failed = 1
    return failed


def main():
    if sys.argv[1:] == ["--test"]:
        return check_itself()
    found = list(faults(pathlib.Path(__file__).resolve().parent.parent))
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
