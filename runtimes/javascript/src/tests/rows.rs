//! What scripts emit, and what they cannot.

use super::{Script, map};

#[test]
fn row_that_cannot_be_written_names_its_column() {
    for (value, reason) in [
        ("2n ** 64n", "has an integer of more than 64 bits"),
        ("NaN", "has a number that is not finite"),
        ("() => 1", "is a function, which a row cannot hold"),
        (
            "new Map()",
            "is a Map, which a row cannot hold: use `Object.fromEntries(map)`",
        ),
        ("Symbol()", "is a symbol, which a row cannot hold"),
        (
            "new Set()",
            "is a Set, which a row cannot hold: use `[...set]`",
        ),
        (
            "Promise.resolve(1)",
            "is a Promise, which a row cannot hold",
        ),
        ("(function* () {})()", "is a Generator, which a row"),
        ("new Map().keys()", "is a Map Iterator, which a row"),
        ("/a/", "is a RegExp, which"),
        ("new ArrayBuffer(1)", "is an ArrayBuffer, which"),
        ("new DataView(new ArrayBuffer(1))", "is a DataView, which"),
        ("new WeakMap()", "is a WeakMap, which"),
        (
            "new Int32Array([1])",
            "is an Int32Array, which a row cannot hold: use `[...array]`",
        ),
        ("Object(1)", "is a Number object, which"),
        ("new String('a')", "is a String object, which"),
        ("Object(true)", "is a Boolean object, which"),
        ("Object(1n)", "is a BigInt object, which"),
        ("new Proxy({}, {})", "is a Proxy, which"),
        ("new Proxy([], {})", "is a Proxy, which"),
        ("[new Proxy(() => 1, {})]", "is a "),
        ("{ c: new RangeError('x') }", "is an Error, which"),
        (
            "new Date(253402300800000)",
            "has a date outside the years 0 to 9999",
        ),
        (
            "new Date('-000001-12-31T23:59:59.999Z')",
            "has a date outside the years 0 to 9999",
        ),
        ("new Date(NaN)", "has an invalid date"),
        ("'\\udc80'", "has a text that is not Unicode"),
        ("cycle", "nests too deeply"),
        (
            "sparse",
            "has a list of the length 4294967295, of which more than 10000 elements are absent",
        ),
        (
            "[half]",
            "has a list of the length 2147483648, of which more than",
        ),
    ] {
        let text = format!(
            "const cycle = [], sparse = [1], half = []; cycle.push(cycle); sparse.length = 2 ** 32 - 1; half.length = 2 ** 31;\nexport function process(objects, emit) {{\n  emit({{ a: 1, b: {value} }});\n}}"
        );
        let failure = Script::started(&text).process(&[map(&[])]).unwrap_err();
        let expected = format!("a.js:3: TypeError: the column `b` {reason}");
        assert!(failure.starts_with(&expected), "{failure}");
    }
}

#[test]
fn row_is_an_object_with_properties() {
    for (row, kind) in [
        ("new Map([[1, 2]])", "a Map"),
        ("new Date(0)", "a Date"),
        ("[1]", "an Array"),
        ("new Uint8Array(1)", "a Uint8Array"),
        ("new Proxy({ a: 1 }, {})", "a Proxy"),
        ("() => 1", "a function"),
        ("new Error('x')", "an Error"),
        ("null", "null"),
        ("", "undefined"),
        ("5", "a number"),
    ] {
        let text = format!("export function process(objects, emit) {{ emit({row}); }}");
        let failure = Script::started(&text).process(&[map(&[])]).unwrap_err();
        let expected =
            format!("TypeError: a row is an object such as {{ id: revision.id }}, and not {kind}");
        assert!(failure.ends_with(&expected), "{failure}");
    }
}

#[test]
fn instance_of_a_class_of_the_script_is_an_object() {
    let script = "class Point { x = 1; get y() { return 2; } }
        class Bytes extends Uint8Array {}
        export function process({ revision: [object] }, emit) {
          emit(new Point());
          emit(object);
          emit({ p: new Point(), o: object, n: Object.create(null), b: new Bytes(2) });
        }";
    let rows = Script::rows(script, map(&[("a", 1.into())]));
    assert_eq!(
        rows,
        [
            "{\"x\": 1}",
            "{\"a\": 1}",
            "{\"p\": {\"x\": 1}, \"o\": {\"a\": 1}, \"n\": {}, \"b\": [0, 0]}"
        ]
    );
}

#[test]
fn number_without_a_fraction_is_an_integer() {
    let script = "export function process(objects, emit) {
        emit({ a: [-0, 2 ** 53, -(2 ** 63), 2 ** 63, 2 ** 64 - 2048, 2 ** 64, -(2 ** 63) - 2048, 1e300, 0.5] });
    }";
    let rows = Script::rows(script, map(&[]));
    let integers =
        "0, 9007199254740992, -9223372036854775808, 9223372036854775808, 18446744073709549568";
    let start = format!("{{\"a\": [{integers}, 18446744073709552000");
    assert!(rows[0].starts_with(&start), "{}", rows[0]);
    assert!(rows[0].ends_with(", 0.5]}"), "{}", rows[0]);
}

#[test]
fn absent_elements_of_a_list_are_null() {
    let script = "export function process(objects, emit) {
        emit({ a: [1, , undefined], n: new Array(20000).fill(undefined).length });
        const list = [1, 2];
        Object.defineProperty(list, 0, { get() { list.length = 0; return 7; }, configurable: true });
        emit({ list });
    }";
    let rows = Script::rows(script, map(&[]));
    assert_eq!(
        rows,
        [
            "{\"a\": [1, nil, nil], \"n\": 20000}",
            "{\"list\": [7, nil]}"
        ]
    );
}

#[test]
fn emit_of_a_script_without_outputs_says_why_it_has_none() {
    const UNDECLARED: &str =
        "the function declares no parameter `emit`, without a default, so the script has no output";
    for (text, said) in [
        (
            "export function processRevision(...args) { args[1]({}); }",
            UNDECLARED,
        ),
        (
            "export function processRevision(r, emit = null) { emit({}); }",
            UNDECLARED,
        ),
        (
            "export function processRevision(r) { arguments[1]({}, 'rows'); }",
            UNDECLARED,
        ),
        (
            "export const OUTPUTS = []; export function processRevision(r, emit) { emit({}); }",
            "OUTPUTS is empty, so the script has no output",
        ),
    ] {
        let rejections = Script::started(text).process(&[map(&[])]).unwrap();
        assert!(rejections[0].reason.contains(said), "{rejections:?}");
    }
}

#[test]
fn dates_of_the_first_and_the_last_year_are_held() {
    let script = "export function process(objects, emit) {
        emit({ a: new Date('0000-01-01T00:00:00Z'), b: new Date('9999-12-31T23:59:59.999Z') });
    }";
    assert_eq!(Script::rows(script, map(&[])).len(), 1);
}
