//! The typed tree of a schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::number::Range;

/// The schema of one value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schema {
    pub(crate) description: Option<String>,
    pub(crate) default: Option<Value>,
    /// Whether `null` is also allowed.
    pub(crate) nullable: bool,
    pub(crate) kind: Kind,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Any,
    Bool,
    Integer(Range),
    Number(Range),
    Text(Lengths),
    Choice(Choices),
    List(Box<List>),
    Object(Object),
}

/// The bounds of the length of a string or list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
}

/// The only strings that are allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choices {
    /// In the schema's order.
    pub(crate) listed: Vec<String>,
    /// The same in a set, to find them without a linear search.
    pub(crate) sorted: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) item: Schema,
    pub(crate) lengths: Lengths,
    /// Whether no two items may be equal. The items are scalars then.
    pub(crate) unique: bool,
}

/// An object with named members, a map, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object {
    pub(crate) members: BTreeMap<String, Schema>,
    pub(crate) others: Others,
    /// The names of required members.
    pub(crate) required: Vec<String>,
}

/// Whether other members are allowed, and with which values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Others {
    /// The schema does not say: any value is allowed, as in JSON Schema.
    #[default]
    Unsaid,
    Refused,
    Each(Box<Schema>),
}

impl Kind {
    /// The type's name in a schema.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Bool => "boolean",
            Self::Integer(_) => "integer",
            Self::Number(_) => "number",
            Self::Text(_) | Self::Choice(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Whether its values contain no other values.
    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Any | Self::List(_) | Self::Object(_))
    }
}
