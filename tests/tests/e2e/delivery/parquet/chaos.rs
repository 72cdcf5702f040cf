//! Hosts that are killed and paused, at any time and at each durable step.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use journal_tests::{Broker, Host, Prefix, Running, run};
use rustix::process::Signal;
use serde_json::Value;

use super::super::live::Live;
use super::super::{Disturbance, LIMIT, host, kills, objects, shipped};
use super::{files, manifests, merged, named_rows, rows};

/// A run with two workers that writes to this folder.
fn writing(live: &Live<'_>, plugin: &str, folder: &Path) -> Host {
    live.host(plugin)
        .args(["--workers", "2", "--kafka", "session.timeout.ms=6000"])
        .args(["--output", &format!("parquet:{}", folder.display())])
}

/// Waits until the manifests name more rows than before.
fn until_it_writes(running: &mut Running, folder: &Path) {
    let before = named_rows(folder);
    running.until("rows are written", LIMIT, |_| {
        (named_rows(folder) > before).then_some(())
    });
}

/// The sum of the positions after which the last manifest leaves the group.
fn positions(folder: &Path) -> u64 {
    let mut all = manifests(folder);
    all.sort_by_key(|manifest| manifest["number"].as_u64());
    let mut next = std::collections::BTreeMap::new();
    for manifest in &all {
        for position in manifest["positions"].as_array().expect("it has positions") {
            let partition = (
                position["topic"].to_string(),
                position["partition"].as_u64(),
            );
            next.insert(
                partition,
                position["next"].as_u64().expect("it is a number"),
            );
        }
    }
    next.values().sum()
}

fn assert_distinct(rows: &[Value]) {
    let distinct: BTreeSet<String> = rows.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), rows.len(), "no row is there twice");
}

/// One process goes on, and another one beside it is killed again and again.
fn with_killed_ones(live: &Live<'_>, plugin: &str, folder: &Path) -> Running {
    let host = || writing(live, plugin, folder);
    let mut other = host().spawn();
    until_it_writes(&mut other, folder);
    for disturbance in kills() {
        let mut running = host().spawn();
        until_it_writes(&mut running, folder);
        if disturbance == Disturbance::Pause {
            live.until_members_are(4);
            // The other one gets its partitions meanwhile, and is not fenced.
            running.signal(Signal::STOP);
            live.until_members_are(2);
            until_it_writes(&mut other, folder);
            running.signal(Signal::CONT);
        }
        let _ = running.kill();
        if disturbance == Disturbance::Crash {
            // There is no server: all that write are killed.
            let _ = other.kill();
            other = host().spawn();
            until_it_writes(&mut other, folder);
        }
    }
    other
}

#[test]
fn each_row_is_named_once_although_processes_are_killed() {
    let live = Live::new("parquet-rows");
    let folder = run::folder("parquet").join("rows");
    let other = with_killed_ones(&live, "guest-positions", &folder);
    let (_, written) = live.end(other);
    let rows = rows(&folder, "rows");
    assert_eq!(rows.len() as u64, objects(&written));
    assert_distinct(&rows);
    assert_eq!(positions(&folder), objects(&written));
}

#[test]
fn sums_of_several_processes_are_exact_although_they_are_killed() {
    let live = Live::new("parquet-sums");
    let folder = run::folder("parquet").join("sums");
    let other = with_killed_ones(&live, "count-objects", &folder);
    let (_, written) = live.end(other);
    assert_eq!(journal_tests::host::sum(&merged(&folder)), written);
    assert_eq!(positions(&folder), objects(&written));
}

/// A run with one checkpoint, at its end.
fn one_checkpoint(prefix: &Prefix, group: &str, folder: &Path) -> Host {
    host("guest-positions", prefix, group)
        .args(["--checkpoint-interval", "1h"])
        .args(["--kafka", "session.timeout.ms=2000"])
        .args(["--output", &format!("parquet:{}", folder.display())])
}

/// One run lists its durable steps. Then, for each step, one run is killed or fails at it, and another one resumes.
#[test]
fn crash_or_failure_at_any_durable_step_loses_and_repeats_nothing() {
    let prefix = Prefix::new("parquet-steps");
    Broker::shared().load(&prefix, &shipped(), 2, 1);
    let clean = run::folder("clean");
    let list = clean.join("steps");
    let _clean = one_checkpoint(&prefix, &prefix.group("clean"), &clean.join("rows"))
        .list_steps(&list)
        .finish(LIMIT)
        .success();
    let expected = named_rows(&clean.join("rows"));
    assert!(expected > 1000);
    let steps = fs::read_to_string(&list).expect("the run listed its steps");
    let steps: Vec<&str> = steps.lines().collect();
    // The manifest is the last thing that is written.
    let manifest = ["open", "write", "sync", "link", "remove", "sync-folder"];
    assert!(steps.ends_with(&manifest), "{steps:?}");
    let data = steps.iter().rposition(|step| *step == "rename");
    let data = data.expect("a file of rows gets its name");
    assert_eq!(steps[data - 1..data + 2], ["sync", "rename", "sync-folder"]);
    thread::scope(|scope| {
        for number in 1..=steps.len() {
            // Folders and descriptions come first, and many steps are alike.
            for effect in ["kill-within", "kill-after", "fail"] {
                if number < data - 3 && effect != "kill-after" {
                    continue;
                }
                let (prefix, step) = (&prefix, steps[number - 1]);
                scope.spawn(move || break_and_resume(prefix, (effect, step, number), expected));
            }
        }
    });
}

fn break_and_resume(prefix: &Prefix, at: (&str, &str, usize), expected: u64) {
    let (effect, step, number) = at;
    let fault = format!("{effect}:any:{number}");
    let name = format!("parquet-{effect}-{number}");
    let (folder, group) = (run::folder(&name).join("rows"), prefix.group(&name));
    let broken = one_checkpoint(prefix, &group, &folder)
        .fault(&fault)
        .finish(LIMIT);
    let code = match (effect, step) {
        // A file that is not removed does no harm.
        ("fail", "remove") => Some(0),
        ("fail", _) => Some(1),
        _ => None,
    };
    assert_eq!(broken.status.code(), code, "{fault}: {}", broken.stderr);
    assert!([0, expected].contains(&named_rows(&folder)), "{fault}");
    let _whole = one_checkpoint(prefix, &group, &folder)
        .finish(LIMIT)
        .success();
    assert_eq!(named_rows(&folder), expected, "{fault}");
    // What the first run left is gone, and the rest can be read.
    assert_eq!(files(&folder, "rows"), 1, "{fault}");
    if number % 5 == 0 {
        let rows = rows(&folder, "rows");
        assert_eq!(rows.len() as u64, expected, "{fault}");
        assert_distinct(&rows);
    }
}
