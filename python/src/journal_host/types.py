"""The types of objects and rows, for editors and type checkers.

    from journal_host.types import Emit, Revision

    def process_revision(revision: Revision, emit: Emit) -> None: ...

`Revision` is what a function gets: a dict with attributes. `RevisionDict` is the plain dict with these fields, which scripts
with `LAZY = False` get. Its parts are `Person`, `Date` and so on; those of the attributes are `PersonView`, `DateView`.

They describe objects as they are written today. The journal also has records of earlier years, which upstream's
deserializer leaves as they were: a time may be a text there, or a field be absent.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypedDict

from ._dicts import (
    FIELDS as FIELDS,
    Branch as Branch,
    ContentDict as ContentDict,
    Date as Date,
    DirectoryDict as DirectoryDict,
    DirectoryEntry as DirectoryEntry,
    ExtIDDict as ExtIDDict,
    MetadataAuthorityDict as MetadataAuthorityDict,
    MetadataFetcherDict as MetadataFetcherDict,
    OriginDict as OriginDict,
    OriginVisitDict as OriginVisitDict,
    OriginVisitStatusDict as OriginVisitStatusDict,
    Person as Person,
    RawExtrinsicMetadataDict as RawExtrinsicMetadataDict,
    ReleaseDict as ReleaseDict,
    RevisionDict as RevisionDict,
    SkippedContentDict as SkippedContentDict,
    SnapshotDict as SnapshotDict,
    Timestamp as Timestamp,
)
from ._views import (
    AuthorityView as AuthorityView,
    BranchView as BranchView,
    Content as Content,
    DateView as DateView,
    Directory as Directory,
    EntryView as EntryView,
    ExtID as ExtID,
    FetcherView as FetcherView,
    MetadataAuthority as MetadataAuthority,
    MetadataFetcher as MetadataFetcher,
    Origin as Origin,
    OriginVisit as OriginVisit,
    OriginVisitStatus as OriginVisitStatus,
    PersonView as PersonView,
    RawExtrinsicMetadata as RawExtrinsicMetadata,
    Release as Release,
    Revision as Revision,
    SkippedContent as SkippedContent,
    Snapshot as Snapshot,
    TimestampView as TimestampView,
)


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
