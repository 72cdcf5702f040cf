//! The key and the columns of an aggregate output.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::Role;

/// How the values of a column are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// The sum of integers.
    Sum,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
}

impl Display for Merge {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
        })
    }
}

/// A merged column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the row.
    pub name: String,
    /// How it merges.
    pub merge: Merge,
}

/// The key and the columns of an aggregate output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The names of the key fields. Without any, all rows become one.
    #[serde(default)]
    pub key: Vec<String>,
    /// The merged columns.
    pub columns: Vec<Column>,
}

impl Shape {
    /// The maximum number of key fields.
    pub const MAX_KEY: usize = 16;
    /// The maximum number of columns.
    pub const MAX_COLUMNS: usize = 48;
    /// The maximum length of a name, in bytes.
    pub const MAX_NAME: usize = 63;

    /// All names, those of the key first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().map(|column| &column.name);
        self.key.iter().chain(columns).map(String::as_str)
    }

    /// The role of the name at this index of [`names`](Self::names).
    pub(crate) fn role(&self, index: usize) -> Role {
        let column = index.checked_sub(self.key.len());
        column.map_or(Role::Key, Role::Column)
    }

    /// The first name that occurs earlier in the key or the columns.
    #[must_use]
    pub fn repeated_name(&self) -> Option<&str> {
        let names: Vec<&str> = self.names().collect();
        let is_repeated = |(index, name): &(usize, &&str)| names[..*index].contains(name);
        names
            .iter()
            .enumerate()
            .find(is_repeated)
            .map(|(_, &name)| name)
    }

    /// Whether a key field or a column may have this name: a letter or `_`, followed by letters, digits, `_` and `-`.
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
    fn name_in_both_key_and_columns_is_repeated() {
        let shape = |key: &[&str], columns: &[&str]| Shape {
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns: columns
                .iter()
                .map(|&name| Column {
                    name: name.to_owned(),
                    merge: Merge::Sum,
                })
                .collect(),
        };
        assert_eq!(shape(&["a", "b"], &["c"]).repeated_name(), None);
        assert_eq!(shape(&["a", "a"], &[]).repeated_name(), Some("a"));
        assert_eq!(shape(&["a"], &["b", "a"]).repeated_name(), Some("a"));
    }
}
