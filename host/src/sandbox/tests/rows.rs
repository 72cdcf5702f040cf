//! The rows in the buffer after a guest's calls.

use super::guest::{Guest, LIMITS};
use crate::sandbox::{Limits, Processor};
use crate::sink::testing::{Memory, outputs};
use crate::sink::{BoundOutput, HeldRows, RowLimits, SinkFactory, Stream};

/// A processor with a buffer for its output `rows`, which stores rows unchanged.
pub(super) fn started(guest: &Guest, limits: Limits) -> Processor {
    let (mut processor, _) = guest.started(limits);
    let memory = Memory::default();
    let outputs = outputs(&["rows"]);
    let bound = outputs.iter().map(|output| BoundOutput {
        output,
        sink: 0,
        stream: 0,
        encoder: memory.encoder(output),
    });
    let row_limits = RowLimits {
        call_bytes: 1 << 30,
        most_bytes: None,
    };
    processor.bind(HeldRows::new(bound.collect(), row_limits));
    processor
}

/// The same within the usual limits.
pub(super) fn recorded(guest: &Guest) -> Processor {
    started(guest, LIMITS)
}

/// The rows that are held or emitted.
pub(super) fn bytes(processor: &mut Processor) -> Vec<u8> {
    let streams = processor.rows().streams(0);
    streams.iter().flat_map(Stream::bytes).copied().collect()
}

/// The number of rows that are held.
pub(super) fn held(processor: &mut Processor) -> u64 {
    processor.rows().counts().sum()
}
