//! Counts like `count-objects`, but can be slow or trap. It holds its counts until a checkpoint, or merges them in each
//! call.

use std::collections::BTreeMap;
use std::hint::black_box;

use journal_plugin_sdk::{ANY, Aggregate, Batches, Column, Failure, Out, Plan, Processor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Options {
    /// Iterations of an empty loop for each record.
    #[serde(default)]
    spin: u32,
    /// The `process` call that traps, from 1.
    #[serde(default)]
    trap_at_call: Option<u64>,
    /// Whether the output is an aggregate and the processor is stateless.
    #[serde(default)]
    merges: bool,
    /// Whether the processor says that it is stateless although it is not.
    #[serde(default)]
    claims_stateless: bool,
}

/// Counts since the last checkpoint, by object type.
#[derive(Debug, Default)]
pub struct Counter {
    options: Options,
    calls: u64,
    counts: BTreeMap<String, Row>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    object_type: String,
    objects: u64,
    bytes: u64,
    tombstones: u64,
}

impl Processor<Options> for Counter {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self {
            options,
            ..Self::default()
        })
    }

    fn plan(&self) -> Plan {
        let plan = Plan::new(Self::OBJECT_TYPES)
            .columns([Column::ValueEnds])
            .tombstones();
        if self.options.claims_stateless {
            return plan.stateless();
        }
        if !self.options.merges {
            return plan;
        }
        let counts = Aggregate::by(["object_type"])
            .sum("objects")
            .sum("bytes")
            .sum("tombstones");
        plan.stateless().aggregate("rows", "", counts)
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        self.calls += 1;
        for batch in batches {
            let row = self
                .counts
                .entry(batch.object_type().to_owned())
                .or_default();
            for record in batch.records() {
                for turn in 0..self.options.spin {
                    black_box(turn);
                }
                if record.is_tombstone() {
                    row.tombstones += 1;
                } else {
                    row.objects += 1;
                    row.bytes += record.value_len() as u64;
                }
            }
        }
        assert!(
            self.options.trap_at_call != Some(self.calls),
            "the test wants call {} to trap",
            self.calls
        );
        if self.options.merges {
            for row in self.take() {
                out.merge("rows", &row)?;
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        for row in self.take() {
            out.emit(&row)?;
        }
        Ok(())
    }
}

impl Counter {
    fn take(&mut self) -> impl Iterator<Item = Row> + use<> {
        let counts = std::mem::take(&mut self.counts);
        counts
            .into_iter()
            .map(|(object_type, row)| Row { object_type, ..row })
    }
}

journal_plugin_sdk::export!(Counter);
