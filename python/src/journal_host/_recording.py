"""Reads recordings: docs/recording-format.md of the repository."""

import msgpack
import zstandard

from . import _objects, _views

ZSTD = b"\x28\xb5\x2f\xfd"
VERSION = 1
CHUNK = 1 << 20


def records(path, privileged=False):
    """The objects of a recording, as pairs of the object type and the object, which is a `Damaged` for a value that is
    not msgpack. Tombstones are passed over.

    With `privileged`, objects of privileged topics come in place of the anonymised ones of their type.

    Raises ValueError, which names the file, where it is no recording or ends early, and OSError."""
    with_privileged = privileged_types(path) if privileged else ()
    for record in read(path):
        if not isinstance(record, list):
            continue  # It is the header.
        if len(record) == 2:  # It is upstream's stream: the value is the object itself.
            found = record[1]
            yield record[0], _views.class_of(record[0])(found) if isinstance(found, dict) else found
            continue
        prefix, _, object_type = record[0].rpartition(".")
        if prefix.endswith("_privileged") != (object_type in with_privileged) or not record[2]:
            continue
        (found,) = _objects.decode(record[2], [len(record[2])], None, object_type)
        yield object_type, found


def privileged_types(path):
    topics = {record[0] for record in read(path) if isinstance(record, list) and len(record) != 2}
    parts = [topic.rpartition(".") for topic in topics]
    return {object_type for prefix, _, object_type in parts if prefix.endswith("_privileged")}


def read(path):
    """The values of the file: a header, if it has one, and records."""
    is_first = True
    for value in values(path):
        is_record = isinstance(value, list) and len(value) in (2, 3, 6)
        is_header = is_first and isinstance(value, dict) and "journal-recording" in value
        if not is_record and not is_header:
            raise ValueError(f"{path} is not a recording, or is damaged")
        if is_header and value["journal-recording"] != VERSION:
            raise ValueError(f"{path} is a recording of version {value['journal-recording']}, and this reads {VERSION}")
        is_first = False
        yield value


def values(path):
    unpacker = msgpack.Unpacker(
        raw=False,
        strict_map_key=False,
        timestamp=3,
        ext_hook=_objects.extension,
        object_hook=_objects.pairs,
        max_buffer_size=0,
    )
    size = 0
    with open(path, "rb") as file:
        is_compressed = file.peek(4)[:4] == ZSTD
        chunks = iter(lambda: file.read(CHUNK), b"")
        try:
            for chunk in decompressed(chunks) if is_compressed else chunks:
                size += len(chunk)
                unpacker.feed(chunk)
                yield from unpacker
        except (zstandard.ZstdError, msgpack.UnpackException, ValueError) as error:
            raise ValueError(f"{path} is not a recording, or is damaged: {error}") from None
    if unpacker.tell() != size or not size:
        raise ValueError(f"{path} ends inside a record" if size else f"{path} is empty")


def decompressed(chunks):
    """What the frames of zstd hold, which may be several, and an index that is none of the journal."""
    frame = None
    for chunk in chunks:
        while chunk:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(chunk)
            chunk, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise ValueError("it ends inside a frame")
