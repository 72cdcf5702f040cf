"""Prints the rows that a snippet of the documentation reads from Parquet files, as JSON lines.

The snippet is a file of Python, which leaves a `table`, or of SQL for DuckDB, whose last statement is a query. The first
line has the types of the columns.
"""

import datetime
import json
import pathlib
import sys

import duckdb
import pyarrow

# Python's times begin with the year 1, and the calendar repeats itself after this time.
CYCLE = datetime.timedelta(days=146_097)
EPOCH = datetime.datetime(1970, 1, 1)


def read(snippet: pathlib.Path) -> pyarrow.Table:
    if snippet.suffix == ".py":
        names: dict = {}
        exec(snippet.read_text(), names)
        return names["table"]
    connection = duckdb.connect()
    *before, query = [text for text in snippet.read_text().split(";") if text.strip()]
    for statement in before:
        connection.execute(statement)
    return connection.sql(query).to_arrow_table()


def time(microseconds: int) -> str:
    """The time as JSON lines have it."""
    span = datetime.timedelta(microseconds=microseconds)
    shift = microseconds < 0
    at = EPOCH + (span + CYCLE if shift else span)
    text = f"{at.year - 400 * shift:04}{at.strftime('-%m-%dT%H:%M:%S')}"
    if at.microsecond:
        text += f".{at.microsecond:06}".rstrip("0")
    return text + "Z"


def value(one: object) -> object:
    return one.hex() if isinstance(one, bytes) else one


def main() -> None:
    table = read(pathlib.Path(sys.argv[1]))
    types = {field.name: str(field.type) for field in table.schema}
    print(json.dumps(types))
    columns = {}
    for field in table.schema:
        column = table[field.name]
        if pyarrow.types.is_timestamp(field.type):
            column = column.cast(pyarrow.int64())
            columns[field.name] = [None if one is None else time(one) for one in column.to_pylist()]
        else:
            columns[field.name] = [value(one) for one in column.to_pylist()]
    for row in zip(*columns.values()):
        print(json.dumps(dict(zip(columns, row))))


main()
