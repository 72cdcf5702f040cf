"""The files of a script: imports, `open`, resources, and the standard library that is loaded when it is imported."""

import builtins
import errno
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.resources.abc
import io
import linecache
import marshal
import os
import posixpath
import re
import shlex
import stat
import sys
import tomllib
import zlib

from journal_host import _absent

# The modules of the standard library that are not in memory yet, packed: filled when the runtime is built.
library = {}
files = {}

COMPILED = {"numpy", "pandas", "scipy", "pyarrow", "polars", "sklearn", "matplotlib", "torch", "lxml", "cffi", "cryptography",
            "psycopg2", "orjson", "ujson", "duckdb", "PIL", "cv2", "tensorflow", "pydantic_core"}

NO_FILE = "it is no file of the script (the host's `--with` adds files)"


def absolute(path):
    """The name of a file of the script, whose folder is the root, or an empty name for the root."""
    return posixpath.normpath("/" + os.fsdecode(path)).lstrip("/")


def is_folder(name):
    return not name or any(file.startswith(name + "/") for file in files)


def names_in(path):
    """The names in a folder of the script."""
    folder = absolute(path)
    if folder in files:
        raise NotADirectoryError(errno.ENOTDIR, "it is a file", path)
    if not is_folder(folder):
        raise FileNotFoundError(errno.ENOENT, NO_FILE, path)
    before = folder and folder + "/"
    return sorted({name[len(before):].split("/")[0] for name in files if name.startswith(before)})


def status(path, *, dir_fd=None, follow_symlinks=True):
    """`os.stat` for the files and folders of the script."""
    name = None if isinstance(path, int) else absolute(path)
    if name in files:
        mode, size = stat.S_IFREG | 0o444, len(files[name])
    elif name is not None and is_folder(name):
        mode, size = stat.S_IFDIR | 0o555, 0
    else:
        raise FileNotFoundError(errno.ENOENT, NO_FILE, path)
    return os.stat_result((mode, 0, 0, 1, 0, 0, size, 0, 0, 0))


class Entry:
    """An entry of a folder, as `os.scandir` gives it."""

    def __init__(self, folder, name):
        self.name, self.path = name, posixpath.join(folder, name)

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"

    def is_dir(self, *, follow_symlinks=True):
        return absolute(self.path) not in files

    def is_file(self, *, follow_symlinks=True):
        return absolute(self.path) in files

    def is_symlink(self):
        return False

    is_junction = is_symlink

    def stat(self, *, follow_symlinks=True):
        return status(self.path)


class Entries:
    """What `os.scandir` gives: an iterator that can be closed."""

    def __init__(self, path):
        self.entries = iter([Entry(os.fsdecode(path), name) for name in names_in(path)])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.entries = iter(())


def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """`open` for the files of the script, which are all that there is."""
    name = None if isinstance(file, int) else absolute(file)
    if set(mode) & set("wax+"):
        raise PermissionError(errno.EACCES, "a script writes no files: it emits rows, or prints", file)
    if name not in files:
        if name is not None and is_folder(name):
            raise IsADirectoryError(errno.EISDIR, "it is a folder of the script", file)
        raise FileNotFoundError(errno.ENOENT, NO_FILE, file)
    raw = io.BytesIO(files[name])
    return raw if "b" in mode else io.TextIOWrapper(raw, encoding or "utf-8", errors, newline)


class Resource(importlib.resources.abc.Traversable):
    """A file or a folder of the script."""

    def __init__(self, path):
        self.path = path

    @property
    def name(self):
        return posixpath.basename(self.path)

    def is_file(self):
        return self.path in files

    def is_dir(self):
        return is_folder(self.path)

    def iterdir(self):
        return iter([self / name for name in names_in(self.path)] if self.is_dir() else [])

    def joinpath(self, *parts):
        return Resource(posixpath.normpath(posixpath.join(self.path, *parts)))

    __truediv__ = joinpath

    def open(self, mode="r", *arguments, **settings):
        return open_file(self.path, mode, *arguments, **settings)

    def read_bytes(self):
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding="utf-8", errors=None):
        return self.read_bytes().decode(encoding, errors or "strict")


class Resources(importlib.resources.abc.TraversableResources):
    def __init__(self, path):
        self.path = path

    def files(self):
        return Resource(self.path)


class Loader(importlib.abc.InspectLoader):
    """Loads a module of the script."""

    def __init__(self, path):
        self.path = path

    def get_source(self, name=None):
        return importlib.util.decode_source(files[self.path])

    def get_code(self, name=None):
        return code_of(self.path)

    def is_package(self, name=None):
        return posixpath.basename(self.path) == "__init__.py"

    def get_data(self, path):
        return open_file(path, "rb").read()

    def get_resource_reader(self, name):
        return Resources(posixpath.dirname(self.path))


class LibraryLoader(importlib.abc.InspectLoader):
    """Loads a module of the standard library."""

    def get_source(self, name):
        return None

    def get_code(self, name):
        return marshal.loads(zlib.decompress(library[name][1]))

    def is_package(self, name):
        return library[name][0]

    def exec_module(self, module):
        super().exec_module(module)
        _absent.change(module)


def code_of(path):
    """The code of a file of the script, whose lines are known to tracebacks."""
    content = files[path]
    try:
        source = importlib.util.decode_source(content)
        linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    except (UnicodeError, SyntaxError):
        pass  # The compiler names the fault.
    return compile(content, path, "exec", dont_inherit=True)


class Finder:
    """Finds the modules of the script, then those of the standard library."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        stem = name.replace(".", "/")
        for file in (f"{stem}/__init__.py", f"{stem}.py"):
            if file in files:
                return spec(name, Loader(file), file)
        if name in library:
            return spec(name, LibraryLoader(), None)
        if is_folder(stem):
            found = importlib.machinery.ModuleSpec(name, None, is_package=True)
            found.submodule_search_locations = [stem]
            return found
        if "." not in name:
            raise ModuleNotFoundError(missing(name), name=name)
        return None

    @staticmethod
    def find_distributions(context=importlib.metadata.DistributionFinder.Context()):
        wanted = context.name and normal(context.name)
        for path in files:
            folder, name = posixpath.split(path)
            if name == "METADATA" and folder.endswith(".dist-info"):
                found = Distribution(folder)
                if not wanted or normal(found.metadata["Name"]) == wanted:
                    yield found


class Distribution(importlib.metadata.Distribution):
    def __init__(self, folder):
        self.folder = folder

    def read_text(self, filename):
        content = files.get(f"{self.folder}/{filename}")
        return content and content.decode()

    def locate_file(self, path):
        return path


def spec(name, loader, file):
    found = importlib.machinery.ModuleSpec(name, loader, origin=file, is_package=loader.is_package(name))
    if file:
        found.has_location = True
        if found.submodule_search_locations is not None:
            found.submodule_search_locations.append(posixpath.dirname(file))
    return found


def missing(name):
    """Why a module cannot be imported."""
    if name == "swh":
        return "there is no `swh` here: the host reads the journal, and objects are dicts, as from swh.journal's client"
    if name in COMPILED:
        return (f"{name!r} has compiled code, which this runtime cannot load: a script can import the standard library, and "
                "pure-Python packages that `--with PATH` adds")
    return _absent.missing(name) or f"No module named {name!r}: it is neither in the standard library of this runtime nor added with `--with PATH`"


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# The names of packages that have compiled code, where they differ from those of their modules.
UNLOADABLE = {normal(name) for name in COMPILED} | {"scikit-learn", "pillow", "opencv-python", "psycopg2-binary", "pydantic"}
NAME = re.compile(r"\s*([A-Za-z0-9._-]+)")
BLOCK = re.compile(r"(?m)^# /// script\s*$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def fault_of_dependencies(source):
    """What is wrong with the dependencies that a script declares in its block (PEP 723), if anything is."""
    block = BLOCK.search(source)
    if not block:
        return None
    lines = [line[2:] for line in block["content"].splitlines()]
    try:
        declared = tomllib.loads("\n".join(lines)).get("dependencies", [])
    except tomllib.TOMLDecodeError as error:
        return f"has a block `# /// script` that is no TOML: {error}"
    names = isinstance(declared, list) and [isinstance(one, str) and NAME.match(one) for one in declared]
    if names is False or not all(names):
        return f"declares dependencies in `# /// script` that are no list of names, such as [\"attrs>=23\"]: {declared!r}"
    given = {normal(found.metadata["Name"]) for found in Finder.find_distributions()}
    top = {normal(path.split("/")[0].removesuffix(".py")) for path in files}
    # What scripts import of it is in the runtime.
    given |= top | {"journal-host-sdk"}
    wanted = [(one, normal(name[1])) for one, name in zip(declared, names) if normal(name[1]) not in given]
    for _, name in wanted:
        if name == "swh" or name.startswith("swh-"):
            return f"needs {name}: {missing('swh')}"
        if name in UNLOADABLE:
            return f"needs {name}, which has compiled code: this runtime can load pure-Python packages only"
    if not wanted:
        return None
    texts = [one for one, _ in wanted]
    return (f"needs {' '.join(texts)}: `pip download --only-binary=:all: --no-deps {' '.join(map(shlex.quote, texts))}` "
            "fetches wheels, and the host's `--with WHEEL` adds each")


def install():
    """Replaces what would look for files of a system."""
    builtins.open = io.open = open_file
    os.stat = os.lstat = status
    os.listdir, os.scandir = lambda path=".": names_in(path), lambda path=".": Entries(path)
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, Finder]


# What cannot work here, and what no script needs.
SKIPPED = {"test", "tests", "__pycache__", "idlelib", "tkinter", "turtledemo", "turtle", "lib2to3", "ensurepip", "venv", "pydoc_data",
           "distutils", "ctypes", "multiprocessing", "curses", "ssl", "bz2", "lzma", "antigravity", "this"}


def pack_library(root):
    """Packs the modules of the standard library that are not imported yet."""
    # `os.walk` goes into the folders that are left in its list, in this order.
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(one for one in folders if one.isidentifier() and one not in SKIPPED)
        for file in sorted(names):
            stem, kind = posixpath.splitext(file)
            path = posixpath.join(folder, file)
            inside = posixpath.relpath(folder, root).replace("/", ".")
            parts = ([] if inside == "." else [inside]) + ([] if stem == "__init__" else [stem])
            name = ".".join(parts)
            if kind != ".py" or not stem.isidentifier() or name in sys.modules or not name or stem in SKIPPED:
                continue
            with open(path, "rb") as source:
                code = compile(source.read(), name.replace(".", "/") + ".py", "exec", dont_inherit=True, optimize=2)
            library[name] = (stem == "__init__", zlib.compress(marshal.dumps(code), 9))
