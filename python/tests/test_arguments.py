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
