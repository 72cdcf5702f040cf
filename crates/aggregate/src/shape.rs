//! The key and the columns of an aggregate output.

use std::fmt::{self, Display, Formatter};

use journal_rows::{ColumnType, RowType};
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
    /// The value of the row whose order, another column, is the largest.
    Latest,
}

impl Display for Merge {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Latest => "latest",
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
    /// The order of a column that keeps the latest value: the name of a column that keeps the largest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Columns that keep the latest values by the same order. Their values are always those of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestBy {
    /// The index of the column that is the order.
    pub order: usize,
    /// The indexes of the columns, in the order of the shape.
    pub columns: Vec<usize>,
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

    /// The columns that keep the latest values, by their orders.
    ///
    /// Of two rows, the one with the greater order is the later one. Where the orders are equal, it is the one whose values
    /// in these columns are greater, compared one after the other. No value is less than any value.
    #[must_use]
    pub fn latest(&self) -> Vec<LatestBy> {
        let mut all: Vec<LatestBy> = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(order) = self.order_of(column) else {
                continue;
            };
            match all.iter_mut().find(|one| one.order == order) {
                Some(one) => one.columns.push(index),
                None => all.push(LatestBy {
                    order,
                    columns: vec![index],
                }),
            }
        }
        all
    }

    /// The index of the column by which another one keeps the latest value.
    fn order_of(&self, column: &Column) -> Option<usize> {
        let name = column
            .by
            .as_ref()
            .filter(|_| column.merge == Merge::Latest)?;
        let mut columns = self.columns.iter();
        columns.position(|one| one.name == *name && one.merge == Merge::Max)
    }

    /// The rule that the order of a column breaks, as the rest of a sentence about the output.
    #[must_use]
    pub fn broken_by_orders(&self) -> Option<String> {
        self.columns.iter().find_map(|column| {
            let Column { name, merge, by } = column;
            match (merge, by) {
                (Merge::Latest, Some(order)) if self.order_of(column).is_none() => Some(format!(
                    "keeps the latest `{name}` by `{order}`, which is not a column that keeps the max"
                )),
                (Merge::Latest, None) => Some(format!("keeps the latest `{name}` by no column")),
                (Merge::Sum | Merge::Min | Merge::Max, Some(_)) => {
                    Some(format!("has an order for the {merge} of `{name}`, which needs none"))
                }
                _ => None,
            }
        })
    }

    /// The rule that the types of the rows break, as the rest of a sentence about the output: a typed row has the fields of
    /// the key and the columns, each of a type that can be merged.
    #[must_use]
    pub fn broken_by_types(&self, row: &RowType) -> Option<String> {
        let names: Vec<&str> = self.names().collect();
        let types = row.columns();
        if let Some(other) = types.iter().find(|one| !names.contains(&&*one.name)) {
            let name = &other.name;
            return Some(format!(
                "has a type for `{name}`, which is neither of the key nor a column"
            ));
        }
        let type_of = |name: &str| row.index_of(name).map(|index| types[index].column_type);
        for name in names {
            if type_of(name).is_none() {
                return Some(format!("has no type for the field `{name}`"));
            }
        }
        let is_unfit = |name: &&String| !type_of(name).is_some_and(ColumnType::can_be_a_key);
        if let Some(name) = self.key.iter().find(is_unfit) {
            return Some(format!(
                "has the key `{name}`, whose type cannot be one: a key is neither float nor json"
            ));
        }
        self.columns.iter().find_map(|Column { name, merge, by }| {
            let column_type = type_of(name)?;
            let order_type = by.as_deref().and_then(type_of);
            match merge {
                Merge::Sum if !column_type.is_an_integer() => Some(format!(
                    "adds up the column `{name}`, whose type is {column_type} and not int or uint"
                )),
                Merge::Min | Merge::Max if !column_type.has_an_order() => Some(format!(
                    "has the {merge} of the column `{name}`, whose type {column_type} has no order"
                )),
                Merge::Latest if column_type == ColumnType::Json => Some(format!(
                    "keeps the latest `{name}`, whose type is json: of equal orders, none could be chosen"
                )),
                // Databases take -0.0 and 0.0 for equal.
                Merge::Latest if order_type == Some(ColumnType::Float) => Some(format!(
                    "keeps the latest `{name}` by an order whose type is float"
                )),
                _ => None,
            }
        })
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
    fn types_fit_the_key_and_the_columns() {
        use ColumnType as Type;
        let column = |name: &str, merge| Column {
            name: name.to_owned(),
            merge,
            by: None,
        };
        let shape = Shape {
            key: vec!["k".to_owned()],
            columns: vec![column("n", Merge::Sum), column("m", Merge::Max)],
        };
        let broken = |types: &[(&str, ColumnType)]| {
            let columns = types
                .iter()
                .map(|&(name, column_type)| journal_rows::Column {
                    name: name.to_owned(),
                    column_type,
                    nullable: true,
                    summary: String::new(),
                });
            shape.broken_by_types(&RowType::new(columns.collect()).unwrap())
        };
        let whole = |key, sum, max| broken(&[("m", max), ("k", key), ("n", sum)]);
        assert_eq!(whole(Type::Text, Type::Uint, Type::Timestamp), None);
        assert_eq!(whole(Type::Bool, Type::Int, Type::Id), None);
        for (text, part) in [
            (whole(Type::Json, Type::Uint, Type::Int), "the key `k`"),
            (whole(Type::Float, Type::Uint, Type::Int), "the key `k`"),
            (
                whole(Type::Text, Type::Float, Type::Int),
                "adds up the column `n`",
            ),
            (
                whole(Type::Text, Type::Uint, Type::Bool),
                "the max of the column `m`",
            ),
            (
                broken(&[("k", Type::Text), ("n", Type::Uint)]),
                "no type for the field `m`",
            ),
            (broken(&[("x", Type::Text)]), "a type for `x`"),
        ] {
            let text = text.unwrap();
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    /// A shape of these columns, each with its merge and its order.
    fn ordered(columns: &[(&str, Merge, Option<&str>)]) -> Shape {
        let column = |&(name, merge, by): &(&str, Merge, Option<&str>)| Column {
            name: name.to_owned(),
            merge,
            by: by.map(str::to_owned),
        };
        Shape {
            key: Vec::new(),
            columns: columns.iter().map(column).collect(),
        }
    }

    #[test]
    fn latest_values_have_an_order_that_keeps_the_max() {
        let shape = ordered(&[
            ("v", Merge::Latest, Some("o")),
            ("o", Merge::Max, None),
            ("w", Merge::Latest, Some("p")),
            ("p", Merge::Max, None),
            ("x", Merge::Latest, Some("o")),
        ]);
        assert_eq!(shape.broken_by_orders(), None);
        let of = |order, columns: &[usize]| LatestBy {
            order,
            columns: columns.to_vec(),
        };
        assert_eq!(shape.latest(), [of(1, &[0, 4]), of(3, &[2])]);
        for (columns, part) in [
            (
                &[("v", Merge::Latest, Some("o"))][..],
                "latest `v` by `o`, which is not",
            ),
            (
                &[("v", Merge::Latest, Some("o")), ("o", Merge::Min, None)],
                "latest `v` by `o`, which is not",
            ),
            (&[("v", Merge::Latest, None)], "by no column"),
            (
                &[("v", Merge::Sum, Some("o")), ("o", Merge::Max, None)],
                "the sum of `v`, which needs none",
            ),
        ] {
            let text = ordered(columns).broken_by_orders().unwrap();
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn latest_values_have_types_that_every_database_compares() {
        use ColumnType as Type;
        let shape = ordered(&[("o", Merge::Max, None), ("v", Merge::Latest, Some("o"))]);
        let broken = |order, value| {
            let column = |(name, column_type): (&str, ColumnType)| journal_rows::Column {
                name: name.to_owned(),
                column_type,
                nullable: true,
                summary: String::new(),
            };
            let columns = [("o", order), ("v", value)].map(column);
            shape.broken_by_types(&RowType::new(columns.to_vec()).unwrap())
        };
        for value in Type::ALL {
            let is_broken = broken(Type::Timestamp, value).is_some();
            assert_eq!(is_broken, value == Type::Json, "{value}");
        }
        for order in Type::ALL {
            let is_broken = broken(order, Type::Bool).is_some();
            let has_no_order = matches!(order, Type::Bool | Type::Float | Type::Json);
            assert_eq!(is_broken, has_no_order, "{order}");
        }
    }

    #[test]
    fn name_in_both_key_and_columns_is_repeated() {
        let shape = |key: &[&str], columns: &[&str]| Shape {
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns: columns
                .iter()
                .map(|&name| Column {
                    name: name.to_owned(),
                    merge: Merge::Sum,
                    by: None,
                })
                .collect(),
        };
        assert_eq!(shape(&["a", "b"], &["c"]).repeated_name(), None);
        assert_eq!(shape(&["a", "a"], &[]).repeated_name(), Some("a"));
        assert_eq!(shape(&["a"], &["b", "a"]).repeated_name(), Some("a"));
    }
}
