"""An object file's header, sections and symbols; and how to change its bytes, where a test wants a bad one."""
import collections
import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
Header = collections.namedtuple("Header", "ident type machine version entry segments sections flags"
                                " bytes segment_bytes segment_count section_bytes section_count names")
Section = collections.namedtuple("Section", "name type flags address offset size link info alignment entry_bytes")
Symbol = collections.namedtuple("Symbol", "name info other section value size")


def text_at(data, start):
    return bytes(data[start:data.index(0, start)]).decode()


def header(data):
    return Header(*HEADER.unpack_from(data))


def section_list(data):
    """All sections by index; the first is ELF's null section."""
    head = header(data)
    fields = [SECTION.unpack_from(data, head.sections + n * SECTION.size) for n in range(head.section_count)]
    strings = fields[head.names][4]
    return [Section(text_at(data, strings + name), *others) for name, *others in fields]


def sections(data):
    """The sections by name."""
    return {section.name: section for section in section_list(data)}


def content(data, section):
    return bytes(data[section.offset:section.offset + section.size])


def symbol_list(data):
    """All symbols by index; the first is ELF's null symbol."""
    every = sections(data)
    strings = every[".strtab"].offset
    return [Symbol(text_at(data, strings + name), *others)
            for name, *others in SYMBOL.iter_unpack(content(data, every[".symtab"]))]


def patch(path, section, at, value):
    """Overwrites bytes of a section; a negative offset counts from its end."""
    data = bytearray(path.read_bytes())
    there = sections(data)[section]
    start = there.offset + at if at >= 0 else there.offset + there.size + at
    data[start:start + len(value)] = value
    path.write_bytes(data)
