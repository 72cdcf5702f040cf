//! The records of one call.

mod record;

use crate::{Failure, Out, RecordError};

pub use record::{DecodeError, Record};

/// The columns of one batch as they come from the host. Columns that the plan does not ask for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawBatch {
    pub(crate) object_type: String,
    pub(crate) privileged: bool,
    pub(crate) records: u32,
    pub(crate) values: Vec<u8>,
    pub(crate) value_ends: Vec<u32>,
    pub(crate) keys: Vec<u8>,
    pub(crate) key_ends: Vec<u32>,
    pub(crate) partitions: Vec<u32>,
    pub(crate) offsets: Vec<u64>,
    pub(crate) timestamps: Vec<i64>,
}

/// The records of one call: one [`Batch`] for each object type.
///
/// Most processors call [`each`](Self::each) or one of its variants for an object type. To handle errors yourself,
/// iterate:
///
/// ```
/// use journal_plugin_sdk::{Batches, Out};
///
/// fn process(batches: &Batches<'_>, out: &mut Out) {
///     for batch in batches {
///         for record in batch.records() {
///             if record.value_len() > 1_000_000 {
///                 out.reject(&record, "larger than a megabyte");
///             }
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    batches: &'a [RawBatch],
}

impl<'a> Batches<'a> {
    pub(crate) fn new(batches: &'a [RawBatch]) -> Self {
        Self { batches }
    }

    /// Calls `handle` for every record.
    ///
    /// If `handle` returns a rejection (`?` on any error, or [`reject!`](crate::reject)), only that record is rejected:
    /// its rows are discarded, and the next record follows. Inside another `each`, the rows are also discarded if the
    /// outer record is rejected.
    ///
    /// # Errors
    /// If `handle` returns a [`Failure`], no other record follows. The call then fails even if you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// batches.each(out, |record, out| {
    ///     let key: std::collections::BTreeMap<&str, &str> = record.decode_key()?;
    ///     out.emit(&key)
    /// })
    /// # }
    /// ```
    pub fn each<F>(&self, out: &mut Out, mut handle: F) -> Result<(), Failure>
    where
        F: FnMut(Record<'a>, &mut Out) -> Result<(), RecordError>,
    {
        for batch in self {
            for record in batch.records() {
                record.handle_with(out, |out| handle(record, out))?;
            }
        }
        Ok(())
    }

    /// The batches, one for each object type.
    ///
    /// ```
    /// use journal_plugin_sdk::Batches;
    ///
    /// fn has_revisions(batches: &Batches<'_>) -> bool {
    ///     batches.iter().any(|batch| batch.object_type() == "revision")
    /// }
    /// ```
    #[must_use]
    pub fn iter(&self) -> BatchIter<'a> {
        BatchIter {
            batches: self.batches.iter(),
            index: 0,
        }
    }

    /// The number of records in all batches.
    ///
    /// ```
    /// use journal_plugin_sdk::Batches;
    ///
    /// fn average_per_batch(batches: &Batches<'_>) -> usize {
    ///     batches.records() / batches.iter().count().max(1)
    /// }
    /// ```
    #[must_use]
    pub fn records(&self) -> usize {
        self.iter().map(|batch| batch.len()).sum()
    }
}

impl<'a> IntoIterator for &Batches<'a> {
    type Item = Batch<'a>;
    type IntoIter = BatchIter<'a>;

    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

/// An iterator over batches, created by [`Batches::iter`].
///
/// ```
/// use journal_plugin_sdk::Batches;
///
/// fn first_type<'a>(batches: &Batches<'a>) -> Option<&'a str> {
///     Some(batches.iter().next()?.object_type())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BatchIter<'a> {
    batches: std::slice::Iter<'a, RawBatch>,
    index: u32,
}

impl<'a> Iterator for BatchIter<'a> {
    type Item = Batch<'a>;

    fn next(&mut self) -> Option<Batch<'a>> {
        let raw = self.batches.next()?;
        let index = self.index;
        self.index += 1;
        Some(Batch { raw, index })
    }
}

/// Records of one object type. Those of one partition are in the order of their offsets.
///
/// ```
/// use journal_plugin_sdk::Batch;
///
/// fn average_size(batch: &Batch<'_>) -> u64 {
///     batch.value_bytes() / (batch.len() as u64).max(1)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    raw: &'a RawBatch,
    index: u32,
}

impl<'a> Batch<'a> {
    /// The object type, such as `revision`.
    ///
    /// ```
    /// # use journal_plugin_sdk::Batches;
    /// fn types<'a>(batches: &Batches<'a>) -> Vec<&'a str> {
    ///     batches.iter().map(|batch| batch.object_type()).collect()
    /// }
    /// ```
    #[must_use]
    pub fn object_type(&self) -> &'a str {
        &self.raw.object_type
    }

    /// Whether the records come from a privileged topic, which is not anonymised.
    ///
    /// ```
    /// use journal_plugin_sdk::Batch;
    ///
    /// fn has_real_names(batch: &Batch<'_>) -> bool {
    ///     batch.object_type() == "revision" && batch.privileged()
    /// }
    /// ```
    #[must_use]
    pub fn privileged(&self) -> bool {
        self.raw.privileged
    }

    /// The number of records, tombstones included.
    ///
    /// ```
    /// use journal_plugin_sdk::Batch;
    ///
    /// fn objects(batch: &Batch<'_>) -> usize {
    ///     batch.len() - batch.tombstones()
    /// }
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.records as usize
    }

    /// Whether there is no record.
    ///
    /// ```
    /// # use journal_plugin_sdk::Batches;
    /// fn filled(batches: &Batches<'_>) -> usize {
    ///     batches.iter().filter(|batch| !batch.is_empty()).count()
    /// }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.records == 0
    }

    /// The total size of the values, in bytes.
    ///
    /// # Panics
    /// If the plan asks neither for [`Column::Values`](crate::Column::Values) nor for
    /// [`Column::ValueEnds`](crate::Column::ValueEnds).
    ///
    /// ```
    /// # use journal_plugin_sdk::Batches;
    /// fn bytes(batches: &Batches<'_>) -> u64 {
    ///     batches.iter().map(|batch| batch.value_bytes()).sum()
    /// }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn value_bytes(&self) -> u64 {
        self.value_ends().last().copied().unwrap_or(0).into()
    }

    /// The number of records without a value.
    ///
    /// # Panics
    /// If the plan asks neither for [`Column::Values`](crate::Column::Values) nor for
    /// [`Column::ValueEnds`](crate::Column::ValueEnds).
    ///
    /// ```
    /// # use journal_plugin_sdk::Batches;
    /// fn deleted(batches: &Batches<'_>) -> usize {
    ///     batches.iter().map(|batch| batch.tombstones()).sum()
    /// }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn tombstones(&self) -> usize {
        let ends = self.value_ends();
        let first = usize::from(ends.first() == Some(&0));
        first + ends.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }

    /// An iterator over the records.
    ///
    /// ```
    /// # use journal_plugin_sdk::Batch;
    /// fn largest(batch: &Batch<'_>) -> Option<usize> {
    ///     batch.records().map(|record| record.value_len()).max()
    /// }
    /// ```
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records {
            raw: self.raw,
            batch: self.index,
            next: 0,
        }
    }

    #[track_caller]
    fn value_ends(&self) -> &'a [u32] {
        if self.raw.value_ends.is_empty() && !self.is_empty() {
            missing("value-ends");
        }
        &self.raw.value_ends
    }
}

/// An iterator over the records of a batch, created by [`Batch::records`].
///
/// ```
/// # use journal_plugin_sdk::Batch;
/// fn sizes(batch: &Batch<'_>) -> Vec<usize> {
///     batch.records().map(|record| record.value_len()).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Records<'a> {
    raw: &'a RawBatch,
    batch: u32,
    next: u32,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        if self.next == self.raw.records {
            return None;
        }
        let index = self.next;
        self.next += 1;
        Some(Record {
            raw: self.raw,
            batch: self.batch,
            index,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.raw.records - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}

#[cold]
#[inline(never)]
#[track_caller]
fn missing(column: &str) -> ! {
    panic!("the column `{column}` was not asked for: name it in the plan's columns")
}

#[cfg(test)]
mod tests;
