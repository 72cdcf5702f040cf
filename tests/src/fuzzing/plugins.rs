//! Plugin files: plugins with random code, and changes of files that are plugins.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use arbitrary::Unstructured;
use journal_host::sandbox::{CompileLimits, Compiler, Engine, Limits, Plugin, Processor};
use wasm_smith::{Config, Module};
use wit_component::ComponentEncoder;

use super::modules::{self, Choices};
use super::{Target, current_input, kind};
use crate::guest::Guest;

/// Limits that a random module soon reaches.
pub(super) const LIMITS: Limits = Limits {
    deadline: Duration::from_millis(200),
    wall: Duration::from_secs(20),
    memory_bytes: 32 << 20,
    emit_bytes: 8 << 20,
};

/// Limits of the process that compiles.
const COMPILE_LIMITS: CompileLimits = CompileLimits {
    memory_bytes: 512 << 20,
    cpu: Duration::from_secs(2),
};

/// The first byte of inputs that are the choices for a random module, and not a file.
const CHOICES: u8 = 0xff;
/// The first byte of inputs that are the choices of wasm-smith for a module, and not a file.
const SMITH: u8 = 0xfe;
/// The section of a component that is a core module.
const CORE_MODULE: u8 = 1;

/// Loads plugins from files, and starts those that are plugins.
pub(super) struct Plugins {
    engine: Engine,
    file: PathBuf,
}

impl Plugins {
    pub(super) fn new() -> Self {
        Self {
            engine: Engine::new(Compiler::Child(COMPILE_LIMITS))
                .expect("the system runs WebAssembly"),
            file: current_input("plugins").with_extension("wasm"),
        }
    }
}

/// A plugin with code that the bytes choose.
fn random_plugin(choices: &[u8]) -> Vec<u8> {
    let mut choices = Choices::new(choices);
    Guest {
        extra: modules::items(&mut choices),
        start: modules::call(&mut choices),
        ..Guest::default()
    }
    .module()
}

/// A plugin as a component.
fn component(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .expect("it is a plugin")
}

/// A plugin with one more module, which is valid and is compiled, but never instantiated. Half of the modules use what
/// plugins may use, and the others any proposals.
fn smith_plugin(choices: &[u8]) -> Vec<u8> {
    let mut plugin = component(&Guest::default().module());
    let mut choices = Unstructured::new(choices);
    let config = if choices.arbitrary().unwrap_or(false) {
        choices.arbitrary()
    } else {
        Ok(Config {
            max_instructions: 1000,
            exceptions_enabled: false,
            gc_enabled: false,
            memory64_enabled: false,
            relaxed_simd_enabled: false,
            tail_call_enabled: false,
            threads_enabled: false,
            ..Config::default()
        })
    };
    if let Ok(module) = config.and_then(|config| Module::new(config, &mut choices)) {
        let module = module.to_bytes();
        plugin.push(CORE_MODULE);
        // Its size, seven bits a byte.
        for shift in [0, 7, 14, 21] {
            let more = if shift == 21 { 0 } else { 128 };
            plugin.push((module.len() >> shift).to_le_bytes()[0] & 127 | more);
        }
        plugin.extend(module);
    }
    plugin
}

impl Target for Plugins {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = vec![
            Guest::default().module(),
            component(&Guest::default().module()),
            wat::parse_str("(component)").expect("it is WAT"),
            b"\0asm\x01\0\0\0".to_vec(),
        ];
        for number in 0..32_u8 {
            let choices = (0..4096_u32)
                .map(|index| index.wrapping_mul(2_654_435_761).to_be_bytes()[1] ^ number);
            let choices: Vec<u8> = choices.collect();
            seeds.push([&[CHOICES][..], &choices].concat());
            seeds.push([&[SMITH][..], &choices].concat());
        }
        seeds
    }

    fn take(&mut self, input: &[u8]) -> String {
        let module = match input.split_first() {
            Some((&CHOICES, choices)) => random_plugin(choices),
            Some((&SMITH, choices)) => smith_plugin(choices),
            _ => input.to_vec(),
        };
        fs::write(&self.file, &module).expect("the folder can be written");
        let plugin = match Plugin::load(&self.engine, &self.file, LIMITS) {
            Ok(plugin) => plugin,
            Err(error) => return kind(&with_causes(&error)),
        };
        match Processor::start(&plugin, "{}", LIMITS) {
            Ok(_) => "it starts".to_owned(),
            Err(error) => kind(&error.to_string()),
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
