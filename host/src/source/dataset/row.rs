//! A row of a table, whatever it is read from.

use super::error::Error;
use super::file::Cell;

/// The cells of a row.
pub(super) trait Row {
    /// A text.
    fn text(&self, column: &str) -> Cell<&str>;

    /// Bytes.
    fn bytes(&self, column: &str) -> Cell<&[u8]>;

    /// A number.
    fn integer(&self, column: &str) -> Cell<i64>;

    /// The error about a cell of the row.
    fn wrong(&self, column: &'static str, reason: &'static str) -> Error;
}
