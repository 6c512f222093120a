#!/usr/bin/env python3
"""Compiles every display of the manual page of the language, as the comment before it demands; the top of the page
explains these comments. Prints TAP.

usage: examples.py SKLC"""
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parents[2] / "man" / "sklc.conf.5"
COMMENT, BEGIN, END = '.\\" ', ".Bd", ".Ed"
WORDS = r"(?=$| says | options | after )"


def text_of(lines):
    """The text of a display as readers see it."""
    return "".join(line.replace("\\&", "").replace("\\e", "\\") + "\n" for line in lines)


def displays(lines):
    """The line number, the comment before it and the text of each display."""
    first = None
    for number, line in enumerate(lines, 1):
        if line.startswith(BEGIN):
            before = lines[number - 2]
            first, comment = number, before.removeprefix(COMMENT) if before.startswith(COMMENT) else None
        elif line == END:
            yield first, comment, text_of(lines[first:number - 1])


def parts(comment):
    """`example says A options B`, as {"says": "A", "options": "B"}."""
    found = re.findall(r" (says|options|after) (.*?)" + WORDS, comment.removeprefix("example"))
    return dict(found)


def try_example(program, folder, comment, text):
    """What is wrong with an example, or None."""
    said = parts(comment)
    if comment != "example" + "".join(f" {word} {what}" for word, what in said.items()):
        return f"not understood: {comment}"
    if "after" in said:
        text = said["after"] + "\n" + text
    made = subprocess.run([program, *said.get("options", "").split(), "-o", "/dev/null", "-"],
                          cwd=folder, input=text, text=True, capture_output=True, timeout=60)
    if "says" in said and said["says"] in made.stderr:
        return None
    if "says" in said:
        return f"does not say {said['says']!r}:\n{text}{made.stderr}"
    if made.returncode or made.stderr:
        return f"exit status {made.returncode}:\n{text}{made.stderr}"
    return None


def try_display(program, folder, comment, text):
    if comment and comment.startswith("file "):
        (folder / comment.removeprefix("file ")).write_text(text)
        return None
    if comment and comment.startswith("example"):
        return try_example(program, folder, comment, text)
    return None if comment == "not rules" else "no comment before it says what it is"


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    found = list(displays(PAGE.read_text().splitlines()))
    failures = 0
    print(f"1..{len(found)}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (line, comment, text) in enumerate(found, 1):
            problem = try_display(program, pathlib.Path(folder), comment, text)
            failures += bool(problem)
            print(f"{'not ok' if problem else 'ok'} {number} - {PAGE.name}:{line}: {comment}")
            if problem:
                print("\n".join("# " + row for row in problem.splitlines()))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
