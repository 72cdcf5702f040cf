//! Objects of every kind, as the host writes their rows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use journal_plugin_sdk::testing::{Harness, Rows, Run};
use print_objects::{PrintObjects, PrintOptions};
use rmpv::Value as Msgpack;
use serde_json::{Value, json};

fn harness() -> Harness<PrintObjects, PrintOptions> {
    Harness::new()
}

fn encode(value: &Msgpack) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

fn bin(bytes: &[u8]) -> Msgpack {
    Msgpack::Binary(bytes.to_vec())
}

/// A map with text keys.
fn map<const N: usize>(entries: [(&str, Msgpack); N]) -> Msgpack {
    Msgpack::Map(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

fn run(value: &Msgpack) -> Run {
    harness()
        .raw_record("release", "", encode(value))
        .run()
        .unwrap()
}

/// How the field `field` with this value is printed.
#[track_caller]
fn check_field(field: &str, value: Msgpack, expected: &Value) {
    let run = run(&map([(field, value)]));
    assert_eq!(run.rejections(), []);
    assert_eq!(
        run.rows("rows"),
        [json!({"object_type": "release", "object": {field: expected}})]
    );
}

#[track_caller]
fn check(value: Msgpack, expected: &Value) {
    check_field("field", value, expected);
}

#[track_caller]
fn check_refused(value: &[u8], expected: &str) {
    let run = harness().raw_record("release", "", value).run().unwrap();
    assert!(run.rows("rows").is_empty());
    let [rejected] = run.rejections() else {
        panic!("{:?}", run.rejections())
    };
    assert!(rejected.reason.ends_with(expected), "{}", rejected.reason);
}

const ID: [u8; 20] = *b"text of twenty bytes";
const ID_HEX: &str = "74657874206f66207477656e7479206279746573";

#[test]
fn revision_keeps_every_field() {
    let person = map([
        ("fullname", bin("Ada <a@x>".as_bytes())),
        ("name", bin("Ada".as_bytes())),
        ("email", Msgpack::Nil),
    ]);
    let timestamp = map([("seconds", (-5).into()), ("microseconds", 7.into())]);
    let revision = map([
        ("message", bin("Héllo\n".as_bytes())),
        ("author", person),
        (
            "date",
            map([("timestamp", timestamp), ("offset_bytes", bin(b"+0200"))]),
        ),
        ("type", "git".into()),
        ("directory", bin(&ID)),
        ("synthetic", false.into()),
        ("metadata", Msgpack::Nil),
        ("parents", Msgpack::Array(vec![bin(&ID), bin(&ID)])),
        ("id", bin(&ID)),
        (
            "extra_headers",
            Msgpack::Array(vec![Msgpack::Array(vec![bin(b"gpgsig"), bin(&[0xff])])]),
        ),
    ]);
    let expected = json!({
        "message": "Héllo\n",
        "author": {"fullname": "Ada <a@x>", "name": "Ada", "email": null},
        "date": {"timestamp": {"seconds": -5, "microseconds": 7}, "offset_bytes": "+0200"},
        "type": "git",
        "directory": ID_HEX,
        "synthetic": false,
        "metadata": null,
        "parents": [ID_HEX, ID_HEX],
        "id": ID_HEX,
        "extra_headers": [["gpgsig", "ff"]],
    });
    let run = harness()
        .raw_record("revision", "", encode(&revision))
        .run()
        .unwrap();
    assert_eq!(
        run.rows("rows"),
        [json!({"object_type": "revision", "object": expected})]
    );
}

#[test]
fn branches_of_a_snapshot_are_named_and_their_aliases_are_text() {
    let target = |target: &[u8], target_type: &str| {
        map([("target", bin(target)), ("target_type", target_type.into())])
    };
    let type_first = map([("target_type", "alias".into()), ("target", bin(&ID))]);
    let branches = Msgpack::Map(vec![
        (bin(b"HEAD"), target(&ID, "alias")),
        (bin(b"refs/heads/main"), target(&ID, "revision")),
        (bin(b"id"), type_first),
        (bin(&[0xff, 0]), Msgpack::Nil),
    ]);
    let text = "text of twenty bytes";
    let expected = json!({
        "HEAD": {"target": text, "target_type": "alias"},
        "refs/heads/main": {"target": ID_HEX, "target_type": "revision"},
        "id": {"target_type": "alias", "target": text},
        "ff00": null,
    });
    check_field("branches", branches, &expected);
}

#[test]
fn bytes_are_text_where_people_read_them() {
    check(bin(b"text"), &json!("text"));
    check(bin(b""), &json!(""));
    check(bin(&[0xff, 0x00]), &json!("ff00"));
    check_field("id", bin(b"text"), &json!("74657874"));
    check_field("id", "text".into(), &json!("text"));
    let not_utf8 = Msgpack::String(rmpv::Utf8String::from(String::new()));
    check(not_utf8, &json!(""));
    let value = b"\x81\xa1a\xa2\xff\x00";
    let run = harness()
        .raw_record("release", "", &value[..])
        .run()
        .unwrap();
    assert_eq!(run.rows("rows")[0]["object"], json!({"a": "ff00"}));
}

#[test]
fn numbers_keep_their_value() {
    for number in [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(-1e300),
    ] {
        check(
            serde_json::from_value::<Number>(number.clone()).unwrap().0,
            &number,
        );
    }
    check(Msgpack::F64(f64::NAN), &json!("NaN"));
    check(Msgpack::F64(f64::NEG_INFINITY), &json!("-inf"));
    check(Msgpack::F32(f32::INFINITY), &json!("inf"));
    check(Msgpack::F32(0.25), &json!(0.25));
}

/// A number of JSON as msgpack.
#[derive(serde::Deserialize)]
#[serde(from = "serde_json::Number")]
struct Number(Msgpack);

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        let unsigned = number.as_u64().map(Msgpack::from);
        let value = unsigned.or_else(|| number.as_i64().map(Msgpack::from));
        Self(value.unwrap_or_else(|| Msgpack::F64(number.as_f64().unwrap())))
    }
}

#[test]
fn integers_beyond_64_bits_are_decimal_text() {
    let magnitude = [1, 0, 0, 0, 0, 0, 0, 0, 0];
    check(
        Msgpack::Ext(1, magnitude.to_vec()),
        &json!("18446744073709551616"),
    );
    check(
        Msgpack::Ext(2, magnitude.to_vec()),
        &json!("-18446744073709551616"),
    );
    let huge = "ff".repeat(2000);
    check(
        Msgpack::Ext(1, vec![0xff; 2000]),
        &json!({"extension": 1, "data": huge}),
    );
}

#[test]
fn times_of_every_form_are_rfc_3339() {
    check(
        Msgpack::Ext(-1, vec![0, 0, 0, 1]),
        &json!("1970-01-01T00:00:01Z"),
    );
    let nanoseconds = (500_000_000_u64 << 34 | 1).to_be_bytes();
    check(
        Msgpack::Ext(-1, nanoseconds.to_vec()),
        &json!("1970-01-01T00:00:01.5Z"),
    );
    let before = [&[0; 4][..], &(-1_i64).to_be_bytes()].concat();
    check(Msgpack::Ext(-1, before), &json!("1969-12-31T23:59:59Z"));
}

#[test]
fn what_is_no_readable_time_or_integer_keeps_its_type_and_data() {
    let far = [&[0; 4][..], &i64::MAX.to_be_bytes()].concat();
    check(
        Msgpack::Ext(-1, far),
        &json!({"extension": -1, "data": "000000007fffffffffffffff"}),
    );
    check(
        Msgpack::Ext(-1, vec![1]),
        &json!({"extension": -1, "data": "01"}),
    );
    check(
        Msgpack::Ext(7, b"ab".to_vec()),
        &json!({"extension": 7, "data": "6162"}),
    );
}

#[test]
fn time_of_old_records_is_its_text() {
    let iso = "2015-11-22T16:33:56.000001+00:00";
    let entries = [
        (bin(b"swhtype"), "datetime".into()),
        (bin(b"d"), iso.into()),
    ];
    check(Msgpack::Map(entries.to_vec()), &json!(iso));
    let [first, second] = entries;
    check(Msgpack::Map(vec![second, first]), &json!(iso));
    let other = Msgpack::Map(vec![
        (bin(b"swhtype"), "other".into()),
        (bin(b"d"), iso.into()),
    ]);
    check(other, &json!({"swhtype": "other", "d": iso}));
}

#[test]
fn keys_of_every_kind_become_text() {
    let one = |key| Msgpack::Map(vec![(key, 1.into())]);
    check(one(Msgpack::Nil), &json!({"null": 1}));
    check(one(true.into()), &json!({"true": 1}));
    check(one(7.into()), &json!({"7": 1}));
    check(one((-7).into()), &json!({"-7": 1}));
    check(one(Msgpack::F64(0.5)), &json!({"0.5": 1}));
    check(one(Msgpack::Ext(1, vec![1, 0])), &json!({"256": 1}));
    check(
        one(Msgpack::Ext(-1, vec![0; 4])),
        &json!({"1970-01-01T00:00:00Z": 1}),
    );
    check(one(Msgpack::Ext(7, vec![0xab])), &json!({"ab": 1}));
}

#[test]
fn value_that_is_not_one_document_is_refused() {
    let whole = encode(&map([("a", "text".into())]));
    for length in 1..whole.len() {
        check_refused(&whole[..length], "the value ends early");
    }
    check_refused(
        &[&whole[..], &[0xc0]].concat(),
        "the value goes on after its end",
    );
    check_refused(
        &[0x81, 0xa1, b'a', 0xc1],
        "the value has a byte that msgpack reserves",
    );
    check_refused(&[0xdf, 0xff, 0xff, 0xff, 0xff], "the value ends early");
    let key = Msgpack::Map(vec![(Msgpack::Array(vec![]), 1.into())]);
    check_refused(
        &encode(&key),
        "the value has a list or map as the key of a map",
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let lists = [vec![0x91; depth - 1], vec![0x90]].concat();
        [b"\x81\xa1a".to_vec(), lists].concat()
    };
    let run = harness()
        .raw_record("release", "", nested(63))
        .run()
        .unwrap();
    assert_eq!(run.rows("rows").len(), 1);
    check_refused(&nested(64), "the value is nested too deeply");
    check_refused(&nested(1_000_000), "the value is nested too deeply");
}

#[test]
fn value_that_is_no_map_is_printed_as_it_is() {
    let run = run(&Msgpack::Array(vec![1.into()]));
    assert_eq!(
        run.rows("rows"),
        [json!({"object_type": "release", "object": [1]})]
    );
}

#[test]
fn option_names_the_object_types() {
    let object = json!({"url": "u"});
    let origins = || harness().options(json!({"object_types": ["origin"]}));
    let run = origins().record("origin", "", &object).run().unwrap();
    assert_eq!(
        run.rows("rows"),
        [json!({"object_type": "origin", "object": object})]
    );
    assert!(origins().record("revision", "", &object).run().is_err());
    let any = harness().options(json!({"object_types": ["any"]}));
    assert_eq!(
        any.record("a_type_of_tomorrow", "", &object)
            .run()
            .unwrap()
            .rows("rows")
            .len(),
        1
    );
    let none = harness()
        .options(json!({"object_types": []}))
        .run()
        .unwrap_err();
    assert!(
        none.to_string().contains("[] has fewer than 1 items"),
        "{none}"
    );
}

#[test]
fn rows_do_not_depend_on_the_split() {
    let numbered = |harness: Harness<_, _>, number: u32| {
        let harness = harness.record("revision", "", &json!({"number": number}));
        harness.raw_record("revision", "", [0xc1])
    };
    let run = (0..200)
        .fold(harness(), numbered)
        .same_for_any_split(20, Rows::InOrder)
        .unwrap();
    assert_eq!((run.rows("rows").len(), run.rejections().len()), (200, 200));
}

#[test]
fn object_type_that_is_named_twice_is_printed_once() {
    let run = harness()
        .options(json!({"object_types": ["revision", "origin", "revision"]}))
        .raw_record("revision", "", encode(&map([])))
        .run()
        .unwrap();
    assert_eq!(
        run.rows("rows"),
        [json!({"object_type": "revision", "object": {}})]
    );
}

#[test]
fn name_that_cannot_be_an_object_type_is_refused() {
    let refused = |types: Value| {
        let harness = harness().options(json!({"object_types": types}));
        harness.run().unwrap_err().to_string()
    };
    for name in ["Revision", "", "a b"] {
        let expected = format!(
            "the plan names the object type `{name}`: a name must be 1 to 100 of `a-z0-9_`"
        );
        let error = refused(json!([name]));
        assert!(error.ends_with(&expected), "{error}");
    }
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let error = refused(json!(many));
    assert!(error.contains("has more than 100 items"), "{error}");
}
