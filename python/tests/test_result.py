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
