//! Processes that are killed, brokers that restart, and processors that trap in the middle of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use journal_tests::kafka::Counts;
use journal_tests::{Broker, Finished, Host, Prefix, host as rows_of, run};
use serde_json::Value;

use super::{
    LIMIT, PARTITIONS, assert_in_the_middle, difference, host, large, objects, shipped, slow, spin,
    total, trap_at_call, until_committed,
};

/// The group waits for a dead member until its session times out.
const SHORT_SESSION: [&str; 2] = ["--kafka", "session.timeout.ms=2000"];

/// Whether the processor holds the counts until a checkpoint, or the host merges them.
const MERGES: [&str; 2] = ["merges=false", "merges=true"];

/// The rows of the last checkpoint: a checkpoint has at most one row per type.
fn last_checkpoint(rows: &[Value]) -> Counts {
    let mut last: Vec<Value> = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows.iter().rev() {
        let object_type = row["object_type"].as_str().expect("a row has a type");
        if !seen.insert(object_type) {
            break;
        }
        last.push(row.clone());
    }
    rows_of::sum(&last)
}

#[test]
fn killed_between_rows_and_commit_repeats_exactly_one_checkpoint() {
    for merges in MERGES {
        kill_between_rows_and_commit(merges);
    }
}

fn kill_between_rows_and_commit(merges: &str) {
    let large = large();
    let group = large.prefix.group(&format!("rows-durable-{merges}"));
    // One object type, so that each checkpoint is one row.
    let one_type =
        |plugin: &str| host(plugin, &large.prefix, &group).args(["--object-type", "directory"]);
    let killed = one_type("guest-counter")
        .args(["--option", &spin(4000), "--option", merges])
        .args(["--checkpoint-interval", "300ms"])
        .args(SHORT_SESSION)
        .fault("kill-after:sync:4")
        .finish(LIMIT);
    assert_eq!(
        killed.status.code(),
        None,
        "killed by a signal: {}",
        killed.stderr
    );
    assert_eq!(killed.rows().len(), 4);
    let committed = assert_in_the_middle(&large.prefix, &group, large.counts["directory"].objects);
    let repeated = last_checkpoint(&killed.rows());
    assert_eq!(committed, objects(&killed.counts()) - objects(&repeated));
    let rest = one_type("count-objects").finish(LIMIT).success();
    let all = total([&killed, &rest]);
    let mut expected = Counts::new();
    expected.insert("directory".into(), large.counts["directory"]);
    assert_eq!(difference(&all, &expected), repeated);
}

#[test]
fn killed_before_its_rows_are_written_repeats_nothing() {
    for merges in MERGES {
        kill_before_rows_are_written(merges);
    }
}

fn kill_before_rows_are_written(merges: &str) {
    let large = large();
    let group = large.prefix.group(&format!("before-rows-{merges}"));
    let killed = slow(&large.prefix, &group)
        .args(["--option", merges])
        .args(SHORT_SESSION)
        .fault("kill-before:write:4")
        .finish(LIMIT);
    assert_eq!(
        killed.status.code(),
        None,
        "killed by a signal: {}",
        killed.stderr
    );
    let committed = assert_in_the_middle(&large.prefix, &group, large.records);
    let rest = host("count-objects", &large.prefix, &group)
        .finish(LIMIT)
        .success();
    // The commit of the checkpoint before may have been in flight.
    let repeated = difference(&total([&killed, &rest]), &large.counts);
    assert_eq!(objects(&killed.counts()) - committed, objects(&repeated));
}

/// The outputs of `months-and-extensions`.
const OUTPUTS: [&str; 2] = ["months", "extensions"];

/// A run with one checkpoint, at its end, whose outputs are files in `folder`.
fn one_checkpoint(prefix: &Prefix, group: &str, folder: &Path) -> Host {
    OUTPUTS.into_iter().fold(
        host("months-and-extensions", prefix, group)
            .args(["--checkpoint-interval", "1h"])
            .args(SHORT_SESSION),
        |host, output| {
            let file = file_of(folder, output);
            host.arg("--output")
                .arg(format!("{output}={}", file.display()))
        },
    )
}

fn file_of(folder: &Path, output: &str) -> PathBuf {
    folder.join(format!("{output}.jsonl"))
}

/// The number of occurrences of each line in the file of each output.
fn lines(folder: &Path) -> BTreeMap<(&'static str, String), u32> {
    let mut lines = BTreeMap::new();
    for output in OUTPUTS {
        let text = fs::read_to_string(file_of(folder, output)).expect("the run made the file");
        assert!(text.is_empty() || text.ends_with('\n'), "half a line");
        for line in text.lines() {
            *lines.entry((output, line.to_owned())).or_default() += 1;
        }
    }
    lines
}

/// One run lists its durable steps. Then, for each step, one run is killed or fails at it, and another one resumes.
#[test]
fn crash_or_failure_at_any_durable_step_loses_nothing() {
    let prefix = Prefix::new("steps");
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    let clean = run::folder("clean");
    let list = clean.join("steps");
    let _clean = one_checkpoint(&prefix, &prefix.group("clean"), &clean)
        .list_steps(&list)
        .finish(LIMIT)
        .success();
    let expected = lines(&clean);
    let steps = fs::read_to_string(&list).expect("the run listed its steps");
    assert_eq!(steps, "open\nopen\nwrite\nwrite\nsync\nsync\n");
    thread::scope(|scope| {
        for number in 1..=6 {
            for effect in ["kill-before", "kill-within", "kill-after", "fail"] {
                let (prefix, expected) = (&prefix, &expected);
                scope.spawn(move || break_and_resume(prefix, effect, number, expected));
            }
        }
    });
}

fn break_and_resume(
    prefix: &Prefix,
    effect: &str,
    number: u32,
    expected: &BTreeMap<(&'static str, String), u32>,
) {
    let fault = format!("{effect}:any:{number}");
    let name = format!("{effect}-{number}");
    let (folder, group) = (run::folder(&name), prefix.group(&name));
    let broken = one_checkpoint(prefix, &group, &folder)
        .fault(&fault)
        .finish(LIMIT);
    assert_ended_by(&broken, effect);
    assert_eq!(Broker::shared().committed_records(&group, prefix), 0);
    if effect == "fail" && number > 2 {
        assert!(
            lines(&folder).is_empty(),
            "{fault}: written rows are removed"
        );
    }
    let _whole = one_checkpoint(prefix, &group, &folder)
        .finish(LIMIT)
        .success();
    let lines = lines(&folder);
    assert!(lines.keys().eq(expected.keys()), "{fault}");
    // Rows that were durable, all or half of them, are repeated, and no others.
    let times: BTreeSet<_> = lines.values().copied().collect();
    let allowed: &[u32] = match (effect, number) {
        ("fail", _) | (_, 1 | 2) | ("kill-before", 3) => &[1],
        ("kill-after", 6) => &[2],
        _ => &[1, 2],
    };
    assert!(
        times.iter().all(|times| allowed.contains(times)),
        "{fault}: {times:?}"
    );
}

fn assert_ended_by(broken: &Finished, effect: &str) {
    let code = (effect == "fail").then_some(1);
    assert_eq!(broken.status.code(), code, "{effect}: {}", broken.stderr);
    if effect == "fail" {
        let says = ["cannot open", "cannot write to"];
        assert!(
            says.iter().any(|said| broken.stderr.contains(said)),
            "{}",
            broken.stderr
        );
    }
}

#[test]
fn trap_while_counts_are_held_writes_nothing_of_its_checkpoint() {
    for merges in MERGES {
        trap_while_counts_are_held(merges);
    }
}

fn trap_while_counts_are_held(merges: &str) {
    let large = large();
    let group = large.prefix.group(&format!("trap-{merges}"));
    let trap = trap_at_call(700);
    let call = trap.replace("trap_at_call=", "");
    let trapped = slow(&large.prefix, &group)
        .args(["--option", &trap, "--option", merges])
        .finish(LIMIT)
        .code(1);
    for part in [
        format!("the test wants call {call} to trap").as_str(),
        "partition",
        "offsets",
        "src/lib.rs:",
    ] {
        assert!(trapped.stderr.contains(part), "{part}: {}", trapped.stderr);
    }
    let committed = assert_in_the_middle(&large.prefix, &group, large.records);
    assert!(objects(&trapped.counts()) >= committed);
    let mended = host("count-objects", &large.prefix, &group)
        .finish(LIMIT)
        .success();
    assert_eq!(total([&trapped, &mended]), large.counts);
}

#[test]
fn run_continues_after_a_broker_restart() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("restart");
    let journal = shipped();
    let records = broker.load(&prefix, &journal, PARTITIONS, 23);
    let group = prefix.group("restart");
    let mut running = journal_tests::Host::run(&journal_tests::paths::plugin("guest-counter"))
        .arg("--brokers")
        .arg(broker.address())
        .args([
            "--prefix",
            prefix.as_str(),
            "--group-id",
            &group,
            "--on-eof",
            "stop",
        ])
        .args(["--option", "spin=8000", "--checkpoint-interval", "300ms"])
        .spawn();
    running.until("the group commits", LIMIT, |_| {
        (broker.committed_records(&group, &prefix) > 0).then_some(())
    });
    broker.stop();
    broker.restart();
    let committed = broker.committed_records(&group, &prefix);
    assert!(
        committed > 0 && committed < records,
        "{committed} of {records}"
    );
    assert!(!running.has_ended(), "{}", running.stderr());
    let finished = running.finish(LIMIT).success();
    assert_eq!(finished.counts(), journal.counts(false, 23));
    assert_eq!(broker.committed_records(&group, &prefix), records);
    assert!(
        finished.stderr.contains("waiting for the brokers"),
        "{}",
        finished.stderr
    );
}

#[test]
fn group_that_has_committed_everything_reads_nothing() {
    let prefix = Prefix::new("again");
    let journal = shipped();
    Broker::shared().load(&prefix, &journal, PARTITIONS, 1);
    let group = prefix.group("again");
    let mut first = host("count-objects", &prefix, &group).spawn();
    until_committed(&mut first, &prefix, &group, journal.records.len() as u64);
    assert_eq!(
        first.finish(LIMIT).success().counts(),
        journal.counts(false, 1)
    );
    let second = host("count-objects", &prefix, &group)
        .finish(LIMIT)
        .success();
    assert_eq!(second.stdout, "");
}

#[test]
fn worker_that_fails_ends_the_whole_process() {
    let large = large();
    let group = large.prefix.group("one-fails");
    let trap = trap_at_call(300);
    let call = trap.replace("trap_at_call=", "");
    let finished = journal_tests::Host::run(&journal_tests::paths::plugin("guest-counter"))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
        // Without the failure it would never end.
        .args(["--workers", "3", "--on-eof", "continue"])
        .args(["--option", &spin(4000), "--option", &trap])
        .args(["--checkpoint-interval", "100ms"])
        .finish(LIMIT)
        .code(1);
    assert!(
        finished
            .stderr
            .contains(&format!("the test wants call {call} to trap")),
        "{}",
        finished.stderr
    );
    assert_in_the_middle(&large.prefix, &group, large.records);
    let rest = host("count-objects", &large.prefix, &group)
        .finish(LIMIT)
        .success();
    assert_eq!(total([&finished, &rest]), large.counts);
}
