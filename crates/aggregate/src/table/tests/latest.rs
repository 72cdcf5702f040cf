//! The latest values by an order.

use super::*;

const NIL: &[u8] = b"\xc0";

/// A table without a key: the order `o`, and `v` and `w`, which keep the latest values by it.
fn by_order() -> (Table, Row) {
    let by = |name: &str, by: Option<&str>| Column {
        name: name.to_owned(),
        merge: by.map_or(Merge::Max, |_| Merge::Latest),
        by: by.map(str::to_owned),
    };
    let shape = Arc::new(Shape {
        key: Vec::new(),
        columns: vec![by("v", Some("o")), by("o", None), by("w", Some("o"))],
    });
    (Table::new(Arc::clone(&shape)), Row::new(shape))
}

/// A row of these values, which are msgpack.
fn row([order, first, second]: [&[u8]; 3]) -> Vec<u8> {
    [b"\x83\xa1v", first, b"\xa1o", order, b"\xa1w", second].concat()
}

/// What rows become. At each index of `splits` what was merged so far becomes one row, as it does at a checkpoint.
fn merged(rows: &[[&[u8]; 3]], splits: &[usize]) -> Vec<u8> {
    let (mut total, mut next) = by_order();
    let (mut part, _) = by_order();
    for (index, &values) in rows.iter().enumerate() {
        merge(&mut part, &mut next, &row(values)).unwrap();
        if splits.contains(&index) {
            for partial in written(&part) {
                merge(&mut total, &mut next, &partial).unwrap();
            }
            part.clear();
        }
    }
    for partial in written(&part) {
        merge(&mut total, &mut next, &partial).unwrap();
    }
    written(&total).remove(0)
}

/// All orders of some rows.
fn permutations<'a>(rows: &[[&'a [u8]; 3]]) -> Vec<Vec<[&'a [u8]; 3]>> {
    if rows.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..rows.len() {
        let mut others = rows.to_vec();
        let first = others.remove(index);
        for mut rest in permutations(&others) {
            rest.insert(0, first);
            all.push(rest);
        }
    }
    all
}

#[track_caller]
fn check(rows: &[[&[u8]; 3]], expected: [&[u8]; 3]) {
    for order in permutations(rows) {
        for splits in [&[][..], &[0], &[1], &[0, 1, 2], &[0, 2]] {
            assert_eq!(
                merged(&order, splits),
                row(expected),
                "{order:?} {splits:?}"
            );
        }
    }
}

#[test]
fn values_are_those_of_the_greatest_order_in_any_order_and_split() {
    check(
        &[
            [b"\x01", b"\xa1z", b"\x09"],
            [b"\x03", b"\xa1a", b"\x01"],
            [b"\x02", b"\xa1m", b"\x05"],
            [b"\x00", NIL, NIL],
        ],
        [b"\x03", b"\xa1a", b"\x01"],
    );
    // No value is a value: the latest row has none.
    check(
        &[[b"\x01", b"\xa1z", b"\x09"], [b"\x02", NIL, b"\x01"]],
        [b"\x02", NIL, b"\x01"],
    );
}

#[test]
fn equal_orders_keep_the_greatest_values_of_one_row() {
    check(
        &[
            [b"\x01", b"\xa1b", b"\x01"],
            [b"\x01", b"\xa1a", b"\x09"],
            [b"\x01", b"\xa1b", b"\x02"],
            [b"\x01", NIL, b"\x0a"],
        ],
        [b"\x01", b"\xa1b", b"\x02"],
    );
}

#[test]
fn rows_without_an_order_come_before_all_others() {
    check(
        &[[NIL, b"\xa1z", b"\x01"], [NIL, b"\xa1a", b"\x09"]],
        [NIL, b"\xa1z", b"\x01"],
    );
    check(
        &[[NIL, b"\xa1z", b"\x01"], [b"\xff", b"\xa1a", NIL]],
        [b"\xff", b"\xa1a", NIL],
    );
}

#[test]
fn truth_values_are_kept_and_there_is_one_zero() {
    const ZERO: &[u8] = b"\xcb\0\0\0\0\0\0\0\0";
    const NEGATIVE_ZERO: &[u8] = b"\xcb\x80\0\0\0\0\0\0\0";
    check(
        &[
            [b"\x01", b"\xc2", NEGATIVE_ZERO],
            [b"\x01", b"\xc3", NEGATIVE_ZERO],
        ],
        [b"\x01", b"\xc3", ZERO],
    );
}

#[test]
fn values_have_one_type_also_where_they_are_older() {
    let (mut table, mut next) = by_order();
    merge(&mut table, &mut next, &row([b"\x02", b"\xa1a", b"\x01"])).unwrap();
    let fault = merge(&mut table, &mut next, &row([b"\x01", b"\x05", b"\x01"])).unwrap_err();
    assert!(matches!(fault, Fault::OtherKind { .. }), "{fault}");
}

#[test]
fn latest_values_can_be_rolled_back_with_their_bytes() {
    let (mut table, mut next) = by_order();
    merge(&mut table, &mut next, &row([b"\x01", b"\xa3abc", b"\x01"])).unwrap();
    let before = state(&table);
    let savepoint = table.savepoint();
    merge(
        &mut table,
        &mut next,
        &row([b"\x02", b"\xa5later", b"\x02"]),
    )
    .unwrap();
    assert_ne!(state(&table), before);
    table.rollback_to(savepoint);
    assert_eq!(state(&table), before);
}
