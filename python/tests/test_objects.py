"""Objects are what upstream's deserializer gives."""

import json

import msgpack
import pytest
import zstandard
from conftest import ROOT, oracle
from journal_host import _objects, types
from journal_host.testing import objects


def values_of_upstream(path):
    """What upstream reads from the values of a file: pairs of a topic or an object type and the object's `repr`."""
    return [line.split("\t", 1) for line in oracle("print_values.py", path).splitlines()]


def compare(path, privileged):
    """Compares the objects of each type with upstream's; returns how many there are."""
    by_type, counts = {}, {}
    for topic, value in values_of_upstream(path):
        prefix, _, object_type = topic.rpartition(".")
        by_type.setdefault(object_type, {}).setdefault(prefix.endswith("_privileged"), []).append(value)
    for object_type, values in by_type.items():
        found = [repr(one) for one in objects(path, object_type, privileged=privileged)]
        assert found == values.get(privileged, values.get(False))
        counts[object_type] = len(found)
    return counts


def test_objects_of_the_shipped_recording_are_those_of_upstream(recording):
    assert compare(recording, False) == {
        "content": 6960,
        "directory": 10268,
        "origin": 1,
        "origin_visit": 1,
        "origin_visit_status": 2,
        "release": 272,
        "revision": 4391,
        "snapshot": 1,
    }


def test_objects_of_every_type_are_those_of_upstream(tmp_path):
    path = tmp_path / "test.frames"
    oracle("test_objects.py", path)
    assert set(compare(path, True)) == set(types.FIELDS)
    names = [
        [one["author"]["name"] for one in objects(path, "revision", privileged=whether)] for whether in (True, False)
    ]
    assert all(names[0]) and not any(names[1])


def test_old_messages_are_read_as_upstream_reads_them():
    """Also those that upstream's deserializer refuses."""
    path = ROOT / "tests/data/old_messages/old_messages.msgpack"
    expected = [value for _, value in values_of_upstream(path)]
    found = []
    for _, _, value, *_ in msgpack.Unpacker(path.open("rb"), raw=False):
        (one,) = _objects.decode(value, [len(value)], None)
        found.append("refused" if isinstance(one, _objects.Damaged) else repr(one))
    assert found == expected and len(found) > 50


def test_fields_of_the_types_are_those_that_runtimes_know():
    known = json.loads((ROOT / "runtimes/fields.json").read_text())
    assert {kind: list(names) for kind, names in types.FIELDS.items()} == known


def test_compressed_recording_may_have_several_frames_and_an_index(tmp_path):
    path, values = tmp_path / "some.journal.zst", [{"url": "a"}, {"url": "b"}]
    frames = [zstandard.compress(msgpack.packb(["a.origin", None, msgpack.packb(value)])) for value in values]
    path.write_bytes(b"".join(frames) + b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index")
    assert list(objects(path, "origin")) == values


@pytest.mark.parametrize("form", ["header", "no header", "stream"])
def test_every_form_of_recordings_is_read(form, tmp_path):
    path, value = tmp_path / "some.journal", {"url": "https://example.org"}
    records = [["swh.journal.objects.origin", b"k", msgpack.packb(value)], ["swh.journal.objects.origin", b"k", None]]
    if form == "header":
        records.insert(0, {"journal-recording": 1, "topics": ["swh.journal.objects.origin"]})
    if form == "stream":
        records = [["origin", value]]
    path.write_bytes(b"".join(map(msgpack.packb, records)))
    assert list(objects(path, "origin")) == [value]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b'{"topic": "a"}', "is not a recording, or is damaged"),
        (msgpack.packb({"journal-recording": 2, "topics": []}), "is a recording of version 2, and this reads 1"),
        (msgpack.packb(["a.b", b"k", b"value"])[:-1], "ends inside a record"),
        (zstandard.compress(msgpack.packb(["a.b", b"k", b"value"]) * 99)[:-9], "it ends inside a frame"),
        (b"\x28\xb5\x2f\xfd nothing", "is not a recording, or is damaged"),
        (msgpack.packb(["a.b", b"k", b"\xc1"]), "b 0: its value is not msgpack"),
    ],
)
def test_what_is_no_recording_is_named(content, said, tmp_path):
    path = tmp_path / "bad.journal"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="bad.journal.*" + said):
        list(objects(path, "b"))
