"""The host, its runtime and the recordings that the tests use.

JOURNAL_HOST and JOURNAL_RUNTIME name the first two. Their defaults are what `cargo build --release` and `build-runtime`
make."""

import os
from pathlib import Path

import journal_host
import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"


@pytest.fixture
def recording():
    return ROOT / "recordings/ripgrep.journal.zst"


@pytest.fixture
def hosted():
    """Runs a script by the host."""
    host = os.environ.get("JOURNAL_HOST", RELEASE / "journal-host")
    runtime = os.environ.get("JOURNAL_RUNTIME", RELEASE / "journal-host-python.wasm")
    return lambda *arguments, **settings: journal_host.run(*arguments, host=host, runtime=runtime, **settings)


@pytest.fixture
def script(tmp_path):
    """Writes a script, and returns its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
