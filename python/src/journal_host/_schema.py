"""Checks options as the host does, with its messages."""

import json

TYPES = {
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: is_number(value) and value == int(value),
    "number": lambda value: is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
SHOWN = 200


def check(schema, values):
    """Checks the values of options against the schema that `_options.schema_of` makes.

    Raises ValueError for an option that is unknown, missing or wrong."""
    properties = schema["properties"]
    for name in values:
        if name not in properties:
            raise ValueError(f"the plugin has no option `{name}`")
    for name in schema.get("required", []):
        if name not in values:
            raise ValueError(f"the option `{name}` is missing")
    for name, value in values.items():
        check_value(properties[name], value, name)


def check_value(schema, value, path):
    if schema is True:
        return
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(TYPES[one](value) for one in types):
        wrong(path, f"{shown(value)} is not of type {' or '.join(map(shown, types))}")
    if value is None:
        return
    choices = [one for one in schema.get("enum", [value]) if one is not None]
    if value not in choices:
        wrong(path, f"{shown(value)} is not one of {names(choices)}")
    for index, item in enumerate(value if isinstance(value, list) else ()):
        check_value(schema.get("items", True), item, f"{path}.{index}")
    if isinstance(value, dict):
        check_members(schema, value, path)


def check_members(schema, value, path):
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, item in value.items():
        if name not in known and others is False:
            rest = f": that is {names(known)}" if known else ", and it takes none"
            wrong(path, f"{shown(name)} is not a property of it{rest}")
        check_value(known.get(name, others), item, f"{path}.{name}")
    for name in schema.get("required", []):
        if name not in value:
            wrong(path, f"{shown(name)} is a required property")


def wrong(path, rule):
    raise ValueError(f"the option `{path}` breaks a rule of the plugin: {rule}")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def names(known):
    *first, last = map(shown, known)
    return f"{', '.join(first)} or {last}" if first else last
