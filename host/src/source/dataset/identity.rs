//! Whether objects have the identifiers that their content gives them.
//!
//! An export lacks the names of persons, so the identifiers of revisions and releases cannot be verified. It leaves out some
//! branches, so a snapshot may be right although its identifier differs.

use sha1::{Digest, Sha1};

/// What is known of an object's identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one of the content.
    Verified,
    /// It is another one, so that the content is damaged.
    Mismatch,
    /// It is another one, and the export may have left something out.
    CannotTell,
    /// It depends on what the export does not hold.
    NotVerifiable,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: &'a str,
    pub(super) target: [u8; 20],
    pub(super) perms: i64,
}

/// An entry by which a directory is identified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sortable {
    /// The name, with a slash after that of a directory.
    name: Vec<u8>,
    is_directory: bool,
    perms: i64,
    target: [u8; 20],
}

/// A branch of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Branch {
    pub(super) name: Vec<u8>,
    pub(super) kind: String,
    pub(super) target: Vec<u8>,
}

impl Entry<'_> {
    pub(super) fn sortable(&self) -> Sortable {
        let is_directory = self.kind == "dir";
        let end: &[u8] = if is_directory { b"/" } else { b"" };
        Sortable {
            name: [self.name, end].concat(),
            is_directory,
            perms: self.perms,
            target: self.target,
        }
    }
}

/// The verdict on an object with this manifest, which begins with git's header.
pub(super) fn raw(id: &[u8; 20], manifest: &[u8]) -> Verdict {
    verified(id, &Sha1::digest(manifest).into())
}

/// The verdict on a directory.
pub(super) fn directory(id: &[u8; 20], mut entries: Vec<Sortable>) -> Verdict {
    entries.sort_unstable();
    let mut manifest = Vec::new();
    for entry in &entries {
        let end = entry.name.len() - usize::from(entry.is_directory);
        manifest.extend_from_slice(format!("{:o} ", entry.perms).as_bytes());
        manifest.extend_from_slice(&entry.name[..end]);
        manifest.push(0);
        manifest.extend_from_slice(&entry.target);
    }
    verified(id, &of("tree", &manifest))
}

/// The verdict on a snapshot.
pub(super) fn snapshot(id: &[u8; 20], mut branches: Vec<Branch>) -> Verdict {
    branches.sort_unstable();
    let mut manifest = Vec::new();
    for branch in &branches {
        manifest.extend_from_slice(branch.kind.as_bytes());
        manifest.push(b' ');
        manifest.extend_from_slice(&branch.name);
        manifest.extend_from_slice(format!("\0{}:", branch.target.len()).as_bytes());
        manifest.extend_from_slice(&branch.target);
    }
    match verified(id, &of("snapshot", &manifest)) {
        Verdict::Mismatch => Verdict::CannotTell,
        verdict => verdict,
    }
}

/// The verdict on an origin.
pub(super) fn origin(id: &[u8; 20], url: &str) -> Verdict {
    verified(id, &Sha1::digest(url.as_bytes()).into())
}

fn of(kind: &str, manifest: &[u8]) -> [u8; 20] {
    let header = format!("{kind} {}\0", manifest.len());
    let hash = Sha1::new().chain_update(header).chain_update(manifest);
    hash.finalize().into()
}

fn verified(id: &[u8; 20], found: &[u8; 20]) -> Verdict {
    if id == found {
        Verdict::Verified
    } else {
        Verdict::Mismatch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digits: &str) -> [u8; 20] {
        const_hex::decode_to_array(digits).unwrap()
    }

    #[test]
    fn directory_is_verified_whatever_the_order_of_its_entries() {
        let entry = |name: &'static str, kind, perms| {
            let target = [7; 20];
            let name = name.as_bytes();
            let entry = Entry {
                name,
                kind,
                target,
                perms,
            };
            entry.sortable()
        };
        // `git mktree` gives this identifier.
        let right = id("8a5eaa56eef04e2ca15ec2f1f7d0a0a0c5b3b1a9");
        let entries = vec![
            entry("a", "dir", 0o040_000),
            entry("a.b", "file", 0o100_644),
        ];
        let mut other_order = entries.clone();
        other_order.reverse();
        assert_eq!(
            directory(&right, entries.clone()),
            directory(&right, other_order)
        );
        let empty = id("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(directory(&empty, Vec::new()), Verdict::Verified);
        assert_eq!(directory(&empty, entries), Verdict::Mismatch);
    }

    #[test]
    fn snapshot_that_lacks_branches_is_not_said_to_be_damaged() {
        let empty = id("1a8893e6a86f444e8be8e7bda6cb34fb1735a00e");
        assert_eq!(snapshot(&empty, Vec::new()), Verdict::Verified);
        let branch = Branch {
            name: b"HEAD".to_vec(),
            kind: "alias".to_owned(),
            target: b"refs/heads/main".to_vec(),
        };
        assert_eq!(snapshot(&empty, vec![branch]), Verdict::CannotTell);
    }

    #[test]
    fn origin_is_identified_by_its_url() {
        let right = id("c700bc13d5706c4e24e7b05536dace0cd8e17619");
        let url = "https://somewhere.org/den/fox";
        assert_eq!(origin(&right, url), Verdict::Verified);
        assert_eq!(origin(&right, "https://somewhere.org"), Verdict::Mismatch);
    }

    #[test]
    fn manifest_identifies_an_object_that_its_members_do_not() {
        let empty = id("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(raw(&empty, b"tree 0\0"), Verdict::Verified);
        assert_eq!(raw(&empty, b"tree 1\0"), Verdict::Mismatch);
    }
}
