"""Writes the objects of swh.model's tests to a cluster with upstream's writer, and deletes some of them.

Usage: write_objects.py BROKERS PREFIX

The topics have to exist. Each object type with a deleted object has a tombstone at the end.
"""

import sys

from swh.journal.writer import get_journal_writer
from swh.model.tests.swh_model_data import TEST_OBJECTS

DELETED = ("content", "revision", "origin")


def main():
    brokers, prefix = sys.argv[1:]
    writer = get_journal_writer(
        "kafka",
        brokers=[brokers],
        prefix=prefix,
        client_id="journal-tests",
        anonymize=True,
    )
    for object_type, objects in TEST_OBJECTS.items():
        name = getattr(object_type, "value", object_type)
        writer.write_additions(name, objects)
        if name in DELETED:
            writer.delete(name, [objects[0].unique_key()])
    writer.flush()


main()
