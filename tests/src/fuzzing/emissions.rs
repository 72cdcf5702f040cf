//! Rows with any bytes and any ends, to an append output and to an aggregate.

use std::fs;
use std::sync::Arc;

use journal_host::journal::batch::{Batches, Columns, RecordRef, Topic};
use journal_host::journal::plan::Plan;
use journal_host::sandbox::{Compiler, Engine, Plugin, Processor};
use journal_host::sink::{BoundOutput, EncodeError, Encoder, HeldRows, RowLimits};

use super::plugins::LIMITS;
use super::{Target, current_input, kind};
use crate::guest::Guest;

/// A plugin that emits the values of its records: their bytes as rows, and the ends of the values as those of the rows. An
/// odd number of records is emitted to the aggregate. The offsets of the records are ends, too, where the first is not 0.
const PROCESS: &str = "
  (local.set $n (i32.and (i32.load offset=12 (local.get $at)) (i32.const 1)))
  (if (i64.eqz (i64.load (i32.load offset=48 (local.get $at))))
    (then (call $emit (local.get $n) (i32.load offset=16 (local.get $at)) (i32.load offset=20 (local.get $at))
      (i32.load offset=24 (local.get $at)) (i32.load offset=28 (local.get $at))))
    (else (call $savepoint) (call $emit (local.get $n) (i32.load offset=16 (local.get $at)) (i32.load offset=20 (local.get $at))
      (i32.load offset=48 (local.get $at)) (i32.load offset=52 (local.get $at))) (call $rollback)))";

const PLAN: &str = r#"{"object-types": "any", "columns": ["values", "offsets"], "outputs": [{"name": "rows"},
    {"name": "sums", "kind": "aggregate", "key": ["k"], "columns": [{"name": "n", "merge": "sum"}, {"name": "m", "merge": "max"}]}]}"#;

/// Emits rows.
pub(super) struct Emissions {
    plugin: Plugin,
    topic: Arc<Topic>,
}

impl Emissions {
    pub(super) fn new() -> Self {
        let engine = Engine::new(Compiler::Here).expect("the system runs WebAssembly");
        let file = current_input("emissions").with_extension("wasm");
        let guest = Guest {
            plan: PLAN.into(),
            process: PROCESS.to_owned(),
            ..Guest::default()
        };
        fs::write(&file, guest.module()).expect("the folder can be written");
        Self {
            plugin: Plugin::load(&engine, &file, LIMITS).expect("it is a plugin"),
            topic: topic("origin"),
        }
    }
}

/// A topic of this object type.
pub(super) fn topic(object_type: &str) -> Arc<Topic> {
    Arc::new(Topic {
        name: format!("swh.journal.objects.{object_type}"),
        object_type: object_type.to_owned(),
        privileged: false,
    })
}

/// A processor whose rows are encoded as lines.
pub(super) fn started(plugin: &Plugin, options: &str) -> Processor {
    let (mut processor, plan) = Processor::start(plugin, options, LIMITS).expect("it starts");
    processor.bind(held_rows(&plan));
    processor
}

fn held_rows(plan: &Plan) -> HeldRows {
    let bound = plan.outputs.iter().map(|output| BoundOutput {
        output,
        sink: 0,
        stream: 0,
        encoder: Box::new(Lines),
    });
    let limits = RowLimits {
        call_bytes: LIMITS.emit_bytes,
        most_bytes: None,
    };
    HeldRows::new(bound.collect(), limits)
}

/// Encodes rows as the host does, and checks that they are JSON on one line.
struct Lines;

impl Encoder for Lines {
    fn encode(&mut self, row: &[u8], rows: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let begin = rows.len();
        journal_rows::append_json(row, rows, limit).map_err(|error| match error.kind() {
            journal_rows::ErrorKind::TooLong => EncodeError::TooLong,
            _ => EncodeError::BadRow(error.to_string()),
        })?;
        let line = &rows[begin..];
        assert!(is_json(line), "a row is JSON: {line:02x?}");
        assert!(!line.iter().any(u8::is_ascii_control), "a row is one line");
        Ok(())
    }
}

/// Whether a line is JSON, as far as the parser can say: it gives up at the depth that rows may have.
fn is_json(line: &[u8]) -> bool {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(line);
    parsed.map_or_else(
        |error| error.to_string().starts_with("recursion limit"),
        |_| true,
    )
}

/// Splits an input at its first byte into parts: the sizes are in the bytes that follow.
pub(super) fn parts(input: &[u8]) -> Vec<&[u8]> {
    let Some((&count, rest)) = input.split_first() else {
        return Vec::new();
    };
    let count = usize::from(count % 8);
    let Some((sizes, mut rest)) = rest.split_at_checked(count) else {
        return vec![rest];
    };
    let mut parts = Vec::new();
    for &size in sizes {
        let (part, after) = rest.split_at(usize::from(size).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

impl Target for Emissions {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let row = b"\x83\xa1k\xa1a\xa1n\x01\xa1m\x05";
        let length = u8::try_from(row.len()).expect("it is short");
        let sized = [&[1, length][..], row, row].concat();
        vec![
            [&[0][..], row].concat(),
            sized,
            b"\x00\x81\xa1a\xc4\x03abc".to_vec(),
            b"\x00\x82\xa1a\xd7\xff\x00\x00\x00\x00\x5e\x0d\x5d\xa5\xa1b\x93\xc0\xc3\xcb\x3f\xe0\0\0\0\0\0\0".to_vec(),
        ]
    }

    fn take(&mut self, input: &[u8]) -> String {
        let mut processor = started(&self.plugin, "{}");
        let mut batches = Batches::new(Columns::ALL);
        let parts = parts(input);
        // Some inputs have other ends.
        let first = u64::from(input.len() % 5 == 4);
        for (offset, value) in (0..).zip(&parts) {
            let record = RecordRef {
                partition: 0,
                offset: (offset + first) * first.max(1),
                timestamp_ms: -1,
                key: b"",
                value,
            };
            if batches.push(&self.topic, record).is_err() {
                return "too large".to_owned();
            }
        }
        match processor.process(batches.as_slice()) {
            Ok(_) => match processor.checkpoint() {
                Ok(()) => format!("{} rows", processor.rows().counts().sum::<u64>().min(9)),
                Err(error) => kind(&error.to_string()),
            },
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                kind(&cause.unwrap_or_else(|| error.to_string()))
            }
        }
    }
}
