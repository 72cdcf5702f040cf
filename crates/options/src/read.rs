//! Reads a schema into a typed tree, and refuses members that are not part of the form.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::error::SchemaError;
use crate::form::{self, FIX_HINT, NO_NULL_HINT, Type, way_out};
use crate::number::Range;
use crate::schema::{Choices, Kind, Lengths, List, Object, Others, Schema};
use crate::show::shown;

/// The maximum nesting depth of schemas. Checking a value recurses this deep.
pub(crate) const DEPTH: usize = 32;
/// The maximum total number of schemas, values of `enum` and names in `required` in one schema.
pub(crate) const PARTS: usize = 10_000;

/// Reads one schema.
#[derive(Default)]
pub(crate) struct Reader {
    /// The JSON pointer to the part that is being read.
    pointer: String,
    parts: usize,
    depth: usize,
}

type Members = Map<String, Value>;

impl Reader {
    /// Reads the schema of all options: an object, even if it does not say so.
    pub(crate) fn root(&mut self, schema: &Value) -> Result<Object, SchemaError> {
        let Some(members) = schema.as_object() else {
            return Err(self.refuse("it must be an object", FIX_HINT));
        };
        if let Some(named) = members.get("type").filter(|&named| named != "object") {
            let rule = format!(
                "{} must be \"object\": options are members of one",
                shown(named)
            );
            return self.at("type", |reader| Err(reader.refuse(rule, FIX_HINT)));
        }
        self.count(1)?;
        self.check_members(members, Type::Object, false)?;
        self.object(members)
    }

    fn schema(&mut self, schema: &Value) -> Result<Schema, SchemaError> {
        self.count(1)?;
        if self.depth == DEPTH {
            return Err(self.refuse(format!("schemas nest deeper than {DEPTH}"), FIX_HINT));
        }
        self.depth += 1;
        let read = match schema {
            Value::Bool(true) => Ok(Schema {
                description: None,
                default: None,
                nullable: true,
                kind: Kind::Any,
            }),
            Value::Object(members) => self.members(members),
            other => {
                let rule = format!(
                    "{} is not a schema: that is an object or `true`",
                    shown(other)
                );
                Err(self.refuse(rule, FIX_HINT))
            }
        };
        self.depth -= 1;
        read
    }

    fn members(&mut self, members: &Members) -> Result<Schema, SchemaError> {
        let (named, takes_null) = self.type_of(members)?;
        let is_choice = ["enum", "const"]
            .iter()
            .any(|&name| members.contains_key(name));
        let kind = match named {
            None if is_choice => Type::Text,
            named => named.unwrap_or(Type::Any),
        };
        self.check_members(members, kind, is_choice)?;
        let mut nullable = takes_null || kind == Type::Any;
        let kind = match kind {
            Type::Any => Kind::Any,
            Type::Bool => Kind::Bool,
            Type::Integer => Kind::Integer(self.range(members)?),
            Type::Number => Kind::Number(self.range(members)?),
            Type::Text if is_choice => {
                let (choices, lists_null) = self.choices(members)?;
                // As in JSON Schema, the type and the choices must both allow it.
                nullable = lists_null && (takes_null || named.is_none());
                Kind::Choice(choices)
            }
            Type::Text => Kind::Text(self.lengths(members, "minLength", "maxLength")?),
            Type::List => self.list(members)?,
            Type::Object => Kind::Object(self.object(members)?),
        };
        Ok(Schema {
            description: members
                .get("description")
                .and_then(Value::as_str)
                .map(str::to_owned),
            default: members.get("default").cloned(),
            nullable,
            kind,
        })
    }

    /// The type, and whether `null` is allowed too.
    fn type_of(&mut self, members: &Members) -> Result<(Option<Type>, bool), SchemaError> {
        let Some(value) = members.get("type") else {
            return Ok((None, false));
        };
        let listed = match value {
            Value::Array(listed) => listed.as_slice(),
            one => std::slice::from_ref(one),
        };
        let names: Option<Vec<&str>> = listed.iter().take(3).map(Value::as_str).collect();
        let (name, takes_null) = match names.as_deref() {
            Some(["null"]) => {
                return self.at("type", |reader| {
                    Err(reader.refuse("\"null\" alone is not a type of an option", NO_NULL_HINT))
                });
            }
            Some(&[name]) => (name, false),
            Some(&["null", name] | &[name, "null"]) => (name, true),
            _ => ("", false),
        };
        match Type::named(name) {
            Some(kind) => Ok((Some(kind), takes_null)),
            None => self.at("type", |reader| {
                let rule = format!("{} is not a type of an option", shown(value));
                let hint = "the types are boolean, integer, number, string, array and object, each alone or with \"null\"";
                Err(reader.refuse(rule, hint))
            }),
        }
    }

    /// Checks that every member is part of the form, and allowed with the type.
    fn check_members(
        &mut self,
        members: &Members,
        kind: Type,
        is_choice: bool,
    ) -> Result<(), SchemaError> {
        for name in members.keys() {
            if name == "type" || form::is_annotation(name) {
                continue;
            }
            let Some(kinds) = form::types_with(name) else {
                return self.at(name, |reader| {
                    let rule = format!("`{name}` is not supported in a schema of options");
                    Err(reader.refuse(rule, way_out(name)))
                });
            };
            let is_length = matches!(name.as_str(), "minLength" | "maxLength");
            if is_choice && (is_length || (name == "const" && members.contains_key("enum"))) {
                return self.at(name, |reader| {
                    let rule = format!("`{name}` does not go with a list of the strings");
                    Err(reader.refuse(rule, "leave it out"))
                });
            }
            if !kinds.contains(&kind) {
                let types: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                return self.at(name, |reader| {
                    let rule = format!(
                        "`{name}` goes with the type `{}` alone",
                        types.join("` or `")
                    );
                    Err(reader.refuse(rule, "give the type, or leave it out"))
                });
            }
        }
        Ok(())
    }

    fn range(&mut self, members: &Members) -> Result<Range, SchemaError> {
        let mut bound = |name: &str| -> Result<Option<Number>, SchemaError> {
            match members.get(name) {
                None => Ok(None),
                Some(Value::Number(number)) => Ok(Some(number.clone())),
                Some(other) => self.is_no(name, other, "a number"),
            }
        };
        Ok(Range {
            minimum: bound("minimum")?,
            maximum: bound("maximum")?,
            above: bound("exclusiveMinimum")?,
            below: bound("exclusiveMaximum")?,
        })
    }

    fn lengths(&mut self, members: &Members, min: &str, max: &str) -> Result<Lengths, SchemaError> {
        let mut bound = |name: &str| -> Result<Option<u64>, SchemaError> {
            match members.get(name) {
                None => Ok(None),
                Some(value) => match value.as_u64() {
                    Some(length) => Ok(Some(length)),
                    None => self.is_no(name, value, "a whole number from 0"),
                },
            }
        };
        Ok(Lengths {
            min: bound(min)?,
            max: bound(max)?,
        })
    }

    /// The strings of `enum` or `const`, and whether `null` is among them.
    fn choices(&mut self, members: &Members) -> Result<(Choices, bool), SchemaError> {
        let (name, values) = match (members.get("enum"), members.get("const")) {
            (Some(Value::Array(values)), _) => ("enum", values.as_slice()),
            (Some(other), _) => return self.is_no("enum", other, "a list"),
            (None, Some(value)) => ("const", std::slice::from_ref(value)),
            (None, None) => ("enum", &[][..]),
        };
        self.count(values.len())?;
        let mut listed = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::String(text) => listed.push(text.clone()),
                Value::Null if name == "enum" => {}
                other => return self.is_no(name, other, "a string, as every choice is"),
            }
        }
        if listed.is_empty() {
            return self.at(name, |reader| {
                Err(reader.refuse("it lists no string", FIX_HINT))
            });
        }
        let choices = Choices {
            sorted: listed.iter().cloned().collect(),
            listed,
        };
        Ok((choices, values.iter().any(Value::is_null)))
    }

    fn list(&mut self, members: &Members) -> Result<Kind, SchemaError> {
        let lengths = self.lengths(members, "minItems", "maxItems")?;
        let unique = match members.get("uniqueItems") {
            None => false,
            Some(&Value::Bool(unique)) => unique,
            Some(other) => return self.is_no("uniqueItems", other, "`true` or `false`"),
        };
        let item = match members.get("items") {
            None => self.schema(&Value::Bool(true))?,
            Some(item) => self.at("items", |reader| reader.schema(item))?,
        };
        if unique && !item.kind.is_scalar() {
            return self.at("uniqueItems", |reader| {
                let rule = "`uniqueItems` goes with items that are booleans, numbers or strings";
                Err(reader.refuse(rule, way_out("contains")))
            });
        }
        Ok(Kind::List(Box::new(List {
            item,
            lengths,
            unique,
        })))
    }

    fn object(&mut self, members: &Members) -> Result<Object, SchemaError> {
        let others = match members.get("additionalProperties") {
            None => Others::Unsaid,
            Some(Value::Bool(false)) => Others::Refused,
            Some(schema) => {
                let each = self.at("additionalProperties", |reader| reader.schema(schema))?;
                Others::Each(Box::new(each))
            }
        };
        let named = match members.get("properties") {
            None => BTreeMap::new(),
            Some(Value::Object(named)) => self.at("properties", |reader| reader.each(named))?,
            Some(other) => return self.is_no("properties", other, "an object"),
        };
        let required = match members.get("required") {
            None => Vec::new(),
            Some(Value::Array(required)) => self.required(required, &named)?,
            Some(other) => return self.is_no("required", other, "a list"),
        };
        Ok(Object {
            members: named,
            others,
            required,
        })
    }

    fn each(&mut self, named: &Members) -> Result<BTreeMap<String, Schema>, SchemaError> {
        let read = named.iter().map(|(name, schema)| {
            let schema = self.at(name, |reader| reader.schema(schema))?;
            Ok((name.clone(), schema))
        });
        read.collect()
    }

    fn required(
        &mut self,
        required: &[Value],
        members: &BTreeMap<String, Schema>,
    ) -> Result<Vec<String>, SchemaError> {
        self.count(required.len())?;
        let known = |name: &Value| {
            let name = name.as_str().filter(|&name| members.contains_key(name));
            name.map(str::to_owned)
        };
        let mut names = required
            .iter()
            .map(|name| match known(name) {
                Some(name) => Ok(name),
                None => self.is_no("required", name, "the name of one of the `properties`"),
            })
            .collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Calls `act` with the pointer moved to a member.
    fn at<R>(&mut self, name: &str, act: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        let result = act(self);
        self.pointer.truncate(length);
        result
    }

    fn is_no<R>(&mut self, name: &str, value: &Value, what: &str) -> Result<R, SchemaError> {
        self.at(name, |reader| {
            Err(reader.refuse(format!("{} is not {what}", shown(value)), FIX_HINT))
        })
    }

    fn count(&mut self, parts: usize) -> Result<(), SchemaError> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts > PARTS {
            let rule = format!("the schema of the options has more than {PARTS} parts");
            return Err(self.refuse(
                rule,
                "take large tables as maps or lists, which are one part each",
            ));
        }
        Ok(())
    }

    fn refuse(&self, rule: impl Into<String>, hint: &'static str) -> SchemaError {
        SchemaError {
            pointer: self.pointer.clone(),
            rule: rule.into(),
            hint,
        }
    }
}
