"""Writes a journal with many kinds of damage, based on the objects of swh.model's tests.

Usage: plant_damage.py JOURNAL DAMAGED

JOURNAL is a file that test_objects.py wrote. DAMAGED starts with all of its records, unchanged, and a revision that
has every field that can be damaged. One record per kind of damage follows, in the topic of the object that it is
based on. Prints one line for each: {"object_type": ..., "offset": ..., "kind": ...}.
"""

import json
import sys

import msgpack
from swh.journal.serializers import kafka_to_value, key_to_kafka, value_to_kafka
from swh.model.model import Revision

PREFIXES = {False: "swh.journal.objects", True: "swh.journal.objects_privileged"}
ANONYMISED = ("revision", "release")


def flipped(value):
    """A changed value: one bit of bytes, or the last letter of a string."""
    if isinstance(value, bytes):
        middle = len(value) // 2
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1] != "x" else "y")
    return value + 1


def at(value, path):
    for step in path:
        value = value[step]
    return value


def flip(*path):
    def change(value):
        at(value, path[:-1])[path[-1]] = flipped(at(value, path))

    return change


def put(content, *path):
    def change(value):
        at(value, path[:-1])[path[-1]] = content

    return change


def drop(*path):
    def change(value):
        del at(value, path[:-1])[path[-1]]

    return change


def swap(*path):
    """Swaps the first two items of a list."""

    def change(value):
        items = at(value, path)
        items[0], items[1] = items[1], items[0]

    return change


def swap_persons(value):
    value["author"], value["committer"] = value["committer"], value["author"]


def of_branch(change):
    """Changes the first branch that refers to an object."""

    def changed(value):
        branches = value["branches"]
        name = next(n for n, b in branches.items() if b and b["target_type"] != "alias")
        change(branches, name)

    return changed


def rename_branch(branches, name):
    branches[flipped(name)] = branches.pop(name)


def retarget_branch(branches, name):
    branches[name]["target"] = flipped(branches[name]["target"])


def retype_branch(branches, name):
    old = branches[name]["target_type"]
    branches[name]["target_type"] = "release" if old != "release" else "revision"


def dangle_branch(branches, name):
    branches[name] = None


def lose_branch(branches, name):
    del branches[name]


# The kinds of damage: object type and change. Each changes the first object to which the change applies.
KINDS = [
    ("directory", "entry name", flip("entries", 0, "name")),
    ("directory", "entry target", flip("entries", 0, "target")),
    ("directory", "entry perms", flip("entries", 0, "perms")),
    ("directory", "lost entry", drop("entries", 0)),
    ("directory", "id", flip("id")),
    ("directory", "raw manifest", put(b"tree 0\0x", "raw_manifest")),
    ("revision", "message", flip("message")),
    ("revision", "lost message", put(None, "message")),
    ("revision", "author", flip("author", "fullname")),
    ("revision", "committer", flip("committer", "fullname")),
    ("revision", "swapped persons", swap_persons),
    ("revision", "seconds", flip("date", "timestamp", "seconds")),
    ("revision", "microseconds", flip("committer_date", "timestamp", "microseconds")),
    ("revision", "offset", flip("date", "offset_bytes")),
    ("revision", "committer offset", flip("committer_date", "offset_bytes")),
    ("revision", "directory", flip("directory")),
    ("revision", "parent", flip("parents", 0)),
    ("revision", "swapped parents", swap("parents")),
    ("revision", "lost parent", drop("parents", 0)),
    ("revision", "extra header name", flip("extra_headers", 0, 0)),
    ("revision", "extra header value", flip("extra_headers", 0, 1)),
    ("revision", "lost extra header", drop("extra_headers", 0)),
    ("revision", "swapped extra headers", swap("extra_headers")),
    ("revision", "id", flip("id")),
    ("revision", "raw manifest", put(b"commit 0\0x", "raw_manifest")),
    ("release", "name", flip("name")),
    ("release", "message", flip("message")),
    ("release", "target", flip("target")),
    ("release", "target type", put("directory", "target_type")),
    ("release", "author", flip("author", "fullname")),
    ("release", "date", flip("date", "timestamp", "seconds")),
    ("release", "offset", flip("date", "offset_bytes")),
    ("release", "id", flip("id")),
    ("snapshot", "branch name", of_branch(rename_branch)),
    ("snapshot", "branch target", of_branch(retarget_branch)),
    ("snapshot", "branch target type", of_branch(retype_branch)),
    ("snapshot", "dangling branch", of_branch(dangle_branch)),
    ("snapshot", "lost branch", of_branch(lose_branch)),
    ("snapshot", "id", flip("id")),
    ("origin", "url", flip("url")),
    ("origin", "id", flip("id")),
    ("extid", "type", flip("extid_type")),
    ("extid", "extid", flip("extid")),
    ("extid", "version", flip("extid_version")),
    ("extid", "target", put("swh:1:rev:" + "9" * 40, "target")),
    ("extid", "id", flip("id")),
    ("raw_extrinsic_metadata", "target", put("swh:1:cnt:" + "9" * 40, "target")),
    ("raw_extrinsic_metadata", "authority", flip("authority", "url")),
    ("raw_extrinsic_metadata", "fetcher", flip("fetcher", "version")),
    ("raw_extrinsic_metadata", "format", flip("format")),
    ("raw_extrinsic_metadata", "metadata", flip("metadata")),
    ("raw_extrinsic_metadata", "id", flip("id")),
]


def rich_revision(value):
    """The record of a revision that has every field that can be damaged."""
    old = Revision.from_dict(kafka_to_value(value))
    rich = old.to_dict() | {
        "committer": {"fullname": b"John Roe", "name": b"John Roe", "email": None},
        "parents": (b"\x01" * 20, b"\x02" * 20),
        "extra_headers": ((b"encoding", b"latin-1"), (b"gpgsig", b"one line\nand another")),
    }
    rich = Revision.from_dict({name: part for name, part in rich.items() if name != "id"})
    return key_to_kafka(rich.unique_key()), value_to_kafka(rich.to_dict())


def damaged(originals, change):
    """The key and the damaged value of the first object that can be changed."""
    for key, value in originals:
        object_ = kafka_to_value(value)
        # Tuples are serialized as lists.
        object_ = msgpack.unpackb(value_to_kafka(object_), timestamp=3, strict_map_key=False)
        try:
            change(object_)
        except (KeyError, IndexError, TypeError, StopIteration):
            continue
        changed = value_to_kafka(object_)
        if changed != value:
            return key, changed
    return None


def main():
    with open(sys.argv[1], "rb") as journal:
        records = list(msgpack.Unpacker(journal, max_buffer_size=0))
    offsets = {}
    with open(sys.argv[2], "wb") as out:

        def write(topic, key, value):
            out.write(msgpack.packb([topic, key, value], use_bin_type=True))
            offsets[topic] = offsets.get(topic, -1) + 1
            return offsets[topic]

        def plant(object_type, kind, key, value):
            topic = f"{PREFIXES[object_type in ANONYMISED]}.{object_type}"
            location = {"object_type": object_type, "offset": write(topic, key, value)}
            print(json.dumps(location | {"kind": kind}))

        for topic, key, value in records:
            write(topic, key, value)
        originals = {}
        for topic, key, value in records:
            prefix, _, object_type = topic.rpartition(".")
            if prefix == PREFIXES[object_type in ANONYMISED]:
                originals.setdefault(object_type, []).append((key, value))
        rich = rich_revision(originals["revision"][0][1])
        originals["revision"].insert(0, rich)
        write(f"{PREFIXES[True]}.revision", *rich)
        for object_type, kind, change in KINDS:
            found = damaged(originals[object_type], change)
            if found is None:
                sys.exit(f"no {object_type} can be damaged in its {kind}")
            plant(object_type, kind, *found)
        for object_type, pairs in originals.items():
            key, value = pairs[0]
            plant(object_type, "cut value", key, value[: len(value) // 2])
            plant(object_type, "value that goes on", key, value + b"\xc0")
        for object_type in ("directory", "revision", "snapshot"):
            (key, _), (_, value) = originals[object_type][:2]
            plant(object_type, "value of another object", key, value)


main()
