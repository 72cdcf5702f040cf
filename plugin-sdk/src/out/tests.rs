mod merging;
mod pieces;
mod removing;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::{Bytes, Timestamp};

/// The rows that were delivered, with the index of their output.
type Delivered = Rc<RefCell<Vec<(u32, Vec<Vec<u8>>)>>>;

fn out(names: &[&str]) -> (Out, Delivered) {
    let plan = |&name: &&str| OutputPlan {
        name: name.to_owned(),
        shape: None,
        order: None,
        types: None,
    };
    with_outputs(names.iter().map(plan).collect())
}

/// Takes rows as the host does.
struct TestHost {
    delivered: Delivered,
    savepoint: usize,
}

impl Host for TestHost {
    fn emit(&mut self, output: u32, rows: &[u8], row_ends: &[u32]) {
        let mut start = 0;
        let rows = row_ends.iter().map(|&end| {
            let row = rows[start..end as usize].to_vec();
            start = end as usize;
            row
        });
        self.delivered.borrow_mut().push((output, rows.collect()));
    }

    fn savepoint(&mut self) {
        self.savepoint = self.delivered.borrow().len();
    }

    fn rollback(&mut self) {
        self.delivered.borrow_mut().truncate(self.savepoint);
    }
}

fn with_outputs(outputs: Vec<OutputPlan>) -> (Out, Delivered) {
    let delivered = Delivered::default();
    let host = TestHost {
        delivered: Rc::clone(&delivered),
        savepoint: 0,
    };
    (Out::new(outputs, Box::new(host)), delivered)
}

/// The emission failed for this reason, and names the line of it.
#[track_caller]
fn check_failure(error: &RecordError, expected: &str) {
    let RecordError::Fail(Failure::Fatal(reason)) = error else {
        panic!("{error}")
    };
    let (reason, line) = reason.split_once(" (at ").unwrap();
    assert_eq!(reason, expected);
    assert!(line.starts_with("plugin-sdk/src/out/tests"), "{line}");
}

fn encoded(row: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(row).unwrap()
}

#[test]
fn rows_reach_their_outputs_in_order_when_the_call_ends() {
    let (mut out, delivered) = out(&["a", "b"]);
    for number in [1, 2] {
        out.emit_to("b", &json!({"number": number})).unwrap();
    }
    out.emit_to("a", &json!({})).unwrap();
    assert!(delivered.borrow().is_empty());
    out.flush();
    let expected = [
        (0, vec![encoded(&json!({}))]),
        (
            1,
            vec![
                encoded(&json!({"number": 1})),
                encoded(&json!({"number": 2})),
            ],
        ),
    ];
    assert_eq!(*delivered.borrow(), expected);
    out.flush();
    assert_eq!(delivered.borrow().len(), 2, "nothing is delivered twice");
}

#[test]
fn rows_of_structs_have_names_and_bytes_are_bin() {
    #[derive(Serialize)]
    struct Row<'a> {
        name: Bytes<'a>,
        time: Timestamp,
    }
    let (mut out, delivered) = out(&["rows"]);
    let time = Timestamp::new(1, 0).unwrap();
    out.emit(&Row {
        name: Bytes::from(&b"x"[..]),
        time,
    })
    .unwrap();
    out.flush();
    let row = &delivered.borrow()[0].1[0];
    assert_eq!(row, b"\x82\xa4name\xc4\x01x\xa4time\xd6\xff\0\0\0\x01");
}

#[test]
fn undeclared_output_is_a_failure_that_names_it_and_the_declared_ones() {
    let (mut out, _) = out(&["a", "b"]);
    let expected = "the plan does not declare the output `c`: it declares `a`, `b`";
    let error = out.emit_to("c", &json!({})).unwrap_err();
    check_failure(&error, expected);
}

#[test]
fn emitting_without_a_name_needs_exactly_one_output() {
    let (mut several, _) = out(&["a", "b"]);
    let expected = "`emit` needs a plan with exactly one output: it declares `a`, `b`";
    let error = several.emit(&json!({})).unwrap_err();
    check_failure(&error, expected);
    let (mut none, _) = out(&[]);
    let expected = "`emit` needs a plan with exactly one output: it declares none";
    check_failure(&none.emit(&json!({})).unwrap_err(), expected);
}

#[test]
fn row_that_is_not_a_map_is_a_failure_and_leaves_nothing() {
    let (mut out, delivered) = out(&["rows"]);
    for row in [json!([1, 2]), json!("text"), json!(1), json!(null)] {
        let error = out.emit(&row).unwrap_err();
        let expected =
            "a row for the output `rows` is not a map: emit a struct or a map with string keys";
        check_failure(&error, expected);
    }
    out.flush();
    assert!(delivered.borrow().is_empty());
}

#[test]
fn maps_of_every_size_are_rows() {
    let (mut out, delivered) = out(&["rows"]);
    for size in [0, 15, 16, 70_000] {
        let row: BTreeMap<String, u8> = (0..size).map(|key: u32| (key.to_string(), 0)).collect();
        out.emit(&row).unwrap();
    }
    out.flush();
    let rows: usize = delivered.borrow().iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!(rows, 4);
}

#[test]
fn row_that_cannot_be_serialized_rejects_the_record_and_leaves_nothing() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(2))?;
            serde::ser::SerializeMap::serialize_entry(&mut map, "a", "b")?;
            Err(serde::ser::Error::custom("half a map"))
        }
    }
    let (mut out, delivered) = out(&["rows"]);
    out.emit(&json!({"a": 1})).unwrap();
    let expected = "a row for the output `rows` cannot be serialized: half a map";
    assert_eq!(
        out.emit(&Broken).unwrap_err(),
        RecordError::reject(expected)
    );
    out.flush();
    assert_eq!(*delivered.borrow(), [(0, vec![encoded(&json!({"a": 1}))])]);
}

#[test]
fn rows_of_a_rejected_record_are_removed_from_every_output() {
    let (mut out, delivered) = out(&["a", "b"]);
    out.begin_record();
    out.emit_to("a", &json!({"keep": 1})).unwrap();
    out.end_record();
    out.begin_record();
    out.emit_to("a", &json!({"drop": 1})).unwrap();
    out.emit_to("b", &json!({"drop": 2})).unwrap();
    out.emit_to("a", &json!({"drop": 3})).unwrap();
    out.rollback_record();
    out.begin_record();
    out.rollback_record();
    out.begin_record();
    out.emit_to("a", &json!({"keep": 2})).unwrap();
    out.end_record();
    out.flush();
    let kept = vec![encoded(&json!({"keep": 1})), encoded(&json!({"keep": 2}))];
    assert_eq!(*delivered.borrow(), [(0, kept)]);
}

#[test]
fn rejected_outer_record_removes_the_rows_of_inner_ones() {
    let (mut out, delivered) = out(&["a", "b"]);
    out.begin_record();
    out.emit_to("a", &json!({"outer": 1})).unwrap();
    for _ in 0..2 {
        out.begin_record();
        out.emit_to("a", &json!({"inner": 1})).unwrap();
        out.emit_to("b", &json!({"inner": 2})).unwrap();
        out.end_record();
    }
    out.emit_to("b", &json!({"outer": 2})).unwrap();
    out.rollback_record();
    assert_eq!((out.pending_bytes, out.in_record), (0, false));
    out.flush();
    assert!(delivered.borrow().is_empty());
}

#[test]
fn rejected_inner_record_removes_only_its_rows() {
    let (mut out, delivered) = out(&["a", "b"]);
    out.begin_record();
    out.emit_to("a", &json!({"outer": 1})).unwrap();
    out.begin_record();
    out.emit_to("a", &json!({"inner": 1})).unwrap();
    out.emit_to("b", &json!({"inner": 2})).unwrap();
    out.rollback_record();
    out.emit_to("b", &json!({"outer": 2})).unwrap();
    assert!(out.in_record);
    out.end_record();
    out.flush();
    let expected = [
        (0, vec![encoded(&json!({"outer": 1}))]),
        (1, vec![encoded(&json!({"outer": 2}))]),
    ];
    assert_eq!(*delivered.borrow(), expected);
}

#[test]
fn end_of_an_inner_record_delivers_nothing() {
    let row = json!({"text": "x".repeat(FLUSH_BYTES)});
    let (mut out, delivered) = out(&["rows"]);
    out.begin_record();
    out.begin_record();
    out.emit(&row).unwrap();
    out.end_record();
    assert!(delivered.borrow().is_empty());
    out.end_record();
    assert_eq!(delivered.borrow().len(), 1);
}

#[test]
fn large_buffers_are_delivered_between_records_and_never_within_one() {
    let row = json!({"text": "x".repeat(FLUSH_BYTES / 2)});
    let (mut out, delivered) = out(&["rows"]);
    out.begin_record();
    for _ in 0..5 {
        out.emit(&row).unwrap();
    }
    assert!(delivered.borrow().is_empty());
    out.end_record();
    assert_eq!(delivered.borrow().len(), 1);
    out.begin_record();
    out.emit(&row).unwrap();
    out.rollback_record();
    assert_eq!(out.pending_bytes, 0);
    out.flush();
    assert_eq!(delivered.borrow().len(), 1);
}

#[test]
fn large_buffers_are_delivered_at_once_outside_of_records() {
    let row = json!({"text": "x".repeat(FLUSH_BYTES)});
    let (mut out, delivered) = out(&["rows"]);
    out.emit(&row).unwrap();
    assert_eq!(delivered.borrow().len(), 1);
}

#[test]
fn failed_call_leaves_neither_rows_nor_rejections_nor_an_open_record() {
    let (mut out, delivered) = out(&["rows"]);
    out.begin_record();
    out.emit(&json!({"a": 1})).unwrap();
    out.rejections.push(Rejection {
        batch: 0,
        index: 0,
        reason: "bad".to_owned(),
    });
    out.begin_record();
    out.clear();
    assert!(!out.in_record && out.outer.is_empty());
    assert_eq!(out.take_rejections(), []);
    out.flush();
    assert!(delivered.borrow().is_empty());
}

#[test]
fn record_that_is_rejected_twice_is_named_once_with_the_first_reason() {
    let (mut out, _) = out(&["rows"]);
    for (batch, index, reason) in [(1, 0, "first"), (0, 7, "other"), (1, 0, "second")] {
        out.note_rejection(batch, index, reason.to_owned());
    }
    let expected = [
        Rejection {
            batch: 0,
            index: 7,
            reason: "other".to_owned(),
        },
        Rejection {
            batch: 1,
            index: 0,
            reason: "first".to_owned(),
        },
    ];
    assert_eq!(out.take_rejections(), expected);
}
