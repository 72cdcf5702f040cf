//! What differs between the rows of two runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::collect::Collected;

/// How rows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The same rows in the same order.
    InOrder,
    /// The same rows, each the same number of times.
    InAnyOrder,
}

/// The rows of an output that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The output.
    pub(crate) output: String,
    /// Rows that are expected and absent.
    pub(crate) missing: Vec<String>,
    /// Rows that are not expected.
    pub(crate) extra: Vec<String>,
}

/// The first output whose rows differ.
pub(super) fn difference(
    expected: &Collected,
    found: &Collected,
    order: Order,
) -> Option<Difference> {
    let outputs: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    outputs.into_iter().find_map(|output| {
        let rows = |all: &Collected| all.get(output).cloned().unwrap_or_default();
        let (missing, extra) = match order {
            Order::InOrder => in_order(rows(expected), rows(found)),
            Order::InAnyOrder => in_any_order(rows(expected), rows(found)),
        };
        let differs = !missing.is_empty() || !extra.is_empty();
        differs.then(|| Difference {
            output: output.clone(),
            missing,
            extra,
        })
    })
}

/// The rows from the first one on that differs.
fn in_order(mut expected: Vec<String>, mut found: Vec<String>) -> (Vec<String>, Vec<String>) {
    let pairs = expected.iter().zip(&found);
    let same = pairs.take_while(|(one, other)| same(one, other)).count();
    (expected.split_off(same), found.split_off(same))
}

/// Two rows whose members have another order are the same.
fn same(one: &str, other: &str) -> bool {
    one == other || canonical(one) == canonical(other)
}

fn in_any_order(expected: Vec<String>, found: Vec<String>) -> (Vec<String>, Vec<String>) {
    // How many more of a row are expected than found.
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for row in &expected {
        *counts.entry(canonical(row)).or_default() += 1;
    }
    for row in &found {
        *counts.entry(canonical(row)).or_default() -= 1;
    }
    let mut take = |rows: Vec<String>, sign: i64| {
        let is_over = |row: &String| {
            let count = counts.get_mut(&canonical(row));
            count.is_some_and(|count| {
                let is_over = *count * sign > 0;
                if is_over {
                    *count -= sign;
                }
                is_over
            })
        };
        rows.into_iter().filter(is_over).collect::<Vec<_>>()
    };
    let missing = take(expected, 1);
    let extra = take(found, -1);
    (missing, extra)
}

/// A row with its members in alphabetical order.
fn canonical(row: &str) -> String {
    serde_json::from_str::<Value>(row).map_or_else(|_| row.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        expected: &[&str],
        found: &[&str],
        order: Order,
    ) -> Option<(Vec<String>, Vec<String>)> {
        let rows = |rows: &[&str]| {
            let rows = rows.iter().map(|row| (*row).to_owned()).collect();
            Collected::from([("rows".to_owned(), rows)])
        };
        difference(&rows(expected), &rows(found), order)
            .map(|difference| (difference.missing, difference.extra))
    }

    fn owned(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    #[test]
    fn order_counts_only_where_it_is_asked_for() {
        let (one, other) = (["1", "2"], ["2", "1"]);
        assert_eq!(found(&one, &other, Order::InAnyOrder), None);
        assert_eq!(found(&one, &one, Order::InOrder), None);
        assert_eq!(
            found(&one, &other, Order::InOrder),
            Some((owned(&one), owned(&other)))
        );
    }

    #[test]
    fn row_that_comes_more_often_is_a_difference() {
        assert_eq!(
            found(&["1", "1", "2"], &["1", "2", "2"], Order::InAnyOrder),
            Some((owned(&["1"]), owned(&["2"])))
        );
        assert_eq!(
            found(&["1"], &["1", "3"], Order::InOrder),
            Some((Vec::new(), owned(&["3"])))
        );
    }

    #[test]
    fn order_of_the_members_of_a_row_does_not_count() {
        let (one, other) = ([r#"{"a":1,"b":2}"#], [r#"{"b":2,"a":1}"#]);
        assert_eq!(found(&one, &other, Order::InAnyOrder), None);
        assert_eq!(found(&one, &other, Order::InOrder), None);
    }
}
