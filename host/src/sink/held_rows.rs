//! The one buffer of a worker's rows: what calls emitted since the last checkpoint.

mod encoding;
mod stream;

use self::encoding::{Looks, Refused, each_row, encode};
use self::stream::Count;
pub use self::stream::Stream;
use super::aggregate::{Accounting, Merging};
use super::{Encoder, RowError};
use crate::journal::plan::Output;

/// Memory of one stream that is kept from one checkpoint to the next, in bytes: enough for the usual checkpoint,
/// which is due at 16 MiB.
pub(super) const KEPT_CAPACITY: usize = 32 << 20;

/// Memory for rows that are only checked, kept from one to the next, in bytes.
const KEPT_SCRATCH: usize = 1 << 16;

/// An output of the plan with the sink that it is bound to.
pub struct BoundOutput<'a> {
    /// The output.
    pub output: &'a Output,
    /// The number of the sink.
    pub sink: usize,
    /// The number of the stream in this sink.
    pub stream: usize,
    /// The sink's encoder for its rows.
    pub encoder: Box<dyn Encoder>,
}

/// Limits on the memory of held rows.
#[derive(Clone, Copy, Debug)]
pub struct RowLimits {
    /// Encoded bytes that one call may emit.
    pub call_bytes: usize,
    /// The most encoded bytes ever held, where the memory of the process is limited. Room for them is asked for at
    /// once, which costs nothing before it is used: growing step by step would leave as much again with the
    /// allocator. Nothing is kept from one checkpoint to the next then.
    pub most_bytes: Option<usize>,
}

/// What the calls since the last checkpoint emitted.
///
/// Rows pass through three states. *Emitted* rows belong to a call that has not returned:
/// [`rollback_call`](Self::rollback_call) drops them, [`end_call`](Self::end_call) makes them *held*.
/// [`seal`](Self::seal) encodes merged rows, and then [`streams`](Self::streams) has all rows of the checkpoint, which
/// [`clear`](Self::clear) drops.
pub struct HeldRows {
    outputs: Vec<HeldOutput>,
    /// By sink, and by the sink's own number of the stream.
    streams: Vec<Vec<Stream>>,
    limits: RowLimits,
    accounting: Accounting,
    /// For rows that are only checked.
    scratch: Vec<u8>,
}

/// One output.
struct HeldOutput {
    name: String,
    sink: usize,
    stream: usize,
    encoder: Box<dyn Encoder>,
    /// Where rows with the same key are merged.
    merging: Option<Merging>,
    rows: Count,
    /// Their encoded bytes; those of merged rows once they are sealed.
    bytes: Count,
}

impl Default for HeldRows {
    /// A buffer without an output, which refuses every row.
    fn default() -> Self {
        let limits = RowLimits {
            call_bytes: 0,
            most_bytes: None,
        };
        Self::new(Vec::new(), limits)
    }
}

impl HeldRows {
    /// An empty buffer for these outputs, in the order of the plan.
    #[must_use]
    pub fn new(outputs: Vec<BoundOutput<'_>>, limits: RowLimits) -> Self {
        let mut streams: Vec<Vec<Stream>> = Vec::new();
        for bound in &outputs {
            at_least(&mut streams, bound.sink + 1);
            at_least(&mut streams[bound.sink], bound.stream + 1);
        }
        let outputs = outputs.into_iter().map(HeldOutput::new).collect();
        Self {
            outputs,
            streams,
            accounting: Accounting::of(limits),
            limits,
            scratch: Vec::new(),
        }
    }

    /// Takes rows of the call at work: msgpack maps, end to end, and the end of each. On an error the call has to be
    /// rolled back.
    ///
    /// # Errors
    /// When a row cannot be represented, the ends do not fit the rows, or the call emits too much.
    pub fn emit(&mut self, output: usize, rows: &[u8], ends: &[u32]) -> Result<(), RowError> {
        self.emit_while(output, rows, ends, || true)
    }

    /// As [`emit`](Self::emit), as long as `go_on` says so, which is asked once for each thousand rows and for each 256
    /// KiB of rows.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit), and when `go_on` ends it.
    pub fn emit_while(
        &mut self,
        output: usize,
        rows: &[u8],
        ends: &[u32],
        go_on: impl FnMut() -> bool,
    ) -> Result<(), RowError> {
        let declared = self.outputs.len();
        let merges = match self.outputs.get(output) {
            Some(held) => held.merging.is_some(),
            None => return Err(RowError::UnknownOutput { output, declared }),
        };
        if merges {
            self.merge(output, rows, ends, go_on)
        } else {
            self.append(output, rows, ends, go_on)
        }
    }

    fn append(
        &mut self,
        output: usize,
        rows: &[u8],
        ends: &[u32],
        go_on: impl FnMut() -> bool,
    ) -> Result<(), RowError> {
        let call_bytes = self.limits.call_bytes;
        let made: usize = self.all_streams().map(Stream::emitted_bytes).sum();
        let held = &mut self.outputs[output];
        let stream = &mut self.streams[held.sink][held.stream];
        stream.reserve(self.limits.most_bytes);
        let before = stream.bytes.len();
        let limit = before.saturating_add(call_bytes.saturating_sub(made));
        let encoder = held.encoder.as_mut();
        let appended = each_row(rows, ends, go_on, |row, bytes, go_on| {
            encode(encoder, (row, bytes), &mut stream.bytes, limit, go_on)
        });
        if appended.is_err() {
            stream.bytes.truncate(before);
        }
        appended.map_err(|refused| refused.into_error(&held.name, call_bytes))?;
        held.rows.emitted += ends.len() as u64;
        held.bytes.emitted += (stream.bytes.len() - before) as u64;
        Ok(())
    }

    fn merge(
        &mut self,
        output: usize,
        rows: &[u8],
        ends: &[u32],
        go_on: impl FnMut() -> bool,
    ) -> Result<(), RowError> {
        let call_bytes = self.accounting.call_bytes;
        let grown: usize = self.merging().map(Merging::call_bytes).sum();
        let room = call_bytes.saturating_sub(grown);
        let held = &mut self.outputs[output];
        let Some(merging) = &mut held.merging else {
            return Ok(());
        };
        let (scratch, limit) = (&mut self.scratch, self.limits.call_bytes);
        let most = merging.bytes() + room;
        let merged = each_row(rows, ends, go_on, |row, bytes, go_on| {
            let merged = merging.merge(bytes);
            let must_check = merged.map_err(|fault| Refused::Merge { row, fault })?;
            if must_check {
                scratch.clear();
                scratch.shrink_to(KEPT_SCRATCH);
                encode(held.encoder.as_mut(), (row, bytes), scratch, limit, go_on)?;
            }
            if merging.bytes() > most {
                return Err(Refused::TooMuch);
            }
            Ok(())
        });
        // A row buffer for each output, as large as a guest makes them, would add up.
        merging.shrink();
        merged.map_err(|refused| {
            let limit = if matches!(refused, Refused::TooMuch) {
                call_bytes
            } else {
                limit
            };
            refused.into_error(&held.name, limit)
        })
    }

    /// Remembers what the call at work has emitted so far.
    pub fn savepoint(&mut self) {
        self.all_streams_mut()
            .for_each(|stream| stream.before_savepoint = stream.bytes.len());
        for output in &mut self.outputs {
            output.rows.savepoint();
            output.bytes.savepoint();
            if let Some(merging) = &mut output.merging {
                merging.savepoint();
            }
        }
    }

    /// Drops what the call at work has emitted since its savepoint, or all of it if it has none.
    pub fn rollback_to_savepoint(&mut self) {
        self.all_streams_mut()
            .for_each(|stream| stream.bytes.truncate(stream.before_savepoint));
        for output in &mut self.outputs {
            output.rows.rollback_to_savepoint();
            output.bytes.rollback_to_savepoint();
            if let Some(merging) = &mut output.merging {
                merging.rollback_to_savepoint();
            }
        }
    }

    /// The call returned well: its rows are held.
    pub fn end_call(&mut self) {
        self.all_streams_mut().for_each(Stream::end_call);
        for output in &mut self.outputs {
            output.rows.end_call();
            output.bytes.end_call();
            if let Some(merging) = &mut output.merging {
                merging.begin_call();
            }
        }
    }

    /// The call failed: its rows are dropped, those held stay.
    pub fn rollback_call(&mut self) {
        self.all_streams_mut().for_each(Stream::rollback_call);
        for output in &mut self.outputs {
            output.rows.rollback_call();
            output.bytes.rollback_call();
            if let Some(merging) = &mut output.merging {
                merging.rollback_call();
            }
        }
    }

    /// Encodes merged rows, one for each key, after the rows that are held. Rows of a call that has not returned do
    /// not belong to the checkpoint and are dropped. Sealing again changes nothing.
    ///
    /// # Errors
    /// When a merged row cannot be represented although each row that it was made of could. Nothing is changed then.
    pub fn seal(&mut self) -> Result<(), RowError> {
        self.seal_while(|| true)
    }

    /// As [`seal`](Self::seal), as long as `go_on` says so.
    ///
    /// # Errors
    /// As for [`seal`](Self::seal), and when `go_on` ends it.
    pub fn seal_while(&mut self, mut go_on: impl FnMut() -> bool) -> Result<(), RowError> {
        self.rollback_call();
        for index in 0..self.outputs.len() {
            if let Err(error) = self.encode_merged(index, &mut go_on) {
                self.rollback_call();
                return Err(error);
            }
        }
        let kept_bytes = self.accounting.kept_bytes;
        for output in &mut self.outputs {
            if let Some(merging) = &mut output.merging {
                output.rows.emitted += merging.len() as u64;
                merging.clear(kept_bytes);
            }
        }
        self.end_call();
        Ok(())
    }

    fn encode_merged(&mut self, index: usize, go_on: impl FnMut() -> bool) -> Result<(), RowError> {
        let held = &mut self.outputs[index];
        let Some(merging) = &held.merging else {
            return Ok(());
        };
        let stream = &mut self.streams[held.sink][held.stream];
        if merging.len() > 0 {
            stream.reserve(self.limits.most_bytes);
        }
        let before = stream.bytes.len();
        let mut row = 0;
        let mut looks = Looks::new(go_on);
        let encoded = merging.each(|bytes| {
            let encoded = looks.pass(bytes.len()).and_then(|()| {
                let (encoder, go_on) = (held.encoder.as_mut(), &mut looks.go_on);
                encode(encoder, (row, bytes), &mut stream.bytes, usize::MAX, go_on)
            });
            row += 1;
            encoded.map_err(|refused| refused.into_error(&held.name, usize::MAX))
        });
        held.bytes.emitted += (stream.bytes.len() - before) as u64;
        encoded
    }

    /// Drops all rows, held or not.
    pub fn clear(&mut self) {
        let kept = self.limits.most_bytes.map_or(KEPT_CAPACITY, |_| 0);
        for stream in self.all_streams_mut() {
            stream.bytes.clear();
            stream.bytes.shrink_to(kept);
            stream.end_call();
        }
        let kept_bytes = self.accounting.kept_bytes;
        for output in &mut self.outputs {
            output.rows = Count::default();
            output.bytes = Count::default();
            if let Some(merging) = &mut output.merging {
                merging.clear(kept_bytes);
            }
        }
    }

    /// Bytes that wait for the checkpoint.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let times = self.accounting.times;
        let merged = self.merging().map(|merging| merging.held_bytes(times));
        let encoded = self.all_streams().map(|stream| stream.bytes.len());
        merged.sum::<usize>() + encoded.sum::<usize>()
    }

    /// The streams of one sink, complete once [`seal`](Self::seal) has returned.
    #[must_use]
    pub fn streams(&self, sink: usize) -> &[Stream] {
        self.streams.get(sink).map_or(&[], Vec::as_slice)
    }

    /// The rows of each output since the last checkpoint, in the order of the plan; complete once
    /// [`seal`](Self::seal) has returned.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.outputs.iter().map(|output| output.rows.held)
    }

    /// The encoded bytes of these rows.
    pub fn encoded_bytes(&self) -> impl Iterator<Item = u64> {
        self.outputs.iter().map(|output| output.bytes.held)
    }

    fn merging(&self) -> impl Iterator<Item = &Merging> {
        self.outputs
            .iter()
            .filter_map(|output| output.merging.as_ref())
    }

    fn all_streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().flatten()
    }

    fn all_streams_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut().flatten()
    }
}

impl HeldOutput {
    fn new(bound: BoundOutput<'_>) -> Self {
        Self {
            name: bound.output.name.clone(),
            sink: bound.sink,
            stream: bound.stream,
            encoder: bound.encoder,
            merging: Merging::of(bound.output),
            rows: Count::default(),
            bytes: Count::default(),
        }
    }
}

fn at_least<T: Default>(list: &mut Vec<T>, length: usize) {
    if list.len() < length {
        list.resize_with(length, T::default);
    }
}

#[cfg(test)]
mod tests;
