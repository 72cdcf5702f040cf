//! Bad input ends the run with one sentence that names its cause, a hint, an exit code, and no partial output.

mod arguments;
mod brokers;
mod compiling;
mod deadlines;
mod floods;
mod guests;
mod offsets;
mod outputs;
mod passwords;
mod plugins;
mod recordings;
mod rejections;
mod security;
mod standard_error;

use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, paths};

/// Time limit for one run.
const LIMIT: Duration = Duration::from_mins(1);
const HOSTILE: &str = "guest-hostile";

/// The error that a run printed, and its hint.
struct Failure {
    error: String,
    hint: Option<String>,
}

/// Runs the host, which fails with the exit code 1: the command line is valid.
#[track_caller]
fn fails(host: Host) -> Failure {
    failure(&host.finish(LIMIT).code(1))
}

/// Runs the host, which fails with the exit code 2: the command line is wrong.
#[track_caller]
fn is_wrong_use(host: Host) -> Failure {
    failure(&host.finish(LIMIT).code(2))
}

/// Finds the only error of a run that wrote no data, and asserts that it is readable.
#[track_caller]
fn failure(finished: &Finished) -> Failure {
    let text = &finished.stderr;
    assert_eq!(finished.stdout, "", "it wrote data:\n{text}");
    let [error] = starting_with("error: ", text)[..] else {
        panic!("not one error:\n{text}");
    };
    let hint = match starting_with("hint: ", text)[..] {
        [] => None,
        [hint] => Some(hint.to_owned()),
        _ => panic!("more than one hint:\n{text}"),
    };
    assert!(
        !error.ends_with(['.', '!', ' ']),
        "no bare sentence: {error}"
    );
    assert_readable(text);
    Failure {
        error: error.to_owned(),
        hint,
    }
}

/// The text after each `start` at the beginning of a line: the rest of the line, or of the text for a hint.
fn starting_with<'a>(start: &str, text: &'a str) -> Vec<&'a str> {
    let starts = text.match_indices(start).map(|(index, _)| index);
    let starts = starts.filter(|&index| index == 0 || text[..index].ends_with('\n'));
    starts
        .map(|index| {
            let rest = &text[index + start.len()..];
            if start == "hint: " {
                rest.trim_end()
            } else {
                rest.lines().next().unwrap_or_default()
            }
        })
        .collect()
}

/// Asserts that a text has no panic of the host, no debug output of Rust values and no terminal control sequences.
#[track_caller]
fn assert_readable(text: &str) {
    const NAMES: [&str; 4] = ["WebAssembly", "JavaScript", "anyOf", "oneOf"];
    for trace in [
        "thread '",
        "stack backtrace",
        "BACKTRACE",
        "panicked at '",
        "Some(",
        "Err(",
        "Ok(",
        " { ",
        "\u{1b}",
        "core::",
        "rdkafka::",
    ] {
        assert!(!text.contains(trace), "`{trace}` in:\n{text}");
    }
    // Names of Rust's enums, such as `OperationTimedOut`. Text in backticks is quoted.
    let unquoted: String = text.split('`').step_by(2).collect();
    let words = unquoted.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| word.len() > 4 && !NAMES.contains(word)) {
        let mut pairs = word.chars().zip(word.chars().skip(1));
        let has_hump = pairs.any(|(one, two)| one.is_lowercase() && two.is_uppercase());
        assert!(!has_hump, "`{word}` in:\n{text}");
    }
}

impl Failure {
    /// Asserts that this is the whole sentence.
    #[track_caller]
    fn says(self, sentence: &str) -> Self {
        assert_eq!(self.error, sentence);
        self
    }

    /// Asserts that this is part of the sentence.
    #[track_caller]
    fn names(self, part: &str) -> Self {
        assert!(self.error.contains(part), "no `{part}` in: {}", self.error);
        self
    }

    /// Asserts that this is part of the hint.
    #[track_caller]
    fn hints(self, part: &str) -> Self {
        let hint = self.hint.as_deref();
        assert!(
            hint.is_some_and(|hint| hint.contains(part)),
            "no `{part}` in the hint {hint:?} of: {}",
            self.error
        );
        self
    }
}

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// A run of the hostile guest over the records of [`origins`].
fn hostile(records: u32) -> Host {
    let host = Host::run(&paths::plugin(HOSTILE));
    record(&host.folder().join("origins.journal"), &origins(records, 1));
    host.args(["--recording", "origins.journal"])
}

/// Records of one object type. Their values of `bytes` are not valid msgpack, but no test here decodes them.
fn origins(records: u32, bytes: usize) -> Journal {
    let origin = |number: u32| Record {
        object_type: "origin".into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; bytes]),
    };
    Journal {
        records: (0..records).map(origin).collect(),
    }
}

fn record(path: &Path, journal: &Journal) {
    let mut writer = Writer::create(path, &["swh.journal.objects.origin"])
        .unwrap_or_else(|error| panic!("{error}"));
    for record in &journal.records {
        let frame = Frame {
            topic: "swh.journal.objects.origin",
            key: &record.key,
            value: record.value.as_deref(),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        writer
            .write(&frame)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    writer.finish().unwrap_or_else(|error| panic!("{error}"));
}

/// Topics on the shared broker that a run reads, and the consumer group for which it commits.
struct KafkaInput {
    prefix: Prefix,
    group: String,
}

impl KafkaInput {
    /// Loads a journal, with one partition per topic.
    fn with(name: &str, journal: &Journal) -> Self {
        let prefix = Prefix::new(name);
        Broker::shared().load(&prefix, journal, 1, 1);
        let group = prefix.group("group");
        Self { prefix, group }
    }

    fn topic(&self) -> String {
        self.prefix.topic("origin")
    }

    /// Adds the options to read the topics to their end.
    fn read_by(&self, host: Host) -> Host {
        self.followed_by(host).args(["--on-eof", "stop"])
    }

    /// Adds the options to read the topics and then wait for new records.
    fn followed_by(&self, host: Host) -> Host {
        host.arg("--brokers").arg(Broker::shared().address()).args([
            "--prefix",
            self.prefix.as_str(),
            "--group-id",
            &self.group,
        ])
    }

    fn committed(&self) -> u64 {
        Broker::shared().committed_records(&self.group, &self.prefix)
    }
}
