//! How often each record is in the outputs, and which checkpoints may have written it twice.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use journal_tests::kafka::TopicPartition;
use journal_tests::paths;
use serde::Deserialize;

/// A row of `guest-positions`.
#[derive(Deserialize)]
struct Row {
    object_type: String,
    partition: i32,
    offset: usize,
}

/// A checkpoint as the log of a process names it.
#[derive(Debug, Default)]
struct Checkpoint {
    /// What it wrote.
    begun: BTreeMap<TopicPartition, Range<usize>>,
    /// The partitions whose offsets it committed.
    confirmed: Vec<TopicPartition>,
    /// The partitions that went before that.
    given_up: Vec<TopicPartition>,
}

impl Checkpoint {
    /// The ranges that may have been written without a commit.
    fn unconfirmed(&self) -> impl Iterator<Item = (&TopicPartition, &Range<usize>)> {
        let ranges = self.begun.iter();
        ranges.filter(|(partition, _)| !self.confirmed.contains(partition))
    }

    /// Whether its worker still waited for its commit at the end of the log.
    fn is_open(&self) -> bool {
        self.unconfirmed()
            .any(|(partition, _)| !self.given_up.contains(partition))
    }
}

/// The checkpoints in a log, by worker and number.
fn checkpoints(log: &str) -> BTreeMap<(u32, u64), Checkpoint> {
    let mut checkpoints: BTreeMap<(u32, u64), Checkpoint> = BTreeMap::new();
    // Who is killed may not end its last line.
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    for line in whole.lines() {
        let Some((_, text)) = line.split_once("DEBUG checkpoint ") else {
            continue;
        };
        let (number, text) = text
            .split_once(" of worker ")
            .expect("a number and a worker");
        let (worker, text) = text.split_once(' ').expect("a worker and what happened");
        let id = (
            worker.parse().expect("a worker has a number"),
            number.parse().expect("a checkpoint has a number"),
        );
        let checkpoint = checkpoints.entry(id).or_default();
        if let Some(text) = text.strip_prefix("begins: ") {
            let (_, text) = text.split_once(" rows of ").expect("rows and ranges");
            checkpoint.begun.extend(ranges(text));
        } else if let Some(text) = text.strip_prefix("is confirmed: ") {
            let confirmed = ranges(text).map(|(partition, _)| partition);
            checkpoint.confirmed.extend(confirmed);
        } else if let Some(text) = text.strip_prefix("is not confirmed: ") {
            let given_up = ranges(text).map(|(partition, _)| partition);
            checkpoint.given_up.extend(given_up);
        } else {
            panic!("what is said of a checkpoint here? {line}");
        }
    }
    checkpoints
}

fn ranges(text: &str) -> impl Iterator<Item = (TopicPartition, Range<usize>)> {
    text.split(", ").map(|range| {
        let (partition, offsets) = range.split_once(' ').expect("a partition and a range");
        let (topic, number) = partition.rsplit_once(':').expect("a topic and a number");
        let (from, to) = offsets.split_once("..").expect("two offsets");
        let offset = |text: &str| text.parse().expect("an offset is a number");
        let number = number.parse().expect("a partition is a number");
        ((topic.to_owned(), number), offset(from)..offset(to))
    })
}

/// A process that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code, unless a signal killed it.
    pub(super) code: Option<i32>,
    /// Its log, with debug lines.
    pub(super) log: String,
}

impl Ended {
    /// Its errors and warnings.
    pub(super) fn warnings(&self) -> String {
        let lines = self.log.lines();
        let lines = lines.filter(|line| !line.contains(" DEBUG ") && !line.contains(" INFO "));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Whether the group gave its name as a static member to somebody else. A broker that was paused or has just come back
    /// does so to the only process with this name, too.
    fn was_fenced(&self) -> bool {
        let mut lines = self.log.lines();
        lines.any(|line| line.starts_with("error: ") && line.contains("Static consumer fenced"))
    }

    /// The records that it says may or will come again at its end.
    fn announced(&self) -> u64 {
        let says = |line: &&str| line.starts_with("error: ") || line.ends_with(" may come again");
        let number = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let found = words.windows(2).find(|pair| pair[1] == "records");
            found.and_then(|pair| pair[0].parse().ok())
        };
        self.log
            .lines()
            .filter(says)
            .filter_map(number)
            .max()
            .unwrap_or(0)
    }
}

/// The figures of a test.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Records of the journal.
    pub(super) records: usize,
    /// Those that no output has.
    pub(super) lost: usize,
    /// Rows beyond the first of each record.
    pub(super) duplicates: usize,
    /// Checkpoints that were written and not confirmed, and the records in them: each may be repeated once.
    pub(super) unconfirmed: usize,
    pub(super) repeatable: usize,
    /// All checkpoints.
    pub(super) checkpoints: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records, {} lost, {} duplicates; {} checkpoints, {} of them unconfirmed with {} records",
            self.records,
            self.lost,
            self.duplicates,
            self.checkpoints,
            self.unconfirmed,
            self.repeatable
        )
    }
}

/// Compares the rows in all files of `folder` with the records of the journal, whose partitions end at `ends`, and with
/// what the logs of all processes say.
///
/// # Panics
/// When a record is lost, a duplicate is in no unconfirmed checkpoint, a worker had more than one of these at a time, or
/// a process ended well without telling that records may come again.
pub(super) fn check(
    folder: &Path,
    ends: &BTreeMap<TopicPartition, i64>,
    processes: &[Ended],
) -> Figures {
    let mut written = BTreeMap::new();
    for (partition, end) in ends {
        let end = usize::try_from(*end).expect("ends are not negative");
        written.insert(partition.clone(), vec![0_usize; end]);
    }
    let mut allowed: BTreeMap<TopicPartition, Vec<usize>> = written.clone();
    count_rows(folder, &mut written);
    let mut figures = Figures::default();
    for process in processes {
        let checkpoints = checkpoints(&process.log);
        figures.checkpoints += checkpoints.len();
        let mut repeatable = 0;
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        for ((worker, _), checkpoint) in &checkpoints {
            let unconfirmed: usize = checkpoint.unconfirmed().map(|(_, range)| range.len()).sum();
            figures.unconfirmed += usize::from(unconfirmed > 0);
            repeatable += unconfirmed;
            // Who ended well has found what it wrote committed.
            let ended_well = process.code == Some(0);
            for (partition, range) in checkpoint.unconfirmed().filter(|_| !ended_well) {
                let allowed = allowed
                    .get_mut(partition)
                    .expect("a partition of the journal");
                allowed[range.clone()]
                    .iter_mut()
                    .for_each(|times| *times += 1);
            }
            if checkpoint.is_open() {
                *open.entry(*worker).or_default() += 1;
            }
        }
        figures.repeatable += repeatable;
        assert!(
            open.values().all(|&open| open <= 1),
            "a worker wrote a checkpoint while the one before was unconfirmed: {}",
            process.log
        );
        match process.code {
            Some(0) => assert!(open.is_empty(), "an end is confirmed: {}", process.log),
            // What was confirmed before the end does not come again.
            Some(1) if open.is_empty() && process.was_fenced() => {}
            Some(1) => assert!(process.announced() > 0, "{}", process.log),
            // A signal ended it at once.
            None | Some(130) => {}
            Some(code) => panic!("exit code {code}: {}", process.log),
        }
    }
    let mut unexplained = Vec::new();
    for (partition, written) in &written {
        figures.records += written.len();
        for (offset, &times) in written.iter().enumerate() {
            figures.lost += usize::from(times == 0);
            let duplicates = times.saturating_sub(1);
            figures.duplicates += duplicates;
            if duplicates > allowed[partition][offset] {
                unexplained.push((partition, offset, times));
            }
        }
    }
    assert!(
        figures.lost == 0 && unexplained.is_empty(),
        "{figures}; no unconfirmed checkpoint explains {} of the duplicates, such as {:?}; outputs and logs are in {}",
        unexplained.len(),
        &unexplained[..unexplained.len().min(5)],
        keep(folder, processes).display()
    );
    figures
}

/// Copies the outputs and logs to a folder that is not removed.
fn keep(folder: &Path, processes: &[Ended]) -> PathBuf {
    let name = folder.file_name().expect("it has a name");
    let kept = paths::target().join("test-failures").join(name);
    fs::create_dir_all(&kept).expect("the target folder is ours");
    for entry in fs::read_dir(folder).expect("the folder is ours") {
        let entry = entry.expect("the folder is ours");
        fs::copy(entry.path(), kept.join(entry.file_name())).expect("both folders are ours");
    }
    for (number, process) in processes.iter().enumerate() {
        let code = process
            .code
            .map_or("killed".to_owned(), |code| code.to_string());
        let log = kept.join(format!("log-{number}-{code}"));
        fs::write(log, &process.log).expect("the folder is ours");
    }
    kept
}

fn count_rows(folder: &Path, written: &mut BTreeMap<TopicPartition, Vec<usize>>) {
    // The rows name an object type, which is the end of a topic's name.
    let topics: BTreeMap<String, String> = written
        .keys()
        .map(|(topic, _)| {
            let object_type = topic.rsplit('.').next().unwrap_or_default();
            (object_type.to_owned(), topic.clone())
        })
        .collect();
    for entry in fs::read_dir(folder).expect("the folder is ours") {
        let path = entry.expect("the folder is ours").path();
        let text = fs::read_to_string(&path).expect("rows are text");
        // A process that was killed in the middle of a write leaves a half line, which the next one cuts off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let row: Row = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()));
            let partition = (topics[&row.object_type].clone(), row.partition);
            let offsets = written
                .get_mut(&partition)
                .expect("a partition of the journal");
            offsets[row.offset] += 1;
        }
    }
}
