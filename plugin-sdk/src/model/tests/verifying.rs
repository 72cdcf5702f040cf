//! Verification of identifiers.

use super::samples::{all, one};
use crate::model::Typed as _;
use crate::{Id, Object, Person, Raw, Release, Revision, Verification, owned};

fn revision() -> owned::Revision {
    owned::Revision::new()
        .author(Person::from_fullname("Ada <ada@example.org>").anonymised())
        .committer(Person::from_fullname("Bob <bob@example.org>"))
}

#[test]
fn every_object_that_has_an_identifier_is_intact() {
    for sample in all() {
        let object = Object::new(sample.object_type, &sample.value).unwrap();
        let expected = match sample.object_type {
            "directory"
            | "revision"
            | "release"
            | "snapshot"
            | "origin"
            | "extid"
            | "raw_extrinsic_metadata"
            | "hash_colliding_content" => Verification::Intact,
            _ => Verification::WithoutIdentifier,
        };
        assert_eq!(object.verify(), Ok(expected), "{}", sample.object_type);
    }
}

#[test]
fn object_with_another_identifier_is_corrupt() {
    let claimed = Id([7; 20]);
    let snapshot = owned::Snapshot::new();
    let computed = snapshot.identifier();
    let value = snapshot.id(claimed).encode();
    assert_eq!(
        Object::new("snapshot", &value).unwrap().verify(),
        Ok(Verification::Corrupt { claimed, computed })
    );
    let content = owned::HashCollidingContent::new().data("bytes");
    let computed = content.sha1_git;
    let value = content.sha1_git(claimed).encode();
    assert_eq!(
        Object::new("hash_colliding_content", &value)
            .unwrap()
            .verify(),
        Ok(Verification::Corrupt { claimed, computed })
    );
}

#[test]
fn identifier_of_an_object_without_one_is_computed_from_its_fields() {
    let expected = owned::Origin::new().url("a").identifier();
    for value in [&b"\x81\xa3url\xa1a"[..], b"\x82\xa3url\xa1a\xa2id\xc4\x00"] {
        let Ok(Object::Origin(origin)) = Object::new("origin", value) else {
            panic!("it is an origin");
        };
        assert_eq!(origin.id(), Ok(expected));
        assert_eq!(origin.verify(), Ok(Verification::Intact));
    }
}

#[test]
fn anonymised_object_cannot_be_verified_unless_it_has_its_raw_manifest() {
    // The id is that of the original persons.
    let hidden = revision().id(Id([7; 20]));
    let value = hidden.encode();
    assert_eq!(Revision::new(&value).verify(), Ok(Verification::Anonymised));
    let value = hidden.raw_manifest("commit 0\0").encode();
    assert!(Revision::new(&value).is_anonymised().unwrap());
    assert!(matches!(
        Revision::new(&value).verify(),
        Ok(Verification::Corrupt { .. })
    ));
    let value = revision().raw_manifest("commit 0\0").encode();
    assert_eq!(Revision::new(&value).verify(), Ok(Verification::Intact));

    let author = Person::from_fullname("Ada").anonymised();
    let release = owned::Release::new().target(Id([1; 20])).author(author);
    let value = release.encode();
    assert_eq!(Release::new(&value).verify(), Ok(Verification::Anonymised));
    let value = release.raw_manifest("tag 0\0").encode();
    assert_eq!(Release::new(&value).verify(), Ok(Verification::Intact));
}

#[test]
fn object_of_a_privileged_topic_is_never_anonymised() {
    let value = revision().encode();
    let privileged = Revision::of_record(&value, true);
    assert!(privileged.privileged() && !privileged.is_anonymised().unwrap());
    assert_eq!(privileged.verify(), Ok(Verification::Intact));
    let object = Object::of_record("revision", &value, true).unwrap();
    assert_eq!(object.verify(), Ok(Verification::Intact));
    let value = revision().id(Id([7; 20])).encode();
    assert!(matches!(
        Revision::of_record(&value, true).verify(),
        Ok(Verification::Corrupt { .. })
    ));
}

#[test]
fn release_without_a_target_has_an_identifier_only_by_its_raw_manifest() {
    let release = owned::Release::new().id(Id([7; 20]));
    let value = release.encode();
    assert_eq!(Release::new(&value).compute_id(), Ok(None));
    assert_eq!(
        Release::new(&value).verify(),
        Ok(Verification::WithoutIdentifier)
    );
    let value = release.raw_manifest("tag 0\0").encode();
    assert!(Release::new(&value).compute_id().unwrap().is_some());
    // Without a target and an id there is no identifier.
    let value = b"\x82\xa4name\xc4\x00\xa6target\xc0";
    assert_eq!(
        Release::new(value).id().unwrap_err().to_string(),
        "`id` of the release is missing"
    );
}

#[test]
fn object_of_an_unknown_type_is_passed_on_unchanged() {
    let value = one("revision").value;
    let object = Object::new("removal_notification", &value).unwrap();
    assert!(matches!(object, Object::Other(raw) if raw == Raw::new(&value)));
    assert_eq!(object.verify(), Ok(Verification::WithoutIdentifier));
}
