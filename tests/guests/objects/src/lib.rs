//! Reads every record as an object of every type. This gives an object or an error, and never a trap.

use journal_plugin_sdk::{
    ANY, Batches, Date, Failure, FieldError, Object, Out, Plan, Processor, Verification, owned,
};
use serde::Serialize;

/// Every object type with its own view.
pub const OBJECT_TYPES: [&str; 14] = [
    "content",
    "skipped_content",
    "hash_colliding_content",
    "directory",
    "revision",
    "release",
    "snapshot",
    "origin",
    "origin_visit",
    "origin_visit_status",
    "extid",
    "metadata_authority",
    "metadata_fetcher",
    "raw_extrinsic_metadata",
];

/// Reads a value as an object of this type: lazily, as a whole, and with its identifier.
///
/// # Errors
/// If the value is not such an object.
///
/// # Panics
/// If the object is encoded differently.
pub fn read_as(object_type: &str, value: &[u8]) -> Result<Verification, FieldError> {
    let object = Object::new(object_type, value)?;
    let verification = object.verify();
    match &object {
        Object::Content(object) => again(&object.decode()?),
        Object::SkippedContent(object) => again(&object.decode()?),
        Object::HashCollidingContent(object) => again(&object.decode()?),
        Object::Directory(object) => again(&object.decode()?),
        Object::Revision(object) => {
            let revision = object.decode()?;
            revision.date.iter().for_each(show);
            revision.committer_date.iter().for_each(show);
            if let Some(metadata) = &revision.metadata {
                let _ = metadata.get("extra_headers");
            }
            again(&revision);
        }
        Object::Release(object) => {
            let release = object.decode()?;
            release.date.iter().for_each(show);
            again(&release);
        }
        Object::Snapshot(object) => again(&object.decode()?),
        Object::Origin(object) => again(&object.decode()?),
        Object::OriginVisit(object) => again(&object.decode()?),
        Object::OriginVisitStatus(object) => again(&object.decode()?),
        Object::ExtId(object) => again(&object.decode()?),
        Object::MetadataAuthority(object) => again(&object.decode()?),
        Object::MetadataFetcher(object) => again(&object.decode()?),
        Object::RawExtrinsicMetadata(object) => again(&object.decode()?),
        _ => {}
    }
    verification
}

fn show(date: &Date<'_>) {
    let _ = (
        date.to_rfc3339(),
        date.utc(),
        date.local(),
        date.timestamp(),
    );
}

/// Encodes the object, and checks that decoding gives the same object.
fn again<T: owned::Object>(object: &T) {
    let written = object.encode();
    let _ = object.key();
    let read = Object::new(T::OBJECT_TYPE, &written).and_then(|object| rewritten(&object));
    assert!(
        read.as_ref() == Ok(&written),
        "{} is written as {written:02x?}, which is read as {read:02x?}",
        T::OBJECT_TYPE
    );
}

fn rewritten(object: &Object<'_>) -> Result<Vec<u8>, FieldError> {
    Ok(match object {
        Object::Content(object) => object.decode()?.encode(),
        Object::SkippedContent(object) => object.decode()?.encode(),
        Object::HashCollidingContent(object) => object.decode()?.encode(),
        Object::Directory(object) => object.decode()?.encode(),
        Object::Revision(object) => object.decode()?.encode(),
        Object::Release(object) => object.decode()?.encode(),
        Object::Snapshot(object) => object.decode()?.encode(),
        Object::Origin(object) => object.decode()?.encode(),
        Object::OriginVisit(object) => object.decode()?.encode(),
        Object::OriginVisitStatus(object) => object.decode()?.encode(),
        Object::ExtId(object) => object.decode()?.encode(),
        Object::MetadataAuthority(object) => object.decode()?.encode(),
        Object::MetadataFetcher(object) => object.decode()?.encode(),
        Object::RawExtrinsicMetadata(object) => object.decode()?.encode(),
        _ => Vec::new(),
    })
}

/// Stateless.
#[derive(Debug, Default)]
pub struct Objects;

#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    /// The number of types as which the value could be read.
    types: usize,
}

impl Processor for Objects {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let types = OBJECT_TYPES
                .iter()
                .filter(|object_type| read_as(object_type, record.value()).is_ok())
                .count();
            let object_type = record.object_type();
            out.emit(&Row { object_type, types })?;
            read_as(object_type, record.value())?;
            Ok(())
        })
    }
}

journal_plugin_sdk::export!(Objects);
