"""Reads and writes the binary format of WebAssembly, as far as the post-processing of the runtime needs it."""

CUSTOM, CORE_MODULE, CORE_INSTANCE = 0, 1, 2
TYPE, IMPORT, FUNCTION, MEMORY, GLOBAL, EXPORT, CODE = 1, 2, 3, 5, 6, 7, 10


def uleb(number):
    out = bytearray()
    while True:
        byte, number = number & 127, number >> 7
        out.append(byte | (128 if number else 0))
        if not number:
            return bytes(out)


def sleb(number):
    out = bytearray()
    while True:
        byte, number = number & 127, number >> 7
        if (number == 0 and not byte & 64) or (number == -1 and byte & 64):
            out.append(byte)
            return bytes(out)
        out.append(byte | 128)


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def name(self):
        return self.take(self.number()).decode()


def sections(data):
    """The sections of a module or a component, after its header of eight bytes."""
    reader = Reader(data, 8)
    found = []
    while reader.at < len(data):
        kind = reader.byte()
        found.append((kind, reader.take(reader.number())))
    return found


def section(kind, content):
    return bytes([kind]) + uleb(len(content)) + content


def name(text):
    return uleb(len(text)) + text.encode()


def component_names(content):
    """The names of core modules and core instances, by their indices."""
    reader = Reader(content)
    if reader.name() != "component-name":
        return {}, {}
    found = {0x11: {}, 0x12: {}}
    while reader.at < len(content):
        kind = reader.byte()
        inside = Reader(reader.take(reader.number()))
        if kind != 1 or inside.byte() != 0:
            continue
        names = found.get(inside.byte(), {})
        for _ in range(inside.number()):
            index = inside.number()
            names[index] = inside.name()
    return found[0x11], found[0x12]


def rewrite(change, path):
    """Changes the component in a file."""
    with open(path, "rb") as file:
        component = file.read()
    changed = change(component)
    with open(path, "wb") as file:
        file.write(changed)
