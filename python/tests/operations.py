"""What objects do as dicts do: `faults` runs it here, and in the sandbox."""

import collections
import copy
import io
import json
import pickle
import pprint
import string
import types

from journal_host import _objects, _rows, _views


class Text(str):
    """A key that is equal to a field's, and no plain text."""


def keywords(**given):
    return given


def matched(one):
    match one:
        case {"id": id, **rest}:
            return id, rest
        case {"url": url, **rest}:
            return url, rest
        case dict(rest):
            return dict(rest)


def printed(one, **settings):
    stream = io.StringIO()
    pprint.pprint(one, stream, **settings)
    return stream.getvalue()


def dumped(one, **settings):
    return json.dumps(one, default=repr, skipkeys=True, **settings)


def changed(change):
    """What an operation returns, and what it leaves."""
    return lambda one, plain: (change(one, plain), dict(one), list(one), len(one))


def last(plain):
    return list(plain)[-1]


# Each gets an object, or the dict in its place, and the dict.
OPERATIONS = {
    "values": lambda one, plain: [(name, one[name]) for name in plain],
    "values from the end": lambda one, plain: [(name, one[name]) for name in reversed(list(plain))],
    "absent": lambda one, plain: one["absent"],
    "index": lambda one, plain: one[0],
    "unhashable": lambda one, plain: one[[]],
    "text of another type": lambda one, plain: one[Text(last(plain))],
    "built text": lambda one, plain: one["".join(list(last(plain)))],
    "get": lambda one, plain: [one.get(name) for name in plain],
    "get absent": lambda one, plain: (one.get("absent"), one.get("absent", 5), one.get(5), one.get((), ())),
    "get unhashable": lambda one, plain: one.get([]),
    "get nothing": lambda one, plain: one.get(),
    "get by keyword": lambda one, plain: one.get(key="id"),
    "in": lambda one, plain: [name in one for name in [*plain, "absent", 5, None, Text(last(plain))]],
    "in unhashable": lambda one, plain: [] in one,
    "len": lambda one, plain: len(one),
    "bool": lambda one, plain: bool(one),
    "order": lambda one, plain: list(one),
    "order after the last": lambda one, plain: (one[last(plain)], list(one)),
    "reversed": lambda one, plain: list(reversed(one)),
    "unpacked": lambda one, plain: [*one],
    "sorted": lambda one, plain: sorted(one),
    "set": lambda one, plain: set(one),
    "keys": lambda one, plain: (one.keys(), one.keys() & {"id", "url"}, one.keys() == plain.keys()),
    "items": lambda one, plain: (list(one.items()), one.items() == plain.items()),
    "values of it": lambda one, plain: list(one.values()),
    "equal": lambda one, plain: (one == plain, plain == one, one != plain, plain != one),
    "equal inside": lambda one, plain: ([one] == [plain], {"a": plain} == {"a": one}, one in [plain], plain in [one]),
    "equal to more": lambda one, plain: (one == {**plain, "more": 1}, {**plain, "more": 1} == one),
    "equal to less": lambda one, plain: (one == {}, {} == one, one != {}, one == None, one == 5),  # noqa: E711
    "less": lambda one, plain: one < plain,
    "hash": lambda one, plain: hash(one),
    "or": lambda one, plain: (one | {"more": 1}, {"more": 1} | one, one | one, type(one | one)),
    "or list": lambda one, plain: one | [],
    "or dict of another type": lambda one, plain: collections.defaultdict(int, more=1) | one,
    "or in place": lambda one, plain: {"more": 1}.__ior__(one),
    "double star": lambda one, plain: {**one},
    "double star beside others": lambda one, plain: {"id": 5, **one, "more": 1},
    "keywords": lambda one, plain: keywords(**one),
    "dict": lambda one, plain: (dict(one), type(dict(one)), dict(one, more=1)),
    "update of a dict": lambda one, plain: (empty := {}, empty.update(one)),
    "dict of pairs": lambda one, plain: dict(one.items()),
    "comprehension": lambda one, plain: {name: value for name, value in one.items()},
    "copy of it": lambda one, plain: (one.copy(), type(one.copy())),
    "copy of dict": lambda one, plain: dict.copy(one),
    "match": lambda one, plain: matched(one),
    "repr": lambda one, plain: (repr(one), str(one), f"{one}", f"{[one]!r}", "%s" % [one]),
    "pprint": lambda one, plain: (printed(one), printed([one]), printed({"a": one})),
    "pprint narrow": lambda one, plain: printed(one, width=20),
    "pprint unsorted": lambda one, plain: printed(one, sort_dicts=False, compact=True),
    "pprint shallow": lambda one, plain: (printed(one, depth=1), printed([one], depth=1)),
    "saferepr": lambda one, plain: (pprint.saferepr(one), pprint.isreadable(one), pprint.pformat(one, 4, 400)),
    "json": lambda one, plain: dumped(one),
    "json inside": lambda one, plain: dumped([{"a": one}, one]),
    "json sorted": lambda one, plain: dumped(one, sort_keys=True),
    "json indented": lambda one, plain: dumped(one, indent=1),
    "json dump": lambda one, plain: (
        json.dump(one, stream := io.StringIO(), default=repr, skipkeys=True) or stream.getvalue()
    ),
    "json without default": lambda one, plain: json.dumps(one),
    "marked text": lambda one, plain: ("%%(%s)s" % last(plain)) % one,
    "format": lambda one, plain: ("{%s}" % last(plain)).format_map(one),
    "format keywords": lambda one, plain: ("{%s}" % last(plain)).format(**one),
    "template": lambda one, plain: string.Template("$" + last(plain)).substitute(one),
    "namespace": lambda one, plain: types.SimpleNamespace(**one),
    "type": lambda one, plain: vars(type("Some", (), one)).keys() >= plain.keys(),
    "ordered": lambda one, plain: collections.OrderedDict(one),
    "default dict": lambda one, plain: collections.defaultdict(int, one),
    "chain": lambda one, plain: dict(collections.ChainMap(one, {"more": 1})),
    "user dict": lambda one, plain: dict(collections.UserDict(one)),
    "is a dict": lambda one, plain: isinstance(one, dict) and isinstance(one, collections.abc.MutableMapping),
    "row": lambda one, plain: (_rows.pack(one), _rows.pack({"a": one, "b": [one]})),
    "pop": changed(
        lambda one, plain: (one.pop(last(plain)), one.pop("absent", 5), one.pop(Text(next(iter(plain))), 5))
    ),
    "pop absent": changed(lambda one, plain: one.pop("absent")),
    "popitem": changed(lambda one, plain: one.popitem()),
    "setdefault": changed(lambda one, plain: (one.setdefault("more", 1), one.setdefault(last(plain), 1))),
    "set item": changed(lambda one, plain: (one.__setitem__("more", 1), one.__setitem__(last(plain), 2), one["more"])),
    "delete": changed(lambda one, plain: one.__delitem__(last(plain))),
    "delete absent": changed(lambda one, plain: one.__delitem__("absent")),
    "update": changed(lambda one, plain: (one.update({"more": 1}), one.update([("a", 1)], b=2), one.update())),
    "update of others": changed(lambda one, plain: one.update(5)),
    "clear": changed(lambda one, plain: one.clear()),
    "in place or": changed(lambda one, plain: one.__ior__({"more": 1}) is one),
    "change inside": changed(lambda one, plain: [value.append(1) for value in one.values() if isinstance(value, list)]),
    "change while iterating": changed(lambda one, plain: [one.pop(name) for name in one]),
}


def outcome(operation, *arguments):
    """What an operation gives: its value with its type, or the text of its exception."""
    try:
        found = operation(*arguments)
    except Exception as error:
        # The class of an object is named where a dict is: it is no difference.
        return type(error), str(error).replace(type(arguments[0]).__name__, "dict")
    return type(found), found


def touches(plain):
    """What may have been read of an object before: nothing, a field, two fields in their order or not, or all."""
    names = list(plain)
    yield from ([], names[:1], names[-1:], [names[-1], names[0]], names[1:], names)


def of_dict(one, plain):
    """What is not as for a dict, because the class stays."""
    for made in (copy.copy(one), copy.deepcopy(one), *(pickle.loads(pickle.dumps(one, n)) for n in range(2, 6))):
        assert type(made) is type(one) and made == plain == one and list(made) == list(plain) and made is not one
        made["more"] = 1
        assert "more" not in one and "more" not in plain
    assert type(one)(one) == type(one)(plain) == type(one)(**plain) == plain
    assert type(one).fromkeys(plain, 1) == dict.fromkeys(plain, 1)


def keeps_values(one, plain):
    """A value that was read stays the same one when the others are read."""
    read = {name: one[name] for name in reversed(plain)}
    assert list(one) == list(plain) and all(one[name] is read[name] is one.get(name) for name in read)


def keeps_changes(one, plain):
    names = [name for name in plain if isinstance(plain[name], (list, dict))]
    for name in names:
        value = one[name]
        value.append("more") if isinstance(value, list) else value.update(more=1)
    list(one)
    for name in names:
        assert "more" in one[name] and len(one[name]) == len(plain[name]) + 1
    assert list(one) == list(plain)


def has_attributes(one, plain):
    for name in _objects.FIELDS[object_type_of(one)]:
        if name in plain:
            getattr(one, name)
        elif (type(one), name) != (_views.Origin, "id"):
            assert not hasattr(one, name)
            assert outcome(getattr, one, name)[1] == f"this dict has no field {name!r}"
    assert not hasattr(one, "absent") and not hasattr(one, "__dict__")


def object_type_of(one):
    return next(name for name, found in _views.CLASSES.items() if found is type(one))


CHECKS = [of_dict, keeps_values, keeps_changes, has_attributes]


def faults(values):
    """What goes wrong for the objects of these values, which are lists of msgpack by object type."""
    found, count = [], 0

    def decoded(value, object_type, read=()):
        (one,) = _objects.decode(value, [len(value)], None, object_type)
        for name in read:
            one[name]
        return one

    for object_type, some in values.items():
        for value in some:
            for read in touches(decoded(value, None)):
                plain = decoded(value, None)
                assert type(plain) is dict and type(decoded(value, object_type)) is _views.CLASSES[object_type]
                for name, operation in OPERATIONS.items():
                    here = outcome(operation, decoded(value, object_type, read), decoded(value, None))
                    there = outcome(operation, decoded(value, None), decoded(value, None))
                    count += 1
                    if here != there:
                        found.append(f"{object_type}: {name} after {read}: {here!r:.300} and not {there!r:.300}")
                for check in CHECKS:
                    try:
                        check(decoded(value, object_type, read), plain)
                    except Exception as error:
                        found.append(f"{object_type}: {check.__name__} after {read}: {type(error).__name__} {error}")
    return found, count
