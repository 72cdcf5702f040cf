//! Rows of revisions of every kind.

use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{Date, Id, owned};
use list_revisions::ListRevisions;
use serde_json::{Value, json};

const DIRECTORY: Id = Id([2; 20]);
const REVISION: Id = Id([3; 20]);

fn harness() -> Harness<ListRevisions> {
    Harness::new()
}

fn revision() -> owned::Revision {
    owned::Revision::new().id(REVISION).directory(DIRECTORY)
}

/// The only row of a revision.
#[track_caller]
fn row(revision: &owned::Revision) -> Value {
    let run = harness().object(revision).run().expect("it runs");
    let [row] = &run.rows("revisions")[..] else {
        panic!("a revision has one row: {:?}", run.rejections());
    };
    row.clone()
}

#[track_caller]
fn check_subject(message: &[u8], expected: &str) {
    assert_eq!(row(&revision().message(message))["subject"], expected);
}

#[test]
fn revision_has_a_row_of_its_fields() {
    let revision = revision()
        .message("Fix the build\n\nIt was broken.\n")
        .date(Date::new(1_700_000_000, 500_000, b"+0530"))
        .committer_date(Date::new(1_700_000_001, 0, b"-0800"))
        .parent(Id([7; 20]))
        .parent(Id([8; 20]));
    let expected = json!({
        "id": REVISION.to_string(),
        "directory": DIRECTORY.to_string(),
        "parents": [Id([7; 20]).to_string(), Id([8; 20]).to_string()],
        "date": "2023-11-14T22:13:20.5Z",
        "committer_date": "2023-11-14T22:13:21Z",
        "subject": "Fix the build",
    });
    assert_eq!(row(&revision), expected);
}

#[test]
fn missing_fields_are_null() {
    let expected = json!({
        "id": REVISION.to_string(),
        "directory": DIRECTORY.to_string(),
        "parents": [],
        "date": null,
        "committer_date": null,
        "subject": null,
    });
    assert_eq!(row(&revision()), expected);
}

#[test]
fn rows_have_their_own_parents_and_do_not_depend_on_the_split() {
    let mut harness = harness();
    for number in 0..60 {
        let parents = (0..number % 4).map(|parent| Id([parent; 20]));
        let revision = parents.fold(revision(), owned::Revision::parent);
        harness = harness
            .object(&revision)
            .tombstone("revision", [number])
            .raw_record("revision", [number], [0xc0]);
    }
    let run = harness.same_for_any_split(20, Rows::InOrder).unwrap();
    let rows = run.rows("revisions");
    assert_eq!((rows.len(), run.rejections().len()), (60, 60));
    for (number, row) in rows.iter().enumerate() {
        let parents = row["parents"].as_array().unwrap();
        assert_eq!(parents.len(), number % 4);
    }
}

#[test]
fn subject_is_the_first_line_of_the_message() {
    check_subject(b"one\ntwo", "one");
    check_subject(b"one\r\ntwo", "one");
    check_subject(b"one\rtwo\r", "one\rtwo");
    check_subject(b"no end of line", "no end of line");
    check_subject(b"", "");
    check_subject(b"\nbelow an empty line", "");
    check_subject(b"Zo\xeb\n", "Zo\u{fffd}");
}

#[test]
fn date_that_a_row_cannot_hold_is_null() {
    let revision = revision()
        .date(Date::new(253_402_300_799, 0, b"anything"))
        .committer_date(Date::new(253_402_300_800, 0, b"+0000"));
    let row = row(&revision);
    assert_eq!(row["date"], "9999-12-31T23:59:59Z");
    assert_eq!(row["committer_date"], Value::Null);
}

#[test]
fn revision_with_a_broken_parent_is_rejected_alone() {
    // {"directory": DIRECTORY, "parents": [1]}
    let directory = b"\x82\xa9directory\xc4\x14".as_slice();
    let broken = [directory, DIRECTORY.as_bytes(), b"\xa7parents\x91\x01"].concat();
    let run = harness()
        .raw_record("revision", "key", broken)
        .object(&revision())
        .run()
        .unwrap();
    assert_eq!(run.rows("revisions").len(), 1);
    let [rejected] = run.rejections() else {
        panic!("{:?}", run.rejections());
    };
    assert!(
        rejected
            .reason
            .starts_with("`parents[0]` of the revision is")
    );
}
