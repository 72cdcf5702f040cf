"""`pprint` of objects: it takes the `__repr__` of dict for the mark of one, and looks at what is decoded already."""

import pprint

from . import _journal


def install():
    for name in ("_format", "_safe_repr"):
        setattr(pprint.PrettyPrinter, name, of_dicts(getattr(pprint.PrettyPrinter, name)))


def of_dicts(method):
    def call(self, object, *arguments):
        return method(self, dict(object) if isinstance(object, _journal.Object) else object, *arguments)

    return call
