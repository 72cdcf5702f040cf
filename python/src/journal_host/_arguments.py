"""Checks what functions are called with, where a mistake would be read as something else."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ._names import meant


def listed(name: str, given: Iterable[Any], example: str) -> list[Any]:
    """The items of an argument that takes several.

    Raises TypeError for a text, whose letters would be taken for them."""
    if isinstance(given, str | bytes | os.PathLike):
        raise TypeError(f"`{name}` is a list, such as {example}, and not {given!r}")
    return list(given)


def options_of(given: Any, path: str = "") -> Any:
    """Options as JSON has them, with lists for tuples.

    Raises ValueError for a number that the host would not read, and TypeError for a value that JSON does not have."""
    if isinstance(given, Mapping):
        for name in given:
            if not isinstance(name, str):
                raise TypeError(f"the name of an option is a text, and not {name!r}")
        return {name: options_of(item, f"{path}.{name}".lstrip(".")) for name, item in given.items()}
    if isinstance(given, list | tuple):
        return [options_of(item, f"{path}.{index}") for index, item in enumerate(given)]
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"the option `{path}` is {given}: a number is finite")
    if isinstance(given, int) and not -(2**63) <= given < 2**64:
        raise ValueError(f"the option `{path}` is {given}: an integer has 64 bits")
    if given is not None and not isinstance(given, bool | int | float | str):
        raise TypeError(f"the option `{path}` is {given!r}, which JSON does not have")
    return given


def one_of(name: str, given: Any, choices: Collection[str]) -> None:
    """Raises ValueError for what is none of the choices."""
    if given not in choices:
        raise ValueError(f"`{name}` is one of {', '.join(map(repr, choices))}, and not {given!r}")


def known(object_type: str, types: Iterable[str]) -> None:
    """Raises ValueError for an object type that is none of these."""
    types = list(types)
    if object_type not in types:
        raise ValueError(f"there is no object type {object_type!r}: {meant(object_type, types)}")
