//! The languages of scripts, and the runtimes that run them.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{ScriptError, has_extension, is_folder};

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, in `.py`, `.pyz`, or a folder with a main file.
    Python,
    /// JavaScript, in `.js`, `.mjs`, or a folder with a main file.
    JavaScript,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        })
    }
}

impl Language {
    /// The language of a script; none if it is something else, such as a plugin.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let is_folder = is_folder(path);
        let is_in = |language: &Self| {
            if is_folder {
                path.join(language.main()).is_file()
            } else {
                let mut endings = language.endings().iter();
                endings.any(|ending| has_extension(path, ending))
            }
        };
        [Self::Python, Self::JavaScript].into_iter().find(is_in)
    }

    /// The file that runs in a folder.
    #[must_use]
    pub fn main(self) -> &'static str {
        match self {
            Self::Python => "__main__.py",
            Self::JavaScript => "index.js",
        }
    }

    /// The endings of scripts.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["py", "pyz"],
            Self::JavaScript => &["js", "mjs"],
        }
    }

    /// The endings of modules that a script can import.
    pub(super) fn module_endings(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["py"],
            Self::JavaScript => &["js", "mjs"],
        }
    }

    /// What a script can import, for messages.
    pub(super) fn modules(self) -> &'static str {
        match self {
            Self::Python => "a module (`.py`), a folder or a wheel (`.whl`)",
            Self::JavaScript => "a module (`.js`, `.mjs`) or a folder",
        }
    }

    /// The name by which `build-runtime` knows it.
    #[must_use]
    pub fn build_name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// The name of the runtime's file.
    fn runtime_name(self) -> &'static str {
        match self {
            Self::Python => "journal-host-python.wasm",
            Self::JavaScript => "journal-host-javascript.wasm",
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
