"""Says which records of a recording swh.model's classes refuse.

Usage: refused.py FRAMES

FRAMES is a recording without a header: concatenated msgpack arrays [topic, key, value]. Prints a line for each record
that is refused: {"object_type": ..., "offset": ..., "error": ...}.
"""

import collections
import json
import sys

import msgpack
from swh.journal.serializers import kafka_to_value

from cases import CLASSES


def main():
    offsets = collections.Counter()
    with open(sys.argv[1], "rb") as frames:
        for topic, _, value in msgpack.Unpacker(frames, max_buffer_size=0):
            object_type = topic.rpartition(".")[2]
            try:
                CLASSES[object_type].from_dict(kafka_to_value(value))
            except Exception as error:
                location = {"object_type": object_type, "offset": offsets[topic]}
                print(json.dumps(location | {"error": repr(error)}))
            offsets[topic] += 1


main()
