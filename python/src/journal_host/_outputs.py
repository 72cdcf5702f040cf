"""The rules of the host for rows, outside of it: the types of columns, the merging of aggregates, and the form in JSON.

The messages are those of the host."""

import datetime
import math
import typing

import msgpack

from . import _journal, _rows
from ._objects import EPOCH

DEPTH = 128
INT = range(-(2**63), 2**63)
UINT = range(2**64)
# The seconds of the years 0 to 9999, of which datetime has no year 0, and those of 400 years, after which days repeat.
SECONDS = range(-62_167_219_200, 253_402_300_800)
YEAR_1 = -62_135_596_800
CYCLE = 146_097 * 86_400


class Time(typing.NamedTuple):
    """A time of a row, which a datetime cannot always be."""

    seconds: int
    microseconds: int

    def __str__(self):
        """As its JSON line reads."""
        is_year_0 = self.seconds < YEAR_1
        since = datetime.timedelta(seconds=self.seconds + (CYCLE if is_year_0 else 0))
        text = f"{EPOCH + since:%Y-%m-%dT%H:%M:%S}".zfill(19)
        text = f"0000{text[4:]}" if is_year_0 else text
        return text + f".{self.microseconds:06}".rstrip("0").rstrip(".") + "Z"


# What a value of each type of column is.
FITS = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: is_integer(value) and value in INT,
    "uint": lambda value: is_integer(value) and value in UINT,
    "float": lambda value: isinstance(value, float),
    "text": lambda value: isinstance(value, str),
    "bytes": lambda value: isinstance(value, bytes),
    "id": lambda value: isinstance(value, bytes) and len(value) == 20,
    "timestamp": lambda value: isinstance(value, Time),
    "json": lambda value: True,
}
ARTICLES = {"int": "an ", "id": "an ", "bytes": "", "text": ""}
# What a row begins with that removes a key of an upsert.
REMOVED = "_removed"
# The types of the values of aggregates, as messages name them.
KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a text",
    bytes: "bytes",
    Time: "a time",
}


class RowError(TypeError):
    """A row that the host does not take: the message is the host's."""


class Fault(Exception):
    """The rest of a sentence about a row."""


class Output:
    """An output of a script, which takes rows as the host does."""

    def __init__(self, plan):
        self.name, self.columns = plan["name"], plan.get("row", [])
        self.table = Table(plan.get("key", []), plan["columns"]) if plan.get("kind") == "aggregate" else None
        self.removal = removal(plan) if plan.get("kind") == "upsert" else None
        self.rows = []

    def emit(self, rows, ends):
        """Takes the rows of a call.

        Raises RowError."""
        for index, row in enumerate(decoded(rows, ends)):
            try:
                if self.columns:
                    check_columns(row, self.columns_of(row))
                read = as_json(row, "")
                if self.table is not None:
                    self.table.merge(row)
                else:
                    self.rows.append(read)
            except Fault as fault:
                raise RowError(f"row {index} of those emitted to `{self.name}` {fault}") from None

    def columns_of(self, row):
        """The columns that a row has to have."""
        if self.removal is None or next(iter(row), None) != REMOVED:
            return self.columns
        if row[REMOVED] is not True:
            raise Fault(f"has another value than true in the field `{REMOVED}`")
        if len(row) != sum(not column["nullable"] for column in self.removal):
            raise Fault(f"is a removal, and has not exactly its key, its order and `{REMOVED}`")
        return self.removal

    def finish(self):
        """The rows after the checkpoint."""
        return self.rows if self.table is None else [as_json(row, "") for row in self.table.rows()]


def decoded(rows, ends):
    """The rows of a call, with a Time for each time."""
    start = 0
    for end in ends:
        yield with_times(msgpack.unpackb(rows[start:end], strict_map_key=False))
        start = end


def with_times(value):
    """The value with a Time for each timestamp of msgpack."""
    if isinstance(value, dict):
        return {name: with_times(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_times(item) for item in value]
    if isinstance(value, msgpack.Timestamp):
        return Time(value.seconds, value.nanoseconds // 1000)
    return value


def removal(plan):
    """The columns of a row that removes a key: it has the key and the order besides."""
    needed = [*plan["key"], plan["order"]]
    columns = [{**column, "nullable": column["name"] not in needed} for column in plan["row"]]
    return [*columns, {"name": REMOVED, "type": "bool", "nullable": False}]


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def check_columns(row, columns):
    """Checks that a row has the columns that the plan declares."""
    names = {column["name"]: column for column in columns}
    for name, value in row.items():
        if name not in names:
            raise Fault(f"has a value that the plan does not declare in the field `{name}`")
        type_ = names[name]["type"]
        if value is not None and not FITS[type_](value):
            raise Fault(f"has {found(value)} instead of {ARTICLES.get(type_, 'a ')}{type_} in the field `{name}`")
    for name, column in names.items():
        if row.get(name) is None and not column.get("nullable", False):
            raise Fault(f"has no value in the field `{name}`")


def found(value):
    """What a value is, for a message."""
    if is_integer(value):
        return f"the integer {value}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    names = {bool: "a boolean", float: "a float", str: "a text", list: "a list", dict: "a map"}
    return names.get(type(value), "a timestamp")


def as_json(value, path, depth=DEPTH):
    """The value as its JSON line reads."""
    if isinstance(value, (dict, list)) and not depth:
        raise Fault(f"is nested deeper than {DEPTH} levels")
    if isinstance(value, dict):
        return {name: as_json(item, f"{path}.{name}".lstrip("."), depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [as_json(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(value)]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Time):
        if value.seconds not in SECONDS:
            raise Fault(f"has a timestamp that is malformed or outside of the years 0 to 9999 in the field `{path}`")
        return str(value)
    return value


class Table:
    """Rows merged by their key."""

    def __init__(self, key, columns):
        self.key, self.columns = key, columns
        self.kinds, self.merged = {}, {}
        # The columns with the latest values, by their order.
        self.latest = {}
        for column in columns:
            if column["merge"] == "latest":
                self.latest.setdefault(column["by"], []).append(column["name"])

    def merge(self, row):
        names = [*self.key, *(column["name"] for column in self.columns)]
        for name in row:
            if name not in names:
                raise Fault(f"has the field `{name}`, which is neither of the key nor a column")
        for name in names:
            if name not in row:
                raise Fault(f"lacks the field `{name}`")
        for column in self.columns:
            self.check(column, row[column["name"]])
        for values in self.latest.values():
            # Without the negative zero, which databases take for equal to the other one.
            row.update((name, row[name] + 0.0) for name in values if isinstance(row[name], float))
        # Keys are equal if their msgpack is: 5 and 5.0 differ.
        key = _journal.pack([row[name] for name in self.key], _rows.other)
        before = self.merged.get(key)
        if before is None:
            self.merged[key] = row
            return
        after = dict(before)
        for order, values in self.latest.items():
            if compared(row, [order, *values]) > compared(before, [order, *values]):
                after.update((name, row[name]) for name in values)
        for column in self.columns:
            name = column["name"]
            if column["merge"] != "latest" and row[name] is not None:
                after[name] = row[name] if before[name] is None else self.merge_values(column, before, row)
        self.merged[key] = after

    def check(self, column, value):
        name, merge = column["name"], column["merge"]
        if value is None:
            return
        kind = KINDS.get(type(value))
        if kind is None or (kind == KINDS[bool] and merge != "latest"):
            raise Fault(f"has {found(value)} in the column `{name}`, which takes numbers, texts, bytes and times")
        if merge == "sum" and kind != KINDS[int]:
            raise Fault(f"has {kind} in the column `{name}`, which adds up integers")
        before = self.kinds.setdefault(name, kind)
        if kind != before:
            raise Fault(f"has {kind} in the column `{name}`, which had {before} before")

    def merge_values(self, column, before, row):
        name, merge = column["name"], column["merge"]
        one, two = before[name], row[name]
        if merge != "sum":
            return (min if merge == "min" else max)(one, two, key=comparable)
        if one + two not in UINT and one + two not in INT:
            key = ", ".join(shown(row[name]) for name in self.key)
            raise Fault(f"takes the sum in the column `{name}` of the key [{key}] out of the range of 64 bits")
        return one + two

    def rows(self):
        names = [*self.key, *(column["name"] for column in self.columns)]
        return [{name: row[name] for name in names} for row in self.merged.values()]


def compared(row, names):
    """The values of a row to compare with those of another one: no value is less than any value."""
    return [(row[name] is not None, comparable(row[name]) if row[name] is not None else ()) for name in names]


def comparable(value):
    """A value whose order is that of the host: floats in their total order."""
    return (value, math.copysign(1, value)) if isinstance(value, float) else value


def shown(value):
    """A part of a key, for a message."""
    if isinstance(value, (type(None), bool)):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value.hex() if isinstance(value, bytes) else str(value) if isinstance(value, (int, float)) else "…"
