"""A recording as upstream's export reads the journal.

Each record passes through the export's own worker, which reads it, creates the model object and passes that to an
exporter. Only Kafka and the set of seen keys, which the export keeps on disk, are replaced.
"""

import collections

import msgpack
import zstandard
from swh.export.journalprocessor import JournalProcessorWorker


class Message:
    """A record in the form of the Kafka client."""

    def __init__(self, key, value, partition):
        self.key = lambda: key
        self.value = lambda: value
        self.partition = lambda: partition


class Seen(set):
    def add(self, key):
        is_new = key not in self
        super().add(key)
        return is_new


class Worker(JournalProcessorWorker):
    """The export's worker without its files."""

    def __init__(self, *exporters):
        self.config = {"journal": {}}
        self.masked_swhids = set()
        self.exporters = exporters
        self.seen = collections.defaultdict(Seen)

    def get_node_set_for_object(self, object_type, partition_id, object_id):
        return self.seen[object_type, partition_id, object_id[-1] % 16]


def records(path, object_types, *, privileged=False):
    """The records of some types, each as its type and message, without tombstones.

    Revisions and releases come from the public topics, or from the privileged ones.
    """
    with open(path, "rb") as file:
        stream = file
        if file.read(4) == zstandard.FRAME_HEADER:
            file.seek(0)
            stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        else:
            file.seek(0)
        for record in msgpack.Unpacker(stream, raw=False, max_buffer_size=0):
            if isinstance(record, dict):
                continue  # the header
            topic, key, value, *position = record
            prefix, object_type = topic.rsplit(".", 1)
            wanted = privileged and object_type in ("revision", "release")
            if value is None or object_type not in object_types:
                continue
            if prefix.endswith("_privileged") != wanted:
                continue
            partition = position[0] if position and position[0] is not None else 0
            yield object_type, Message(key, value, partition)
