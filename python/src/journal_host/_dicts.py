"""Objects as dicts: their fields, as upstream's deserializer gives them."""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict


class Person(TypedDict):
    """An author or a committer. In anonymised records, `fullname` is the SHA-256 of the name, and the others are None."""

    fullname: bytes
    name: bytes | None
    email: bytes | None


class Timestamp(TypedDict):
    """A time, in seconds since 1970 in UTC."""

    seconds: int
    microseconds: int


class Date(TypedDict):
    """The date of a revision or a release. `offset_bytes` is the time zone, such as `b"+0200"`."""

    timestamp: Timestamp
    offset_bytes: bytes


class DirectoryEntry(TypedDict):
    """A file, a folder or a submodule of a directory."""

    name: bytes
    type: Literal["file", "dir", "rev"]
    target: bytes
    perms: int


class Branch(TypedDict):
    """A branch of a snapshot. The target of an alias is the name of another branch."""

    target: bytes
    target_type: Literal["content", "directory", "revision", "release", "snapshot", "alias"]


# The fields of an object type have the order of `runtimes/fields.json`.
class ContentDict(TypedDict):
    sha1: bytes
    sha1_git: bytes
    sha256: bytes
    blake2s256: bytes
    length: int
    status: Literal["visible", "hidden"]
    ctime: NotRequired[datetime | None]


class DirectoryDict(TypedDict):
    id: bytes
    entries: list[DirectoryEntry]
    raw_manifest: NotRequired[bytes | None]


class ExtIDDict(TypedDict):
    id: bytes
    extid_type: str
    extid: bytes
    target: str
    extid_version: NotRequired[int]
    payload_type: NotRequired[str | None]
    payload: NotRequired[bytes | None]


class MetadataAuthorityDict(TypedDict):
    type: str
    url: str
    metadata: NotRequired[dict[str, Any] | None]


class MetadataFetcherDict(TypedDict):
    name: str
    version: str
    metadata: NotRequired[dict[str, Any] | None]


class OriginDict(TypedDict):
    id: NotRequired[bytes]
    url: str
    type: NotRequired[str]


class OriginVisitDict(TypedDict):
    origin: str
    date: datetime
    type: str
    visit: NotRequired[int | None]
    status: NotRequired[str]
    snapshot: NotRequired[bytes | None]
    metadata: NotRequired[dict[str, Any] | None]


class OriginVisitStatusDict(TypedDict):
    origin: str
    visit: int
    date: datetime
    status: Literal["created", "ongoing", "full", "partial", "not_found", "failed"]
    snapshot: bytes | None
    type: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


class RawExtrinsicMetadataDict(TypedDict):
    id: NotRequired[bytes]
    target: str
    discovery_date: datetime
    authority: MetadataAuthorityDict
    fetcher: MetadataFetcherDict
    format: str
    metadata: bytes
    origin: NotRequired[str | None]
    visit: NotRequired[int | None]
    snapshot: NotRequired[str | None]
    release: NotRequired[str | None]
    revision: NotRequired[str | None]
    path: NotRequired[bytes | None]
    directory: NotRequired[str | None]
    type: NotRequired[str]


class ReleaseDict(TypedDict):
    id: bytes
    name: bytes
    message: bytes | None
    target: bytes | None
    target_type: Literal["content", "directory", "revision", "release", "snapshot"]
    synthetic: bool
    author: Person | None
    date: Date | None
    metadata: NotRequired[dict[str, Any] | None]
    raw_manifest: NotRequired[bytes | None]


class RevisionDict(TypedDict):
    id: bytes
    message: bytes | None
    author: Person | None
    committer: Person | None
    date: Date | None
    committer_date: Date | None
    type: Literal["git", "tar", "dsc", "svn", "hg", "cvs", "bzr"]
    directory: bytes
    synthetic: bool
    metadata: dict[str, Any] | None
    parents: list[bytes]
    extra_headers: NotRequired[list[list[bytes]]]
    raw_manifest: NotRequired[bytes | None]


class SkippedContentDict(TypedDict):
    sha1: bytes | None
    sha1_git: bytes | None
    sha256: bytes | None
    blake2s256: bytes | None
    length: int
    status: Literal["absent"]
    reason: str
    origin: NotRequired[str | None]
    ctime: NotRequired[datetime | None]


class SnapshotDict(TypedDict):
    id: bytes
    branches: dict[bytes, Branch | None]


# The names of each object type's fields, also of those that only old records have.
FIELDS: dict[str, tuple[str, ...]] = {
    "content": tuple(ContentDict.__annotations__),
    "directory": tuple(DirectoryDict.__annotations__),
    "extid": tuple(ExtIDDict.__annotations__),
    "metadata_authority": tuple(MetadataAuthorityDict.__annotations__),
    "metadata_fetcher": tuple(MetadataFetcherDict.__annotations__),
    "origin": tuple(OriginDict.__annotations__),
    "origin_visit": tuple(OriginVisitDict.__annotations__),
    "origin_visit_status": tuple(OriginVisitStatusDict.__annotations__),
    "raw_extrinsic_metadata": tuple(RawExtrinsicMetadataDict.__annotations__),
    "release": tuple(ReleaseDict.__annotations__),
    "revision": tuple(RevisionDict.__annotations__),
    "skipped_content": tuple(SkippedContentDict.__annotations__),
    "snapshot": tuple(SnapshotDict.__annotations__),
}
