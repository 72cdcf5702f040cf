"""Runs of the host that are interrupted, killed, or fail without a message."""

import os
import time
from pathlib import Path

import journal_host
import pytest

ENDLESS = """
from journal_host import log

def process(all_objects):
    log.info("at work")
    while True:
        pass
"""


def is_running(argument):
    """Whether a process has this argument."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(argument) in path.read_bytes():
                return True
        except OSError:
            pass  # It has ended.
    return False


def test_interrupt_ends_a_host_whose_script_does_not_end(script, recording, hosted, monkeypatch, tmp_path):
    path, begun = script(ENDLESS, "endless.py"), []

    def interrupt(level, message, text):
        if "at work" in text:
            begun.append(time.monotonic())
            assert is_running(path)
            raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("journal_host._run.log.log", interrupt)
    with pytest.raises(KeyboardInterrupt):
        hosted(path, recording=recording)
    assert time.monotonic() - begun[0] < 5
    assert not is_running(path) and not list(tmp_path.glob("journal-host-*"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("exit 3", "the program '{}' ended with the status 3, and did not say why"),
        ("kill -KILL $$", "the program '{}' was ended by the signal SIGKILL"),
        ("kill -40 $$", "the program '{}' was ended by the signal 40"),
        ("exit 0", "the program '{}' is no journal-host: it does not describe the script"),
        ("echo [1]", "the program '{}' is no journal-host: it does not describe the script"),
        ("printf 'error: \\377' >&2; exit 1", "\\xff"),
    ],
)
def test_program_that_is_no_host_or_dies_is_named(script, lines, message):
    program = script(f"#!/bin/sh\n{lines}\n", "host")
    program.chmod(0o755)
    with pytest.raises(journal_host.RunError) as raised:
        journal_host.run("some.py", host=program)
    assert str(raised.value) == message.format(program)


FAILING = """export function {function}(objects, emit) {{
  console.log("hi")
  console.warn("look")
  fail(objects)
}}

function fail(objects) {{
  throw new RangeError("one\\ntwo")
}}
"""


@pytest.mark.parametrize("function", ["process", "processOrigin"])
def test_failed_run_of_javascript_ends_with_its_traceback(function, script, recording, hosted):
    path = script(FAILING.format(function=function), "bad.js")
    with pytest.raises(journal_host.RunError) as raised:
        hosted(path, recording=recording, object_types=["origin"])
    assert str(raised.value).partition("\n\n")[2] == (
        "RangeError: one\n"
        "two\n"
        "    at bad.js:8:13 in fail\n"
        '        throw new RangeError("one\\ntwo")\n'
        "                  ^\n"
        f"    at bad.js:4:8 in {function}"
    )
