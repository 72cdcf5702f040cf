//! Finds damage of every kind, and nothing else.

mod damage;
mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use damage::{Planted, all_damage};
use journal_plugin_sdk::testing::{Harness, Rows, Run};
use journal_plugin_sdk::{Id, owned};
use objects::{Record, record};
use serde_json::{Value, json};
use verify_objects::VerifyObjects;

type Tester = Harness<VerifyObjects>;

fn with_records<'r>(harness: Tester, records: impl IntoIterator<Item = &'r Record>) -> Tester {
    records
        .into_iter()
        .fold(harness, |harness, (object_type, key, value)| {
            harness.raw_record(object_type, key, value.clone())
        })
}

fn run(records: &[Record]) -> Run {
    with_records(Harness::new().privileged(), records)
        .run()
        .expect("no record ends a run")
}

fn intact() -> Vec<Record> {
    vec![
        record(&objects::content()),
        record(&objects::directory()),
        record(&objects::revision()),
        record(&objects::odd_revision()),
        record(&objects::release()),
        record(&objects::snapshot()),
        record(&objects::origin()),
        record(&objects::extid()),
        record(&objects::extrinsic_metadata()),
        record(&objects::colliding()),
        record(&owned::SkippedContent::new().reason("Content too large")),
        record(&owned::OriginVisit::new().origin("https://example.org")),
        record(&owned::OriginVisitStatus::new().origin("https://example.org")),
        record(&owned::MetadataAuthority::new().url("https://example.org")),
        record(&owned::MetadataFetcher::new().name("fetcher")),
    ]
}

/// The object types and offsets of the records with damage.
fn found(run: &Run) -> Vec<(String, u64)> {
    let type_and_offset = |row: &Value| {
        let object_type = row["object_type"]
            .as_str()
            .expect("a type is text")
            .to_owned();
        (
            object_type,
            row["offset"].as_u64().expect("an offset is a number"),
        )
    };
    let mut found: Vec<_> = run.rows("corrupt").iter().map(type_and_offset).collect();
    found.sort_unstable();
    found
}

#[test]
fn each_kind_of_damage_is_found_alone() {
    for Planted { name, record } in all_damage() {
        let rows = run(&[record]).rows("corrupt");
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(rows[0]["privileged"], true, "{name}");
    }
}

#[test]
fn all_damage_among_intact_records_is_found_for_any_split() {
    let damage = all_damage();
    assert!(damage.len() >= 40);
    let mut harness = Harness::new().privileged();
    let mut offsets = BTreeMap::<_, u64>::new();
    let mut expected = Vec::new();
    for Planted { record, .. } in &damage {
        harness = with_records(harness, &intact());
        for (object_type, _, _) in intact() {
            *offsets.entry(object_type).or_default() += 1;
        }
        harness = with_records(harness, [record]);
        let offset = offsets.entry(record.0).or_default();
        expected.push((record.0.to_owned(), *offset));
        *offset += 1;
    }
    expected.sort_unstable();
    let run = harness.same_for_any_split(20, Rows::InAnyOrder).unwrap();
    assert_eq!(found(&run), expected);
    assert!(run.rejections().is_empty());
}

#[test]
fn rows_name_the_damage_and_its_record() {
    let mut revision = objects::revision();
    let (id, other) = (revision.identifier(), objects::odd_revision());
    let (_, key, value) = record(&revision);
    revision.message = None;
    let computed = owned::Revision {
        id: None,
        ..revision.clone()
    }
    .identifier();
    let run = run(&[
        ("revision", key.clone(), revision.encode()),
        ("revision", record(&other).1, value.clone()),
        ("revision", key, b"\x81\xa7message\xc0".to_vec()),
    ]);
    let row = |offset, damage, id: Value, expected: Value, key: Id, reason: Value| {
        json!({
            "object_type": "revision", "privileged": true, "partition": 0, "offset": offset, "damage": damage,
            "id": id, "expected_id": expected, "key_id": key.to_string(), "rule": null, "reason": reason,
        })
    };
    let hex = |id: Id| json!(id.to_string());
    let reason = "`directory` of the revision is missing";
    let expected = [
        row(0, "identifier", hex(id), hex(computed), id, Value::Null),
        row(
            1,
            "key",
            hex(id),
            Value::Null,
            other.identifier(),
            Value::Null,
        ),
        row(2, "unreadable", Value::Null, Value::Null, id, json!(reason)),
    ];
    assert_eq!(run.rows("corrupt"), expected);
}

#[test]
fn records_are_counted_by_type_and_kind() {
    let (_, key, _) = record(&objects::revision());
    let public = |object: owned::Revision| owned::Revision {
        author: object.author.map(|author| author.anonymised()),
        ..object
    };
    let records = [
        (
            "revision",
            key.clone(),
            public(objects::revision()).encode(),
        ),
        record(&public(objects::odd_revision())),
        ("revision", key, b"\xc1".to_vec()),
        record(&objects::content()),
        record(&objects::origin()),
    ];
    let run = with_records(Harness::new(), &records).run().unwrap();
    let row = |object_type, [verified, corrupt, anonymised, without_identifier]: [u64; 4]| {
        json!({
            "object_type": object_type, "verified": verified, "corrupt": corrupt, "anonymised": anonymised,
            "without_identifier": without_identifier,
        })
    };
    let expected = [
        row("revision", [1, 1, 1, 0]),
        row("content", [0, 0, 0, 1]),
        row("origin", [1, 0, 0, 0]),
    ];
    assert_eq!(run.rows("checked"), expected);
}

#[test]
fn order_of_items_that_identifiers_sort_is_not_damage() {
    let mut directory = objects::directory();
    directory.entries.reverse();
    let mut snapshot = objects::snapshot();
    snapshot.branches.reverse();
    assert_eq!(found(&run(&[record(&directory), record(&snapshot)])), []);
}

#[test]
fn damage_in_anonymised_objects_is_not_found() {
    let mut revision = objects::revision();
    let key = record(&revision).1;
    revision.author = revision.author.map(|author| author.anonymised());
    revision.message = None;
    let value = revision.encode();
    let harness = Harness::<VerifyObjects>::new();
    let run = harness.raw_record("revision", key, value).run().unwrap();
    assert_eq!(found(&run), []);
    assert_eq!(run.rows("checked")[0]["anonymised"], 1);
}

/// The ranges of bytes in a value with a bit that can be flipped without being found.
fn unseen(record: &Record) -> Vec<String> {
    let (object_type, key, value) = record;
    let flipped = |bit: usize| {
        let mut value = value.clone();
        value[bit / 8] ^= 1 << (bit % 8);
        (*object_type, key.clone(), value)
    };
    let records: Vec<Record> = (0..value.len() * 8).map(flipped).collect();
    let seen: BTreeSet<u64> = found(&run(&records))
        .into_iter()
        .map(|(_, bit)| bit)
        .collect();
    let is_unseen = |byte: &usize| (0..8).any(|bit| !seen.contains(&(*byte as u64 * 8 + bit)));
    let bytes: Vec<usize> = (0..value.len()).filter(is_unseen).collect();
    let runs = bytes.chunk_by(|one, next| one + 1 == *next);
    runs.map(|run| {
        value[run[0]..=run[run.len() - 1]]
            .escape_ascii()
            .to_string()
    })
    .collect()
}

#[test]
fn flipped_bit_is_missed_only_outside_of_the_identifier() {
    let check = |record: Record, expected: &[&[&str]]| {
        assert_eq!(unseen(&record), expected.concat(), "{}", record.0);
    };
    check(record(&objects::directory()), &[]);
    check(record(&objects::origin()), &[]);
    // The class of upstream ignores fields that it does not know.
    check(record(&objects::extid()), &[&["id"]]);
    // Nil and an empty map both mean that a branch has no target.
    check(record(&objects::snapshot()), &[&["\\xc0"]]);
    let jane: &[&str] = &["Jane Doe", "jane@example.org"];
    let john: &[&str] = &["John Roe", "john@example.org"];
    let metadata: &[&str] = &["license", "MIT"];
    check(
        record(&objects::release()),
        &[&["\\xc2"], jane, &["microseconds"], metadata],
    );
    check(
        record(&objects::revision()),
        &[jane, john, &["microseconds", "\\xc2"], metadata],
    );
    check(record(&objects::extrinsic_metadata()), &[metadata]);
    // The length and the status.
    check(record(&objects::colliding()), &[&["\\x13"]]);
    check(record(&objects::content()), &[&["\\x05"]]);
}

#[test]
fn flipped_bit_in_a_key_that_is_an_identifier_is_found() {
    for (object_type, key, value) in intact().drain(1..=5) {
        for bit in 0..key.len() * 8 {
            let mut key = key.clone();
            key[bit / 8] ^= 1 << (bit % 8);
            let run = run(&[(object_type, key, value.clone())]);
            assert_eq!(
                found(&run).len(),
                1,
                "bit {bit} of the key of a {object_type}"
            );
        }
    }
}

#[test]
fn shipped_history_is_intact() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recordings/ripgrep.journal.zst");
    let harness = Harness::<VerifyObjects>::new().recording(path);
    let run = harness.same_for_any_split(3, Rows::InAnyOrder).unwrap();
    assert_eq!(found(&run), []);
    let checked = run.rows("checked");
    let count = |object_type: &str, kind: &str| {
        let row = checked.iter().find(|row| row["object_type"] == object_type);
        row.and_then(|row| row[kind].as_u64())
    };
    assert_eq!(count("directory", "verified"), Some(10_268));
    assert_eq!(count("revision", "anonymised"), Some(4391));
    assert_eq!(count("content", "without_identifier"), Some(6960));
}
