"""The tests that docs/python.md shows pass, for the script that docs/scripts.md shows."""

import re

from conftest import ROOT


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def test_tests_of_the_guide_pass(tmp_path, monkeypatch, recording):
    (tmp_path / "recordings").symlink_to(recording.parent)
    (tmp_path / "years.py").write_text(blocks("scripts.md")[0])
    monkeypatch.chdir(tmp_path)
    (text,) = [block for block in blocks("python.md") if "run_script" in block]
    module = {}
    exec(text, module)
    tests = [name for name in module if name.startswith("test_")]
    assert len(tests) == 2
    for name in tests:
        module[name]()
