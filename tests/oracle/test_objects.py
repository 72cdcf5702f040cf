"""Writes the objects of swh.model's tests, as the records that upstream's writer makes.

Usage: test_objects.py OUT

OUT is a recording without a header: concatenated msgpack arrays [topic, key, value].
"""

import sys

import msgpack
from swh.journal.writer.kafka import KafkaJournalWriter
from swh.model.tests.swh_model_data import TEST_OBJECTS


class Delivered:
    def __init__(self, topic, key):
        self._topic, self._key = topic, key

    def topic(self):
        return self._topic

    def key(self):
        return self._key


def frame_producer(out):
    """A replacement for confluent_kafka.Producer that writes frames to `out`."""

    class FrameProducer:
        def __init__(self, config):
            self._on_delivery, self._pending = config["on_delivery"], []

        def produce(self, topic, key, value):
            out.write(msgpack.packb([topic, key, value], use_bin_type=True))
            self._pending.append(Delivered(topic, key))

        def flush(self, timeout=0):
            pending, self._pending = self._pending, []
            for message in pending:
                self._on_delivery(None, message)

        def poll(self, timeout=0):
            self.flush()

    return FrameProducer


def without_data(object_type, object_):
    """Contents in the journal have no data."""
    if object_type == "content":
        object_ = {name: value for name, value in object_.items() if name != "data"}
    return object_


def main():
    with open(sys.argv[1], "wb") as out:
        writer = KafkaJournalWriter(
            brokers=["none"],
            prefix="swh.journal.objects",
            client_id="frames",
            value_sanitizer=without_data,
            producer_class=frame_producer(out),
            anonymize=True,
        )
        for object_type, objects in TEST_OBJECTS.items():
            writer.write_additions(getattr(object_type, "value", object_type), objects)


main()
