mod latest;

use super::*;
use crate::{Column, Kind, Merge};

fn shape(key: &[&str], columns: &[(&str, Merge)]) -> Arc<Shape> {
    let column = |&(name, merge): &(&str, Merge)| Column {
        name: name.to_owned(),
        merge,
        by: None,
    };
    Arc::new(Shape {
        key: key.iter().map(|&name| name.to_owned()).collect(),
        columns: columns.iter().map(column).collect(),
    })
}

/// A table with the key `k`, and a row for it.
fn by_key(merge: Merge) -> (Table, Row) {
    let shape = shape(&["k"], &[("v", merge)]);
    (Table::new(Arc::clone(&shape)), Row::new(shape))
}

/// `{"k": key, "v": value}`, where both are msgpack.
fn row(key: &[u8], value: &[u8]) -> Vec<u8> {
    [b"\x82\xa1k", key, b"\xa1v", value].concat()
}

fn merge(table: &mut Table, next: &mut Row, msgpack: &[u8]) -> Result<bool, Fault> {
    next.read(msgpack)?;
    table.merge(next)
}

fn merged(merge_: Merge, values: &[&[u8]]) -> Result<Vec<u8>, Fault> {
    let (mut table, mut next) = by_key(merge_);
    for value in values {
        merge(&mut table, &mut next, &row(b"\x01", value))?;
    }
    let all = written(&table).remove(0);
    Ok(all[b"\x82\xa1k\x01\xa1v".len()..].to_vec())
}

fn written(table: &Table) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let done = table.write(&mut Vec::new(), |row| {
        all.push(std::mem::take(row));
        Ok::<_, ()>(())
    });
    assert_eq!(done, Ok(()));
    all
}

#[test]
fn rows_with_the_same_key_become_one_in_the_order_of_their_first() {
    let (mut table, mut next) = by_key(Merge::Sum);
    for (key, value) in [(b"\x02", b"\x05"), (b"\x01", b"\x06"), (b"\x02", b"\x07")] {
        merge(&mut table, &mut next, &row(key, value)).unwrap();
    }
    assert_eq!(
        written(&table),
        [row(b"\x02", b"\x0c"), row(b"\x01", b"\x06")]
    );
    table.clear();
    assert_eq!((table.len(), table.bytes()), (0, 0));
    assert_eq!(
        merge(&mut table, &mut next, &row(b"\x02", b"\x01")),
        Ok(true)
    );
    assert_eq!(written(&table), [row(b"\x02", b"\x01")]);
}

#[test]
fn keys_and_columns_are_found_in_any_order_and_written_in_that_of_the_shape() {
    let shape = shape(&["a", "b"], &[("c", Merge::Sum), ("d", Merge::Max)]);
    let (mut table, mut next) = (Table::new(Arc::clone(&shape)), Row::new(shape));
    let in_order = b"\x84\xa1a\x01\xa1b\x92\x02\x03\xa1c\x04\xa1d\x05";
    let shuffled = b"\x84\xa1d\x07\xa1b\x92\x02\x03\xa1c\x01\xa1a\x01";
    for msgpack in [&in_order[..], shuffled, shuffled, in_order] {
        merge(&mut table, &mut next, msgpack).unwrap();
    }
    assert_eq!(
        written(&table),
        [b"\x84\xa1a\x01\xa1b\x92\x02\x03\xa1c\x0a\xa1d\x07"]
    );
}

#[test]
fn without_a_key_all_rows_become_one() {
    let shape = shape(&[], &[("n", Merge::Sum)]);
    let (mut table, mut next) = (Table::new(Arc::clone(&shape)), Row::new(shape));
    for _ in 0..3 {
        merge(&mut table, &mut next, b"\x81\xa1n\x02").unwrap();
    }
    assert_eq!(written(&table), [b"\x81\xa1n\x06"]);
}

#[test]
fn row_that_lacks_a_field_or_has_another_is_refused_by_name() {
    let (mut table, mut next) = by_key(Merge::Sum);
    for (msgpack, expected) in [
        (&b"\x81\xa1k\x01"[..], "lacks the field `v`"),
        (b"\x81\xa1v\x01", "lacks the field `k`"),
        (b"\x80", "lacks the field `k`"),
        (
            b"\x83\xa1k\x01\xa1v\x01\xa1w\x01",
            "has the field `w`, which is neither of the key nor a column",
        ),
        (
            b"\x83\xa1k\x01\xa1v\x01\xa1k\x01",
            "has the field `k` twice",
        ),
        (b"\x82\xa1v\x01\xa1v\x01", "has the field `v` twice"),
        (
            b"\x01",
            "is not a map: merge a struct or a map with string keys",
        ),
        (b"\x81\x01\x01", "has a name that is not a text"),
        (b"\x81\xa1\xff\x01", "has a name that is not a text"),
        (
            b"\x82\xa1k\x01\xa1v\x01\xc0",
            "goes on after the end of its map",
        ),
        (
            b"\x82\xa1k\x92\x01",
            "is not valid msgpack: it ends inside a value",
        ),
        (
            b"\x82\xa1k\xc1",
            "is not valid msgpack: it holds the byte 0xc1",
        ),
    ] {
        let fault = merge(&mut table, &mut next, msgpack).unwrap_err();
        assert_eq!(fault.to_string(), expected);
    }
    assert!(table.is_empty());
    merge(&mut table, &mut next, &row(b"\x01", b"\x01")).unwrap();
}

#[test]
fn sums_are_exact_in_all_of_64_bits_and_refused_beyond() {
    const MAX: &[u8] = b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
    const MIN: &[u8] = b"\xd3\x80\0\0\0\0\0\0\0";
    for (values, sum) in [
        (&[&b"\x01"[..], b"\x02"][..], &b"\x03"[..]),
        (&[b"\x01", b"\xff"], b"\x00"),
        (&[b"\xff", b"\x01", b"\xfe"], b"\xfe"),
        (&[b"\xff", b"\xff"], b"\xfe"),
        (&[MAX, b"\xff", b"\x01"], MAX),
        (&[b"\xff", MAX, b"\x01"], MAX),
        (&[MIN, MAX, b"\x01"], b"\xcf\x80\0\0\0\0\0\0\0"),
        (&[b"\xc0", b"\x07", b"\xc0"], b"\x07"),
        (&[b"\xc0", b"\xf7", b"\xc0"], b"\xf7"),
        (&[b"\xc0", b"\xc0"], b"\xc0"),
    ] {
        assert_eq!(merged(Merge::Sum, values).as_deref(), Ok(sum), "{values:?}");
    }
    for values in [[MAX, b"\x01"], [MIN, b"\xff"]] {
        let overflow = Fault::Overflow {
            column: "v".to_owned(),
            key: "[1]".to_owned(),
        };
        assert_eq!(merged(Merge::Sum, &values), Err(overflow));
    }
}

#[test]
fn smallest_and_largest_of_every_type_are_kept() {
    let long = |seconds: i64| [&b"\xc7\x0c\xff\0\0\0\0"[..], &seconds.to_be_bytes()].concat();
    let (before, after) = (long(-1), long(1));
    let quarter = b"\xcb\x3f\xd0\0\0\0\0\0\0";
    let ascending: [&[&[u8]]; 5] = [
        &[
            b"\xd3\x80\0\0\0\0\0\0\0",
            b"\xff",
            b"\x00",
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        ],
        &[
            b"\xcb\xff\xf0\0\0\0\0\0\0",
            b"\xcb\x80\0\0\0\0\0\0\0",
            b"\xcb\0\0\0\0\0\0\0\0",
            quarter,
        ],
        &[b"\xa0", b"\xa1B", b"\xa1a", b"\xa2aa", b"\xa2\xc3\xa9"],
        &[
            b"\xc4\x00",
            b"\xc4\x01\x00",
            b"\xc4\x02\x00\x00",
            b"\xc4\x01\xff",
        ],
        &[&before, &after],
    ];
    for values in ascending {
        let descending: Vec<&[u8]> = values.iter().rev().copied().collect();
        let with_nothing = [&[&b"\xc0"[..]], values, &[b"\xc0"]].concat();
        for values_ in [values, &descending, &with_nothing] {
            assert_eq!(merged(Merge::Min, values_).as_deref(), Ok(values[0]));
            assert_eq!(
                merged(Merge::Max, values_).as_deref(),
                Ok(values[values.len() - 1])
            );
        }
    }
    assert_eq!(merged(Merge::Min, &[b"\xc0"]).as_deref(), Ok(&b"\xc0"[..]));
}

#[test]
fn f32_and_f64_are_one_type_and_so_are_the_formats_of_a_time() {
    let quarter: &[u8] = b"\xcb\x3f\xd0\0\0\0\0\0\0";
    assert_eq!(
        merged(Merge::Max, &[b"\xca\x3e\x80\0\0"]).as_deref(),
        Ok(quarter)
    );
    let forms: [&[u8]; 3] = [
        b"\xd6\xff\0\0\0\x02",
        b"\xd7\xff\0\0\0\0\0\0\0\x02",
        b"\xc7\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\x02",
    ];
    for form in forms {
        let latest = merged(Merge::Max, &[b"\xd6\xff\0\0\0\x01", form]);
        assert_eq!(latest.as_deref(), Ok(forms[2]));
    }
}

#[test]
fn column_has_one_type_over_all_keys() {
    let (mut table, mut next) = by_key(Merge::Max);
    merge(&mut table, &mut next, &row(b"\x01", b"\xc0")).unwrap();
    merge(&mut table, &mut next, &row(b"\x01", b"\x05")).unwrap();
    let fault = merge(&mut table, &mut next, &row(b"\x02", b"\xa1a")).unwrap_err();
    let expected = Fault::OtherKind {
        column: "v".to_owned(),
        found: Kind::Text,
        before: Kind::Integer,
    };
    assert_eq!(fault, expected);
    assert_eq!(written(&table), [row(b"\x01", b"\x05")]);
}

#[test]
fn values_that_no_column_can_have_are_refused() {
    for (value, found) in [
        (&b"\xc3"[..], "a boolean"),
        (b"\x90", "a list"),
        (b"\x80", "a map"),
        (b"\xd4\x05\0", "an extension that is not a time"),
        (b"\xd4\xff\0", "a malformed time"),
        (
            b"\xc7\x0c\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
            "a malformed time",
        ),
    ] {
        let fault = merged(Merge::Max, &[value]).unwrap_err().to_string();
        assert!(
            fault.starts_with(&format!("has {found} in the column `v`,")),
            "{fault}"
        );
    }
    let fault = merged(Merge::Sum, &[b"\xcb\0\0\0\0\0\0\0\0"]).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "has a float in the column `v`, which adds up integers"
    );
}

#[test]
fn row_with_a_column_that_cannot_be_merged_has_no_effect() {
    let shape = shape(&[], &[("a", Merge::Sum), ("b", Merge::Sum)]);
    let (mut table, mut next) = (Table::new(Arc::clone(&shape)), Row::new(shape));
    let first = b"\x82\xa1a\x01\xa1b\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
    merge(&mut table, &mut next, first).unwrap();
    merge(&mut table, &mut next, b"\x82\xa1a\x01\xa1b\x01").unwrap_err();
    assert_eq!(written(&table), [first]);
}

/// The visible state of a table.
fn state(table: &Table) -> (Vec<Vec<u8>>, usize) {
    (written(table), table.outside_bytes)
}

#[test]
fn table_can_be_rolled_back_to_any_savepoint() {
    for merge_ in [Merge::Sum, Merge::Max] {
        let value = |number: u8| match merge_ {
            Merge::Sum => vec![number],
            _ => vec![0xa2, b'a' + number, b'x'],
        };
        let (mut table, mut next) = by_key(merge_);
        let mut add = |table: &mut Table, key: u8, number: u8| {
            merge(table, &mut next, &row(&[key], &value(number))).unwrap();
        };
        add(&mut table, 1, 1);
        add(&mut table, 2, 1);
        let outer_state = state(&table);
        let outer = table.savepoint();
        add(&mut table, 1, 2);
        add(&mut table, 3, 2);
        let inner_state = state(&table);
        for _ in 0..3 {
            let inner = table.savepoint();
            for key in [1, 1, 2, 3, 4] {
                add(&mut table, key, 3);
            }
            table.rollback_to(inner);
            assert_eq!(written(&table), inner_state.0);
            // A change after a rollback is saved again.
            add(&mut table, 2, 4);
            table.rollback_to(inner);
            assert_eq!(written(&table), inner_state.0);
        }
        let kept = table.savepoint();
        add(&mut table, 2, 5);
        add(&mut table, 5, 5);
        assert_ne!(state(&table), inner_state);
        // The inner record is kept, and then the outer one is rolled back with it.
        let _ = kept;
        add(&mut table, 2, 6);
        table.rollback_to(outer);
        assert_eq!(state(&table), outer_state);
        assert!(table.changes.rows.is_empty() && table.changes.cells.is_empty());
        add(&mut table, 4, 7);
        assert_eq!(table.len(), 3);
    }
}

#[test]
fn types_learned_from_a_rolled_back_row_are_forgotten() {
    let (mut table, mut next) = by_key(Merge::Min);
    let savepoint = table.savepoint();
    merge(&mut table, &mut next, &row(b"\x01", b"\x05")).unwrap();
    table.rollback_to(savepoint);
    merge(&mut table, &mut next, &row(b"\x01", b"\xa1a")).unwrap();
    assert_eq!(written(&table), [row(b"\x01", b"\xa1a")]);
}

#[test]
fn bytes_include_current_texts_and_those_that_a_rollback_restores() {
    let (mut table, mut next) = by_key(Merge::Max);
    let text = |letter: u8| [b"\xda\x10\x00".as_slice(), &[letter; 0x1000]].concat();
    merge(&mut table, &mut next, &row(b"\x01", &text(b'a'))).unwrap();
    let one = table.bytes();
    assert!(one > 0x1000 && one < 0x1100, "{one}");
    table.savepoint();
    merge(&mut table, &mut next, &row(b"\x01", &text(b'b'))).unwrap();
    assert!(table.bytes() > 0x2000);
    table.seal();
    assert_eq!(table.bytes(), one);
    table.clear();
    assert_eq!(table.bytes(), 0);
}

#[test]
fn known_keys_do_not_take_more_memory() {
    let (mut table, mut next) = by_key(Merge::Sum);
    for number in 0..100_u8 {
        merge(&mut table, &mut next, &row(&[number], b"\x01")).unwrap();
    }
    let bytes = table.bytes();
    for _ in 0..1000 {
        merge(&mut table, &mut next, &row(b"\x07", b"\x01")).unwrap();
    }
    assert_eq!((table.len(), table.bytes()), (100, bytes));
}

#[test]
fn all_of_many_keys_are_found() {
    let (mut table, mut next) = by_key(Merge::Sum);
    for round in 0..3 {
        let savepoint = table.savepoint();
        for number in 0..50_000_u16 {
            let key = [&[0xcd][..], &number.to_be_bytes()].concat();
            let is_new = merge(&mut table, &mut next, &row(&key, b"\x01")).unwrap();
            assert_eq!(is_new, round < 2);
        }
        if round == 0 {
            table.rollback_to(savepoint);
            assert!(table.is_empty());
        }
    }
    assert_eq!(table.len(), 50_000);
    assert!(
        written(&table)
            .iter()
            .all(|row| row.ends_with(b"\xa1v\x02"))
    );
}
