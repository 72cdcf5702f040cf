//! Measures what an object costs the plugins that ship, in the whole process of the host, beside a script that
//! gives the same answers with upstream's packages: `measure-plugins [ROUNDS]`.
//!
//! Each reads the shipped recording once and several times over, and the difference leaves out what a start
//! costs. CPU time, user and system, of the process; a record that the plugin does not read counts like the
//! others. The table is in Markdown.

use std::path::Path;
use std::process::{Command, Stdio};

use journal_benches::measure::{Spread, children_cpu_seconds};
use journal_recording::{Frame, Reader, Writer};
use journal_tests::{oracle, paths, run};

/// How often the longer recording of the host has the records of the shipped one: the clock of a process counts in
/// hundredths of a second.
const HOST_TIMES: u32 = 65;
/// The same for the scripts, which take longer.
const SCRIPT_TIMES: u32 = 6;

/// A plugin, and the script with what follows the recording.
const PLUGINS: [(&str, &str, &[&str]); 6] = [
    (
        "commit-activity",
        "statistics.py",
        &["months", "zones", "hours"],
    ),
    ("file-extensions", "statistics.py", &["files"]),
    ("graph-edges", "graph_edges.py", &[]),
    ("list-revisions", "list_revisions.py", &[]),
    (
        "months-and-extensions",
        "statistics.py",
        &["months", "extensions"],
    ),
    ("verify-objects", "verify_objects.py", &["false"]),
];

#[expect(clippy::print_stdout, reason = "the table is the data")]
fn main() {
    let rounds = std::env::args().nth(1).map_or(3, |rounds| {
        rounds.parse().expect("the number of rounds is a number")
    });
    let once = paths::repository().join("recordings/ripgrep.journal.zst");
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let mut records = 0;
    let mut repeated = |name: &str, times, other_keys| {
        let path = folder.path().join(format!("{name}.journal.zst"));
        records = repeat(&once, &path, times, other_keys);
        path
    };
    let for_host = repeated("host", HOST_TIMES, false);
    // Upstream's exporter passes over a key that it has seen; to `verify-objects` another key is damage.
    let for_script = repeated("script", SCRIPT_TIMES, false);
    let for_exporter = repeated("exporter", SCRIPT_TIMES, true);
    println!(
        "| plugin | us CPU a record in the host | in the Python script | times |\n|---|---|---|---|"
    );
    for (plugin, script, arguments) in PLUGINS {
        let for_script = match plugin {
            "graph-edges" => &for_exporter,
            _ => &for_script,
        };
        let on_host = |recording: &Path| run_host(plugin, recording, folder.path());
        let in_script = |recording: &Path| run_script(script, recording, arguments);
        // It is compiled in its first run.
        on_host(&once);
        let (mut host, mut python) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let more = f64::from(records * (HOST_TIMES - 1));
            host.push(difference(&once, &for_host, &on_host) / more);
            let more = f64::from(records * (SCRIPT_TIMES - 1));
            python.push(difference(&once, for_script, &in_script) / more);
        }
        let (host, python) = (Spread::of(host), Spread::of(python));
        let times = python.median / host.median;
        println!("| `{plugin}` | {host:.2} | {python:.1} | {times:.0} |");
    }
}

/// What the longer recording costs more than the shorter one, in microseconds.
fn difference(once: &Path, repeated: &Path, work: &dyn Fn(&Path)) -> f64 {
    let [short, long] = [once, repeated].map(|recording| {
        let before = children_cpu_seconds();
        work(recording);
        children_cpu_seconds() - before
    });
    (long - short) * 1e6
}

/// Writes the recording so many times over, with other keys each time if so; answers with the records of one.
fn repeat(once: &Path, repeated: &Path, times: u32, other_keys: bool) -> u32 {
    let topics = Reader::open(once).expect("the recording ships");
    let topics = topics
        .topics()
        .expect("its header names its topics")
        .to_vec();
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut writer = Writer::create(repeated, &names).expect("there is room");
    let mut records = 0;
    for turn in 0..times {
        let mut reader = Reader::open(once).expect("the recording ships");
        records = 0;
        while let Some(frame) = reader.next_frame().expect("the recording is whole") {
            let key = [frame.key, &turn.to_be_bytes()].concat();
            let frame = Frame {
                key: if other_keys { &key } else { frame.key },
                offset: None,
                partition: None,
                ..frame
            };
            writer.write(&frame).expect("there is room");
            records += 1;
        }
    }
    writer.finish().expect("there is room");
    records
}

fn run_host(plugin: &str, recording: &Path, folder: &Path) {
    let mut command = Command::new(paths::host());
    command
        .arg("run")
        .arg(paths::plugin(plugin))
        .arg("--recording")
        .arg(recording);
    let outputs: &[&str] = match plugin {
        "commit-activity" => &["months", "zones", "hours"],
        "graph-edges" => &["nodes", "edges"],
        "months-and-extensions" => &["months", "extensions"],
        "verify-objects" => &["corrupt", "checked"],
        _ => &[],
    };
    for output in outputs {
        let file = folder.join(format!("{output}.jsonl"));
        command
            .arg("--output")
            .arg(format!("{output}={}", file.display()));
    }
    run::succeed(command.stdout(Stdio::null()));
}

fn run_script(script: &str, recording: &Path, arguments: &[&str]) {
    let script = paths::repository().join("tests/oracle").join(script);
    let mut command = Command::new(oracle::python());
    command.arg(script).arg(recording).args(arguments);
    run::succeed(command.stdout(Stdio::null()));
}
