"""Exports a recording to ORC files with upstream's exporter, as the public datasets are made.

Usage: export_orc.py [--privileged] [--max-rows N] [--remove-pull-requests] [--expected FILE] RECORDING FOLDER

Each record passes through the export's own worker, see export_journal.py, to the exporter of ORC files, which writes
FOLDER/TABLE/TABLE-UUID.orc for all tables. Revisions and releases come from the public topics; with `--privileged` they
come from the privileged ones, and upstream anonymises them. With `--max-rows`, a file of a main table has at most N
rows. An object at which the exporter fails is named on standard error: what it had written of the object stays.

FILE becomes a recording without a header: concatenated msgpack arrays [topic, key, value] of the objects that were
exported, as upstream's model writes them, without the members that the tables have no columns for.

Prints the number of exported objects of each type, as lines of `TYPE NUMBER`.
"""

import argparse
import collections
import contextlib
import csv
import datetime
import hashlib
import io
import logging
import math
import sys

import msgpack
from export_journal import Worker, records
from swh.export.exporters.orc import ORCExporter
from swh.export.relational import MAIN_TABLES
from swh.export.utils import remove_pull_requests
from swh.journal.serializers import key_to_kafka, value_to_kafka

EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)

# What the journal has and the tables do not.
MISSING = {
    "content": ["ctime", "data"],
    "skipped_content": ["ctime", "origin"],
    "revision": ["metadata", "synthetic"],
    "release": ["metadata", "synthetic"],
    "origin_visit_status": ["metadata"],
}


def seconds_as_read(seconds, microseconds):
    """The seconds of a time as they are read from a file of ORC.

    It cannot tell a time in the last second before 1970 from one a second later, unless it is in its first millisecond.
    """
    return 0 if seconds == -1 and microseconds >= 1000 else seconds


def datetime_as_read(value):
    """The same of a time of a visit, whose seconds the exporter takes from a floating-point number.

    None where that is no longer a time.
    """
    seconds = seconds_as_read(math.floor(value.timestamp()), value.microsecond)
    try:
        return EPOCH + datetime.timedelta(seconds=seconds, microseconds=value.microsecond)
    except OverflowError:
        return None


def as_read(value):
    """A value of the journal with its times as they are read."""
    if not isinstance(value, dict):
        return value
    if "microseconds" in value:
        seconds = seconds_as_read(value["seconds"], value["microseconds"])
        return value | {"seconds": seconds}
    return {name: as_read(member) for name, member in value.items()}


class Exporter(ORCExporter):
    """The exporter, which also keeps what it exported."""

    def __init__(self, config, folder, expected):
        super().__init__(config, list(MAIN_TABLES), folder)
        self.expected = expected
        self.counts = collections.Counter()

    def process_object(self, object_type, object_):
        read = object_
        if object_type.value in ("origin_visit", "origin_visit_status"):
            date = datetime_as_read(object_.date)
            if date is None:
                return
            read = object_.evolve(date=date)
        try:
            super().process_object(object_type, object_)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"{object_type.value} is not exported: {reason}", file=sys.stderr)
            raise
        self.counts[object_type.value] += 1
        topic = f"swh.journal.objects.{object_type.value}"
        key = key_to_kafka(read.unique_key())
        value = value_to_kafka(self.projected(object_type.value, read))
        self.expected.write(msgpack.packb([topic, key, value], use_bin_type=True))

    def projected(self, object_type, object_):
        if object_type == "snapshot" and self.remove_pull_requests:
            object_ = remove_pull_requests(object_)
        value = as_read(object_.to_dict())
        for name in MISSING.get(object_type, []):
            value.pop(name, None)
        if object_type == "origin":
            # Whatever identifier the object has.
            value["id"] = hashlib.sha1(object_.url.encode()).digest()
        if object_type == "snapshot":
            branches = value["branches"].items()
            value["branches"] = {name: branch for name, branch in branches if branch is not None}
        return value


def main():
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    arguments.add_argument("--privileged", action="store_true")
    arguments.add_argument("--max-rows", type=int)
    arguments.add_argument("--remove-pull-requests", action="store_true")
    arguments.add_argument("--expected", default="/dev/null")
    arguments.add_argument("recording")
    arguments.add_argument("folder")
    arguments = arguments.parse_args()
    # The worker logs the objects at which the exporter fails, and goes on.
    logging.disable()

    config = {"orc": {"remove_pull_requests": arguments.remove_pull_requests}}
    if arguments.max_rows is not None:
        config["orc"]["max_rows"] = dict.fromkeys(MAIN_TABLES, arguments.max_rows)
    with contextlib.ExitStack() as stack:
        expected = stack.enter_context(open(arguments.expected, "wb"))
        exporter = stack.enter_context(Exporter(config, arguments.folder, expected))
        worker = Worker(exporter)
        if arguments.privileged:
            worker.config["journal"]["privileged"] = True
            worker.persons_writer = csv.writer(io.StringIO())
        for object_type, message in records(
            arguments.recording, MAIN_TABLES, privileged=arguments.privileged
        ):
            worker.process_messages({object_type: [message]})
    for object_type, count in sorted(exporter.counts.items()):
        print(object_type, count)


if __name__ == "__main__":
    main()
