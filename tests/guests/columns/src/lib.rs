//! Emits everything that a processor gets of each record.

use std::fmt::Write;

use journal_plugin_sdk::{ANY, Batches, Failure, Out, Plan, Processor};
use serde::Serialize;

/// Stateless.
#[derive(Debug, Default)]
pub struct Columns;

#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    privileged: bool,
    partition: u32,
    offset: u64,
    timestamp_ms: Option<i64>,
    key: String,
    /// None for a tombstone.
    value: Option<String>,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ok = write!(digits, "{byte:02x}");
        digits
    })
}

impl Processor for Columns {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).tombstones().stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let is_tombstone = record.is_tombstone();
            out.emit(&Row {
                object_type: record.object_type(),
                privileged: record.privileged(),
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp_ms(),
                key: hexadecimal(record.key()),
                value: (!is_tombstone).then(|| hexadecimal(record.value())),
            })
        })
    }
}

journal_plugin_sdk::export!(Columns);
