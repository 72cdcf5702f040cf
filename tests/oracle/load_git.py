"""Loads git repositories with upstream's loader and prints what it writes into a journal.

Usage: load_git.py REPOSITORY...

For each repository a line of JSON: {topic: [[key, value], ...]}, both as hexadecimal. The topic of the whole revisions
is `revision!`, and that of the releases alike. A repository that the loader refuses is {"error": TEXT}.
"""

import json
import sys

from swh.journal.serializers import key_to_kafka, value_to_kafka
from swh.loader.git.loader import GitLoader
from swh.storage import get_storage


def record(item):
    value = item.to_dict()
    value.pop("data", None)
    value.pop("ctime", None)
    return [key_to_kafka(item.unique_key()).hex(), value_to_kafka(value).hex()]


def load(path):
    storage = get_storage(cls="memory", journal_writer={"cls": "memory"})
    loader = GitLoader(storage, "file://" + path, incremental=False)
    loader.max_content_size = 1000
    status = loader.load()
    if status["status"] == "failed":
        return {"error": str(status)}
    found = {}
    for object_type, item in storage.journal_writer.journal.objects:
        name = getattr(object_type, "value", object_type)
        public = item.anonymize()
        found.setdefault(name, []).append(record(public or item))
        if public is not None:
            found.setdefault(name + "!", []).append(record(item))
    return found


for path in sys.argv[1:]:
    print(json.dumps(load(path)))
