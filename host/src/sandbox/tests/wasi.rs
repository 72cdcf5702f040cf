//! Functions of WASI preview 1, with nothing behind them but the log.

use std::time::Duration;

use tracing::Level;

use super::guest::{Guest, LIMITS};
use super::logging::logged_by;
use crate::sandbox::{CallError, Limits, LoadError};

/// What a guest with these functions logs in a call.
fn logged(functions: &'static str, process: &'static str) -> Vec<(Level, String)> {
    let guest = Guest {
        extra: functions,
        process,
        ..Guest::default()
    };
    logged_by(&guest, 1)
}

/// `$say` writes a text to a descriptor.
const SAY: &str = r#"
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (data (i32.const 66000) "one\ntwo\n\ff\c3\a9\npanic: no\nleft")
  (func $say (param $descriptor i32) (param $at i32) (param $bytes i32)
    (i32.store (i32.const 80) (local.get $at))
    (i32.store (i32.const 84) (local.get $bytes))
    (if (call $write (local.get $descriptor) (i32.const 80) (i32.const 1) (i32.const 88)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 88)) (local.get $bytes)) (then unreachable)))"#;

#[test]
fn written_text_is_logged_by_lines_and_leaves_the_memory_as_it_was() {
    let lines = logged(
        SAY,
        "(i64.store (i32.const 0) (i64.const 0x1234567890))
         (call $say (i32.const 1) (i32.const 66000) (i32.const 6))
         (call $say (i32.const 1) (i32.const 66006) (i32.const 2))
         (call $say (i32.const 2) (i32.const 66008) (i32.const 4))
         (if (i64.ne (i64.load (i32.const 0)) (i64.const 0x1234567890)) (then unreachable))
         (if (i32.ne (call $write (i32.const 3) (i32.const 80) (i32.const 1) (i32.const 88)) (i32.const 8))
           (then unreachable))",
    );
    let expected = [
        (Level::INFO, "`guest`: one".to_owned()),
        (Level::INFO, "`guest`: two".to_owned()),
        (Level::WARN, "`guest`: ?é".to_owned()),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let lines = logged(
        SAY,
        "(call $say (i32.const 1) (i32.const 66100) (i32.const 5000))
         (call $say (i32.const 1) (i32.const 66003) (i32.const 5))",
    );
    let second = (Level::INFO, "`guest`: two".to_owned());
    assert_eq!(lines.len(), 2, "{lines:?}");
    // Each of the zeros takes five bytes, and the host takes 4096 of them.
    let first = format!("`guest`: {}…", r"\u{0}".repeat(4096 / 5));
    assert_eq!(lines[0], (Level::INFO, first));
    assert_eq!(lines[1], second);
}

/// What a call of a guest panics with.
fn panics(process: &'static str) -> String {
    let guest = Guest {
        extra: SAY,
        process,
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    match processor.process(&[]) {
        Err(CallError::Panicked { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trap_has_the_reason_that_was_written_before_it() {
    let panic = "(call $say (i32.const 2) (i32.const 66012) (i32.const 14))";
    for end in ["unreachable", "(call $exit (i32.const 42))"] {
        let process: &'static str = String::leak(format!("{panic} {end}"));
        assert_eq!(panics(process), "panic: no", "{end}");
    }
}

/// The code has 32 bits, without a sign. What is written to standard output is no reason for a panic.
#[test]
fn exit_is_told_with_its_code() {
    for code in [0, 3, 4_294_967_295_u32] {
        let guest = Guest {
            extra: SAY,
            process: String::leak(format!(
                "(call $say (i32.const 1) (i32.const 66012) (i32.const 14)) (call $exit (i32.const {code}))"
            )),
            ..Guest::default()
        };
        let (mut processor, _) = guest.started(LIMITS);
        let error = processor.process(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the processor called `exit` with the code {code}")
        );
    }
}

/// A plugin may panic with any words, also with those of `exit`.
#[test]
fn panic_with_an_exit_code_is_a_panic() {
    assert_eq!(
        panics(
            r"(i64.store (i32.const 80) (i64.const 0x646f632074697865)) (i32.store (i32.const 88) (i32.const 0x332065))
              (call $panicked (i32.const 80) (i32.const 11) (i32.const 0) (i32.const 0)) unreachable"
        ),
        "exit code 3"
    );
}

#[test]
fn a_line_without_its_end_is_logged_before_one_of_another_level() {
    let lines = logged(
        SAY,
        "(call $say (i32.const 1) (i32.const 66022) (i32.const 4))
         (call $say (i32.const 2) (i32.const 66004) (i32.const 4))
         (call $say (i32.const 2) (i32.const 66022) (i32.const 4))",
    );
    let expected = [
        (Level::INFO, "`guest`: left".to_owned()),
        (Level::WARN, "`guest`: two".to_owned()),
    ];
    assert_eq!(lines, expected);
}

/// `$is` looks at a clock, which has to show a time.
const CLOCK: &str = r#"
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (global $looks (mut i32) (i32.const 0))
  (func $is (param $clock i32) (param $time i64)
    (global.set $looks (i32.add (global.get $looks) (i32.const 1)))
    (if (call $time (local.get $clock) (i64.const 1) (i32.const 80)) (then unreachable))
    (if (i64.ne (i64.load (i32.const 80)) (local.get $time)) (then unreachable)))"#;

#[test]
fn the_clock_on_the_wall_stands_still_and_others_go_on() {
    let lines = logged(
        CLOCK,
        "(call $is (i32.const 0) (i64.const 946684800000000000))
         (call $is (i32.const 0) (i64.const 946684800000000000))
         (call $is (i32.const 1) (i64.const 1000))
         (call $is (i32.const 1) (i64.const 2000))
         (if (i32.ne (call $time (i32.const 4) (i64.const 1) (i32.const 80)) (i32.const 28)) (then unreachable))",
    );
    assert!(lines.is_empty(), "{lines:?}");
}

/// Go does so where it collects garbage. The host allows no call of an import meanwhile, such as that of the log.
#[test]
fn the_clock_can_be_looked_at_while_arguments_are_passed() {
    let guest = Guest {
        extra: CLOCK,
        realloc: "(call $is (i32.const 0) (i64.const 946684800000000000))",
        process: "(if (i32.eqz (global.get $looks)) (then unreachable))",
        ..Guest::default()
    };
    let lines = logged_by(&guest, 1);
    assert!(lines.is_empty(), "{lines:?}");
}

/// Two subscriptions at 66000: to 5 s from now, and to the second 3 of the monotonic clock. The second is earlier.
#[test]
fn a_wait_ends_at_once_and_moves_the_clock() {
    let lines = logged(
        CLOCK,
        "(i64.store (i32.const 66000) (i64.const 71))
         (i32.store (i32.const 66016) (i32.const 1))
         (i64.store (i32.const 66024) (i64.const 5000000000))
         (i64.store (i32.const 66048) (i64.const 72))
         (i32.store (i32.const 66064) (i32.const 1))
         (i64.store (i32.const 66072) (i64.const 3000000000))
         (i32.store8 (i32.const 66088) (i32.const 1))
         (if (call $poll (i32.const 66000) (i32.const 67000) (i32.const 2) (i32.const 80)) (then unreachable))
         (if (i32.ne (i32.load (i32.const 80)) (i32.const 1)) (then unreachable))
         (if (i64.ne (i64.load (i32.const 67000)) (i64.const 72)) (then unreachable))
         (call $is (i32.const 1) (i64.const 3000001000))",
    );
    let text = "`guest`: a plugin cannot wait: its clock moves on at once";
    assert_eq!(lines, [(Level::WARN, text.to_owned())]);
}

/// A subscription at 66000: first to a time that is over, then to one beyond 63 bits, and then for a span that is too long.
#[test]
fn a_wait_never_moves_the_clock_back() {
    let lines = logged(
        CLOCK,
        "(call $is (i32.const 1) (i64.const 1000))
         (i32.store (i32.const 66016) (i32.const 1))
         (i64.store (i32.const 66024) (i64.const 500))
         (i32.store8 (i32.const 66040) (i32.const 1))
         (if (call $poll (i32.const 66000) (i32.const 67000) (i32.const 1) (i32.const 80)) (then unreachable))
         (call $is (i32.const 1) (i64.const 2000))
         (i64.store (i32.const 66024) (i64.const -1))
         (if (call $poll (i32.const 66000) (i32.const 67000) (i32.const 1) (i32.const 80)) (then unreachable))
         (call $is (i32.const 1) (i64.const 0x7fffffffffffffff))
         (i32.store8 (i32.const 66040) (i32.const 0))
         (if (call $poll (i32.const 66000) (i32.const 67000) (i32.const 1) (i32.const 80)) (then unreachable))
         (call $is (i32.const 1) (i64.const 0x7fffffffffffffff))
         (if (i32.ne (call $poll (i32.const 66000) (i32.const 67000) (i32.const 0) (i32.const 80)) (i32.const 28))
           (then unreachable))",
    );
    let text = "`guest`: a plugin cannot wait: its clock moves on at once";
    assert_eq!(lines, [(Level::WARN, text.to_owned())]);
}

#[test]
fn small_functions_answer_as_for_terminals_and_nothing_else() {
    let lines = logged(
        r#"(import "wasi_snapshot_preview1" "fd_fdstat_get" (func $status (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $flags (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $folder (param i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "clock_res_get" (func $unit (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "args_get" (func $arguments (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "environ_get" (func $environment (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
           (func $is (param $error i32) (param $expected i32)
             (if (i32.ne (local.get $error) (local.get $expected)) (then unreachable)))
           (func $holds (param $at i32) (param $expected i64)
             (if (i64.ne (i64.load (local.get $at)) (local.get $expected)) (then unreachable)))"#,
        "(i64.store (i32.const 80) (i64.const -1))
         (call $is (call $status (i32.const 0) (i32.const 80)) (i32.const 0))
         (call $holds (i32.const 80) (i64.const 0xffffffff00000002))
         (call $holds (i32.const 88) (i64.const 2))
         (call $is (call $status (i32.const 2) (i32.const 80)) (i32.const 0))
         (call $holds (i32.const 88) (i64.const 64))
         (call $holds (i32.const 96) (i64.const 0))
         (call $is (call $status (i32.const 3) (i32.const 80)) (i32.const 8))
         (call $is (call $flags (i32.const 1) (i32.const 4)) (i32.const 0))
         (call $is (call $flags (i32.const 3) (i32.const 4)) (i32.const 8))
         (i64.store (i32.const 80) (i64.const -1))
         (call $is (call $read (i32.const 0) (i32.const 66000) (i32.const 1) (i32.const 80)) (i32.const 0))
         (call $holds (i32.const 80) (i64.const 0xffffffff00000000))
         (call $is (call $read (i32.const 1) (i32.const 66000) (i32.const 1) (i32.const 80)) (i32.const 8))
         (call $is (call $seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 80)) (i32.const 70))
         (call $is (call $seek (i32.const 3) (i64.const 0) (i32.const 0) (i32.const 80)) (i32.const 8))
         (call $is (call $tell (i32.const 0) (i32.const 80)) (i32.const 70))
         (call $is (call $close (i32.const 2)) (i32.const 0))
         (call $is (call $close (i32.const 3)) (i32.const 8))
         (call $is (call $folder (i32.const 3) (i32.const 80) (i32.const 8)) (i32.const 8))
         (call $is (call $unit (i32.const 0) (i32.const 80)) (i32.const 0))
         (call $holds (i32.const 80) (i64.const 1000))
         (call $is (call $unit (i32.const 4) (i32.const 80)) (i32.const 28))
         (call $is (call $arguments (i32.const 80) (i32.const 88)) (i32.const 0))
         (call $is (call $environment (i32.const 80) (i32.const 88)) (i32.const 0))
         (call $holds (i32.const 80) (i64.const 1000))
         (call $is (call $sizes (i32.const 80) (i32.const 84)) (i32.const 0))
         (call $holds (i32.const 80) (i64.const 0))
         (call $is (call $yield) (i32.const 0))",
    );
    assert!(lines.is_empty(), "{lines:?}");
}

/// Functions that read or write the memory, at addresses that a plugin chooses.
const ADDRESSES: &str = r#"
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $status (param i32 i32) (result i32)))"#;

/// The memory has 128 KiB.
#[test]
fn an_address_outside_of_the_memory_is_a_trap() {
    for (case, call) in [
        (
            "texts",
            "(call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 80))",
        ),
        (
            "many texts",
            "(call $write (i32.const 1) (i32.const 100000) (i32.const -1) (i32.const 80))",
        ),
        (
            "written",
            "(call $write (i32.const 1) (i32.const 80) (i32.const 0) (i32.const 131070))",
        ),
        (
            "a text",
            "(i64.store (i32.const 80) (i64.const 0x10fffffff0))
             (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 96))",
        ),
        (
            "a text around the end of all addresses",
            "(i64.store (i32.const 80) (i64.const 0xffffffff000186a0))
             (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 96))",
        ),
        (
            "random bytes",
            "(call $random (i32.const 65536) (i32.const -1))",
        ),
        (
            "time",
            "(call $time (i32.const 0) (i64.const 1) (i32.const -8))",
        ),
        (
            "subscription",
            "(call $poll (i32.const 131064) (i32.const 80) (i32.const 1) (i32.const 80))",
        ),
        (
            "many subscriptions",
            "(call $poll (i32.const 100000) (i32.const 80) (i32.const -1) (i32.const 80))",
        ),
        (
            "event",
            "(call $poll (i32.const 100000) (i32.const -16) (i32.const 1) (i32.const 80))",
        ),
        ("sizes", "(call $sizes (i32.const 80) (i32.const -1))"),
        ("status", "(call $status (i32.const 0) (i32.const 131056))"),
    ] {
        let guest = Guest {
            extra: ADDRESSES,
            process: String::leak(format!("(drop (block (result i32) {call}))")),
            ..Guest::default()
        };
        let (mut processor, _) = guest.started(LIMITS);
        match processor.process(&[]) {
            Err(CallError::Trapped { reason, .. }) => {
                assert_eq!(reason, "out of bounds memory access", "{case}");
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn the_deadline_holds_within_the_functions() {
    let short = Limits {
        deadline: Duration::from_millis(100),
        ..LIMITS
    };
    for call in [
        "(call $random (i32.const 65536) (i32.const 65536))",
        "(call $write (i32.const 1) (i32.const 100000) (i32.const 3000) (i32.const 80))",
        "(call $poll (i32.const 100000) (i32.const 80) (i32.const 600) (i32.const 80))",
    ] {
        let guest = Guest {
            extra: ADDRESSES,
            process: String::leak(format!("(loop $again (drop {call}) (br $again))")),
            ..Guest::default()
        };
        let (mut processor, _) = guest.started(short);
        let error = processor.process(&[]).unwrap_err();
        assert!(
            matches!(error, CallError::Deadline { limit } if limit == short.deadline),
            "{call}: {error:?}"
        );
    }
}

/// A guest with code that runs before all calls.
fn initialized(code: &str) -> Guest {
    Guest {
        extra: String::leak(format!(
            r#"{SAY}
               (global $is_ready (mut i32) (i32.const 0))
               (func (export "_initialize") {code} (global.set $is_ready (i32.const 1)))"#
        )),
        process: "(if (i32.eqz (global.get $is_ready)) (then unreachable))",
        ..Guest::default()
    }
}

#[test]
fn initializing_has_the_functions_and_the_limits_of_a_call() {
    let ready = initialized("(call $say (i32.const 1) (i32.const 66000) (i32.const 4))");
    let (mut processor, _) = ready.started(LIMITS);
    processor.process(&[]).unwrap();

    let short = Limits {
        deadline: Duration::from_millis(100),
        ..LIMITS
    };
    let refused = |code| match initialized(code).load(short) {
        Err(LoadError::Describe { source, .. }) => source,
        other => panic!("{code}: {:?}", other.err()),
    };
    let error = refused("(call $say (i32.const 1) (i32.const -8) (i32.const 100))");
    assert!(matches!(error, CallError::Trapped { .. }), "{error:?}");
    let error = refused("(call $exit (i32.const 3))");
    assert!(matches!(error, CallError::Exited { code: 3 }), "{error:?}");
    let error = refused(
        "(loop $again (call $say (i32.const 1) (i32.const 66000) (i32.const 3)) (br $again))",
    );
    assert!(matches!(error, CallError::Deadline { .. }), "{error:?}");
}

/// 64 pages are the limit, and the functions have one.
#[test]
fn the_memory_of_the_functions_counts() {
    let guest = |memory_pages| Guest {
        extra: SAY,
        memory_pages,
        ..Guest::default()
    };
    let (mut processor, _) = guest(63).started(LIMITS);
    processor.process(&[]).unwrap();
    guest(64).assert_describing_takes_too_much_memory();
}

#[test]
fn random_numbers_start_alike_in_every_instance() {
    let functions = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
    let process = "
        (if (call $random (i32.const 80) (i32.const 16)) (then unreachable))
        (if (i64.ne (i64.load (i32.const 80)) (i64.const 0x3ce1ea9bec4ff4af)) (then unreachable))
        (if (i64.ne (i64.load (i32.const 88)) (i64.const 0xab192f7bf609a6c3)) (then unreachable))";
    for _ in 0..2 {
        assert!(logged(functions, process).is_empty());
    }
}

#[test]
fn what_a_plugin_does_not_have_fails_and_is_named_once() {
    let lines = logged(
        r#"(import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_prestat_get" (func $folder (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
           (func $fails (param $error i32) (if (i32.ne (local.get $error) (i32.const 52)) (then unreachable)))"#,
        "(call $fails (call $unlink (i32.const 3) (i32.const 0) (i32.const 0)))
         (call $fails (call $send (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
         (call $fails (call $unlink (i32.const 3) (i32.const 0) (i32.const 0)))
         (if (i32.ne (call $folder (i32.const 3) (i32.const 80)) (i32.const 8)) (then unreachable))
         (i64.store (i32.const 80) (i64.const -1))
         (if (call $sizes (i32.const 80) (i32.const 84)) (then unreachable))
         (if (i64.ne (i64.load (i32.const 80)) (i64.const 0)) (then unreachable))",
    );
    let line = |name: &str| {
        let text = format!("`guest`: `{name}` fails: a plugin has no files, sockets or timers");
        (Level::WARN, text)
    };
    assert_eq!(lines, [line("path_unlink_file"), line("sock_send")]);
}

/// The reason of a panic, or the memory limit, after a text on standard error that begins so. The memory has asked for more
/// than it may have.
fn ends_after_a_refused_growth(reason: &str) -> CallError {
    let guest = Guest {
        extra: String::leak(format!(r#"{SAY} (data (i32.const 67000) "{reason}\n")"#)),
        process: String::leak(format!(
            "(if (i32.ne (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))
             (call $say (i32.const 2) (i32.const 67000) (i32.const {}))
             (call $exit (i32.const 2))",
            reason.len() + 1
        )),
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    processor.process(&[]).unwrap_err()
}

#[test]
fn a_go_plugin_that_gets_no_more_memory_has_reached_the_limit() {
    for reason in [
        "fatal error: out of memory",
        "fatal error: runtime: cannot allocate memory",
    ] {
        let error = ends_after_a_refused_growth(reason);
        assert!(
            matches!(error, CallError::Memory { limit } if limit == LIMITS.memory_bytes),
            "{reason}: {error:?}"
        );
    }
}

#[test]
fn another_panic_after_a_refused_growth_is_told() {
    for reason in [
        "fatal error: all goroutines are asleep - deadlock!",
        "panic: the index is out of memory",
    ] {
        match ends_after_a_refused_growth(reason) {
            CallError::Panicked { message, .. } => assert_eq!(message, reason),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn a_go_plugin_that_says_so_without_a_refused_growth_has_panicked() {
    let guest = Guest {
        extra: String::leak(format!(
            r#"{SAY} (data (i32.const 67000) "fatal error: out of memory\n")"#
        )),
        process: "(call $say (i32.const 2) (i32.const 67000) (i32.const 27)) (call $exit (i32.const 2))",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    match processor.process(&[]) {
        Err(CallError::Panicked { message, .. }) => {
            assert_eq!(message, "fatal error: out of memory");
        }
        other => panic!("{other:?}"),
    }
}
