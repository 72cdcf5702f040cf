#!/usr/bin/env python3
"""Makes `ripgrep.journal.zst` from the Kafka records of Software Heritage's own writer.

    pip install msgpack==1.2.4 zstandard==0.25.0
    make_ripgrep.py IN OUT

IN contains the records that swh.storage's journal writer makes when swh.loader.git loads the repository: consecutive
msgpack arrays `[topic, key, value]`, compressed with zstd. The same IN results in the same OUT. `README.md` explains
what is changed and why; the script prints the counts for its table.
"""

import collections
import hashlib
import re
import sys

import msgpack
import zstandard

PREFIX = "swh.journal.objects."
ORIGIN = "https://github.com/BurntSushi/ripgrep"
MOST_BYTES = 3_000_000

# Everything that has the form of an address, whether it exists or not.
ADDRESS = re.compile(rb"[^\s<>\"'(),;:/`]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
ADDRESS_TEXT = re.compile(ADDRESS.pattern.decode())
REMOVED = b"address-removed"
# Signatures contain the signer's address in base64, so all of their bytes are dropped.
SIGNATURE = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
SIGNATURE_REMOVED = rb"-----BEGIN \1-----\n\nsignature-removed\n-----END \1-----"


def decode(packed):
    return msgpack.unpackb(packed, raw=False, strict_map_key=False, timestamp=0)


def encode(value):
    return msgpack.packb(value, use_bin_type=True)


def cleaned(value):
    """Replaces signatures and addresses in all strings, and in bytes that are text."""
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, str):
        return ADDRESS_TEXT.sub(REMOVED.decode(), value)
    if isinstance(value, bytes) and not is_digest(value):
        return ADDRESS.sub(REMOVED, SIGNATURE.sub(SIGNATURE_REMOVED, value))
    return value


def is_digest(value):
    """SHA-1 and SHA-256 digests could look like an address only by chance."""
    return len(value) in (20, 32) and not value.isascii()


def with_public_origin(record):
    """Names the repository by its public URL; it was loaded from a clone."""
    return {**record, "origin": ORIGIN} if "origin" in record else record


def changed(topic, key, value):
    """The packed key and value for the recording."""
    record = decode(value)
    assert encode(record) == value, f"a value of {topic} does not survive decoding"
    object_type = topic.removeprefix(PREFIX)
    if object_type == "origin":
        record = {**record, "url": ORIGIN, "id": hashlib.sha1(ORIGIN.encode()).digest()}
        key = encode({**decode(key), "url": ORIGIN})
    elif object_type in ("origin_visit", "origin_visit_status"):
        record = with_public_origin(record)
        key = encode(with_public_origin(decode(key)))
    elif object_type in ("revision", "release"):
        record = cleaned(record)
    else:
        assert cleaned(record) == record, f"an address in {topic}"
    return key, encode(record)


def main(source, target):
    with open(source, "rb") as file:
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=len(frames))
    unpacker.feed(frames)
    records = []
    counts = collections.Counter()
    for topic, key, value in unpacker:
        if topic.startswith(PREFIX):
            records.append(encode([topic, *changed(topic, key, value)]))
            counts[topic] += 1
    header = encode({"journal-recording": 1, "topics": sorted(counts)})
    content = header + b"".join(records)

    parameters = zstandard.ZstdCompressionParameters.from_level(
        19,
        source_size=len(content),
        enable_ldm=True,
        write_checksum=True,
        write_content_size=True,
    )
    compressed = zstandard.ZstdCompressor(compression_params=parameters).compress(content)
    if len(compressed) > MOST_BYTES:
        sys.exit(f"{len(compressed)} bytes are more than {MOST_BYTES}")
    with open(target, "wb") as file:
        file.write(compressed)
    for topic, count in sorted(counts.items()):
        print(f"| `{topic}` | {count:,} |")
    print(f"{len(content)} bytes, {len(compressed)} compressed", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_ripgrep.py IN OUT")
    main(*sys.argv[1:])
