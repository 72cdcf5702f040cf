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
