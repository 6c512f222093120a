"""Types and line information of an object file, read from its sections .BTF and .BTF.ext."""
import collections
import struct

from objects import text_at

INT, POINTER, ARRAY, STRUCT, FORWARD, CONST, FUNCTION, PROTOTYPE, VARIABLE, DATA = 1, 2, 3, 4, 7, 10, 12, 13, 14, 15
# How many words follow a type, and how many more for each of its members.
WORDS = {INT: (1, 0), ARRAY: (3, 0), STRUCT: (0, 3), PROTOTYPE: (0, 2), VARIABLE: (1, 0), DATA: (0, 3)}

Type = collections.namedtuple("Type", "kind name size words")  # the size is a type's id for some kinds


class Types:
    def __init__(self, data):
        header_bytes, start, size, strings, _ = struct.unpack_from("<5I", data, 4)
        self.data, self.strings = data, header_bytes + strings
        self.all = [None]  # the first id is 1
        at, end = header_bytes + start, header_bytes + start + size
        while at < end:
            name, info, size = struct.unpack_from("<3I", data, at)
            kind, members = info >> 24 & 31, info & 0xffff
            fixed, each = WORDS.get(kind, (0, 0))
            words = struct.unpack_from(f"<{fixed + each * members}I", data, at + 12)
            self.all.append(Type(kind, self.text(name), size, words))
            at += 12 + 4 * len(words)

    def text(self, offset):
        return text_at(self.data, self.strings + offset)

    def members(self, kind):
        """The words of each member of a struct, a prototype or a data section."""
        each = WORDS[kind.kind][1]
        return [kind.words[n:n + each] for n in range(0, len(kind.words), each)]

    def name(self, number):
        """A type as C writes it."""
        if not number:
            return "void"
        kind = self.all[number]
        if kind.kind in (STRUCT, FORWARD):
            return f"struct {kind.name}"
        if kind.kind == POINTER:
            return f"{self.name(kind.size)} *"
        if kind.kind == CONST:
            return f"const {self.name(kind.size)}"
        if kind.kind == ARRAY:
            return f"{self.name(kind.words[0])}[{kind.words[2]}]"
        return kind.name

    def sized(self, number):
        """The type of a map's keys or values, with its size."""
        return f"{self.name(number)} of {self.all[number].size} bytes"

    def maps(self):
        """Name and definition of each map: pointers to arrays are numbers, pointers to types are types."""
        for kind in self.all[1:]:
            if kind.kind == DATA and kind.name == ".maps":
                for variable, _, _ in self.members(kind):
                    yield self.all[variable].name, self.definition(self.all[self.all[variable].size])

    def definition(self, kind):
        found = {}
        for name, pointer, _ in self.members(kind):
            to = self.all[pointer].size
            is_array = self.all[to].kind == ARRAY
            found[self.text(name)] = self.all[to].words[2] if is_array else to
        return found

    def lines(self):
        """Integers, structs with a name, functions and data sections: the types that others are made of."""
        for number, kind in enumerate(self.all):
            if kind is None:
                continue
            if kind.kind == INT:
                yield f"{kind.name}: {kind.size} bytes"
            elif kind.kind == STRUCT and kind.name:
                fields = [f"{self.name(of)} {self.text(name)} at {bits // 8}" for name, of, bits in self.members(kind)]
                yield f"{self.name(number)}: {kind.size} bytes: " + (", ".join(fields) or "no fields")
            elif kind.kind == FUNCTION:
                yield self.prototype(kind)
            elif kind.kind == DATA:
                yield from self.variables(kind)

    def prototype(self, function):
        prototype = self.all[function.size]
        arguments = [f"{self.name(of)} {self.text(name)}" for name, of in self.members(prototype)]
        return f"{self.name(prototype.size)} {function.name}({', '.join(arguments)})".replace("* ", "*")

    def variables(self, section):
        yield f"{section.name}: {section.size} bytes"
        for variable, offset, size in self.members(section):
            name, of = self.all[variable].name, self.name(self.all[variable].size)
            yield f"    at {offset}, {size} bytes: {name}" + ("" if section.name == ".maps" else f", {of}")


def records(data, start):
    """The records of one part of .BTF.ext: the section's name, and the record's words."""
    size, = struct.unpack_from("<I", data, start)
    at = start + 4
    while True:
        section, count = struct.unpack_from("<2I", data, at)
        at += 8
        for _ in range(count):
            yield section, struct.unpack_from(f"<{size // 4}I", data, at)
            at += size
        if at >= len(data):
            return


def code_lines(data, types):
    """A line for each record of .BTF.ext: functions, and the instructions where another rule begins."""
    header_bytes, functions, function_bytes, lines, line_bytes, others, other_bytes = struct.unpack_from("<7I", data, 4)
    yield f"header of {header_bytes} bytes, {other_bytes} bytes of relocations"
    if header_bytes + others != len(data):
        yield f"the relocations begin {header_bytes + others - len(data)} bytes behind the end"
    functions, lines = header_bytes + functions, header_bytes + lines
    for section, (offset, kind) in records(data[:functions + function_bytes], functions):
        yield f"{types.text(section)} at {offset}: function {types.all[kind].name}"
    for section, (offset, file, text, place) in records(data[:lines + line_bytes], lines):
        yield (f"{types.text(section)} at {offset}: {types.text(file)}:{place >> 10}:{place & 1023}:"
               f" {types.text(text)}")
