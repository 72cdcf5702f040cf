"""The extension in C, compiled for this Python and with its real header."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import ROOT

EXTENSION = ROOT / "runtimes/python/extension"
PRETTY = ROOT / "runtimes/python/journal_host/_pretty.py"
COMPILER = os.environ.get("CC", "cc")
# Loads the extension in place of `_journal.py`, and what the runtime replaces besides.
LOAD = """
import importlib.machinery, importlib.util, sys
import journal_host

def load(name, loader):
    spec = importlib.util.spec_from_loader(f"journal_host.{name}", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    setattr(journal_host, name, module)
    loader.exec_module(module)
    return module

load("_journal", importlib.machinery.ExtensionFileLoader("journal_host._journal", sys.argv[1]))
load("_pretty", importlib.machinery.SourceFileLoader("journal_host._pretty", sys.argv[2])).install()
"""
FAULTS = """
import gc, operations, values
from journal_host import _journal
assert _journal.__file__ == sys.argv[1]

found, count = operations.faults(values.VALUES)
assert not found and count > 10_000, found[:20]
few = {name: some[:1] for name, some in values.VALUES.items()}

def used():
    operations.faults(few)
    gc.collect()
    return sys.getallocatedblocks()

used(), used()
before, after = used(), used()
assert after - before < 50, (before, after)
"""
# The same in Python is the oracle of the following.
PLAIN = """
import importlib.util, random
import msgpack, values
from journal_host import _objects

spec = importlib.util.spec_from_file_location("plain_journal", sys.argv[3])
plain = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plain)
plain.setup(_objects.extension, _objects.pairs, _objects.Damaged)
"""
# `pprint` is changed in the runtime, and writes the same as before.
PRINTED = """
import collections, dataclasses, datetime, enum, importlib.util, operations, pprint, values
from journal_host import _objects

spec = importlib.util.spec_from_file_location("plain_pprint", pprint.__file__)
plain = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plain)

class Text(str): pass
class Named(dict): pass
class Loud(dict): __repr__ = lambda self: "<loud>"
class Color(enum.Enum): RED = 1
class Unordered:
    def __lt__(self, other): raise TypeError
@dataclasses.dataclass
class Point: x: object = None

endless, cycle, deep = [1], {"a": [2]}, []
endless.append(endless)
cycle["a"].append(cycle)
for _ in range(60):
    deep = [{"b": 1, "a": deep}]
some = [endless, cycle, deep, {}, [], (), (1,), ("a" * 90, [1] * 90), {2: 1, "a": 2, None: 3}, {(1, "a"): 1, ("a", 1): 2}, "é" * 90]
some += [1234567, -0.0, float("nan"), True, b"a" * 200, bytearray(b"b" * 99), datetime.datetime(2000, 1, 1), datetime.date.min]
some += [{3, 1, 2}, frozenset("ab"), Text("b"), Named(b=1, a=2), Loud(b=1), Color.RED, {Color.RED: 1}, Point([1] * 50), {Point: 1}]
some += [collections.OrderedDict(b=1, a=2), collections.Counter("aab"), collections.defaultdict(list, b=[1]), collections.deque([1])]
some += [collections.namedtuple("Pair", "one other")(1, {"b": 1, "a": 2}), {Unordered(): 1, Unordered(): 2}, Point, len]
shapes = [lambda one: one, lambda one: [one, one], lambda one: (one,), lambda one: {"z": one, "b": {"d": 4, "c": one}, "a": 5}]
settings = [{}, {"width": 20}, {"depth": 2}, {"sort_dicts": False}, {"compact": True, "indent": 3}, {"underscore_numbers": True}]
compared = 0
for one in some:
    for shape in shapes:
        for chosen in settings:
            value = shape(one)
            here, there = ((m.pformat(value, **chosen), m.isreadable(value), m.isrecursive(value)) for m in (pprint, plain))
            assert here == there, (here, there)
            compared += 1
assert compared > 700
for kind, packed in values.VALUES.items():
    for one in packed:
        (here,) = _objects.decode(one, [len(one)], None, kind)
        for chosen in settings:
            assert pprint.pformat(here, **chosen) == plain.pformat(dict(here), **chosen), kind
"""
ODD = """
some = [{"id": b"a", "message": bytes(2 << 20)}, {}, {f"k{n}": n for n in range(33)}, {"é": 1}, {"k" * 32: 1}, {"a": "é"}]
some += [{f"k{n}": n, "id": b"a"} for n in range(200)] + [5, [1], None, {1: 2, "id": 3}, {"id": {1: {b"a": [None]}}}]
packed = [msgpack.packb(one) for one in some] + [b"\\x82\\xa1a\\x01\\xa1a\\x02", b"\\x81\\xd9\\x01a\\x01"]
ends = [sum(map(len, packed[: n + 1])) for n in range(len(packed))]
for fields in (None, ("id",), ("message", "id"), ("absent",), ("k7", "a")):
    fields = fields and tuple(map(sys.intern, fields))
    there = plain.decode(b"".join(packed), ends, fields, None)
    for kind in ("revision", "unknown", None):
        here = _objects.decode(b"".join(packed), ends, fields, kind)
        for one, expected in zip(here, there, strict=True):
            if fields and not isinstance(expected, dict):
                continue
            assert (one, len(one), list(one)) == (expected, len(expected), list(expected)) if isinstance(one, dict) else one == expected
            assert isinstance(one, _objects._journal.Object) == bool(kind and isinstance(one, dict))
        for one, expected in zip(_objects.decode(b"".join(packed), ends, fields, kind), there):
            assert not isinstance(expected, dict) or [one.get(n) for n in ("id", "a", "k7")] == [expected.get(n) for n in ("id", "a", "k7")]
"""
# Maps like an earlier one, and those that begin like it.
KNOWN = """
def compare(packed):
    ends = [sum(map(len, packed[: n + 1])) for n in range(len(packed))]
    there = plain.decode(b"".join(packed), ends, None, None)
    for kind in ("revision", None):
        here = _objects.decode(b"".join(packed), ends, None, kind)
        for one, expected in zip(here, there, strict=True):
            is_map = isinstance(expected, dict)
            assert isinstance(one, dict) == is_map and (not is_map or repr(one) == repr(expected)), (one, expected)

person = {"fullname": b"a", "name": b"b", "email": None}
same = [person, {**person, "email": [person, {"fullname": 1, "name": person, "email": {}}]}]
begins = [{"fullname": b"a", "nane": b"b", "email": 1}, {"fullname": b"a", "name": b"b", "e": 1}, {"fullname": 1, "name": 2, 3: 4}]
begins += [{"fullname": 1, "name": 2, b"email": 3}, {"fullname": "é", "name": "é", "email": "é"}, {"fullname": 1}, {}]
compare([msgpack.packb({"id": b"a", "date": one}) for one in same + begins + same])
compare([msgpack.packb({"id": one}) for one in begins] * 2)
# The same key twice, and maps that end early.
twice = b"\\x81\\xa2id\\x83\\xa8fullname\\x01\\xa4name\\x02\\xa8fullname\\x03"
whole = msgpack.packb({"id": person})
compare([twice, *(whole[:n] for n in range(1, len(whole))), whole, twice])
assert whole in [msgpack.packb(dict(one)) for one in _objects.decode(whole, [len(whole)], None, None)]
# More keys than are remembered, and other maps at the place of those.
many = [{f"a{'b' * (n % 3)}{m}": m for m in range(n)} for n in range(1, 20)]
compare([msgpack.packb({"id": one}) for one in many] * 2)
for number in range(200):
    compare([msgpack.packb({"id": {f"{random.randrange(40)}": number, "b": 1}})])
# Each map is one of its own.
one, other = _objects.decode(whole * 2, [len(whole), 2 * len(whole)], None, None)
one["id"]["name"] = other["id"]["more"] = 1
assert (one["id"], other["id"]) == ({**person, "name": 1}, {**person, "more": 1})
"""
# Some levels of nesting are decoded, and more are refused, but not later than at once.
NESTED = """
decoded = []
for opening in (b"\\x91", b"\\x81\\xa1a", b"\\x81\\xc4\\x01a"):
    for depth in range(390, 410):
        for innermost in (b"\\xc0", b"\\x90", b"\\xc4\\x01a", b"\\xa1a"):
            value = b"\\x82\\xa2id\\xc4\\x01a\\xa1x" + opening * depth + innermost
            (one,) = _objects.decode(value, [len(value)], None, "revision")
            decoded.append(isinstance(one, dict))
            if decoded[-1]:
                assert len(list(one.values())) == 2
            else:
                assert isinstance(one, _objects.Damaged)
assert True in decoded and False in decoded
"""
DAMAGED = """
chance, damaged = random.Random(1), 0
for kind, some in values.VALUES.items():
    for original in some:
        for _ in range(300):
            value = bytearray(original)
            for _ in range(chance.randrange(1, 4)):
                value[chance.randrange(len(value))] = chance.choice([chance.randrange(256), 0xC1, 0xDC, 0xC7, 0xD6, 0x80, 0xFF])
            changed = bytes(value[: chance.choice([len(value)] * 5 + [chance.randrange(len(value))])])
            (here,) = _objects.decode(changed, [len(changed)], None, kind)
            (there,) = plain.decode(changed, [len(changed)], None, None)
            is_damaged = isinstance(there, _objects.Damaged)
            damaged += is_damaged
            assert isinstance(here, _objects.Damaged) == is_damaged, (kind, changed, here, there)
            if not is_damaged:
                assert repr(here) == repr(there), (kind, changed)
assert damaged > 1000
"""


@pytest.fixture(scope="module")
def header():
    path = Path(sysconfig.get_path("include")) / "Python.h"
    assert path.exists(), "Debian's package python3-dev has it"
    return path


@pytest.fixture(scope="module")
def run(header, tmp_path_factory, values):
    """Runs code with the extension."""
    folder = tmp_path_factory.mktemp("extension")
    (folder / "values.py").write_text(f"VALUES = {values!r}\n")
    library = folder / "_journal.so"
    sources = [EXTENSION / f"{part}.c" for part in ("module", "check", "dicts", "msgpack", "object", "pack")]
    flags = ["-O1", "-g", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{header.parent}", "-include", header]
    subprocess.run([COMPILER, *flags, *sources, "-o", library], check=True)
    folders = [ROOT / "python/src", ROOT / "python/tests", folder]
    # The allocator for debugging finds what is written beyond its memory or after its end.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONMALLOC": "debug"}

    def run(code):
        command = [sys.executable, "-X", "faulthandler", "-c", LOAD + code, library, PRETTY]
        command.append(ROOT / "python/src/journal_host/_journal.py")
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_objects_do_what_dicts_do_and_leave_no_memory(run):
    run(FAULTS)


def test_pretty_printing_is_that_of_python(run):
    run(PRINTED)


def test_odd_values_are_those_of_python(run):
    run(PLAIN + ODD)


def test_maps_like_earlier_ones_are_those_of_python(run):
    run(PLAIN + KNOWN)


def test_nested_values_are_decoded_or_refused_at_once(run):
    run(PLAIN + NESTED)


def test_damaged_values_are_those_of_python(run):
    run(PLAIN + DAMAGED)


def test_allocator_keeps_blocks_apart_and_returns_memory(header, tmp_path):
    program = tmp_path / "allocator"
    flags = ["-O1", "-g", "-no-pie", "-Wall", "-Werror", "-include", header, f"-I{header.parent}", f"-I{EXTENSION}"]
    command = [COMPILER, *flags, Path(__file__).with_name("allocator.c"), "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_declarations_of_the_extension_are_those_of_the_real_header(header, tmp_path):
    structs = {
        "PyMethodDef DeclaredMethodDef": ["ml_name", "ml_meth", "ml_flags", "ml_doc"],
        "PyModuleDef DeclaredModuleDef": ["m_name", "m_doc", "m_size", "m_methods", "m_slots", "m_free"],
        "PyMemAllocatorEx DeclaredAllocator": ["ctx", "malloc", "calloc", "realloc", "free"],
        "PyType_Slot DeclaredSlot": ["slot", "pfunc"],
        "PyType_Spec DeclaredSpec": ["name", "basicsize", "itemsize", "flags", "slots"],
    }
    lines = ["#include <Python.h>", '#include "cpython.h"']
    for names, members in structs.items():
        real, declared = names.split()
        lines.append(f'_Static_assert(sizeof({real}) == sizeof({declared}), "{real}");')
        for member in members:
            lines.append(f'_Static_assert(offsetof({real}, {member}) == offsetof({declared}, {member}), "{member}");')
    flags = ["-fsyntax-only", "-Wall", "-Werror", f"-I{header.parent}", f"-I{EXTENSION}"]

    def compiles(declarations):
        (tmp_path / "cpython.h").write_text(declarations)
        (tmp_path / "check.c").write_text("\n".join(lines) + "\n")
        command = [COMPILER, *flags, tmp_path / "check.c"]
        return subprocess.run(command, capture_output=True, text=True)

    declarations = (EXTENSION / "cpython.h").read_text()
    done = compiles(declarations)
    assert done.returncode == 0, done.stderr
    # A wrong number, type or argument is found.
    for right, wrong in (
        ("Py_tp_repr 66", "Py_tp_repr 67"),
        ("int PyDict_Update(", "void PyDict_Update("),
        ("PyTuple_New(Py_ssize_t)", "PyTuple_New(int)"),
        ("int itemsize; ", ""),
    ):
        assert declarations.count(right) == 1
        assert compiles(declarations.replace(right, wrong)).returncode != 0, wrong
