//! One worker's guard over the records that it reads.

use std::sync::Arc;

use super::anonymise::{Origin, anonymise, has_persons};
use super::fields::Unreadable;
use super::set::{MaskSet, Middle};
use super::subject::{self, Way};
use super::{Privacy, Refused};
use crate::journal::batch::{Batches, RecordRef, Removed, TooLarge, Topic};

/// Why a record is not added to a batch, though it is not masked.
#[derive(Debug)]
pub(crate) enum NotPushed {
    /// It cannot be read, so that nothing says whether it may pass.
    Refused(Refused),
    /// It is larger than a record may be: the bytes of its key and its value.
    TooLarge(usize),
    /// The batch takes no more.
    Batch(TooLarge),
}

impl From<Refused> for NotPushed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// One worker's guard over the records that it reads.
///
/// A source pushes its records between [`begin`](Self::begin) and [`finish`](Self::finish). What the keys of a poll's
/// records say is looked up at its end, for all records of a topic one after the other: the processor then waits for
/// several words of a large filter at a time.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(super) privacy: Arc<Privacy>,
    set: Option<(Arc<MaskSet>, u64)>,
    /// The last value that was anonymised.
    value: Vec<u8>,
    topics: Vec<Known>,
    /// The index of the topic of the record before.
    last: usize,
    /// Records of this poll that may be masked; empty between polls, as all that follows.
    suspects: Vec<Check>,
    masked: u64,
    anonymised: u64,
}

/// A topic of the source.
#[derive(Debug)]
struct Known {
    topic: Arc<Topic>,
    /// The topic as plugins know it: with names removed it is no privileged one.
    shown: Arc<Topic>,
    /// How its masked records are found.
    way: Way,
    /// Whether its values may hold names that are removed.
    has_names: bool,
    /// The records of this poll that passed.
    passed: u32,
    /// Those of them whose keys are looked up at the end of the poll.
    checks: Vec<Check>,
}

/// A record whose key is looked up at the end of the poll.
#[derive(Clone, Copy, Debug)]
struct Check {
    middle: Middle,
    /// Its index in its batch.
    index: u32,
    /// The size of its value, which the batch may not have.
    value_bytes: u32,
}

/// The size of the buffer for one value that is kept, in bytes.
const KEPT_BYTES: usize = 1 << 20;

impl Guard {
    /// A guard of what is held back.
    pub(crate) fn new(privacy: &Arc<Privacy>) -> Self {
        let mask = privacy.mask.as_ref();
        Self {
            privacy: Arc::clone(privacy),
            set: mask.map(|mask| (mask.current(), mask.version())),
            value: Vec::new(),
            topics: Vec::new(),
            last: 0,
            suspects: Vec::new(),
            masked: 0,
            anonymised: 0,
        }
    }

    /// Begins a poll whose batches are empty, with the newest mask.
    pub(crate) fn begin(&mut self) {
        if let (Some(mask), Some((set, version))) = (&self.privacy.mask, &mut self.set) {
            let newest = mask.version();
            if newest != *version {
                *set = mask.current();
                *version = newest;
                for known in &mut self.topics {
                    known.way = Way::of(&known.topic.object_type, set);
                }
            }
        }
        for known in &mut self.topics {
            known.passed = 0;
            known.checks.clear();
        }
    }

    /// Adds the record to `into`, with its topic as plugins know it, unless it is masked. A tombstone passes: it says
    /// that an object is gone. A record that may be masked is in `into` until the poll is finished.
    ///
    /// # Errors
    /// When the record cannot be read, so that nothing says whether it may pass, or has more than `largest` bytes.
    pub(crate) fn push(
        &mut self,
        into: &mut Batches,
        topic: &Arc<Topic>,
        record: RecordRef<'_>,
        largest: usize,
    ) -> Result<(), NotPushed> {
        let own = self.index_of(topic);
        let Self { set, topics, .. } = self;
        let set = &*set;
        let known = &mut topics[own];
        let is_masked = |record| match set {
            Some((mask, _)) => is_masked(topic, record, mask),
            None => Ok(false),
        };
        let mut middle = None;
        let mut passing = record;
        if !record.value.is_empty() {
            if !known.has_names {
                // Names are removed only from records that pass.
                middle = known.way.middle(record.key);
            }
            if middle.is_none() && known.way.is_needed() && is_masked(record)? {
                self.masked += 1;
                return Ok(());
            }
            if known.has_names {
                let level = self.privacy.level;
                passing.value = without_names(topic, record, level, &mut self.value)?;
                self.anonymised += u64::from(level.is_some());
            }
        }
        let bytes = passing.key.len() + passing.value.len();
        if bytes > largest {
            // A masked record may have any size.
            if middle.is_some() && is_masked(record)? {
                self.masked += 1;
                return Ok(());
            }
            return Err(NotPushed::TooLarge(bytes));
        }
        into.push(&known.shown, passing).map_err(NotPushed::Batch)?;
        if let Some(middle) = middle {
            known.checks.push(Check {
                middle,
                index: known.passed,
                // A batch takes no larger one.
                value_bytes: u32::try_from(passing.value.len()).unwrap_or(u32::MAX),
            });
        }
        known.passed += 1;
        Ok(())
    }

    /// Finishes a poll: removes what is masked from `into`, and counts.
    pub(crate) fn finish(&mut self, into: &mut Batches) {
        if let Some((set, _)) = &self.set {
            for known in &self.topics {
                let may_be_masked = |check: &&Check| known.way.may_be_masked(check.middle, set);
                let suspects = known.checks.iter().filter(may_be_masked);
                self.suspects.extend(suspects.copied());
                if self.suspects.is_empty() {
                    continue;
                }
                let batch = into.of(&known.shown);
                self.suspects.retain(|check| {
                    let key = batch.and_then(|batch| batch.key(check.index as usize));
                    key.is_none_or(|key| known.way.is_masked(key, set))
                });
                let removed = self.suspects.drain(..).map(|check| Removed {
                    index: check.index as usize,
                    value_bytes: check.value_bytes,
                });
                let removed: Vec<_> = removed.collect();
                // Most suspects are none, and a batch that stays whole is not gone through.
                if removed.is_empty() {
                    continue;
                }
                self.masked += removed.len() as u64;
                into.remove(&known.shown, &removed);
            }
        }
        let counts = &self.privacy.counts;
        counts.count_masked(std::mem::take(&mut self.masked));
        counts.count_anonymised(std::mem::take(&mut self.anonymised));
    }

    /// The record as it passes, or none where the record is masked. A tombstone passes: it says that an object is gone.
    ///
    /// # Errors
    /// When the record cannot be read, so that nothing says whether it may pass.
    pub(crate) fn admit<'a>(
        &'a mut self,
        topic: &Topic,
        record: RecordRef<'a>,
    ) -> Result<Option<RecordRef<'a>>, Refused> {
        if record.value.is_empty() {
            return Ok(Some(record));
        }
        if let Some((mask, _)) = &self.set
            && is_masked(topic, record, mask)?
        {
            self.privacy.counts.count_masked(1);
            return Ok(None);
        }
        if self.privacy.level.is_none() || !holds_names(topic) {
            return Ok(Some(record));
        }
        let value = without_names(topic, record, self.privacy.level, &mut self.value)?;
        self.privacy.counts.count_anonymised(1);
        Ok(Some(RecordRef { value, ..record }))
    }

    /// The index of a topic of the source.
    fn index_of(&mut self, topic: &Arc<Topic>) -> usize {
        let is_it = |known: &Known| Arc::ptr_eq(&known.topic, topic);
        if self.topics.get(self.last).is_some_and(is_it) {
            return self.last;
        }
        let index = self.topics.iter().position(is_it);
        self.last = index.unwrap_or_else(|| {
            self.topics.push(self.know(topic));
            self.topics.len() - 1
        });
        self.last
    }

    fn know(&self, topic: &Arc<Topic>) -> Known {
        let anonymises = self.privacy.level.is_some();
        let shown = if anonymises && topic.privileged {
            Arc::new(Topic {
                privileged: false,
                ..Topic::clone(topic)
            })
        } else {
            Arc::clone(topic)
        };
        Known {
            topic: Arc::clone(topic),
            shown,
            way: self
                .set
                .as_ref()
                .map_or(Way::NONE, |(set, _)| Way::of(&topic.object_type, set)),
            has_names: anonymises && holds_names(topic),
            passed: 0,
            checks: Vec::new(),
        }
    }
}

/// Whether values of this topic may hold names that can be removed, or must not pass because it is not known where.
fn holds_names(topic: &Topic) -> bool {
    topic.privileged || has_persons(&topic.object_type)
}

fn is_masked(topic: &Topic, record: RecordRef<'_>, mask: &MaskSet) -> Result<bool, Refused> {
    subject::is_masked(&topic.object_type, record.key, record.value, mask)
        .map_err(|source| refused(topic, record, true, source))
}

/// The value of a record without names; `buffer` has it where it differs.
fn without_names<'a>(
    topic: &Topic,
    record: RecordRef<'a>,
    level: Option<super::Level>,
    buffer: &'a mut Vec<u8>,
) -> Result<&'a [u8], Refused> {
    let Some(level) = level else {
        return Ok(record.value);
    };
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
    let of = Origin {
        object_type: &topic.object_type,
        privileged: topic.privileged,
    };
    anonymise(record.value, of, level, buffer)
        .map_err(|source| refused(topic, record, false, source))?;
    Ok(buffer)
}

fn refused(topic: &Topic, record: RecordRef<'_>, masking: bool, source: Unreadable) -> Refused {
    Refused {
        topic: topic.name.clone(),
        partition: record.partition,
        offset: record.offset,
        masking,
        source,
    }
}
