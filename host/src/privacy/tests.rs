use std::fs;
use std::time::Instant;

use super::*;
use crate::journal::batch::{Batches, Columns, RecordRef, Topic};

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

/// What one poll lets through of these records.
fn poll(
    guard: &mut Guard,
    topic: &Arc<Topic>,
    records: &[(&[u8], &[u8])],
    largest: usize,
) -> Result<Batches, NotPushed> {
    let mut batches = Batches::new(Columns::ALL);
    guard.begin();
    for (key, value) in records {
        guard.push(&mut batches, topic, record(key, value), largest)?;
    }
    guard.finish(&mut batches);
    Ok(batches)
}

fn values(batches: &Batches) -> Vec<&[u8]> {
    let batches = batches.as_slice().iter();
    batches
        .flat_map(|batch| (0..batch.records()).map(|index| batch.value(index).unwrap_or_default()))
        .collect()
}

#[test]
fn poll_lets_through_what_is_not_masked_and_counts_the_rest() {
    let revisions = topic("revision", false);
    let mut guard = guard(None);
    let (masked, other) = (key(0xaa), key(0xbb));
    // With a text of 20 bytes as its key, which is no usual one, or without a key, the value says what a record is of.
    let unusual = [&[0xb4][..], &[0xaa; 20]].concat();
    let without_key = [b"\x81\xa2id\xc4\x14", &[0xaa; 20][..]].concat();
    let records: [(&[u8], &[u8]); 7] = [
        (&masked, b"1"),
        (&other, b"2"),
        (&masked, b""),
        (&unusual, &without_key),
        (&other, b"4"),
        (b"", &without_key),
        (&masked, b"5"),
    ];
    for _poll in 0..2 {
        let batches = poll(&mut guard, &revisions, &records, 1000).unwrap();
        assert_eq!(values(&batches), [&b"2"[..], b"", b"4"]);
        assert_eq!(batches.records(), 3);
    }
    assert_eq!(guard.privacy.counts.masked(), 8);
    let batches = poll(&mut guard, &revisions, &records[..1], 1000).unwrap();
    assert!(batches.is_empty() && batches.as_slice().is_empty());
}

#[test]
fn masked_record_may_have_any_size() {
    let revisions = topic("revision", false);
    let mut guard = guard(None);
    let (masked, other) = (key(0xaa), key(0xbb));
    let large = vec![b'x'; 50];
    assert!(
        poll(&mut guard, &revisions, &[(&masked, &large)], 60)
            .unwrap()
            .is_empty()
    );
    let error = poll(&mut guard, &revisions, &[(&other, &large)], 60).unwrap_err();
    assert!(matches!(error, NotPushed::TooLarge(72)), "{error:?}");
}

#[test]
fn list_that_is_read_again_holds_from_the_next_poll_on() {
    let snapshots = topic("snapshot", false);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask");
    let write = |kind: &str| {
        let new = folder.path().join("new");
        fs::write(&new, format!("swh:1:{kind}:{}", "aa".repeat(20))).unwrap();
        fs::rename(new, &path).unwrap();
    };
    write("rev");
    let privacy = Privacy::load(Some(&path), None).unwrap().unwrap();
    let mut guard = Guard::new(&privacy);
    let key = key(0xaa);
    let records: [(&[u8], &[u8]); 1] = [(&key, b"1")];
    let masks = |guard: &mut Guard| poll(guard, &snapshots, &records, 1000).unwrap().is_empty();
    assert!(!masks(&mut guard));
    write("snp");
    privacy.mask.as_ref().unwrap().look(Instant::now());
    assert!(masks(&mut guard));
}

#[test]
fn topic_whose_names_are_removed_is_not_privileged() {
    let revisions = topic("revision", true);
    let mut guard = guard(Some(Level::Persons));
    let (masked, other) = (key(0xaa), key(0xbb));
    let shown = |guard: &mut Guard| {
        // A masked record may have names that cannot be found.
        let records = [(&masked[..], &b"\x80\x80"[..]), (&other, VALUE)];
        let batches = poll(guard, &revisions, &records, 1000).unwrap();
        assert_eq!(batches.records(), 1);
        assert_ne!(values(&batches), [VALUE]);
        Arc::clone(&batches.as_slice()[0].topic)
    };
    let first = shown(&mut guard);
    assert!(!first.privileged && first.name == revisions.name);
    assert!(Arc::ptr_eq(&shown(&mut guard), &first));
    assert_eq!(guard.privacy.counts.anonymised(), 2);
    let admitted = admit(&mut guard, &revisions, (&other, VALUE));
    assert_ne!(admitted.unwrap(), Some(VALUE));
    assert_eq!(guard.privacy.counts.anonymised(), 3);
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
