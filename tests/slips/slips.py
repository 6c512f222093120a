#!/usr/bin/env python3
"""Compiles rules with a slip of one character or one word, many times, and checks what is said of each. Prints TAP.

usage: slips.py SKLC [COUNT [SEED]]

Slips are made in the files of rules/ and in the inputs of tests/golden/language/. For each:

    the compiler ends by itself, with a status that it documents
    there is one error at most, since a slip is one fault; any number of `expect` lines may fail
    what an error offers ("did you mean 'x'?", "write 'x'") compiles when it is written where the error points

What the goldens of errors offer is checked alike, though these inputs may have several errors: the one that offers
must be gone, with no other in its place."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
RULES = TESTS.parent / "rules"
GOLDEN = TESTS / "golden"
OFFERS = re.compile(r"(?:did you mean|write) '(.*)'\??$", re.DOTALL)
CHARACTERS = "abcdeimnoprstu01289{}[](),;:.-/\\\"'#$@*%=<>! \n\t"
WORDS = ("tcp udp daddr saddr dport sport ip ip6 drop pass accept reject redirect to else continue set map chain "
         "socket expect define include policy type elements file counter comment vmap jump goto return meta l4proto "
         "iif iifname flags interval auto-merge packets bytes ifname ppp* \"ppp*\" { } , ; . : - == != 80 443 web $web @web 192.0.2.1 192.0.2.0/24 2001:db8::1 *:80 "
         "not and or ! => \"80\" \"192.0.2.1\" 53/udp 1024: :80 [2001:db8::1] 192.0.2.1:80 typeof size deny TCP").split()
DONE, REFUSED = 0, 1
BYTES_MAX = 20000  # of an input: larger ones take long


def options_of(text):
    match = re.match(r"# options: (.*)", text)
    return [word for word in match[1].split() if word not in ("--json", "--color=always")] if match else []


def compiled(program, path, text):
    """What the compiler says of a text that stands in the place of a file: its status and its errors."""
    words = [program, *options_of(path.read_bytes().decode(errors="replace")), "--json", "-o", "/dev/null", "-I", ".", "-"]
    done = subprocess.run(words, cwd=path.parent, input=text.encode(errors="surrogateescape"), capture_output=True,
                          timeout=60, check=False)
    if done.returncode not in (DONE, REFUSED):
        return done.returncode, [], done.stderr.decode(errors="replace")
    document = json.loads(done.stderr)
    errors = [each for each in document["diagnostics"] if each["severity"] == "error"]
    unmet = [each for each in errors if ", but the verdict is '" in each["message"]]
    errors = [each for each in errors if each not in unmet]
    return done.returncode, errors, document["errors"] - len(unmet)


def offset_of(text, line, column):
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[:line - 1]) + column - 1


def mended(text, error, everywhere=True):
    """The text with what the error offers; None if it offers nothing, or is about another file. What is said of a name is
    written wherever it stands, if EVERYWHERE."""
    offer = OFFERS.search(error["message"])
    if not offer or error.get("file") != "<stdin>":
        return None
    first, end = (offset_of(text, error[f"{which}line"], error[f"{which}column"]) for which in ("", "end_"))
    if everywhere and re.match("(there is no|no rule redirects to|'.[^']*' is not defined)", error["message"]):  # all that use the name meant the other
        word = re.escape(text[first:end])
        before = r"(?<=jump |goto )" if "no chain" in error["message"] else r"(?<![\w.@$-])"  # a chain may be named like a word
        return re.sub(rf"{before}{word}(?![\w.-])", lambda _: offer[1], text)
    return text[:first] + offer[1] + text[end:]


def slip_of_a_character(text, chance):
    at = chance.randrange(len(text))
    kind = chance.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + chance.choice(CHARACTERS) + text[at:]
    if kind == 2:
        return text[:at] + chance.choice(CHARACTERS) + text[at + 1:]
    if len(text[at:at + 2].strip()) < 2:  # letters of one word change places, not of two
        return text[:at] + text[at + 1:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2:]


def slip_of_a_word(text, chance):
    words = [each.span() for each in re.finditer(r"[^\s{},;]+|[{},;]", text)]
    if not words:
        return text
    first, end = chance.choice(words)
    kind = chance.randrange(4)
    if kind == 0:
        return text[:first] + text[end:]
    if kind == 1:
        return text[:first] + chance.choice(WORDS) + text[end:]
    if kind == 2:
        return text[:first] + chance.choice(WORDS) + " " + text[first:]
    return text[:first] + text[first:end] + " " + text[first:]


def check_slip(program, path, seed):
    """The slip, and what is wrong with what was said of it, or None."""
    chance = random.Random(f"{seed}")
    text = path.read_bytes().decode(errors="surrogateescape")
    slipped = chance.choice([slip_of_a_character, slip_of_a_word])(text, chance)
    status, errors, more = compiled(program, path, slipped)
    if status not in (DONE, REFUSED):
        return slipped, f"status {status}: {more}"
    if more > 1:
        return slipped, "more than one error: " + "; ".join(
            f"{each.get('line')}:{each.get('column')} {each['message']}" for each in errors)
    for error in errors:
        again = mended(slipped, error)
        if again is None:
            continue
        status, others, _ = compiled(program, path, again)
        if others:  # a name may be a word of the language elsewhere
            status, others, _ = compiled(program, path, mended(slipped, error, everywhere=False))
        if OFFERS.search(error["message"])[1].startswith('"'):  # the name of a file, which may not be there
            others = [each for each in others if not each["message"].startswith("cannot read")]
        if others or status not in (DONE, REFUSED):
            return slipped, (f"{error.get('line')}:{error.get('column')} {error['message']}, "
                             f"but then: {[each['message'] for each in others]}")
    return slipped, None


def same_place(error, other):
    return (error.get("line"), error["message"]) == (other.get("line"), other["message"])


def check_offers(program, path):
    """What is wrong with what a golden's errors offer."""
    text = path.read_bytes().decode(errors="surrogateescape")
    _, errors, _ = compiled(program, path, text)
    for error in errors:
        again = mended(text, error)
        if again is None:
            continue
        _, others, _ = compiled(program, path, again)
        new = [each for each in others if not any(same_place(each, old) for old in errors)]
        still = sum(same_place(each, error) for each in others) >= sum(same_place(each, error) for each in errors)
        # A file whose syntax is right at last is looked at more closely: what is found then is not the offer's fault.
        if still or [each for each in new if each.get("line") == error.get("line")]:
            return f"{error['line']}: {error['message']}, but then: {[each['message'] for each in new]}"
    return None


def slips(program, count, seed):
    paths = sorted([*RULES.glob("*.conf"), *(GOLDEN / "language").glob("*.conf")])
    paths = [path for path in paths if 0 < path.stat().st_size < BYTES_MAX]
    chance = random.Random(seed)
    return [(chance.choice(paths), f"{seed}-{number}") for number in range(count)]


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    goldens = sorted([*(GOLDEN / "errors").glob("*.conf"), *(GOLDEN / "mistakes").glob("*.conf")])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        offers = list(pool.map(lambda path: check_offers(program, path), goldens))
        made = slips(program, count, seed)
        found = list(pool.map(lambda slip: check_slip(program, *slip), made))
    print("1..4")
    bad = 0
    bad += report("what the goldens of errors offer compiles",
                  [f"{path.name}:{problem}" for path, problem in zip(goldens, offers) if problem])
    others = ("status", "more than one")
    for name, begins in (("no slip ends the compiler in another way", others[0]),
                         ("no slip has a second error", others[1]),
                         ("what the error of a slip offers compiles", None)):
        mine = [(slip, text, problem) for slip, (text, problem) in zip(made, found)
                if problem and (problem.startswith(begins) if begins else not problem.startswith(others))]
        bad += report(f"{name}, in {count} of seed {seed}",
                      [f"{path.name}, {slip}: {problem}\n{text if len(text) < 600 else ''}"
                       for (path, slip), text, problem in mine])
    return int(bad > 0)


def report(name, problems):
    report.number += 1
    print(f"{'not ok' if problems else 'ok'} {report.number} - {name}")
    for problem in problems:
        print("\n".join("# " + line for line in problem.splitlines()))
    return len(problems)


report.number = 0

if __name__ == "__main__":
    sys.exit(main())
