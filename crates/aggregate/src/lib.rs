//! Rows merged by key: what an aggregate output is, in a plugin's memory and again in the host's.
//!
//! A [`Shape`] says which names a row has: those of its key, and columns with how each merges. A [`Row`] is
//! filled name by name, and a [`Table`] holds one row for each key. Merging a row whose key is known allocates
//! nothing, unless a text or bytes take the place of others.

pub mod bytes;
mod column;
mod key;
mod read;
mod row;
mod shape;
mod table;
mod value;

pub use row::{Fault, Role, Row};
pub use shape::{Column, Merge, Shape};
pub use table::{Savepoint, Table};
pub use value::{Kind, Span, Value};
