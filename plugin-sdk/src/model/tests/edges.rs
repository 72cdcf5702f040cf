//! Values at the limits of a field.

use super::samples::{at, encoded, one};
use crate::{
    FieldError, Object, OriginVisitStatus, RawExtrinsicMetadata, Revision, Snapshot, Timestamp,
    owned,
};
use rmpv::Value;

#[test]
fn times_at_the_ends_of_64_bits_keep_their_seconds() -> Result<(), FieldError> {
    for seconds in [i64::MIN, i64::MAX] {
        let time = Timestamp::new(seconds, 1).unwrap();
        let value = owned::RawExtrinsicMetadata::new()
            .discovery_date(time)
            .encode();
        let read = RawExtrinsicMetadata::new(&value).discovery_date()?;
        assert_eq!((read.seconds(), read.nanoseconds()), (seconds, 0));
        let year = if seconds < 0 { "-29227702" } else { "29227702" };
        let key = owned::OriginVisit::new().date(time).key();
        let key = String::from_utf8_lossy(&key);
        assert!(key.contains(year), "{key}");
    }
    Ok(())
}

fn date(members: &[u8]) -> Vec<u8> {
    [b"\x81\xa4date", members].concat()
}

#[test]
fn offset_as_a_text_is_refused_in_any_order() {
    for members in [
        &b"\x82\xa9timestamp\x05\xacoffset_bytes\xa5+0000"[..],
        b"\x82\xacoffset_bytes\xa5+0000\xa9timestamp\x05",
    ] {
        let value = date(members);
        let error = Revision::new(&value).date().unwrap_err();
        assert_eq!(error.field(), "date.offset_bytes");
    }
}

#[test]
fn minutes_are_ignored_if_there_are_bytes() -> Result<(), FieldError> {
    let value = date(
        b"\x84\xa6offset\xa1a\xacnegative_utc\x05\xa9timestamp\x05\xacoffset_bytes\xc4\x05+0200",
    );
    let date = Revision::new(&value).date()?.unwrap();
    assert_eq!(&*date.offset_bytes, b"+0200");
    Ok(())
}

#[test]
fn status_of_a_visit_may_have_the_whole_origin() -> Result<(), FieldError> {
    let mut tree = one("origin_visit_status").tree();
    let url = at(&mut tree, "origin").clone();
    *at(&mut tree, "origin") = Value::Map(vec![
        (Value::from("id"), Value::from(5)),
        (Value::from("url"), url.clone()),
    ]);
    let value = encoded(&tree);
    let status = OriginVisitStatus::new(&value);
    assert_eq!(Some(status.origin()?), url.as_str());
    *at(&mut tree, "origin") = Value::Map(Vec::new());
    let value = encoded(&tree);
    let error = OriginVisitStatus::new(&value).origin().unwrap_err();
    assert_eq!(error.field(), "origin");
    Ok(())
}

#[test]
fn branch_of_an_empty_map_is_dangling_in_any_encoding() -> Result<(), FieldError> {
    for empty in [&b"\x80"[..], b"\xde\0\0"] {
        let value = [b"\x81\xa8branches\x81\xc4\x01a", empty].concat();
        let branch = Snapshot::new(&value).branches()?.next().unwrap()?;
        assert_eq!(branch.target, None);
    }
    Ok(())
}

#[test]
fn url_is_a_target_only_of_old_metadata_on_origins() -> Result<(), FieldError> {
    let mut tree = one("raw_extrinsic_metadata").tree();
    *at(&mut tree, "target") = Value::from("https://example.org/");
    let error = |value: &[u8]| RawExtrinsicMetadata::new(value).target().unwrap_err();
    assert_eq!(error(&encoded(&tree)).field(), "target");
    let Value::Map(pairs) = &mut tree else {
        panic!("an object is a map");
    };
    pairs.push((Value::from("type"), Value::from("origin")));
    let value = encoded(&tree);
    let origin = owned::Origin::new().url("https://example.org/");
    assert_eq!(
        RawExtrinsicMetadata::new(&value).target()?.id,
        origin.identifier()
    );
    *at(&mut tree, "type") = Value::from("content");
    assert_eq!(error(&encoded(&tree)).field(), "target");
    Ok(())
}

#[test]
fn tombstone_is_not_an_object() {
    assert_eq!(
        Object::new("content", b"").unwrap_err().to_string(),
        "the content is not valid msgpack: it ends inside a value (byte 0 of the value)"
    );
}
