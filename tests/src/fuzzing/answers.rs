//! Descriptions and plans. A description is a part of the file, so each is a plugin of its own; a plan is what the plugin
//! gets as its options.

use std::fs;
use std::path::PathBuf;

use journal_host::sandbox::{Compiler, Engine, Plugin, Processor};

use super::plugins::LIMITS;
use super::{Target, current_input, kind};
use crate::guest::Guest;

/// The first byte of inputs that are descriptions.
const DESCRIPTION: u8 = b'd';

/// Checks what plugins answer.
pub(super) struct Answers {
    engine: Engine,
    file: PathBuf,
    /// Its plan is its options.
    echo: Plugin,
}

impl Answers {
    pub(super) fn new() -> Self {
        let engine = Engine::new(Compiler::Here).expect("the system runs WebAssembly");
        let file = current_input("answers").with_extension("wasm");
        let echo = Guest {
            start: "(return (call $ok (local.get $at) (local.get $len)))".to_owned(),
            ..Guest::default()
        };
        fs::write(&file, echo.module()).expect("the folder can be written");
        let echo = Plugin::load(&engine, &file, LIMITS).expect("it is a plugin");
        Self { engine, file, echo }
    }

    fn describe(&self, description: &[u8]) -> String {
        let guest = Guest {
            description: description.to_vec(),
            ..Guest::default()
        };
        fs::write(&self.file, guest.module()).expect("the folder can be written");
        match Plugin::load(&self.engine, &self.file, LIMITS) {
            Ok(plugin) => format!(
                "described with options: {}",
                kind(&format!("{:?}", plugin.description().options))
            ),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                kind(&cause.unwrap_or_default())
            }
        }
    }
}

impl Target for Answers {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let plans: [&str; 4] = [
            r#"{"object-types": "any"}"#,
            r#"{"object-types": ["origin"], "columns": ["values", "keys", "offsets"], "stateless": true}"#,
            r#"{"object-types": "any", "tombstones": true, "outputs": [{"name": "a", "description": "rows"}]}"#,
            r#"{"object-types": "any", "outputs": [{"name": "a", "kind": "aggregate", "key": ["k"], "columns": [{"name": "n", "merge": "sum"}]}]}"#,
        ];
        let descriptions: [&str; 3] = [
            r#"d{"name": "guest", "version": "1", "summary": "it"}"#,
            r#"d{"name": "guest", "version": "1", "options": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "default": 1}, "b": {"type": ["string", "null"]}}}}"#,
            r#"d{"name": "g", "version": "1", "options": {"type": "object", "properties": {"l": {"type": "array", "items": {"enum": ["x", "y"]}}, "m": {"type": "object", "additionalProperties": {"type": "number"}}}}}"#,
        ];
        let all = plans.iter().chain(&descriptions);
        all.map(|answer| answer.as_bytes().to_vec()).collect()
    }

    fn take(&mut self, input: &[u8]) -> String {
        if let Some((&DESCRIPTION, description)) = input.split_first() {
            return self.describe(description);
        }
        // Options are text.
        let options = String::from_utf8_lossy(input);
        match Processor::start(&self.echo, &options, LIMITS) {
            Ok((_, plan)) => kind(&format!("planned: {plan:?}")),
            Err(error) => kind(&error.to_string()),
        }
    }
}
