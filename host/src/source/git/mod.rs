//! Records from a git repository, as upstream's git loader would write them into a journal.
//!
//! The command `git` reads the repository: it knows all that git can, and it is asked so that nothing in a repository
//! makes it do more than read. There are two passes: one process lists all objects with their types and sizes, another
//! hands out the bytes of those that are read.

mod command;
mod content;
mod directory;
mod error;
mod headers;
mod ident;
mod listing;
mod objects;
mod origin;
mod plan;
mod refs;
mod release;
mod repository;
mod revision;
mod stderr;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use sha1::{Digest, Sha1};

use self::content::{Hashed, Hashes};
pub(crate) use self::error::Error;
use self::listing::{Kind, Object};
use self::objects::Question;
use self::plan::{Item, Plan, Single};
use self::repository::LOT;
pub(crate) use self::repository::{Options, Repository};
use self::visit::Visit;
pub(crate) use self::visit::VisitDate;
use super::encoder::Encoder;
use super::local::{Sequence, filled, push};
use super::{BatchLimits, Event, SourceError};
use crate::journal::batch::{Batches, RecordRef, Topic};
use crate::journal::offsets::{Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::privacy::Guard;

/// How long a poll waits for the list of objects at most, so that the worker looks up now and then.
const LISTING_WAIT: Duration = Duration::from_millis(100);

/// The records of a repository.
pub(crate) struct Git {
    repository: Arc<Repository>,
    /// The repository, which stands for its partition.
    partition: Partition,
    topics: Vec<Arc<Topic>>,
    /// What is read in which order, once the objects are listed.
    plan: Option<Plan>,
    /// The visit, once it was needed.
    visit: Option<Visit>,
    /// The number of records that were read.
    position: u64,
    /// The position of the first object that was not asked for.
    asked: u64,
    /// The record at the position, once it is made.
    record: Record,
}

/// A record that was made.
#[derive(Default)]
struct Record {
    is_made: bool,
    key: Encoder,
    value: Encoder,
    /// The bytes of a git object.
    bytes: Vec<u8>,
}

impl Git {
    /// Chooses the topics of the repository that are read.
    ///
    /// # Errors
    /// When there is none of those that are asked for.
    pub(crate) fn open(
        repository: Arc<Repository>,
        subscription: &Subscription,
    ) -> Result<Self, Error> {
        let prefix = &subscription.prefix;
        let name = |object_type: &str| format!("{prefix}.{object_type}");
        let mut names: Vec<String> = plan::OBJECT_TYPES.into_iter().map(name).collect();
        names.extend(subscription.privileged_names());
        let topics = subscription.choose(names.iter().map(String::as_str));
        let topics = topics.map_err(|error| Error::Topics {
            repository: repository.folder.clone(),
            error,
        })?;
        Ok(Self {
            partition: Partition {
                topic: repository.folder.display().to_string().into(),
                number: 0,
            },
            repository,
            topics: topics.into_iter().map(Arc::new).collect(),
            plan: None,
            visit: None,
            position: 0,
            asked: 0,
            record: Record::default(),
        })
    }

    /// The record at the position is done.
    fn advance(&mut self) {
        self.position += 1;
        self.record.is_made = false;
    }

    /// The identifier of the object at the position: of git, or of the snapshot, which is the only other one that may be
    /// large.
    fn id(&self) -> String {
        let at = self.plan.as_ref().and_then(|plan| plan.at(self.position));
        match (at, &self.visit) {
            (Some((_, Item::Object(_, object, _))), _) => headers::digits(&object.id),
            (_, Some(visit)) => headers::digits(&visit.snapshot),
            _ => String::new(),
        }
    }

    /// Makes the record at the position, unless that was done; none at the end.
    fn make(&mut self, limits: BatchLimits) -> Result<Option<Arc<Topic>>, Error> {
        let Some((topic, item)) = self.plan.as_ref().and_then(|plan| plan.at(self.position)) else {
            return Ok(None);
        };
        if self.record.is_made {
            return Ok(Some(topic));
        }
        self.record.key.clear();
        self.record.value.clear();
        match item {
            Item::Object(kind, object, is_skipped) => {
                let bytes = object.size as usize;
                // It is refused before it is read, except for a blob, of which only the hashes are kept.
                if kind != Kind::Blob && bytes > limits.largest_record() {
                    return Err(too_large(headers::digits(&object.id), bytes, limits));
                }
                self.ask();
                let repository = Arc::clone(&self.repository);
                let mut reading = repository.reading();
                self.record.read(
                    &mut reading.objects,
                    kind,
                    object,
                    is_skipped,
                    topic.privileged,
                )?;
            }
            Item::Single(single) => self.make_single(single)?,
        }
        self.record.is_made = true;
        Ok(Some(topic))
    }

    /// Asks for the next objects, so that git works on them while the host works on those before.
    fn ask(&mut self) {
        let Some(plan) = &self.plan else {
            return;
        };
        let mut reading = self.repository.reading();
        let objects = &mut reading.objects;
        self.asked = self.asked.max(self.position);
        if objects.outstanding() > LOT / 2 {
            return;
        }
        let lot: Vec<[u8; 20]> = plan.objects_from(self.asked).take(LOT).collect();
        if !lot.is_empty() {
            self.asked += lot.len() as u64;
            objects.ask(Question::Contents, lot.into_iter());
        }
    }

    /// Makes a record that is no object of git.
    fn make_single(&mut self, single: Single) -> Result<(), Error> {
        if self.visit.is_none()
            && let Some(plan) = &self.plan
        {
            self.visit = Some(self.repository.visit(&plan.listing)?);
        }
        let Some(visit) = &self.visit else {
            return Ok(());
        };
        let (key, value) = (&mut self.record.key, &mut self.record.value);
        match single {
            Single::Snapshot => {
                key.bin(&visit.snapshot);
                visit::write_snapshot(value, &self.repository.branches, &visit.snapshot);
            }
            Single::Origin => {
                visit.write_origin_key(key);
                visit.write_origin(value);
            }
            Single::Visit => {
                visit.write_visit_key(key);
                visit.write_visit(value);
            }
            Single::Created | Single::Ended => {
                visit.write_status_key(key, single == Single::Ended);
                visit.write_status(value, single == Single::Ended);
            }
        }
        Ok(())
    }
}

/// The error about an object that does not fit the guest's memory.
fn too_large(id: String, bytes: usize, limits: BatchLimits) -> Error {
    Error::RecordTooLarge {
        id,
        bytes,
        memory_limit_bytes: limits.memory_limit_bytes,
    }
}

impl Record {
    /// Makes the record of an object from its bytes, which are read.
    fn read(
        &mut self,
        objects: &mut objects::Objects,
        kind: Kind,
        object: Object,
        is_skipped: bool,
        is_whole: bool,
    ) -> Result<(), Error> {
        let id = &object.id;
        let Some((found, size)) = objects.answer()? else {
            return Err(Error::Gone(headers::digits(id)));
        };
        if found != kind {
            return Err(Error::Damaged(headers::digits(id)));
        }
        if kind == Kind::Blob {
            let hashed = hash(objects, size)?;
            check(id, &hashed.sha1_git)?;
            hashed.write_key(&mut self.key);
            hashed.write(&mut self.value, is_skipped);
            return Ok(());
        }
        let Self { bytes, value, .. } = self;
        bytes.clear();
        objects.bytes(|part| bytes.extend_from_slice(part))?;
        let header = [kind.name(), format!(" {size}\0").as_bytes()].concat();
        let hash = Sha1::new().chain_update(&header).chain_update(&*bytes);
        check(id, &hash.finalize().into())?;
        let manifest = || [&header[..], bytes].concat();
        match kind {
            Kind::Tree => directory::write(value, id, bytes, manifest),
            Kind::Tag => release::write(value, id, bytes, is_whole, manifest),
            _ => revision::write(value, id, bytes, is_whole, manifest),
        }
        self.key.bin(id);
        Ok(())
    }
}

/// Refuses an object whose bytes have another identifier.
fn check(id: &[u8; 20], found: &[u8; 20]) -> Result<(), Error> {
    if id == found {
        return Ok(());
    }
    Err(Error::Damaged(headers::digits(id)))
}

/// Reads a blob in parts, of which none is kept.
fn hash(objects: &mut objects::Objects, size: u64) -> Result<Hashed, Error> {
    let mut hashes = Hashes::new(size);
    objects.bytes(|part| hashes.update(part))?;
    Ok(hashes.finish())
}

impl Sequence for Git {
    fn name(&self) -> String {
        self.repository.folder.display().to_string()
    }

    fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.clone()
    }

    fn fill(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        end: Option<u64>,
        mut guard: Option<&mut Guard>,
    ) -> Result<Event, SourceError> {
        if self.plan.is_none() {
            let Some(listing) = self.repository.listing(LISTING_WAIT)? else {
                return Ok(Event::Idle);
            };
            self.plan = Some(Plan::of(listing, &self.topics));
        }
        let mut ended = false;
        while into.records() < limits.records && end.is_none_or(|end| self.position < end) {
            let Some(topic) = self.make(limits)? else {
                ended = true;
                break;
            };
            let record = RecordRef {
                partition: 0,
                offset: self.position,
                timestamp_ms: -1,
                key: self.record.key.bytes(),
                value: self.record.value.bytes(),
            };
            let bytes = record.key.len() + record.value.len();
            if !into.is_empty() && into.bytes() + bytes > limits.bytes {
                break;
            }
            let too_large = |bytes| too_large(self.id(), bytes, limits).into();
            let guard = guard.as_deref_mut();
            push(into, &topic, record, limits, guard, too_large)?;
            self.advance();
        }
        Ok(filled(into, ended))
    }

    fn position(&self) -> u64 {
        self.position
    }

    /// What was asked for is passed over; another source may have asked the process for objects before.
    fn go_to(&mut self, position: u64) -> Result<(), SourceError> {
        self.repository.reading().objects.forget()?;
        self.position = position;
        self.asked = position;
        self.record.is_made = false;
        Ok(())
    }

    fn partitions(&self) -> Vec<Partition> {
        vec![self.partition.clone()]
    }

    fn remaining(&self) -> Remaining {
        self.plan.as_ref().map_or(Remaining::Unknown, |plan| {
            Remaining::Records(plan.records().saturating_sub(self.position))
        })
    }
}
