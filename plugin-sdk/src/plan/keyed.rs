//! Outputs that keep one row for each key.

use journal_aggregate::Shape;

use super::{Output, Plan};

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
            output.unique_key = Some(key.collect());
            output.kind = Some("unique");
        })
    }
}

impl Output {
    /// The rule that breaks an output with one row for each key, as the rest of a sentence about it.
    pub(super) fn broken_by_key(&self) -> Option<String> {
        let key = self.unique_key.as_ref()?;
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
            Some(Ok(row)) => row.broken_by_key(key),
        }
    }
}
