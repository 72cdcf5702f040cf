//! Prints every object of the given types, all of its fields: what people read as text, identifiers as
//! hexadecimal digits, times as RFC 3339. The README says how each kind of value is printed.

use std::collections::BTreeSet;

use journal_plugin_sdk::{ANY, Batches, Column, Failure, ObjectRow, Out, Plan, Processor};
use schemars::JsonSchema;
use serde::Deserialize;

/// What may be set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrintOptions {
    /// The object types to print; `any` stands for all that the journal has.
    #[schemars(length(min = 1, max = 100))]
    object_types: Vec<String>,
}

impl Default for PrintOptions {
    fn default() -> Self {
        let object_types = ["revision", "release"].map(str::to_owned).to_vec();
        Self { object_types }
    }
}

/// Emits one row an object.
#[derive(Debug, Default)]
pub struct PrintObjects {
    options: PrintOptions,
}

impl Processor<PrintOptions> for PrintObjects {
    const OBJECT_TYPES: &'static [&'static str] = &["revision", "release"];

    fn start(options: PrintOptions) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let types: BTreeSet<&str> = self
            .options
            .object_types
            .iter()
            .map(|name| &**name)
            .collect();
        let plan = if types.contains("any") {
            Plan::new(ANY)
        } else {
            Plan::new(types)
        };
        plan.columns([Column::Values])
            .stateless()
            .row::<ObjectRow<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| out.emit_object(&record))
    }
}

journal_plugin_sdk::export!(PrintObjects);
