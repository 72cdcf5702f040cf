//! Checks a value against a schema in one pass over the value.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::number::Exact;
use crate::schema::{Kind, Lengths, List, Object, Others, Schema};
use crate::show::{names, shown};

/// A rule that a value breaks.
pub(crate) struct Violation {
    /// The path to the value, innermost step first.
    steps: Vec<String>,
    pub(crate) rule: String,
}

impl Violation {
    fn new(rule: String) -> Self {
        Self {
            steps: Vec::new(),
            rule,
        }
    }

    pub(crate) fn inside(mut self, step: &(impl ToString + ?Sized)) -> Self {
        self.steps.push(step.to_string());
        self
    }

    pub(crate) fn outermost(&self) -> Option<&str> {
        self.steps.last().map(String::as_str)
    }

    /// The steps, outermost first, separated by dots.
    pub(crate) fn path(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().rev().map(String::as_str).collect();
        steps.join(".")
    }
}

impl Schema {
    pub(crate) fn check(&self, value: &Value) -> Result<(), Violation> {
        match (&self.kind, value) {
            (Kind::Any, _) | (Kind::Bool, Value::Bool(_)) => Ok(()),
            (_, Value::Null) if self.nullable => Ok(()),
            (Kind::Integer(range), Value::Number(number)) if Exact::from(number).is_whole() => {
                refuse(value, range.broken_by(number.into()))
            }
            (Kind::Number(range), Value::Number(number)) => {
                refuse(value, range.broken_by(number.into()))
            }
            (Kind::Text(lengths), Value::String(text)) => {
                let rule = lengths.broken_by("characters", || text.chars().count());
                refuse(value, rule)
            }
            (Kind::Choice(choices), Value::String(text)) => {
                let rule = || {
                    format!(
                        "is not one of {}",
                        names(choices.listed.iter().map(String::as_str))
                    )
                };
                refuse(value, (!choices.sorted.contains(text)).then(rule))
            }
            (Kind::List(list), Value::Array(items)) => list.check(value, items),
            (Kind::Object(object), Value::Object(members)) => object.check(members),
            (kind, _) => {
                let null = if self.nullable { r#" or "null""# } else { "" };
                let rule = format!(r#"is not of type "{}"{null}"#, kind.type_name());
                refuse(value, Some(rule))
            }
        }
    }
}

fn refuse(value: &Value, rule: Option<String>) -> Result<(), Violation> {
    rule.map_or(Ok(()), |rule| {
        Err(Violation::new(format!("{} {rule}", shown(value))))
    })
}

impl Lengths {
    fn broken_by(self, unit: &str, length: impl FnOnce() -> usize) -> Option<String> {
        if self.min.is_none() && self.max.is_none() {
            return None;
        }
        let length = u64::try_from(length()).unwrap_or(u64::MAX);
        if let Some(min) = self.min.filter(|&min| length < min) {
            return Some(format!("has fewer than {min} {unit}"));
        }
        let max = self.max.filter(|&max| length > max)?;
        Some(format!("has more than {max} {unit}"))
    }
}

impl List {
    fn check(&self, value: &Value, items: &[Value]) -> Result<(), Violation> {
        refuse(value, self.lengths.broken_by("items", || items.len()))?;
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            self.item
                .check(item)
                .map_err(|broken| broken.inside(&index))?;
            if self.unique && !Scalar::of(item).is_none_or(|scalar| seen.insert(scalar)) {
                let rule = format!("{} is in the list already", shown(item));
                return Err(Violation::new(rule).inside(&index));
            }
        }
        Ok(())
    }
}

/// A value that can be looked up. As in JSON Schema, `1` and `1.0` are equal.
#[derive(PartialEq, Eq, Hash)]
enum Scalar<'v> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(u64),
    Text(&'v str),
}

impl<'v> Scalar<'v> {
    fn of(value: &'v Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(is_true) => Self::Bool(*is_true),
            Value::Number(number) => match Exact::from(number) {
                Exact::Integer(integer) => Self::Integer(integer),
                Exact::Float(float) => Self::Float(float.to_bits()),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => return None,
        })
    }
}

impl Object {
    fn check(&self, members: &Map<String, Value>) -> Result<(), Violation> {
        self.check_members(members)?;
        match self.missing(members) {
            None => Ok(()),
            Some(name) => {
                let name = shown(&Value::from(name));
                Err(Violation::new(format!("{name} is a required property")))
            }
        }
    }

    /// Checks every member of an object.
    pub(crate) fn check_members(&self, members: &Map<String, Value>) -> Result<(), Violation> {
        for (name, value) in members {
            let checked = match (self.members.get(name), &self.others) {
                (Some(schema), _) => schema.check(value),
                (None, Others::Each(schema)) => schema.check(value),
                (None, Others::Unsaid) => Ok(()),
                (None, Others::Refused) => {
                    let name = shown(&Value::from(name.as_str()));
                    let rule = if self.members.is_empty() {
                        format!("{name} is not a property of it, and it takes none")
                    } else {
                        let known = names(self.members.keys().map(String::as_str));
                        format!("{name} is not a property of it: that is {known}")
                    };
                    return Err(Violation::new(rule));
                }
            };
            checked.map_err(|broken| broken.inside(name.as_str()))?;
        }
        Ok(())
    }

    /// The first required member that is missing. The members before it are in the object, so this takes no longer than
    /// reading the object.
    pub(crate) fn missing(&self, members: &Map<String, Value>) -> Option<&str> {
        let is_missing = |name: &&String| !members.contains_key(name.as_str());
        self.required.iter().find(is_missing).map(String::as_str)
    }
}
