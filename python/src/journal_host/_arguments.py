"""Checks what functions are called with, where a mistake would be read as something else."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

from ._objects import meant


def listed(name: str, given: Iterable[Any], example: str) -> list[Any]:
    """The items of an argument that takes several.

    Raises TypeError for a text, whose letters would be taken for them."""
    if isinstance(given, str | bytes | os.PathLike):
        raise TypeError(f"`{name}` is a list, such as {example}, and not {given!r}")
    return list(given)


def one_of(name: str, given: Any, choices: Collection[str]) -> None:
    """Raises ValueError for what is none of the choices."""
    if given not in choices:
        raise ValueError(f"`{name}` is one of {', '.join(map(repr, choices))}, and not {given!r}")


def known(object_type: str, types: Iterable[str]) -> None:
    """Raises ValueError for an object type that is none of these."""
    types = list(types)
    if object_type not in types:
        raise ValueError(f"there is no object type {object_type!r}: {meant(object_type, types)}")
