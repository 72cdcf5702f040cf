//! Directories, revisions, releases and snapshots.

use super::object::{identified_owned, keyed_by_id, owned};
use crate::model::encode::{self, Encode};
use crate::{Date, EntryType, Id, Metadata, ObjectKind, Person, RevisionType};

owned! {
    /// A directory.
    Directory("directory") {
        /// Its entries.
        entries = "entries": Vec<Entry> = Vec::new(), set value;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest"[?]: Option<Vec<u8>> = None, set optional_bytes;
    }
}
identified_owned!(Directory);
keyed_by_id!(Directory);

/// An entry of a directory.
///
/// ```
/// use journal_plugin_sdk::{EntryType, Id, owned};
///
/// let entry = owned::Entry {
///     name: b"README.md".to_vec(),
///     entry_type: EntryType::File,
///     target: Id([1; 20]),
///     perms: 0o100_644,
/// };
/// let directory = owned::Directory::new().entries(vec![entry]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Vec<u8>,
    /// The type of the entry.
    pub entry_type: EntryType,
    /// The identifier of the target.
    pub target: Id,
    /// The mode in the form of Git, such as `0o100644`.
    pub perms: u32,
}

impl Directory {
    /// Adds an entry.
    ///
    /// ```
    /// use journal_plugin_sdk::{EntryType, Id, owned};
    ///
    /// let directory = owned::Directory::new().entry("src", EntryType::Directory, Id([1; 20]), 0o40_000);
    /// assert_eq!(directory.entries.len(), 1);
    /// ```
    #[must_use]
    pub fn entry(
        mut self,
        name: impl AsRef<[u8]>,
        entry_type: EntryType,
        target: Id,
        perms: u32,
    ) -> Self {
        self.entries.push(Entry {
            name: name.as_ref().to_vec(),
            entry_type,
            target,
            perms,
        });
        self
    }
}

impl Encode for Vec<Entry> {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::array(value, self.len());
        for entry in self {
            encode::map(value, 4);
            encode::pair(value, "name", &entry.name);
            encode::text(value, "type");
            encode::text(value, entry.entry_type.as_str());
            encode::pair(value, "target", &entry.target);
            encode::pair(value, "perms", &entry.perms);
        }
    }
}

owned! {
    /// A revision.
    Revision("revision") {
        /// The message, if there is one.
        message = "message": Option<Vec<u8>> = None, set optional_bytes;
        /// The author.
        author = "author": Option<Person<'static>> = None, set person;
        /// The committer.
        committer = "committer": Option<Person<'static>> = None, set person;
        /// When the author wrote the change.
        date = "date": Option<Date<'static>> = None, set date;
        /// When the revision was committed.
        committer_date = "committer_date": Option<Date<'static>> = None, set date;
        /// The type of version control system or package, such as Git.
        revision_type = "type": RevisionType = RevisionType::Git, set value;
        /// The identifier of the root directory.
        directory = "directory": Id = Id([0; 20]), set value;
        /// Whether the archive created it, for source code without its own history.
        synthetic = "synthetic": bool = false, set value;
        /// Metadata from the loader.
        metadata = "metadata": Option<Metadata<'static>> = None, set metadata;
        /// The identifiers of the parents.
        parents = "parents": Vec<Id> = Vec::new(), set value;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
        /// Headers of the Git object that have no field, as names and values.
        extra_headers = "extra_headers": Vec<(Vec<u8>, Vec<u8>)> = Vec::new(), set value;
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest"[?]: Option<Vec<u8>> = None, set optional_bytes;
    }
}
identified_owned!(Revision);
keyed_by_id!(Revision);

impl Revision {
    /// Adds a parent.
    ///
    /// ```
    /// use journal_plugin_sdk::{Id, owned};
    ///
    /// assert_eq!(owned::Revision::new().parent(Id([1; 20])).parents, [Id([1; 20])]);
    /// ```
    #[must_use]
    pub fn parent(mut self, parent: Id) -> Self {
        self.parents.push(parent);
        self
    }

    /// Adds a header of the Git object that has no field.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// let revision = owned::Revision::new().extra_header("encoding", "latin-1");
    /// ```
    #[must_use]
    pub fn extra_header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let header = (name.as_ref().to_vec(), value.as_ref().to_vec());
        self.extra_headers.push(header);
        self
    }
}

impl Encode for RevisionType {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::text(value, self.as_str());
    }
}

impl Encode for Vec<Id> {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::array(value, self.len());
        for id in self {
            id.encode(value);
        }
    }
}

impl Encode for Vec<(Vec<u8>, Vec<u8>)> {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::array(value, self.len());
        for (name, content) in self {
            encode::array(value, 2);
            encode::bytes(value, name);
            encode::bytes(value, content);
        }
    }
}

owned! {
    /// A release.
    Release("release") {
        /// The name, such as `v1.0`.
        name = "name": Vec<u8> = Vec::new(), set bytes;
        /// The message, if there is one.
        message = "message": Option<Vec<u8>> = None, set optional_bytes;
        /// The identifier of the target, if there is one.
        target = "target": Option<Id> = None, set optional;
        /// The type of the target.
        target_type = "target_type": ObjectKind = ObjectKind::Revision, set value;
        /// Whether the archive created it, for source code without its own history.
        synthetic = "synthetic": bool = false, set value;
        /// The author.
        author = "author": Option<Person<'static>> = None, set person;
        /// The date of the release.
        date = "date": Option<Date<'static>> = None, set date;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
        /// Metadata from the loader.
        metadata = "metadata"[?]: Option<Metadata<'static>> = None, set metadata;
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest"[?]: Option<Vec<u8>> = None, set optional_bytes;
    }
}
identified_owned!(Release);
keyed_by_id!(Release);

impl Encode for ObjectKind {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::text(value, self.name());
    }
}

owned! {
    /// A snapshot.
    Snapshot("snapshot") {
        /// Its branches.
        branches = "branches": Vec<Branch> = Vec::new(), set value;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
    }
}
identified_owned!(Snapshot);
keyed_by_id!(Snapshot);

/// A branch of a snapshot.
///
/// ```
/// use journal_plugin_sdk::owned;
///
/// let dangling = owned::Branch { name: b"refs/heads/gone".to_vec(), target: None };
/// let snapshot = owned::Snapshot::new().branches(vec![dangling]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The name.
    pub name: Vec<u8>,
    /// The target, or `None` for a dangling branch.
    pub target: Option<Target>,
}

/// The target of a branch.
///
/// ```
/// let target = journal_plugin_sdk::owned::Target::Alias(b"refs/heads/main".to_vec());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An object in the archive.
    Object(ObjectKind, Id),
    /// Another branch of the snapshot, by its name.
    Alias(Vec<u8>),
}

impl From<crate::Target<'_>> for Target {
    fn from(target: crate::Target<'_>) -> Self {
        match target {
            crate::Target::Object(kind, id) => Self::Object(kind, id),
            crate::Target::Alias(name) => Self::Alias(name.to_vec()),
        }
    }
}

impl Snapshot {
    /// Adds a branch with a target.
    ///
    /// ```
    /// use journal_plugin_sdk::{Target, owned};
    ///
    /// let snapshot = owned::Snapshot::new().branch("HEAD", Target::Alias(b"refs/heads/main"));
    /// ```
    #[must_use]
    pub fn branch(mut self, name: impl AsRef<[u8]>, target: crate::Target<'_>) -> Self {
        self.branches.push(Branch {
            name: name.as_ref().to_vec(),
            target: Some(target.into()),
        });
        self
    }
}

impl Encode for Vec<Branch> {
    fn encode(&self, value: &mut Vec<u8>) {
        // A record cannot hold 2^32 branches.
        encode::map(value, u32::try_from(self.len()).unwrap_or(u32::MAX));
        for branch in self {
            encode::bytes(value, &branch.name);
            branch.target.encode(value);
        }
    }
}

impl Encode for Target {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::map(value, 2);
        encode::text(value, "target");
        let target_type = match self {
            Self::Object(kind, id) => {
                id.encode(value);
                kind.name()
            }
            Self::Alias(name) => {
                encode::bytes(value, name);
                "alias"
            }
        };
        encode::text(value, "target_type");
        encode::text(value, target_type);
    }
}
