"""What a machine has and a script has not: why a module is missing, and what says so when it is called."""

import errno
import os
import sys
import tempfile
import threading
import zoneinfo

import _socket
import _thread
import select

from journal_host import _files

PROCESSES = "a script starts no processes (the host runs several instances of it with `--workers`)"
THREADS = "a script has no threads (the host runs several instances of it with `--workers`)"
NETWORK = "a script has no network"
FILES = "a script writes no files: it emits rows, or prints"
WAITING = "a script cannot wait, and so has no event loop"
BUILT_WITHOUT = "this runtime is built without it"

# Why modules of the standard library are not there.
REASONS = {
    "multiprocessing": PROCESSES,
    "posixsubprocess": PROCESSES,
    "posixshmem": PROCESSES,
    "interpreters": THREADS,
    "ssl": NETWORK,
    "ctypes": "this runtime loads no compiled code",
}
REASONS |= dict.fromkeys(["curses", "idlelib", "pyrepl", "readline", "termios", "tkinter", "turtle"], "a script has no terminal")
REASONS |= dict.fromkeys(["fcntl", "grp", "mmap", "pwd", "resource", "syslog"], "a script sees nothing of the machine")

FUNCTIONS_OF_PROCESSES = {"fork", "forkpty", "system", "execl", "execle", "execlp", "execv", "execve", "execvp", "posix_spawn",
                          "posix_spawnp", "spawnl", "spawnle", "spawnv", "spawnve", "spawnvp", "kill", "killpg", "wait", "waitpid"}


def missing(name):
    """Why a module of the standard library is not there; none for other modules."""
    # The part in C of a module has the name of the module with a line before it.
    public = name.lstrip("_")
    if name not in sys.stdlib_module_names and public not in sys.stdlib_module_names:
        return None
    wanted = name if public in sys.modules or public in _files.library else public
    return f"there is no {wanted!r} here: {REASONS.get(public, BUILT_WITHOUT)}"


def refused(kind, *arguments):
    """A function that raises an exception."""
    def refuse(*_, **__):
        raise kind(*arguments)
    return refuse


no_network = refused(PermissionError, errno.EACCES, NETWORK)
no_files = refused(PermissionError, errno.EACCES, FILES)
no_thread = refused(RuntimeError, THREADS)


class Socket(_socket.socket):
    """It can be named and inherited from, and not made."""

    __slots__ = ()
    __init__ = no_network


def without_processes(subprocess):
    subprocess.Popen.__init__ = refused(OSError, errno.ENOTSUP, PROCESSES)


def without_waiting(selectors):
    class DefaultSelector(selectors.SelectSelector):
        __init__ = refused(NotImplementedError, WAITING)

    selectors.DefaultSelector = DefaultSelector


def without_closing(events):
    """An event loop that could not be made has nothing to close."""
    events.BaseEventLoop.__del__ = lambda self: None


def without_https(request):
    unknown_open = request.UnknownHandler.unknown_open

    def open_unknown(self, req):
        if req.type == "https":
            raise request.URLError(NETWORK)
        return unknown_open(self, req)

    request.UnknownHandler.unknown_open = open_unknown


def without_database_files(sqlite3):
    connect = sqlite3.connect

    def connect_in_memory(database, *arguments, **settings):
        try:
            return connect(database, *arguments, **settings)
        except sqlite3.OperationalError as error:
            if "unable to open" not in str(error):
                raise
            raise sqlite3.OperationalError("a script has no files: `:memory:` is the only database, and the host writes rows "
                                           "to SQLite with `--output FILE.sqlite`") from None

    sqlite3.connect = connect_in_memory


# What is changed in a module when a script imports it.
CHANGES = {
    "asyncio.base_events": without_closing,
    "selectors": without_waiting,
    "sqlite3": without_database_files,
    "subprocess": without_processes,
    "urllib.request": without_https,
}


def change(module):
    """Changes a module that was just loaded."""
    if module.__name__ in CHANGES:
        CHANGES[module.__name__](module)


def function_of_os(name):
    what = f"module 'os' has no attribute {name!r}"
    if name in FUNCTIONS_OF_PROCESSES:
        what += f": {PROCESSES}"
    raise AttributeError(what, name=name, obj=os)


def say_what_is_not_there():
    """Replaces functions that would fail with the words of a system."""
    # What asks whether these functions exist is still told that they do not.
    os.__getattr__ = function_of_os
    _thread.start_new_thread = _thread.start_new = _thread.start_joinable_thread = no_thread
    threading._start_joinable_thread = threading._start_new_thread = no_thread
    _socket.socket = _socket.SocketType = Socket
    for name in ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo"):
        setattr(_socket, name, no_network)
    tempfile._get_default_tempdir = no_files
    # What waits would wait for ever. `poll` is not tried where it does not exist.
    select.select = refused(NotImplementedError, WAITING)
    for name in ("poll", "epoll", "kqueue"):
        vars(select).pop(name, None)
    load_tzdata = zoneinfo._common.load_tzdata

    def load_zone(key):
        try:
            return load_tzdata(key)
        except zoneinfo.ZoneInfoNotFoundError:
            if any(path.startswith("tzdata/") for path in _files.files):
                raise
            what = (f"there is no time zone {key!r}: this runtime has none (`pip download tzdata` fetches a wheel that has them, and "
                    "the host's `--with WHEEL` adds it)")
            raise zoneinfo.ZoneInfoNotFoundError(what) from None

    zoneinfo._common.load_tzdata = load_zone
