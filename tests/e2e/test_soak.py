"""The soak (tests/differential/soak.c) as `make soak` runs it: how it ends, and what it says of what it did. What it finds,
and makes small, is tested by tests/differential/shrink.c."""
import os
import pathlib
import re
import signal
import subprocess

import conftest
import pytest

SOAK = pathlib.Path(conftest.SKLC).parent / "tests/differential/soak"
SUM = re.compile(r"# in \d+ s: (\d+) rule sets, (\d+) pairs of a rule set and a packet \(\d+ a second\), "
                 r"(\d+) decisions of programs \(\d+ a second\); (\d+) failures")
SEED = re.compile(r"# seed (\d+), [a-z]+: (\d+) packets, (\d+) programs")


def check_sum(output):
    """The seeds that were tried; the sum must be theirs."""
    seeds = [[int(number) for number in match.groups()] for match in SEED.finditer(output)]
    files, pairs, decisions, failures = (int(number) for number in SUM.findall(output)[-1])
    assert files == len(seeds)
    assert pairs == sum(packets for _, packets, _ in seeds)
    assert decisions == sum(packets * programs for _, packets, programs in seeds)
    assert failures == 0
    return sorted(seed for seed, _, _ in seeds)


def soak(tmp_path, *words):
    return subprocess.run([SOAK, "--folder", tmp_path, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=500)


def test_each_seed_is_said_and_the_sum_is_theirs(tmp_path):
    done = soak(tmp_path, "--seed", "41", "--files", "3", "--packets", "500", "--jobs", "2")
    assert done.returncode == 0, done.stdout
    assert "# seeds from 41 on" in done.stdout
    assert check_sum(done.stdout) == [41, 42, 43]


def test_a_seed_is_the_same_rules_and_packets_again(tmp_path):
    first, second = (soak(tmp_path, "--seed", "7", "--files", "1", "--packets", "500").stdout for _ in range(2))
    assert SEED.findall(first) and SEED.findall(first) == SEED.findall(second)


def test_time_ends_it(tmp_path):
    done = soak(tmp_path, "--seconds", "1", "--packets", "500")
    check_sum(done.stdout)
    assert "ended by signal" not in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_sum_so_far(tmp_path, number):
    with subprocess.Popen([SOAK, "--folder", tmp_path, "--seconds", "400", "--packets", "500", "--jobs", "2"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        lines = []
        while not lines or not SEED.match(lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1]
        os.killpg(process.pid, number)  # as a terminal does
        rest = process.stdout.read()  # communicate() would lose what readline() has read too far
    output = "".join(lines) + rest
    assert process.returncode == 0, output
    assert f"# ended by signal {number.value} " in output
    assert check_sum(output)


def test_a_number_that_is_none_is_refused(tmp_path):
    for word in ("0", "-", "1x", ""):
        done = soak(tmp_path, "--seconds", word)
        assert done.returncode == 2
        assert f"--seconds takes a number from 1 on, not '{word}'" in done.stdout
