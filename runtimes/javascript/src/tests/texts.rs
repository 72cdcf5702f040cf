//! Texts from bytes that are not UTF-8, and what scripts do with them.

use rmpv::Value;

use super::{Script, map};

#[test]
fn keys_of_bytes_are_texts_that_stay_different() {
    let key = |bytes: &[u8]| Value::Binary(bytes.to_vec());
    let branches = Value::Map(vec![
        (key(b"HEAD"), 1.into()),
        (key(b"\xff"), 2.into()),
        (key(b"\xfe"), 3.into()),
    ]);
    let script = "export function process({ revision: [{ branches }] }, emit) {
        emit({ head: branches.HEAD, count: new Set(Object.keys(branches)).size });
    }";
    let rows = Script::rows(script, map(&[("branches", branches)]));
    assert_eq!(rows, ["{\"head\": 1, \"count\": 3}"]);
}

/// An object whose only branch has a name of these bytes.
fn branch(name: &[u8]) -> Value {
    let branches = vec![(Value::Binary(name.to_vec()), 1.into())];
    map(&[("branches", Value::Map(branches))])
}

#[test]
fn name_gives_its_bytes_back() {
    let script = "import { bytes, hex } from 'journal_host';
        export function process({ revision: [{ branches }] }, emit) { emit({ n: hex(bytes(Object.keys(branches)[0])) }); }";
    for (name, hex) in [
        (&b"a\xff\x80"[..], "61ff80"),
        ("é☃🎵".as_bytes(), "c3a9e29883f09f8eb5"),
        (b"\xed\xb2\x80", "edb280"),
        (b"\xf0\x9f\x8e\xb5\xb5", "f09f8eb5b5"),
        (b"", ""),
    ] {
        let expected = format!("{{\"n\": \"{hex}\"}}");
        assert_eq!(Script::rows(script, branch(name)), [expected]);
    }
    let script = "import { bytes, hex } from 'journal_host';
        export function process(objects, emit) { emit({ a: hex(bytes('\\ud800')), b: hex(bytes('\\udc00')) }); }";
    let expected = "{\"a\": \"efbfbd\", \"b\": \"efbfbd\"}";
    assert_eq!(Script::rows(script, map(&[])), [expected]);
}

#[test]
fn name_that_is_not_unicode_can_be_shown() {
    let script = Script::started(
        "import { log, reject } from 'journal_host';
        export function processRevision({ branches }) {
          const [name] = Object.keys(branches);
          log.info(name);
          log.info({ name });
          console.warn(name);
          if (name === 'a\\udcff') reject(name);
          throw new Error(name);
        }",
    );
    let objects = [branch(b"a\xff"), branch(b"b\xff")];
    let rejections = script.process(&objects).unwrap();
    let reasons: Vec<_> = rejections.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["a\u{fffd}", "a.js:8: Error: b\u{fffd}"]);
    let log = script.host.log.borrow();
    let shown = [
        "Info a\u{fffd}",
        "Info {\"name\":\"a\\udcff\"}",
        "Warn a\u{fffd}",
    ];
    assert_eq!(log[..3], shown);
    let prints = "export function process({ revision: [{ branches }] }) { console.log(...Object.keys(branches)); }";
    let printed = Script::rows(prints, branch(b"a\xff"));
    assert_eq!(printed, ["{\"text\": \"a\u{fffd}\\n\"}"]);
}

#[test]
fn name_that_is_not_unicode_is_emitted_as_bytes_only() {
    for (row, message) in [
        (
            "{ n: name }",
            "the column `n` has a text that is not Unicode",
        ),
        (
            "{ [name]: 1 }",
            "the column `a\u{fffd}` has a name that is not Unicode",
        ),
        (
            "{ o: branches }",
            "the column `o` has a name that is not Unicode",
        ),
    ] {
        let script = Script::started(&format!(
            "export function process({{ revision: [{{ branches }}] }}, emit) {{
              const [name] = Object.keys(branches);
              emit({row});
            }}"
        ));
        let failure = script.process(&[branch(b"a\xff")]).unwrap_err();
        assert!(failure.contains(message), "{failure}");
        assert!(failure.contains("`bytes(name)`"), "{failure}");
    }
}

#[test]
fn digits_of_a_name_are_those_of_its_bytes() {
    let script = "import { hex } from 'journal_host';
        export function process({ revision: [{ branches }] }, emit) { emit({ n: hex(Object.keys(branches)[0]) }); }";
    let rows = Script::rows(script, branch(b"a\xff"));
    assert_eq!(rows, ["{\"n\": \"61ff\"}"]);
}

#[test]
fn bytes_are_of_a_text_only() {
    let script = Script::started(
        "import { bytes } from 'journal_host';
        export function processRevision() { bytes(new Uint8Array(1)); }",
    );
    let rejections = script.process(&[map(&[])]).unwrap();
    let reason = "a.js:2: TypeError: `bytes` takes a text, and not a Uint8Array";
    assert!(rejections[0].reason.starts_with(reason), "{rejections:?}");
}
