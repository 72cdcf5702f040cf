"""Turns a recording into cases: what upstream reads from each of its records.

Usage: frames_cases.py FRAMES OUT

FRAMES is a recording without a header, as test_objects.py writes it: concatenated msgpack arrays
[topic, key, value]. OUT is a file of cases, see cases.py; tombstones are left out. Prints the number of cases.
"""

import sys

import msgpack
from swh.journal.serializers import kafka_to_value

from cases import case, packed


def is_anonymised(prefix, object_type, value):
    """Whether the writer hashed the persons, as it does in public topics."""
    if object_type not in ("revision", "release") or prefix.endswith("_privileged"):
        return False
    object_ = kafka_to_value(value)
    return any(object_.get(name) for name in ("author", "committer"))


def main():
    source, out = sys.argv[1:]
    count = 0
    with open(source, "rb") as frames, open(out, "wb") as cases:
        for topic, key, value in msgpack.Unpacker(frames, raw=False, max_buffer_size=2**31 - 1):
            prefix, object_type = topic.rsplit(".", 1)
            if value is None:
                continue
            anonymised = is_anonymised(prefix, object_type, value)
            cases.write(packed(case(object_type, value, key=key, anonymised=anonymised)))
            count += 1
    print(count)


main()
