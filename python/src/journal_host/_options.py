"""The class `Options` of a script: its JSON Schema, and its instance."""

import dataclasses
import types
import typing

from . import _Options

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
NO_DEFAULT = dataclasses.MISSING


def bind(module, values):
    """Makes `journal_host.options` the instance of the module's class `Options` with these values. It is made when it is
    first asked for, because the module's own lines may ask before or after the class."""
    made = []

    def get():
        options = getattr(module, "Options", None)
        if options is not None and not made:
            made.append(instance(options, values))
        return made[0] if made else None

    _Options._get = staticmethod(get)


def schema_of(options):
    """The schema of the class, or of a script without one."""
    if options is None:
        return {"type": "object", "properties": {}}
    if not (isinstance(options, type) and dataclasses.is_dataclass(options)):
        raise TypeError("`Options` has to be a dataclass: write `@dataclass` above it")
    hints = typing.get_type_hints(options, include_extras=True)
    properties, required = {}, []
    for field in dataclasses.fields(options):
        property_ = schema(hints[field.name], field.name)
        if field.default is not NO_DEFAULT:
            if field.default is None or isinstance(field.default, (bool, int, float, str)):
                property_["default"] = field.default
        elif field.default_factory is NO_DEFAULT:
            required.append(field.name)
        properties[field.name] = property_
    found = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    return found


def schema(hint, name):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        found = schema(arguments[0], name)
        texts = [text for text in arguments[1:] if isinstance(text, str)]
        if texts:
            found["description"] = texts[0]
        return found
    if origin in (typing.Union, types.UnionType):
        others = [argument for argument in arguments if argument is not type(None)]
        if len(others) != 1 or len(others) == len(arguments):
            raise TypeError(f"the option {name!r} has several types, which options cannot have")
        found = schema(others[0], name)
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"].append(None)
        return found
    if origin is typing.Literal:
        if not all(isinstance(argument, str) for argument in arguments):
            raise TypeError(f"the option {name!r}: a Literal has texts")
        return {"type": "string", "enum": list(arguments)}
    kind = origin or hint
    if dataclasses.is_dataclass(kind):
        return {**schema_of(kind), "additionalProperties": False}
    if kind not in TYPES:
        raise TypeError(
            f"the option {name!r} cannot be {hint!r}: use bool, int, float, str, list, dict, Literal, Optional or a dataclass"
        )
    found = {"type": TYPES[kind]}
    if kind is list and arguments:
        found["items"] = schema(arguments[0], name)
    if kind is dict:
        found["additionalProperties"] = schema(arguments[1], name) if arguments else True
    return found


def instance(options, values):
    """The instance with these values, which the host has checked."""
    hints = typing.get_type_hints(options)
    return options(**{name: value(hints[name], given) for name, given in values.items()})


def value(hint, given):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if given is None:
        return None
    if origin in (typing.Union, types.UnionType):
        return value(next(one for one in arguments if one is not type(None)), given)
    if dataclasses.is_dataclass(hint):
        return instance(hint, given)
    if origin is list and arguments:
        return [value(arguments[0], item) for item in given]
    if origin is dict and arguments:
        return {name: value(arguments[1], item) for name, item in given.items()}
    # JSON has one kind of number: 5 is a float, too, and 5.0 an integer.
    return hint(given) if hint in (int, float) else given
