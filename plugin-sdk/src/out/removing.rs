//! Removals: rows of an upsert that have a key and an order, and no other values.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Out;
use crate::batch::Record;
use crate::{Failure, RecordError, Timestamp};

/// The column by which an upsert finds the latest row of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) name: String,
    /// Whether its values are times.
    pub(crate) is_time: bool,
}

/// A row that removes a key. It begins with the field by which the host knows it.
#[derive(Serialize)]
struct Removal<'a, K: ?Sized, T: ?Sized> {
    #[serde(rename = "_removed")]
    is_removed: bool,
    #[serde(flatten)]
    key: &'a K,
    #[serde(flatten)]
    order: BTreeMap<&'a str, &'a T>,
}

impl Out {
    /// Removes a key from the upsert output of this name, at the time of a record, such as the tombstone of an object.
    ///
    /// `key` is a struct or a map with exactly the columns of the key. Rows of the key whose order is later than the record's
    /// timestamp stay, whatever comes first, and later ones bring it back. Where the order of the output is not a time, name
    /// it: [`remove_at`](Self::remove_at).
    ///
    /// # Errors
    /// The call fails if the plan does not declare this output, if the output is not an upsert, or if its order is not a
    /// time. The record is rejected if it has no timestamp, or if the key cannot be serialized. All of these happen even if
    /// you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Columns, Failure, Id, Out, Plan, Timestamp};
    /// # use serde::Serialize;
    /// #[derive(Serialize, Columns)]
    /// struct Content {
    ///     sha1_git: Id,
    ///     seen: Timestamp,
    ///     length: u64,
    /// }
    ///
    /// #[derive(Serialize)]
    /// struct Key {
    ///     sha1_git: Id,
    /// }
    ///
    /// // The plan asks for tombstones, and its output is `.row::<Content>().upsert_by(["sha1_git"], "seen")`.
    /// # fn process(batches: &Batches<'_>, out: &mut Out, sha1_git: Id) -> Result<(), Failure> {
    /// batches.each(out, |record, out| {
    ///     if record.is_tombstone() {
    ///         return out.remove("contents", &record, &Key { sha1_git });
    ///     }
    /// #   Ok(())
    ///     // ...
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn remove<K: Serialize + ?Sized>(
        &mut self,
        output: &str,
        record: &Record<'_>,
        key: &K,
    ) -> Result<(), RecordError> {
        let (index, order) = self.order_of(output, "remove")?;
        if !order.is_time {
            let error = Failure::fatal(format!(
                "the order `{}` of the output `{output}` is not a time: use `remove_at`",
                order.name
            ));
            return Err(self.note_refused(error.into()));
        }
        let Some(time) = record.timestamp_ms() else {
            let reason = format!(
                "the record has no timestamp at which the output `{output}` removes its key"
            );
            return Err(self.note_refused(RecordError::reject(reason)));
        };
        self.push_removal(index, &order.name, &Timestamp::from_millis(time), key)
    }

    /// Removes a key from the upsert output of this name, with this value in the column of its order.
    ///
    /// # Errors
    /// The call fails if the plan does not declare this output, or if the output is not an upsert. The record is rejected if
    /// the key cannot be serialized. Both happen even if you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Out, RecordError};
    /// // The output is `.row::<Branch>().upsert_by(["name"], "visit")`.
    /// fn forget(out: &mut Out, name: &str, visit: u64) -> Result<(), RecordError> {
    ///     #[derive(serde::Serialize)]
    ///     struct Key<'a> {
    ///         name: &'a str,
    ///     }
    ///
    ///     out.remove_at("branches", &visit, &Key { name })
    /// }
    /// ```
    #[track_caller]
    pub fn remove_at<T: Serialize + ?Sized, K: Serialize + ?Sized>(
        &mut self,
        output: &str,
        order: &T,
        key: &K,
    ) -> Result<(), RecordError> {
        let (index, name) = self.order_of(output, "remove_at")?;
        self.push_removal(index, &name.name, order, key)
    }

    /// The index of an upsert, and its order.
    #[track_caller]
    fn order_of(&mut self, output: &str, method: &str) -> Result<(usize, Order), RecordError> {
        let Some(index) = self.index_of(output) else {
            return Err(self.undeclared(output));
        };
        let buffer = &self.outputs[index];
        let Some(order) = &buffer.order else {
            let error = buffer.not_for(method, "no upsert: declare it with `Plan::upsert_by`");
            return Err(self.note_refused(error));
        };
        Ok((index, order.clone()))
    }

    #[track_caller]
    fn push_removal<T: Serialize + ?Sized, K: Serialize + ?Sized>(
        &mut self,
        index: usize,
        name: &str,
        order: &T,
        key: &K,
    ) -> Result<(), RecordError> {
        let removal = Removal {
            is_removed: true,
            key,
            order: BTreeMap::from([(name, order)]),
        };
        self.push(index, &removal)
    }
}
