"""Runs a journal client's function over a recording natively, as upstream's client does.

    run_script.py SCRIPT FUNCTION RECORDING [TYPE...]

FUNCTION of SCRIPT gets all objects of the given types, or of all types, in one call. Where a type has a privileged topic, its
objects are read instead of those of the public one. Prints what FUNCTION prints, and the rows that it emits as JSON lines.
"""

import inspect
import json
import runpy
import sys

import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value

PRIVILEGED = "_privileged"


def records(path):
    with open(path, "rb") as file:
        is_compressed = file.read(4) == b"\x28\xb5\x2f\xfd"
        file.seek(0)
        if is_compressed:
            file = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        for record in msgpack.Unpacker(file, raw=False, max_buffer_size=0):
            if not isinstance(record, dict):  # the header
                yield record[0], record[2]


def emit(row, output=None):
    print(json.dumps(row if output is None else {"output": output, "row": row}))


def main():
    script, function, path, *types = sys.argv[1:]
    by_topic = {}
    for topic, value in records(path):
        if value is not None:
            by_topic.setdefault(topic, []).append(value)
    all_objects = {}
    for topic, values in by_topic.items():
        prefix, _, object_type = topic.rpartition(".")
        is_privileged = prefix.endswith(PRIVILEGED)
        if not is_privileged and f"{prefix}{PRIVILEGED}.{object_type}" in by_topic:
            continue
        if not types or object_type in types:
            all_objects[object_type] = [kafka_to_value(value) for value in values]
    function = runpy.run_path(script, run_name="client")[function]
    arguments = [emit] if "emit" in inspect.signature(function).parameters else []
    function(all_objects, *arguments)


main()
