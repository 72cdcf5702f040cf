//! A git repository, opened for reading.
//!
//! All processes of git are started here, before the process that reads them gives up the right to start programs. What
//! they write is read later.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Error;
use super::command::Git;
use super::listing::{Kind, Lister, Listing};
use super::objects::{Objects, Question};
use super::origin;
use super::refs::{Branch, Refs};
use super::release;
use super::revision;
use super::visit::{Visit, VisitDate, snapshot_id};
use crate::text;

/// How many objects are asked for at a time. The requests of two such lots fit into a pipe.
pub(super) const LOT: usize = 512;
/// How many tags may point to one another.
const TAGS: usize = 32;

/// What is read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// A folder of the repository.
    pub repository: PathBuf,
    /// The URL of the origin, if it is given.
    pub origin: Option<String>,
    /// The time of the visit, if it is given.
    pub visit_date: Option<VisitDate>,
    /// Whether objects are read that no ref leads to.
    pub all_objects: bool,
    /// Bytes from which a blob is a skipped content.
    pub max_content_size: u64,
}

/// A repository with the processes that read it.
pub(crate) struct Repository {
    /// The folder that messages name.
    pub(super) folder: PathBuf,
    max_content_size: u64,
    /// The branches of the snapshot, sorted by name.
    pub(super) branches: Vec<(Vec<u8>, Branch)>,
    origin: String,
    visit_date: Option<VisitDate>,
    /// The commits at which a shallow clone ends.
    shallow: usize,
    /// Refs that cannot be read.
    broken_refs: usize,
    /// Objects of refs that are not there.
    missing: u64,
    /// Whether a server promised objects that it may lack.
    is_partial: bool,
    /// Whether it may lack objects that are not counted: those of a partial clone count only where they are reached.
    may_lack_more: bool,
    reading: Mutex<Reading>,
}

/// What the one worker that reads at a time uses.
pub(super) struct Reading {
    pub(super) objects: Objects,
    lister: Option<Lister>,
    listing: Option<Arc<Listing>>,
}

/// What git says of a repository.
struct Facts {
    folder: PathBuf,
    /// The folders that may have refs.
    folders: Vec<PathBuf>,
    shallow: usize,
}

impl Repository {
    /// Opens a repository, and starts the processes that read it.
    ///
    /// # Errors
    /// When there is none, or it is none of the archive's.
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let git = Git::of(&options.repository)?;
        let facts = Facts::of(&git)?;
        let folders: Vec<&Path> = facts.folders.iter().map(PathBuf::as_path).collect();
        let refs = Refs::read(&git, &folders)?;
        let mut objects = Objects::start(&git)?;
        let kinds = kinds(&mut objects, &refs)?;
        let branches = refs.branches(|id| kinds.get(id).copied());
        if !refs.broken.is_empty() {
            tracing::warn!(
                "`{}` is damaged: git cannot read the refs {}, which are left out",
                facts.folder.display(),
                text::list(&refs.broken)
            );
        }
        let is_missing = |id: &&[u8; 20]| !kinds.contains_key(*id);
        let lister = if options.all_objects {
            Lister::of_all(&git)?
        } else {
            Lister::of_reachable(&git, kinds.keys())?
        };
        let is_partial = is_partial_clone(&git)?;
        let origin = match &options.origin {
            Some(origin) => origin.clone(),
            None => origin::of(&git, &facts.folder)?,
        };
        tracing::info!(
            "the git repository `{}` is read as the origin `{origin}`, with {} branches",
            facts.folder.display(),
            branches.len()
        );
        Ok(Self {
            folder: facts.folder,
            max_content_size: options.max_content_size,
            branches,
            origin,
            visit_date: options.visit_date,
            shallow: facts.shallow,
            broken_refs: refs.broken.len(),
            missing: refs.targets.values().filter(is_missing).count() as u64,
            is_partial,
            may_lack_more: options.all_objects && is_partial,
            reading: Mutex::new(Reading {
                objects,
                lister: Some(lister),
                listing: None,
            }),
        })
    }

    /// What the one worker uses that reads the repository.
    pub(super) fn reading(&self) -> MutexGuard<'_, Reading> {
        // Nothing is left half done where a thread panics: the process ends.
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of all objects, as soon as it is whole; some of it is read within `wait`.
    pub(super) fn listing(&self, wait: Duration) -> Result<Option<Arc<Listing>>, Error> {
        let mut reading = self.reading();
        if let Some(listing) = &reading.listing {
            return Ok(Some(Arc::clone(listing)));
        }
        let Some(lister) = &mut reading.lister else {
            return Err(Error::Answer(String::new()));
        };
        let Some(mut listing) = lister.step(wait)? else {
            return Ok(None);
        };
        listing.skip_from(self.max_content_size);
        self.warn(&listing);
        let listing = Arc::new(listing);
        reading.lister = None;
        reading.listing = Some(Arc::clone(&listing));
        Ok(Some(listing))
    }

    /// Logs what the repository lacks.
    fn warn(&self, listing: &Listing) {
        let missing = listing.missing + self.missing;
        let folder = self.folder.display();
        // Only clones that are shallow or partial lack objects on purpose.
        let is_damaged = !self.is_partial && self.shallow == 0;
        if missing > 0 && is_damaged {
            tracing::warn!(
                "`{folder}` is damaged: it lacks {missing} of its objects, which are left out; `git fsck` names them"
            );
        } else if missing > 0 {
            tracing::warn!(
                "`{folder}` lacks {missing} of its objects, as a partial clone does; they are left out"
            );
        }
        if self.may_lack_more {
            tracing::warn!(
                "`{folder}` is a partial clone: what it lacks is left out, and not counted with all objects"
            );
        }
        if self.shallow > 0 {
            tracing::warn!(
                "`{folder}` is a shallow clone: its history ends at {} commits, and what is before them is left out",
                self.shallow
            );
        }
    }

    /// The visit.
    pub(super) fn visit(&self, listing: &Listing) -> Result<Visit, Error> {
        let date = match self.visit_date {
            Some(date) => date,
            None => VisitDate::at(self.newest()?),
        };
        Ok(Visit {
            origin: self.origin.clone(),
            date,
            snapshot: snapshot_id(&self.branches),
            is_full: self.shallow == 0
                && self.broken_refs == 0
                && self.missing + listing.missing == 0
                && !self.may_lack_more,
        })
    }

    /// The newest time of a commit to which a branch leads; 1970 where there is none.
    fn newest(&self) -> Result<i64, Error> {
        let mut reading = self.reading();
        let objects = &mut reading.objects;
        objects.forget()?;
        let of_branch = |(_, branch): &(Vec<u8>, Branch)| match branch {
            Branch::Object(kind @ (Kind::Commit | Kind::Tag), id) => Some((*id, *kind)),
            _ => None,
        };
        let mut level: Vec<([u8; 20], Kind)> = self.branches.iter().filter_map(of_branch).collect();
        let mut newest = None;
        for _ in 0..TAGS {
            level.sort_unstable_by_key(|(id, _)| *id);
            level.dedup_by_key(|(id, _)| *id);
            let mut next = Vec::new();
            let mut bytes = Vec::new();
            for lot in level.chunks(LOT) {
                objects.ask(Question::Contents, lot.iter().map(|(id, _)| *id));
                for _ in lot {
                    bytes.clear();
                    let answer = objects.answer()?;
                    objects.bytes(|part| bytes.extend_from_slice(part))?;
                    match answer {
                        Some((Kind::Commit, _)) => newest = newest.max(revision::committed(&bytes)),
                        Some((Kind::Tag, _)) => next.extend(
                            release::target(&bytes)
                                .filter(|(_, kind)| matches!(kind, Kind::Commit | Kind::Tag)),
                        ),
                        _ => {}
                    }
                }
            }
            level = next;
        }
        Ok(newest.unwrap_or(0))
    }
}

/// The types of the objects to which refs lead; those that are not there are left out.
fn kinds(objects: &mut Objects, refs: &Refs) -> Result<BTreeMap<[u8; 20], Kind>, Error> {
    let mut ids: Vec<[u8; 20]> = refs.targets.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut kinds = BTreeMap::new();
    for lot in ids.chunks(LOT) {
        objects.ask(Question::Info, lot.iter().copied());
        for id in lot {
            if let Some((kind, _)) = objects.answer()? {
                kinds.insert(*id, kind);
            }
        }
    }
    Ok(kinds)
}

/// Whether a server promised objects that the repository may lack.
fn is_partial_clone(git: &Git) -> Result<bool, Error> {
    let names = r"^(extensions\.partialclone|remote\..*\.promisor)$";
    let settings = git.look_up(&["config", "--get-regexp", names])?;
    let settings = settings.unwrap_or_default();
    let mut lines = settings.split(|&byte| byte == b'\n');
    Ok(lines.any(|line| !line.is_empty() && !line.ends_with(b" false")))
}

impl Facts {
    fn of(git: &Git) -> Result<Self, Error> {
        let answer = git.ask(&[
            "rev-parse",
            "--show-object-format",
            "--is-shallow-repository",
            "--is-inside-work-tree",
            "--path-format=absolute",
            "--git-dir",
            "--git-common-dir",
        ])?;
        let mut lines = answer.split(|&byte| byte == b'\n');
        let mut next = || lines.next().unwrap_or_default();
        let [format, shallow, in_worktree, own, common] = [(); 5].map(|()| next());
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let (own, common) = (path(own), path(common));
        let root = match in_worktree {
            b"true" => git.look_up(&["rev-parse", "--show-toplevel"])?,
            _ => None,
        };
        let folder = root.map_or_else(|| own.clone(), |root| path(&root));
        if format != b"sha1" {
            return Err(Error::Sha256(folder));
        }
        let boundary = std::fs::read(common.join("shallow")).unwrap_or_default();
        let shallow = match shallow {
            b"true" => boundary
                .split(|&byte| byte == b'\n')
                .filter(|line| !line.is_empty())
                .count(),
            _ => 0,
        };
        let mut folders = vec![common];
        if !folders.contains(&own) {
            folders.push(own);
        }
        Ok(Self {
            folder,
            folders,
            shallow,
        })
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
