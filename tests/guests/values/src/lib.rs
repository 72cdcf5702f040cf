//! Emits one row of the values at the ends of their ranges, and merges one row, when it gets its first records.

use journal_plugin_sdk::{
    ANY, Aggregate, Batches, Bytes, Columns, Failure, Id, Out, Plan, Processor, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What is added to the sum.
    sum: i64,
    /// The text of the row, and the key of the merged row.
    text: String,
    /// Whether the text of the row ends with U+0000.
    nul: bool,
    /// How often the key repeats the text.
    repeated: usize,
    /// The unsigned integer of the row.
    unsigned: u64,
    /// The nanoseconds after the last second that a timestamp has.
    nanoseconds: u32,
}

/// Holds its options, until it has emitted its rows.
#[derive(Debug, Default)]
pub struct Values(Option<Options>);

#[derive(Serialize, Columns)]
struct Row<'a> {
    least: i64,
    greatest: i64,
    unsigned: u64,
    truth: bool,
    float: f64,
    text: &'a str,
    bytes: Bytes<'a>,
    id: Id,
    first: Timestamp,
    last: Timestamp,
    json: Vec<Option<String>>,
    nothing: Option<u8>,
}

#[derive(Serialize, Columns)]
struct Sum<'a> {
    name: &'a str,
    at: Option<Timestamp>,
    n: i64,
    all: u64,
    /// The greatest.
    max: Option<Bytes<'a>>,
}

/// The first second of the year 0, and the last one of the year 9999.
const SECONDS: [i64; 2] = [-62_167_219_200, 253_402_300_799];

impl Processor<Options> for Values {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self(Some(options)))
    }

    fn plan(&self) -> Plan {
        let sums = Aggregate::by(["name", "at"]).sum("n").sum("all").max("max");
        Plan::new(Self::OBJECT_TYPES)
            .output("values", "The ends of ranges")
            .row::<Row<'_>>()
            .aggregate("sums", "A sum", sums)
            .row::<Sum<'_>>()
    }

    fn process(&mut self, _batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let Some(options) = self.0.take() else {
            return Ok(());
        };
        let end = if options.nul { "\0" } else { "" };
        let text = format!("{}{end}", options.text);
        let [first, last] = SECONDS.map(|second| Timestamp::new(second, options.nanoseconds));
        let (first, last) = first
            .zip(last)
            .ok_or_else(|| Failure::fatal("the nanoseconds are too many"))?;
        out.emit_to(
            "values",
            &Row {
                least: i64::MIN,
                greatest: i64::MAX,
                unsigned: options.unsigned,
                truth: true,
                float: f64::MIN_POSITIVE,
                text: &text,
                bytes: Bytes((&b"\0\xff"[..]).into()),
                id: Id([7; 20]),
                first,
                last,
                json: vec![Some("\0\"".to_owned()), None],
                nothing: None,
            },
        )?;
        let name = options.text.repeat(options.repeated.max(1));
        for at in [Some(last), None] {
            out.merge(
                "sums",
                &Sum {
                    name: &name,
                    at,
                    n: options.sum,
                    all: u64::MAX,
                    max: Some(Bytes(name.as_bytes().into())),
                },
            )?;
        }
        Ok(())
    }
}

journal_plugin_sdk::export!(Values);
