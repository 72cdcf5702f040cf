//! `--on-eof restart`: the journal is read again and again.

use std::collections::BTreeMap;

use journal_tests::Host;
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Prefix, Running, paths};
use rustix::process::Signal;

use super::LIMIT;

const RECORDS: u32 = 300;

fn load(name: &str) -> Prefix {
    let record = |number: u32| Record {
        object_type: "origin".into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; 5]),
    };
    let journal = Journal {
        records: (0..RECORDS).map(record).collect(),
    };
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &journal, 3, 1);
    prefix
}

fn host(prefix: &Prefix, on_eof: &str) -> Host {
    Host::run(&paths::plugin("guest-positions"))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--on-eof", on_eof])
        .args(["--group-id", &prefix.group("passes")])
}

/// How many rows each record has.
fn rows<'a>(finished: impl IntoIterator<Item = &'a Finished>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let lines = finished.into_iter().flat_map(|run| run.stdout.lines());
    // A killed run may leave half a line.
    for line in lines.filter(|line| line.ends_with('}')) {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn run_that_ends_in_the_middle_of_a_pass_goes_on_there() {
    let prefix = load("passes");
    let half = host(&prefix, "restart").args(["--stop-after", "750"]);
    let half = half.finish(LIMIT).success();
    assert_eq!(half.stdout.lines().count(), 750);
    assert!(half.stderr.contains("pass 3 begins"), "{}", half.stderr);
    let rest = host(&prefix, "stop").finish(LIMIT).success();
    assert_eq!(rest.stdout.lines().count(), 150);
    let rows = rows([&half, &rest]);
    assert_eq!(rows.len(), RECORDS as usize);
    assert!(rows.values().all(|&count| count == 3), "{rows:?}");
}

#[test]
fn group_that_had_read_everything_begins_again_and_a_kill_loses_nothing() {
    let prefix = load("passes-killed");
    let first = host(&prefix, "stop").finish(LIMIT).success();
    let passes = |running: &Running, passes: usize| {
        let lines = running.stdout().lines().count();
        (lines > passes * RECORDS as usize).then_some(())
    };
    let interval = [
        "--checkpoint-interval",
        "20ms",
        "--kafka",
        "session.timeout.ms=2000",
    ];
    let mut killed = host(&prefix, "restart").args(interval).spawn();
    killed.until("it reads everything again", LIMIT, |running| {
        passes(running, 2)
    });
    let killed = killed.kill();
    let mut stopped = host(&prefix, "restart").args(interval).spawn();
    stopped.until("it reads everything again", LIMIT, |running| {
        passes(running, 1)
    });
    stopped.signal(Signal::TERM);
    let stopped = stopped.finish(LIMIT).success();
    let rest = host(&prefix, "stop").finish(LIMIT).success();
    let rows = rows([&first, &killed, &stopped, &rest]);
    assert_eq!(rows.len(), RECORDS as usize);
    let least = rows.values().min().copied().unwrap_or_default();
    // One pass of the first run, two of the killed one, the one in which it was killed, and the one after that.
    assert!(least >= 5, "{rows:?}");
}
