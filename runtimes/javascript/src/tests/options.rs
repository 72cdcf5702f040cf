//! Options of scripts.

use super::{Script, map};

#[test]
fn description_has_the_options_and_the_first_comment() {
    let script = Script::load(
        "/** Counts.\n * More. */\nexport const VERSION = '1.2';\n\
         export const OPTIONS = { minimum: { type: 'integer', default: 3 }, name: { type: 'string' } };\n\
         import { options } from 'journal_host';\n\
         export function process(objects, emit) { emit({ ...options }); }",
    )
    .unwrap();
    let described = script.runner.describe().unwrap();
    assert_eq!(
        described,
        "{\"name\":\"a\",\"version\":\"1.2\",\"options\":{\"type\":\"object\",\"properties\":{\"minimum\":\
         {\"type\":\"integer\",\"default\":3},\"name\":{\"type\":\"string\"}},\"required\":[\"name\"]},\"summary\":\"Counts.\"}"
    );
    script.runner.start("{\"name\":\"x\"}").unwrap();
    script.process(&[map(&[])]).unwrap();
    let rows = script.host.rows.borrow();
    assert_eq!(rows[0].1.to_string(), "{\"minimum\": 3, \"name\": \"x\"}");
}

/// A script with the option `a`, which is 1, and these lines in its function.
fn script(lines: &str) -> Script {
    Script::started(&format!(
        "import {{ log, options }} from 'journal_host';
        export const OPTIONS = {{ a: {{ default: 1 }} }};
        export function process(objects, emit) {{ {lines} }}"
    ))
}

#[test]
fn options_can_be_listed_and_shown() {
    let script = script(
        "log.info(options); emit({ json: JSON.stringify(options), keys: Object.keys(options) });",
    );
    script.process(&[map(&[])]).unwrap();
    assert_eq!(*script.host.log.borrow(), ["Info {\"a\":1}"]);
    let row = script.host.rows.borrow()[0].1.to_string();
    assert!(row.contains("\"keys\": [\"a\"]"), "{row}");
}

#[test]
fn options_cannot_be_changed() {
    for (line, said) in [
        ("options.a = 2", "the option `a` cannot be changed"),
        ("delete options.a", "the option `a` cannot be changed"),
        (
            "Object.defineProperty(options, 'a', { value: 2 })",
            "the option `a` cannot be changed",
        ),
        (
            "Object.setPrototypeOf(options, {})",
            "the options cannot be changed",
        ),
        (
            "Object.freeze(options)",
            "the options cannot be frozen: they never change",
        ),
        ("options.b", "the script declares no option `b` in OPTIONS"),
    ] {
        let failure = script(line).process(&[map(&[])]).unwrap_err();
        assert!(failure.contains(said), "{line}: {failure}");
    }
}
