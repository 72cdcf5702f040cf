//! Errors that a processor ignores: no row is lost without a failure or a rejection.

#![expect(
    clippy::unnecessary_wraps,
    reason = "the functions stand for `process`"
)]

use super::*;
use crate::{Aggregate, RecordError};

type Process = fn(&Batches<'_>, &mut Out) -> Result<(), Failure>;
type Checkpoint = fn(&mut Out);

/// Does in `process` and `checkpoint` what its test wants.
struct Careless<const CASE: usize>;

impl<const CASE: usize> Default for Careless<CASE> {
    fn default() -> Self {
        Self
    }
}

impl<const CASE: usize> Processor for Careless<CASE> {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).output("rows", "").aggregate(
            "sums",
            "",
            Aggregate::by(["k"]).sum("n"),
        )
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        CASES[CASE].0(batches, out)
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        CASES[CASE].1(out);
        Ok(())
    }
}

const CASES: [(Process, Checkpoint); 11] = [
    (undeclared, |_| {}),
    (no_map_in_a_closure, |_| {}),
    (bad_merge_in_a_rejected_inner_record, |_| {}),
    (|_, _| Ok(()), |out| drop(out.emit_to("typo", &json!({})))),
    (first_of_two, |_| {}),
    (failure_in_a_closure, |_| {}),
    (unserializable, |_| {}),
    (|_, _| Ok(()), |out| drop(out.emit_to("rows", &Broken))),
    (unserializable_in_a_closure, |_| {}),
    (unserializable_in_an_inner_record, |_| {}),
    (unserializable_and_rejected, |_| {}),
];

fn run<const CASE: usize>() -> Result<Run, Error> {
    Harness::<Careless<CASE>>::new()
        .record("origin", "a", &json!({}))
        .record("origin", "b", &json!({}))
        .run()
}

#[track_caller]
fn check_failure<const CASE: usize>(expected: &str) {
    let error = run::<CASE>().unwrap_err().to_string();
    let (before, line) = error.split_once(" (at ").unwrap_or((&error, ""));
    assert_eq!(before, expected);
    assert!(line.starts_with(file!()), "{error}");
}

/// The keys of rejected records, each with its reason, and the rows of `rows`.
fn rejections_and_rows<const CASE: usize>() -> (Vec<(Vec<u8>, String)>, Vec<Value>) {
    let run = run::<CASE>().unwrap();
    let rejected = run.rejections().iter();
    let rejected = rejected.map(|one| (one.key.clone(), one.reason.clone()));
    (rejected.collect(), run.rows("rows"))
}

/// Fails after its first entry.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("a", "b")?;
        Err(serde::ser::Error::custom("half a map"))
    }
}

const BROKEN: &str = "a row for the output `rows` cannot be serialized: half a map";

fn undeclared(_: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    let _ = out.emit_to("typo", &json!({}));
    Ok(())
}

#[test]
fn undeclared_output_fails_the_call_and_names_the_line() {
    check_failure::<0>(
        "`process` call 1 failed: the plan does not declare the output `typo`: it declares `rows`, `sums`",
    );
}

fn no_map_in_a_closure(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    batches.each(out, |_, out| {
        let _ = out.emit_to("rows", &json!([1]));
        Ok(())
    })
}

#[test]
fn row_that_is_not_a_map_fails_the_call_from_a_closure() {
    check_failure::<1>(
        "`process` call 1 failed: a row for the output `rows` is not a map: emit a struct or a map with \
         string keys",
    );
}

fn bad_merge_in_a_rejected_inner_record(
    batches: &Batches<'_>,
    out: &mut Out,
) -> Result<(), Failure> {
    batches.each(out, |_, out| {
        batches.each(out, |_, out| {
            let _ = out.merge("sums", &json!({"k": 1, "n": "text"}));
            Err(RecordError::reject("inner"))
        })?;
        Err(RecordError::reject("outer"))
    })
}

#[test]
fn bad_merge_fails_the_call_even_if_its_record_and_the_outer_one_are_rejected() {
    check_failure::<2>(
        "`process` call 1 failed: a row for the output `sums` has a text in the column `n`, which adds up \
         integers",
    );
}

#[test]
fn undeclared_output_fails_the_checkpoint() {
    check_failure::<3>(
        "`checkpoint` failed: the plan does not declare the output `typo`: it declares `rows`, `sums`",
    );
}

fn first_of_two(_: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    let _ = out.emit_to("first", &json!({}));
    let _ = out.emit_to("second", &json!({}));
    Ok(())
}

#[test]
fn first_of_several_refused_rows_is_named() {
    check_failure::<4>(
        "`process` call 1 failed: the plan does not declare the output `first`: it declares `rows`, `sums`",
    );
}

fn failure_in_a_closure(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    let _ = batches.each(out, |_, _| Err(Failure::retry("busy").into()));
    Ok(())
}

#[test]
fn failure_of_a_closure_fails_the_call_even_if_the_processor_ignores_it() {
    let Err(Error::Failed { failure, .. }) = run::<5>() else {
        panic!("it does not fail")
    };
    assert_eq!(failure, Failure::retry("busy"));
}

fn unserializable(_: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    let _ = out.emit_to("rows", &Broken);
    Ok(())
}

#[test]
fn row_that_cannot_be_serialized_fails_the_call_outside_of_records() {
    check_failure::<6>(&format!("`process` call 1 failed: {BROKEN}"));
    check_failure::<7>(&format!("`checkpoint` failed: {BROKEN}"));
}

fn unserializable_in_a_closure(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    batches.each(out, |record, out| {
        out.emit_to("rows", &json!({"offset": record.offset()}))?;
        if record.offset() == 0 {
            let _ = out.emit_to("rows", &Broken);
        }
        Ok(())
    })
}

#[test]
fn row_that_cannot_be_serialized_rejects_its_record_and_no_other() {
    let rejected = vec![(b"a".to_vec(), BROKEN.to_owned())];
    let rows = vec![json!({"offset": 1})];
    assert_eq!(rejections_and_rows::<8>(), (rejected, rows));
}

/// The broken row belongs to the outer record, and comes before the inner ones.
fn unserializable_in_an_inner_record(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    batches.each(out, |outer, out| {
        if outer.offset() == 0 {
            let _ = out.emit_to("rows", &Broken);
        }
        batches.each(out, |inner, out| {
            let offsets = [outer.offset(), inner.offset()];
            out.emit_to("rows", &json!({ "offsets": offsets }))
        })?;
        Ok(())
    })
}

#[test]
fn row_that_cannot_be_serialized_rejects_the_outer_record_that_it_belongs_to() {
    let rejected = vec![(b"a".to_vec(), BROKEN.to_owned())];
    let rows = vec![json!({"offsets": [1, 0]}), json!({"offsets": [1, 1]})];
    assert_eq!(rejections_and_rows::<9>(), (rejected, rows));
}

/// Handles the error itself, without a closure.
fn unserializable_and_rejected(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    for batch in batches {
        for record in batch.records() {
            if let Err(error) = out.emit_to("rows", &Broken) {
                out.reject(&record, format!("mine: {error}"));
            }
        }
    }
    Ok(())
}

#[test]
fn processor_may_reject_the_record_of_a_row_that_cannot_be_serialized_itself() {
    let reason = format!("mine: {BROKEN}");
    let rejected = [b"a", b"b"].map(|key| (key.to_vec(), reason.clone()));
    assert_eq!(rejections_and_rows::<10>(), (rejected.to_vec(), vec![]));
}
