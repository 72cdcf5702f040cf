use std::fs;

use super::*;

fn topic(object_type: &str, privileged: bool) -> Arc<Topic> {
    Arc::new(Topic {
        name: format!("p.{object_type}"),
        object_type: object_type.to_owned(),
        privileged,
    })
}

fn guard(level: Option<Level>) -> Guard {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask");
    fs::write(&path, format!("swh:1:rev:{}", "aa".repeat(20))).unwrap();
    let privacy = Privacy::load(Some(&path), level).unwrap().unwrap();
    Guard::new(&privacy)
}

fn record<'a>(key: &'a [u8], value: &'a [u8]) -> RecordRef<'a> {
    RecordRef {
        partition: 3,
        offset: 4,
        timestamp_ms: -1,
        key,
        value,
    }
}

fn admit<'a>(
    guard: &'a mut Guard,
    topic: &Topic,
    (key, value): (&'a [u8], &'a [u8]),
) -> Result<Option<&'a [u8]>, Refused> {
    let admitted = guard.admit(topic, record(key, value))?;
    Ok(admitted.map(|record| record.value))
}

fn key(byte: u8) -> Vec<u8> {
    [&[0xc4, 20][..], &[byte; 20]].concat()
}

const VALUE: &[u8] = b"\x81\xa6author\x81\xa8fullname\xc4\x05A <b>";

#[test]
fn masked_record_is_dropped_and_counted_and_its_tombstone_passes() {
    let revisions = topic("revision", false);
    let mut guard = guard(None);
    let masked = key(0xaa);
    let admitted = admit(&mut guard, &revisions, (&masked, VALUE));
    assert_eq!(admitted.unwrap(), None);
    let admitted = admit(&mut guard, &revisions, (&masked, b""));
    assert_eq!(admitted.unwrap(), Some(&b""[..]));
    let other = key(0xbb);
    let admitted = admit(&mut guard, &revisions, (&other, VALUE));
    assert_eq!(admitted.unwrap(), Some(VALUE));
    assert_eq!(guard.privacy.counts.masked(), 1);
}

#[test]
fn topic_whose_names_are_removed_is_not_privileged() {
    let revisions = topic("revision", true);
    let mut guard = guard(Some(Level::Persons));
    let shown = guard.topic(&revisions);
    assert!(!shown.privileged && shown.name == revisions.name);
    assert!(Arc::ptr_eq(&guard.topic(&revisions), &shown));
    let other = key(0xbb);
    let admitted = admit(&mut guard, &revisions, (&other, VALUE));
    assert_ne!(admitted.unwrap(), Some(VALUE));
    assert_eq!(guard.privacy.counts.anonymised(), 1);
}

#[test]
fn record_that_cannot_be_read_is_named_by_its_position_alone() {
    let revisions = topic("revision", true);
    let mut guard = guard(Some(Level::Persons));
    let error = admit(&mut guard, &revisions, (b"https://secret", b"\x80"));
    let error = error.unwrap_err();
    assert!(error.is_about_the_mask());
    assert!(!error.to_string().contains("secret"));
    let other = key(0xbb);
    let error = admit(&mut guard, &revisions, (&other, b"\xc4\x06secret"));
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot anonymise the record at `p.revision` partition 3 offset 4"
    );
    // Nothing says where persons are in another privileged topic.
    let others = topic("person", true);
    assert!(admit(&mut guard, &others, (&other, VALUE)).is_err());
}
