//! What a process of git writes to its standard error, of which the beginning is kept for a message.

use std::io::Read;
use std::process::ChildStderr;

use super::Error;
use super::command::never_wait;

/// How much is kept.
const KEPT_BYTES: usize = 4 << 10;

/// The standard error of a process. It has to be read now and then, since a full pipe would stop the process.
pub(super) struct Said {
    pipe: ChildStderr,
    kept: Vec<u8>,
}

impl Said {
    /// Nothing yet.
    ///
    /// # Errors
    /// When the pipe cannot be read without waiting.
    pub(super) fn of(pipe: ChildStderr) -> Result<Self, Error> {
        never_wait(&pipe)?;
        Ok(Self {
            pipe,
            kept: Vec::new(),
        })
    }

    /// Reads what is there, without waiting.
    pub(super) fn read(&mut self) {
        let mut part = [0; 1024];
        while let Ok(count) = self.pipe.read(&mut part) {
            if count == 0 {
                return;
            }
            let room = KEPT_BYTES - self.kept.len();
            self.kept.extend_from_slice(&part[..count.min(room)]);
        }
    }

    /// What was kept.
    pub(super) fn text(&self) -> &[u8] {
        &self.kept
    }
}
