"""The journal's msgpack outside of the sandbox: what the extension `_journal` in C does in the runtime.

Objects are decoded at once here: there, when they are asked for a field."""

import math

import msgpack

_packer = msgpack.Packer(strict_types=True)
_hooks = {}
_damaged = None


class Object(dict):
    """An object of the journal."""

    __slots__ = ()


def setup(extension, pairs, damaged):
    """Sets what decodes extensions and maps, and the type that stands for a value that is not msgpack."""
    global _damaged
    _hooks.update(ext_hook=extension, object_hook=pairs)
    _damaged = damaged


def decode(values, ends, fields, type):
    """The objects of a column: values end to end, and where each ends. `fields` are those to keep, or None for all; `type`
    is their class, which is one of `Object`, or None for dicts.

    A value that is not msgpack becomes the offset at which it goes wrong, as far as that is known."""
    found, start = [], 0
    for end in ends:
        one = _decode_one(values[start:end], fields)
        found.append(one if type is None or not isinstance(one, dict) else type(one))
        start = end
    return found


def _decode_one(value, fields):
    try:
        found = msgpack.unpackb(value, raw=False, strict_map_key=False, timestamp=3, **_hooks)
        if fields is not None:
            found = {name: item for name, item in found.items() if name in fields}
    except msgpack.ExtraData as error:
        return _damaged(len(value) - len(error.extra))
    except MemoryError:
        raise
    except Exception:
        return _damaged(0)
    return found


def pack(value, other):
    """The msgpack of a row. A value that is no plain one is given to `other`, which returns its msgpack.

    Raises ValueError or OverflowError for a value that a row cannot have."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        raise ValueError("a number of a row is finite")
    if value is None or kind in (bool, int, float, str, bytes):
        return _packer.pack(value)
    if kind is dict or isinstance(value, Object):
        parts = [_packer.pack_map_header(len(value))]
        for name, item in value.items():
            if type(name) is not str:
                raise ValueError("the keys of a map are texts")
            parts += _packer.pack(name), pack(item, other)
        return b"".join(parts)
    if kind in (list, tuple):
        return b"".join([_packer.pack_array_header(len(value)), *(pack(item, other) for item in value)])
    return other(value)
