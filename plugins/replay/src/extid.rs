//! The table of external identifiers.

use journal_plugin_sdk::{Bytes, Columns, ExtId, Id, Out, Plan, RecordError, Swhid, Timestamp};
use serde::Serialize;

use crate::columns::RECORDED;

#[derive(Serialize, Columns)]
struct ExtIdRow<'a> {
    /// The identifier of this row's object: not the external one.
    id: Id,
    /// The type of the external identifier, such as `hg-nodeid`.
    extid_type: &'a str,
    /// The version of the type.
    extid_version: i64,
    /// The external identifier.
    extid: Bytes<'a>,
    /// The object in the archive, as a SWHID.
    target: Swhid,
    /// The type of the payload.
    payload_type: Option<&'a str>,
    /// The identifier of a content with more information.
    payload: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(
        ExtId::OBJECT_TYPE,
        "External identifiers of objects, such as those of Mercurial",
    )
    .row::<ExtIdRow<'_>>()
    .upsert_by(["id"], RECORDED)
}

pub(crate) fn write(
    extid: &ExtId<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let row = ExtIdRow {
        id: extid.id()?,
        extid_type: extid.extid_type()?,
        extid_version: extid.extid_version()?,
        extid: extid.extid()?.into(),
        target: extid.target()?,
        payload_type: extid.payload_type()?,
        payload: extid.payload()?.map(Bytes::from),
        recorded,
    };
    out.emit_to(ExtId::OBJECT_TYPE, &row)
}
