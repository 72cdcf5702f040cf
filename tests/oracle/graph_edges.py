"""Prints the nodes and edges that upstream's graph export derives from a recording, as rows of `graph-edges`.

    graph_edges.py [--remove-pull-requests] [--measure] RECORDING

Each record passes through the export's own worker, see export_journal.py, to the exporter of edges, whose lines are
stored instead of compressed. Prints one JSON line per row, {"output": ..., "row": ...}, as often as upstream writes it.
Records that would end an export are named on standard error and skipped. Cycles of aliases, which upstream follows
forever, are removed first.

With `--measure`, prints the CPU time of the worker and its exporter for all records instead of the rows, without
the time for reading the recording.
"""

import argparse
import base64
import json
import logging
import sys
import time

import attr
from export_journal import Worker, records
from swh.export.exporters.edges import GraphEdgesExporter
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
    messages = list(records(arguments.recording, OBJECT_TYPES))
    start = time.process_time()
    for object_type, message in messages:
        try:
            worker.process_messages({object_type: [message]})
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"{object_type} ends the export: {reason}", file=sys.stderr)
    seconds = time.process_time() - start

    if arguments.measure:
        nodes, edges = len(exporter.nodes.lines), len(exporter.edges.lines)
        print(f"{len(messages)} objects, {nodes} nodes, {edges} edges")
        print(f"{seconds:.2f} s of CPU, {seconds / len(messages) * 1e6:.2f} µs an object")
        return
    for output, lines in ("nodes", exporter.nodes.lines), ("edges", exporter.edges.lines):
        for line in lines:
            print(json.dumps({"output": output, "row": row(line)}))


if __name__ == "__main__":
    main()
