"""The types of `_journal`, in Python or in C."""

import builtins
from collections.abc import Callable
from typing import Any

class Object(dict[str, Any]): ...

def setup(
    extension: Callable[[int, bytes], Any], pairs: Callable[[Any], Any], damaged: Callable[[int], Any]
) -> None: ...
def decode(
    values: bytes, ends: list[int], fields: tuple[str, ...] | None, type: builtins.type[Object] | None
) -> list[Any]: ...
def pack(value: object, other: Callable[[Any], bytes]) -> bytes: ...
