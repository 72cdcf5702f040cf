//! The tables of revisions, their parents and their extra headers.

use journal_plugin_sdk::{
    Bytes, Columns, Id, Out, Plan, Raw, RecordError, Revision, RevisionType, Timestamp,
};
use serde::Serialize;

use crate::columns::{DateColumns, MetadataColumns, PersonColumns, RECORDED, variant};

const PARENT: &str = "revision_parent";
const EXTRA_HEADER: &str = "revision_extra_header";

#[derive(Serialize, Columns)]
struct RevisionRow<'a> {
    /// The identifier.
    id: Id,
    /// The variant of the revision, which its parents and extra headers have, too.
    variant: i64,
    /// The message.
    message: Option<Bytes<'a>>,
    /// The name and address of the author as they were written; their SHA-256 in public topics. NULL if there is no author.
    author_fullname: Option<Bytes<'a>>,
    /// The name in it.
    author_name: Option<Bytes<'a>>,
    /// The address in it.
    author_email: Option<Bytes<'a>>,
    /// The same of the committer.
    committer_fullname: Option<Bytes<'a>>,
    /// The name in it.
    committer_name: Option<Bytes<'a>>,
    /// The address in it.
    committer_email: Option<Bytes<'a>>,
    /// When the change was written. NULL if there is no date, or one before the year 0 or after 9999.
    date: Option<Timestamp>,
    /// The same in seconds since 1970. NULL if there is no date.
    date_seconds: Option<i64>,
    /// The microseconds after these seconds.
    date_microseconds: Option<u32>,
    /// The offset from UTC as it was written, such as `+0530`.
    date_offset: Option<Bytes<'a>>,
    /// When it was committed, in the same columns as the date.
    committer_date: Option<Timestamp>,
    /// In seconds since 1970.
    committer_date_seconds: Option<i64>,
    /// The microseconds after these seconds.
    committer_date_microseconds: Option<u32>,
    /// The offset from UTC as it was written.
    committer_date_offset: Option<Bytes<'a>>,
    /// The type of version control system or package, such as `git`.
    #[serde(rename = "type")]
    #[column(text)]
    revision_type: RevisionType,
    /// The root directory.
    directory: Id,
    /// Whether the archive created it, for source code without its own history.
    synthetic: bool,
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

#[derive(Serialize, Columns)]
struct ParentRow {
    /// The revision.
    revision: Id,
    /// The variant of the revision.
    variant: i64,
    /// The number of the parent in the record, from 0.
    position: usize,
    /// The revision that it follows. NULL for an empty one, which a few old revisions have.
    parent: Option<Id>,
}

#[derive(Serialize, Columns)]
struct HeaderRow<'a> {
    /// The revision.
    revision: Id,
    /// The variant of the revision.
    variant: i64,
    /// The number of the header in the record, from 0.
    position: usize,
    /// The name, such as `gpgsig`.
    name: Bytes<'a>,
    /// The value.
    value: Bytes<'a>,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    let key = ["revision", "variant", "position"];
    plan.output(Revision::OBJECT_TYPE, "Revisions, such as commits")
        .row::<RevisionRow<'_>>()
        .upsert_by(["id"], RECORDED)
        .output(PARENT, "The revisions that revisions follow")
        .row::<ParentRow>()
        .unique_by(key)
        .output(
            EXTRA_HEADER,
            "Headers of Git objects that have no column of their own",
        )
        .row::<HeaderRow<'_>>()
        .unique_by(key)
}

pub(crate) fn write(
    revision: &Revision<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let (date, committer_date) = (revision.date()?, revision.committer_date()?);
    let author = PersonColumns::of(revision.author()?);
    let committer = PersonColumns::of(revision.committer()?);
    let metadata = revision.metadata()?;
    let date = DateColumns::of(date.as_ref());
    let committer_date = DateColumns::of(committer_date.as_ref());
    let metadata = MetadataColumns::of(metadata.as_ref());
    let row = RevisionRow {
        id: revision.id()?,
        variant: variant(revision.value()),
        message: revision.message()?.map(Bytes::from),
        author_fullname: author.fullname,
        author_name: author.name,
        author_email: author.email,
        committer_fullname: committer.fullname,
        committer_name: committer.name,
        committer_email: committer.email,
        date: date.timestamp,
        date_seconds: date.seconds,
        date_microseconds: date.microseconds,
        date_offset: date.offset,
        committer_date: committer_date.timestamp,
        committer_date_seconds: committer_date.seconds,
        committer_date_microseconds: committer_date.microseconds,
        committer_date_offset: committer_date.offset,
        revision_type: revision.revision_type()?,
        directory: revision.directory()?,
        synthetic: revision.synthetic()?,
        metadata: metadata.readable,
        metadata_msgpack: metadata.msgpack,
        raw_manifest: revision.raw_manifest()?.map(Bytes::from),
        recorded,
    };
    out.emit_to(Revision::OBJECT_TYPE, &row)?;
    write_lists(revision, row.id, row.variant, out)
}

fn write_lists(
    revision: &Revision<'_>,
    id: Id,
    variant: i64,
    out: &mut Out,
) -> Result<(), RecordError> {
    each_parent(revision, |position, parent| {
        let row = ParentRow {
            revision: id,
            variant,
            position,
            parent,
        };
        out.emit_to(PARENT, &row)
    })?;
    for (position, header) in revision.extra_headers()?.enumerate() {
        let (name, value) = header?;
        let row = HeaderRow {
            revision: id,
            variant,
            position,
            name: name.into(),
            value,
        };
        out.emit_to(EXTRA_HEADER, &row)?;
    }
    Ok(())
}

/// Passes on all parents, also the empty ones, which the view of the revision skips.
fn each_parent(
    revision: &Revision<'_>,
    mut handle: impl FnMut(usize, Option<Id>) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    let parents = revision.parents()?;
    let (_, listed) = parents.size_hint();
    let mut count = 0;
    for parent in parents {
        parent?;
        count += 1;
    }
    if listed == Some(count) {
        for (position, parent) in revision.parents()?.enumerate() {
            handle(position, Some(parent?))?;
        }
        return Ok(());
    }
    let list = Raw::new(revision.value()).get("parents");
    let list: Vec<Bytes<'_>> = list
        .map(|list| list.decode())
        .transpose()?
        .unwrap_or_default();
    for (position, parent) in list.iter().enumerate() {
        let is_empty = parent.is_empty();
        let parent = (!is_empty).then(|| Id::try_from(&parent[..])).transpose()?;
        handle(position, parent)?;
    }
    Ok(())
}
