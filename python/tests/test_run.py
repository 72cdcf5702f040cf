"""Runs by the host, and what comes back from them."""

import datetime

import journal_host
import pandas
import pyarrow
import pytest
from conftest import ROOT

BAD = "def month(revision):\n    return revision['date']['mnth']\n\n\ndef process(all_objects):\n    month(all_objects['revision'][0])\n"
COLUMNS = """
import datetime

OBJECT_TYPES = ["origin"]
OUTPUTS = [{"name": "typed", "row": [{"name": name, "type": name, "nullable": True} for name in
    ("bool", "int", "uint", "float", "text", "bytes", "id", "timestamp", "json")]}, {"name": "free"}]

def process(all_objects, emit):
    emit({"bool": True, "int": -1, "uint": 2**64 - 1, "float": 0.5, "text": "a", "bytes": b"a", "id": bytes(20),
          "timestamp": datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, datetime.timezone.utc), "json": [1, 2]}, "typed")
    emit({}, "typed")
    emit({"a": 1, "b": "x"}, "free")
"""


UNIQUE = """
import datetime

OBJECT_TYPES = ["origin"]
TYPES = ("int", "bool", "uint", "float", "text", "bytes", "id", "timestamp", "json")
OUTPUTS = [{"name": "typed", "kind": "unique", "key": ["int", "text"],
            "row": [{"name": name, "type": name, "nullable": name not in ("int", "text")} for name in TYPES]},
           {"name": "others", "kind": "unique", "key": ["a-b"], "row": [{"name": "a-b", "type": "uint"}]}, {"name": "free"}]
TIME = datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, datetime.timezone.utc)

def process(all_objects, emit):
    for _ in range(2):
        emit({"int": -1, "bool": True, "uint": 2**63 - 1, "float": 0.5, "text": "é", "bytes": b"a", "id": bytes(20),
              "timestamp": TIME, "json": {"a": [1, None]}}, "typed")
        emit({"int": 1, "text": "", "bool": False}, "typed")
        emit({"a-b": 7}, "others")
        emit({"n": 1}, "free")
"""


def test_failed_run_ends_with_the_traceback_of_the_script(script, recording, hosted):
    with pytest.raises(journal_host.RunError) as raised:
        hosted(script(BAD, "bad.py"), recording=recording, object_types=["revision"])
    message = str(raised.value)
    assert message.startswith("`process` failed on the record at `swh.journal.objects.revision` partition 0 offset 0")
    assert message.endswith(
        "Traceback (most recent call last):\n"
        '  File "bad.py", line 6, in process\n'
        "    month(all_objects['revision'][0])\n"
        "    ~~~~~^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        '  File "bad.py", line 2, in month\n'
        "    return revision['date']['mnth']\n"
        "           ~~~~~~~~~~~~~~~~^^^^^^^^\n"
        "KeyError: 'mnth'"
    )


def test_mistake_in_the_text_of_a_script_shows_its_line(script, recording, hosted):
    with pytest.raises(journal_host.RunError) as raised:
        hosted(script("def process(all_objects)\n    pass\n", "bad.py"), recording=recording)
    assert str(raised.value).endswith(
        "    def process(all_objects)\n                            ^\nSyntaxError: expected ':'"
    )


def test_rejected_object_shows_its_line(script, recording, hosted):
    with pytest.raises(journal_host.RunError, match="rejected the record") as raised:
        hosted(script("def process_origin(origin):\n    1 / 0\n", "bad.py"), recording=recording)
    assert str(raised.value).endswith("    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero")


def test_error_of_the_host_comes_with_its_hint(script, hosted):
    with pytest.raises(journal_host.RunError, match="(?s)nowhere.journal.*") as raised:
        hosted(script("def process(all_objects):\n    pass\n"), recording="nowhere.journal")
    assert "Traceback" not in str(raised.value)


def test_missing_host_is_named_with_the_ways_to_name_it(monkeypatch, recording):
    monkeypatch.setenv("JOURNAL_HOST", "/nowhere/journal-host")
    with pytest.raises(FileNotFoundError, match="no program '/nowhere/journal-host': name it with `host=`"):
        journal_host.run("some.py", recording=recording)


def test_modules_arguments_and_several_recordings_are_passed_on(script, recording, hosted):
    path = script(
        "import words\n\n\ndef process(all_objects, emit):\n    emit({'w': words.WORD, 'n': len(all_objects['origin'])})\n"
    )
    module = script("WORD = 'one'\n", "words.py")
    copy = path.parent / "copy.journal.zst"
    copy.write_bytes(recording.read_bytes())
    result = hosted(path, recording=[recording, copy], object_types=["origin"], modules=[module])
    assert result.rows == [{"w": "one", "n": 2}]
    stopped = hosted(
        path, recording=recording, object_types=["origin"], modules=[module], arguments=["--batch-records", "1"]
    )
    assert stopped.rows == [{"w": "one", "n": 1}]


def test_columns_have_their_types_in_pandas_and_in_arrow(script, recording, hosted):
    result = hosted(script(COLUMNS), recording=recording)
    time = datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, datetime.timezone.utc)
    frame = result.to_pandas("typed")
    assert list(frame.columns) == ["bool", "int", "uint", "float", "text", "bytes", "id", "timestamp", "json"]
    assert isinstance(frame["timestamp"].dtype, pandas.DatetimeTZDtype)
    assert frame["timestamp"][0] == time and pandas.isna(frame["timestamp"][1])
    table = result.to_arrow("typed")
    assert [str(field.type) for field in table.schema] == [
        *("bool", "int64", "uint64", "double", "string", "string", "string"),
        *("timestamp[us, tz=UTC]", "list<item: int64>"),
    ]
    assert table["timestamp"].to_pylist() == [time, None]
    assert table["uint"].to_pylist() == [2**64 - 1, None]
    assert result.to_arrow("free").to_pylist() == result.to_pandas("free").to_dict("records") == result["free"]
    with pytest.raises(ValueError, match="there are the outputs 'typed', 'free': name one"):
        result.to_pandas()


def test_declared_columns_are_there_without_rows(script, recording, hosted):
    path = script(COLUMNS.replace("    emit", "    if False: emit"))
    result = hosted(path, recording=recording)
    assert result["typed"] == []
    assert list(result.to_pandas("typed").columns) == result.to_arrow("typed").column_names
    assert result.to_arrow("typed").schema.field("timestamp").type == pyarrow.timestamp("us", "UTC")


def test_plugin_runs_as_a_script_does(recording, hosted):
    plugin = ROOT / "plugins/count-objects/target/count_objects.wasm"
    counts = {row["object_type"]: row["objects"] for row in hosted(plugin, recording=recording).rows}
    assert counts["revision"] == 4391


def test_unique_rows_come_from_a_database_with_their_types(script, recording, hosted):
    result = hosted(script(UNIQUE), recording=recording)
    first, second = sorted(result["typed"], key=lambda row: row["int"])
    assert first == {
        **{"int": -1, "bool": True, "uint": 2**63 - 1, "float": 0.5, "text": "é", "bytes": "61", "id": "00" * 20},
        **{"timestamp": "2026-01-02T03:04:05.006Z", "json": {"a": [1, None]}},
    }
    assert isinstance(first["bool"], bool) and isinstance(first["float"], float)
    assert second == {**dict.fromkeys(first), "int": 1, "text": "", "bool": False}
    assert result["others"] == [{"a-b": 7}]
    assert result["free"] == [{"n": 1}] * 2
    time = datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, datetime.timezone.utc)
    assert set(result.to_arrow("typed")["timestamp"].to_pylist()) == {time, None}


def test_unique_rows_that_are_none_are_an_empty_list(script, recording, hosted):
    result = hosted(script(UNIQUE.replace("range(2)", "range(0)")), recording=recording)
    assert dict(result) == {"typed": [], "others": [], "free": []}
