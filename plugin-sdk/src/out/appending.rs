//! The buffer of an append output.

use serde::Serialize;

use crate::{Failure, RecordError};

/// Concatenated rows, and the end of each.
#[derive(Default)]
pub(super) struct Appending {
    rows: Vec<u8>,
    row_ends: Vec<u32>,
}

/// The size of a buffer at some time.
#[derive(Clone, Copy, Default)]
pub(super) struct Length {
    bytes: usize,
    rows: usize,
}

impl Appending {
    #[inline]
    pub(super) fn push<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<(), RecordError> {
        let start = self.rows.len();
        let mut serializer = rmp_serde::Serializer::new(&mut self.rows).with_struct_map();
        let pushed = row.serialize(&mut serializer);
        let pushed = pushed.map_err(|error| not_encoded(output, &error));
        let ended = pushed.and_then(|()| self.end_row(output, start));
        if ended.is_err() {
            self.rows.truncate(start);
        }
        ended
    }

    #[inline]
    fn end_row(&mut self, output: &str, start: usize) -> Result<(), RecordError> {
        // The first byte of a msgpack map: fixmap, map 16 or map 32.
        if !matches!(self.rows.get(start), Some(0x80..=0x8f | 0xde | 0xdf)) {
            let what = "is not a map: emit a struct or a map with string keys";
            return Err(failure(output, what));
        }
        let Ok(end) = u32::try_from(self.rows.len()) else {
            return Err(failure(output, "does not fit into 4 GiB"));
        };
        self.row_ends.push(end);
        Ok(())
    }

    #[inline]
    pub(super) fn length(&self) -> Length {
        Length {
            bytes: self.rows.len(),
            rows: self.row_ends.len(),
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn cut(&mut self, length: Length) {
        self.rows.truncate(length.bytes);
        self.row_ends.truncate(length.rows);
    }

    /// Passes all rows to `deliver`, if there are any.
    pub(super) fn deliver(&self, mut deliver: impl FnMut(&[u8], &[u32])) {
        if !self.row_ends.is_empty() {
            deliver(&self.rows, &self.row_ends);
        }
    }

    /// Passes the first rows to `deliver`, if there are any, and removes them.
    pub(super) fn deliver_first(&mut self, first: Length, mut deliver: impl FnMut(&[u8], &[u32])) {
        if first.rows == 0 {
            return;
        }
        deliver(&self.rows[..first.bytes], &self.row_ends[..first.rows]);
        self.rows.drain(..first.bytes);
        self.row_ends.drain(..first.rows);
        // The ends are those in a buffer of less than 4 GiB.
        let removed = u32::try_from(first.bytes).unwrap_or(u32::MAX);
        self.row_ends.iter_mut().for_each(|end| *end -= removed);
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.row_ends.clear();
    }
}

#[cold]
fn failure(output: &str, what: &str) -> RecordError {
    Failure::fatal(format!("a row for the output `{output}` {what}")).into()
}

#[cold]
fn not_encoded(output: &str, error: &rmp_serde::encode::Error) -> RecordError {
    RecordError::reject(format!(
        "a row for the output `{output}` cannot be serialized: {error}"
    ))
}
