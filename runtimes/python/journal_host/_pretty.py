"""`pprint` of objects: it takes the `__repr__` of dict for the mark of one, and looks at what is decoded already.

`pprint` writes each value again for each level of values around it, one call of Python for each value inside. Most values are
written by `repr` alone, once their dicts are in order: this takes half the time."""

import datetime
import pprint

from . import _journal

# What `pprint` leaves to `repr`.
PLAIN = frozenset((str, bytes, int, float, bool, type(None), datetime.datetime))
# Levels of values inside each other. What holds itself has more.
DEPTH = 50


class Unusual(Exception):
    """A value that is not copied."""


def install():
    printer = pprint.PrettyPrinter
    printer._dispatch[_journal.Object.__repr__] = printer._pprint_dict
    printer._safe_repr = with_objects(printer._safe_repr)


def with_objects(one_by_one):
    def _safe_repr(self, object, context, maxlevels, level):
        if self._sort_dicts and not maxlevels and not self._underscore_numbers:
            try:
                return repr(in_order(object, DEPTH)), True, False
            except (Unusual, TypeError):
                pass
        if isinstance(object, _journal.Object):
            object = dict(object)
        return one_by_one(self, object, context, maxlevels, level)

    return _safe_repr


def in_order(object, depth):
    """A copy whose dicts are sorted by their keys."""
    kind = type(object)
    if kind in PLAIN:
        return object
    if not depth:
        raise Unusual
    if kind is _journal.Object:
        object = dict(object)
    elif kind is list:
        return [in_order(item, depth - 1) for item in object]
    elif kind is tuple:
        return tuple([in_order(item, depth - 1) for item in object])
    elif kind is not dict:
        raise Unusual
    if not PLAIN.issuperset(map(type, object)):
        raise Unusual
    return {key: in_order(object[key], depth - 1) for key in sorted(object)}
