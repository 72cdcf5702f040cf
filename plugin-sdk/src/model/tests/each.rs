//! Closures for the objects of one type.

use std::cell::RefCell;

use crate::batch::RawBatch;
use crate::out::Rejection;
use crate::{Batches, ContentStatus, Failure, Out, RecordError, owned};

/// A batch of these values; an empty one is a tombstone.
fn batch(object_type: &str, values: &[&[u8]]) -> RawBatch {
    let mut ends = Vec::new();
    for value in values {
        let end = ends.last().copied().unwrap_or(0) + u32::try_from(value.len()).unwrap();
        ends.push(end);
    }
    RawBatch {
        object_type: object_type.to_owned(),
        records: u32::try_from(values.len()).unwrap(),
        values: values.concat(),
        value_ends: ends,
        ..RawBatch::default()
    }
}

/// Runs `process` over the batches. Returns the rows and the rejections, by batch and record.
fn run(
    batches: &[RawBatch],
    process: impl FnOnce(&Batches<'_>, &mut Out) -> Result<(), Failure>,
) -> (Vec<String>, Vec<(u32, u32, String)>) {
    let rows = std::rc::Rc::new(RefCell::new(Vec::new()));
    let keep = std::rc::Rc::clone(&rows);
    let deliver = Box::new(move |_: u32, bytes: &[u8], ends: &[u32]| {
        let mut start = 0;
        for &end in ends {
            let row: std::collections::BTreeMap<String, String> =
                rmp_serde::from_slice(&bytes[start..end as usize]).unwrap();
            keep.borrow_mut().extend(row.into_values());
            start = end as usize;
        }
    });
    let mut out = Out::new(crate::Plan::new(crate::ANY).outputs(), deliver);
    process(&Batches::new(batches), &mut out).unwrap();
    out.flush();
    let rejections = out.take_rejections().into_iter();
    let rejections = rejections
        .map(
            |Rejection {
                 batch,
                 index,
                 reason,
             }| (batch, index, reason),
        )
        .collect();
    (rows.take(), rejections)
}

fn emit(out: &mut Out, text: &str) -> Result<(), RecordError> {
    out.emit(&std::collections::BTreeMap::from([("text", text)]))
}

fn origin(url: &str) -> Vec<u8> {
    owned::Origin::new().url(url).encode()
}

fn contents() -> [RawBatch; 2] {
    let present = owned::Content::new().length(1).encode();
    let hidden = owned::Content::new()
        .length(2)
        .status(ContentStatus::Hidden)
        .encode();
    let absent = owned::SkippedContent::new().reason("large").encode();
    // {"status": 5, "length": 3}
    let broken = b"\x82\xa6status\x05\xa6length\x03";
    [
        batch("content", &[&present, &absent, &[], broken, &hidden]),
        batch("skipped_content", &[&absent, &[]]),
    ]
}

#[test]
fn objects_of_other_types_are_skipped() {
    let revision = owned::Revision::new().encode();
    let batches = [
        batch("revision", &[&revision, b"\xc1"]),
        batch("origin", &[&origin("a")]),
        batch("removal_notification", &[b"\xc1"]),
        batch("origin", &[&origin("b")]),
    ];
    let (rows, rejections) = run(&batches, |batches, out| {
        batches.each_origin(out, |origin, out| emit(out, origin.url()?))
    });
    assert_eq!(
        (&*rows, &*rejections),
        (&["a".into(), "b".into()][..], &[][..])
    );
}

#[test]
fn only_the_object_that_does_not_decode_is_rejected_with_its_rows() {
    // {"url": "b", "id": 5}
    let broken = b"\x82\xa3url\xa1b\xa2id\x05";
    let batches = [batch(
        "origin",
        &[&origin("a"), broken, &[], &origin("c"), b"\xc1"],
    )];
    let (rows, rejections) = run(&batches, |batches, out| {
        batches.each_origin(out, |origin, out| {
            emit(out, origin.url()?)?;
            emit(out, "and once more")?;
            origin.id()?;
            Ok(())
        })
    });
    assert_eq!(rows, ["a", "and once more", "c", "and once more"]);
    let reasons: Vec<_> = rejections
        .iter()
        .map(|(_, index, reason)| (*index, &**reason))
        .collect();
    assert_eq!(
        reasons,
        [
            (
                1,
                "`id` of the origin is an integer where bytes are expected (byte 10 of the value)"
            ),
            (
                4,
                "the origin is not valid msgpack: it holds the byte 0xc1 (byte 0 of the value)"
            ),
        ]
    );
}

#[test]
fn absent_contents_in_the_topic_of_contents_are_skipped_contents() {
    let (rows, rejections) = run(&contents(), |batches, out| {
        batches.each_content(out, |content, out| {
            emit(out, &content.length()?.to_string())
        })
    });
    assert_eq!(rows, ["1", "2"]);
    let refused: Vec<_> = rejections.iter().map(|rejection| rejection.1).collect();
    assert_eq!(refused, [3]);

    let (rows, rejections) = run(&contents(), |batches, out| {
        batches.each_skipped_content(out, |content, out| emit(out, content.reason()?))
    });
    assert_eq!(rows, ["large", "large"]);
    assert_eq!(rejections.len(), 1);
}

#[test]
fn record_that_one_closure_rejects_keeps_the_rows_of_another() {
    let value = origin("https://example.org");
    let (rows, rejections) = run(&[batch("origin", &[&value])], |batches, out| {
        batches.each_origin(out, |_, out| emit(out, "before"))?;
        batches.each_origin(out, |_, out| {
            emit(out, "refused")?;
            Err(RecordError::reject("no"))
        })?;
        batches.each_origin(out, |_, out| emit(out, "after"))
    });
    assert_eq!(rows, ["before", "after"]);
    assert_eq!(rejections, [(0, 0, "no".to_owned())]);
}

#[test]
fn record_that_two_closures_reject_is_rejected_once() {
    let (_, rejections) = run(&contents(), |batches, out| {
        batches.each_content(out, |_, _| Ok(()))?;
        batches.each_skipped_content(out, |_, _| Ok(()))
    });
    let indices: Vec<_> = rejections
        .iter()
        .map(|(batch, index, _)| (*batch, *index))
        .collect();
    assert_eq!(indices, [(0, 3)]);
}

#[test]
fn privileged_topic_makes_privileged_objects() {
    let revision = owned::Revision::new().encode();
    for privileged in [false, true] {
        let batches = [RawBatch {
            privileged,
            ..batch("revision", &[&revision])
        }];
        let (rows, _) = run(&batches, |batches, out| {
            batches.each_revision(out, |revision, out| {
                emit(out, &revision.privileged().to_string())
            })
        });
        assert_eq!(rows, [privileged.to_string()]);
    }
}

#[test]
fn failure_ends_the_call() {
    let batches = [batch("origin", &[&origin("a"), &origin("b")])];
    let mut out = Out::new(Vec::new(), Box::new(|_: u32, _: &[u8], _: &[u32]| ()));
    let mut handled = 0;
    let failed = Batches::new(&batches).each_origin(&mut out, |_, _| {
        handled += 1;
        Err(Failure::fatal("no more").into())
    });
    assert!(failed.is_err() && handled == 1);
}
