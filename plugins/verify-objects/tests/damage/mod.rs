//! Damage of every kind in intact objects.

use journal_plugin_sdk::{Date, EntryType, Id, ObjectKind, Person, Swhid, Timestamp, owned};

use crate::objects::{self, Record, record};

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

/// An object whose fields change while its identifier and its key stay the same.
pub(crate) struct Planted {
    /// The kind of damage.
    pub(crate) name: &'static str,
    /// The damaged record, under the key of the intact one.
    pub(crate) record: Record,
}

fn planted<T: owned::Object>(
    name: &'static str,
    mut object: T,
    change: impl FnOnce(&mut T),
) -> Planted {
    let key = object.key();
    change(&mut object);
    Planted {
        name,
        record: (T::OBJECT_TYPE, key, object.encode()),
    }
}

fn damaged_directories() -> Vec<Planted> {
    let plant =
        |name, change: fn(&mut owned::Directory)| planted(name, objects::directory(), change);
    vec![
        plant("name of an entry", |object| {
            flip(&mut object.entries[0].name);
        }),
        plant("target of an entry", |object| {
            flip(&mut object.entries[1].target.0);
        }),
        plant("mode of an entry", |object| {
            object.entries[2].perms ^= 0o111;
        }),
        plant("entry that is lost", |object| drop(object.entries.pop())),
        plant("entry that comes twice", |object| {
            object.entries.push(object.entries[0].clone());
        }),
        plant("entry of a type that sorts elsewhere", |object| {
            object.entries[1].entry_type = EntryType::File;
            object.entries[1].name = b"lib-".to_vec();
        }),
        plant("swapped targets", |object| {
            let [one, other] = [object.entries[0].target, object.entries[2].target];
            (object.entries[0].target, object.entries[2].target) = (other, one);
        }),
        plant("directory's own id", |object| object.id = Some(Id([9; 20]))),
        plant("raw manifest of a directory", |object| {
            object.raw_manifest = Some(b"tree 0\0".to_vec());
        }),
    ]
}

/// Replaces a date by another one.
fn change_date(date: &mut Option<Date<'static>>, change: fn(&Date<'_>) -> Date<'static>) {
    let date = date.as_mut().expect("it is set");
    *date = change(date);
}

fn zone(date: &Date<'_>) -> Vec<u8> {
    date.offset_bytes().to_vec()
}

fn damaged_revisions() -> Vec<Planted> {
    let plant = |name, change: fn(&mut owned::Revision)| planted(name, objects::revision(), change);
    let fullname = |person: &mut Option<Person<'static>>| {
        flip(person.as_mut().expect("it is set").fullname.0.to_mut());
    };
    vec![
        plant("message", |object| {
            flip(object.message.as_mut().expect("it is set"));
        }),
        plant("message that is lost", |object| object.message = None),
        planted("author", objects::revision(), |object| {
            fullname(&mut object.author);
        }),
        planted("committer", objects::revision(), |object| {
            fullname(&mut object.committer);
        }),
        plant("swapped persons", |object| {
            std::mem::swap(&mut object.author, &mut object.committer);
        }),
        plant("seconds", |object| {
            change_date(&mut object.date, |date| {
                Date::new(date.seconds() ^ 1, date.microseconds(), zone(date))
            });
        }),
        plant("microseconds", |object| {
            change_date(&mut object.committer_date, |date| {
                Date::new(date.seconds(), date.microseconds() ^ 1, zone(date))
            });
        }),
        plant("time zone", |object| {
            change_date(&mut object.date, |date| {
                Date::new(date.seconds(), date.microseconds(), b"+0200")
            });
        }),
        plant("sign of a time zone", |object| {
            change_date(&mut object.committer_date, |date| {
                Date::new(date.seconds(), date.microseconds(), b"+0330")
            });
        }),
        plant("directory of a revision", |object| {
            flip(&mut object.directory.0);
        }),
        plant("parent", |object| flip(&mut object.parents[0].0)),
        plant("swapped parents", |object| {
            object.parents.swap(0, 1);
        }),
        plant("parent that is lost", |object| object.parents.truncate(1)),
        plant("name of a header", |object| {
            flip(&mut object.extra_headers[0].0);
        }),
        plant("value of a header", |object| {
            flip(&mut object.extra_headers[1].1);
        }),
        plant("header that is lost", |object| {
            drop(object.extra_headers.pop());
        }),
        plant("swapped headers", |object| {
            object.extra_headers.swap(0, 1);
        }),
        plant("raw manifest that does not belong", |object| {
            object.raw_manifest = Some(b"commit 0\0".to_vec());
        }),
        planted("raw manifest", objects::odd_revision(), |object| {
            flip(object.raw_manifest.as_mut().expect("it is set"));
        }),
        planted(
            "raw manifest that is lost",
            objects::odd_revision(),
            |object| {
                object.raw_manifest = None;
            },
        ),
        plant("id of another revision", |object| {
            object.id = objects::odd_revision().id;
        }),
        plant("anonymised author in a privileged topic", |object| {
            object.author = object.author.take().map(|author| author.anonymised());
        }),
    ]
}

fn damaged_releases() -> Vec<Planted> {
    let plant = |name, change: fn(&mut owned::Release)| planted(name, objects::release(), change);
    vec![
        plant("name of a release", |object| flip(&mut object.name)),
        plant("message of a release", |object| {
            flip(object.message.as_mut().expect("it is set"));
        }),
        plant("target of a release", |object| {
            flip(&mut object.target.as_mut().expect("it is set").0);
        }),
        plant("target type of a release", |object| {
            object.target_type = ObjectKind::Release;
        }),
        plant("author of a release", |object| object.author = None),
        plant("target of a release that is lost", |object| {
            object.target = None;
        }),
        plant("date of a release", |object| {
            change_date(&mut object.date, |date| {
                Date::new(date.seconds() + (1 << 20), date.microseconds(), zone(date))
            });
        }),
    ]
}

fn damaged_snapshots() -> Vec<Planted> {
    let plant = |name, change: fn(&mut owned::Snapshot)| planted(name, objects::snapshot(), change);
    vec![
        plant("name of a branch", |object| {
            flip(&mut object.branches[1].name);
        }),
        plant("target of a branch", |object| {
            object.branches[1].target =
                Some(owned::Target::Object(ObjectKind::Revision, Id([9; 20])));
        }),
        plant("target type of a branch", |object| {
            object.branches[1].target =
                Some(owned::Target::Object(ObjectKind::Release, Id([1; 20])));
        }),
        plant("alias", |object| {
            object.branches[0].target = Some(owned::Target::Alias(b"refs/heads/gone".to_vec()));
        }),
        plant("branch that points nowhere", |object| {
            object.branches[2].target = None;
        }),
        plant("branch that is lost", |object| {
            drop(object.branches.remove(3));
        }),
    ]
}

fn damaged_others() -> Vec<Planted> {
    let extid = |name, change: fn(&mut owned::ExtId)| planted(name, objects::extid(), change);
    let metadata = |name, change: fn(&mut owned::RawExtrinsicMetadata)| {
        planted(name, objects::extrinsic_metadata(), change)
    };
    let other = Swhid::new(ObjectKind::Directory, Id([9; 20]));
    vec![
        planted("URL", objects::origin(), |object| object.url.push('x')),
        extid("type of an extid", |object| object.extid_type.push('x')),
        extid("extid", |object| flip(&mut object.extid)),
        extid("version of an extid", |object| object.extid_version = 0),
        planted("target of an extid", objects::extid(), |object| {
            object.target = other;
        }),
        extid("payload type", |object| {
            object.payload_type = Some("x".to_owned());
        }),
        extid("payload", |object| {
            flip(object.payload.as_mut().expect("it is set"));
        }),
        metadata("date of metadata", |object| {
            object.discovery_date = Timestamp::from_millis(0);
        }),
        planted(
            "target of metadata",
            objects::extrinsic_metadata(),
            |object| {
                object.target = other.into();
            },
        ),
        metadata("authority", |object| object.authority.url.push('x')),
        metadata("fetcher", |object| object.fetcher.version.push('x')),
        metadata("format", |object| object.format.push('x')),
        metadata("metadata itself", |object| flip(&mut object.metadata)),
        metadata("origin of metadata", |object| object.origin = None),
        metadata("visit of metadata", |object| object.visit = Some(4)),
        metadata("snapshot of metadata", |object| object.snapshot = None),
        metadata("release of metadata", |object| object.release = None),
        metadata("revision of metadata", |object| object.revision = None),
        planted(
            "directory of metadata",
            objects::extrinsic_metadata(),
            |object| {
                object.directory = Some(other);
            },
        ),
        metadata("path of metadata", |object| {
            flip(object.path.as_mut().expect("it is set"));
        }),
        planted("bytes of a content", objects::colliding(), |object| {
            flip(&mut object.data);
        }),
        planted("hash of a content", objects::content(), |object| {
            flip(&mut object.sha256);
        }),
    ]
}

fn damaged_records() -> Vec<Planted> {
    let (object_type, key, value) = record(&objects::revision());
    let raw = |name, key: &[u8], value: &[u8]| Planted {
        name,
        record: (object_type, key.to_owned(), value.to_owned()),
    };
    vec![
        raw("cut value", &key, &value[..value.len() / 2]),
        raw("value that goes on", &key, &[&value[..], b"\xc0"].concat()),
        raw("value that is not a map", &key, b"\xc0"),
        raw("value that is not msgpack", &key, b"\xc1"),
        raw(
            "key of another object",
            &record(&objects::odd_revision()).1,
            &value,
        ),
        raw(
            "value of another object",
            &key,
            &record(&objects::odd_revision()).2,
        ),
    ]
}

/// Every kind of damage.
pub(crate) fn all_damage() -> Vec<Planted> {
    [
        damaged_directories(),
        damaged_revisions(),
        damaged_releases(),
        damaged_snapshots(),
        damaged_others(),
        damaged_records(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
