"""--json prints the same diagnostics as text output, for each class of error of the compiler, the command line and the
runtime. conftest.py checks the documents against the schema in sklc(1) wherever a test uses --json."""
import json
import os
import pathlib
import re
import struct
import subprocess

import pytest

from conftest import SKLC, WIRES, locked_folder, sklc
from objects import patch

TCP4 = WIRES["tcp-ipv4"]
WEB = "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n"
HEAD = re.compile(r"(sklc|\S+:\d+:\d+): ")


def head(each):
    """The line of text output for a diagnostic of the document, or for a note."""
    severity, name = each["severity"], each.get("name")
    words = each["message"]
    if name:
        words += f" [-Werror={name}]" if severity == "error" else f" [-W{name}]"
    if "file" in each:
        return f"{each['file']}:{each['line']}:{each['column']}: {severity}: {words}"
    return f"sklc: {words}" if severity == "error" else f"sklc: {severity}: {words}"


def heads(document):
    return [head(each) for diagnostic in document["diagnostics"]
            for each in (diagnostic, *diagnostic["notes"])]


def said_alike(run, *words, status, **more):
    """Runs a command that changes nothing, as text and as JSON; gives the JSON's diagnostics."""
    text = run(*words, **more)
    done = run(*words, "--json", **more)
    document = json.loads(done.stderr)
    assert text.returncode == done.returncode == status, text.stderr
    assert [line for line in text.stderr.splitlines() if HEAD.match(line)] == heads(document)
    return document["diagnostics"]


def test_the_manual_shows_the_documents_that_sklc_prints(tmp_path):
    page = (pathlib.Path(__file__).parents[2] / "man/sklc.1").read_text()
    section = page[page.index(".Sh DIAGNOSTICS"):]
    text, shown = re.findall(r"\.Bd [^\n]*\n(.*?)\.Ed", section, re.DOTALL)[:2]
    (tmp_path / "rules.conf").write_text("# one\ntcp dprt 80 drop\n")
    assert sklc("rules.conf", "-o", "x", cwd=tmp_path).stderr == text
    assert sklc("rules.conf", "-o", "x", "--json", cwd=tmp_path).stderr == shown


@pytest.fixture
def on(host):
    """The command on a host, whatever its status."""
    return lambda *words, **more: host.sklc(*words, status=None, **more)


@pytest.mark.parametrize("rules, message, text", [
    ("tcp dport 80 dorp\n", "did you mean 'drop'?", "dorp"),
    ("tcp dport 80-70 drop\n", "range", "80-70"),
    ("tcp dport 80 jump web\n", "web", "web"),
    ("policy drop\nexpect tcp 192.0.2.7:80 pass\n", "the verdict is 'drop'",
     "expect tcp 192.0.2.7:80 pass"),
], ids=["syntax", "policy", "name", "expect"])
def test_an_error_of_the_rules_has_its_source_location(rules, message, text, tmp_path):
    (said,) = said_alike(sklc, "-Wno-ssh", "-Wno-udp-replies", "-o", tmp_path / "prog.o", "-", input=rules,
                         status=1)
    assert said["severity"] == "error" and message in said["message"] and said["text"] == text
    assert said["file"] == "<stdin>" and "name" not in said


@pytest.mark.parametrize("option, severity, status", [("-Wshadowed", "warning", 0),
                                                      ("-Werror=shadowed", "error", 1)])
def test_a_warning_has_its_name_and_the_covering_rule_as_a_note(option, severity, status, tmp_path):
    rules = "tcp dport 80 drop\ntcp dport 80 redirect to web\n"
    (said,) = said_alike(sklc, option, "-o", tmp_path / "prog.o", "-", input=rules, status=status)
    assert (said["severity"], said["name"], said["line"]) == (severity, "shadowed", 2)
    assert said["notes"][0]["line"] == 1


def test_errors_are_told_through_includes(tmp_path):
    (tmp_path / "a.conf").write_text('include "b.conf"\n')
    (tmp_path / "b.conf").write_text("tcp dport 80 dorp\n")
    (said,) = said_alike(sklc, "a.conf", "-o", "prog.o", cwd=tmp_path, status=1)
    assert (said["file"], said["line"]) == ("b.conf", 1)
    assert said["included_from"] == [{"file": "a.conf", "line": 1, "column": 10}]


@pytest.mark.parametrize("words", [
    ["lsit"], ["--chek", "x"], ["--dump"], ["--dump", "polcy", "x"], ["--apply"], ["--apply", "--check", "x"],
    ["status", "--pid", "1"], ["register", "web"], ["register", "web", "--pid", "x1", "--fd", "3"],
    ["unregister", "web", "tpc"], ["-Wshadwed", "--check", "x"], ["-D", "port", "--check", "x"], ["-x"],
    ["--quiet=yes", "status"], ["--apply", "x", "--confirm", "0"], ["--tables-max", "many", "--check", "x"],
], ids=" ".join)
def test_a_wrong_command_line_is_one_error(words):
    (said,) = said_alike(lambda *given, **more: sklc(*given[len(words):], *words, **more), *words, status=2)
    assert said["severity"] == "error" and "file" not in said


def test_all_that_is_wrong_with_a_command_line_is_told():
    said = said_alike(sklc, "--chek", "-Wshadwed", "--pid", "x", status=2)
    assert len(said) == 3


def test_nothing_to_do_is_an_error_too():
    (said,) = json.loads(sklc("--json").stderr)["diagnostics"]
    assert "nothing to do" in said["message"]


def test_a_file_that_is_not_there_is_named():
    (said,) = said_alike(sklc, "/nonexistent/rules", "-o", "x", status=3)
    assert "'/nonexistent/rules'" in said["message"]


def sklc_to(stdout, *words, **more):
    """As sklc, with another standard output."""
    return subprocess.run([SKLC, *words], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
                          **more)


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = sklc_to(full, "--dump", "ast", "-", "--json", input=WEB)
    (said,) = json.loads(done.stderr)["diagnostics"]
    assert done.returncode == 3 and "standard output" in said["message"]


@pytest.mark.parametrize("action", ["--check", "--apply"])
@pytest.mark.parametrize("options, severity, status", [
    ([], "warning", 0), (["-Wno-interface"], None, 0), (["-q"], None, 0),
    (["-Werror=interface"], "error", 3), (["-Werror"], "error", 3), (["-Werror", "-q"], "error", 3),
    (["-Werror", "-Wno-interface"], None, 0),
], ids=lambda given: " ".join(given) if isinstance(given, list) else None)
def test_a_missing_interface_is_switched_alike(host, on, action, options, severity, status):
    rules = host.rules('iifname "eth7" tcp dport 80 drop\n')
    text = on(action, rules, *options)
    done = on(action, rules, *options, "--json")
    said = json.loads(done.stderr)["diagnostics"] if done.stderr else []
    assert text.returncode == done.returncode == status
    assert [(each["severity"], each["name"]) for each in said] == [(severity, "interface")] * bool(severity)
    assert [line for line in text.stderr.splitlines() if HEAD.match(line)] == [head(each) for each in said]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_quiet_silences_warnings_that_have_no_name_too(host, form):
    udp = WIRES["udp-ipv4"]
    other = host.server(udp)
    host.apply(WEB, "-q")
    words = ["register", "web", "--pid", os.getpid(), "--fd", other.fileno(), *form]
    assert "no rule redirects packets of udp ipv4" in host.sklc(*words).stderr
    assert host.sklc(*words, "-q").stderr == ""


def test_quiet_leaves_what_is_missing_where_sockets_are_required(host):
    done = host.apply(WEB, "--require-sockets", "-q", status=1)
    notes, error = done.stderr.splitlines()
    assert notes.startswith("sklc: note: the label 'web' has no socket for tcp ipv4") and "1 label is" in error


def test_an_interface_that_must_exist_is_an_error(host, on):
    (said,) = said_alike(on, "--apply", host.rules('iif "eth7" tcp dport 80 drop\n'), status=3)
    assert "there is no interface 'eth7'" in said["message"] and "name" not in said


@pytest.mark.parametrize("words", [["--apply", "-"], ["--check", "-"], ["status"], ["detach"], ["list"],
                                   ["register", "web", "--pid", "1", "--fd", "3"]], ids=lambda words: words[0])
def test_a_missing_capability_is_an_error(on, words):
    nobody = {"cwd": "/", "user": 65534, "group": 65534, "extra_groups": []}
    (said,) = said_alike(on, *words, input=WEB, status=3, **nobody)
    assert "capability CAP_" in said["message"]


@pytest.mark.parametrize("words", [
    ["list"], ["detach"], ["sync"], ["confirm"], ["rollback"], ["reset"], ["unregister", "web"],
    ["register", "web", "--pid", "1", "--fd", "0"],
], ids=lambda words: words[0])
def test_nothing_applied_is_an_error_of_each_verb(on, words):
    (said,) = said_alike(on, *words, status=4)
    assert "no rules are applied" in said["message"]


@pytest.mark.parametrize("words, message, status", [
    (["register", "wbe", "--pid", "1", "--fd", "0"], "did you mean 'web'?", 4),
    (["unregister", "wbe"], "did you mean 'web'?", 4),
    (["register", "web", "--pid", os.getpid(), "--fd", "999"], "has no descriptor 999", 4),
    (["rollback"], "nothing was applied before", 4),
    (["confirm"], "no rules are on trial", 4),
    (["--apply", "RULES", "--if-generation", "7"], "somebody else applied meanwhile", 1),
    (["--apply", "RULES", "--require-sockets"], "without a socket", 1),
], ids=lambda given: " ".join(map(str, given)) if isinstance(given, list) else None)
def test_a_verb_that_fails_says_why(host, on, words, message, status):
    host.apply(WEB)
    words = [host.rules(WEB) if word == "RULES" else word for word in words]
    said = said_alike(on, *words, status=status)
    assert said[-1]["severity"] == "error" and message in said[-1]["message"]


def test_a_label_without_a_socket_is_a_warning(host):
    done = host.sklc("--apply", host.rules(WEB), "--json")
    (said,) = json.loads(done.stderr)["diagnostics"]
    assert said["severity"] == "warning" and "'web' has no socket" in said["message"]
    assert json.loads(done.stdout)["result"] == "applied"


def test_a_command_with_nothing_to_say_has_an_empty_document(host):
    host.apply("tcp dport 80 drop\n")
    for words in (["status"], ["list"], ["reset"], ["sync"], ["detach"]):
        assert json.loads(host.sklc(*words, "--json").stderr)["diagnostics"] == []


def test_sockets_that_match_alike_are_a_warning(host, on):
    first = host.server(TCP4)
    port = first.getsockname()[1]
    host.server(TCP4, "127.0.0.2", port)
    host.apply(f"socket web {{ tcp *:{port} }}\n" + WEB)
    (said,) = said_alike(on, "sync", status=0)
    assert said["severity"] == "warning" and "label 'web'" in said["message"]


def test_a_state_that_is_locked_is_an_error(host, on):
    host.apply("tcp dport 80 drop\n")
    (folder,) = (pin for pin in host.pins() if pin.name.isdigit())
    with locked_folder(folder):
        done = on("reset", "--json")
    (said,) = json.loads(done.stderr)["diagnostics"]
    assert done.returncode == 3 and "is locked by process" in said["message"]


def test_a_trial_is_told_in_a_note(host):
    done = host.sklc("--apply", host.rules("tcp dport 80 drop\n"), "--confirm", "60", "--json")
    (said,) = json.loads(done.stderr)["diagnostics"]
    assert said["severity"] == "note" and "on trial for 60 seconds" in said["message"]


@pytest.fixture
def prog(host):
    path = host.folder / "prog.o"
    rules = host.rules("tcp dport 80 drop\n\texpect tcp 192.0.2.7:80 drop\n")
    assert sklc(rules, "-o", path).returncode == 0
    return path


def test_an_expect_line_that_fails_in_the_kernel_is_shown(on, prog):
    verdict_at = 64
    patch(prog, "sklc.expects", verdict_at, struct.pack("<I", 0))
    (said,) = said_alike(on, "--check", prog, status=1)
    assert (said["line"], said["column"], said["text"]) == (2, 2, "expect tcp 192.0.2.7:80 drop")
    assert "fails in the kernel: expected 'pass'" in said["message"]
    shown = on("--check", prog).stderr
    assert "    2 |         expect tcp 192.0.2.7:80 drop\n      |         ^~~~~~~" in shown


def test_a_refusal_of_the_verifier_has_its_reason_as_details(on, prog):
    """The program ends at its first instruction."""
    patch(prog, "sk_lookup", 0, struct.pack("<Q", 0x95))
    (said,) = said_alike(on, "--check", prog, status=3)
    assert "verifier" in said["message"] and "unreachable insn" in said["details"]


def test_what_libbpf_says_of_a_refusal_is_a_note(on, prog):
    patch(prog, "sk_lookup", 0, struct.pack("<Q", 0x95))
    error, libbpf = said_alike(on, "--check", prog, "-v", status=3)
    assert "verifier" in error["message"]
    assert libbpf["severity"] == "note" and "libbpf: " in libbpf["details"]


def test_a_damaged_object_is_an_error(on, prog):
    patch(prog, "sklc.header", 0, b"\0\0\0\0")
    (said,) = said_alike(on, "--check", prog, status=3)
    assert str(prog) in said["message"]
