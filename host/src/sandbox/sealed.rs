//! A copy of a file in memory that nobody can change, not even this process.
//!
//! wasmtime maps compiled code from a file and reads a page when it is first needed. A file on disk may change between a
//! check of its content and that moment. The kernel refuses every change of a sealed copy, so that what was checked is
//! what runs.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// A sealed copy.
pub(super) struct Sealed {
    file: File,
}

impl Sealed {
    /// Copies the next `bytes` bytes of `source`.
    ///
    /// # Errors
    /// When the system has no such files, or `source` has fewer bytes.
    pub(super) fn copy(source: &mut File, bytes: u64) -> io::Result<Self> {
        let mut file = system::unsealed()?;
        // The kernel copies the bytes from file to file.
        let copied = io::copy(&mut source.take(bytes), &mut file)?;
        if copied != bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        system::seal(&file)?;
        Ok(Self { file })
    }

    /// The copy at its start, to be read.
    pub(super) fn content(&mut self) -> io::Result<&mut File> {
        self.file.rewind()?;
        Ok(&mut self.file)
    }

    /// A path under which this process can open the copy for as long as this value lives.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    pub(super) fn unsealed() -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        Ok(File::from(memfd_create("journal-host-code", flags)?))
    }

    pub(super) fn seal(file: &File) -> io::Result<()> {
        let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        Ok(fcntl_add_seals(file, all)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;

    pub(super) fn unsealed() -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn seal(_: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn copy_has_the_bytes_that_were_asked_for() {
        let mut source = file(b"header, code and more");
        source.seek(SeekFrom::Start(8)).unwrap();
        let mut sealed = Sealed::copy(&mut source, 4).unwrap();
        for _ in 0..2 {
            let content = io::read_to_string(sealed.content().unwrap()).unwrap();
            assert_eq!(content, "code");
        }
        assert_eq!(std::fs::read(sealed.path()).unwrap(), b"code");
    }

    #[test]
    fn file_that_is_shorter_than_it_should_be_is_refused() {
        assert!(Sealed::copy(&mut file(b"code"), 5).is_err());
    }

    #[test]
    fn nobody_can_change_a_sealed_copy() {
        let sealed = Sealed::copy(&mut file(b"code"), 4).unwrap();
        let again = File::options().write(true).open(sealed.path()).unwrap();
        for mut writer in [&sealed.file, &again] {
            writer.rewind().unwrap();
            assert!(writer.write_all(b"evil").is_err());
            assert!(writer.set_len(2).is_err());
            assert!(writer.set_len(8).is_err());
            assert!(
                rustix::fs::fcntl_add_seals(writer, rustix::fs::SealFlags::FUTURE_WRITE).is_err()
            );
        }
        assert_eq!(std::fs::read(sealed.path()).unwrap(), b"code");
    }
}
