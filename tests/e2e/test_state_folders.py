"""Folders of the state whose mode or owner was changed, and what sklc did not make there."""
import os
import pathlib
import subprocess
import time

import pytest

from conftest import REFUSED, WIRES

TCP4 = WIRES["tcp-ipv4"]
NOBODY = 65534
MATCH = "ip daddr 192.0.2.0/24 tcp dport 80 redirect to web\n"


class Served:
    """A host with three generations, whose rules declare a socket that serves."""

    def __init__(self, host):
        self.host = host
        self.server = host.server(TCP4)
        self.text = f"socket web {{ tcp 127.0.0.1:{self.server.getsockname()[1]} }}\n{MATCH}"
        for more in ("# 1\n", "# 2\n", ""):
            host.apply(more + self.text, "-q")
        self.folder = host.state_folder()
        self.root = self.folder.parent
        self.folders = {"sklc": self.root, "namespace": self.folder, "older": self.folder / "g1",
                        "previous": self.folder / "g2", "current": self.folder / "g3",
                        "follower": self.root / "follower3"}
        assert all(path.is_dir() for path in self.folders.values())

    def serves(self):
        return self.host.reach(TCP4, TCP4.at(1), 80, [self.server]) is self.server

    def run(self, *words):
        return self.host.sklc(*words, status=None)

    def changing(self):
        return [("sync",), ("apply", self.host.rules(self.text + "# 4\n")), ("rollback",), ("reset",)]

    def commands(self):
        return [("status",), ("list",), ("history",), *self.changing()]


@pytest.fixture
def served(host, cgroup2):  # pylint: disable=unused-argument
    return Served(host)


OPEN, WRITABLE, CLOSED = "could take pins from it", "could change what is in it", "its owner needs all of it"


@pytest.mark.parametrize("folder, mode, why", [
    ("sklc", 0o750, OPEN), ("namespace", 0o777, WRITABLE), ("older", 0o500, CLOSED), ("previous", 0o750, OPEN),
    ("current", 0o777, WRITABLE), ("follower", 0o755, OPEN)])
def test_a_folder_whose_mode_was_changed_is_named_with_what_mends_it(served, folder, mode, why):
    path = served.folders[folder]
    os.chmod(path, mode)
    mend = f"`chmod 700 {path}`"
    for words in served.commands():
        done = served.run(*words)
        assert "remove" not in done.stderr
        if done.returncode:
            assert done.returncode == 3 and mend in done.stderr and why in done.stderr, words
            assert f"has the mode {mode:o}" in done.stderr and len(done.stderr.splitlines()) == 1
    assert mend in served.run("sync").stderr and mend in served.run("rollback").stderr
    assert served.serves()
    os.chmod(path, 0o700)
    for words in served.commands():
        assert served.run(*words).returncode == 0, words


@pytest.mark.parametrize("folder", ["sklc", "namespace"])
def test_detach_does_not_look_into_a_folder_that_is_open_to_others(served, folder):
    path = served.folders[folder]
    os.chmod(path, 0o755)
    assert f"`chmod 700 {path}`" in served.host.sklc("detach", status=3).stderr
    assert served.serves()
    os.chmod(path, 0o700)
    served.host.sklc("detach")
    assert served.host.pins() == []


def test_detach_clears_generations_whatever_mode_they_have(served):
    for folder, mode in (("older", 0o755), ("previous", 0o777), ("current", 0o000)):
        os.chmod(served.folders[folder], mode)
    done = served.host.sklc("detach")
    assert done.stderr == "" and served.host.pins() == []


@pytest.mark.parametrize("folder", ["namespace", "older", "follower"])
def test_a_folder_that_was_given_away_is_named_with_what_takes_it_back(served, folder):
    path = served.folders[folder]
    os.chown(path, NOBODY, NOBODY)
    mend = f"`chown 0 {path}`"
    for words in served.commands():
        done = served.run(*words)
        assert done.returncode in (0, 3) and "remove" not in done.stderr
        assert done.returncode == 0 or (mend in done.stderr and f"belongs to user {NOBODY}" in done.stderr), words
    assert mend in served.run("sync").stderr
    assert served.serves()
    os.chown(path, 0, 0)
    for words in served.commands():
        assert served.run(*words).returncode == 0, words


def test_status_of_all_names_the_mode_too(served, make_host):
    os.chmod(served.folder, 0o750)
    done = make_host().sklc("status", "--all", status=None)
    assert f"`chmod 700 {served.folder}`" in done.stderr


# what sklc did not make


def plant(path, kind):
    if kind == "symbolic link":
        path.symlink_to("/nowhere")
    elif kind == "folder with something in it":
        (path / "kept").mkdir(parents=True)
        path.chmod(0o755)
    else:
        path.mkdir()
        path.chmod(0o755)


@pytest.mark.parametrize("kind", ["symbolic link", "folder", "folder with something in it"])
def test_what_somebody_made_there_hinders_no_command(served, kind):
    for pin in served.folders["older"].iterdir():  # in place of a generation that is no longer kept
        pin.unlink()
    served.folders["older"].rmdir()
    for name in ("foo", "g", "g007", "g77", "g1"):
        plant(served.folder / name, kind)
    for words in served.commands():
        done = served.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert served.serves()
    done = served.host.sklc("detach")
    left = ["foo", "g", "g007"] if kind == "folder with something in it" else []
    assert done.stderr.count("was not made by sklc") == bool(left)
    assert sorted(path.name for path in served.folder.iterdir()) == left if left else not served.root.exists()


def test_what_detach_leaves_is_named_once_and_stays(served):
    strange = [served.folder / "foo", served.folder / "bar"]
    for path in strange:
        plant(path, "folder with something in it")
    done = served.host.sklc("detach")
    assert done.stderr.count("was not made by sklc") == 1 and "like 1 more beside it" in done.stderr
    assert "then move it out" in done.stderr and served.host.reach(TCP4, TCP4.at(1), 80, [served.server]) is REFUSED
    assert "not made" not in served.host.sklc("sync", status=4).stderr
    assert served.host.apply(served.text).stderr == served.host.sklc("sync").stderr == ""
    assert served.serves() and all((path / "kept").exists() for path in strange)
    assert "was not made by sklc" in served.host.sklc("detach").stderr
    for path in strange:
        path.rename(pathlib.Path(served.host.bpffs, path.name))
    served.host.apply(served.text, "-q")
    assert served.host.sklc("detach").stderr == ""
    assert not served.root.exists()


def test_what_somebody_made_below_the_follower_hinders_no_command(served):
    strange = served.folders["follower"] / "foo"
    plant(strange, "folder with something in it")
    for words in served.commands():
        assert served.run(*words).returncode == 0, words
    assert f"'{strange}' was not made by sklc" in served.host.sklc("detach").stderr
    assert served.host.apply(served.text).stderr == ""
    assert served.serves() and (strange / "kept").exists()


def test_what_is_no_folder_is_no_follower(served):
    for name in ("follower_old", "follower9"):
        (served.root / name).symlink_to("/nowhere")
    for words in served.commands():
        assert served.run(*words).returncode == 0, words


def test_what_is_left_of_a_namespace_that_is_gone_is_named_once(served, make_host):
    other = make_host()
    plant(served.folder / "foo", "folder with something in it")
    served.server.close()
    served.host.namespace.delete()
    deadline = time.monotonic() + 10
    done = other.apply(MATCH)
    while "not made" not in done.stderr and time.monotonic() < deadline:
        time.sleep(0.2)
        done = other.apply(MATCH)
    assert f"'{served.folder / 'foo'}' was not made by sklc" in done.stderr
    assert [path.name for path in served.folder.iterdir()] == ["foo"]
    assert "not made" not in other.apply(MATCH).stderr
    (served.folder / "foo" / "kept").rmdir()
    assert "cleared the state of a network namespace that is gone" in other.apply(MATCH).stderr
    assert not served.folder.exists()
    subprocess.run(["ip", "netns", "add", served.host.namespace.name], check=True)
