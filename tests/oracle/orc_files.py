"""Reads and writes ORC files with their timestamps as they are: pairs of seconds and nanoseconds."""

import zoneinfo

from pyorc import CompressionKind, Reader, TypeKind, Writer
from pyorc.converters import ORCConverter


class Pairs(ORCConverter):
    """Timestamps as pairs of seconds and nanoseconds, for years that `datetime` does not have."""

    @staticmethod
    def from_orc(seconds, nanoseconds, _timezone):
        return seconds, nanoseconds

    @staticmethod
    def to_orc(pair, _timezone):
        return pair


def read_table(path):
    """The schema and the rows of a file."""
    with open(path, "rb") as file:
        reader = Reader(file, converters={TypeKind.TIMESTAMP: Pairs})
        return reader.schema, list(reader)


def metadata_of(path):
    """What the footer of a file has for users."""
    with open(path, "rb") as file:
        return Reader(file).user_metadata


def write_table(path, schema, rows, *, zone="UTC", metadata=(), **options):
    """Writes a file. `zone` is the time zone that its stripes name, and `metadata` what its footer has for users."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options.setdefault("compression", CompressionKind.ZSTD)
    with open(path, "wb") as file:
        writer = Writer(
            file,
            schema,
            converters={TypeKind.TIMESTAMP: Pairs},
            timezone=zoneinfo.ZoneInfo(zone),
            **options,
        )
        writer.set_user_metadata(**dict(metadata))
        for row in rows:
            writer.write(row)
        writer.close()
