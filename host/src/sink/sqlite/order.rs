//! The order in which the rows of a table with a key are written: neighbours in the table one after the other.

use std::cmp::Ordering;

use journal_rows::Column;

use super::encoder::{Rows, Value, Values};
use crate::sink::tables::Table;

/// Where each of the rows starts, in the order of their keys.
pub(super) fn by_key(table: &Table, rows: &[u8]) -> Vec<usize> {
    let mut starts = starts(rows);
    let key = later_key(table);
    starts.sort_unstable_by(|&one, &other| {
        let (one, other) = (&rows[one..], &rows[other..]);
        in_columns(&key, one, other).then_with(|| by_values(one, other))
    });
    starts
}

/// Where each row starts.
fn starts(rows: &[u8]) -> Vec<usize> {
    let mut left = Rows(rows);
    let mut starts = Vec::new();
    while !left.0.is_empty() {
        starts.push(rows.len() - left.0.len());
        left.next();
    }
    starts
}

/// The indexes of the columns of a table's key, unless its rows begin with them: then the order of all their values is that
/// of the key.
fn later_key(table: &Table) -> Vec<usize> {
    let key = table.key().unwrap_or_default();
    let index = |column: &&Column| table.row.index_of(&column.name);
    let key: Vec<usize> = key.iter().filter_map(index).collect();
    let is_the_beginning = key
        .iter()
        .enumerate()
        .all(|(index, &column)| index == column);
    if is_the_beginning { Vec::new() } else { key }
}

/// The order of the values in these columns.
fn in_columns(columns: &[usize], one: &[u8], other: &[u8]) -> Ordering {
    let value = |row, column| {
        let mut values = Values(row);
        let (_, value) = values.find(|&(index, _)| index == column)?;
        Some(value)
    };
    let order = |&column: &usize| match (value(one, column), value(other, column)) {
        (Some(one), Some(other)) => one.order(other),
        // An index of SQLite has what is missing first.
        (one, other) => one.is_some().cmp(&other.is_some()),
    };
    let mut orders = columns.iter().map(order);
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A total order, whatever columns two rows have.
fn by_values(one: &[u8], other: &[u8]) -> Ordering {
    let (mut ones, mut others) = (Values(one), Values(other));
    loop {
        let order = match (ones.next(), others.next()) {
            (Some((one, value)), Some((other, others_value))) => {
                one.cmp(&other).then_with(|| value.order(others_value))
            }
            (None, None) => return Ordering::Equal,
            (one, other) => return one.is_some().cmp(&other.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

impl Value<'_> {
    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => one.cmp(&other),
            (Self::Real(one), Self::Real(other)) => one.total_cmp(&other),
            (Self::Text(one), Self::Text(other)) | (Self::Blob(one), Self::Blob(other)) => {
                one.cmp(other)
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Integer(_) => 0,
            Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use journal_rows::{ColumnType, RowType, RowTypes};

    use super::*;
    use crate::sink::Encoder as _;
    use crate::sink::sqlite::encoder::RowEncoder;
    use crate::sink::tables::tests::{column, table_of, upsert};

    #[test]
    fn rows_have_a_total_order_whatever_values_they_lack() {
        let columns = vec![
            column("a", ColumnType::Int, true),
            column("b", ColumnType::Float, true),
            column("c", ColumnType::Json, true),
        ];
        let mut encoder = RowEncoder::new(RowTypes::One(Arc::new(RowType::new(columns).unwrap())));
        let mut row = |row: &[u8]| {
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes, 1 << 10).unwrap();
            bytes
        };
        let ascending = [
            row(b"\x80"),
            row(b"\x81\xa1a\x01"),
            row(b"\x82\xa1a\x01\xa1b\xca\x3f\0\0\0"),
            row(b"\x82\xa1a\x01\xa1b\xca\x3f\x80\0\0"),
            row(b"\x83\xa1a\x01\xa1b\xca\x3f\x80\0\0\xa1c\x01"),
            row(b"\x82\xa1a\x01\xa1c\x01"),
            row(b"\x81\xa1a\x02"),
            row(b"\x81\xa1c\x01"),
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                let expected = index.cmp(&other_index);
                assert_eq!(by_values(one, other), expected, "{index} {other_index}");
            }
        }
    }

    #[test]
    fn rows_of_an_upsert_are_sorted_by_their_key() {
        let columns = vec![
            column("at", ColumnType::Int, false),
            column("b", ColumnType::Text, false),
            column("a", ColumnType::Text, false),
        ];
        let row_type = Arc::new(RowType::new(columns.clone()).unwrap());
        let mut encoder = RowEncoder::new(RowTypes::One(row_type));
        let mut row = |at: u8, b: u8, a: u8| {
            let emitted = [
                &b"\x83\xa2at"[..],
                &[at],
                b"\xa1b\xa1",
                &[b],
                b"\xa1a\xa1",
                &[a],
            ];
            let mut bytes = Vec::new();
            encoder
                .encode(&emitted.concat(), &mut bytes, 1 << 10)
                .unwrap();
            bytes
        };
        let kind = upsert(columns.clone(), &["a", "b"], "at");
        let key = later_key(&table_of(columns.clone(), kind));
        assert_eq!(key, [2, 1]);
        let ascending = [row(9, b'x', b'k'), row(1, b'y', b'k'), row(5, b'a', b'l')];
        let order = |one: &Vec<u8>, other: &Vec<u8>| in_columns(&key, one, other);
        assert!(ascending.is_sorted_by(|one, other| order(one, other).is_lt()));
        let same = row(2, b'x', b'k');
        assert!(order(&ascending[0], &same).is_eq());
        // Where a row begins with its key, all values are compared at once.
        let kind = upsert(columns.clone(), &["at", "b"], "a");
        assert!(later_key(&table_of(columns, kind)).is_empty());
    }
}
