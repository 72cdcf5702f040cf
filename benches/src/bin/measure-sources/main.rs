//! Measures the CPU time for which the host reads a git repository, with the processes of git, and that and the time by the
//! clock for which one worker and two read a recording: `measure-sources [ROUNDS]`.
//!
//! The plugin is `count-objects`, which needs no values, so that it costs next to nothing. The repository has some 180,000
//! objects in one pack, and is made first, which takes a minute. The recording has its records several times over. A run
//! over a repository of one commit is what starting costs, and is taken off. The tables are in Markdown.

mod history;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use journal_benches::measure::{Spread, children_cpu_seconds};
use journal_recording::{Frame, Reader, Writer};
use journal_tests::{paths, run};

use history::git;

/// The number of times that the recording has the records of the repository.
const COPIES: u64 = 8;
/// The host reads trees and commits.
const TYPES: [&str; 4] = ["--object-type", "directory", "--object-type", "revision"];
/// What the host asks git for: the identifiers with types and sizes, and then the bytes of trees and of commits.
const LIST: &str =
    "git rev-list --objects --no-object-names main | git cat-file --batch-check --buffer > ../list";
const READ: &str =
    "git -c core.deltaBaseCacheLimit=256m cat-file --batch --buffer < ../ids > /dev/null";

fn main() {
    let rounds = std::env::args().nth(1).map_or(5, |rounds| {
        rounds.parse().expect("the number of rounds is a number")
    });
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = history::make(folder.path().join("repository"), None);
    let small = history::make(folder.path().join("small"), Some(1));
    // The first run compiles the plugin.
    run_git(&small);
    measure_git(&repository, &small, rounds);
    let recording = record(&repository, folder.path());
    measure_recording(&recording, rounds);
}

#[expect(clippy::print_stdout, reason = "the table is the data")]
fn measure_git(repository: &Path, small: &Path, rounds: usize) {
    run::succeed(shell(repository).arg(LIST));
    let objects = list(repository);
    let per_object = |seconds: f64| seconds * 1e6 / objects;
    let (mut listing, mut reading, mut host, mut all) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        let listed = cpu(|| drop(run::succeed(shell(repository).arg(LIST))));
        let read = cpu(|| drop(run::succeed(shell(repository).arg(READ))));
        let whole = cpu(|| run_git(repository)) - cpu(|| run_git(small));
        listing.push(per_object(listed));
        reading.push(per_object(read));
        host.push(per_object(whole - listed - read));
        all.push(per_object(whole));
    }
    println!("| part | us CPU a tree or commit, of {objects} |\n|---|---|");
    for (part, measured) in [
        ("`git` lists all objects", listing),
        ("`git` reads trees and commits", reading),
        ("the host", host),
    ] {
        println!("| {part} | {:.2} |", Spread::of(measured));
    }
    let all = Spread::of(all);
    println!("| all | {all:.2} |\n");
    println!(
        "{:.0} trees and commits for a second of CPU time\n",
        1e6 / all.median
    );
}

/// Writes the identifiers of trees and commits to a file, in the host's order. Returns their number.
#[expect(clippy::cast_precision_loss, reason = "it is far below 2^53")]
fn list(repository: &Path) -> f64 {
    let listed = fs::read_to_string(repository.with_file_name("list")).expect("it was written");
    let mut ids = String::new();
    for kind in ["tree", "commit"] {
        for line in listed.lines() {
            let mut words = line.split(' ');
            if let (Some(id), Some(found)) = (words.next(), words.next())
                && found == kind
            {
                ids += id;
                ids.push('\n');
            }
        }
    }
    let path = repository.with_file_name("ids");
    fs::write(path, &ids).expect("there is room");
    ids.lines().count() as f64
}

/// A shell in the repository that runs the next argument, with the variables that [`git`] has.
fn shell(repository: &Path) -> Command {
    let mut shell = Command::new("bash");
    shell.current_dir(repository);
    for (name, value) in git(repository).get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.args(["-eu", "-o", "pipefail", "-c"]);
    shell
}

/// The CPU time of the processes that `work` starts, in seconds.
fn cpu(work: impl FnOnce()) -> f64 {
    let before = children_cpu_seconds();
    work();
    children_cpu_seconds() - before
}

fn run_git(repository: &Path) {
    let mut command = Command::new(paths::host());
    command.arg("run").arg(paths::plugin("count-objects"));
    command.args(TYPES).arg("--git").arg(repository);
    run::succeed(command.stdout(Stdio::null()));
}

/// A recording with the records of the repository, several times, and an index.
fn record(repository: &Path, folder: &Path) -> PathBuf {
    let once = folder.join("once.journal.zst");
    let mut command = Command::new(paths::host());
    command.args(["record", "--git"]).arg(repository);
    run::succeed(command.arg("--output").arg(&once));
    let path = folder.join("several.journal.zst");
    let reader = Reader::open(&once).expect("it was written");
    let topics = reader.topics().expect("it has a header").to_vec();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut writer = Writer::create(&path, &topics).expect("there is room");
    let mut offset = 0;
    for _ in 0..COPIES {
        let mut reader = Reader::open(&once).expect("it was written");
        while let Some(frame) = reader.next_frame().expect("it is whole") {
            let frame = Frame {
                offset: Some(offset),
                ..frame
            };
            writer.write(&frame).expect("there is room");
            offset += 1;
        }
    }
    writer.finish().expect("there is room");
    path
}

#[expect(clippy::print_stdout, reason = "the table is the data")]
fn measure_recording(recording: &Path, rounds: usize) {
    let bytes = fs::metadata(recording).expect("it was written").len();
    println!("A recording of {bytes} bytes:\n");
    println!("| workers | s CPU | s by the clock |\n|---|---|---|");
    let workers = ["1", "2"];
    let mut measured = workers.map(|_| (vec![], vec![]));
    for _ in 0..rounds {
        for (number, (cpu_times, times)) in workers.iter().zip(&mut measured) {
            let start = Instant::now();
            cpu_times.push(cpu(|| run_recording(recording, number)));
            times.push(start.elapsed().as_secs_f64());
        }
    }
    for (number, (cpu_times, times)) in workers.iter().zip(measured) {
        let (cpu_times, times) = (Spread::of(cpu_times), Spread::of(times));
        println!("| {number} | {cpu_times:.2} | {times:.2} |");
    }
}

fn run_recording(recording: &Path, workers: &str) {
    let mut command = Command::new(paths::host());
    command.arg("run").arg(paths::plugin("count-objects"));
    command.args(["--workers", workers, "--recording"]);
    run::succeed(command.arg(recording).stdout(Stdio::null()));
}
