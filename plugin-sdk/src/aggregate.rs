//! The description of an aggregate output.

use journal_aggregate::{Column, Merge, Shape};

/// What the rows of an aggregate output look like: by which fields they are told apart, and how the other fields
/// of rows with the same key become one.
///
/// A row that is merged has exactly the fields that are named here. Its key may be anything that serializes, and
/// two keys are the same when their msgpack is: `5_u8` and `5_i64` are, `5` and `5.0` are not. A column takes
/// one of these, always the same one: integers, floats (of 32 bits are like those of 64), texts, bytes
/// ([`Bytes`](crate::Bytes), [`Id`](crate::Id)) or times ([`Timestamp`](crate::Timestamp)). `None` in a column
/// stands for nothing: merged with anything, that stays.
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
    /// Rows that are told apart by these fields; without any, all rows become one.
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

    /// Adds a column of integers that are added up, exactly: a sum that leaves the range of 64 bits is a failure.
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

    /// Adds a column of which the smallest value stays: of texts and bytes the first byte by byte, of floats that
    /// of the total order, in which -0.0 comes before 0.0.
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

    /// Adds a column of which the largest value stays, in the order of [`min`](Self::min).
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

    fn column(mut self, name: String, merge: Merge) -> Self {
        self.shape.columns.push(Column { name, merge });
        self
    }
}

/// The rule of `plan.schema.json` that a shape breaks, as the rest of a sentence about the output.
pub(crate) fn broken_rule(shape: &Shape) -> Option<String> {
    let Shape { key, columns } = shape;
    if key.len() > Shape::MAX_KEY {
        let (count, most) = (key.len(), Shape::MAX_KEY);
        return Some(format!(
            "names {count} fields of the key, and {most} are the most"
        ));
    }
    if columns.is_empty() {
        return Some("has no column: add one with `sum`, `min` or `max`".to_owned());
    }
    if columns.len() > Shape::MAX_COLUMNS {
        let (count, most) = (columns.len(), Shape::MAX_COLUMNS);
        return Some(format!("has {count} columns, and {most} are the most"));
    }
    if let Some(name) = shape.names().find(|name| !Shape::is_name(name)) {
        return Some(format!(
            "has the field `{name}`, whose name is not a letter or `_` and up to {} of `A-Za-z0-9_-`",
            Shape::MAX_NAME - 1
        ));
    }
    let name = shape.repeated_name()?;
    Some(format!("names the field `{name}` twice"))
}
