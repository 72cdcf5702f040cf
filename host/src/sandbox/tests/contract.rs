//! What crosses the boundary, and what is refused there.

use super::guest::{Guest, LIMITS, batches};
use super::rows;
use crate::sandbox::{CallError, LoadError, Processor, Rejection};
use crate::sink::RowError;

/// Emits the 4 bytes at 32768 as one row to the output in `$output`.
const EMIT: &str = "(i32.store (i32.const 64) (i32.const 4))
  (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))";

/// The error of a call, and the rows that the buffer holds after it.
fn fails(process: &'static str) -> (CallError, Vec<u8>) {
    let guest = Guest {
        process,
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let error = processor
        .process(batches(&[b"a", b"b"]).as_slice())
        .unwrap_err();
    let again = processor.process(&[]).unwrap_err();
    assert!(matches!(again, CallError::Poisoned));
    assert!(matches!(processor.checkpoint(), Err(CallError::Poisoned)));
    (error, rows::bytes(&mut processor))
}

#[test]
fn rows_arrive_and_are_held() {
    let guest = Guest {
        process: EMIT,
        checkpoint: EMIT,
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    processor.process(batches(&[b"a"]).as_slice()).unwrap();
    assert_eq!(rows::held(&mut processor), 1);
    processor.checkpoint().unwrap();
    assert_eq!(rows::held(&mut processor), 2);
    let left = processor.abandon();
    assert_eq!(left.streams(0)[0].bytes(), b"{\"ob{\"ob");
}

/// Imports of the two functions that an older plugin does not have.
const SAVEPOINTS: &str = r#"
  (import "swh:journal/outputs@0.1.0" "savepoint" (func $savepoint))
  (import "swh:journal/outputs@0.1.0" "rollback" (func $rollback))"#;

#[test]
fn rows_since_the_savepoint_are_dropped_and_those_before_stay() {
    let guest = Guest {
        extra: SAVEPOINTS,
        process: "(i32.store (i32.const 64) (i32.const 4))
          (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))
          (call $savepoint)
          (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))
          (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))
          (call $rollback)",
        checkpoint: "(call $rollback)",
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    processor.process(batches(&[b"a"]).as_slice()).unwrap();
    assert_eq!(rows::held(&mut processor), 1);
    // The savepoint of an earlier call does not count.
    processor.checkpoint().unwrap();
    assert_eq!(rows::held(&mut processor), 1);
}

#[test]
fn rows_that_were_dropped_count_against_the_limit_of_the_call() {
    let guest = Guest {
        extra: SAVEPOINTS,
        process: "(i32.store (i32.const 64) (i32.const 4))
          (loop $again
            (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))
            (call $rollback)
            (br $again))",
        ..Guest::default()
    };
    let error = rows::recorded(&guest).process(&[]).unwrap_err();
    assert!(
        matches!(error, CallError::TooMuchEmitted { .. }),
        "{error:?}"
    );
}

#[test]
fn savepoints_are_refused_in_start() {
    for start in ["(call $savepoint)", "(call $rollback)"] {
        let guest = Guest {
            extra: SAVEPOINTS,
            start,
            ..Guest::default()
        };
        let plugin = guest.load(LIMITS).unwrap();
        let error = Processor::start(&plugin, "{}", LIMITS).err().unwrap();
        assert_eq!(error.to_string(), "the processor emitted rows in `start`");
    }
}

#[test]
fn rows_of_a_failed_call_are_dropped() {
    let (error, left) = fails(
        "(i32.store (i32.const 64) (i32.const 4))
         (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))
         unreachable",
    );
    assert!(matches!(error, CallError::Trapped { .. }), "{error:?}");
    assert_eq!(left, b"");
}

#[test]
fn the_columns_of_the_plan_cross_and_no_others() {
    // The offsets are those of the canonical layout of a batch: pairs of address and length.
    let check = "
      (if (i32.ne (local.get $len) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load offset=4 (local.get $at)) (i32.const 8)) (then unreachable))
      (if (i32.ne (i32.load offset=12 (local.get $at)) (i32.const 2)) (then unreachable))
      (if (i32.ne (i32.load offset=20 (local.get $at)) (i32.const 3)) (then unreachable))
      (if (i32.ne (i32.load offset=28 (local.get $at)) (i32.const 2)) (then unreachable))
      (if (i32.ne (i32.load offset=4 (i32.load offset=24 (local.get $at))) (i32.const 3)) (then unreachable))
      (if (i32.load offset=36 (local.get $at)) (then unreachable))
      (if (i32.load offset=44 (local.get $at)) (then unreachable))
      (if (i32.load offset=52 (local.get $at)) (then unreachable))
      (if (i32.ne (i32.load offset=60 (local.get $at)) (i32.const 2)) (then unreachable))
      (if (i64.ne (i64.load offset=8 (i32.load offset=56 (local.get $at))) (i64.const 1)) (then unreachable))
      (if (i32.load offset=68 (local.get $at)) (then unreachable))";
    let guest = Guest {
        process: check,
        plan: r#"{"object-types": "any", "columns": ["values", "offsets"]}"#.to_owned(),
        ..Guest::default()
    };
    let (mut processor, plan) = guest.started(LIMITS);
    assert!(plan.columns.value_ends && !plan.columns.keys);
    processor
        .process(batches(&[b"aa", b"b"]).as_slice())
        .unwrap();
}

#[test]
fn ends_that_do_not_fit_the_rows_are_refused() {
    for process in [
        // Beyond the rows.
        "(i32.store (i32.const 64) (i32.const 5))
         (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))",
        // Short of them.
        "(i32.store (i32.const 64) (i32.const 3))
         (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))",
        // Descending.
        "(i32.store (i32.const 64) (i32.const 5))
         (i32.store (i32.const 68) (i32.const 4))
         (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 2))",
        // None.
        "(call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 0))",
    ] {
        let (error, left) = fails(process);
        assert!(
            matches!(&error, CallError::Row(RowError::BadEnds { output }) if output == "rows"),
            "{error:?}"
        );
        assert_eq!(left, b"");
    }
}

#[test]
fn an_output_that_the_plan_lacks_is_refused() {
    let (error, _) =
        fails("(call $emit (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))");
    assert!(matches!(
        error,
        CallError::Row(RowError::UnknownOutput {
            output: 1,
            declared: 1
        })
    ));
}

#[test]
fn a_row_that_the_sink_refuses_fails_the_call() {
    let (error, left) = fails(
        "(i32.store8 (i32.const 80) (i32.const 0xc1)) (i32.store (i32.const 64) (i32.const 1))
         (call $emit (i32.const 0) (i32.const 80) (i32.const 1) (i32.const 64) (i32.const 1))",
    );
    assert!(
        matches!(error, CallError::Row(RowError::BadRow { .. })),
        "{error:?}"
    );
    assert_eq!(left, b"");
}

#[test]
fn rows_outside_of_memory_are_refused() {
    let (error, _) = fails(
        "(call $emit (i32.const 0) (i32.const -8) (i32.const 100) (i32.const 64) (i32.const 0))",
    );
    let CallError::Misbehaved { what } = error else {
        panic!("{error:?}");
    };
    assert!(
        what.starts_with("broke the calling convention in `process`"),
        "{what}"
    );
}

#[test]
fn emitting_is_refused_in_describe_and_start() {
    let guest = Guest {
        describe: EMIT,
        ..Guest::default()
    };
    let error = guest.load(LIMITS).err().unwrap();
    let LoadError::Describe { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        source.to_string(),
        "the processor emitted rows in `describe`"
    );

    let guest = Guest {
        start: EMIT,
        ..Guest::default()
    };
    let error = Processor::start(&guest.load(LIMITS).unwrap(), "{}", LIMITS)
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "the processor emitted rows in `start`");
}

/// A rejection at 64 of record `index` of batch `batch`, with the reason `"ob`.
macro_rules! reject {
    ($at:literal, $batch:literal, $index:literal) => {
        concat!(
            "(i32.store offset=0 (i32.const ",
            $at,
            ") (i32.const ",
            $batch,
            "))",
            "(i32.store offset=4 (i32.const ",
            $at,
            ") (i32.const ",
            $index,
            "))",
            "(i32.store offset=8 (i32.const ",
            $at,
            ") (i32.const 32769))",
            "(i32.store offset=12 (i32.const ",
            $at,
            ") (i32.const 3))",
        )
    };
}

#[test]
fn rejections_of_records_that_are_there_are_taken() {
    let guest = Guest {
        process: concat!(
            reject!("64", "0", "1"),
            reject!("80", "0", "0"),
            "(return (call $ok (i32.const 64) (i32.const 2)))"
        ),
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let rejections = processor
        .process(batches(&[b"a", b"b"]).as_slice())
        .unwrap();
    let rejection = |index| Rejection {
        batch: 0,
        index,
        reason: "\"ob".to_owned(),
    };
    assert_eq!(rejections, [rejection(1), rejection(0)]);
}

#[test]
fn rejections_of_records_that_are_not_there_are_refused() {
    for (process, sentence) in [
        (
            concat!(
                reject!("64", "0", "2"),
                "(return (call $ok (i32.const 64) (i32.const 1)))"
            ),
            "the processor rejected record 2 of batch 0, which is not there",
        ),
        (
            concat!(
                reject!("64", "1", "0"),
                "(return (call $ok (i32.const 64) (i32.const 1)))"
            ),
            "the processor rejected record 0 of batch 1, which is not there",
        ),
        (
            concat!(
                reject!("64", "0", "1"),
                reject!("80", "0", "1"),
                "(return (call $ok (i32.const 64) (i32.const 2)))"
            ),
            "the processor rejected record 1 of batch 0 twice",
        ),
    ] {
        let (error, left) = fails(process);
        assert_eq!(error.to_string(), sentence);
        assert_eq!(left, b"");
    }
}

#[test]
fn failures_come_with_their_text() {
    let (error, left) =
        fails("(return (call $fail (i32.const 1) (i32.const 32769) (i32.const 3)))");
    assert!(matches!(&error, CallError::Retry { text } if text == "\"ob"));
    assert_eq!(left, b"");
    let (error, _) = fails("(return (call $fail (i32.const 0) (i32.const 32769) (i32.const 3)))");
    assert!(matches!(&error, CallError::Failure { text } if text == "\"ob"));

    let guest = Guest {
        start: "(return (call $fail (i32.const 0) (i32.const 32769) (i32.const 3)))",
        ..Guest::default()
    };
    let error = Processor::start(&guest.load(LIMITS).unwrap(), "{}", LIMITS)
        .err()
        .unwrap();
    assert!(matches!(&error, CallError::Failure { text } if text == "\"ob"));
}

#[test]
fn plugin_with_options_refuses_them_where_its_start_fails() {
    let guest = Guest {
        describe_answer: r#"{"name": "guest", "version": "1",
            "options": {"type": "object", "properties": {"since": {"type": "integer"}}}}"#
            .to_owned(),
        start: "(return (call $fail (i32.const 0) (i32.const 32769) (i32.const 3)))",
        ..Guest::default()
    };
    let error = Processor::start(&guest.load(LIMITS).unwrap(), "{}", LIMITS)
        .err()
        .unwrap();
    assert!(matches!(&error, CallError::Refused { text } if text == "\"ob"));
    assert_eq!(error.to_string(), "the processor failed: `\"ob`");
}

#[test]
fn a_panic_is_reported_with_its_message_and_location() {
    let guest = Guest {
        extra: r#"(data (i32.const 100) "index\0aout") (data (i32.const 120) "src/lib.rs:12:5")"#,
        process: "(call $panicked (i32.const 100) (i32.const 9) (i32.const 120) (i32.const 15)) unreachable",
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let error = processor.process(&[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r"the processor panicked at `src/lib.rs:12:5`: `index\nout`"
    );
}

#[test]
fn a_panic_after_a_growth_that_was_refused_is_reported_as_a_panic() {
    let guest = Guest {
        extra: r#"(data (i32.const 100) "why")"#,
        process: "(drop (memory.grow (i32.const 63)))
          (call $panicked (i32.const 100) (i32.const 3) (i32.const 0) (i32.const 0)) unreachable",
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let error = processor.process(&[]).unwrap_err();
    assert_eq!(error.to_string(), "the processor panicked: `why`");
}

#[test]
fn a_long_panic_is_cut() {
    let guest = Guest {
        process: "(call $panicked (i32.const 66000) (i32.const 60000) (i32.const 66000) (i32.const 60000))
          unreachable",
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let text = processor.process(&[]).unwrap_err().to_string();
    assert!((4000..6000).contains(&text.len()), "{}", text.len());
}

#[test]
fn an_unreachable_is_reported_with_its_function() {
    let (error, _) = fails("unreachable");
    assert_eq!(
        error.to_string(),
        "the processor trapped in `process`: wasm `unreachable` instruction executed"
    );
}

#[test]
fn a_string_that_is_not_utf8_is_refused() {
    let (error, _) = fails(
        "(i32.store8 (i32.const 80) (i32.const 0xff))
         (call $log (i32.const 0) (i32.const 80) (i32.const 1))",
    );
    assert!(matches!(error, CallError::Misbehaved { .. }), "{error:?}");
}

#[test]
fn an_answer_beyond_its_bound_is_refused() {
    let guest = Guest {
        describe:
            "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 2000000))
            (return (i32.const 16))",
        memory_pages: 40,
        ..Guest::default()
    };
    let error = guest.load(LIMITS).err().unwrap();
    let LoadError::Describe { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        source.to_string(),
        "the processor passed more than 1 MiB at once in `describe`"
    );
    assert!(matches!(
        source,
        CallError::TooMuchAtOnce {
            is_memory_limit: false,
            ..
        }
    ));
}

#[test]
fn rejections_that_pass_the_memory_limit_are_refused_as_such() {
    let guest = Guest {
        process: "(return (call $ok (i32.const 65536) (i32.const 200000)))",
        memory_pages: 60,
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let error = processor.process(&[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the processor passed more than 4 MiB at once in `process`"
    );
    assert!(matches!(
        error,
        CallError::TooMuchAtOnce {
            is_memory_limit: true,
            ..
        }
    ));
}

#[test]
fn answers_that_break_the_rules_are_refused() {
    let guest = Guest {
        describe_answer: "no JSON".to_owned(),
        ..Guest::default()
    };
    let error = guest.load(LIMITS).err().unwrap();
    assert!(matches!(
        error,
        LoadError::Describe {
            source: CallError::Response(_),
            ..
        }
    ));

    let guest = Guest {
        plan: r#"{"object-types": "some"}"#.to_owned(),
        ..Guest::default()
    };
    let error = Processor::start(&guest.load(LIMITS).unwrap(), "{}", LIMITS)
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the answer of the plugin `guest` to `start` breaks a rule at `/object-types`"
        ),
        "{text}"
    );
}
