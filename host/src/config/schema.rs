//! What a plugin's schema says of its options, one by one.

use std::fmt;

use serde_json::{Map, Value};

/// How many parts of a schema are looked at for one option: references that lead in a circle, or
/// to ever more of them, end here.
const PARTS: usize = 1000;

/// How the text of a value becomes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Number,
    Bool,
    /// Anything else, given as JSON.
    Json,
}

impl Kind {
    /// What such a value is called, with its article.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Bool => "`true` or `false`",
            Self::Json => "JSON",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Bool => "true or false",
            Self::Json => "JSON",
        }
    }
}

/// One option.
pub(super) struct OptionSpec<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Whether it takes any number of values of its kind.
    pub(super) list: bool,
    pub(super) required: bool,
    default: Option<&'a Value>,
    docs: Option<&'a str>,
    /// The only values that it takes, where they are listed.
    choices: Vec<&'a str>,
}

impl<'a> OptionSpec<'a> {
    /// An option that the schema allows without naming it.
    pub(super) fn other(name: &'a str) -> Self {
        Self {
            name,
            kind: Kind::Json,
            list: false,
            required: false,
            default: None,
            docs: None,
            choices: Vec::new(),
        }
    }
}

impl fmt::Display for OptionSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (", self.name)?;
        if self.choices.is_empty() {
            f.write_str(self.kind.name())?;
        } else {
            write!(f, "{}", self.choices.join(" or "))?;
        }
        if self.list {
            f.write_str(", may be repeated")?;
        }
        match self.default {
            _ if self.required => f.write_str(", required")?,
            Some(default) if !default.is_null() => write!(f, ", default {default}")?,
            _ => {}
        }
        f.write_str(")")?;
        if let Some(docs) = self.docs {
            write!(
                f,
                ": {}",
                docs.split_whitespace().collect::<Vec<_>>().join(" ")
            )?;
        }
        Ok(())
    }
}

/// The options that `schema` names.
pub(super) fn known(schema: &Value) -> Vec<OptionSpec<'_>> {
    let required = |name: &str| {
        let names = schema["required"].as_array().into_iter().flatten();
        names.into_iter().any(|required| required == name)
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, option)| {
            let shape = Shape::of(schema, option, &mut { PARTS });
            let own = option.get("description").and_then(Value::as_str);
            OptionSpec {
                name,
                kind: shape.kind,
                list: shape.list,
                required: required(name),
                default: option.get("default"),
                docs: own.or(shape.docs),
                choices: shape.choices,
            }
        })
        .collect()
}

/// Whether options beyond the named ones are allowed: only where the schema says so itself, because
/// JSON Schema allows them wherever nothing is said, and then a typing error would pass unseen.
pub(super) fn takes_others(schema: &Value) -> bool {
    let says = |name| match schema.get(name) {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Object(patterns)) => !patterns.is_empty(),
        Some(_) => true,
    };
    says("additionalProperties") || says("patternProperties")
}

struct Shape<'a> {
    kind: Kind,
    list: bool,
    docs: Option<&'a str>,
    choices: Vec<&'a str>,
}

impl<'a> Shape<'a> {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            list: false,
            docs: None,
            choices: Vec::new(),
        }
    }

    /// The shape of `option`, a schema inside `root`, with references followed and `null` left out.
    fn of(root: &'a Value, option: &'a Value, left: &mut usize) -> Self {
        let (Some(members), Some(rest)) = (option.as_object(), left.checked_sub(1)) else {
            return Self::new(Kind::Json);
        };
        *left = rest;
        let mut shape = Self::undocumented(root, members, left);
        if let Some(docs) = members.get("description").and_then(Value::as_str) {
            shape.docs = Some(docs);
        }
        shape
    }

    fn undocumented(root: &'a Value, members: &'a Map<String, Value>, left: &mut usize) -> Self {
        if let Some(place) = members.get("$ref").and_then(Value::as_str) {
            let target = place
                .strip_prefix('#')
                .and_then(|place| root.pointer(place));
            return target.map_or_else(
                || Self::new(Kind::Json),
                |target| Self::of(root, target, left),
            );
        }
        for name in ["anyOf", "oneOf", "allOf"] {
            if let Some(parts) = members.get(name).and_then(Value::as_array) {
                return Self::of_parts(root, parts, left);
            }
        }
        match type_of(members) {
            Some("array") => {
                let item = members.get("items").map_or_else(
                    || Self::new(Kind::Json),
                    |items| Self::of(root, items, left),
                );
                Self {
                    kind: if item.list { Kind::Json } else { item.kind },
                    list: true,
                    docs: None,
                    choices: item.choices,
                }
            }
            Some("string") => Self::of_text(members),
            Some("integer") => Self::new(Kind::Integer),
            Some("number") => Self::new(Kind::Number),
            Some("boolean") => Self::new(Kind::Bool),
            None if choices(members).is_some() => Self::of_text(members),
            _ => Self::new(Kind::Json),
        }
    }

    /// Several schemas that say the same of the text are one; `null` says nothing.
    fn of_parts(root: &'a Value, parts: &'a [Value], left: &mut usize) -> Self {
        let mut shapes = parts
            .iter()
            .filter(|part| part["type"] != "null")
            .map(|part| Self::of(root, part, left));
        let Some(mut first) = shapes.next() else {
            return Self::new(Kind::Json);
        };
        for other in shapes {
            if (other.kind, other.list) != (first.kind, first.list) {
                return Self::new(Kind::Json);
            }
            // Each choice may have docs of its own, none of which is the option's.
            first.docs = None;
            first.choices.extend(other.choices);
        }
        first
    }

    fn of_text(members: &'a Map<String, Value>) -> Self {
        Self {
            choices: choices(members).unwrap_or_default(),
            ..Self::new(Kind::Text)
        }
    }
}

/// The one type besides `null`.
fn type_of(members: &Map<String, Value>) -> Option<&str> {
    match members.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut names = names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null");
            names.next().filter(|_| names.next().is_none())
        }
        _ => None,
    }
}

/// The texts of `enum` or `const`, if all of its values besides `null` are texts.
fn choices(members: &Map<String, Value>) -> Option<Vec<&str>> {
    let values = match (members.get("enum"), members.get("const")) {
        (Some(Value::Array(values)), _) => values.as_slice(),
        (_, Some(value)) => std::slice::from_ref(value),
        _ => return None,
    };
    values
        .iter()
        .filter(|value| !value.is_null())
        .map(Value::as_str)
        .collect()
}
