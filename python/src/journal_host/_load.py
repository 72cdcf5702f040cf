"""Loads a script outside of the sandbox."""

from __future__ import annotations

import contextlib
import os
import sys
import types
import zipimport
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import _options, _Options

NameOf = Callable[[str], str | None]


@contextlib.contextmanager
def loaded(script: str | os.PathLike[str] | types.ModuleType, values: dict[str, Any]) -> Iterator[tuple[Any, NameOf]]:
    """The module of a script, while its options have these values, and what names its files in tracebacks."""
    before = _Options._get
    try:
        if isinstance(script, types.ModuleType):
            file = script.__file__ or ""
            _options.bind(script, values)
            yield script, lambda path: os.path.basename(path) if path == file else None
        else:
            with executed(Path(script).resolve(), values) as found:
                yield found
    finally:
        _Options._get = staticmethod(before)


@contextlib.contextmanager
def executed(path: Path, values: dict[str, Any]) -> Iterator[tuple[types.ModuleType, NameOf]]:
    """Runs the lines of a script: a file, a folder or an archive. Its modules are forgotten at the end."""
    if path.suffix == ".pyz" and path.is_file():
        name, main = "main", path / "__main__.py"
        code: Any = zipimport.zipimporter(str(path)).get_code("__main__")
    else:
        name, main = ("main", path / "__main__.py") if path.is_dir() else (path.stem, path)
        code = compile(main.read_bytes(), main, "exec", dont_inherit=True)
    # Only what is below a folder or in an archive can be imported.
    is_whole = main != path
    inside = f"{path}{os.sep}" if is_whole else str(path)

    def name_of(file: str) -> str | None:
        return os.path.relpath(file, main.parent) if file.startswith(inside) else None

    before = dict(sys.modules)
    if is_whole:
        sys.path.insert(0, str(path))
    sys.modules[name] = module = types.ModuleType(name)
    module.__file__ = str(main)
    _options.bind(module, values)
    try:
        exec(code, module.__dict__)
        yield module, name_of
    finally:
        if is_whole:
            sys.path.remove(str(path))
        for name, one in list(sys.modules.items()):
            if any(map(name_of, [getattr(one, "__file__", None) or "", *getattr(one, "__path__", ())])):
                del sys.modules[name]
        sys.modules.update((name, one) for name, one in before.items() if name not in sys.modules)
