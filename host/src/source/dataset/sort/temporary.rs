//! Files without a name, which vanish with the process however it ends, and the room that a folder has.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::io::Errno;

/// Tells the files of this process from each other.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Makes a folder, which only this user can enter, unless it is there.
pub(in crate::source::dataset) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Creates a file without a name in a folder.
pub(super) fn unnamed(folder: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::Mode;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        if let Ok(file) = rustix::fs::open(folder, flags, mode) {
            return Ok(file.into());
        }
    }
    // Some file systems have no such files.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".sorting-{}-{number}", process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// Gives a file without a name its name, once all of it is on disk. A file that has the name already is left alone.
pub(super) fn publish(mut file: File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(CWD, link, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) | Err(Errno::EXIST) => return Ok(()),
        Err(_) => {}
    }
    // The caller holds a lock, so that nobody else writes this copy.
    let copy_path = path.with_extension("part");
    let mut copy = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&copy_path)?;
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file, &mut copy)?;
    copy.sync_all()?;
    fs::rename(copy_path, path)
}

/// The bytes that this process can still write to a folder.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(folder)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn file_has_a_name_only_once_it_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = unnamed(dir.path()).unwrap();
        file.write_all(b"rows").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let path = dir.path().join("a.rows");
        publish(file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"rows");
        publish(unnamed(dir.path()).unwrap(), &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"rows");
    }

    /// As on a file system that has no files without a name.
    #[test]
    fn file_whose_name_was_removed_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join("named");
        fs::write(&named, "rows").unwrap();
        let file = File::open(&named).unwrap();
        fs::remove_file(&named).unwrap();
        let path = dir.path().join("a.rows");
        publish(file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"rows");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    /// The compiled plugins are in the same folder of caches, which they want for this user alone.
    #[test]
    fn folder_is_for_this_user_alone() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("journal-host").join("datasets");
        make_folder(&folder).unwrap();
        for folder in folder.ancestors().take(2) {
            assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        }
        make_folder(&folder).unwrap();
    }

    #[test]
    fn folder_has_room() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
    }
}
