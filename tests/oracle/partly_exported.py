"""Writes a recording of four directories, in the second of which upstream's exporter of ORC files fails.

Usage: partly_exported.py OUT

OUT is a recording without a header: concatenated msgpack arrays [topic, key, value]. The second entry of the second
directory has a mode that no file can hold, so the export has the directory with its first entry only.
"""

import sys

import msgpack
from swh.journal.serializers import key_to_kafka, value_to_kafka
from swh.model.model import Directory, DirectoryEntry


def directory(**perms):
    entries = [
        DirectoryEntry(name=name.encode(), type="file", target=bytes(20), perms=mode)
        for name, mode in perms.items()
    ]
    return Directory(entries=tuple(entries))


def main():
    directories = [
        directory(a=0o100644, b=0o100755),
        directory(a=0o100644, b=2**64, c=0o100644),
        directory(),
        directory(d=0o100644),
    ]
    with open(sys.argv[1], "wb") as out:
        for item in directories:
            key, value = key_to_kafka(item.unique_key()), value_to_kafka(item.to_dict())
            frame = ["swh.journal.objects.directory", key, value]
            out.write(msgpack.packb(frame, use_bin_type=True))


main()
