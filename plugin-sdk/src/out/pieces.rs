//! Hands the rows of a large record to the host in pieces, while the record may still be rejected.

use super::Out;
use super::appending::Length;
use super::buffer::{Buffer, Held, Rows, Savepoint};

/// When a record has emitted about this much, its rows are handed to the host in pieces. Smaller records stay in the
/// buffers until they end.
pub(super) const PIECE_BYTES: usize = 4 << 20;

/// What is needed to take back the rows of a record that the host has.
#[derive(Default)]
pub(super) struct Crossed {
    /// Whether the host has rows of the current record, or of the one around it.
    pub(super) has_rows: bool,
    /// Merged rows of earlier records that were handed over together with those of the current one: the output, the rows
    /// and their ends.
    merged_before: Vec<(u32, Vec<u8>, Vec<u32>)>,
}

impl Crossed {
    pub(super) fn clear(&mut self) {
        self.has_rows = false;
        self.merged_before.clear();
    }
}

impl Out {
    /// Hands all rows over although a record is open, which can be taken back.
    #[cold]
    pub(super) fn cross(&mut self) {
        let is_first = !std::mem::replace(&mut self.crossed.has_rows, true);
        let (host, record) = (self.host.as_mut(), self.record);
        if is_first {
            for (index, buffer) in (0..).zip(&mut self.outputs) {
                buffer.hand_over_earlier(record, |rows, row_ends| host.emit(index, rows, row_ends));
            }
            host.savepoint();
        }
        for (index, buffer) in (0..).zip(&mut self.outputs) {
            buffer.hand_over(|rows, row_ends| host.emit(index, rows, row_ends));
            if is_first && buffer.savepoint.record == record {
                buffer.rollback_to_savepoint();
                let merged_before = &mut self.crossed.merged_before;
                buffer.hand_over(|rows, row_ends| {
                    merged_before.push((index, rows.to_vec(), row_ends.to_vec()));
                });
            }
            buffer.clear();
            buffer.savepoint = Savepoint {
                record,
                held: buffer.now(true),
            };
        }
        self.pending_bytes = 0;
    }

    /// Takes back the rows of the current record that the host has.
    #[cold]
    pub(super) fn take_back_crossed(&mut self) {
        self.host.rollback();
        for (output, rows, row_ends) in self.crossed.merged_before.drain(..) {
            self.host.emit(output, &rows, &row_ends);
        }
        self.crossed.clear();
    }
}

impl Buffer {
    /// Hands over the rows of earlier records, as far as the buffer distinguishes them: a merged row may be of several.
    fn hand_over_earlier(&mut self, record: u64, deliver: impl FnMut(&[u8], &[u32])) {
        if self.savepoint.record != record {
            self.hand_over(deliver);
            self.clear();
        } else if let (Rows::Appending(appending), Held::Appending(length)) =
            (&mut self.rows, self.savepoint.held)
        {
            appending.deliver_first(length, deliver);
            self.savepoint.held = Held::Appending(Length::default());
        }
    }

    /// Hands over all rows, which stay.
    pub(super) fn hand_over(&self, deliver: impl FnMut(&[u8], &[u32])) {
        match &self.rows {
            Rows::Appending(appending) => appending.deliver(deliver),
            Rows::Merging(merging) => merging.deliver(deliver),
        }
    }
}

/// The functions of the host that take rows.
pub(crate) trait Host {
    /// Takes rows of the output with this index in the plan: the concatenated rows, and the end of each.
    fn emit(&mut self, output: u32, rows: &[u8], row_ends: &[u32]);

    /// Remembers what the call has emitted.
    fn savepoint(&mut self);

    /// Drops what the call has emitted since the savepoint.
    fn rollback(&mut self);
}

/// For tests whose records are small.
#[cfg(test)]
impl<F: FnMut(u32, &[u8], &[u32])> Host for F {
    fn emit(&mut self, output: u32, rows: &[u8], row_ends: &[u32]) {
        self(output, rows, row_ends);
    }

    fn savepoint(&mut self) {
        panic!("no record is large");
    }

    fn rollback(&mut self) {
        panic!("no record is large");
    }
}
