//! A run that has to end in bounded time.

use std::time::Duration;

use super::fakes::{Answer, Given, Step, World};
use super::{after_start, assigned, checkpoint_after_each_call, never_confirming, records};
use crate::pipeline::worker::{Ended, WorkerError};
use crate::sink::Committed;

/// A run that has little time to end, and would otherwise wait for a commit for much longer than a test may take.
fn soon(given: Given) -> Given {
    Given {
        finish: Duration::from_hours(1),
        shutdown_timeout: Duration::from_millis(30),
        leaves_a_group: true,
        ..given
    }
}

#[test]
fn stop_waits_for_the_last_commit_no_longer_than_the_run_may_take_to_end() {
    let steps = vec![assigned(&["a"]), records("a", 3), Step::Stop];
    let (ended, _) = soon(never_confirming()).run(steps);
    assert!(
        matches!(ended, Err(WorkerError::NotConfirmed { records: 3, .. })),
        "{ended:?}"
    );
}

#[test]
fn interrupted_call_says_how_many_records_come_again() {
    for (confirms, again) in [(Answer::AtOnce, 2), (Answer::Never, 5)] {
        let given = Given {
            confirms,
            fails_at_call: Some(2),
            is_interrupted: true,
            ..soon(checkpoint_after_each_call())
        };
        let steps = vec![assigned(&["a"]), records("a", 3), records("a", 2)];
        let (ended, log) = given.run(steps);
        let text = ended.unwrap_err().to_string();
        let expected = format!(
            "the run had to end before `process` returned on `topic` partition 0 offsets 3 to 4: {again} records \
             will come again"
        );
        assert_eq!(text, expected);
        let rows = log.iter().filter(|line| line.starts_with("rows"));
        assert_eq!(rows.count(), 1, "those of the call are not written");
    }
}

#[test]
fn sink_that_wants_a_checkpoint_again_is_not_asked_when_the_run_has_to_end() {
    let given = Given {
        sink_answers: vec![Committed::Again(Duration::from_millis(1)); 10_000],
        ..soon(Given::default())
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::Stop]);
    assert!(
        matches!(ended, Err(WorkerError::NotConfirmed { records: 3, .. })),
        "{ended:?}"
    );
    assert!(
        !after_start(&log)
            .iter()
            .any(|line| line.starts_with("send"))
    );
}

#[test]
fn process_shows_how_many_records_come_again_if_it_has_to_be_abandoned() {
    let steps = |last| vec![assigned(&["a"]), records("a", 3), records("a", 2), last];
    let shown = |given: Given, last| {
        let world = World::new(soon(given));
        let ended = world.run(steps(last));
        (ended.is_ok(), world.shown_as_coming_again())
    };
    assert_eq!(shown(never_confirming(), Step::Stop), (false, Some(5)));
    let confirming = checkpoint_after_each_call();
    assert_eq!(shown(confirming, Step::Stop), (true, Some(0)));
    // Nothing was written of what is read since the last checkpoint.
    assert_eq!(shown(Given::default(), Step::Fail), (false, Some(5)));
}

#[test]
fn run_without_a_group_shows_nothing_that_comes_again() {
    let world = World::new(Given::default());
    let ended = world.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert_eq!(world.shown_as_coming_again(), None);
}
