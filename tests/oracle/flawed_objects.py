"""Draws objects with flaws that swh.model refuses, and says of each whether the model refuses it.

Usage: flawed_objects.py OUT --seed SEED --each COUNT

OUT is a recording without a header: records [topic, key, value] of privileged topics, each an object with one flaw
or none. Their identifiers are those before the flaw; the test that runs this puts in the right ones. Prints one line a record: {"object_type": ..., "offset": ...,
"flaw": ..., "refused": ...}. `refused` is what swh.model's classes say of the value, and nothing else. The same seed
draws the same objects. Each flaw is drawn COUNT times.
"""

import argparse
import datetime
import json
import random

import msgpack
from swh.journal.serializers import kafka_to_value, key_to_kafka

from cases import CLASSES, written
from odd_objects import OddObjects

# Marks msgpack that the packer does not write itself.
RAW = b"raw msgpack:"


def raw(message):
    return msgpack.ExtType(127, RAW + message)


def time(data):
    """The extension of a time with any data."""
    return raw(b"\xc7" + bytes([len(data)]) + b"\xff" + data)


def time_at(seconds):
    return time(bytes(4) + seconds.to_bytes(8, "big", signed=True))


def deep(levels):
    return raw(b"\x91" * levels + b"\xc0")


class Flaws:
    """Functions that add one flaw to the value of an object. Each is named after its flaw."""

    def __init__(self, seed):
        self.random = random.Random(f"flaws {seed}")

    def key(self, value):
        return self.random.choice(sorted(value, key=str))

    # Of every type.

    def none(self, object_type, value):
        """No flaw."""

    def unknown_field(self, object_type, value):
        value[self.random.choice(["later", "type_", "perms", "Id", "\u00e9"])] = self.any()

    def lost_field(self, object_type, value):
        del value[self.key(value)]

    def binary_name(self, object_type, value):
        name = self.key(value)
        value[name.encode()] = value.pop(name)

    def nil_field(self, object_type, value):
        value[self.key(value)] = None

    def other_type(self, object_type, value):
        value[self.key(value)] = self.any()

    def text_for_bytes(self, object_type, value):
        name = self.key(value)
        if isinstance(value[name], bytes):
            value[name] = value[name].decode("latin-1")
        elif isinstance(value[name], str):
            value[name] = value[name].encode()

    def any(self):
        extensions = [msgpack.ExtType(5, b"x"), msgpack.ExtType(1, b"\x05"), msgpack.ExtType(2, b"\xff" * 9)]
        times = [b"\x00" * 4, b"\xff" * 8, b"\x00" * 4 + b"\x7f" + b"\xff" * 7, b"\x00" * 5]
        return self.random.choice(
            [
                *(None, True, 0, 1, -1, 2**63, 2**64 - 1, 0.5, "", "text", b"", b"bytes", [], {}, [[]]),
                *({"a": 1}, {b"a": 1}, {1: 1}, {(): 1}, [None], b"x" * 20, "swh:1:rev:" + "0b" * 20),
                *extensions,
                *(time(data) for data in times),
                self.old_time(),
                {"a": msgpack.ExtType(9, b"")},
                raw(b"\xa1\xff"),
                {"a": raw(b"\xa2\xc3\x28")},
                [self.old_time()],
                {"swhtype": "datetime", "d": "2020-01-02T03:04:05+00:00"},
                *(deep(levels) for levels in (1022, 1023, 1024, 1025)),
            ]
        )

    def old_time(self):
        text = self.random.choice(
            [
                *("2020-01-02T03:04:05+00:00", "2020-01-02 03:04:05.678901+02:00", "2020-01-02T03:04:05"),
                *("2020-02-30T00:00:00+00:00", "yesterday", "2020-01-02", "20200102T030405Z", "", 5),
                *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2020-01-02T24:00:00+00:00"),
            ]
        )
        return {b"swhtype": "datetime", b"d": text}

    # Of single types.

    def metadata(self, object_type, value):
        """The metadata of a revision, a release, a visit status, an authority or a fetcher."""
        for owner in [value.get("authority"), value.get("fetcher"), value]:
            if owner is not None and (object_type != "raw_extrinsic_metadata" or owner is not value):
                owner["metadata"] = {self.random.choice(["a", b"a", 1, "\u00e9"]): self.any(), "b": 1}

    def headers_in_metadata(self, object_type, value):
        headers = [[self.random.choice([b"a", "a"]), self.random.choice([b"1", "1", 1])]]
        value["metadata"] = {"extra_headers": headers}
        value["extra_headers"] = self.random.choice([[], [], [[b"b", b"2"]]])

    def headers(self, object_type, value):
        value["extra_headers"] = [[self.random.choice([b"a", "a"]), self.random.choice([b"1", "1", 1])]]

    def persons(self, object_type, value):
        roles = [role for role in ("author", "committer") if role in value]
        value[self.random.choice(roles)] = self.random.choice(
            [
                None,
                {},
                {"fullname": b"Ada"},
                {"fullname": "Ada"},
                {"fullname": b"Ada", "name": "", "email": b""},
                {"fullname": b"Ada", "name": b"", "email": ""},
                {"fullname": b"Ada", "name": None, "email": None, "id": 1},
                {"name": b"Ada"},
                {"email": b"ada@example.org"},
                {"name": b"Ada", "email": None},
                {"name": "", "email": ""},
                {b"fullname": b"Ada"},
            ]
        )

    def dates(self, object_type, value):
        roles = [role for role in ("date", "committer_date") if role in value]
        seconds = self.random.choice(
            [*(0, 1, -1, -62135510961, -62135510962, 253402297199, 253402297200), *(2**62, -(2**63))]
        )
        stamp = self.random.choice(
            [
                {"seconds": seconds, "microseconds": 0},
                {"seconds": seconds},
                {"seconds": seconds, "microseconds": 10**6 - 1, "later": self.any()},
                {"seconds": seconds, "microseconds": self.random.choice([-1, 10**6])},
                {b"seconds": seconds, "microseconds": 0},
                {},
                seconds,
            ]
        )
        value[self.random.choice(roles)] = self.random.choice(
            [
                None,
                0,
                1577934245,
                seconds,
                {"timestamp": stamp, "offset_bytes": b"+0200"},
                {"timestamp": stamp, "offset_bytes": b"+0200"},
                {"timestamp": stamp, "offset": 120, "negative_utc": False},
                {"timestamp": stamp, "offset": 120, "negative_utc": None, "later": self.any()},
                {"timestamp": stamp, "offset_bytes": b"+0200", "offset": self.any()},
                {b"timestamp": stamp, "offset_bytes": b"+0200"},
                {"timestamp": stamp, b"offset_bytes": b"+0200", "offset": 5},
                self.old_time(),
                time(bytes.fromhex("5e0d5da5")),
                time_at(253402300000),
            ]
        )

    def entries(self, object_type, value):
        entry = {"name": b"x", "type": "file", "target": b"\x01" * 20, "perms": 0o100644}
        changes = [
            {"name": b"a/b"},
            {"name": b"/"},
            {"name": b""},
            {"name": "text"},
            {"type": self.random.choice(["dir", "rev", "sym", b"file"])},
            {"perms": self.random.choice([0, True, -1, 2**32, 0.5])},
            {"target": self.random.choice([b"", b"\x01" * 19, "\x01" * 20])},
            {"status": self.any()},
            {b"name": b"x"},
        ]
        entry |= self.random.choice(changes)
        if self.random.random() < 0.3:
            del entry[self.random.choice(sorted(entry, key=str))]
        value["entries"].insert(self.random.randrange(len(value["entries"]) + 1), entry)

    def repeated_name(self, object_type, value):
        kinds = self.random.choices(["file", "dir", "rev"], k=2)
        for kind in kinds:
            entry = {"name": b"a", "type": kind, "target": b"\x01" * 20, "perms": 0o100644}
            value["entries"].insert(self.random.randrange(len(value["entries"]) + 1), entry)

    def branches(self, object_type, value):
        branch = self.random.choice(
            [
                None,
                {},
                {"target": b"\x01" * 20, "target_type": "revision", "later": self.any()},
                {"target": b"\x01" * 19, "target_type": "revision"},
                {"target": b"a", "target_type": "alias"},
                {"target": "a", "target_type": "alias"},
                {"target": b"\x01" * 20, "target_type": "tag"},
                {"target": None, "target_type": "revision"},
                {"target": b"\x01" * 20},
                {b"target": b"\x01" * 20, "target_type": "revision"},
                0,
                [],
            ]
        )
        value["branches"][self.random.choice([b"new", "new", 1])] = branch

    def url(self, object_type, value):
        name = "url" if "url" in value else "origin"
        value[name] = "https://e/" + self.random.choice(["a", "\u00e9"]) * self.random.choice([1018, 1019, 2037, 2038])

    def origin_map(self, object_type, value):
        value["origin"] = {"url": value["origin"], "type": "git"}

    def old_visit(self, object_type, value):
        value |= {"status": "full", "snapshot": None, "metadata": None}

    def instant(self, object_type, value):
        name = next((name for name in ("date", "discovery_date") if name in value), "ctime")
        value[name] = self.random.choice(
            [
                self.old_time(),
                self.old_time(),
                "2020-01-02T03:04:05+00:00",
                "2020-01-02",
                None,
                time(bytes.fromhex("5e0d5da5")),
                *(time_at(253402300799), time_at(253402300800)),
                *(time_at(-62135596800), time_at(-62135596801)),
            ]
        )

    def status(self, object_type, value):
        value["status"] = self.random.choice(["visible", "hidden", "absent", "lost", None])

    def length(self, object_type, value):
        value["length"] = self.random.choice([-2, -1, 0, 2**63, 2**64 - 1, True])

    def data(self, object_type, value):
        value["data"] = self.random.choice([None, b"", b"x"])

    def payload(self, object_type, value):
        value["payload_type"] = self.random.choice([None, "", "disk"])
        value["payload"] = self.random.choice([None, b"", b"\x01" * 20])

    def ascii(self, object_type, value):
        value[self.random.choice(["extid_type", "payload_type"])] = self.random.choice(["x", "\u00e9"])

    def contexts(self, object_type, value):
        kinds = ["snp", "rel", "rev", "dir", "cnt"]
        value["target"] = f"swh:1:{self.random.choice([*kinds, *['cnt'] * 5, 'ori', 'emd'])}:" + "01" * 20
        for name in ("origin", "visit", "snapshot", "release", "revision", "path", "directory"):
            value.pop(name, None)
        above = {"snapshot": "snp", "release": "rel", "revision": "rev", "directory": "dir"}
        for name, kind in self.random.sample(sorted(above.items()), self.random.randrange(3)):
            kind = kind if self.random.random() < 0.7 else self.random.choice([*kinds, "ori"])
            value[name] = f"swh:1:{kind}:" + "02" * 20
        if self.random.random() < 0.5:
            value["origin"] = self.random.choice(["https://o", "", "swh:1:ori:" + "01" * 20, "swh:"])
        if self.random.random() < 0.5:
            value["visit"] = self.random.choice([1, 2**62, 0, -1])
        if self.random.random() < 0.3:
            value["path"] = b"x"

    def old_target(self, object_type, value):
        value["type"] = "origin"
        value["target"] = "https://e/" + "a" * self.random.choice([1, 2037, 2038])
        for name in ("origin", "visit", "snapshot", "release", "revision", "path", "directory"):
            value.pop(name, None)


EVERY = ["none", "unknown_field", "lost_field", "binary_name", "nil_field", "other_type", "text_for_bytes"]
FLAWS = {
    "content": ["instant", "status", "length", "data"],
    "skipped_content": ["instant", "status", "length", "data"],
    "hash_colliding_content": ["instant", "status", "length", "data"],
    "directory": ["entries", "repeated_name"],
    "revision": ["persons", "dates", "metadata", "headers", "headers_in_metadata"],
    "release": ["persons", "dates", "metadata"],
    "snapshot": ["branches"],
    "origin": ["url"],
    "origin_visit": ["url", "origin_map", "old_visit", "instant"],
    "origin_visit_status": ["url", "origin_map", "metadata", "instant"],
    "extid": ["payload", "ascii"],
    "metadata_authority": ["url", "metadata"],
    "metadata_fetcher": ["metadata"],
    "raw_extrinsic_metadata": [*["contexts"] * 5, "old_target", "metadata", "instant"],
}


def serialized(value):
    """Does not use upstream's serializer, which does not write what its reader refuses."""

    def packable(item):
        if isinstance(item, datetime.datetime):
            return msgpack.Timestamp.from_datetime(item)
        magnitude = abs(item)
        data = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
        return msgpack.ExtType(1 if item > 0 else 2, data)

    message = msgpack.packb(value, use_bin_type=True, default=packable)
    while (found := message.find(RAW)) >= 0:
        # The head of the extension is before the marker: its length, and its type.
        start = message.rindex(b"\xc7" if message[found - 3] == 0xC7 else b"\xc8", 0, found - 1)
        length = int.from_bytes(message[start + 1 : found - 1], "big")
        message = message[:start] + message[found + len(RAW) : found + length] + message[found + length :]
    return message


def is_refused(object_type, message):
    try:
        CLASSES[object_type].from_dict(kafka_to_value(message))
    except Exception:
        return True
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--each", type=int, required=True)
    arguments = parser.parse_args()

    odd, flaws = OddObjects(arguments.seed), Flaws(arguments.seed)
    with open(arguments.out, "wb") as out:
        for object_type in CLASSES:
            topic, offset = f"swh.journal.objects_privileged.{object_type}", 0
            for flaw in [*EVERY, *FLAWS[object_type]] * arguments.each:
                object_ = getattr(odd, object_type)()
                value = kafka_to_value(written(object_type, object_))
                getattr(flaws, flaw)(object_type, value)
                message = serialized(value)
                out.write(msgpack.packb([topic, key_to_kafka(object_.unique_key()), message]))
                refused = is_refused(object_type, message)
                line = {"object_type": object_type, "offset": offset, "flaw": flaw, "refused": refused}
                print(json.dumps(line))
                offset += 1


main()
