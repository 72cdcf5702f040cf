"""What `commit-activity` and `file-extensions` count, counted by upstream's own classes.

    statistics.py RECORDING [OBJECT_TYPE...]

Prints a JSON object: for each output of the two plugins a list of rows, sorted as text. Records of other types
than those named are passed over.
"""

import collections
import datetime
import json
import sys

import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value
from swh.model.model import Directory, Revision

PREFIX = "swh.journal.objects."
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def public_objects(path, object_types):
    """Object type and value of each record in the public topics of these types."""
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
            object_type = topic.removeprefix(PREFIX)
            if object_type in object_types and value is not None:
                yield object_type, kafka_to_value(value)


def extension(name):
    stem, dot, end = name.rpartition(b".")
    if not dot or not stem or not end or len(end) > 16:
        return None
    return end.decode(errors="replace").lower()


def count(path, object_types):
    counts = collections.defaultdict(collections.Counter)
    for object_type, value in public_objects(path, object_types):
        if object_type == "directory":
            for entry in Directory.from_dict(value).entries:
                if entry.type == "file":
                    counts["files"][extension(entry.name), f"{entry.perms:o}"] += 1
        elif object_type == "revision":
            date = Revision.from_dict(value).date
            if date is not None:
                local = date.to_datetime()
                counts["months"][f"{local.astimezone(tz=datetime.timezone.utc):%Y-%m}",] += 1
                counts["zones"][date.offset_bytes.decode(),] += 1
                counts["hours"][WEEKDAYS[local.weekday()], local.hour] += 1
    return counts


FIELDS = {
    "files": ("extension", "mode"),
    "months": ("month",),
    "zones": ("zone",),
    "hours": ("weekday", "hour"),
}


def rows(output, counted):
    number = "files" if output == "files" else "revisions"
    for key, value in counted.items():
        yield dict(zip(FIELDS[output], key)) | {number: value}


if __name__ == "__main__":
    path, *object_types = sys.argv[1:]
    counts = count(path, object_types or ["directory", "revision"])
    result = {
        output: sorted(rows(output, counted), key=lambda row: json.dumps(row, sort_keys=True))
        for output, counted in counts.items()
    }
    json.dump(result, sys.stdout)
