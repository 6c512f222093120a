"""Generations: their numbers and hashes, applies that change nothing, and how objects are kept."""
import ipaddress
import json
import os
import pathlib
import pwd
import random
import struct
import subprocess
import time
import zlib

import pytest

from conftest import REFUSED, SKLC, WIRES, sklc
from life import check_settled, namespace_folder, pinned_bytes

TCP4, UDP4 = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
A = "tcp daddr 192.0.2.0/24 dport 80 counter redirect to web\n"
B = "tcp daddr 192.0.2.0/24 dport 81 redirect to web\n"
COUNTED = "udp daddr 192.0.2.0/24 dport 53 counter drop\n"
# Prefixes enough for tables: as one of the kinds of tables each, and as code.
MANY = "".join(f"tcp daddr 198.51.{n}.0/24 dport {1 + n % 7} drop\n" for n in range(256))
KINDS = ["code", "splus", "trie", "lpm"]


def applied(host, *words, **more):
    return json.loads(host.sklc("--apply", *words, "--json", **more).stdout)


def hash_of(host):
    return host.status(status=None)["hash"]


def compile_to(host, text, name, *words):
    path = host.folder / name
    done = sklc(host.rules(text), "-o", path, *words)
    assert done.returncode == 0, done.stderr
    return path


# numbers


def test_generations_are_numbered_from_one_and_no_number_comes_twice(host):
    host.apply(A)
    host.apply(B)
    host.apply(A, "--confirm", "60")
    host.sklc("rollback")
    host.apply("tcp dport 82 drop\n")
    status = host.status()
    assert (status["generation"], status["previous"]) == (4, 2)
    host.sklc("rollback")
    status = host.status(status=None)
    assert (status["generation"], status["previous"], status["same_as"]) == (5, 4, 2)
    assert "generation 5 = 2," in host.sklc("status", status=None).stdout
    assert host.sklc("rollback").stdout == "rolled back: generation 6 = 4\n"


def test_rules_that_are_refused_use_up_no_number(host):
    host.apply(A)
    host.apply(B, "--require-sockets", status=1)
    assert host.apply(B).stdout == "applied: generation 2\n"
    host.apply(A, "--confirm", "60", "--require-sockets", status=1)
    host.apply(A, "--confirm", "60")
    host.sklc("rollback")
    assert host.apply(A).stdout == "applied: generation 4\n"


# hashes


def test_a_hash_is_the_same_on_two_hosts_for_every_back_end_table_folder_and_form(make_host, tmp_path):
    left, right = make_host(), make_host()
    left.apply(MANY)
    wanted = hash_of(left)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "rules.conf"
    other.write_text(MANY)
    for words in [[other], [compile_to(left, MANY, "a.o")], [other, "--backend", "direct"],
                  *([other, "--tables", kind] for kind in KINDS)]:
        right.sklc("--apply", *words)
        assert hash_of(right) == wanted, words
    assert f"hash {wanted[:12]}" in right.sklc("status").stdout
    assert json.loads(right.sklc("check", other, "--json").stdout)["hash"] == wanted


def test_another_text_name_or_definition_is_another_hash(host):
    rules = host.rules("define p = 80\n" + A.replace("dport 80", "dport $p"))
    found = {applied(host, rules)["hash"], applied(host, rules, "-D", "p=81")["hash"],
             applied(host, rules, "-D", "p=82")["hash"], applied(host, host.rules(rules.read_text(), "b.conf"))["hash"],
             applied(host, host.rules(rules.read_text() + "# comment\n"))["hash"]}
    assert len(found) == 5 and all(len(each) == 64 for each in found)


def test_the_order_of_definitions_is_not_in_the_hash(host):
    rules = host.rules("define p = 80\ndefine q = 81\ntcp dport { $p, $q } drop\n")
    first = applied(host, rules, "-D", "p=1", "-D", "q=2")
    assert applied(host, rules, "-D", "q=2", "-D", "p=1") == {**first, "result": "unchanged"}


# unchanged


def test_what_decides_already_makes_no_generation_and_keeps_the_way_back(host):
    there = host.server(TCP4)
    host.apply(A)
    host.register("web", there)
    host.apply(B)
    for words in [], ["--confirm", "60"], ["--if-generation", "2"]:
        assert host.apply(B, *words).stdout == "unchanged: generation 2\n"
    assert host.reach(TCP4, TCP4.at(1), 81, [there]) is there
    assert host.status()["trial"] is None
    host.sklc("rollback")
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there
    assert host.reach(TCP4, TCP4.at(1), 81, [there]) == REFUSED


def test_rules_that_decide_already_are_confirmed_as_after_a_trial(host):
    host.apply(A)
    host.sklc("confirm", status=4)
    assert "no confirming is needed" in host.apply(A, "--confirm", "60").stderr
    done = host.sklc("confirm", "--json")
    assert json.loads(done.stdout) == {"version": 1, "result": "confirmed", "generation": 1}
    host.sklc("confirm", status=4)
    host.apply(B)
    host.apply(B, "--confirm", "60")
    assert host.sklc("rollback").stdout == "rolled back: generation 3 = 1\n"


@pytest.mark.parametrize("since", ["applied", "tried", "rolled back"])
def test_a_confirm_of_rules_that_decided_already_is_not_for_later_ones(host, since):
    host.apply(A)
    host.apply(A, "--confirm", "60")
    host.apply(B, *(["--confirm", "1"] if since == "tried" else []))
    if since == "tried":
        time.sleep(1.1)
        assert host.sklc("sync").stderr and host.status(status=None)["generation"] == 1
    elif since == "rolled back":
        host.sklc("rollback")
    assert "no rules are on trial" in host.sklc("confirm", status=4).stderr


def test_the_same_texts_from_another_folder_or_as_an_object_change_nothing(host, tmp_path):
    host.apply(MANY)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "rules.conf"
    other.write_text(MANY)
    for rules in other, compile_to(host, MANY, "a.o"):
        assert applied(host, rules)["result"] == "unchanged"


def test_the_same_texts_in_other_code_are_another_generation(host):
    host.apply(MANY, "--tables", "splus")
    for number, kind in enumerate(["code", "splus", "trie"], 2):
        assert host.apply(MANY, "--tables", kind).stdout == f"applied: generation {number}\n"


def test_an_interface_with_another_number_is_no_change_unless_a_declared_socket_is_of_it(host):
    for generation, text in enumerate(['iifname "there" tcp dport 80 drop\n',
                                       'socket web { tcp *:8080 dev "there" }\ntcp dport 80 redirect to web\n'], 1):
        host.apply(text, "-q")
        assert host.apply(text, "-Wno-interface").stdout == f"unchanged: generation {generation}\n"
    host.namespace.ip("link", "add", "there", "type", "bridge")
    assert host.apply(text, "-q").returncode == 0 and host.status(status=None)["generation"] == 3
    host.namespace.ip("link", "del", "there")
    host.namespace.ip("link", "add", "another", "type", "bridge")
    host.namespace.ip("link", "add", "there", "type", "bridge")
    assert host.apply(text, "-q").returncode == 0 and host.status(status=None)["generation"] == 4


@pytest.mark.usefixtures("cgroup2")
def test_an_apply_that_changes_nothing_finds_sockets_as_sync_does(host):
    text = "socket dns { udp 127.0.0.1:5300 }\nudp daddr 192.0.2.0/24 dport 53 redirect to dns\n"
    host.apply(text, "-q")
    done = host.apply(text, "--require-sockets", status=None)
    assert done.returncode and "required" in done.stderr
    dns = host.server(UDP4, port=5300)
    assert host.apply(text, "--require-sockets").stdout == "unchanged: generation 1\n"
    assert host.reach(UDP4, UDP4.at(1), 53, [dns]) is dns


def test_during_a_trial_the_same_rules_are_no_exception(host):
    host.apply(A)
    host.apply(B, "--confirm", "60")
    assert "on trial" in host.apply(B, status=3).stderr
    assert "on trial" in host.sklc("rollback", "1", status=3).stderr


def test_counters_go_on_where_nothing_changes(host):
    host.apply(COUNTED)
    assert host.reach(UDP4, UDP4.at(1), 53, []) == REFUSED
    host.apply(COUNTED)
    host.apply(COUNTED + B)
    host.apply(COUNTED + B)
    assert host.reach(UDP4, UDP4.at(1), 53, []) == REFUSED
    assert [rule["counter"] for rule in host.status(status=None)["rules"] if "53" in rule["text"]] == [2]


# how objects are kept


def stored(host, number):
    """The head of a stored object, and the object rebuilt from it."""
    folder = namespace_folder(host) / f"g{number}"
    kept = pinned_bytes(folder / "object")
    magic, version, _, at, size, stream = struct.unpack_from("=IIQQQQ", kept)
    assert (magic, version, stream) == (0x6f6c6b73, 1, len(kept) - 40)
    rest = zlib.decompress(kept[40:])
    tables = pinned_bytes(folder / "tables") if size else b""
    assert len(tables) == size
    return size, rest[:at] + tables + rest[at:]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_kept_to_the_byte_in_every_phase(host, kind):
    path = compile_to(host, MANY, "many.o", "--tables", kind)
    host.sklc("--apply", path)
    has_tables = kind in ("splus", "trie")
    for text in A, B, None:
        size, rebuilt = stored(host, 1)
        assert rebuilt == path.read_bytes()
        if has_tables:
            # Tables are in the program's own map as long as that is kept, and in the object of an older one.
            assert bool(size) == (text is not None)
        if text:
            host.apply(text, "-q")
    check_settled(host)


def test_an_object_of_a_million_bindings_is_kept_to_the_byte(host):
    """Its tables are kept once, in the program's own map, as long as the program or the previous one needs it."""
    addresses = random.Random(1).sample(range(2**24), 1000000)
    with open(host.folder / "services.map", "w", encoding="ascii") as elements:
        elements.writelines(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} . {80 + n % 5} : redirect to label{n % 64}\n"
                            for n in addresses)
    text = 'map services {\n\ttype daddr . dport : verdict\n\tfile "services.map"\n}\ntcp daddr . dport map @services\n'
    path = compile_to(host, text, "million.o")
    bytes_of_object = path.read_bytes()
    host.sklc("--apply", path, "-q")
    for after in A, B, None:
        size, rebuilt = stored(host, 1)
        assert rebuilt == bytes_of_object
        assert (size > len(bytes_of_object) // 3) == (after is not None)
        if after:
            host.apply(after, "-q")
    assert host.sklc("rollback", "1").stdout == "rolled back: generation 4 = 1\n"
    assert stored(host, 4)[1] == bytes_of_object


# history, and the ways back


def texts(count):
    return [f"tcp dport {80 + n} redirect to web\n" for n in range(count)]


def history(host):
    return json.loads(host.sklc("history", "--json").stdout)["generations"]


def test_history_lists_what_is_kept_the_newest_first(host):
    for text in texts(4):
        host.apply(text, "-q")
    host.sklc("rollback", "2", "-q")
    found = history(host)
    assert [each["generation"] for each in found] == [5, 4, 3, 2, 1]
    assert [each["state"] for each in found] == ["current", "previous", "older", "older", "older"]
    assert [each["same_as"] for each in found] == [2, None, None, None, None]
    assert found[0]["hash"] == found[3]["hash"] == hash_of(host)
    assert (found[0]["rules"], found[0]["labels"], found[0]["sockets"]) == (1, 1, 0)
    lines = host.sklc("history").stdout.splitlines()
    assert lines[0].split() == ["NUMBER", "APPLIED", "USER", "HASH", "STATE", "RULES", "LABELS", "SOCKETS"]
    assert [line.split()[0] for line in lines[1:]] == ["5", "4", "3", "2", "1"]
    assert lines[1].startswith("5 = 2 ") and found[0]["hash"][:12] in lines[1]
    assert all(len(line) <= 80 for line in lines)


def test_history_says_who_applied(host):
    """The user who logged in, if the kernel knows one, stays the same behind sudo; else the process's user."""
    host.apply(A, "-q")
    try:
        login = int(pathlib.Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except OSError:
        login = 2**32 - 1
    user = os.getuid() if login == 2**32 - 1 else login
    assert (history(host)[0]["uid"], history(host)[0]["user"]) == (user, pwd.getpwuid(user).pw_name)


@pytest.mark.parametrize("name, shown", [
    (b"a-user-with-a-name-of-32-letters", "a-user-with-a-name-of-32-letters"),
    (b"\xff" * 32, r"\xff" * 32)], ids=["long", "bytes that are not UTF-8"])
def test_history_keeps_its_columns_under_a_long_name(host, tmp_path, name, shown):
    """The user with the number that history shows has a longer name than its column where another passwd(5) stands."""
    host.apply(A, "-q")
    (tmp_path / "passwd").write_bytes(name + b":x:%d:0::/:/bin/sh\n" % history(host)[0]["uid"])
    command = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$1" /etc/passwd; shift; exec "$@"', "sh",
               tmp_path / "passwd", SKLC, "history", "--netns", host.namespace.path, "--bpffs", host.bpffs]
    said = json.loads(subprocess.check_output([*command, "--json"]))
    assert said["generations"][0]["user"] == shown
    head, line = subprocess.check_output(command, text=True).splitlines()
    assert shown in line
    for column in "USER", "HASH", "STATE":
        at = head.index(column)
        assert line[at - 1] == " " and line[at] != " "
    assert len(head) == len(line)


def test_history_during_a_trial_tells_what_comes_back(host):
    host.apply(A, "-q")
    host.apply(B, "-q")
    host.apply("tcp dport 82 drop\n", "--confirm", "60")
    assert [each["state"] for each in history(host)] == ["on trial", "previous", "older"]
    done = host.sklc("rollback", "1", status=3)
    assert "on trial" in done.stderr
    host.sklc("rollback")
    assert [(each["generation"], each["state"]) for each in history(host)] == [(2, "current"), (1, "previous")]


@pytest.mark.parametrize("words", [["history"], ["rollback", "1"], ["list", "1"]], ids=lambda words: words[0])
def test_without_rules_there_is_no_generation(host, words):
    assert "no rules are applied" in host.sklc(*words, status=4).stderr


@pytest.mark.parametrize("verb", ["rollback", "list"])
def test_a_generation_that_is_not_kept_is_named_with_those_that_are(host, verb):
    for text in texts(3):
        host.apply(text, "-q")
    for number in "0", "4", "999":
        done = host.sklc(verb, number, status=4)
        assert f"no generation {number} " in done.stderr and "3, 2, 1" in done.stderr
    assert "takes a number" in host.sklc(verb, "x", status=2).stderr
    assert host.status(status=None)["generation"] == 3


def test_list_prints_the_rules_of_any_generation(host):
    every = texts(4)
    for text in every:
        host.apply(text, "-q")
    for number, text in enumerate(every, 1):
        assert host.sklc("list", str(number)).stdout == text
        assert json.loads(host.sklc("list", str(number), "--json").stdout)["files"][0]["text"] == text
    assert host.sklc("list").stdout == every[3]


def test_a_rollback_to_an_older_generation_is_an_apply_of_it(host):
    there = host.server(TCP4)
    host.apply(A, "-q")
    host.register("web", there)
    for text in texts(3):
        host.apply(text, "-q")
    assert host.sklc("rollback", "1").stdout == "rolled back: generation 5 = 1\n"
    assert host.reach(TCP4, TCP4.at(1), 80, [there]) is there
    assert host.sklc("list").stdout == A
    assert host.sklc("rollback").stdout == "rolled back: generation 6 = 4\n"
    assert host.sklc("rollback").stdout == "rolled back: generation 7 = 1\n"
    check_settled(host)


def test_a_rollback_to_what_decides_changes_nothing(host):
    host.apply(A, "-q")
    host.apply(B, "-q")
    host.sklc("rollback", "1", "-q")
    for number in "1", "3":
        assert host.sklc("rollback", number).stdout == "unchanged: generation 3\n"
    assert host.sklc("rollback").stdout == "rolled back: generation 4 = 2\n"


@pytest.mark.usefixtures("cgroup2")
def test_a_rollback_to_an_older_generation_finds_its_sockets_before_it_decides(host):
    web = host.server(TCP4, port=8080)
    host.apply("socket web { tcp 127.0.0.1:8080 }\n" + A, "-q")
    for text in texts(3):
        host.apply(text.replace("to web", "to other"), "-q")
    assert host.reach(TCP4, TCP4.at(1), 80, [web]) == REFUSED
    host.sklc("rollback", "1")
    assert host.reach(TCP4, TCP4.at(1), 80, [web]) is web
    assert host.status()["complete"]


def test_counters_continue_when_an_older_generation_comes_back(host):
    host.apply(COUNTED, "-q")
    assert host.reach(UDP4, UDP4.at(1), 53, []) == REFUSED
    for text in texts(3):
        host.apply(COUNTED + text, "-q")
    assert host.reach(UDP4, UDP4.at(1), 53, []) == REFUSED
    host.sklc("rollback", "1", "-q")
    assert [rule["counter"] for rule in host.status()["rules"]] == [2]


def test_a_copy_of_a_copy_is_one_of_the_first(host):
    for text in texts(3):
        host.apply(text, "-q")
    assert host.sklc("rollback", "1").stdout == "rolled back: generation 4 = 1\n"
    host.apply(texts(3)[2], "-q")
    assert host.sklc("rollback", "4").stdout == "rolled back: generation 6 = 1\n"
    assert [each["same_as"] for each in history(host)] == [1, None, 1, None, None, None]


def test_ten_older_generations_are_kept_and_the_oldest_goes_by_name(host):
    every = texts(13)
    for text in every[:12]:
        assert "no longer kept" not in host.apply(text).stderr
    assert "generation 1 is no longer kept" in host.apply(every[12]).stderr
    assert [each["generation"] for each in history(host)] == list(range(13, 1, -1))
    done = host.sklc("rollback", "2", "-q")
    assert (done.stdout, done.stderr) == ("", "")
    assert history(host)[0]["same_as"] == 2
    assert [each["generation"] for each in history(host)] == list(range(14, 2, -1))
    check_settled(host)


def test_going_back_and_forth_takes_no_place_from_other_rules(host):
    every = texts(9)
    for text in every:
        host.apply(text, "-q")
    said = "".join(host.sklc("rollback").stderr for _ in range(12))
    assert "generation 10 is no longer kept: generation 8 has the same rules, and more than 10 " in said
    found = {each["generation"]: each["same_as"] for each in history(host)}
    assert len(found) == 12 and set(range(1, 10)) < set(found)
    assert {original for original in found.values() if original} == {8, 9}
    check_settled(host)
    assert host.sklc("rollback", "1").stdout == "rolled back: generation 22 = 1\n"
    assert [host.sklc("list", str(number)).stdout for number in range(1, 10)] == every


def test_older_generations_have_64_megabytes_together_and_a_copy_goes_first_by_name(host):
    number = random.Random(1)
    with open(host.folder / "services.map", "w", encoding="ascii") as elements:
        elements.writelines(f"{ipaddress.IPv6Address(number.getrandbits(128))} . 80 : redirect to label{n % 64}\n"
                            for n in range(300_000))
    path = compile_to(host, 'map services {\n\ttype daddr . dport : verdict\n\tfile "services.map"\n}\n'
                            "tcp daddr . dport map @services\n", "large.o")
    for text in A, B, A, B:
        assert "no longer kept" not in host.sklc("--apply", path).stderr + host.apply(text).stderr
    folder = namespace_folder(host)
    sizes = {n: len(pinned_bytes(folder / f"g{n}" / "object")) for n in range(1, 7)}
    assert sum(sizes.values()) <= 64 << 20
    done = host.apply(texts(3)[2])
    sizes[7] = len(pinned_bytes(folder / "g7" / "object"))
    assert "generation 3 is no longer kept: generation 1 has the same rules, and those that are not in force would " \
        "have more than 64 MB" in done.stderr
    assert sizes[3] < 64 << 20 < sum(sizes.values())
    assert [each["generation"] for each in history(host)] == [9, 8, 7, 6, 5, 4, 2, 1]
    assert sum(sizes.values()) - sizes[3] <= 64 << 20
    check_settled(host)


def test_a_rollback_that_comes_after_the_end_of_a_trial_goes_back_once(host):
    host.apply(A)
    host.apply(B)
    host.apply("tcp dport 82 drop\n", "--confirm", "1")
    time.sleep(1.1)
    done = host.sklc("rollback")
    assert done.stdout == "rolled back: generation 2\n" and "not confirmed in time" in done.stderr
    assert host.status(status=None)["generation"] == 2
    assert host.sklc("rollback").stdout == "rolled back: generation 4 = 1\n"


def test_a_trial_of_the_first_rules_promises_no_rules_before(host):
    done = host.apply("tcp dport 80 drop\n", "--confirm", "1")
    assert "on trial for 1 second: " in done.stderr and "else no rules are applied, as before" in done.stderr
    time.sleep(1.2)
    assert "not confirmed in time: no rules are applied, as before" in host.sklc("confirm", status=4).stderr
    host.apply("tcp dport 80 drop\n", "--confirm", "60")
    assert "then no rules are applied, as before; `sklc confirm`" in host.sklc("status").stdout
    said = json.loads(host.sklc("rollback", "--json").stdout)
    assert said == {"version": 1, "result": "rolled back", "generation": 0}
    assert host.status(status=4)["generation"] == 0


# What they say of the rules, where those of a first trial are over: the folder is whole, and its program on the link.
AFTER_A_FIRST_TRIAL = [["list"], ["list", "1"], ["history"], ["sync"], ["confirm"], ["rollback"], ["rollback", "1"],
                       ["reset"], ["register", "web", "--pid", str(os.getpid()), "--fd", "0"], ["unregister", "web"],
                       ["drain", "web"], ["undrain", "web"]]


def test_after_a_trial_of_the_first_rules_no_rules_are_applied(host):
    for words in [["status"], ["status", "--all"], *AFTER_A_FIRST_TRIAL]:
        host.apply("tcp dport 80 drop\n", "--confirm", "1")
        time.sleep(1.1)
        done = host.sklc(*words, status=0 if "--all" in words else 4)
        assert "no rules are applied" in done.stdout + done.stderr, (words, done)
        assert "on the hook" not in done.stdout + done.stderr, (words, done)
        assert "generation 0" not in done.stdout + done.stderr, (words, done)
    host.apply("tcp dport 80 drop\n", "--confirm", "1")
    time.sleep(1.1)
    assert "on the hook" not in host.apply("tcp dport 81 drop\n").stderr


def test_a_trial_of_later_rules_promises_the_rules_before(host):
    host.apply("tcp dport 80 drop\n")
    done = host.apply("tcp dport 81 drop\n", "--confirm", "2")
    assert "on trial for 2 seconds: " in done.stderr and "else the rules before come back" in done.stderr
    assert "then the rules before come back" in host.sklc("status").stdout
    time.sleep(2.1)
    assert "the rules before are back" in host.sklc("confirm", status=4).stderr


def test_a_rollback_that_ends_a_trial_tells_the_hash_of_what_is_back(host):
    first = json.loads(host.apply("tcp dport 80 drop\n", "--json").stdout)
    host.apply("tcp dport 81 drop\n", "--confirm", "60")
    said = json.loads(host.sklc("rollback", "--json").stdout)
    assert said == {**first, "result": "rolled back"}
    host.apply("tcp dport 81 drop\n", "--confirm", "1")
    time.sleep(1.2)
    assert json.loads(host.sklc("rollback", "--json").stdout) == {**first, "result": "rolled back"}


@pytest.mark.parametrize("words, result", [(["sync"], "in sync"), (["reset"], "counters reset"), (["detach"], "detached"),
                                           (["confirm"], "confirmed")])
def test_what_makes_no_generation_says_its_result_and_the_generation(host, words, result):
    host.apply("tcp dport 80 drop\n")
    if result == "confirmed":
        host.apply("tcp dport 81 drop\n", "--confirm", "60")
    generation = 0 if result == "detached" else host.status()["generation"]
    said = json.loads(host.sklc(*words, "--json").stdout)
    assert said == {"version": 1, "result": result, "generation": generation}


def test_a_trial_that_fails_leaves_no_generation(host):
    host.apply(A, "-q")
    host.apply(B, "-q", "--confirm", "60")
    host.sklc("rollback", "-q")
    assert [each["generation"] for each in history(host)] == [1]
    assert host.apply(B).stdout == "applied: generation 3\n"


# the generation that is expected


def test_a_generation_is_expected_by_its_number_and_its_hash(host):
    host.apply(A, "-q")
    wanted = hash_of(host)
    for expected in f"1:{wanted}", f"1:{wanted[:8]}", f"1:{wanted[:12].upper()}":
        assert host.apply(A, "--if-generation", expected).stdout == "unchanged: generation 1\n"
    other = "0" * 12 if wanted[0] != "0" else "1" * 12
    for words in ["--apply", host.rules(B)], ["rollback"]:
        done = host.sklc(*words, "--if-generation", f"1:{other}", status=1)
        assert wanted[:12] in done.stderr and other in done.stderr
        done = host.sklc(*words, "--if-generation", f"2:{wanted}", status=1)
        assert "somebody else" in done.stderr
    assert host.status(status=None)["generation"] == 1


def test_a_generation_is_expected_where_no_rules_are_applied(host):
    done = host.apply(A, "--if-generation", "1", status=1)
    assert "no rules are applied, not generation 1" in done.stderr
    host.apply(A, "--if-generation", "0")
    assert "generation 1 is applied, not 0" in host.apply(A, "--if-generation", "0", status=1).stderr


@pytest.mark.parametrize("expected, message", [
    ("1:", "8 to 64"), ("1:1234567", "8 to 64"), ("1:" + "0" * 65, "8 to 64"), ("1:1234567g", "8 to 64"),
    ("0:12345678", "no rules"), ("x:12345678", "N:HASH"), ("1;12345678", "N:HASH"), (":12345678", "N:HASH"),
])
def test_an_expected_generation_that_is_no_number_and_hash_is_an_error_of_the_command_line(host, expected, message):
    assert message in host.apply(A, "--if-generation", expected, status=2).stderr
