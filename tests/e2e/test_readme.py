"""The commands of the session in README.md print what it shows, except for numbers that differ each time."""
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

from conftest import SKLC

README = pathlib.Path(__file__).parents[2] / "README.md"
PAGE = "I am web\n"


def session():
    """The commands of the section, each with its output."""
    section = README.read_text().split("## A session\n")[1].split("\n## ")[0]
    for block in re.findall(r"```\n(.*?)```", section, re.DOTALL):
        yield from re.findall(r"^# (.*\n)((?:(?!# ).*\n)*)", block, re.MULTILINE)


def without_names(text):
    """The text without numbers and without the name of the test's namespace."""
    return re.sub(r"\d+", "N", re.sub(r"^(network namespace) \S+ \(", r"\1 (", text))


class Shell:
    """Runs a command of the session on the host."""

    def __init__(self, host):
        self.host, self.server = host, None

    def end(self):
        if self.server:
            self.server.kill()
            self.server.wait()

    def inside(self, *words):
        return ["nsenter", f"--net={self.host.namespace.path}", *words]

    def says(self, words):
        return subprocess.run(words, cwd=self.host.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=30, check=False).stdout

    def serve(self, words):
        (self.host.folder / "index.html").write_text(PAGE)
        self.server = subprocess.Popen(self.inside(*words), cwd=self.host.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with self.host.namespace.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
                if not probe.connect_ex(("::1", int(words[-1]))):
                    break
            time.sleep(0.02)
        return f"[1] {self.server.pid}\n"

    def sklc(self, words):
        if "--pid" in words:
            words[words.index("--pid") + 1] = str(self.server.pid)
        return self.says(self.inside(SKLC, *words, "--bpffs", self.host.bpffs))

    def run(self, line, shown):
        """The output of the command for which the README shows SHOWN."""
        words = line.rstrip("&\n ").split()
        if words[0] == "cat":
            (self.host.folder / words[1]).write_text(shown)
            return shown
        if words[0] == "ip":
            return self.says(self.inside(*(["ip", "route", "replace"] + words[3:])))
        if words[0] == "python3":
            return self.serve(words)
        if words[0] == "curl":
            return self.says(self.inside("curl", "-gsS", words[1]))
        assert words[0] == "sklc", line
        return self.sklc(words[1:])


@pytest.fixture
def shell(host):
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    shell = Shell(host)
    yield shell
    shell.end()


def test_the_session_of_the_readme_is_what_happens(shell):
    commands = 0
    for line, shown in session():
        said = shell.run(line, shown)
        assert without_names(said) == without_names(shown), f"# {line}{said}"
        commands += 1
    assert commands > 10
