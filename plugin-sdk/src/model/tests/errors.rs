//! The messages of errors.

use rmpv::Value;

use super::samples::{at, encoded, one};
use crate::{FieldError, MetadataAuthority, Object, Raw, RawExtrinsicMetadata};

fn whole(object_type: &str, value: &[u8]) -> Result<(), FieldError> {
    match Object::new(object_type, value)? {
        Object::Content(object) => object.decode().map(drop),
        Object::SkippedContent(object) => object.decode().map(drop),
        Object::HashCollidingContent(object) => object.decode().map(drop),
        Object::Directory(object) => object.decode().map(drop),
        Object::Revision(object) => object.decode().map(drop),
        Object::Release(object) => object.decode().map(drop),
        Object::Snapshot(object) => object.decode().map(drop),
        Object::Origin(object) => object.decode().map(drop),
        Object::OriginVisit(object) => object.decode().map(drop),
        Object::OriginVisitStatus(object) => object.decode().map(drop),
        Object::ExtId(object) => object.decode().map(drop),
        Object::MetadataAuthority(object) => object.decode().map(drop),
        Object::MetadataFetcher(object) => object.decode().map(drop),
        Object::RawExtrinsicMetadata(object) => object.decode().map(drop),
        Object::Other(other) => panic!("{other:?} is of no type"),
    }
}

/// No field takes a float: each of these fields reports it with its offset.
#[track_caller]
fn check(object_type: &str, named: &str, fields: &[&str]) {
    for field in fields {
        let mut tree = one(object_type).tree();
        *at(&mut tree, field) = Value::F64(0.5);
        let value = encoded(&tree);
        let error = whole(object_type, &value).unwrap_err();
        assert_eq!(error.field(), *field, "{error}");
        assert_eq!(error.object_type(), named);
        assert_eq!(value[error.offset()], 0xcb, "the offset of {error}");
        let begin = format!("`{field}` of the {named} is a float where ");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
}

#[test]
fn error_in_a_content_or_a_directory_names_the_object_the_field_and_the_offset() {
    check(
        "content",
        "content",
        &["sha1", "sha1_git", "length", "status", "data", "ctime"],
    );
    check(
        "skipped_content",
        "skipped content",
        &["sha256", "length", "reason", "origin"],
    );
    check(
        "hash_colliding_content",
        "hash colliding content",
        &["blake2s256", "data"],
    );
    check(
        "directory",
        "directory",
        &[
            "entries",
            "entries[2]",
            "entries[0].name",
            "entries[1].type",
            "entries[2].target",
            "entries[3].perms",
            "id",
            "raw_manifest",
        ],
    );
}

#[test]
fn error_in_a_revision_release_or_snapshot_names_the_object_the_field_and_the_offset() {
    check(
        "revision",
        "revision",
        &[
            "message",
            "author",
            "author.fullname",
            "committer.name",
            "committer.email",
            "date",
            "date.timestamp",
            "date.timestamp.seconds",
            "committer_date.timestamp.microseconds",
            "committer_date.offset_bytes",
            "type",
            "directory",
            "synthetic",
            "metadata",
            "parents",
            "parents[1]",
            "extra_headers",
            "extra_headers[0]",
            "extra_headers[1][0]",
            "extra_headers[1][1]",
        ],
    );
    check(
        "release",
        "release",
        &[
            "name",
            "target",
            "target_type",
            "author.fullname",
            "date.offset_bytes",
            "metadata",
        ],
    );
    check(
        "snapshot",
        "snapshot",
        &[
            "branches",
            "branches[1]",
            "branches[0].target",
            "branches[1].target",
            "branches[1].target_type",
        ],
    );
}

#[test]
fn error_elsewhere_names_the_object_the_field_and_the_offset() {
    check("origin", "origin", &["url", "id"]);
    check(
        "origin_visit",
        "visit",
        &["origin", "date", "type", "visit"],
    );
    check(
        "origin_visit_status",
        "visit status",
        &["origin", "visit", "date", "status", "snapshot", "metadata"],
    );
    check(
        "extid",
        "extid",
        &["extid_type", "target", "extid_version", "payload", "id"],
    );
    check(
        "metadata_authority",
        "metadata authority",
        &["type", "url", "metadata"],
    );
    check("metadata_fetcher", "metadata fetcher", &["name", "version"]);
    check(
        "raw_extrinsic_metadata",
        "raw extrinsic metadata",
        &[
            "target",
            "discovery_date",
            "authority",
            "authority.type",
            "authority.url",
            "fetcher.name",
            "fetcher.metadata",
            "metadata",
            "visit",
            "snapshot",
            "path",
        ],
    );
}

#[test]
fn error_of_computing_an_identifier_names_the_object() {
    let mut tree = one("raw_extrinsic_metadata").tree();
    *at(&mut tree, "authority.url") = Value::from(7);
    let value = encoded(&tree);
    let metadata = RawExtrinsicMetadata::new(&value);
    let error = metadata.compute_id().unwrap_err();
    assert_eq!(error.field(), "authority.url");
    assert_eq!(error.object_type(), "raw extrinsic metadata");
    assert_eq!(value[error.offset()], 7);
    // In an authority that is read alone, the offset is relative to it.
    let authority: MetadataAuthority<'_> = metadata.authority().unwrap();
    let error = authority.url().unwrap_err();
    assert_eq!(
        (error.object_type(), error.field()),
        ("metadata authority", "url")
    );
    assert_eq!(authority.value()[error.offset()], 7);
}

#[track_caller]
fn says(object_type: &str, field: &str, wrong: Value, expected: &str) {
    let mut tree = one(object_type).tree();
    *at(&mut tree, field) = wrong;
    let value = encoded(&tree);
    let error = whole(object_type, &value).unwrap_err().to_string();
    let before_place = error.split(" (byte ").next().unwrap();
    assert_eq!(before_place, expected);
}

#[test]
fn error_names_the_reason() {
    says(
        "revision",
        "directory",
        Value::from(vec![1; 19]),
        "`directory` of the revision has 19 bytes where 20 are expected",
    );
    says(
        "revision",
        "type",
        Value::from("fossil"),
        "`type` of the revision is `fossil`, which is not a known revision type",
    );
    says(
        "revision",
        "type",
        Value::Nil,
        "`type` of the revision is missing",
    );
    says(
        "revision",
        "date.timestamp.microseconds",
        Value::from(1_000_000),
        "`date.timestamp.microseconds` of the revision is 1000000, which is a second or more",
    );
    says(
        "revision",
        "date.timestamp.seconds",
        Value::from(u64::MAX),
        "`date.timestamp.seconds` of the revision is 18446744073709551615, which is too large",
    );
    says(
        "revision",
        "extra_headers[1]",
        Value::Array(vec![Value::from(1); 3]),
        "`extra_headers[1]` of the revision has 3 parts where a name and a value are expected",
    );
    says(
        "directory",
        "entries[1]",
        Value::Map(Vec::new()),
        "`entries[1].name` of the directory is missing",
    );
    says(
        "origin_visit",
        "visit",
        Value::from(-1),
        "`visit` of the visit is -1, which is out of range",
    );
    says(
        "origin_visit",
        "date",
        Value::Ext(-1, vec![0; 5]),
        "`date` of the visit is an extension and not a time",
    );
    says(
        "skipped_content",
        "length",
        Value::from(-2),
        "`length` of the skipped content is -2",
    );
}

#[test]
fn error_of_a_missing_field_names_it() {
    let error = whole("revision", b"\x80").unwrap_err();
    assert_eq!(error.to_string(), "`type` of the revision is missing");
    let error = whole("raw_extrinsic_metadata", b"\x80").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`target` of the raw extrinsic metadata is missing"
    );
}

#[test]
fn field_that_a_source_lacks_is_told_from_damage() {
    for (object_type, named, field) in [
        ("revision", "revision", "synthetic"),
        ("revision", "revision", "parents"),
        ("release", "release", "synthetic"),
        ("directory", "directory", "entries"),
        ("snapshot", "snapshot", "branches"),
    ] {
        let mut tree = one(object_type).tree();
        *at(&mut tree, field) = Value::Nil;
        let nil = whole(object_type, &encoded(&tree)).unwrap_err();
        assert!(!nil.is_absent(), "{nil}");
        assert_eq!(
            nil.to_string(),
            format!("`{field}` of the {named} is missing")
        );
        let Value::Map(pairs) = &mut tree else {
            panic!("{tree}");
        };
        pairs.retain(|(name, _)| name.as_str() != Some(field));
        let absent = whole(object_type, &encoded(&tree)).unwrap_err();
        assert!(absent.is_absent(), "{absent}");
        assert_eq!(absent.field(), field);
        let expected = format!("this source has no `{field}` of the {named}");
        assert_eq!(absent.to_string(), expected);
    }
    let error = whole("origin", b"\x80").unwrap_err();
    assert!(!error.is_absent(), "{error}");
}

#[test]
fn bytes_after_an_object_are_an_error() {
    let error = whole("origin", b"\x82\xa3url\xa1a\xa2id\xc4\x00\xc0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the origin continues after its end (byte 12 of the value)"
    );
}

#[test]
fn keys_that_are_not_texts_are_ignored() {
    let map = Raw::new(b"\x82\x05\x01\xa0\x02"); // {5: 1, "": 2}
    assert_eq!(map.get("").map(|raw| raw.as_msgpack()), Some(&b"\x02"[..]));
    assert_eq!(Raw::new(b"\x81\x05\x01").get(""), None);
}
