//! Emits a row for each record, and a row with the pages of memory for each call.

use journal_plugin_sdk::{ANY, Batches, Failure, Out, Plan, Processor};
use serde::Serialize;

/// The number of calls.
#[derive(Debug, Default)]
pub struct Pages {
    calls: u64,
}

#[derive(Serialize)]
struct Record<'a> {
    offset: u64,
    object_type: &'a str,
}

#[derive(Serialize)]
struct Call {
    number: u64,
    records: usize,
    pages: usize,
}

#[cfg(target_arch = "wasm32")]
fn pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

#[cfg(not(target_arch = "wasm32"))]
fn pages() -> usize {
    0
}

impl Processor for Pages {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .output("records", "one row a record")
            .output("calls", "one row a call")
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        self.calls += 1;
        batches.each(out, |record, out| {
            out.emit_to(
                "records",
                &Record {
                    offset: record.offset(),
                    object_type: record.object_type(),
                },
            )
        })?;
        out.emit_to(
            "calls",
            &Call {
                number: self.calls,
                records: batches.iter().map(|batch| batch.len()).sum(),
                pages: pages(),
            },
        )?;
        Ok(())
    }
}

journal_plugin_sdk::export!(Pages);
