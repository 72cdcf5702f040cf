"""What a run wrote."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, unused-ignore]
    import pyarrow  # type: ignore[import-untyped, unused-ignore]

# What a row begins with that removes a key of an upsert.
REMOVED = "_removed"


class Result(Mapping[str, list[dict[str, Any]]]):
    """The rows that a run wrote, by the name of their output: `result["months"]`.

    A row is a dict, as its JSON line reads: bytes are hexadecimal digits, and times are texts such as
    `2026-11-22T09:52:52.713466Z`. `printed` is the text that the script printed, where that is one of its outputs."""

    def __init__(self, outputs: list[dict[str, Any]], rows: dict[str, list[dict[str, Any]]], printed: str) -> None:
        self._outputs = {output["name"]: output for output in outputs}
        self._rows = rows
        self.printed = printed

    def __getitem__(self, output: str) -> list[dict[str, Any]]:
        return self._rows[output]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(rows)} rows" for name, rows in self._rows.items())
        return f"<{type(self).__name__} {counts or f'printed: {len(self.printed)} characters'}>"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the only output.

        Raises ValueError where there is none, or several."""
        return self[self._only()]

    def _only(self) -> str:
        if len(self) != 1:
            raise ValueError(
                f"there are the outputs {', '.join(map(repr, self))}: name one" if self else "there are no rows"
            )
        return next(iter(self))

    def _columns(self, output: str) -> list[dict[str, Any]]:
        """The declared columns of an output, and for an upsert whether a row removes its key, where one does."""
        declared = self._outputs[output]
        columns: list[dict[str, Any]] = declared.get("row", [])
        if declared.get("kind") != "upsert" or not any(REMOVED in row for row in self[output]):
            return columns
        # Of a removal, the other columns have no value.
        return [*({**column, "nullable": True} for column in columns), {"name": REMOVED, "type": "removal"}]

    def _values(self, output: str, column: str, type_: str) -> list[Any]:
        """The values of a column, with times for texts of times."""
        values = [row.get(column, False if type_ == "removal" else None) for row in self[output]]
        return [time(value) for value in values] if type_ == "timestamp" else values

    def to_pandas(self, output: str | None = None) -> pandas.DataFrame:
        """The rows of an output, by default of the only one, with a column for each field.

        Columns that the script declares have their types, without rows, too: `Int64`, `UInt64`, `boolean`, `float64`, or
        `Float64` if it is nullable, times, and else `object`. Of an upsert, the column `_removed` is there if a row removes
        its key. Needs the extra `pandas`."""
        import pandas

        output = self._only() if output is None else output
        columns = self._columns(output)
        if not columns:
            return pandas.DataFrame(self[output])
        frame = pandas.DataFrame(index=pandas.RangeIndex(len(self[output])))
        for column in columns:
            frame[column["name"]] = series(column, self._values(output, column["name"], column["type"]))
        return frame

    def to_arrow(self, output: str | None = None) -> pyarrow.Table:
        """The same as a table of Arrow, in which columns that the script declares have their types. Needs the extra
        `arrow`.

        Raises ValueError for a column whose values do not fit one type."""
        import pyarrow

        output = self._only() if output is None else output
        rows, columns = self[output], self._columns(output)
        types = {
            "bool": pyarrow.bool_(),
            "removal": pyarrow.bool_(),
            "int": pyarrow.int64(),
            "uint": pyarrow.uint64(),
            "float": pyarrow.float64(),
            "timestamp": pyarrow.timestamp("us", tz="UTC"),
        }
        # Without declared columns, those of all rows.
        names = [column["name"] for column in columns] or list(dict.fromkeys(name for row in rows for name in row))
        declared = {column["name"]: column["type"] for column in columns}
        arrays = []
        for name in names:
            type_ = declared.get(name, "json")
            values = self._values(output, name, type_)
            try:
                # The type of `json` follows from the values.
                arrays.append(pyarrow.array(values, None if type_ == "json" else types.get(type_, pyarrow.string())))
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(
                    f"the column {name!r} of the output {output!r} does not fit one type: {error}"
                ) from None
        return pyarrow.table(arrays, names=names)


def series(column: dict[str, Any], values: list[Any]) -> Any:
    """The values of a column in the type that pandas has for it."""
    import numpy
    import pandas

    if column["type"] == "removal":
        return numpy.array(values, bool)
    if column["type"] in ("int", "uint"):
        # Pandas may take a list with None for floats, which have fewer digits.
        whole = numpy.array([0 if value is None else value for value in values], f"{column['type']}64")
        return pandas.arrays.IntegerArray(whole, numpy.array([value is None for value in values], bool))
    if column["type"] == "float":
        return pandas.array(values, "Float64" if column.get("nullable") else "float64")
    kind = {"bool": "boolean", "timestamp": "datetime64[us, UTC]"}.get(column["type"])
    return pandas.array(values, kind) if kind else pandas.Series(values, dtype=object)


def time(text: str | None) -> datetime.datetime | None:
    """The time of a row, to the microsecond."""
    return None if text is None else datetime.datetime.fromisoformat(text)
