"""Writes small datasets of rows and columns that upstream's exporter seldom or never writes.

Usage: odd_orc.py FOLDER

Writes FOLDER/NAME/orc, files in step, and FOLDER/NAME/expected.frames, a recording without a header of the objects in
them, for each of these names:

times    times at the edges, in files whose stripes name several time zones
columns  columns in another order, more columns and fewer ones
nulls    missing and empty values
"""

import datetime
import hashlib
import itertools
import pathlib
import sys
import uuid

import msgpack
from orc_files import read_table, write_table
from pyorc import (
    Array,
    BigInt,
    Boolean,
    Date,
    Decimal,
    Double,
    Int,
    Map,
    String,
    Struct,
)
from swh.export.exporters.orc import EXPORT_SCHEMA
from swh.journal.serializers import key_to_kafka, value_to_kafka

EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
NOON_OF_2024 = 1_719_835_200
RELATED = {
    "directory": ["directory_entry"],
    "revision": ["revision_history", "revision_extra_headers"],
    "snapshot": ["snapshot_branch"],
}
HASHES = {"sha1": 20, "sha1_git": 20, "sha256": 32, "blake2s256": 32}
NUMBERS = itertools.count(1)


def hash_of(text, length=20):
    return hashlib.sha256(text.encode()).digest()[:length]


def next_id():
    return hash_of(f"object {next(NUMBERS)}")


def schema_of(table, *, without=(), more=(), is_reversed=False):
    """Upstream's columns of a table, without some and with others, as pairs of name and type."""
    columns = [*EXPORT_SCHEMA[table].fields.items(), *more]
    columns = [(name, kind) for name, kind in columns if name not in without]
    return Struct(**dict(reversed(columns) if is_reversed else columns))


class Dataset:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.expected = open(folder / "expected.frames", "wb")

    def write(self, table, rows, *, related=None, schema=None, zone="UTC"):
        """Writes rows, maps from columns to values, and those of the related tables, with one UUID."""
        identifier = uuid.uuid4()
        own = {
            table: rows,
            **{name: (related or {}).get(name, []) for name in RELATED.get(table, [])},
        }
        for name, of_table in own.items():
            columns = schema if schema and name == table else schema_of(name)
            metadata = {"swh_object_type": name.encode(), "swh_uuid": str(identifier).encode()}
            path = self.folder / "orc" / name / f"{name}-{identifier}.orc"
            cells = [tuple(row.get(column) for column in columns.fields) for row in of_table]
            write_table(path, columns, cells, zone=zone, metadata=metadata)
        return self.folder / "orc" / table / f"{table}-{identifier}.orc"

    def expect(self, object_type, key, value):
        topic = f"swh.journal.objects.{object_type}"
        frame = [topic, key_to_kafka(key), value_to_kafka(value)]
        self.expected.write(msgpack.packb(frame, use_bin_type=True))


def revision_row(id_, **cells):
    row = {"id": id_.hex(), "message": b"m", "directory": "00" * 20, "type": "git"}
    return row | {"author": bytes(32), "committer": bytes(32)} | cells


def revision(id_, **members):
    person = {"fullname": bytes(32), "name": None, "email": None}
    empty = {"date": None, "committer_date": None, "parents": [], "extra_headers": []}
    value = {"id": id_, "message": b"m", "directory": bytes(20), "type": "git"}
    return value | {"author": person, "committer": person} | empty | members


def date(seconds, microseconds, offset):
    timestamp = {"seconds": seconds, "microseconds": microseconds}
    return {"timestamp": timestamp, "offset_bytes": offset}


def offset_cells(name, seconds, nanoseconds, minutes, offset):
    prefix = name.removesuffix("_date")
    return {
        name: (seconds, nanoseconds),
        f"{prefix}_offset": minutes,
        f"{name}_raw_offset_bytes": offset,
    }


def times(dataset):
    """What pyorc reads in UTC is expected."""
    first_second, last_second = -62_135_596_800, 253_402_300_799
    edges = [
        *((-1, 0), (-1, 1000), (-2, 500_000_000), (-2, 999_999_000), (0, 0), (0, 1000)),
        *((first_second, 0), (first_second, 999_999_000), (first_second + 1, 1000)),
        *((last_second, 0), (last_second, 999_999_000), (-62_135_510_961, 0)),
        *((1_420_070_399, 999_999_000), (1_420_070_400, 0), (1_420_070_400, 1000)),
        # Neither is a number of nanoseconds in 64 bits.
        *((-9_223_372_037, 1000), (9_223_372_036, 999_999_000), (9_223_372_037, 0)),
    ]
    # Zones have had their offsets of today in winter and summer for these times.
    of_zones = [(-1, 0), (-2, 500_000_000), (NOON_OF_2024, 1000), (NOON_OF_2024 - 182 * 86400, 0)]
    zones = ["UTC", "Asia/Kolkata", "America/New_York"]
    for zone in zones:
        moments = edges if zone == "UTC" else of_zones
        rows = []
        for seconds, nanoseconds in moments:
            cells = offset_cells("date", seconds, nanoseconds, 330, b"+0530")
            cells |= offset_cells("committer_date", seconds, nanoseconds, 0, b"-0000")
            rows.append(revision_row(next_id(), **cells))
        path = dataset.write("revision", rows, zone=zone)
        schema, written = read_table(path)
        for row in written:
            row = dict(zip(schema.fields, row))
            at = [row["date"][0], row["date"][1] // 1000]
            dates = {"date": date(*at, b"+0530"), "committer_date": date(*at, b"-0000")}
            id_ = bytes.fromhex(row["id"])
            dataset.expect("revision", id_, revision(id_, **dates))
    for zone in zones:
        moments = edges if zone == "UTC" else of_zones
        visits = [
            {"origin": f"https://example.org/{zone}", "visit": number, "date": at, "type": "git"}
            for number, at in enumerate(moments, 1)
        ]
        path = dataset.write("origin_visit", visits, zone=zone)
        for origin, number, (seconds, nanoseconds), kind in read_table(path)[1]:
            delta = datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
            visit = {"origin": origin, "date": EPOCH + delta, "type": kind, "visit": number}
            dataset.expect("origin_visit", {"origin": origin, "date": str(EPOCH + delta)}, visit)


def more_columns():
    """Columns that upstream does not have, each with a value."""
    kinds = {
        "a_map": (Map(String(), Int()), {"a": 1}),
        "a_list": (Array(String()), ["a", None, "b"]),
        "a_struct": (Struct(a=Int(), b=Array(Double())), (1, [0.5])),
        "a_decimal": (Decimal(10, 2), None),
        "a_date": (Date(), datetime.date(2024, 7, 1)),
        "a_truth": (Boolean(), True),
        "a_number": (BigInt(), 2**62),
    }
    schema = [(name, kind) for name, (kind, _) in kinds.items()]
    return schema, {name: value for name, (_, value) in kinds.items()}


def columns(dataset):
    more, cells = more_columns()
    hashes = {name: hash_of(name, size) for name, size in HASHES.items()}
    in_hex = {name: hash_.hex() for name, hash_ in hashes.items()}
    schema = schema_of("content", without=["length", "data"], more=more, is_reversed=True)
    dataset.write("content", [in_hex | {"status": "visible"} | cells], schema=schema)
    dataset.expect("content", hashes, hashes | {"status": "visible"})

    # The export had no such columns before 2022.
    older = ["raw_manifest", "date_raw_offset_bytes", "committer_date_raw_offset_bytes"]
    schema = schema_of("revision", without=older, more=more, is_reversed=True)
    rows = []
    for minutes, offset in [(0, b"+0000"), (330, b"+0530"), (-570, b"-0930"), (-1, b"-0001")]:
        id_, dates = next_id(), offset_cells("date", 5, 6000, minutes, None)
        dates |= offset_cells("committer_date", -7, 8000, minutes, None)
        rows.append(revision_row(id_, **dates) | cells)
        dates = {"date": date(5, 6, offset), "committer_date": date(-7, 8, offset)}
        dataset.expect("revision", id_, revision(id_, **dates))
    id_ = next_id()
    rows.append(revision_row(id_) | cells)
    dataset.expect("revision", id_, revision(id_))
    dataset.write("revision", rows, schema=schema)

    id_ = next_id()
    schema = schema_of("release", without=["raw_manifest", "message", "target_type"], more=more)
    dataset.write("release", [{"id": id_.hex(), "name": b"v"} | cells], schema=schema)
    release = {"name": b"v", "target": None, "author": None, "date": None, "id": id_}
    dataset.expect("release", id_, release)


def nulls(dataset):
    null_revision(dataset)
    null_release(dataset)
    id_ = next_id()
    branches = {b"": b"a", b"a": b"", b"b": b"\xff/"}
    rows = [
        {"snapshot_id": id_.hex(), "name": name, "target": target.hex(), "target_type": "alias"}
        for name, target in branches.items()
    ]
    empty = next_id()
    ids = [{"id": id_.hex()}, {"id": empty.hex()}]
    dataset.write("snapshot", ids, related={"snapshot_branch": rows})
    aliases = {name: {"target": to, "target_type": "alias"} for name, to in branches.items()}
    dataset.expect("snapshot", id_, {"branches": aliases, "id": id_})
    dataset.expect("snapshot", empty, {"branches": {}, "id": empty})

    statuses = []
    for number, (snapshot, kind) in enumerate([(None, None), (None, ""), (next_id(), "git")], 1):
        cells = {"origin": "", "visit": number, "date": (1, 0), "status": "full", "type": kind}
        statuses.append(cells | {"snapshot": snapshot and snapshot.hex()})
        at = EPOCH + datetime.timedelta(seconds=1)
        key = {"origin": "", "visit": str(number), "date": str(at)}
        dataset.expect("origin_visit_status", key, cells | {"date": at, "snapshot": snapshot})
    dataset.write("origin_visit_status", statuses)

    skipped = []
    for number, reason in enumerate([None, "", "too large"]):
        hashes = {name: hash_of(f"{name} {number}", size) for name, size in HASHES.items()}
        hashes = {name: hash_ if number else None for name, hash_ in hashes.items()}
        cells = {"length": number - 1, "status": "absent", "reason": reason}
        skipped.append({name: hash_ and hash_.hex() for name, hash_ in hashes.items()} | cells)
        dataset.expect("skipped_content", hashes, hashes | cells)
    dataset.write("skipped_content", skipped)


def null_revision(dataset):
    id_, all_empty, null = next_id(), next_id(), next_id()
    headers = [(b"", b""), (b"a", b""), (b"", b"\xff\n")]
    related = {
        "revision_extra_headers": [
            {"id": id_.hex(), "key": key, "value": value} for key, value in headers
        ],
        "revision_history": [
            {"id": id_.hex(), "parent_id": hash_of(f"parent {rank}").hex(), "parent_rank": rank}
            for rank in range(3)
        ],
    }
    empty = {"message": b"", "author": b"", "committer": b"", "raw_manifest": b""}
    dates = offset_cells("date", 0, 0, 0, b"") | offset_cells("committer_date", 0, 0, 0, b"\xff")
    no_persons = {"message": None, "author": None, "committer": None}
    rows = [
        revision_row(id_, message=None),
        revision_row(all_empty, **empty, **dates),
        revision_row(null, **no_persons),
    ]
    dataset.write("revision", rows, related=related)
    parents = [hash_of(f"parent {rank}") for rank in range(3)]
    dataset.expect(
        "revision", id_, revision(id_, message=None, parents=parents, extra_headers=headers)
    )
    person = {"fullname": b"", "name": None, "email": None}
    members = {"message": b"", "author": person, "committer": person, "raw_manifest": b""}
    members |= {"date": date(0, 0, b""), "committer_date": date(0, 0, b"\xff")}
    dataset.expect("revision", all_empty, revision(all_empty, **members))
    dataset.expect("revision", null, revision(null, **no_persons))


def null_release(dataset):
    rows = []
    for message, manifest, target in [(None, None, None), (b"", b"", next_id())]:
        id_, cells = next_id(), {"name": b"", "message": message, "target_type": "revision"}
        own = {"id": id_.hex(), "target": target and target.hex(), "raw_manifest": manifest}
        rows.append(cells | own)
        members = {"target": target, "author": None, "date": None, "id": id_}
        if manifest is not None:
            members["raw_manifest"] = manifest
        dataset.expect("release", id_, cells | members)
    dataset.write("release", rows)


def main():
    folder = pathlib.Path(sys.argv[1])
    for write in (times, columns, nulls):
        dataset = Dataset(folder / write.__name__)
        write(dataset)
        dataset.expected.close()


main()
