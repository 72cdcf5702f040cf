//! A sink that commits positions with its rows: what it has is exact, whatever happens.

use std::time::Duration;

use super::fakes::{Answer, Given, Step, World, partition};
use super::recovery::{LOOKS, dead_letters, written};
use super::{assigned, lost, records, revoking};
use crate::pipeline::worker::{Ended, OnFailure, WorkerError};
use crate::sink::Committed;

/// The group never answers, so that only the sink can be asked.
fn deciding(given: Given) -> Given {
    Given {
        sink_owns_offsets: true,
        confirms: Answer::Never,
        group_confirms: Answer::Never,
        finish: Duration::ZERO,
        ..given
    }
}

/// Whenever the sink has a position, it has the rows of the records before it, and dead letters were durable before.
#[track_caller]
fn assert_exact_at_each_step(log: &[String]) {
    for end in 0..=log.len() {
        if !log[..end]
            .last()
            .is_some_and(|line| line.starts_with("sink at"))
        {
            continue;
        }
        let found = written(&log[..end]);
        let done = found.rows + found.letters.len() as u64;
        assert_eq!(done, found.committed, "{:#?}", &log[..end]);
    }
}

#[test]
fn positions_without_rows_are_committed_and_the_next_checkpoint_goes_on_from_them() {
    let (ended, log) = deciding(Given::default()).run(vec![
        assigned(&["a", "b"]),
        Step::PassOver(partition("a"), 7),
        revoking(&["b"]),
        records("a", 3),
        Step::End,
    ]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let of_sink: Vec<_> = log
        .iter()
        .filter(|line| line.starts_with("sink at") || *line == "stale")
        .collect();
    assert_eq!(of_sink, ["sink at a=7 b=0", "sink at a=10"], "{log:#?}");
}

#[test]
fn failures_and_events_leave_nothing_out_and_repeat_nothing() {
    type Event = fn() -> Vec<Step>;
    let events: [Event; 5] = [
        || vec![revoking(&["a"]), Step::End],
        || vec![lost(&["a"]), Step::End],
        || vec![Step::Stop, Step::End],
        || vec![Step::LoseAfterKeepAlives(0), lost(&["a"]), Step::End],
        || vec![Step::End],
    ];
    for poison in [0, 2, 7, 10] {
        for (looks, event) in (0..LOOKS).flat_map(|looks| events.map(|event| (looks, event))) {
            let mut steps = vec![assigned(&["a"]), records("a", 3), records("a", 8)];
            steps.extend(vec![Step::Idle; looks]);
            steps.extend(event());
            let (ended, log) = deciding(dead_letters(&[("a", poison)])).run(steps);
            assert!(ended.is_ok(), "{ended:?} {log:#?}");
            assert_exact_at_each_step(&log);
            let found = written(&log);
            assert!(found.letters.len() <= 1, "{log:#?}");
        }
    }
}

#[test]
fn first_call_that_fails_is_not_passed_over() {
    for (poison, looks) in (0..11).flat_map(|poison| (0..LOOKS).map(move |looks| (poison, looks))) {
        for on_failure in [OnFailure::Skip, OnFailure::DeadLetter] {
            let given = Given {
                on_failure,
                ..deciding(dead_letters(&[("a", poison)]))
            };
            let mut steps = vec![assigned(&["a"]), records("a", 11)];
            steps.extend(vec![Step::Idle; looks]);
            steps.push(Step::Stop);
            let (ended, log) = given.run(steps);
            assert_eq!(ended.unwrap(), Ended::Stopped, "{log:#?}");
            let found = written(&log);
            let done = found.rows + u64::from(found.committed > poison);
            assert_eq!(done, found.committed, "{log:#?}");
        }
    }
}

#[test]
fn dead_letter_is_durable_before_the_rows_and_the_position() {
    let steps = vec![assigned(&["a"]), records("a", 3), Step::End];
    let (ended, log) = deciding(dead_letters(&[("a", 2)])).run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let index = |wanted: &str| log.iter().position(|line| line == wanted).unwrap();
    assert!(
        index("letters a=2 trapped") < index("sink at a=3"),
        "{log:#?}"
    );
}

#[test]
fn fenced_worker_goes_on_from_the_position_of_the_sink() {
    let world = World::new(deciding(Given {
        hands_out_again: true,
        ..Given::default()
    }));
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        // Another worker had the partition for a while.
        Step::CommittedByOthers(partition("a"), 5),
        revoking(&["b"]),
        records("a", 4),
        Step::End,
    ];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    let log = world.log();
    let wanted = ["stale", "sink load a b", "restart", "rewind a=5 b=0"];
    let index = log.iter().position(|line| line == "stale").unwrap();
    assert_eq!(log[index..index + 4], wanted, "{log:#?}");
    assert!(log.contains(&"sink at a=9".to_owned()), "{log:#?}");
    assert_eq!(log.iter().filter(|line| *line == "rows 3").count(), 0);
}

#[test]
fn sink_hears_of_a_checkpoint_that_is_dropped_before_it_is_asked_for_positions() {
    let mut dropped = 0;
    for looks in 0..6 {
        let given = deciding(Given {
            sink_answers: vec![Committed::Again(Duration::ZERO); 3],
            ..Given::default()
        });
        let (ended, log) = given.run(vec![
            assigned(&["a", "b"]),
            records("a", 3),
            Step::LoseAfterKeepAlives(looks),
            revoking(&["b"]),
            lost(&["a"]),
            assigned(&["a"]),
            records("a", 3),
            Step::End,
        ]);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        assert_exact_at_each_step(&log);
        for after in log.iter().skip_while(|line| *line != "again 1") {
            if after == "give up" {
                dropped += 1;
                break;
            }
            assert!(!after.starts_with("sink load"), "{log:#?}");
        }
    }
    assert!(dropped > 0, "no loss came in the middle of a checkpoint");
}

#[test]
fn stale_answer_in_the_middle_of_a_recovery_drops_it() {
    for stale in 0..4 {
        let mut sink_answers = vec![Committed::Stale];
        sink_answers.extend(vec![Committed::Again(Duration::ZERO); stale]);
        let given = Given {
            sink_answers,
            ..deciding(dead_letters(&[("a", 7)]))
        };
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
            Step::End,
        ];
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        assert!(log.contains(&"stale".to_owned()));
        assert_exact_at_each_step(&log);
    }
}

#[test]
fn group_that_is_ahead_of_the_sink_is_refused_unless_a_start_is_given() {
    for is_explicit in [false, true] {
        let given = Given {
            in_group: vec![("a", 10)],
            is_explicit,
            ..deciding(Given::default())
        };
        let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
        match ended {
            Err(WorkerError::GroupAhead { committed, .. }) if !is_explicit => {
                assert_eq!(committed, 10);
                assert!(!log.iter().any(|line| line.starts_with("rows")), "{log:#?}");
            }
            Ok(Ended::EndOfData) if is_explicit => {
                assert!(log.contains(&"sink at a=3".to_owned()), "{log:#?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn position_of_a_topic_that_was_created_again_is_not_gone_on_from() {
    for (committed_topic, start) in [(None, 10), (Some(1), 10), (Some(2), 0)] {
        let given = Given {
            committed: vec![("a", 10)],
            committed_topic,
            ..deciding(Given::default())
        };
        let given = Given {
            confirms: Answer::AtOnce,
            ..given
        };
        let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        assert!(log.contains(&format!("assign a={start}")), "{log:#?}");
        let is_replaced = log.contains(&"sink send a=0".to_owned());
        assert_eq!(is_replaced, start == 0, "{log:#?}");
        assert!(
            log.contains(&format!("sink at a={}", start + 3)),
            "{log:#?}"
        );
    }
}

#[test]
fn position_of_a_topic_that_was_created_again_is_no_end() {
    let given = Given {
        committed: vec![("a", 10)],
        committed_topic: Some(2),
        ends: vec![("a", 3)],
        ..deciding(Given::default())
    };
    let given = Given {
        confirms: Answer::AtOnce,
        ..given
    };
    let steps = vec![
        Step::Idle,
        assigned(&["a"]),
        records("a", 3),
        Step::WaitForTheEnd,
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert!(log.contains(&"sink at a=3".to_owned()), "{log:#?}");
}

#[test]
fn group_gets_the_positions_of_the_sink_once_it_takes_them() {
    let world = World::new(Given {
        held_bytes: 1,
        group_confirms: Answer::Refused("a rebalance"),
        ..deciding(Given::default())
    });
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::GroupConfirming(Answer::AtOnce),
        Step::Idle,
        records("a", 2),
        Step::End,
    ];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    let log = world.log();
    let index = |wanted: &str| log.iter().position(|line| line == wanted);
    assert!(index("send a=3") < index("group confirmed"), "{log:#?}");
    assert!(index("group confirmed") < index("sink at a=5"), "{log:#?}");
}

#[test]
fn run_ends_after_the_group_took_the_positions_of_the_sink() {
    let given = Given {
        finish: Duration::from_hours(1),
        group_confirms: Answer::After(3),
        ..deciding(Given::default())
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let last = log.iter().rfind(|line| line.ends_with("confirmed"));
    assert_eq!(
        last.map(String::as_str),
        Some("group confirmed"),
        "{log:#?}"
    );
}

#[test]
fn group_gets_what_an_earlier_worker_committed_to_the_sink() {
    let given = Given {
        committed: vec![("a", 10)],
        ..deciding(Given::default())
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert!(log.contains(&"send a=10".to_owned()), "{log:#?}");
}
