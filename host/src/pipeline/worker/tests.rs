//! The worker's loop with fakes for everything around it: every state of the worker meets every event.

mod fakes;

use std::time::Duration;

use self::fakes::{Answer, Given, Step, World, partition};
use super::*;
use crate::journal::offsets::Start;
use crate::sink::Committed;
use crate::source::SourceError;

fn assigned(names: &[&str]) -> Step {
    Step::Assigned(names.iter().map(|name| partition(name)).collect())
}

fn revoking(names: &[&str]) -> Step {
    Step::Revoking(names.iter().map(|name| partition(name)).collect())
}

fn lost(names: &[&str]) -> Step {
    Step::Lost(names.iter().map(|name| partition(name)).collect())
}

fn records(name: &str, count: u64) -> Step {
    Step::Records(partition(name), count)
}

/// A run over these steps; every commit is confirmed at once, and every checkpoint has to be asked for.
fn run(steps: Vec<Step>) -> (Result<Ended, WorkerError>, Vec<String>) {
    Given::default().run(steps)
}

/// One checkpoint as it is due after each call.
fn checkpoint_after_each_call() -> Given {
    Given {
        held_bytes: 1,
        ..Given::default()
    }
}

/// A store that does not confirm before it was asked so often.
fn confirming_after(looks: usize) -> Given {
    Given {
        confirms: Answer::After(looks),
        ..checkpoint_after_each_call()
    }
}

/// A store that never confirms, and checkpoints that are due after each call.
fn never_confirming() -> Given {
    Given {
        confirms: Answer::Never,
        ..checkpoint_after_each_call()
    }
}

const CLEAN_START: [&str; 2] = ["load a", "assign a=0"];

/// What happened after partition `a` was assigned.
fn after_start(log: &[String]) -> Vec<&str> {
    let log: Vec<_> = log.iter().map(String::as_str).collect();
    assert_eq!(log[..2], CLEAN_START);
    log[2..].to_vec()
}

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
fn revoked_partition_goes_after_its_rows_and_offsets() {
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        revoking(&["a"]),
        records("b", 1),
        Step::End,
    ];
    let (ended, log) = run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "load a b",
        "assign a=0 b=0",
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "retain b",
        "release a",
        "process 1",
        "checkpoint",
        "rows 1",
        "send b=1",
        "confirmed",
        "close",
    ];
    assert_eq!(log, expected);
}

#[test]
fn revocation_waits_for_the_checkpoint_before_it_and_takes_its_own() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        revoking(&["a"]),
        Step::Stop,
    ];
    let (ended, log) = confirming_after(5).run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "process 2",
        "confirmed",
        "checkpoint",
        "rows 2",
        "send a=5",
        "confirmed",
        "retain",
        "release a",
        "close",
    ];
    let log = after_start(&log);
    assert_eq!(log, expected);
}

#[test]
fn revocation_whose_time_is_up_drops_what_is_held_and_goes_back_where_it_stays() {
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        records("b", 2),
        Step::Idle,
        Step::Confirming(Answer::Never),
        records("b", 1),
        records("b", 1),
        revoking(&["a"]),
        Step::Confirming(Answer::AtOnce),
        Step::End,
    ];
    let (ended, log) = checkpoint_after_each_call().run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let position = log.iter().position(|line| line == "restart").unwrap();
    // One record of `b` was checkpointed and is unconfirmed, one more was held.
    assert_eq!(
        log[position..position + 4],
        ["restart", "rewind b=3", "retain b", "release a"]
    );
    let rows = log.iter().filter(|line| line.starts_with("rows"));
    assert_eq!(
        rows.count(),
        3,
        "the last record of `b` is not written: {log:?}"
    );
}

#[test]
fn lost_partitions_take_everything_since_the_checkpoint_with_them() {
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        records("b", 2),
        lost(&["a"]),
        Step::End,
    ];
    let (ended, log) = run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "load a b",
        "assign a=0 b=0",
        "process 3",
        "process 2",
        "restart",
        "rewind b=0",
        "retain b",
        "release a",
        "close",
    ];
    assert_eq!(log, expected);
}

#[test]
fn loss_while_unconfirmed_drops_the_held_rows_and_forgets_what_was_sent() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        lost(&["a"]),
        Step::Stop,
    ];
    let (ended, log) = never_confirming().run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped, "nothing is left to confirm");
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "process 2",
        "restart",
        "rewind",
        "retain",
        "release a",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn loss_that_is_seen_before_the_rows_are_written_keeps_them_unwritten() {
    for keep_alives in [0, 1] {
        let steps = vec![
            assigned(&["a"]),
            Step::LoseAfterKeepAlives(keep_alives),
            records("a", 3),
            lost(&["a"]),
            Step::Stop,
        ];
        let (ended, log) = checkpoint_after_each_call().run(steps);
        assert_eq!(ended.unwrap(), Ended::Stopped);
        assert!(!log.iter().any(|line| line.starts_with("rows")), "{log:?}");
        assert!(!log.iter().any(|line| line.starts_with("send")), "{log:?}");
        assert!(log.contains(&"restart".to_owned()), "{log:?}");
    }
}

#[test]
fn loss_during_a_revocation_is_a_loss() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::LoseAfterKeepAlives(0),
        revoking(&["a"]),
        Step::Stop,
    ];
    let (ended, log) = run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let expected = [
        "process 3",
        "restart",
        "rewind",
        "retain",
        "release a",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn failed_call_writes_and_commits_nothing_since_the_checkpoint() {
    let given = Given {
        fails_at_call: Some(2),
        ..checkpoint_after_each_call()
    };
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        Step::End,
    ];
    let (ended, log) = given.run(steps);
    assert!(matches!(
        ended,
        Err(WorkerError::Call {
            call: "process",
            ..
        })
    ));
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
fn failed_sink_commits_no_offset() {
    let given = Given {
        sink_fails: true,
        ..Given::default()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert!(matches!(
        ended,
        Err(WorkerError::Sink(SinkError::Write { .. }))
    ));
    assert_eq!(after_start(&log), ["process 3", "checkpoint", "close"]);
}

#[test]
fn failure_or_stop_of_one_worker_asks_the_others_to_stop_and_its_end_does_not() {
    for (given, last, asked) in [
        (Given::default(), Step::End, false),
        (Given::default(), Step::Fail, true),
        (Given::default(), Step::Stop, true),
    ] {
        let world = World::new(given);
        let _ended = world.run(vec![assigned(&["a"]), last]);
        assert_eq!(world.stop.requested(), asked);
    }
}

#[test]
fn quota_ends_the_run_at_its_last_record() {
    let given = Given {
        quota: Some(7),
        ..Given::default()
    };
    let steps = vec![assigned(&["a"]), records("a", 5), records("a", 5)];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let processed: Vec<_> = log
        .iter()
        .filter(|line| line.starts_with("process"))
        .collect();
    assert_eq!(processed, ["process 5", "process 2"]);
    assert!(log.contains(&"send a=7".to_owned()), "{log:?}");
}

#[test]
fn claims_of_lost_records_go_back_to_the_quota() {
    let given = Given {
        quota: Some(5),
        ..Given::default()
    };
    let world = World::new(given);
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 4),
        lost(&["a"]),
        records("b", 5),
    ];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    assert!(world.quota.is_confirmed());
    assert!(
        world.log().contains(&"send b=5".to_owned()),
        "{:?}",
        world.log()
    );
}

#[test]
fn claims_of_a_run_that_fails_go_back_to_the_quota() {
    let given = Given {
        quota: Some(5),
        fails_at_call: Some(2),
        ..Given::default()
    };
    let world = World::new(given);
    let steps = vec![assigned(&["a"]), records("a", 2), records("a", 2)];
    world.run(steps).unwrap_err();
    assert_eq!(world.quota.claim(9), 5);
}

#[test]
fn no_claim_is_held_while_the_worker_waits() {
    let given = Given {
        quota: Some(5),
        ..Given::default()
    };
    let world = World::new(given);
    let steps = vec![assigned(&["a"]), Step::Idle, records("a", 5)];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    // The fake counts what other workers could claim whenever a poll may wait.
    assert_eq!(world.least_claimable_while_waiting(), 5);
}

#[test]
fn partitions_start_at_the_committed_position_or_where_the_settings_say() {
    let given = Given {
        committed: vec![("a", 40)],
        ..Given::default()
    };
    let (_, log) = given.run(vec![assigned(&["a", "b"]), Step::Stop]);
    assert_eq!(log[..3], ["load a b", "resolve b", "assign a=40 b=0"]);
}

#[test]
fn partition_without_a_position_ends_the_run_where_the_settings_say_so() {
    let given = Given {
        start: None,
        ..Given::default()
    };
    let (ended, _) = given.run(vec![assigned(&["a"]), Step::Stop]);
    let text = ended.unwrap_err().to_string();
    assert!(
        text.contains("no committed offset for `topic` partition 0"),
        "{text}"
    );
}

#[test]
fn other_partitions_go_on_while_positions_are_not_known() {
    let given = Given {
        loads_after: 3,
        committed: vec![("b", 10)],
        ..Given::default()
    };
    let steps = vec![
        assigned(&["a"]),
        Step::Idle,
        Step::Idle,
        Step::Idle,
        assigned(&["b"]),
        records("a", 3),
        Step::Idle,
        Step::Idle,
        Step::Idle,
        Step::End,
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let at = |line: &str| log.iter().position(|known| known == line).unwrap();
    assert!(at("process 3") < at("assign b=10"), "{log:?}");
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
fn fenced_sink_leaves_the_rows_to_the_worker_that_fenced_it() {
    let given = Given {
        sink_answers: vec![Committed::Stale],
        ..checkpoint_after_each_call()
    };
    let steps = vec![assigned(&["a"]), records("a", 3), lost(&["a"]), Step::Stop];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let expected = [
        "process 3",
        "checkpoint",
        "stale",
        "restart",
        "rewind",
        "retain",
        "release a",
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
        ..Given::default()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "sink load a",
        "assign a=10",
        "process 3",
        "checkpoint",
        "rows 3",
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
fn error_of_the_source_ends_the_run_and_still_closes_it() {
    let (ended, log) = run(vec![assigned(&["a"]), records("a", 3), Step::Fail]);
    assert!(matches!(
        ended,
        Err(WorkerError::Source(SourceError::Recording(_)))
    ));
    assert_eq!(after_start(&log), ["process 3", "close"]);
}

#[test]
fn reader_that_goes_away_ends_the_run_quietly() {
    let given = Given {
        reader_gone: true,
        ..Given::default()
    };
    let (ended, _) = given.run(vec![assigned(&["a"]), records("a", 1), Step::End]);
    assert_eq!(ended.unwrap(), Ended::ReaderGone);
}

#[test]
fn positions_are_committed_with_the_note_of_the_run() {
    let given = Given {
        note: "start=5",
        ..Given::default()
    };
    let world = World::new(given);
    world
        .run(vec![assigned(&["a"]), records("a", 1), Step::End])
        .unwrap();
    assert_eq!(world.notes(), ["start=5"]);
    assert_eq!(Given::default().start, Some(Start::Earliest));
}

#[test]
fn failure_is_logged_before_the_worker_leaves_its_group() {
    for leaves_a_group in [true, false] {
        let given = Given {
            fails_at_call: Some(1),
            leaves_a_group,
            ..Given::default()
        };
        let world = World::new(given);
        let writer = world.clone();
        let lines = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .without_time()
            .with_ansi(false)
            .finish();
        let steps = vec![assigned(&["a"]), records("a", 3)];
        let ended = tracing::subscriber::with_default(lines, || world.run(steps));
        assert!(ended.is_err());
        let log = world.log();
        let logged = log
            .iter()
            .position(|line| line.contains("`process` failed"));
        assert_eq!(logged.is_some(), leaves_a_group, "{log:?}");
        let closed = log.iter().position(|line| line == "close");
        assert!(logged < closed, "{log:?}");
    }
}
