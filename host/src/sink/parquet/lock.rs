//! The lock of a group's manifests: shared by all runs that write, and exclusive for whoever removes or replaces what they
//! have written.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::ParquetError;
use super::layout::Layout;
use crate::sink::files::{Files, unlock};

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

impl Drop for Lock {
    fn drop(&mut self) {
        unlock(&self.file, &self.path.display());
    }
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

    /// Opens and takes the lock of one run without a group, unless another process is the same run.
    pub(super) fn of_run(
        files: &dyn Files,
        layout: &Layout,
        run: &str,
    ) -> Result<Option<Self>, ParquetError> {
        let path = layout.lock_of_run(run);
        loop {
            let open = || {
                let file = files.open(&path, false)?;
                let inode = file.metadata()?.ino();
                Ok((file, inode))
            };
            let (file, inode) = open().map_err(|source| refused(&path, source))?;
            let lock = Self {
                file,
                path: path.clone(),
                folder: layout.shown(),
            };
            if !lock.try_exclusive()? {
                return Ok(None);
            }
            // The process that had it may have removed it meanwhile.
            if path.metadata().is_ok_and(|named| named.ino() == inode) {
                return Ok(Some(lock));
            }
        }
    }

    /// Removes the file while the lock is held: nobody needs it any more.
    pub(super) fn remove(self, files: &dyn Files) -> Result<(), ParquetError> {
        let removed = files.remove(&self.path);
        removed.map_err(ParquetError::write(&self.path))
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
    fn one_process_at_a_time_is_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), None);
        std::fs::create_dir_all(&layout.group).unwrap();
        let take = |run: &str| Lock::of_run(&SystemFiles, &layout, run).unwrap();
        let one = take("recording p 1").unwrap();
        assert!(take("recording p 1").is_none());
        assert!(take("recording p 2").is_some());
        // A child process that another thread starts has one until its program begins.
        let copy = one.file.try_clone().unwrap();
        drop(one);
        let again = take("recording p 1").unwrap();
        drop(copy);
        again.remove(&SystemFiles).unwrap();
        assert!(take("recording p 1").is_some());
    }

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
