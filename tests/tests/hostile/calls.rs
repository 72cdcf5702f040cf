//! What `process` and `checkpoint` do.

use std::fmt::Write as _;

use crate::table::{Case, TOO_LONG, fails, succeeds};
use journal_tests::guest::{Guest, processing};

fn checkpointing(checkpoint: &str) -> Vec<u8> {
    Guest {
        checkpoint: checkpoint.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// A plugin with more items, whose `process` does this.
fn with_extra(extra: &str, process: &str) -> Vec<u8> {
    Guest {
        extra: extra.to_owned(),
        process: process.to_owned(),
        ..Guest::default()
    }
    .module()
}

fn allocating(realloc: &str) -> Vec<u8> {
    Guest {
        realloc: realloc.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// Repeats code without end.
fn forever(code: &str) -> String {
    format!("(loop $again {code} (br $again))")
}

/// Repeats code until a condition holds, and traps.
fn until(condition: &str) -> String {
    format!("(block $out (loop $again (br_if $out {condition}) (br $again))) unreachable")
}

/// Repeats code a number of times.
fn times(count: u32, code: &str) -> String {
    format!(
        "(loop $again {code} (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $n) (i32.const {count}))))"
    )
}

/// Answers with rejections at 2 MiB: each with these values of its batch, its index, and the address and the size of its
/// reason.
fn reject(rejections: &[[i32; 4]]) -> String {
    let mut code = String::new();
    for (index, rejection) in rejections.iter().enumerate() {
        for (word, value) in rejection.iter().enumerate() {
            let at = (2 << 20) + 16 * index + 4 * word;
            let _ = write!(code, "(i32.store (i32.const {at}) (i32.const {value}))");
        }
    }
    let count = rejections.len();
    code + &format!("(return (call $ok (i32.const 2097152) (i32.const {count})))")
}

const FLOOD: &str =
    "(call $emit (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 65536) (i32.const 0))";
const LOG: &str = "(call $log (i32.const 1) (i32.const 65536) (i32.const 100))";

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn cases() -> Vec<Case> {
    let grow = "(drop (memory.grow (i32.const 1)))";
    let log = |level: i32, bytes: i32| {
        format!("(call $log (i32.const {level}) (i32.const 1048576) (i32.const {bytes}))")
    };
    vec![
        fails("process that loops", processing(&forever("")), TOO_LONG),
        fails(
            "process that traps",
            processing("unreachable"),
            "the processor trapped in `process`: wasm `unreachable` instruction executed",
        ),
        fails(
            "process that recurses",
            with_extra("(func $deep (call $deep) (call $deep))", "(call $deep)"),
            "the processor's calls nest too deeply for its stack of 512 KiB",
        ),
        fails(
            "process that recurses with a thousand values",
            with_extra(
                &format!(
                    "(func $deep (param {0}) (call $deep {1}) (call $deep {1}))",
                    "i64 ".repeat(100),
                    "(local.get 0)".repeat(100)
                ),
                &format!("(call $deep {})", "(i64.const 1)".repeat(100)),
            ),
            "has more than 64 parameters or results in a signature",
        ),
        fails(
            "process that grows until it cannot",
            processing(&until(
                "(i32.eq (memory.grow (i32.const 16)) (i32.const -1))",
            )),
            "the processor needs more memory than ",
        ),
        fails(
            "process that grows without end",
            processing(&forever(grow)),
            TOO_LONG,
        ),
        fails(
            "process that touches all memory",
            processing(
                "(loop $again (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1)) (then (memory.fill (i32.const 9437184) (i32.const 1) (i32.const 1048576)) (br $again)))) unreachable",
            ),
            "the processor needs more memory than ",
        ),
        fails(
            "process that grows a table",
            with_extra(
                "(table $t 0 funcref)",
                &until("(i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))"),
            ),
            "wasm `unreachable` instruction executed",
        ),
        fails(
            "process that grows a table without end",
            with_extra(
                "(table $t 0 funcref)",
                &forever("(drop (table.grow $t (ref.null func) (i32.const 100000)))"),
            ),
            TOO_LONG,
        ),
        fails(
            "process that reads outside of its memory",
            processing("(drop (i32.load (i32.const -4)))"),
            "the processor trapped in `process`: out of bounds memory access",
        ),
        fails(
            "process that divides by zero",
            processing("(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
            "the processor trapped in `process`: integer divide by zero",
        ),
        fails(
            "process that converts a number that is none",
            processing("(drop (i32.trunc_f64_u (f64.const nan)))"),
            "the processor trapped in `process`: invalid conversion to integer",
        ),
        fails(
            "process that calls a function of another type",
            with_extra(
                "(type $t (func (param i64))) (table $t 1 funcref) (elem (i32.const 0) $other) (func $other)",
                "(call_indirect $t (type $t) (i64.const 1) (i32.const 0))",
            ),
            "the processor trapped in `process`: indirect call type mismatch",
        ),
        fails(
            "process that calls no function",
            with_extra(
                "(type $t (func)) (table $t 1 funcref)",
                "(call_indirect $t (type $t) (i32.const 0))",
            ),
            "the processor trapped in `process`: uninitialized element",
        ),
        fails(
            "process that copies outside of its memory",
            processing("(memory.copy (i32.const 0) (i32.const 9437000) (i32.const 1000000))"),
            "the processor trapped in `process`: out of bounds memory access",
        ),
        fails(
            "process that answers outside of its memory",
            processing("(return (i32.const -16))"),
            "the processor broke the calling convention in `process`: `pointer out of bounds of memory`",
        ),
        fails(
            "process that answers with a list of 4 GiB",
            processing("(return (call $ok (i32.const 0) (i32.const 268435455)))"),
            "the processor broke the calling convention in `process`: `list pointer/length out of bound",
        ),
        fails(
            "process that answers with an unknown variant",
            processing("(i32.store (i32.const 16) (i32.const 9)) (return (i32.const 16))"),
            "the processor broke the calling convention in `process`: `invalid expected discriminant`",
        ),
        fails(
            "process that fails with control characters",
            processing(
                "(memory.fill (i32.const 2097152) (i32.const 27) (i32.const 100)) (return (call $fail (i32.const 2097152) (i32.const 100)))",
            ),
            "the processor failed: `\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\",
        ),
        fails(
            "process that fails with 8 MiB",
            processing("(return (call $fail (i32.const 0) (i32.const 8388608)))"),
            "the processor broke the calling convention in `process`: `invalid utf-8 sequence of 1 byte",
        ),
        fails(
            "process that fails with what is not UTF-8",
            processing(
                "(i32.store (i32.const 2097152) (i32.const 0xfefefefe)) (return (call $fail (i32.const 2097152) (i32.const 4)))",
            ),
            "the processor broke the calling convention in `process`: `invalid utf-8 sequence of 1 byte",
        ),
        fails(
            "rejection of a record that is not there",
            processing(&reject(&[[0, 1, 0, 0]])),
            "the processor rejected record 1 of batch 0, which is not there",
        ),
        fails(
            "rejection in a batch that is not there",
            processing(&reject(&[[7, 0, 0, 0]])),
            "the processor rejected record 0 of batch 7, which is not there",
        ),
        fails(
            "rejection with the greatest indices",
            processing(&reject(&[[-1, -1, 0, 0]])),
            "the processor rejected record 4294967295 of batch 4294967295, which is not there",
        ),
        fails(
            "rejection twice",
            processing(&reject(&[[0, 0, 0, 0], [0, 0, 0, 0]])),
            "the processor rejected record 0 of batch 0 twice",
        ),
        fails(
            "rejection with a reason of 8 MiB",
            processing(&reject(&[[0, 0, 0, 8 << 20]])),
            "the processor broke the calling convention in `process`: `invalid utf-8 sequence of 1 byte",
        ),
        fails(
            "rejection with a reason outside of the memory",
            processing(&reject(&[[0, 0, -8, 100]])),
            "the processor broke the calling convention in `process`: `string pointer/length out of bou",
        ),
        fails(
            "rejection with a reason that steers the terminal",
            processing(&format!(
                "(memory.fill (i32.const 3145728) (i32.const 27) (i32.const 64)) {}",
                reject(&[[0, 0, 3 << 20, 64]])
            )),
            "the processor rejected the record at `swh.journal.objects.origin` partition 0 offset 0 wit",
        ),
        fails(
            "rejections without number",
            processing("(return (call $ok (i32.const 2097152) (i32.const 400000)))"),
            "at once in `process`",
        ),
        fails(
            "savepoints without end",
            processing(&forever("(call $savepoint)")),
            TOO_LONG,
        ),
        fails(
            "rollbacks without end",
            processing(&forever("(call $rollback)")),
            TOO_LONG,
        ),
        fails(
            "savepoints and rows without end",
            processing(&forever(&format!(
                "(call $savepoint) {FLOOD} (call $rollback)"
            ))),
            TOO_LONG,
        ),
        fails(
            "empty emissions without end",
            processing(&forever(FLOOD)),
            TOO_LONG,
        ),
        succeeds(
            "log of 100,000 lines",
            processing(&times(100_000, LOG)),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails("log without end", processing(&forever(LOG)), TOO_LONG),
        succeeds(
            "line of a megabyte",
            processing(&log(1, 1 << 20)),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails(
            "line outside of the memory",
            processing("(call $log (i32.const 1) (i32.const -8) (i32.const 100))"),
            "the processor broke the calling convention in `process`: `string pointer/length out of bou",
        ),
        fails(
            "line of 4 GiB",
            processing("(call $log (i32.const 1) (i32.const 0) (i32.const -1))"),
            "the processor broke the calling convention in `process`: `string pointer/length out of bou",
        ),
        fails(
            "line that is not UTF-8",
            processing(
                "(i32.store (i32.const 1048576) (i32.const 0xfefefefe)) (call $log (i32.const 1) (i32.const 1048576) (i32.const 4))",
            ),
            "the processor broke the calling convention in `process`: `invalid utf-8 sequence of 1 byte",
        ),
        fails(
            "line of an unknown level",
            processing(&log(77, 10)),
            "the processor broke the calling convention in `process`: `unexpected discriminant: 77`",
        ),
        succeeds(
            "line that steers the terminal",
            processing(&format!(
                "(memory.fill (i32.const 1048576) (i32.const 27) (i32.const 64)) {}",
                log(0, 64)
            )),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails(
            "panics without end",
            processing(&forever(
                "(call $panicked (i32.const 1048576) (i32.const 10000) (i32.const 1048576) (i32.const 10000))",
            )),
            TOO_LONG,
        ),
        fails(
            "checkpoint that loops",
            checkpointing(&forever("")),
            TOO_LONG,
        ),
        fails(
            "checkpoint that traps",
            checkpointing("unreachable"),
            "`checkpoint` failed: the processor trapped: wasm `unreachable` instruction executed",
        ),
        fails(
            "checkpoint that emits without end",
            checkpointing(&forever(FLOOD)),
            TOO_LONG,
        ),
        fails("allocation that loops", allocating(&forever("")), TOO_LONG),
        fails(
            "allocation outside of the memory",
            allocating(
                "(if (i32.ge_u (local.get $size) (i32.const 4)) (then (return (i32.const -64))))",
            ),
            "the processor broke the calling convention in `process`: `realloc return: beyond end of me",
        ),
        fails(
            "allocation at an odd address",
            allocating("(return (i32.const 8388609))"),
            "the processor broke the calling convention in `process`: `realloc return: result not align",
        ),
        fails(
            "allocation that traps",
            allocating("unreachable"),
            "`start` failed: the processor trapped: wasm `unreachable` instruction executed",
        ),
        fails(
            "allocation that emits",
            allocating(FLOOD),
            "`start` failed: the processor trapped: cannot leave component instance",
        ),
    ]
}
