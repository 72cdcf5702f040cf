"""Type checkers take the template, and find mistakes in it; the code has one format."""

import subprocess
import sys

import pytest
from conftest import ROOT

PYTHON = ROOT / "python"
TEMPLATE = PYTHON / "tests/template.py"
CHECKERS = {
    "mypy": ["mypy", "--strict", "--no-incremental", "--cache-dir=/dev/null"],
    "pyright": ["pyright", "--pythonpath", sys.executable],
}
# What is right in the template, and what is not.
MISTAKES = [
    ('revision["parents"]', 'revision["parent"]'),
    ('date["timestamp"]["seconds"]', 'revision["date"]["timestamp"]["seconds"]'),
    ('reject("it has no date")', "pass"),
    ("emit(Merge(", "emit(str("),
    ("reject\n", "rejects\n"),
    ("emit: Emit", "emit: Emitter"),
]


@pytest.fixture(params=CHECKERS)
def check(request, tmp_path, monkeypatch):
    """Checks scripts by one of the checkers, and returns its exit code and the lines with its errors."""
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{PYTHON}/src"], "typeCheckingMode": "strict"}}')
    monkeypatch.setenv("MYPYPATH", f"{PYTHON}/src")
    # Its Node.js comes with the packages of the tests.
    monkeypatch.setenv("PYRIGHT_PYTHON_GLOBAL_NODE", "0")

    def run(texts):
        for number, text in enumerate(texts):
            (tmp_path / f"script{number}.py").write_text(text)
        files = [f"script{number}.py" for number in range(len(texts))]
        command = [sys.executable, "-m", *CHECKERS[request.param], *files]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, [line for line in done.stdout.splitlines() if " error: " in line or " - error" in line]

    return run


def test_template_passes(check):
    assert check([TEMPLATE.read_text()]) == (0, [])


def test_mistakes_are_found(check):
    text = TEMPLATE.read_text()
    assert all(right in text for right, _ in MISTAKES)
    code, errors = check([text.replace(right, wrong, 1) for right, wrong in MISTAKES])
    assert code == 1
    for number, mistake in enumerate(MISTAKES):
        assert any(f"script{number}.py:" in line for line in errors), mistake


def test_own_types_are_right():
    files = [
        PYTHON / f"src/journal_host/{name}.py" for name in ("__init__", "types", "testing", "_load", "_result", "_run")
    ]
    command = [sys.executable, "-m", *CHECKERS["mypy"], "--allow-untyped-calls", "--follow-imports=silent", *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PYTHON / "src")
    assert done.returncode == 0, done.stdout


def test_format_is_that_of_ruff():
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--no-cache", PYTHON]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
