//! A column of a table: the type of its values, and how they merge.

use std::cmp::Ordering;

use crate::{Kind, LatestBy, Merge, Span, Value};

/// A value in a table.
pub(crate) type Cell = Value<Box<[u8]>>;

/// How a column merges, and the type of its values so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merging {
    pub(crate) merge: Merge,
    /// The type of its values, after the first one.
    pub(crate) kind: Option<Kind>,
}

impl Merging {
    /// The type of `value` and that of the column, if they differ.
    #[inline]
    pub(crate) fn other_kind(self, value: Value<Span>) -> Option<(Kind, Kind)> {
        match (value.kind(), self.kind) {
            (Some(found), Some(before)) if found != before => Some((found, before)),
            _ => None,
        }
    }

    /// Merges `value`, whose bytes are in `texts`. Returns how many bytes on the heap the cell gained and lost. The caller
    /// must check that a sum stays within 64 bits.
    #[inline]
    pub(crate) fn merge(self, cell: &mut Cell, value: Value<Span>, texts: &[u8]) -> (usize, usize) {
        if let (Merge::Sum, Value::Unsigned(sum), Value::Unsigned(more)) =
            (self.merge, &mut *cell, value)
        {
            *sum = sum.saturating_add(more);
            return (0, 0);
        }
        let replaces = match (self.merge, &*cell, value) {
            // The table merges the latest values: their order decides.
            (_, _, Value::Nothing) | (Merge::Latest, _, _) => return (0, 0),
            (Merge::Sum, before, value) => {
                if let Some(sum) = before.sum(value) {
                    *cell = Cell::own(sum, texts);
                }
                return (0, 0);
            }
            (_, Value::Nothing, _) => true,
            (Merge::Min, before, value) => before.compare(value, texts) == Ordering::Less,
            (Merge::Max, before, value) => before.compare(value, texts) == Ordering::Greater,
        };
        if !replaces {
            return (0, 0);
        }
        replace(cell, value, texts)
    }
}

/// Sets a value. Returns how many bytes on the heap the cell gained and lost.
fn replace(cell: &mut Cell, value: Value<Span>, texts: &[u8]) -> (usize, usize) {
    let before = cell.outside_bytes();
    *cell = Cell::own(value, texts);
    (cell.outside_bytes(), before)
}

impl LatestBy {
    /// Takes the values of a row, whose bytes are in `texts`, if it is later than the one in `cells`, where the order is
    /// not merged yet. Returns how many bytes on the heap the cells gained and lost.
    pub(crate) fn merge(
        &self,
        cells: &mut [Cell],
        values: &[Value<Span>],
        texts: &[u8],
    ) -> (usize, usize) {
        let values_differ = |&index: &usize| {
            let order = cells[index].compare_any(with_one_zero(values[index]), texts);
            order.is_ne().then_some(order)
        };
        let by_order = cells[self.order].compare_any(values[self.order], texts);
        let by_values = || self.columns.iter().find_map(values_differ);
        let is_later = match by_order {
            Ordering::Equal => by_values() == Some(Ordering::Greater),
            order => order == Ordering::Greater,
        };
        let mut bytes = (0, 0);
        if is_later {
            for &index in &self.columns {
                let (more, less) = replace(&mut cells[index], with_one_zero(values[index]), texts);
                bytes = (bytes.0 + more, bytes.1 + less);
            }
        }
        bytes
    }
}

/// Without the negative zero, which databases take for equal to the other one.
fn with_one_zero(value: Value<Span>) -> Value<Span> {
    match value {
        Value::Float(number) => Value::Float(number + 0.0),
        other => other,
    }
}
