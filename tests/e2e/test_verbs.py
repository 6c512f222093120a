"""The grammar of the command line: verbs, their options and operands, their help, and the manual beside them."""
import json
import pathlib
import re
import subprocess

import pytest

from conftest import SKLC, WIRES, sklc

TCP4 = WIRES["tcp-ipv4"]
MANUAL = (pathlib.Path(__file__).resolve().parents[2] / "man" / "sklc.1").read_text()
WEB = "tcp dport 80 redirect to web\n"
COLUMNS = 80


def listed(text):
    """The long options in a list of options, with their arguments."""
    return dict(re.findall(r"^ {2}(?:-\w, | {4})(--[a-z-]+)(?: ([A-Z=]+))?", text, re.MULTILINE))


OVERVIEW = sklc("--help").stdout
VERBS = re.findall(r"^ {2}sklc ([a-z]+)", OVERVIEW, re.MULTILINE)
OPTIONS = listed(OVERVIEW)
# A value that each option with an argument takes.
VALUES = {"--dump": "ast", "--define": "a=1", "--warning": "unused", "--tables": "auto", "--parts": "auto", "--backend": "direct",
          "--instructions-max": "10", "--tables-max": "1M", "--file-prefix-map": "a=b", "--confirm": "9", "--if-generation": "1", "--pid": "1",
          "--fd": "3", "--color": "never"}


def synopsis(verb):
    """How a verb is called, without the options that it can do without."""
    return re.match(r"usage: (sklc .*) \[options\]\n", sklc(verb, "--help").stdout)[1]


def call(verb):
    """Words that a verb takes."""
    places = synopsis(verb).split()[2:]
    values = {"RULES...": "x.conf", "RULES...|PROG.o": "x.conf", "STAGE": "ast", "LABEL": "web", "PID": "1", "FD": "3",
              "FILE": "x.o"}
    return [verb, *(values.get(place, place) for place in places if not place.startswith("["))]


def with_value(option):
    return [option, VALUES.get(option, "x")] if OPTIONS[option] else [option]


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.conf"
    path.write_text(WEB)
    return path


# help


def test_the_table_has_the_verbs_and_the_options():
    assert len(VERBS) > 10 and {"compile", "check", "apply", "dump", "help"} <= set(VERBS)
    assert len(OPTIONS) > 20


def test_the_overview_is_the_same_by_verb_and_by_option_and_is_narrow():
    assert sklc("help").stdout == sklc("-h").stdout == OVERVIEW
    assert max(map(len, OVERVIEW.splitlines())) <= COLUMNS


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_is_narrow_and_the_same_by_verb_and_by_option(verb):
    done = sklc(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= COLUMNS
    assert sklc("help", verb).stdout == sklc(*call(verb), "-h").stdout == done.stdout
    assert f"\n{verb}: " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_names_each_option_that_it_takes_and_no_other(verb):
    shown = listed(sklc(verb, "--help").stdout)
    refused = {}
    for option in OPTIONS:
        if option in ("--help", "--version"):
            continue
        elsewhere = ["--netns", "/nonexistent"] if "--netns" in shown else []
        done = sklc(*call(verb), *elsewhere, *with_value(option))
        refused[option] = f"{option} does not go with '{verb}'" in done.stderr
    assert {option for option, said in refused.items() if not said} == set(shown) - {"--help"}


@pytest.mark.parametrize("words", [["lsit", "--help"], ["help", "lsit"]])
def test_help_of_an_unknown_verb_is_an_error_that_names_the_nearest(words):
    done = sklc(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown verb 'lsit'; did you mean 'list'?" in done.stderr


@pytest.mark.parametrize("option, verb", [("--check", "check"), ("--apply", "apply"), ("--output=x", "compile"),
                                          ("--dump=ast", "dump")])
def test_help_of_an_option_that_is_a_verb_is_that_of_the_verb(option, verb):
    assert sklc(option, "--help").stdout == sklc(verb, "--help").stdout


# what is wrong


def is_refused(words, said, usage):
    done = sklc(*words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert said in done.stderr
    assert f"note: usage: {usage} [options]\n" in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_names_the_synopsis_of_the_verb(verb):
    is_refused([*call(verb), "--jsno"], "unknown option '--jsno'; did you mean '--json'?", synopsis(verb))


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_of_other_verbs_names_the_synopsis_of_the_verb(verb):
    option = next(option for option in ("--all", "--fd") if option not in listed(sklc(verb, "--help").stdout))
    is_refused([*call(verb), *with_value(option)], f"{option} does not go with '{verb}'", synopsis(verb))


@pytest.mark.parametrize("verb", VERBS)
def test_each_operand_that_is_missing_is_named_with_the_synopsis(verb):
    operands = [place for place in synopsis(verb).split()[2:] if re.match("[A-Z]", place)]
    operands = operands[:len(operands) - len(re.findall(r" -", synopsis(verb)))]
    for count, missing in enumerate(operands):
        is_refused(call(verb)[:1 + count], f"too few words: {missing} is missing", synopsis(verb))


@pytest.mark.parametrize("verb", [verb for verb in VERBS if "RULES" not in synopsis(verb)])
def test_a_word_too_many_is_named_with_the_synopsis(verb):
    words = re.findall(r"\[(\w+)", synopsis(verb))
    words = [{"VERB": "list", "N": "7"}.get(word, word) for word in words]
    is_refused([*call(verb), *words, "surplus"], "too many words: 'surplus'", synopsis(verb))


@pytest.mark.parametrize("verb", [verb for verb in VERBS if " -" in synopsis(verb)])
def test_an_option_that_a_verb_needs_is_named_with_the_synopsis(verb):
    needed = re.search(" -.*", synopsis(verb))[0]
    is_refused(call(verb)[:2], f"'{verb}' needs{needed}", synopsis(verb))


@pytest.mark.parametrize("words, said", [
    (["dump", "polcy", "x"], "unknown stage 'polcy'; did you mean 'policy'?"),
    (["unregister", "web", "ipv5"], "unknown word 'ipv5'; did you mean 'ipv"),
    (["unregister", "web", "tcp", "udp"], "unknown word 'udp'; expected 'ipv4' or 'ipv6'"),
    (["drain", "web", "127.0.0.1:80", "sctp"], "unknown word 'sctp'; expected 'tcp' or 'udp'"),
    (["undrain", "web", "udp", "tcp"], "too many words: 'tcp'"),
    (["help", "chekc"], "unknown verb 'chekc'; did you mean 'check'?"),
])
def test_an_unknown_word_is_named_with_the_synopsis(words, said):
    is_refused(words, said, synopsis(words[0]))


def test_a_note_on_an_option_that_is_a_verb_has_its_synopsis_by_that_option():
    is_refused(["--dump", "ast"], "RULES... is missing", "sklc --dump STAGE RULES...")


def test_a_usage_error_as_json_has_the_usage_as_its_note():
    (said,) = json.loads(sklc("status", "more", "--json").stderr)["diagnostics"]
    assert [note["message"] for note in said["notes"]] == ["usage: sklc status [options]"]


# a file where a verb stands


def test_a_file_where_a_verb_stands_gets_the_lines_to_write(rules):
    for more in ([], ["--help"], ["-q"]):
        done = sklc(rules.name, *more, cwd=rules.parent)
        assert (done.returncode, done.stdout) == (2, "")
        for words in ("check rules.conf", "apply rules.conf", "compile rules.conf -o FILE", "dump STAGE rules.conf"):
            assert f"`sklc {words}`" in done.stderr


@pytest.mark.parametrize("name", ["missing.conf", "./missing", "/missing/rules"])
def test_the_name_of_a_file_that_is_not_there_gets_the_lines_to_write(tmp_path, name):
    for more in ([], ["--help"]):
        done = sklc(name, *more, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"say what to do with '{name}': `sklc check {name}`" in done.stderr


def test_a_verb_is_the_verb_also_where_a_file_has_its_name(tmp_path):
    (tmp_path / "check").write_text(WEB)
    done = sklc("check", cwd=tmp_path)
    assert done.returncode == 2 and "is missing" in done.stderr
    assert sklc("dump", "ast", "check", cwd=tmp_path).returncode == 0
    assert sklc("--dump", "ast", "check", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("words, option", [
    (["apply", "--check", "x"], "--check"), (["status", "-o", "x"], "--output"), (["-o", "x", "check", "y"], "--output"),
    (["dump", "--dump", "ast", "ast", "x"], "--dump"), (["list", "--apply"], "--apply"),
])
def test_a_verb_does_not_go_with_an_option_that_is_one(words, option):
    verb = next(word for word in words if word in VERBS)
    is_refused(words, f"{option} does not go with '{verb}'", synopsis(verb))


@pytest.mark.parametrize("name, word", [("a b.conf", "'a b.conf'"), ("it's.conf", r"'it'\''s.conf'"), ("$x", "'$x'")])
def test_the_lines_to_write_are_for_a_shell(tmp_path, name, word):
    (tmp_path / name).write_text(WEB)
    said = sklc(name, cwd=tmp_path).stderr
    line = said.split("`sklc dump STAGE ")[1].split("`")[0]
    assert line == word
    done = subprocess.run(f"{SKLC} dump policy {line}", shell=True, cwd=tmp_path, text=True, capture_output=True,
                          check=True)
    assert "redirect to web" in done.stdout


def test_an_object_where_a_verb_stands_is_to_be_checked_or_applied(rules, tmp_path):
    assert sklc("compile", rules, "-o", tmp_path / "prog.o").returncode == 0
    done = sklc("prog.o", cwd=tmp_path)
    assert done.returncode == 2
    assert "'prog.o': `sklc check prog.o` or `sklc apply prog.o`\n" in done.stderr


def test_standard_input_where_a_verb_stands_is_a_file():
    done = sklc("-", input=WEB)
    assert done.returncode == 2 and "`sklc check -`" in done.stderr


# verbs and options that mean the same


def test_compile_is_the_same_as_o(rules, tmp_path):
    assert sklc("compile", rules, "-o", tmp_path / "verb.o").returncode == 0
    assert sklc("-o", tmp_path / "first.o", "compile", rules).returncode == 0
    assert sklc(rules, "-o", tmp_path / "option.o").returncode == 0
    objects = {(tmp_path / f"{name}.o").read_bytes() for name in ("verb", "first", "option")}
    assert len(objects) == 1 and objects.pop()[:4] == b"\x7fELF"


@pytest.mark.parametrize("stage", ["ast", "policy", "decision", "layout", "bytecode-raw", "bytecode"])
def test_dump_is_the_same_as_the_option(rules, stage):
    by_verb = sklc("dump", stage, rules)
    assert by_verb.returncode == 0 and by_verb.stdout
    assert by_verb.stdout == sklc("--dump", stage, rules).stdout == sklc("dump", "-q", stage, rules).stdout


def test_check_is_the_same_as_the_option(host):
    rules = host.rules(WEB)
    by_verb, by_option = (host.sklc(word, rules) for word in ("check", "--check"))
    assert "accepted by this kernel's verifier" in by_verb.stdout
    assert by_verb.stdout == by_option.stdout and by_verb.stderr == by_option.stderr


def test_apply_is_the_same_as_the_option(host):
    rules = host.rules(WEB)
    by_verb, by_option = (host.sklc(word, rules) for word in ("apply", "--apply"))
    assert by_verb.stderr == by_option.stderr and "no socket" in by_verb.stderr
    assert by_verb.stdout.startswith("applied: generation ") and by_option.stdout
    assert host.sklc("list").stdout == WEB


def test_the_words_of_unregister_may_stand_in_any_order(host):
    host.apply(WEB)
    for words in (["tcp", "ipv4"], ["ipv4", "tcp"]):
        host.register("web", host.server(TCP4))
        assert host.sklc("unregister", "web", *words).stdout == "web: tcp ipv4 unregistered\n"
    host.register("web", host.server(TCP4))
    assert "no such socket" in host.sklc("unregister", "web", "udp").stderr
    assert "no such socket" in host.sklc("unregister", "web", "ipv6").stderr
    assert host.sklc("unregister", "web", "ipv4").stdout == "web: tcp ipv4 unregistered\n"


def test_unregister_tells_as_json_what_it_emptied(host):
    host.apply(WEB)
    host.register("web", host.server(TCP4))
    for emptied in [{"protocol": "tcp", "family": "ipv4"}], []:
        said = json.loads(host.sklc("unregister", "web", "--json").stdout)
        assert said == {"version": 1, "result": "unregistered", "label": "web", "flow_classes": emptied}


# exit statuses


def test_each_exit_status_comes_from_a_real_case(host, tmp_path):
    assert sklc("list", "more").returncode == 2
    assert host.sklc("status", status=None).returncode == 4
    assert host.sklc("apply", host.rules("tcp dprt 80 drop\n"), status=None).returncode == 1
    assert host.sklc("apply", tmp_path / "nothing", status=None).returncode == 3
    host.apply("tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    assert host.sklc("status", status=None).returncode == 1
    host.register("web", host.server(TCP4))
    assert host.sklc("status", status=None).returncode == 0


@pytest.mark.parametrize("netns", ["no-such-name", "/nonexistent", f"pid:{2**22 + 1}"])
@pytest.mark.parametrize("words", [["status"], ["list"], ["detach"], ["sync"], ["apply", "RULES"],
                                   ["register", "web", "--pid", "1", "--fd", "0"]], ids=lambda words: words[0])
def test_a_namespace_that_is_not_there_is_status_4_of_each_verb(host, words, netns):
    words = [host.rules(WEB) if word == "RULES" else word for word in words]
    assert sklc(*words, "--netns", netns, "--bpffs", host.bpffs).returncode == 4


@pytest.mark.parametrize("netns", ["", ".", "..", "pid:", "pid:x", "pid:0", "pid:-1", "pid:1x", "/" + "n" * 5000])
@pytest.mark.parametrize("words", [["status"], ["history"], ["apply", "RULES"], ["rollback", "1"]],
                         ids=lambda words: words[0])
def test_what_can_be_the_name_of_no_namespace_is_an_error_of_the_command_line(host, words, netns):
    words = [host.rules(WEB) if word == "RULES" else word for word in words]
    done = sklc(*words, "--netns", netns, "--bpffs", host.bpffs)
    assert done.returncode == 2 and re.search("no network namespace|no process|too long", done.stderr)


# the manual


def section(name):
    return re.search(rf"^\.Sh {name}\n(.*?)^\.Sh ", MANUAL, re.MULTILINE | re.DOTALL)[1]


def plain(text):
    """The words of a piece of the manual."""
    words = re.sub(r"^\.(Nm|Ar|Cm|Fl|Op|It) ?", "", text, flags=re.MULTILINE).split()
    return [word for word in words if word not in ("Ar", "Cm", "Op")]


def test_the_synopsis_of_the_manual_has_each_verb_as_its_help_does():
    shown = {}
    for piece in re.split(r"^\.Nm\n", section("SYNOPSIS"), flags=re.MULTILINE)[1:]:
        words = re.sub(r"^\.Fl |\bFl ", "-", piece.removesuffix(".Op Ar options\n"), flags=re.MULTILINE)
        words = re.sub(r"\.?\bOp (.*)", r"[\1]", words)
        words = " ".join(plain(words)).replace(" ...", "...").replace(" | ", "|").replace("[Cm ", "[")
        words = words.replace("[Ar ", "[")
        shown[words.split()[0]] = f"sklc {words}"
    assert shown == {verb: synopsis(verb) for verb in VERBS}


def test_the_manual_describes_each_verb_once():
    items = re.findall(r"^\.It Cm ([a-z]+)", section("DESCRIPTION"), re.MULTILINE)
    assert sorted(items) == sorted(VERBS)


def test_the_manual_describes_each_option():
    items = [line for line in section("OPTIONS").splitlines() if line.startswith(".It ")]
    assert sorted(f"-{word}" for line in items for word in re.findall(r"(-[a-z-]{2,})", line)) == sorted(OPTIONS)


def keys(document):
    """The names of all members, at any depth."""
    if isinstance(document, list):
        return set().union(*map(keys, document))
    if isinstance(document, dict):
        return set(document).union(*map(keys, document.values()))
    return set()


def test_the_manual_describes_each_member_of_a_status(host):
    item = re.search(r"^\.It Cm status\n(.*?)^\.It Cm sync", MANUAL, re.MULTILINE | re.DOTALL)[1]
    words = set(re.findall(r"[a-z_]+", item))
    assert not keys(json.loads(host.sklc("status", "--json", status=4).stdout)) - words - {"version"}
    host.apply(WEB + "socket web {\n\ttcp 127.0.0.1:1\n}\n", "-q", "--confirm", "60")
    for more in [], ["--all"]:
        assert not keys(json.loads(host.sklc("status", "--json", *more, status=None).stdout)) - words - {"version"}


def test_the_manual_has_the_table_of_exit_statuses():
    shown = re.findall(r"^ {2}(\d)  (.*)$", OVERVIEW, re.MULTILINE)
    described = re.findall(r"^\.It (\d)\n(.*)", section("EXIT STATUS"), re.MULTILINE)
    assert len(shown) == 6
    for (number, meaning), (same, text) in zip(shown, described, strict=True):
        assert number == same and text.lower().startswith(meaning[:20])
