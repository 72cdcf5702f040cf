"""Frees the lists that the bindings in a component of componentize-py leak.

The bindings convert between the lists of the contract and Python's. They leak two kinds of them, so that an instance
would need more memory with each call until it reached its limit:

- The bytes that Python passes to the host. `emit` would leak every row.
- Empty lists. The bindings free nothing for them, but `cabi_realloc` allocates 16 bytes.

Usage: free_lists.py COMPONENT
"""

import re
import sys

from wasm import CODE, CORE_MODULE, CUSTOM, IMPORT
from wasm import Reader, component_names, rewrite, section, sections, uleb

BINDINGS = "libcomponentize_py_bindings.so"
NUMBER = rb"[\x80-\xff]*[\x00-\x7f]"
IF, END = b"\x04\x40", b"\x0b"


def imported_functions(content):
    """The indices of the functions that a module imports, by their names."""
    reader = Reader(content)
    found = {}
    for _ in range(reader.number()):
        reader.name()
        field, kind = reader.name(), reader.byte()
        if kind == 0:
            found[field] = len(found)
            reader.number()
        elif kind == 3:
            reader.take(2)
        else:
            if kind == 1:
                reader.byte()
            if reader.number() & 1:
                reader.number()
            reader.number()
    return found


def free_empty_lists(body, free):
    """Removes the condition that the size is not 0: `if size { free(call, list, size, align, is_deferred) }`."""
    guard = rb"\x20(?P<size>%b)(?P<rest>\x04\x40\x20%b\x20%b\x20(?P=size)\x41[\x01\x02\x04\x08]\x41[\x00\x01]%b)"
    guard = re.compile(guard % (NUMBER, NUMBER, NUMBER, re.escape(free + END)), re.DOTALL)
    return guard.subn(lambda found: b"\x41\x01" + found["rest"], body)


def free_bytes(body, free, pop_list):
    """Frees the copy of bytes at the end of the call: after `bytes = pop_list(call, ...)`, in the branch of `if !bytes`."""
    pop = (
        rb"\x20(?P<call>%b)\x41%b\x20%b\x41%b\x6a%b\x21(?P<size>%b)\x20%b\x41%b\x6a\x28\x02\x00\x21(?P<bytes>%b)"
        rb"(?=\x20(?P=bytes)\x45\x04\x40)"
    )
    pop = re.compile(pop % (*[NUMBER] * 4, re.escape(pop_list), *[NUMBER] * 4), re.DOTALL)

    def with_free(found):
        call, size, copied = (b"\x20" + found[name] for name in ("call", "size", "bytes"))
        return found[0] + copied + IF + call + copied + size + b"\x41\x01\x41\x01" + free + END

    return pop.subn(with_free, body)


def free_lists_of(module):
    parts = sections(module)
    functions = imported_functions(dict(parts)[IMPORT])
    free = b"\x10" + uleb(functions["wit_dylib_dealloc_bytes"])
    pop_list = b"\x10" + uleb(functions["wit_dylib_pop_list"])
    out = [module[:8]]
    for kind, content in parts:
        if kind == CODE:
            content = free_in_code(content, free, pop_list)
        out.append(section(kind, content))
    return b"".join(out)


def free_in_code(content, free, pop_list):
    reader = Reader(content)
    bodies, guards, pops = [], 0, 0
    for _ in range(reader.number()):
        body = reader.take(reader.number())
        # A check of the patterns, which a later version of componentize-py may not have.
        expected_guards, expected_pops = body.count(free + END), body.count(pop_list + b"\x21")
        body, found_guards = free_empty_lists(body, free)
        body, found_pops = free_bytes(body, free, pop_list)
        assert (found_guards, found_pops) == (expected_guards, expected_pops), "the bindings have another form"
        guards, pops = guards + found_guards, pops + found_pops
        bodies.append(uleb(len(body)) + body)
    assert guards and pops, "the bindings convert lists"
    return uleb(len(bodies)) + b"".join(bodies)


def free_lists(component):
    parts = sections(component)
    names = {}
    for kind, content in parts:
        if kind == CUSTOM:
            names = component_names(content)[0] or names
    bindings = next(index for index, text in names.items() if text == BINDINGS)
    out, module = [component[:8]], 0
    for kind, content in parts:
        if kind == CORE_MODULE:
            content = free_lists_of(content) if module == bindings else content
            module += 1
        out.append(section(kind, content))
    return b"".join(out)


if __name__ == "__main__":
    rewrite(free_lists, *sys.argv[1:])
