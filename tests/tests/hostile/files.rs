//! Files that are no plugins, or plugins with other imports, exports and features.

use std::fmt::Write as _;

use journal_contract::WIT;

use crate::table::{Case, TOO_LONG, fails, succeeds};
use journal_tests::guest::{Guest, with_types};

/// A core module with these items, without the types of the contract.
fn module(items: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {items})")).unwrap_or_else(|error| panic!("{error}"))
}

/// A well-behaved plugin with more items.
fn extra(items: &str) -> Vec<u8> {
    Guest {
        extra: items.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// The well-behaved plugin, with one text of its code replaced.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    let wat = Guest::default().wat();
    assert!(wat.contains(from), "{from}");
    with_types(&wat.replace(from, to), WIT)
}

fn good() -> Vec<u8> {
    Guest::default().module()
}

/// A component that instantiates a component twice, this deep: it has two to this power of instances.
fn doubling(depth: usize) -> Vec<u8> {
    let mut wat = "(component $c0)".to_owned();
    for level in 1..=depth {
        let below = level - 1;
        let twice = format!("(instance (instantiate $c{below}))").repeat(2);
        let _ = write!(wat, "(component $c{level} {twice})");
    }
    component(&format!("{wat} (instance (instantiate $c{depth}))"))
}

/// A function of blocks inside each other.
fn nested(open: &str, levels: usize) -> String {
    format!("(func {}{})", open.repeat(levels), ")".repeat(levels))
}

/// A function of many values, which another one calls again and again.
fn wide(kind: &str, values: usize) -> String {
    let all = kind.repeat(values);
    let constants = "(i64.const 1)".repeat(values);
    let calls = format!("(call $wide {constants})").repeat(20);
    format!("(func $wide (param {all})) (func {calls})")
}

/// A function that adds so many numbers.
fn sum(terms: usize) -> Vec<u8> {
    let add = "(i64.add (i64.const 1))".repeat(terms);
    extra(&format!("(func (result i64) (i64.const 1) {add})"))
}

/// A function with a block of many values.
fn wide_block(values: usize) -> String {
    let constants = "(i64.const 1)".repeat(values);
    let all = "i64 ".repeat(values);
    let drops = "drop ".repeat(values);
    format!("(func (block (result {all}) {constants}) {drops})")
}

fn component(items: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {items})")).unwrap_or_else(|error| panic!("{error}"))
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn cases() -> Vec<Case> {
    let broken = || {
        let mut bytes = good();
        let half = bytes.len() / 2;
        bytes.truncate(half);
        bytes
    };
    let flipped = || {
        let mut bytes = good();
        bytes[9] ^= 0xff;
        bytes
    };
    vec![
        succeeds(
            "well-behaved plugin",
            good(),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails("empty file", Vec::new(), "is not WebAssembly"),
        fails(
            "text",
            b"#!/bin/sh\necho hello\n".to_vec(),
            "is not WebAssembly",
        ),
        fails("zeros", vec![0; 1 << 20], "is not WebAssembly"),
        fails(
            "binary of the machine",
            b"\x7fELF\x02\x01\x01".repeat(1000),
            "is not WebAssembly",
        ),
        fails(
            "head alone",
            b"\0asm\x01\0\0\0".to_vec(),
            "is a core module without an embedded component type",
        ),
        fails(
            "unknown version",
            b"\0asm\xff\0\0\0".to_vec(),
            "is not valid WebAssembly: unknown binary version:       0xff",
        ),
        fails(
            "half a plugin",
            broken(),
            "is not valid WebAssembly: unexpected end-of-file",
        ),
        fails(
            "section of another length",
            flipped(),
            "is not valid WebAssembly: invalid leading byte (0x3) for type",
        ),
        fails(
            "more than the largest file",
            vec![0; (64 << 20) + 1],
            "`--process-memory` of 256 MiB is too little for 1 worker",
        )
        .with_code(2),
        fails(
            "module without types",
            module(""),
            "is a core module without an embedded component type",
        ),
        fails(
            "empty component",
            component(""),
            "does not export `swh:journal/processor@0.1.0`",
        ),
        fails(
            "import that nobody has",
            extra(r#"(import "env" "exec" (func))"#),
            "imports `env.exec`, which this host does not offer",
        ),
        fails(
            "import of the system",
            extra(
                r#"(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
            ),
            "imports `wasi_unstable.fd_write`, which this host does not offer",
        ),
        fails(
            "import of another type",
            replaced(
                r#""log" (func $log (param i32 i32 i32))"#,
                r#""log" (func $log (param i32 i32 i64))"#,
            ),
            "failed to resolve import `swh:journal/log@0.1.0::log`: failed to validate import interface `swh:journal/log",
        ),
        fails(
            "function that is missing",
            replaced(r#"(export "swh:journal/processor@0.1.0#checkpoint")"#, ""),
            "failed to find export of interface `swh:journal/processor@0.1.0` function",
        ),
        fails(
            "function of another type",
            replaced(
                "#checkpoint\") (result i32)\n",
                "#checkpoint\") (param i64) (result i32)\n",
            ),
            "`swh:journal/processor@0.1.0#checkpoint`: failed to validate export for `swh:journal/processor",
        ),
        fails(
            "memory that is not exported",
            replaced(r#"(memory (export "memory") "#, "(memory "),
            "cannot be made into a component: module does not export a memory named `memory`",
        ),
        fails(
            "allocation that is missing",
            replaced(r#"(export "cabi_realloc")"#, ""),
            "cannot be made into a component: module does not export a function named `cabi_realloc`",
        ),
        fails(
            "memory of 64 bits",
            replaced(
                r#"(memory (export "memory") 144"#,
                r#"(memory (export "memory") i64 144"#,
            ),
            "type mismatch: expected i64, found i32",
        ),
        fails(
            "shared memory",
            replaced(
                r#"(memory (export "memory") 144"#,
                r#"(memory (export "memory") 144 144 shared"#,
            ),
            "uses threads and shared memories, which this host refuses",
        ),
        fails(
            "two memories",
            extra("(memory 1)"),
            "uses several memories in one module, which this host refuses",
        ),
        fails(
            "tail call",
            extra("(func $tail (return_call $tail))"),
            "uses tail calls, which this host refuses",
        ),
        fails(
            "garbage collection",
            extra("(type $point (struct (field i32)))"),
            "uses garbage collection, which this host refuses",
        ),
        fails(
            "exceptions",
            extra("(tag $wrong)"),
            "uses exceptions, which this host refuses",
        ),
        fails(
            "relaxed vectors",
            extra(
                "(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))",
            ),
            "uses relaxed SIMD, which this host refuses",
        ),
        fails(
            "memory of 4 GiB at once",
            replaced(
                r#"(memory (export "memory") 144"#,
                r#"(memory (export "memory") 65536"#,
            ),
            "the processor needs more memory than ",
        ),
        fails(
            "table of a million functions",
            extra("(table 1000000 funcref)"),
            "the processor broke the calling convention in `describe`: `table minimum size of 1000000 e",
        ),
        fails(
            "tables without end",
            extra(&"(table 10 funcref)".repeat(101)),
            "cannot be made into a component: failed to decode world from module: module was not valid:",
        ),
        fails(
            "data outside of the memory",
            extra(r#"(data (i32.const -1) "x")"#),
            "the processor trapped: out of bounds memory access",
        ),
        fails(
            "start function that loops",
            extra("(start $loop) (func $loop (loop $again (br $again)))"),
            TOO_LONG,
        ),
        fails(
            "start function that traps",
            extra("(start $trap) (func $trap unreachable)"),
            "the processor trapped in `trap`: wasm `unreachable` instruction executed",
        ),
        fails(
            "start function that recurses",
            extra("(start $deep) (func $deep (call $deep) (call $deep))"),
            "the processor's calls nest too deeply for its stack of 512 KiB",
        ),
        fails(
            "start function that grows",
            extra(
                "(start $grow) (func $grow (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) \
                 (i32.const -1)))) unreachable)",
            ),
            "the processor needs more memory than ",
        ),
        fails(
            "instances of a component twice, and that twice",
            doubling(6),
            "does not export `swh:journal/processor@0.1.0`",
        ),
        fails(
            "instances that double 22 times",
            doubling(22),
            "does not export `swh:journal/processor@0.1.0`",
        ),
        fails(
            "instances that double in a plugin",
            wat::parse_str(include_str!("../../data/hostile/comp-exp-22.wat")).expect("it is WAT"),
            "has more than 1000 instances of components",
        ),
        fails(
            "loops nested 200 deep, 1,000 times",
            include_bytes!("../../data/hostile/compile-nest1000-200.wasm").to_vec(),
            "has more than 64 parameters or results in a signature",
        ),
        fails(
            "loops nested 150 deep",
            extra(&nested("(loop ", 150)),
            "has more than 100 loops inside each other",
        ),
        fails(
            "blocks nested 50,000 deep",
            extra(&nested("(block ", 50_000)),
            "has more than 5000 blocks inside each other",
        ),
        fails(
            "signature of 1,000 values",
            extra(&wide("i64 ", 1000)),
            "has more than 64 parameters or results in a signature",
        ),
        fails(
            "block of 1,000 values",
            extra(&wide_block(1000)),
            "has more than 64 parameters or results in a signature",
        ),
        fails(
            "50,000 locals",
            extra(&format!("(func (local {}))", "i64 ".repeat(50_000))),
            "has more than 10000 local variables in a function",
        ),
        fails(
            "a million functions",
            extra(&"(func)".repeat(1_000_000)),
            "has more than 200000 functions",
        ),
        fails(
            "200,000 segments of data",
            extra(&"(data \"x\")".repeat(200_000)),
            "has more than 100000 data and element segments",
        ),
        fails(
            "a million globals",
            extra(&"(global i32 (i32.const 0))".repeat(1_000_000)),
            "cannot be made into a component: failed to decode world from module: module was not valid:",
        ),
        fails(
            "branch to a million targets",
            extra(&format!(
                "(func (block (br_table {} 0 (i32.const 1))))",
                "0 ".repeat(1_000_000)
            )),
            "cannot be compiled: failed to compile: wasm[0]::function[5]: WebAssembly translation error",
        ),
        succeeds("sum of 50,000 terms", sum(50_000), "0 in `rows`"),
        fails(
            "sum of a million terms",
            sum(1_000_000),
            "compiling the plugin `",
        )
        .with(&["--compile-timeout", "1s", "--compile-memory", "160MiB"]),
        fails(
            "other world",
            other_world(),
            "does not export `swh:journal/processor@0.1.0`",
        ),
        fails(
            "later version of the contract",
            later_version(),
            "is made for `swh:journal/processor@0.9.0`",
        ),
    ]
}

fn other_world() -> Vec<u8> {
    let wit = "package a:b; world plugin { import f: func(); }";
    with_types(r#"(module (import "$root" "f" (func)))"#, wit)
}

fn later_version() -> Vec<u8> {
    let wat = Guest::default().wat().replace("@0.1.0", "@0.9.0");
    with_types(&wat, &WIT.replace("@0.1.0", "@0.9.0"))
}
