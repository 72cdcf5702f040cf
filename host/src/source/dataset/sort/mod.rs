//! Relations whose rows do not follow the order of their main table: they are sorted once, into a file that is kept.
//!
//! The file has the rows of the relation in the order of all rows of the main table. Its name holds a digest of the names
//! and sizes of both tables' files, so that it is found again as long as these stay as they are.

mod blocks;
mod cells;
mod external;
mod ids;
mod join;
mod kept;
mod partitions;
mod progress;
mod repeated;
mod temporary;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::HumanBytes;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use self::external::Key;
use self::join::{Done, Join, total};
use self::kept::{DIGEST, LeftOut, Writer};
pub(super) use self::kept::{Kept, Reader};
use self::progress::Progress;
pub(super) use self::temporary::make_folder;
use super::error::{Error, Reason};
use super::table::{Main, Relation};
use crate::text::{Quoted, plural};

/// The number of the rules by which a sort leaves rows out. With other rules, what is kept is not read again.
fn rules(relation: Relation) -> &'static str {
    match relation {
        Relation::RevisionExtraHeaders => "2 ",
        Relation::DirectoryEntry | Relation::RevisionHistory | Relation::SnapshotBranch => "",
    }
}

/// How relations are sorted.
#[derive(Clone, Debug)]
pub(crate) struct SortOptions {
    /// The folder for temporary files, and for what is kept.
    pub(crate) folder: PathBuf,
    /// The memory that a sort takes at most, in bytes.
    pub(crate) memory: usize,
    /// Whether nothing is sorted: what it would cost is said.
    pub(crate) is_dry_run: bool,
}

/// A file of a table.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) rows: u64,
}

/// A relation that is out of step.
#[derive(Debug)]
pub(super) struct OutOfStep<'a> {
    pub(super) main: Main,
    /// The files of the main table, in the order of their numbers.
    pub(super) mains: &'a [Input],
    pub(super) relation: Relation,
    pub(super) files: &'a [Input],
    /// How it is known.
    pub(super) reason: Reason,
}

/// What a sort takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    rows: u64,
    /// About the most bytes of the folder at any time.
    peak: u64,
}

impl OutOfStep<'_> {
    /// The sorted rows. None in a dry run, if they are not kept.
    pub(super) fn sorted(
        &self,
        options: &SortOptions,
        known: &Known,
    ) -> Result<Option<Arc<Kept>>, Error> {
        let digest = self.digest();
        if let Some(kept) = known.get(self.relation, &digest) {
            return Ok(Some(kept));
        }
        let kept = self.kept_or_sorted(options, &digest)?;
        if let Some(kept) = &kept {
            known.add(kept);
        }
        Ok(kept)
    }

    fn kept_or_sorted(
        &self,
        options: &SortOptions,
        digest: &str,
    ) -> Result<Option<Arc<Kept>>, Error> {
        let name = format!("{}-{digest}.rows", self.relation.name());
        let path = options.folder.join(name);
        if let Some(kept) = self.kept(&path, digest)? {
            return Ok(Some(kept));
        }
        if options.is_dry_run {
            self.check_cost(options)?;
            return Ok(None);
        }
        let folder = &options.folder;
        make_folder(folder).map_err(|source| cannot(folder, source))?;
        let lock = Lock::acquire(&path, self.relation)?;
        // Another process may have sorted them meanwhile.
        if let Some(kept) = self.kept(&path, digest)? {
            return Ok(Some(kept));
        }
        self.check_cost(options)?;
        self.sort(options, digest, &path)?;
        let kept = Kept::open(&path, self.relation, digest)?;
        drop(lock);
        // It is there, unless someone has removed it since.
        kept.map(Some).ok_or_else(|| Error::Open {
            file: path,
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn kept(&self, path: &Path, digest: &str) -> Result<Option<Arc<Kept>>, Error> {
        let kept = Kept::open(path, self.relation, digest)?;
        if let Some(kept) = &kept {
            tracing::info!(
                "the table `{}` is out of step: its sorted rows are read from {}",
                self.relation.name(),
                Quoted(&path.display().to_string())
            );
            self.warn(kept.left_out());
        }
        Ok(kept)
    }

    /// Says what a sort costs, and refuses it where the folder has no room.
    fn check_cost(&self, options: &SortOptions) -> Result<(), Error> {
        let cost = self.cost(options.memory);
        let folder = existing(&options.folder);
        let free = temporary::free_bytes(folder).map_err(|source| cannot(folder, source))?;
        let table = self.relation.name();
        let shown = options.folder.display().to_string();
        let verb = if options.is_dry_run {
            "would be"
        } else {
            "are"
        };
        tracing::info!(
            "the table `{table}` is out of step with `{}` ({}): {} {verb} sorted once, which takes about {} of disk \
             space in {}",
            self.main.name(),
            self.reason,
            plural(cost.rows, "row"),
            HumanBytes(cost.peak),
            Quoted(&shown),
        );
        if cost.peak > free {
            return Err(Error::NoSpace {
                folder: options.folder.clone(),
                table,
                needed: cost.peak,
                free,
            });
        }
        Ok(())
    }

    /// About what a sort takes, by the sizes of the files: a row mostly takes no more than in them, but for its identifier.
    fn cost(&self, memory: usize) -> Cost {
        const ID: u64 = 32;
        const KEY: u64 = 16;
        const RECORD: u64 = 4;
        let (mains, rows) = self.rows();
        let cells = total(self.files.iter().map(|file| bytes(&file.path)));
        let with = |rows: u64, each| cells.saturating_add(rows.saturating_mul(each));
        let divided = match join::parts(memory, mains) {
            1 => 0,
            _ => with(rows.saturating_add(mains), ID),
        };
        let in_memory = with(rows, 2 * size_of::<Key>() as u64);
        let runs = if in_memory > memory as u64 / 2 {
            with(rows, KEY)
        } else {
            0
        };
        let result = with(rows, RECORD);
        Cost {
            rows,
            // Where there are many runs, some are merged into longer ones first.
            peak: runs.saturating_add(divided.max(result).max(runs)),
        }
    }

    /// The rows of the main table, and those of the relation.
    fn rows(&self) -> (u64, u64) {
        let of = |files: &[Input]| total(files.iter().map(|file| file.rows));
        (of(self.mains), of(self.files))
    }

    fn sort(&self, options: &SortOptions, digest: &str, path: &Path) -> Result<(), Error> {
        let (mains, rows) = self.rows();
        let times = if join::parts(options.memory, mains) == 1 {
            2
        } else {
            3
        };
        let join = Join {
            main: self.main,
            mains: self
                .mains
                .iter()
                .map(|file| (&*file.path, file.rows))
                .collect(),
            relation: self.relation,
            files: self.files.iter().map(|file| file.path.clone()).collect(),
            folder: &options.folder,
            memory: options.memory,
        };
        let cannot = |source| cannot(&options.folder, source);
        let mut progress = Progress::new(self.relation.name(), rows.saturating_mul(times));
        progress.expect(mains);
        let mut writer = Writer::create(&options.folder).map_err(cannot)?;
        let done = join.run(&mut writer, &mut progress)?;
        let bytes = writer.finish(digest, done.left_out, path).map_err(cannot)?;
        self.log_done(&done, bytes, &progress, path);
        Ok(())
    }

    fn log_done(&self, done: &Done, bytes: u64, progress: &Progress, path: &Path) {
        let table = self.relation.name();
        let elapsed = progress.elapsed();
        let rate = u128::from(done.rows) * 1000 / elapsed.as_millis().max(1);
        tracing::info!(
            "sorted the table `{table}` in {:.1} s ({rate} rows/s): {} with {} are kept in {}",
            elapsed.as_secs_f64(),
            plural(done.rows, "row"),
            HumanBytes(bytes),
            Quoted(&path.display().to_string())
        );
        tracing::debug!("temporary files had {}", HumanBytes(done.spilled));
        self.warn(done.left_out);
    }

    fn warn(&self, left_out: LeftOut) {
        let table = self.relation.name();
        if left_out.unmatched > 0 {
            tracing::warn!(
                "{} of the table `{table}` are left out: they belong to no row of the table `{}`",
                plural(left_out.unmatched, "row"),
                self.main.name()
            );
        }
        if left_out.repeated > 0 {
            tracing::warn!(
                "{} of the table `{table}` are left out: the same row is there already",
                plural(left_out.repeated, "row")
            );
        }
    }

    /// Tells both tables from others, by the names and sizes of their files, and the rules of the sort.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(rules(self.relation));
        for (table, files) in [
            (self.main.name(), self.mains),
            (self.relation.name(), self.files),
        ] {
            digest.update(format!("{table} {} ", files.len()));
            for file in files {
                let name = file.path.file_name().unwrap_or_default();
                let name = name.as_encoded_bytes();
                let bytes = bytes(&file.path);
                digest.update(format!("{} {bytes} {} ", file.rows, name.len()));
                digest.update(name);
            }
        }
        let mut digest = format!("{:x}", digest.finalize());
        digest.truncate(DIGEST);
        digest
    }
}

/// The files that are open: a benchmark and a test read a dataset several times.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Vec<Arc<Kept>>>);

impl Known {
    fn get(&self, relation: Relation, digest: &str) -> Option<Arc<Kept>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |kept: &&Arc<Kept>| kept.relation() == relation && kept.digest() == digest;
        known.iter().find(is_it).cloned()
    }

    fn add(&self, kept: &Arc<Kept>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push(Arc::clone(kept));
    }
}

/// One process sorts a relation into a folder at a time.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn acquire(kept: &Path, relation: Relation) -> Result<Self, Error> {
        let path = kept.with_extension("lock");
        let folder = kept.parent().unwrap_or(kept);
        let cannot = |source| cannot(folder, source);
        // A link that another user has put there is not followed, and no file is emptied.
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        options
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&path).map_err(cannot)?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            tracing::info!(
                "another process sorts the table `{}`: waiting for it",
                relation.name()
            );
            file.lock().map_err(cannot)?;
        }
        // Without locks, several processes may sort the same, and the first one to end gives the file its name.
        Ok(Self { path, _file: file })
    }
}

impl Drop for Lock {
    /// Removes the file. A process that waits for the lock, and one that makes another file, find what is kept.
    fn drop(&mut self) {
        // A file that stays does no harm.
        let _removed = fs::remove_file(&self.path);
    }
}

/// The folder, or the nearest one above it that is there.
fn existing(folder: &Path) -> &Path {
    let mut above = folder.ancestors().filter(|path| path.is_dir());
    above.next().unwrap_or(Path::new("."))
}

fn cannot(folder: &Path, source: io::Error) -> Error {
    Error::Temporary {
        folder: folder.to_owned(),
        source,
    }
}

fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
