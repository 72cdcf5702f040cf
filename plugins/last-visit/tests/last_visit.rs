//! The newest of the statuses of origins.

use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{Id, Timestamp, VisitStatus, owned};
use last_visit::{LastVisit, Options};
use serde_json::{Value, json};

fn harness() -> Harness<LastVisit, Options> {
    Harness::new()
}

fn status(origin: &str, seconds: i64, visit: u64, status: VisitStatus) -> owned::OriginVisitStatus {
    owned::OriginVisitStatus::new()
        .origin(origin)
        .date(Timestamp::new(seconds, 0).expect("it is a time"))
        .visit(visit)
        .status(status)
}

fn row(origin: &str, date: &str, visit: u64, status: &str) -> Value {
    json!({"origin": origin, "date": date, "visit": visit, "status": status, "type": null, "snapshot": null})
}

#[test]
fn newest_status_of_each_origin_is_kept_for_any_split() {
    let mut harness = harness();
    for number in 0..40_u64 {
        let origin = ["a", "b", "c"][usize::try_from(number % 3).unwrap()];
        // Neither ascending nor descending.
        let seconds = i64::try_from(number * 17 % 40).unwrap();
        harness = harness.object(&status(origin, seconds, number, VisitStatus::Ongoing));
    }
    let run = harness.same_for_any_split(50, Rows::InAnyOrder).unwrap();
    let mut rows = run.rows("visits");
    rows.sort_by_key(|row| row["origin"].to_string());
    let newest = |origin: &str, remainder: u64| {
        let of_origin = (0..40_u64).filter(|number| number % 3 == remainder);
        let (seconds, visit) = of_origin
            .map(|number| (number * 17 % 40, number))
            .max()
            .unwrap();
        let date = format!("1970-01-01T00:00:{seconds:02}Z");
        row(origin, &date, visit, "ongoing")
    };
    assert_eq!(rows, [newest("a", 0), newest("b", 1), newest("c", 2)]);
}

#[test]
fn values_are_those_of_one_status() {
    let first = status("o", 1, 7, VisitStatus::Full)
        .snapshot(Id([9; 20]))
        .visit_type("git");
    let run = harness()
        .object(&first)
        .object(&status("o", 2, 6, VisitStatus::NotFound))
        .run()
        .unwrap();
    let expected = row("o", "1970-01-01T00:00:02Z", 6, "not_found");
    assert_eq!(run.rows("visits"), [expected]);
}

#[test]
fn greatest_visit_counts_where_dates_are_equal() {
    let run = harness()
        .object(&status("o", 1, 2, VisitStatus::Created))
        .object(&status("o", 1, 10, VisitStatus::Created))
        .object(&status("o", 1, 9, VisitStatus::Partial))
        .run()
        .unwrap();
    let expected = row("o", "1970-01-01T00:00:01Z", 10, "created");
    assert_eq!(run.rows("visits"), [expected]);
}

#[test]
fn statuses_without_a_snapshot_are_left_out_on_request() {
    let run = harness()
        .options(json!({"require_snapshot": true}))
        .object(&status("o", 1, 1, VisitStatus::Full).snapshot(Id([9; 20])))
        .object(&status("o", 2, 2, VisitStatus::Failed))
        .object(&status("other", 2, 1, VisitStatus::Failed))
        .run()
        .unwrap();
    let mut expected = row("o", "1970-01-01T00:00:01Z", 1, "full");
    expected["snapshot"] = json!("09".repeat(20));
    assert_eq!(run.rows("visits"), [expected]);
}

#[test]
fn status_that_cannot_be_read_is_rejected_alone() {
    let run = harness()
        .raw_record("origin_visit_status", "key", b"\x81\xa5visit\xa1x")
        .object(&status("o", 1, 1, VisitStatus::Created))
        .run()
        .unwrap();
    assert_eq!(run.rows("visits").len(), 1);
    assert_eq!(run.rejections().len(), 1);
}
