//! The languages of scripts, and the runtimes that run them.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{MAIN, ScriptError, has_extension, is_folder};

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, in `.py`, `.pyz`, or a folder with a main file.
    Python,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
        })
    }
}

impl Language {
    /// The language of a script; none if it is something else, such as a plugin.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let is_python = if is_folder(path) {
            path.join(MAIN).is_file()
        } else {
            ["py", "pyz"].iter().any(|one| has_extension(path, one))
        };
        is_python.then_some(Self::Python)
    }

    /// The name of the runtime's file.
    fn runtime_name(self) -> &'static str {
        match self {
            Self::Python => "journal-host-python.wasm",
        }
    }

    /// Finds the runtime: the file that is given, or the one in the folder that is given, or else the one beside this
    /// executable.
    ///
    /// # Errors
    /// When there is none.
    pub fn runtime(self, given: Option<&Path>) -> Result<PathBuf, ScriptError> {
        let name = self.runtime_name();
        let path = match given {
            Some(path) if is_folder(path) => Some(path.join(name)),
            Some(path) => Some(path.to_owned()),
            None => beside_executable(name),
        };
        match path {
            Some(path) if path.exists() => Ok(path),
            path => Err(ScriptError::NoRuntime {
                language: self,
                looked: path.iter().map(|path| path.display().to_string()).collect(),
            }),
        }
    }
}

fn beside_executable(name: &str) -> Option<PathBuf> {
    let executable = env::current_exe().ok()?;
    Some(executable.parent()?.join(name))
}
