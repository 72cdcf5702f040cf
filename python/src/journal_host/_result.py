"""What a run wrote."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, unused-ignore]
    import pyarrow  # type: ignore[import-untyped, unused-ignore]


class Result(Mapping[str, list[dict[str, Any]]]):
    """The rows that a run wrote, by the name of their output: `result["months"]`.

    A row is a dict, as its JSON line reads: bytes are hexadecimal digits, and times are texts such as
    `2026-11-22T09:52:52.713466Z`. `printed` is the text that the script printed, where that is one of its outputs."""

    def __init__(self, outputs: list[dict[str, Any]], rows: dict[str, list[dict[str, Any]]], printed: str) -> None:
        self._columns = {output["name"]: output.get("row", []) for output in outputs}
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

    def to_pandas(self, output: str | None = None) -> pandas.DataFrame:
        """The rows of an output, by default of the only one, with a column for each field.

        Columns that the script declares are there without rows, too, and of the type `timestamp` they have times. Needs
        the extra `pandas`."""
        import pandas

        output = self._only() if output is None else output
        columns = self._columns[output]
        frame = pandas.DataFrame(self[output], columns=[column["name"] for column in columns] or None)
        for column in columns:
            if column["type"] == "timestamp":
                times = [time(row.get(column["name"])) for row in self[output]]
                frame[column["name"]] = pandas.array(times, "datetime64[us, UTC]")
        return frame

    def to_arrow(self, output: str | None = None) -> pyarrow.Table:
        """The same as a table of Arrow, in which columns that the script declares have their types. Needs the extra
        `arrow`.

        Raises ValueError for a column whose values do not fit one type."""
        import pyarrow

        output = self._only() if output is None else output
        rows, columns = self[output], self._columns[output]
        types = {
            "bool": pyarrow.bool_(),
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
            values = [row.get(name) for row in rows]
            if type_ == "timestamp":
                values = [time(value) for value in values]
            try:
                # The type of `json` follows from the values.
                arrays.append(pyarrow.array(values, None if type_ == "json" else types.get(type_, pyarrow.string())))
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(
                    f"the column {name!r} of the output {output!r} does not fit one type: {error}"
                ) from None
        return pyarrow.table(arrays, names=names)


def time(text: str | None) -> datetime.datetime | None:
    """The time of a row, to the microsecond."""
    return None if text is None else datetime.datetime.fromisoformat(text)
