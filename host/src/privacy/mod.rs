//! What no plugin may see: records of masked objects, and the names of persons.
//!
//! A [`Guard`] stands between the source of a worker and its batches. Everything after it, such as calls, rejections
//! and dead letters, has only what it let through.

mod anonymise;
mod fields;
mod guard;
mod mask;
mod mask_file;
mod scrub;
mod set;
mod subject;
mod swhid;

use std::path::Path;
use std::sync::Arc;

pub(crate) use self::anonymise::Level;
pub(crate) use self::fields::Unreadable;
pub(crate) use self::guard::{Guard, NotPushed};
use self::mask::Mask;
pub(crate) use self::mask_file::MaskError;
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

    /// Reads the mask to its end without keeping it, and answers what [`bytes`](Self::bytes) would be.
    ///
    /// # Errors
    /// When the mask cannot be read.
    pub(crate) fn survey(masked: Option<&Path>) -> Result<usize, MaskError> {
        let bytes = masked.map(mask::survey).transpose()?;
        Ok(bytes.unwrap_or_default().saturating_mul(2))
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

#[cfg(test)]
mod tests;
