//! `--dataset`: an export that upstream wrote gives the objects of the journal that it was made of.

mod damaged;
mod objects;
mod odd;
mod out_of_step;
mod positions;
mod produced;
mod refusals;
mod same_rows;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use journal_recording::Reader;
use journal_tests::{Finished, Host, oracle, paths, run};
use rmpv::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// A dataset, and a recording of the objects that are in it.
struct Dataset {
    folder: PathBuf,
    expected: PathBuf,
}

impl Dataset {
    /// The names that the scripts of the oracle give to both.
    fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.join("orc"),
            expected: folder.join("expected.frames"),
        }
    }

    /// What upstream's exporter makes of a recording.
    fn exported(recording: &Path, arguments: &[&str]) -> Self {
        let dataset = Self::in_folder(&run::folder("exported"));
        let arguments = arguments.iter().map(OsStr::new).chain([
            OsStr::new("--expected"),
            dataset.expected.as_os_str(),
            recording.as_os_str(),
            dataset.folder.as_os_str(),
        ]);
        let _counts = oracle::script("export_orc.py", arguments);
        dataset
    }

    /// `journal-host run` of a plugin over it.
    fn run(&self, plugin: &str) -> Host {
        Host::run(&paths::plugin(plugin))
            .arg("--dataset")
            .arg(&self.folder)
    }

    /// The records that the host makes of it.
    fn records(&self, host: Host) -> Vec<Record> {
        let path = run::folder("recorded-dataset").join("r.journal.zst");
        let _done = host
            .args(["record", "--dataset"])
            .arg(&self.folder)
            .arg("--output")
            .arg(&path)
            .finish(LIMIT)
            .success();
        records(&path)
    }
}

/// A record of a public topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    object_type: String,
    key: Vec<u8>,
    /// The value as text, with the members of maps in the order of their names.
    value: String,
    partition: u32,
    offset: u64,
}

impl Record {
    /// All but its position.
    fn object(&self) -> (&str, &[u8], &str) {
        (&self.object_type, &self.key, &self.value)
    }
}

/// The records of a recording.
fn records(path: &Path) -> Vec<Record> {
    let mut reader = Reader::open(path).unwrap_or_else(|error| panic!("{error}"));
    let mut records = Vec::new();
    while let Some(frame) = reader
        .next_frame()
        .unwrap_or_else(|error| panic!("{error}"))
    {
        let (_, object_type) = frame.topic.rsplit_once('.').expect("it has a prefix");
        let value = rmpv::decode::read_value(&mut frame.value.unwrap_or_default());
        records.push(Record {
            object_type: object_type.to_owned(),
            key: frame.key.to_vec(),
            value: sorted(value.expect("it is msgpack")).to_string(),
            partition: frame.partition.unwrap_or_default(),
            offset: frame.offset.unwrap_or_default(),
        });
    }
    records
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Map(pairs) => {
            let pairs = pairs.into_iter();
            let mut pairs: Vec<_> = pairs.map(|(name, value)| (name, sorted(value))).collect();
            pairs.sort_by_key(|(name, _)| name.to_string());
            Value::Map(pairs)
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Fails unless both have the same objects, and names those that one of them lacks.
#[track_caller]
fn assert_same_objects(expected: &[Record], found: &[Record]) {
    const SHOWN: usize = 5;
    let counted = |records: &[Record]| {
        let mut counted = BTreeMap::new();
        for record in records {
            let (object_type, key, value) = record.object();
            let object = (object_type.to_owned(), key.to_owned(), value.to_owned());
            *counted.entry(object).or_insert(0) += 1;
        }
        counted
    };
    let (expected, found) = (counted(expected), counted(found));
    let only = |these: &BTreeMap<_, i32>, those: &BTreeMap<_, i32>| -> Vec<_> {
        let differs = these
            .iter()
            .filter(|(object, count)| those.get(*object) != Some(*count));
        differs
            .map(|(object, count)| format!("{count} times {object:.1500?}"))
            .take(SHOWN)
            .collect()
    };
    let (missing, more) = (only(&expected, &found), only(&found, &expected));
    assert!(
        missing.is_empty() && more.is_empty(),
        "upstream alone\n{missing:#?}\nand we alone\n{more:#?}"
    );
}

/// Fails unless the log has each of these parts.
#[track_caller]
fn assert_says(finished: &Finished, parts: &[&str]) {
    for part in parts {
        let said = &finished.stderr;
        assert!(said.contains(part), "no `{part}`: {said}");
    }
}

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// The rows of a file of the shipped recording's export.
const ROWS_OF_A_FILE: usize = 1000;

/// The export of the shipped recording, with several files for each large table. It is made once.
static SHIPPED: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::exported(&shipped(), &["--max-rows", &ROWS_OF_A_FILE.to_string()]));

/// A copy of a dataset, which a test may change.
fn copy(dataset: &Dataset) -> Dataset {
    let copy = Dataset::in_folder(&run::folder("copied"));
    for table in fs::read_dir(&dataset.folder).expect("it is a folder") {
        let table = table.expect("it can be read").path();
        let to = copy.folder.join(table.file_name().expect("it has a name"));
        fs::create_dir_all(&to).expect("the folder is ours");
        for file in fs::read_dir(&table).expect("it is a folder") {
            let file = file.expect("it can be read").path();
            let name = file.file_name().expect("it has a name");
            fs::copy(&file, to.join(name)).expect("it can be copied");
        }
    }
    fs::copy(&dataset.expected, &copy.expected).expect("it can be copied");
    copy
}

/// The files of a table, in the order of their names.
fn files_of(dataset: &Dataset, table: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dataset.folder.join(table)).expect("it is a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    files
}
