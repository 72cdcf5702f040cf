//! Reading again from the first record at the end.

use super::fakes::{Answer, Given, Step};
use super::{assigned, lost, records};
use crate::pipeline::worker::Ended;

fn reading_again(latest: &[(&'static str, u64)]) -> Given {
    Given {
        reads_again: true,
        latest: latest.to_vec(),
        ..Given::default()
    }
}

/// What happened after the partitions were assigned.
fn after_assignment(log: &[String]) -> Vec<&str> {
    let log = log.iter().map(String::as_str);
    let mut log = log.skip_while(|line| !line.starts_with("assign "));
    assert!(log.next().is_some());
    log.collect()
}

#[test]
fn next_pass_begins_at_the_first_record_once_the_end_is_committed() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::Idle,
        records("a", 2),
        Step::Stop,
    ];
    let (ended, log) = reading_again(&[("a", 3)]).run(steps);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let expected = [
        "process 3",
        "checkpoint",
        "rows 3",
        "send a=3",
        "confirmed",
        "rewind a=0",
        "send a=0",
        "confirmed",
        "process 2",
        "checkpoint",
        "rows 2",
        "send a=2",
        "confirmed",
        "close",
    ];
    assert_eq!(after_assignment(&log), expected);
}

#[test]
fn pass_ends_when_all_partitions_have_reached_the_ends_that_it_found() {
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        Step::Idle,
        records("b", 2),
        Step::Idle,
        Step::Stop,
    ];
    let (_, log) = reading_again(&[("a", 3), ("b", 2)]).run(steps);
    let expected = [
        "process 3",
        "process 2",
        "checkpoint",
        "rows 5",
        "send a=3 b=2",
        "confirmed",
        "rewind a=0 b=0",
        "send a=0 b=0",
        "confirmed",
        "close",
    ];
    assert_eq!(after_assignment(&log), expected);
}

#[test]
fn partitions_without_records_are_not_read_again() {
    let steps = vec![assigned(&["a"]), Step::Idle, Step::Idle, Step::Stop];
    let (_, log) = reading_again(&[("a", 0)]).run(steps);
    assert_eq!(after_assignment(&log), ["close"]);
}

#[test]
fn group_that_had_read_everything_begins_the_next_pass_at_once() {
    let steps = vec![assigned(&["a"]), Step::Idle, records("a", 1), Step::Stop];
    let given = Given {
        committed: vec![("a", 3)],
        ..reading_again(&[("a", 3)])
    };
    let (_, log) = given.run(steps);
    let log = after_assignment(&log);
    let log: Vec<_> = log
        .into_iter()
        .filter(|line| !line.starts_with("resolve"))
        .collect();
    let expected = [
        "rewind a=0",
        "send a=0",
        "confirmed",
        "process 1",
        "checkpoint",
        "rows 1",
        "send a=1",
        "confirmed",
        "close",
    ];
    assert_eq!(log, expected);
}

#[test]
fn pass_is_not_over_while_its_last_checkpoint_is_unconfirmed() {
    let steps = vec![
        Step::Confirming(Answer::Never),
        assigned(&["a"]),
        records("a", 3),
        Step::Idle,
        Step::Idle,
        Step::Confirming(Answer::AtOnce),
        Step::Idle,
        Step::Stop,
    ];
    let given = Given {
        held_bytes: 1,
        ..reading_again(&[("a", 3)])
    };
    let (_, log) = given.run(steps);
    let confirmed = log.iter().position(|line| line == "confirmed").unwrap();
    let rewound = log.iter().position(|line| line == "rewind a=0").unwrap();
    assert!(confirmed < rewound, "{log:?}");
}

#[test]
fn loss_in_the_second_pass_goes_back_to_its_beginning_and_not_to_the_end_of_the_first() {
    let steps = vec![
        assigned(&["a", "b"]),
        records("a", 3),
        records("b", 2),
        Step::Idle,
        records("a", 1),
        lost(&["b"]),
        Step::Stop,
    ];
    let (_, log) = reading_again(&[("a", 3), ("b", 2)]).run(steps);
    let second = log.iter().skip_while(|line| *line != "rewind a=0 b=0");
    let second: Vec<_> = second.skip(1).collect();
    let expected = [
        "send a=0 b=0",
        "confirmed",
        "process 1",
        "restart",
        "rewind a=0",
        "retain a",
        "release b",
        "close",
    ];
    assert_eq!(second, expected);
}
