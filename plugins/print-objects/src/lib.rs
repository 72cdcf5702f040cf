//! Prints every object of the given types, all of its fields: what people read as text, identifiers as
//! hexadecimal digits, times as RFC 3339. The README says how each kind of value is printed.

mod integer;
mod object;

use journal_plugin_sdk::{Batches, Column, Failure, Out, Plan, Processor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Object;

/// Object types that a plan may name.
const MAX_TYPES: usize = 100;

/// Characters that the name of an object type may have.
const MAX_TYPE_CHARS: usize = 100;

/// What may be set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrintOptions {
    /// The object types to print; `any` stands for all that the journal has.
    object_types: Vec<String>,
}

impl Default for PrintOptions {
    fn default() -> Self {
        let types = PrintObjects::OBJECT_TYPES;
        Self {
            object_types: types.iter().map(|&name| name.to_owned()).collect(),
        }
    }
}

/// Emits one row an object.
#[derive(Debug, Default)]
pub struct PrintObjects {
    options: PrintOptions,
}

#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    object: Object<'a>,
}

impl Processor<PrintOptions> for PrintObjects {
    const OBJECT_TYPES: &'static [&'static str] = &["revision", "release"];

    fn start(mut options: PrintOptions) -> Result<Self, Failure> {
        let types = &mut options.object_types;
        types.sort_unstable();
        types.dedup();
        if types.is_empty() {
            return Err(Failure::fatal(
                "the option `object_types` names no object type",
            ));
        }
        if types.len() > MAX_TYPES {
            return Err(Failure::fatal(format!(
                "the option `object_types` names more than {MAX_TYPES} object types: give `any` for all"
            )));
        }
        if let Some(name) = types.iter().find(|name| !can_be_a_type(name)) {
            return Err(Failure::fatal(format!(
                "the option `object_types` has `{name}`, which cannot be an object type: their names are lowercase \
                 letters, digits and underscores, up to {MAX_TYPE_CHARS}"
            )));
        }
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let types = &self.options.object_types;
        let plan = if types.iter().any(|name| name == "any") {
            Plan::new(journal_plugin_sdk::ANY)
        } else {
            Plan::new(types)
        };
        plan.columns([Column::Values]).stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let object = Object::new(record.value());
            out.emit(&Row {
                object_type: record.object_type(),
                object,
            })
        })
    }
}

fn can_be_a_type(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=MAX_TYPE_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

journal_plugin_sdk::export!(PrintObjects);
