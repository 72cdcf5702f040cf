//! The subjects of the comparison: plain Rust, Python and the host, each in its own processes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use journal_benches::measure::children_cpu_seconds;
use journal_tests::host::Running;
use journal_tests::{Finished, Host, oracle, paths, run};
use serde::Deserialize;

use crate::answer::{self, Answer};
use crate::journal::{Loaded, Topics, Which, Work};
use crate::native::Program;
use crate::scripts::Language;

/// Time limit for one run of a subject.
pub(crate) const LIMIT: Duration = Duration::from_mins(5);

/// One implementation of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) which: Which,
    pub(crate) how: How,
}

/// The implementation.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// Plain Rust.
    Native(Program),
    /// Upstream's client, with a function on dicts or on model objects.
    Python { objects: bool },
    /// The host with the shipped plugin.
    Host {
        processes: usize,
        workers: usize,
        arguments: Vec<String>,
    },
    /// The host with a script.
    Script { language: Language, workers: usize },
}

/// The measurements of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// CPU time, user and system, of all processes of the subject.
    pub(crate) cpu_seconds: f64,
    /// The time from the start of the first process to the end of the last.
    pub(crate) wall_seconds: f64,
    /// The highest peak of resident memory among the processes.
    pub(crate) peak_bytes: u64,
    /// The number of records that were read.
    pub(crate) records: u64,
}

impl Measured {
    /// Microseconds of CPU time per record.
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_seconds / self.records as f64 * 1e6
    }

    /// The same without the time that something else took.
    fn without(self, other: &Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - other.cpu_seconds,
            wall_seconds: self.wall_seconds - other.wall_seconds,
            ..self
        }
    }

    /// Records per second of wall time.
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.wall_seconds
    }
}

impl Subject {
    pub(crate) fn native(program: Program, work: Work, which: Which, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            work,
            which,
            how: How::Native(program),
        }
    }

    pub(crate) fn python(work: Work, objects: bool, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            work,
            which: Which::Few,
            how: How::Python { objects },
        }
    }

    pub(crate) fn script(work: Work, language: Language, workers: usize, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            work,
            which: Which::Few,
            how: How::Script { language, workers },
        }
    }

    pub(crate) fn host(
        work: Work,
        which: Which,
        processes: usize,
        workers: usize,
        name: &str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            work,
            which,
            how: How::Host {
                processes,
                workers,
                arguments: Vec::new(),
            },
        }
    }

    /// Runs once, in a new consumer group for this round, and returns the measurements and the answer.
    pub(crate) fn run(&self, loaded: &Loaded, round: usize) -> (Measured, Answer) {
        let topics = loaded.topics(self.which);
        let records = loaded.records(self.work) * u64::from(topics.repetitions);
        let group = topics
            .prefix
            .group(&format!("{}-{round}", self.name.replace(' ', "-")));
        let (mut measured, answer) = match &self.how {
            How::Native(program) => self.run_native(*program, loaded, topics, &group, records),
            How::Python { objects } => self.run_python(*objects, loaded, topics, &group, records),
            How::Host {
                processes,
                workers,
                arguments,
            } => {
                let host = || {
                    let plugin = paths::plugin(self.work.plugin());
                    from_kafka(Host::run(&plugin), loaded, topics, &group, *workers).args(arguments)
                };
                run_hosts(self.work, *processes, host)
            }
            How::Script { language, workers } => {
                // Native Python is measured without its start and its imports, so a script is, too.
                let start = measure_hosts([language.describe(self.work)].into_iter());
                let host = || {
                    let host = language.run(self.work);
                    from_kafka(host, loaded, topics, &group, *workers)
                };
                let (measured, answer) = run_hosts(self.work, 1, host);
                (measured.without(&start), answer)
            }
        };
        measured.records = records;
        (measured, answer)
    }

    fn run_native(
        &self,
        program: Program,
        loaded: &Loaded,
        topics: &Topics,
        group: &str,
        records: u64,
    ) -> (Measured, Answer) {
        let rows = run::folder("native").join("rows.jsonl");
        let program = clap::ValueEnum::to_possible_value(&program).expect("all are named");
        let mut command =
            Command::new(std::env::current_exe().expect("a process has an executable"));
        command
            .args(["native", program.get_name()])
            .args(["--brokers", &loaded.broker.address(), "--group", group])
            .args(["--records", &records.to_string(), "--rows"])
            .arg(&rows)
            .args(loaded.names(self.work, topics));
        let (measured, printed) = measure(|| run::succeed(&mut command));
        let answer = match self.work {
            Work::Rows => answer::of_lines(&rows),
            _ => serde_json::from_str(&printed).expect("it prints its answer"),
        };
        (measured, answer)
    }

    fn run_python(
        &self,
        objects: bool,
        loaded: &Loaded,
        topics: &Topics,
        group: &str,
        records: u64,
    ) -> (Measured, Answer) {
        #[derive(Deserialize)]
        struct Printed {
            cpu_seconds: f64,
            wall_seconds: f64,
            records: u64,
            answer: Answer,
        }
        let work = match self.work {
            Work::Counts => "counts",
            Work::Fields => "fields",
            Work::Months | Work::Rows => "months",
        };
        let form = if objects { "objects" } else { "dicts" };
        let broker = loaded.broker.address();
        let printed = oracle::script(
            "journal_client.py",
            [work, form, &broker, topics.prefix.as_str(), group],
        );
        let printed: Printed = serde_json::from_str(&printed).expect("it prints its answer");
        assert_eq!(printed.records, records, "{} reads every record", self.name);
        let measured = Measured {
            cpu_seconds: printed.cpu_seconds,
            wall_seconds: printed.wall_seconds,
            peak_bytes: 0,
            records,
        };
        (measured, printed.answer)
    }
}

/// A host that reads these topics to their ends.
fn from_kafka(host: Host, loaded: &Loaded, topics: &Topics, group: &str, workers: usize) -> Host {
    host.args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
        .args(["--prefix", topics.prefix.as_str(), "--group-id", group])
        .args(["--workers", &workers.to_string()])
}

/// Runs hosts in parallel with files for their rows, and reads the answer from these files.
pub(crate) fn run_hosts(
    work: Work,
    processes: usize,
    host: impl Fn() -> Host,
) -> (Measured, Answer) {
    let folders: Vec<PathBuf> = (0..processes).map(|_| run::folder("rows")).collect();
    let hosts = folders.iter().map(|folder| {
        let outputs = outputs(work, folder).into_iter();
        outputs.fold(host(), Host::arg)
    });
    let measured = measure_hosts(hosts);
    let mut answer = Answer::new();
    for folder in &folders {
        for (name, number) in read(work, folder) {
            let sum = answer.entry(name).or_default();
            *sum = sum.wrapping_add(number);
        }
    }
    (measured, answer)
}

/// Runs hosts in parallel until all have ended.
pub(crate) fn measure_hosts(hosts: impl Iterator<Item = Host>) -> Measured {
    let (mut measured, peak_bytes) = measure(|| {
        let mut running: Vec<Running> = hosts.map(Host::spawn).collect();
        wait(&mut running)
    });
    measured.peak_bytes = peak_bytes;
    measured
}

fn outputs(work: Work, folder: &Path) -> Vec<String> {
    let names: &[&str] = match work {
        Work::Counts => &["counts"],
        Work::Fields => &["fields"],
        Work::Months => &["months", "extensions"],
        Work::Rows => &["revisions"],
    };
    let bind = |name: &&str| format!("--output={name}={}", file(folder, name).display());
    names.iter().map(bind).collect()
}

fn file(folder: &Path, output: &str) -> PathBuf {
    folder.join(format!("{output}.jsonl"))
}

fn read(work: Work, folder: &Path) -> Answer {
    let file = |output| file(folder, output);
    match work {
        Work::Counts => answer::of_counts(&file("counts")),
        Work::Fields => answer::of_fields(&file("fields")),
        Work::Months => answer::of_months_and_extensions(&file("months"), &file("extensions")),
        Work::Rows => answer::of_lines(&file("revisions")),
    }
}

/// Waits until all have ended, and returns the highest peak of memory among them.
fn wait(running: &mut Vec<Running>) -> u64 {
    let start = Instant::now();
    let mut peak = 0;
    while let Some(host) = running.last_mut() {
        if host.has_ended() {
            let host = running.pop().expect("it was the last");
            let _ = host.finish(LIMIT).success();
            continue;
        }
        assert!(start.elapsed() < LIMIT, "the host ends: {}", host.stderr());
        let peaks = running.iter().filter_map(Running::peak_bytes);
        peak = peaks.fold(peak, u64::max);
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// Calls a subject, and measures what its processes take.
pub(crate) fn measure<T>(subject: impl FnOnce() -> T) -> (Measured, T) {
    let (cpu, wall) = (children_cpu_seconds(), Instant::now());
    let result = subject();
    let measured = Measured {
        cpu_seconds: children_cpu_seconds() - cpu,
        wall_seconds: wall.elapsed().as_secs_f64(),
        peak_bytes: 0,
        records: 0,
    };
    (measured, result)
}

/// Runs a host over a cluster, and measures what it takes from when its partitions are assigned.
pub(crate) fn measure_after_the_start(host: Host) -> (Measured, Finished) {
    let (mut measured, (start, finished)) = measure(|| {
        let mut running = host.spawn();
        let start = running.until("partitions are assigned", LIMIT, |running| {
            let is_assigned = running.stderr().contains("assigned");
            is_assigned.then(|| running.cpu_time_so_far()).flatten()
        });
        (start, running.finish(LIMIT).success())
    });
    measured.cpu_seconds -= start.as_secs_f64();
    (measured, finished)
}
