"""Loads git repositories with upstream's loaders and prints what they write into a journal.

Usage: load_git.py [--archives] REPOSITORY...

With `--archives`, each repository is packed into an archive, of which upstream's loader reads all objects; without it, the
loader reads those that refs lead to. For each repository a line of JSON: {topic: [[key, value], ...]}, both as hexadecimal.
The topic of the whole revisions is `revision!`, and that of the releases alike. A repository that the loader refuses is
{"error": TEXT}.
"""

import json
import os
import sys
import tarfile
import tempfile

from swh.journal.serializers import key_to_kafka, value_to_kafka
from swh.loader.git.from_disk import GitLoaderFromArchive
from swh.loader.git.loader import GitLoader
from swh.storage import get_storage


def record(item):
    value = item.to_dict()
    value.pop("data", None)
    value.pop("ctime", None)
    return [key_to_kafka(item.unique_key()).hex(), value_to_kafka(value).hex()]


def load(loader, storage):
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


def load_repository(path, from_archive):
    storage = get_storage(cls="memory", journal_writer={"cls": "memory"})
    url = "file://" + path
    if not from_archive:
        return load(GitLoader(storage, url, incremental=False), storage)
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.basename(path)
        archive = os.path.join(folder, name + ".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(path, arcname=name)
        loader = GitLoaderFromArchive(storage, url, incremental=False, archive_path=archive)
        return load(loader, storage)


from_archive = sys.argv[1] == "--archives"
for path in sys.argv[2 if from_archive else 1 :]:
    print(json.dumps(load_repository(path, from_archive)))
