//! What ends a run early.

use super::fakes::{Answer, Given, SinkFailure, Step, World};
use super::{after_start, assigned, checkpoint_after_each_call, lost, records, run};
use crate::pipeline::worker::{Ended, WorkerError};
use crate::sink::{Committed, SinkError};
use crate::source::SourceError;

/// What happened besides the search for the record that fails.
fn without_attempts(log: &[String]) -> Vec<&str> {
    let is_attempt = |line: &&str| line.starts_with("fails ") || *line == "restart";
    let log = after_start(log).into_iter();
    log.filter(|line| !is_attempt(line)).collect()
}

#[test]
fn failed_call_writes_and_commits_nothing_since_the_checkpoint() {
    let given = Given {
        poison: vec![("a", 3)],
        ..checkpoint_after_each_call()
    };
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        Step::End,
    ];
    let (ended, log) = given.run(steps);
    assert!(matches!(ended, Err(WorkerError::Record { .. })));
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "close",
    ];
    assert_eq!(without_attempts(&log), expected);
}

#[test]
fn damaged_record_ends_the_run_before_the_processor_sees_it() {
    let given = Given {
        damaged: vec![("a", 4)],
        ..checkpoint_after_each_call()
    };
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 3),
        Step::End,
    ];
    let (ended, log) = given.run(steps);
    let Err(WorkerError::Damaged(damage)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(damage.row, 4);
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "process 1",
        "checkpoint",
        "rows 1",
        "send a=4",
        "confirmed",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn failed_sink_commits_no_offset() {
    let given = Given {
        sink_failure: Some(SinkFailure::Write),
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
        // At once, because the group may report its loss later.
        "restart",
        "rewind a=0",
        "restart",
        "rewind",
        "retain",
        "release a",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn error_of_the_source_ends_the_run_and_still_closes_it() {
    let (ended, log) = run(vec![assigned(&["a"]), records("a", 3), Step::Fail]);
    assert!(matches!(
        ended,
        Err(WorkerError::Source(SourceError::Batch(_)))
    ));
    assert_eq!(after_start(&log), ["process 3", "close"]);
}

#[test]
fn reader_that_goes_away_ends_the_run_quietly() {
    let given = Given {
        sink_failure: Some(SinkFailure::ReaderGone),
        ..Given::default()
    };
    let (ended, _) = given.run(vec![assigned(&["a"]), records("a", 1), Step::End]);
    assert_eq!(ended.unwrap(), Ended::ReaderGone);
}

#[test]
fn failure_is_logged_before_the_worker_leaves_its_group() {
    for leaves_a_group in [true, false] {
        let given = Given {
            poison: vec![("a", 0)],
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
            .position(|line| line.contains("`process` failed on the record"));
        assert_eq!(logged.is_some(), leaves_a_group, "{log:?}");
        let closed = log.iter().position(|line| line == "close");
        assert!(logged < closed, "{log:?}");
    }
}

#[test]
fn request_to_reopen_outputs_reaches_the_sink_once_and_ends_no_run() {
    for sink_failure in [None, Some(SinkFailure::Reopen)] {
        let given = Given {
            sink_failure,
            ..Given::default()
        };
        let steps = vec![assigned(&["a"]), Step::Reopen, records("a", 1), Step::End];
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let expected = [
            "reopen",
            "process 1",
            "checkpoint",
            "rows 1",
            "send a=1",
            "confirmed",
            "close",
        ];
        assert_eq!(after_start(&log), expected);
    }
}

#[test]
fn failure_waits_for_the_commit_of_the_checkpoint_before_it() {
    let given = Given {
        confirms: Answer::After(3),
        poison: vec![("a", 3)],
        ..checkpoint_after_each_call()
    };
    let steps = vec![assigned(&["a"]), records("a", 3), records("a", 2)];
    let (ended, log) = given.run(steps);
    assert!(matches!(ended, Err(WorkerError::Record { .. })));
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "close",
    ];
    assert_eq!(without_attempts(&log), expected);
}

#[test]
fn run_whose_brokers_stay_away_says_how_many_records_come_again() {
    let given = Given {
        confirms: Answer::Never,
        leaves_a_group: true,
        ..checkpoint_after_each_call()
    };
    // A checkpoint that is not confirmed, and what was processed after it.
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 2),
        Step::CutOff,
    ];
    let (ended, _) = given.run(steps);
    let error = ended.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no broker of `broker` has answered for 600 s: refused: 5 records will come again"
    );
    let all = error.with_records_of(&WorkerError::NotConfirmed {
        seconds: 1,
        reason: String::new(),
        records: 4,
    });
    assert!(matches!(
        all,
        WorkerError::CutOff {
            records: Some(9),
            ..
        }
    ));
}
