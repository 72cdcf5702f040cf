//! The description of an aggregate output.

use journal_aggregate::{Column, Merge, Shape};

/// The key and the columns of an aggregate output. Rows with the same key become one, and each column says how.
///
/// A merged row has exactly the fields that are named here. A field of the key may be anything that serializes. Two keys
/// are equal if their msgpack is equal: `5_u8` and `5_i64` are, `5` and `5.0` are not. All values of a column have the
/// same type: integers, floats (`f32` is converted to `f64`), texts, bytes ([`Bytes`](crate::Bytes),
/// [`Id`](crate::Id)) or times ([`Timestamp`](crate::Timestamp)). `None` leaves the column unchanged, except in those that
/// keep the latest value: see [`latest_by`](Self::latest_by).
///
/// ```
/// use journal_plugin_sdk::{Aggregate, Out, Plan, RecordError};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Row<'a> {
///     extension: &'a str,
///     files: u64,
///     largest: u64,
/// }
///
/// let shape = Aggregate::by(["extension"]).sum("files").max("largest");
/// let plan = Plan::new(["content"]).stateless().aggregate("sizes", "Files by extension", shape);
///
/// fn count(out: &mut Out, extension: &str, length: u64) -> Result<(), RecordError> {
///     out.merge("sizes", &Row { extension, files: 1, largest: length })
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    pub(crate) shape: Shape,
}

impl Aggregate {
    /// An aggregate with these fields as its key. Without any, all rows become one.
    ///
    /// ```
    /// use journal_plugin_sdk::Aggregate;
    ///
    /// let by_two_fields = Aggregate::by(["year", "month"]).sum("revisions");
    /// let one_row = Aggregate::by::<&str>([]).sum("revisions");
    /// ```
    #[must_use]
    pub fn by<T: AsRef<str>>(key: impl IntoIterator<Item = T>) -> Self {
        let key = key.into_iter().map(|name| name.as_ref().to_owned());
        Self {
            shape: Shape {
                key: key.collect(),
                columns: Vec::new(),
            },
        }
    }

    /// Adds a column with the sum of its integers. A sum that leaves the range of 64 bits fails the call.
    ///
    /// ```
    /// use journal_plugin_sdk::Aggregate;
    ///
    /// let shape = Aggregate::by(["extension"]).sum("files").sum("bytes");
    /// ```
    #[must_use]
    pub fn sum(self, column: impl Into<String>) -> Self {
        self.column(column.into(), Merge::Sum)
    }

    /// Adds a column with the smallest of its values. Texts and bytes are compared byte by byte, and floats by
    /// [`f64::total_cmp`], where -0.0 is below 0.0.
    ///
    /// ```
    /// use journal_plugin_sdk::Aggregate;
    ///
    /// let shape = Aggregate::by(["author"]).min("first_revision");
    /// ```
    #[must_use]
    pub fn min(self, column: impl Into<String>) -> Self {
        self.column(column.into(), Merge::Min)
    }

    /// Adds a column with the largest of its values, in the order of [`min`](Self::min).
    ///
    /// ```
    /// use journal_plugin_sdk::Aggregate;
    ///
    /// let shape = Aggregate::by(["author"]).max("last_revision");
    /// ```
    #[must_use]
    pub fn max(self, column: impl Into<String>) -> Self {
        self.column(column.into(), Merge::Max)
    }

    /// Adds columns that keep the latest values: those of the row whose `order` is the largest. The order is a column with
    /// [`max`](Self::max). Of rows with the same order, the one with the greater values counts, compared in the order of
    /// the columns, so that the result does not depend on which row comes first. A row without an order is older than all
    /// others. In these columns, `None` is a value: the latest row may have none. They may be `bool`, too.
    ///
    /// ```
    /// use journal_plugin_sdk::Aggregate;
    ///
    /// let shape = Aggregate::by(["origin"]).max("date").latest_by("date", ["status", "snapshot"]);
    /// ```
    #[must_use]
    pub fn latest_by<T: Into<String>>(
        mut self,
        order: impl Into<String>,
        columns: impl IntoIterator<Item = T>,
    ) -> Self {
        let order = order.into();
        let columns = columns.into_iter().map(|name| Column {
            name: name.into(),
            merge: Merge::Latest,
            by: Some(order.clone()),
        });
        self.shape.columns.extend(columns);
        self
    }

    fn column(mut self, name: String, merge: Merge) -> Self {
        let by = None;
        self.shape.columns.push(Column { name, merge, by });
        self
    }
}

/// The rule of `plan.schema.json` that a shape breaks, as the rest of a sentence about the output.
pub(crate) fn broken_rule(shape: &Shape) -> Option<String> {
    let Shape { key, columns } = shape;
    if key.len() > Shape::MAX_KEY {
        let (count, most) = (key.len(), Shape::MAX_KEY);
        return Some(format!(
            "has {count} fields in its key, and the limit is {most}"
        ));
    }
    if columns.is_empty() {
        return Some("has no column: add one with `sum`, `min`, `max` or `latest_by`".to_owned());
    }
    if columns.len() > Shape::MAX_COLUMNS {
        let (count, most) = (columns.len(), Shape::MAX_COLUMNS);
        return Some(format!("has {count} columns, and the limit is {most}"));
    }
    if let Some(name) = shape.names().find(|name| !Shape::is_name(name)) {
        return Some(format!(
            "has the field `{name}`: a name must be a letter or `_` and at most {} of `A-Za-z0-9_-`",
            Shape::MAX_NAME - 1
        ));
    }
    if let Some(name) = shape.repeated_name() {
        return Some(format!("names the field `{name}` twice"));
    }
    shape.broken_by_orders()
}
