//! Emits the topic, partition and offset of each record, so that a test can count how often each was written.

use journal_plugin_sdk::{ANY, Batches, Column, Failure, Out, Plan, Processor};
use serde::Serialize;

/// Holds nothing.
#[derive(Debug, Default)]
pub struct Positions;

#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    partition: u32,
    offset: u64,
}

impl Processor for Positions {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Partitions, Column::Offsets])
            .tombstones()
            .stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            out.emit(&Row {
                object_type: record.object_type(),
                partition: record.partition(),
                offset: record.offset(),
            })
        })
    }
}

journal_plugin_sdk::export!(Positions);
