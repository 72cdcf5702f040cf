//! Emits the topic, partition and offset of each record, so that a test can count how often each was written. With an option
//! it keeps the latest value of each key instead, until a tombstone removes it.

use journal_plugin_sdk::{
    ANY, Batches, Bytes, Column, Columns, Failure, Out, Plan, Processor, Record, RecordError,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Of so many offsets, the last one is poison: it is rejected, or the call panics, in turns. None if absent.
    poison_every: Option<u64>,
    /// Whether the output is an upsert, by the key of records and in the order of their timestamps.
    latest: bool,
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

/// The key is not the first column, and equal times leave it to the others which row is kept.
#[derive(Serialize, Columns)]
struct Latest<'a> {
    /// The value, if it is UTF-8.
    text: Option<&'a str>,
    key: Bytes<'a>,
    written: Timestamp,
    value: Bytes<'a>,
}

#[derive(Serialize)]
struct Key<'a> {
    key: Bytes<'a>,
}

impl Processor<Options> for Positions {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self(options))
    }

    fn plan(&self) -> Plan {
        let plan = Plan::new(Self::OBJECT_TYPES).tombstones().stateless();
        if self.0.latest {
            return plan
                .output("latest", "The latest value of each key")
                .row::<Latest<'_>>()
                .upsert_by(["key"], "written");
        }
        plan.columns([Column::Partitions, Column::Offsets])
            .row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        if self.0.latest {
            return batches.each(out, |record, out| keep_latest(&record, out));
        }
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

fn keep_latest(record: &Record<'_>, out: &mut Out) -> Result<(), RecordError> {
    let key = Bytes::from(record.key());
    if record.is_tombstone() {
        return out.remove("latest", record, &Key { key });
    }
    let written = record.timestamp_ms().map(Timestamp::from_millis);
    let value = record.value();
    out.emit(&Latest {
        text: std::str::from_utf8(value).ok(),
        key,
        written: written.ok_or_else(|| RecordError::reject("it has no timestamp"))?,
        value: Bytes::from(value),
    })
}

fn poison(number: u64) -> Result<(), RecordError> {
    assert!(number.is_multiple_of(2), "it is poison");
    Err(RecordError::reject("it is poison"))
}

journal_plugin_sdk::export!(Positions);
