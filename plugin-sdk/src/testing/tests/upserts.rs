//! Outputs whose rows replace each other, and removals.

use super::*;
use crate::{Columns, RecordError, Timestamp};

/// Keeps the newest length of each key.
#[derive(Default)]
struct Lengths;

#[derive(Serialize, Columns)]
struct Length {
    key: String,
    at: Timestamp,
    bytes: Option<usize>,
}

#[derive(Serialize)]
struct Key {
    key: String,
}

impl Processor for Lengths {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .tombstones()
            .stateless()
            .output("lengths", "")
            .row::<Length>()
            .upsert_by(["key"], "at")
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let key = String::from_utf8_lossy(record.key()).into_owned();
            if record.is_tombstone() {
                return out.remove("lengths", &record, &Key { key });
            }
            let at = record.timestamp_ms().map(Timestamp::from_millis);
            let at = at.ok_or_else(|| RecordError::reject("it has no time"))?;
            let bytes = Some(record.value_len());
            out.emit(&Length { key, at, bytes })
        })
    }
}

#[test]
fn removals_are_rows_at_the_time_of_their_record() {
    let run = Harness::<Lengths, _>::new()
        .timestamp_ms(2_500)
        .raw_record("origin", "a", b"12")
        .timestamp_ms(1_000)
        .tombstone("origin", "a")
        .same_for_any_split(5, Rows::InOrder)
        .unwrap();
    assert_eq!(
        run.lines("lengths"),
        [
            r#"{"key":"a","at":"1970-01-01T00:00:02.5Z","bytes":2}"#,
            r#"{"_removed":true,"key":"a","at":"1970-01-01T00:00:01Z"}"#,
        ]
    );
}

#[test]
fn removal_without_a_time_rejects_its_record() {
    let run = Harness::<Lengths, _>::new().tombstone("origin", "a");
    let run = run.run().unwrap();
    assert!(run.rows("lengths").is_empty());
    let reason = &run.rejections()[0].reason;
    assert!(reason.contains("has no timestamp at which"), "{reason}");
}

/// Removes what its output does not have.
#[derive(Default)]
struct Wrong;

impl Processor for Wrong {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .row::<Length>()
            .upsert_by(["key"], "at")
    }

    fn process(&mut self, _: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let at = Timestamp::from_millis(0);
        let key = json!({"key": "a", "bytes": 1});
        Ok(out.remove_at("rows", &at, &key)?)
    }
}

#[test]
fn removal_has_the_columns_of_the_key_alone() {
    let wrong = Harness::<Wrong, _>::new().raw_record("origin", "a", b"1");
    let error = wrong.run().unwrap_err().to_string();
    assert!(
        error.contains("is a removal, and has not exactly its key"),
        "{error}"
    );
}

/// Has an order that is no time.
#[derive(Default)]
struct Numbered;

#[derive(Serialize, Columns)]
struct Number {
    key: String,
    number: u64,
}

impl Processor for Numbered {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .tombstones()
            .row::<Number>()
            .upsert_by(["key"], "number")
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let key = String::new();
        batches.each(out, |record, out| {
            out.remove("rows", &record, &Key { key: key.clone() })
        })
    }
}

#[test]
fn time_of_a_record_is_no_order_of_another_type() {
    let wrong = Harness::<Numbered, _>::new().tombstone("origin", "a");
    let error = format!("{:?}", wrong.run().unwrap_err());
    assert!(
        error.contains("the order `number` of the output `rows` is not a time: use `remove_at`"),
        "{error}"
    );
}
