"""Prints the records of one topic with their headers, with confluent_kafka alone.

Usage: headers.py BROKERS TOPIC

Prints one line of JSON per record: key and value in base64, and the headers as texts.
"""

import json
import sys
from base64 import b64encode

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


def text(data):
    return None if data is None else b64encode(data).decode()


def main():
    brokers, topic = sys.argv[1:]
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "none", "enable.auto.commit": False}
    )
    left = {}
    for number in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
        partition = TopicPartition(topic, number, OFFSET_BEGINNING)
        low, high = consumer.get_watermark_offsets(partition, timeout=30)
        if low < high:
            left[number] = high
    consumer.assign(
        [TopicPartition(topic, number, OFFSET_BEGINNING) for number in left]
    )
    while left:
        message = consumer.poll(30)
        if message is None or message.error():
            sys.exit(f"no record: {message and message.error()}")
        headers = {name: value.decode() for name, value in message.headers() or []}
        record = {
            "key": text(message.key()),
            "value": text(message.value()),
            "timestamp": message.timestamp()[1],
            "headers": headers,
        }
        print(json.dumps(record))
        if message.offset() + 1 >= left.get(message.partition(), 0):
            left.pop(message.partition(), None)
    consumer.close()


main()
