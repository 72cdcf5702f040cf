//! What no plugin may see: records of masked objects, and the names of persons.
//!
//! A [`Guard`] stands between the source of a worker and its batches. Everything after it, such as calls, rejections
//! and dead letters, has only what it let through.

mod anonymise;
mod fields;
mod mask;
mod mask_file;
mod scrub;
mod set;
mod subject;
mod swhid;

use std::path::Path;
use std::sync::Arc;

pub(crate) use self::anonymise::Level;
use self::anonymise::{Origin, anonymise, has_persons};
pub(crate) use self::fields::Unreadable;
use self::mask::Mask;
pub(crate) use self::mask_file::MaskError;
use self::set::MaskSet;
use crate::journal::batch::{RecordRef, Topic};
use crate::observe::progress::PrivacyCounts;

/// What all workers of a process hold back.
#[derive(Debug)]
pub(crate) struct Privacy {
    mask: Option<Arc<Mask>>,
    level: Option<Level>,
    counts: Arc<PrivacyCounts>,
}

/// A record that cannot be let through, because it cannot be read. It is named by its position alone.
#[derive(Debug, thiserror::Error)]
#[error("{} the record at `{topic}` partition {partition} offset {offset}", what(*.masking))]
pub(crate) struct Refused {
    topic: String,
    partition: u32,
    offset: u64,
    /// Whether it is not known what the record is of; otherwise where its names are.
    masking: bool,
    #[source]
    source: Unreadable,
}

fn what(masking: bool) -> &'static str {
    if masking {
        "it cannot be known whether an object is masked from"
    } else {
        "cannot anonymise"
    }
}

impl Refused {
    /// Why it cannot be read.
    pub(crate) fn reason(&self) -> &Unreadable {
        &self.source
    }

    /// Whether it is not known what the record is of; otherwise where its names are.
    pub(crate) fn is_about_the_mask(&self) -> bool {
        self.masking
    }
}

impl Privacy {
    /// Loads the mask. None where nothing is held back.
    ///
    /// # Errors
    /// When the mask cannot be read.
    pub(crate) fn load(
        masked: Option<&Path>,
        level: Option<Level>,
    ) -> Result<Option<Arc<Self>>, MaskError> {
        if masked.is_none() && level.is_none() {
            return Ok(None);
        }
        let counts = Arc::new(PrivacyCounts::default());
        let mask = masked.map(|path| Mask::load(path, &counts)).transpose()?;
        if let Some(mask) = &mask {
            let set = mask.current();
            tracing::info!("{} masked objects, in {} bytes", set.len(), set.bytes());
        }
        if level.is_some() {
            counts.show_anonymising();
        }
        Ok(Some(Arc::new(Self {
            mask: mask.map(Arc::new),
            level,
            counts,
        })))
    }

    /// Reads the mask again, from now on, when it changes. This starts a thread.
    pub(crate) fn watch(&self) {
        if let Some(mask) = &self.mask {
            mask.watch();
        }
    }

    /// What was held back so far.
    pub(crate) fn counts(&self) -> &Arc<PrivacyCounts> {
        &self.counts
    }

    /// Whether no record holds names.
    pub(crate) fn anonymises(&self) -> bool {
        self.level.is_some()
    }

    /// The memory of the mask, in bytes: twice, because a new one is read while the old one is in use.
    pub(crate) fn bytes(&self) -> usize {
        let mask = self.mask.as_ref();
        mask.map_or(0, |mask| mask.current().bytes().saturating_mul(2))
    }
}

/// One worker's guard over the records that it reads.
#[derive(Debug)]
pub(crate) struct Guard {
    privacy: Arc<Privacy>,
    set: Option<(Arc<MaskSet>, u64)>,
    /// The last value that was anonymised.
    value: Vec<u8>,
    /// Topics of the source, and what plugins know them as.
    topics: Vec<(Arc<Topic>, Arc<Topic>)>,
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
        }
    }

    /// Takes a mask that was read meanwhile.
    pub(crate) fn refresh(&mut self) {
        let (Some(mask), Some((set, version))) = (&self.privacy.mask, &mut self.set) else {
            return;
        };
        let newest = mask.version();
        if newest != *version {
            *set = mask.current();
            *version = newest;
        }
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
        let RecordRef { key, value, .. } = record;
        if value.is_empty() {
            return Ok(Some(record));
        }
        let refused = |masking, source| Refused {
            topic: topic.name.clone(),
            partition: record.partition,
            offset: record.offset,
            masking,
            source,
        };
        if let Some((mask, _)) = &self.set {
            let masked = subject::is_masked(&topic.object_type, key, value, mask);
            if masked.map_err(|source| refused(true, source))? {
                self.privacy.counts.count_masked();
                return Ok(None);
            }
        }
        let Some(level) = self.privacy.level else {
            return Ok(Some(record));
        };
        if !topic.privileged && !has_persons(&topic.object_type) {
            return Ok(Some(record));
        }
        if self.value.capacity() > KEPT_BYTES {
            self.value = Vec::new();
        }
        let of = Origin {
            object_type: &topic.object_type,
            privileged: topic.privileged,
        };
        anonymise(value, of, level, &mut self.value).map_err(|source| refused(false, source))?;
        self.privacy.counts.count_anonymised();
        Ok(Some(RecordRef {
            value: &self.value,
            ..record
        }))
    }

    /// The record and its topic as plugins get them, or none where the record is masked.
    ///
    /// # Errors
    /// When the record cannot be read, so that nothing says whether it may pass.
    pub(crate) fn pass<'a>(
        &'a mut self,
        topic: &Arc<Topic>,
        record: RecordRef<'a>,
    ) -> Result<Option<(Arc<Topic>, RecordRef<'a>)>, Refused> {
        let shown = self.topic(topic);
        let admitted = self.admit(topic, record)?;
        Ok(admitted.map(|record| (shown, record)))
    }

    /// The topic as plugins know it: with names removed it is no privileged one.
    fn topic(&mut self, topic: &Arc<Topic>) -> Arc<Topic> {
        if self.privacy.level.is_none() || !topic.privileged {
            return Arc::clone(topic);
        }
        let mut known = self.topics.iter();
        if let Some((_, shown)) = known.find(|(known, _)| Arc::ptr_eq(known, topic)) {
            return Arc::clone(shown);
        }
        let shown = Arc::new(Topic {
            privileged: false,
            ..Topic::clone(topic)
        });
        self.topics.push((Arc::clone(topic), Arc::clone(&shown)));
        shown
    }
}

#[cfg(test)]
mod tests;
