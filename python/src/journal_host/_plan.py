"""Checks OBJECT_TYPES and OUTPUTS of a script as the host checks a plan, with its rules and, of the rules, its texts."""

import json
import re
from collections.abc import Collection

from ._dicts import FIELDS
from ._names import nearest

OBJECT_TYPE = re.compile(r"[a-z0-9_]{1,100}")
OUTPUT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
KINDS = ["append", "aggregate", "text", "unique", "upsert"]
MERGES = ["sum", "min", "max", "latest"]
TYPES = ["bool", "int", "uint", "float", "text", "bytes", "id", "timestamp", "json"]
MOST = {"OUTPUTS": 64, "row": 64, "key": 16, "columns": 48}
# Which kinds have which members.
MEMBERS = {
    "columns": (["aggregate"], '"aggregate" alone'),
    "key": (["aggregate", "unique", "upsert"], '"aggregate", "unique" and "upsert" alone'),
    "order": (["upsert"], '"upsert" alone'),
}
NEEDED = {"aggregate": ["columns"], "unique": ["key", "row"], "upsert": ["key", "order", "row"]}


def check_object_types(given):
    """Raises TypeError or ValueError for object types that no script can read."""
    if given == "any":
        return
    if isinstance(given, str) or not isinstance(given, Collection):
        raise TypeError('OBJECT_TYPES is a list of texts, such as ["revision"], or "any"')
    if not given:
        raise ValueError('OBJECT_TYPES is empty: it is a list of texts, such as ["revision"], or "any"')
    for index, name in enumerate(given):
        if not isinstance(name, str):
            raise TypeError(f'OBJECT_TYPES has {name!r}: it is a list of texts, such as ["revision"], or "any"')
        near = None if name in FIELDS else nearest(name.lower(), FIELDS)
        if near:
            raise ValueError(f"OBJECT_TYPES has {name!r}, which does not exist: did you mean {near!r}?")
        if not OBJECT_TYPE.fullmatch(name):
            raise ValueError(f"OBJECT_TYPES: {shown(name)} is not an object type: 1 to 100 of a-z, 0-9 and _")
        if name in list(given)[:index]:
            raise ValueError(f"OBJECT_TYPES: {shown(name)} is in the list twice")


def check_outputs(outputs):
    """Raises ValueError for outputs that the host does not take."""
    items("OUTPUTS", outputs, 0, MOST["OUTPUTS"])
    for index, output in enumerate(outputs):
        at = f"OUTPUTS[{index}]"
        check_output(at, output)
        if any(other["name"] == output["name"] for other in outputs[:index]):
            wrong(f"{at}['name']", f"{shown(output['name'])} is the name of another output already")


def check_output(at, output):
    text(f"{at}['name']", output["name"], OUTPUT, "a letter a-z and up to 62 of a-z, 0-9, _ and -")
    kind = one_of(f"{at}['kind']", output.get("kind", "append"), KINDS)
    if "row" in output:
        check_row(f"{at}['row']", output["row"])
    for name, (kinds, listed) in MEMBERS.items():
        if name in output and kind not in kinds:
            wrong(f"{at}['{name}']", f"it goes with the kind {listed}")
    if kind == "text" and "row" in output:
        wrong(f"{at}['row']", 'a row of the kind "text" has one field, `text`')
    for name in NEEDED.get(kind, ()):
        need(at, output, name)
    if "key" in output:
        check_key(f"{at}['key']", output["key"], 0 if kind == "aggregate" else 1)
    if kind == "aggregate":
        check_columns(f"{at}['columns']", output)
        rule = broken_by_types(output) if "row" in output else None
        if rule:
            wrong(f"{at}['row']", f"the aggregate {rule}")
    elif "key" in output:
        field(f"{at}['order']", output.get("order", "_"))
        check_typed_key(at, kind, output)


def check_row(at, row):
    seen = set()
    for index, column in enumerate(items(at, row, 1, MOST["row"])):
        here = f"{at}[{index}]"
        name = field(f"{here}['name']", need(here, column, "name"))
        one_of(f"{here}['type']", need(here, column, "type"), TYPES)
        if not isinstance(column.get("nullable", False), bool):
            wrong(f"{here}['nullable']", f'{shown(column["nullable"])} is not of type "boolean"')
        if name.lower() in seen:
            wrong(at, f"the row has the column `{name}` twice; upper and lower case count as the same")
        seen.add(name.lower())


def check_key(at, key, least):
    for index, name in enumerate(items(at, key, least, MOST["key"])):
        field(f"{at}[{index}]", name)
        if name in key[:index]:
            wrong(at, f"{shown(name)} is in the list twice")


def check_typed_key(at, kind, output):
    """Checks the key, and the order, of rows of which one is kept."""
    part, what = ("row", "the upsert") if kind == "upsert" else ("key", "the unique output")
    at = f"{at}['{part}']"
    columns = {column["name"]: column for column in output["row"]}
    for name in output["key"]:
        if name not in columns:
            wrong(at, f"{what} has the key `{name}`, which is no column of its row")
        if columns[name]["type"] in ("float", "json"):
            wrong(at, f"{what} has the key `{name}`, whose type cannot be one: a key is neither float nor json")
    if kind == "unique":
        return
    order = output["order"]
    if order not in columns:
        wrong(at, f"{what} has the order `{order}`, which is no column of its row")
    if order in output["key"]:
        wrong(at, f"{what} has the order `{order}`, which is of its key")
    if columns[order].get("nullable"):
        wrong(at, f"{what} has the order `{order}`, which may have no value")
    if columns[order]["type"] in ("float", "bool", "json"):
        wrong(at, f"{what} has the order `{order}`, whose type cannot be one: an order is neither float, bool nor json")


def check_columns(at, output):
    """Checks the merged columns of an aggregate."""
    columns, seen = output["columns"], list(output.get("key", ()))
    for index, column in enumerate(items(at, columns, 1, MOST["columns"])):
        here = f"{at}[{index}]"
        field(f"{here}['name']", need(here, column, "name"))
        if one_of(f"{here}['merge']", need(here, column, "merge"), MERGES) == "latest":
            field(f"{here}['by']", need(here, column, "by"))
        elif "by" in column:
            wrong(f"{here}['by']", 'it goes with the merge "latest" alone')
    for column in columns:
        if column["name"] in seen:
            wrong(at, f"{shown(column['name'])} is the name of another column or part of the key already")
        seen.append(column["name"])
    greatest = [column["name"] for column in columns if column["merge"] == "max"]
    for column in columns:
        if column["merge"] == "latest" and column["by"] not in greatest:
            rule = f"by `{column['by']}`, which is not a column that keeps the max"
            wrong(at, f"the aggregate keeps the latest `{column['name']}` {rule}")


def broken_by_types(output):
    """The rule that the types of an aggregate break."""
    names = [*output.get("key", ()), *(column["name"] for column in output["columns"])]
    types = {column["name"]: column["type"] for column in output["row"]}
    for name in types:
        if name not in names:
            return f"has a type for `{name}`, which is neither of the key nor a column"
    for name in names:
        if name not in types:
            return f"has no type for the field `{name}`"
    for name in output.get("key", ()):
        if types[name] in ("float", "json"):
            return f"has the key `{name}`, whose type cannot be one: a key is neither float nor json"
    for column in output["columns"]:
        name, merge = column["name"], column["merge"]
        type_ = types[name]
        if merge == "sum" and type_ not in ("int", "uint"):
            return f"adds up the column `{name}`, whose type is {type_} and not int or uint"
        if merge in ("min", "max") and type_ in ("bool", "json"):
            return f"has the {merge} of the column `{name}`, whose type {type_} has no order"
        if merge == "latest" and type_ == "json":
            return f"keeps the latest `{name}`, whose type is json: of equal orders, none could be chosen"
        if merge == "latest" and types[column["by"]] == "float":
            return f"keeps the latest `{name}` by an order whose type is float"
    return None


def need(at, value, name):
    if not isinstance(value, dict):
        wrong(at, f'{shown(value)} is not of type "object"')
    if name not in value:
        wrong(at, f'"{name}" is a required property')
    return value[name]


def items(at, value, least, most):
    if not isinstance(value, (list, tuple)):
        wrong(at, f'{shown(value)} is not of type "array"')
    if not least <= len(value) <= most:
        wrong(at, f"{shown(value)} has {f'more than {most}' if len(value) > most else f'fewer than {least}'} items")
    return value


def one_of(at, value, choices):
    if not isinstance(value, str) or value not in choices:
        wrong(at, f"{shown(value)} is not one of {', '.join(map(shown, choices))}")
    return value


def field(at, value):
    return text(at, value, FIELD, "a letter or _ and up to 62 of A-Z, a-z, 0-9, _ and -")


def text(at, value, pattern, what):
    if not isinstance(value, str):
        wrong(at, f'{shown(value)} is not of type "string"')
    if not pattern.fullmatch(value):
        wrong(at, f"{shown(value)} is not {what}")
    return value


def wrong(at, rule):
    raise ValueError(f"{at}: {rule}")


def shown(value):
    """A value as the host shows it; one that JSON does not have is shown as Python does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)[:200]
