//! Any msgpack, item by item: for values whose fields are not known in advance.
//!
//! A [`Walker`] borrows what it hands out and builds no tree. Where the fields are known,
//! [`Record::object`](crate::Record::object) or [`Record::decode`](crate::Record::decode) does more for less code.

#[doc(inline)]
pub use journal_msgpack::{Fault, Item, Walker};
