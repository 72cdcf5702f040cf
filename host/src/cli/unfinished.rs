//! A file that takes the place of another one once it is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file beside the one that it replaces. It is removed unless it takes that one's name.
pub(super) struct Unfinished {
    path: PathBuf,
    output: PathBuf,
}

impl Unfinished {
    /// Has `write` make the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(
        output: &Path,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut path = output.to_owned().into_os_string();
        path.push(format!(".{}.part", std::process::id()));
        // A failure drops it, which removes what there is.
        let unfinished = Self {
            path: path.into(),
            output: output.to_owned(),
        };
        write(&unfinished.path)?;
        Ok(unfinished)
    }

    /// The file whose name it takes.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// Takes the name, at once: a host that starts meanwhile reads a whole file, this one or the one before.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(super) fn finish(self) -> io::Result<()> {
        fs::rename(&self.path, &self.output)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is not there where it has the other name.
        let _removed = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_stays_as_it_is_until_another_one_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("a.wasm");
        fs::write(&output, "good").unwrap();
        let failed = Unfinished::write(&output, |path| {
            fs::write(path, "half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failed.is_err());
        drop(Unfinished::write(&output, |path| fs::write(path, "bad")).unwrap());
        assert_eq!(fs::read(&output).unwrap(), b"good");
        let better = Unfinished::write(&output, |path| fs::write(path, "better")).unwrap();
        better.finish().unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"better");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
