"""--verify compiles the rules in an object again: an object that says one thing and does another is found out."""
import array
import fcntl
import struct
import subprocess
import termios
import time
import zlib

import pytest

from conftest import REFUSED, SKLC, WIRES, sklc
from objects import content, patch, sealed, sections
from test_object_versions import OLD, llvm_works

TCP4 = WIRES["tcp-ipv4"]
RULES = """\
define port = 80
include "conf.d/*.inc"
set inner {
	type addr
	file "inner.txt"
}
tcp daddr 192.0.2.0/24 dport $port counter redirect to web
tcp daddr @inner dport 90 drop
"""
OTHERS = {"conf.d/a.inc": 'tcp daddr 192.0.2.9 dport 443 drop\ninclude "../more.inc"\n',
          "conf.d/b.inc": "udp dport 53 redirect to dns\n", "more.inc": "tcp dport 82 drop\n",
          "inner.txt": "192.0.2.128/25\n198.51.100.0/24\n"}
SAME = "compiles the rules in it to"
DIFFERENT = "is not what the rules in it compile to"


@pytest.fixture(params=["direct", "llvm"])
def prog(host, request):
    if request.param == "llvm" and not llvm_works():
        pytest.skip("built without LLVM")
    rules = host.rules(RULES)
    (host.folder / "conf.d").mkdir()
    for name, text in OTHERS.items():
        host.rules(text, name)
    path = host.folder / "prog.o"
    done = sklc("compile", rules, "-D", "port=8080", "--backend", request.param, "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def verify(host, prog, status, said):
    done = host.sklc("check", "--verify", prog, status=status)
    assert said in done.stderr, done.stderr
    return done


def test_what_was_compiled_is_verified_from_what_is_in_the_object_alone(host, prog):
    for path in (*OTHERS, "rules.conf"):
        (host.folder / path).unlink()
    verify(host, prog, 0, SAME)
    done = host.sklc("apply", "--verify", prog)
    assert SAME in done.stderr
    assert host.reach(TCP4, "192.0.2.9", 443, []) == REFUSED
    assert SAME in host.sklc("list", "--verify").stderr


def test_list_verifies_what_it_printed_whatever_is_applied_meanwhile(host):
    text = f"tcp dport 80 drop\n{'# that fills the pipe' * 5000}\n"
    host.apply(text)
    with subprocess.Popen([SKLC, "list", "--verify", "--netns", host.namespace.path, "--bpffs", host.bpffs],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pipesize=4096) as printing:
        waiting, deadline = array.array("i", [0]), time.monotonic() + 10
        room = fcntl.fcntl(printing.stdout, fcntl.F_GETPIPE_SZ)
        while waiting[0] < room and time.monotonic() < deadline:
            time.sleep(0.01)
            fcntl.ioctl(printing.stdout, termios.FIONREAD, waiting)
        assert waiting[0] == room
        host.sklc("detach")
        printed, said = printing.communicate()
    assert (printing.returncode, printed) == (0, text)
    assert SAME in said


@pytest.mark.parametrize("words", [["--tables", "trie"], ["--tables-max", "1M"], ["--freeze-tables"], ["--instructions-max", "5000"], ["--parts", "always"],
                                   ["-D", "port=1", "-D", "inner=2"]], ids=lambda words: words[0])
def test_the_options_that_it_was_made_with_are_in_the_object(host, words):
    rules = host.rules("define port = 80\ndefine inner = 9\ntcp dport { $port, $inner } redirect to web\n")
    prog = host.folder / "prog.o"
    assert sklc("compile", rules, *words, "-o", prog).returncode == 0
    verify(host, prog, 0, SAME)


def test_rules_of_several_files_from_other_folders_are_verified(host):
    (host.folder / "site").mkdir()
    host.rules("tcp dport 81 drop\n", "site/common.inc")
    first = host.rules('include "common.inc"\ntcp dport 80 redirect to web\n', "a.conf")
    second = host.rules("tcp dport 82 drop\n", "b.conf")
    prog = host.folder / "prog.o"
    assert sklc("compile", "-I", host.folder / "site", first, second, "-o", prog).returncode == 0
    verify(host, prog, 0, SAME)
    done = sklc("compile", "-", "-o", prog, input="tcp dport 80 drop\n")
    assert done.returncode == 0, done.stderr
    verify(host, prog, 0, SAME)


def exits(prog):
    """The numbers of the instructions `r0 = VERDICT` before the program's exits."""
    code = content(prog.read_bytes(), sections(prog.read_bytes())["sk_lookup"])
    every = list(struct.iter_unpack("<BBhi", code))
    return [n for n, insn in enumerate(every[:-1]) if insn[0] in (0xb7, 0xb4) and not insn[1] and every[n + 1][0] == 0x95]


def test_a_program_that_passes_what_its_rules_drop_is_found_out(host, prog):
    """The kernel takes it, and `list` shows the rules."""
    honest = prog.read_bytes()
    for number in exits(prog):
        patch(prog, "sk_lookup", 8 * number + 4, struct.pack("<i", 1))
    changed = [n for n in exits(prog) if content(prog.read_bytes(), sections(honest)["sk_lookup"])[8 * n:8 * n + 8]
               != content(honest, sections(honest)["sk_lookup"])[8 * n:8 * n + 8]]
    verify(host, prog, 1, f"instruction {changed[0]} of section 'sk_lookup' differs; do not trust it")
    host.sklc("apply", "--verify", prog, status=1)
    assert host.pins() == []
    host.sklc("apply", prog)
    assert "dport 443 drop" in host.sklc("list").stdout
    assert DIFFERENT in host.sklc("list", "--verify", status=1).stderr
    host.apply("tcp dport 9 drop\n")
    assert SAME in host.sklc("list", "--verify").stderr
    assert f"'generation 1' {DIFFERENT}" in host.sklc("list", "1", "--verify", status=1).stderr.replace("object ", "")


def test_changed_subprograms_tables_and_words_are_found_out(host, prog):
    whole = prog.read_bytes()
    for section in (".text", ".data", "sklc.rules", "sklc.labels", ".BTF"):
        prog.write_bytes(whole)
        there = sections(whole)[section]
        at = there.size - 4 if section == "sklc.labels" else 12 if section == "sklc.rules" else there.size - 2
        value = whole[there.offset + at] ^ 1
        patch(prog, section, at, bytes([value]))
        done = host.sklc("check", "--verify", prog, status=None)
        assert (done.returncode == 1 and f"'{section}'" in done.stderr and DIFFERENT in done.stderr), done.stderr


def section_headers(whole):
    return struct.unpack_from("<Q", whole, 40)[0]


def padding(whole):
    """A byte between two sections."""
    license = sections(whole)["license"]
    assert license.offset + license.size < sections(whole)[".maps"].offset
    return license.offset + license.size


@pytest.mark.parametrize("change", [
    lambda whole: whole + b"more",
    lambda whole: whole[:16 + 4 + 4] + b"\1" + whole[25:],  # the entry point
    lambda whole: whole[:section_headers(whole) + 64 + 16] + b"\1" + whole[section_headers(whole) + 64 + 17:],  # an address
    lambda whole: whole[:padding(whole)] + b"\1" + whole[padding(whole) + 1:],
], ids=["appended", "header", "section-header", "padding"])
def test_bytes_that_are_in_no_section_are_compared(host, prog, change):
    whole = prog.read_bytes()
    prog.write_bytes(change(whole))
    done = host.sklc("check", "--verify", prog, status=1)
    assert DIFFERENT in done.stderr and SAME not in done.stderr, done.stderr
    prog.write_bytes(whole)
    verify(host, prog, 0, SAME)


def test_a_text_that_another_zlib_compressed_is_verified(host):
    """Of the same length here: of another one, the sections would be elsewhere."""
    prog = host.folder / "prog.o"
    assert sklc("compile", host.rules("tcp dport 80 drop\n"), "-o", prog).returncode == 0
    there = sections(prog.read_bytes())["sklc.text"]
    other = zlib.compress(b"tcp dport 80 drop\n", 9)
    assert len(other) == there.size and other != content(prog.read_bytes(), there)
    patch(prog, "sklc.text", 0, other)
    verify(host, prog, 0, SAME)


def test_another_text_than_the_one_that_was_compiled_is_found_out(host):
    """The text is compressed, and its bytes are of the same length."""
    prog = host.folder / "prog.o"
    assert sklc("compile", host.rules("tcp dport 80 drop\n"), "-o", prog).returncode == 0
    there = sections(prog.read_bytes())["sklc.text"]
    other = zlib.compress(b"tcp dport 81 drop\n", 1)
    assert len(other) == there.size
    patch(prog, "sklc.text", 0, other)
    verify(host, prog, 1, DIFFERENT)
    patch(prog, "sklc.text", 0, zlib.compress(b"tcp dport 80 drap\n", 1))
    verify(host, prog, 1, "they do not compile")


def test_an_object_of_another_sklc_is_said_to_be_so(host, prog):
    whole = prog.read_bytes()
    version = sklc("--version").stdout.split()[1].encode()
    other = b"9" * len(version)
    prog.write_bytes(sealed(whole.replace(b"sklc " + version + b"\0", b"sklc " + other + b"\0")))
    verify(host, prog, 3, f"was made by sklc {other.decode()} (")
    assert "only what made it can verify it" in host.sklc("apply", "--verify", prog, status=3).stderr
    assert host.pins() == []
    if b"llvm " in whole:
        prog.write_bytes(sealed(whole.replace(b"\0llvm 1", b"\0llvm 9")))
        verify(host, prog, 3, "does not have that back end")


def test_an_object_of_the_older_format_cannot_be_verified(host):
    verify(host, OLD / "declared.o", 3, "of an older format, which this sklc does not write")


def test_rules_that_are_compiled_here_need_no_verifying(host):
    done = host.sklc("check", "--verify", host.rules("tcp dport 80 drop\n"), status=2)
    assert "--verify is for an object" in done.stderr
