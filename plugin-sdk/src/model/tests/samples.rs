//! One object of every type, with a value in every field, and all of its accessors.

use std::collections::BTreeMap;

use rmpv::Value;

use crate::{
    AuthorityType, Content, Date, Directory, EntryType, ExtId, HashCollidingContent, Id,
    MetadataAuthority, MetadataFetcher, Object, ObjectKind, Origin, OriginVisit, OriginVisitStatus,
    Person, RawExtrinsicMetadata, Release, Revision, SkippedContent, Snapshot, Swhid, Target,
    Timestamp, owned,
};

/// An object as a record holds it.
pub(super) struct Sample {
    pub(super) object_type: &'static str,
    pub(super) value: Vec<u8>,
}

impl<T: owned::Object> From<T> for Sample {
    fn from(object: T) -> Self {
        Self {
            object_type: T::OBJECT_TYPE,
            value: object.encode(),
        }
    }
}

impl Sample {
    pub(super) fn tree(&self) -> Value {
        rmpv::decode::read_value(&mut &*self.value).unwrap()
    }
}

/// One object of each type.
pub(super) fn all() -> Vec<Sample> {
    [contents(), of_git(), of_origins(), extrinsic()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn one(object_type: &str) -> Sample {
    let mut all = all().into_iter();
    all.find(|sample| sample.object_type == object_type)
        .unwrap()
}

pub(super) fn encoded(tree: &Value) -> Vec<u8> {
    let mut value = Vec::new();
    rmpv::encode::write_value(&mut value, tree).unwrap();
    value
}

/// The value at the path that a [`FieldError`](crate::FieldError) would name, such as `entries[3].perms`.
pub(super) fn at<'t>(tree: &'t mut Value, field: &str) -> &'t mut Value {
    let steps = field.replace('[', ".[");
    steps.split('.').fold(tree, |tree, step| {
        let index = step.strip_prefix('[').map(|index| {
            let index = index.strip_suffix(']').unwrap();
            index.parse::<usize>().unwrap()
        });
        match (tree, index) {
            (Value::Array(items), Some(index)) => &mut items[index],
            (Value::Map(pairs), Some(index)) => &mut pairs[index].1,
            (Value::Map(pairs), None) => {
                let pair = pairs.iter_mut().find(|(key, _)| key.as_str() == Some(step));
                &mut pair.unwrap_or_else(|| panic!("no `{step}`")).1
            }
            (other, _) => panic!("no `{step}` in {other}"),
        }
    })
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::new(seconds, 123_456_000).unwrap()
}

fn known() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<u8>>> {
    BTreeMap::from([("later", BTreeMap::from([("z", vec![1]), ("a", vec![2])]))])
}

fn contents() -> Vec<Sample> {
    let content = owned::Content::new()
        .sha1([1; 20])
        .sha1_git(Id([2; 20]))
        .sha256([3; 32])
        .blake2s256([4; 32])
        .length(186)
        .data("data")
        .ctime(time(1_700_000_000));
    let skipped = owned::SkippedContent::new()
        .sha1([1; 20])
        .sha1_git(Id([2; 20]))
        .sha256([3; 32])
        .blake2s256([4; 32])
        .length(1 << 40)
        .reason("too large")
        .origin("https://example.org/r.git")
        .ctime(time(1));
    let colliding = owned::HashCollidingContent::new()
        .data("data")
        .ctime(time(2));
    vec![content.into(), skipped.into(), colliding.into()]
}

fn of_git() -> Vec<Sample> {
    let directory = owned::Directory::new()
        .entry("src", EntryType::Directory, Id([1; 20]), 0o40_000)
        .entry("README", EntryType::File, Id([2; 20]), 0o100_644)
        .entry("module", EntryType::Revision, Id([3; 20]), 0o160_000)
        .entry("run", EntryType::File, Id([4; 20]), 0o100_755)
        .raw_manifest("tree 0\0");
    let date = |offset: &'static str| Date::new(1_700_000_000, 5, offset.as_bytes());
    let revision = owned::Revision::new()
        .message("Mend the fence\n")
        .author(Person::from_fullname("Ada <ada@example.org>"))
        .committer(Person::from_fullname("Bob <bob@example.org>"))
        .date(date("+0200"))
        .committer_date(date("-0330"))
        .directory(Id([5; 20]))
        .synthetic(true)
        .metadata(&known())
        .unwrap()
        .parent(Id([6; 20]))
        .parent(Id([7; 20]))
        .extra_header("encoding", "latin-1")
        .extra_header("gpgsig", "two\nlines")
        .raw_manifest("commit 0\0");
    let release = owned::Release::new()
        .name("v1.0")
        .message("First\n")
        .target(Id([8; 20]))
        .author(Person::from_fullname("Ada <ada@example.org>"))
        .date(date("+0000"))
        .metadata(&known())
        .unwrap()
        .raw_manifest("tag 0\0");
    let snapshot = owned::Snapshot::new()
        .branch("HEAD", Target::Alias(b"refs/heads/main"))
        .branch("main", Target::Object(ObjectKind::Revision, Id([9; 20])));
    vec![
        directory.into(),
        revision.into(),
        release.into(),
        snapshot.into(),
    ]
}

fn of_origins() -> Vec<Sample> {
    let url = "https://example.org/r.git";
    let visit = owned::OriginVisit::new()
        .origin(url)
        .date(time(3))
        .visit_type("git")
        .visit(4);
    let status = owned::OriginVisitStatus::new()
        .origin(url)
        .visit(4)
        .date(time(5))
        .snapshot(Id([1; 20]))
        .visit_type("git")
        .metadata(&known())
        .unwrap();
    vec![
        owned::Origin::new().url(url).into(),
        visit.into(),
        status.into(),
    ]
}

fn extrinsic() -> Vec<Sample> {
    let core = |kind| Swhid::new(kind, Id([2; 20]));
    let extid = owned::ExtId::new()
        .extid_type("hg-nodeid")
        .extid([1; 20])
        .target(core(ObjectKind::Revision))
        .extid_version(1)
        .payload_type("disk")
        .payload([3; 20]);
    let authority = owned::MetadataAuthority::new()
        .authority_type(AuthorityType::Registry)
        .url("https://example.org/")
        .metadata(&known())
        .unwrap();
    let fetcher = owned::MetadataFetcher::new()
        .name("loader")
        .version("1.0")
        .metadata(&known())
        .unwrap();
    let metadata = owned::RawExtrinsicMetadata::new()
        .target(core(ObjectKind::Content).into())
        .discovery_date(Timestamp::new(6, 0).unwrap())
        .authority(authority.clone())
        .fetcher(fetcher.clone())
        .format("json")
        .metadata("{}")
        .origin("https://example.org/r.git")
        .visit(7)
        .snapshot(core(ObjectKind::Snapshot))
        .release(core(ObjectKind::Release))
        .revision(core(ObjectKind::Revision))
        .directory(core(ObjectKind::Directory))
        .path("/src");
    vec![
        extid.into(),
        authority.into(),
        fetcher.into(),
        metadata.into(),
    ]
}

/// Reads a field and formats it.
pub(super) type Accessor = fn(&Object<'_>) -> Result<String, crate::FieldError>;

macro_rules! accessors {
    ($($object:ident { $($field:ident)* })*) => {
        /// The accessors of the fields, in the order of the writer.
        pub(super) fn accessors(object_type: &str) -> Vec<Accessor> {
            match object_type {
                $($object::OBJECT_TYPE => {
                    let accessors: &[Accessor] = &[
                        $(|object| match object {
                            Object::$object(object) => object.$field().map(|field| format!("{field:?}")),
                            other => panic!("{other:?} is another object"),
                        },)*
                    ];
                    accessors.to_vec()
                })*
                other => panic!("{other} has no accessors"),
            }
        }
    };
}

accessors! {
    Content { sha1 sha1_git sha256 blake2s256 length status data ctime }
    SkippedContent { sha1 sha1_git sha256 blake2s256 length status reason origin ctime }
    HashCollidingContent { sha1 sha1_git sha256 blake2s256 length status data ctime }
    Directory { entries_read id raw_manifest }
    Revision {
        message author committer date committer_date revision_type directory synthetic metadata
        parents_read id extra_headers_read raw_manifest
    }
    Release {
        name message target target_type synthetic author date id metadata raw_manifest
    }
    Snapshot { branches_read id }
    Origin { url id }
    OriginVisit { origin date visit_type visit }
    OriginVisitStatus { origin visit date status snapshot visit_type metadata }
    ExtId { extid_type extid target extid_version payload_type payload id }
    MetadataAuthority { authority_type url metadata }
    MetadataFetcher { name version metadata }
    RawExtrinsicMetadata {
        target discovery_date authority_read fetcher_read format metadata id origin visit snapshot release
        revision directory path
    }
}

macro_rules! list_read {
    ($object:ident $read:ident $list:ident) => {
        impl $object<'_> {
            /// Reads the whole list, like any other field.
            fn $read(&self) -> Result<impl std::fmt::Debug, crate::FieldError> {
                self.$list()?.collect::<Result<Vec<_>, _>>()
            }
        }
    };
}
list_read!(Directory entries_read entries);
list_read!(Revision parents_read parents);
list_read!(Revision extra_headers_read extra_headers);
list_read!(Snapshot branches_read branches);

impl RawExtrinsicMetadata<'_> {
    fn authority_read(&self) -> Result<impl std::fmt::Debug, crate::FieldError> {
        self.of_authority(MetadataAuthority::decode)
    }

    fn fetcher_read(&self) -> Result<impl std::fmt::Debug, crate::FieldError> {
        self.of_fetcher(MetadataFetcher::decode)
    }
}
