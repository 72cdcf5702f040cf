"""Runs scripts in plain Python, for tests.

    from journal_host.testing import objects, run_script

    def test_counts():
        assert run_script("years.py", "recordings/ripgrep.journal.zst").rows[0] == {"year": 2016, "revisions": 542}

A script runs here as any other Python code does, with all that the machine has; only its functions are called, and its rows
checked, as the host does it. A debugger stops in it, and coverage counts its lines.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from . import _options, _plan, _schema, log
from ._arguments import known, listed, one_of, options_of
from ._dicts import FIELDS
from ._load import loaded
from ._objects import Damaged
from ._outputs import Output, RowError
from ._printing import LogStream, Stdout
from ._recording import records
from ._result import Result
from ._script import Script
from ._views import class_of

__all__ = ["Rejection", "RowError", "ScriptResult", "objects", "run_script"]

# As many records as the host has in one call.
BATCH = 1000


@dataclasses.dataclass(frozen=True)
class Rejection:
    """An object that a function rejected: with `reject`, or by an exception. `index` counts the objects of its type."""

    object_type: str
    index: int
    reason: str


class ScriptResult(Result):
    """What a script wrote, and the objects that it rejected."""

    rejections: list[Rejection]


def objects(recording: str | os.PathLike[str], object_type: str, *, privileged: bool = False) -> Iterator[Any]:
    """Yields the objects of this type in a recording: dicts with the values of upstream's `kafka_to_value`, and attributes.

    With `privileged`, those of the privileged topic, which are not anonymised, if the recording has it.

    Raises ValueError for a damaged recording or value and for an object type that there is not, and OSError."""
    index, seen = 0, set(FIELDS)
    for kind, found in records(recording, privileged):
        seen.add(kind)
        if kind == object_type:
            if isinstance(found, Damaged):
                raise ValueError(f"{recording}: {kind} {index}: {found}")
            index += 1
            yield found
    # A recording may have types that are newer than this.
    known(object_type, seen)


def run_script(
    script: str | os.PathLike[str] | types.ModuleType,
    source: str | os.PathLike[str] | Mapping[str, Iterable[Any]],
    *,
    options: Mapping[str, Any] | None = None,
    object_types: Iterable[str] = (),
    on_failure: Literal["stop", "skip"] = "stop",
    privileged: bool = False,
    batch_records: int = BATCH,
) -> ScriptResult:
    """Runs a script over a recording, or over the objects of a dict such as `{"revision": [...]}`.

    `script` is a file, a folder with a `__main__.py` or an archive, which runs afresh, or a module, whose state stays. Its
    functions are called with `batch_records` objects at a time, and `checkpoint` once, at the end. The log of the script
    goes to the logger `journal_host` of `logging`.

    An exception of `process(all_objects)` is raised here as it is. One of `process_TYPE` too, with `on_failure="stop"`;
    with "skip", the object is left out as in a run with `--on-failure skip`, and is in `rejections`.

    Raises RowError for a row that the host would not take; TypeError for what is no script, and for the mistakes that the
    host finds at its start; ValueError for an argument or an object type that there is not, and for
    options, OUTPUTS and OBJECT_TYPES that the host would refuse."""
    read = set(listed("object_types", object_types, '["revision"]'))
    one_of("on_failure", on_failure, ["stop", "skip"])
    if batch_records < 1:
        raise ValueError(f"`batch_records` is at least 1, and not {batch_records}")
    values = options_of(options or {})
    logged = LogStream(log._write, "INFO")
    stdout = Stdout(logged)
    with contextlib.redirect_stdout(stdout), loaded(script, values) as (module, name_of):
        _schema.check(_options.schema_of(getattr(module, "Options", None)), values)
        _plan.check_object_types(getattr(module, "OBJECT_TYPES", "any"))
        runner = Runner(module, name_of, on_failure)
        if runner.script.printed is not None:
            logged.end()
            stdout.target = runner.script.printed
        result = runner.run(source, read, privileged, batch_records)
        logged.end()
        return result


class StoppingScript(Script):
    """A script whose first rejected object ends the run."""

    def rejection(self, error: Exception) -> str:
        raise error


class Runner:
    """A script at work."""

    def __init__(self, module: types.ModuleType, name_of: Any, on_failure: str) -> None:
        self.stops = on_failure == "stop"
        self.script = (StoppingScript if self.stops else Script)(module, log._write, name_of)
        _plan.check_outputs(self.script.outputs)
        self.outputs = [Output(plan) for plan in self.script.outputs]
        self.printed: list[str] = []
        self.rejections: list[Rejection] = []
        self.seen: dict[str, int] = {}

    def run(self, source: Any, object_types: set[str], privileged: bool, batch_records: int) -> ScriptResult:
        chosen = self.script.object_types()
        types = [*FIELDS, *(() if chosen == "any" else chosen)]
        for kind in source if isinstance(source, Mapping) else ():
            known(kind, types)

        def is_read(kind: str) -> bool:
            return (chosen == "any" or kind in chosen) and (not object_types or kind in object_types)

        batches: dict[str, list[Any]] = {}
        for kind, found in pairs_of(source, privileged):
            if is_read(kind):
                batches.setdefault(kind, []).append(self.reduced(kind, found))
                if sum(map(len, batches.values())) == batch_records:
                    self.process(batches)
                    batches = {}
        self.process(batches)
        self.script.checkpoint()
        self.take(True)
        rows = {output.name: output.finish() for output in self.outputs}
        result = ScriptResult(self.script.outputs, rows, "".join(self.printed))
        result.rejections = self.rejections
        return result

    def reduced(self, kind: str, found: Any) -> Any:
        """The object as the script asks for it."""
        if not isinstance(found, dict):
            return found
        fields = self.script.fields.get(kind, found)
        kept = {name: value for name, value in found.items() if name in fields}
        return class_of(kind)(kept) if self.script.is_lazy else kept

    def process(self, batches: dict[str, list[Any]]) -> None:
        if not batches:
            return
        kinds = list(batches)
        for number, index, reason in self.script.process(batches.items()):
            kind = kinds[number]
            if self.stops:
                raise ValueError(f"{kind} {self.seen.get(kind, 0) + index}: {reason}")
            self.rejections.append(Rejection(kind, self.seen.get(kind, 0) + index, reason))
        for kind, found in batches.items():
            self.seen[kind] = self.seen.get(kind, 0) + len(found)
        self.take(False)

    def take(self, is_last: bool) -> None:
        """Takes what a call has emitted and printed."""
        if self.script.rows is not None:
            self.script.rows.send(lambda index, rows, ends: self.outputs[index].emit(rows, ends))
        if self.script.printed is not None:
            self.printed.append(self.script.printed.take(is_last))


def pairs_of(source: Any, privileged: bool) -> Iterator[tuple[str, Any]]:
    if not isinstance(source, Mapping):
        yield from records(source, privileged)
        return
    for kind, found in source.items():
        for one in found:
            yield kind, one
