"""Makes of an export what a query of Athena makes of it: a dataset out of step.

Usage: shuffle_orc.py [--seed N] [--expected IN OUT] EXPORT FOLDER
       shuffle_orc.py [--seed N] --in-place FILE

FOLDER gets the rows of the tables of EXPORT, shuffled, in other files with other names and compressions. As in
upstream's subdatasets, it has no `revision_extra_headers`, and no revision and release whose message is missing or has
100,000 bytes or more, although the other tables still refer to them. IN is a recording that export_orc.py wrote
beside EXPORT, and OUT becomes the same for FOLDER.

With `--in-place`, shuffles the rows of one file, which keeps its name and metadata as if it were in step.
"""

import argparse
import pathlib
import random
import uuid

import msgpack
from orc_files import metadata_of, read_table, write_table
from pyorc import CompressionKind

COMPRESSIONS = [CompressionKind.ZSTD, CompressionKind.ZLIB, CompressionKind.SNAPPY]
LEFT_OUT = "revision_extra_headers"
MESSAGE_BYTES = 100_000


def is_kept(message):
    return message is not None and len(message) < MESSAGE_BYTES


def shuffle(table, folder, draw):
    """Writes the rows of a table to one to five files. Half of the tables have files without `.orc`."""
    schema, rows = None, []
    for path in sorted(table.iterdir()):
        schema, read = read_table(path)
        rows += read
    if schema is None:
        return  # The export makes folders of tables before it has rows.
    if table.name in ("revision", "release"):
        message = list(schema.fields).index("message")
        rows = [row for row in rows if is_kept(row[message])]
    draw.shuffle(rows)
    cuts = sorted(draw.randrange(len(rows) + 1) for _ in range(draw.randrange(5)))
    suffix = draw.choice(["", ".orc"])
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)])):
        name = f"20240516_102944_{draw.randrange(10**5):05}_{uuid.UUID(int=draw.getrandbits(128))}"
        encoding = {
            "compression": COMPRESSIONS[number % len(COMPRESSIONS)],
            # Other writers than pyorc keep repeated texts in dictionaries.
            "dict_key_size_threshold": float(number % 2),
            "stripe_size": 1 << 16,
        }
        path = folder / table.name / (name + suffix)
        write_table(path, schema, rows[start:end], **encoding)


def shuffle_in_place(path, draw):
    schema, rows = read_table(path)
    metadata = metadata_of(path)
    draw.shuffle(rows)
    write_table(path, schema, rows, metadata=metadata)


def project(source, out):
    """Copies a recording without what the dataset lacks."""
    with open(source, "rb") as frames, open(out, "wb") as projected:
        read = {"raw": False, "strict_map_key": False}
        for topic, key, value in msgpack.Unpacker(frames, max_buffer_size=0, **read):
            object_type = topic.rsplit(".", 1)[1]
            if object_type in ("revision", "release"):
                object_ = msgpack.unpackb(value, **read)
                if not is_kept(object_["message"]):
                    continue
                object_.pop("extra_headers", None)
                value = msgpack.packb(object_, use_bin_type=True)
            projected.write(msgpack.packb([topic, key, value], use_bin_type=True))


def main():
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    arguments.add_argument("--seed", default="0")
    arguments.add_argument("--expected", nargs=2)
    arguments.add_argument("--in-place", type=pathlib.Path)
    arguments.add_argument("export", type=pathlib.Path, nargs="?")
    arguments.add_argument("folder", type=pathlib.Path, nargs="?")
    arguments = arguments.parse_args()
    draw = random.Random(arguments.seed)
    if arguments.in_place:
        shuffle_in_place(arguments.in_place, draw)
        return
    for table in sorted(arguments.export.iterdir()):
        if table.name != LEFT_OUT:
            shuffle(table, arguments.folder, draw)
    if arguments.expected:
        project(*arguments.expected)


main()
