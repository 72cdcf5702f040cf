//! Records from a dataset: the ORC files in which upstream exports the archive's graph.
//!
//! Each row of a main table is a record. Rows of its relations follow the same order in files with the same UUID, so that
//! one pass over all of them makes the records; where they do not, [`sort`] brings them into it first. The partition of a record is the number of its file among those of its
//! table, and its offset is the row: both are the same however many workers read.

mod counts;
mod cursor;
mod error;
mod file;
mod folder;
mod footer;
mod identity;
mod members;
mod related;
mod row;
mod sections;
mod sort;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::counts::Counts;
use self::cursor::Cursor;
pub(crate) use self::error::Error;
pub(crate) use self::folder::{Folder, Options};
use self::folder::{MainFile, digest};
use self::identity::Verdict;
use self::sections::{Section, divide};
pub(crate) use self::sort::SortOptions;
use self::table::Main;
use self::value::Record;
use super::local::{Sequence, Share, filled, push};
use super::{BatchLimits, Damage, Event, SourceError};
use crate::journal::batch::{Batches, RecordRef, Topic};
use crate::journal::offsets::{Offsets, Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::privacy::Guard;
use crate::text::{self, hex};

/// The records of a dataset, or the part of them that one worker reads.
pub(crate) struct Dataset {
    folder: Arc<Folder>,
    topics: Arc<[Arc<Topic>]>,
    /// What tells the list of files from others.
    digest: Arc<str>,
    /// Files in the order in which they are read.
    sections: Vec<Section>,
    /// The section of the position.
    current: usize,
    /// Its files, once they are open.
    cursor: Option<Cursor>,
    /// The number of records that were read or passed over.
    position: u64,
    record: Record,
    /// What is known of the record at the position, once it is made.
    made: Option<Verdict>,
    counts: Arc<Counts>,
    has_ended: bool,
}

impl Dataset {
    /// Chooses the topics of a dataset, and divides its files among workers.
    ///
    /// # Errors
    /// When no table that is asked for is there, one that is out of step cannot be sorted, or a file cannot be read.
    pub(crate) fn open(
        folder: &Arc<Folder>,
        subscription: &Subscription,
        workers: usize,
        share: Share,
    ) -> Result<Vec<Self>, Error> {
        let topics = topics(folder, subscription)?;
        let mut files = Vec::new();
        for main in Main::ALL {
            let topic = topics.iter().find(|topic| topic.object_type == main.name());
            let Some(topic) = topic.filter(|_| folder.has(main)) else {
                continue;
            };
            let own = folder.read(main)?.into_iter();
            files.extend(own.map(|file| (Arc::clone(topic), file)));
        }
        let listed: Vec<MainFile> = files.iter().map(|(_, file)| file.clone()).collect();
        let digest: Arc<str> = digest(&listed).into();
        let topics: Arc<[Arc<Topic>]> = topics.into();
        let shares = share.pick(divide(files, workers.saturating_mul(share.of)));
        let counts = Arc::new(Counts::new(shares.len()));
        let part = |sections: Vec<Section>| Self {
            folder: Arc::clone(folder),
            topics: Arc::clone(&topics),
            digest: Arc::clone(&digest),
            sections,
            current: 0,
            cursor: None,
            position: 0,
            record: Record::default(),
            made: None,
            counts: Arc::clone(&counts),
            has_ended: false,
        };
        Ok(shares.into_iter().map(part).collect())
    }

    /// Makes the record at the position, unless that was done; none at the end.
    fn make(&mut self) -> Result<Option<&Section>, Error> {
        while let Some(section) = self.sections.get_mut(self.current) {
            let row = section.row_at(self.position);
            if row >= section.file.rows {
                if let Some(mut cursor) = self.cursor.take() {
                    for related in &mut cursor.related {
                        related.check_end(section.file.table)?;
                    }
                }
                self.current += 1;
                continue;
            }
            if self.made.is_none() {
                let cursor = match &mut self.cursor {
                    Some(cursor) => cursor,
                    none => none.insert(Cursor::open(&section.file, row, &mut section.marks)?),
                };
                if !cursor.rows.has_row()? {
                    return Err(Error::File {
                        file: section.file.path.clone(),
                        reason: "it has fewer rows than its footer says".to_owned(),
                    });
                }
                let (rows, related) = (&cursor.rows, &mut cursor.related[..]);
                let verdict = self.record.make(section.file.table, rows, related)?;
                self.made = Some(verdict);
                if self.record.derives_zone() {
                    self.counts.note_derived_zone(&section.file);
                }
            }
            return Ok(self.sections.get(self.current));
        }
        Ok(None)
    }

    /// What is wrong with the record at the position, if its object is damaged.
    fn damage(&self) -> Option<Damage> {
        let section = self.sections.get(self.current)?;
        (self.made == Some(Verdict::Mismatch)).then(|| Damage {
            swhid: format!(
                "swh:1:{}:{}",
                section.file.table.swhid_code(),
                hex(&self.record.id)
            ),
            file: section.file.path.clone(),
            row: section.row_at(self.position),
        })
    }

    /// The record at the position is done.
    fn advance(&mut self) {
        let Some(section) = self.sections.get_mut(self.current) else {
            return;
        };
        let row = section.row_at(self.position);
        if let Some(verdict) = self.made.take()
            // What is read again is not counted again.
            && row >= section.counted
        {
            section.counted = row + 1;
            self.counts.add(section.file.table, verdict);
        }
        if let Some(cursor) = &mut self.cursor {
            cursor.advance(&mut section.marks);
        }
        self.position += 1;
    }
}

/// The topics that are read. An export is anonymised, so that none is privileged.
fn topics(folder: &Folder, subscription: &Subscription) -> Result<Vec<Arc<Topic>>, Error> {
    let name = |main: Main| format!("{}.{}", subscription.prefix, main.name());
    let names = Main::ALL.map(name);
    let topics = subscription.choose(names.iter().map(String::as_str));
    let topics = topics.map_err(|error| Error::Topics {
        folder: folder.path.clone(),
        error,
    })?;
    let is_chosen = |main: &Main| topics.iter().any(|topic| topic.object_type == main.name());
    let chosen = Main::ALL.into_iter().filter(is_chosen);
    let (found, missing): (Vec<Main>, Vec<Main>) = chosen.partition(|main| folder.has(*main));
    let tables = || text::list(missing.iter().map(|main| main.name()));
    if found.is_empty() {
        return Err(Error::NothingToRead {
            folder: folder.path.clone(),
            tables: tables(),
        });
    }
    if !missing.is_empty() {
        tracing::warn!(
            "tables that the dataset does not have, of which no record is read: {}",
            tables()
        );
    }
    let is_there = |topic: &Topic| found.iter().any(|main| main.name() == topic.object_type);
    let topics = topics.into_iter().filter(is_there);
    Ok(topics.map(Arc::new).collect())
}

impl Sequence for Dataset {
    fn name(&self) -> String {
        self.folder.path.display().to_string()
    }

    fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.to_vec()
    }

    fn fill(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        end: Option<u64>,
        mut guard: Option<&mut Guard>,
    ) -> Result<Event, SourceError> {
        let mut ended = false;
        while into.records() < limits.records && end.is_none_or(|end| self.position < end) {
            let position = self.position;
            let Some(section) = self.make()? else {
                ended = true;
                break;
            };
            let (topic, partition) = (Arc::clone(&section.topic), section.file.number);
            let offset = section.row_at(position);
            let record = RecordRef {
                partition,
                offset,
                timestamp_ms: -1,
                key: self.record.key.bytes(),
                value: self.record.value.bytes(),
            };
            let bytes = record.key.len() + record.value.len();
            let damage = self.damage();
            let is_alone = damage.is_some() || into.bytes() + bytes > limits.bytes;
            if !into.is_empty() && is_alone {
                break;
            }
            let too_large = |bytes| {
                let error = Error::RecordTooLarge {
                    file: self.sections[self.current].file.path.clone(),
                    row: offset,
                    bytes,
                    memory_limit_bytes: limits.memory_limit_bytes,
                };
                error.into()
            };
            let guard = guard.as_deref_mut();
            push(into, &topic, record, limits, guard, too_large)?;
            self.advance();
            if let Some(damage) = damage.filter(|_| !into.is_empty()) {
                return Ok(Event::Damaged(damage));
            }
        }
        let event = filled(into, ended);
        if event == Event::End && !std::mem::replace(&mut self.has_ended, true) {
            self.counts.end();
        }
        Ok(event)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn go_to(&mut self, position: u64) -> Result<(), SourceError> {
        if position != self.position || self.cursor.is_none() {
            self.cursor = None;
            self.made = None;
            self.position = position;
            let is_before = |section: &Section| section.end() <= position;
            self.current = self.sections.partition_point(is_before);
        }
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let end = self.sections.last().map_or(0, Section::end);
        Remaining::Records(end.saturating_sub(self.position))
    }

    fn partitions(&self) -> Vec<Partition> {
        let partitions = self.sections.iter();
        partitions
            .map(|section| section.partition.clone())
            .collect()
    }

    fn start_at(&mut self, offsets: &Offsets) -> Result<(), SourceError> {
        sections::start_at(&mut self.sections, offsets);
        self.go_to(0)
    }

    fn offsets(&self, position: u64) -> Offsets {
        sections::offsets(&self.sections, position)
    }

    fn position_of(&self, offsets: &Offsets) -> Option<u64> {
        Some(sections::position_of(&self.sections, offsets))
    }

    fn data_digest(&self) -> Option<Vec<u8>> {
        Some(self.digest.as_bytes().to_vec())
    }
}
