//! One intact object of each type that has an identifier, with every field set.

use std::collections::BTreeMap;

use journal_plugin_sdk::{
    Date, EntryType, Id, ObjectKind, Person, Swhid, Target, Timestamp, owned,
};

fn jane() -> Person<'static> {
    Person::from_fullname("Jane Doe <jane@example.org>").into_owned()
}

fn john() -> Person<'static> {
    Person::from_fullname("John Roe <john@example.org>").into_owned()
}

fn metadata() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("license", "MIT")])
}

fn swhid(kind: ObjectKind, byte: u8) -> Swhid {
    Swhid::new(kind, Id([byte; 20]))
}

/// A directory with a file, a directory, a submodule and a name that sorts between them.
pub(crate) fn directory() -> owned::Directory {
    let object = owned::Directory::new()
        .entry("README.md", EntryType::File, Id([1; 20]), 0o100_644)
        .entry("lib", EntryType::Directory, Id([2; 20]), 0o40_000)
        .entry("lib.rs", EntryType::File, Id([3; 20]), 0o100_755)
        .entry("vendor", EntryType::Revision, Id([4; 20]), 0o160_000);
    let id = object.identifier();
    object.id(id)
}

/// A merge with headers.
pub(crate) fn revision() -> owned::Revision {
    let object = owned::Revision::new()
        .message("Mend the fence\n")
        .author(jane())
        .committer(john())
        .date(Date::new(1_700_000_000, 0, &b"+0100"[..]))
        .committer_date(Date::new(1_700_000_001, 500_000, &b"-0330"[..]))
        .directory(Id([1; 20]))
        .metadata(&metadata())
        .expect("it is a map")
        .parent(Id([2; 20]))
        .parent(Id([3; 20]))
        .extra_header("encoding", "latin-1")
        .extra_header("gpgsig", "one line\nand another");
    let id = object.identifier();
    object.id(id)
}

/// A revision whose manifest cannot be computed from its fields.
pub(crate) fn odd_revision() -> owned::Revision {
    let object = revision();
    let odd = owned::Revision { id: None, ..object }.raw_manifest("commit 10\0odd commit");
    let id = odd.identifier();
    odd.id(id)
}

/// An annotated tag.
pub(crate) fn release() -> owned::Release {
    let object = owned::Release::new()
        .name("v1.0")
        .message("One\n")
        .target(Id([1; 20]))
        .target_type(ObjectKind::Revision)
        .author(jane())
        .date(Date::new(1_700_000_000, 0, &b"+0000"[..]))
        .metadata(&metadata())
        .expect("it is a map");
    let id = object.identifier();
    object.id(id)
}

/// A snapshot with an alias and a branch without a target.
pub(crate) fn snapshot() -> owned::Snapshot {
    let main = Target::Object(ObjectKind::Revision, Id([1; 20]));
    let mut object = owned::Snapshot::new()
        .branch("HEAD", Target::Alias(b"refs/heads/main"))
        .branch("refs/heads/main", main)
        .branch(
            "refs/tags/v1",
            Target::Object(ObjectKind::Release, Id([2; 20])),
        );
    object.branches.push(owned::Branch {
        name: b"refs/heads/gone".to_vec(),
        target: None,
    });
    let id = object.identifier();
    object.id(id)
}

/// An origin.
pub(crate) fn origin() -> owned::Origin {
    let object = owned::Origin::new().url("https://example.org/repository.git");
    let id = object.identifier();
    object.id(id)
}

/// A changeset of Mercurial, with a payload.
pub(crate) fn extid() -> owned::ExtId {
    let object = owned::ExtId::new()
        .extid_type("hg-nodeid")
        .extid([7; 20])
        .extid_version(1)
        .target(swhid(ObjectKind::Revision, 1))
        .payload_type("hg-extra")
        .payload([8; 20]);
    let id = object.identifier();
    object.id(id)
}

/// Metadata with every field of its context.
pub(crate) fn extrinsic_metadata() -> owned::RawExtrinsicMetadata {
    let authority = owned::MetadataAuthority::new()
        .url("https://example.org/")
        .metadata(&metadata())
        .expect("it is a map");
    let fetcher = owned::MetadataFetcher::new().name("fetcher").version("1.0");
    let object = owned::RawExtrinsicMetadata::new()
        .target(swhid(ObjectKind::Content, 1).into())
        .discovery_date(Timestamp::from_millis(1_700_000_000_000))
        .authority(authority)
        .fetcher(fetcher)
        .format("json")
        .metadata("{}")
        .origin("https://example.org/repository.git")
        .visit(3)
        .snapshot(swhid(ObjectKind::Snapshot, 2))
        .release(swhid(ObjectKind::Release, 3))
        .revision(swhid(ObjectKind::Revision, 4))
        .directory(swhid(ObjectKind::Directory, 5))
        .path("src/lib.rs");
    let id = object.identifier();
    object.id(id)
}

/// A content with its bytes.
pub(crate) fn colliding() -> owned::HashCollidingContent {
    owned::HashCollidingContent::new().data("two files, one hash")
}

/// A content with given hashes.
pub(crate) fn content() -> owned::Content {
    owned::Content {
        sha1: [1; 20],
        sha1_git: Id([2; 20]),
        sha256: [3; 32],
        blake2s256: [4; 32],
        length: 5,
        ..owned::Content::new()
    }
}

/// Object type, key and value.
pub(crate) type Record = (&'static str, Vec<u8>, Vec<u8>);

/// An object as a record.
pub(crate) fn record<T: owned::Object>(object: &T) -> Record {
    (T::OBJECT_TYPE, object.key(), object.encode())
}
