//! The worker's loop with fakes for everything around it: every state of the worker meets every event.

mod assignments;
mod checkpoints;
mod deciding;
mod failures;
mod fakes;
mod passes;
mod quotas;
mod recovery;
mod shutdown;
mod starts;

use self::fakes::{Answer, Given, Step, partition};
use super::{Ended, WorkerError};

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
