//! A fuzzer for all input that is not trusted, on stable Rust and the release build.
//!
//! Each target takes bytes, and answers with the kind of what came of them. An input with a new kind of outcome joins the
//! pool of those that are changed at random; that stands in for coverage. An input fails if it panics, if it takes more
//! than a few seconds of CPU time or does not end, or if the memory of the process grows by more than a bound.

mod answers;
mod emissions;
mod modules;
mod mutation;
mod plugins;
mod recordings;
mod values;
mod watchdog;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};

use crate::paths;

/// CPU time that one input may take.
const MOST_CPU: Duration = Duration::from_secs(4);
/// Memory by which one input may make the process grow, in bytes.
const MOST_GROWTH: u64 = 512 << 20;
/// The largest input.
const MOST_BYTES: usize = 1 << 16;

/// What takes the inputs.
pub(crate) trait Target {
    /// Inputs to begin with.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Takes an input, and answers with the kind of outcome, without what differs from input to input.
    fn take(&mut self, input: &[u8]) -> String;
}

/// The names of the targets.
pub const TARGETS: [&str; 5] = ["plugins", "answers", "emissions", "recordings", "values"];

fn target(name: &str) -> Box<dyn Target> {
    match name {
        "plugins" => Box::new(plugins::Plugins::new()),
        "answers" => Box::new(answers::Answers::new()),
        "emissions" => Box::new(emissions::Emissions::new()),
        "recordings" => Box::new(recordings::Recordings),
        "values" => Box::new(values::Values::new()),
        other => panic!("there is no target `{other}`: the targets are {TARGETS:?}"),
    }
}

/// What a run of one target did.
#[derive(Debug)]
pub struct Report {
    /// The inputs that were taken.
    pub inputs: u64,
    /// The kinds of outcomes.
    pub outcomes: usize,
}

/// The folder of inputs that once failed, and are tried first.
///
/// # Panics
/// When the repository was moved after the tests were built.
#[must_use]
pub fn regressions(target: &str) -> PathBuf {
    paths::repository().join("tests/data/fuzz").join(target)
}

/// The file with the input that is being taken: what is there after a crash is what caused it.
///
/// # Panics
/// When cargo did not build the running executable.
#[must_use]
pub fn current_input(target: &str) -> PathBuf {
    paths::target().join("fuzz").join(format!("{target}.input"))
}

/// Keeps the input that failed from those of the next run, and returns its file.
///
/// # Panics
/// When cargo did not build the running executable.
#[must_use]
pub fn keep_failure(target: &str) -> PathBuf {
    let input = current_input(target);
    let bytes = fs::read(&input).unwrap_or_default();
    let name = format!("{target}-{:016x}", RandomState::new().hash_one(&bytes));
    let kept = input.with_file_name(name).with_extension("failure");
    match fs::rename(&input, &kept) {
        Ok(()) => kept,
        Err(_) => input,
    }
}

/// Fuzzes a target for a time, beginning with its regressions. The same seed draws the same inputs, as far as the time
/// allows.
///
/// # Panics
/// When an input fails; its file is named.
#[must_use]
pub fn run(name: &str, seed: u32, time: Duration) -> Report {
    let file = current_input(name);
    fs::create_dir_all(file.parent().expect("it is in a folder")).expect("the folder can be made");
    watchdog::start();
    let mut fuzzing = Fuzzing {
        target: target(name),
        random: StdRng::seed_from_u64(seed.into()),
        pool: Vec::new(),
        outcomes: BTreeMap::new(),
        inputs: 0,
        file,
    };
    for input in kept(&regressions(name)) {
        fuzzing.try_input(&input);
    }
    let begin = Instant::now();
    let mut seeds = fuzzing.target.seeds();
    // Where the time is not enough for all of them, each run takes others.
    seeds.shuffle(&mut fuzzing.random);
    for input in seeds {
        if begin.elapsed() < time {
            fuzzing.try_input(&input);
        }
    }
    while begin.elapsed() < time {
        fuzzing.step();
    }
    Report {
        inputs: fuzzing.inputs,
        outcomes: fuzzing.outcomes.len(),
    }
}

/// Takes one input.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn replay(name: &str, input: &Path) -> String {
    watchdog::start();
    let bytes = fs::read(input).unwrap_or_else(|error| panic!("{}: {error}", input.display()));
    take(&mut *target(name), &bytes)
}

fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

struct Fuzzing {
    target: Box<dyn Target>,
    random: StdRng,
    /// Inputs with different outcomes.
    pool: Vec<Vec<u8>>,
    /// The size of the shortest input of each outcome.
    outcomes: BTreeMap<String, usize>,
    inputs: u64,
    file: PathBuf,
}

impl Fuzzing {
    fn step(&mut self) {
        let Some(mut input) = self.pool.choose(&mut self.random).cloned() else {
            return;
        };
        for _ in 0..self.random.random_range(1..5) {
            let other = self
                .pool
                .choose(&mut self.random)
                .map_or(&[][..], Vec::as_slice);
            mutation::mutate(&mut input, other, &mut self.random);
        }
        input.truncate(MOST_BYTES);
        self.try_input(&input);
    }

    fn try_input(&mut self, input: &[u8]) {
        fs::write(&self.file, input).expect("the folder can be written");
        let outcome = take(&mut *self.target, input);
        self.inputs += 1;
        match self.outcomes.get_mut(&outcome) {
            None => {
                self.outcomes.insert(outcome, input.len());
                self.pool.push(input.to_vec());
            }
            Some(shortest) if input.len() < *shortest => {
                *shortest = input.len();
                self.pool.push(input.to_vec());
            }
            Some(_) => {}
        }
    }
}

/// Takes an input, and panics if it costs too much.
fn take(target: &mut dyn Target, input: &[u8]) -> String {
    // The system forgets the peak of earlier inputs.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = (cpu_time(), peak_bytes());
    watchdog::begin(before.0);
    let outcome = target.take(input);
    watchdog::end();
    let cpu = cpu_time().saturating_sub(before.0);
    let growth = peak_bytes().saturating_sub(before.1);
    assert!(
        cpu < MOST_CPU && growth < MOST_GROWTH,
        "it takes {cpu:?} and {growth} bytes: {outcome}"
    );
    outcome
}

/// The CPU time of this process.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// The peak of the resident memory of this process, in bytes.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// An outcome without numbers and quoted text, which differ from input to input.
pub(crate) fn kind(text: &str) -> String {
    let mut kind: String = text
        .split('`')
        .step_by(2)
        .collect::<String>()
        .chars()
        .filter(|character| !character.is_ascii_digit())
        .collect();
    kind.truncate(kind.floor_char_boundary(120));
    kind
}
