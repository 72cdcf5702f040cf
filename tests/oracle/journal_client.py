"""Consumes topics with upstream's own client and counts, as one of the subjects of `compare`.

    journal_client.py {counts,fields,months} {dicts,objects} BROKERS PREFIX GROUP

`counts` counts objects by type; `fields` reads all fields of each object, and counts those with a value; `months` counts revisions by month and files in directories by extension. With
`objects`, the function receives the model objects that `from_dict` creates from the dicts. Prints JSON: CPU and
wall time in seconds, excluding the start of Python and its imports, the number of records, and the result.
"""

import collections
import datetime
import json
import resource
import sys
import time

from swh.journal.client import JournalClient
from swh.model.model import (
    Content,
    Directory,
    Origin,
    OriginVisit,
    OriginVisitStatus,
    Release,
    Revision,
    Snapshot,
)

CLASSES = {
    "content": Content,
    "directory": Directory,
    "origin": Origin,
    "origin_visit": OriginVisit,
    "origin_visit_status": OriginVisitStatus,
    "release": Release,
    "revision": Revision,
    "snapshot": Snapshot,
}
EPOCH = datetime.datetime(1970, 1, 1)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def extension(name):
    stem, dot, end = name.rpartition(b".")
    if not dot or not stem or not end or len(end) > 16:
        return None
    return end.decode(errors="replace").lower()


def month(seconds):
    date = EPOCH + datetime.timedelta(seconds=seconds)
    return f"{date.year:04}-{date.month:02}"


class Counts:
    def __init__(self):
        self.records = 0
        self.counts = collections.Counter()

    def process(self, all_objects):
        for object_type, objects in all_objects.items():
            self.records += len(objects)
            self.counts[object_type] += len(objects)

    def answer(self):
        return self.counts


class Fields(Counts):
    """On dicts, as the client passes them."""

    def process(self, all_objects):
        for object_type, objects in all_objects.items():
            self.records += len(objects)
            for object_ in objects:
                for value in object_.values():
                    if value is not None:
                        self.counts[object_type] += 1


class FieldsOfObjects(Counts):
    """On model objects."""

    def process(self, all_objects):
        for object_type, objects in all_objects.items():
            self.records += len(objects)
            from_dict = CLASSES[object_type].from_dict
            for fields in objects:
                # `from_dict` may take fields out.
                names = list(fields)
                object_ = from_dict(fields)
                for name in names:
                    if getattr(object_, name) is not None:
                        self.counts[object_type] += 1


class Months:
    """On dicts, as the client passes them."""

    def __init__(self):
        self.records = 0
        self.months = collections.Counter()
        self.extensions = collections.Counter()

    def process(self, all_objects):
        for object_type, objects in all_objects.items():
            self.records += len(objects)
            if object_type == "directory":
                self.directories(objects)
            else:
                self.revisions(objects)

    def directories(self, objects):
        for directory in objects:
            for entry in directory["entries"]:
                if entry["type"] == "file":
                    self.extensions[extension(entry["name"])] += 1

    def revisions(self, objects):
        for revision in objects:
            date = revision["date"]
            if date is not None:
                self.months[month(date["timestamp"]["seconds"])] += 1

    def answer(self):
        months = {f"month {month}": count for month, count in self.months.items()}
        extensions = {
            "extension none" if extension is None else f"extension `{extension}`": count
            for extension, count in self.extensions.items()
        }
        return {"extension none": 0} | months | extensions


class MonthsOfObjects(Months):
    """On model objects."""

    def directories(self, objects):
        for directory in map(Directory.from_dict, objects):
            for entry in directory.entries:
                if entry.type == "file":
                    self.extensions[extension(entry.name)] += 1

    def revisions(self, objects):
        for revision in map(Revision.from_dict, objects):
            if revision.date is not None:
                self.months[month(revision.date.timestamp.seconds)] += 1


def main(work, form, brokers, prefix, group):
    on_objects = form == "objects"
    if work == "counts":
        worker = Counts()
    elif work == "fields":
        worker = FieldsOfObjects() if on_objects else Fields()
    else:
        worker = MonthsOfObjects() if on_objects else Months()
    object_types = ["directory", "revision"] if work == "months" else None
    cpu, wall = cpu_seconds(), time.monotonic()
    client = JournalClient(
        brokers=brokers,
        group_id=group,
        prefix=prefix,
        object_types=object_types,
        on_eof="stop",
    )
    client.process(worker.process)
    client.close()
    json.dump(
        {
            "cpu_seconds": cpu_seconds() - cpu,
            "wall_seconds": time.monotonic() - wall,
            "records": worker.records,
            "answer": worker.answer(),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
