//! Measures the CPU time per record of the host with each shipped plugin, compared with a script that computes the same
//! rows with upstream's packages: `measure-plugins [ROUNDS]`.
//!
//! Each process reads the shipped recording once, and a recording with several copies of it. The difference leaves out
//! the cost of starting. CPU time is user and system time of the process. Records that the plugin does not read are
//! counted too. The table is in Markdown.

use std::path::Path;
use std::process::{Command, Stdio};

use journal_benches::measure::{Spread, children_cpu_seconds};
use journal_recording::{Frame, Reader, Writer};
use journal_tests::{oracle, paths, run};

/// The number of copies in the host's longer recording: the CPU clock of a process has a resolution of a hundredth of a
/// second.
const HOST_TIMES: u32 = 65;
/// The same for the scripts, which are slower.
const SCRIPT_TIMES: u32 = 6;

/// A plugin, and the script with the arguments after the recording.
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
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut records = 0;
    let mut repeated = |name: &str, times, other_keys| {
        let path = folder.path().join(format!("{name}.journal.zst"));
        records = repeat(&once, &path, times, other_keys);
        path
    };
    let for_host = repeated("host", HOST_TIMES, false);
    // Upstream's exporter skips keys that it has seen; `verify-objects` takes a changed key for damage.
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
        // The first run compiles the plugin.
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

/// The additional CPU time for the longer recording, in microseconds.
fn difference(once: &Path, repeated: &Path, work: &dyn Fn(&Path)) -> f64 {
    let [short, long] = [once, repeated].map(|recording| {
        let before = children_cpu_seconds();
        work(recording);
        children_cpu_seconds() - before
    });
    (long - short) * 1e6
}

/// Writes copies of a recording, each with different keys if `other_keys` is set. Returns the number of records of one
/// copy.
fn repeat(once: &Path, repeated: &Path, times: u32, other_keys: bool) -> u32 {
    let topics = Reader::open(once).expect("the recording ships");
    let topics = topics
        .topics()
        .expect("its header names its topics")
        .to_vec();
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut writer = Writer::create(repeated, &names).expect("there is room");
    let mut records = 0;
    for copy in 0..times {
        let mut reader = Reader::open(once).expect("the recording ships");
        records = 0;
        while let Some(frame) = reader.next_frame().expect("the recording is whole") {
            let key = [frame.key, &copy.to_be_bytes()].concat();
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
