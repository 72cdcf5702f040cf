//! Origins, visits, external identifiers and extrinsic metadata.

use journal_plugin_sdk::msgpack::{Item, Walker};
use journal_plugin_sdk::{ExtendedObjectKind, ObjectKind, RawExtrinsicMetadata};

use super::fields::{Fields, Names, Others, names, read};
use super::time::{self, Texts};
use super::value::{self, Depth};
use super::{Finding, Rule, unread};

/// A URL has fewer bytes than this.
pub(super) const URL_BYTES: usize = 2048;

pub(super) fn origin(value: &[u8]) -> Result<(), Finding> {
    let fields = read(value, names!["url", "id"])?;
    fields.check_id(1)?;
    check_url(&fields, 0)
}

fn check_url<const COUNT: usize>(fields: &Fields<'_, COUNT>, field: usize) -> Result<(), Finding> {
    match fields.item(field)? {
        Item::Str(url) if url.len() >= URL_BYTES => {
            let what = format!("has {} bytes, {URL_BYTES} or more", url.len());
            Err(fields.refuse(field, Rule::UrlTooLong, what))
        }
        _ => Ok(()),
    }
}

/// Refuses an origin that is a map, as in old records.
fn check_origin_of_visit<const COUNT: usize>(fields: &Fields<'_, COUNT>) -> Result<(), Finding> {
    match fields.item(0)? {
        Item::Map(_) => Err(fields.refuse(0, Rule::FieldType, "is a map and not a URL")),
        _ => Ok(()),
    }
}

pub(super) fn visit(value: &[u8]) -> Result<(), Finding> {
    const NAMES: &Names<4> = names!["origin", "date", "type", "visit"];
    let fields = read(value, NAMES)?;
    check_origin_of_visit(&fields)?;
    fields.optional(1, |date| time::check_instant(date, Texts::Refused))
}

pub(super) fn visit_status(value: &[u8]) -> Result<(), Finding> {
    const NAMES: &Names<7> = names![
        "origin", "visit", "date", "status", "snapshot", "type", "metadata",
    ];
    let fields = read(value, NAMES)?;
    check_origin_of_visit(&fields)?;
    fields.require([4])?;
    fields.optional(2, |date| time::check_instant(date, Texts::Refused))?;
    fields.optional(6, |map| value::check_metadata(map, Depth::OBJECT.inside()))
}

pub(super) fn extid(value: &[u8]) -> Result<(), Finding> {
    const NAMES: &Names<7> = names![
        "extid_type",
        "payload_type",
        "payload",
        "extid",
        "target",
        "extid_version",
        "id",
    ];
    let fields = Fields::read(
        &mut Walker::new(value),
        NAMES,
        Others::Ignored,
        Depth::OBJECT,
    )?;
    for field in [0, 1] {
        if let Item::Str(text) = fields.item(field)?
            && !text.is_ascii()
        {
            let what = "has characters outside of ASCII";
            return Err(fields.refuse(field, Rule::NotAscii, what));
        }
    }
    let [has_type, has_payload] = [fields.item(1)?, fields.item(2)?].map(|item| item != Item::Nil);
    if has_type == has_payload {
        return Ok(());
    }
    let (field, what) = if has_payload {
        (2, "is set, and `payload_type` is not")
    } else {
        (1, "is set, and `payload` is not")
    };
    Err(fields.refuse(field, Rule::PayloadWithoutType, what))
}

const AUTHORITY_NAMES: &Names<3> = names!["type", "url", "metadata"];
const FETCHER_NAMES: &Names<3> = names!["name", "version", "metadata"];

pub(super) fn authority(value: &[u8]) -> Result<(), Finding> {
    with_metadata(&mut Walker::new(value), AUTHORITY_NAMES, Depth::OBJECT)
}

pub(super) fn fetcher(value: &[u8]) -> Result<(), Finding> {
    with_metadata(&mut Walker::new(value), FETCHER_NAMES, Depth::OBJECT)
}

/// A map of two fields and of metadata.
fn with_metadata(
    value: &mut Walker<'_>,
    names: &'static Names<3>,
    depth: Depth,
) -> Result<(), Finding> {
    let fields = Fields::read(value, names, Others::Refused, depth)?;
    fields.optional(2, |map| value::check_metadata(map, depth.inside()))
}

const EMD_NAMES: &Names<15> = names![
    "target",
    "discovery_date",
    "authority",
    "fetcher",
    "format",
    "metadata",
    "id",
    "origin",
    "visit",
    "snapshot",
    "release",
    "revision",
    "path",
    "directory",
    "type",
];
const DISCOVERY_DATE: usize = 1;
const ORIGIN: usize = 7;
const VISIT: usize = 8;
const SNAPSHOT: usize = 9;
const RELEASE: usize = 10;
const REVISION: usize = 11;
const PATH: usize = 12;
const DIRECTORY: usize = 13;
const OLD_TYPE: usize = 14;

pub(super) fn raw_extrinsic_metadata(object: &RawExtrinsicMetadata<'_>) -> Result<(), Finding> {
    let depth = Depth::OBJECT;
    let fields = read(object.value(), EMD_NAMES)?;
    fields.check_id(6)?;
    if fields.item(OLD_TYPE)? == Item::Str(b"origin") {
        check_url(&fields, 0)?;
    }
    for (field, names) in [(2, AUTHORITY_NAMES), (3, FETCHER_NAMES)] {
        fields.optional(field, |part| with_metadata(part, names, depth.inside()))?;
    }
    fields.optional(DISCOVERY_DATE, |date| {
        time::check_instant(date, Texts::Refused)?;
        // Upstream converts it to UTC.
        let date = object.discovery_date().map_err(unread)?;
        time::check_calendar(date.seconds())
    })?;
    // The SDK accepts any value there.
    fields.optional(OLD_TYPE, |old_type| value::check(old_type, depth.inside()))?;
    check_contexts(&fields, object)
}

/// Checks that the target may have the contexts: those that contain objects of its kind.
fn check_contexts(
    fields: &Fields<'_, 15>,
    object: &RawExtrinsicMetadata<'_>,
) -> Result<(), Finding> {
    use ExtendedObjectKind as Kind;

    let target = object.target().map_err(unread)?.kind;
    // How deep in the archive's graph: a context is above its target.
    let level = match target {
        Kind::Origin | Kind::RawExtrinsicMetadata => 0,
        Kind::Snapshot => 1,
        Kind::Release => 2,
        Kind::Revision => 3,
        Kind::Directory => 4,
        Kind::Content => 5,
    };
    for (field, least) in [
        (ORIGIN, 1),
        (VISIT, 1),
        (SNAPSHOT, 2),
        (RELEASE, 3),
        (REVISION, 4),
        (PATH, 4),
        (DIRECTORY, 5),
    ] {
        if level < least && fields.item(field)? != Item::Nil {
            let what = format!("is not allowed for a target of the kind `{target}`");
            return Err(fields.refuse(field, Rule::ContextNotAllowed, what));
        }
    }
    let kinds = [
        (SNAPSHOT, object.snapshot(), ObjectKind::Snapshot),
        (RELEASE, object.release(), ObjectKind::Release),
        (REVISION, object.revision(), ObjectKind::Revision),
        (DIRECTORY, object.directory(), ObjectKind::Directory),
    ];
    for (field, context, kind) in kinds {
        if let Some(found) = context.map_err(unread)?.map(|swhid| swhid.kind)
            && found != kind
        {
            let what = format!("names an object of the kind `{found}`");
            return Err(fields.refuse(field, Rule::ContextOfOtherKind, what));
        }
    }
    check_origin_and_visit(fields, object)
}

fn check_origin_and_visit(
    fields: &Fields<'_, 15>,
    object: &RawExtrinsicMetadata<'_>,
) -> Result<(), Finding> {
    let origin = object.origin().map_err(unread)?;
    if origin.is_some_and(|origin| origin.starts_with("swh:")) {
        let what = "is a SWHID and not a URL";
        return Err(fields.refuse(ORIGIN, Rule::SwhidAsOrigin, what));
    }
    match object.visit().map_err(unread)? {
        Some(_) if origin.is_none() => {
            let what = "is set, and `origin` is not";
            Err(fields.refuse(VISIT, Rule::VisitWithoutOrigin, what))
        }
        Some(visit) if visit <= 0 => {
            let what = format!("is {visit}, and not positive");
            Err(fields.refuse(VISIT, Rule::VisitNotPositive, what))
        }
        _ => Ok(()),
    }
}
