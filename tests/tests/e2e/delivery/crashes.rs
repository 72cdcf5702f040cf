//! Processes that are killed, brokers that restart, and processors that trap in the middle of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use journal_tests::kafka::{Counts, Feed};
use journal_tests::{Broker, Finished, Host, Prefix, host as rows_of, paths, run};
use serde_json::Value;

use super::live::{Live, stop, until_it_handles_more};
use super::{LIMIT, PARTITIONS, difference, host, objects, shipped, total, until_committed};

/// The group waits for a dead member until its session times out.
const SHORT_SESSION: [&str; 2] = ["--kafka", "session.timeout.ms=2000"];

/// Whether the processor holds the counts until a checkpoint, or the host merges them.
const MERGES: [(&str, &str); 2] = [("held", "merges=false"), ("merged", "merges=true")];

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
    for (name, merges) in MERGES {
        kill_between_rows_and_commit(name, merges);
    }
}

fn kill_between_rows_and_commit(name: &str, merges: &str) {
    let live = Live::new(&format!("rows-durable-{name}"));
    // One object type, so that each checkpoint is one row.
    let killed = live
        .host("guest-counter")
        .args(["--object-type", "directory", "--option", merges])
        .args(SHORT_SESSION)
        .fault("kill-after:sync:4")
        .finish(LIMIT);
    assert_killed(&killed);
    assert_eq!(killed.rows().len(), 4);
    let repeated = last_checkpoint(&killed.rows());
    assert_eq!(
        live.committed(),
        objects(&killed.counts()) - objects(&repeated)
    );
    let (rest, written) = live.rest();
    assert_eq!(difference(&total([&killed, &rest]), &written), repeated);
}

fn assert_killed(killed: &Finished) {
    let code = killed.status.code();
    assert_eq!(code, None, "killed by a signal: {}", killed.stderr);
}

#[test]
fn killed_before_its_rows_are_written_repeats_nothing() {
    for (name, merges) in MERGES {
        kill_before_rows_are_written(name, merges);
    }
}

fn kill_before_rows_are_written(name: &str, merges: &str) {
    let live = Live::new(&format!("before-rows-{name}"));
    let killed = live
        .host("guest-counter")
        .args(["--option", merges])
        .args(SHORT_SESSION)
        .fault("kill-before:write:4")
        .finish(LIMIT);
    assert_killed(&killed);
    let committed = live.committed();
    assert!(committed > 0, "there were checkpoints before");
    let (rest, written) = live.rest();
    // The commit of the checkpoint before may have been in flight.
    let repeated = difference(&total([&killed, &rest]), &written);
    assert_eq!(objects(&killed.counts()) - committed, objects(&repeated));
}

/// The outputs of `months-and-extensions`.
const OUTPUTS: [&str; 2] = ["months", "extensions"];

/// A run with one checkpoint, at its end, whose outputs are files in `folder`.
fn one_checkpoint(prefix: &Prefix, group: &str, folder: &Path) -> Host {
    one_checkpoint_in(prefix, group, folder, "")
}

/// The same with files whose names have this ending.
fn one_checkpoint_in(prefix: &Prefix, group: &str, folder: &Path, ending: &str) -> Host {
    OUTPUTS.into_iter().fold(
        host("months-and-extensions", prefix, group)
            .args(["--checkpoint-interval", "1h"])
            .args(SHORT_SESSION),
        |host, output| {
            let file = file_of(folder, output);
            host.arg("--output")
                .arg(format!("{output}={}{ending}", file.display()))
        },
    )
}

fn file_of(folder: &Path, output: &str) -> PathBuf {
    folder.join(format!("{output}.jsonl"))
}

/// The number of occurrences of each line in the file of each output.
fn lines(folder: &Path) -> BTreeMap<(&'static str, String), u32> {
    lines_of(|output| fs::read_to_string(file_of(folder, output)).expect("the run made the file"))
}

/// The same of lines that are compressed with zstd.
fn decompressed_lines(folder: &Path) -> BTreeMap<(&'static str, String), u32> {
    lines_of(|output| {
        let file = format!("{}.zst", file_of(folder, output).display());
        let bytes = fs::read(file).expect("the run made the file");
        let text = zstd::decode_all(&bytes[..]).expect("its frames are whole");
        String::from_utf8(text).expect("rows are text")
    })
}

fn lines_of(text_of: impl Fn(&str) -> String) -> BTreeMap<(&'static str, String), u32> {
    let mut lines = BTreeMap::new();
    for output in OUTPUTS {
        let text = text_of(output);
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

/// Half a frame holds no rows for the run after the crash, so that only those of whole frames are repeated.
#[test]
fn crash_in_the_middle_of_a_compressed_checkpoint_repeats_whole_frames_only() {
    let prefix = Prefix::new("frames");
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    // The steps are those of plain files: each write has the frame of one output.
    for (number, repeated) in [(3, &[][..]), (4, &OUTPUTS[..1])] {
        let name = format!("frames-{number}");
        let (folder, group) = (run::folder(&name), prefix.group(&name));
        let writing = || one_checkpoint_in(&prefix, &group, &folder, ".zst");
        let killed = writing()
            .fault(&format!("kill-within:any:{number}"))
            .finish(LIMIT);
        assert_ended_by(&killed, "kill-within");
        let whole = writing().finish(LIMIT).success();
        assert!(whole.stderr.contains("half zstd frame"), "{}", whole.stderr);
        let lines = decompressed_lines(&folder);
        assert!(!lines.is_empty());
        for ((output, line), times) in lines {
            let expected = 1 + u32::from(repeated.contains(&output));
            assert_eq!(times, expected, "{output}: {line}");
        }
    }
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
    for (name, merges) in MERGES {
        trap_while_counts_are_held(name, merges);
    }
}

fn trap_while_counts_are_held(name: &str, merges: &str) {
    const COMMITTED: u64 = 1000;
    let live = Live::new(&format!("trap-{name}"));
    let some = live
        .host("guest-counter")
        .args(["--stop-after", &COMMITTED.to_string(), "--option", merges])
        .finish(LIMIT)
        .success();
    // The calls before hold their counts: there is no checkpoint.
    let trapped = live
        .plain("guest-counter")
        .args(["--checkpoint-interval", "1h", "--option", merges])
        .args(["--option", "trap_at_call=10"])
        .finish(LIMIT)
        .code(1);
    for part in [
        "the test wants call 10 to trap",
        "partition",
        "offsets",
        "src/lib.rs:",
    ] {
        assert!(trapped.stderr.contains(part), "{part}: {}", trapped.stderr);
    }
    assert_eq!((trapped.rows().len(), live.committed()), (0, COMMITTED));
    let (mended, written) = live.rest();
    assert_eq!(total([&some, &mended]), written);
}

#[test]
fn run_continues_after_a_broker_restart() {
    let mut broker = Broker::start();
    let (prefix, journal) = (Prefix::new("restart"), shipped());
    let group = prefix.group("restart");
    let feed = Feed::start(&broker, &prefix, journal, PARTITIONS);
    let mut running = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &broker.address()])
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--checkpoint-interval", "100ms"])
        .spawn();
    until_it_handles_more(&mut running);
    broker.stop();
    running.until("it waits", LIMIT, |running| {
        let log = running.stderr();
        log.contains("waiting for the brokers").then_some(())
    });
    broker.restart();
    until_it_handles_more(&mut running);
    let written = feed.stop();
    running.until("everything is committed", LIMIT, |_| {
        (broker.committed_records(&group, &prefix) == objects(&written)).then_some(())
    });
    assert_eq!(stop(running).counts(), written);
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
    let live = Live::new("one-fails");
    // Without the failure it would never end.
    let finished = live
        .host("guest-counter")
        // The first call of every instance: a later one would pass when it is repeated on a fresh instance.
        .args(["--workers", "3", "--option", "trap_at_call=1"])
        .finish(LIMIT)
        .code(1);
    let says = "the test wants call 1 to trap";
    assert!(finished.stderr.contains(says), "{}", finished.stderr);
    let (rest, written) = live.rest();
    assert_eq!(total([&finished, &rest]), written);
}
