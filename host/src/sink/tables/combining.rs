//! How the rows of a table are combined, in the form that a database remembers.

use serde::{Deserialize, Serialize};

use crate::journal::plan::Kind;

/// How the rows of a table are combined, as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(in crate::sink) enum Combining {
    /// Every row is added.
    Append,
    /// Rows with the same key are merged.
    Aggregate {
        /// The columns of the key.
        key: Vec<String>,
        /// The merged columns, each with its merge.
        columns: Vec<journal_aggregate::Column>,
    },
    /// Of the rows with the same key, the one that comes first is kept.
    Unique {
        /// The columns of the key.
        key: Vec<String>,
    },
    /// Of the rows with the same key, the one with the greatest order is kept.
    Upsert {
        /// The columns of the key.
        key: Vec<String>,
        /// The column of the order.
        order: String,
    },
}

impl Combining {
    pub(in crate::sink) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Append | Kind::Text => Self::Append,
            Kind::Aggregate(shape) => Self::Aggregate {
                key: shape.key.clone(),
                columns: shape.columns.clone(),
            },
            Kind::Unique(key) => Self::Unique { key: key.to_vec() },
            Kind::Upsert(upsert) => Self::Upsert {
                key: upsert.key.clone(),
                order: upsert.order.clone(),
            },
        }
    }

    /// The columns of the key, where there is one row for each key.
    pub(super) fn key(&self) -> Option<&[String]> {
        match self {
            Self::Append => None,
            Self::Aggregate { key, .. } | Self::Unique { key } | Self::Upsert { key, .. } => {
                Some(key)
            }
        }
    }

    /// Whether rows that were combined in this way can go on as `other`. Columns may be added to an aggregate.
    pub(in crate::sink) fn becomes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Append, Self::Append) => true,
            (
                Self::Aggregate { key, columns },
                Self::Aggregate {
                    key: other_key,
                    columns: others,
                },
            ) => {
                let same = |one: &journal_aggregate::Column| {
                    let mut others = others.iter();
                    others.all(|other| {
                        other.name != one.name || (other.merge, &other.by) == (one.merge, &one.by)
                    })
                };
                key == other_key && columns.iter().all(same)
            }
            (Self::Unique { .. }, Self::Unique { .. })
            | (Self::Upsert { .. }, Self::Upsert { .. }) => self == other,
            _ => false,
        }
    }
}
