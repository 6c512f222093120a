"""An object file as text, with a SHA-256 of each section's bytes: a change of any byte shows.

One thing is left out. How zlib compresses the rules' text differs between its versions, so the text is listed as it is
when it is uncompressed, and no offsets in the file are listed: they follow from the order of its parts, their sizes and
alignments, and it is said where they do not. Numbers in an object are in the host's byte order; the golden files are of
a little-endian host."""
import hashlib
import struct
import zlib

from btf import Types, code_lines
from objects import HEADER, NO_BITS, SECTION, checksum, content, header, section_list, sections, symbol_list, text_at

SECTION_TYPES = {1: "PROGBITS", 2: "SYMTAB", 3: "STRTAB", 8: "NOBITS", 9: "REL"}
SECTION_FLAGS = {1: "W", 2: "A", 4: "X", 64: "I"}
BINDINGS = {0: "LOCAL", 1: "GLOBAL"}
SYMBOL_TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION"}
RELOCATION_TYPES = {1: "R_BPF_64_64", 10: "R_BPF_64_32"}
MAP_TYPES = {1: "HASH", 2: "ARRAY", 6: "PERCPU_ARRAY", 11: "LPM_TRIE", 15: "SOCKMAP"}
COMPRESSED = "sklc.text"
FORMAT = ("magic", "version", "labels", "interfaces", "counters", "policy", "text bytes", "override others",
          "tries spares", "compiler", "backend", "tables", "instructions max", "tables max",
          "tables frozen", "checksum", "asks interface", "parts")  # struct abi_header


def named(names, number):
    return names.get(number, f"{number:#x}")


def flags_of(number):
    letters = "".join(letter for bit, letter in SECTION_FLAGS.items() if number & bit)
    unknown = number & ~sum(SECTION_FLAGS)
    return letters + (f"{unknown:#x}" if unknown else "") or "-"


def header_lines(data):
    head = header(data)
    yield f"ident {head.ident.hex()}"
    rest = head._asdict()
    del rest["ident"], rest["sections"]
    yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in rest.items())
    null = data[head.sections:head.sections + SECTION.size]
    if any(null):
        yield f"the null section is {null.hex()}"


def format_lines(data):
    every = sections(data)
    yield "license " + content(data, every["license"]).rstrip(b"\0").decode()
    fields = dict(zip(FORMAT, struct.unpack("<6IQ6IQ4I", content(data, every["sklc.header"]))))
    fields["checksum"] = "right" if fields["checksum"] == checksum(data) else f"{fields['checksum']:08x}"
    fields["magic"] = fields["magic"].to_bytes(4, "little").decode()
    strings = content(data, every["sklc.strings"])
    fields |= {name: text_at(strings, fields[name]) for name in ("compiler", "backend", "tables")}
    yield ", ".join(f"{name} {value}" for name, value in fields.items())


def align(offset, alignment):
    return -(-offset // max(alignment, 1)) * max(alignment, 1)


def order_lines(data):
    """The file's parts in order, and whether there is nothing between them but zeros for alignment."""
    head, every = header(data), section_list(data)
    parts = [(0, HEADER.size, 1, "header"), (head.sections, len(every) * SECTION.size, 8, "section headers")]
    parts += [(section.offset, 0 if section.type == NO_BITS else section.size, section.alignment, section.name)
              for section in every[1:]]
    end, faults = 0, []
    parts.sort(key=lambda part: (part[0], part[0] + part[1]))
    for offset, size, alignment, name in parts:
        if offset != align(end, alignment) or any(data[end:offset]):
            faults.append(f"before {name}: {offset - end} bytes: {data[end:offset].hex()}")
        end = offset + size
    if end != len(data):
        faults.append(f"at the end: {len(data) - end} bytes: {data[end:].hex()}")
    yield ", ".join(name for *_, name in parts)
    yield from faults or ["between them only zeros, for alignment"]


def bytes_of(section, data):
    """The bytes that are listed for a section, and a note on them."""
    there = content(data, section)
    if section.name != COMPRESSED:
        return there, ""
    stream = zlib.decompressobj()
    text = stream.decompress(there)
    whole = stream.eof and not stream.unused_data
    return text, "  uncompressed" if whole else "  uncompressed, but not a whole stream"


def section_lines(data):
    for number, section in enumerate(section_list(data)[1:], 1):
        listed, note = bytes_of(section, data)
        digest = hashlib.sha256(listed).hexdigest() if listed else "-"
        more = "".join(f"  {field.replace('_', ' ')} {value}" for field, value in section._asdict().items()
                       if field in ("address", "link", "info", "entry_bytes") and value)
        yield (f"{number:2} {section.name:15} {named(SECTION_TYPES, section.type):8}"
               f" {flags_of(section.flags):2} alignment {section.alignment:<2} size {section.size if section.type == NO_BITS else len(listed):<6}"
               f" {digest}{more}{note}")


def symbol_lines(data):
    every = section_list(data)
    for number, symbol in enumerate(symbol_list(data)):
        yield (f"{number:2} {symbol.name or '-':15} {named(BINDINGS, symbol.info >> 4):6}"
               f" {named(SYMBOL_TYPES, symbol.info & 15):6} other {symbol.other}"
               f" {every[symbol.section].name or '-'} at {symbol.value}, {symbol.size} bytes")


def relocation_lines(data):
    every, symbols = section_list(data), symbol_list(data)
    for section in every:
        if section.type != 9:
            continue
        for offset, info in struct.iter_unpack("<2Q", content(data, section)):
            yield (f"{every[section.info].name} at {offset}: {named(RELOCATION_TYPES, info & 0xffffffff)}"
                   f" {symbols[info >> 32].name}")


def map_lines(types):
    for name, fields in types.maps():
        yield (f"{name}: {named(MAP_TYPES, fields['type'])}, key {types.sized(fields['key'])},"
               f" value {types.sized(fields['value'])}, {fields['max_entries']} entries,"
               f" flags {fields['map_flags']:#x}")


def listing(data):
    every = sections(data)
    types = Types(content(data, every[".BTF"]))
    parts = {
        "header": header_lines(data),
        "format": format_lines(data),
        "order in the file": order_lines(data),
        "sections": section_lines(data),
        "symbols": symbol_lines(data),
        "relocations": relocation_lines(data),
        "maps": map_lines(types),
        f"types, {len(types.all) - 1} in all": types.lines(),
        "functions and lines": code_lines(content(data, every[".BTF.ext"]), types),
    }
    return "\n".join(f"{title}:\n" + "".join(f"    {line}\n" for line in lines)
                     for title, lines in parts.items()).encode()
