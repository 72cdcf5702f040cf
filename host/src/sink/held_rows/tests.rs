use std::sync::Arc;

use journal_aggregate::{Column, Merge, Shape};

use super::stream::MAPPED_BYTES;
use super::*;
use crate::journal::plan::Kind;
use crate::sink::SinkError;
use crate::sink::jsonl::Destinations;
use crate::sink::testing::{Bound, Memory};

/// More than any test makes in a call, unless it means to.
const LIMITS: RowLimits = RowLimits {
    call_bytes: 1 << 30,
    most_bytes: None,
};

fn aggregate(name: &str, merge: Merge) -> Output {
    Output {
        kind: Kind::Aggregate(Arc::new(Shape {
            key: vec!["k".to_owned()],
            columns: vec![Column {
                name: "v".to_owned(),
                merge,
                by: None,
            }],
        })),
        ..append(name)
    }
}

fn append(name: &str) -> Output {
    Output::untyped(name)
}

/// Rows of the outputs `sums`, `rows` and `most`, and the sink that they are committed to.
fn bound() -> (Bound, Memory) {
    let memory = Memory::default();
    let outputs = [
        aggregate("sums", Merge::Sum),
        append("rows"),
        aggregate("most", Merge::Max),
    ];
    (memory.bound(&outputs, LIMITS), memory)
}

/// The rows of the checkpoint written last, by output; empty when there was none since this was asked last.
fn written(memory: &Memory) -> Vec<Vec<u8>> {
    let mut written = memory.written();
    assert!(written.checkpoints.len() <= 1, "each is looked at");
    written.checkpoints.pop().unwrap_or_default()
}

/// `{"k": key, "v": value}`, where the value is msgpack.
fn row(key: u8, value: &[u8]) -> Vec<u8> {
    [b"\x82\xa1k", &[key][..], b"\xa1v", value].concat()
}

fn emit(bound: &mut Bound, output: usize, rows: &[Vec<u8>]) -> Result<(), RowError> {
    let mut ends = Vec::new();
    let mut all = Vec::new();
    for row in rows {
        all.extend_from_slice(row);
        ends.push(u32::try_from(all.len()).unwrap());
    }
    bound.emit(output, &all, &ends)
}

/// A call that emits these sums and returns well.
fn call(bound: &mut Bound, rows: &[(u8, u8)]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|&(key, value)| row(key, &[value]))
        .collect();
    emit(bound, 0, &rows).unwrap();
    bound.rows.end_call();
}

#[test]
fn rows_of_append_outputs_keep_their_order() {
    let (mut bound, memory) = bound();
    emit(&mut bound, 1, &[b"\x80".to_vec(), b"\x90".to_vec()]).unwrap();
    emit(&mut bound, 2, &[row(1, &[5]), row(1, &[4])]).unwrap();
    emit(&mut bound, 1, &[b"\xa0".to_vec()]).unwrap();
    bound.rows.end_call();
    bound.flush().unwrap();
    let expected = [vec![], b"\x80\x90\xa0".to_vec(), row(1, &[5])];
    assert_eq!(written(&memory), expected);
}

#[test]
fn outputs_that_the_plan_lacks_are_refused() {
    let (mut bound, _) = bound();
    let error = bound.emit(3, &[], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it emitted to output 3, but its plan has 3"
    );
    assert!(HeldRows::default().emit(0, b"\x80", &[1]).is_err());
}

#[test]
fn calls_of_one_checkpoint_become_one_row_a_key_in_the_order_of_their_first() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(2, 1), (1, 2)]);
    call(&mut bound, &[(1, 3), (3, 4), (2, 5)]);
    assert!(written(&memory).is_empty());
    bound.flush().unwrap();
    let expected = [row(2, &[6]), row(1, &[5]), row(3, &[4])].concat();
    assert_eq!(written(&memory)[0], expected);
    bound.flush().unwrap();
    assert!(written(&memory)[0].is_empty());
    call(&mut bound, &[(1, 7)]);
    bound.flush().unwrap();
    assert_eq!(written(&memory)[0], row(1, &[7]));
}

#[test]
fn rows_are_counted_by_output_without_those_of_failed_calls() {
    let (mut bound, _) = bound();
    let counts = |bound: &Bound| bound.rows.counts().collect::<Vec<_>>();
    emit(&mut bound, 1, &[b"\x80".to_vec(), b"\x80".to_vec()]).unwrap();
    call(&mut bound, &[(1, 1), (2, 1), (1, 1)]);
    emit(&mut bound, 1, &[b"\x80".to_vec()]).unwrap();
    bound.rows.rollback_call();
    bound.rows.seal().unwrap();
    assert_eq!(
        counts(&bound),
        [2, 2, 0],
        "merged rows count as they are written"
    );
    bound.rows.seal().unwrap();
    assert_eq!(counts(&bound), [2, 2, 0]);
    let bytes = |bound: &Bound| bound.rows.encoded_bytes().collect::<Vec<_>>();
    let streams = bound.rows.streams(0).iter();
    let written: usize = streams.map(|stream| stream.bytes().len()).sum();
    assert_eq!(bytes(&bound).iter().sum::<u64>(), written as u64);
    let has_bytes: Vec<bool> = bytes(&bound).iter().map(|&bytes| bytes > 0).collect();
    assert_eq!(has_bytes, [true, true, false]);
    bound.rows.clear();
    assert_eq!(counts(&bound), [0, 0, 0]);
    assert_eq!(bytes(&bound), [0, 0, 0]);
}

#[test]
fn failed_call_has_no_effect_and_the_calls_before_it_stay() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    emit(&mut bound, 0, &[row(1, &[9]), row(2, &[9])]).unwrap();
    emit(&mut bound, 0, &[row(1, &[9])]).unwrap();
    emit(&mut bound, 1, &[b"\x80".to_vec()]).unwrap();
    bound.rows.rollback_call();
    call(&mut bound, &[(3, 1), (1, 1)]);
    bound.flush().unwrap();
    let expected = [[row(1, &[2]), row(3, &[1])].concat(), vec![], vec![]];
    assert_eq!(written(&memory), expected);
}

#[test]
fn call_goes_back_to_its_last_savepoint_or_to_its_beginning() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    let emit_both = |bound: &mut Bound, key, value| {
        emit(bound, 0, &[row(key, &[value])]).unwrap();
        emit(bound, 1, &[row(key, &[value])]).unwrap();
    };
    emit_both(&mut bound, 1, 2);
    bound.rows.rollback_to_savepoint();
    emit_both(&mut bound, 1, 4);
    bound.rows.savepoint();
    emit_both(&mut bound, 1, 8);
    emit_both(&mut bound, 2, 8);
    for _ in 0..2 {
        bound.rows.rollback_to_savepoint();
        emit_both(&mut bound, 1, 16);
    }
    bound.rows.savepoint();
    emit_both(&mut bound, 3, 32);
    bound.rows.rollback_to_savepoint();
    bound.rows.end_call();
    // The savepoint was that of the call before.
    bound.rows.rollback_to_savepoint();
    bound.flush().unwrap();
    let rows = [row(1, &[4]), row(1, &[16])].concat();
    assert_eq!(written(&memory), [row(1, &[1 + 4 + 16]), rows, vec![]]);
}

#[test]
fn failed_call_is_rolled_back_beyond_its_savepoint() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    emit(&mut bound, 0, &[row(1, &[2])]).unwrap();
    emit(&mut bound, 1, &[row(1, &[2])]).unwrap();
    bound.rows.savepoint();
    emit(&mut bound, 0, &[row(1, &[4])]).unwrap();
    bound.rows.rollback_call();
    bound.rows.rollback_to_savepoint();
    bound.flush().unwrap();
    assert_eq!(written(&memory), [row(1, &[1]), vec![], vec![]]);
}

#[test]
fn rows_of_a_call_that_has_not_returned_do_not_belong_to_the_checkpoint() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    emit(&mut bound, 0, &[row(1, &[9]), row(2, &[9])]).unwrap();
    emit(&mut bound, 1, &[b"\x80".to_vec()]).unwrap();
    bound.flush().unwrap();
    assert_eq!(written(&memory), [row(1, &[1]), vec![], vec![]]);
}

#[test]
fn cleared_rows_are_gone() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    emit(&mut bound, 0, &[row(1, &[1])]).unwrap();
    emit(&mut bound, 1, &[b"\x80".to_vec()]).unwrap();
    bound.rows.clear();
    assert_eq!(bound.rows.held_bytes(), 0);
    bound.flush().unwrap();
    assert!(written(&memory).concat().is_empty());
}

#[test]
fn commit_that_fails_leaves_everything_for_the_next_once() {
    let (mut bound, memory) = bound();
    memory.written().answers = vec![Err(SinkError::ReaderGone), Err(SinkError::ReaderGone)];
    call(&mut bound, &[(1, 1)]);
    assert!(bound.flush().is_err());
    assert!(bound.flush().is_err());
    assert!(written(&memory).is_empty());
    bound.flush().unwrap();
    assert_eq!(written(&memory)[0], row(1, &[1]));
}

#[test]
fn merged_rows_that_cannot_be_encoded_leave_the_rows_as_they_were() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1)]);
    emit(&mut bound, 2, &[row(1, &[1])]).unwrap();
    bound.rows.end_call();
    let held = bound.rows.held_bytes();
    memory.written().refuses = Some("most".to_owned());
    let error = bound.rows.seal().unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 0 of those emitted to `most` is not msgpack"
    );
    assert_eq!(bound.rows.held_bytes(), held);
    memory.written().refuses = None;
    bound.flush().unwrap();
    assert_eq!(written(&memory), [row(1, &[1]), vec![], row(1, &[1])]);
}

#[test]
fn held_bytes_grow_with_the_keys_and_not_with_the_rows() {
    let (mut bound, _) = bound();
    call(&mut bound, &[(1, 1)]);
    let one = bound.rows.held_bytes();
    assert!(one > 0);
    for _ in 0..100 {
        call(&mut bound, &[(1, 1)]);
    }
    assert_eq!(bound.rows.held_bytes(), one);
    call(&mut bound, &[(2, 1)]);
    assert_eq!(bound.rows.held_bytes(), 2 * one);
    bound.flush().unwrap();
    assert_eq!(bound.rows.held_bytes(), 0);
}

#[test]
fn held_bytes_are_no_less_than_the_rows_that_a_checkpoint_makes() {
    let name = "k".repeat(Shape::MAX_NAME);
    let shape = Shape {
        key: vec![name.clone()],
        columns: vec![Column {
            name: "v".to_owned(),
            merge: Merge::Sum,
            by: None,
        }],
    };
    let output = Output {
        kind: Kind::Aggregate(Arc::new(shape)),
        ..append("wide")
    };
    let mut row = vec![0x82, 0xd9, 63];
    row.extend_from_slice(name.as_bytes());
    row.extend_from_slice(b"\x01\xa1v\x01");
    let mut bound = Memory::default().bound(&[output], LIMITS);
    emit(&mut bound, 0, std::slice::from_ref(&row)).unwrap();
    assert!(bound.rows.held_bytes() >= row.len());
}

#[test]
fn bad_rows_are_named_with_their_output_and_index() {
    let (mut bound, _) = bound();
    let good = || row(1, b"\x01");
    for (bad, expected) in [
        (
            b"\x81\xa1k\x01".to_vec(),
            "row 1 of those emitted to `sums` lacks the field `v`",
        ),
        (
            row(1, b"\xa1a"),
            "row 1 of those emitted to `sums` has a text in the column `v`, which adds up integers",
        ),
        (
            row(1, b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
            "row 1 of those emitted to `sums` takes the sum in the column `v` of the key [1] out of the range \
             of 64 bits",
        ),
        (
            b"\x82\xa1k".to_vec(),
            "row 1 of those emitted to `sums` is not valid msgpack: it ends inside a value",
        ),
    ] {
        let error = emit(&mut bound, 0, &[good(), bad]).unwrap_err();
        assert_eq!(error.to_string(), expected);
        bound.rows.rollback_call();
    }
    for ends in [&[5][..], &[7, 6], &[100]] {
        let error = bound.emit(0, &good(), ends).unwrap_err();
        assert!(
            error.to_string().starts_with("the ends of the rows")
                || error.to_string().contains("msgpack"),
            "{error}"
        );
        bound.rows.rollback_call();
    }
}

#[test]
fn growth_of_one_call_is_bounded_over_all_outputs() {
    let outputs = [aggregate("a", Merge::Sum), aggregate("b", Merge::Sum)];
    let limits = RowLimits {
        call_bytes: 10_000,
        ..LIMITS
    };
    let mut bound = Memory::default().bound(&outputs, limits);
    let fill = |bound: &mut Bound, output| {
        (0..128).try_for_each(|key| emit(bound, output, &[row(key, b"\x01")]))
    };
    fill(&mut bound, 0).unwrap();
    let error = fill(&mut bound, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its rows take more than 10000 bytes in `b`"
    );
    bound.rows.rollback_call();
    // What earlier calls made does not count.
    fill(&mut bound, 0).unwrap();
    bound.rows.end_call();
    fill(&mut bound, 1).unwrap();
}

#[test]
fn rows_under_known_keys_are_checked_again_unless_they_are_integers() {
    let (mut bound, memory) = bound();
    call(&mut bound, &[(1, 1), (1, 1), (1, 1)]);
    assert_eq!(memory.written().encoded, 1);
    let text = || row(1, b"\xa1a");
    emit(&mut bound, 2, &[text(), text()]).unwrap();
    assert_eq!(memory.written().encoded, 3);
}

#[test]
fn merged_rows_count_with_their_encoding_where_memory_is_limited() {
    let outputs = [aggregate("most", Merge::Max)];
    let limited = |call_bytes| {
        let limits = RowLimits {
            call_bytes,
            most_bytes: Some(1 << 20),
        };
        Memory::default().bound(&outputs, limits)
    };
    let fill = |bound: &mut Bound| emit(bound, 0, &[row(1, b"\xa1a"), row(2, b"\xa1b")]);
    let mut usual = Memory::default().bound(&outputs, LIMITS);
    fill(&mut usual).unwrap();
    let mut tight = limited(LIMITS.call_bytes);
    fill(&mut tight).unwrap();
    assert!(tight.rows.held_bytes() > 3 * usual.rows.held_bytes());
    // What would fit without it.
    let error = fill(&mut limited(usual.rows.held_bytes())).unwrap_err();
    assert!(matches!(error, RowError::TooMuch { .. }), "{error}");
}

#[test]
fn streams_never_grow_where_memory_is_limited_and_keep_nothing() {
    let limits = RowLimits {
        call_bytes: 1 << 20,
        most_bytes: Some(1 << 20),
    };
    let mut bound = Memory::default().bound(&[append("rows")], limits);
    for _ in 0..100 {
        emit(&mut bound, 0, &[b"\x80".to_vec()]).unwrap();
        bound.rows.end_call();
        assert_eq!(bound.rows.streams[0][0].bytes.capacity(), MAPPED_BYTES);
    }
    bound.flush().unwrap();
    assert_eq!(bound.rows.streams[0][0].bytes.capacity(), 0);
}

#[test]
fn memory_of_an_unusual_checkpoint_is_given_back() {
    let mut bound = Memory::default().bound(&[append("rows")], LIMITS);
    let row = vec![0x80; 8 << 20];
    for _ in 0..10 {
        emit(&mut bound, 0, std::slice::from_ref(&row)).unwrap();
    }
    bound.rows.end_call();
    assert!(bound.rows.held_bytes() >= 80 << 20);
    bound.flush().unwrap();
    assert!(bound.rows.streams[0][0].bytes.capacity() <= KEPT_CAPACITY);
}

#[test]
fn rows_that_were_sealed_stay_as_they_are() {
    let (mut bound, _) = bound();
    call(&mut bound, &[(1, 1)]);
    bound.rows.seal().unwrap();
    let before = bound.rows.streams(0)[0].bytes().to_vec();
    bound.rows.seal().unwrap();
    assert_eq!(bound.rows.streams(0)[0].bytes(), before);
}

#[test]
fn what_json_lacks_is_refused_at_once_and_many_rows_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let outputs = [aggregate("most", Merge::Max)];
    let binding = file.to_str().unwrap().to_owned();
    // Less than the merged rows will take.
    let destinations = Destinations::open(&[binding], &outputs).unwrap();
    let limits = RowLimits {
        call_bytes: 1 << 20,
        ..LIMITS
    };
    let mut bound = Bound::new(&destinations, &outputs, limits);
    for (value, reason) in [
        (
            &b"\xcb\x7f\xf8\0\0\0\0\0\0"[..],
            "has the number NaN, which JSON lacks, in the field `v`",
        ),
        (b"\xa1\xff", "has a text that is not UTF-8 in the field `v`"),
    ] {
        let error = emit(&mut bound, 0, &[row(1, value)]).unwrap_err();
        assert!(error.to_string().ends_with(reason), "{error}");
        bound.rows.rollback_call();
    }
    let text = [b"\xda\x80\x00".as_slice(), &b"x".repeat(0x8000)].concat();
    for key in 0..100 {
        emit(&mut bound, 0, &[row(key, &text)]).unwrap();
        bound.rows.end_call();
    }
    bound.flush().unwrap();
    let lines = std::fs::read_to_string(file).unwrap();
    assert_eq!(lines.lines().count(), 100);
    let last = format!("{{\"k\":99,\"v\":\"{}\"}}", "x".repeat(0x8000));
    assert_eq!(lines.lines().last(), Some(last.as_str()));
}

/// As many looks as `allowed` find that there is time.
fn while_allowed(allowed: usize) -> impl FnMut() -> bool {
    let mut looks = 0;
    move || {
        looks += 1;
        looks <= allowed
    }
}

#[test]
fn time_is_looked_at_for_each_thousand_rows_and_for_each_256_kib() {
    let small = row(b'a', &[1]);
    let large = row(
        b'b',
        &[&[0xc6, 0, 2, 0, 0][..], &vec![0; 128 << 10][..]].concat(),
    );
    for (rows, each) in [(vec![small; 3000], 1000), (vec![large; 6], 2)] {
        let mut bytes = Vec::new();
        let ends = rows.iter().map(|row| {
            bytes.extend_from_slice(row);
            u32::try_from(bytes.len()).unwrap()
        });
        let ends: Vec<u32> = ends.collect();
        let looks = rows.len() / each;
        let mut held = bound().0;
        let taken = |held: &mut Bound, allowed| {
            let taken = held
                .rows
                .emit_while(1, &bytes, &ends, while_allowed(allowed));
            held.rows.rollback_call();
            taken
        };
        assert!(taken(&mut held, looks).is_ok());
        let error = taken(&mut held, looks - 1).unwrap_err();
        assert!(matches!(error, RowError::OutOfTime { .. }), "{error:?}");
    }
}

#[test]
fn sealing_that_takes_too_long_changes_nothing_and_can_be_repeated() {
    let (mut held, memory) = bound();
    let keys: Vec<_> = (0..2500_u32)
        .map(|number| {
            let key = number.to_be_bytes();
            [b"\x82\xa1k\xc4\x04", &key[..], b"\xa1v\x01"].concat()
        })
        .collect();
    emit(&mut held, 0, &keys).unwrap();
    held.rows.end_call();
    let before = held.rows.held_bytes();
    let error = held.rows.seal_while(while_allowed(1)).unwrap_err();
    assert!(matches!(error, RowError::OutOfTime { .. }), "{error:?}");
    assert_eq!(held.rows.held_bytes(), before);
    held.rows.seal_while(while_allowed(2)).unwrap();
    assert_eq!(held.rows.counts().next(), Some(2500));
    drop(memory);
}

#[test]
fn types_are_checked_when_a_row_is_emitted_also_under_a_known_key() {
    let column = |name: &str, column_type| journal_rows::Column {
        name: name.to_owned(),
        column_type,
        nullable: false,
        summary: String::new(),
    };
    let typed = journal_rows::RowType::new(vec![
        column("k", journal_rows::ColumnType::Uint),
        column("v", journal_rows::ColumnType::Uint),
    ]);
    let typed = Some(Arc::new(typed.unwrap()));
    let outputs = [aggregate("sums", Merge::Sum), append("rows")].map(|output| Output {
        row: typed.clone(),
        ..output
    });
    let bindings = ["/dev/null".to_owned()];
    let lines = crate::sink::jsonl::Destinations::open(&bindings, &outputs).unwrap();
    let mut bound = Bound::new(&lines, &outputs, LIMITS);
    for output in [0, 1] {
        emit(&mut bound, output, &[row(1, b"\x01")]).unwrap();
        for bad in [&b"\xff"[..], b"\xc0"] {
            let error = emit(&mut bound, output, &[row(1, b"\x01"), row(1, bad)]).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("row 1 of those emitted to"), "{text}");
            assert!(text.ends_with("in the field `v`"), "{text}");
            bound.rows.rollback_call();
        }
    }
}

#[test]
fn encoding_of_a_huge_row_is_interrupted_between_attempts() {
    let (mut held, memory) = bound();
    let huge = row(1, &vec![0; 20 << 20]);
    let ends = [u32::try_from(huge.len()).unwrap()];
    let error = held.rows.emit_while(1, &huge, &ends, while_allowed(0));
    let error = error.unwrap_err();
    assert!(matches!(error, RowError::OutOfTime { .. }), "{error:?}");
    held.rows.rollback_call();
    assert_eq!(held.rows.held_bytes(), 0);
    // Once between the two attempts, and once after the row.
    let taken = held.rows.emit_while(1, &huge, &ends, while_allowed(2));
    taken.unwrap();
    held.rows.end_call();
    assert_eq!(memory.written().encoded, 3);
    assert_eq!(held.rows.held_bytes(), huge.len());
}

#[test]
fn huge_row_has_the_limit_of_its_call() {
    let memory = Memory::default();
    let limits = RowLimits {
        call_bytes: 24 << 20,
        most_bytes: None,
    };
    let mut held = memory.bound(&[append("rows")], limits);
    emit(&mut held, 0, &[row(1, &vec![0; 20 << 20])]).unwrap();
    held.rows.rollback_call();
    let error = emit(&mut held, 0, &[row(1, &vec![0; 24 << 20])]).unwrap_err();
    assert!(matches!(error, RowError::TooMuch { .. }), "{error:?}");
}
