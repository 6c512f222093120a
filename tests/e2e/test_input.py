"""Input that has no end, or is no file: what is read of it, and what is refused instead."""
import os
import subprocess
import threading

import pytest

from conftest import SKLC, sklc, within

MEMORY = 1 << 30  # bytes; none of this needs more


def sklc_in_little_memory(*words, **more):
    return subprocess.run([SKLC, *map(str, words)], capture_output=True, text=True, timeout=30, **within(MEMORY), **more)


@pytest.mark.parametrize("words", [["-", "-o", "/dev/null"], ["check", "-"], ["dump", "ast", "-"],
                                   ["/dev/zero", "-o", "/dev/null"]], ids=" ".join)
def test_zeros_without_end_are_an_error_at_the_first(words):
    with open("/dev/zero", "rb") as zeros:
        done = sklc_in_little_memory(*words, stdin=zeros)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1 and ":1:1: error: a NUL byte" in done.stderr


def test_what_comes_before_a_nul_is_no_second_error(tmp_path):
    done = sklc("-", "-o", tmp_path / "x.o", input="tcp dport 80 dr\0p\n")
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1 and "<stdin>:1:16: error: a NUL byte" in done.stderr


def make_other(path, kind):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)


@pytest.mark.parametrize("statement", ['set s {{ type addr; file "{}" }}', 'include "{}"',
                                       'map m {{ type addr : verdict; file "{}" }}'],
                         ids=["set", "include", "map"])
@pytest.mark.parametrize("kind, said", [("pipe", "rules may only name files"), ("folder", "is a directory"),
                                        ("/dev/zero", "rules may only name files"),
                                        ("/dev/null", "rules may only name files")])
def test_rules_name_files_and_nothing_else(tmp_path, statement, kind, said):
    make_other(tmp_path / "other", kind)
    rules = tmp_path / "rules.conf"
    rules.write_text(statement.format("other") + "\n")
    done = sklc_in_little_memory(rules, "-o", tmp_path / "x.o")
    assert done.returncode == 1
    assert f"error: cannot read '{tmp_path}/other'" in done.stderr and said in done.stderr


@pytest.mark.parametrize("statement", ['include "-"', 'set s { type addr; file "-" }'])
def test_a_dash_in_rules_is_a_file_of_this_name_and_not_the_standard_input(tmp_path, statement):
    (tmp_path / "rules.conf").write_text(statement + "\n")
    words = ["dump", "ast", "rules.conf"]
    done = sklc(*words, cwd=tmp_path, input="drop\n")
    assert done.returncode == 1 and "cannot read './-': no such file" in done.stderr
    (tmp_path / "-").write_text("# nothing\n")
    assert sklc(*words, cwd=tmp_path, input="drop\n").returncode == 0


def test_a_pipe_on_the_command_line_is_read_once_and_whole(tmp_path):
    """Its writer waits until somebody opens it, and must not find that one gone."""
    pipe, errors = tmp_path / "pipe", []

    def write():
        try:
            pipe.write_text("tcp dport 80 drop\n" * 20000)
        except OSError as error:
            errors.append(error)

    os.mkfifo(pipe)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    done = sklc("dump", "ast", pipe, timeout=30)
    writer.join(timeout=30)
    assert done.returncode == 0 and not errors and not writer.is_alive()
    assert done.stdout.count("drop") == 20000


def test_labels_beyond_the_limit_are_refused_before_anything_is_built():
    text = "".join(f"tcp saddr 10.{n >> 16}.{n >> 8 & 255}.{n & 255} dport {n % 60000 + 1} redirect to l{n}\n"
                   for n in range(100000))
    done = sklc("dump", "policy", "-", input=text)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1 and "<stdin>:16385:" in done.stderr
    assert "more than 16384 labels" in done.stderr


@pytest.mark.parametrize("tables", ["auto", "splus", "lpm"])
def test_tables_beyond_the_limit_are_counted_without_being_built(tmp_path, tables):
    """The count is that of the smallest tables which a larger limit lets be built."""
    (tmp_path / "s").write_text("".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(1, 600000, 3)))
    (tmp_path / "r.conf").write_text('set s { type addr; file "s" }\nsaddr @s dport 80 drop\n')

    def compile_within(most):
        return sklc(tmp_path / "r.conf", "--tables", tables, "--tables-max", most, "-o", tmp_path / "x.o")

    refused = compile_within(64)
    assert refused.returncode == 1
    needed = int(refused.stderr.split(" are needed")[0].rsplit("(", 1)[1])
    assert needed > 1 << 19
    assert compile_within(needed - 1).returncode == 1
    assert compile_within(needed).returncode == 0