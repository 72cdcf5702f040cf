"""The runtime: the component's functions, and how a script's functions are called."""

import gc
import io
import json
import os
import posixpath
import random
import re
import sys
import time
import types

# Scripts import these often: they are in memory from the beginning.
import abc, argparse, array, ast, base64, binascii, bisect, calendar, collections, collections.abc, contextlib, copy  # noqa: E401, F401
import csv, dataclasses, datetime, decimal, difflib, email.utils, enum, fnmatch, fractions, functools, hashlib  # noqa: E401, F401
import heapq, html, importlib.metadata, importlib.resources, itertools, keyword, linecache, logging, math, operator  # noqa: E401, F401
import pathlib, pickle, pprint, secrets, statistics, string, struct, tempfile, textwrap, tokenize, tomllib, typing  # noqa: E401, F401
import unicodedata, urllib.parse, uuid, zlib, zoneinfo  # noqa: E401, F401

import journal_host
import journal_host.types
from componentize_py_types import Err
from journal_host import _absent, _files, _journal, _options, _pretty, _rows, _script, _tracebacks
from journal_host._printing import LogStream, Stdout
from wit_world import exports
from wit_world.imports import log, outputs
from wit_world.imports.types import Failure_Fatal, Rejection

# 2000-01-01T00:00:00Z, as the component's clock has it.
NOW = 946684800


def write_log(level, text):
    for line in text.splitlines() or [""]:
        log.log(getattr(log.Level, level), line)


def name_of(path):
    """The name of a file of the script, for tracebacks."""
    return path if path in _files.files else None


class Runner:
    def load(self, files, main, printing):
        _files.files.clear()
        _files.files.update({file.path: file.content for file in files})
        self.main = main
        # Whether printed text is an output; without it, the script's functions decide.
        self.prints_output = None if printing is None else printing.name == "OUTPUT"
        stem = posixpath.basename(main).removesuffix(".py")
        self.name = "main" if stem == "__main__" else stem
        self.logged, self.stderr = LogStream(write_log, "INFO"), LogStream(write_log, "WARN")
        self.stdout = Stdout(self.logged)
        sys.stdout, sys.stderr, sys.argv = self.stdout, self.stderr, [main]
        journal_host.log._write = write_log
        if not main.endswith(".py"):
            raise Err(Failure_Fatal(f"{main} is not Python, and this is the runtime of Python: `--runtime` names another one"))
        with self.failing():
            _files.code_of(main)
        fault = _files.fault_of_dependencies(_files.files[main].decode(errors="replace"))
        if fault:
            raise Err(Failure_Fatal(f"{main} {fault}"))

    def failing(self):
        return Failing(self)

    def execute(self, values):
        """Runs the script's own lines."""
        self.module = module = types.ModuleType(self.name)
        module.__file__ = self.main
        sys.modules[self.name] = module
        _options.bind(module, values)
        exec(_files.code_of(self.main), module.__dict__)

    def describe(self):
        # The script runs again in each instance that is at work, which prints the same.
        self.stdout.target = io.StringIO()
        self.execute({})
        self.stdout.target = self.logged
        module = self.module
        text = (module.__doc__ or "").strip().splitlines()
        found = {"name": clean(self.name), "version": clean(str(getattr(module, "__version__", "0"))),
                 "options": _options.schema_of(getattr(module, "Options", None))}
        if text:
            found["summary"] = text[0][:1000]
        return json.dumps(found)

    def start(self, values):
        self.execute(json.loads(values))
        self.script = _script.Script(self.module, write_log, name_of, self.prints_output)
        if self.script.printed is not None:
            self.logged.end()
            self.stdout.target = self.script.printed
        return json.dumps(self.script.plan())

    def process(self, batches):
        decode = self.script.decode
        decoded = ((one.object_type, decode(one.object_type, one.values, one.value_ends)) for one in batches)
        rejections = [Rejection(*one) for one in self.script.process(decoded)]
        self.send(False)
        return rejections

    def checkpoint(self):
        self.script.checkpoint()
        self.send(True)

    def send(self, is_last):
        script = self.script
        if script.rows is not None:
            script.rows.send(outputs.emit)
        text = script.printed.take(is_last) if script.printed is not None else ""
        if text:
            row = _journal.pack({"text": text}, _rows.other)
            outputs.emit(len(script.outputs), row, [len(row)])
        self.logged.end()
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


def report(error):
    """Logs the traceback; returns its one line."""
    sys.stdout, sys.stderr = runner.stdout, runner.stderr
    runner.stdout.target = runner.stderr
    runner.logged.end()
    runner.stderr.end()
    short = _tracebacks.short(error, name_of)
    write_log("ERROR", "\n".join(_tracebacks.lines(error)))
    return short


def clean(text):
    text = re.sub(r"[^ -_a-~]", "_", text)[:100]
    return text or "script"


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


def script_frame(frame):
    """The innermost frame of the script at or above this one, or this one."""
    above = frame
    while above and above.f_code.co_filename not in _files.files:
        above = above.f_back
    return above or frame


def replace_surroundings():
    """Gives what depends on a machine a meaning that is the same on all."""
    told = []

    def clock(value):
        def read(*_):
            frame = sys._getframe(1)
            # Whoever logs does not ask what time it is.
            if not told and frame.f_code.co_filename != logging.__file__:
                told.append(True)
                frame = script_frame(frame)
                write_log("WARN", f"{frame.f_code.co_filename}:{frame.f_lineno}: a script has no clock, and it is always "
                                  "2000-01-01T00:00:00Z: use the dates of objects")
            return value
        return read

    def refused(what):
        def refuse(*_, **__):
            raise NotImplementedError(what)
        return refuse

    time.time, time.time_ns = clock(float(NOW)), clock(NOW * 10**9)
    time.process_time = time.thread_time = time.monotonic
    time.process_time_ns = time.thread_time_ns = time.monotonic_ns
    time.sleep = refused("a script cannot sleep, and has nothing to wait for: leave it out")
    no_randomness = refused("a script has no randomness of a system: `random` starts alike in every instance")
    os.urandom = random._urandom = no_randomness
    secrets.token_bytes = secrets.randbits = secrets.choice = secrets.randbelow = uuid.uuid1 = uuid.uuid4 = no_randomness
    seed = random.Random.seed
    random.Random.seed = lambda self, a=None, version=2: seed(self, 0 if a is None else a, version)
    random.seed = random._inst.seed
    random.seed(0)
    os._exit = refused("a script ends by returning")


def collect_rarely():
    """Most garbage needs no collector, which would look at all objects of a call again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


_files.pack_library("/python")
_files.install()
_pretty.install()
replace_surroundings()
_absent.say_what_is_not_there()
collect_rarely()
