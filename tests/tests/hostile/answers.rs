//! What `describe` and `start` answer, and how they do not answer.

use crate::table::{Case, TOO_LONG, fails, succeeds};
use journal_tests::guest::{Guest, described, planned, with_types};

/// A plugin whose `describe` does this.
fn describing(describe: &str) -> Vec<u8> {
    Guest {
        describe: describe.to_owned(),
        ..Guest::default()
    }
    .module()
}

fn starting(start: &str) -> Vec<u8> {
    Guest {
        start: start.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// A description with this schema of options.
fn with_options(schema: &str) -> Vec<u8> {
    described(format!(
        r#"{{"name": "guest", "version": "1", "options": {schema}}}"#
    ))
}

/// A plan with these members besides the object types.
fn with_plan(members: &str) -> Vec<u8> {
    planned(format!(r#"{{"object-types": "any", {members}}}"#))
}

const LOOP: &str = "(loop $again (br $again))";
const GROW: &str =
    "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
const EMIT: &str =
    "(call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";
/// Panics with a message of a megabyte of control characters.
const PANIC: &str = "(memory.fill (i32.const 2097152) (i32.const 27) (i32.const 1000000))
  (call $panicked (i32.const 2097152) (i32.const 1000000) (i32.const 2097152) (i32.const 1000000)) unreachable";

fn nested(open: &str, close: &str, levels: usize) -> String {
    open.repeat(levels) + &close.repeat(levels)
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn of_describe() -> Vec<Case> {
    let many = |count: usize| {
        let members: Vec<_> = (0..count)
            .map(|number| format!(r#""m{number}": 1"#))
            .collect();
        members.join(", ")
    };
    let bomb = with_types(
        include_str!("../../data/hostile/schema-pct-bomb.wat"),
        journal_contract::WIT,
    );
    vec![
        fails(
            "description that is empty",
            described(""),
            "it must be JSON, and is not: EOF while parsing a value",
        ),
        fails(
            "description that is no JSON",
            described("{\"name\": "),
            "it must be JSON, and is not: EOF while parsing a value",
        ),
        fails(
            "description that is a list",
            described("[]"),
            "[] is not of type \"object\"",
        ),
        fails(
            "description that is not UTF-8",
            described(*b"\"\xff\xfe\""),
            "the processor broke the calling convention in `describe`: `invalid utf-8 sequence of 1 byt",
        ),
        fails(
            "description with a zero byte",
            described("{\"name\": \"a\0b\", \"version\": \"1\"}"),
            "it must be JSON, and is not: control character (\\u0000-\\u001F) found while parsing a strin",
        ),
        fails(
            "description without a name",
            described(r#"{"version": "1"}"#),
            "\"name\" is a required property",
        ),
        fails(
            "description with a name that steers the terminal",
            described("{\"name\": \"\u{1b}[2J\", \"version\": \"1\"}"),
            "it must be JSON, and is not: control character (\\u0000-\\u001F) found while parsing a strin",
        ),
        fails(
            "description with a name of 100 kB",
            described(format!(
                r#"{{"name": "{}", "version": "1"}}"#,
                "a".repeat(100_000)
            )),
            "at `/name`: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        fails(
            "description with a version of 500 kB",
            described(format!(
                r#"{{"name": "a", "version": "{}"}}"#,
                "1".repeat(500_000)
            )),
            "at `/version`: \"11111111111111111111111111111111111111111111111111111111111111111111111111",
        ),
        fails(
            "description of two megabytes",
            described(vec![b' '; 2 << 20]),
            "the processor passed more than 1 MiB at once in `describe`",
        ),
        fails(
            "description with a member twice",
            described(r#"{"name": "a", "name": "b", "version": "1"}"#),
            "it must be JSON, and is not: the name \"name\" stands twice in one object",
        ),
        succeeds(
            "description with 10,000 unknown members",
            described(format!(
                r#"{{"name": "a", "version": "1", {}}}"#,
                many(10_000)
            )),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails(
            "description nested 100,000 deep",
            described(nested("[", "]", 100_000)),
            "it must be JSON, and is not: recursion limit exceeded",
        ),
        fails(
            "description with maps nested 50,000 deep",
            described(nested("{\"a\":", "}", 50_000)),
            "it must be JSON, and is not: recursion limit exceeded",
        ),
        fails(
            "description with a number beyond all",
            described(r#"{"name": 1e999999, "version": "1"}"#),
            "it must be JSON, and is not: number out of range",
        ),
        fails(
            "schema with a reference",
            with_options(r##"{"$ref": "#"}"##),
            "at `/options/$ref`: `$ref` is not supported in a schema of options",
        ),
        fails(
            "schema with escaped references that double",
            bomb,
            "`$defs` is not supported in a schema of options",
        ),
        fails(
            "schema with a pattern",
            with_options(
                r#"{"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}"#,
            ),
            "at `/options/properties/a/pattern`: `pattern` is not supported in a schema of options",
        ),
        fails(
            "schema nested 1,000 deep",
            with_options(
                &nested(r#"{"type": "array", "items": "#, "}", 1000)
                    .replace("\"items\": }", "\"items\": {}}"),
            ),
            "it must be JSON, and is not: recursion limit exceeded",
        ),
        fails(
            "schema with 20,000 properties",
            with_options(&format!(
                r#"{{"type": "object", "properties": {{{}}}}}"#,
                many(20_000).replace(": 1", ": {\"type\": \"string\"}")
            )),
            "at `/options/properties/m18998`: the schema of the options has more than 10000 parts",
        ),
        succeeds(
            "schema with a range that is empty",
            with_options(
                r#"{"type": "object", "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 1}}}"#,
            ),
            "0 rejected; rows: 0 in `rows`",
        ),
        fails("describe that loops", describing(LOOP), TOO_LONG),
        fails(
            "describe that traps",
            describing("unreachable"),
            "the processor trapped: wasm `unreachable` instruction executed",
        ),
        fails(
            "describe that grows",
            describing(GROW),
            "the processor needs more memory than ",
        ),
        fails(
            "describe that panics with a megabyte",
            describing(PANIC),
            "the processor passed more than 1 MiB at once in `describe`",
        ),
        fails(
            "describe that emits",
            describing(EMIT),
            "the processor emitted rows in `describe`",
        ),
        fails(
            "describe that recurses",
            Guest {
                extra: "(func $deep (call $deep) (call $deep))".into(),
                describe: "(call $deep)".into(),
                ..Guest::default()
            }
            .module(),
            "the processor's calls nest too deeply for its stack of 512 KiB",
        ),
        fails(
            "describe that answers outside of its memory",
            describing(
                "(i32.store (i32.const 16) (i32.const -4)) (i32.store (i32.const 20) (i32.const 100)) (return (i32.const 16))",
            ),
            "the processor broke the calling convention in `describe`: `string pointer/length out of bo",
        ),
        fails(
            "describe that answers with 4 GiB",
            describing(
                "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const -1)) (return (i32.const 16))",
            ),
            "the processor broke the calling convention in `describe`: `string pointer/length out of bo",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn of_start() -> Vec<Case> {
    let list = |count: usize, item: fn(usize) -> String| {
        let items: Vec<_> = (0..count).map(item).collect();
        items.join(", ")
    };
    let output = |number| format!(r#"{{"name": "o{number}"}}"#);
    let column = |number| format!(r#"{{"name": "c{number}", "merge": "sum"}}"#);
    let aggregate = |key: &str, columns: &str| {
        with_plan(&format!(
            r#""outputs": [{{"name": "a", "kind": "aggregate", "key": [{key}], "columns": [{columns}]}}]"#
        ))
    };
    vec![
        fails(
            "plan that is empty",
            planned(""),
            "it must be JSON, and is not: EOF while parsing a value",
        ),
        fails(
            "plan that is no JSON",
            planned("plan"),
            "it must be JSON, and is not: expected value",
        ),
        fails(
            "plan that is a number",
            planned("1"),
            "1 is not of type \"object\"",
        ),
        fails(
            "plan of two megabytes",
            planned(vec![b' '; 2 << 20]),
            "`start` failed: the processor passed more than 1 MiB at once in `start`",
        ),
        fails(
            "plan nested 100,000 deep",
            planned(nested("[", "]", 100_000)),
            "it must be JSON, and is not: recursion limit exceeded",
        ),
        fails(
            "plan without object types",
            planned("{}"),
            "\"object-types\" is a required property",
        ),
        fails(
            "plan with no object type",
            planned(r#"{"object-types": []}"#),
            "at `/object-types`: [] has fewer than 1 items",
        ),
        fails(
            "plan with 50,000 object types",
            planned(format!(
                r#"{{"object-types": [{}]}}"#,
                list(50_000, |number| format!("\"t{number}\""))
            )),
            "at `/object-types`: [\"t0\",\"t1\",\"t2\",\"t3\",\"t4\",\"t5\",\"t6\",\"t7\",\"t8\",\"t9\",\"t10\",\"t11\",\"t12\",\"",
        ),
        fails(
            "plan with an object type of 500 kB",
            planned(format!(
                r#"{{"object-types": ["{}"]}}"#,
                "a".repeat(500_000)
            )),
            "at `/object-types`: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        fails(
            "plan with an object type that steers the terminal",
            planned("{\"object-types\": [\"\u{1b}[2J\"]}"),
            "it must be JSON, and is not: control character (\\u0000-\\u001F) found while parsing a strin",
        ),
        fails(
            "plan with an object type that is a path",
            planned(r#"{"object-types": ["../origin"]}"#),
            "at `/object-types`: \"../origin\" is not an object type: 1 to 100 of a-z, 0-9 and _",
        ),
        fails(
            "plan with an object type twice",
            planned(r#"{"object-types": ["origin", "origin"]}"#),
            "at `/object-types`: \"origin\" is in the list twice",
        ),
        fails(
            "plan with an unknown column",
            with_plan(r#""columns": ["secrets"]"#),
            "at `/columns/0`: \"secrets\" is not one of \"values\", \"value-ends\", \"keys\", \"partitions\", \"of",
        ),
        fails(
            "plan with 10,000 outputs",
            with_plan(&format!(r#""outputs": [{}]"#, list(10_000, output))),
            "at `/outputs`: [{\"name\":\"o0\"},{\"name\":\"o1\"},{\"name\":\"o2\"},{\"name\":\"o3\"},{\"name\":\"o4\"},{\"na",
        ),
        fails(
            "plan with an output twice",
            with_plan(r#""outputs": [{"name": "a"}, {"name": "a"}]"#),
            "at `/outputs/1/name`: \"a\" is the name of another output already",
        ),
        fails(
            "plan with an output that is a path",
            with_plan(r#""outputs": [{"name": "../../etc/passwd"}]"#),
            "at `/outputs/0/name`: \"../../etc/passwd\" is not a letter a-z and up to 62 of a-z, 0-9, _ a",
        ),
        fails(
            "plan with an output of another kind",
            with_plan(r#""outputs": [{"name": "a", "kind": "drop-table"}]"#),
            "at `/outputs/0/kind`: \"drop-table\" is not one of \"append\", \"aggregate\"",
        ),
        succeeds(
            "aggregate without a key",
            aggregate("", r#"{"name": "n", "merge": "sum"}"#),
            "0 rejected; rows: 0 in `a`",
        ),
        fails(
            "aggregate with 10,000 columns",
            aggregate(r#""k""#, &list(10_000, column)),
            "at `/outputs/0/columns`: [{\"merge\":\"sum\",\"name\":\"c0\"},{\"merge\":\"sum\",\"name\":\"c1\"},{\"merge\"",
        ),
        fails(
            "aggregate with a column twice",
            aggregate(
                r#""k""#,
                r#"{"name": "n", "merge": "sum"}, {"name": "n", "merge": "max"}"#,
            ),
            "at `/outputs/0/columns`: \"n\" is the name of another column or part of the key already",
        ),
        fails(
            "aggregate with an unknown merge",
            aggregate(r#""k""#, r#"{"name": "n", "merge": "xor"}"#),
            "at `/outputs/0/columns/0/merge`: \"xor\" is not one of \"sum\", \"min\", \"max\"",
        ),
        fails("start that loops", starting(LOOP), TOO_LONG),
        fails(
            "start that traps",
            starting("unreachable"),
            "`start` failed: the processor trapped: wasm `unreachable` instruction executed",
        ),
        fails(
            "start that grows",
            starting(GROW),
            "`start` failed: the processor needs more memory than ",
        ),
        fails(
            "start that panics with a megabyte",
            starting(PANIC),
            "`start` failed: the processor passed more than 1 MiB at once in `start`",
        ),
        fails(
            "start that emits",
            starting(EMIT),
            "`start` failed: the processor emitted rows in `start`",
        ),
        fails(
            "start that makes a savepoint",
            starting("(call $savepoint)"),
            "`start` failed: the processor emitted rows in `start`",
        ),
        fails(
            "start that fails with a megabyte",
            starting(
                "(memory.fill (i32.const 2097152) (i32.const 27) (i32.const 1000000)) (return (call $fail (i32.const 2097152) (i32.const 1000000)))",
            ),
            "`start` failed: the processor failed: `\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{",
        ),
        fails(
            "start that fails with 8 MiB",
            starting("(return (call $fail (i32.const 0) (i32.const 8388608)))"),
            "`start` failed: the processor passed more than 1 MiB at once in `start`",
        ),
        fails(
            "start that answers with an unknown variant",
            starting("(i32.store (i32.const 16) (i32.const 77)) (return (i32.const 16))"),
            "`start` failed: the processor broke the calling convention in `start`: `invalid expected d",
        ),
        fails(
            "start that answers at an odd address",
            starting("(return (i32.const 17))"),
            "`start` failed: the processor broke the calling convention in `start`: `return pointer not",
        ),
    ]
}
