use super::*;
use crate::{Aggregate, Id};

/// One aggregate `sums` by `k`, with the sum `n` and the largest `m`, and what it delivers.
fn sums() -> (Out, Delivered) {
    let shape = Aggregate::by(["k"]).sum("n").max("m").shape;
    with_outputs(vec![OutputPlan {
        name: "sums".to_owned(),
        shape: Some(shape),
        order: None,
        types: None,
    }])
}

#[derive(Serialize)]
struct Row<K> {
    k: K,
    n: i64,
    m: Option<i64>,
}

fn row<K>(k: K, n: i64) -> Row<K> {
    Row { k, n, m: Some(n) }
}

#[test]
fn latest_values_belong_to_the_largest_order_and_may_be_truth_values() {
    #[derive(Serialize)]
    struct Visit {
        k: u8,
        at: i64,
        is_full: bool,
        id: Option<&'static str>,
    }
    let shape = Aggregate::by(["k"])
        .max("at")
        .latest_by("at", ["is_full", "id"]);
    let (mut out, delivered) = with_outputs(vec![OutputPlan {
        name: "latest".to_owned(),
        shape: Some(shape.shape),
        order: None,
        types: None,
    }]);
    for (at, is_full, id) in [(1, true, Some("a")), (3, false, None), (2, true, Some("b"))] {
        let visit = Visit {
            k: 0,
            at,
            is_full,
            id,
        };
        out.merge("latest", &visit).unwrap();
    }
    let expected = [json!({"k": 0, "at": 3, "is_full": false, "id": null})];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

/// The rows that one call delivers, in JSON.
fn delivered_rows(out: &mut Out, delivered: &Delivered) -> Vec<Value> {
    out.flush();
    let chunks = std::mem::take(&mut *delivered.borrow_mut());
    let rows = chunks.into_iter().flat_map(|(_, rows)| rows);
    rows.map(|row| rmp_serde::from_slice(&row).unwrap())
        .collect()
}

#[test]
fn rows_with_the_same_key_are_delivered_as_one_and_forgotten() {
    let (mut out, delivered) = sums();
    for (key, number) in [("b", 1), ("a", 5), ("b", -3)] {
        out.merge("sums", &row(key, number)).unwrap();
    }
    assert!(delivered.borrow().is_empty());
    let expected = [
        json!({"k": "b", "n": -2, "m": 1}),
        json!({"k": "a", "n": 5, "m": 5}),
    ];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
    assert!(delivered_rows(&mut out, &delivered).is_empty());
    out.merge("sums", &row("b", 7)).unwrap();
    let expected = [json!({"k": "b", "n": 7, "m": 7})];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

#[test]
fn structs_maps_and_flattened_fields_in_any_order_are_one_row() {
    #[derive(Serialize)]
    struct Flat {
        m: u8,
        #[serde(flatten)]
        rest: BTreeMap<&'static str, Value>,
    }
    let (mut out, delivered) = sums();
    out.merge("sums", &row("a", 1)).unwrap();
    out.merge("sums", &json!({"m": 9, "n": 1, "k": "a"}))
        .unwrap();
    let rest = BTreeMap::from([("k", json!("a")), ("n", json!(1))]);
    out.merge("sums", &Flat { m: 3, rest }).unwrap();
    out.merge("sums", &row("a", 1)).unwrap();
    let expected = [json!({"k": "a", "n": 4, "m": 9})];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

#[test]
fn keys_are_the_same_when_their_msgpack_is() {
    let (mut out, delivered) = sums();
    out.merge("sums", &row(5_u8, 1)).unwrap();
    out.merge("sums", &row(5_i64, 1)).unwrap();
    out.merge("sums", &row(Some(5_u64), 1)).unwrap();
    out.merge("sums", &row(5.0, 1)).unwrap();
    out.merge("sums", &row("5", 1)).unwrap();
    out.merge("sums", &row((5, "x"), 1)).unwrap();
    out.merge("sums", &row(None::<u8>, 1)).unwrap();
    out.merge("sums", &row(json!({"a": [1]}), 1)).unwrap();
    let rows = delivered_rows(&mut out, &delivered);
    let numbers: Vec<_> = rows.iter().map(|row| row["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [3, 1, 1, 1, 1, 1]);
}

#[test]
fn none_in_a_column_leaves_it_unchanged() {
    let (mut out, delivered) = sums();
    for m in [None, Some(4), None] {
        out.merge("sums", &Row { k: "a", n: 1, m }).unwrap();
    }
    out.merge(
        "sums",
        &Row {
            k: "b",
            n: 1,
            m: None,
        },
    )
    .unwrap();
    let expected = [
        json!({"k": "a", "n": 3, "m": 4}),
        json!({"k": "b", "n": 1, "m": null}),
    ];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

#[test]
fn columns_take_the_types_of_rows() {
    #[derive(Serialize)]
    struct Typed<'a> {
        time: Timestamp,
        id: Id,
        bytes: Bytes<'a>,
        text: &'a str,
        letter: char,
        float: f64,
    }
    let names = ["time", "id", "bytes", "text", "letter", "float"];
    let shape = names
        .iter()
        .fold(Aggregate::by([""; 0]), |shape, &name| shape.max(name));
    let (mut out, delivered) = with_outputs(vec![OutputPlan {
        name: "most".to_owned(),
        shape: Some(shape.shape),
        order: None,
        types: None,
    }]);
    for number in [1_u8, 3, 2] {
        let bytes = [number; 20];
        let typed = Typed {
            time: Timestamp::new(number.into(), 500_000_000).unwrap(),
            id: Id(bytes),
            bytes: Bytes::from(&bytes[..usize::from(number)]),
            text: &"ab"[..=usize::from(number == 3)],
            letter: char::from(b'a' + number),
            float: f64::from(number) / 4.0,
        };
        out.merge("most", &typed).unwrap();
    }
    out.flush();
    let rows = &delivered.borrow()[0].1;
    let value = crate::testing::msgpack(&json!(0.75)).unwrap();
    let expected = [
        &b"\x86\xa4time\xc7\x0c\xff\x1d\xcd\x65\x00\0\0\0\0\0\0\0\x03\xa2id\xc4\x14"[..],
        &[3; 20],
        b"\xa5bytes\xc4\x03\x03\x03\x03\xa4text\xa2ab\xa6letter\xa1d\xa5float",
        &value,
    ];
    assert_eq!(*rows, [expected.concat()]);
}

#[test]
fn row_that_does_not_match_the_plan_is_a_failure_that_names_the_field() {
    let (mut out, delivered) = sums();
    for (row, expected) in [
        (json!({"k": 1, "n": 1}), "lacks the field `m`"),
        (
            json!({"k": 1, "n": 1, "m": 1, "o": 1}),
            "has the field `o`, which is neither of the key nor a column",
        ),
        (
            json!({"k": 1, "n": 0.5, "m": 1}),
            "has a float in the column `n`, which adds up integers",
        ),
        (
            json!({"k": 1, "n": 1, "m": [1]}),
            "has a list in the column `m`, which takes numbers, texts, bytes and times",
        ),
        (
            json!({"k": 1, "n": 1, "m": true}),
            "has a boolean in the column `m`, which takes numbers, texts, bytes and times",
        ),
        (
            json!([1]),
            "is not a map: merge a struct or a map with string keys",
        ),
        (
            json!("k"),
            "is not a map: merge a struct or a map with string keys",
        ),
    ] {
        let error = out.merge("sums", &row).unwrap_err();
        check_failure(&error, &format!("a row for the output `sums` {expected}"));
    }
    let wide = BTreeMap::from([("k", 1), ("n", i128::MAX), ("m", 1)]);
    let error = out.merge("sums", &wide).unwrap_err().to_string();
    assert!(
        error.contains("has an integer of more than 64 bits in the column `n`"),
        "{error}"
    );
    let numbers = BTreeMap::from([(1, 1)]);
    let error = out.merge("sums", &numbers).unwrap_err();
    check_failure(
        &error,
        "a row for the output `sums` has a name that is not a text",
    );
    assert!(delivered_rows(&mut out, &delivered).is_empty());
}

#[test]
fn sum_beyond_64_bits_is_a_failure_that_names_output_column_and_key() {
    let (mut out, _) = sums();
    out.merge("sums", &row("big", i64::MIN)).unwrap();
    let error = out.merge("sums", &row("big", -1)).unwrap_err();
    let expected = "a row for the output `sums` takes the sum in the column `n` of the key [\"big\"] out of the \
                    range of 64 bits";
    check_failure(&error, expected);
}

#[test]
fn row_that_cannot_be_serialized_rejects_the_record_and_merges_nothing() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no value"))
        }
    }
    let (mut out, delivered) = sums();
    let error = out.merge("sums", &row(Broken, 1)).unwrap_err();
    let expected = "a row for the output `sums` cannot be serialized: no value";
    assert_eq!(error, RecordError::reject(expected));
    assert!(delivered_rows(&mut out, &delivered).is_empty());
}

#[test]
fn outputs_of_the_other_kind_are_failures_that_say_what_to_call() {
    let (mut aggregate, _) = sums();
    let expected = "`emit` cannot write to the output `sums`, which is an aggregate: use `merge`";
    let error = aggregate.emit(&row("a", 1)).unwrap_err();
    check_failure(&error, expected);
    let error = aggregate.emit_to("sums", &row("a", 1)).unwrap_err();
    check_failure(&error, expected);
    let (mut append, _) = out(&["rows"]);
    let expected =
        "`merge` cannot write to the output `rows`, which is an append output: use `emit_to`";
    let error = append.merge("rows", &row("a", 1)).unwrap_err();
    check_failure(&error, expected);
    let error = append.merge("sums", &row("a", 1)).unwrap_err();
    let expected = "the plan does not declare the output `sums`: it declares `rows`";
    check_failure(&error, expected);
}

#[test]
fn rejected_record_removes_only_what_it_merged() {
    let (mut out, delivered) = sums();
    out.merge("sums", &row("before", 1)).unwrap();
    for (number, refused) in [(1, false), (10, true), (2, false), (20, true)] {
        out.begin_record();
        for key in ["a", "before", "a"] {
            out.merge("sums", &row(key, number)).unwrap();
        }
        if refused {
            out.merge("sums", &row(format!("refused {number}"), number))
                .unwrap();
            out.rollback_record();
        } else {
            out.end_record();
        }
    }
    let expected = [
        json!({"k": "before", "n": 4, "m": 2}),
        json!({"k": "a", "n": 6, "m": 2}),
    ];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
    assert_eq!(out.pending_bytes, 0);
}

/// Merges `number` under the key `a` and under a key that no other number has.
fn merge(out: &mut Out, number: i64) {
    out.merge("sums", &row("a", number)).unwrap();
    out.merge("sums", &row(number.to_string(), number)).unwrap();
}

#[test]
fn rejected_inner_record_is_rolled_back_alone_and_an_outer_one_with_all_inside() {
    for outer_is_refused in [false, true] {
        let (mut out, delivered) = sums();
        out.begin_record();
        merge(&mut out, 1);
        out.end_record();
        out.begin_record();
        merge(&mut out, 10);
        for number in [100, 200, 300, 400] {
            out.begin_record();
            merge(&mut out, number);
            if number < 300 {
                out.rollback_record();
            } else {
                out.end_record();
            }
            // The outer record changes the same rows between the inner ones.
            out.merge("sums", &row("a", 1000)).unwrap();
        }
        let mut expected = vec![
            json!({"k": "a", "n": 1, "m": 1}),
            json!({"k": "1", "n": 1, "m": 1}),
        ];
        if outer_is_refused {
            out.rollback_record();
        } else {
            out.end_record();
            expected[0] = json!({"k": "a", "n": 4711, "m": 1000});
            expected.extend([10, 300, 400].map(|n| json!({"k": n.to_string(), "n": n, "m": n})));
        }
        assert!(!out.in_record);
        assert_eq!(delivered_rows(&mut out, &delivered), expected);
    }
}

#[test]
fn inner_record_that_merges_first_is_rolled_back_with_the_outer_one() {
    let (mut out, delivered) = sums();
    out.merge("sums", &row("a", 1)).unwrap();
    out.begin_record();
    out.begin_record();
    out.merge("sums", &row("a", 2)).unwrap();
    out.end_record();
    out.merge("sums", &row("a", 4)).unwrap();
    out.rollback_record();
    let expected = [json!({"k": "a", "n": 1, "m": 1})];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

#[test]
fn failed_call_leaves_nothing_merged() {
    let (mut out, delivered) = sums();
    out.begin_record();
    out.merge("sums", &row("a", 1)).unwrap();
    out.clear();
    out.merge("sums", &row("b", 1)).unwrap();
    let expected = [json!({"k": "b", "n": 1, "m": 1})];
    assert_eq!(delivered_rows(&mut out, &delivered), expected);
}

#[test]
fn many_keys_are_delivered_between_records_and_never_within_one() {
    let (mut out, delivered) = sums();
    let keys = FLUSH_BYTES / 1024 + 1;
    let fill = |out: &mut Out| {
        for key in 0..keys {
            out.merge("sums", &row(format!("{key:01024}"), 1)).unwrap();
        }
    };
    out.begin_record();
    fill(&mut out);
    assert!(delivered.borrow().is_empty());
    out.end_record();
    assert!(!delivered.borrow().is_empty());
    assert_eq!(out.pending_bytes, 0);
    delivered.borrow_mut().clear();
    // Known keys do not add to the buffer.
    for _ in 0..10 * keys {
        out.merge("sums", &row("a", 1)).unwrap();
    }
    assert!(delivered.borrow().is_empty());
    fill(&mut out);
    let rows: usize = delivered.borrow().iter().map(|(_, rows)| rows.len()).sum();
    assert!(rows > 0 && out.pending_bytes <= FLUSH_BYTES, "{rows}");
}
