"""Computes the rows of `last-visit` and `first-seen` with upstream's classes.

    newest.py RECORDING

Prints a JSON object with the rows of the outputs `visits` and `directories`, without an order. Records of other types are
skipped.
"""

import datetime
import json
import sys

import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value
from swh.model.model import OriginVisitStatus, Revision

PREFIX = "swh.journal.objects."
CLASSES = {"origin_visit_status": OriginVisitStatus, "revision": Revision}


def public_objects(path):
    """The objects of the public topics of these types."""
    with open(path, "rb") as file:
        if path.endswith(".zst"):
            file = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        for record in msgpack.Unpacker(file, raw=False, max_buffer_size=0):
            if isinstance(record, dict):
                continue  # the header
            topic, _key, value = record[:3]
            known = CLASSES.get(topic.removeprefix(PREFIX))
            if known is not None and value is not None:
                yield known.from_dict(kafka_to_value(value))


def text(time):
    """RFC 3339 in UTC, with as many digits of the second as needed."""
    utc = time.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat()
    return (utc.rstrip("0") if "." in utc else utc) + "Z"


def rank(status):
    """What is greater in the newest status of an origin. Nothing is less than anything."""
    known = (status.type is not None, status.type or "")
    made = (status.snapshot is not None, status.snapshot or b"")
    return status.date, status.visit, status.status, known, made


def newest(objects):
    visits, directories = {}, {}
    for one in objects:
        if isinstance(one, OriginVisitStatus):
            before = visits.get(one.origin)
            if before is None or rank(before) < rank(one):
                visits[one.origin] = one
        elif one.date is not None:
            date = one.date.to_datetime()
            directories[one.directory] = min(date, directories.get(one.directory, date))
    return visits.values(), directories.items()


if __name__ == "__main__":
    visits, directories = newest(public_objects(sys.argv[1]))
    result = {
        "visits": [
            {
                "origin": one.origin,
                "date": text(one.date),
                "visit": one.visit,
                "status": one.status,
                "type": one.type,
                "snapshot": one.snapshot and one.snapshot.hex(),
            }
            for one in visits
        ],
        "directories": [
            {"directory": directory.hex(), "date": text(date)} for directory, date in directories
        ],
    }
    json.dump(result, sys.stdout)
