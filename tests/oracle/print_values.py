"""Prints what upstream's deserializer reads from values.

Usage: print_values.py FILE

FILE is a recording, or a file of cases (see cases.py). A line for each value: its topic or object type, a tab, and the
`repr` of what is read, or `refused`.
"""

import sys

import msgpack
import zstandard
from swh.journal.serializers import kafka_to_value


def read(value):
    try:
        return repr(kafka_to_value(value))
    except Exception:
        return "refused"


def main(path):
    with open(path, "rb") as file:
        if file.peek(4)[:4] == b"\x28\xb5\x2f\xfd":
            file = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        for record in msgpack.Unpacker(file, raw=False, max_buffer_size=0):
            if not isinstance(record, dict):  # the header
                print(record[0], read(record[2]), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
