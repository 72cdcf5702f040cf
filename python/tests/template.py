"""Lists the merges since a year, and counts them by year."""

import datetime
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from journal_host import Id, Swhid, log, options, reject
from journal_host.types import Emit, Revision

OUTPUTS = [
    {
        "name": "merges",
        "row": [
            {"name": "id", "type": "id"},
            {"name": "swhid", "type": "text"},
            {"name": "date", "type": "timestamp", "nullable": True},
            {"name": "parents", "type": "uint"},
        ],
    },
    {
        "name": "years",
        "kind": "aggregate",
        "key": ["year"],
        "columns": [{"name": "merges", "merge": "sum"}, {"name": "last", "merge": "max"}],
    },
]
seen = 0


@dataclass
class Options:
    since: Annotated[int, "the first year"] = 2000


class Merge(NamedTuple):
    id: Id
    swhid: Swhid
    date: datetime.datetime | None
    parents: int


def process_revision(revision: Revision, emit: Emit) -> None:
    global seen
    seen += 1
    if len(revision["parents"]) < 2:
        return
    date = revision["date"]
    if date is None:
        reject("it has no date")
    time = datetime.datetime.fromtimestamp(date["timestamp"]["seconds"], datetime.timezone.utc)
    if time.year < options.since:
        return
    emit(Merge(revision.id, revision.swhid(), time, len(revision["parents"])), "merges")
    emit({"year": time.year, "merges": 1, "last": time}, "years")


def checkpoint(emit: Emit) -> None:
    log.info(f"{seen} revisions")
