//! Time, memory and stack.

use std::time::{Duration, Instant};

use super::guest::{Guest, LIMITS, batches};
use super::rows;
use crate::sandbox::{
    CallError, Compiler, Engine, Interrupt, Limits, LoadError, Plugin, Processor,
};

const SHORT: Limits = Limits {
    deadline: Duration::from_millis(100),
    ..LIMITS
};

const LOOP: &str = "(loop $again (br $again))";

fn process_fails(guest: &Guest, limits: Limits) -> CallError {
    let mut processor = rows::started(guest, limits);
    processor.process(batches(&[b"v"]).as_slice()).unwrap_err()
}

#[test]
fn deadline_obeyed() {
    let count = "(local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))";
    let guest = Guest {
        process: count,
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    for _ in 0..3 {
        assert!(processor.process(&[]).unwrap().is_empty());
    }
}

#[test]
fn deadline_violated_in_process() {
    let guest = Guest {
        process: LOOP,
        ..Guest::default()
    };
    let begin = Instant::now();
    let error = process_fails(&guest, SHORT);
    assert!(matches!(error, CallError::Deadline { limit } if limit == SHORT.deadline));
    assert!(begin.elapsed() >= SHORT.deadline);
    assert_eq!(error.to_string(), "the processor ran longer than 100 ms");
}

#[test]
fn deadline_violated_in_every_other_function() {
    let describe = Guest {
        describe: LOOP,
        ..Guest::default()
    };
    let error = describe.load(SHORT).err().unwrap();
    assert!(
        matches!(
            error,
            LoadError::Describe {
                source: CallError::Deadline { .. },
                ..
            }
        ),
        "{error:?}"
    );

    let start = Guest {
        start: LOOP,
        ..Guest::default()
    };
    let plugin = start.load(SHORT).unwrap();
    let error = Processor::start(&plugin, "{}", SHORT).err().unwrap();
    assert!(matches!(error, CallError::Deadline { .. }));

    let checkpoint = Guest {
        checkpoint: LOOP,
        ..Guest::default()
    };
    let (mut processor, _) = checkpoint.started(SHORT);
    assert!(matches!(
        processor.checkpoint(),
        Err(CallError::Deadline { .. })
    ));
}

#[test]
fn deadline_violated_while_the_instance_is_made() {
    let guest = Guest {
        extra: "(start $endless) (func $endless (loop $again (br $again)))",
        ..Guest::default()
    };
    let error = guest.load(SHORT).err().unwrap();
    assert!(
        matches!(
            error,
            LoadError::Describe {
                source: CallError::Deadline { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn call_ends_when_the_run_has_to_end() {
    let interrupt = Interrupt::default();
    let guest = Guest {
        process: LOOP,
        ..Guest::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest.wasm");
    std::fs::write(&path, guest.module()).unwrap();
    let engine = Engine::new(Compiler::Here)
        .unwrap()
        .interrupted_by(interrupt.clone());
    let plugin = Plugin::load_with(&engine, &path, LIMITS, None).unwrap();
    let (mut processor, _) = Processor::start(&plugin, "{}", LIMITS).unwrap();
    let begin = Instant::now();
    interrupt.at(begin + Duration::from_millis(50));
    let error = processor.process(&[]).unwrap_err();
    assert!(matches!(error, CallError::Interrupted), "{error:?}");
    assert!(
        begin.elapsed() < LIMITS.deadline / 2,
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn emission_of_many_rows_looks_at_the_deadline() {
    // Ends of 0 are empty rows, which the buffer of these tests takes. The guest has no loop in which it could be ended.
    let guest = Guest {
        process: "(call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 131072) (i32.const 900000))",
        memory_pages: 60,
        ..Guest::default()
    };
    let limits = Limits {
        deadline: Duration::from_millis(1),
        ..LIMITS
    };
    rows::started(&guest, LIMITS).process(&[]).unwrap();
    let error = process_fails(&guest, limits);
    assert!(matches!(error, CallError::Deadline { .. }), "{error:?}");
}

#[test]
fn memory_limit_obeyed() {
    // 64 pages are the limit, two of which are there.
    let guest = Guest {
        process: "(if (i32.ne (memory.grow (i32.const 62)) (i32.const 2)) (then unreachable))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    assert_eq!(processor.memory_bytes(), 2 << 16);
    processor.process(&[]).unwrap();
    assert_eq!(processor.memory_bytes(), LIMITS.memory_bytes);
}

#[test]
fn memory_limit_violated_and_the_guest_aborts() {
    let bomb = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable";
    let guest = Guest {
        process: bomb,
        ..Guest::default()
    };
    let error = process_fails(&guest, LIMITS);
    assert!(matches!(error, CallError::Memory { limit } if limit == LIMITS.memory_bytes));
    assert_eq!(
        error.to_string(),
        "the processor needs more memory than 4 MiB"
    );
}

#[test]
fn a_refused_growth_that_the_guest_copes_with_is_no_error_then_or_later() {
    let guest = Guest {
        process: "(if (i32.ne (memory.grow (i32.const 63)) (i32.const -1)) (then unreachable))",
        checkpoint: "unreachable",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
    let error = processor.checkpoint().unwrap_err();
    assert!(matches!(error, CallError::Trapped { .. }), "{error:?}");
}

#[test]
fn memory_limit_violated_from_the_beginning() {
    let guest = Guest {
        memory_pages: 65,
        ..Guest::default()
    };
    guest.assert_describing_takes_too_much_memory();
}

#[test]
fn a_batch_that_the_guest_can_take_is_lowered() {
    let (mut processor, _) = Guest::default().started(LIMITS);
    processor
        .process(batches(&[&vec![0; 3 << 20]]).as_slice())
        .unwrap();
}

#[test]
fn a_batch_larger_than_the_guests_memory_is_a_memory_error() {
    let (mut processor, _) = Guest::default().started(LIMITS);
    let error = processor
        .process(batches(&[&vec![0; 5 << 20]]).as_slice())
        .unwrap_err();
    assert!(matches!(error, CallError::Memory { .. }), "{error:?}");
}

#[test]
fn memory_stays_flat_over_a_hundred_thousand_calls() {
    let rows = "(i32.store (i32.const 64) (i32.const 4))
      (call $emit (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 64) (i32.const 1))";
    let guest = Guest {
        process: rows,
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let values: Vec<&[u8]> = vec![&[0x80; 20]; 100];
    let batches = batches(&values);
    processor.process(batches.as_slice()).unwrap();
    let bytes = processor.memory_bytes();
    for _ in 0..100_000 {
        processor.process(batches.as_slice()).unwrap();
        processor.rows().clear();
    }
    assert_eq!(processor.memory_bytes(), bytes);
}

const RECURSE: &str = "(func $down (param $left i32)
    (if (local.get $left) (then (call $down (i32.sub (local.get $left) (i32.const 1))))))";

#[test]
fn stack_limit_obeyed() {
    let guest = Guest {
        extra: RECURSE,
        process: "(call $down (i32.const 1000))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
}

#[test]
fn stack_limit_violated() {
    let guest = Guest {
        extra: RECURSE,
        process: "(call $down (i32.const -1))",
        ..Guest::default()
    };
    let error = process_fails(&guest, LIMITS);
    assert!(matches!(error, CallError::Stack { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the processor's calls nest too deeply for its stack of 512 KiB"
    );
}

#[test]
fn table_limit_obeyed() {
    let guest = Guest {
        extra: "(table $t 1 funcref)",
        process: "(drop (table.grow $t (ref.null func) (i32.const 1000)))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
}

#[test]
fn table_limit_violated() {
    let guest = Guest {
        extra: "(table $t 1 funcref)",
        process:
            "(if (i32.ne (table.grow $t (ref.null func) (i32.const 0x10000000)) (i32.const -1))
            (then unreachable))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
}

#[test]
fn table_limit_follows_a_small_memory_limit() {
    // A 64th of 4 MiB are 8192 elements.
    let guest = Guest {
        extra: "(table $t 1 funcref)",
        process: "(if (i32.ne (table.grow $t (ref.null func) (i32.const 8000)) (i32.const 1)) (then unreachable))
            (if (i32.ne (table.grow $t (ref.null func) (i32.const 8000)) (i32.const -1)) (then unreachable))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap();
}

#[test]
fn abandoned_instance_has_no_memory() {
    let (mut processor, _) = Guest::default().started(LIMITS);
    assert!(processor.memory_bytes() > 0);
    drop(processor.abandon());
    assert_eq!(processor.memory_bytes(), 0);
    let error = processor.process(&[]).unwrap_err();
    assert!(matches!(error, CallError::Poisoned), "{error:?}");
}

#[test]
fn emission_limit_obeyed_and_counted_by_call() {
    let guest = Guest {
        process: "(call $emit (i32.const 0) (i32.const 0) (i32.const 100000) (i32.const 131068) (i32.const 1))",
        start: "(i32.store (i32.const 131068) (i32.const 100000))",
        ..Guest::default()
    };
    let limits = Limits {
        memory_bytes: 2 << 16,
        emit_bytes: 2 << 16,
        ..LIMITS
    };
    let mut processor = rows::started(&guest, limits);
    processor.process(&[]).unwrap();
    processor.process(&[]).unwrap();
    assert_eq!(rows::held(&mut processor), 2);
}

#[test]
fn emission_limit_violated() {
    let guest = Guest {
        process: "(loop $again
            (call $emit (i32.const 0) (i32.const 0) (i32.const 100000) (i32.const 131068) (i32.const 1))
            (br $again))",
        start: "(i32.store (i32.const 131068) (i32.const 100000))",
        ..Guest::default()
    };
    let limits = Limits {
        memory_bytes: 2 << 16,
        emit_bytes: 2 << 16,
        ..LIMITS
    };
    let mut processor = rows::started(&guest, limits);
    let error = processor.process(&[]).unwrap_err();
    assert!(matches!(error, CallError::TooMuchEmitted { limit } if limit == limits.emit_bytes));
    assert_eq!(rows::bytes(&mut processor), b"");
}

#[test]
fn a_flood_of_empty_emissions_ends_as_well() {
    let guest = Guest {
        process: "(loop $again
            (call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100000) (i32.const 1000))
            (br $again))",
        ..Guest::default()
    };
    let error = process_fails(&guest, LIMITS);
    assert!(
        matches!(error, CallError::TooMuchEmitted { .. }),
        "{error:?}"
    );
}
