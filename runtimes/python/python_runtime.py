"""The runtime: the component's functions, and how a script's functions are called."""

import inspect
import io
import json
import os
import posixpath
import random
import re
import select
import sys
import time
import types

# Scripts import these often: they are in memory from the beginning.
import abc, argparse, array, ast, base64, binascii, bisect, calendar, collections, collections.abc, contextlib, copy  # noqa: E401, F401
import csv, dataclasses, datetime, decimal, difflib, email.utils, enum, fnmatch, fractions, functools, hashlib  # noqa: E401, F401
import heapq, html, importlib.metadata, importlib.resources, itertools, keyword, linecache, logging, math, operator  # noqa: E401, F401
import pathlib, pickle, pprint, secrets, statistics, string, struct, tempfile, textwrap, tokenize, tomllib, typing  # noqa: E401, F401
import unicodedata, urllib.parse, uuid, zlib, zoneinfo  # noqa: E401, F401

import _journal
import journal_host
from componentize_py_types import Err
from journal_host import Rejected, _files, _options, _rows, _tracebacks
from wit_world import exports
from wit_world.imports import log, outputs
from wit_world.imports.types import Failure_Fatal, Rejection

# The fields of each object type, also of old records. The file is read when the runtime is built.
with open(os.path.join(os.path.dirname(__file__), "fields.json")) as table:
    KNOWN_FIELDS = json.load(table)
# 2000-01-01T00:00:00Z, as the component's clock has it.
NOW = 946684800
# Tracebacks of rejected objects that are logged, and that differ; the others have a line each.
REJECTIONS = 10


class Damaged(int):
    """A value that is not msgpack: the offset at which it goes wrong."""


def extension(code, data):
    if code == 1:
        return int.from_bytes(data, "big")
    if code == 2:
        return -int.from_bytes(data, "big")
    if code == -1:
        if len(data) == 4:
            seconds, nanoseconds = int.from_bytes(data, "big"), 0
        elif len(data) == 8:
            both = int.from_bytes(data, "big")
            seconds, nanoseconds = both & (1 << 34) - 1, both >> 34
        elif len(data) == 12:
            nanoseconds, seconds = struct.unpack(">Iq", data)
        else:
            raise ValueError("a timestamp has 4, 8 or 12 bytes")
        return _rows.EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    raise ValueError(f"the extension {code} is unknown")


def pairs(found):
    """The form in which old records have times."""
    if found.keys() == {b"d", b"swhtype"} and found[b"swhtype"] == "datetime":
        return datetime.datetime.fromisoformat(found[b"d"])
    return found


_journal.setup(extension, pairs, Damaged)


def write_log(level, text):
    for line in text.splitlines() or [""]:
        log.log(getattr(log.Level, level), line)


class LogStream(io.TextIOBase):
    """Text that goes to the log, a line each."""

    encoding = "utf-8"

    def __init__(self, level):
        self.level, self.held = level, ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self.held = (self.held + text).split("\n")
        for line in lines:
            write_log(self.level, line)
        return len(text)

    def end(self):
        if self.held:
            write_log(self.level, self.held)
            self.held = ""


class Printed(io.TextIOBase):
    """Printed text, which is an output of the script."""

    encoding = "utf-8"

    def __init__(self, output):
        self.output, self.parts, self.held = output, [], ""

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.parts.append(text)
        return len(text)

    def savepoint(self):
        return len(self.parts)

    def rollback(self, savepoint):
        del self.parts[savepoint:]

    def send(self, is_last):
        """Emits whole lines; a checkpoint ends the last one."""
        text = self.held + "".join(self.parts)
        self.parts.clear()
        end = text.rfind("\n") + 1
        text, self.held = text[:end], text[end:]
        if is_last and self.held:
            text, self.held = text + self.held + "\n", ""
        if text:
            row = _journal.pack({"text": text.encode("utf-8", "backslashreplace").decode()}, _rows.other)
            outputs.emit(self.output, row, [len(row)])


class Runner:
    def load(self, files, main, printing):
        _files.files.clear()
        _files.files.update({file.path: file.content for file in files})
        self.main = main
        # Whether printed text is an output; without it, the script's functions decide.
        self.prints_output = None if printing is None else printing.name == "OUTPUT"
        stem = posixpath.basename(main).removesuffix(".py")
        self.name = "main" if stem == "__main__" else stem
        self.printed = None
        self.rejected = set()
        self.stdout, self.stderr = LogStream("INFO"), LogStream("WARN")
        sys.stdout, sys.stderr = self.stdout, self.stderr
        journal_host.log._write = write_log
        with self.failing():
            _files.code_of(main)
        source = _files.files[main].decode(errors="replace")
        wanted = _files.missing_dependencies(source)
        if wanted:
            names = " ".join(wanted)
            raise Err(Failure_Fatal(f"{main} needs {names}: `pip download --only-binary=:all: --no-deps {names}` fetches "
                                    f"wheels, and the host's `--with WHEEL` adds each"))

    def failing(self):
        return Failing(self)

    def execute(self, values):
        """Runs the script's own lines."""
        self.module = module = types.ModuleType(self.name)
        module.__file__ = self.main
        sys.modules[self.name] = module
        found = []

        def get():
            if not found:
                options = getattr(module, "Options", None)
                if options is None:
                    return None
                found.append(_options.instance(options, values))
            return found[0]

        journal_host._Options._get = staticmethod(get)
        exec(_files.code_of(self.main), module.__dict__)

    def describe(self):
        # The script runs again in each instance that is at work, which prints the same.
        sys.stdout = io.StringIO()
        self.execute({})
        sys.stdout = self.stdout
        module = self.module
        text = (module.__doc__ or "").strip().splitlines()
        found = {"name": clean(self.name), "version": clean(str(getattr(module, "__version__", "0"))),
                 "options": _options.schema_of(getattr(module, "Options", None))}
        if text:
            found["summary"] = text[0][:1000]
        return json.dumps(found)

    def start(self, values):
        self.execute(json.loads(values))
        get = lambda name, other: getattr(self.module, name, other)  # noqa: E731
        self.fields = fields(get("FIELDS", {}), get("OBJECT_TYPES", ()))
        if isinstance(get("OBJECT_TYPES", None), str) and self.module.OBJECT_TYPES != "any":
            raise TypeError('OBJECT_TYPES is a list of texts, such as ["revision"], or "any"')
        self.choose()
        for function in self.functions():
            # A call of them would run nothing and say nothing.
            if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
                raise TypeError(f"`{function.__name__}` is a generator or a coroutine, of which a call runs nothing: "
                                "call `emit` instead of `yield`, and write no `async`")
        chosen = get("OBJECT_TYPES", None)
        if self.single and chosen not in (None, "any") and not self.single.keys() & set(chosen):
            names = ", ".join(f"`process_{one}`" for one in sorted(self.single))
            raise TypeError(f"OBJECT_TYPES has no object type of {names}")
        checkpoint = get("checkpoint", None)
        self.checkpoint_function = checkpoint if callable(checkpoint) else None
        takes_emit = any(parameters(function) > 1 for function in self.functions())
        takes_emit |= bool(self.checkpoint_function and parameters(self.checkpoint_function))
        prints_output = not takes_emit if self.prints_output is None else self.prints_output
        plan = {"object-types": self.object_types(), "columns": ["values"],
                "holds-state": self.checkpoint_function is not None or prints_output}
        if not takes_emit and hasattr(self.module, "OUTPUTS"):
            raise TypeError("the script declares OUTPUTS, and no function of it takes `emit`")
        plan["outputs"] = list(get("OUTPUTS", [{"name": "rows"}])) if takes_emit else []
        self.rows = _rows.Rows(plan["outputs"]) if takes_emit else None
        if prints_output:
            self.stdout.end()
            sys.stdout = self.printed = Printed(len(plan["outputs"]))
            plan["outputs"].append({"name": "printed", "kind": "text"})
        return json.dumps(plan)

    def choose(self):
        """Finds the functions that the script is made of."""
        module, self.batch, self.single = self.module, None, {}
        public = {name: one for name, one in vars(module).items() if not name.startswith("_") and inspect.isfunction(one)}
        whole = {name: one for name, one in public.items() if "all_objects" in inspect.signature(one).parameters}
        if callable(getattr(module, "process", None)):
            whole = {"process": module.process}
        known = set(KNOWN_FIELDS) | set(getattr(module, "OBJECT_TYPES", []))
        self.single = {name[8:]: one for name, one in public.items()
                       if name.startswith("process_") and name[8:] in known and name not in whole}
        if self.single and whole:
            name, single = next(iter(whole)), f"process_{next(iter(self.single))}"
            raise TypeError(f"the script has both `{name}` and `{single}`: keep `{name}` for all objects of a call, or "
                            f"`{single}` for one object at a time, and let the name of the other begin with `_`")
        if self.single:
            return
        if len(whole) != 1:
            raise TypeError("the script has no function `process(all_objects)` or `process(all_objects, emit)`, and none "
                            "for one type such as `process_revision(revision, emit)`")
        self.batch, = whole.values()

    def functions(self):
        return [self.batch] if self.batch else list(self.single.values())

    def object_types(self):
        named = getattr(self.module, "OBJECT_TYPES", None)
        if named is not None:
            return named if named == "any" else list(named)
        return sorted(self.single) or "any"

    def process(self, batches):
        rejections, all_objects = [], {}
        for number, batch in enumerate(batches):
            kind = batch.object_type
            decoded = _journal.decode(batch.values, batch.value_ends, self.fields.get(kind))
            if self.single:
                self.process_single(number, kind, decoded, rejections)
                continue
            objects = [one for one in decoded if type(one) is not Damaged]
            if len(objects) != len(decoded):
                for index, one in enumerate(decoded):
                    if type(one) is Damaged:
                        rejections.append(Rejection(number, index, damaged(one)))
            all_objects[kind] = objects
        if self.batch and any(all_objects.values()):
            self.call(self.batch, all_objects)
        self.send(False)
        return rejections

    def process_single(self, number, kind, decoded, rejections):
        function = self.single.get(kind)
        if function is None:
            return
        held = [one for one in (self.rows, self.printed) if one is not None]
        for index, one in enumerate(decoded):
            if type(one) is Damaged:
                rejections.append(Rejection(number, index, damaged(one)))
                continue
            savepoints = [one.savepoint() for one in held]
            try:
                self.call(function, one)
            except MemoryError:
                raise
            except Exception as error:
                for rows, savepoint in zip(held, savepoints):
                    rows.rollback(savepoint)
                rejections.append(Rejection(number, index, _tracebacks.short(error, _files.files)))
                self.log_rejection(error)

    def log_rejection(self, error):
        if isinstance(error, Rejected) or len(self.rejected) == REJECTIONS:
            return
        text = "\n".join(_tracebacks.lines(error))
        if text not in self.rejected:
            self.rejected.add(text)
            write_log("WARN", text)

    def call(self, function, argument):
        if self.rows is not None and parameters(function) > 1:
            function(argument, self.rows.emit)
        else:
            function(argument)

    def checkpoint(self):
        function = self.checkpoint_function
        if function is not None:
            function(self.rows.emit) if self.rows is not None and parameters(function) else function()
        self.send(True)

    def send(self, is_last):
        if self.rows is not None:
            self.rows.send(outputs.emit)
        if self.printed is not None:
            self.printed.send(is_last)
        self.stdout.end()
        self.stderr.end()


class Failing:
    """Makes an exception of the script a failure, with its traceback in the log."""

    def __init__(self, runner):
        self.runner = runner

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, Err):
            return False
        short = report(error)
        raise Err(Failure_Fatal(short)) from None


def fields(given, object_types):
    """The fields to decode, by object type. Of types that only the script names, the fields are not known."""
    if not isinstance(given, dict) or any(isinstance(names, str) for names in given.values()):
        raise TypeError('FIELDS has a list of names for each object type, such as {"revision": ["id", "date"]}')
    for kind, names in given.items():
        if kind not in KNOWN_FIELDS and kind not in object_types:
            raise TypeError(f"FIELDS names the object type {kind!r}, which does not exist: {meant(kind, KNOWN_FIELDS)}")
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"FIELDS has {name!r} for the object type {kind!r}: the name of a field is a text")
            if name not in KNOWN_FIELDS.get(kind, names):
                raise TypeError(f"FIELDS names the field {name!r}, which the object type {kind!r} does not have: "
                                f"{meant(name, KNOWN_FIELDS[kind])}")
    return {kind: tuple(map(sys.intern, names)) for kind, names in given.items()}


def meant(name, known):
    """Which of the known names this one is meant to be, or all of them."""
    near = difflib.get_close_matches(str(name), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, known))}"


def report(error):
    """Logs the traceback; returns its one line."""
    sys.stdout = sys.stderr = runner.stderr
    runner.stdout.end()
    runner.stderr.end()
    short = _tracebacks.short(error, _files.files)
    write_log("ERROR", "\n".join(_tracebacks.lines(error)))
    return short


def parameters(function):
    """How many arguments a function takes by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        return code.co_argcount
    return sum(one.kind in kinds for one in inspect.signature(function).parameters.values())


def clean(text):
    text = re.sub(r"[^ -_a-~]", "_", text)[:100]
    return text or "script"


def damaged(value):
    return f"its value is not msgpack at byte {int(value)}"


# componentize-py makes a new object for each call: what lives on is the module's.
runner = Runner()


class Script(exports.Script):
    def load(self, files, main, printing):
        runner.load(files, main, printing)


class Processor(exports.Processor):
    def describe(self):
        if not hasattr(runner, "main"):
            log.panicked("the runtime has no script", "")
            raise RuntimeError
        try:
            return runner.describe()
        except BaseException as error:
            short = report(error)
            position, _, what = short.partition(": ")
            # The traceback is in the log already, without the runtime's own lines.
            sys.excepthook = lambda *_: None
            log.panicked(*((what, position) if re.search(r":\d+$", position) else (short, "")))
            raise

    def start(self, options):
        with runner.failing():
            return runner.start(options)

    def process(self, batches):
        with runner.failing():
            return runner.process(batches)

    def checkpoint(self):
        with runner.failing():
            runner.checkpoint()


def replace_surroundings():
    """Gives what depends on a machine a meaning that is the same on all."""
    told = []

    def clock(value):
        def read(*_):
            if not told:
                told.append(True)
                frame = sys._getframe(1)
                write_log("WARN", f"{frame.f_code.co_filename}:{frame.f_lineno}: a script has no clock, and it is always "
                                  "2000-01-01T00:00:00Z: use the dates of objects")
            return value
        return read

    def refused(what):
        def refuse(*_, **__):
            raise NotImplementedError(what)
        return refuse

    time.time, time.time_ns = clock(float(NOW)), clock(NOW * 10**9)
    time.sleep = refused("a script cannot sleep")
    no_randomness = refused("a script has no randomness of a system: `random` starts alike in every instance")
    os.urandom = random._urandom = no_randomness
    secrets.token_bytes = secrets.randbits = secrets.choice = secrets.randbelow = uuid.uuid1 = uuid.uuid4 = no_randomness
    seed = random.Random.seed
    random.Random.seed = lambda self, a=None, version=2: seed(self, 0 if a is None else a, version)
    random.seed = random._inst.seed
    random.seed(0)
    # What waits would wait for ever.
    select.select = select.poll = refused("a script cannot wait, and so has no event loop")
    os._exit = refused("a script ends by returning")


_files.pack_library("/python")
_files.install()
replace_surroundings()
