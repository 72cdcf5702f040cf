//! The tables of extrinsic metadata, its authorities and its fetchers.

use journal_plugin_sdk::{
    AuthorityType, Bytes, Columns, ExtendedSwhid, Id, MetadataAuthority, MetadataFetcher, Out,
    Plan, Raw, RawExtrinsicMetadata, RecordError, Swhid, Timestamp,
};
use serde::Serialize;

use crate::columns::{MetadataColumns, RECORDED, time};

#[derive(Serialize, Columns)]
struct AuthorityRow<'a> {
    /// `deposit_client`, `forge` or `registry`.
    #[serde(rename = "type")]
    #[column(text)]
    authority_type: AuthorityType,
    /// The URL.
    url: &'a str,
    /// More about it, for queries. NULL if there is none, or if it is larger than a megabyte or nested deeply.
    #[column(json)]
    metadata: Option<Raw<'a>>,
    /// The same as msgpack, whole.
    metadata_msgpack: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct FetcherRow<'a> {
    /// The name.
    name: &'a str,
    /// The version.
    version: &'a str,
    /// More about it, for queries. NULL if there is none, or if it is larger than a megabyte or nested deeply.
    #[column(json)]
    metadata: Option<Raw<'a>>,
    /// The same as msgpack, whole.
    metadata_msgpack: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct MetadataRow<'a> {
    /// The identifier.
    id: Id,
    /// The object that it is about, as a SWHID.
    target: ExtendedSwhid,
    /// When it was found, in whole seconds.
    discovery_date: Timestamp,
    /// The type of the authority that it comes from.
    #[column(text)]
    authority_type: AuthorityType,
    /// The URL of the authority.
    authority_url: &'a str,
    /// More about the authority, as msgpack, if the record says more.
    authority_metadata_msgpack: Option<Bytes<'a>>,
    /// The name of the tool that fetched it.
    fetcher_name: &'a str,
    /// The version of the tool.
    fetcher_version: &'a str,
    /// More about the tool, as msgpack, if the record says more.
    fetcher_metadata_msgpack: Option<Bytes<'a>>,
    /// The format of the metadata.
    format: &'a str,
    /// The metadata itself.
    metadata: Bytes<'a>,
    /// The URL of the origin that it was found in.
    origin: Option<&'a str>,
    /// The visit that it was found in.
    visit: Option<i64>,
    /// The snapshot that it was found in, as a SWHID.
    snapshot: Option<Swhid>,
    /// The release that it was found in, as a SWHID.
    release: Option<Swhid>,
    /// The revision that it was found in, as a SWHID.
    revision: Option<Swhid>,
    /// The path that it was found in.
    path: Option<Bytes<'a>>,
    /// The directory that it was found in, as a SWHID.
    directory: Option<Swhid>,
    /// When the record was written.
    recorded: Timestamp,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(MetadataAuthority::OBJECT_TYPE, "Sources of metadata")
        .row::<AuthorityRow<'_>>()
        .upsert_by(["type", "url"], RECORDED)
        .output(MetadataFetcher::OBJECT_TYPE, "Tools that fetch metadata")
        .row::<FetcherRow<'_>>()
        .upsert_by(["name", "version"], RECORDED)
        .output(
            RawExtrinsicMetadata::OBJECT_TYPE,
            "Metadata about objects that is not part of them",
        )
        .row::<MetadataRow<'_>>()
        .upsert_by(["id"], RECORDED)
}

pub(crate) fn write_authority(
    authority: &MetadataAuthority<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let metadata = authority.metadata()?;
    let metadata = MetadataColumns::of(metadata.as_ref());
    let row = AuthorityRow {
        authority_type: authority.authority_type()?,
        url: authority.url()?,
        metadata: metadata.readable,
        metadata_msgpack: metadata.msgpack,
        recorded,
    };
    out.emit_to(MetadataAuthority::OBJECT_TYPE, &row)
}

pub(crate) fn write_fetcher(
    fetcher: &MetadataFetcher<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let metadata = fetcher.metadata()?;
    let metadata = MetadataColumns::of(metadata.as_ref());
    let row = FetcherRow {
        name: fetcher.name()?,
        version: fetcher.version()?,
        metadata: metadata.readable,
        metadata_msgpack: metadata.msgpack,
        recorded,
    };
    out.emit_to(MetadataFetcher::OBJECT_TYPE, &row)
}

pub(crate) fn write(
    metadata: &RawExtrinsicMetadata<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let (authority, fetcher) = (metadata.authority()?, metadata.fetcher()?);
    let (of_authority, of_fetcher) = (authority.metadata()?, fetcher.metadata()?);
    let row = MetadataRow {
        id: metadata.id()?,
        target: metadata.target()?,
        discovery_date: time(metadata.discovery_date()?, "discovery_date")?,
        authority_type: authority.authority_type()?,
        authority_url: authority.url()?,
        authority_metadata_msgpack: MetadataColumns::of(of_authority.as_ref()).msgpack,
        fetcher_name: fetcher.name()?,
        fetcher_version: fetcher.version()?,
        fetcher_metadata_msgpack: MetadataColumns::of(of_fetcher.as_ref()).msgpack,
        format: metadata.format()?,
        metadata: metadata.metadata()?.into(),
        origin: metadata.origin()?,
        visit: metadata.visit()?,
        snapshot: metadata.snapshot()?,
        release: metadata.release()?,
        revision: metadata.revision()?,
        path: metadata.path()?.map(Bytes::from),
        directory: metadata.directory()?,
        recorded,
    };
    out.emit_to(RawExtrinsicMetadata::OBJECT_TYPE, &row)
}
