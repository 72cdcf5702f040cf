//! Finds out what a file is from its bytes, before anything is compiled.

use std::path::Path;

use journal_contract::{IMPORTS, PACKAGE, PROCESSOR};
use wasmparser::{Encoding, Parser, Payload};

use super::error::Cause;
use super::{LoadError, componentize};
use crate::text;

/// Checks that `bytes` hold a component with this host's interface; a core module with an embedded component type is
/// turned into one.
pub(super) fn component(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    let component = match kind(path, &bytes)? {
        Encoding::Component => bytes,
        Encoding::Module => componentize::componentize(path, &bytes)?,
    };
    check_names(path, &names(path, &component)?)?;
    Ok(component)
}

fn kind(path: &Path, bytes: &[u8]) -> Result<Encoding, LoadError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm {
            path: path.to_owned(),
            text: is_text(bytes),
        });
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(error)) => Err(malformed(path, error)),
        _ => Err(LoadError::NotWasm {
            path: path.to_owned(),
            text: false,
        }),
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

pub(super) fn malformed(path: &Path, error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed {
        path: path.to_owned(),
        source: Cause::new(error),
    }
}

/// The names that a component imports and exports.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn names(path: &Path, component: &[u8]) -> Result<Names, LoadError> {
    let malformed = |error| malformed(path, error);
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names
                        .imports
                        .push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names
                        .exports
                        .push(export.map_err(malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Extra exports are tolerated: some toolchains add their own.
fn check_names(path: &Path, names: &Names) -> Result<(), LoadError> {
    let ours = |name: &&String| name.starts_with(PACKAGE);
    let other = |name: &&String| !same_version(name);
    let offered = |name: &str| {
        same_version(name)
            && IMPORTS
                .iter()
                .any(|import| package_name(import) == package_name(name))
    };
    let processors = || {
        names
            .exports
            .iter()
            .filter(|name| package_name(name) == package_name(PROCESSOR))
    };
    if !processors().any(|name| same_version(name)) {
        return Err(match processors().next() {
            Some(found) => other_version(path, found),
            None => LoadError::NoInterface {
                path: path.to_owned(),
                offered: PROCESSOR,
            },
        });
    }
    let unknown: Vec<String> = names
        .imports
        .iter()
        .filter(|name| !offered(name))
        .map(|name| text::clean(name, text::REASON_BYTES))
        .collect();
    if let Some(found) = names.imports.iter().filter(ours).find(other) {
        return Err(other_version(path, found));
    }
    if !unknown.is_empty() {
        return Err(unknown_imports(path, unknown));
    }
    Ok(())
}

fn other_version(path: &Path, found: &str) -> LoadError {
    LoadError::OtherVersion {
        path: path.to_owned(),
        found: text::clean(found, text::REASON_BYTES),
        offered: PROCESSOR,
    }
}

pub(super) fn unknown_imports(path: &Path, mut imports: Vec<String>) -> LoadError {
    /// As many as are readable in one sentence.
    const NAMED: usize = 20;
    imports.truncate(NAMED);
    LoadError::UnknownImports {
        path: path.to_owned(),
        imports,
    }
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
