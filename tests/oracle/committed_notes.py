"""Prints what a group has committed beside the offsets of a topic, as a JSON list, as confluent-kafka-python reads it.

    committed_notes.py BROKERS GROUP TOPIC PARTITIONS
"""

import json
import sys

from confluent_kafka import Consumer, TopicPartition


def main(brokers, group, topic, partitions):
    client = Consumer({"bootstrap.servers": brokers, "group.id": group})
    wanted = [TopicPartition(topic, number) for number in range(int(partitions))]
    found = client.committed(wanted, timeout=60)
    print(json.dumps([partition.metadata for partition in found]))


if __name__ == "__main__":
    main(*sys.argv[1:])
