//! Whether the destinations of a run could be written to, found out without creating or changing anything.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rustix::fs::{Access, access};

use super::OpenError;
use super::compression::Compression;
use super::tail::{Tail, tail};

/// What a run would do with a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It appends to the file.
    Append,
    /// It cuts off the half line at the end of the file if a crash left it, and refuses the file otherwise.
    HalfLine,
    /// It creates the file.
    Create,
    /// It writes to a stream.
    Stream,
    /// Another process is writing to the file.
    Held,
}

/// What a run would do with a file.
///
/// # Errors
/// When it could not be written to.
pub(in crate::sink) fn state(
    path: &Path,
    compression: Option<Compression>,
) -> Result<State, OpenError> {
    let name = || format!("`{}`", path.display());
    let refused = |source: io::Error| OpenError::Open {
        file: name(),
        source,
    };
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| refused(error.into()))?;
            return Ok(State::Create);
        }
        Err(error) => return Err(refused(error)),
    };
    if metadata.is_dir() {
        return Err(OpenError::Directory { file: name() });
    }
    if !metadata.is_file() {
        // Opening a pipe would wait for its reader, or be seen by it.
        access(path, Access::WRITE_OK).map_err(|error| refused(error.into()))?;
        return Ok(State::Stream);
    }
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|error| refused(error.into()))?;
    let mut file = File::open(path).map_err(refused)?;
    match file.try_lock_shared() {
        // The lock is released with the file.
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(State::Held),
        Err(TryLockError::Error(source)) => {
            return Err(OpenError::Lock {
                file: name(),
                source,
            });
        }
    }
    let Some(compression) = compression else {
        let is_whole = ends_with_a_line(&mut file).map_err(refused)?;
        return Ok(if is_whole {
            State::Append
        } else {
            State::HalfLine
        });
    };
    match tail(&mut file, Some(compression)).map_err(refused)? {
        Tail::Whole => Ok(State::Append),
        Tail::Half { .. } => Ok(State::HalfLine),
        Tail::Foreign => Err(OpenError::foreign(name(), Some(compression))),
    }
}

fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn states(bindings: &[String]) -> Vec<Option<State>> {
        let files = bindings.iter().filter(|file| *file != "-");
        let state = |file: &String| state(Path::new(file), Compression::of_name(file)).ok();
        files.map(state).collect()
    }

    #[test]
    fn nothing_is_created_or_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let whole = file("whole", "{}\n");
        let half = file("half", "{}\n{\"a");
        let empty = file("empty", "");
        let half_frame = file("half.zst", "(");
        let no_frame = file("lines.zst", "{}\n");
        let new = folder.path().join("new").display().to_string();
        let nowhere = folder.path().join("missing/new").display().to_string();
        let directory = folder.path().display().to_string();
        let bindings = [
            whole,
            half.clone(),
            empty,
            half_frame,
            no_frame,
            new.clone(),
            nowhere,
            directory,
            "/dev/null".to_owned(),
            "-".to_owned(),
        ];
        assert_eq!(
            states(&bindings),
            [
                Some(State::Append),
                Some(State::HalfLine),
                Some(State::Append),
                Some(State::HalfLine),
                None,
                Some(State::Create),
                None,
                None,
                Some(State::Stream)
            ]
        );
        assert!(!Path::new(&new).exists());
        assert_eq!(fs::read_to_string(half).unwrap(), "{}\n{\"a");
    }

    #[test]
    fn file_that_another_process_writes_to_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let held = File::create(&path).unwrap();
        held.try_lock().unwrap();
        assert_eq!(states(&[path.display().to_string()]), [Some(State::Held)]);
        held.unlock().unwrap();
        assert_eq!(states(&[path.display().to_string()]), [Some(State::Append)]);
    }
}
