"""Verifies the records of a recording with upstream's classes, as verify-objects does.

Usage: verify_objects.py JOURNAL PRIVILEGED

Reads a recording and prints one line for each damaged record, {"object_type": ..., "offset": ..., "damage": ...,
"id": ..., "expected_id": ...}, and a last line with the counts: {"counts": {OBJECT_TYPE: {...}}}.
"""

import collections
import json
import sys

import msgpack
import zstandard
from cases import CLASSES, computed_id
from swh.journal.serializers import kafka_to_value
from swh.model.model import HashableObject

ZSTD = b"\x28\xb5\x2f\xfd"
KEYED_BY_HASHES = ("content", "skipped_content", "hash_colliding_content")


def records(path, privileged):
    """Object type, privileged or not, offset, key and value of each record that a reader meets."""
    with open(path, "rb") as raw:
        is_compressed = raw.read(4) == ZSTD
        raw.seek(0)
        file = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) if is_compressed else raw
        offsets, found = collections.Counter(), []
        for frame in msgpack.Unpacker(file, max_buffer_size=0):
            if isinstance(frame, dict):
                continue
            topic, key, value, *rest = frame
            prefix, _, object_type = topic.rpartition(".")
            offset = rest[1] if len(rest) > 1 and rest[1] is not None else offsets[topic]
            offsets[topic] += 1
            found.append((object_type, prefix.endswith("_privileged"), offset, key, value))
    with_privileged = {f[0] for f in found if f[1] and privileged}
    return [f for f in found if f[1] == (f[0] in with_privileged)]


def is_anonymised(object_, privileged):
    persons = [getattr(object_, name, None) for name in ("author", "committer")]
    hidden = [p for p in persons if p and p.name is p.email is None and len(p.fullname) == 32]
    return bool(hidden) and not privileged and object_.raw_manifest is None


def names(object_type, key, object_):
    """Whether the key matches the object, for the types that the plugin's README lists."""
    if object_type in KEYED_BY_HASHES:
        return key == {name: getattr(object_, name) for name in key}
    if object_type == "origin":
        return key == {"url": object_.url}
    return not isinstance(object_, HashableObject) or key == object_.id


def verified(object_type, privileged, key, value):
    """The counter for the record, and the row if it is damaged."""
    try:
        read = kafka_to_value(value)
        object_ = CLASSES[object_type].from_dict(dict(read))
    except Exception:
        return "corrupt", {"damage": "unreadable", "id": None, "expected_id": None}
    if is_anonymised(object_, privileged):
        return "anonymised", None
    if object_type == "hash_colliding_content":
        claimed, computed = object_.sha1_git, type(object_).from_data(object_.data).sha1_git
    else:
        # Not the identifier of the model object: some classes recompute it.
        claimed, computed = read.get("id") or getattr(object_, "id", None), computed_id(object_)
    if computed is not None and claimed != computed:
        ids = {"id": claimed.hex(), "expected_id": computed.hex()}
        return "corrupt", {"damage": "identifier"} | ids
    if not names(object_type, kafka_to_value(key), object_):
        ids = {"id": (claimed or object_.sha1_git).hex(), "expected_id": None}
        return "corrupt", {"damage": "key"} | ids
    return ("without_identifier" if computed is None else "verified"), None


def main():
    path, privileged = sys.argv[1], sys.argv[2] == "true"
    kinds = ("verified", "corrupt", "anonymised", "without_identifier")
    counts = collections.defaultdict(lambda: dict.fromkeys(kinds, 0))
    for object_type, is_privileged, offset, key, value in records(path, privileged):
        kind, row = verified(object_type, is_privileged, key, value)
        counts[object_type][kind] += 1
        if row is not None:
            print(json.dumps({"object_type": object_type, "offset": offset} | row))
    print(json.dumps({"counts": counts}))


main()
