"""The command line: exit statuses, suggestions, files that are written whole."""
import ipaddress
import json
import os
import pathlib
import random
import resource
import subprocess

import pytest

from conftest import SANITIZED, SKLC, run, sklc


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.conf"
    path.write_text("tcp dport 80 redirect to web\n")
    return path


@pytest.mark.parametrize("words, said", [
    (["lsit-nothing-like-it"], "unknown verb 'lsit-nothing-like-it'"),
    (["staus"], "did you mean 'status'?"),
    (["--chek", "x"], "did you mean '--check'?"),
    (["--dump", "polcy", "x"], "did you mean 'policy'?"),
    (["--dump"], "--dump takes an argument: STAGE"),
    (["--apply"], "too few words"),
    (["--apply", "--check", "x"], "do not go together"),
    (["status", "-o", "x", "--check"], "--check does not go with 'status'"),
    (["x", "-o", "x", "--check"], "do not go together"),
    (["status", "--pid", "1"], "--pid does not go with 'status'"),
    (["status", "more"], "too many words"),
    (["register", "web"], "--pid PID --fd FD"),
    (["register", "web", "--pid", "x1", "--fd", "3"], "--pid takes a number, not 'x1'"),
    (["register", "web", "--pid", "0", "--fd", "3"], "--pid takes the number of a process, not '0'"),
    (["register", "web", "--pid", "1", "--fd", "-1"], "--fd takes a number, not '-1'"),
    (["unregister", "web", "tpc"], "did you mean 'tcp'?"),
    (["-Wshadwed", "--check", "x"], "did you mean 'shadowed'?"),
    (["-D", "port", "--check", "x"], "-D takes NAME=VALUE, not 'port'"),
    (["-x"], "unknown option '-x'"),
    (["--parts", "many", "--check", "x"], "unknown word for --parts 'many'; expected 'auto', 'never' or 'always'"),
    (["--backend", "gcc", "--check", "x"], "unknown back end 'gcc'; expected 'direct' or 'llvm'"),
    (["-Wnothing", "--check", "x"], "expected 'shadowed', 'redundant',"),
    (["--quiet=yes", "status"], "--quiet takes no argument"),
    (["--apply", "x", "--confirm", "0"], "at least one second"),
    (["--tables-max", "many", "--check", "x"], "takes a number of bytes"),
    (["--instructions-max", "few", "--check", "x"], "takes a number"),
    (["--instructions-max", "0", "--check", "x"], "takes at least one"),
    (["\x1b[31m"], r"unknown verb '\x1b[31m'"),
    (["--\x1b[31m"], r"unknown option '--\x1b[31m'"),
])
def test_a_wrong_command_line_is_status_2_and_says_what_is_right(words, said):
    done = sklc(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_file_alone_asks_what_to_do_with_it(rules):
    done = sklc(rules)
    assert done.returncode == 2
    assert "say what to do with" in done.stderr


def test_nothing_at_all_shows_the_usage():
    done = sklc()
    assert done.returncode == 2
    assert "sklc apply RULES" in done.stderr


def test_help_and_version_are_results():
    for option in ("--help", "--version"):
        done = sklc(option)
        assert done.returncode == 0
        assert "sklc" in done.stdout and done.stderr == ""


def test_options_stand_before_and_after_operands(rules, tmp_path):
    for words in ([rules, "-o", tmp_path / "a.o"], ["-o", tmp_path / "b.o", rules]):
        assert sklc(*words).returncode == 0
    assert (tmp_path / "a.o").read_bytes() == (tmp_path / "b.o").read_bytes()


def test_rules_at_fault_are_status_1_and_show_the_source_location(tmp_path):
    path = tmp_path / "bad.conf"
    path.write_text("tcp dport 80 drop\ntcp dprt 81 drop\n")
    done = sklc(path, "-o", tmp_path / "bad.o")
    assert done.returncode == 1
    assert f"{path}:2:5" in done.stderr and "^" in done.stderr
    assert not (tmp_path / "bad.o").exists()


def test_a_file_that_is_not_there_is_status_3(tmp_path):
    done = sklc(tmp_path / "nothing.conf", "-o", tmp_path / "x.o")
    assert done.returncode == 3
    assert "nothing.conf" in done.stderr and "no such file" in done.stderr


def test_a_folder_as_rules_is_status_3(tmp_path):
    assert sklc(tmp_path, "-o", tmp_path / "x.o").returncode == 3


def test_several_files_are_one_after_the_other(tmp_path):
    (tmp_path / "a.conf").write_text("define web_port = 80\n")
    (tmp_path / "b.conf").write_text("tcp dport $web_port redirect to web\n")
    both = sklc("--dump", "decision", tmp_path / "a.conf", tmp_path / "b.conf")
    one = sklc("--dump", "decision", "-", input="tcp dport 80 redirect to web\n")
    assert both.returncode == 0, both.stderr
    assert both.stdout == one.stdout


@pytest.mark.parametrize("text, words, said", [
    ("".join(f"dport {n} redirect to l{n}\n" for n in range(16385)), [], "more than 16384 labels"),
    (f"iifname {{ {', '.join(f'e{n}' for n in range(65534))} }} drop\n", [], "more than 65533 interfaces"),
    (f"dport {{ {', '.join(map(str, range(1, 65536, 2)))} }} drop\n", ["--tables", "code"],
     "too large for code alone"),
], ids=["labels", "interfaces", "code"])
def test_rules_beyond_a_limit_are_an_error_that_tells_it(text, words, said):
    done = sklc("-", "-o", "/dev/null", "--quiet", *words, input=text)
    assert done.returncode == 1 and said in done.stderr


def addresses_for_high_trees(chance, count):
    """Elements for which the tables have search trees, for IPv4 addresses and for both halves of IPv6 addresses. Some
    elements are far above the others, also within one /64."""
    def near(base, bits, count, form=ipaddress.IPv6Address):
        return [str(form(base + chance.getrandbits(bits))) for _ in range(count)]

    return (near(0x20010db8 << 96, 100, count) + near(1 << 127, 127, 5) +
            near(0xfd << 120, 36, count) + near(0xfd << 120, 64, 5) +
            near(0xfe << 120, 64, count // 16) +
            near(10 << 24, 24, count, ipaddress.IPv4Address) +
            near(1 << 31, 29, 5, ipaddress.IPv4Address))


def test_rules_that_need_too_many_steps_are_an_error_that_tells_it():
    chance = random.Random(1)
    sets = [f"{{ {', '.join(addresses_for_high_trees(chance, 20_000))} }}" for _ in range(2)]
    odd, even = [f"{{ {', '.join(map(str, range(first, 65536, 2)))} }}" for first in (1, 0)]
    done = sklc("-", "-o", "/dev/null", "--tables", "splus", "--quiet",
                input=f"daddr {sets[0]} drop\nsaddr {sets[1]} pass\n"
                      f"dport {odd} drop\nsport {even} pass\ndrop\n")
    assert done.returncode == 1
    assert "more than a search of 63 steps can tell apart" in done.stderr


def test_a_long_comment_takes_no_longer_than_short_ones(tmp_path):
    long = tmp_path / "long.conf"
    long.write_text("#" + "x" * 30_000_000 + "\ntcp dport 80 drop\n")
    done = sklc("--dump", "policy", long, timeout=20)
    assert done.stdout == "policy pass\n\ntcp dport 80 drop\n"


def test_a_hundred_thousand_rules_take_no_memory_for_what_is_of_no_use_any_more():
    """What a pass leaves behind is freed before the next one: together it takes 60 MiB more."""
    if SANITIZED:
        pytest.skip("a sanitizer's own memory is more than the limit")
    addresses = random.Random(1).sample(range(1 << 24, 223 << 24), 100_000)
    rules = "".join(f"daddr {ipaddress.ip_address(address)} {('drop', 'pass', 'redirect to web')[address % 3]}\n"
                    for address in addresses)
    limit = 215 << 20
    done = sklc("-", "-o", "/dev/null", input=f"chain c {{\n{rules}}}\ntcp dport 80 jump c\n",
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
    assert done.returncode == 0, done.stderr


def seconds_to_compile(text):
    """CPU seconds that a command takes, which hardly depend on what else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = sklc("--dump", "layout", "-", "--quiet", input=text)
    assert done.returncode == 0, done.stderr
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def test_many_nodes_of_ports_take_no_longer_for_ports_that_alternate():
    elements = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} . {1000 + n % 10} : redirect to l{n // 10}"
                for n in range(60_000))
    nodes = (f"map m {{ type addr . port : verdict; elements = {{ {', '.join(elements)} }} }}\n"
             "daddr . dport map @m\n")
    alternate = f"daddr 192.0.2.1 dport {{ {', '.join(map(str, range(1, 65536, 2)))} }} drop\n"
    assert seconds_to_compile(alternate + nodes) < 5 * seconds_to_compile(nodes)


def short_of_memory(folder):
    """Ways to run the command with little memory: the first for a plain build, the second for a sanitized one."""
    if b"__asan_init" in pathlib.Path(SKLC).read_bytes():
        return {"env": {**os.environ, "ASAN_OPTIONS":
                        f"max_allocation_size_mb=1:allocator_may_return_null=1:log_path={folder}/asan"}}
    limit = 150 << 20
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}


def test_running_out_of_memory_is_reported_in_every_form(tmp_path):
    rules = "".join(f"tcp daddr 10.{n >> 16}.{n >> 8 & 255}.{n & 255} dport {n % 60000 + 1} "
                    f"redirect to l{n % 50}\n" for n in range(300_000))
    output = tmp_path / "rules.o"
    done = sklc("-", "-o", output, input=rules, **short_of_memory(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == "sklc: out of memory"
    done = sklc("-", "-o", output, "--json", input=rules, **short_of_memory(tmp_path))
    assert done.returncode == 3
    assert [each["message"] for each in json.loads(done.stderr)["diagnostics"]] == ["out of memory"]
    assert not output.exists()


def test_every_stage_is_dumped(rules):
    for stage in ("ast", "policy", "decision", "layout", "bytecode-raw", "bytecode"):
        done = sklc("--dump", stage, rules)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_the_raw_program_is_the_one_with_more_instructions(rules):
    raw = sklc("--dump", "bytecode-raw", rules).stdout
    assert len(raw.splitlines()) > len(sklc("--dump", "bytecode", rules).stdout.splitlines())


def test_output_that_does_not_arrive_is_status_3(rules):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SKLC, "--dump", "policy", rules], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 3
    assert "standard output" in done.stderr


def test_closed_standard_streams_take_no_file_in(rules, tmp_path):
    def closed(words):
        return subprocess.run(["sh", "-c", f"exec '{SKLC}' {words} <&- >&- 2>&-"], check=False)

    assert closed(f"'{rules}' -o '{tmp_path}/x.o'").returncode == 0
    assert (tmp_path / "x.o").read_bytes()[:4] == b"\x7fELF"
    assert closed(f"--dump policy '{rules}'").returncode == 3


# -o


def test_a_planted_link_is_replaced_and_what_it_names_is_not_touched(rules, tmp_path):
    victim, planted = tmp_path / "victim", tmp_path / "prog.o"
    victim.write_text("precious")
    planted.symlink_to(victim)
    assert sklc(rules, "-o", planted).returncode == 0
    assert victim.read_text() == "precious"
    assert not planted.is_symlink() and planted.read_bytes()[:4] == b"\x7fELF"


def test_errors_leave_the_old_object_and_no_litter(rules, tmp_path):
    prog = tmp_path / "prog.o"
    prog.write_bytes(b"old")
    rules.write_text("tcp dport 80 dorp\n")
    assert sklc(rules, "-o", prog).returncode == 1
    assert prog.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prog.o", "rules.conf"]


def test_a_full_disk_leaves_the_old_object(request, rules, tmp_path):
    if request.config.cannot_run:
        pytest.skip(request.config.cannot_run)
    disk = tmp_path / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk)
    try:
        (disk / "prog.o").write_bytes(b"old")
        with open(disk / "filler", "wb", buffering=0) as filler:
            while True:
                try:
                    filler.write(b"x" * 4096)
                except OSError:
                    break
        done = sklc(rules, "-o", disk / "prog.o")
        assert done.returncode == 3
        assert "no space left" in done.stderr
        assert (disk / "prog.o").read_bytes() == b"old"
        assert sorted(os.listdir(disk)) == ["filler", "prog.o"]
    finally:
        run("umount", disk)


def test_rules_are_not_replaced_by_their_object(rules, tmp_path):
    (tmp_path / "other.conf").write_text("drop\n")
    done = sklc(tmp_path / "other.conf", rules, "-o", rules)
    assert done.returncode == 2 and "would replace the rules" in done.stderr
    assert rules.read_text() == "tcp dport 80 redirect to web\n"


def test_an_object_is_no_rules(rules, tmp_path):
    prog = tmp_path / "prog.o"
    assert sklc(rules, "-o", prog).returncode == 0
    for words in (["--dump", "policy", prog], [prog, "-o", tmp_path / "again.o"]):
        done = sklc(*words)
        assert done.returncode == 2 and "is compiled already" in done.stderr
    done = sklc("--check", rules, prog)
    assert done.returncode == 2 and f"an object is given alone: '{prog}'" in done.stderr


def test_a_device_is_written_to_not_replaced(rules):
    before = os.stat("/dev/null")
    assert sklc(rules, "-o", "/dev/null").returncode == 0
    assert os.stat("/dev/null").st_ino == before.st_ino


def test_the_object_has_the_mode_that_the_umask_leaves(rules, tmp_path):
    prog = tmp_path / "prog.o"
    assert sklc(rules, "-o", prog, umask=0o027).returncode == 0
    assert prog.stat().st_mode & 0o777 == 0o640
