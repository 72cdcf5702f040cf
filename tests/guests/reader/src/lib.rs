//! Reads the journal in several ways, to compare their speed: natively, where `measure-model` calls [`Work::read`], and as
//! a processor in the sandbox.

mod checksum;
mod lazily;
mod structs;

use std::collections::BTreeMap;
use std::error::Error;

use journal_plugin_sdk::{ANY, Batches, Column, Failure, Out, Plan, Processor, Record, reject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use checksum::Checksum;

/// What to do with every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Nothing: measures only passing the records.
    #[default]
    Copy,
    /// Count it by its object type.
    Count,
    /// Read every field of it with the lazy model.
    FieldsLazily,
    /// Read every field of it with serde, into structs that borrow.
    FieldsAsStructs,
    /// Read the month of a revision and the extensions of the files in a directory with the lazy model.
    MonthsLazily,
    /// The same with serde, into structs of just these fields.
    MonthsAsStructs,
}

impl Work {
    /// Reads one object, and adds its fields to `sum`.
    ///
    /// # Errors
    /// If the object is invalid.
    #[inline]
    pub fn read(
        self,
        object_type: &str,
        value: &[u8],
        sum: &mut Checksum,
    ) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Copy | Self::Count => {}
            Self::FieldsLazily => lazily::fields(object_type, value, sum)?,
            Self::FieldsAsStructs => structs::fields(object_type, value, sum)?,
            Self::MonthsLazily => lazily::months(object_type, value, sum)?,
            Self::MonthsAsStructs => structs::months(object_type, value, sum)?,
        }
        Ok(())
    }
}

/// The options of a measurement.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Options {
    /// What to do with every record.
    #[serde(default)]
    work: Work,
}

/// Does the work in the sandbox.
#[derive(Debug, Default)]
pub struct Reader {
    work: Work,
    sum: Checksum,
    counts: BTreeMap<String, u64>,
}

/// The checksum since the last checkpoint.
#[derive(Debug, Serialize)]
struct Row {
    checksum: u64,
    records: u64,
}

impl Processor<Options> for Reader {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self {
            work: options.work,
            ..Self::default()
        })
    }

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).columns([Column::Values])
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let Self { work, sum, counts } = self;
        match work {
            Work::Copy => Ok(()),
            Work::Count => batches.each(out, |record, _| {
                count(counts, &record);
                Ok(())
            }),
            work => batches.each(out, |record, _| {
                match work.read(record.object_type(), record.value(), sum) {
                    Ok(()) => Ok(()),
                    Err(error) => reject!("{error}"),
                }
            }),
        }
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        let row = Row {
            checksum: std::mem::take(&mut self.sum).0,
            records: std::mem::take(&mut self.counts).values().sum(),
        };
        Ok(out.emit(&row)?)
    }
}

fn count(counts: &mut BTreeMap<String, u64>, record: &Record<'_>) {
    match counts.get_mut(record.object_type()) {
        Some(count) => *count += 1,
        None => {
            counts.insert(record.object_type().to_owned(), 1);
        }
    }
}

journal_plugin_sdk::export!(Reader);
