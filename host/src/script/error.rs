//! Why a script cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::{self, Quoted};

/// Why a script cannot be read or run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// There is nothing at the path.
    #[error("there is no script at `{}`", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is a pipe, a device or a socket.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A link in a folder or in an archive, whose target would be another file of the machine.
    #[error("{} in `{}` is a link", Quoted(name), path.display())]
    Link {
        /// The folder or the archive.
        path: PathBuf,
        /// The name of the link.
        name: String,
    },
    /// The archive has no main file.
    #[error("`{}` has no `{main}`", path.display())]
    NoMain {
        /// The archive.
        path: PathBuf,
        /// The file that is missing.
        main: String,
    },
    /// It is in TypeScript.
    #[error("`{}` is TypeScript, which no runtime reads", path.display())]
    TypeScript {
        /// The script.
        path: PathBuf,
    },
    /// A module is added to a plugin.
    #[error("`{}` cannot be added to `{}`, which is not a script", module.display(), path.display())]
    NoScript {
        /// The plugin.
        path: PathBuf,
        /// The module.
        module: PathBuf,
    },
    /// Printed text of a plugin is to go somewhere.
    #[error("`{}` is not a script, and prints nothing", path.display())]
    PrintsNothing {
        /// The plugin.
        path: PathBuf,
    },
    /// It is nothing that can be imported.
    #[error("there is nothing to import at `{}`, which has to be {modules}", path.display())]
    NotAModule {
        /// The path.
        path: PathBuf,
        /// What a script in this language can import.
        modules: &'static str,
    },
    /// The name of a file breaks a rule.
    #[error("the name {} in `{}` {reason}", Quoted(name), path.display())]
    BadName {
        /// The folder or the archive.
        path: PathBuf,
        /// The name of the file.
        name: String,
        /// The rule.
        reason: BadName,
    },
    /// Two files have the same path, or one has the path of another one's folder.
    #[error("{} is given twice", Quoted(name))]
    Twice {
        /// The path of both.
        name: String,
    },
    /// Compiled code for another machine.
    #[error("{} in `{}` is compiled code, which no runtime can load", Quoted(name), path.display())]
    Compiled {
        /// The archive or the folder.
        path: PathBuf,
        /// The name of the file.
        name: String,
    },
    /// It has too many files.
    #[error("the script has more than {limit} files")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Its files are too large.
    #[error("the files of the script take more than {}", text::Bytes(*limit))]
    TooLarge {
        /// The limit on all bytes.
        limit: usize,
    },
    /// The archive is damaged, or of a kind that is not read.
    #[error("cannot read the archive `{}`: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The script beside its runtime is damaged.
    #[error("cannot read the script in `{}`: {reason}", path.display())]
    Bundle {
        /// The file that has both.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A script and its runtime are too large for one file.
    #[error("`{}` is too large for one file of at most {} with its runtime", path.display(), text::Bytes(*limit))]
    LargeBundle {
        /// The script, or its runtime.
        path: PathBuf,
        /// The limit on the file.
        limit: usize,
    },
    /// There is no runtime.
    #[error("there is no runtime for {language} at {}", text::list(looked))]
    NoRuntime {
        /// The language of the script.
        language: super::Language,
        /// The paths that were looked at.
        looked: Vec<String>,
    },
}

/// A rule that the name of a file breaks: the rest of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotText,
    /// It is too long.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// It leaves the folder of the script.
    #[error("leaves the folder of the script")]
    Outside,
    /// It has control characters or backslashes.
    #[error("has control characters or backslashes")]
    Characters,
}

impl ScriptError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            return Self::Missing { path };
        }
        Self::Read { path, source }
    }
}
