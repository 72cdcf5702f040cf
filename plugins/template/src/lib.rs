//! Lists the origins that the archive knows.

use journal_plugin_sdk::{Batches, Failure, Out, Processor, export};

#[derive(serde::Deserialize, serde::Serialize)]
struct Origin<'a> {
    url: &'a str,
}

#[derive(Default)]
pub struct MyPlugin;

impl Processor for MyPlugin {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| out.emit(&record.decode::<Origin<'_>>()?))
    }
}

export!(MyPlugin);
