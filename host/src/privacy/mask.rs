//! The masked objects of a run, which are read again when their file is replaced.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use signal_hook::consts::SIGHUP;

use super::mask_file::{self, MaskError};
use super::set::MaskSet;
use crate::observe::progress::PrivacyCounts;

/// The interval at which the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The interval at which a file that cannot be used is tried and reported again.
const TRY_EVERY: Duration = Duration::from_mins(1);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Whether it is the same file, perhaps with other contents.
    fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// The state of the file.
#[derive(Debug)]
struct State {
    loaded: Identity,
    /// Kept open, so that no other file gets its number.
    _file: File,
    /// The last attempt that failed, and what the file was then.
    failed: Option<(Instant, Option<Identity>)>,
}

/// The masked objects.
#[derive(Debug)]
pub(super) struct Mask {
    path: PathBuf,
    current: RwLock<Arc<MaskSet>>,
    /// Grows with each set.
    version: AtomicU64,
    state: Mutex<State>,
    /// Set by SIGHUP.
    requested: Arc<AtomicBool>,
    counts: Arc<PrivacyCounts>,
    /// The thread ends when this is dropped.
    watch: Mutex<Option<Sender<()>>>,
}

impl Mask {
    /// Reads the list of masked objects.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no SWHID.
    pub(super) fn load(path: &Path, counts: &Arc<PrivacyCounts>) -> Result<Self, MaskError> {
        let (set, identity, file) = load(path)?;
        counts.show_mask(set.len());
        Ok(Self {
            path: path.to_owned(),
            current: RwLock::new(Arc::new(set)),
            version: 0.into(),
            state: Mutex::new(State {
                loaded: identity,
                _file: file,
                failed: None,
            }),
            requested: Arc::default(),
            counts: Arc::clone(counts),
            watch: Mutex::default(),
        })
    }

    /// Has a thread read the file again after SIGHUP, and when another file has its name.
    pub(super) fn watch(self: &Arc<Self>) {
        if let Err(error) = signal_hook::flag::register(SIGHUP, Arc::clone(&self.requested)) {
            tracing::warn!("cannot handle SIGHUP: {error}");
        }
        let (sender, receiver) = mpsc::channel::<()>();
        let mask: Weak<Self> = Arc::downgrade(self);
        let watching = thread::Builder::new()
            .name("mask".to_owned())
            .spawn(move || {
                while receiver.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    let Some(mask) = mask.upgrade() else {
                        return;
                    };
                    mask.look(Instant::now());
                }
            });
        match watching {
            Ok(_thread) => {
                *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
            }
            Err(error) => tracing::error!("the list of masked objects is not watched: {error}"),
        }
    }

    /// The number of the current set.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current set.
    pub(super) fn current(&self) -> Arc<MaskSet> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again, if there is a reason. Where that fails, the objects of the earlier file stay masked.
    pub(super) fn look(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let requested = self.requested.swap(false, Ordering::Relaxed);
        let found = self.path.metadata().ok();
        let found = found.map(|metadata| Identity::of(&metadata));
        let failed = state.failed;
        let is_due = match failed {
            _ if requested => true,
            None => found.is_none_or(|found| !found.is_same_file(&state.loaded)),
            Some(_) if found == Some(state.loaded) => {
                state.failed = None;
                self.counts.show_mask_fresh();
                tracing::info!("the list of masked objects is the one in use again");
                false
            }
            Some((tried, was)) => found != was || now.duration_since(tried) >= TRY_EVERY,
        };
        if !is_due {
            return;
        }
        match load(&self.path) {
            Ok((set, identity, file)) => {
                let (count, before) = (set.len(), self.current().len());
                self.counts.show_mask(count);
                let set = Arc::new(set);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
                self.version.fetch_add(1, Ordering::Release);
                *state = State {
                    loaded: identity,
                    _file: file,
                    failed: None,
                };
                tracing::info!(
                    "the list of masked objects was read again: it has {count}, and had {before}"
                );
            }
            Err(error) => {
                state.failed = Some((now, found));
                self.counts.show_mask_stale();
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                tracing::error!(
                    "{error}{cause}: the {} masked objects of before stay masked",
                    self.current().len()
                );
            }
        }
    }
}

fn load(path: &Path) -> Result<(MaskSet, Identity, File), MaskError> {
    let (file, identity) = open(path)?;
    Ok((mask_file::read(path, &file)?, identity, file))
}

/// Reads the list to its end, and answers how much memory the set would take, in bytes.
///
/// # Errors
/// When it cannot be read, or a line is no SWHID.
pub(super) fn survey(path: &Path) -> Result<usize, MaskError> {
    let (file, _) = open(path)?;
    Ok(mask_file::count(path, &file)?.bytes())
}

/// Opens the list, with its state from before it is read: what changes meanwhile is another one.
fn open(path: &Path) -> Result<(File, Identity), MaskError> {
    let failed = |source| MaskError::Open {
        path: path.to_owned(),
        source,
    };
    // A pipe without a writer would keep whoever opens it waiting, and with it every later change of the list.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    Ok((file, Identity::of(&metadata)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::privacy::swhid::{Kind, Swhid};

    const A: Swhid = Swhid {
        kind: Kind::Content,
        id: [0xaa; 20],
    };
    const B: Swhid = Swhid {
        kind: Kind::Content,
        id: [0xbb; 20],
    };

    fn line(swhid: &Swhid) -> String {
        format!("swh:1:cnt:{}\n", crate::text::hex(&swhid.id))
    }

    struct Setting {
        folder: tempfile::TempDir,
        counts: Arc<PrivacyCounts>,
        mask: Mask,
    }

    /// A mask whose file has `A`.
    fn setting() -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask");
        fs::write(&path, line(&A)).unwrap();
        let counts = Arc::default();
        let mask = Mask::load(&path, &counts).unwrap();
        Setting {
            folder,
            counts,
            mask,
        }
    }

    impl Setting {
        fn replace(&self, text: &str) {
            let new = self.folder.path().join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, &self.mask.path).unwrap();
        }

        fn masks(&self, swhid: &Swhid) -> bool {
            self.mask.current().contains(swhid)
        }
    }

    #[test]
    fn replaced_file_is_read_and_one_that_is_written_to_is_not_without_a_request() {
        let setting = setting();
        let now = Instant::now();
        fs::write(&setting.mask.path, line(&B)).unwrap();
        setting.mask.look(now);
        assert!(setting.masks(&A) && !setting.masks(&B));
        setting.mask.requested.store(true, Ordering::Relaxed);
        setting.mask.look(now);
        assert!(setting.masks(&B) && !setting.masks(&A));
        let version = setting.mask.version();
        setting.replace(&line(&A));
        setting.mask.look(now);
        assert!(setting.masks(&A) && !setting.masks(&B));
        assert!(setting.mask.version() > version);
    }

    #[test]
    fn file_that_cannot_be_used_leaves_the_mask_as_it_was_until_it_can() {
        let setting = setting();
        let now = Instant::now();
        for damage in [Some("swh:1:cnt:1\n"), Some(""), None] {
            match damage {
                Some(text) => setting.replace(text),
                None => fs::remove_file(&setting.mask.path).unwrap(),
            }
            setting.mask.look(now);
            assert!(setting.masks(&A) && setting.counts.mask_stale_for().is_some());
        }
        setting.replace(&line(&B));
        setting.mask.look(now);
        assert!(setting.masks(&B) && setting.counts.mask_stale_for().is_none());
    }

    #[test]
    fn pipe_in_place_of_the_file_keeps_nobody_waiting() {
        let setting = setting();
        let now = Instant::now();
        fs::remove_file(&setting.mask.path).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &setting.mask.path, kind, mode, 0).unwrap();
        setting.mask.look(now);
        assert!(setting.masks(&A) && setting.counts.mask_stale_for().is_some());
        setting.replace(&line(&B));
        setting.mask.look(now);
        assert!(setting.masks(&B));
    }

    #[test]
    fn broken_file_is_tried_again_each_minute() {
        let setting = setting();
        let now = Instant::now();
        let tried = || setting.mask.state.lock().unwrap().failed.unwrap().0;
        setting.replace("x");
        setting.mask.look(now);
        let before = tried();
        setting.mask.look(now + TRY_EVERY / 2);
        assert_eq!(tried(), before);
        setting.mask.look(now + TRY_EVERY);
        assert!(tried() > before);
    }
}
