"""Other people's loaders and tools take an object as it is, and the program then decides as it would for sklc."""
import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import NO_LEAK_CHECK, REFUSED, SKLC, WIRES, sklc
from test_object_versions import llvm_works

TCP4, TCP6 = WIRES["tcp-ipv4"], WIRES["tcp-ipv6"]
BY_LIBBPF = pathlib.Path(SKLC).parent / "tests" / "e2e" / "by_libbpf"
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
GO_PATH = pathlib.Path("/usr/share/gocode")
# Tables, a map with counts of each kind, a subprogram; and interfaces, which no such loader tells the program.
RULES = {
    "tables": "saddr { " + ", ".join(f"10.0.{n}.0/25" for n in range(90)) + " } dport 80 drop\n"
              "daddr { 192.0.2.0/24, 2001:db8:0:1::/64 } dport 80 counter redirect to web\ndport 81 counter drop\n",
    "code": "dport 80 redirect to web\ndport 81 drop\n",
    "interfaces": 'iifname "lo" dport 80 drop\niifname "lo" dport 81 pass\ndport 80 redirect to web else drop\n'
                  "dport 81 drop\n",
}


@pytest.fixture(scope="session")
def by_ebpf(tmp_path_factory):
    """The program in Go. It is built without modules, from what Debian packages."""
    go = shutil.which("go")
    if not go or not (GO_PATH / "src/github.com/cilium/ebpf").exists():
        pytest.skip("there is no Go with github.com/cilium/ebpf (golang-go, golang-github-cilium-ebpf-dev)")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "by_ebpf"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": GO_PATH, "GOCACHE": folder / "cache", "CGO_ENABLED": "0"}
    built = subprocess.run([go, "build", "-o", program, pathlib.Path(__file__).with_name("by_ebpf.go")],
                           env=environment, capture_output=True, text=True, timeout=500)
    assert built.returncode == 0, built.stderr
    return program


def compile_rules(host, name, *words):
    prog = host.folder / "prog.o"
    done = sklc(host.rules(RULES[name]), "-q", *words, "-o", prog)
    assert done.returncode == 0, done.stderr
    return prog


@contextlib.contextmanager
def loaded(host, program, prog, sockets, **environment):
    """Runs a loader, which holds the program on the hook."""
    words = [f"{slot}={sock.fileno()}" for slot, sock in sockets.items()]
    with subprocess.Popen([program, prog, host.namespace.path, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, **NO_LEAK_CHECK, **environment},
                          pass_fds=[sock.fileno() for sock in sockets.values()]) as running:
        said = running.stdout.readline()
        assert said == "attached\n", running.communicate(timeout=30)
        yield
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def servers_of(host):
    """A server for each flow class of the first label, by slot."""
    return {wire.flow_class: host.server(wire) for wire in WIRES.values()}


def steers(host, servers):
    every = list(servers.values())
    for wire in WIRES.values():
        assert host.reach(wire, wire.at(7), 80, every) is servers[wire.flow_class]
        assert host.reach(wire, wire.at(7), 81, every) == REFUSED


def backends():
    return ["direct", pytest.param("llvm", marks=pytest.mark.skipif(not llvm_works(), reason="built without LLVM"))]


@pytest.mark.parametrize("words", [[], ["--freeze-tables"], ["--parts", "always"]], ids=["plain", "frozen", "parts"])
@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", RULES)
def test_a_program_with_libbpf_loads_it(host, name, backend, words):
    servers = servers_of(host)
    with loaded(host, BY_LIBBPF, compile_rules(host, name, "--backend", backend, *words), servers):
        steers(host, servers)
    assert host.reach(TCP4, TCP4.at(7), 80, list(servers.values())) == REFUSED


@pytest.mark.parametrize("words", [[], ["--freeze-tables"], ["--parts", "always"]], ids=["plain", "frozen", "parts"])
@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", RULES)
def test_a_program_in_go_loads_it(host, by_ebpf, name, backend, words):
    servers = servers_of(host)
    with loaded(host, by_ebpf, compile_rules(host, name, "--backend", backend, *words), servers):
        steers(host, servers)
    assert host.reach(TCP4, TCP4.at(7), 80, list(servers.values())) == REFUSED


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("tables", ["auto", "splus", "trie", "ranges"])
def test_a_program_in_go_gets_to_the_tables_that_are_not_the_first(host, by_ebpf, tables, backend):
    """Older versions of the ebpf package lose the offset of what is not a reference to a section."""
    dropped = {n for n in range(1, 200) if n % 3 == 0}
    addresses = ", ".join(f"{wire.at(n)}" for n in dropped for wire in (TCP4, TCP6))
    rules = host.rules(f"daddr {{ {addresses} }} dport 80 drop\ndport 80 redirect to web\n")
    servers = servers_of(host)
    done = sklc(rules, "-q", "--backend", backend, "--tables", tables, "-o", host.folder / "prog.o")
    assert done.returncode == 0, done.stderr
    with loaded(host, by_ebpf, host.folder / "prog.o", servers):
        for wire in (TCP4, TCP6):
            for n in range(1, 40):
                expected = REFUSED if n in dropped else servers[wire.flow_class]
                assert host.reach(wire, wire.at(n), 80, list(servers.values())) == expected, (wire, n)


def test_a_loader_gives_a_label_another_slot(host):
    servers = servers_of(host)
    slots = {slot or 100: sock for slot, sock in servers.items()}
    with loaded(host, BY_LIBBPF, compile_rules(host, "tables"), slots, MOVE="100"):
        steers(host, servers)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", RULES)
def test_bpftool_links_it_and_what_it_gives_is_loaded(host, name, backend):
    prog, linked = compile_rules(host, name, "--backend", backend), host.folder / "linked.o"
    done = subprocess.run([BPFTOOL, "gen", "object", linked, prog], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "was not made by sklc" in host.sklc("check", linked, status=3).stderr
    servers = servers_of(host)
    with loaded(host, BY_LIBBPF, linked, servers):
        steers(host, servers)


# Puts a socket into the slot that it gives the label, and holds the program as the other loaders do.
BY_SKELETON = """\
#include "prog.skel.h"
#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words)
{
	struct prog *prog = prog__open();
	unsigned int slot = 7;
	unsigned long long listener;
	char none;

	if (count != 4 || !prog || sscanf(words[3], "0=%llu", &listener) != 1)
		return 1;
	prog->bss->slots[0] = slot ^ 0;
	if (prog__load(prog) || bpf_map_update_elem(bpf_map__fd(prog->maps.sockets), &slot, &listener, BPF_ANY))
		return 1;
	if (!bpf_program__attach_netns(prog->progs.sklc, open(words[2], O_RDONLY)))
		return 1;
	puts("attached");
	fflush(stdout);
	return read(0, &none, 1) ? 1 : 0;
}
"""


def test_bpftool_makes_a_skeleton_of_it_with_its_words_by_name(host):
    prog = compile_rules(host, "tables")
    skeleton = subprocess.run([BPFTOOL, "gen", "skeleton", prog, "name", "prog"], capture_output=True, text=True)
    assert skeleton.returncode == 0, skeleton.stderr
    (host.folder / "prog.skel.h").write_text(skeleton.stdout)
    (host.folder / "main.c").write_text(BY_SKELETON)
    built = subprocess.run(["cc", "-o", "main", "main.c", "-lbpf"], cwd=host.folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    server = host.server(TCP4)
    with loaded(host, host.folder / "main", prog, {0: server}):
        assert host.reach(TCP4, TCP4.at(7), 80, [server]) is server


@pytest.mark.parametrize("words", [[], ["--tables", "splus"], ["--tables", "lpm"], ["--parts", "always"]], ids=" ".join)
@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", RULES)
def test_a_disassembler_knows_every_instruction(host, name, backend, words):
    prog = compile_rules(host, name, "--backend", backend, *words)
    disassembler = shutil.which("llvm-objdump")
    if not disassembler:
        pytest.skip("there is no llvm-objdump")
    done = subprocess.run([disassembler, "-d", "-r", prog], capture_output=True, text=True)
    assert done.returncode == 0 and "<sklc>:" in done.stdout, done.stderr
    assert "<unknown>" not in done.stdout
