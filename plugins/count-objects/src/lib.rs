//! Counts the objects of each type, their bytes and the tombstones.
//!
//! The counts are held until a checkpoint, which emits one row for each object type that was seen since the
//! last one. So the sum over all rows is exact, however many hosts and workers share the journal.

use std::collections::BTreeMap;

use journal_plugin_sdk::{ANY, Batches, Column, Failure, Out, Plan, Processor};
use serde::Serialize;

/// Counts since the last checkpoint, by object type.
#[derive(Debug, Default)]
pub struct CountObjects {
    counts: BTreeMap<String, Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    objects: u64,
    bytes: u64,
    tombstones: u64,
}

/// What was counted since the last checkpoint.
#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    /// Records with a value.
    objects: u64,
    /// Bytes of the values.
    bytes: u64,
    /// Records without a value.
    tombstones: u64,
}

impl Processor for CountObjects {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        // Sizes are enough: no value is copied into the sandbox.
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::ValueEnds])
            .tombstones()
    }

    fn process(&mut self, batches: &Batches<'_>, _out: &mut Out) -> Result<(), Failure> {
        for batch in batches {
            let tombstones = batch.tombstones();
            let counts = Counts {
                objects: (batch.len() - tombstones) as u64,
                bytes: batch.value_bytes(),
                tombstones: tombstones as u64,
            };
            match self.counts.get_mut(batch.object_type()) {
                Some(sum) => sum.add(counts),
                None => drop(self.counts.insert(batch.object_type().to_owned(), counts)),
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        for (object_type, counts) in std::mem::take(&mut self.counts) {
            let Counts {
                objects,
                bytes,
                tombstones,
            } = counts;
            out.emit(&Row {
                object_type: &object_type,
                objects,
                bytes,
                tombstones,
            })?;
        }
        Ok(())
    }
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.objects += more.objects;
        self.bytes += more.bytes;
        self.tombstones += more.tombstones;
    }
}

journal_plugin_sdk::export!(CountObjects);
