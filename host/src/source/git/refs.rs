//! The refs of a repository, as upstream's loader keeps them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::Error;
use super::command::Git;
use super::headers;
use super::listing::Kind;
use crate::text;

/// What a file of a symbolic ref begins with.
const SYMBOLIC: &[u8] = b"ref: ";
/// The longest ref that is read, in bytes: longer names are no files.
const LONGEST: u64 = 4 << 10;
/// How deep folders of refs are.
const DEPTH: usize = 64;

/// The refs before it is known what they point to.
#[derive(Debug, Default)]
pub(super) struct Refs {
    /// The name of each ref, with the object that it leads to.
    pub(super) targets: BTreeMap<Vec<u8>, [u8; 20]>,
    /// The name of each symbolic ref, with the name that it leads to.
    pub(super) symbolic: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The names of refs that git cannot read, and leaves out.
    pub(super) broken: Vec<String>,
}

/// A branch of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// An object.
    Object(Kind, [u8; 20]),
    /// Another branch.
    Alias(Vec<u8>),
    /// Nothing is known of its target.
    Dangling,
}

impl Branch {
    /// The type of the target and the target; a dangling one has neither.
    pub(super) fn parts(&self) -> (Option<&'static str>, &[u8]) {
        match self {
            Self::Object(kind, id) => (Some(kind.object_type()), id),
            Self::Alias(name) => (Some("alias"), name),
            Self::Dangling => (None, &[]),
        }
    }
}

/// Whether upstream's loader leaves a ref out.
fn is_ignored(name: &[u8]) -> bool {
    let is_merge = |folder: &[u8]| name.starts_with(folder) && name.ends_with(b"/merge");
    name.ends_with(b"^{}")
        || is_merge(b"refs/pull/")
        || is_merge(b"refs/merge-requests/")
        || name.starts_with(b"refs/pipelines/")
        || name.starts_with(b"refs/changes/")
}

/// The ref that a warning of git is about, if it is a broken one.
fn broken(warning: &str) -> Option<String> {
    let name = warning.strip_prefix("ignoring broken ref ")?;
    Some(text::clean(name, text::REASON_BYTES))
}

impl Refs {
    /// Reads the refs that are kept. `folders` are those of the repository and of its worktree.
    ///
    /// # Errors
    /// When git cannot.
    pub(super) fn read(git: &Git, folders: &[&Path]) -> Result<Self, Error> {
        let mut refs = Self::default();
        for folder in folders {
            refs.find_symbolic(&folder.join("refs"), b"refs", DEPTH);
        }
        let format = "--format=%(objectname) %(refname) %(symref)";
        let (listed, warnings) = git.ask_with_warnings(&["for-each-ref", format])?;
        refs.broken = warnings
            .iter()
            .filter_map(|warning| broken(warning))
            .collect();
        for line in listed.split(|&byte| byte == b'\n') {
            let mut words = line.splitn(3, |&byte| byte == b' ');
            let (Some(id), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            let Some(id) = headers::id(id) else {
                continue;
            };
            refs.targets.insert(name.to_owned(), id);
            let is_symbolic = words.next().is_some_and(|target| !target.is_empty());
            if is_symbolic && !refs.symbolic.contains_key(name) {
                // It is in no file: the refs are kept in another form.
                refs.look_up(git, name)?;
            }
        }
        refs.look_up(git, b"HEAD")?;
        let head = git.look_up(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
        if let Some(id) = head.and_then(|head| headers::id(&head)) {
            refs.targets.insert(b"HEAD".to_vec(), id);
        }
        refs.targets.retain(|name, _| !is_ignored(name));
        refs.symbolic.retain(|name, _| !is_ignored(name));
        Ok(refs)
    }

    /// Asks git where a symbolic ref leads to.
    fn look_up(&mut self, git: &Git, name: &[u8]) -> Result<(), Error> {
        let Ok(text) = std::str::from_utf8(name) else {
            return Ok(());
        };
        let target = git.look_up(&["symbolic-ref", "--quiet", "--no-recurse", text])?;
        if let Some(target) = target {
            self.symbolic.insert(name.to_owned(), target);
        }
        Ok(())
    }

    /// Finds the symbolic refs in a folder: git does not list those that lead nowhere.
    fn find_symbolic(&mut self, folder: &Path, name: &[u8], depth: usize) {
        // What cannot be read has no refs.
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = [name, b"/", entry.file_name().as_encoded_bytes()].concat();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth > 0 => {
                    self.find_symbolic(&entry.path(), &name, depth - 1);
                }
                Ok(kind) if kind.is_file() => {
                    if let Some(target) = symbolic(&entry.path()) {
                        self.symbolic.insert(name, target);
                    }
                }
                _ => {}
            }
        }
    }

    /// The branches of the snapshot, sorted by name. `kind` says what an object is, if it is there.
    pub(super) fn branches(
        &self,
        kind: impl Fn(&[u8; 20]) -> Option<Kind>,
    ) -> Vec<(Vec<u8>, Branch)> {
        let mut branches = BTreeMap::new();
        for (name, id) in &self.targets {
            let branch = kind(id).map_or(Branch::Dangling, |kind| Branch::Object(kind, *id));
            branches.insert(name.clone(), branch);
        }
        for (name, target) in &self.symbolic {
            branches.insert(name.clone(), Branch::Alias(target.clone()));
        }
        for target in self.symbolic.values() {
            branches.entry(target.clone()).or_insert(Branch::Dangling);
        }
        branches.into_iter().collect()
    }
}

/// The target of a symbolic ref.
fn symbolic(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let target = bytes.strip_prefix(SYMBOLIC)?;
    Some(target.trim_ascii().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_upstream_drops_are_dropped() {
        for (name, expected) in [
            ("refs/heads/main", false),
            ("refs/tags/v1^{}", true),
            ("refs/pull/1/merge", true),
            ("refs/pull/1/head", false),
            ("refs/merge-requests/1/merge", true),
            ("refs/merge-requests/1/head", false),
            ("refs/pipelines/1", true),
            ("refs/changes/01/1/1", true),
            ("refs/notes/commits", false),
            ("refs/stash", false),
            ("refs/remotes/origin/HEAD", false),
        ] {
            assert_eq!(is_ignored(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn symbolic_refs_are_aliases_and_dangling_targets_are_branches() {
        let mut refs = Refs::default();
        refs.targets.insert(b"refs/heads/main".to_vec(), [1; 20]);
        refs.targets.insert(b"HEAD".to_vec(), [1; 20]);
        refs.targets.insert(b"refs/heads/lost".to_vec(), [2; 20]);
        let alias = |name: &[u8], target: &[u8]| (name.to_vec(), target.to_vec());
        refs.symbolic.extend([
            alias(b"HEAD", b"refs/heads/main"),
            alias(b"refs/remotes/o/HEAD", b"refs/remotes/o/gone"),
        ]);
        let kind = |id: &[u8; 20]| (id == &[1; 20]).then_some(Kind::Commit);
        let branch = |name: &[u8], branch| (name.to_vec(), branch);
        assert_eq!(
            refs.branches(kind),
            [
                branch(b"HEAD", Branch::Alias(b"refs/heads/main".to_vec())),
                branch(b"refs/heads/lost", Branch::Dangling),
                branch(b"refs/heads/main", Branch::Object(Kind::Commit, [1; 20])),
                branch(
                    b"refs/remotes/o/HEAD",
                    Branch::Alias(b"refs/remotes/o/gone".to_vec())
                ),
                branch(b"refs/remotes/o/gone", Branch::Dangling),
            ]
        );
    }
}
