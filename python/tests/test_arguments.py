"""Arguments that would be read as something else are refused."""

import re

import journal_host
import pytest
from journal_host.testing import objects, run_script

LISTS = "OBJECT_TYPES = ['origin', 'of_next_year']\ndef process(all_objects, emit):\n    emit({'types': list(all_objects)})\n"


@pytest.mark.parametrize("name", ["object_types", "modules", "arguments"])
def test_text_for_a_list_is_refused(name, tmp_path):
    with pytest.raises(TypeError, match=f"^`{name}` is a list, such as .*, and not 'text'"):
        journal_host.run("some.py", **{name: "text"})
    with pytest.raises(TypeError, match="^`modules` is a list"):
        journal_host.run("some.py", modules=tmp_path)
    with pytest.raises(TypeError, match=r'^`object_types` is a list, such as \["revision"\], and not \'origin\''):
        run_script("some.py", {}, object_types="origin")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_failure": "dead-letter"}, "`on_failure` is one of 'stop', 'skip', and not 'dead-letter'"),
        ({"batch_records": 0}, "`batch_records` is at least 1, and not 0"),
        ({"source": {"orign": []}}, "there is no object type 'orign': did you mean 'origin'?"),
        ({"source": {"visits": []}}, "there is no object type 'visits': "),
    ],
)
def test_argument_that_there_is_not_is_refused_with_what_there_is(arguments, message, script):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        run_script(script(LISTS), **{"source": {}, **arguments})


def test_object_type_that_only_the_script_names_is_taken(script):
    rows = run_script(script(LISTS), {"of_next_year": [{}], "revision": [{}]}).rows
    assert rows == [{"types": ["of_next_year"]}]


def test_object_type_that_a_recording_cannot_have_is_refused(recording):
    with pytest.raises(ValueError, match="^there is no object type 'revison': did you mean 'revision'?"):
        next(objects(recording, "revison"))
    assert list(objects(recording, "raw_extrinsic_metadata")) == []


OPTIONS = """
from dataclasses import dataclass, field
from journal_host import options

@dataclass
class Options:
    number: int = 1
    numbers: list[int] = field(default_factory=list)
    rest: dict = field(default_factory=dict)

def process_origin(origin, emit):
    emit({"text": f"{options.number!r} {options.numbers!r} {options.rest!r}"})
"""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"number": 2.0, "numbers": [3.0]}, "2 [3] {}"),
        ({"number": -(2**63), "numbers": (2**64 - 1,)}, "-9223372036854775808 [18446744073709551615] {}"),
        ({"rest": {"a": (1, (2,))}}, "1 [] {'a': [1, [2]]}"),
    ],
)
def test_options_are_what_their_class_says(options, text, script):
    assert run_script(script(OPTIONS), {"origin": [{}]}, options=options).rows == [{"text": text}]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"number": 2**64}, ValueError, "the option `number` is 18446744073709551616: an integer has 64 bits"),
        (
            {"numbers": [-(2**63) - 1]},
            ValueError,
            "the option `numbers.0` is -9223372036854775809: an integer has 64 bits",
        ),
        ({"rest": {"a": float("nan")}}, ValueError, "the option `rest.a` is nan: a number is finite"),
        ({"number": float("inf")}, ValueError, "the option `number` is inf: a number is finite"),
        ({"numbers": {1}}, TypeError, "the option `numbers` is {1}, which JSON does not have"),
        ({1: 2}, TypeError, "the name of an option is a text, and not 1"),
    ],
)
def test_options_that_the_host_cannot_read_are_refused(options, error, message, script):
    path = script(OPTIONS)
    for call in (lambda: run_script(path, {}, options=options), lambda: journal_host.run(path, options=options)):
        with pytest.raises(error) as raised:
            call()
        assert str(raised.value) == message
