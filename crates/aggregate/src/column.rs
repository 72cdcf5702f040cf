//! A column of a table: the type of its values, and how they merge.

use std::cmp::Ordering;

use crate::{Kind, Merge, Span, Value};

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
            (_, _, Value::Nothing) => return (0, 0),
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
        let before = cell.outside_bytes();
        *cell = Cell::own(value, texts);
        (cell.outside_bytes(), before)
    }
}
