//! The columns of typed rows.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// `true` or `false`.
    Bool,
    /// An integer from -2^63 to 2^63 - 1.
    Int,
    /// An integer from 0 to 2^64 - 1.
    Uint,
    /// A finite 64-bit float, also written as a 32-bit one.
    Float,
    /// A text in UTF-8.
    Text,
    /// Bytes.
    Bytes,
    /// The 20 bytes of an object's identifier.
    Id,
    /// A time in the years 0 to 9999: msgpack's extension -1.
    Timestamp,
    /// Any value of msgpack that JSON has, such as a list.
    Json,
}

impl ColumnType {
    /// All types.
    pub const ALL: [Self; 9] = [
        Self::Bool,
        Self::Int,
        Self::Uint,
        Self::Float,
        Self::Text,
        Self::Bytes,
        Self::Id,
        Self::Timestamp,
        Self::Json,
    ];

    /// The name in a plan.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Id => "id",
            Self::Timestamp => "timestamp",
            Self::Json => "json",
        }
    }

    /// The type with this name in a plan.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|other| other.name() == name)
    }

    /// Whether rows can be merged by a key of this type: equal values have equal bytes, and every database compares them.
    #[must_use]
    pub const fn can_be_a_key(self) -> bool {
        !matches!(self, Self::Float | Self::Json)
    }

    /// Whether two values of this type have an order.
    #[must_use]
    pub const fn has_an_order(self) -> bool {
        !matches!(self, Self::Bool | Self::Json)
    }

    /// Whether its values are integers.
    #[must_use]
    pub const fn is_an_integer(self) -> bool {
        matches!(self, Self::Int | Self::Uint)
    }
}

impl Display for ColumnType {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A column of typed rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the row.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether a row may have nil, or no field at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// What a value stands for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

impl Column {
    /// The maximum length of a name, in bytes.
    pub const MAX_NAME: usize = 63;
    /// The maximum length of a summary, in characters.
    pub const MAX_SUMMARY: usize = 1000;

    /// Whether a column may have this name: a letter or `_`, followed by letters, digits, `_` and `-`.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        name.len() <= Self::MAX_NAME
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_name_in_plans() {
        for one in ColumnType::ALL {
            assert_eq!(serde_json::to_value(one).unwrap(), one.name());
            assert_eq!(ColumnType::of_name(one.name()), Some(one));
        }
        assert_eq!(ColumnType::of_name("Text"), None);
    }

    #[test]
    fn what_is_usual_is_not_written() {
        let mut column = Column {
            name: "n".to_owned(),
            column_type: ColumnType::Uint,
            nullable: false,
            summary: String::new(),
        };
        let json = |column: &Column| serde_json::to_string(column).unwrap();
        assert_eq!(json(&column), r#"{"name":"n","type":"uint"}"#);
        column.nullable = true;
        column.summary = "s".to_owned();
        let whole = r#"{"name":"n","type":"uint","nullable":true,"summary":"s"}"#;
        assert_eq!(json(&column), whole);
        assert_eq!(serde_json::from_str::<Column>(whole).unwrap(), column);
    }
}
