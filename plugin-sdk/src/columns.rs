//! The types of the columns of a row, for sinks that have tables.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use journal_rows::Column;
pub use journal_rows::ColumnType;
use serde::Serialize;

use crate::{
    Bytes, CalendarTime, ExtendedObjectKind, ExtendedSwhid, Id, ObjectKind, Person, QualifiedSwhid,
    Swhid, Timestamp, Weekday,
};

/// The derive macro of the trait [`Columns`].
pub use journal_columns_derive::Columns;

/// A row whose columns have types. Derive it for the struct that you emit, and name the struct in the plan with
/// [`Plan::row`](crate::Plan::row): then the host can write the rows to a database, and checks each row when it is
/// emitted.
///
/// The columns have the names that serde writes: the attributes `rename`, `rename_all` and `skip` work as usual. The
/// documentation of a field becomes the comment of its column. A field of the type `Option<_>` is nullable. Where the
/// type of a field says nothing about the column, such as your own enum, name the type of the column:
///
/// ```
/// use journal_plugin_sdk::{ANY, Columns, Id, Plan, Timestamp};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// enum Kind {
///     Small,
///     Large,
/// }
///
/// #[derive(Serialize, Columns)]
/// struct Row<'a> {
///     id: Id,
///     /// The first line of the message.
///     subject: Option<&'a str>,
///     date: Option<Timestamp>,
///     #[column(text)]
///     kind: Kind,
///     /// Lists and maps are JSON.
///     parents: Vec<Id>,
/// }
///
/// let plan = Plan::new(ANY).output("revisions", "One row for each revision").row::<Row<'_>>();
/// ```
///
/// | Rust | column | SQLite |
/// |---|---|---|
/// | `bool` | `bool` | `INTEGER`, 0 or 1 |
/// | `i8` to `i64`, `isize` | `int` | `INTEGER` |
/// | `u8` to `u64`, `usize` | `uint` | `INTEGER`; 2^63 and more are refused |
/// | `f32`, `f64` | `float` | `REAL` |
/// | `&str`, `String`, `char`, [`Swhid`], [`Weekday`] | `text` | `TEXT` |
/// | [`Bytes`] | `bytes` | `BLOB` |
/// | [`Id`] | `id` | `BLOB` of 20 bytes |
/// | [`Timestamp`] | `timestamp` | `TEXT`, RFC 3339 in UTC |
/// | lists, maps, [`serde_json::Value`] | `json` | `TEXT` |
pub trait Columns {
    /// The columns, in the order of the fields.
    fn columns() -> Vec<RowColumn>;
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RowColumn(pub(crate) Column);

impl RowColumn {
    /// A column of this type, where nullable ones may have no value.
    #[must_use]
    pub fn new(name: &str, column_type: ColumnType, nullable: bool, summary: &str) -> Self {
        Self(Column {
            name: name.to_owned(),
            column_type,
            nullable,
            summary: summary.chars().take(Column::MAX_SUMMARY).collect(),
        })
    }

    /// A column with values of the type `T`.
    #[must_use]
    pub fn of<T: ColumnValue + ?Sized>(name: &str, summary: &str) -> Self {
        Self::new(name, T::TYPE, T::NULLABLE, summary)
    }
}

/// A value of a column: its Rust type determines the type of the column.
#[diagnostic::on_unimplemented(
    message = "the type of a column does not follow from `{Self}`",
    note = "write the type before the field, such as `#[column(text)]` for an enum or `#[column(json)]` for a list"
)]
pub trait ColumnValue {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Whether the column may have no value.
    const NULLABLE: bool = false;
}

macro_rules! columns {
    ($($column_type:ident: $($(#[$($generics:tt)*])? $type:ty),*;)*) => {
        $($(
            impl $(<$($generics)*>)? ColumnValue for $type {
                const TYPE: ColumnType = ColumnType::$column_type;
            }
        )*)*
    };
}

columns! {
    Bool: bool;
    Int: i8, i16, i32, i64, isize;
    Uint: u8, u16, u32, u64, usize;
    Float: f32, f64;
    Text: str, String, char, Swhid, ExtendedSwhid, QualifiedSwhid, ObjectKind, ExtendedObjectKind, Weekday;
    Bytes: #['a] Bytes<'a>;
    Id: Id;
    Timestamp: Timestamp;
    Json: #[T] [T], #[T] Vec<T>, #[T, const N: usize] [T; N], #[K, V] BTreeMap<K, V>, #[K, V, S] HashMap<K, V, S>,
        serde_json::Map<String, serde_json::Value>, #['a] Person<'a>, CalendarTime;
}

impl ColumnValue for serde_json::Value {
    const TYPE: ColumnType = ColumnType::Json;
    const NULLABLE: bool = true;
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
}

macro_rules! pointers {
    ($(($($generics:tt)*) $type:ty;)*) => {
        $(
            impl<$($generics)*> ColumnValue for $type {
                const TYPE: ColumnType = T::TYPE;
                const NULLABLE: bool = T::NULLABLE;
            }
        )*
    };
}

pointers! {
    (T: ColumnValue + ?Sized) &T;
    (T: ColumnValue + ?Sized) Box<T>;
    (T: ColumnValue + ToOwned + ?Sized) Cow<'_, T>;
}

#[cfg(test)]
mod tests {
    use journal_rows::RowType;
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Columns)]
    struct Row<'a> {
        truth: bool,
        int: i16,
        uint: usize,
        float: f32,
        text: &'a str,
        borrowed: Cow<'a, str>,
        letter: char,
        weekday: Weekday,
        swhid: Swhid,
        bytes: Bytes<'a>,
        id: Id,
        time: Timestamp,
        list: Vec<Option<Id>>,
        numbers: Cow<'a, [u8]>,
        any: serde_json::Value,
        /// Why it is
        /// absent.
        ///
        /// Details.
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<&'a str>,
    }

    fn row() -> Row<'static> {
        Row {
            truth: true,
            int: -1,
            uint: usize::MAX,
            float: 0.5,
            text: "t",
            borrowed: "b".into(),
            letter: 'é',
            weekday: Weekday::Monday,
            swhid: Swhid::new(ObjectKind::Revision, Id([1; 20])),
            bytes: Bytes::from(b"x"),
            id: Id([2; 20]),
            time: Timestamp::from_millis(-1),
            list: vec![None, Some(Id([3; 20]))],
            numbers: vec![1, 2].into(),
            any: json!(null),
            absent: None,
        }
    }

    #[test]
    fn what_serde_writes_has_the_types_that_are_derived() {
        let columns: Vec<_> = Row::columns().into_iter().map(|column| column.0).collect();
        let types: Vec<_> = columns.iter().map(|one| one.column_type.name()).collect();
        let expected = [
            "bool",
            "int",
            "uint",
            "float",
            "text",
            "text",
            "text",
            "text",
            "text",
            "bytes",
            "id",
            "timestamp",
            "json",
            "json",
            "json",
            "text",
        ];
        assert_eq!(types, expected);
        let last = columns.last().unwrap();
        assert_eq!((last.nullable, &*last.summary), (true, "Why it is absent."));
        let row_type = RowType::new(columns).unwrap();
        for absent in [None, Some("x")] {
            let row = rmp_serde::to_vec_named(&Row { absent, ..row() }).unwrap();
            let (mut checked, mut unchecked) = (Vec::new(), Vec::new());
            row_type.append_json(&row, &mut checked, 1 << 20).unwrap();
            journal_rows::append_json(&row, &mut unchecked, 1 << 20).unwrap();
            assert_eq!(checked, unchecked);
        }
    }
}
