//! Rows of a large record, which the host gets in pieces and takes back if the record is rejected.

use journal_aggregate::{Row, Table};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::{Aggregate, Plan};

const KIB: usize = 1 << 10;

#[derive(Serialize)]
struct Merged<'a> {
    key: &'a str,
    count: u64,
}

/// An append output `rows`, and an aggregate `counts`.
fn both() -> (Out, Delivered, Plan) {
    let counts = Aggregate::by(["key"]).sum("count");
    let plan = Plan::new(["origin"])
        .output("rows", "")
        .aggregate("counts", "", counts);
    let (out, delivered) = with_outputs(plan.outputs());
    (out, delivered, plan)
}

/// A row with a number and so many bytes.
fn row(number: usize, bytes: usize) -> Value {
    json!({"number": number, "text": "x".repeat(bytes)})
}

/// The numbers of the rows of an output, in order.
fn numbers(delivered: &Delivered) -> Vec<u64> {
    let rows = |(output, rows): &(u32, Vec<Vec<u8>>)| match output {
        0 => rows.clone(),
        _ => Vec::new(),
    };
    let rows = delivered.borrow().iter().flat_map(rows).collect::<Vec<_>>();
    let number = |row: &Vec<u8>| -> u64 {
        let row: Value = rmp_serde::from_slice(row).unwrap();
        row["number"].as_u64().unwrap()
    };
    rows.iter().map(number).collect()
}

/// The sums by key, as the host merges them.
fn sums(delivered: &Delivered, plan: &Plan) -> BTreeMap<String, u64> {
    let shape = std::sync::Arc::new(plan.outputs()[1].shape.clone().unwrap());
    let (mut table, mut merged) = (Table::new(std::sync::Arc::clone(&shape)), Row::new(shape));
    for (_, rows) in delivered.borrow().iter().filter(|(output, _)| *output == 1) {
        for row in rows {
            merged.read(row).unwrap();
            table.merge(&merged).unwrap();
        }
    }
    let mut sums = BTreeMap::new();
    let Ok(()) = table.write(&mut Vec::new(), |row| {
        let merged: Value = rmp_serde::from_slice(row).unwrap();
        row.clear();
        let key = merged["key"].as_str().unwrap().to_owned();
        sums.insert(key, merged["count"].as_u64().unwrap());
        Ok::<(), std::convert::Infallible>(())
    });
    sums
}

#[test]
fn rows_of_a_large_record_are_delivered_before_it_ends() {
    let (mut out, delivered) = out(&["rows"]);
    out.begin_record();
    for number in 0..40 {
        out.emit(&row(number, 500 * KIB)).unwrap();
        assert!(out.pending_bytes <= PIECE_BYTES, "{}", out.pending_bytes);
    }
    assert!(delivered.borrow().len() > 3);
    out.end_record();
    out.flush();
    assert_eq!(numbers(&delivered), (0..40).collect::<Vec<_>>());
}

#[test]
fn rejected_large_record_leaves_the_rows_of_the_records_around_it() {
    let (mut out, delivered, plan) = both();
    let merge = |out: &mut Out, key: &str, count| out.merge("counts", &Merged { key, count });
    out.begin_record();
    out.emit_to("rows", &row(1, 1)).unwrap();
    merge(&mut out, "a", 10).unwrap();
    out.end_record();
    out.begin_record();
    merge(&mut out, "a", 1).unwrap();
    merge(&mut out, "b", 1).unwrap();
    for number in 2..30 {
        out.emit_to("rows", &row(number, 500 * KIB)).unwrap();
        merge(&mut out, "a", 1).unwrap();
    }
    assert!(sums(&delivered, &plan)["a"] > 11, "the record has crossed");
    out.rollback_record();
    out.begin_record();
    out.emit_to("rows", &row(30, 1)).unwrap();
    merge(&mut out, "a", 100).unwrap();
    out.end_record();
    out.flush();
    assert_eq!(numbers(&delivered), [1, 30]);
    assert_eq!(
        sums(&delivered, &plan),
        BTreeMap::from([("a".to_owned(), 110)])
    );
}

#[test]
fn rejected_inner_record_of_a_large_one_leaves_the_rows_of_the_outer() {
    let (mut out, delivered) = out(&["rows"]);
    out.begin_record();
    for number in 0..10 {
        out.emit(&row(number, 500 * KIB)).unwrap();
    }
    out.begin_record();
    for number in 10..30 {
        out.emit(&row(number, 500 * KIB)).unwrap();
    }
    out.rollback_record();
    out.emit(&row(30, 1)).unwrap();
    out.end_record();
    out.flush();
    assert_eq!(numbers(&delivered), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30]);
}

#[test]
fn records_of_all_sizes_leave_their_rows_unless_they_are_rejected() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..5 {
        let (mut out, delivered, plan) = both();
        let (mut expected, mut expected_sums) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut number = 0;
        for _ in 0..12 {
            let (mut rows, mut counts) = (Vec::new(), Vec::new());
            out.begin_record();
            let bytes = [1, KIB, 300 * KIB, 900 * KIB][random.random_range(0..4)];
            for _ in 0..random.random_range(0..20) {
                if random.random() {
                    out.emit_to("rows", &row(number, bytes)).unwrap();
                    rows.push(number as u64);
                    number += 1;
                } else {
                    let (key, count) = (random.random_range(0..4).to_string(), number as u64);
                    out.merge("counts", &Merged { key: &key, count }).unwrap();
                    counts.push((key, count));
                }
            }
            if random.random_range(0..3) == 0 {
                out.rollback_record();
            } else {
                out.end_record();
                expected.extend(rows);
                for (key, count) in counts {
                    *expected_sums.entry(key).or_default() += count;
                }
            }
        }
        out.end_call(Ok(())).unwrap();
        assert_eq!(numbers(&delivered), expected);
        assert_eq!(sums(&delivered, &plan), expected_sums);
    }
}
