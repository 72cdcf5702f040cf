"""Reads all objects back from the tables that the plugin `replay` has written, and compares them with those of the journal.

    read_replayed.py RECORDING TABLES [--removes]

RECORDING has the records that were replayed, each with its timestamp, in any order. TABLES is a SQLite database, or a file of
lines {"table": NAME, "row": {...}} in which PostgreSQL's row_to_json has written the rows. With --removes, tombstones have
removed their objects. Prints the number of objects of each type, and fails with the first objects that differ.
"""

import argparse
import collections
import contextlib
import datetime
import json
import sqlite3
import sys

import attr
import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value, key_to_kafka

from cases import computed_id, model_object, swhid, written

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SHOWN = 5


def read(object_type, value):
    """The object of upstream's model. Old objects may break the rules of today's model, for example with a distant date."""
    try:
        return model_object(object_type, value)
    except Exception:
        with attr.validators.disabled():
            return model_object(object_type, value)


def name_of(object_type, object_):
    """The table of an object, and its key as in the journal. The topic of contents also has absent ones."""
    if object_type == "content" and object_.status == "absent":
        object_type = "skipped_content"
    return object_type, key_to_kafka(object_.unique_key())


def described(object_type, object_):
    """Everything about an object: the model object itself, what upstream's writer writes, and the identifiers."""
    return object_, written(object_type, object_), computed_id(object_), swhid(object_)


def records(path):
    with open(path, "rb") as file:
        if path.endswith(".zst"):
            file = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        for frame in msgpack.Unpacker(file, raw=False, max_buffer_size=0):
            if isinstance(frame, dict):
                continue  # the header
            topic, key, value, *more = frame
            prefix, object_type = topic.rsplit(".", 1)
            if prefix.endswith("_privileged"):
                continue
            timestamp = more[2] if len(more) > 2 else None
            yield object_type, key, value, timestamp or 0


def expected(path, removes):
    """The latest object of each key; none if a tombstone has removed it."""
    latest = {}
    for object_type, key, value, timestamp in records(path):
        if value is None and not removes:
            continue
        object_ = value and read(object_type, kafka_to_value(value))
        name = name_of(object_type, object_) if object_ else (object_type, key)
        found = object_ and described(name[0], object_)
        # A tombstone is later than an object of the same time.
        rank = timestamp, found is None
        kept = latest.get(name)
        if kept and kept[0] == rank:
            assert kept[1] == found, f"two objects of one time: {name}"
        if kept is None or kept[0] < rank:
            latest[name] = rank, found
    return {name: found for name, (_, found) in latest.items() if found}


class Tables:
    """The rows of all tables, as dictionaries."""

    def __init__(self, path):
        self.database, self.lines = None, collections.defaultdict(list)
        if path.endswith(".sqlite"):
            self.database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            self.database.row_factory = sqlite3.Row
            return
        with open(path) as lines:
            for line in lines:
                found = json.loads(line)
                self.lines[found["table"]].append(found["row"])

    def rows(self, table):
        if self.database is None:
            return self.lines[table]
        return map(dict, self.database.execute(f'SELECT * FROM "{table}"'))

    def lists(self, table, owner):
        """The rows of lists in their order, by the object and the variant that they belong to."""
        lists = collections.defaultdict(list)
        for row in self.rows(table):
            lists[binary(row[owner]), row["variant"]].append(row)
        for rows in lists.values():
            rows.sort(key=lambda row: row["position"])
            assert [row["position"] for row in rows] == list(range(len(rows))), rows
        return lists


def binary(value):
    """Bytes, which PostgreSQL writes in hexadecimal digits."""
    if isinstance(value, str):
        assert value.startswith("\\x"), value
        return bytes.fromhex(value[2:])
    return value


def time(text):
    return text and datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def person(row, name):
    fullname = binary(row[f"{name}_fullname"])
    if fullname is None:
        return None
    name, email = binary(row[f"{name}_name"]), binary(row[f"{name}_email"])
    return {"fullname": fullname, "name": name, "email": email}


def date(row, name):
    seconds, microseconds = row[f"{name}_seconds"], row[f"{name}_microseconds"]
    if seconds is None:
        assert row[name] is None, row
        return None
    # The years from 1 to 9999 have a time for queries.
    with contextlib.suppress(OverflowError):
        moment = EPOCH + datetime.timedelta(seconds=seconds, microseconds=microseconds)
        assert time(row[name]) == moment, row
    return {
        "timestamp": {"seconds": seconds, "microseconds": microseconds},
        "offset_bytes": binary(row[f"{name}_offset"]),
    }


def metadata(row, name="metadata_msgpack"):
    packed = binary(row[name])
    return None if packed is None else kafka_to_value(packed)


def given(**members):
    """A dictionary without the members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def contents(tables, table):
    for row in tables.rows(table):
        yield {
            **{name: binary(row[name]) for name in ("sha1", "sha1_git", "sha256", "blake2s256")},
            "length": row["length"],
            "status": row["status"],
            **given(data=binary(row["data"]), ctime=time(row["ctime"])),
        }


def skipped_contents(tables, table):
    for row in tables.rows(table):
        yield {
            **{name: binary(row[name]) for name in ("sha1", "sha1_git", "sha256", "blake2s256")},
            "length": -1 if row["length"] is None else row["length"],
            "status": row["status"],
            "reason": row["reason"],
            **given(origin=row["origin"], ctime=time(row["ctime"])),
        }


def directories(tables, table):
    entries = tables.lists("directory_entry", "directory")
    for row in tables.rows(table):
        id_ = binary(row["id"])
        yield {
            "id": id_,
            "entries": [
                {
                    "name": binary(entry["name"]),
                    "type": entry["type"],
                    "target": binary(entry["target"]),
                    "perms": entry["perms"],
                }
                for entry in entries[id_, row["variant"]]
            ],
            **given(raw_manifest=binary(row["raw_manifest"])),
        }


def revisions(tables, table):
    parents = tables.lists("revision_parent", "revision")
    headers = tables.lists("revision_extra_header", "revision")
    for row in tables.rows(table):
        id_ = binary(row["id"])
        name = id_, row["variant"]
        yield {
            "id": id_,
            "message": binary(row["message"]),
            "author": person(row, "author"),
            "committer": person(row, "committer"),
            "date": date(row, "date"),
            "committer_date": date(row, "committer_date"),
            "type": row["type"],
            "directory": binary(row["directory"]),
            "synthetic": bool(row["synthetic"]),
            "metadata": metadata(row),
            "parents": [binary(parent["parent"]) or b"" for parent in parents[name]],
            "extra_headers": [
                (binary(header["name"]), binary(header["value"])) for header in headers[name]
            ],
            **given(raw_manifest=binary(row["raw_manifest"])),
        }


def releases(tables, table):
    for row in tables.rows(table):
        yield {
            "id": binary(row["id"]),
            "name": binary(row["name"]),
            "message": binary(row["message"]),
            "target": binary(row["target"]),
            "target_type": row["target_type"],
            "synthetic": bool(row["synthetic"]),
            "author": person(row, "author"),
            "date": date(row, "date"),
            "metadata": metadata(row),
            **given(raw_manifest=binary(row["raw_manifest"])),
        }


def branch(row):
    target_type = row["target_type"]
    if target_type is None:
        return None
    target = row["alias" if target_type == "alias" else "target"]
    return {"target": binary(target), "target_type": target_type}


def snapshots(tables, table):
    branches = tables.lists("snapshot_branch", "snapshot")
    for row in tables.rows(table):
        id_ = binary(row["id"])
        yield {
            "id": id_,
            "branches": {
                binary(one["name"]): branch(one) for one in branches[id_, row["variant"]]
            },
        }


def origins(tables, table):
    for row in tables.rows(table):
        yield {"url": row["url"], "id": binary(row["id"])}


def visits(tables, table):
    for row in tables.rows(table):
        yield {
            "origin": row["origin"],
            "date": time(row["date"]),
            "type": row["type"],
            **given(visit=row["visit"]),
        }


def statuses(tables, table):
    for row in tables.rows(table):
        yield {
            "origin": row["origin"],
            "visit": row["visit"],
            "date": time(row["date"]),
            "status": row["status"],
            "snapshot": binary(row["snapshot"]),
            "type": row["type"],
            "metadata": metadata(row),
        }


def extids(tables, table):
    for row in tables.rows(table):
        yield {
            "id": binary(row["id"]),
            "extid_type": row["extid_type"],
            "extid_version": row["extid_version"],
            "extid": binary(row["extid"]),
            "target": row["target"],
            "payload_type": row["payload_type"],
            "payload": binary(row["payload"]),
        }


def authorities(tables, table):
    for row in tables.rows(table):
        yield {"type": row["type"], "url": row["url"], **given(metadata=metadata(row))}


def fetchers(tables, table):
    for row in tables.rows(table):
        yield {"name": row["name"], "version": row["version"], **given(metadata=metadata(row))}


def extrinsic_metadata(tables, table):
    contexts = ("origin", "visit", "snapshot", "release", "revision", "directory")
    for row in tables.rows(table):
        of_authority = metadata(row, "authority_metadata_msgpack")
        of_fetcher = metadata(row, "fetcher_metadata_msgpack")
        yield {
            "id": binary(row["id"]),
            "target": row["target"],
            "discovery_date": time(row["discovery_date"]),
            "authority": {
                "type": row["authority_type"],
                "url": row["authority_url"],
                **given(metadata=of_authority),
            },
            "fetcher": {
                "name": row["fetcher_name"],
                "version": row["fetcher_version"],
                **given(metadata=of_fetcher),
            },
            "format": row["format"],
            "metadata": binary(row["metadata"]),
            **given(**{name: row[name] for name in contexts}, path=binary(row["path"])),
        }


READERS = {
    "content": contents,
    "skipped_content": skipped_contents,
    "hash_colliding_content": contents,
    "directory": directories,
    "revision": revisions,
    "release": releases,
    "snapshot": snapshots,
    "origin": origins,
    "origin_visit": visits,
    "origin_visit_status": statuses,
    "extid": extids,
    "metadata_authority": authorities,
    "metadata_fetcher": fetchers,
    "raw_extrinsic_metadata": extrinsic_metadata,
}


def replayed(tables):
    """The objects of all tables."""
    found = {}
    for table, reader in READERS.items():
        for value in reader(tables, table):
            object_ = read(table, value)
            name = name_of(table, object_)
            assert name not in found, f"two rows of one object: {name}"
            found[name] = described(table, object_)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recording")
    parser.add_argument("tables")
    parser.add_argument("--removes", action="store_true")
    arguments = parser.parse_args()

    theirs = expected(arguments.recording, arguments.removes)
    ours = replayed(Tables(arguments.tables))
    names = sorted(theirs.keys() | ours.keys())
    different = [name for name in names if theirs.get(name) != ours.get(name)]
    for name in different[:SHOWN]:
        print(f"{name}\n  {theirs.get(name)}\n  {ours.get(name)}", file=sys.stderr)
    if different:
        sys.exit(f"{len(different)} of {len(names)} objects differ")
    json.dump(collections.Counter(table for table, _ in theirs), sys.stdout)


main()
