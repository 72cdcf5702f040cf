//! The lock of a group's manifests: shared by all runs that write, and exclusive for whoever removes or replaces what they
//! have written.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::ParquetError;
use super::layout::Layout;
use crate::sink::files::Files;

/// How long a run waits for another one that removes files at its start.
const WAIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped. Its file stays.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    folder: String,
}

impl Lock {
    /// Opens the file of the lock, which is created if it does not exist. Nobody is kept away yet.
    pub(super) fn open(files: &dyn Files, layout: &Layout) -> Result<Self, ParquetError> {
        let path = layout.lock();
        let file = files
            .open(&path, false)
            .map_err(|source| refused(&path, source))?;
        Ok(Self {
            file,
            path,
            folder: layout.shown(),
        })
    }

    /// Keeps all others away, unless one of them has the lock. Whether it is taken.
    pub(super) fn try_exclusive(&self) -> Result<bool, ParquetError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(refused(&self.path, source)),
        }
    }

    /// The same, where it is an error that another process has the lock.
    pub(super) fn exclusive(&self) -> Result<(), ParquetError> {
        if self.try_exclusive()? {
            return Ok(());
        }
        Err(self.held())
    }

    /// Keeps those away who want it exclusively.
    pub(super) fn shared(&self) -> Result<(), ParquetError> {
        let begun = Instant::now();
        loop {
            match self.file.try_lock_shared() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if begun.elapsed() < WAIT => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(self.held()),
                Err(TryLockError::Error(source)) => return Err(refused(&self.path, source)),
            }
        }
    }

    fn held(&self) -> ParquetError {
        ParquetError::Held {
            folder: self.folder.clone(),
        }
    }
}

fn refused(path: &Path, source: std::io::Error) -> ParquetError {
    ParquetError::Lock {
        file: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::files::SystemFiles;

    #[test]
    fn runs_share_what_one_alone_may_have_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), Some("g"));
        std::fs::create_dir_all(&layout.group).unwrap();
        let open = || Lock::open(&SystemFiles, &layout).unwrap();
        let (one, other) = (open(), open());
        assert!(one.try_exclusive().unwrap());
        assert!(!other.try_exclusive().unwrap());
        one.shared().unwrap();
        other.shared().unwrap();
        let refused = other.exclusive();
        assert!(
            matches!(refused, Err(ParquetError::Held { .. })),
            "{refused:?}"
        );
        drop(one);
        other.exclusive().unwrap();
    }
}
