use std::cell::Cell;
use std::error::Error as _;
use std::panic::catch_unwind;
use std::rc::Rc;

use serde::Deserialize;

use super::*;
use crate::out::Rejection;
use crate::reject;

/// Three records with every column: a value, a tombstone, another value.
fn origins() -> RawBatch {
    let first = rmp_serde::to_vec_named(&serde_json::json!({"url": "a"})).unwrap();
    let last = rmp_serde::to_vec_named(&serde_json::json!({"url": "bc"})).unwrap();
    let ends = [first.len(), first.len(), first.len() + last.len()];
    RawBatch {
        object_type: "origin".to_owned(),
        privileged: true,
        records: 3,
        values: [first, last].concat(),
        value_ends: ends.map(|end| u32::try_from(end).unwrap()).to_vec(),
        keys: b"k0k1".to_vec(),
        key_ends: vec![2, 4, 4],
        partitions: vec![4, 5, 6],
        offsets: vec![10, 11, u64::MAX],
        timestamps: vec![0, -1, -1000],
    }
}

#[derive(Deserialize)]
struct Origin<'a> {
    url: &'a str,
}

fn record(batch: &RawBatch, index: usize) -> Record<'_> {
    Batches::new(std::slice::from_ref(batch))
        .iter()
        .next()
        .unwrap()
        .records()
        .nth(index)
        .unwrap()
}

#[test]
fn columns_become_records() {
    let raw = origins();
    let first = record(&raw, 0);
    assert_eq!((first.object_type(), first.privileged()), ("origin", true));
    assert_eq!(
        (first.key(), first.partition(), first.offset()),
        (&b"k0"[..], 4, 10)
    );
    assert_eq!(
        (first.timestamp_ms(), first.is_tombstone()),
        (Some(0), false)
    );
    assert_eq!(first.value(), b"\x81\xa3url\xa1a");
    assert_eq!(first.value_len(), 7);
    let second = record(&raw, 1);
    assert_eq!(
        (second.key(), second.value(), second.value_len()),
        (&b"k1"[..], &b""[..], 0)
    );
    assert_eq!((second.timestamp_ms(), second.is_tombstone()), (None, true));
    let third = record(&raw, 2);
    assert_eq!((third.key(), third.offset()), (&b""[..], u64::MAX));
    assert_eq!(third.timestamp_ms(), Some(-1000));
    assert_eq!(third.decode::<Origin<'_>>().unwrap().url, "bc");
}

#[test]
fn text_is_borrowed_from_the_batch() {
    let raw = origins();
    let url = record(&raw, 0).decode::<Origin<'_>>().unwrap().url;
    assert!(raw.values.as_ptr_range().contains(&url.as_ptr()));
}

#[test]
fn tombstone_and_wrong_type_cannot_be_decoded_and_say_so() {
    let raw = origins();
    let error = record(&raw, 1).decode::<Origin<'_>>().err().unwrap();
    assert_eq!(error.to_string(), "the record has no value");
    let error = record(&raw, 0).decode::<u32>().unwrap_err();
    assert_eq!(error.to_string(), "the value cannot be decoded");
    assert!(error.source().is_some());
    let error = record(&raw, 2).decode_key::<u32>().unwrap_err();
    assert_eq!(error.to_string(), "the record has no key");
}

#[test]
fn sums_of_a_batch_agree_with_its_records() {
    let raw = origins();
    let batches = Batches::new(std::slice::from_ref(&raw));
    let batch = batches.iter().next().unwrap();
    assert_eq!(
        (batch.len(), batch.tombstones(), batch.value_bytes()),
        (3, 1, 15)
    );
    assert_eq!(
        batch
            .records()
            .map(|record| record.value_len())
            .sum::<usize>(),
        15
    );
    assert_eq!((batch.records().len(), batches.records()), (3, 3));

    let only_tombstones = RawBatch {
        records: 2,
        value_ends: vec![0, 0],
        ..RawBatch::default()
    };
    let batches = Batches::new(std::slice::from_ref(&only_tombstones));
    let batch = batches.iter().next().unwrap();
    assert_eq!((batch.tombstones(), batch.value_bytes()), (2, 0));
}

#[track_caller]
fn check_missing(column: &str, read: impl Fn(Record<'_>) + std::panic::RefUnwindSafe) {
    let raw = RawBatch {
        records: 1,
        ..RawBatch::default()
    };
    let panic = catch_unwind(|| read(record(&raw, 0))).unwrap_err();
    let expected =
        format!("the column `{column}` was not asked for: name it in the plan's columns");
    assert_eq!(panic.downcast_ref::<String>(), Some(&expected));
}

#[test]
fn reading_a_column_that_was_not_asked_for_panics_with_its_name() {
    check_missing("values", |record| {
        let _ = record.value();
    });
    check_missing("values", |record| {
        let _ = record.decode::<u8>();
    });
    check_missing("value-ends", |record| {
        let _ = record.is_tombstone();
    });
    check_missing("keys", |record| {
        let _ = record.key();
    });
    check_missing("partitions", |record| {
        let _ = record.partition();
    });
    check_missing("offsets", |record| {
        let _ = record.offset();
    });
    check_missing("timestamps", |record| {
        let _ = record.timestamp_ms();
    });
}

thread_local! {
    static PANICKED_IN: Cell<Option<String>> = const { Cell::new(None) };
}

#[test]
fn panic_for_a_missing_column_names_the_line_that_reads_it() {
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICKED_IN.set(panic.location().map(|at| at.file().to_owned()));
        default_hook(panic);
    }));
    let raw = RawBatch {
        object_type: "origin".to_owned(),
        records: 1,
        ..RawBatch::default()
    };
    let batches = Batches::new(std::slice::from_ref(&raw));
    let reads: [fn(Batches<'_>); 3] = [
        |batches| {
            drop(batches.each(&mut out(), |record, _| {
                record.decode::<u8>()?;
                Ok(())
            }));
        },
        |batches| drop(batches.each_origin(&mut out(), |_, _| Ok(()))),
        |batches| {
            for batch in &batches {
                let _ = batch.value_bytes();
            }
        },
    ];
    for (number, read) in reads.into_iter().enumerate() {
        assert!(catch_unwind(|| read(batches)).is_err());
        let file = PANICKED_IN.take().unwrap();
        assert!(file.ends_with("batch/tests.rs"), "{number}: {file}");
    }
}

#[test]
fn value_without_its_column_panics_even_when_its_size_is_known() {
    let raw = RawBatch {
        records: 1,
        value_ends: vec![5],
        ..RawBatch::default()
    };
    assert_eq!(record(&raw, 0).value_len(), 5);
    assert!(catch_unwind(|| record(&raw, 0).value()).is_err());
}

#[test]
fn sums_without_their_column_panic() {
    let raw = RawBatch {
        records: 1,
        ..RawBatch::default()
    };
    let batch = Batches::new(std::slice::from_ref(&raw))
        .iter()
        .next()
        .unwrap();
    assert!(catch_unwind(|| batch.value_bytes()).is_err());
    assert!(catch_unwind(|| batch.tombstones()).is_err());
}

fn out() -> Out {
    Out::new(
        vec![crate::out::OutputPlan {
            name: "rows".to_owned(),
            shape: None,
            order: None,
            types: None,
        }],
        Box::new(|_: u32, _: &[u8], _: &[u32]| ()),
    )
}

#[test]
fn each_continues_after_a_rejected_record() {
    let batches = [
        RawBatch {
            records: 1,
            value_ends: vec![1],
            ..RawBatch::default()
        },
        origins(),
    ];
    let mut out = out();
    let mut seen = Vec::new();
    let result = Batches::new(&batches).each(&mut out, |record, _| {
        seen.push(record.indices());
        if record.value_len() == 1 {
            reject!("too short: {}", record.value_len());
        }
        record.decode::<Origin<'_>>()?;
        Ok(())
    });
    assert_eq!(result, Ok(()));
    assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (1, 2)]);
    let expected = [(0, 0, "too short: 1"), (1, 1, "the record has no value")];
    let expected = expected.map(|(batch, index, reason)| Rejection {
        batch,
        index,
        reason: reason.to_owned(),
    });
    assert_eq!(out.take_rejections(), expected);
}

#[test]
fn each_stops_at_a_failure() {
    let raw = origins();
    let mut seen = 0;
    let result = Batches::new(std::slice::from_ref(&raw)).each(&mut out(), |_, _| {
        seen += 1;
        Err(Failure::retry("busy"))?;
        Ok(())
    });
    assert_eq!((result, seen), (Err(Failure::retry("busy")), 1));
}

#[test]
fn ignored_failure_rolls_back_its_record_and_leaves_no_record_open() {
    let raw = origins();
    let delivered = Rc::new(Cell::new(0));
    let keep = Rc::clone(&delivered);
    let deliver = Box::new(move |_: u32, _: &[u8], ends: &[u32]| keep.set(keep.get() + ends.len()));
    let mut out = Out::new(
        vec![crate::out::OutputPlan {
            name: "rows".to_owned(),
            shape: None,
            order: None,
            types: None,
        }],
        deliver,
    );
    let row = serde_json::json!({"text": "x".repeat(2 << 20)});
    let result = Batches::new(std::slice::from_ref(&raw)).each(&mut out, |_, out| {
        out.emit(&row)?;
        Err(Failure::retry("busy").into())
    });
    assert_eq!((result, delivered.get()), (Err(Failure::retry("busy")), 0));
    out.emit(&row).unwrap();
    assert_eq!(delivered.get(), 1, "a large row is delivered at once again");
}

#[test]
fn rows_of_an_inner_each_belong_to_the_outer_record() {
    let raw = origins();
    let batches = Batches::new(std::slice::from_ref(&raw));
    let delivered = Rc::new(Cell::new(0));
    let keep = Rc::clone(&delivered);
    let deliver = Box::new(move |_: u32, _: &[u8], ends: &[u32]| keep.set(keep.get() + ends.len()));
    let mut out = Out::new(
        vec![crate::out::OutputPlan {
            name: "rows".to_owned(),
            shape: None,
            order: None,
            types: None,
        }],
        deliver,
    );
    let row = serde_json::json!({});
    let result = batches.each(&mut out, |record, out| {
        out.emit(&row)?;
        batches.each(out, |_, out| out.emit(&row))?;
        record.decode::<Origin<'_>>()?;
        Ok(())
    });
    assert_eq!(result, Ok(()));
    out.flush();
    assert_eq!(
        delivered.get(),
        2 * 4,
        "the four rows of the tombstone are rolled back"
    );
}

#[test]
fn iterators_reach_every_record_and_can_reject_it() {
    let batches = [origins(), origins()];
    let mut out = out();
    for batch in &Batches::new(&batches) {
        for record in batch.records().filter(Record::is_tombstone) {
            out.reject(&record, "gone");
        }
    }
    let indices: Vec<_> = out
        .take_rejections()
        .iter()
        .map(|one| (one.batch, one.index))
        .collect();
    assert_eq!(indices, [(0, 1), (1, 1)]);
}
