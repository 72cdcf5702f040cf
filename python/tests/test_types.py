"""Type checkers take the template, and find mistakes in it; the code has one format."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT
from journal_host import _views

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
    ("revision.id", "revision.ident"),
    ("revision.swhid()", "revision.swhid"),
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


# What docs/python.md says of objects whose names the types do not know.
CAST = """
from typing import Any, cast

from journal_host.types import AllObjects, Emit


def process(all_objects: AllObjects, emit: Emit) -> None:
    for revision in all_objects.get("revision", []):
        plain = cast(dict[str, Any], revision)
        name = "_".join(["committer", "date"])
        emit({**plain, "a": plain[name], "b": dict(plain)})
"""


def test_object_that_is_cast_to_a_dict_has_any_name(check):
    assert check([CAST]) == (0, [])


def test_mistakes_are_found(check):
    text = TEMPLATE.read_text()
    assert all(right in text for right, _ in MISTAKES)
    code, errors = check([text.replace(right, wrong, 1) for right, wrong in MISTAKES])
    assert code == 1
    for number, mistake in enumerate(MISTAKES):
        assert any(f"script{number}.py:" in line for line in errors), mistake


def test_own_types_are_right():
    names = ["__init__.py", "types.py", "testing.py", "_arguments.py", "_dicts.py", "_load.py", "_result.py", "_run.py"]
    files = [PYTHON / "src/journal_host" / name for name in [*names, "_journal.pyi", "_views.pyi"]]
    command = [sys.executable, "-m", *CHECKERS["mypy"], "--allow-untyped-calls", "--follow-imports=silent", *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PYTHON / "src")
    assert done.returncode == 0, done.stdout


def test_stubs_have_the_fields_of_the_dicts():
    def classes(name):
        tree = ast.parse((PYTHON / "src/journal_host" / name).read_text())
        return {one.name: one.body for one in tree.body if isinstance(one, ast.ClassDef)}

    def required(text):
        return text.removeprefix("NotRequired[").removesuffix("]") if text.startswith("NotRequired[") else text

    dicts, stubs = classes("_dicts.py"), classes("_views.pyi")
    names = {f"{one.__name__}Dict": one.__name__ for one in _views.CLASSES.values()}
    names |= {"Person": "PersonView", "Date": "DateView", "Timestamp": "TimestampView", "Branch": "BranchView"}
    names |= {"DirectoryEntry": "EntryView"}
    assert set(names) == set(dicts)
    for dict_name, name in names.items():
        fields = {
            one.target.id: required(ast.unparse(one.annotation))
            for one in dicts[dict_name]
            if isinstance(one, ast.AnnAssign)
        }
        functions = [one for one in stubs[name] if isinstance(one, ast.FunctionDef)]
        items = {
            one.args.posonlyargs[1].annotation.slice.value: ast.unparse(one.returns)
            for one in functions
            if one.name == "__getitem__"
        }
        properties = [one.name for one in functions if one.decorator_list and one.name != "__getitem__"]
        assert items == fields and properties == list(fields)
        methods = {one.name for one in functions if not one.decorator_list}
        assert all(callable(getattr(getattr(_views, name), one)) for one in methods - {"__getitem__"})
        assert all(hasattr(getattr(_views, name), one) for one in properties)


def test_format_is_that_of_ruff():
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--no-cache", PYTHON]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
