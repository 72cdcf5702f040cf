//! Turns core modules with an embedded component type into components.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::compile::{Refusal, UnknownImports};
use super::error::Cause;
use super::{inspect, wasi};

/// Turns a core module into a component.
pub(super) fn componentize(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    let surface = Surface::of(module)?;
    surface.check()?;
    let encode = || {
        check_packages(&surface.types)?;
        let module = match surface.processor {
            Some(processor) if surface.types.is_empty() => {
                Cow::Owned(with_contract(module, processor)?)
            }
            _ => Cow::Borrowed(module),
        };
        let encoder = ComponentEncoder::default().validate(true);
        let mut encoder = encoder.module(&module)?;
        if surface.imports_wasi {
            encoder = wasi::add_to(encoder)?;
        }
        encoder.encode()
    };
    encode().map_err(|error: anyhow::Error| Refusal::Componentize(Cause::new(error)))
}

/// The module with the types of this host's contract, in the version of the interface that it exports.
fn with_contract(module: &[u8], processor: &str) -> anyhow::Result<Vec<u8>> {
    let version = processor
        .split_once('@')
        .map_or(journal_contract::VERSION, |(_, version)| version);
    let ours = format!("@{}", journal_contract::VERSION);
    let wit = journal_contract::WIT.replace(&ours, &format!("@{version}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_source("journal.wit", &wit)?;
    let world = resolve.select_world(&[package], Some(journal_contract::WORLD))?;
    let mut module = module.to_owned();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// What is checked of a module before it becomes a component.
#[derive(Default)]
struct Surface<'a> {
    /// The sections that hold component types.
    types: Vec<&'a [u8]>,
    /// The imports that are not from an interface, and that the host does not offer.
    foreign: UnknownImports,
    /// Whether it imports functions of WASI that can be answered.
    imports_wasi: bool,
    /// The interface of the contract whose functions it exports by name.
    processor: Option<&'a str>,
    /// The same interface in a version that this host does not have.
    other_version: Option<&'a str>,
    /// Whether it exports `_start`, which runs a program from its beginning to its end.
    has_start: bool,
    /// Whether it exports `_initialize`, which prepares a library.
    has_initialize: bool,
}

impl<'a> Surface<'a> {
    fn of(module: &'a [u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut surface = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    surface.types.push(section.data());
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        surface.note_import(import.module, import.name);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        surface.note_export(export?.name);
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    fn note_export(&mut self, name: &'a str) {
        self.has_start |= name == "_start";
        self.has_initialize |= name == "_initialize";
        let Some((interface, _)) = name.split_once('#') else {
            return;
        };
        if inspect::is_processor(interface) {
            self.processor.get_or_insert(interface);
        } else if inspect::is_any_processor(interface) {
            self.other_version.get_or_insert(interface);
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        // Its functions would trap, because `_start` has not prepared them.
        if self.has_start && !self.has_initialize {
            return Err(Refusal::Program);
        }
        if self.types.is_empty() && self.processor.is_none() {
            let other = self.other_version.map(inspect::other_version);
            return Err(other.unwrap_or(Refusal::NoComponentType));
        }
        if self.foreign.is_empty() {
            Ok(())
        } else {
            Err(Refusal::UnknownImports(self.foreign.clone()))
        }
    }

    fn note_import(&mut self, module: &str, name: &str) {
        if is_interface(module) {
            return;
        }
        if module == wasi::MODULE && wasi::has(name) {
            self.imports_wasi = true;
        } else {
            self.foreign.note(&format!("{module}.{name}"));
        }
    }
}

/// Whether an import comes from an interface, or is one that componentizing supplies.
fn is_interface(module: &str) -> bool {
    module.contains(':') || module.starts_with(['[', '$']) || module.starts_with("cm32p2")
}

/// Packages must not depend on each other in a circle: `wit-component` sorts them with a recursion that would then not
/// end, and a stack overflow ends the process.
fn check_packages(types: &[&[u8]]) -> anyhow::Result<()> {
    let mut depends: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in types {
        let decoded = wit_component::decode(section)?;
        let resolve = decoded.resolve();
        for (id, package) in &resolve.packages {
            let on = resolve.package_direct_deps(id);
            let on = on.map(|package| resolve.packages[package].name.to_string());
            depends
                .entry(package.name.to_string())
                .or_default()
                .extend(on);
        }
    }
    while !depends.is_empty() {
        let free: Vec<String> = depends
            .iter()
            .filter(|(_, on)| on.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        anyhow::ensure!(
            !free.is_empty(),
            "its packages depend on each other in a circle"
        );
        for name in free {
            depends.remove(&name);
            for on in depends.values_mut() {
                on.remove(&name);
            }
        }
    }
    Ok(())
}
