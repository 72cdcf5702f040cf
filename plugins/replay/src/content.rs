//! The tables of contents.

use journal_plugin_sdk::{
    Bytes, Columns, Content, ContentStatus, HashCollidingContent, Id, Out, Plan, RecordError,
    SkippedContent, Timestamp,
};
use serde::Serialize;

use crate::columns::{RECORDED, integer, time};

/// The columns of the key. Contents may share some of their hashes, and not all of them.
pub(crate) const KEY: [&str; 4] = ["sha1", "sha1_git", "sha256", "blake2s256"];

/// A content, also one with colliding hashes.
#[derive(Serialize, Columns)]
struct ContentRow<'a> {
    /// The SHA-1 of the bytes.
    sha1: Id,
    /// The SHA-1 of the bytes as a blob of Git, which is the identifier of the content.
    sha1_git: Id,
    /// The SHA-256 of the bytes.
    sha256: Bytes<'a>,
    /// The BLAKE2s-256 of the bytes.
    blake2s256: Bytes<'a>,
    /// The number of bytes.
    length: i64,
    /// `visible` or `hidden`.
    #[column(text)]
    status: ContentStatus,
    /// The bytes, which the journal has only for contents with colliding hashes.
    data: Option<Bytes<'a>>,
    /// When the content was added to the archive.
    ctime: Option<Timestamp>,
    /// When the record was written.
    recorded: Timestamp,
}

/// A content that the archive does not have.
#[derive(Serialize, Columns)]
struct SkippedRow<'a> {
    /// The SHA-1 of the bytes, if it is known.
    sha1: Option<Id>,
    /// The SHA-1 of the bytes as a blob of Git, if it is known.
    sha1_git: Option<Id>,
    /// The SHA-256 of the bytes, if it is known.
    sha256: Option<Bytes<'a>>,
    /// The BLAKE2s-256 of the bytes, if it is known.
    blake2s256: Option<Bytes<'a>>,
    /// The number of bytes, if it is known.
    length: Option<i64>,
    /// `absent`.
    #[column(text)]
    status: ContentStatus,
    /// Why the archive does not have it.
    reason: &'a str,
    /// The URL of the origin that contains it, if it is known.
    origin: Option<&'a str>,
    /// When this was noted.
    ctime: Option<Timestamp>,
    /// When the record was written.
    recorded: Timestamp,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(Content::OBJECT_TYPE, "Contents: files, without their bytes")
        .row::<ContentRow<'_>>()
        .upsert_by(KEY, RECORDED)
        .output(
            SkippedContent::OBJECT_TYPE,
            "Contents that the archive does not have",
        )
        .row::<SkippedRow<'_>>()
        .upsert_by(KEY, RECORDED)
        .output(
            HashCollidingContent::OBJECT_TYPE,
            "Contents that share a hash with another one, with their bytes",
        )
        .row::<ContentRow<'_>>()
        .upsert_by(KEY, RECORDED)
}

pub(crate) fn write(
    content: &Content<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    write_to(Content::OBJECT_TYPE, content, recorded, out)
}

pub(crate) fn write_colliding(
    content: &HashCollidingContent<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    // Its bytes are not optional. All fields have the names of those of other contents.
    content.data()?;
    let content_fields = Content::new(content.value());
    write_to(
        HashCollidingContent::OBJECT_TYPE,
        &content_fields,
        recorded,
        out,
    )
}

fn write_to(
    output: &str,
    content: &Content<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let row = ContentRow {
        sha1: Id(*content.sha1()?),
        sha1_git: content.sha1_git()?,
        sha256: content.sha256()?.into(),
        blake2s256: content.blake2s256()?.into(),
        length: integer(content.length()?, "length")?,
        status: content.status()?,
        data: content.data()?.map(Bytes::from),
        ctime: ctime(content.ctime()?)?,
        recorded,
    };
    out.emit_to(output, &row)
}

pub(crate) fn write_skipped(
    content: &SkippedContent<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let length = content.length()?;
    let row = SkippedRow {
        sha1: content.sha1()?.copied().map(Id),
        sha1_git: content.sha1_git()?,
        sha256: content.sha256()?.map(Bytes::from),
        blake2s256: content.blake2s256()?.map(Bytes::from),
        length: length.map(|length| integer(length, "length")).transpose()?,
        status: content.status()?,
        reason: content.reason()?,
        origin: content.origin()?,
        ctime: ctime(content.ctime()?)?,
        recorded,
    };
    out.emit_to(SkippedContent::OBJECT_TYPE, &row)
}

fn ctime(ctime: Option<Timestamp>) -> Result<Option<Timestamp>, RecordError> {
    ctime.map(|ctime| time(ctime, "ctime")).transpose()
}
