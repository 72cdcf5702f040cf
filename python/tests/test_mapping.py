"""Objects are dicts that decode a field when they are asked for it, natively and in the sandbox."""

import datetime
from pathlib import Path

import operations
import pytest
from journal_host import Id, Swhid, _views
from journal_host.testing import objects, run_script
from swh.model import model

# In the sandbox, the recording is only there to have a call.
SCRIPT = """
import operations, values

OBJECT_TYPES = ["origin"]

def process(all_objects, emit):
    found, count = operations.faults(values.VALUES)
    for one in found:
        emit({"fault": one})
    emit({"fault": None, "count": count})
"""
# An object that a script keeps keeps its own record, and none of the others.
KEEPING = """
from journal_host import _objects

OBJECT_TYPES = ["origin"]

def process(all_objects, emit):
    value = b"\\x82\\xa2id\\xc4\\x01a\\xa7message\\xc6" + (100_000).to_bytes(4, "big") + bytes(100_000)
    kept = []
    for number in range(1000):
        kept.append(_objects.decode(value * 10, [len(value) * n for n in range(1, 11)], None, "revision")[number % 10])
        del kept[:-100]
    emit({"sum": sum(len(one["message"]) for one in kept)})
"""
REPEATING = """
from journal_host import _objects
import values

OBJECT_TYPES = ["origin"]

def process(all_objects, emit):
    for number in range(100_000):
        value = values.VALUES["revision"][number % 3]
        one, = _objects.decode(value, [len(value)], None, "revision")
        if number % 2:
            one["date"], one.get("author"), "parents" in one, one.id
        if number % 3:
            dict(one)
        if number % 5:
            one["more"] = one | {"a": [one.copy()]}
        if number % 7 == 0:
            one.parents, one.swhid(), one.author.name
            one["self"] = one
    emit({"done": True})
"""
PRINTING = """
import pprint

def process(all_objects):
    for some in all_objects.values():
        for one in some[:50]:
            pprint.pprint(one)
            print(one)

"""
CHOOSING = """
LAZY = {}
FIELDS = {{"revision": ["id", "date"]}}

def process_revision(revision, emit):
    emit({{"type": type(revision).__name__, "fields": list(revision)}})
"""


@pytest.fixture
def with_values(script, values):
    """Writes a script that imports the values, and the modules that it needs."""

    def write(text):
        return script(text), [
            Path(operations.__file__),
            script(f"VALUES = {values!r}\n", "values.py"),
        ]

    return write


def test_objects_do_what_dicts_do(values):
    found, count = operations.faults(values)
    assert found == [] and count > 10_000


def test_objects_do_what_dicts_do_in_the_sandbox(with_values, recording, hosted):
    path, modules = with_values(SCRIPT)
    *found, last = hosted(path, recording=recording, modules=modules, arguments=["--deadline", "5m"]).rows
    assert found == [] and last["count"] > 10_000


def test_kept_objects_do_not_keep_their_call(script, recording, hosted):
    # All values of the calls together have 1 GB, those of the objects that are kept 10 MB.
    limit = ["--memory-limit", "96MiB", "--batch-bytes", "1MiB"]
    assert hosted(script(KEEPING), recording=recording, arguments=limit).rows == [{"sum": 10_000_000}]


def test_memory_is_flat_over_a_hundred_thousand_objects(with_values, recording, hosted):
    path, modules = with_values(REPEATING)
    limit = ["--memory-limit", "96MiB", "--batch-bytes", "1MiB", "--deadline", "5m"]
    assert hosted(path, recording=recording, modules=modules, arguments=limit).rows == [{"done": True}]


@pytest.mark.parametrize("types", [["revision"], ["release"], ["origin", "origin_visit_status", "snapshot"]])
def test_plain_dicts_and_objects_print_the_same(types, script, recording, hosted):
    printed = []
    for lazy in ("", "LAZY = False\n", "LAZY = True\n"):
        path = script(PRINTING + lazy)
        printed.append(run_script(path, recording, object_types=types).printed)
        printed.append(hosted(path, recording=recording, object_types=types).printed)
    # The types of a call have another order here and there.
    first, *others = (sorted(text.splitlines()) for text in printed)
    assert len(first) > 30 and all(one == first for one in others)


def test_script_gets_real_dicts_if_it_asks_for_them(script, recording, hosted):
    for lazy, name in (("False", "dict"), ("True", "Revision")):
        path = script(CHOOSING.format(lazy))
        for rows in (run_script(path, recording).rows, hosted(path, recording=recording).rows):
            kinds = {(one["type"], *sorted(one["fields"])) for one in rows}
            assert len(rows) == 4391 and kinds == {(name, "date", "id")}
    with pytest.raises(TypeError, match="LAZY is True or False"):
        run_script(script(CHOOSING.format("0")), recording)


def test_model_of_upstream_takes_objects(recording):
    classes = {"revision": model.Revision, "release": model.Release, "directory": model.Directory}
    classes |= {"snapshot": model.Snapshot, "origin": model.Origin, "origin_visit": model.OriginVisit}
    classes |= {"content": model.Content, "origin_visit_status": model.OriginVisitStatus}
    for object_type, cls in classes.items():
        for one in list(objects(recording, object_type))[:100]:
            assert cls.from_dict(one) == cls.from_dict(dict(one))
            if hasattr(one, "swhid"):
                assert str(one.swhid()) == str(cls.from_dict(one).swhid())


def test_dates_are_those_of_the_model_of_upstream(recording):
    count = 0
    for one in objects(recording, "revision"):
        for name in ("date", "committer_date"):
            date, expected = getattr(one, name).to_datetime(), model.TimestampWithTimezone.from_dict(one[name])
            assert date == expected.to_datetime() and date.utcoffset() == expected.to_datetime().utcoffset()
            count += 1
    assert count == 2 * 4391


@pytest.mark.parametrize(
    "offset",
    [b"+0000", b"-0000", b"+0200", b"-0200", b"+200", b"+02", b"-02", b"+0010", b"-0010", b"+0160", b"+5", b"+10000"]
    + [b"+2400", b"-2359", b"+200000000000000000", b"-12345"],
)
def test_odd_time_zones_are_those_of_the_model_of_upstream(offset):
    plain = {"timestamp": {"seconds": -5, "microseconds": 7}, "offset_bytes": offset}
    date, expected = _views.DateView(plain).to_datetime(), model.TimestampWithTimezone.from_dict(plain).to_datetime()
    assert (date, date.utcoffset()) == (expected, expected.utcoffset())


@pytest.mark.parametrize(
    ("date", "text"),
    [
        ({"timestamp": 5, "offset": 90, "negative_utc": False}, "1970-01-01T01:30:05+01:30"),
        ({"timestamp": {"seconds": 5, "microseconds": 0}, "offset": 90}, "1970-01-01T01:30:05+01:30"),
        ({"timestamp": {"seconds": 5, "microseconds": 0}, "offset_bytes": b"what"}, "1970-01-01T00:00:05+00:00"),
        ({"timestamp": {"seconds": 5, "microseconds": 0}, "offset_bytes": b""}, "1970-01-01T00:00:05+00:00"),
    ],
)
def test_old_and_unreadable_dates_are_times(date, text):
    assert _views.DateView(date).to_datetime().isoformat() == text


def test_attributes_are_the_convenient_view(recording):
    def first(object_type):
        return next(objects(recording, object_type))

    revision = first("revision")
    assert type(revision.id) is Id and revision.id == revision["id"] and type(revision["id"]) is bytes
    assert revision.swhid() == Swhid("revision", revision["id"]) and type(revision.directory) is Id
    assert revision.date.timestamp.seconds == revision["date"]["timestamp"]["seconds"]
    assert revision.date["timestamp"] == revision["date"]["timestamp"]
    assert revision.date.offset_bytes == revision["date"]["offset_bytes"] and revision.author.email is None
    assert revision.author.fullname == revision["author"]["fullname"] and revision.author == revision.author
    assert revision.author != revision["author"] and repr(revision.author) == f"PersonView({revision['author']!r})"
    assert isinstance(revision.date.to_datetime(), datetime.datetime)
    assert all(type(one) is Id for found in objects(recording, "revision") for one in found.parents)
    directory = first("directory")
    assert [(one.name, one.type, one.target, one.perms) for one in directory.entries] == [
        (one["name"], one["type"], one["target"], one["perms"]) for one in directory["entries"]
    ]
    kinds = {"file": "content", "dir": "directory", "rev": "revision"}
    assert [one.swhid() for one in directory.entries] == [
        Swhid(kinds[one["type"]], one["target"]) for one in directory["entries"]
    ]
    snapshot = first("snapshot")
    assert list(snapshot.branches) == list(snapshot["branches"])
    aliases = [one for one in snapshot.branches.values() if one.target_type == "alias"]
    assert aliases and all(type(one.target) is bytes and one.swhid() is None for one in aliases)
    assert all(type(one.target) is Id and one.swhid() for one in snapshot.branches.values() if one not in aliases)
    assert first("content").swhid().object_id == first("content")["sha1_git"]
    assert isinstance(first("origin_visit").date, datetime.datetime)


def test_attributes_of_the_rarer_types():
    origin = _views.Origin(url="https://example.org")
    assert origin.id == model.Origin(url="https://example.org").id and origin.swhid() == Swhid("origin", origin.id)
    assert _views.SkippedContent(sha1_git=None).swhid() is None
    metadata = _views.RawExtrinsicMetadata(
        authority={"type": "forge", "url": "u"}, fetcher={"name": "f", "version": "1"}, target="swh:1:cnt:..."
    )
    assert (metadata.authority.url, metadata.fetcher.version, metadata.target) == ("u", "1", "swh:1:cnt:...")
    assert _views.Snapshot(branches={b"a": None}).branches == {b"a": None}
    # Old records have other values, which stay as they are.
    assert _views.Revision(date="2016-01-01", author=None, parents=None).date == "2016-01-01"
    assert _views.Revision(author=None).author is None


def test_methods_of_dict_stay_where_a_field_has_their_name():
    @_views.with_attributes("items", "name")
    class Some(_views.Object):
        pass

    one = Some(items=5, name="a")
    assert list(one.items()) == [("items", 5), ("name", "a")] and one["items"] == 5 and one.name == "a"
