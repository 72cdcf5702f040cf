"""Makes the stubs of WASI in a component of componentize-py fail softly.

`componentize-py --stub-wasi` replaces each function of WASI by a trap, so that an import that was not made at build
time, or a look at the clock, would end the run without a word. This gives the stubs bodies: there are no files, the
clock stands still, nothing that is written arrives. What cannot be reached stays a trap.

Usage: soften.py COMPONENT
"""

import sys

from wasm import CODE, CORE_INSTANCE, CORE_MODULE, CUSTOM, EXPORT, FUNCTION, GLOBAL, IMPORT, TYPE
from wasm import Reader, component_names, name, rewrite, section, sections, sleb, uleb

UNREACHABLE, END = b"\x00", b"\x0b"

# 2000-01-01T00:00:00Z
WALL_SECONDS = 946684800
NO_ENTRY = 20  # of wasi:filesystem/types.error-code
ACCESS_DENIED = 1  # of wasi:sockets/network.error-code
CLOSED = 1  # of wasi:io/streams.stream-error


# Bodies of functions. The last parameter is the address of the result, where it has one.
def get(index):
    return b"\x20" + uleb(index)


def const32(value):
    return b"\x41" + sleb(value)


def const64(value):
    return b"\x42" + sleb(value)


def store8(index, offset, value):
    return get(index) + const32(value) + b"\x3a\x00" + uleb(offset)


def store32(index, offset, value):
    return get(index) + const32(value) + b"\x36\x02" + uleb(offset)


def store64(index, offset, value):
    return get(index) + const64(value) + b"\x37\x03" + uleb(offset)


def nothing(last):
    return b""


def handle(value):
    return lambda last: const32(value)


def failed(offset, code):
    """A result that failed with an error of one byte at this offset."""
    return lambda last: store8(last, 0, 1) + store8(last, offset, code)


def empty_list(last):
    return store32(last, 0, 8) + store32(last, 4, 0)


def none(last):
    return store8(last, 0, 0)


def wall(last):
    return store64(last, 0, WALL_SECONDS) + store32(last, 8, 0)


def wall_resolution(last):
    return store64(last, 0, 0) + store32(last, 8, 1000)


def monotonic(last):
    """Advances by a microsecond with each call."""
    advance = b"\x23\x00" + const64(1000) + b"\x7c\x24\x00"
    return advance + b"\x23\x00"


BODIES = {
    "wasi:cli/environment": {"get-arguments": empty_list, "get-environment": empty_list},
    "wasi:cli/stdin": {"get-stdin": handle(0)},
    "wasi:cli/stdout": {"get-stdout": handle(1)},
    "wasi:cli/stderr": {"get-stderr": handle(2)},
    "wasi:cli/terminal-stdin": {"get-terminal-stdin": none},
    "wasi:cli/terminal-stdout": {"get-terminal-stdout": none},
    "wasi:cli/terminal-stderr": {"get-terminal-stderr": none},
    "wasi:clocks/wall-clock": {"now": wall, "resolution": wall_resolution},
    "wasi:clocks/monotonic-clock": {"now": monotonic, "resolution": lambda last: const64(1000)},
    "wasi:filesystem/preopens": {"get-directories": empty_list},
    "wasi:filesystem/types": {
        "[method]descriptor.open-at": failed(4, NO_ENTRY),
        "[method]descriptor.stat-at": failed(8, NO_ENTRY),
        "[method]descriptor.stat": failed(8, NO_ENTRY),
        "[method]descriptor.metadata-hash": failed(8, NO_ENTRY),
        "[method]descriptor.metadata-hash-at": failed(8, NO_ENTRY),
        "[method]descriptor.readlink-at": failed(4, NO_ENTRY),
        "[method]descriptor.read-directory": failed(4, NO_ENTRY),
        "[method]descriptor.create-directory-at": failed(1, NO_ENTRY),
        "[method]descriptor.remove-directory-at": failed(1, NO_ENTRY),
        "[method]descriptor.unlink-file-at": failed(1, NO_ENTRY),
        "[method]descriptor.rename-at": failed(1, NO_ENTRY),
        "[method]descriptor.link-at": failed(1, NO_ENTRY),
        "[method]descriptor.symlink-at": failed(1, NO_ENTRY),
        "[method]descriptor.set-times-at": failed(1, NO_ENTRY),
    },
    "wasi:io/streams": {
        "[method]output-stream.check-write": lambda last: store8(last, 0, 0) + store64(last, 8, 4096),
        "[method]output-stream.write": none,
        "[method]output-stream.blocking-flush": none,
        "[method]input-stream.read": failed(4, CLOSED),
    },
    "wasi:sockets/instance-network": {"instance-network": handle(0)},
    "wasi:sockets/tcp-create-socket": {"create-tcp-socket": failed(4, ACCESS_DENIED)},
    "wasi:sockets/udp-create-socket": {"create-udp-socket": failed(4, ACCESS_DENIED)},
    "wasi:sockets/ip-name-lookup": {"resolve-addresses": failed(4, ACCESS_DENIED)},
    "wasi_snapshot_preview1": {"reset_adapter_state": nothing},
}


def parameter_counts(content):
    """How many parameters each type of a module has."""
    reader = Reader(content)
    counts = []
    for _ in range(reader.number()):
        assert reader.byte() == 0x60, "it is the type of a function"
        counts.append(reader.number())
        reader.take(counts[-1])
        reader.take(reader.number())
    return counts


def soften_module(module, interface):
    """The module of stubs with bodies that need the memory of Python."""
    known = BODIES.get(interface.split("@")[0], {})
    parts = dict(sections(module))
    assert set(parts) <= {TYPE, FUNCTION, EXPORT, CODE}, f"{interface} is more than stubs: {sorted(parts)}"
    parameters = parameter_counts(parts[TYPE])
    reader = Reader(parts[FUNCTION])
    functions = [parameters[reader.number()] for _ in range(reader.number())]
    bodies = [UNREACHABLE + END] * len(functions)
    reader = Reader(parts[EXPORT])
    for _ in range(reader.number()):
        exported, kind, index = reader.name(), reader.byte(), reader.number()
        assert kind == 0, f"{interface} exports functions"
        if exported.startswith("[resource-drop]"):
            bodies[index] = END
        elif exported in known:
            bodies[index] = known[exported](functions[index] - 1) + END
    code = b"".join(uleb(len(body) + 1) + b"\x00" + body for body in bodies)
    content = {
        TYPE: parts[TYPE],
        IMPORT: uleb(1) + name("env") + name("memory") + b"\x02\x00\x00",
        FUNCTION: parts[FUNCTION],
        # The monotonic clock: a variable of 64 bits.
        GLOBAL: uleb(1) + b"\x7e\x01" + const64(0) + END,
        EXPORT: parts[EXPORT],
        CODE: uleb(len(bodies)) + code,
    }
    return module[:8] + b"".join(section(kind, content[kind]) for kind in sorted(content))


def soften(component):
    parts = sections(component)
    modules, instances = {}, {}
    for kind, content in parts:
        if kind == CUSTOM:
            found = component_names(content)
            modules, instances = found if found[0] else (modules, instances)
    prefix = "wit-component:adapter:"
    stubs = {index: text[len(prefix) :] for index, text in modules.items() if text.startswith(prefix)}
    assert stubs, "the component has stubs"
    main = next(index for index, text in instances.items() if text == "main")
    out, module, instance = [component[:8]], 0, 0
    softened = 0
    for kind, content in parts:
        if kind == CORE_MODULE:
            if module in stubs:
                content = soften_module(content, stubs[module])
                softened += 1
            module += 1
        elif kind == CORE_INSTANCE:
            content, instance, used = with_memory(content, stubs, main, instance)
        out.append(section(kind, content))
    assert softened == len(stubs), "all stubs were found"
    return b"".join(out)


def with_memory(content, stubs, main, instance):
    """Passes the memory of Python to the stubs that a section instantiates."""
    reader = Reader(content)
    items, used = [], 0
    for _ in range(reader.number()):
        begin = reader.at
        if reader.byte() == 0:
            index = reader.number()
            count = reader.number()
            for _ in range(count):
                reader.name(), reader.byte(), reader.number()
            if index in stubs:
                assert count == 0 and instance > main, "a stub takes nothing, and comes after the memory"
                items.append(b"\x00" + uleb(index) + uleb(1) + name("env") + b"\x12" + uleb(main))
                instance, used = instance + 1, used + 1
                continue
        else:
            for _ in range(reader.number()):
                reader.name(), reader.byte(), reader.number()
        items.append(content[begin : reader.at])
        instance += 1
    return uleb(len(items)) + b"".join(items), instance, used


if __name__ == "__main__":
    rewrite(soften, *sys.argv[1:])
