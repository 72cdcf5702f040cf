"""Computes the rows of `commit-activity`, `file-extensions` and `months-and-extensions` with upstream's classes.

    statistics.py RECORDING [OUTPUT...]

Prints a JSON object: for each given output of the plugins, or for all, a list of rows, sorted as text. Records of
other types are skipped.
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
    """Object type and value of each record in the public topics of the given types."""
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


# The object type that each output counts, and the fields of its key.
OUTPUTS = {
    "files": ("directory", ("extension", "mode")),
    "extensions": ("directory", ("extension",)),
    "months": ("revision", ("month",)),
    "zones": ("revision", ("zone",)),
    "hours": ("revision", ("weekday", "hour")),
}


def count(path, outputs):
    counts = {output: collections.Counter() for output in outputs}
    files, extensions, months, zones, hours = map(counts.get, OUTPUTS)
    object_types = {OUTPUTS[output][0] for output in outputs}
    for object_type, value in public_objects(path, object_types):
        if object_type == "directory":
            for entry in Directory.from_dict(value).entries:
                if entry.type == "file":
                    if files is not None:
                        files[extension(entry.name), f"{entry.perms:o}"] += 1
                    if extensions is not None:
                        extensions[extension(entry.name),] += 1
        elif object_type == "revision":
            date = Revision.from_dict(value).date
            if date is not None:
                local = date.to_datetime()
                if months is not None:
                    months[f"{local.astimezone(tz=datetime.timezone.utc):%Y-%m}",] += 1
                if zones is not None:
                    zones[date.offset_bytes.decode(),] += 1
                if hours is not None:
                    hours[WEEKDAYS[local.weekday()], local.hour] += 1
    return counts


def rows(output, counted):
    object_type, fields = OUTPUTS[output]
    number = "files" if object_type == "directory" else "revisions"
    for key, value in counted.items():
        yield dict(zip(fields, key)) | {number: value}


if __name__ == "__main__":
    path, *outputs = sys.argv[1:]
    result = {
        output: sorted(rows(output, counted), key=lambda row: json.dumps(row, sort_keys=True))
        for output, counted in count(path, outputs or OUTPUTS).items()
    }
    json.dump(result, sys.stdout)
