//! A file of dead letters whose records are processed again: those that still fail take its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Files;
use super::jsonl::{LinesOfOneFile, OpenError};

/// What is added to the name of the file for those that still fail, until they replace it.
const REMAINING: &str = ".redrive";

/// Why a file of dead letters cannot be processed again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedriveError {
    /// It cannot be opened.
    #[error("cannot open the dead letters `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is a pipe, a folder or a device.
    #[error("the dead letters `{}` are not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be locked.
    #[error(transparent)]
    Lock(#[from] OpenError),
    /// It cannot be replaced.
    #[error("cannot replace the dead letters `{}`", path.display())]
    Replace {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// A file of dead letters whose records are processed again. It is locked meanwhile, so that no run adds to it.
pub(crate) struct Redrive {
    letters: PathBuf,
    remaining: PathBuf,
    _lock: LinesOfOneFile,
}

impl Redrive {
    /// Locks the file, and removes what an earlier attempt left that was killed.
    ///
    /// # Errors
    /// When it is not there, is no regular file, or a run writes to it.
    pub(crate) fn begin(files: &Arc<dyn Files>, path: &Path) -> Result<Self, RedriveError> {
        let open = |source| RedriveError::Open {
            path: path.to_owned(),
            source,
        };
        // A link stays, and the file that it names is replaced.
        let letters = path.canonicalize().map_err(open)?;
        if !letters.is_file() {
            return Err(RedriveError::NotAFile {
                path: path.to_owned(),
            });
        }
        let lock = LinesOfOneFile::open(files, &letters.to_string_lossy())?;
        let mut name = letters.file_name().map(OsString::from).unwrap_or_default();
        name.push(REMAINING);
        let redrive = Self {
            remaining: letters.with_file_name(name),
            letters,
            _lock: lock,
        };
        match fs::remove_file(&redrive.remaining) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(redrive.replace(error)),
            _ => Ok(redrive),
        }
    }

    /// The dead letters.
    pub(crate) fn letters(&self) -> &Path {
        &self.letters
    }

    /// The file for those that still fail.
    pub(crate) fn remaining(&self) -> &Path {
        &self.remaining
    }

    /// Whether there is nothing to process.
    pub(crate) fn is_empty(&self) -> bool {
        self.letters
            .metadata()
            .is_ok_and(|metadata| metadata.len() == 0)
    }

    /// Puts those that still fail in the place of all, and returns their number. All were processed, and their rows are
    /// durable.
    ///
    /// # Errors
    /// When the system refuses; the file is then as it was.
    pub(crate) fn finish(self) -> Result<u64, RedriveError> {
        self.put().map_err(|source| self.replace(source))
    }

    fn put(&self) -> io::Result<u64> {
        let remaining = File::open(&self.remaining)?;
        remaining.sync_all()?;
        let mut lines = 0;
        for line in BufReader::new(remaining).split(b'\n') {
            line?;
            lines += 1;
        }
        let permissions = self.letters.metadata()?.permissions();
        fs::set_permissions(&self.remaining, permissions)?;
        fs::rename(&self.remaining, &self.letters)?;
        if let Some(folder) = self.letters.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(lines)
    }

    fn replace(&self, source: io::Error) -> RedriveError {
        RedriveError::Replace {
            path: self.letters.clone(),
            source,
        }
    }
}

impl Drop for Redrive {
    fn drop(&mut self) {
        // After `finish` the file has another name, and there is nothing to remove.
        let _removed = fs::remove_file(&self.remaining);
    }
}
