//! Which of two rows is the later one, in SQL.

use journal_aggregate::Shape;
use journal_rows::Column;

use super::Table;

/// A value of the row that is written, and that of the row that is there, as expressions.
pub(crate) type Pair = (String, String);

/// A condition: whether the values of the row that is written are greater, compared one after the other. NULL is less than
/// any value, as in rows that are merged before they are written.
pub(crate) fn is_greater(pairs: &[Pair]) -> String {
    let mut pairs = pairs.iter().rev();
    let last = pairs.next().map_or("false".to_owned(), |(new, old)| {
        format!(
            "CASE WHEN {new} IS NULL THEN false WHEN {old} IS NULL THEN true ELSE {new} > {old} END"
        )
    });
    pairs.fold(last, |rest, (new, old)| {
        format!(
            "CASE WHEN {new} IS NOT DISTINCT FROM {old} THEN {rest} WHEN {new} IS NULL THEN false \
             WHEN {old} IS NULL THEN true ELSE {new} > {old} END"
        )
    })
}

/// The names of all columns that decide which row is the latest.
#[cfg(any(feature = "parquet", feature = "postgres"))]
pub(crate) fn deciding(shape: &Shape) -> Vec<&str> {
    let all = shape.latest().into_iter();
    let indexes = all.flat_map(|one| std::iter::once(one.order).chain(one.columns));
    indexes.map(|index| &*shape.columns[index].name).collect()
}

impl Table {
    /// The columns that decide which row has the latest value of this column: the order, and all columns that it has.
    pub(crate) fn deciding(&self, shape: &Shape, name: &str) -> Vec<&Column> {
        let all = shape.latest();
        let mut all = all.iter();
        let has_it = |index: &usize| shape.columns[*index].name == name;
        let Some(latest) = all.find(|one| one.columns.iter().any(has_it)) else {
            return Vec::new();
        };
        let indexes = std::iter::once(latest.order).chain(latest.columns.iter().copied());
        indexes
            .filter_map(|index| self.column(&shape.columns[index].name))
            .collect()
    }
}
