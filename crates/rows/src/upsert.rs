//! Rows that replace each other by key, and removals.

use std::sync::Arc;

use journal_msgpack::{Cursor, Head};

use crate::{Column, ColumnType, Error, ErrorKind, RowType};

/// The types of an output's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowTypes {
    /// All rows have one type.
    One(Arc<RowType>),
    /// Some rows are removals.
    Upsert(Arc<UpsertTypes>),
}

impl RowTypes {
    /// Whether a row, one msgpack map, is a removal.
    ///
    /// # Errors
    /// If it is one, and has other fields than one has.
    #[inline]
    pub fn is_removal(&self, row: &[u8]) -> Result<bool, Error> {
        match self {
            Self::One(_) => Ok(false),
            Self::Upsert(types) => types.is_removal(row),
        }
    }

    /// The type of a row. The columns of both types have the same indexes.
    #[inline]
    #[must_use]
    pub fn of(&self, is_removal: bool) -> &RowType {
        match self {
            Self::One(row) => row,
            Self::Upsert(types) if is_removal => &types.stored,
            Self::Upsert(types) => &types.row,
        }
    }

    /// The columns that a table has: those of rows, and [`UpsertTypes::REMOVED`] at the end if there are removals.
    #[must_use]
    pub fn stored(&self) -> &Arc<RowType> {
        match self {
            Self::One(row) => row,
            Self::Upsert(types) => &types.stored,
        }
    }

    /// The index of the column [`UpsertTypes::REMOVED`], if there are removals. Rows that are none do not have it.
    #[must_use]
    pub fn removed(&self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Upsert(types) => Some(types.row.columns().len()),
        }
    }

    /// As [`RowType::append_json`].
    ///
    /// # Errors
    /// As for [`RowType::append_json`], and if the row is a removal with other fields than one has.
    pub fn append_json(&self, row: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
        let is_removal = self.is_removal(row)?;
        self.of(is_removal).append_json(row, json, limit)
    }
}

/// The types of rows that replace each other by key, in the order of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpsertTypes {
    row: Arc<RowType>,
    stored: Arc<RowType>,
    /// The number of fields of a removal.
    removal_fields: u32,
}

impl UpsertTypes {
    /// The column that says whether a key is removed. A row that begins with it, and with the value true, is a removal: it
    /// has the key and the order besides.
    pub const REMOVED: &str = "_removed";

    /// The types of rows with this key and this order.
    ///
    /// # Errors
    /// The rule that they break, as the rest of a sentence about the output.
    pub fn new(row: &Arc<RowType>, key: &[String], order: &str) -> Result<Self, String> {
        if let Some(rule) = row.broken_by_key(key) {
            return Err(rule);
        }
        let Some(column) = row.index_of(order).map(|index| &row.columns()[index]) else {
            return Err(format!(
                "has the order `{order}`, which is no column of its row"
            ));
        };
        if key.iter().any(|name| name == order) {
            return Err(format!("has the order `{order}`, which is of its key"));
        }
        if column.nullable {
            return Err(format!("has the order `{order}`, which may have no value"));
        }
        let column_type = column.column_type;
        if !column_type.has_an_order() || column_type == ColumnType::Float {
            return Err(format!(
                "has the order `{order}`, whose type cannot be one: an order is neither float, bool nor json"
            ));
        }
        let removed = Column {
            name: Self::REMOVED.to_owned(),
            column_type: ColumnType::Bool,
            nullable: false,
            summary: "Whether the key is removed".to_owned(),
        };
        let stored = row.columns().iter().map(|column| {
            let is_kept = column.name == order || key.contains(&column.name);
            Column {
                nullable: column.nullable || !is_kept,
                ..column.clone()
            }
        });
        let stored = RowType::new(stored.chain([removed]).collect());
        let stored = stored
            .map_err(|rule| format!("has no room for the column `{}`: it {rule}", Self::REMOVED))?;
        Ok(Self {
            row: Arc::clone(row),
            stored: Arc::new(stored),
            // There are at most 64 columns.
            removal_fields: u32::try_from(key.len() + 2).unwrap_or(u32::MAX),
        })
    }

    fn is_removal(&self, row: &[u8]) -> Result<bool, Error> {
        let mut cursor = Cursor::new(row);
        // What else is wrong with a row, its type says.
        let Ok(Head::Map(fields)) = cursor.head() else {
            return Ok(false);
        };
        let Ok(Head::Str(length)) = cursor.head() else {
            return Ok(false);
        };
        if cursor.bytes(length)? != Self::REMOVED.as_bytes() {
            return Ok(false);
        }
        if cursor.head()? != Head::Bool(true) {
            return Err(
                ErrorKind::Unfit("has another value than true in the field `_removed`").into(),
            );
        }
        if fields != self.removal_fields {
            let reason = "is a removal, and has not exactly its key, its order and `_removed`";
            return Err(ErrorKind::Unfit(reason).into());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, ColumnType, bool)]) -> Arc<RowType> {
        let column = |&(name, column_type, nullable): &(&str, ColumnType, bool)| Column {
            name: name.to_owned(),
            column_type,
            nullable,
            summary: String::new(),
        };
        Arc::new(RowType::new(columns.iter().map(column).collect()).unwrap())
    }

    fn types(
        columns: &[(&str, ColumnType, bool)],
        key: &str,
        order: &str,
    ) -> Result<UpsertTypes, String> {
        UpsertTypes::new(&row(columns), &[key.to_owned()], order)
    }

    const COLUMNS: [(&str, ColumnType, bool); 3] = [
        ("k", ColumnType::Text, false),
        ("o", ColumnType::Int, false),
        ("v", ColumnType::Text, false),
    ];

    #[test]
    fn removals_have_their_key_and_order_alone() {
        let types = RowTypes::Upsert(Arc::new(types(&COLUMNS, "k", "o").unwrap()));
        let names: Vec<_> = types
            .stored()
            .columns()
            .iter()
            .map(|one| (&*one.name, one.nullable))
            .collect();
        assert_eq!(
            names,
            [("k", false), ("o", false), ("v", true), ("_removed", false)]
        );
        let json = |row: &[u8]| {
            let mut json = Vec::new();
            let written = types.append_json(row, &mut json, 1 << 20);
            written.map_err(|error| error.to_string())?;
            Ok::<_, String>(String::from_utf8(json).unwrap())
        };
        let live = b"\x83\xa1k\xa1a\xa1o\x01\xa1v\xa1b";
        assert_eq!(json(live).unwrap(), r#"{"k":"a","o":1,"v":"b"}"#);
        let removal = b"\x83\xa8_removed\xc3\xa1k\xa1a\xa1o\x02";
        assert_eq!(json(removal).unwrap(), r#"{"_removed":true,"k":"a","o":2}"#);
        for (row, part) in [
            (&b"\x82\xa1k\xa1a\xa1o\x01"[..], "no value in the field `v`"),
            (b"\x82\xa8_removed\xc3\xa1k\xa1a", "not exactly its key"),
            (
                b"\x83\xa8_removed\xc3\xa1k\xa1a\xa1v\xa1b",
                "no value in the field `o`",
            ),
            (
                b"\x83\xa8_removed\xc2\xa1k\xa1a\xa1o\x02",
                "another value than true",
            ),
            (
                b"\x83\xa1k\xa1a\xa8_removed\xc3\xa1o\x02",
                "the plan does not declare in the field `_removed`",
            ),
            (
                b"\x84\xa8_removed\xc3\xa1k\xa1a\xa1o\x02\xa1v\xa1b",
                "not exactly its key",
            ),
            (b"\x01", "is not a map"),
        ] {
            let reason = json(row).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }

    #[test]
    fn key_and_order_that_no_table_can_have_are_refused() {
        use ColumnType as Type;
        assert!(types(&COLUMNS, "k", "o").is_ok());
        let refused = |order: (Type, bool), name: &str, by: &str| {
            let columns = [("k", Type::Text, false), (name, order.0, order.1)];
            types(&columns, "k", by).unwrap_err()
        };
        for (rule, part) in [
            (
                refused((Type::Int, false), "o", "x"),
                "the order `x`, which is no column",
            ),
            (refused((Type::Int, false), "o", "k"), "which is of its key"),
            (
                refused((Type::Int, true), "o", "o"),
                "which may have no value",
            ),
            (refused((Type::Float, false), "o", "o"), "neither float"),
            (refused((Type::Bool, false), "o", "o"), "neither float"),
            (
                refused((Type::Int, false), "_REMOVED", "_REMOVED"),
                "no room for the column `_removed`",
            ),
            (
                types(&COLUMNS, "x", "o").unwrap_err(),
                "the key `x`, which is no column",
            ),
        ] {
            assert!(rule.contains(part), "{part}: {rule}");
        }
    }
}
