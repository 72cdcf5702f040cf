"""Runs the host."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ._arguments import listed, options_of
from ._result import Result

log = logging.getLogger("journal_host")
LEVELS = {"ERROR": logging.ERROR, "WARN": logging.WARNING, "INFO": logging.INFO}
# How the log begins each line of a plugin.
NAME = re.compile(r"`[^`]*`: ")
# Seconds that the host has to end by itself.
PATIENCE = 2
# How a traceback begins: of Python, and of JavaScript, whose message is followed by the places that led there.
TRACEBACK = "Traceback (most recent call last):"
ERROR = re.compile(r"[A-Z]\w*(: |$)")
PLACE = re.compile(r"    at \S.*:\d+")


class RunError(Exception):
    """A run that failed. The message has the host's error and hint, and at its end the traceback of the script."""


def run(
    script: str | os.PathLike[str],
    *,
    recording: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    options: dict[str, Any] | None = None,
    object_types: Iterable[str] = (),
    modules: Iterable[str | os.PathLike[str]] = (),
    arguments: Iterable[str | os.PathLike[str]] = (),
    runtime: str | os.PathLike[str] | None = None,
    host: str | os.PathLike[str] | None = None,
) -> Result:
    """Runs a script, or a plugin, over a recording or several, and returns what it wrote.

    `modules` are those that the flag `--with` adds, `arguments` are further flags of `journal-host run`, such as
    `["--stop-after", "1000"]`; with `--brokers`, it reads Kafka. `host` is the program, by default that of the variable
    `JOURNAL_HOST`, or else `journal-host` on the PATH. Its log goes to the logger `journal_host` of `logging`.

    Raises RunError if the run fails, FileNotFoundError if there is no host, and ValueError
    or TypeError for arguments and options that cannot be passed on."""
    object_types = listed("object_types", object_types, '["revision"]')
    modules = listed("modules", modules, '["lib/words.py"]')
    arguments = listed("arguments", arguments, '["--stop-after", "1000"]')
    options = options_of(options or {})
    program = find(host)
    recordings = [recording] if isinstance(recording, str | os.PathLike) else recording
    with tempfile.TemporaryDirectory(prefix="journal-host-") as name:
        folder = Path(name)
        common: list[str | os.PathLike[str]] = [script, "--log-format", "json"]
        if options:
            (folder / "options.json").write_text(json.dumps(options))
            common += ["--options", folder / "options.json"]
        if runtime is not None:
            common += ["--runtime", runtime]
        for module in modules:
            common += ["--with", module]
        flags: list[str | os.PathLike[str]] = []
        for one in recordings:
            flags += ["--recording", one]
        for object_type in object_types:
            flags += ["--object-type", object_type]
        description = call([program, "describe", *common, "--json"])
        outputs = outputs_of(program, description)
        written = [destination(folder, number, output) for number, output in enumerate(outputs)]
        for rows in written:
            flags += ["--output", rows.flag]
        # Printed text is on standard output, where no other output is.
        printed = call([program, "run", *common, *flags, *arguments])
        return Result(outputs, {output["name"]: rows.rows() for output, rows in zip(outputs, written)}, printed)


def destination(folder: Path, number: int, output: dict[str, Any]) -> Lines | Table:
    """Where the rows of an output go to. Only a database keeps one row for each key."""
    if output["kind"] == "unique":
        return Table(output, folder / "rows.sqlite", f"rows{number}")
    return Lines(output, folder / f"{output['name']}.rows")


class Lines:
    """The rows of an output as JSON lines."""

    def __init__(self, output: dict[str, Any], file: Path) -> None:
        self.file = file
        self.flag = f"{output['name']}={file}"

    def rows(self) -> list[dict[str, Any]]:
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        # Only a line feed ends a row.
        return [json.loads(line) for line in text.split("\n") if line]


class Table:
    """The rows of an output in a database."""

    def __init__(self, output: dict[str, Any], file: Path, table: str) -> None:
        self.columns, self.file, self.table = output["row"], file, table
        self.flag = f"{output['name']}=sqlite:{file}?table={table}"

    def rows(self) -> list[dict[str, Any]]:
        """The rows as JSON lines would have them, with None for what has no value."""
        names = ", ".join(f'"{column["name"]}"' for column in self.columns)
        with contextlib.closing(sqlite3.connect(self.file)) as database:
            found = database.execute(f'SELECT {names} FROM "{self.table}"')
            return [
                {column["name"]: read(column["type"], value) for column, value in zip(self.columns, row)}
                for row in found
            ]


def read(type_: str, value: Any) -> Any:
    """The value of a column of this type, as its JSON line reads."""
    if value is None:
        return None
    if type_ == "bool":
        return bool(value)
    if type_ == "json":
        return json.loads(value)
    return value.hex() if isinstance(value, bytes) else value


def find(host: str | os.PathLike[str] | None) -> str:
    name = os.fspath(host or os.environ.get("JOURNAL_HOST") or "journal-host")
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"there is no program {name!r}: name it with `host=` or in the variable JOURNAL_HOST")
    return found


def outputs_of(program: str, description: str) -> list[dict[str, Any]]:
    """The outputs of a plan that have rows."""
    try:
        found = json.loads(description)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RunError(f"the program {program!r} is no journal-host: it does not describe the script")
    # There is no plan where the options are wrong, which the run then says.
    plan = found.get("plan") or {}
    return [output for output in plan.get("outputs", []) if output["kind"] != "text"]


def call(command: list[str | os.PathLike[str]]) -> str:
    """Runs the host, and passes its log on. Returns what it prints."""
    lines: list[tuple[str, str]] = []
    errors = []
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert process.stderr is not None
        try:
            with process.stderr:
                for line in process.stderr:
                    entry = parsed(line)
                    if entry is None:
                        errors.append(line)
                        continue
                    level, text = entry["level"], entry["message"]
                    log.log(LEVELS.get(level, logging.DEBUG), "%s", text)
                    if entry["target"] == "plugin":
                        lines.append((level, NAME.sub("", text, count=1)))
            process.wait()
        except BaseException:
            # Such as an interrupt in a notebook.
            end(process)
            raise
        if process.returncode:
            error = "".join(errors).strip().removeprefix("error: ") or ending(command[0], process.returncode)
            raise RunError("\n\n".join(part for part in (error, traceback(lines)) if part))
        printed.seek(0)
        return printed.read()


def end(process: subprocess.Popen[str]) -> None:
    """Ends the host, which has its files in a folder that goes away."""
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    finally:
        # A script at work keeps the host from ending by itself. It is killed after a second interrupt, too.
        process.kill()
        process.wait()


def ending(program: str | os.PathLike[str], status: int) -> str:
    """How a host ended that says nothing of it."""
    if status > 0:
        return f"the program {os.fspath(program)!r} ended with the status {status}, and did not say why"
    known = {one.value: one.name for one in signal.Signals}
    return f"the program {os.fspath(program)!r} was ended by the signal {known.get(-status, -status)}"


def parsed(line: str) -> Any:
    """The entry of the log in this line, or None for a line of an error."""
    try:
        return json.loads(line) if line.startswith("{") else None
    except ValueError:
        return None


def traceback(lines: list[tuple[str, str]]) -> str:
    """The traceback in the script's lines of the log: that of its failure, or else those of objects that were rejected."""
    failure = [text for level, text in lines if level == "ERROR"]
    if failure:
        return "\n".join(failure)
    # What the script printed is at another level.
    texts = [text for level, text in lines if level == "WARN"]
    first = texts.index(TRACEBACK) if TRACEBACK in texts else first_of_javascript(texts)
    return "\n".join(texts[first:])


def first_of_javascript(texts: list[str]) -> int:
    """Which line begins the first traceback of JavaScript."""
    place = next((index for index, text in enumerate(texts) if PLACE.match(text)), None)
    if place is None:
        return len(texts)
    # A message may have several lines.
    return next((index for index in reversed(range(place)) if ERROR.match(texts[index])), max(place - 1, 0))
