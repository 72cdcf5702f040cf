//! What a worker does after the processor failed, in every state and with every event in the middle.

use super::fakes::{Answer, Given, Step, World};
use super::{after_start, assigned, lost, records, revoking};
use crate::config::MaxFailures;
use crate::pipeline::worker::{Ended, OnFailure, WorkerError};

/// Looks at events in a recovery from one poison record of eleven: more than it has states.
pub(super) const LOOKS: usize = 40;

pub(super) fn dead_letters(poison: &[(&'static str, u64)]) -> Given {
    Given {
        on_failure: OnFailure::DeadLetter,
        poison: poison.to_vec(),
        leaves_a_group: true,
        hands_out_again: true,
        ..Given::default()
    }
}

/// Rows that were written, the dead letters in their order, and the last position that was confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) letters: Vec<u64>,
    pub(super) committed: u64,
}

pub(super) fn written(log: &[String]) -> Written {
    let mut written = Written {
        rows: 0,
        letters: Vec::new(),
        committed: 0,
    };
    let mut sent = 0;
    for line in log {
        if let Some(rows) = line.strip_prefix("rows ") {
            written.rows += rows.parse::<u64>().unwrap();
        } else if let Some(letters) = line.strip_prefix("letters ") {
            let offsets = letters
                .split(' ')
                .filter_map(|word| word.strip_prefix("a="));
            written
                .letters
                .extend(offsets.map(|offset| offset.parse::<u64>().unwrap()));
        } else if let Some(next) = line.strip_prefix("send a=") {
            sent = next.parse().unwrap();
        } else if line == "confirmed" {
            written.committed = sent;
        } else if let Some(next) = line.strip_prefix("sink at a=") {
            written.committed = next.parse().unwrap();
        }
    }
    written
}

/// Every record before the committed position has a row or is a dead letter, and none has both or two.
#[track_caller]
fn assert_exact(log: &[String]) -> Written {
    let found = written(log);
    assert_eq!(
        found.rows + found.letters.len() as u64,
        found.committed,
        "{log:#?}"
    );
    found
}

#[test]
fn poison_record_is_the_only_dead_letter_and_all_others_have_their_rows() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        records("a", 8),
        Step::End,
    ];
    let (ended, log) = dead_letters(&[("a", 7)]).run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let expected = [
        "process 3",
        "fails 3..=10",
        "restart",
        "rewind a=0",
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "fails 3..=10",
        "restart",
        "process 4",
        "checkpoint",
        "rows 4",
        "send a=7",
        "confirmed",
        "fails 7..=10",
        "restart",
        "fails 7..=8",
        "restart",
        "fails 7..=7",
        "restart",
        "letters a=7 trapped",
        "rows 0",
        "send a=8",
        "confirmed",
        "process 1",
        "checkpoint",
        "rows 1",
        "send a=9",
        "confirmed",
        "process 2",
        "checkpoint",
        "rows 2",
        "send a=11",
        "confirmed",
        "rewind a=11",
        "close",
    ];
    assert_eq!(after_start(&log), expected);
}

#[test]
fn call_that_passes_now_has_no_dead_letter_and_no_part() {
    for on_failure in [OnFailure::Stop, OnFailure::Skip, OnFailure::DeadLetter] {
        let given = Given {
            on_failure,
            failing_calls: vec![2],
            ..dead_letters(&[])
        };
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
        ];
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let expected = Written {
            rows: 11,
            letters: Vec::new(),
            committed: 11,
        };
        assert_eq!(assert_exact(&log), expected);
        assert_eq!(log.iter().filter(|line| *line == "process 8").count(), 1);
    }
}

#[test]
fn several_poison_records_are_found_wherever_they_are() {
    for poison in [
        vec![3],
        vec![10],
        vec![3, 4, 5],
        vec![3, 10],
        (0..11).collect::<Vec<u64>>(),
    ] {
        let given = dead_letters(&poison.iter().map(|&one| ("a", one)).collect::<Vec<_>>());
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
        ];
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let found = assert_exact(&log);
        assert_eq!((found.committed, found.letters), (11, poison));
    }
}

#[test]
fn damaged_record_is_a_dead_letter_once_whatever_fails_around_it() {
    for poison in [vec![], vec![3], vec![5], vec![3, 5, 10], vec![0, 8]] {
        for held_bytes in [1, usize::MAX] {
            let given = Given {
                damaged: vec![("a", 4), ("a", 9)],
                held_bytes,
                ..dead_letters(&poison.iter().map(|&one| ("a", one)).collect::<Vec<_>>())
            };
            let steps = vec![
                assigned(&["a"]),
                records("a", 3),
                records("a", 8),
                Step::End,
            ];
            let (ended, log) = given.run(steps);
            assert_eq!(ended.unwrap(), Ended::EndOfData);
            let found = assert_exact(&log);
            let mut letters = [&poison[..], &[4, 9]].concat();
            letters.sort_unstable();
            assert_eq!((found.committed, found.letters), (11, letters));
            let is_named = |line: &String| line.contains("a=4 damaged");
            assert!(log.iter().any(is_named), "{log:#?}");
        }
    }
}

#[test]
fn skipped_records_have_no_dead_letter() {
    let given = Given {
        on_failure: OnFailure::Skip,
        ..dead_letters(&[("a", 7)])
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 11), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let found = written(&log);
    assert_eq!(
        (found.rows, found.letters.len(), found.committed),
        (10, 0, 11)
    );
}

#[test]
fn what_comes_in_the_middle_leaves_nothing_out_and_repeats_nothing() {
    type Event = fn() -> Vec<Step>;
    let events: [(&str, Event); 6] = [
        ("revoke", || vec![revoking(&["a"]), Step::End]),
        ("lose", || vec![lost(&["a"]), Step::End]),
        ("stop", || vec![Step::Stop, Step::End]),
        ("lose later", || {
            vec![Step::LoseAfterKeepAlives(0), lost(&["a"]), Step::End]
        }),
        ("assign", || {
            vec![assigned(&["b"]), records("a", 8), Step::End]
        }),
        ("end", || vec![Step::End]),
    ];
    for (name, event) in events {
        // Also where a call fails after the recovery that the event ended.
        for poison in [vec![("a", 7)], vec![("a", 7), ("a", 8), ("a", 12)]] {
            for looks in 0..LOOKS {
                for confirms in [Answer::AtOnce, Answer::After(2)] {
                    let given = Given {
                        confirms,
                        ..dead_letters(&poison)
                    };
                    let mut steps = vec![assigned(&["a"]), records("a", 3), records("a", 8)];
                    steps.extend(vec![Step::Idle; looks]);
                    steps.extend(event());
                    let (ended, log) = given.run(steps);
                    let what = format!("{name} after {looks} with {poison:?}");
                    assert!(ended.is_ok(), "{what}: {ended:?} {log:#?}");
                    let found = written(&log);
                    let is_before = |(_, offset): &&(&str, u64)| *offset < found.committed;
                    let letters = poison.iter().filter(is_before);
                    let letters: Vec<u64> = letters.map(|&(_, offset)| offset).collect();
                    assert_eq!(found.letters, letters, "{what}: {log:#?}");
                    let rows = found.committed - letters.len() as u64;
                    assert_eq!(found.rows, rows, "{what}: {log:#?}");
                }
            }
        }
    }
}

/// As in a group that gives partitions out: commits wait as long, and a dead letter waits for the commit before it.
#[test]
fn dead_letter_that_waits_for_its_checkpoint_is_not_lost_with_the_next_call_that_fails() {
    let poison = [("a", 7), ("a", 8), ("a", 12)];
    for looks in 0..LOOKS {
        for confirms in 0..LOOKS {
            let given = Given {
                confirms: Answer::After(confirms),
                ..dead_letters(&poison)
            };
            let mut steps = vec![assigned(&["a"]), records("a", 3), records("a", 8)];
            steps.extend(vec![Step::Idle; looks]);
            steps.extend([assigned(&["b"]), records("a", 8)]);
            steps.extend([Step::Confirming(Answer::AtOnce), Step::Idle, Step::End]);
            let (ended, log) = given.run(steps);
            assert!(ended.is_ok(), "{looks}, {confirms}: {ended:?} {log:#?}");
            let expected = Written {
                rows: 16,
                letters: vec![7, 8, 12],
                committed: 19,
            };
            assert_eq!(written(&log), expected, "{looks}, {confirms}: {log:#?}");
        }
    }
}

#[test]
fn claims_are_kept_while_a_worker_recovers_and_settled_once() {
    for quota in 1..=11 {
        let given = Given {
            quota: Some(quota),
            ..dead_letters(&[("a", 7), ("a", 0)])
        };
        let world = World::new(given);
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::WaitForTheEnd,
        ];
        let ended = world.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let found = assert_exact(&world.log());
        assert_eq!(found.committed, quota);
        assert!(world.quota.is_confirmed());
    }
}

#[test]
fn failed_checkpoint_makes_each_call_a_checkpoint() {
    for on_failure in [OnFailure::Skip, OnFailure::DeadLetter] {
        for failing in [vec![1], vec![1, 2], vec![1, 2, 3]] {
            let given = Given {
                on_failure,
                failing_checkpoints: failing,
                ..dead_letters(&[])
            };
            let steps = vec![
                assigned(&["a"]),
                records("a", 3),
                records("a", 8),
                Step::End,
            ];
            let (ended, log) = given.run(steps);
            assert_eq!(ended.unwrap(), Ended::EndOfData);
            let found = assert_exact(&log);
            assert_eq!((found.rows, found.committed), (11, 11), "{log:#?}");
        }
    }
}

#[test]
fn failure_elsewhere_in_the_repetition_is_recovered_from_as_well() {
    for second in 3..12 {
        let given = Given {
            failing_calls: vec![2, second],
            ..dead_letters(&[("a", 7)])
        };
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
        ];
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let found = assert_exact(&log);
        assert_eq!(found.committed, 11, "{log:#?}");
        assert!(found.letters.contains(&7), "{log:#?}");
    }
}

/// Records that are larger than usual are not kept beside those of the repetition, but read again.
#[test]
fn large_records_that_fail_again_end_a_run_that_stops_and_are_passed_over_by_others() {
    let given = |on_failure| Given {
        on_failure,
        batch_bytes: 4,
        ..dead_letters(&[("a", 7)])
    };
    let steps = || {
        vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
        ]
    };
    let (ended, log) = given(OnFailure::Stop).run(steps());
    assert!(ended.is_err(), "{log:#?}");
    assert!(!log.iter().any(|line| line.starts_with("rows")), "{log:#?}");
    let (ended, log) = given(OnFailure::DeadLetter).run(steps());
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let found = assert_exact(&log);
    assert_eq!((found.letters, found.committed), (vec![7], 11));
}

/// Nothing was processed before, so the source stands after records that are only kept.
#[test]
fn no_checkpoint_passes_over_the_records_of_a_first_call_that_failed() {
    for (poison, looks) in (0..11).flat_map(|poison| (0..LOOKS).map(move |looks| (poison, looks))) {
        let given = dead_letters(&[("a", poison)]);
        let mut steps = vec![assigned(&["a"]), records("a", 11)];
        steps.extend(vec![Step::Idle; looks]);
        steps.push(Step::Stop);
        let (ended, log) = given.run(steps);
        assert_eq!(ended.unwrap(), Ended::Stopped, "{log:#?}");
        let mut found = Written {
            rows: 0,
            letters: Vec::new(),
            committed: 0,
        };
        for end in 0..=log.len() {
            found = written(&log[..end]);
            let done = found.rows + found.letters.len() as u64;
            assert!(
                done >= found.committed,
                "{done} of {}: {log:#?}",
                found.committed
            );
        }
        assert_eq!(
            found.rows + found.letters.len() as u64,
            found.committed,
            "{log:#?}"
        );
    }
}

#[test]
fn run_that_stops_names_the_one_record_and_writes_nothing() {
    for poison in 3..11 {
        let given = Given {
            on_failure: OnFailure::Stop,
            ..dead_letters(&[("a", poison)])
        };
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            records("a", 8),
            Step::End,
        ];
        let (ended, log) = given.run(steps);
        let Err(error @ WorkerError::Record { .. }) = ended else {
            panic!("{ended:?}");
        };
        let record = format!("the record at `topic` partition 0 offset {poison} ");
        assert!(error.to_string().contains(&record), "{error}");
        assert_eq!(written(&log).committed, 0, "{log:#?}");
        assert_eq!(written(&log).rows, 0, "{log:#?}");
    }
}

#[test]
fn call_that_asks_for_it_is_repeated_so_often_and_then_fails() {
    for (retries, asks, letters) in [(5, 5, 0), (2, 2, 0), (0, 0, 0), (1, 40, 11)] {
        let given = Given {
            retries,
            retried_calls: (1..=asks).collect(),
            ..dead_letters(&[])
        };
        let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 11), Step::End]);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let found = assert_exact(&log);
        assert_eq!(
            (found.letters.len(), found.committed),
            (letters, 11),
            "{log:#?}"
        );
    }
}

#[test]
fn too_many_failures_end_the_run() {
    let given = Given {
        max_failures: Some(MaxFailures::Records(2)),
        ..dead_letters(&[("a", 1), ("a", 4), ("a", 9)])
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 11), Step::End]);
    assert!(
        matches!(ended, Err(WorkerError::TooManyFailures { failures: 3, .. })),
        "{ended:?}"
    );
    assert_eq!(written(&log).letters, [1, 4]);
}
