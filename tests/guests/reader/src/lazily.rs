//! Reads with the lazy views of the SDK.

use journal_plugin_sdk::{
    Content, Date, Directory, EntryType, FieldError, Id, Metadata, Object, Origin, OriginVisit,
    OriginVisitStatus, Person, Release, Revision, Snapshot, Target, Timestamp,
};

use crate::Checksum;

/// Reads every field.
#[inline]
pub(crate) fn fields(
    object_type: &str,
    value: &[u8],
    sum: &mut Checksum,
) -> Result<(), FieldError> {
    match Object::new(object_type, value)? {
        Object::Content(content) => read_content(&content, sum),
        Object::Directory(directory) => read_directory(&directory, sum),
        Object::Revision(revision) => read_revision(&revision, sum),
        Object::Release(release) => read_release(&release, sum),
        Object::Snapshot(snapshot) => read_snapshot(&snapshot, sum),
        Object::Origin(origin) => read_origin(&origin, sum),
        Object::OriginVisit(visit) => read_visit(&visit, sum),
        Object::OriginVisitStatus(status) => read_status(&status, sum),
        // The recording has no others.
        _ => Ok(()),
    }
}

/// Reads months of revisions and extensions of files.
#[inline]
pub(crate) fn months(
    object_type: &str,
    value: &[u8],
    sum: &mut Checksum,
) -> Result<(), FieldError> {
    match object_type {
        Revision::OBJECT_TYPE => {
            if let Some(date) = Revision::new(value).committer_date()? {
                sum.month(&date);
            }
        }
        Directory::OBJECT_TYPE => {
            for entry in Directory::new(value).entries()? {
                let entry = entry?;
                if entry.entry_type == EntryType::File {
                    sum.extension(entry.name);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn read_content(content: &Content<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.bytes(content.sha1()?);
    sum.bytes(&content.sha1_git()?.0);
    sum.bytes(content.sha256()?);
    sum.bytes(content.blake2s256()?);
    sum.number(content.length()?);
    sum.bytes(content.status()?.as_str().as_bytes());
    sum.optional(content.data()?);
    add_time(content.ctime()?, sum);
    Ok(())
}

fn read_directory(directory: &Directory<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    for entry in directory.entries()? {
        let entry = entry?;
        sum.bytes(entry.name);
        sum.bytes(entry.entry_type.as_str().as_bytes());
        sum.bytes(&entry.target.0);
        sum.number(entry.perms.into());
    }
    sum.bytes(&directory.id()?.0);
    sum.optional(directory.raw_manifest()?);
    Ok(())
}

fn read_revision(revision: &Revision<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.optional(revision.message()?);
    add_person(revision.author()?, sum);
    add_person(revision.committer()?, sum);
    add_date(revision.date()?, sum);
    add_date(revision.committer_date()?, sum);
    sum.bytes(revision.revision_type()?.as_str().as_bytes());
    sum.bytes(&revision.directory()?.0);
    sum.number(revision.synthetic()?.into());
    add_metadata(revision.metadata()?.as_ref(), sum);
    for parent in revision.parents()? {
        sum.bytes(&parent?.0);
    }
    sum.bytes(&revision.id()?.0);
    for header in revision.extra_headers()? {
        let (name, value) = header?;
        sum.bytes(name);
        sum.bytes(&value);
    }
    sum.optional(revision.raw_manifest()?);
    Ok(())
}

fn read_release(release: &Release<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.bytes(release.name()?);
    sum.optional(release.message()?);
    add_id(release.target()?, sum);
    sum.bytes(release.target_type()?.name().as_bytes());
    sum.number(release.synthetic()?.into());
    add_person(release.author()?, sum);
    add_date(release.date()?, sum);
    sum.bytes(&release.id()?.0);
    add_metadata(release.metadata()?.as_ref(), sum);
    sum.optional(release.raw_manifest()?);
    Ok(())
}

fn read_snapshot(snapshot: &Snapshot<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    for branch in snapshot.branches()? {
        let branch = branch?;
        sum.bytes(branch.name);
        match branch.target {
            Some(Target::Object(kind, id)) => {
                sum.bytes(&id.0);
                sum.bytes(kind.name().as_bytes());
            }
            Some(Target::Alias(name)) => {
                sum.bytes(name);
                sum.bytes(b"alias");
            }
            None => {}
        }
    }
    sum.bytes(&snapshot.id()?.0);
    Ok(())
}

fn read_origin(origin: &Origin<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.bytes(origin.url()?.as_bytes());
    sum.bytes(&origin.id()?.0);
    Ok(())
}

fn read_visit(visit: &OriginVisit<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.bytes(visit.origin()?.as_bytes());
    add_time(Some(visit.date()?), sum);
    sum.bytes(visit.visit_type()?.as_bytes());
    sum.number(visit.visit()?.unwrap_or(0));
    Ok(())
}

fn read_status(status: &OriginVisitStatus<'_>, sum: &mut Checksum) -> Result<(), FieldError> {
    sum.bytes(status.origin()?.as_bytes());
    sum.number(status.visit()?);
    add_time(Some(status.date()?), sum);
    sum.bytes(status.status()?.as_str().as_bytes());
    add_id(status.snapshot()?, sum);
    sum.optional(status.visit_type()?.map(str::as_bytes));
    add_metadata(status.metadata()?.as_ref(), sum);
    Ok(())
}

#[inline]
fn add_id(id: Option<Id>, sum: &mut Checksum) {
    sum.optional(id.as_ref().map(|id| &id.0[..]));
}

#[inline]
fn add_time(time: Option<Timestamp>, sum: &mut Checksum) {
    if let Some(time) = time {
        sum.signed(time.seconds());
        sum.number(time.nanoseconds().into());
    }
}

#[inline]
fn add_person(person: Option<Person<'_>>, sum: &mut Checksum) {
    if let Some(person) = person {
        sum.bytes(&person.fullname);
        sum.optional(person.name.as_deref());
        sum.optional(person.email.as_deref());
    }
}

#[inline]
fn add_date(date: Option<Date<'_>>, sum: &mut Checksum) {
    if let Some(date) = date {
        sum.signed(date.seconds());
        sum.number(date.microseconds().into());
        sum.bytes(date.offset_bytes());
    }
}

/// Metadata is a free-form map: both readers skip it and know whether it is there.
#[inline]
fn add_metadata(metadata: Option<&Metadata<'_>>, sum: &mut Checksum) {
    sum.number(metadata.is_some().into());
}
