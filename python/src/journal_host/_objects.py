"""Objects: what upstream's deserializer gives for the values of the journal."""

import datetime
import struct
import sys

from . import _journal
from ._dicts import FIELDS
from ._names import meant
from ._views import EPOCH, class_of


class Damaged(int):
    """A value that is not msgpack: the offset at which it goes wrong."""

    def __str__(self):
        return f"its value is not msgpack at byte {int(self)}"


def extension(code, data):
    if code == 1:
        return int.from_bytes(data, "big")
    if code == 2:
        return -int.from_bytes(data, "big")
    if code == -1:
        if len(data) == 4:
            seconds, nanoseconds = int.from_bytes(data, "big"), 0
        elif len(data) == 8:
            both = int.from_bytes(data, "big")
            seconds, nanoseconds = both & (1 << 34) - 1, both >> 34
        elif len(data) == 12:
            nanoseconds, seconds = struct.unpack(">Iq", data)
        else:
            raise ValueError("a timestamp has 4, 8 or 12 bytes")
        if nanoseconds >= 10**9:
            raise ValueError("a second has less than a billion nanoseconds")
        return EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    raise ValueError(f"the extension {code} is unknown")


def pairs(found):
    """The form in which old records have times."""
    if found.keys() == {b"d", b"swhtype"} and found[b"swhtype"] == "datetime":
        return datetime.datetime.fromisoformat(found[b"d"])
    return found


_journal.setup(extension, pairs, Damaged)


def decode(values, ends, fields=None, object_type=None):
    """The objects of a column, with the class of this type, or dicts; `Damaged` for a value that is not msgpack."""
    return _journal.decode(values, ends, fields, object_type and class_of(object_type))


def chosen_fields(given, object_types):
    """The fields to decode, by object type. Of types that only the script names, the fields are not known."""
    if not isinstance(given, dict) or any(isinstance(names, str) for names in given.values()):
        raise TypeError('FIELDS has a list of names for each object type, such as {"revision": ["id", "date"]}')
    for kind, names in given.items():
        if kind not in FIELDS and kind not in object_types:
            raise TypeError(f"FIELDS names the object type {kind!r}, which does not exist: {meant(kind, FIELDS)}")
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"FIELDS has {name!r} for the object type {kind!r}: the name of a field is a text")
            if name not in FIELDS.get(kind, names):
                raise TypeError(
                    f"FIELDS names the field {name!r}, which the object type {kind!r} does not have: "
                    f"{meant(name, FIELDS[kind])}"
                )
    return {kind: tuple(map(sys.intern, names)) for kind, names in given.items()}
