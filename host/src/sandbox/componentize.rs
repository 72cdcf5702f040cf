//! Turns core modules with an embedded component type into components.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::compile::Refusal;
use super::error::Cause;
use super::inspect::unknown_imports;
use crate::text;

/// Turns a core module into a component.
pub(super) fn componentize(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    let surface = Surface::of(module)?;
    if surface.types.is_empty() {
        return Err(Refusal::NoComponentType);
    }
    if !surface.foreign.is_empty() {
        return Err(unknown_imports(surface.foreign));
    }
    let encode = || {
        check_packages(&surface.types)?;
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .encode()
    };
    encode().map_err(|error: anyhow::Error| Refusal::Componentize(Cause::new(error)))
}

/// What is checked of a module before it becomes a component.
#[derive(Default)]
struct Surface<'a> {
    /// The sections that hold component types.
    types: Vec<&'a [u8]>,
    /// The modules of imports that are not from an interface, without control characters.
    foreign: Vec<String>,
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
                        surface.note_import(import?.module);
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    fn note_import(&mut self, module: &str) {
        let name = text::clean(module, text::REASON_BYTES);
        if !is_interface(module) && !self.foreign.contains(&name) {
            self.foreign.push(name);
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
