"""Measures the CPU time of reading values of the journal with upstream's packages.

Usage: read_values.py VALUES

VALUES is a msgpack list of pairs of object type and value. Prints the number of records, the seconds that
`kafka_to_value` takes for all of them, and the seconds that it takes together with the model's `from_dict`:
{"records": ..., "values": ..., "objects": ...}.
"""

import json
import sys
import time

import msgpack
from cases import model_object
from swh.journal.serializers import kafka_to_value


def main():
    with open(sys.argv[1], "rb") as file:
        pairs = msgpack.unpack(file)
    start = time.process_time()
    for _, value in pairs:
        kafka_to_value(value)
    values = time.process_time() - start
    decoded = [(object_type, kafka_to_value(value)) for object_type, value in pairs]
    start = time.process_time()
    for object_type, value in decoded:
        model_object(object_type, value)
    objects = time.process_time() - start
    print(json.dumps({"records": len(pairs), "values": values, "objects": objects}))


main()
