//! Tombstones, whose keys say which objects they remove.

use journal_plugin_sdk::{
    AuthorityType, Bytes, Content, Directory, ExtId, HashCollidingContent, Id, MetadataAuthority,
    MetadataFetcher, Origin, OriginVisit, OriginVisitStatus, Out, Raw, RawExtrinsicMetadata,
    Record, RecordError, Release, Revision, SkippedContent, Snapshot, Timestamp, reject,
};
use serde::Serialize;

use crate::columns::{integer, time};
use crate::content;

#[derive(Serialize)]
struct ById {
    id: Id,
}

/// The hashes of a skipped content may be unknown.
#[derive(Serialize)]
struct ByHashes<'a> {
    sha1: Option<Id>,
    sha1_git: Option<Id>,
    sha256: Option<Bytes<'a>>,
    blake2s256: Option<Bytes<'a>>,
}

#[derive(Serialize)]
struct ByUrl<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct ByDate<'a> {
    origin: &'a str,
    date: Timestamp,
}

#[derive(Serialize)]
struct ByVisit<'a> {
    origin: &'a str,
    visit: i64,
    date: Timestamp,
}

#[derive(Serialize)]
struct ByType<'a> {
    #[serde(rename = "type")]
    authority_type: AuthorityType,
    url: &'a str,
}

#[derive(Serialize)]
struct ByName<'a> {
    name: &'a str,
    version: &'a str,
}

/// Removes the object of a tombstone at the time of the record.
pub(crate) fn remove(
    record: &Record<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let (output, key) = (record.object_type(), record.key());
    let mut removal = Removal {
        output,
        recorded,
        out,
    };
    match output {
        Content::OBJECT_TYPE | HashCollidingContent::OBJECT_TYPE => removal.of(hashes(key)),
        SkippedContent::OBJECT_TYPE => removal.of(known_hashes(key)),
        Directory::OBJECT_TYPE
        | Revision::OBJECT_TYPE
        | Release::OBJECT_TYPE
        | Snapshot::OBJECT_TYPE
        | ExtId::OBJECT_TYPE
        | RawExtrinsicMetadata::OBJECT_TYPE => removal.of(id(key)),
        Origin::OBJECT_TYPE => removal.of(url(key)),
        OriginVisit::OBJECT_TYPE => removal.of(visit(key)),
        OriginVisitStatus::OBJECT_TYPE => removal.of(status(key)),
        MetadataAuthority::OBJECT_TYPE => removal.of(authority(key)),
        MetadataFetcher::OBJECT_TYPE => removal.of(fetcher(key)),
        _ => Err(crate::without_table(output)),
    }
}

struct Removal<'a> {
    output: &'a str,
    recorded: Timestamp,
    out: &'a mut Out,
}

impl Removal<'_> {
    /// A tombstone that removes nothing would go unnoticed, so one whose key cannot be read is rejected.
    fn of(&mut self, key: Result<impl Serialize, RecordError>) -> Result<(), RecordError> {
        let key = key.map_err(|error| {
            RecordError::reject(format!("the key of the tombstone names no object: {error}"))
        })?;
        self.out.remove_at(self.output, &self.recorded, &key)
    }
}

fn id(key: &[u8]) -> Result<ById, RecordError> {
    Ok(ById {
        id: Raw::new(key).decode()?,
    })
}

// The keys of the other types are maps with some fields of their objects, so the views of the objects read them, too.

fn hashes(key: &[u8]) -> Result<ByHashes<'_>, RecordError> {
    // The head of 20 bytes in msgpack.
    if key.starts_with(&[0xc4, 20]) {
        reject!("it is a SHA-1 alone, as keys before 2025 are, and the table has four hashes");
    }
    let content = Content::new(key);
    Ok(ByHashes {
        sha1: Some(Id(*content.sha1()?)),
        sha1_git: Some(content.sha1_git()?),
        sha256: Some(content.sha256()?.into()),
        blake2s256: Some(content.blake2s256()?.into()),
    })
}

fn known_hashes(key: &[u8]) -> Result<ByHashes<'_>, RecordError> {
    let map = Raw::new(key);
    if let Some(missing) = content::KEY.iter().find(|name| map.get(name).is_none()) {
        reject!("it has no `{missing}`");
    }
    let content = SkippedContent::new(key);
    Ok(ByHashes {
        sha1: content.sha1()?.copied().map(Id),
        sha1_git: content.sha1_git()?,
        sha256: content.sha256()?.map(Bytes::from),
        blake2s256: content.blake2s256()?.map(Bytes::from),
    })
}

fn url(key: &[u8]) -> Result<ByUrl<'_>, RecordError> {
    Ok(ByUrl {
        url: Origin::new(key).url()?,
    })
}

fn visit(key: &[u8]) -> Result<ByDate<'_>, RecordError> {
    let visit = OriginVisit::new(key);
    Ok(ByDate {
        origin: visit.origin()?,
        date: time(visit.date()?, "date")?,
    })
}

fn status(key: &[u8]) -> Result<ByVisit<'_>, RecordError> {
    let status = OriginVisitStatus::new(key);
    // In the key, the number is a text.
    let Some(visit) = Raw::new(key).get("visit") else {
        reject!("it has no visit");
    };
    let visit: &str = visit.decode()?;
    Ok(ByVisit {
        origin: status.origin()?,
        visit: integer(visit.parse()?, "visit")?,
        date: time(status.date()?, "date")?,
    })
}

fn authority(key: &[u8]) -> Result<ByType<'_>, RecordError> {
    let authority = MetadataAuthority::new(key);
    Ok(ByType {
        authority_type: authority.authority_type()?,
        url: authority.url()?,
    })
}

fn fetcher(key: &[u8]) -> Result<ByName<'_>, RecordError> {
    let fetcher = MetadataFetcher::new(key);
    Ok(ByName {
        name: fetcher.name()?,
        version: fetcher.version()?,
    })
}
