//! Compares how the SDK reads, writes and identifies objects with how upstream does.
//!
//! The scripts of `tests/oracle` write the files of cases; `cases.py` there documents their contents.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use journal_plugin_sdk::{
    ExtendedObjectKind, ExtendedSwhid, FieldError, Id, Object, Verification, hash, owned,
};
use rmpv::Value;

use crate::kafka::Record;

/// One object.
#[derive(Debug)]
pub struct Case {
    /// The object type.
    pub object_type: String,
    /// The key of the record.
    pub key: Vec<u8>,
    /// The value of the record.
    pub value: Vec<u8>,
    /// The value that upstream writes after reading this one; `None` if it refuses the object.
    pub normal: Option<Vec<u8>>,
    /// The identifier that upstream computes.
    pub id: Option<Vec<u8>>,
    /// The SWHID of the identifier that the object contains.
    pub swhid: Option<String>,
    /// Whether the persons are anonymised.
    pub anonymised: bool,
    /// The special feature of the case, in the corpus of old messages.
    pub name: String,
}

/// The number of objects of each type, and the mismatches.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of objects of each type.
    pub checked: BTreeMap<String, usize>,
    /// The number of identifiers of each type that were computed and equal upstream's.
    pub identified: BTreeMap<String, usize>,
    /// The number of anonymised objects of each type that were recognised.
    pub anonymised: BTreeMap<String, usize>,
    /// Messages about the first mismatches.
    pub mismatches: Vec<String>,
    /// The number of all mismatches.
    pub mismatched: usize,
}

const SHOWN_MISMATCHES: usize = 20;

/// Reads the cases of a file.
///
/// # Panics
/// When the file does not contain cases.
#[must_use]
pub fn read(path: &Path) -> Vec<Case> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rest = &bytes[..];
    let mut cases = Vec::new();
    while !rest.is_empty() {
        let parts = rmpv::decode::read_value(&mut rest).expect("cases are msgpack");
        cases.push(case(&parts).unwrap_or_else(|| panic!("no case: {parts}")));
    }
    cases
}

fn case(parts: &Value) -> Option<Case> {
    let bytes = |value: &Value| value.as_slice().map(<[u8]>::to_vec);
    let parts = parts.as_array()?;
    let [
        object_type,
        key,
        value,
        normal,
        id,
        swhid,
        anonymised,
        rest @ ..,
    ] = &parts[..]
    else {
        return None;
    };
    Some(Case {
        object_type: object_type.as_str()?.to_owned(),
        key: bytes(key)?,
        value: bytes(value)?,
        normal: bytes(normal),
        id: bytes(id),
        swhid: swhid.as_str().map(str::to_owned),
        anonymised: anonymised.as_bool()?,
        name: rest
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The case of a record that upstream's writer wrote: the SDK has to write the same bytes again.
///
/// # Panics
/// When the record is a tombstone, or the identifier of its object cannot be read.
#[must_use]
pub fn of_record(record: &Record) -> Case {
    let value = record.value.clone().expect("the record has a value");
    let object = Object::new(&record.object_type, &value).expect("its status can be read");
    let claimed = claimed(&object).expect("its identifier can be read");
    // Upstream hashes the persons of these two types in public topics.
    let anonymised = !record.privileged
        && match &object {
            Object::Revision(revision) => {
                let [author, committer] = [revision.author(), revision.committer()];
                author.is_ok_and(|author| author.is_some())
                    || committer.is_ok_and(|committer| committer.is_some())
            }
            Object::Release(release) => release.author().is_ok_and(|author| author.is_some()),
            _ => false,
        };
    Case {
        object_type: record.object_type.clone(),
        key: record.key.clone(),
        normal: Some(value.clone()),
        id: claimed.map(|(_, id)| id.0.to_vec()),
        swhid: None,
        value,
        anonymised,
        name: String::new(),
    }
}

/// Decodes, encodes and identifies each object, and compares the results with upstream's.
#[must_use]
pub fn check(cases: &[Case]) -> Report {
    let mut report = Report::default();
    for (index, case) in cases.iter().enumerate() {
        *report.checked.entry(case.object_type.clone()).or_default() += 1;
        if let Err(mismatch) = check_one(case, &mut report) {
            report.mismatched += 1;
            if report.mismatches.len() < SHOWN_MISMATCHES {
                let Case {
                    object_type,
                    name,
                    value,
                    ..
                } = case;
                let value = rmpv::decode::read_value(&mut &value[..]);
                let value = value.map_or_else(|error| error.to_string(), |value| value.to_string());
                report.mismatches.push(format!(
                    "{index} {object_type} {name}: {mismatch}\n  {value:.1500}"
                ));
            }
        }
    }
    report
}

fn check_one(case: &Case, report: &mut Report) -> Result<(), String> {
    let object = Object::new(&case.object_type, &case.value);
    let written = object.and_then(|object| Ok((rewritten(&object)?, object)));
    let Some(normal) = &case.normal else {
        return match written {
            Ok(_) => Err("upstream refuses it".to_owned()),
            Err(_) => Ok(()),
        };
    };
    let (written, object) = written.map_err(|error| error.to_string())?;
    if written.value != *normal {
        let shown =
            |bytes: &[u8]| rmpv::decode::read_value(&mut &*bytes).map(|value| value.to_string());
        let (written, normal) = (shown(&written.value), shown(normal));
        return Err(format!(
            "is written as\n  {written:.1500?}\n  and not as\n  {normal:.1500?}"
        ));
    }
    // Keys of old messages have other forms.
    if case.name.is_empty() && written.key != case.key {
        return Err(format!(
            "has the key {:?}",
            String::from_utf8_lossy(&written.key)
        ));
    }
    check_swhid(case, &object)?;
    check_identifier(case, &object, report)
}

fn check_swhid(case: &Case, object: &Object<'_>) -> Result<(), String> {
    let Some(expected) = &case.swhid else {
        return Ok(());
    };
    let claimed = claimed(object).map_err(|error| error.to_string())?;
    let Some((Some(kind), id)) = claimed else {
        return Err(format!("has no SWHID, where upstream has {expected}"));
    };
    let swhid = ExtendedSwhid::new(kind, id);
    if swhid.to_string() != *expected {
        return Err(format!("has the SWHID {swhid} instead of {expected}"));
    }
    if expected.parse().as_ref() != Ok(&swhid) {
        return Err(format!("{expected} is read as another SWHID"));
    }
    Ok(())
}

fn check_identifier(case: &Case, object: &Object<'_>, report: &mut Report) -> Result<(), String> {
    let verification = object.verify().map_err(|error| error.to_string())?;
    if case.anonymised {
        // A raw manifest is not anonymised, so the identifier can still be computed.
        if let Some(manifest) = raw_manifest(object).map_err(|error| error.to_string())? {
            check_verification(object, &hash::sha1(manifest).0, verification)?;
        } else if verification != Verification::Anonymised {
            return Err(format!("is anonymised, and verified as {verification:?}"));
        }
        *report
            .anonymised
            .entry(case.object_type.clone())
            .or_default() += 1;
        return Ok(());
    }
    let Some(id) = &case.id else {
        return match verification {
            Verification::WithoutIdentifier => Ok(()),
            // The content's bytes have the identifier, not the object.
            _ if matches!(object, Object::HashCollidingContent(_)) => Ok(()),
            other => Err(format!("has no identifier, and verified as {other:?}")),
        };
    };
    let computed = computed(object).map_err(|error| error.to_string())?;
    if computed.map(|id| id.0.to_vec()).as_ref() != Some(id) {
        return Err(format!(
            "has the identifier {computed:?} instead of {}",
            journal_plugin_sdk::Bytes::from(&id[..])
        ));
    }
    check_verification(object, id, verification)?;
    *report
        .identified
        .entry(case.object_type.clone())
        .or_default() += 1;
    Ok(())
}

fn check_verification(
    object: &Object<'_>,
    id: &[u8],
    verification: Verification,
) -> Result<(), String> {
    let claimed = claimed(object).map_err(|error| error.to_string())?;
    let is_right = match verification {
        Verification::Intact => claimed.is_some_and(|(_, claimed)| claimed.0 == id),
        Verification::Corrupt { claimed, computed } => claimed.0 != id && computed.0 == id,
        Verification::WithoutIdentifier => matches!(object, Object::Content(_)),
        Verification::Anonymised => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(format!(
            "holds {claimed:?}, and verified as {verification:?}"
        ))
    }
}

struct Written {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<T: owned::Object> From<T> for Written {
    fn from(object: T) -> Self {
        Self {
            key: object.key(),
            value: object.encode(),
        }
    }
}

fn rewritten(object: &Object<'_>) -> Result<Written, FieldError> {
    Ok(match object {
        Object::Content(content) => content.decode()?.into(),
        Object::SkippedContent(content) => content.decode()?.into(),
        Object::HashCollidingContent(content) => content.decode()?.into(),
        Object::Directory(directory) => directory.decode()?.into(),
        Object::Revision(revision) => revision.decode()?.into(),
        Object::Release(release) => release.decode()?.into(),
        Object::Snapshot(snapshot) => snapshot.decode()?.into(),
        Object::Origin(origin) => origin.decode()?.into(),
        Object::OriginVisit(visit) => visit.decode()?.into(),
        Object::OriginVisitStatus(status) => status.decode()?.into(),
        Object::ExtId(extid) => extid.decode()?.into(),
        Object::MetadataAuthority(authority) => authority.decode()?.into(),
        Object::MetadataFetcher(fetcher) => fetcher.decode()?.into(),
        Object::RawExtrinsicMetadata(metadata) => metadata.decode()?.into(),
        other => panic!("{other:?} has no owned form"),
    })
}

/// The identifier that an object contains, and its kind if there are SWHIDs of that kind.
fn claimed(object: &Object<'_>) -> Result<Option<(Option<ExtendedObjectKind>, Id)>, FieldError> {
    use ExtendedObjectKind as Kind;
    let (kind, id) = match object {
        Object::Content(content) => (Kind::Content, content.sha1_git()?),
        Object::HashCollidingContent(content) => (Kind::Content, content.sha1_git()?),
        Object::SkippedContent(content) => {
            let id = content.sha1_git()?;
            return Ok(id.map(|id| (Some(Kind::Content), id)));
        }
        Object::Directory(directory) => (Kind::Directory, directory.id()?),
        Object::Revision(revision) => (Kind::Revision, revision.id()?),
        Object::Release(release) => (Kind::Release, release.id()?),
        Object::Snapshot(snapshot) => (Kind::Snapshot, snapshot.id()?),
        Object::Origin(origin) => (Kind::Origin, origin.id()?),
        Object::RawExtrinsicMetadata(metadata) => (Kind::RawExtrinsicMetadata, metadata.id()?),
        Object::ExtId(extid) => return extid.id().map(|id| Some((None, id))),
        _ => return Ok(None),
    };
    Ok(Some((Some(kind), id)))
}

fn raw_manifest<'a>(object: &Object<'a>) -> Result<Option<&'a [u8]>, FieldError> {
    match object {
        Object::Revision(revision) => revision.raw_manifest(),
        Object::Release(release) => release.raw_manifest(),
        _ => Ok(None),
    }
}

fn computed(object: &Object<'_>) -> Result<Option<Id>, FieldError> {
    match object {
        Object::Content(content) => content.sha1_git().map(Some),
        Object::HashCollidingContent(content) => content.sha1_git().map(Some),
        Object::Directory(directory) => directory.compute_id(),
        Object::Revision(revision) => revision.compute_id(),
        Object::Release(release) => release.compute_id(),
        Object::Snapshot(snapshot) => snapshot.compute_id(),
        Object::Origin(origin) => origin.compute_id(),
        Object::ExtId(extid) => extid.compute_id(),
        Object::RawExtrinsicMetadata(metadata) => metadata.compute_id(),
        _ => Ok(None),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "object type: checked, identified, anonymised")?;
        for (object_type, checked) in &self.checked {
            let of =
                |counts: &BTreeMap<String, usize>| counts.get(object_type).copied().unwrap_or(0);
            let (identified, anonymised) = (of(&self.identified), of(&self.anonymised));
            writeln!(
                formatter,
                "{object_type}: {checked}, {identified}, {anonymised}"
            )?;
        }
        write!(formatter, "{} mismatches", self.mismatched)?;
        for mismatch in &self.mismatches {
            write!(formatter, "\n{mismatch}")?;
        }
        Ok(())
    }
}
