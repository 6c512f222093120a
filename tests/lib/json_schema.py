"""Checks documents of --json against the schema in sklc(1); conftest.py does so for every run with --json."""
import json
import re

SHOWN = 20  # errors, and warnings of each name
PLACE = {"file": str, "line": int, "column": int}
SPAN = {**PLACE, "end_line": int, "end_column": int, "text": str}
MESSAGE = {"severity": str, "message": str, "included_from": list}
WARNINGS = {"shadowed", "redundant", "never", "empty-set", "label", "ssh", "udp-replies", "unused",
            "interface", "load-time", "lint-time"}


def has_shape(value, needed, optional=()):
    """Whether an object has exactly these fields, of these types."""
    assert set(needed) <= set(value) <= set(needed) | set(optional), value
    for name, kind in {**needed, **dict(optional)}.items():
        assert name not in value or type(value[name]) is kind, (name, value)


def has_place(value):
    assert value["line"] >= 1 and value["column"] >= 1 and value["file"], value


def check_message(value, needed, optional=()):
    span = SPAN if "file" in value else {}
    has_shape(value, {**MESSAGE, **needed, **span}, optional)
    assert value["message"] and value["message"].isprintable(), value
    if span:
        has_place(value)
        assert (value["end_line"], value["end_column"]) >= (value["line"], value["column"]), value
    for place in value["included_from"]:
        has_shape(place, PLACE)
        has_place(place)


def check_diagnostic(value):
    check_message(value, {"notes": list}, {"name": str, "details": str})
    assert value["severity"] in ("error", "warning", "note"), value
    assert value.get("name", "ssh") in WARNINGS, value
    for note in value["notes"]:
        check_message(note, {})
        assert note["severity"] == "note", note


def count(document, severity):
    return sum(each["severity"] == severity for each in document["diagnostics"])


def check_diagnostics(text, status):
    """Standard error must be one document, which agrees with the exit status."""
    document = json.loads(text)
    has_shape(document, {"version": int, "diagnostics": list, "errors": int, "warnings": int}, {"left_out": dict})
    assert document["version"] == 1
    for each in document["diagnostics"]:
        check_diagnostic(each)
    left_out = dict(document.get("left_out", {}))
    assert all(left_out.values()) and left_out.keys() <= WARNINGS | {"error"}, document
    for name in left_out:
        shown = [each for each in document["diagnostics"]
                 if (each["severity"] if each["severity"] == "error" else each.get("name")) == name]
        assert len(shown) == SHOWN, document
    assert document["errors"] == count(document, "error") + left_out.pop("error", 0), document
    assert document["warnings"] == count(document, "warning") + sum(left_out.values()), document
    assert status or not document["errors"], document
    assert status in (0, 1, 4) or document["errors"], document
    return document


def check_generation(value):
    has_shape(value, {"generation": int, "same_as": type(value["same_as"]), "state": str, "applied_at": int, "uid": int,
                      "user": type(value["user"]), "hash": str, "rules": int, "labels": int, "sockets": int})
    assert value["same_as"] is None or 0 < value["same_as"] < value["generation"], value
    assert value["state"] in ("current", "on trial", "previous", "older"), value
    assert value["user"] is None or value["user"].isprintable(), value
    assert re.fullmatch("[0-9a-f]{64}", value["hash"]), value


SOCKET = {"cookie": int, "address": str, "device": str, "interface": int, "uid": int, "pid": int, "command": str}


def has_members_of_socket(value):
    """Each may be null: there is no socket, or the kernel does not tell."""
    for name, kind in SOCKET.items():
        assert value[name] is None or type(value[name]) is kind, value
    assert value["device"] is None or value["interface"], value
    assert value["cookie"] or all(value[name] is None for name in SOCKET), value


def check_socket(value):
    """A socket that a verb names."""
    assert set(value) == set(SOCKET) and value["cookie"], value
    has_members_of_socket(value)


def check_flow_class(value):
    assert value["protocol"] in ("tcp", "udp") and value["family"] in ("ipv4", "ipv6"), value


def check_registered(document):
    has_shape(document, {"version": int, "result": str, "label": str, "override": bool, "socket": dict,
                         "flow_classes": list, "siblings": int, "members": int, "replaced": list, "behind": list})
    check_socket(document["socket"])
    for each in document["flow_classes"]:
        has_shape(each, {"protocol": str, "family": str})
        check_flow_class(each)
    for each in document["replaced"] + document["behind"]:
        has_shape(each, {"protocol": str, "family": str, "socket": dict})
        check_flow_class(each)
        check_socket(each["socket"])


def check_drained(document):
    has_shape(document, {"version": int, "result": str, "label": str, "sockets": list, "empty": list})
    for each in document["sockets"]:
        check_socket(each)
    for each in document["empty"]:
        has_shape(each, {"protocol": str, "family": str})
        check_flow_class(each)


def check_labels(labels):
    for label in labels:
        has_shape(label, {"name": str, "sockets": list, "drained": list})
        for each in label["sockets"]:
            has_shape({name: each[name] for name in each if name not in SOCKET},
                      {"protocol": str, "family": str, "needed": bool, "hits": int, "misses": int, "members": int,
                       "since": type(each["since"]), "override": bool})
            check_flow_class(each)
            has_members_of_socket(each)
        for each in label["drained"]:
            check_socket(each)


def check_result(text):
    """Standard output must be one document, or nothing."""
    if not text:
        return
    document = json.loads(text)
    assert document["version"] == 1
    for each in document.get("generations", []):
        check_generation(each)
    if document.get("result") in ("applied", "on trial", "unchanged", "rolled back") and document["generation"]:
        assert "hash" in document, document
    if {"result", "generation", "hash"} <= set(document):
        has_shape(document, {"version": int, "result": str, "generation": int, "hash": str}, {"same_as": int})
        assert re.fullmatch("[0-9a-f]{64}", document["hash"]), document
    if document.get("result") in ("confirmed", "in sync", "counters reset", "detached"):
        has_shape(document, {"version": int, "result": str, "generation": int})
        assert (document["generation"] == 0) == (document["result"] == "detached"), document
    if document.get("result") == "unregistered":
        has_shape(document, {"version": int, "result": str, "label": str, "flow_classes": list})
    if document.get("result") == "registered":
        check_registered(document)
    if document.get("result") in ("drained", "no longer drained"):
        check_drained(document)
    check_labels(document.get("labels", []))
    for each in document.get("problems", []):
        assert each["label"] is None or each["label"], each
        has_shape(each, {"label": type(each["label"]), "what": str, "mend": str, "sockets": int})
        assert each["what"] and each["mend"], each


def check_run(words, done):
    """Checks a finished run of sklc with these words. Dumps and objects are not JSON, and -q may print nothing."""
    quiet = {"-q", "--quiet"} & set(words)
    if not (quiet and done.stderr == ""):
        check_diagnostics(done.stderr, done.returncode)
    if not {"--dump", "--output", "-o", "--help", "--version"} & set(words):
        check_result(done.stdout)
