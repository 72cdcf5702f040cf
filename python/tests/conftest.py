"""The host, its runtime and the recordings that the tests use.

JOURNAL_HOST and JOURNAL_RUNTIME name the first two. Their defaults are what `cargo build --release` and `build-runtime`
make. The runtime of JavaScript is beside it."""

import os
import subprocess
import sys
from pathlib import Path

import journal_host
import pytest
from journal_host import _objects, _recording

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"
PYTHON = Path(os.environ.get("JOURNAL_RUNTIME", RELEASE / "journal-host-python.wasm"))
JAVASCRIPT = PYTHON.with_name("journal-host-javascript.wasm")


@pytest.fixture
def recording():
    return ROOT / "recordings/ripgrep.journal.zst"


@pytest.fixture
def hosted():
    """Runs a script by the host."""
    host = os.environ.get("JOURNAL_HOST", RELEASE / "journal-host")

    def run(script, **settings):
        runtime = JAVASCRIPT if Path(script).suffix == ".js" else PYTHON
        return journal_host.run(script, host=host, runtime=runtime, **settings)

    return run


@pytest.fixture
def script(tmp_path):
    """Writes a script, and returns its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def oracle(name, *arguments):
    """What a script of `tests/oracle` prints: it runs upstream's packages in a process of its own."""
    command = [sys.executable, ROOT / "tests/oracle" / name, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def values(tmp_path_factory):
    """A few values of each object type."""
    path = tmp_path_factory.mktemp("values") / "test.frames"
    oracle("test_objects.py", path)
    found = {}
    for file in (path, ROOT / "recordings/ripgrep.journal.zst"):
        for record in _recording.read(file):
            if isinstance(record, list) and len(record) > 2 and record[2]:
                some = found.setdefault(record[0].rpartition(".")[2], [])
                if len(some) < (3 if file == path else 6) and len(record[2]) < 4000:
                    some.append(record[2])
    assert set(found) == set(_objects.FIELDS)
    return found
