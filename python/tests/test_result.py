"""Tables of the rows that a run wrote."""

import pytest
from journal_host import Result


def result(rows, **output):
    return Result([{"name": "o", "kind": "append", **output}], {"o": rows}, "")


def test_table_of_arrow_has_the_columns_of_all_rows():
    rows = [{"b": 1}, {"a": "x", "b": 0.5}, {}, {"c": {"d": 1}}]
    table = result(rows).to_arrow()
    assert table.column_names == ["b", "a", "c"]
    assert table["b"].to_pylist() == [1, 0.5, None, None] and table["c"][3].as_py() == {"d": 1}
    assert result([]).to_arrow().num_rows == 0


@pytest.mark.parametrize("values", [[1, "x"], [True, 1], ["x", [1]], [2**64, 1]])
@pytest.mark.parametrize("output", [{}, {"row": [{"name": "a", "type": "json"}]}])
def test_values_that_do_not_fit_one_type_of_arrow_name_their_column(values, output):
    with pytest.raises(ValueError, match="^the column 'a' of the output 'o' does not fit one type: "):
        result([{"a": value} for value in values], **output).to_arrow()


UPSERT = {
    "kind": "upsert",
    "key": ["k"],
    "order": "n",
    "row": [{"name": "k", "type": "text"}, {"name": "n", "type": "int"}],
}


def test_removals_of_an_upsert_have_a_column():
    rows = [{"k": "a", "n": 1}, {"_removed": True, "k": "a", "n": 2}]
    frame, table = result(rows, **UPSERT).to_pandas(), result(rows, **UPSERT).to_arrow()
    assert list(frame.columns) == table.column_names == ["k", "n", "_removed"]
    assert frame["_removed"].tolist() == table["_removed"].to_pylist() == [False, True]
    assert str(frame["_removed"].dtype) == str(table["_removed"].type) == "bool"
    kept = frame.query("not _removed")
    assert kept["k"].tolist() == ["a"]
    for rows in (rows[:1], []):
        assert list(result(rows, **UPSERT).to_pandas().columns) == ["k", "n"]
        assert result(rows, **UPSERT).to_arrow().column_names == ["k", "n"]


DTYPES = {
    **{"int": "Int64", "uint": "UInt64", "bool": "boolean", "float": "Float64", "timestamp": "datetime64[us, UTC]"},
    **dict.fromkeys(("text", "id", "bytes", "json"), "object"),
}
VALUES = {
    **{"int": 2**53 + 1, "uint": 2**64 - 1, "bool": True, "float": 0.5, "timestamp": "2026-01-02T03:04:05.000006Z"},
    **{"text": "a", "id": "00" * 20, "bytes": "61", "json": {"a": [1]}},
}


@pytest.mark.parametrize("rows", [[], [VALUES], [{}], [VALUES, {}]])
def test_declared_columns_have_their_types_in_pandas(rows):
    row = [{"name": name, "type": name, "nullable": True} for name in DTYPES]
    frame = result(rows, row=row).to_pandas()
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES
    assert len(frame) == len(rows) and list(frame.index) == list(range(len(rows)))
    for name in DTYPES:
        values = [row.get(name) for row in rows]
        if name != "timestamp":
            assert [None if missing else one for one, missing in zip(frame[name], frame[name].isna())] == values


def test_column_of_floats_that_always_has_a_value_is_a_plain_one_in_pandas():
    for rows in ([], [{"a": 0.5}]):
        assert str(result(rows, row=[{"name": "a", "type": "float"}]).to_pandas()["a"].dtype) == "float64"
