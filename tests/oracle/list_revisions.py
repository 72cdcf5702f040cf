"""Prints the rows of `list-revisions`, computed by upstream's classes.

    list_revisions.py RECORDING

Prints one JSON line per revision of the public topic, in the order of the recording.
"""

import datetime
import json
import sys

import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value
from swh.model.model import Revision

TOPIC = "swh.journal.objects.revision"


def revisions(path):
    with open(path, "rb") as file:
        records = msgpack.Unpacker(
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True),
            raw=False,
            max_buffer_size=0,
        )
        for record in records:
            if isinstance(record, dict):
                continue  # the header
            topic, _key, value = record[:3]
            if topic == TOPIC and value is not None:
                yield Revision.from_dict(kafka_to_value(value))


def time(date):
    """RFC 3339 in UTC, with as many digits of the second as needed."""
    if date is None:
        return None
    utc = date.to_datetime().astimezone(datetime.timezone.utc).replace(tzinfo=None)
    text = utc.isoformat()
    return (text.rstrip("0") if utc.microsecond else text) + "Z"


def subject(message):
    if message is None:
        return None
    line, _, _ = message.partition(b"\n")
    return line.removesuffix(b"\r").decode(errors="replace")


sys.stdout.reconfigure(encoding="utf-8")
for revision in revisions(sys.argv[1]):
    row = {
        "id": revision.id.hex(),
        "directory": revision.directory.hex(),
        "parents": [parent.hex() for parent in revision.parents],
        "date": time(revision.date),
        "committer_date": time(revision.committer_date),
        "subject": subject(revision.message),
    }
    print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
