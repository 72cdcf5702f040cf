"""Objects as scripts get them: dicts, whose attributes are a convenient view on them.

`_views.pyi` has their types."""

import datetime
import hashlib

from . import Id, Swhid
from ._dicts import FIELDS
from ._journal import Object

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)


def attribute(name, convert):
    """A property for a field."""

    def get(self):
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"this {type(self).__name__} has no field {name!r}") from None
        return value if convert is None else convert(value)

    return property(get)


def with_attributes(*fields):
    """Gives a class an attribute for each field that it has none for. Where dict has a method of this name, it stays."""

    def decorate(cls):
        for name in fields:
            if not hasattr(dict, name) and name not in vars(cls):
                setattr(cls, name, attribute(name, CONVERTED.get(name)))
        return cls

    return decorate


class View:
    """A part of an object."""

    __slots__ = ("_of",)

    def __init__(self, of):
        self._of = of

    @classmethod
    def of(cls, value):
        """A view on a dict. Old records have other values, which stay as they are."""
        return cls(value) if isinstance(value, dict) else value

    def __getitem__(self, name):
        return self._of[name]

    def __eq__(self, other):
        return self._of == other._of if type(self) is type(other) else NotImplemented

    __hash__ = None

    def __repr__(self):
        return f"{type(self).__name__}({self._of!r})"


def identifier(value):
    return Id(value) if isinstance(value, bytes) else value


def identifiers(value):
    return [identifier(one) for one in value] if isinstance(value, list) else value


def entries(value):
    return [EntryView.of(one) for one in value] if isinstance(value, list) else value


def branches(value):
    return {name: BranchView.of(one) for name, one in value.items()} if isinstance(value, dict) else value


# What the attributes of these names are; the others are the values themselves.
CONVERTED = {
    **dict.fromkeys(
        ("id", "sha1", "sha1_git", "sha256", "blake2s256", "directory", "target", "snapshot", "release", "revision"),
        identifier,
    ),
    "parents": identifiers,
    "entries": entries,
    "branches": branches,
    **dict.fromkeys(("author", "committer"), lambda value: PersonView.of(value)),
    **dict.fromkeys(("date", "committer_date"), lambda value: DateView.of(value)),
    "timestamp": lambda value: TimestampView.of(value),
    "authority": lambda value: AuthorityView.of(value),
    "fetcher": lambda value: FetcherView.of(value),
}


@with_attributes("fullname", "name", "email")
class PersonView(View):
    __slots__ = ()


@with_attributes("seconds", "microseconds")
class TimestampView(View):
    __slots__ = ()


@with_attributes("timestamp", "offset_bytes")
class DateView(View):
    __slots__ = ()

    def to_datetime(self):
        """The time in its zone; in UTC where the zone is none that Python has.

        Raises OverflowError for a year before 1 or after 9999."""
        timestamp = self["timestamp"]
        if not isinstance(timestamp, dict):  # It is an old record.
            timestamp = {"seconds": timestamp, "microseconds": 0}
        since = datetime.timedelta(seconds=timestamp["seconds"], microseconds=timestamp["microseconds"])
        return (EPOCH + since).astimezone(zone(self._of))


def zone(date):
    offset = date.get("offset_bytes")
    minutes = date.get("offset", 0) if offset is None else minutes_of(offset)
    return datetime.timezone(minutes * MINUTE) if abs(minutes) < 24 * 60 else datetime.timezone.utc


def minutes_of(offset):
    """The minutes of a time zone such as `b"+0200"`, or 0 if they are not to be read."""
    sign, digits = offset[:1], offset[1:]
    if sign not in (b"+", b"-") or not digits.isdigit() or len(digits) > 5:
        return 0
    hours, minutes = (digits, b"0") if len(digits) < 3 else (digits[:-2], digits[-2:])
    if int(minutes) > 59:
        return 0
    return (int(hours) * 60 + int(minutes)) * (-1 if sign == b"-" else 1)


ENTRY_TYPES = {"file": "content", "dir": "directory", "rev": "revision"}


@with_attributes("name", "type", "target", "perms")
class EntryView(View):
    __slots__ = ()

    def swhid(self):
        return Swhid(ENTRY_TYPES[self["type"]], self["target"])


@with_attributes("target", "target_type")
class BranchView(View):
    __slots__ = ()

    @property
    def target(self):
        target = self["target"]
        return target if self["target_type"] == "alias" else identifier(target)

    def swhid(self):
        """The SWHID of what it points to; None for an alias."""
        return None if self["target_type"] == "alias" else Swhid(self["target_type"], self["target"])


@with_attributes(*FIELDS["metadata_authority"])
class AuthorityView(View):
    __slots__ = ()


@with_attributes(*FIELDS["metadata_fetcher"])
class FetcherView(View):
    __slots__ = ()


@with_attributes(*FIELDS["content"])
class Content(Object):
    __slots__ = ()

    def swhid(self):
        return Swhid("content", self["sha1_git"])


@with_attributes(*FIELDS["directory"])
class Directory(Object):
    __slots__ = ()

    def swhid(self):
        return Swhid("directory", self["id"])


@with_attributes(*FIELDS["extid"])
class ExtID(Object):
    __slots__ = ()


@with_attributes(*FIELDS["metadata_authority"])
class MetadataAuthority(Object):
    __slots__ = ()


@with_attributes(*FIELDS["metadata_fetcher"])
class MetadataFetcher(Object):
    __slots__ = ()


@with_attributes(*FIELDS["origin"])
class Origin(Object):
    __slots__ = ()

    @property
    def id(self):
        """The SHA-1 of the URL, also where the record does not have it."""
        found = self.get("id")
        return Id(hashlib.sha1(self.url.encode()).digest() if found is None else found)

    def swhid(self):
        return Swhid("origin", self.id)


@with_attributes(*FIELDS["origin_visit"])
class OriginVisit(Object):
    __slots__ = ()


@with_attributes(*FIELDS["origin_visit_status"])
class OriginVisitStatus(Object):
    __slots__ = ()


@with_attributes(*FIELDS["raw_extrinsic_metadata"])
class RawExtrinsicMetadata(Object):
    __slots__ = ()


@with_attributes(*FIELDS["release"])
class Release(Object):
    __slots__ = ()

    def swhid(self):
        return Swhid("release", self["id"])


@with_attributes(*FIELDS["revision"])
class Revision(Object):
    __slots__ = ()

    def swhid(self):
        return Swhid("revision", self["id"])


@with_attributes(*FIELDS["skipped_content"])
class SkippedContent(Object):
    __slots__ = ()

    def swhid(self):
        """None where the SHA-1 of Git is not known."""
        return None if self["sha1_git"] is None else Swhid("content", self["sha1_git"])


@with_attributes(*FIELDS["snapshot"])
class Snapshot(Object):
    __slots__ = ()

    def swhid(self):
        return Swhid("snapshot", self["id"])


CLASSES = {
    "content": Content,
    "directory": Directory,
    "extid": ExtID,
    "metadata_authority": MetadataAuthority,
    "metadata_fetcher": MetadataFetcher,
    "origin": Origin,
    "origin_visit": OriginVisit,
    "origin_visit_status": OriginVisitStatus,
    "raw_extrinsic_metadata": RawExtrinsicMetadata,
    "release": Release,
    "revision": Revision,
    "skipped_content": SkippedContent,
    "snapshot": Snapshot,
}


def class_of(object_type):
    """The class of the objects of this type; of one that is not known, it has no attributes."""
    return CLASSES.get(object_type, Object)
