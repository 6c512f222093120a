"""An object file's header, sections and symbols; and how to change its bytes, where a test wants a bad one."""
import collections
import struct
import zlib

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
Header = collections.namedtuple("Header", "ident type machine version entry segments sections flags"
                                " bytes segment_bytes segment_count section_bytes section_count names")
Section = collections.namedtuple("Section", "name type flags address offset size link info alignment entry_bytes")
Symbol = collections.namedtuple("Symbol", "name info other section value size")

SYMBOLS, RELOCATIONS, NO_BITS = 2, 9, 8  # types of sections


def text_at(data, start):
    """The text that begins there; none where that is behind the end, as a damaged object may say."""
    return bytes(data[start:data.find(0, start)]).decode(errors="surrogateescape") if start < len(data) else ""


def header(data):
    return Header(*HEADER.unpack_from(data))


SECTION_SYMBOL = 3  # the type of a symbol that stands for a section


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
    """The bytes in the file; of some sections it has only the size."""
    return b"" if section.type == NO_BITS else bytes(data[section.offset:section.offset + section.size])


def symbol_list(data):
    """All symbols by index; the first is ELF's null symbol. The symbol of a section has the section's name."""
    every = section_list(data)
    by_name = sections(data)
    strings = by_name[".strtab"].offset

    def name_of(name, info, section):
        return every[section].name if info & 15 == SECTION_SYMBOL else text_at(data, strings + name)

    return [Symbol(name_of(name, info, section), info, other, section, *others)
            for name, info, other, section, *others in SYMBOL.iter_unpack(content(data, by_name[".symtab"]))]


CHECKSUM = 68  # where it is in the header; older versions of the format have none

def crc(name, *others):
    """The CRC-32 of names, numbers and bytes."""
    parts = [part.to_bytes(8, "little") if isinstance(part, int) else
             part.encode(errors="surrogateescape") + b"\0" if isinstance(part, str) else part
             for part in (name, *others)]
    return zlib.crc32(b"".join(parts))


def checksum(data):
    """What sklc-object(5) says the checksum is."""
    every, symbols = section_list(data), symbol_list(data)
    total = 0
    for section in every[1:]:
        stored = content(data, section)
        if section.type == RELOCATIONS:
            for offset, info in struct.iter_unpack("=QQ", stored):
                total += crc(section.name.removeprefix(".rel"), offset, info & 0xffffffff, symbols[info >> 32].name)
        elif section.name == "sklc.header":
            total += crc(section.name, section.size, stored[:CHECKSUM] + bytes(4) + stored[CHECKSUM + 4:])
        elif section.type != SYMBOLS and section.name not in (".strtab", "sklc.text"):
            total += crc(section.name, section.size, stored)
    for symbol in symbols[1:]:
        total += crc(symbol.name, every[symbol.section].name, symbol.value, symbol.size)
    return total & 0xffffffff


def sealed(data):
    """The object with the checksum of what is in it, where it has one."""
    data = bytearray(data)
    there = sections(data).get("sklc.header")
    if there and there.size > CHECKSUM:
        struct.pack_into("=I", data, there.offset + CHECKSUM, checksum(data))
    return data


def patch(path, section, at, value):
    """Overwrites bytes of a section; a negative offset counts from its end. The checksum is then right again."""
    data = bytearray(path.read_bytes())
    there = sections(data)[section]
    start = there.offset + at if at >= 0 else there.offset + there.size + at
    data[start:start + len(value)] = value
    path.write_bytes(sealed(data))
