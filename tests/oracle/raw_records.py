"""Prints the records of all topics under a prefix, as they are on the cluster, with confluent_kafka alone.

Usage: raw_records.py BROKERS PREFIX

Prints one line of JSON per record. Keys and values are hexadecimal; a tombstone has no value.
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


def main():
    brokers, prefix = sys.argv[1:]
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "none", "enable.auto.commit": False}
    )
    starts = (f"{prefix}.", f"{prefix}_privileged.")
    topics = consumer.list_topics(timeout=30).topics.values()
    left = {}
    for topic in topics:
        if not topic.topic.startswith(starts):
            continue
        for number in topic.partitions:
            partition = TopicPartition(topic.topic, number, OFFSET_BEGINNING)
            low, high = consumer.get_watermark_offsets(partition, timeout=30)
            if low < high:
                left[topic.topic, number] = high
    consumer.assign([TopicPartition(*own, OFFSET_BEGINNING) for own in left])
    while left:
        message = consumer.poll(30)
        if message is None or message.error():
            sys.exit(f"no record: {message and message.error()}")
        own = message.topic(), message.partition()
        prefix, object_type = message.topic().rsplit(".", 1)
        value = message.value()
        print(
            json.dumps(
                {
                    "object_type": object_type,
                    "privileged": prefix.endswith("_privileged"),
                    "partition": message.partition(),
                    "offset": message.offset(),
                    "timestamp_ms": message.timestamp()[1],
                    "key": (message.key() or b"").hex(),
                    "value": None if value is None else value.hex(),
                }
            )
        )
        if message.offset() + 1 >= left.get(own, 0):
            left.pop(own, None)
    consumer.close()


main()
