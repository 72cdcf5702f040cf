//! A run that ends after a number of records.

use super::fakes::{Given, Step, World};
use super::{assigned, lost, never_confirming, records};
use crate::pipeline::worker::{Ended, WorkerError};

#[test]
fn loss_before_the_last_checkpoint_of_a_quota_gives_its_claims_back() {
    let given = Given {
        quota: Some(3),
        ..Given::default()
    };
    let steps = vec![
        assigned(&["a", "b"]),
        Step::LoseAfterKeepAlives(0),
        records("a", 3),
        lost(&["a"]),
        records("b", 3),
    ];
    let (ended, log) = given.run(steps);
    assert_eq!(ended.unwrap(), Ended::EndOfData);
    assert!(log.contains(&"send b=3".to_owned()), "{log:?}");
    assert!(
        !log.iter().any(|line| line.starts_with("send a")),
        "{log:?}"
    );
}

#[test]
fn loss_after_the_last_checkpoint_of_a_quota_says_how_many_records_may_come_again() {
    let given = Given {
        quota: Some(3),
        ..never_confirming()
    };
    let steps = vec![
        assigned(&["a"]),
        records("a", 3),
        Step::LoseAfterKeepAlives(0),
        lost(&["a"]),
    ];
    let (ended, _) = given.run(steps);
    assert!(
        matches!(ended, Err(WorkerError::MayComeAgain { records: 3 })),
        "{ended:?}"
    );
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
        poison: vec![("a", 2)],
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
