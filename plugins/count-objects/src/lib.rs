//! Counts the objects of each type, their bytes and the tombstones.
//!
//! The counts are an aggregate: the host adds up the counts of all calls, and writes one row for each object type at each
//! checkpoint. The sum of all rows is exact for any number of hosts and workers.

use journal_plugin_sdk::{ANY, Aggregate, Batches, Column, Columns, Failure, Out, Plan, Processor};
use serde::Serialize;

/// Counts objects. It is stateless.
#[derive(Debug, Default)]
pub struct CountObjects;

#[derive(Serialize, Columns)]
struct Row<'a> {
    /// The last part of the topic's name.
    object_type: &'a str,
    /// Records with a value.
    objects: usize,
    /// Bytes of the values.
    bytes: u64,
    /// Records without a value.
    tombstones: usize,
}

impl Processor for CountObjects {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        let counts = Aggregate::by(["object_type"])
            .sum("objects")
            .sum("bytes")
            .sum("tombstones");
        // Only the sizes are needed, so no value is copied into the sandbox.
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::ValueEnds])
            .tombstones()
            .stateless()
            .aggregate(
                "counts",
                "Objects, bytes and tombstones of each object type",
                counts,
            )
            .row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        for batch in batches {
            let tombstones = batch.tombstones();
            let row = Row {
                object_type: batch.object_type(),
                objects: batch.len() - tombstones,
                bytes: batch.value_bytes(),
                tombstones,
            };
            out.merge("counts", &row)?;
        }
        Ok(())
    }
}

journal_plugin_sdk::export!(CountObjects);
