//! How partitions come, go and get lost.

use super::fakes::{Answer, Given, Step, World, partition};
use super::{
    after_start, assigned, checkpoint_after_each_call, confirming_after, lost, never_confirming,
    records, revoking, run,
};
use crate::pipeline::worker::{Ended, WorkerError};
use crate::source::TopicIdentity;

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
    let error = ended.unwrap_err();
    assert!(
        matches!(error, WorkerError::MayComeAgain { records: 3 }),
        "what was held is not written, and comes once: {error}"
    );
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
fn lost_rows_that_are_not_committed_are_shown_as_coming_again() {
    let world = World::new(Given {
        leaves_a_group: true,
        ..never_confirming()
    });
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        lost(&["a"]),
        Step::Idle,
        Step::Stop,
    ];
    assert!(world.run(steps).is_err());
    assert_eq!(world.shown_as_coming_again(), Some(3));
}

#[test]
fn loss_that_a_stop_meets_while_unconfirmed_says_that_records_may_come_again() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::LoseAfterKeepAlives(0),
        Step::Stop,
    ];
    let (ended, _) = never_confirming().run(steps);
    assert!(
        matches!(ended, Err(WorkerError::NotConfirmed { records: 3, .. })),
        "{ended:?}"
    );
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

/// A worker that loses a partition while three of its records are durable and not confirmed.
fn after_loss(more: Vec<Step>) -> (Result<Ended, WorkerError>, Vec<String>) {
    let mut steps = vec![
        assigned(&["a"]),
        Step::Confirming(Answer::Never),
        records("a", 3),
        lost(&["a"]),
        Step::Confirming(Answer::AtOnce),
    ];
    steps.extend(more);
    checkpoint_after_each_call().run(steps)
}

#[test]
fn partition_that_comes_back_as_it_was_goes_on_after_its_durable_rows() {
    let (ended, log) = after_loss(vec![assigned(&["a"]), records("a", 2), Step::End]);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let back = log.iter().rposition(|line| line == "load a").unwrap();
    let expected = [
        "load a",
        "assign a=3",
        "send a=3",
        "confirmed",
        "process 2",
        "checkpoint",
        "rows 2",
        "send a=5",
        "confirmed",
        "close",
    ];
    assert_eq!(log[back..], expected);
}

#[test]
fn partition_that_another_worker_went_on_with_ends_the_run_with_a_number() {
    let others = Step::CommittedByOthers(partition("a"), 10);
    for more in [vec![], vec![others.clone(), assigned(&["a"])], vec![others]] {
        let steps = more.into_iter().chain([Step::End]).collect();
        let (ended, _) = after_loss(steps);
        let error = ended.unwrap_err();
        assert!(
            matches!(error, WorkerError::MayComeAgain { records: 3 }),
            "{error}"
        );
    }
}

#[test]
fn commit_that_arrived_although_no_answer_came_repeats_nothing() {
    let arrived = Step::CommittedByOthers(partition("a"), 3);
    for more in [vec![arrived.clone()], vec![arrived, assigned(&["a"])]] {
        let steps = more.into_iter().chain([Step::End]).collect();
        let (ended, log) = after_loss(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        let sent = log.iter().filter(|line| line.starts_with("send"));
        assert_eq!(sent.count(), 1, "{log:?}");
    }
}

#[test]
fn loss_at_the_end_of_the_data_is_waited_out() {
    let steps = vec![
        assigned(&["a"]),
        Step::Confirming(Answer::Never),
        records("a", 3),
        Step::LoseAfterKeepAlives(0),
        Step::End,
        lost(&["a"]),
        Step::Confirming(Answer::AtOnce),
        assigned(&["a"]),
        Step::End,
    ];
    let (ended, log) = checkpoint_after_each_call().run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    let written = log.iter().filter(|line| line.starts_with("rows"));
    assert_eq!(written.count(), 1, "{log:?}");
    assert!(log.contains(&"assign a=3".to_owned()), "{log:?}");
}

#[test]
fn rows_of_a_topic_that_was_deleted_do_not_come_again() {
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        lost(&["a"]),
        Step::Topic(TopicIdentity::Gone),
        Step::End,
    ];
    let (ended, _) = never_confirming().run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
}

#[test]
fn topic_that_was_created_again_is_read_although_rows_of_the_same_offsets_are_durable() {
    for (topic, start) in [(1, 3), (2, 0)] {
        let steps = vec![
            assigned(&["a"]),
            records("a", 3),
            lost(&["a"]),
            Step::Topic(TopicIdentity::Known(topic)),
            Step::Confirming(Answer::AtOnce),
            assigned(&["a"]),
            Step::End,
        ];
        let (ended, log) = never_confirming().run(steps);
        assert_eq!(ended.unwrap(), Ended::EndOfData);
        assert!(log.contains(&format!("assign a={start}")), "{log:?}");
        let assigned = log.iter().filter(|line| line.starts_with("assign"));
        assert_eq!(assigned.count(), 2, "{log:?}");
    }
}
