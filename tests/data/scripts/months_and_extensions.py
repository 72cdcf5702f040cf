"""Counts revisions by month and files by extension, as the plugin of this name does."""

import collections
import datetime

OBJECT_TYPES = ["revision", "directory"]
OUTPUTS = [
    {"name": "months", "kind": "aggregate", "key": ["month"], "columns": [{"name": "revisions", "merge": "sum"}]},
    {"name": "extensions", "kind": "aggregate", "key": ["extension"], "columns": [{"name": "files", "merge": "sum"}]},
]

EPOCH = datetime.datetime(1970, 1, 1)


def extension(name):
    stem, dot, end = name.rpartition(b".")
    if not dot or not stem or not end or len(end) > 16:
        return None
    return end.decode(errors="replace").lower()


def month(seconds):
    date = EPOCH + datetime.timedelta(seconds=seconds)
    return f"{date.year:04}-{date.month:02}"


def process(all_objects, emit):
    months, extensions = collections.Counter(), collections.Counter()
    for directory in all_objects.get("directory", []):
        for entry in directory["entries"]:
            if entry["type"] == "file":
                extensions[extension(entry["name"])] += 1
    for revision in all_objects.get("revision", []):
        date = revision["date"]
        if date is not None:
            months[month(date["timestamp"]["seconds"])] += 1
    for name, revisions in months.items():
        emit({"month": name, "revisions": revisions}, "months")
    for name, files in extensions.items():
        emit({"extension": name, "files": files}, "extensions")
