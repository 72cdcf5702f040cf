//! What the rows of an aggregate output look like.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::Role;

/// How the values of a column become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// Integers are added up.
    Sum,
    /// The smallest stays.
    Min,
    /// The largest stays.
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

/// A column that is merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the row.
    pub name: String,
    /// How it merges.
    pub merge: Merge,
}

/// What the rows of an aggregate output look like: the names of the key, and the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The names that rows are told apart by, in their order; without any all rows become one.
    #[serde(default)]
    pub key: Vec<String>,
    /// The columns that are merged, in their order.
    pub columns: Vec<Column>,
}

impl Shape {
    /// The most names that a key may have.
    pub const MAX_KEY: usize = 16;
    /// The most columns that there may be.
    pub const MAX_COLUMNS: usize = 48;
    /// The longest name, in bytes.
    pub const MAX_NAME: usize = 63;

    /// All names, those of the key first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().map(|column| &column.name);
        self.key.iter().chain(columns).map(String::as_str)
    }

    /// What the name at this place among [`names`](Self::names) is for.
    pub(crate) fn role(&self, place: usize) -> Role {
        let column = place.checked_sub(self.key.len());
        column.map_or(Role::Key, Role::Column)
    }

    /// The first name that stands before in the key or the columns.
    #[must_use]
    pub fn repeated_name(&self) -> Option<&str> {
        let names: Vec<&str> = self.names().collect();
        let is_repeated = |(place, name): &(usize, &&str)| names[..*place].contains(name);
        names
            .iter()
            .enumerate()
            .find(is_repeated)
            .map(|(_, &name)| name)
    }

    /// Whether a part of the key or a column may have this name: a letter or `_`, and then letters, digits, `_`
    /// and `-`.
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
    fn name_of_the_key_that_is_also_a_columns_is_repeated() {
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
