//! Why bytes are not compiled, as the child process says it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::CompileLimits;
use crate::sandbox::LoadError;
use crate::sandbox::error::{Cause, CompileLimit};
use crate::text::{self, Quoted};

/// The imports of a plugin that the host does not offer: the first ones, without control characters, and the number of
/// all others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UnknownImports {
    names: Vec<String>,
    others: usize,
}

impl UnknownImports {
    /// As many as are readable in one sentence, with as much of each.
    const NAMED: usize = 10;
    const NAME_BYTES: usize = 200;

    pub(in crate::sandbox) fn note(&mut self, name: &str) {
        let name = text::clean(name, Self::NAME_BYTES);
        if self.names.contains(&name) {
            return;
        }
        if self.names.len() < Self::NAMED {
            self.names.push(name);
        } else {
            self.others += 1;
        }
    }

    pub(in crate::sandbox) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of the first ones. What comes from a core module is `MODULE.NAME`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl fmt::Display for UnknownImports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| Quoted(name).to_string())
            .collect();
        f.write_str(&names.join(", "))?;
        match self.others {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}

#[cfg(test)]
impl From<&[&str]> for UnknownImports {
    fn from(names: &[&str]) -> Self {
        let mut imports = Self::default();
        for name in names {
            imports.note(name);
        }
        imports
    }
}

/// A [`LoadError`] of the plugin's bytes, without the plugin's path.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) enum Refusal {
    NotWasm { text: bool },
    Malformed(Cause),
    TooMuch(String),
    Program,
    NoComponentType,
    Componentize(Cause),
    NoInterface,
    OtherVersion { found: String },
    UnknownImports(UnknownImports),
    Proposals(Vec<String>),
    Composed,
    Compile(Cause),
    OutOfMemory,
    Broken(Cause),
}

impl Refusal {
    /// The error of the plugin at `path`.
    pub(in crate::sandbox) fn of(self, path: &Path) -> LoadError {
        let path = path.to_owned();
        let offered = journal_contract::PROCESSOR;
        match self {
            Self::NotWasm { text } => LoadError::NotWasm { path, text },
            Self::Malformed(source) => LoadError::Malformed { path, source },
            Self::TooMuch(what) => LoadError::TooMuch { path, what },
            Self::Program => LoadError::Program { path },
            Self::NoComponentType => LoadError::NoComponentType { path },
            Self::Componentize(source) => LoadError::Componentize { path, source },
            Self::NoInterface => LoadError::NoInterface { path, offered },
            Self::OtherVersion { found } => LoadError::OtherVersion {
                path,
                found,
                offered,
            },
            Self::UnknownImports(imports) => LoadError::UnknownImports { path, imports },
            Self::Proposals(proposals) => LoadError::Proposals { path, proposals },
            Self::Composed => LoadError::Composed { path },
            Self::Compile(source) => LoadError::Compile { path, source },
            Self::OutOfMemory => LoadError::CompileLimit {
                path,
                limit: CompileLimit::MachineMemory,
            },
            Self::Broken(source) => LoadError::Broken { path, source },
        }
    }

    /// The error of the plugin at `path`, which was compiled with limits.
    pub(super) fn within(self, limits: CompileLimits, path: &Path) -> LoadError {
        match self {
            Self::OutOfMemory => LoadError::CompileLimit {
                path: path.to_owned(),
                limit: CompileLimit::Memory(limits.memory_bytes),
            },
            other => other.of(path),
        }
    }
}

impl From<wasmparser::BinaryReaderError> for Refusal {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(Cause::new(error))
    }
}

/// A plugin has more of something than is accepted: `too_much(64, "values in a signature")`.
pub(in crate::sandbox) fn too_much(limit: u64, what: &str) -> Refusal {
    Refusal::TooMuch(format!("more than {limit} {what}"))
}
