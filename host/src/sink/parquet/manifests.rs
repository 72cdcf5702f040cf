//! The manifests of a group: what is committed, in the order in which it was.
//!
//! A manifest is written under another name, and then linked to the number after the last one. Of those who try the same
//! number, one succeeds. The others read what it has committed, and try the next number if that concerns other
//! partitions.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::ParquetError;
use super::layout::Layout;
use super::lock::Lock;
use super::manifest::{Advance, Id, Manifest, NamedFile, SNAPSHOT_EVERY, State};
use crate::sink::files::Files;
use crate::sink::moves::Compared;
use crate::sink::tables::Owner;

/// The manifests of one group, as one run reads and writes them.
#[derive(Debug)]
pub(super) struct Manifests {
    pub(super) files: Arc<dyn Files>,
    pub(super) layout: Layout,
    pub(super) owner: Owner,
    /// What has been read so far. Whoever has it writes the next manifest.
    state: Mutex<State>,
    /// Shared with other runs, from the time at which the folder was prepared.
    lock: Mutex<Option<Lock>>,
    /// Held as long as this process is the run, if that has no group and a later one can go on from it.
    run_lock: Mutex<Option<Lock>>,
}

/// What a manifest says beside the positions.
pub(super) struct Draft<'a> {
    pub(super) id: Id,
    pub(super) files: &'a [NamedFile],
}

impl Manifests {
    pub(super) fn new(files: &Arc<dyn Files>, layout: Layout, owner: Owner) -> Self {
        Self {
            files: Arc::clone(files),
            layout,
            owner,
            state: Mutex::default(),
            lock: Mutex::default(),
            run_lock: Mutex::default(),
        }
    }

    /// Holds a lock as long as somebody writes.
    pub(super) fn keep_lock(&self, lock: Lock) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
    }

    /// Keeps other processes from being the same run. Whether none is.
    pub(super) fn hold_run(&self, run: &str) -> Result<bool, ParquetError> {
        let lock = Lock::of_run(&*self.files, &self.layout, run)?;
        let is_held = lock.is_some();
        *self.run_lock.lock().unwrap_or_else(PoisonError::into_inner) = lock;
        Ok(is_held)
    }

    /// Lets other processes be the same run again.
    pub(super) fn release_run(&self) -> Result<(), ParquetError> {
        let mut lock = self.run_lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.take().map_or(Ok(()), |lock| lock.remove(&*self.files))
    }

    /// Calls `work` while no other process writes.
    pub(super) fn exclusively(
        &self,
        work: impl FnOnce() -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lock) = &*lock else {
            return Ok(());
        };
        lock.exclusive()?;
        work()?;
        lock.shared()
    }

    /// What is committed now; none while another worker commits.
    pub(super) fn try_state(&self) -> Result<Option<State>, ParquetError> {
        let Some(mut state) = self.try_lock() else {
            return Ok(None);
        };
        self.refresh(&mut state, &[])?;
        Ok(Some(state.clone()))
    }

    /// What is committed now, whoever commits.
    pub(super) fn state(&self) -> Result<State, ParquetError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut state, &[])?;
        Ok(state.clone())
    }

    /// Commits what `draft` says with the positions that `advance` answers for what is committed before it, unless that
    /// answers how these compare. The answer is [`Compared::First`] where a manifest names the files of the draft, and
    /// `None` while another worker commits.
    pub(super) fn commit(
        &self,
        draft: &Draft<'_>,
        advance: impl Fn(&State) -> Result<Vec<Advance>, Compared>,
    ) -> Result<Option<Compared>, ParquetError> {
        let Some(mut state) = self.try_lock() else {
            return Ok(None);
        };
        loop {
            // Where files are on a server, an attempt that failed may have succeeded.
            if self.refresh(&mut state, draft.files)? {
                return Ok(Some(Compared::First));
            }
            let positions = match advance(&state) {
                Ok(positions) => positions,
                Err(compared) => return Ok(Some(compared)),
            };
            let (id, files) = (draft.id.clone(), draft.files.to_vec());
            let manifest = Manifest::after(&state, &self.owner, id, files, positions);
            if self.link(&manifest)? {
                state.apply(&manifest);
                return Ok(Some(Compared::First));
            }
        }
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Reads the manifests that were written since. Whether one of them names these files.
    fn refresh(&self, state: &mut State, files: &[NamedFile]) -> Result<bool, ParquetError> {
        if state.number == 0 {
            *state = self.read_all()?;
        }
        let mut is_named = false;
        let next = |state: &State| {
            let number = state.number + 1;
            Manifest::read(&self.layout.manifest(number), number)
        };
        while let Some(manifest) = next(state)? {
            // No other file has the name of one of these.
            is_named |= !files.is_empty() && manifest.files == files;
            state.apply(&manifest);
        }
        Ok(is_named)
    }

    /// Reads the last snapshot, and the manifests after it.
    fn read_all(&self) -> Result<State, ParquetError> {
        let last = self.last()?;
        let snapshot = last / SNAPSHOT_EVERY * SNAPSHOT_EVERY;
        let mut state = State::default();
        if snapshot > 0 {
            let manifest = self.required(snapshot)?;
            state = manifest.state().ok_or_else(|| {
                let path = self.layout.manifest(snapshot);
                ParquetError::damaged(&path, &"it has no snapshot")
            })?;
        }
        for number in snapshot + 1..=last {
            state.apply(&self.required(number)?);
        }
        Ok(state)
    }

    /// The number of the last manifest; 0 if there is none.
    fn last(&self) -> Result<u64, ParquetError> {
        let names = names(&self.layout.group)?;
        let numbers = names.iter().map(|name| Layout::manifest_number(name));
        Ok(numbers.flatten().max().unwrap_or_default())
    }

    /// The manifest with this number.
    pub(super) fn required(&self, number: u64) -> Result<Manifest, ParquetError> {
        let manifest = Manifest::read(&self.layout.manifest(number), number)?;
        manifest.ok_or_else(|| ParquetError::Missing {
            number,
            folder: self.layout.group.display().to_string(),
        })
    }

    /// Links a manifest to its number. Whether that was free.
    fn link(&self, manifest: &Manifest) -> Result<bool, ParquetError> {
        let path = self.layout.manifest(manifest.number);
        let text = manifest
            .text()
            .map_err(|error| ParquetError::damaged(&path, &error))?;
        let is_linked = write_named(
            &*self.files,
            &self.layout.next_temporary(&self.layout.group),
            &text,
            |temporary| match self.files.link(temporary, &path) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(ParquetError::write(&path)(error)),
            },
        )?;
        if is_linked {
            self.sync_folder(&self.layout.group)?;
        }
        Ok(is_linked)
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync_folder(&self, folder: &Path) -> Result<(), ParquetError> {
        let synced = self.files.sync_folder(folder);
        synced.map_err(ParquetError::write(folder))
    }
}

/// Writes a file under a name that it does not keep, makes it durable, and calls `name`.
pub(super) fn write_named<T>(
    files: &dyn Files,
    temporary: &Path,
    text: &[u8],
    name: impl FnOnce(&Path) -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    let write = || {
        let file = files.open(temporary, false)?;
        let mut left = text;
        while !left.is_empty() {
            let count = files.write(&file, left)?;
            if count == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            left = &left[count..];
        }
        files.sync(&file)
    };
    let named = write()
        .map_err(ParquetError::write(temporary))
        .and_then(|()| name(temporary));
    if temporary.exists() {
        // Whatever is left is removed by a later run.
        let _ = files.remove(temporary);
    }
    named
}

/// The names in a folder; none if there is no such folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, ParquetError> {
    let read = || -> std::io::Result<Vec<String>> {
        let entries = std::fs::read_dir(folder)?;
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            // Names that are no text are not this program's.
            Ok(entry?.file_name().into_string().unwrap_or_default())
        };
        entries.map(name).collect()
    };
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(ParquetError::read(folder)),
    }
}
