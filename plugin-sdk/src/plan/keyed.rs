//! Outputs that keep one row for each key.

use std::sync::Arc;

use journal_aggregate::Shape;
use journal_rows::{ColumnType, RowTypes, UpsertTypes};

use super::{Output, Plan};
use crate::out::Order;

impl Plan {
    /// Says that the output declared last keeps one row for each value of these columns, where the journal repeats objects.
    /// Which one it keeps is not promised, so rows with the same key should be the same. Its rows have types, and only
    /// databases take them: the host refuses to write them to files of JSON lines and to topics. The harness for tests
    /// returns all rows that were emitted.
    ///
    /// ```
    /// use journal_plugin_sdk::{Columns, Id, Plan};
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize, Columns)]
    /// struct Revision {
    ///     id: Id,
    ///     directory: Id,
    /// }
    ///
    /// let plan = Plan::new(["revision"])
    ///     .output("revisions", "One row for each revision")
    ///     .row::<Revision>()
    ///     .unique_by(["id"]);
    /// ```
    #[must_use]
    pub fn unique_by<T: AsRef<str>>(self, key: impl IntoIterator<Item = T>) -> Self {
        let key = key.into_iter().map(|name| name.as_ref().to_owned());
        self.change_last(|output| {
            output.row_key = Some(key.collect());
            output.order = None;
            output.kind = Some("unique");
        })
    }

    /// Says that the output declared last is an upsert: it keeps one row for each value of the columns of `key`, the one
    /// with the greatest value in the column `order`. Its rows have types.
    ///
    /// Records of one key may come in any order and more than once, so the order has to be in the row: a date, or a number
    /// that grows. Of rows with the same order, the one whose other values are greater is kept, compared in the order of the
    /// columns, so that the result never depends on which row comes first. The order is an integer, a text, bytes or a time,
    /// and is never `None`.
    ///
    /// [`Out::emit`](crate::Out::emit) writes rows, and [`Out::remove`](crate::Out::remove) removes keys. A database shows
    /// the latest row of each key that is not removed. Lines of JSON and topics have all rows as they were emitted, and
    /// removals as rows with `"_removed": true`; the harness for tests has the same.
    ///
    /// ```
    /// use journal_plugin_sdk::{Columns, Plan, Timestamp};
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize, Columns)]
    /// struct Visit<'a> {
    ///     origin: &'a str,
    ///     date: Timestamp,
    ///     status: &'a str,
    /// }
    ///
    /// let plan = Plan::new(["origin_visit_status"])
    ///     .output("visits", "The newest visit of each origin")
    ///     .row::<Visit<'_>>()
    ///     .upsert_by(["origin"], "date");
    /// ```
    #[must_use]
    pub fn upsert_by<T: AsRef<str>>(
        self,
        key: impl IntoIterator<Item = T>,
        order: impl Into<String>,
    ) -> Self {
        let key = key.into_iter().map(|name| name.as_ref().to_owned());
        self.change_last(|output| {
            output.row_key = Some(key.collect());
            output.order = Some(order.into());
            output.kind = Some("upsert");
        })
    }
}

impl Output {
    /// The rule that breaks an output with one row for each key, as the rest of a sentence about it.
    pub(super) fn broken_by_key(&self) -> Option<String> {
        let key = self.row_key.as_ref()?;
        if self.shape.is_some() {
            return Some("is an aggregate, which has one row for each key already".to_owned());
        }
        if key.len() > Shape::MAX_KEY {
            let (count, most) = (key.len(), Shape::MAX_KEY);
            return Some(format!(
                "has {count} columns in its key, and the limit is {most}"
            ));
        }
        match self.row_type() {
            None => Some("has no types: name its row with `Plan::row`".to_owned()),
            // The rule of the row is another one.
            Some(Err(_)) => None,
            Some(Ok(row)) => match &self.order {
                None => row.broken_by_key(key),
                Some(order) => UpsertTypes::new(&Arc::new(row), key, order).err(),
            },
        }
    }

    /// The types of its rows, if it has valid ones.
    pub(super) fn row_types(&self) -> Option<RowTypes> {
        let row = Arc::new(self.row_type()?.ok()?);
        let (Some(key), Some(order)) = (&self.row_key, &self.order) else {
            return Some(RowTypes::One(row));
        };
        let types = UpsertTypes::new(&row, key, order).ok()?;
        Some(RowTypes::Upsert(Arc::new(types)))
    }

    /// The order of an upsert.
    pub(super) fn order_plan(&self) -> Option<Order> {
        let name = self.order.clone()?;
        let row = self.row_type()?.ok()?;
        let column = &row.columns()[row.index_of(&name)?];
        Some(Order {
            is_time: column.column_type == ColumnType::Timestamp,
            name,
        })
    }
}
