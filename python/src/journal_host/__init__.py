"""What a script of journal-host imports: its options, rejections, the log, and identifiers.

    from journal_host import options, reject, log

Outside of the sandbox, `run` starts the host, and `journal_host.testing` runs scripts in plain Python.
"""

import dataclasses
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["Id", "Rejected", "Swhid", "log", "options", "reject"]

if TYPE_CHECKING:
    from ._result import Result as Result
    from ._run import RunError as RunError
    from ._run import run as run
else:

    def __getattr__(name):
        """Loads what starts the host when it is asked for: the sandbox does not have it."""
        if name not in ("Result", "RunError", "run"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from . import _run
        except ImportError:
            raise AttributeError(f"a script cannot start the host, and so has no {name!r}") from None
        return getattr(_run, name)


class Rejected(Exception):
    """What `reject` raises."""


def reject(reason: object) -> NoReturn:
    """Refuses the object that is being processed, in `process_TYPE`: its rows are dropped, and the operator reads why.

    In `process(all_objects)` it ends the call, as any exception does."""
    raise Rejected(str(reason))


class Id(bytes):
    """The identifier of an object, which prints as hexadecimal digits."""

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"Id.fromhex({self.hex()!r})"


_KINDS = {"content": "cnt", "directory": "dir", "revision": "rev", "release": "rel", "snapshot": "snp", "origin": "ori"}


@dataclasses.dataclass(frozen=True, order=True)
class Swhid:
    """A SWHID, such as `Swhid("revision", revision["id"])`."""

    object_type: str
    object_id: bytes

    def __post_init__(self) -> None:
        if self.object_type not in _KINDS:
            raise ValueError(f"{self.object_type!r} has no SWHID: {', '.join(_KINDS)} have")
        if len(self.object_id) != 20:
            raise ValueError("the identifier of an object has 20 bytes")
        object.__setattr__(self, "object_id", Id(self.object_id))

    @classmethod
    def parse(cls, text: str) -> "Swhid":
        parts = text.split(":")
        kinds = {kind: object_type for object_type, kind in _KINDS.items()}
        if len(parts) != 4 or parts[:2] != ["swh", "1"] or parts[2] not in kinds:
            raise ValueError(f"{text!r} is not a SWHID")
        return cls(kinds[parts[2]], bytes.fromhex(parts[3]))

    def __str__(self) -> str:
        return f"swh:1:{_KINDS[self.object_type]}:{bytes(self.object_id).hex()}"


class _Log:
    """The operator's log: `log.warning("...")`."""

    # In the sandbox, the host takes it.
    @staticmethod
    def _write(level: str, text: str) -> None:
        logging.getLogger("journal_host").log(logging.getLevelName(level), "%s", text)

    def error(self, text: object) -> None:
        self._write("ERROR", str(text))

    def warning(self, text: object) -> None:
        self._write("WARN", str(text))

    def info(self, text: object) -> None:
        self._write("INFO", str(text))

    def debug(self, text: object) -> None:
        self._write("DEBUG", str(text))


log = _Log()
# Only a program that sets logging up sees the log.
logging.getLogger("journal_host").addHandler(logging.NullHandler())


def _no_options() -> Any:
    raise AttributeError("options are set while a script runs: `journal_host.testing.run_script` runs one")


class _Options:
    """The instance of the script's class `Options`."""

    _get: Callable[[], Any] = staticmethod(_no_options)

    def __getattr__(self, name: str) -> Any:
        instance = self._get()
        if instance is None:
            raise AttributeError(f"the script has no class `Options`, and so no option {name!r}")
        return getattr(instance, name)

    def __repr__(self) -> str:
        return repr(self._get())


options = _Options()
