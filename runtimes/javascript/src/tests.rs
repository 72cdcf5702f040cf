//! Scripts in the engine, natively.

use std::cell::RefCell;
use std::rc::Rc;

use rmpv::Value;

use super::*;

mod console;
mod memory;
mod objects;
mod options;
mod promises;
mod refused;
mod rows;
mod texts;

/// A host that keeps what it gets.
#[derive(Default)]
struct Fake {
    log: RefCell<Vec<String>>,
    rows: RefCell<Vec<(u32, Value)>>,
}

impl Host for Fake {
    fn log(&self, level: Level, text: &str) {
        let lines = text.split('\n').map(|line| format!("{level:?} {line}"));
        self.log.borrow_mut().extend(lines);
    }

    fn emit(&self, output: u32, rows: &[u8], row_ends: &[u32]) {
        let mut start = 0;
        for end in row_ends {
            let end = *end as usize;
            let row = rmpv::decode::read_value(&mut &rows[start..end]).unwrap();
            self.rows.borrow_mut().push((output, row));
            start = end;
        }
    }
}

/// A loaded script.
struct Script {
    runner: Runner,
    host: Rc<Fake>,
}

impl Script {
    fn load(text: &str) -> Result<Self, String> {
        Self::printing(text, None)
    }

    fn printing(text: &str, prints_output: Option<bool>) -> Result<Self, String> {
        let host = Rc::new(Fake::default());
        let files = [("a.js".to_owned(), text.as_bytes().to_vec())];
        let runner = Runner::load(files.into(), "a.js".to_owned(), prints_output, host.clone())?;
        Ok(Self { runner, host })
    }

    /// A script that was started.
    fn started(text: &str) -> Self {
        let script = Self::load(text).unwrap();
        script.runner.start("{}").unwrap();
        script
    }

    fn process(&self, objects: &[Value]) -> Result<Vec<Rejection>, String> {
        let mut batch = Batch {
            object_type: "revision".to_owned(),
            ..Batch::default()
        };
        for object in objects {
            match object {
                Value::Ext(_, raw) => batch.values.extend(raw),
                object => rmpv::encode::write_value(&mut batch.values, object).unwrap(),
            }
            batch
                .value_ends
                .push(u32::try_from(batch.values.len()).unwrap());
        }
        self.runner.process(vec![batch])
    }

    /// The rows that it emits over one object.
    fn rows(text: &str, object: Value) -> Vec<String> {
        let script = Self::started(text);
        script.process(&[object]).unwrap();
        let rows = script.host.rows.take().into_iter();
        rows.map(|(_, row)| row.to_string()).collect()
    }
}

fn map(fields: &[(&str, Value)]) -> Value {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Value::Map(fields.collect())
}

/// Bytes that are a value of their own, whatever they are.
fn raw(bytes: &[u8]) -> Value {
    Value::Ext(0, bytes.to_vec())
}

#[test]
fn values_of_all_kinds_come_back_as_they_were() {
    let object = map(&[
        ("nil", Value::Nil),
        ("true", true.into()),
        ("small", 5.into()),
        ("negative", (-70_000).into()),
        ("exact", 9_007_199_254_740_991_u64.into()),
        ("large", 9_007_199_254_740_993_u64.into()),
        ("largest", u64::MAX.into()),
        ("least", i64::MIN.into()),
        ("float", 0.5.into()),
        ("text", "é ☃ longer than a word".into()),
        ("bytes", Value::Binary(vec![0, 255])),
        (
            "list",
            Value::Array(vec![1.into(), map(&[("x", "file".into())])]),
        ),
        ("map", map(&[("y", Value::Nil)])),
    ]);
    let emit = "export function process({ revision }, emit) { emit({ ...revision[0] }); }";
    assert_eq!(Script::rows(emit, object.clone()), [object.to_string()]);
}

#[test]
fn times_keep_their_microseconds() {
    let mut time = 1_500_000_000_u64.to_be_bytes().to_vec();
    time.splice(0..0, 123_456_000_u32.to_be_bytes());
    let object = map(&[("date", Value::Ext(-1, time))]);
    let emit = "export function process({ revision: [{ date }] }, emit) { emit({ date, text: date.toISOString() }); }";
    let rows = Script::rows(emit, object.clone());
    let Value::Map(fields) = object else {
        unreachable!()
    };
    let date = fields[0].1.to_string();
    assert_eq!(
        rows,
        [format!(
            "{{\"date\": {date}, \"text\": \"2017-07-14T02:40:00.123Z\"}}"
        )]
    );
}

#[test]
fn object_behaves_as_any_object_does() {
    let script = "
        const same = (one, other) => { if (one !== other) throw new Error(`${one} is not ${other}`); };
        export function process({ revision: [object] }, emit) {
          same(object.author, object.author);
          same(Object.keys(object).join(), 'id,author,a,b');
          same('id' in object, true);
          same('no' in object, false);
          same(object.no, undefined);
          same(Object.hasOwn(object, 'a'), true);
          same(object.hasOwnProperty('no'), false);
          same(String(object), '[object Object]');
          same(JSON.stringify(object.author), '{\"name\":\"x\"}');
          object.a = 7; object.c = 8; delete object.b;
          same(JSON.stringify({ ...object, id: 0 }), '{\"id\":0,\"author\":{\"name\":\"x\"},\"a\":7,\"c\":8}');
          const { a, ...rest } = object;
          same(a + Object.keys(rest).length, 10);
          let names = '';
          for (const name in object) names += name;
          same(names, 'idauthorac');
          emit({});
        }";
    let author = map(&[("name", "x".into())]);
    let id = Value::Binary(vec![1]);
    let object = map(&[
        ("id", id),
        ("author", author),
        ("a", 1.into()),
        ("b", 2.into()),
    ]);
    assert_eq!(Script::rows(script, object), ["{}"]);
}

#[test]
fn object_with_many_fields_has_each_of_them() {
    let names: Vec<String> = (0..100).map(|number| format!("field {number}")).collect();
    let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), 1.into())).collect();
    let script = "export function process({ revision: [object] }, emit) {
        let sum = 0;
        for (const [name, value] of Object.entries(object)) sum += object[name] + value;
        emit({ sum });
    }";
    assert_eq!(Script::rows(script, map(&fields)), ["{\"sum\": 200}"]);
}

#[test]
fn value_that_is_no_object_is_rejected_and_the_others_are_processed() {
    let script = Script::started(
        "export function processRevision(revision, emit) { emit({ n: revision.n }); if (revision.n === 2) throw new Error('two'); }",
    );
    let object = |number: i32| map(&[("n", number.into())]);
    let objects = [
        raw(b"\xc1"),
        object(1),
        raw(b""),
        5.into(),
        raw(b"\x80\x80"),
        object(2),
        object(3),
    ];
    let rejections = script.process(&objects).unwrap();
    let found: Vec<(u32, &str)> = rejections
        .iter()
        .map(|one| (one.index, one.reason.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (0, "its value holds the byte 0xc1"),
            (2, "its value ends inside a value"),
            (3, "its value is no map"),
            (4, "its value is followed by more, at byte 1"),
            (5, "a.js:1: Error: two"),
        ]
    );
    assert_eq!(script.host.rows.borrow().len(), 2);
}

#[test]
fn exception_names_the_lines_that_led_to_it() {
    let script = Script::started(
        "function month(revision) {\n  return revision.date.month;\n}\n\nexport function process({ revision }, emit) {\n  \
         emit({ month: month(revision[0]) });\n}\n",
    );
    let failure = script.process(&[map(&[("date", Value::Nil)])]).unwrap_err();
    assert_eq!(
        failure,
        "a.js:2: TypeError: cannot read property 'month' of null (in month, called at a.js:6 in process)"
    );
    let log = script.host.log.borrow().join("\n");
    assert!(
        log.contains("Error         return revision.date.month;\nError "),
        "{log}"
    );
    let failure = Script::load("let a = 1;\nlet a = 2;")
        .err()
        .unwrap_or_default();
    assert!(failure.starts_with("a.js:2: SyntaxError: "), "{failure}");
    let failure = Script::load("import { a } from 'fs';")
        .err()
        .unwrap_or_default();
    assert!(failure.contains("it is a module of Node.js"), "{failure}");
}

#[test]
fn objects_have_the_fields_that_are_named() {
    let script = Script::started(
        "export const OBJECT_TYPES = ['revision', 'other'];\n\
         export const FIELDS = { revision: ['id', 'raw_manifest'], other: ['any'] };\n\
         export function processRevision(revision, emit) { emit({ names: Object.keys(revision) }); }",
    );
    let object = map(&[("id", 1.into()), ("date", Value::Nil)]);
    script.process(&[object.clone(), object]).unwrap();
    let rows = script.host.rows.borrow();
    assert_eq!(rows[1].1.to_string(), "{\"names\": [\"id\"]}");
    assert!(script.host.log.borrow().is_empty());
}

#[test]
fn message_of_several_lines_is_kept_whole() {
    let script = Script::started(
        "import { reject } from 'journal_host';\n\
         export function processRevision({ n }) { if (n) throw new Error('one\\ntwo'); reject('three\\nfour'); }",
    );
    let object = |number: i32| map(&[("n", number.into())]);
    let rejections = script.process(&[object(1), object(0)]).unwrap();
    let reasons: Vec<_> = rejections.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["a.js:2: Error: one\ntwo", "three\nfour"]);
    assert_eq!(
        script.host.log.borrow()[..2],
        ["Warn Error: one", "Warn two"]
    );
}

#[test]
fn printed_text_is_the_output_of_a_script_without_emit() {
    let text = "export function processRevision({ n }) { console.log('n', n, [n, 2n]); console.warn('w'); if (n > 1) throw 5; }";
    let script = Script::started(text);
    let object = |number: i32| map(&[("n", number.into())]);
    let rejections = script.process(&[object(1), object(2)]).unwrap();
    assert_eq!(
        rejections[0].reason,
        "the script threw 5, which is no Error"
    );
    let rows = script.host.rows.borrow();
    assert_eq!(rows[0].1.to_string(), "{\"text\": \"n 1 [1,2]\\n\"}");
    assert_eq!(script.host.log.borrow()[0], "Warn w");
}

#[test]
fn printed_text_goes_where_the_operator_says() {
    let emits = "export function processRevision({ n }, emit) { console.log('n', n); emit({ n }); if (n > 1) throw 5; }";
    let script = Script::printing(emits, Some(true)).unwrap();
    let plan = script.runner.start("{}").unwrap();
    let outputs = r#""outputs":[{"name":"rows"},{"name":"printed","kind":"text"}]"#;
    assert!(plan.contains(outputs), "{plan}");
    let object = |number: i32| map(&[("n", number.into())]);
    script.process(&[object(1), object(2)]).unwrap();
    let rows = script.host.rows.borrow();
    let rows: Vec<_> = rows
        .iter()
        .map(|(output, row)| (*output, row.to_string()))
        .collect();
    let expected = [(0, "{\"n\": 1}"), (1, "{\"text\": \"n 1\\n\"}")];
    assert_eq!(rows, expected.map(|(output, row)| (output, row.to_owned())));

    let prints = "export function processRevision({ n }) { console.log('n', n); }";
    let script = Script::printing(prints, Some(false)).unwrap();
    let plan = script.runner.start("{}").unwrap();
    assert!(plan.contains(r#""outputs":[]"#), "{plan}");
    script.process(&[object(1)]).unwrap();
    assert!(script.host.rows.borrow().is_empty());
    assert_eq!(*script.host.log.borrow(), ["Info n 1"]);
}

#[test]
fn recursion_without_end_is_an_exception() {
    let script = Script::started(
        "function f(n) { return f(n + 1) + 1; }\nexport function process(objects, emit) { f(0); }",
    );
    let failure = script.process(&[map(&[])]).unwrap_err();
    assert!(
        failure.starts_with("a.js:1: RangeError: Maximum call stack size exceeded"),
        "{failure}"
    );
}
