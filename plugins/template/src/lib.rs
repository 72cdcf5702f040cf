//! Lists the origins that the archive knows.

use journal_plugin_sdk::{Batches, Columns, Failure, Out, Plan, Processor, export};
use serde::Serialize;

#[derive(Serialize, Columns)]
struct Row<'a> {
    /// Where the origin is.
    url: &'a str,
}

#[derive(Default)]
pub struct MyPlugin;

impl Processor for MyPlugin {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).stateless().row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_origin(out, |origin, out| out.emit(&Row { url: origin.url()? }))
    }
}

export!(MyPlugin);
