//! The earliest dates of root directories.

use first_seen::{FirstSeen, Options};
use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{Date, Id, Person, owned};
use serde_json::{Value, json};

fn harness() -> Harness<FirstSeen, Options> {
    Harness::new()
}

fn revision(directory: u8, seconds: i64) -> owned::Revision {
    owned::Revision::new()
        .directory(Id([directory; 20]))
        .author(Person::from_fullname("Jane <jane@example.org>").anonymised())
        .date(Date::new(seconds, 0, b"+0200"))
}

fn row(directory: u8, date: &str) -> Value {
    let directory = format!("{directory:02x}").repeat(20);
    json!({"directory": directory, "date": date})
}

#[test]
fn earliest_date_of_each_directory_is_kept_for_any_split() {
    let mut harness = harness();
    for number in 0..30 {
        let directory = u8::try_from(number % 2).unwrap();
        // Neither ascending nor descending.
        harness = harness.object(&revision(directory, 10 + number * 13 % 30));
    }
    let run = harness.same_for_any_split(50, Rows::InAnyOrder).unwrap();
    let mut rows = run.rows("directories");
    rows.sort_by_key(Value::to_string);
    let earliest = |remainder: i64| {
        let of_directory = (0..30_i64).filter(|number| number % 2 == remainder);
        of_directory
            .map(|number| 10 + number * 13 % 30)
            .min()
            .unwrap()
    };
    let expected = [0, 1].map(|directory: u8| {
        let seconds = earliest(directory.into());
        row(directory, &format!("1970-01-01T00:00:{seconds}Z"))
    });
    assert_eq!(rows, expected);
}

#[test]
fn date_of_the_committer_is_used_on_request() {
    let committed = revision(1, 0)
        .committer(Person::from_fullname("Jane <jane@example.org>"))
        .committer_date(Date::new(5, 0, b"-0800"));
    let run = harness()
        .options(json!({"date": "committer"}))
        .object(&committed)
        .run()
        .unwrap();
    assert_eq!(run.rows("directories"), [row(1, "1970-01-01T00:00:05Z")]);
}

#[test]
fn dates_that_are_missing_or_outside_of_the_calendar_do_not_count() {
    let run = harness()
        .object(&revision(1, i64::MAX))
        .object(&owned::Revision::new().directory(Id([1; 20])))
        .object(&revision(2, -1))
        .run()
        .unwrap();
    assert_eq!(run.rows("directories"), [row(2, "1969-12-31T23:59:59Z")]);
}

#[test]
fn revision_that_cannot_be_read_is_rejected_alone() {
    let run = harness()
        .raw_record("revision", "key", b"\x81\xa4date\x91\x01")
        .object(&revision(1, 0))
        .run()
        .unwrap();
    assert_eq!(run.rows("directories"), [row(1, "1970-01-01T00:00:00Z")]);
    assert_eq!(run.rejections().len(), 1);
}
