use std::sync::Mutex;

use journal_aggregate::{Column, Merge};

use super::*;
use crate::sink::jsonl::Destinations;

/// More than any test makes in a call, unless it means to.
const CALL_BYTES: usize = 1 << 30;

/// A sink that keeps the rules of [`Sink`] and can be looked into.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    emitted: Vec<(usize, Vec<u8>)>,
    held: Vec<(usize, Vec<u8>)>,
    written: Vec<(usize, Vec<u8>)>,
    /// Rows that `check` saw.
    checked: usize,
    /// Answers that `flush` gives before it succeeds.
    failures: usize,
    /// An output that refuses merged rows.
    refuses: Option<usize>,
}

impl Fake {
    fn written(&self) -> Vec<(usize, Vec<u8>)> {
        mem::take(&mut self.0.lock().unwrap().written)
    }
}

fn bad_ends() -> RowError {
    let output = "a".to_owned();
    RowError::BadEnds { output }
}

impl Sink for Fake {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        let mut start = 0;
        for &end in row_ends {
            let row = rows[start..end as usize].to_vec();
            self.0.lock().unwrap().emitted.push((output, row));
            start = end as usize;
        }
        Ok(())
    }

    fn check(&mut self, _: usize, _: usize, _: &[u8]) -> Result<(), RowError> {
        self.0.lock().unwrap().checked += 1;
        Ok(())
    }

    fn emit_merged(&mut self, output: usize, rows: &[u8], ends: &[u32]) -> Result<(), RowError> {
        if self.0.lock().unwrap().refuses == Some(output) {
            return Err(bad_ends());
        }
        self.emit(output, rows, ends)
    }

    fn keep(&mut self) {
        let state = &mut *self.0.lock().unwrap();
        state.held.append(&mut state.emitted);
    }

    fn rollback_call(&mut self) {
        self.0.lock().unwrap().emitted.clear();
    }

    fn discard(&mut self) {
        self.rollback_call();
        self.0.lock().unwrap().held.clear();
    }

    fn held_bytes(&self) -> usize {
        self.0.lock().unwrap().held.len()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.rollback_call();
        let state = &mut *self.0.lock().unwrap();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(SinkError::ReaderGone);
        }
        state.written.append(&mut state.held);
        Ok(())
    }
}

fn aggregate(name: &str, merge: Merge) -> Output {
    let name_of_column = "v".to_owned();
    Output {
        name: name.to_owned(),
        kind: Kind::Aggregate(Arc::new(Shape {
            key: vec!["k".to_owned()],
            columns: vec![Column {
                name: name_of_column,
                merge,
            }],
        })),
        summary: None,
    }
}

fn append(name: &str) -> Output {
    Output {
        name: name.to_owned(),
        kind: Kind::Append,
        summary: None,
    }
}

/// The stage for the outputs `sums`, `rows` and `most`, and what is behind it.
fn stage() -> (Box<dyn Sink>, Fake) {
    let sink = Fake::default();
    let outputs = [
        aggregate("sums", Merge::Sum),
        append("rows"),
        aggregate("most", Merge::Max),
    ];
    (before(Box::new(sink.clone()), &outputs, CALL_BYTES), sink)
}

/// `{"k": key, "v": value}`, where the value is msgpack.
fn row(key: u8, value: &[u8]) -> Vec<u8> {
    [b"\x82\xa1k", &[key][..], b"\xa1v", value].concat()
}

fn emit(stage: &mut dyn Sink, output: usize, rows: &[Vec<u8>]) -> Result<(), RowError> {
    let mut ends = Vec::new();
    let mut all = Vec::new();
    for row in rows {
        all.extend_from_slice(row);
        ends.push(u32::try_from(all.len()).unwrap());
    }
    stage.emit(output, &all, &ends)
}

/// A call that emits these sums and returns well.
fn call(stage: &mut dyn Sink, rows: &[(u8, u8)]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|&(key, value)| row(key, &[value]))
        .collect();
    emit(stage, 0, &rows).unwrap();
    stage.keep();
}

#[test]
fn plan_without_aggregates_has_no_stage() {
    let sink = Fake::default();
    let mut stage = before(Box::new(sink.clone()), &[append("rows")], CALL_BYTES);
    emit(stage.as_mut(), 0, &[b"\x80".to_vec()]).unwrap();
    assert_eq!(sink.0.lock().unwrap().emitted.len(), 1);
}

#[test]
fn calls_of_one_checkpoint_become_one_row_a_key_in_the_order_of_their_first() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(2, 1), (1, 2)]);
    call(stage.as_mut(), &[(1, 3), (3, 4), (2, 5)]);
    assert!(sink.written().is_empty() && sink.0.lock().unwrap().emitted.is_empty());
    stage.flush().unwrap();
    let expected = [row(2, &[6]), row(1, &[5]), row(3, &[4])].map(|row| (0, row));
    assert_eq!(sink.written(), expected);
    stage.flush().unwrap();
    assert!(sink.written().is_empty());
    call(stage.as_mut(), &[(1, 7)]);
    stage.flush().unwrap();
    assert_eq!(sink.written(), [(0, row(1, &[7]))]);
}

#[test]
fn rows_of_append_outputs_pass() {
    let (mut stage, sink) = stage();
    emit(stage.as_mut(), 1, &[b"\x80".to_vec(), b"\x80".to_vec()]).unwrap();
    emit(stage.as_mut(), 2, &[row(1, &[5]), row(1, &[4])]).unwrap();
    stage.keep();
    stage.flush().unwrap();
    let expected = [
        (1, b"\x80".to_vec()),
        (1, b"\x80".to_vec()),
        (2, row(1, &[5])),
    ];
    assert_eq!(sink.written(), expected);
    assert!(matches!(stage.emit(3, &[], &[]), Ok(())));
}

#[test]
fn failed_call_has_no_effect_and_the_calls_before_it_stay() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(1, 1)]);
    emit(stage.as_mut(), 0, &[row(1, &[9]), row(2, &[9])]).unwrap();
    emit(stage.as_mut(), 0, &[row(1, &[9])]).unwrap();
    emit(stage.as_mut(), 1, &[b"\x80".to_vec()]).unwrap();
    stage.rollback_call();
    call(stage.as_mut(), &[(3, 1), (1, 1)]);
    stage.flush().unwrap();
    let expected = [row(1, &[2]), row(3, &[1])].map(|row| (0, row));
    assert_eq!(sink.written(), expected);
}

#[test]
fn rows_of_a_call_that_has_not_returned_are_not_flushed() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(1, 1)]);
    emit(stage.as_mut(), 0, &[row(1, &[9]), row(2, &[9])]).unwrap();
    stage.flush().unwrap();
    assert_eq!(sink.written(), [(0, row(1, &[1]))]);
}

#[test]
fn discarded_rows_are_gone() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(1, 1)]);
    emit(stage.as_mut(), 0, &[row(1, &[1])]).unwrap();
    stage.discard();
    assert_eq!(stage.held_bytes(), 0);
    stage.flush().unwrap();
    assert!(sink.written().is_empty());
}

#[test]
fn flush_that_fails_leaves_everything_for_the_next_once() {
    let (mut stage, sink) = stage();
    sink.0.lock().unwrap().failures = 2;
    call(stage.as_mut(), &[(1, 1)]);
    assert!(stage.flush().is_err());
    assert!(stage.flush().is_err());
    assert!(sink.written().is_empty());
    stage.flush().unwrap();
    assert_eq!(sink.written(), [(0, row(1, &[1]))]);
}

#[test]
fn merged_rows_that_the_sink_refuses_are_written_with_none_of_their_checkpoint() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(1, 1)]);
    emit(stage.as_mut(), 2, &[row(1, &[1])]).unwrap();
    stage.keep();
    sink.0.lock().unwrap().refuses = Some(2);
    let error = stage.flush().unwrap_err();
    assert_eq!(error.to_string(), "merged rows cannot be written");
    assert!(sink.written().is_empty() && sink.0.lock().unwrap().held.is_empty());
    sink.0.lock().unwrap().refuses = None;
    stage.flush().unwrap();
    assert_eq!(sink.written(), [(0, row(1, &[1])), (2, row(1, &[1]))]);
}

#[test]
fn held_bytes_grow_with_the_keys_and_not_with_the_rows() {
    let (mut stage, _) = stage();
    call(stage.as_mut(), &[(1, 1)]);
    let one = stage.held_bytes();
    assert!(one > 0);
    for _ in 0..100 {
        call(stage.as_mut(), &[(1, 1)]);
    }
    assert_eq!(stage.held_bytes(), one);
    call(stage.as_mut(), &[(2, 1)]);
    assert_eq!(stage.held_bytes(), 2 * one);
    stage.flush().unwrap();
    assert_eq!(stage.held_bytes(), 0);
}

#[test]
fn held_bytes_are_no_less_than_the_rows_that_a_checkpoint_makes() {
    let name = "k".repeat(Shape::MAX_NAME);
    let shape = Shape {
        key: vec![name.clone()],
        columns: vec![Column {
            name: "v".to_owned(),
            merge: Merge::Sum,
        }],
    };
    let output = Output {
        kind: Kind::Aggregate(Arc::new(shape)),
        ..append("wide")
    };
    let (sink, mut row) = (Fake::default(), vec![0x82, 0xd9, 63]);
    row.extend_from_slice(name.as_bytes());
    row.extend_from_slice(b"\x01\xa1v\x01");
    let mut stage = before(Box::new(sink), &[output], CALL_BYTES);
    emit(stage.as_mut(), 0, &[row.clone()]).unwrap();
    assert!(stage.held_bytes() >= row.len());
}

#[test]
fn bad_rows_are_named_with_their_output_and_place() {
    let (mut stage, _) = stage();
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
        let error = emit(stage.as_mut(), 0, &[good(), bad]).unwrap_err();
        assert_eq!(error.to_string(), expected);
        stage.rollback_call();
    }
    for ends in [&[5][..], &[7, 6], &[100]] {
        let error = stage.emit(0, &good(), ends).unwrap_err();
        assert!(
            error.to_string().starts_with("the ends of the rows")
                || error.to_string().contains("msgpack"),
            "{error}"
        );
        stage.rollback_call();
    }
}

#[test]
fn growth_of_one_call_is_bounded_over_all_outputs() {
    let outputs = [aggregate("a", Merge::Sum), aggregate("b", Merge::Sum)];
    let mut stage = before(Box::new(Fake::default()), &outputs, 10_000);
    let fill = |stage: &mut dyn Sink, output| {
        (0..128).try_for_each(|key| emit(stage, output, &[row(key, b"\x01")]))
    };
    fill(stage.as_mut(), 0).unwrap();
    let error = fill(stage.as_mut(), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its rows take more than 10000 bytes in `b`"
    );
    stage.rollback_call();
    // What earlier calls made does not count.
    fill(stage.as_mut(), 0).unwrap();
    stage.keep();
    fill(stage.as_mut(), 1).unwrap();
}

#[test]
fn rows_under_known_keys_are_checked_again_unless_they_are_integers() {
    let (mut stage, sink) = stage();
    call(stage.as_mut(), &[(1, 1), (1, 1), (1, 1)]);
    assert_eq!(sink.0.lock().unwrap().checked, 1);
    let text = || row(1, b"\xa1a");
    emit(stage.as_mut(), 2, &[text(), text()]).unwrap();
    assert_eq!(sink.0.lock().unwrap().checked, 3);
}

#[test]
fn merged_rows_count_with_their_json_where_memory_is_bounded() {
    let outputs = [aggregate("most", Merge::Max)];
    let fill = |stage: &mut dyn Sink| emit(stage, 0, &[row(1, b"\xa1a"), row(2, b"\xa1b")]);
    let mut usual = before(Box::new(Fake::default()), &outputs, CALL_BYTES);
    fill(usual.as_mut()).unwrap();
    let mut tight = tightly_before(Box::new(Fake::default()), &outputs, CALL_BYTES);
    fill(tight.as_mut()).unwrap();
    assert!(tight.held_bytes() > 3 * usual.held_bytes());
    // What would fit without it.
    let most = usual.held_bytes();
    let mut tight = tightly_before(Box::new(Fake::default()), &outputs, most);
    let error = fill(tight.as_mut()).unwrap_err();
    assert!(matches!(error, RowError::TooMuch { .. }), "{error}");
}

#[test]
fn what_json_lacks_is_refused_at_once_and_lots_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let outputs = [aggregate("most", Merge::Max)];
    let binding = file.to_str().unwrap().to_owned();
    // Less than the merged rows will take.
    let places = Destinations::open(&[binding], &outputs, 1 << 20).unwrap();
    let mut stage = before(places.sink(), &outputs, 1 << 20);
    for (value, reason) in [
        (
            &b"\xcb\x7f\xf8\0\0\0\0\0\0"[..],
            "has the number NaN, which JSON lacks, in the field `v`",
        ),
        (b"\xa1\xff", "has a text that is not UTF-8 in the field `v`"),
    ] {
        let error = emit(stage.as_mut(), 0, &[row(1, value)]).unwrap_err();
        assert!(error.to_string().ends_with(reason), "{error}");
        stage.rollback_call();
    }
    let text = [b"\xda\x80\x00".as_slice(), &b"x".repeat(0x8000)].concat();
    for key in 0..100 {
        emit(stage.as_mut(), 0, &[row(key, &text)]).unwrap();
        stage.keep();
    }
    stage.flush().unwrap();
    let lines = std::fs::read_to_string(file).unwrap();
    assert_eq!(lines.lines().count(), 100);
    let last = format!("{{\"k\":99,\"v\":\"{}\"}}", "x".repeat(0x8000));
    assert_eq!(lines.lines().last(), Some(last.as_str()));
}
