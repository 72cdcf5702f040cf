//! The table of releases.

use journal_plugin_sdk::{
    Bytes, Columns, Id, ObjectKind, Out, Plan, Raw, RecordError, Release, Timestamp,
};
use serde::Serialize;

use crate::columns::{DateColumns, MetadataColumns, PersonColumns, RECORDED};

#[derive(Serialize, Columns)]
struct ReleaseRow<'a> {
    /// The identifier.
    id: Id,
    /// The name, such as `v1.0`.
    name: Bytes<'a>,
    /// The message.
    message: Option<Bytes<'a>>,
    /// The identifier of the target.
    target: Option<Id>,
    /// The type of the target: `content`, `directory`, `revision`, `release` or `snapshot`.
    target_type: ObjectKind,
    /// Whether the archive created it, for a version of a package.
    synthetic: bool,
    /// The name and address of the author as they were written; their SHA-256 in public topics. NULL if there is no author.
    author_fullname: Option<Bytes<'a>>,
    /// The name in it.
    author_name: Option<Bytes<'a>>,
    /// The address in it.
    author_email: Option<Bytes<'a>>,
    /// The date. NULL if there is none, or one before the year 0 or after 9999.
    date: Option<Timestamp>,
    /// The same in seconds since 1970. NULL if there is no date.
    date_seconds: Option<i64>,
    /// The microseconds after these seconds.
    date_microseconds: Option<u32>,
    /// The offset from UTC as it was written, such as `+0530`.
    date_offset: Option<Bytes<'a>>,
    /// Metadata from the loader, for queries. NULL if there is none, or if it is larger than a megabyte or nested deeply.
    #[column(json)]
    metadata: Option<Raw<'a>>,
    /// The same as msgpack, whole.
    metadata_msgpack: Option<Bytes<'a>>,
    /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
    raw_manifest: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(Release::OBJECT_TYPE, "Releases, such as annotated tags")
        .row::<ReleaseRow<'_>>()
        .upsert_by(["id"], RECORDED)
}

pub(crate) fn write(
    release: &Release<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let (date, metadata) = (release.date()?, release.metadata()?);
    let author = PersonColumns::of(release.author()?);
    let date = DateColumns::of(date.as_ref());
    let metadata = MetadataColumns::of(metadata.as_ref());
    let row = ReleaseRow {
        id: release.id()?,
        name: release.name()?.into(),
        message: release.message()?.map(Bytes::from),
        target: release.target()?,
        target_type: release.target_type()?,
        synthetic: release.synthetic()?,
        author_fullname: author.fullname,
        author_name: author.name,
        author_email: author.email,
        date: date.timestamp,
        date_seconds: date.seconds,
        date_microseconds: date.microseconds,
        date_offset: date.offset,
        metadata: metadata.readable,
        metadata_msgpack: metadata.msgpack,
        raw_manifest: release.raw_manifest()?.map(Bytes::from),
        recorded,
    };
    out.emit_to(Release::OBJECT_TYPE, &row)
}
