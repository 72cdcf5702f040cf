"""Outputs natively are those of the host, with its messages."""

import pytest
from journal_host import RunError
from journal_host.testing import RowError, run_script

TIMES = """
from datetime import datetime, timedelta, timezone

LATE = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
EARLY = datetime(1, 1, 1, 0, 0, 0, 120, tzinfo=timezone(timedelta(hours=5)))
"""
TYPED = "OUTPUTS = [{'name': 'o', 'row': [{'name': 'a', 'type': '%s'}]}]\n"
MAX = "OUTPUTS = [{'name': 'o', 'kind': 'aggregate', 'key': ['k'], 'columns': [{'name': 'n', 'merge': 'max'}]}]\n"
EMITTING = "def process_origin(origin, emit):\n    %s\n"


@pytest.mark.parametrize(
    ("outputs", "row"),
    [
        ("", "{'a': LATE}"),
        ("", "{'a': {'b': [1, LATE]}}"),
        (TYPED % "timestamp", "{'a': LATE}"),
        (TYPED % "json", "{'a': [LATE]}"),
        (TYPED % "int", "{'a': LATE}"),
        (MAX, "{'k': 1, 'n': LATE}"),
        (MAX, "{'k': {'a': LATE}, 'n': 1}"),
    ],
)
def test_time_after_the_year_9999_is_refused_with_the_message_of_the_host(outputs, row, script, recording, hosted):
    path = script(TIMES + outputs + EMITTING % f"emit({row})")
    with pytest.raises(RowError) as native:
        run_script(path, recording)
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording)
    assert f"a row that cannot be written: {native.value}\n" in str(here.value)


@pytest.mark.parametrize("outputs", [TYPED % "timestamp", TYPED % "json", MAX.replace("'k'", "").replace("'n'", "'a'")])
def test_time_in_the_year_0_is_written_as_the_host_writes_it(outputs, script, recording, hosted):
    path = script(TIMES + outputs + EMITTING % "emit({'a': EARLY})")
    native = run_script(path, recording).rows
    assert native == hosted(path, recording=recording).rows == [{"a": "0000-12-31T19:00:00.00012Z"}]


def test_time_in_the_year_0_is_before_all_others(script):
    path = script(TIMES + MAX + EMITTING % "emit({'k': 1, 'n': datetime.min.replace(tzinfo=timezone.utc)})")
    path.write_text(path.read_text() + "    emit({'k': 1, 'n': EARLY})\n")
    assert run_script(path, {"origin": [{}]}).rows == [{"k": 1, "n": "0001-01-01T00:00:00Z"}]


ROW = "'row': [{'name': 'k', 'type': 'text'}, {'name': 'n', 'type': 'int'}, {'name': 'j', 'type': 'json'}]"
COLUMNS = "'kind': 'aggregate', 'columns': "


@pytest.mark.parametrize(
    ("outputs", "place"),
    [
        ("[{'name': 'A'}]", "[0]['name']"),
        ("[{'name': 'a'}, {'name': 'a'}]", "[1]['name']"),
        ("[{'name': 'a', 'kind': 'set'}]", "[0]['kind']"),
        ("[{'name': 'a', 'kind': 'aggregate'}]", "[0]"),
        ("[{'name': 'a', 'columns': []}]", "[0]['columns']"),
        ("[{'name': 'a', 'kind': 'text', 'row': [{'name': 'text', 'type': 'text'}]}]", "[0]['row']"),
        (f"[{{'name': 'a', {COLUMNS} []}}]", "[0]['columns']"),
        (f"[{{'name': 'a', {COLUMNS} [{{'name': 'n', 'merge': 'mean'}}]}}]", "[0]['columns'][0]['merge']"),
        (f"[{{'name': 'a', {COLUMNS} [{{'name': 'n', 'merge': 'latest'}}]}}]", "[0]['columns'][0]"),
        (f"[{{'name': 'a', {COLUMNS} [{{'name': 'n', 'merge': 'latest', 'by': 'm'}}]}}]", "[0]['columns']"),
        (f"[{{'name': 'a', {COLUMNS} [{{'name': 'n', 'merge': 'max', 'by': 'm'}}]}}]", "[0]['columns'][0]['by']"),
        (f"[{{'name': 'a', 'key': ['n'], {COLUMNS} [{{'name': 'n', 'merge': 'max'}}]}}]", "[0]['columns']"),
        ("[{'name': 'a', 'row': []}]", "[0]['row']"),
        ("[{'name': 'a', 'row': [{'name': 'a', 'type': 'string'}]}]", "[0]['row'][0]['type']"),
        ("[{'name': 'a', 'row': [{'name': 'a b', 'type': 'id'}]}]", "[0]['row'][0]['name']"),
        ("[{'name': 'a', 'row': [{'name': 'b', 'type': 'id', 'nullable': 1}]}]", "[0]['row'][0]['nullable']"),
        ("[{'name': 'a', 'row': [{'name': 'b', 'type': 'id'}, {'name': 'B', 'type': 'id'}]}]", "[0]['row']"),
        ("[{'name': 'a', 'kind': 'unique', 'key': ['k']}]", "[0]"),
        (f"[{{'name': 'a', 'kind': 'unique', 'key': ['x'], {ROW}}}]", "[0]['key']"),
        (f"[{{'name': 'a', 'kind': 'unique', 'key': ['j'], {ROW}}}]", "[0]['key']"),
        (f"[{{'name': 'a', 'kind': 'unique', 'key': [], {ROW}}}]", "[0]['key']"),
        (f"[{{'name': 'a', 'kind': 'unique', 'key': ['k', 'k'], {ROW}}}]", "[0]['key']"),
        (f"[{{'name': 'a', 'kind': 'upsert', 'key': ['k'], 'order': 'k', {ROW}}}]", "[0]['row']"),
        (f"[{{'name': 'a', 'kind': 'upsert', 'key': ['k'], 'order': 'j', {ROW}}}]", "[0]['row']"),
        (f"[{{'name': 'a', 'kind': 'upsert', 'key': ['k'], {ROW}}}]", "[0]"),
    ],
)
def test_outputs_that_the_host_refuses_are_refused_with_its_rule(outputs, place, script, recording, hosted):
    path = script(f"OUTPUTS = {outputs}\n" + EMITTING % "emit({}, 'a')")
    with pytest.raises(ValueError) as native:
        run_script(path, recording)
    found, rule = str(native.value).split(": ", 1)
    assert found == f"OUTPUTS{place}"
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording)
    pointer = "/outputs" + place.replace("'", "").replace("[", "/").replace("]", "")
    assert f"breaks a rule at `{pointer}`: {rule}" in str(here.value)


@pytest.mark.parametrize("types", ["", "other", "fiii", "itii", "iiji", "ibbi", "iiij", "iifi", "iii"])
def test_types_of_an_aggregate_that_cannot_be_merged_are_refused(types, script, recording, hosted):
    known = {"i": "int", "t": "text", "f": "float", "j": "json", "b": "bool"}
    row = [
        {"name": name, "type": known.get(one, "int")}
        for name, one in zip("other" if types == "other" else "ksml", types)
    ]
    columns = [
        {"name": "s", "merge": "sum"},
        {"name": "m", "merge": "max"},
        {"name": "l", "merge": "latest", "by": "m"},
    ]
    outputs = [{"name": "a", "kind": "aggregate", "key": ["k"], "columns": columns, "row": row}]
    path = script(f"OUTPUTS = {outputs}\n" + EMITTING % "emit({}, 'a')")
    with pytest.raises(ValueError) as native:
        run_script(path, recording)
    with pytest.raises(RunError) as here:
        hosted(path, recording=recording)
    rule = str(native.value).removeprefix("OUTPUTS[0]['row']: ")
    assert f"breaks a rule at `/outputs/0/row`: {rule}" in str(here.value)


@pytest.mark.parametrize(
    ("object_types", "error", "message"),
    [
        ("[]", ValueError, "OBJECT_TYPES is empty"),
        ("[1]", TypeError, "OBJECT_TYPES has 1: it is a list of texts"),
        ("5", TypeError, "OBJECT_TYPES is a list of texts"),
        ("None", TypeError, "OBJECT_TYPES is a list of texts"),
        ("'revision'", TypeError, "OBJECT_TYPES is a list of texts"),
        ("['revison']", ValueError, "OBJECT_TYPES has 'revison', which does not exist: did you mean 'revision'?"),
        ("['Revision']", ValueError, "did you mean 'revision'?"),
        ("['a-b']", ValueError, 'OBJECT_TYPES: "a-b" is not an object type: 1 to 100 of a-z, 0-9 and _'),
        ("['release', 'release']", ValueError, 'OBJECT_TYPES: "release" is in the list twice'),
    ],
)
def test_object_types_that_no_script_can_read_are_refused(object_types, error, message, script):
    path = script(f"OBJECT_TYPES = {object_types}\ndef process(all_objects):\n    pass\n")
    with pytest.raises(error) as raised:
        run_script(path, {})
    assert message in str(raised.value)


@pytest.mark.parametrize("object_types", ["['revision', 'of_next_year']", "('release',)", "{'origin'}", "'any'"])
def test_object_types_that_a_script_can_read_are_taken(object_types, script):
    path = script(f"OBJECT_TYPES = {object_types}\ndef process(all_objects):\n    pass\n")
    assert run_script(path, {}).printed == ""
