//! Finds out what a file is from its bytes, before anything is compiled.

use std::borrow::Cow;

use journal_contract::{IMPORTS, PACKAGE, PROCESSOR};
use wasmparser::{Encoding, Parser, Payload};

use super::compile::{Refusal, UnknownImports};
use super::{bounds, componentize};
use crate::text;

/// Checks that `bytes` hold a component with this host's interface; a core module with an embedded component type is
/// turned into one.
pub(super) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let component = match kind(bytes)? {
        Encoding::Component => Cow::Borrowed(bytes),
        Encoding::Module => {
            bounds::check(bytes)?;
            Cow::Owned(componentize::componentize(bytes)?)
        }
    };
    check_names(&names(&component)?)?;
    Ok(component)
}

fn kind(bytes: &[u8]) -> Result<Encoding, Refusal> {
    if !bytes.starts_with(b"\0asm") {
        return Err(Refusal::NotWasm {
            text: is_text(bytes),
        });
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(error)) => Err(error.into()),
        _ => Err(Refusal::NotWasm { text: false }),
    }
}

/// Whether the bytes begin as WebAssembly's text format does: with a module, a component or a comment. Other files
/// begin with a parenthesis too, such as those that zstd compresses.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let begins = |word: &&[u8]| {
        let inside = start.strip_prefix(b"(").unwrap_or_default();
        inside.trim_ascii_start().starts_with(word)
    };
    let words: [&[u8]; 3] = [b"module", b"component", b";"];
    start.starts_with(b";;") || words.iter().any(begins)
}

/// The names that a component imports and exports.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn names(component: &[u8]) -> Result<Names, Refusal> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Extra exports are tolerated: some toolchains add their own.
fn check_names(names: &Names) -> Result<(), Refusal> {
    let ours = |name: &&String| name.starts_with(PACKAGE);
    let other = |name: &&String| !same_version(name);
    let offered = |name: &str| {
        same_version(name)
            && IMPORTS
                .iter()
                .any(|import| package_name(import) == package_name(name))
    };
    let processors = || names.exports.iter().filter(|name| is_any_processor(name));
    if !processors().any(|name| same_version(name)) {
        return Err(match processors().next() {
            Some(found) => other_version(found),
            None => Refusal::NoInterface,
        });
    }
    let mut unknown = UnknownImports::default();
    for name in names.imports.iter().filter(|name| !offered(name)) {
        unknown.note(name);
    }
    if let Some(found) = names.imports.iter().filter(ours).find(other) {
        return Err(other_version(found));
    }
    if !unknown.is_empty() {
        return Err(Refusal::UnknownImports(unknown));
    }
    Ok(())
}

pub(super) fn other_version(found: &str) -> Refusal {
    Refusal::OtherVersion {
        found: text::clean(found, text::REASON_BYTES),
    }
}

/// Whether an interface is the one that this host calls, in a version that it can call.
pub(super) fn is_processor(interface: &str) -> bool {
    same_version(interface) && is_any_processor(interface)
}

/// Whether an interface is the one that this host calls, in any version.
pub(super) fn is_any_processor(interface: &str) -> bool {
    package_name(interface) == package_name(PROCESSOR)
}

fn package_name(interface: &str) -> &str {
    interface
        .split_once('@')
        .map_or(interface, |(name, _)| name)
}

/// Whether an interface's version is one that wasmtime links with ours: 0.1.0 and 0.1.1 are the
/// same interface by the rules of semantic versions.
fn same_version(interface: &str) -> bool {
    interface
        .split_once('@')
        .is_some_and(|(_, version)| version.starts_with("0.1."))
}
