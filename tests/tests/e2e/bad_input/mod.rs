//! What bad input gets: one sentence that names the thing, a way out, an exit code, and nothing
//! half-written.

mod arguments;
mod brokers;
mod guests;
mod offsets;
mod outputs;
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

/// How long any one run may take before it counts as a hang.
const LIMIT: Duration = Duration::from_mins(1);
const HOSTILE: &str = "guest-hostile";

/// A failure as the host told it.
struct Told {
    error: String,
    hint: Option<String>,
}

/// What a run tells that fails by the state of the world.
#[track_caller]
fn fails(host: Host) -> Told {
    told(&host.finish(LIMIT).code(1))
}

/// What a run tells whose command line is wrong.
#[track_caller]
fn is_wrong_use(host: Host) -> Told {
    told(&host.finish(LIMIT).code(2))
}

/// Finds the one error of a run that wrote no data, and makes sure that it is fit for people.
#[track_caller]
fn told(finished: &Finished) -> Told {
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
    assert_for_people(text);
    Told {
        error: error.to_owned(),
        hint,
    }
}

/// The rest of the text behind `start` at the beginning of a line; a hint's further lines go with it.
fn starting_with<'a>(start: &str, text: &'a str) -> Vec<&'a str> {
    let begins = text.match_indices(start).map(|(place, _)| place);
    let begins = begins.filter(|&place| place == 0 || text[..place].ends_with('\n'));
    begins
        .map(|place| {
            let rest = &text[place + start.len()..];
            if start == "hint: " {
                rest.trim_end()
            } else {
                rest.lines().next().unwrap_or_default()
            }
        })
        .collect()
}

/// No panic of the host, no values as Rust prints them for programmers, nothing that steers a terminal.
#[track_caller]
fn assert_for_people(text: &str) {
    const NAMES: [&str; 3] = ["WebAssembly", "anyOf", "oneOf"];
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
    // Names of Rust's enums, such as `OperationTimedOut`. What stands in backticks is quoted.
    let unquoted: String = text.split('`').step_by(2).collect();
    let words = unquoted.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| word.len() > 4 && !NAMES.contains(word)) {
        let mut pairs = word.chars().zip(word.chars().skip(1));
        let has_hump = pairs.any(|(one, two)| one.is_lowercase() && two.is_uppercase());
        assert!(!has_hump, "`{word}` in:\n{text}");
    }
}

impl Told {
    /// The whole sentence.
    #[track_caller]
    fn says(self, sentence: &str) -> Self {
        assert_eq!(self.error, sentence);
        self
    }

    /// A part of the sentence.
    #[track_caller]
    fn names(self, part: &str) -> Self {
        assert!(self.error.contains(part), "no `{part}` in: {}", self.error);
        self
    }

    /// A part of the way out.
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

/// Records of one object type. Values of `bytes` are no msgpack, but nobody looks into them.
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

/// Where a run on the shared broker reads and commits.
struct Place {
    prefix: Prefix,
    group: String,
}

impl Place {
    /// [`origins`] in one partition.
    fn with(name: &str, journal: &Journal) -> Self {
        let prefix = Prefix::new(name);
        Broker::shared().load(&prefix, journal, 1, 1);
        let group = prefix.group("group");
        Self { prefix, group }
    }

    fn topic(&self) -> String {
        self.prefix.topic("origin")
    }

    /// Adds the source to a command line, to its end.
    fn read_by(&self, host: Host) -> Host {
        self.followed_by(host).args(["--on-eof", "stop"])
    }

    /// Adds the source to a command line, and what will come later.
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
