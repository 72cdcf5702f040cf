//! What plugins emit.

use std::fmt::Write as _;

use crate::table::{Case, fails, succeeds};
use journal_tests::guest::{aggregating, emit, processing};

/// `{"k": key, "n": n, "m": m}`, all three as msgpack.
fn row(key: &[u8], n: &[u8], m: &[u8]) -> Vec<u8> {
    [b"\x83\xa1k", key, b"\xa1n", n, b"\xa1m", m].concat()
}

/// A plugin that emits these rows to an append output.
fn emits(rows: &[&[u8]]) -> Vec<u8> {
    processing(&emit(rows))
}

/// A plugin that emits these rows to an aggregate.
fn merges(rows: &[&[u8]]) -> Vec<u8> {
    aggregating(&emit(rows))
}

/// Fills memory from 3 MiB with a byte, and emits it as one row with this head.
fn large(head: &[u8], byte: u8, bytes: u32) -> Vec<u8> {
    let mut code =
        format!("(memory.fill (i32.const 3145728) (i32.const {byte}) (i32.const {bytes}))");
    for (index, byte) in head.iter().enumerate() {
        let at = 3_145_728 + index;
        let _ = write!(code, "(i32.store8 (i32.const {at}) (i32.const {byte}))");
    }
    let _ = write!(code, "(i32.store (i32.const 512) (i32.const {bytes}))");
    let _ = write!(
        code,
        "(call $emit (i32.const 0) (i32.const 3145728) (i32.const {bytes}) (i32.const 512) (i32.const 1))"
    );
    processing(&code)
}

/// Emits the same row of a few bytes without end.
fn without_end(row: &[u8]) -> String {
    format!("(loop $again {} (br $again))", emit(&[row]))
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn cases() -> Vec<Case> {
    let raw = |output: i32, at: i32, bytes: i32, ends: i32, count: i32| {
        processing(&format!(
            "(call $emit (i32.const {output}) (i32.const {at}) (i32.const {bytes}) (i32.const {ends}) (i32.const {count}))"
        ))
    };
    let (one, text): (&[u8], &[u8]) = (b"\x01", b"\xa1a");
    let greatest = [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let infinite = [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0];
    let nan = [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
    let new_keys = {
        // The key is a counter of four bytes at 2052.
        let head = emit(&[&row(b"\xce\0\0\0\0", one, one)]);
        format!(
            "(loop $again {head} (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (i32.store (i32.const 2052) (local.get $n))
               (call $emit (i32.const 0) (i32.const 2048) (i32.const 14) (i32.const 512) (i32.const 1))
               (br $again))"
        )
    };
    vec![
        succeeds("row", emits(&[b"\x81\xa1a\x01"]), "1 in `rows`"),
        fails(
            "output that is not there",
            raw(1, 0, 0, 0, 0),
            "it emitted to output 1, but its plan has 1",
        ),
        fails(
            "output with the greatest number",
            raw(-1, 0, 0, 0, 0),
            "it emitted to output 4294967295, but its plan has 1",
        ),
        fails(
            "rows outside of the memory",
            raw(0, -8, 100, 512, 0),
            "the processor broke the calling convention in `process`: `list pointer/length out of bound",
        ),
        fails(
            "rows of 4 GiB",
            raw(0, 0, -1, 512, 0),
            "the processor broke the calling convention in `process`: `list pointer/length out of bound",
        ),
        fails(
            "ends outside of the memory",
            raw(0, 0, 0, -8, 100),
            "the processor broke the calling convention in `process`: `list pointer/length out of bound",
        ),
        fails(
            "ends of 16 GiB",
            raw(0, 0, 0, 0, -1),
            "the processor broke the calling convention in `process`: `list pointer/length out of bound",
        ),
        fails(
            "ends at an odd address",
            raw(0, 0, 0, 513, 1),
            "the processor broke the calling convention in `process`: `list pointer is not aligned`",
        ),
        fails(
            "rows without ends",
            raw(0, 2048, 8, 512, 0),
            "the ends of the rows emitted to `rows` do not fit the rows",
        ),
        fails(
            "row that is empty",
            emits(&[b""]),
            "row 0 of those emitted to `rows` is not valid msgpack: it ends inside a value",
        ),
        fails(
            "row that is a list",
            emits(&[b"\x90"]),
            "row 0 of those emitted to `rows` is not a map",
        ),
        fails(
            "row that is no msgpack",
            emits(&[b"\xc1"]),
            "row 0 of those emitted to `rows` is not valid msgpack: it holds the byte 0xc1",
        ),
        fails(
            "row that ends early",
            emits(&[b"\x81\xa1a"]),
            "row 0 of those emitted to `rows` is not valid msgpack: it ends inside a value in the field",
        ),
        fails(
            "row that goes on",
            emits(&[b"\x80\x80"]),
            "row 0 of those emitted to `rows` goes on after the end of its map",
        ),
        fails(
            "row with a key that is a number",
            emits(&[b"\x81\x01\x01"]),
            "row 0 of those emitted to `rows` has a key that is not a text",
        ),
        fails(
            "row with a text that is not UTF-8",
            emits(&[b"\x81\xa1a\xa1\xff"]),
            "row 0 of those emitted to `rows` has a text that is not UTF-8 in the field `a`",
        ),
        fails(
            "row with a name that is not UTF-8",
            emits(&[b"\x81\xa1\xff\x01"]),
            "row 0 of those emitted to `rows` has a key that is not UTF-8",
        ),
        fails(
            "row with a number that is none",
            emits(&[&[b"\x81\xa1a", &nan[..]].concat()]),
            "row 0 of those emitted to `rows` has the number NaN, which JSON lacks, in the field `a`",
        ),
        fails(
            "row with an infinite number",
            emits(&[&[b"\x81\xa1a", &infinite[..]].concat()]),
            "row 0 of those emitted to `rows` has the number inf, which JSON lacks, in the field `a`",
        ),
        succeeds(
            "row with the greatest number",
            emits(&[&[b"\x81\xa1a", &greatest[..]].concat()]),
            "1 in `rows`",
        ),
        fails(
            "row with a text that claims 4 GiB",
            emits(&[b"\x81\xa1a\xdb\xff\xff\xff\xff"]),
            "row 0 of those emitted to `rows` is not valid msgpack: it ends inside a value in the field",
        ),
        fails(
            "row with a list that claims four billion items",
            emits(&[b"\x81\xa1a\xdd\xff\xff\xff\xff"]),
            "row 0 of those emitted to `rows` is not valid msgpack: it ends inside a value in the field",
        ),
        fails(
            "row that claims four billion fields",
            emits(&[b"\xdf\xff\xff\xff\xff"]),
            "row 0 of those emitted to `rows` is not valid msgpack: it ends inside a value",
        ),
        fails(
            "row with an unknown extension",
            emits(&[b"\x81\xa1a\xd4\x05\x01"]),
            "row 0 of those emitted to `rows` has an extension of type 5, which JSON lacks, in the fiel",
        ),
        fails(
            "row with a time that is none",
            emits(&[b"\x81\xa1a\xd4\xff\x01"]),
            "row 0 of those emitted to `rows` has a timestamp that is malformed or outside of the years",
        ),
        fails(
            "row nested a million deep",
            large(b"\x81\xa1a", 0x91, 1_000_000),
            "row 0 of those emitted to `rows` is nested deeper than 128 levels",
        ),
        fails(
            "row with maps nested a million deep",
            large(b"\x81\xa1a", 0x81, 1_000_000),
            "row 0 of those emitted to `rows` has a key that is not a text in the field `a`",
        ),
        fails(
            "row of a million nils without a head",
            large(b"\x81\xa1a", 0xc0, 1_000_000),
            "row 0 of those emitted to `rows` goes on after the end of its map",
        ),
        succeeds(
            "row of a million control characters",
            large(b"\x81\xa1a\xdb\x00\x0f\x42\x38", 1, 1_000_000),
            "1 in `rows`",
        ),
        fails(
            "row without end",
            processing(&without_end(b"\x81\xa1a\x01")),
            // What comes first depends on the machine.
            "in one call|the processor ran longer than 500 ms|the processor did not return within 2 s",
        ),
        succeeds(
            "rows that steer the terminal",
            wat(include_str!("../../data/hostile/emit-terminal.wat")),
            "1 in `rows`",
        ),
        succeeds("merged row", merges(&[&row(text, one, one)]), "1 in `sums`"),
        fails(
            "sum beyond 64 bits",
            merges(&[&row(text, &greatest, one), &row(text, one, one)]),
            "row 1 of those emitted to `sums` takes the sum in the column `n` of the key [\"a\"] out of t",
        ),
        fails(
            "sum of a text",
            merges(&[&row(text, text, one)]),
            "row 0 of those emitted to `sums` has a text in the column `n`, which adds up integers",
        ),
        fails(
            "sum of a number with a fraction",
            merges(&[&row(text, b"\xcb\x3f\xe0\0\0\0\0\0\0", one)]),
            "row 0 of those emitted to `sums` has a float in the column `n`, which adds up integers",
        ),
        fails(
            "maximum of two types",
            merges(&[&row(text, one, one), &row(text, one, text)]),
            "row 1 of those emitted to `sums` has a text in the column `m`, which had an integer before",
        ),
        fails(
            "maximum of a number that is none",
            merges(&[&row(text, one, &nan)]),
            "row 0 of those emitted to `sums` has the number NaN, which JSON lacks, in the field `m`",
        ),
        fails(
            "merged row without a column",
            merges(&[b"\x82\xa1k\x01\xa1n\x01"]),
            "row 0 of those emitted to `sums` lacks the field `m`",
        ),
        fails(
            "merged row with another column",
            merges(&[b"\x84\xa1k\x01\xa1n\x01\xa1m\x01\xa1x\x01"]),
            "row 0 of those emitted to `sums` has the field `x`, which is neither of the key nor a colu",
        ),
        fails(
            "merged row with a column twice",
            merges(&[b"\x84\xa1k\x01\xa1n\x01\xa1m\x01\xa1m\x01"]),
            "row 0 of those emitted to `sums` has the field `m` twice",
        ),
        fails(
            "key that claims four billion items",
            merges(&[&row(b"\xdd\xff\xff\xff\xff", one, one)]),
            "row 0 of those emitted to `sums` is not valid msgpack: it ends inside a value",
        ),
        fails(
            "key that is not UTF-8",
            merges(&[&row(b"\xa1\xff", one, one)]),
            "row 0 of those emitted to `sums` has a text that is not UTF-8 in the field `k`",
        ),
        fails(
            "new keys without end",
            aggregating(&new_keys),
            "in one call|the processor ran longer than 500 ms|the processor did not return within 2 s",
        ),
        fails(
            "one key without end",
            aggregating(&without_end(&row(text, b"\x00", one))),
            "in one call|the processor ran longer than 500 ms|the processor did not return within 2 s",
        ),
        fails(
            "ten million new keys at once",
            wat(include_str!("../../data/hostile/ag-flood.wat")),
            "the processor needs more memory than ",
        ),
    ]
}

fn wat(text: &str) -> Vec<u8> {
    journal_tests::guest::with_types(text, journal_contract::WIT)
}
