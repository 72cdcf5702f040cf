//! Which records are delivered, and how often, on a real broker. By default it holds half a million records; the
//! variable `JOURNAL_TESTS_RECORDS` sets another number. `JOURNAL_TESTS_KILLS` sets how often writers are killed.

mod aggregates;
mod consumer_protocol;
mod crashes;
mod ends;
mod groups;
mod live;
mod memory;
mod outages;
mod outputs;
mod parquet;
mod passes;
mod postgres;
mod rebalances;
mod resuming;
mod shutdown;
mod sqlite;
mod starts;
mod topics;
mod topics_as_outputs;
mod upserts;

use std::sync::OnceLock;
use std::time::Duration;

use journal_tests::kafka::{Counts, Journal, Sums};
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths, run};

/// Time limit for one run.
pub(crate) const LIMIT: Duration = Duration::from_mins(5);
/// Partitions of each topic.
const PARTITIONS: i32 = 8;
/// The variable for the minimum number of records on the shared broker.
const RECORDS_VARIABLE: &str = "JOURNAL_TESTS_RECORDS";
/// Its default.
const RECORDS: u64 = 500_000;
/// The variable for how often a process that writes to a server or a database is killed.
const KILLS_VARIABLE: &str = "JOURNAL_TESTS_KILLS";
/// Its default.
const KILLS: u64 = 4;

/// Many records on the shared broker, written once for all tests.
pub(crate) struct Large {
    pub(crate) prefix: Prefix,
    pub(crate) counts: Counts,
    /// The number of copies of the shipped recording.
    pub(crate) repetitions: u32,
}

fn shipped() -> Journal {
    Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"))
}

pub(crate) fn large() -> &'static Large {
    static LARGE: OnceLock<Large> = OnceLock::new();
    LARGE.get_or_init(|| {
        let journal = shipped();
        let prefix = Prefix::new("large");
        let repetitions = wanted_records().div_ceil(journal.records.len() as u64);
        let repetitions = u32::try_from(repetitions).expect("a broker holds fewer records");
        let records = Broker::shared().load(&prefix, &journal, PARTITIONS, repetitions);
        assert!(records >= wanted_records(), "{records}");
        Large {
            prefix,
            counts: journal.counts(false, u64::from(repetitions)),
            repetitions,
        }
    })
}

fn wanted_records() -> u64 {
    wanted(RECORDS_VARIABLE, RECORDS)
}

/// How a process is disturbed before it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbance {
    Nothing,
    /// It is paused until the group has given its partitions up.
    Pause,
    /// The server that it writes to ends as a crash does.
    Crash,
}

/// What comes before each kill.
fn kills() -> impl Iterator<Item = Disturbance> {
    (0..wanted(KILLS_VARIABLE, KILLS)).map(|kill| match kill % KILLS {
        1 => Disturbance::Pause,
        2 => Disturbance::Crash,
        _ => Disturbance::Nothing,
    })
}

/// The number in this variable.
fn wanted(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(number) => number
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {number}")),
        Err(_) => default,
    }
}

/// A run over a journal on the shared broker that stops at its end.
pub(crate) fn host(plugin: &str, prefix: &Prefix, group: &str) -> Host {
    Host::run(&paths::plugin(plugin))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args(["--prefix", prefix.as_str(), "--group-id", group])
        .args(["--on-eof", "stop"])
        // A member learns of a rebalance from its heartbeat.
        .args(["--kafka", "heartbeat.interval.ms=200"])
}

fn objects(counts: &Counts) -> u64 {
    counts
        .values()
        .map(|sums| sums.objects + sums.tombstones)
        .sum()
}

fn add(counts: &mut Counts, more: &Counts) {
    for (object_type, sums) in more {
        let sum = counts.entry(object_type.clone()).or_default();
        sum.objects += sums.objects;
        sum.bytes += sums.bytes;
        sum.tombstones += sums.tombstones;
    }
}

/// The sums of several runs.
fn total<'a>(finished: impl IntoIterator<Item = &'a Finished>) -> Counts {
    let mut counts = Counts::new();
    for run in finished {
        add(&mut counts, &run.counts());
    }
    counts
}

/// Subtracts `counts`, none of which may be greater than in `more`.
fn difference(more: &Counts, counts: &Counts) -> Counts {
    let minus = |object_type: &String, sums: &Sums| {
        let less = counts.get(object_type).copied().unwrap_or_default();
        let checked = |more: u64, less: u64| more.checked_sub(less).expect("nothing is missing");
        Sums {
            objects: checked(sums.objects, less.objects),
            bytes: checked(sums.bytes, less.bytes),
            tombstones: checked(sums.tombstones, less.tombstones),
        }
    };
    let all = more
        .iter()
        .map(|(object_type, sums)| (object_type.clone(), minus(object_type, sums)));
    all.filter(|(_, sums)| *sums != Sums::default()).collect()
}

/// Waits until the group has committed this number of records, and returns how many it has committed.
pub(crate) fn until_committed(
    running: &mut Running,
    prefix: &Prefix,
    group: &str,
    at_least: u64,
) -> u64 {
    running.until("the group commits", LIMIT, |_| {
        let committed = Broker::shared().committed_records(group, prefix);
        (committed >= at_least).then_some(committed)
    })
}

/// Fails some records of a group whose rows go to this output, and processes their dead letters again.
fn assert_redriven_rows_join(
    name: &str,
    output: &str,
    with_account: impl Fn(Host) -> Host,
    rows: impl Fn() -> u64,
) {
    let (broker, prefix) = (Broker::shared(), Prefix::new(name));
    let journal = shipped();
    broker.load(&prefix, &journal, 2, 1);
    let letters = run::folder("letters").join("letters.jsonl");
    let poisoned = host("guest-positions", &prefix, &prefix.group("redriven"))
        .args(["--option", "poison_every=1000", "--max-failures", "100%"])
        .args(["--output", output])
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters);
    let _ = with_account(poisoned).finish(LIMIT).success();
    let all = objects(&journal.counts(false, 1));
    let failed = std::fs::read_to_string(&letters).expect("there are letters");
    let failed = failed.lines().count() as u64;
    assert!(failed > 1, "{failed}");
    assert_eq!(rows(), all - failed);
    let redrive = Host::new()
        .arg("redrive")
        .arg(&letters)
        .args(["--prefix", prefix.as_str(), "--plugin"])
        .arg(paths::plugin("guest-positions"))
        .args(["--output", output]);
    let _ = with_account(redrive).finish(LIMIT).success();
    assert_eq!(rows(), all);
}
