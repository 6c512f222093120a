"""Names of any bytes in what sklc prints, and memory that runs out while it prints."""
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from conftest import SKLC, WIRES, program, run

TCP4 = WIRES["tcp-ipv4"]
REDIRECT = "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n"
ODD, SHOWN = b"a\xff\x1b\xc3b", r"a\xff\x1b\xc3b"
SERVER = """
import pathlib, sys, time
pathlib.Path("/proc/self/comm").write_bytes(bytes.fromhex(sys.argv[1]))
print(flush=True)
time.sleep(60)
"""


def in_both_forms(host, *words):
    """What a command prints as text, and as JSON; run_sklc holds the latter against the schema."""
    text = host.sklc(*words, status=None)
    document = host.sklc(*words, "--json", status=None)
    assert text.returncode == document.returncode and text.stderr == ""
    return text.stdout, json.loads(document.stdout)


def test_the_name_of_a_process_is_escaped(host):
    host.apply(REDIRECT)
    server = host.server(TCP4)
    host.register("web", server)
    with subprocess.Popen([sys.executable, "-c", SERVER, ODD.hex()], pass_fds=[server.fileno()],
                          stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        server.close()
        text, document = in_both_forms(host, "status")
        process.kill()
    assert f"process {process.pid} {SHOWN})" in text
    assert document["labels"][0]["sockets"][0]["command"] == SHOWN


def test_the_name_of_a_device_is_escaped(host):
    """A socket that is bound to a device is shown with it."""
    name = os.fsdecode(ODD)
    host.namespace.ip("link", "add", name, "type", "veth", "peer", "name", "other")
    host.namespace.ip("link", "set", name, "up")
    server = host.socket(TCP4.af, TCP4.type)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ODD)
    server.bind(("127.0.0.1", 0))
    server.listen()
    host.apply(REDIRECT, "--quiet")
    host.register("web", server, status=None)
    text, document = in_both_forms(host, "status")
    assert document["labels"][0]["sockets"][0]["device"] == SHOWN
    assert f"127.0.0.1%{SHOWN}:" in text


def rename(namespace, name):
    path = os.fsencode(f"/run/netns/{namespace.name}-") + name
    pathlib.Path(os.fsdecode(path)).touch()
    run("mount", "--bind", namespace.path, os.fsdecode(path))
    run("ip", "netns", "del", namespace.name)
    namespace.name, namespace.path = os.fsdecode(os.path.basename(path)), os.fsdecode(path)
    return os.path.basename(path)[:-len(name)].decode()


@pytest.mark.parametrize("name, shown", [
    (ODD, SHOWN), ("ä".encode() * 100, "ä" * 100),
], ids=["no UTF-8", "long"])
def test_the_name_of_a_namespace_is_escaped_and_whole(host, name, shown):
    host.apply(REDIRECT, "--quiet")
    shown = rename(host.namespace, name) + shown
    text, document = in_both_forms(host, "status")
    assert f"network namespace {shown} (" in text and document["netns"]["name"] == shown
    text, document = in_both_forms(host, "status", "--all")
    assert f": {shown}, inode" in text and document["namespaces"][0]["name"] == shown


def test_the_name_of_a_file_of_rules_is_escaped(host):
    rules = host.rules(REDIRECT, os.fsdecode(ODD + b".conf"))
    assert host.sklc("--check", rules).stdout.startswith(f"{host.folder}/{SHOWN}.conf: accepted")
    document = json.loads(host.sklc("--check", rules, "--json").stdout)
    assert document["name"] == f"{host.folder}/{SHOWN}.conf"
    host.sklc("--apply", rules, "--quiet")
    _, document = in_both_forms(host, "list")
    assert document["files"] == [{"name": f"{SHOWN}.conf", "text": REDIRECT}]
    text, document = in_both_forms(host, "status")
    assert document["rules"][0]["file"] == f"{SHOWN}.conf"
    assert f"{SHOWN}.conf:1: tcp daddr" in text


def test_an_included_file_of_such_a_name_is_shown_where_it_is_refused(host, tmp_path):
    folder = tmp_path / os.fsdecode(ODD)
    folder.mkdir()
    (folder / "more.inc").write_text("tcp dprt 80 drop\n")
    (folder / "rules.conf").write_text('include "more.inc"\n')
    said = json.loads(host.sklc("--check", folder / "rules.conf", "--json", status=1).stderr)["diagnostics"]
    assert said[0]["file"] == f"{tmp_path}/{SHOWN}/more.inc"
    assert said[0]["included_from"][0]["file"] == f"{tmp_path}/{SHOWN}/rules.conf"


@pytest.mark.parametrize("first", ["", "a"], ids=["even", "odd"])
def test_a_problem_whose_words_are_cut_within_a_character_is_told(host, cgroup2, first):
    """The path is as long as leaves no room for all of it, so one of the two ends within a character."""
    path = f"/{first}{'ä' * 50}/{'ä' * 50}"
    host.server(TCP4, "127.0.0.1", 8080)
    host.apply(f'socket web {{\n\ttcp 127.0.0.1:8080 \n\tcgroup "{path}"\n}}\n{REDIRECT}', "--quiet")
    text, document = in_both_forms(host, "status")
    (problem,) = [each for each in document["problems"] if "cgroup" in each["what"]]
    assert path[:50] in problem["what"] and problem["what"] in text


# memory

# Makes the allocation fail that has the number FAILING, counted from 0; counts them into the file COUNT.
SHORT_OF_MEMORY = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long number, failing = -1;

__attribute__((constructor)) static void start(void)
{
	failing = atol(getenv("FAILING"));
	number = 0;
}

__attribute__((destructor)) static void end(void)
{
	long count = number;
	FILE *out = failing < 0 ? fopen(getenv("COUNT"), "w") : NULL;

	if (out) {
		fprintf(out, "%ld", count);
		fclose(out);
	}
}

static int fails(void)
{
	if (number++ != failing)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
"""
RUNS = 100


@pytest.fixture
def short_of_memory(host, tmp_path):
    """Runs sklc so that one allocation fails."""
    if b"__asan_init" in pathlib.Path(SKLC).read_bytes():
        pytest.skip("the sanitizer has an allocator of its own")
    library, count = tmp_path / "short.so", tmp_path / "count"
    subprocess.run([program("cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=SHORT_OF_MEMORY,
                   text=True, check=True)

    def run_short(*words, failing):
        done = subprocess.run([SKLC, *map(str, words), "--netns", host.namespace.path, "--bpffs", host.bpffs],
                              text=True, capture_output=True, check=False,
                              env={**os.environ, "LD_PRELOAD": str(library), "FAILING": str(failing),
                                   "COUNT": str(count)})
        return done, int(count.read_text(encoding="ascii"))

    return run_short


@pytest.mark.parametrize("words", [
    ["status"], ["status", "--all"], ["list"], ["--check", "prog.o"],
], ids=["status", "status --all", "list", "--check"])
def test_a_document_is_whole_or_memory_ran_out(host, short_of_memory, monkeypatch, words):
    monkeypatch.chdir(host.folder)
    host.server(TCP4, "127.0.0.1", 8080)
    rules = host.rules(f"socket web {{\n\ttcp 127.0.0.1:8080\n}}\nsocket dns {{\n\tudp 127.0.0.1:53\n}}\n{REDIRECT}"
                       "udp daddr 203.0.113.0/24 dport 53 counter redirect to dns\n")
    subprocess.run([SKLC, rules, "-o", "prog.o"], check=True)
    host.sklc("--apply", "prog.o", "--quiet")
    whole, count = short_of_memory(*words, "--json", failing=-1)
    errors = 0
    for failing in range(0, count, max(1, count // RUNS)):
        done, _ = short_of_memory(*words, "--json", failing=failing)
        if (done.returncode, done.stdout) == (whole.returncode, whole.stdout) or "it cannot be told" in done.stdout:
            continue
        assert done.returncode == 3 and done.stderr.strip(), (failing, done)
        errors += 1
    assert errors
