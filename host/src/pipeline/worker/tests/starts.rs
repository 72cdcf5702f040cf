//! Where partitions start, and when that is committed.

use super::fakes::{Answer, Given, Step, World, partition};
use super::{assigned, checkpoint_after_each_call, records, revoking};
use crate::journal::offsets::Start;
use crate::journal::start::StartTime;
use crate::pipeline::worker::{Ended, WorkerError};

const T: i64 = 5000;

/// A run whose group starts at [`T`]; the fake resolves every time to offset 100.
fn starting_at_a_time() -> Given {
    Given {
        start: Some(Start::Time(T)),
        ..Given::default()
    }
}

fn time(ms: i64) -> StartTime {
    StartTime::from_ms(ms)
}

#[test]
fn start_at_a_time_is_committed_before_the_first_rows() {
    let world = World::new(starting_at_a_time());
    let steps = vec![assigned(&["a"]), records("a", 3), Step::End];
    assert_eq!(world.run(steps).unwrap(), Ended::EndOfData);
    let expected = [
        "load a",
        "resolve a since 5000",
        "assign a=100",
        "send a=100",
        "confirmed",
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=103",
        "confirmed",
        "close",
    ];
    assert_eq!(world.log(), expected);
    let note = "start=1970-01-01T00:00:05.000Z";
    assert_eq!(world.notes(), [note, note]);
}

#[test]
fn rows_wait_for_the_confirmation_of_the_start() {
    let given = Given {
        confirms: Answer::Never,
        start: Some(Start::Time(T)),
        ..checkpoint_after_each_call()
    };
    let steps = vec![assigned(&["a"]), records("a", 3), Step::Idle, Step::Stop];
    let (ended, log) = given.run(steps);
    assert!(
        matches!(ended, Err(WorkerError::NotConfirmed { .. })),
        "{ended:?}"
    );
    assert!(log.contains(&"send a=100".to_owned()), "{log:?}");
    assert!(log.contains(&"process 3".to_owned()), "{log:?}");
    assert!(!log.iter().any(|line| line.starts_with("rows")), "{log:?}");
}

#[test]
fn rows_follow_when_the_start_is_confirmed() {
    let given = Given {
        confirms: Answer::After(3),
        start: Some(Start::Time(T)),
        ..checkpoint_after_each_call()
    };
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::Idle,
        Step::Idle,
        Step::Stop,
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let at = |line: &str| log.iter().position(|known| known == line).unwrap();
    assert!(at("confirmed") < at("rows 3"), "{log:?}");
}

#[test]
fn run_that_is_stopped_before_its_first_record_has_committed_its_start() {
    let (ended, log) = starting_at_a_time().run(vec![assigned(&["a"]), Step::Stop]);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    assert_eq!(
        log[2..],
        ["assign a=100", "send a=100", "confirmed", "close"]
    );
}

#[test]
fn run_that_has_nothing_to_read_ends_after_its_start_is_committed() {
    let given = Given {
        ends_at_once: true,
        ..starting_at_a_time()
    };
    let steps = vec![
        Step::Idle,
        Step::Idle,
        assigned(&["a"]),
        Step::WaitForTheEnd,
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert!(log.contains(&"send a=100".to_owned()), "{log:?}");
}

#[test]
fn worker_without_partitions_ends_when_another_one_has_committed_the_start() {
    let given = Given {
        ends_at_once: true,
        of_group: vec!["a"],
        ..starting_at_a_time()
    };
    let steps = vec![
        Step::Idle,
        Step::CommittedByOthers(partition("a"), 100),
        Step::WaitForTheEnd,
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert_eq!(log, ["close"]);
}

#[test]
fn start_at_the_beginning_is_not_committed() {
    let (_, log) = Given::default().run(vec![assigned(&["a"]), Step::Stop]);
    assert_eq!(log, ["load a", "assign a=0", "close"]);
}

#[test]
fn partition_that_the_group_sees_later_starts_at_the_time_of_any_note() {
    for start in [Start::Earliest, Start::Time(T)] {
        let given = Given {
            start: Some(start),
            committed_since: vec![("b", 7, time(4000)), ("c", 9, time(3000))],
            committed: vec![("d", 1)],
            of_group: vec!["b", "c", "d"],
            ..Given::default()
        };
        let world = World::new(given);
        world.run(vec![assigned(&["a"]), Step::Stop]).unwrap();
        let expected = [
            "load a",
            "resolve a since 3000",
            "assign a=100",
            "send a=100",
            "confirmed",
            "close",
        ];
        assert_eq!(world.log(), expected);
        assert_eq!(world.notes(), [time(3000).note()]);
    }
}

#[test]
fn note_of_a_partition_that_comes_together_with_a_new_one_counts() {
    let given = Given {
        committed_since: vec![("b", 7, time(3000))],
        ..starting_at_a_time()
    };
    let (_, log) = given.run(vec![assigned(&["a", "b"]), Step::Stop]);
    assert_eq!(log[1..3], ["resolve a since 3000", "assign a=100 b=7"]);
}

#[test]
fn partition_of_a_group_with_offsets_and_no_note_starts_at_its_beginning() {
    let given = Given {
        committed: vec![("b", 7)],
        of_group: vec!["a", "b"],
        ..starting_at_a_time()
    };
    let (_, log) = given.run(vec![assigned(&["a"]), Step::Stop]);
    assert_eq!(log, ["load a", "resolve a", "assign a=0", "close"]);
}

#[test]
fn committed_position_is_kept_with_its_time_and_without_a_strange_note() {
    let given = Given {
        committed: vec![("b", 9)],
        committed_since: vec![("a", 7, time(3000))],
        ..starting_at_a_time()
    };
    let world = World::new(given);
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 1),
        records("b", 1),
        Step::End,
    ];
    world.run(steps).unwrap();
    assert!(world.log().contains(&"send a=8 b=10".to_owned()));
    assert_eq!(world.notes(), [time(3000).note(), String::new()]);
}

#[test]
fn position_of_an_offset_file_comes_before_the_start_of_the_group_and_after_a_commit() {
    let given = Given {
        committed_since: vec![("c", 9, time(3000))],
        listed: vec![("a", 40), ("c", 50)],
        of_group: vec!["c"],
        ..Given::default()
    };
    let world = World::new(given);
    world
        .run(vec![assigned(&["a", "b", "c"]), Step::Stop])
        .unwrap();
    let expected = [
        "load a b c",
        "resolve b since 3000",
        "assign a=40 b=100 c=9",
        "send a=40 b=100",
        "confirmed",
        "close",
    ];
    assert_eq!(world.log(), expected);
    assert_eq!(world.notes(), [String::new(), time(3000).note()]);
}

#[test]
fn partition_without_a_position_ends_a_run_that_asks_for_it_although_the_group_has_a_time() {
    let given = Given {
        start: None,
        committed_since: vec![("b", 7, time(3000))],
        of_group: vec!["b"],
        ..Given::default()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), Step::Stop]);
    assert!(
        matches!(ended, Err(WorkerError::NoCommittedOffset(_))),
        "{ended:?}"
    );
    assert_eq!(log, ["load a", "close"]);
}

#[test]
fn revocation_waits_for_the_confirmation_of_the_start() {
    let given = Given {
        confirms: Answer::After(3),
        ..starting_at_a_time()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), revoking(&["a"]), Step::Stop]);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    assert_eq!(
        log[3..],
        ["send a=100", "confirmed", "retain", "release a", "close"]
    );
}

#[test]
fn start_is_committed_to_the_sink_that_owns_the_offsets() {
    let given = Given {
        sink_owns_offsets: true,
        ..starting_at_a_time()
    };
    let (ended, log) = given.run(vec![assigned(&["a"]), records("a", 3), Step::Stop]);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    assert_eq!(log[..2], ["load a", "sink load a"]);
    let at = |line: &str| log.iter().position(|known| known == line).unwrap();
    assert!(at("sink send a=100") < at("rows 3"), "{log:?}");
}
