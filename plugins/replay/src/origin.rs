//! The tables of origins, visits and visit statuses.

use journal_plugin_sdk::{
    Bytes, Columns, Id, Origin, OriginVisit, OriginVisitStatus, Out, Plan, Raw, RecordError,
    Timestamp, VisitStatus,
};
use serde::Serialize;

use crate::columns::{MetadataColumns, RECORDED, integer, time};

#[derive(Serialize, Columns)]
struct OriginRow<'a> {
    /// The URL.
    url: &'a str,
    /// The SHA-1 of the URL, which is the identifier of the origin.
    id: Id,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct VisitRow<'a> {
    /// The URL of the origin.
    origin: &'a str,
    /// When the visit started.
    date: Timestamp,
    /// The type of the visit, such as `git`.
    #[serde(rename = "type")]
    visit_type: &'a str,
    /// The number of the visit to this origin. NULL in old records.
    visit: Option<i64>,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct StatusRow<'a> {
    /// The URL of the origin.
    origin: &'a str,
    /// The number of the visit to this origin.
    visit: i64,
    /// When the visit had this status.
    date: Timestamp,
    /// `created`, `ongoing`, `full`, `partial`, `not_found` or `failed`.
    #[column(text)]
    status: VisitStatus,
    /// The snapshot that the visit has made.
    snapshot: Option<Id>,
    /// The type of the visit, such as `git`. NULL in old records.
    #[serde(rename = "type")]
    visit_type: Option<&'a str>,
    /// Metadata from the loader, for queries. NULL if there is none, or if it is larger than a megabyte or nested deeply.
    #[column(json)]
    metadata: Option<Raw<'a>>,
    /// The same as msgpack, whole.
    metadata_msgpack: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(Origin::OBJECT_TYPE, "Origins: URLs of source code")
        .row::<OriginRow<'_>>()
        .upsert_by(["url"], RECORDED)
        .output(OriginVisit::OBJECT_TYPE, "Visits to origins")
        .row::<VisitRow<'_>>()
        .upsert_by(["origin", "date"], RECORDED)
        .output(
            OriginVisitStatus::OBJECT_TYPE,
            "The statuses that visits had, each at its time",
        )
        .row::<StatusRow<'_>>()
        .upsert_by(["origin", "visit", "date"], RECORDED)
}

pub(crate) fn write(
    origin: &Origin<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let row = OriginRow {
        url: origin.url()?,
        id: origin.id()?,
        recorded,
    };
    out.emit_to(Origin::OBJECT_TYPE, &row)
}

pub(crate) fn write_visit(
    visit: &OriginVisit<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let number = visit.visit()?;
    let row = VisitRow {
        origin: visit.origin()?,
        date: time(visit.date()?, "date")?,
        visit_type: visit.visit_type()?,
        visit: number.map(|number| integer(number, "visit")).transpose()?,
        recorded,
    };
    out.emit_to(OriginVisit::OBJECT_TYPE, &row)
}

pub(crate) fn write_status(
    status: &OriginVisitStatus<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let metadata = status.metadata()?;
    let metadata = MetadataColumns::of(metadata.as_ref());
    let row = StatusRow {
        origin: status.origin()?,
        visit: integer(status.visit()?, "visit")?,
        date: time(status.date()?, "date")?,
        status: status.status()?,
        snapshot: status.snapshot()?,
        visit_type: status.visit_type()?,
        metadata: metadata.readable,
        metadata_msgpack: metadata.msgpack,
        recorded,
    };
    out.emit_to(OriginVisitStatus::OBJECT_TYPE, &row)
}
