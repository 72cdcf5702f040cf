"""Draws objects that upstream's strategies do not draw, with upstream's classes."""

import datetime
import random

from swh.model.git_objects import directory_git_object
from swh.model.hashutil import MultiHash
from swh.model.model import (
    Content,
    Directory,
    DirectoryEntry,
    ExtID,
    MetadataAuthority,
    MetadataAuthorityType,
    MetadataFetcher,
    Origin,
    OriginVisit,
    OriginVisitStatus,
    Person,
    RawExtrinsicMetadata,
    Release,
    ReleaseTargetType,
    Revision,
    RevisionType,
    SkippedContent,
    Snapshot,
    SnapshotBranch,
    SnapshotTargetType,
    Timestamp,
    TimestampWithTimezone,
)
from swh.model.swhids import CoreSWHID, ExtendedObjectType, ExtendedSWHID, ObjectType

UTC = datetime.timezone.utc

OFFSETS = [
    *(b"+0000", b"-0000", b"+0", b"-0", b"+02", b"-2", b"+200", b"+0530", b"-0930", b"+1400"),
    *(b"+12345", b"-12345", b"+0160", b"+9999", b"--700", b"+-700", b"+051800", b"0000", b"0200"),
    *(b"", b"+", b"-", b"UTC", b"+02:00", b" +0200", b"+0200 ", b"+\xc3\xa9", b"\xff\xfe", b"\n"),
    *(b"+200000000000000000", b"-54608", b"+54607", b"+54608", b"+0_0", b"\x00"),
]
FULLNAMES = [
    *(b"", b" ", b"<>", b" <>", b"name", b"<mail@example.org>", b"Name <mail@example.org>"),
    *(
        b"two\nlines <mail@example.org>",
        b"\n",
        b"a <b> <c>",
        b"a >b<",
        b"\xff\xfe <\x00>",
        b"x" * 300,
    ),
    "Zo\u00eb \U0001f30d <zo\u00eb@example.org>".encode(),
]
MESSAGES = [None, b"", b"\n", b"one line", b"two\n\nlines\n", b"\x00\xff\xfe", b"m" * 300]
TEXTS = ["", "git", "two words", "line\nbreak", "Zo\u00eb \U0001f30d", "t" * 300, "\x00"]
URLS = [
    *("https://example.org/r.git", "", "https://example.org/a b", "https://example.org/\n"),
    *("https://ex\u00e4mple.org/\U0001f30d", "https://example.org/" + "u" * 2027, "swh:1:ori:"),
]
# Each sorts differently as a file and as a folder: space, `!`, `-` and `.` sort before `/`, and `0` after it.
NAME_PARTS = [
    b"a",
    b"a",
    b"b",
    b".",
    b"-",
    b"!",
    b" ",
    b"0",
    b"A",
    b"\x01",
    b"\n",
    b"\xc3\xa9",
    b"\xff",
]
PERMS = {
    "file": [0o100644, 0o100755, 0o120000, 0o100664, 0o100600, 0o644, 0, 0o777777],
    "dir": [0o040000, 0o040755, 0o40777],
    "rev": [0o160000, 0o160777],
}
INTEGERS = [
    *(0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2**32 - 1, 2**32, -(2**31) - 1),
    *(2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**70, 2**200, -(2**63), -(2**63) - 1, -(2**64)),
]


class OddObjects:
    """Draws objects of each type; the same seed draws the same objects."""

    def __init__(self, seed):
        self.random = random.Random(f"odd objects {seed}")

    def often(self, one_in):
        return self.random.randrange(one_in) == 0

    def hash(self, length=20):
        return self.random.randbytes(length)

    def text(self):
        return self.random.choice(TEXTS)

    def url(self):
        return (
            f"https://example.org/{self.hash(4).hex()}"
            if self.often(2)
            else self.random.choice(URLS)
        )

    def binary(self):
        """Up to 64 bytes, which may contain line breaks."""
        parts = [self.hash(8), b"\n", b"\n\n", b" ", b"\x00", b"text"]
        return b"".join(self.random.choices(parts, k=self.random.randrange(9)))

    def wrong_id(self):
        """An identifier that the model keeps, or an empty one, which the model replaces by the computed one."""
        return self.hash() if self.often(50) else b""

    def message(self):
        # Seldom one that needs the longest length prefix: it would be a large part of the file.
        return b"m" * 70000 if self.often(200) else self.random.choice(MESSAGES)

    def raw_manifest(self, one_in=20):
        return self.binary() if self.often(one_in) else None

    def datetime(self):
        """A time from the model's whole range: 4, 8 or 12 bytes on the wire."""
        edges = [
            datetime.datetime.min,
            datetime.datetime.max,
            datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
            datetime.datetime(1970, 1, 1),
            datetime.datetime(2106, 2, 7, 6, 28, 15),
            datetime.datetime(2106, 2, 7, 6, 28, 16),
            datetime.datetime(2514, 5, 30, 1, 53, 3, 999999),
            datetime.datetime(2514, 5, 30, 1, 53, 4),
        ]
        if self.often(4):
            return self.random.choice(edges).replace(tzinfo=UTC)
        microsecond = self.random.choice([0, 1, 500000, 120, self.random.randrange(10**6)])
        offset = datetime.timedelta(minutes=self.random.choice([0, 0, 0, 120, -570, 345]))
        return datetime.datetime.fromtimestamp(
            self.random.randrange(-(10**10), 2**35), datetime.timezone(offset)
        ).replace(microsecond=microsecond)

    def person(self):
        fullname = self.random.choice(FULLNAMES)
        if self.often(3):
            return Person.from_fullname(fullname)
        parts = [None, b"", b"name", b"two\nlines", b"\xff"]
        return Person(
            fullname=fullname, name=self.random.choice(parts), email=self.random.choice(parts)
        )

    def time(self):
        edges = [Timestamp.MIN_SECONDS, -1, 0, 2**31, 2**32, Timestamp.MAX_SECONDS]
        plain = self.random.randrange(-(10**9), 2 * 10**9)
        return TimestampWithTimezone(
            timestamp=Timestamp(
                seconds=self.random.choice([*edges, plain, plain, plain]),
                microseconds=self.random.choice(
                    [0, 0, 1, 10, 100000, 120000, 999999, self.random.randrange(10**6)]
                ),
            ),
            offset_bytes=self.random.choice(OFFSETS),
        )

    def person_and_time(self):
        """None and None, a person without a time, or both."""
        person = None if self.often(8) else self.person()
        return person, None if person is None or self.often(8) else self.time()

    def any_value(self, depth=5):
        """Any value that a metadata map may contain."""
        kind = self.random.randrange(8 if depth else 6)
        if kind == 0:
            return self.random.choice([None, True, False, 0.0, -0.0, 0.1, float("inf"), 1e300])
        if kind == 1:
            return self.random.choice(INTEGERS)
        if kind == 2:
            return self.text()
        if kind == 3:
            return self.binary()
        if kind == 4:
            return self.datetime()
        if kind == 5:
            return self.random.choice([[], {}])
        size = self.random.choice([1, 2, 3, 20])
        if kind == 6:
            return [self.any_value(depth - 1) for _ in range(size)]
        return {self.any_key(): self.any_value(depth - 1) for _ in range(size)}

    def any_key(self):
        text = f"key {self.random.randrange(100)}"
        return self.random.choice([text, text, text.encode(), self.random.randrange(2, 300)])

    def metadata(self):
        """None, an empty map, or a map with string keys; rarely a deeply nested one."""
        if self.often(3):
            return None
        metadata = {f"key {number}": self.any_value() for number in range(self.random.randrange(6))}
        if self.often(20):
            deep = []
            for _ in range(100):
                deep = [deep]
            metadata["deep"] = deep
        return metadata

    def content(self):
        """A content with its data, which the writer drops."""
        return Content.from_data(
            self.binary(),
            status=self.random.choice(["visible", "hidden"]),
            ctime=self.random.choice([None, self.datetime()]),
        ).evolve(length=self.random.choice([0, 1, 2**31, 2**32, 2**63 - 1, 186]))

    hash_colliding_content = content

    def skipped_content(self):
        # Sorted, because the order of the digests differs from process to process.
        hashes = sorted(MultiHash.from_data(self.binary()).digest().items())
        kept = self.random.choice([1.0, 0.5, 0.0])
        return SkippedContent(
            **{name: hash_ if self.random.random() < kept else None for name, hash_ in hashes},
            length=self.random.choice([-1, 0, 5, 2**40]),
            status="absent",
            reason=self.text(),
            origin=self.random.choice([None, self.url()]),
            ctime=self.random.choice([None, self.datetime()]),
        )

    def entry(self, name):
        type_ = self.random.choice(["file", "file", "dir", "rev"])
        perms = self.random.choice(PERMS[type_][: 1 if self.often(2) else None])
        return DirectoryEntry(name=name, type=type_, target=self.hash(), perms=perms)

    def names(self, count):
        names = set()
        while len(names) < count:
            length = self.random.randrange(1, 4 + len(names) // 100)
            names.add(b"".join(self.random.choices(NAME_PARTS, k=length)))
        # The order of a set of bytes differs from process to process.
        ordered = sorted(names)
        self.random.shuffle(ordered)
        return ordered

    def directory(self):
        """A directory of 0 to 1,000 entries, unordered; every fifth has duplicate names."""
        count = 0 if self.often(40) else int(1001 ** self.random.random())
        entries = [self.entry(name) for name in self.names(count)]
        if entries and self.often(5):
            again = self.random.choices(entries, k=self.random.randrange(1, 5))
            entries += [self.entry(entry.name) for entry in again]
            return Directory.from_possibly_duplicated_entries(entries=tuple(entries))[1]
        if self.often(20):
            manifest = directory_git_object(Directory(entries=tuple(entries)))
            return Directory(
                entries=tuple(entries), raw_manifest=manifest.replace(b"40000 ", b"040000 ")
            )
        return Directory(
            entries=tuple(entries), raw_manifest=self.raw_manifest(40), id=self.wrong_id()
        )

    def extra_headers(self):
        names = [b"gpgsig", b"encoding", b"mergetag", b"", b"with space", b"\xff"]
        return tuple(
            (self.random.choice(names), self.binary())
            for _ in range(self.random.choice([0, 0, 1, 4]))
        )

    def revision(self):
        author, date = self.person_and_time()
        committer, committer_date = self.person_and_time()
        # None is empty: the SDK skips empty parents, see old_messages.py, while upstream writes them again.
        parents = [self.hash() for _ in range(self.random.choice([0, 1, 1, 2, 17]))]
        return Revision(
            message=self.message(),
            author=author,
            committer=committer,
            date=date,
            committer_date=committer_date,
            type=self.random.choice(list(RevisionType)),
            directory=self.hash(),
            synthetic=self.random.choice([True, False]),
            metadata=self.metadata(),
            parents=tuple(parents),
            extra_headers=self.extra_headers(),
            raw_manifest=self.raw_manifest(),
            id=self.wrong_id(),
        )

    def release(self):
        author, date = self.person_and_time()
        target = None if self.often(10) else self.hash()
        return Release(
            name=self.random.choice([b"", b"v1.0", b"two\nlines", b"\xff\x00", self.binary()]),
            message=self.message(),
            target=target,
            target_type=self.random.choice(list(ReleaseTargetType)),
            synthetic=self.random.choice([True, False]),
            author=author,
            date=date,
            metadata=self.metadata(),
            raw_manifest=self.raw_manifest(),
            # Upstream cannot compute the identifier of a release without a target.
            id=self.hash() if target is None else self.wrong_id(),
        )

    def snapshot(self):
        """Branches to every object type, dangling ones, and aliases to another branch, to none and to themselves."""
        count = self.random.choice([0, 1, 3, 40])
        names = [
            b"HEAD",
            b"refs/heads/main",
            b"",
            b"\xff\xfe",
            *(self.binary() for _ in range(count)),
        ]
        self.random.shuffle(names)
        return Snapshot(
            branches={name: self.branch(names) for name in names[: count + 1]}, id=self.wrong_id()
        )

    def branch(self, names):
        target_type = self.random.choice([None, *SnapshotTargetType])
        if target_type is None:
            return None
        alias = target_type == SnapshotTargetType.ALIAS
        target = self.random.choice([*names, b"no such branch"]) if alias else self.hash()
        return SnapshotBranch(target=target, target_type=target_type)

    def origin(self):
        return Origin(url=self.url(), id=self.wrong_id())

    def origin_visit(self):
        return OriginVisit(
            origin=self.url(),
            date=self.datetime(),
            type=self.text(),
            visit=self.random.choice([None, 1, 3, 300, 2**32, 2**63 - 1]),
        )

    def origin_visit_status(self):
        statuses = ["created", "ongoing", "full", "partial", "not_found", "failed"]
        return OriginVisitStatus(
            origin=self.url(),
            visit=self.random.choice([1, 3, 300, 2**32, 2**63 - 1]),
            date=self.datetime(),
            status=self.random.choice(statuses),
            snapshot=self.random.choice([None, self.hash()]),
            type=self.random.choice([None, self.text()]),
            metadata=self.metadata(),
        )

    def core_swhid(self, object_type=None):
        return CoreSWHID(
            object_type=object_type or self.random.choice(list(ObjectType)), object_id=self.hash()
        )

    def extid(self):
        payload = self.random.choice([None, self.hash()])
        return ExtID(
            extid_type=self.random.choice(
                ["hg-nodeid", "checksum-sha256", "", "a b", "line\nbreak"]
            ),
            extid=self.random.choice([self.hash(), self.hash(32), b"", self.binary()]),
            target=self.core_swhid(),
            extid_version=self.random.choice([0, 0, 1, 2, -1, 2**40]),
            payload_type=None if payload is None else self.random.choice(["disk-json", ""]),
            payload=payload,
        )

    def metadata_authority(self):
        return MetadataAuthority(
            type=self.random.choice(list(MetadataAuthorityType)),
            url=self.url(),
            metadata=self.metadata(),
        )

    def metadata_fetcher(self):
        return MetadataFetcher(name=self.text(), version=self.text(), metadata=self.metadata())

    def raw_extrinsic_metadata(self):
        """Metadata with any of the contexts that its target may have."""
        target = ExtendedSWHID(
            object_type=self.random.choice(list(ExtendedObjectType)), object_id=self.hash()
        )
        contexts = {
            name: value
            for name, value in self.contexts(target.object_type).items()
            if self.often(2)
        }
        if "origin" not in contexts:
            contexts.pop("visit", None)
        return RawExtrinsicMetadata(
            target=target,
            discovery_date=self.datetime(),
            authority=self.metadata_authority(),
            fetcher=self.metadata_fetcher(),
            format=self.text(),
            metadata=self.random.choice([b"", b"{}", self.binary()]),
            id=self.wrong_id(),
            **contexts,
        )

    def contexts(self, target_type):
        """The contexts of an object: what may contain it, from the origin down to the directory."""
        order = ["SNAPSHOT", "RELEASE", "REVISION", "DIRECTORY", "CONTENT"]
        if target_type.name not in order:
            return {}
        above = order[: order.index(target_type.name)]
        contexts = {
            "origin": f"https://example.org/{self.text()}",
            "visit": self.random.choice([1, 2**32]),
        }
        for name in above:
            contexts[name.lower()] = self.core_swhid(ObjectType[name])
        if "REVISION" in above:
            contexts["path"] = self.random.choice([b"", b"/a/b", b"a\nb", b"\xff"])
        return contexts
