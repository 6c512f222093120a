#!/usr/bin/env python3
"""Which folder may include which: one table, and every include is held against it. Prints a line for each fault. With
`--test`, checks itself on small trees, as TAP.

Folders stand in an order, and each includes only folders before it. Two headers are for folders before their own:
compiler/pipeline.h, which shows all passes, and runtime/abi.h. No circle comes of it, as headers have none: those two
include only what all their readers may include. compiler/pipeline.c, which stands last in the
compiler, includes the folders of passes, and command, the last of all, includes compiler and runtime."""
import pathlib
import re
import sys
import tempfile
import typing

# Below these, every folder with sources must be in the table; the rules for tests are in may_include.
ROOMS = ["command", "compiler", "runtime", "grammar", "daemon", "lib", "tests"]
# Each folder of sources, and the folders whose public headers it may include, which stand before it.
FOLDERS = {
    "compiler/base": [],
    "runtime/base": ["compiler/base"],
    "runtime": ["runtime/base"],
    "runtime/bpf": [],
    "runtime/kernel": ["runtime/base", "runtime"],
    "runtime/object": ["compiler/base", "runtime/base", "runtime"],
    "runtime/labels": ["compiler/base", "runtime/base", "runtime/kernel", "runtime/object"],
    "runtime/load": ["runtime/base", "runtime/kernel", "runtime/object"],
    "runtime/expect": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load"],
    "runtime/state": ["runtime/base", "runtime", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load"],
    "runtime/sockets": ["compiler/base", "runtime/base", "runtime", "runtime/kernel", "runtime/labels", "runtime/load",
                        "runtime/state"],
    "runtime/udp": [],  # to come
    "runtime/problems": ["runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                         "runtime/sockets"],
    "runtime/transaction": ["compiler/base", "runtime/base", "runtime", "runtime/kernel", "runtime/labels",
                            "runtime/load", "runtime/state", "runtime/sockets", "runtime/problems"],
    "runtime/status": ["compiler/base", "runtime/base", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                       "runtime/state", "runtime/sockets", "runtime/problems"],
    "runtime/monitor": [],  # to come
    "runtime/edit": [],  # to come
    "runtime/verbs": ["runtime/base", "runtime", "runtime/kernel", "runtime/object", "runtime/labels", "runtime/load",
                      "runtime/expect", "runtime/state", "runtime/sockets", "runtime/transaction", "runtime/status"],
    "compiler/ast": ["compiler/base"],
    "grammar": ["compiler/base"],
    "compiler/policy": ["compiler/base", "compiler/ast"],
    "compiler/diagram": ["compiler/base", "compiler/policy"],
    "compiler/decision": ["compiler/base", "compiler/policy", "compiler/diagram"],
    "compiler/lint": ["compiler/base", "compiler/policy", "compiler/diagram", "compiler/decision"],
    "compiler/layout": ["compiler/base", "compiler/policy", "compiler/diagram", "compiler/decision"],
    "compiler/bytecode": ["compiler/base"],
    "compiler/emit": ["compiler/base", "compiler/layout", "compiler/bytecode"],
    "compiler/llvm": ["compiler/base", "compiler/layout", "compiler/bytecode", "compiler/emit"],
    "compiler/object": ["compiler/base", "compiler/policy", "compiler/layout", "compiler/bytecode"],
    "compiler": ["compiler/base", "compiler/ast", "compiler/llvm"],
    "command": ["compiler/base", "compiler/bytecode", "compiler/llvm", "compiler/object", "runtime/base", "runtime"],
    "lib": [],  # to come
    "daemon": [],  # to come
}
# In these, every header is public. Elsewhere a folder's public header has the folder's name.
LEAVES = ["compiler/base", "runtime/base", "runtime/kernel"]
# Other public headers, with the folders and files after them that may include them.
PUBLIC = {
    "compiler/ast/parser.h": ["grammar"],  # what the actions of the grammar call
    "compiler/layout/table_format.h": ["compiler/emit", "compiler/llvm"],  # the bytes that programs read
    "runtime/object/allowed.h": ["runtime/load"],  # what an object may hold
    "runtime/status/described.h": ["runtime/verbs"],  # what is told of a socket
    # shared with the BPF programs
    "runtime/bpf/maps.h": ["runtime/labels", "runtime/state", "runtime/sockets", "runtime/transaction"],
}
# Private headers, with the tests of what is in them.
PRIVATE_FOR_TESTS = {
    "compiler/layout/cost.h": ["tests/unit/test_layout_choose.c"],
    "compiler/layout/forms.h": ["tests/unit/test_layout_choose.c"],
    "runtime/load/refusal.h": ["tests/unit/test_refusal.c"],
    "runtime/load/relay.h": ["tests/unit/test_relay.c"],
    "runtime/state/mount.h": ["tests/unit/test_mount.c"],
    "runtime/state/store.h": ["tests/unit/test_store.c"],
}
# Headers that are made by the build, with those who may include them.
GENERATED = {
    "skl.tab.h": ["grammar", "compiler/ast"],
    "skl.lex.h": ["grammar", "compiler/ast"],
    "find.skel.h": ["runtime/sockets/find.c"],
    "follow.skel.h": ["runtime/sockets/follower.c"],
    "namespaces.skel.h": ["runtime/transaction/namespace_gone.c"],
    "lookups.skel.h": ["tests/differential/lib/batch.c"],
}
SOURCE = re.compile(r".*\.([chlysi]|ll|yy|cc|cpp|cxx|hh|hpp|hxx)", re.IGNORECASE)
INCLUDE = re.compile(r'#[ \t]*include[ \t]*("[^"\n]+"|<[^>\n]+>|.*)')


class House(typing.NamedTuple):
    folders: dict = FOLDERS
    public: dict = PUBLIC
    private_for_tests: dict = PRIVATE_FOR_TESTS

    def for_all(self):
        """The headers that need not stand before their readers, with these."""
        return {
            "compiler/pipeline.h": [folder for folder in self.folders
                                    if folder.startswith(("compiler/", "command")) and folder != "compiler/base"],
            "runtime/abi.h": [folder for folder in self.folders if re.match("(compiler|runtime)(/|$)", folder)],
        }


def folder_of(path):
    return path.rpartition("/")[0]


def is_named_after_folder(header):
    folder = folder_of(header)
    return folder in LEAVES or header == f"{folder}/{folder.rpartition('/')[2]}.h"


def may_include(house, path, header):
    """Whether a file may include a header; `folder/` stands for any file of a folder."""
    folder, other = folder_of(path), folder_of(header)
    listed = house.public | house.for_all()
    if folder == other:
        return True
    if folder.startswith("tests/"):
        return (other in ("tests/lib", f"{folder}/lib") or header in listed
                or (other in house.folders and is_named_after_folder(header))
                or path in house.private_for_tests.get(header, []) or path in GENERATED.get(header, []))
    if is_named_after_folder(header) and other in house.folders.get(folder, []):
        return True
    return not {folder, path}.isdisjoint((listed | GENERATED).get(header, []))


def sources(top):
    """Each file of sources, with what stands behind each `#include` of it."""
    for room in ROOMS:
        for path in sorted((top / room).rglob("*")):
            if SOURCE.fullmatch(path.name):
                yield str(path.relative_to(top)), INCLUDE.findall(path.read_text("utf-8"))


def header_of(path, text):
    """A header in quotes, as a path from the top, or the name of a generated header."""
    name = text[1:-1]
    return name if "/" in name or name in GENERATED else f"{folder_of(path)}/{name}"


def fault_of(house, top, path, text):
    """What is wrong with an include, or None."""
    if text.startswith("<"):
        is_ours = text[1:-1] in GENERATED or (top / text[1:-1]).exists()
        return f"{path} includes {text} of ours in angle brackets" if is_ours else None
    if not text.startswith('"'):
        return f"{path} includes {text}, which is not a name"
    header = header_of(path, text)
    if not header.endswith(".h"):
        return f"{path} includes {header}, which is not a header"
    if header not in GENERATED and not (top / header).exists():
        return f"{path} includes {header}, which is not there"
    readers = [path] + [f"{folder}/" for folder in house.for_all().get(path, [])]
    if not all(may_include(house, reader, header) for reader in readers):
        return f"{path} may not include {header}"
    return None


def circles(included):
    """Headers that lead back to themselves."""
    def reached(start):
        seen, todo = set(), [start]
        while todo:
            new = included.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    return [path for path in included if path in reached(path)]


def faults_of_order(house):
    """Permissions for what does not stand before who has them."""
    order = {folder: place for place, folder in enumerate(house.folders)}
    permissions = [(folder, other, other) for folder, others in house.folders.items() for other in others]
    permissions += [(importer, header, folder_of(header)) for header, importers in house.public.items()
                    for importer in importers]
    for importer, included, folder in permissions:
        place = order.get(importer, order.get(folder_of(importer), -1))
        if order.get(folder, len(order)) >= place:
            yield f"{importer} may include {included}, which does not stand before it in the table"


def unused(house, included):
    """Permissions that nobody uses. Rows of folders that are to come may have some."""
    used = {(importer, header) for path, headers in included.items() for header in headers
            for importer in (path, folder_of(path))}
    used |= {(importer, folder_of(header)) for importer, header in used if is_named_after_folder(header)}
    present = {folder_of(path) for path in included}
    permissions = [(folder, other) for folder, others in house.folders.items() if folder in present
                   for other in others]
    permissions += [(importer, header) for header, importers in (house.public | house.private_for_tests).items()
                    for importer in importers]
    return [f"{importer} may include {what} and does not" for importer, what in permissions
            if (importer, what) not in used]


def faults(house, top):
    texts = dict(sources(top))
    included = {path: {header_of(path, text) for text in found if text.startswith('"')}
                for path, found in texts.items()}
    found = [fault_of(house, top, path, text) for path in texts for text in texts[path]]
    found += [f"{folder} is not in the table of folders" for folder in {folder_of(path) for path in texts}
              if folder not in house.folders and not folder.startswith("tests/")]
    found += [f"{path} includes itself" for path in circles(included)]
    found += faults_of_order(house)
    found += unused(house, included)
    return sorted(set(found) - {None})


# A house without faults, in which lib is to come. Each example changes files of it, or its tables.
SMALL = House({
    "compiler/base": [],
    "runtime": [],
    "runtime/load": [],
    "compiler/ast": ["compiler/base"],
    "grammar": [],
    "compiler/layout": ["compiler/base", "compiler/ast"],
    "compiler/emit": ["compiler/layout"],
    "compiler": ["compiler/ast"],
    "lib": ["compiler/ast"],
}, {
    "compiler/layout/table_format.h": ["compiler/emit"],
    "runtime/runtime.h": ["compiler/sklc.c"],
}, {"compiler/layout/cost.h": ["tests/unit/test_cost.c"]})
FILES = {
    "compiler/base/hash.h": '',
    "compiler/base/hash.c": '#include "hash.h"\n#include <stdio.h>',
    "compiler/ast/ast.h": '#include "compiler/base/hash.h"',
    "compiler/ast/pass.c": '#include "ast.h"\n#include "compiler/pipeline.h"\n#include "skl.tab.h"',
    "grammar/skl.y": '#include "skl.lex.h"',
    "compiler/layout/layout.h": '#include "compiler/ast/ast.h"\n#include "runtime/abi.h"',
    "compiler/layout/table_format.h": '#include "layout.h"',
    "compiler/layout/cost.h": '#include "compiler/base/hash.h"',
    "compiler/emit/pass.c": '#include "compiler/layout/layout.h"\n#include "compiler/layout/table_format.h"',
    "compiler/pipeline.h": '',
    "compiler/sklc.c": '#include "compiler/ast/ast.h"\n#include "pipeline.h"\n#include "runtime/runtime.h"',
    "runtime/abi.h": '',
    "runtime/runtime.h": '#include "abi.h"',
    "runtime/load/pass.c": '#include "runtime/abi.h"',
    "tests/lib/random.h": '',
    "tests/unit/test_cost.c": '#include "compiler/layout/cost.h"\n#include "compiler/layout/table_format.h"\n'
                              '#include "compiler/ast/ast.h"\n#include "tests/lib/random.h"',
}
NOT_BEFORE = "which does not stand before it in the table"
# A name, files that change, the faults that come of it, and tables that change.
EXAMPLES = [
    ("a_house_in_order_has_no_fault", {}, []),
    ("a_form_does_not_include_what_is_made_of_it",
     {"compiler/ast/a.c": '#include "compiler/layout/layout.h"'},
     ["compiler/ast/a.c may not include compiler/layout/layout.h"]),
    ("an_include_is_read_whatever_its_spaces",
     {f"compiler/ast/{name}.c": f'int a;\n{include}"compiler/layout/layout.h" // why' for name, include in
      {"a": "# include ", "b": " #include ", "c": "#include", "d": "#include  ", "e": "\t#\tinclude\t"}.items()},
     [f"compiler/ast/{name}.c may not include compiler/layout/layout.h" for name in "abcde"]),
    ("an_include_has_a_name",
     {"compiler/ast/a.c": '#include HEADER\n#include_next "ast.h"'},
     ["compiler/ast/a.c includes HEADER, which is not a name",
      'compiler/ast/a.c includes _next "ast.h", which is not a name']),
    ("headers_of_ours_are_in_quotes",
     {"compiler/ast/a.c": '#include <compiler/base/hash.h>\n#include <runtime/abi.h>\n#include <skl.tab.h>'},
     [f"compiler/ast/a.c includes <{header}> of ours in angle brackets"
      for header in ("compiler/base/hash.h", "runtime/abi.h", "skl.tab.h")]),
    ("only_headers_are_included",
     {"compiler/ast/a.c": '#include "compiler/base/hash.c"\n#include "pass.c"\n#include "a.inc"'},
     [f"compiler/ast/a.c includes {file}, which is not a header"
      for file in ("compiler/ast/a.inc", "compiler/ast/pass.c", "compiler/base/hash.c")]),
    ("a_header_that_is_not_there_is_named",
     {"compiler/ast/a.c": '#include "gone.h"\n#include "../base/hash.h"\n#include "other.skel.h"'},
     [f"compiler/ast/a.c includes {file}, which is not there"
      for file in ("../base/hash.h", "compiler/ast/gone.h", "compiler/ast/other.skel.h")]),
    ("generated_headers_are_for_those_who_use_them",
     {"compiler/emit/a.c": '#include "skl.tab.h"\n#include "skl.lex.h"', "runtime/a.c": '#include "find.skel.h"',
      "tests/unit/a.c": '#include "follow.skel.h"'},
     ["compiler/emit/a.c may not include skl.lex.h", "compiler/emit/a.c may not include skl.tab.h",
      "runtime/a.c may not include find.skel.h", "tests/unit/a.c may not include follow.skel.h"]),
    ("a_folder_with_sources_is_in_the_table",
     {"compiler/a/a.c": '', "compiler/ast/b/c/a.l": '', "runtime/a/a.S": '', "grammar/a/a.y": '',
      "daemon/a.cc": '', "lib/a/a.h": ''},
     [f"{folder} is not in the table of folders"
      for folder in ("compiler/a", "compiler/ast/b/c", "daemon", "grammar/a", "lib/a", "runtime/a")]),
    ("folders_in_folders_keep_the_rules",
     {"compiler/ast/b/a.h": '#include "compiler/ast/ast.h"'},
     ["compiler/ast/b is not in the table of folders", "compiler/ast/b/a.h may not include compiler/ast/ast.h"]),
    ("a_private_header_is_for_its_own_folder",
     {"compiler/emit/a.c": '#include "compiler/layout/cost.h"'},
     ["compiler/emit/a.c may not include compiler/layout/cost.h"]),
    ("another_public_header_is_for_those_who_are_named",
     {"compiler/ast/a.c": '#include "compiler/layout/table_format.h"', "compiler/a.c": '#include "runtime/runtime.h"'},
     ["compiler/a.c may not include runtime/runtime.h",
      "compiler/ast/a.c may not include compiler/layout/table_format.h"]),
    ("another_public_header_is_for_folders_and_files_after_it",
     {"compiler/ast/a.c": '#include "compiler/layout/a.h"\n#include "compiler/layout/b.h"',
      "compiler/layout/a.h": '', "compiler/layout/b.h": ''},
     [f"compiler/ast may include compiler/layout/a.h, {NOT_BEFORE}",
      f"compiler/ast/a.c may include compiler/layout/b.h, {NOT_BEFORE}"],
     {"public": SMALL.public | {"compiler/layout/a.h": ["compiler/ast"], "compiler/layout/b.h": ["compiler/ast/a.c"]}}),
    ("the_importers_of_a_public_header_are_no_prefixes",
     {},
     ["comp may include compiler/layout/table_format.h and does not",
      f"comp may include compiler/layout/table_format.h, {NOT_BEFORE}",
      "compiler/ may include compiler/layout/table_format.h and does not",
      "compiler/emit/pass.c may not include compiler/layout/table_format.h"],
     {"public": SMALL.public | {"compiler/layout/table_format.h": ["compiler/", "comp"]}}),
    ("the_page_of_passes_is_for_all_of_the_compiler_but_base",
     {"compiler/base/a.c": '#include "compiler/pipeline.h"\n#include "runtime/abi.h"',
      "compiler/emit/a.c": '#include "compiler/pipeline.h"',
      "runtime/a.c": '#include "compiler/pipeline.h"', "grammar/a.l": '#include "runtime/abi.h"'},
     ["compiler/base/a.c may not include compiler/pipeline.h", "grammar/a.l may not include runtime/abi.h",
      "runtime/a.c may not include compiler/pipeline.h"]),
    ("a_header_for_all_includes_what_all_may_include",
     {"compiler/pipeline.h": '#include "compiler/ast/ast.h"', "runtime/abi.h": '#include "private.h"',
      "runtime/private.h": ''},
     ["compiler/pipeline.h may not include compiler/ast/ast.h", "runtime/abi.h may not include runtime/private.h"]),
    ("tests_include_private_headers_that_are_named_for_them",
     {"compiler/ast/private.h": '', "tests/unit/a.c": '#include "compiler/layout/cost.h"',
      "tests/bench/lib/a.h": '#include "compiler/ast/private.h"'},
     ["tests/bench/lib/a.h may not include compiler/ast/private.h",
      "tests/unit/a.c may not include compiler/layout/cost.h"]),
    ("tests_share_what_is_in_lib",
     {"tests/unit/a.c": '#include "tests/unit/lib/a.h"\n#include "tests/bench/bench.h"\n#include "tests/bench/lib/a.h"',
      "tests/unit/lib/a.h": '', "tests/bench/bench.h": '', "tests/bench/lib/a.h": '',
      "compiler/ast/a.c": '#include "tests/lib/random.h"'},
     ["compiler/ast/a.c may not include tests/lib/random.h", "tests/unit/a.c may not include tests/bench/bench.h",
      "tests/unit/a.c may not include tests/bench/lib/a.h"]),
    ("a_permission_is_used",
     {"compiler/emit/pass.c": '#include "compiler/layout/table_format.h"',
      "compiler/sklc.c": '#include "compiler/ast/ast.h"', "tests/unit/test_cost.c": ''},
     ["compiler/emit may include compiler/layout and does not",
      "compiler/sklc.c may include runtime/runtime.h and does not",
      "tests/unit/test_cost.c may include compiler/layout/cost.h and does not"]),
    ("a_folder_includes_folders_before_it",
     {"compiler/ast/a.c": '#include "compiler/layout/layout.h"'},
     [f"compiler/ast may include {folder}, {NOT_BEFORE}" for folder in ("compiler/ast", "compiler/layout")],
     {"folders": SMALL.folders | {"compiler/ast": ["compiler/base", "compiler/ast", "compiler/layout"]}}),
    ("headers_that_include_each_other_are_found",
     {"compiler/ast/a.h": '#include "b.h"', "compiler/ast/b.h": '#include "a.h"'},
     ["compiler/ast/a.h includes itself", "compiler/ast/b.h includes itself"]),
]


def check_itself():
    print(f"1..{len(EXAMPLES)}")
    failed = 0
    for number, (name, files, expected, *tables) in enumerate(EXAMPLES, 1):
        with tempfile.TemporaryDirectory() as top:
            for path, text in (FILES | files).items():
                file = pathlib.Path(top, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            found = faults(SMALL._replace(**(tables or [{}])[0]), pathlib.Path(top))
        print(f"{'ok' if found == expected else 'not ok'} {number} - {name}")
        if found != expected:
            print(f"# found {found}")
            failed = 1
    return failed


def main():
    if sys.argv[1:] == ["--test"]:
        return check_itself()
    found = faults(House(), pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
