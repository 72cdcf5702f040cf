//! When rows and positions become durable.

use std::time::Duration;

use super::fakes::{Answer, Given, Step, World, partition};
use super::{after_start, assigned, confirming_after, never_confirming, records, revoking, run};
use crate::pipeline::worker::{Ended, WorkerError};
use crate::sink::Committed;

#[test]
fn clean_worker_stops_without_a_checkpoint() {
    let (ended, log) = run(vec![assigned(&["a"]), Step::Stop]);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    assert_eq!(after_start(&log), ["close"]);
}

#[test]
fn stop_writes_what_was_processed_and_then_commits_it() {
    let (ended, log) = run(vec![assigned(&["a"]), records("a", 3), Step::Stop]);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn end_of_the_data_writes_and_commits_as_a_stop_does() {
    let (ended, log) = run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn positions_without_records_are_committed_without_rows() {
    // Such as those after tombstones that nobody wants.
    let (ended, log) = run(vec![
        assigned(&["a"]),
        Step::PassOver(partition("a"), 7),
        Step::End,
    ]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert_eq!(after_start(&log), ["send a=7", "confirmed", "close"]);
}

#[test]
fn no_second_checkpoint_is_durable_before_the_first_is_confirmed() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        records("a", 4),
        Step::End,
    ];
    let (ended, log) = confirming_after(4).run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let mut unconfirmed = false;
    for line in &log {
        match line.split(' ').next() {
            Some("rows") => assert!(!unconfirmed, "{log:?}"),
            Some("send") => unconfirmed = true,
            Some("confirmed") => unconfirmed = false,
            _ => {}
        }
    }
    let rows: Vec<_> = log.iter().filter(|line| line.starts_with("rows")).collect();
    assert_eq!(rows, ["rows 3", "rows 2", "rows 4"]);
}

#[test]
fn unconfirmed_worker_reads_up_to_its_bound_of_rows_and_then_only_polls() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        records("a", 4),
        Step::Stop,
    ];
    let (ended, log) = never_confirming().run(steps);
    assert!(matches!(ended, Err(WorkerError::NotConfirmed { .. })));
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "process 2",
        "only events",
        "close",
    ];
    assert_eq!(after_start(&log), expected, "4 records more are not read");
}

#[test]
fn stop_that_is_not_confirmed_in_time_says_how_many_records_come_again() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        Step::Stop,
    ];
    let (ended, _) = never_confirming().run(steps);
    let error = ended.unwrap_err();
    assert!(
        matches!(error, WorkerError::NotConfirmed { records: 5, .. }),
        "3 were sent and 2 held: {error}"
    );
}

#[test]
fn refusal_is_the_reason_of_a_commit_that_is_not_confirmed() {
    let given = Given {
        confirms: Answer::Refused("the generation is gone"),
        ..Given::default()
    };
    let (ended, _) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    let text = ended.unwrap_err().to_string();
    assert!(
        text.contains("(the generation is gone): 3 records"),
        "{text}"
    );
}

#[test]
fn checkpoint_that_a_sink_wants_again_is_repeated_with_its_number() {
    let given = Given {
        sink_answers: vec![
            Committed::Done,
            Committed::Again(Duration::from_millis(1)),
            Committed::Again(Duration::ZERO),
        ],
        ..Given::default()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "process 3",
        "checkpoint",
        "again 1",
        "again 1",
        "rows 3",
        "send a=3",
        "confirmed",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn sink_that_owns_the_offsets_decides_and_the_group_is_not_waited_for() {
    let given = Given {
        sink_owns_offsets: true,
        committed: vec![("a", 10)],
        confirms: Answer::Never,
        group_confirms: Answer::Never,
        ..Given::default()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "load a",
        "sink load a",
        "assign a=10",
        "send a=10",
        "process 3",
        "checkpoint",
        "rows 3",
        "sink at a=13",
        "send a=13",
        "close",
    ];
    assert_eq!(log, expected);
}

#[test]
fn run_that_stops_at_the_ends_waits_for_what_others_have_not_committed() {
    let given = Given {
        ends: vec![("a", 3), ("b", 5)],
        ..Given::default()
    };
    let world = World::new(given);
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::Idle,
        Step::CommittedByOthers(partition("b"), 5),
        Step::WaitForTheEnd,
    ];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    let log = world.log();
    // Its own part is committed while it waits, so that the others learn of it.
    assert!(log.contains(&"send a=3".to_owned()), "{log:?}");
}

#[test]
fn checkpoint_is_logged_before_its_rows_are_written_and_when_it_is_confirmed() {
    let world = World::new(Given::default());
    let writer = world.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        records("b", 2),
        revoking(&["a"]),
        Step::PassOver(partition("b"), 9),
        Step::End,
    ];
    let ended = tracing::subscriber::with_default(lines, || world.run(steps));
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let log = world.log();
    let is_of_a_checkpoint = |line: &&String| {
        let parts = ["checkpoint ", "rows ", "send "];
        parts.iter().any(|part| line.contains(part))
    };
    let log: Vec<_> = log.iter().filter(is_of_a_checkpoint).collect();
    let expected = [
        "logged DEBUG checkpoint 1 of worker 0 begins: 5 rows of topic:0 0..3, topic:1 0..2",
        "rows 5",
        "send a=3 b=2",
        "logged DEBUG checkpoint 1 of worker 0 is confirmed: topic:0 0..3, topic:1 0..2",
        "logged DEBUG checkpoint 2 of worker 0 begins: 0 rows of topic:1 2..9",
        "send b=9",
        "logged DEBUG checkpoint 2 of worker 0 is confirmed: topic:1 2..9",
    ];
    assert_eq!(log, expected);
}
