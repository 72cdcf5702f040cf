//! A tree as a directory.

use std::cmp::Ordering;

use crate::source::encoder::Encoder;

/// The bits of an entry's mode that make it a revision, and those that make it a directory.
const REVISION: u64 = 0o160_000;
const DIRECTORY: u64 = 0o040_000;
/// The bits of the kind of a file, and those of a folder.
const KIND: u64 = 0o170_000;

/// An entry of a tree.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    mode: u64,
    name: &'a [u8],
    target: &'a [u8; 20],
}

impl Entry<'_> {
    fn kind(&self) -> &'static str {
        if self.mode & REVISION == REVISION {
            "rev"
        } else if self.mode & DIRECTORY == DIRECTORY {
            "dir"
        } else {
            "file"
        }
    }

    /// Compares by name, as if the name of a directory ended in a slash.
    fn compare(&self, other: &Self, is_directory: impl Fn(&Self) -> bool) -> Ordering {
        let common = self.name.len().min(other.name.len());
        let order = self.name[..common].cmp(&other.name[..common]);
        let next = |entry: &Self| {
            let end = is_directory(entry).then_some(b'/');
            entry.name.get(common).copied().or(end)
        };
        order.then_with(|| next(self).cmp(&next(other)))
    }
}

/// Whether upstream's parser of git sorts it as a directory.
fn is_folder(entry: &Entry<'_>) -> bool {
    entry.mode & KIND == DIRECTORY
}

/// Whether the identifier of the directory sorts it as a directory.
fn is_directory(entry: &Entry<'_>) -> bool {
    entry.kind() == "dir"
}

/// What a tree holds.
#[derive(Debug, Default)]
struct Tree<'a> {
    entries: Vec<Entry<'a>>,
    /// Whether the entries are all that there is, in their order and in the usual form.
    is_usual: bool,
}

impl<'a> Tree<'a> {
    /// Reads the bytes of a tree, as far as they are entries.
    fn read(bytes: &'a [u8]) -> Self {
        let mut tree = Self {
            entries: Vec::with_capacity(bytes.len() / 32),
            is_usual: true,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((entry, mode, after)) = entry(rest) else {
                tree.is_usual = false;
                break;
            };
            let has_slash = entry.name.contains(&b'/');
            tree.is_usual &=
                mode.first() != Some(&b'0') && !has_slash && tree.continues_with(&entry);
            tree.entries.push(entry);
            rest = after;
        }
        if !tree.is_usual {
            tree.sort();
        }
        tree
    }

    /// Whether the entry follows in the order of git, and has another name than those before it.
    fn continues_with(&self, entry: &Entry<'_>) -> bool {
        let follows = self.entries.last().is_none_or(|last| {
            last.compare(entry, is_directory) == Ordering::Less
                && last.compare(entry, is_folder) == Ordering::Less
        });
        // A file `a` and a directory `a` may have others between them, whose names begin with `a`.
        let mut alike = self.entries.iter().rev();
        let mut alike = alike
            .by_ref()
            .take_while(|one| one.name.starts_with(entry.name));
        follows && !alike.any(|one| one.name.len() == entry.name.len())
    }

    /// Removes all but the last entry of each name, and sorts them.
    fn sort(&mut self) {
        self.entries.reverse();
        self.entries.sort_by(|one, other| one.name.cmp(other.name));
        self.entries.dedup_by(|one, other| one.name == other.name);
        self.entries
            .sort_by(|one, other| one.compare(other, is_folder));
    }

    /// Whether the directory made of the entries hashes to the identifier of the tree.
    fn is_faithful(&self, bytes: &[u8]) -> bool {
        if self.is_usual {
            return true;
        }
        let named = self.entries.iter().map(|entry| (name(entry.name), entry));
        let mut named: Vec<_> = named.collect();
        let key = |(name, entry): &(Vec<u8>, &Entry<'_>)| {
            let end: &[u8] = if is_directory(entry) { b"/" } else { b"" };
            [name, end].concat()
        };
        named.sort_by_key(key);
        let mut manifest = Vec::with_capacity(bytes.len());
        for (name, entry) in named {
            manifest.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
            manifest.extend_from_slice(&name);
            manifest.push(0);
            manifest.extend_from_slice(entry.target);
        }
        manifest == bytes
    }
}

/// The first entry, with its mode as it is written, and what follows it.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8], &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let (digits, rest) = (&bytes[..space], &bytes[space + 1..]);
    let mode = match digits.len() {
        1..=16 => digits.iter().try_fold(0, |mode: u64, &digit| match digit {
            b'0'..=b'7' => Some(mode * 8 + u64::from(digit - b'0')),
            _ => None,
        })?,
        _ => return None,
    };
    let end = rest.iter().position(|&byte| byte == 0)?;
    let (target, after) = rest[end + 1..].split_first_chunk::<20>()?;
    let entry = Entry {
        mode,
        name: &rest[..end],
        target,
    };
    Some((entry, digits, after))
}

/// A name without slashes, which the archive does not allow.
fn name(name: &[u8]) -> Vec<u8> {
    let replace = |&byte: &u8| if byte == b'/' { b'_' } else { byte };
    name.iter().map(replace).collect()
}

/// Writes a tree as a directory.
pub(super) fn write(
    into: &mut Encoder,
    id: &[u8; 20],
    bytes: &[u8],
    manifest: impl Fn() -> Vec<u8>,
) {
    let tree = Tree::read(bytes);
    let is_faithful = tree.is_faithful(bytes);
    into.map(if is_faithful { 2 } else { 3 });
    into.str("entries").array(tree.entries.len());
    for entry in &tree.entries {
        into.map(4).str("name");
        if tree.is_usual {
            into.bin(entry.name);
        } else {
            into.bin(&name(entry.name));
        }
        into.str("type").str(entry.kind());
        into.str("target").bin(entry.target);
        into.str("perms").uint(entry.mode);
    }
    into.str("id").bin(id);
    if !is_faithful {
        into.str("raw_manifest").bin(&manifest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let entry = |(mode, name): &(&str, &str)| {
            [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20]].concat()
        };
        entries.iter().flat_map(entry).collect()
    }

    /// Whether it is usual, whether it is faithful, and the names in their order.
    fn read(entries: &[(&str, &str)]) -> (bool, bool, Vec<String>) {
        let bytes = tree(entries);
        let tree = Tree::read(&bytes);
        let text = |entry: &Entry<'_>| String::from_utf8(entry.name.to_vec()).unwrap();
        let names = tree.entries.iter().map(text).collect();
        (tree.is_usual, tree.is_faithful(&bytes), names)
    }

    #[test]
    fn usual_trees_need_no_manifest() {
        for entries in [
            &[][..],
            &[("100644", "a")],
            &[
                ("100644", "a"),
                ("100755", "a.b"),
                ("40000", "a0"),
                ("160000", "b"),
            ],
            // A folder is sorted as if its name ended in a slash.
            &[("100644", "a.b"), ("40000", "a"), ("100644", "a0")],
            &[("160000", "a"), ("100644", "a.b")],
        ] {
            let (is_usual, is_faithful, _) = read(entries);
            assert!(is_usual && is_faithful, "{entries:?}");
        }
    }

    #[test]
    fn odd_trees_are_not_faithful_and_keep_the_last_entry_of_a_name() {
        for (entries, names) in [
            (&[("100644", "b"), ("100644", "a")][..], &["a", "b"][..]),
            (&[("040000", "a")], &["a"]),
            (&[("100644", "a"), ("100755", "a")], &["a"]),
            (
                &[("100644", "a"), ("100644", "a.b"), ("40000", "a")],
                &["a.b", "a"],
            ),
            (&[("100644", "a/b")], &["a/b"]),
        ] {
            let (is_usual, is_faithful, found) = read(entries);
            assert!(!is_usual && !is_faithful, "{entries:?}");
            assert_eq!(found, names, "{entries:?}");
        }
    }

    /// Upstream's parser and upstream's model sort such a mode differently, and both are followed.
    #[test]
    fn mode_of_a_socket_is_a_directory_that_is_sorted_as_a_file() {
        let (is_usual, is_faithful, names) = read(&[("140000", "a"), ("100644", "a.b")]);
        assert_eq!((is_usual, is_faithful), (false, false));
        assert_eq!(names, ["a", "a.b"]);
        let (is_usual, is_faithful, names) = read(&[("100644", "a.b"), ("140000", "a")]);
        assert_eq!((is_usual, is_faithful), (false, true));
        assert_eq!(names, ["a", "a.b"]);
    }

    #[test]
    fn bytes_that_are_no_entries_are_kept_in_the_manifest() {
        let whole = tree(&[("100644", "a"), ("100644", "b")]);
        for end in 1..whole.len() {
            let tree = Tree::read(&whole[..end]);
            assert_eq!(
                tree.is_faithful(&whole[..end]),
                end == whole.len() / 2,
                "{end}"
            );
        }
        assert!(!Tree::read(b"1006x4 a\0").is_usual);
    }
}
