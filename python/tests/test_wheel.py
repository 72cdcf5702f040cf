"""The wheel is built, and works without the repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

DEPENDENCIES = ["msgpack", "zstandard"]
WITHOUT_THE_REPOSITORY = """
from journal_host.testing import objects, run_script

assert len(list(objects("copy.journal.zst", "release"))) == 272
result = run_script("script.py", "copy.journal.zst", options={"since": 2018})
assert len(result["merges"]) == sum(row["merges"] for row in result["years"]) > 10
import journal_host, sys
assert "site-packages" in journal_host.__file__ and not {"pandas", "pyarrow", "swh"} & set(sys.modules)
try:
    result.to_pandas("years")
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.fixture
def wheel(tmp_path):
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    # What is a link here is a link there, too.
    shutil.copytree(ROOT / "python", source, symlinks=True, ignore=ignored)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        source,
        "-w",
        tmp_path,
    ]
    subprocess.run(command, check=True)
    (path,) = tmp_path.glob("*.whl")
    return path


def dependencies():
    """A folder with the wheels that it needs at run time, in the versions that the tests have."""
    cache = Path(os.environ.get("JOURNAL_TESTS_CACHE", ROOT / "target/test-cache")) / "wheels"
    freeze = subprocess.run([sys.executable, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    versions = [line for line in freeze.splitlines() if line.split("==")[0] in DEPENDENCIES]
    assert len(versions) == len(DEPENDENCIES)
    if len(list(cache.glob("*.whl"))) < len(DEPENDENCIES):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", cache, *versions], check=True
        )
    return cache


def test_wheel_has_the_module_its_types_and_its_licence(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "python/src/journal_host"
    modules = {f"journal_host/{path.name}" for path in source.iterdir() if path.is_file()}
    assert modules <= names and "journal_host/py.typed" in modules
    assert {name.split("/")[0] for name in names} == {"journal_host", "journal_host_sdk-0.1.0.dist-info"}
    assert any(name.endswith("/LICENSE") for name in names)


def test_licence_is_that_of_the_repository():
    # It is no link, which an archive of the folder alone could not follow.
    file = ROOT / "python/LICENSE"
    assert not file.is_symlink() and file.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_wheel_works_in_an_empty_environment_without_the_repository(wheel, tmp_path, recording):
    environment, work = tmp_path / "environment", tmp_path / "work"
    work.mkdir()
    shutil.copy(recording, work / "copy.journal.zst")
    shutil.copy(ROOT / "python/tests/template.py", work / "script.py")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*install, "--find-links", dependencies(), wheel], check=True)
    done = subprocess.run([python, "-c", WITHOUT_THE_REPOSITORY], cwd=work, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "No module named 'pandas'\n"), done.stderr
