//! A folder that only this user (and root) can write to or replace.

use std::ffi::CString;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timestamps};
use rustix::fs::{UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;

use super::accounts::Accounts;

/// The prefix of the names of files that are still being written.
const UNFINISHED: &str = ".new-";
/// The age at which an unfinished file counts as left by a crash, in seconds.
const UNFINISHED_SECONDS: i64 = 3600;

/// The extended attribute in which the kernel keeps the access list of a file, which grants rights beyond those of its
/// mode.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Why a folder is not private.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPrivate {
    #[error("neither `XDG_CACHE_HOME` nor `HOME` names a folder")]
    NoHome,
    #[error("`{}` cannot be opened: {reason}", path.display())]
    Unusable { path: PathBuf, reason: io::Error },
    #[error("`{}` is a symbolic link", path.display())]
    Link { path: PathBuf },
    #[error("`{}` belongs to another user", path.display())]
    Foreign { path: PathBuf },
    #[error("`{}` can be written by other users", path.display())]
    OthersWrite { path: PathBuf },
    #[error("`{}` is open to other users, and its mode should be 0700", path.display())]
    Open { path: PathBuf },
}

/// How many files of a folder are kept. Small and large ones are counted apart, so that neither push out the others.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub(super) small: usize,
    pub(super) large: usize,
    /// The size from which a file is large, in bytes.
    pub(super) large_bytes: i64,
}

/// A file of the folder, in the order of its age.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Aged {
    modified: i64,
    name: CString,
    bytes: i64,
}

/// An open private folder. Every access goes through its descriptor, so that later changes of its path do not matter.
pub(super) struct Folder {
    fd: OwnedFd,
}

impl Folder {
    /// Opens the folder `name` in `base`, and creates both where they are missing.
    pub(super) fn open(base: &Path, name: &str) -> Result<Self, NotPrivate> {
        Self::open_below(Path::new("/"), base, name)
    }

    /// As [`open`](Self::open), but checks only `top` and the folders below it.
    pub(super) fn open_below(top: &Path, base: &Path, name: &str) -> Result<Self, NotPrivate> {
        Self::open_among(top, base, name, &|| Accounts::of_this_machine().ok())
    }

    fn open_among(
        top: &Path,
        base: &Path,
        name: &str,
        accounts: &dyn Fn() -> Option<Accounts>,
    ) -> Result<Self, NotPrivate> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |reason: io::Error| NotPrivate::Unusable { path, reason }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(base)
            .map_err(unusable(base))?;
        // Links in the path of the base are followed once, here. Then the folders of the resulting path are checked one
        // by one.
        let top = top.canonicalize().map_err(unusable(top))?;
        let base = base.canonicalize().map_err(unusable(base))?;
        let below = base.strip_prefix(&top).unwrap_or(&base);
        let mut path = top;
        let mut fd = open_folder(CWD, &path, &path)?;
        check_parent(&fd, &path, accounts)?;
        for part in below.components() {
            let Component::Normal(part) = part else {
                continue;
            };
            path.push(part);
            fd = open_folder(&fd, Path::new(part), &path)?;
            check_parent(&fd, &path, accounts)?;
        }
        path.push(name);
        match rustix::fs::mkdirat(&fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(reason) => return Err(unusable(&path)(reason.into())),
        }
        let fd = open_folder(&fd, Path::new(name), &path)?;
        check_own(&fd, &path)?;
        Ok(Self { fd })
    }

    /// A file and its size, unless it is missing.
    pub(super) fn open_file(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        let stat = rustix::fs::fstat(&fd)?;
        if !is_own_file(&stat) {
            return Err(io::Error::other("it is not a file of this user"));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Some((File::from(fd), size)))
    }

    /// Creates or replaces a file atomically.
    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{UNFINISHED}{}-{count}-{name}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &unfinished, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(fd);
        let written = parts
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| Ok(rustix::fs::renameat(&self.fd, &unfinished, &self.fd, name)?));
        if written.is_err() {
            // The first error is the one to report; `prune` later removes the file that is left.
            let _ = rustix::fs::unlinkat(&self.fd, &unfinished, AtFlags::empty());
        }
        written
    }

    /// Makes a file the newest one.
    pub(super) fn touch(&self, name: &str) -> io::Result<()> {
        let now = |tv_nsec| rustix::fs::Timespec { tv_sec: 0, tv_nsec };
        let times = Timestamps {
            last_access: now(UTIME_OMIT),
            last_modification: now(UTIME_NOW),
        };
        Ok(rustix::fs::utimensat(
            &self.fd,
            name,
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Keeps the newest files, and removes the others and those that a crash left unfinished.
    pub(super) fn prune(&self, kept: Kept) -> io::Result<()> {
        let mut files: Vec<Aged> = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let name = entry?.file_name().to_owned();
            let stat = rustix::fs::statat(&self.fd, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            if is_own_file(&stat) {
                files.push(Aged {
                    modified: stat.st_mtime,
                    name,
                    bytes: stat.st_size,
                });
            }
        }
        // The newest file was just written, so its time is the file system's current time.
        let now = files.iter().map(|file| file.modified).max().unwrap_or(0);
        let (unfinished, mut files): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| file.name.as_bytes().starts_with(UNFINISHED.as_bytes()));
        files.sort_unstable_by(|a, b| b.cmp(a));
        let (large, small): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| file.bytes >= kept.large_bytes);
        let old = large.into_iter().skip(kept.large);
        let old = old.chain(small.into_iter().skip(kept.small));
        let left = unfinished
            .into_iter()
            .filter(|file| now - file.modified > UNFINISHED_SECONDS);
        for file in old.chain(left) {
            match rustix::fs::unlinkat(&self.fd, &file.name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn open_folder(at: impl rustix::fd::AsFd, name: &Path, path: &Path) -> Result<OwnedFd, NotPrivate> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = path.to_owned();
    rustix::fs::openat(&at, name, flags, Mode::empty()).map_err(|errno| {
        let is_link = rustix::fs::statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
        if is_link {
            return NotPrivate::Link { path };
        }
        NotPrivate::Unusable {
            path,
            reason: errno.into(),
        }
    })
}

fn stat(fd: &OwnedFd, path: &Path) -> Result<Stat, NotPrivate> {
    rustix::fs::fstat(fd).map_err(|errno| NotPrivate::Unusable {
        path: path.to_owned(),
        reason: errno.into(),
    })
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A folder that only this user and root can change. The sticky bit of a shared folder does not
/// help: others could make the next folder before this user does.
///
/// Its group may write to it where that is the user's own group and the folder has no access list.
fn check_parent(
    fd: &OwnedFd,
    path: &Path,
    accounts: &dyn Fn() -> Option<Accounts>,
) -> Result<(), NotPrivate> {
    let stat = stat(fd, path)?;
    let path = || path.to_owned();
    if stat.st_uid != 0 && stat.st_uid != own_user() {
        return Err(NotPrivate::Foreign { path: path() });
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    let is_own_group = || {
        !has_access_list(fd)
            && accounts().is_some_and(|known| known.is_own_group(own_user(), stat.st_gid))
    };
    if mode.contains(Mode::WOTH) || (mode.contains(Mode::WGRP) && !is_own_group()) {
        return Err(NotPrivate::OthersWrite { path: path() });
    }
    Ok(())
}

/// Whether the file has an access list; the group bits of its mode then show the mask of the list.
fn has_access_list(fd: &OwnedFd) -> bool {
    let found = rustix::fs::fgetxattr(fd, ACCESS_LIST, &mut [0_u8; 0]);
    !matches!(found, Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS))
}

fn check_own(fd: &OwnedFd, path: &Path) -> Result<(), NotPrivate> {
    let stat = stat(fd, path)?;
    let path = || path.to_owned();
    if stat.st_uid != own_user() {
        return Err(NotPrivate::Foreign { path: path() });
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        return Err(NotPrivate::Open { path: path() });
    }
    Ok(())
}

fn is_own_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == own_user()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_missing_folder_is_made_for_this_user_alone() {
        let top = tempfile::tempdir().unwrap();
        let base = top.path().join("a/b");
        Folder::open_below(top.path(), &base, "c").unwrap();
        let made = fs::metadata(base.join("c")).unwrap().permissions().mode();
        assert_eq!(made & 0o777, 0o700);
    }

    #[test]
    fn a_parent_that_others_can_write_is_refused_sticky_or_not() {
        let top = tempfile::tempdir().unwrap();
        let base = top.path().join("a/b");
        fs::create_dir_all(&base).unwrap();
        let nobody = || Some(Accounts::none());
        for (bits, refused) in [(0o755, false), (0o777, true), (0o1777, true), (0o775, true)] {
            mode(&top.path().join("a"), bits);
            let found = Folder::open_among(top.path(), &base, "c", &nobody);
            let is_refused =
                matches!(found, Err(NotPrivate::OthersWrite { ref path }) if path.ends_with("a"));
            assert_eq!(is_refused, refused, "{bits:o}");
        }
    }

    /// The modes that a umask of 002 gives.
    #[test]
    fn parent_that_the_users_own_group_can_write_is_accepted_and_one_that_all_can_write_is_not() {
        let top = tempfile::tempdir().unwrap();
        let base = top.path().join("a");
        fs::create_dir(&base).unwrap();
        let group = fs::metadata(&base).unwrap().gid();
        let open = |known: Option<(u32, u32)>| {
            let accounts = || known.map(|(user, group)| Accounts::of_one(user, group));
            Folder::open_among(top.path(), &base, "c", &accounts).is_ok()
        };
        mode(&base, 0o775);
        assert!(open(Some((own_user(), group))));
        assert!(!open(Some((own_user(), group + 1))));
        assert!(!open(Some((own_user() + 1, group))));
        assert!(!open(None));
        mode(&base, 0o777);
        assert!(!open(Some((own_user(), group))));
    }

    #[test]
    fn a_link_instead_of_the_folder_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), top.path().join("c")).unwrap();
        let found = Folder::open_below(top.path(), top.path(), "c");
        assert!(matches!(found, Err(NotPrivate::Link { .. })));
    }

    #[test]
    fn a_folder_that_others_can_read_is_refused() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("c")).unwrap();
        mode(&top.path().join("c"), 0o755);
        let found = Folder::open_below(top.path(), top.path(), "c");
        assert!(matches!(found, Err(NotPrivate::Open { .. })));
    }

    #[test]
    fn a_file_instead_of_the_folder_is_an_error_with_a_reason() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("c"), "").unwrap();
        let found = Folder::open_below(top.path(), top.path(), "c");
        assert!(matches!(found, Err(NotPrivate::Unusable { .. })));
    }

    fn set_modified(path: &Path, time: std::time::SystemTime) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    }

    #[test]
    fn the_oldest_files_go_first_and_a_touched_one_stays() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open_below(top.path(), top.path(), "c").unwrap();
        let hour = std::time::Duration::from_hours(1);
        let now = std::time::SystemTime::now();
        for (age, name) in [(1, "a"), (2, "b"), (3, "c"), (2, ".new-1-0-d")] {
            folder.write(name, &[b"x", name.as_bytes()]).unwrap();
            set_modified(&top.path().join("c").join(name), now - hour * age);
        }
        folder.touch("c").unwrap();
        let kept = Kept {
            small: 2,
            large: 0,
            large_bytes: 3,
        };
        folder.prune(kept).unwrap();
        let there = |name| {
            let (file, size) = folder.open_file(name).unwrap()?;
            assert_eq!(size, 2);
            Some(std::io::read_to_string(file).unwrap())
        };
        assert_eq!(there("a").unwrap(), "xa");
        assert_eq!(there("b"), None);
        assert_eq!(there("c").unwrap(), "xc");
        assert_eq!(there(".new-1-0-d"), None);
    }

    #[test]
    fn small_files_never_push_out_large_ones_nor_large_ones_small_ones() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open_below(top.path(), top.path(), "c").unwrap();
        let hour = std::time::Duration::from_hours(1);
        let now = std::time::SystemTime::now();
        for (age, name, bytes) in [
            (1, "a", 9),
            (2, "b", 9),
            (3, "c", 9),
            (4, "large-a", 10),
            (5, "large-b", 11),
            (6, "d", 0),
        ] {
            folder.write(name, &[&vec![0; bytes]]).unwrap();
            set_modified(&top.path().join("c").join(name), now - hour * age);
        }
        let kept = Kept {
            small: 2,
            large: 1,
            large_bytes: 10,
        };
        folder.prune(kept).unwrap();
        let mut names: Vec<_> = fs::read_dir(top.path().join("c"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "large-a"]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open_below(top.path(), top.path(), "c").unwrap();
        folder.write("file", &[&[0; 11]]).unwrap();
        symlink("file", top.path().join("c/link")).unwrap();
        assert!(folder.open_file("link").is_err());
    }
}
