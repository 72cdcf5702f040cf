"""Exceptions of a script, as its author reads them."""

import os.path
import traceback

from . import Rejected

# Lines of callers in the one line of an error, and characters of its message there.
CALLERS = 8
MESSAGE = 1000
HERE = os.path.dirname(__file__) + "/"


def lines(error):
    """The traceback without the frames of the runtime."""
    found = traceback.TracebackException.from_exception(error, compact=True)
    for one in chain(found):
        one.stack[:] = [frame for frame in one.stack if not is_ours(frame.filename)]
    return "".join(found.format()).splitlines()


def chain(found):
    seen = set()
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *(one.exceptions or [])]


def is_ours(filename):
    return (
        filename.startswith(HERE) or filename.endswith("/python_runtime.py") or filename.startswith("<frozen importlib")
    )


def short(error, name_of):
    """The innermost line of the script, the error with its whole message, and the lines that led there. The host shows it
    as one line.

    `name_of` gives the name of a file of the script as its author knows it, and None for any other file."""
    if isinstance(error, Rejected):
        return str(error)
    what = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SyntaxError):
        # What comes before its last line is the line of the script, with a mark.
        what = what.splitlines()[-1]
        if name := name_of(error.filename):
            return f"{name}:{error.lineno}: {what[:MESSAGE]}"
    what = what[:MESSAGE]
    walked = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    frames = [(code.co_name, name, line) for code, line in walked if (name := name_of(code.co_filename))]
    if not frames:
        return what
    function, file, line = frames.pop()
    # A function that calls itself is there once.
    callers = list(dict.fromkeys(f"{file}:{line} in {function}" for function, file, line in reversed(frames)))[:CALLERS]
    called = f" (in {function}, called at {', '.join(callers)})" if callers else ""
    return f"{file}:{line}: {what}{called}"
