//! Emits the topic, partition and offset of each record, so that a test can count how often each was written.

use journal_plugin_sdk::{
    ANY, Batches, Column, Columns, Failure, Out, Plan, Processor, RecordError,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Of so many offsets, the last one is poison: it is rejected, or the call panics, in turns. None if absent.
    poison_every: Option<u64>,
}

/// Holds nothing but its options.
#[derive(Debug, Default)]
pub struct Positions(Options);

#[derive(Serialize, Columns)]
struct Row<'a> {
    object_type: &'a str,
    partition: u32,
    offset: u64,
}

impl Processor<Options> for Positions {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self(options))
    }

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Partitions, Column::Offsets])
            .tombstones()
            .stateless()
            .row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let offset = record.offset();
            out.emit(&Row {
                object_type: record.object_type(),
                partition: record.partition(),
                offset,
            })?;
            match self.0.poison_every {
                Some(every) if offset % every == every - 1 => poison(offset / every),
                _ => Ok(()),
            }
        })
    }
}

fn poison(number: u64) -> Result<(), RecordError> {
    assert!(number.is_multiple_of(2), "it is poison");
    Err(RecordError::reject("it is poison"))
}

journal_plugin_sdk::export!(Positions);
