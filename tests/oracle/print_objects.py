"""Prints what upstream's journal client passes to its worker function, as JSON lines.

Usage: print_objects.py BROKERS PREFIX GROUP_ID PRIVILEGED [OBJECT_TYPE]...

Reads all existing records and prints one line per object: {"object_type": ..., "object": ...}. To lose nothing,
bytes become {"bytes": HEX}, times {"time": RFC 3339}, and maps with keys that are not strings
{"map": [[KEY, VALUE], ...]}.
"""

import datetime
import json
import sys

from swh.journal.client import EofBehavior, get_journal_client


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"time": value.isoformat()}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, dict):
        return {"map": [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def print_objects(all_objects):
    for object_type, objects in all_objects.items():
        for object_ in objects:
            print(json.dumps({"object_type": object_type, "object": plain(object_)}))


def main():
    brokers, prefix, group_id, privileged, *object_types = sys.argv[1:]
    client = get_journal_client(
        "kafka",
        brokers=brokers,
        prefix=prefix,
        group_id=group_id,
        privileged=privileged == "true",
        object_types=object_types or None,
        on_eof=EofBehavior.STOP,
    )
    client.process(print_objects)
    client.close()


main()
