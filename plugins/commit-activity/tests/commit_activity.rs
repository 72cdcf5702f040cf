//! Counts over revisions of every kind.

use commit_activity::{CommitActivity, Options};
use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{Date, Person, owned};
use serde_json::{Value, json};

fn harness() -> Harness<CommitActivity, Options> {
    Harness::new()
}

fn revision(seconds: i64, offset: &[u8]) -> owned::Revision {
    owned::Revision::new()
        .author(Person::from_fullname("Jane <jane@example.org>").anonymised())
        .date(Date::new(seconds, 0, offset))
}

fn month(month: impl Into<Value>, revisions: u64) -> Value {
    json!({"month": month.into(), "revisions": revisions})
}

fn zone(zone: impl Into<Value>, revisions: u64) -> Value {
    json!({"zone": zone.into(), "revisions": revisions})
}

fn hour(weekday: impl Into<Value>, hour: impl Into<Value>, revisions: u64) -> Value {
    json!({"weekday": weekday.into(), "hour": hour.into(), "revisions": revisions})
}

#[test]
fn anonymised_revisions_are_counted_for_any_split() {
    let mut harness = harness();
    for number in 0..60 {
        // One per day from 2023-11-14, 22:13 UTC.
        let seconds = 1_700_000_000 + 86_400 * number;
        harness = harness.object(&revision(seconds, b"+0200"));
    }
    let run = harness.same_for_any_split(50, Rows::InAnyOrder).unwrap();
    let expected = [
        month("2023-11", 17),
        month("2023-12", 31),
        month("2024-01", 12),
    ];
    assert_eq!(run.rows("months"), expected);
    assert_eq!(run.rows("zones"), [zone("+0200", 60)]);
    let hours = run.rows("hours");
    assert_eq!(hours.len(), 7);
    assert!(hours.iter().all(|row| row["hour"] == 0));
}

#[test]
fn weekday_and_hour_are_those_of_the_author_and_the_month_is_in_utc() {
    // 2023-11-30, 23:30 UTC, a Thursday; half an hour after midnight for the author.
    let run = harness()
        .object(&revision(1_701_387_000, b"+0100"))
        .run()
        .unwrap();
    assert_eq!(run.rows("months"), [month("2023-11", 1)]);
    assert_eq!(run.rows("hours"), [hour("Friday", 0, 1)]);
}

#[test]
fn date_of_the_committer_is_used_on_request() {
    let committed = revision(1_700_000_000, b"+0100")
        .committer(Person::from_fullname("Jane <jane@example.org>"))
        .committer_date(Date::new(0, 0, b"-0800"));
    let run = harness()
        .options(json!({"date": "committer"}))
        .object(&committed)
        .run()
        .unwrap();
    assert_eq!(run.rows("months"), [month("1970-01", 1)]);
    assert_eq!(run.rows("zones"), [zone("-0800", 1)]);
}

#[test]
fn odd_dates_are_counted_as_such() {
    let run = harness()
        .object(&revision(1_700_000_000, b"--700"))
        .object(&revision(i64::MAX, b"+0000"))
        .object(&owned::Revision::new())
        .run()
        .unwrap();
    assert_eq!(
        run.rows("months"),
        [month("2023-11", 1), month(Value::Null, 1)]
    );
    assert_eq!(run.rows("zones"), [zone(Value::Null, 1), zone("+0000", 1)]);
    assert_eq!(run.rows("hours"), [hour(Value::Null, Value::Null, 2)]);
}

#[test]
fn revision_that_cannot_be_read_is_rejected_alone() {
    let run = harness()
        .raw_record("revision", "key", b"\x81\xa4date\x91\x01")
        .object(&revision(0, b"+0000"))
        .run()
        .unwrap();
    assert_eq!(run.rows("months"), [month("1970-01", 1)]);
    assert!(
        run.rejections()[0]
            .reason
            .starts_with("`date` of the revision is a list")
    );
}
