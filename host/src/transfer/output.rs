//! The file of a recording in the making: it has another name until it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use journal_recording::{Frame, Writer};

use super::error::Error;
use super::left_out::LeftOut;
use crate::source::Damage;

/// The size of the writes, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// A recording in the making. Without a call of [`finish`](Self::finish) its file is removed.
pub(super) struct NewRecording {
    /// None once it is finished.
    writer: Option<Writer<BufWriter<File>>>,
    path: PathBuf,
    partial: PathBuf,
    /// Damaged records that were left out.
    left_out: LeftOut,
}

impl NewRecording {
    /// Creates a file beside `path`. The recording is compressed whatever its name is.
    ///
    /// # Errors
    /// When `path` exists, or the file cannot be created.
    pub(super) fn create(path: &Path, topics: &[&str]) -> Result<Self, Error> {
        let name = path.file_name().filter(|_| !path.is_dir());
        let Some(name) = name else {
            return Err(Error::Output {
                path: path.to_owned(),
                source: io::ErrorKind::IsADirectory.into(),
            });
        };
        refuse_existing(path)?;
        let mut partial = name.to_owned();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(partial);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&partial)
            .map_err(|source| Error::Output {
                path: partial.clone(),
                source,
            })?;
        let mut new = Self {
            writer: None,
            path: path.to_owned(),
            partial,
            left_out: LeftOut::default(),
        };
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        new.writer = Some(Writer::compressed(file, topics)?);
        Ok(new)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        match &mut self.writer {
            Some(writer) => writer.write(frame).map_err(|error| self.named(error)),
            None => Ok(()),
        }
    }

    /// Leaves a damaged record out.
    pub(super) fn leave_out(&mut self, damage: &Damage) {
        self.left_out.leave_out(damage);
    }

    /// What the log says of the damaged records that were left out.
    pub(super) fn left_out(&self) -> String {
        self.left_out.text()
    }

    /// Completes the recording, makes it durable and gives the file its name. Returns its size.
    ///
    /// # Errors
    /// When the system refuses, or the name was taken meanwhile.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        let Some(writer) = self.writer.take() else {
            return Ok(0);
        };
        let buffered = writer.finish().map_err(|error| self.named(error))?;
        let output = |source| Error::Output {
            path: self.path.clone(),
            source,
        };
        let file = buffered
            .into_inner()
            .map_err(|error| output(error.into_error()))?;
        file.sync_all().map_err(output)?;
        refuse_existing(&self.path)?;
        fs::rename(&self.partial, &self.path).map_err(output)?;
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(output)?;
        Ok(file.metadata().map_or(0, |metadata| metadata.len()))
    }

    /// The writer's error with the name of the file that the operator asked for.
    fn named(&self, error: journal_recording::Error) -> Error {
        match error {
            journal_recording::Error::Write { source, .. } => Error::Output {
                path: self.path.clone(),
                source,
            },
            other => other.into(),
        }
    }
}

impl Drop for NewRecording {
    fn drop(&mut self) {
        // After `finish` the file has another name, and there is nothing to remove.
        let _removed = fs::remove_file(&self.partial);
    }
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists(path.to_owned()));
    }
    Ok(())
}
