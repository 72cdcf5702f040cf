//! Objects of the journal, as scripts see and change them.

use rmpv::Value;

use super::{Script, map};

/// An entry of a directory.
fn entry(name: &str) -> Value {
    let target = Value::Binary(name.as_bytes().to_vec());
    map(&[
        ("name", name.into()),
        ("perms", 1.into()),
        ("target", target),
    ])
}

#[test]
fn lazy_and_whole_objects_change_as_any_object_does() {
    let script = "
        const same = (one, other) => { if (one !== other) throw new Error(`${one} is not ${other}`); };
        function change(object, fields) {
          same(Object.getPrototypeOf(object), Object.prototype);
          same(object.target, object.target);
          object.perms++;
          same(object.perms, 2);
          Object.defineProperty(object, 'hidden', { value: 3, enumerable: false });
          same(object.hidden, 3);
          same(Object.keys(object).join(), fields);
          same(delete object.name, true);
          same(delete object.other, true);
          same(object.name, undefined);
          same('name' in object, false);
          object.name = 'new';
          same(Object.keys(object).join(), 'perms,target,name');
          same(JSON.stringify({ ...object, target: 0 }), '{\"perms\":2,\"target\":0,\"name\":\"new\"}');
          Object.defineProperty(object, 'perms', { get: () => 5 });
          same(object.perms, 5);
          same(Object.getOwnPropertyDescriptor(object, 'name').writable, true);
          object.target[0] = 7;
          same(object.target[0], 7);
          same(object.target.buffer.byteLength, object.target.length);
          same(Object.create(object).perms, 5);
        }
        export function process({ revision: [object] }, emit) {
          for (const entry of object.entries) change(entry, 'name,perms,target');
          change(object.entry, 'name,perms,target');
          same(object.entries[1].name, 'new');
          const inherits = Object.create(object);
          inherits.entry = 1;
          same(Object.hasOwn(object, 'entry') && object.entry !== 1, true);
          emit({});
        }";
    let entries = Value::Array(vec![entry("a"), entry("b"), entry("c")]);
    let object = map(&[("entries", entries), ("entry", entry("d"))]);
    assert_eq!(Script::rows(script, object), ["{}"]);
}

#[test]
fn maps_with_other_keys_have_their_own_values() {
    // The number of keys and the first one are the same, so that each is compared with the keys of the one before.
    let maps = [
        map(&[("a", 1.into()), ("b", 2.into())]),
        map(&[("a", 3.into()), ("c", 4.into())]),
        map(&[("a", 5.into()), ("a", 6.into())]),
        map(&[("a", 7.into()), ("b", 8.into())]),
    ];
    let fields: Vec<_> = ["w", "x", "y", "z"].into_iter().zip(maps.clone()).collect();
    let object = map(&[("list", Value::Array(maps.into())), ("whole", map(&fields))]);
    let script = "export function process({ revision: [{ list, whole }] }, emit) {
        const text = (values) => values.map((one) => Object.entries(one).join(' ')).join('; ');
        emit({ list: text(list), whole: text(Object.values(whole)) });
    }";
    let text = "a,1 b,2; a,3 c,4; a,6; a,7 b,8";
    let expected = format!("{{\"list\": \"{text}\", \"whole\": \"{text}\"}}");
    assert_eq!(Script::rows(script, object), [expected]);
}

#[test]
fn objects_that_are_kept_outlive_their_call_and_a_search_for_cycles() {
    let script = Script::started(
        "const kept = [];
        export function processRevision(object, emit) {
          object.entries[0].self = object;
          kept.push(object.entries);
          const cycles = Array.from({ length: 2000 }, () => { const one = {}; one.self = one; return one; });
          emit({ n: kept.reduce((sum, entries) => sum + entries[0].perms + entries[1].target[0], 0), c: cycles.length });
        }",
    );
    let entries = Value::Array(vec![entry("a"), entry("b")]);
    let object = map(&[("entries", entries)]);
    for _ in 0..50 {
        script.process(std::slice::from_ref(&object)).unwrap();
    }
    let rows = script.host.rows.take();
    let last = rows.last().map(|(_, row)| row.to_string());
    let each = 1 + i32::from(b'b');
    assert_eq!(last, Some(format!("{{\"n\": {}, \"c\": 2000}}", 50 * each)));
}
