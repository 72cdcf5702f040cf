"""Rows: from what a script emits to msgpack."""

import dataclasses
import datetime
import struct

from . import Swhid, _journal
from ._objects import EPOCH

SECOND = datetime.timedelta(seconds=1)
MICROSECOND = datetime.timedelta(microseconds=1)


def timestamp(value):
    if value.tzinfo is None:
        raise ValueError("a time needs a time zone")
    since = value - EPOCH
    seconds, rest = divmod(since, SECOND)
    return b"\xc7\x0c\xff" + struct.pack(">Iq", (rest // MICROSECOND) * 1000, seconds)


def other(value):
    """The msgpack of a value that is no plain one."""
    if isinstance(value, datetime.datetime):
        return timestamp(value)
    if isinstance(value, Swhid):
        return _journal.pack(str(value), other)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _journal.pack({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, other)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _journal.pack(dict(value._asdict()), other)
    for plain in (bool, int, float, str, bytes, dict, list, tuple):
        if isinstance(value, plain):
            return _journal.pack(plain(value), other)
    if isinstance(value, (bytearray, memoryview)):
        return _journal.pack(bytes(value), other)
    raise TypeError(f"a row cannot hold {type(value).__name__}")


def as_dict(row):
    if isinstance(row, dict):
        return row if type(row) is dict or isinstance(row, _journal.Object) else dict(row)
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    if isinstance(row, tuple) and hasattr(row, "_asdict"):
        return dict(row._asdict())
    raise TypeError(f"a row is a dict, a dataclass or a NamedTuple, and not {type(row).__name__}")


def pack(row):
    row = row if type(row) is dict else as_dict(row)
    try:
        return _journal.pack(row, other)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise TypeError(fault(row)) from None


def fault(row):
    """Which column cannot be packed, and why."""
    for name, value in row.items():
        if not isinstance(name, str):
            return f"the name of a column is a text, and not {name!r}"
        try:
            _journal.pack({name: value}, other)
        except OverflowError:
            return f"the column {name!r} has an integer of more than 64 bits"
        except RecursionError:
            return f"the column {name!r} nests too deeply"
        except UnicodeError:
            return f"the column {name!r} has a text that is not Unicode: `.encode(errors='surrogateescape')` gives its bytes"
        except (TypeError, ValueError) as error:
            return f"the column {name!r}: {error}"
    return "a row has too many columns"


class Rows:
    """The rows that a call has emitted."""

    def __init__(self, outputs):
        self.indices = {output["name"]: index for index, output in enumerate(outputs)}
        self.rows = [[] for _ in outputs]

    def emit(self, row, output=None):
        """Emits a row, to the output of this name where the script has several."""
        if output is None and len(self.rows) == 1:
            index = 0
        else:
            index = self.indices.get(output) if isinstance(output, str) else None
            if index is None:
                names = ", ".join(map(repr, self.indices))
                raise TypeError(f"`emit(row, output)` takes one of the outputs {names}, and not {output!r}")
        self.rows[index].append(pack(row))

    def savepoint(self):
        return [len(rows) for rows in self.rows]

    def rollback(self, savepoint):
        for rows, length in zip(self.rows, savepoint):
            del rows[length:]

    def send(self, emit):
        for index, rows in enumerate(self.rows):
            ends, end = [], 0
            for row in rows:
                end += len(row)
                ends.append(end)
            if ends:
                emit(index, b"".join(rows), ends)
                rows.clear()
