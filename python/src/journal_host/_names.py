"""Names that are almost right."""

import difflib
from collections.abc import Iterable

# How alike a name is to a known one that it is meant to be, where a new one is allowed.
CLOSE = 0.85


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one is almost, if there is one."""
    near = difflib.get_close_matches(name, known, 1, CLOSE)
    return near[0] if near else None


def meant(name: str, known: Iterable[str]) -> str:
    """Which of the known names this one is meant to be, or all of them."""
    near = difflib.get_close_matches(str(name), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, known))}"
