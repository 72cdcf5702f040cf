"""The types of objects and rows, for editors and type checkers.

    from journal_host.types import Emit, Revision

    def process_revision(revision: Revision, emit: Emit) -> None: ...

They describe objects as they are written today. The journal also has records of earlier years, which upstream's
deserializer leaves as they were: a time may be a text there, or a field be absent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, NotRequired, Protocol, TypedDict


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
class Content(TypedDict):
    sha1: bytes
    sha1_git: bytes
    sha256: bytes
    blake2s256: bytes
    length: int
    status: Literal["visible", "hidden"]
    ctime: NotRequired[datetime | None]


class Directory(TypedDict):
    id: bytes
    entries: list[DirectoryEntry]
    raw_manifest: NotRequired[bytes | None]


class ExtID(TypedDict):
    id: bytes
    extid_type: str
    extid: bytes
    target: str
    extid_version: NotRequired[int]
    payload_type: NotRequired[str | None]
    payload: NotRequired[bytes | None]


class MetadataAuthority(TypedDict):
    type: str
    url: str
    metadata: NotRequired[dict[str, Any] | None]


class MetadataFetcher(TypedDict):
    name: str
    version: str
    metadata: NotRequired[dict[str, Any] | None]


class Origin(TypedDict):
    id: NotRequired[bytes]
    url: str
    type: NotRequired[str]


class OriginVisit(TypedDict):
    origin: str
    date: datetime
    type: str
    visit: NotRequired[int | None]
    status: NotRequired[str]
    snapshot: NotRequired[bytes | None]
    metadata: NotRequired[dict[str, Any] | None]


class OriginVisitStatus(TypedDict):
    origin: str
    visit: int
    date: datetime
    status: Literal["created", "ongoing", "full", "partial", "not_found", "failed"]
    snapshot: bytes | None
    type: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


class RawExtrinsicMetadata(TypedDict):
    id: NotRequired[bytes]
    target: str
    discovery_date: datetime
    authority: MetadataAuthority
    fetcher: MetadataFetcher
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


class Release(TypedDict):
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


class Revision(TypedDict):
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


class SkippedContent(TypedDict):
    sha1: bytes | None
    sha1_git: bytes | None
    sha256: bytes | None
    blake2s256: bytes | None
    length: int
    status: Literal["absent"]
    reason: str
    origin: NotRequired[str | None]
    ctime: NotRequired[datetime | None]


class Snapshot(TypedDict):
    id: bytes
    branches: dict[bytes, Branch | None]


class AllObjects(TypedDict, total=False):
    """The objects of one call, by their type: the argument of `process`. A type without objects may be absent."""

    content: list[Content]
    directory: list[Directory]
    extid: list[ExtID]
    metadata_authority: list[MetadataAuthority]
    metadata_fetcher: list[MetadataFetcher]
    origin: list[Origin]
    origin_visit: list[OriginVisit]
    origin_visit_status: list[OriginVisitStatus]
    raw_extrinsic_metadata: list[RawExtrinsicMetadata]
    release: list[Release]
    revision: list[Revision]
    skipped_content: list[SkippedContent]
    snapshot: list[Snapshot]


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _NamedTuple(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


class Emit(Protocol):
    """The function `emit`: a row is a dict, a dataclass or a NamedTuple."""

    def __call__(self, row: Mapping[str, object] | _Dataclass | _NamedTuple, output: str | None = None) -> None:
        """Emits a row, to the output of this name where the script has several.

        Raises TypeError, with the name of the column, for a value that a row cannot have."""


# The names of each object type's fields, also of those that only old records have.
FIELDS: dict[str, tuple[str, ...]] = {
    "content": tuple(Content.__annotations__),
    "directory": tuple(Directory.__annotations__),
    "extid": tuple(ExtID.__annotations__),
    "metadata_authority": tuple(MetadataAuthority.__annotations__),
    "metadata_fetcher": tuple(MetadataFetcher.__annotations__),
    "origin": tuple(Origin.__annotations__),
    "origin_visit": tuple(OriginVisit.__annotations__),
    "origin_visit_status": tuple(OriginVisitStatus.__annotations__),
    "raw_extrinsic_metadata": tuple(RawExtrinsicMetadata.__annotations__),
    "release": tuple(Release.__annotations__),
    "revision": tuple(Revision.__annotations__),
    "skipped_content": tuple(SkippedContent.__annotations__),
    "snapshot": tuple(Snapshot.__annotations__),
}
