//! `journal-host bench`: its tables and its errors.
//!
//! No test compares a figure with a fixed value or limit. The tests check only what holds on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_tests::guest::Guest;
use journal_tests::{Finished, Host, paths, run};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);
const PARTS: [&str; 7] = [
    "source", "gather", "boundary", "guest", "emit", "sink", "rest",
];

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// The command line `command` over the shipped recording.
fn over_shipped(command: &str, plugin: &Path) -> Host {
    Host::new()
        .arg(command)
        .arg(plugin)
        .arg("--recording")
        .arg(shipped())
}

fn bench(plugin: &str) -> Host {
    over_shipped("bench", &paths::plugin(plugin)).args(["--rounds", "2", "--warm-up", "1"])
}

fn json(host: Host) -> Value {
    let finished = host.arg("--json").finish(LIMIT).success();
    assert_eq!(said(&finished), [""; 0], "nothing is logged to a pipe");
    serde_json::from_str(&finished.stdout).expect("it is JSON")
}

/// The log without the warning about the cache, which depends on the repository's folder.
fn said(finished: &Finished) -> Vec<&str> {
    let lines = finished.stderr.lines();
    lines
        .filter(|line| !line.contains("compiled code is not kept"))
        .collect()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

fn labels(table: &str) -> Vec<&str> {
    let lines = table.lines().skip_while(|line| !line.is_empty()).skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.trim_start().split("   ").next())
        .map(str::trim)
        .collect()
}

#[test]
fn table_has_a_row_for_each_figure() {
    let finished = bench("count-objects").finish(LIMIT).success();
    let expected = [
        &["plugin", "objects", "rejected", "objects/s", "MB/s"][..],
        &["CPU per object"],
        &PARTS,
        &["guest memory", "compile", "load from cache", "start"],
    ]
    .concat();
    assert_eq!(labels(&finished.stdout), expected, "{}", finished.stdout);
    assert_eq!(said(&finished), [""; 0], "nothing is logged to a pipe");
}

#[test]
fn parts_of_each_round_add_up_to_its_cpu_time() {
    let benchmark = json(bench("print-objects"));
    let rounds = benchmark["plugins"][0]["rounds"]
        .as_array()
        .expect("there are rounds");
    assert_eq!(rounds.len(), 2, "the warm-up round is left out");
    for round in rounds {
        let parts = PARTS.map(|part| number(&round["parts_ns"][part]));
        assert_eq!(parts.iter().sum::<u64>(), number(&round["cpu_ns"]));
        for part in ["source", "boundary", "guest", "emit", "sink"] {
            assert!(number(&round["parts_ns"][part]) > 0, "{part}");
        }
    }
}

#[test]
fn each_round_processes_the_objects_that_a_run_does() {
    let benchmark = json(bench("count-objects"));
    let counts = over_shipped("run", &paths::plugin("count-objects"))
        .finish(LIMIT)
        .success()
        .counts();
    let objects: u64 = counts.values().map(|sums| sums.objects).sum();
    for round in benchmark["plugins"][0]["rounds"]
        .as_array()
        .expect("there are rounds")
    {
        assert_eq!(number(&round["objects"]), objects);
        assert_eq!(number(&round["rejected"]), 0);
        assert!(number(&round["bytes"]) > 0);
        assert!(number(&round["guest_memory_bytes"]) > 0);
    }
}

#[test]
fn plugin_compared_with_itself_has_two_columns_and_ratios() {
    let compared = || {
        bench("count-objects")
            .arg("--compare")
            .arg(paths::plugin("count-objects"))
    };
    let table = compared().finish(LIMIT).success().stdout;
    let cells = |label: &str| {
        let line = table.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("no `{label}` in:\n{table}"));
        line.split("   ").filter(|cell| !cell.is_empty()).count() - 1
    };
    assert_eq!(cells("objects "), 2);
    assert_eq!(cells("CPU per object"), 3, "the last is the ratio");
    let benchmark = json(compared());
    assert_eq!(benchmark["plugins"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        benchmark["plugins"][0]["sha256"],
        benchmark["plugins"][1]["sha256"]
    );
    let ratio = &benchmark["ratios"]["cpu_per_object"];
    let of = |name: &str| ratio[name].as_f64().expect("a ratio is a number");
    assert!(
        of("min") > 0.0 && of("min") <= of("median") && of("median") <= of("max"),
        "{ratio}"
    );
}

#[test]
fn only_objects_of_the_requested_type_are_measured() {
    let benchmark = json(bench("count-objects").args(["--object-type", "release"]));
    let plugin = &benchmark["plugins"][0];
    assert_eq!(number(&plugin["rounds"][0]["objects"]), 272);
}

#[test]
fn rejected_records_are_counted() {
    let rejecting = || bench("guest-hostile").args(["--option", "process=reject-even"]);
    let rejecting = || {
        rejecting().args([
            "--option",
            "object_types=release",
            "--object-type",
            "release",
        ])
    };
    let benchmark = json(rejecting());
    let round = &benchmark["plugins"][0]["rounds"][0];
    assert_eq!(number(&round["objects"]), 272);
    assert_eq!(number(&round["rejected"]), 136);
    let finished = rejecting().finish(LIMIT).success();
    assert!(
        finished.stdout.contains("--on-failure skip"),
        "{}",
        finished.stdout
    );
    assert_eq!(said(&finished), [""; 0], "they are not logged one by one");
}

/// Asserts that `run` and `bench` fail with the same error, apart from the log, and with the same exit code.
#[track_caller]
fn fails_as_a_run(plugin: &Path, recording: &Path, arguments: &[&str], says: &str) {
    let failure = |command| {
        let host = Host::new().arg(command).arg(plugin);
        let host = host.arg("--recording").arg(recording).args(arguments);
        let finished: Finished = host.finish(LIMIT);
        assert_eq!(finished.stdout, "");
        let lines = finished.stderr.lines();
        let error = lines.skip_while(|line| !line.starts_with("error: "));
        (finished.status.code(), error.collect::<Vec<_>>().join("\n"))
    };
    let (code, text) = failure("bench");
    assert_eq!((code, text.clone()), failure("run"));
    assert!(text.contains(says), "no `{says}` in: {text}");
}

#[test]
fn broken_plugin_fails_as_in_a_run() {
    let hostile = paths::plugin("guest-hostile");
    let types = ["--option", "object_types=origin"];
    let trapping = [&types[..], &["--option", "process=panic"]].concat();
    fails_as_a_run(&hostile, &shipped(), &trapping, "`process` failed");
    fails_as_a_run(
        &hostile,
        &shipped(),
        &["--option", "number=many"],
        "the option `number`",
    );
    fails_as_a_run(Path::new("none.wasm"), &shipped(), &[], "`none.wasm`");
}

#[test]
fn broken_recording_fails_as_in_a_run() {
    let folder = journal_tests::run::folder("bench");
    let cut_short = folder.join("cut-short.journal.zst");
    let whole = fs::read(shipped()).expect("it ships");
    fs::write(&cut_short, &whole[..whole.len() / 2]).expect("the folder is ours");
    let plugin = paths::plugin("count-objects");
    fails_as_a_run(&plugin, &cut_short, &[], "cut-short.journal.zst");
    fails_as_a_run(&plugin, Path::new("none.journal"), &[], "none.journal");
    let prefix = ["--prefix", "other"];
    fails_as_a_run(&plugin, &shipped(), &prefix, "the prefix `other`");
}

#[test]
fn two_plugins_are_compared_each_with_its_own_options() {
    let file = run::folder("bench").join("options.json");
    fs::write(&file, "{}").expect("a folder of ours");
    let compared = || {
        let other = paths::plugin("count-objects");
        let host = bench("guest-hostile").args(["--option", "object_types=release"]);
        host.args(["--object-type", "release", "--compare"])
            .arg(other)
    };
    let same = compared().finish(LIMIT).code(2);
    let refused = "has no option `object_types`";
    assert!(same.stderr.contains(refused), "{}", same.stderr);
    let own = compared().arg("--compare-options").arg(&file);
    let benchmark = json(own);
    let objects = |index: usize| number(&benchmark["plugins"][index]["rounds"][0]["objects"]);
    assert_eq!((objects(0), objects(1)), (272, 272));
    let unknown = compared()
        .args(["--compare-option", "x=1"])
        .finish(LIMIT)
        .code(2);
    assert!(
        unknown.stderr.contains("has no option `x`"),
        "{}",
        unknown.stderr
    );
    let alone = bench("count-objects").args(["--compare-option", "x=1"]);
    let _refused = alone.finish(LIMIT).code(2);
}

#[test]
fn failure_of_one_of_two_plugins_names_it() {
    let finished = bench("count-objects")
        .args(["--compare", "none.wasm"])
        .finish(LIMIT)
        .code(1);
    assert!(
        finished
            .stderr
            .contains("error: with the plugin `none.wasm`: "),
        "{}",
        finished.stderr
    );
}

#[test]
fn benchmark_or_test_without_a_source_names_those_that_it_takes() {
    for arguments in [&["bench"][..], &["test"], &["test", "--watch"]] {
        let finished = Host::new()
            .args(arguments)
            .arg(paths::plugin("count-objects"))
            .finish(LIMIT)
            .code(2);
        assert_eq!(
            finished.stderr,
            "error: `--recording`, `--git` or `--dataset` is required\nhint: `--recording` reads a recording, `--git` a \
             git repository, `--dataset` a dataset in ORC files; `journal-host record` copies a part of a Kafka cluster to \
             a recording\n",
            "{arguments:?}"
        );
    }
}

#[test]
fn benchmark_of_a_cluster_is_refused_with_the_way_out() {
    let finished = Host::new()
        .arg("bench")
        .arg(paths::plugin("count-objects"))
        .args(["--brokers", "127.0.0.1:1"])
        .finish(LIMIT)
        .code(2);
    assert_eq!(
        finished.stderr,
        "error: a benchmark reads the same records in each round, which a cluster does not promise\nhint: copy a part of \
         the cluster with `journal-host record`, and name the file with `--recording`\n"
    );
}

#[test]
fn flag_of_another_source_is_named_with_the_flag_that_it_needs() {
    for (command, flag, value, needed) in [
        ("bench", "--temp", "x", "--dataset"),
        ("bench", "--without", "directory_entry", "--dataset"),
        ("test", "--temp", "x", "--dataset"),
        ("test", "--origin", "x", "--git"),
    ] {
        let finished = over_shipped(command, &paths::plugin("count-objects"))
            .args([flag, value])
            .finish(LIMIT)
            .code(2);
        let expected = format!("error: `{needed}` is required with `{flag}`\n");
        assert_eq!(finished.stderr, expected, "{command}");
    }
}

#[test]
fn recording_that_can_be_read_only_once_is_refused() {
    let finished = Host::new()
        .arg("bench")
        .arg(paths::plugin("count-objects"))
        .args(["--recording", "/dev/stdin"])
        .finish(LIMIT)
        .code(2);
    assert!(
        finished
            .stderr
            .contains("error: `/dev/stdin` is not a file"),
        "{}",
        finished.stderr
    );
}

#[test]
fn log_lines_of_a_plugin_are_shown_in_the_first_round_only() {
    let plugin = run::folder("bench").join("guest.wasm");
    let guest = Guest {
        // Its allocator has little memory.
        plan: br#"{"object-types": ["release"]}"#.to_vec(),
        process: "(call $log (i32.const 1) (i32.const 65536) (i32.const 1))".to_owned(),
        ..Guest::default()
    };
    fs::write(&plugin, guest.module()).expect("a folder of ours");
    let lines = |host: Host| {
        let finished = host.finish(LIMIT).success();
        finished.stderr.matches("`guest`: ").count()
    };
    let small = ["--batch-records", "100"];
    let once = lines(over_shipped("run", &plugin).args(small));
    assert!(once > 1);
    let bench = over_shipped("bench", &plugin).args(small);
    let rounds = ["--rounds", "3", "--warm-up", "1"];
    assert_eq!(lines(bench.args(rounds)), once);
}
