//! Rows merged by key. The SDK merges the rows of an aggregate output in the plugin, and the host merges the results again.
//!
//! A [`Shape`] has the names of the key and the columns, and how each column merges. A [`Row`] is filled field by field,
//! and a [`Table`] holds one row for each key. Merging a row with a known key does not allocate, unless it replaces a text
//! or bytes.

pub mod bytes;
mod column;
mod key;
mod read;
mod row;
mod shape;
mod table;
mod value;

pub use row::{Fault, Role, Row};
pub use shape::{Column, LatestBy, Merge, Shape};
pub use table::{Savepoint, Table};
pub use value::{Kind, Span, Value};
