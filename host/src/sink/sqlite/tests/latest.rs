//! The latest values by an order, merged across checkpoints.

use super::*;
use crate::sink::tables::tests::latest;

/// The order, a value that decides among equal orders, and another one.
type Values<'a> = [V<'a>; 3];

fn visits(order: ColumnType) -> Output {
    output(
        "visits",
        &[
            ("k", ColumnType::Text, false),
            ("at", order, true),
            ("status", ColumnType::Text, true),
            ("id", ColumnType::Bytes, true),
        ],
        Some(latest(&["k"], "at", &["status", "id"])),
    )
}

/// What the rows of one key become if they are written one after the other, `together` of them at a time.
fn written(order: ColumnType, rows: &[Values<'_>], together: usize) -> Vec<String> {
    let world = World::new();
    let outputs = [visits(order)];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    for part in rows.chunks(together) {
        let part: Vec<_> = part
            .iter()
            .map(|&[at, status, id]| {
                row(&[("k", V::S("k")), ("at", at), ("status", status), ("id", id)])
            })
            .collect();
        emit(&mut bound, 0, &part);
        bound.flush().unwrap();
    }
    world.query("SELECT at, status, id FROM visits")
}

/// Writes the rows in several orders, and together in several ways.
#[track_caller]
fn check(order: ColumnType, rows: &[Values<'_>], expected: &str) {
    for first in 0..rows.len() {
        let (end, start) = rows.split_at(first);
        let mut rotated = [start, end].concat();
        for _ in 0..2 {
            for together in 1..=rows.len() {
                assert_eq!(
                    written(order, &rotated, together),
                    [expected],
                    "{together} of {first}"
                );
            }
            rotated.reverse();
        }
    }
}

#[test]
fn values_are_those_of_the_greatest_order_whatever_comes_first() {
    check(
        ColumnType::Int,
        &[
            [V::N(1), V::S("z"), V::B(b"z")],
            [V::N(3), V::Nil, V::B(b"a")],
            [V::N(-2), V::S("y"), V::Nil],
            [V::Nil, V::S("zz"), V::B(b"zz")],
        ],
        "3|NULL|61",
    );
}

#[test]
fn equal_orders_keep_the_greatest_values_of_one_row() {
    check(
        ColumnType::Int,
        &[
            [V::N(1), V::S("a"), V::B(b"z")],
            [V::N(1), V::S("b"), V::Nil],
            [V::N(1), V::S("b"), V::B(b"\0")],
            [V::N(1), V::Nil, V::B(b"zz")],
        ],
        "1|b|00",
    );
    check(
        ColumnType::Int,
        &[[V::Nil, V::S("a"), V::Nil], [V::Nil, V::Nil, V::B(b"z")]],
        "NULL|a|NULL",
    );
}

#[test]
fn times_are_ordered_with_their_fractions() {
    check(
        ColumnType::Timestamp,
        &[
            [V::T(20, 0), V::S("c"), V::Nil],
            [V::T(20, 500_000_001), V::S("a"), V::Nil],
            [V::T(20, 500_000_000), V::S("b"), V::Nil],
            [V::T(19, 999_999_999), V::S("d"), V::Nil],
        ],
        "1970-01-01T00:00:20.500000001Z|a|NULL",
    );
}
