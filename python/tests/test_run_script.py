"""Scripts that run natively write what they write in the host, and fail as they fail there."""

import json
import re

import pytest
from conftest import ROOT
from journal_host import RunError
from journal_host.testing import RowError, run_script

SCRIPTS = ROOT / "tests/data/scripts"
REJECTING = """
from journal_host import reject

def process_revision(revision, emit):
    number = revision["id"][0] % 4
    emit({"id": revision["id"], "number": number})
    if number == 1:
        reject("it is one")
    if number == 2:
        return _check(number)

def _check(number):
    assert number != 2, "two"

def process_origin(origin, emit):
    emit(origin)
"""
STATE = """
from collections import Counter

FIELDS = {"revision": ["date", "message"], "release": ["name"]}
counts = Counter()

def process(all_objects, emit):
    for kind, objects in all_objects.items():
        for one in objects:
            counts[kind, *sorted(one)] += 1

def checkpoint(emit):
    for (kind, *fields), count in sorted(counts.items()):
        emit({"kind": kind, "fields": fields, "count": count})
"""
AGGREGATES = """
import datetime

OUTPUTS = [{"name": "all", "kind": "aggregate", "key": ["zone", "even"], "columns": [
    {"name": "n", "merge": "sum"}, {"name": "first", "merge": "min"}, {"name": "last", "merge": "max"},
    {"name": "message", "merge": "latest", "by": "last"}, {"name": "size", "merge": "latest", "by": "last"},
    {"name": "ratio", "merge": "max"}, {"name": "id", "merge": "min"}, {"name": "merge", "merge": "latest", "by": "size_max"},
    {"name": "size_max", "merge": "max"}, {"name": "nothing", "merge": "max"}]}]

def process_revision(revision, emit):
    date, size = revision["date"], len(revision["message"])
    time = datetime.datetime.fromtimestamp(date["timestamp"]["seconds"] // 86400 * 86400, datetime.timezone.utc)
    emit({"n": -1 if size % 2 else 2, "zone": date["offset_bytes"], "even": size % 2 == 0, "first": time, "last": time,
          "message": revision["message"].decode() if size < 100 else None, "size": size, "ratio": 1 / size,
          "id": revision["id"], "merge": len(revision["parents"]) > 1, "size_max": size // 10, "nothing": None})
"""
VALUES = """
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal, Optional
from journal_host import Id, Swhid, options

OBJECT_TYPES = ["origin"]
OUTPUTS = [{"name": "typed", "row": [
    {"name": "bool", "type": "bool"}, {"name": "int", "type": "int"}, {"name": "uint", "type": "uint"},
    {"name": "float", "type": "float"}, {"name": "text", "type": "text"}, {"name": "bytes", "type": "bytes"},
    {"name": "id", "type": "id"}, {"name": "time", "type": "timestamp"}, {"name": "json", "type": "json"},
    {"name": "none", "type": "int", "nullable": True}, {"name": "absent", "type": "id", "nullable": True}]}, {"name": "free"}]

@dataclass
class Nested:
    name: str
    weights: dict[str, float]

@dataclass
class Options:
    nested: Nested
    kind: Literal["a", "b"] = "a"
    names: list[str] = field(default_factory=list)
    limit: Optional[int] = None

@dataclass
class Row:
    bool: bool
    int: int
    uint: int
    float: float
    text: str
    bytes: bytes
    id: Id
    time: datetime
    json: object
    none: None = None

def process(all_objects, emit):
    origin, = all_objects["origin"]
    times = [datetime(1, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 31, 23, 59, 59, 999999, timezone.utc),
             datetime(1969, 12, 31, 20, 0, 50, 120, timezone(timedelta(hours=-3, minutes=-30))),
             datetime(2026, 1, 1, 0, 0, 10, tzinfo=timezone.utc)]
    for time in times:
        emit(Row(True, -2**63, 2**64 - 1, 0.1, "\\u202e\\x85 é", bytearray(b"ab"), Id(origin["id"]), time, {"a": [time]}), "typed")
    emit({"options": options.nested, "kind": options.kind, "names": tuple(options.names), "limit": options.limit}, "free")
    emit({"swhid": Swhid("origin", origin["id"]), "": memoryview(b""), "large": 1e300, "small": -0.0, "nested": [[{}]]}, "free")
"""
UPSERTS = """
import datetime

OUTPUTS = [{"name": "latest", "kind": "upsert", "key": ["zone"], "order": "time", "row": [
    {"name": "time", "type": "timestamp"}, {"name": "zone", "type": "bytes"}, {"name": "size", "type": "int"},
    {"name": "note", "type": "text", "nullable": True}]}]

def process_revision(revision, emit):
    date, size = revision["date"], len(revision["message"])
    time = datetime.datetime.fromtimestamp(date["timestamp"]["seconds"], datetime.timezone.utc)
    row = {"zone": date["offset_bytes"], "time": time}
    emit({"_removed": True, **row} if size % 7 == 0 else {**row, "size": size})
"""
PRINTING = """
def process_release(release):
    print(release["name"].decode(), end=" ")
    print("\\udc80", len(release["message"] or b"") % 2)
    assert len(release["message"] or b"") % 2

def checkpoint():
    print("end", end="")
"""


def key(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (SCRIPTS / "months.py", {}),
        (ROOT / "python/tests/template.py", {"options": {"since": 2018}}),
        (REJECTING, {"on_failure": "skip"}),
        (STATE, {}),
        (STATE, {"object_types": ["release", "origin"]}),
        (AGGREGATES, {}),
        (
            VALUES,
            {"options": {"nested": {"name": "é", "weights": {"a": 1, "b": 2.5}}, "kind": "b", "names": ["x", "y"]}},
        ),
        (UPSERTS, {}),
        (PRINTING, {"on_failure": "skip"}),
    ],
    ids=["months", "template", "rejecting", "state", "two-types", "aggregates", "values", "upserts", "printing"],
)
def test_rows_are_those_of_the_host(text, settings, script, recording, hosted):
    path = script(text) if isinstance(text, str) else text
    native = run_script(path, recording, **settings)
    skips = settings.pop("on_failure", None)
    arguments = ["--on-failure", "skip", "--max-failures", "100%"] if skips else []
    rows = hosted(path, recording=recording, arguments=arguments, **settings)
    assert native.printed == rows.printed
    assert list(native) == list(rows)
    for output in rows:
        assert key(native[output]) == key(rows[output])
    assert native.printed or all(native.values())
    assert bool(native.rejections) == bool(skips)


def test_client_of_upstreams_shape_prints_the_same_objects(recording, hosted):
    types = ["origin", "origin_visit", "origin_visit_status", "release", "snapshot"]
    printed = [
        run_script(SCRIPTS / "print_all.py", recording, object_types=types).printed,
        hosted(SCRIPTS / "print_all.py", recording=recording, object_types=types).printed,
    ]
    native, here = (sorted(text.split("\n\n")) for text in printed)
    assert len(native) > 270 and native == here


ROWS = "def process_origin(origin, emit):\n    {}\n"
TYPED = "OUTPUTS = [{{'name': 'o', 'row': [{{'name': 'a', 'type': '{}'}}]}}]\n" + ROWS
SUM = "OUTPUTS = [{'name': 'o', 'kind': 'aggregate', 'key': ['k'], 'columns': [{'name': 'n', 'merge': 'sum'}]}]\n"
MAX = SUM.replace("sum", "max")
UPSERT = (
    "OUTPUTS = [{'name': 'o', 'kind': 'upsert', 'key': ['k'], 'order': 'n', 'row': [{'name': 'k', 'type': 'text'}, "
    "{'name': 'n', 'type': 'int'}, {'name': 'v', 'type': 'text'}]}]\n"
)


@pytest.mark.parametrize(
    "text",
    [
        TYPED.format("id", "emit({'a': 5})"),
        TYPED.format("id", "emit({'a': b'5'})"),
        TYPED.format("uint", "emit({'a': -1})"),
        TYPED.format("int", "emit({'a': 2**63})"),
        TYPED.format("text", "emit({'a': True})"),
        TYPED.format("bytes", "emit({'a': 'text'})"),
        TYPED.format("float", "emit({'a': 1})"),
        TYPED.format("timestamp", "emit({'a': [1]})"),
        TYPED.format("bool", "emit({'a': {}})"),
        TYPED.format("json", "emit({'a': 1})\n    emit({})"),
        TYPED.format("int", "emit({'a': None})"),
        TYPED.format("int", "emit({'a': 1, 'b': 2})"),
        ROWS.format("row = 1\n    for _ in range(128): row = [row]\n    emit({'a': row})"),
        SUM + ROWS.format("emit({'k': 1, 'n': 1})\n    emit({'k': 1, 'n': 'a'})"),
        SUM + ROWS.format("emit({'k': 1})"),
        SUM + ROWS.format("emit({'k': 1, 'n': 1, 'm': 1})"),
        SUM + ROWS.format("for _ in range(2): emit({'k': ['a'], 'n': 2**63})"),
        SUM + ROWS.format("for _ in range(2): emit({'k': 'a\"', 'n': -2**63})"),
        MAX + ROWS.format("emit({'k': 1, 'n': 1})\n    emit({'k': 2, 'n': 1.5})"),
        MAX + ROWS.format("emit({'k': 1, 'n': True})"),
        MAX + ROWS.format("emit({'k': 1, 'n': {}})"),
        UPSERT + ROWS.format("emit({'k': 'a', 'n': 1})"),
        UPSERT + ROWS.format("emit({'_removed': True, 'k': 'a'})"),
        UPSERT + ROWS.format("emit({'_removed': True, 'k': 'a', 'v': 'b'})"),
        UPSERT + ROWS.format("emit({'_removed': True, 'k': 'a', 'n': 2, 'v': 'b'})"),
        UPSERT + ROWS.format("emit({'_removed': True, 'k': 5, 'n': 2})"),
        UPSERT + ROWS.format("emit({'_removed': False, 'k': 'a', 'n': 2})"),
        UPSERT + ROWS.format("emit({'k': 'a', '_removed': True, 'n': 2})"),
    ],
)
def test_row_that_the_host_refuses_is_refused_with_its_message(text, script, recording, hosted):
    path = script(text)
    with pytest.raises(RowError) as native:
        run_script(path, recording)
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording)
    assert f"a row that cannot be written: {native.value}\n" in str(here.value)


@pytest.mark.parametrize(
    "text",
    [
        ROWS.format("emit({'a': object()})"),
        ROWS.format("emit({'a': 1, 'b': 2**64})"),
        ROWS.format("emit({'a': float('nan')})"),
        ROWS.format("emit({'a': '\\udc80'})"),
        ROWS.format("emit({'a': {1: 2}})"),
        ROWS.format("emit({1: 2})"),
        ROWS.format("emit([1])"),
        ROWS.format("emit({}, 'other')"),
        "def process(all_objects, emit):\n    yield {}\n",
        "OBJECT_TYPES = ['release']\ndef process_origin(origin, emit):\n    emit({})\n",
        "FIELDS = {'origin': ['urll']}\ndef process(all_objects, emit):\n    emit({})\n",
        "def process(all_objects):\n    pass\ndef process_origin(origin):\n    pass\n",
        "OUTPUTS = []\ndef process(all_objects):\n    pass\n",
        "a = 1\n",
        "class Options:\n    pass\ndef process(all_objects):\n    pass\n",
        "from journal_host import options\ndef process_origin(origin):\n    options.a\n",
        "def process_origin(origin):\n    return _at({}, 'a')\ndef _at(a, b):\n    return a[b]\n",
    ],
)
def test_mistake_of_a_script_has_the_message_of_the_host(text, script, recording, hosted):
    path = script(text)
    with pytest.raises(Exception) as native:
        run_script(path, recording)
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording)
    assert f"{type(native.value).__name__}: {native.value}" in str(here.value)


OPTIONS = """
from dataclasses import dataclass
from typing import Literal, Optional

@dataclass
class Pair:
    first: int
    second: int = 2

@dataclass
class Options:
    needed: str
    number: int = 1
    unit: Literal["year", "month"] = "year"
    maybe: Optional[float] = None
    pairs: Optional[list[Pair]] = None
    sizes: Optional[dict[str, int]] = None

def process_origin(origin, emit):
    pass
"""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"needed": "a", "other": 1},
        {"needed": 5},
        {"needed": "a", "number": True},
        {"needed": "a", "number": 1.5},
        {"needed": "a", "unit": "day"},
        {"needed": "a", "maybe": "x"},
        {"needed": "a", "pairs": [{"first": 1}, {"second": 1}]},
        {"needed": "a", "pairs": [{"first": 1, "third": 1}]},
        {"needed": "a", "sizes": {"a": "b"}},
    ],
)
def test_wrong_option_has_the_message_of_the_host(options, script, recording, hosted):
    path = script(OPTIONS)
    with pytest.raises(ValueError) as native:
        run_script(path, recording, options=options)
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording, options=options)
    assert str(here.value).startswith(f"{native.value}\n")


def test_rejections_have_the_reasons_of_dead_letters(script, recording, hosted, tmp_path):
    path, letters = script(REJECTING, "rejecting.py"), tmp_path / "letters.jsonl"
    native = run_script(path, recording, on_failure="skip").rejections
    arguments = ["--on-failure", "dead-letter", "--max-failures", "100%", "--dead-letters", letters]
    hosted(path, recording=recording, arguments=arguments)
    reasons = [json.loads(line)["reason"] for line in letters.read_text().splitlines()]
    assert [one.reason for one in native] == reasons
    assert "rejecting.py:13: AssertionError: two (in _check, called at rejecting.py:10 in process_revision)" in reasons
    assert {one.object_type for one in native} == {"revision"} and native[-1].index > 4000


def test_rejected_object_ends_the_run_unless_it_is_skipped(script):
    path = script(REJECTING)
    bad, good = {"id": b"\x02"}, {"id": b"\x03"}
    with pytest.raises(AssertionError, match="two") as raised:
        run_script(path, {"revision": [good, bad]})
    assert raised.traceback[-1].path == path
    result = run_script(path, {"revision": [good, bad, good]}, on_failure="skip")
    assert result.rows == [{"id": "03", "number": 3}] * 2
    assert [(one.object_type, one.index) for one in result.rejections] == [("revision", 1)]


def test_module_is_taken_with_its_state(script, monkeypatch, recording):
    path = script(
        "calls = []\n\ndef process_origin(origin, emit):\n    calls.append(1)\n    emit(origin)\n", "counting.py"
    )
    monkeypatch.syspath_prepend(path.parent)
    import counting

    origins = {"origin": [{"url": "a"}]}
    assert run_script(counting, origins).rows == run_script(counting, origins).rows == [{"url": "a"}]
    assert len(counting.calls) == 2
    # A path is a script of its own.
    run_script(path, origins)
    assert len(counting.calls) == 2


def test_folder_and_archive_import_what_is_in_them(script, recording):
    import zipapp

    main = script(
        "from lib import words\n\n\ndef process_origin(origin, emit):\n    emit({'w': words.WORD})\n    assert not words.BAD\n",
        "app/__main__.py",
    )
    script("WORD, BAD = 'one', True\n", "app/lib/words.py")
    archive = main.parent.with_suffix(".pyz")
    zipapp.create_archive(main.parent, archive)
    for path in (main.parent, archive):
        (rejection,) = run_script(path, recording, on_failure="skip").rejections
        assert rejection.reason == "__main__.py:6: AssertionError"
    script("WORD, BAD = 'two', False\n", "app/lib/words.py")
    assert run_script(main.parent, recording).rows == [{"w": "two"}]


def test_calls_have_the_number_of_objects_that_they_have_in_the_host(script, recording):
    path = script(
        "def process(all_objects, emit):\n    emit({kind: len(some) for kind, some in all_objects.items()})\n"
    )
    rows = run_script(path, recording, object_types=["revision", "release"]).rows
    sums = [sum(row.values()) for row in rows]
    assert sums == [1000, 1000, 1000, 1000, 663]
    assert len(run_script(path, recording, object_types=["revision"], batch_records=100).rows) == 44


def test_log_and_printed_text_go_where_they_can_be_read(script, caplog):
    caplog.set_level("INFO", "journal_host")
    path = script(
        "from journal_host import log\n\n\ndef process_origin(origin, emit):\n    print('a')\n    print('b', end='')\n"
        "    log.warning('c %s')\n"
    )
    assert run_script(path, {"origin": [{}]}).printed == ""
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("INFO", "a"),
        ("WARNING", "c %s"),
        ("INFO", "b"),
    ]


def test_options_of_no_script_are_named():
    from journal_host import options

    with pytest.raises(AttributeError, match=re.escape("options are set while a script runs")):
        options.some


KEYED = """
COLUMNS = [{"name": "url", "type": "text"}, {"name": "n", "type": "int"}, {"name": "kind", "type": "text"}]
OUTPUTS = [{"name": "latest", "kind": "upsert", "key": ["url"], "order": "n", "row": COLUMNS},
           {"name": "first", "kind": "unique", "key": ["url"], "row": COLUMNS[:1]}]

def process_origin(origin, emit):
    emit({"url": origin["url"]}, "first")
    emit({"url": origin["url"], "n": 1, "kind": "git"}, "latest")
    emit({"_removed": True, "url": origin["url"], "n": 2}, "latest")
"""


def test_rows_with_a_key_are_those_that_the_script_emits(script):
    result = run_script(script(KEYED), {"origin": [{"url": "a"}] * 2})
    assert result["first"] == [{"url": "a"}] * 2
    assert result["latest"] == [{"url": "a", "n": 1, "kind": "git"}, {"_removed": True, "url": "a", "n": 2}] * 2
