"""Prints the nodes and edges that upstream's graph export derives from a recording, as rows of `graph-edges`.

    graph_edges.py [--remove-pull-requests] [--measure] RECORDING

Each record passes through the export's own worker, which reads it, creates the model object and passes that to the
exporter of edges. Only Kafka and the disk are replaced: the set of seen keys is in memory, and lines are stored
instead of compressed. Prints one JSON line per row, {"output": ..., "row": ...}, as often as upstream writes it.
Records that would end an export are named on standard error and skipped. Cycles of aliases, which upstream follows
forever, are removed first.

With `--measure`, prints the CPU time of the worker and its exporter for all records instead of the rows, without
the time for reading the recording.
"""

import argparse
import base64
import collections
import json
import logging
import sys
import time

import attr
import msgpack
import zstandard
from swh.export.exporters.edges import GraphEdgesExporter
from swh.export.journalprocessor import JournalProcessorWorker
from swh.model.model import SnapshotTargetType

OBJECT_TYPES = {
    "content",
    "directory",
    "origin",
    "origin_visit_status",
    "release",
    "revision",
    "snapshot",
}


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


class Lines:
    """Stores what the export writes to a file."""

    def __init__(self):
        self.lines = []
        self.write = self.lines.append


class Exporter(GraphEdgesExporter):
    def __init__(self, config):
        super().__init__(config, [], "unused")
        self.nodes, self.edges = Lines(), Lines()

    def __enter__(self):
        return self

    def get_writers_for(self, _object_type):
        return self.nodes, self.edges

    def process_snapshot(self, snapshot):
        branches = snapshot.branches
        endless = {name for name in branches if is_endless(branches, name)}
        if endless:
            rest = {name: branch for name, branch in branches.items() if name not in endless}
            # The model's `evolve` would change the identifier.
            snapshot = attr.evolve(snapshot, branches=rest)
        super().process_snapshot(snapshot)


def is_endless(branches, name):
    """Whether a branch is part of, or leads to, a cycle of aliases."""
    passed = set()
    while (branch := branches.get(name)) and branch.target_type == SnapshotTargetType.ALIAS:
        if name in passed:
            return True
        passed.add(name)
        name = branch.target
    return False


class Worker(JournalProcessorWorker):
    """The export's worker without its files."""

    def __init__(self, exporter):
        self.config = {"journal": {}}
        self.masked_swhids = set()
        self.exporters = [exporter]
        self.seen = collections.defaultdict(Seen)

    def get_node_set_for_object(self, object_type, partition_id, object_id):
        return self.seen[object_type, partition_id, object_id[-1] % 16]


def public_records(path):
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
            if value is None or prefix.endswith("_privileged") or object_type not in OBJECT_TYPES:
                continue
            partition = position[0] if position and position[0] is not None else 0
            yield object_type, Message(key, value, partition)


def row(line):
    """The row of `graph-edges` that corresponds to a line of the export."""
    source, *edge = line.rstrip("\n").split(" ")
    if not edge:
        return {"swhid": source}
    target, *label = edge
    row = {"source": source, "target": target}
    if label:
        name = base64.b64decode(label[0])
        try:
            row["name"] = name.decode()
        except UnicodeDecodeError:
            row["name_bytes"] = name.hex()
    if len(label) > 1:
        row["mode"] = f"{int(label[1]):06o}"
    return row


def main():
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    arguments.add_argument("--remove-pull-requests", action="store_true")
    arguments.add_argument("--measure", action="store_true")
    arguments.add_argument("recording")
    arguments = arguments.parse_args()
    # The worker reports objects that it cannot export, such as a visit without a snapshot.
    logging.disable()

    exporter = Exporter({"remove_pull_requests": arguments.remove_pull_requests})
    worker = Worker(exporter)
    records = list(public_records(arguments.recording))
    start = time.process_time()
    for object_type, message in records:
        try:
            worker.process_messages({object_type: [message]})
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"{object_type} ends the export: {reason}", file=sys.stderr)
    seconds = time.process_time() - start

    if arguments.measure:
        nodes, edges = len(exporter.nodes.lines), len(exporter.edges.lines)
        print(f"{len(records)} objects, {nodes} nodes, {edges} edges")
        print(f"{seconds:.2f} s of CPU, {seconds / len(records) * 1e6:.2f} µs an object")
        return
    for output, lines in ("nodes", exporter.nodes.lines), ("edges", exporter.edges.lines):
        for line in lines:
            print(json.dumps({"output": output, "row": row(line)}))


if __name__ == "__main__":
    main()
