//! Journal values through every shipped plugin in the sandbox: each is a row, counted or rejected, and no call fails.

use journal_host::journal::batch::{Batches, Columns, RecordRef};
use journal_host::sandbox::{Compiler, Engine, Plugin};

use super::emissions::{started, topic};
use super::plugins::LIMITS;
use super::{Target, kind};
use crate::{cases, paths};
use guest_objects::OBJECT_TYPES;

/// Each shipped plugin, with options with which it reads all object types.
const PLUGINS: [(&str, &str); 11] = [
    ("commit-activity", "{}"),
    ("count-objects", "{}"),
    ("file-extensions", "{}"),
    ("first-seen", "{}"),
    ("graph-edges", "{}"),
    ("last-visit", "{}"),
    ("list-revisions", "{}"),
    ("months-and-extensions", "{}"),
    ("print-objects", r#"{"object_types": ["any"]}"#),
    ("replay", "{}"),
    ("verify-objects", "{}"),
];

/// Passes values through plugins.
pub(super) struct Values {
    plugins: Vec<(&'static str, &'static str, Plugin)>,
}

impl Values {
    pub(super) fn new() -> Self {
        let engine = Engine::new(Compiler::Here).expect("the system runs WebAssembly");
        let load = |(name, options)| {
            let plugin = Plugin::load(&engine, &paths::plugin(name), LIMITS);
            (name, options, plugin.expect("it is a plugin"))
        };
        Self {
            plugins: PLUGINS.map(load).into(),
        }
    }
}

impl Target for Values {
    /// The first byte chooses the object type.
    fn seeds(&self) -> Vec<Vec<u8>> {
        let cases = cases::read(&paths::old_messages()).into_iter();
        let seed = |case: cases::Case| {
            let index = OBJECT_TYPES
                .iter()
                .position(|known| *known == case.object_type)?;
            Some([&[u8::try_from(index).ok()?], &case.value[..]].concat())
        };
        cases.filter_map(seed).collect()
    }

    fn take(&mut self, input: &[u8]) -> String {
        let Some((&first, value)) = input.split_first() else {
            return "nothing".to_owned();
        };
        let object_type = OBJECT_TYPES[usize::from(first) % OBJECT_TYPES.len()];
        let mut batches = Batches::new(Columns::ALL);
        let record = RecordRef {
            partition: 0,
            offset: 1,
            timestamp_ms: -1,
            key: b"\xc4\x01k",
            value,
        };
        batches
            .push(&topic(object_type), record)
            .expect("it is small");
        let mut outcome = object_type.to_owned();
        for (name, options, plugin) in &self.plugins {
            let mut processor = started(plugin, options);
            let rejections = processor
                .process(batches.as_slice())
                .and_then(|rejections| processor.checkpoint().map(|()| rejections))
                .unwrap_or_else(|error| panic!("{name} fails for a {object_type}: {error}"));
            let verdict = rejections.first().map(|rejection| kind(&rejection.reason));
            if *name == "graph-edges" || *name == "verify-objects" {
                outcome += &verdict.unwrap_or_default();
                outcome += &processor.rows().counts().sum::<u64>().min(3).to_string();
            }
        }
        outcome
    }
}
