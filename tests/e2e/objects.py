"""Sections of an object file, to be changed where a test wants a bad one."""
import struct

HEADER = struct.Struct("<IIQQQQIIQQ")  # of a section: name, type, flags, address, offset, size, ...


def sections(data):
    """Name to (offset, size) of each section."""
    table, = struct.unpack_from("<Q", data, 40)
    count, names = struct.unpack_from("<HH", data, 60)
    headers = [HEADER.unpack_from(data, table + n * HEADER.size) for n in range(count)]
    strings = headers[names][4]

    def name(header):
        start = strings + header[0]
        return bytes(data[start:data.index(0, start)]).decode()
    return {name(header): (header[4], header[5]) for header in headers}


def patch(path, section, at, value):
    """Overwrites bytes of a section; a negative offset counts from its end."""
    data = bytearray(path.read_bytes())
    offset, size = sections(data)[section]
    start = offset + at if at >= 0 else offset + size + at
    data[start:start + len(value)] = value
    path.write_bytes(data)
