//! Poison records of every kind among good ones, on a real broker. By default there are 50 among 50,000; the variable
//! `JOURNAL_TESTS_POISONED` sets another number of records, of which a thousandth is poison.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, host as rows_of, oracle, paths, run};
use serde_json::Value;

/// The variable for the number of records.
const RECORDS_VARIABLE: &str = "JOURNAL_TESTS_POISONED";
const RECORDS: u64 = 50_000;
const PARTITIONS: i32 = 5;
/// Of so many records of a partition, the last one is poison.
const POISON_EVERY: u64 = 1000;
/// The kinds of dead letters, in the order in which the guest misbehaves.
const KINDS: [&str; 6] = [
    "rejected", "panicked", "deadline", "memory", "stack", "emission",
];

/// How long a run may take: a call that ends at its deadline costs its time again for each half of its batch.
fn limit() -> Duration {
    let millions = wanted() / 1_000_000;
    Duration::from_mins(10 + 20 * millions)
}

/// The number of records.
fn wanted() -> u64 {
    std::env::var(RECORDS_VARIABLE).map_or(RECORDS, |number| {
        number
            .parse()
            .unwrap_or_else(|_| panic!("{RECORDS_VARIABLE} is not a number: {number}"))
    })
}

/// A record by its partition and offset.
type Position = (u64, u64);

struct Poisoned {
    prefix: Prefix,
    good: BTreeSet<Position>,
    poison: BTreeMap<Position, &'static str>,
}

fn poisoned() -> &'static Poisoned {
    static POISONED: OnceLock<Poisoned> = OnceLock::new();
    POISONED.get_or_init(|| {
        let record = |number: u64| Record {
            object_type: "origin".into(),
            privileged: false,
            key: [&[0xc4, 20], [7; 12].as_slice(), &number.to_be_bytes()].concat(),
            value: Some(vec![0xc0; 20]),
        };
        let journal = Journal {
            records: (0..wanted()).map(record).collect(),
        };
        let prefix = Prefix::new("poisoned");
        Broker::shared().load(&prefix, &journal, PARTITIONS, 1);
        let (mut good, mut poison) = (BTreeSet::new(), BTreeMap::new());
        for (partition, end) in Broker::shared().end_offsets(&prefix) {
            let number = u64::try_from(partition.1).expect("a number of a partition");
            for offset in 0..end.unsigned_abs() {
                if offset % POISON_EVERY == POISON_EVERY - 1 {
                    let kind = offset / POISON_EVERY % KINDS.len() as u64;
                    let kind = KINDS[usize::try_from(kind).expect("it is small")];
                    poison.insert((number, offset), kind);
                } else {
                    good.insert((number, offset));
                }
            }
        }
        assert!(poison.len() >= KINDS.len(), "{} are too few", poison.len());
        Poisoned {
            prefix,
            good,
            poison,
        }
    })
}

/// A run that writes its rows and dead letters to files in `folder`.
fn host(group: &str, folder: &Path) -> Host {
    Host::run(&paths::plugin("guest-hostile"))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args(["--prefix", poisoned().prefix.as_str(), "--group-id", group])
        .args(["--on-eof", "stop", "--checkpoint-interval", "300ms"])
        .args(["--deadline", "200ms", "--memory-limit", "16MiB"])
        .args(["--kafka", "heartbeat.interval.ms=200"])
        .args(["--kafka", "session.timeout.ms=6000"])
        .args(["--option", &format!("poison_every={POISON_EVERY}")])
        .arg("--output")
        .arg(folder.join("rows.jsonl"))
}

fn with_dead_letters(host: Host, folder: &Path) -> Host {
    host.args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(folder.join("letters.jsonl"))
}

/// How often each record is in a file.
fn counts(folder: &Path, file: &str) -> BTreeMap<Position, u64> {
    let mut counts = BTreeMap::new();
    for row in rows_of::rows(&folder.join(file)) {
        *counts.entry(position(&row)).or_default() += 1;
    }
    counts
}

fn position(row: &Value) -> Position {
    let number = |member: &str| row[member].as_u64().expect("it is a number");
    (number("partition"), number("offset"))
}

fn repeated(counts: &BTreeMap<Position, u64>) -> u64 {
    counts.values().map(|count| count - 1).sum()
}

/// Asserts that all good records have rows and all poison is in the dead letters; returns how many are repeated.
#[track_caller]
fn assert_complete(folder: &Path) -> u64 {
    let rows = counts(folder, "rows.jsonl");
    assert!(rows.keys().eq(&poisoned().good), "{} rows", rows.len());
    let letters = counts(folder, "letters.jsonl");
    let found: Vec<_> = letters.keys().collect();
    assert!(letters.keys().eq(poisoned().poison.keys()), "{found:?}");
    repeated(&rows) + repeated(&letters)
}

#[test]
fn rows_are_those_of_the_good_records_and_dead_letters_are_the_poison() {
    let folder = run::folder("dead-letters");
    let group = poisoned().prefix.group("whole");
    let finished = with_dead_letters(host(&group, &folder), &folder)
        .args(["--workers", "2"])
        .finish(limit())
        .success();
    assert_eq!(assert_complete(&folder), 0);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for letter in rows_of::rows(&folder.join("letters.jsonl")) {
        let planted = poisoned().poison[&position(&letter)];
        let kind = letter["kind"].as_str().expect("it is text");
        // So much cannot be emitted in time on a busy machine.
        let is_late = (planted, kind) == ("emission", "deadline");
        assert!(kind == planted || is_late, "{letter}");
        *kinds.entry(kind.to_owned()).or_default() += 1;
        assert_letter(&letter);
    }
    for (kind, count) in kinds {
        let counted = format!("{count} {kind}");
        assert!(
            finished.stderr.contains(&counted),
            "no `{counted}` in: {}",
            finished.stderr
        );
    }
    let committed = Broker::shared().committed_records(&group, &poisoned().prefix);
    assert_eq!(
        committed,
        (poisoned().good.len() + poisoned().poison.len()) as u64
    );
}

#[track_caller]
fn assert_letter(letter: &Value) {
    assert_eq!(letter["topic"], poisoned().prefix.topic("origin"));
    assert_eq!(letter["object_type"], "origin");
    assert!(
        letter["timestamp"].as_i64().is_some_and(|time| time > 0),
        "{letter}"
    );
    let id = letter["id"].as_str().expect("an identifier");
    assert!(id.starts_with(&"07".repeat(12)) && id.len() == 40, "{id}");
    // Twenty times 0xc0.
    assert_eq!(letter["value"], "wMDAwMDAwMDAwMDAwMDAwMDAwMA=");
    assert_eq!(letter["plugin"]["name"], "guest-hostile");
    assert_eq!(letter["plugin"]["digest"].as_str().map(str::len), Some(64));
    assert!(
        letter["attempt"]
            .as_u64()
            .is_some_and(|attempt| attempt >= 1)
    );
    if letter["kind"] == "panicked" {
        assert_eq!(letter["panic"]["message"], "the test wants a panic");
        let location = letter["panic"]["location"].as_str().expect("its source");
        assert!(
            location.starts_with("tests/guests/hostile/src/lib.rs:"),
            "{location}"
        );
    }
}

/// The largest number of records of one checkpoint that a process began, as its log says.
fn largest_checkpoint(finished: &Finished) -> u64 {
    let lines = finished.stderr.lines();
    let begun = lines.filter_map(|line| line.split_once(" begins: ")?.1.split_once(" rows of "));
    let records = begun.map(|(_, ranges)| {
        let ranges = ranges.split(", ").filter_map(|range| {
            let (from, to) = range.trim().rsplit_once(' ')?.1.split_once("..")?;
            Some(to.parse::<u64>().ok()? - from.parse::<u64>().ok()?)
        });
        ranges.sum()
    });
    records.max().unwrap_or(0)
}

#[test]
fn kills_and_rebalances_leave_nothing_out_and_repeat_one_checkpoint_each_at_most() {
    const KILLS: u64 = 4;
    let folder = run::folder("killed");
    let group = poisoned().prefix.group("killed");
    let all = (poisoned().good.len() + poisoned().poison.len()) as u64;
    let mut may_repeat = 0;
    for kill in 1..=KILLS {
        let mut running = with_dead_letters(host(&group, &folder), &folder)
            .env("JOURNAL_HOST_LOG", "debug")
            .spawn();
        running.until("the group commits", limit(), |_| {
            let committed = Broker::shared().committed_records(&group, &poisoned().prefix);
            (committed >= all * kill / (KILLS + 2)).then_some(())
        });
        may_repeat += largest_checkpoint(&running.kill());
    }
    // Two processes, of which one leaves in the middle, so that partitions go and come; each has files of its own.
    let other = run::folder("other");
    let staying = with_dead_letters(host(&group, &folder), &folder).spawn();
    let mut leaving = with_dead_letters(host(&group, &other), &other).spawn();
    leaving.until("rows are written", limit(), |_| {
        let is_over = Broker::shared().committed_records(&group, &poisoned().prefix) == all;
        let has_rows = fs::metadata(other.join("rows.jsonl")).is_ok_and(|file| file.len() > 0);
        (has_rows || is_over).then_some(())
    });
    if !leaving.has_ended() {
        leaving.signal(rustix::process::Signal::TERM);
    }
    let _ = leaving.finish(limit()).success();
    let _ = staying.finish(limit()).success();
    for file in ["rows.jsonl", "letters.jsonl"] {
        let more = fs::read(other.join(file)).expect("the process made it");
        let mut whole = fs::read(folder.join(file)).expect("the process made it");
        whole.extend(more);
        fs::write(folder.join(file), whole).expect("the folder is ours");
    }
    let repeated = assert_complete(&folder);
    assert!(repeated <= may_repeat, "{repeated} of {may_repeat}");
}

#[test]
fn run_that_stops_names_the_first_poison_and_commits_nothing_of_its_batch() {
    let folder = run::folder("stopped");
    let group = poisoned().prefix.group("stopped");
    let finished = host(&group, &folder).finish(limit()).code(1);
    let record = format!(
        "the processor rejected the record at `{}` partition ",
        poisoned().prefix.topic("origin")
    );
    assert!(finished.stderr.contains(&record), "{}", finished.stderr);
    assert!(
        finished.stderr.contains(" offset 999 with the key `"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("`--on-failure skip`"),
        "{}",
        finished.stderr
    );
    let rows = counts(&folder, "rows.jsonl");
    assert!(rows.keys().all(|(_, offset)| *offset < 999));
}

#[test]
fn too_many_failures_end_the_run() {
    let folder = run::folder("too-many");
    let group = poisoned().prefix.group("too-many");
    let finished = with_dead_letters(host(&group, &folder), &folder)
        .args(["--max-failures", "3"])
        .finish(limit())
        .code(1);
    assert!(
        finished.stderr.contains("error: 4 of "),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("records failed, more than 3"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("`--max-failures"),
        "{}",
        finished.stderr
    );
}

/// Processes the dead letters of a file again, with the poison where the guest's option has it.
fn redrive(letters: &Path, poison_every: u64, rows: &Path) -> Host {
    Host::new()
        .arg("redrive")
        .arg(letters)
        .args(["--prefix", poisoned().prefix.as_str()])
        .arg("--plugin")
        .arg(paths::plugin("guest-hostile"))
        .args(["--deadline", "200ms", "--memory-limit", "16MiB"])
        .args(["--option", &format!("poison_every={poison_every}")])
        .arg("--output")
        .arg(rows)
}

#[test]
fn redrive_processes_each_dead_letter_once_and_leaves_what_still_fails() {
    let folder = run::folder("redriven");
    let group = poisoned().prefix.group("redriven");
    let _ = with_dead_letters(host(&group, &folder), &folder)
        .args(["--workers", "2"])
        .finish(limit())
        .success();
    let letters = folder.join("letters.jsonl");
    // As a crash may leave them.
    let twice = fs::read(&letters).expect("the run wrote it").repeat(2);
    fs::write(&letters, twice).expect("the folder is ours");

    let rows = folder.join("none.jsonl");
    let finished = redrive(&letters, POISON_EVERY, &rows)
        .finish(limit())
        .success();
    let said = format!(" holds {} dead letters now", poisoned().poison.len());
    assert!(finished.stderr.contains(&said), "{}", finished.stderr);
    assert_eq!(fs::read(&rows).expect("the command made it"), b"");
    let left = counts(&folder, "letters.jsonl");
    assert!(left.keys().eq(poisoned().poison.keys()), "{left:?}");
    assert_eq!(repeated(&left), 0);
    for letter in rows_of::rows(&letters) {
        assert_letter(&letter);
    }

    // A part is mended: the poison of every second time is no longer any.
    let rows = folder.join("half.jsonl");
    let _ = redrive(&letters, 2 * POISON_EVERY, &rows)
        .finish(limit())
        .success();
    let good = counts(&folder, "half.jsonl");
    let left = counts(&folder, "letters.jsonl");
    assert_eq!(repeated(&good) + repeated(&left), 0);
    let is_good = |offset: u64| !(offset + 1).is_multiple_of(2 * POISON_EVERY);
    for position in poisoned().poison.keys() {
        assert_eq!(good.contains_key(position), is_good(position.1));
        assert_eq!(left.contains_key(position), !is_good(position.1));
    }

    let rows = folder.join("rest.jsonl");
    let _ = redrive(&letters, u64::MAX, &rows).finish(limit()).success();
    assert!(counts(&folder, "rest.jsonl").keys().eq(left.keys()));
    assert_eq!(fs::read(&letters).expect("the file stays"), b"");
    let finished = redrive(&letters, u64::MAX, &rows).finish(limit()).success();
    assert!(
        finished.stderr.contains("holds no dead letters"),
        "{}",
        finished.stderr
    );
}

#[test]
fn dead_letters_are_as_they_were_unless_all_were_processed() {
    let folder = run::folder("not-redriven");
    let group = poisoned().prefix.group("not-redriven");
    let _ = with_dead_letters(host(&group, &folder), &folder)
        .finish(limit())
        .success();
    let letters = folder.join("letters.jsonl");
    let before = fs::read(&letters).expect("the run wrote it");
    let finished = redrive(&letters, POISON_EVERY, &folder.join("rows.jsonl"))
        .args(["--max-failures", "2"])
        .finish(limit())
        .code(1);
    assert!(
        finished.stderr.contains("records failed, more than 2"),
        "{}",
        finished.stderr
    );
    assert_eq!(fs::read(&letters).expect("the file stays"), before);
    let names = fs::read_dir(&folder).expect("the folder is ours");
    let names: BTreeSet<_> = names
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    assert_eq!(names, ["letters.jsonl".into(), "rows.jsonl".into()].into());

    let damaged = folder.join("damaged.jsonl");
    fs::write(&damaged, [&before[..], b"{\"topic\": 1}\n"].concat()).expect("the folder is ours");
    let finished = redrive(&damaged, POISON_EVERY, &folder.join("rows.jsonl"))
        .finish(limit())
        .code(1);
    let line = format!(
        "line {} is not a dead letter",
        before.split(|&byte| byte == b'\n').count()
    );
    assert!(finished.stderr.contains(&line), "{}", finished.stderr);
    let finished = redrive(
        &folder.join("absent"),
        POISON_EVERY,
        &folder.join("rows.jsonl"),
    )
    .finish(limit())
    .code(1);
    assert!(
        finished.stderr.contains("cannot open the dead letters `"),
        "{}",
        finished.stderr
    );
    assert!(!folder.join("absent").exists());
}

#[test]
fn dead_letters_are_a_recording() {
    let folder = run::folder("letters-recorded");
    let group = poisoned().prefix.group("letters-recorded");
    let _ = with_dead_letters(host(&group, &folder), &folder)
        .finish(limit())
        .success();
    let finished = Host::run(&paths::plugin("count-objects"))
        .arg("--recording")
        .arg(folder.join("letters.jsonl"))
        .args(["--prefix", poisoned().prefix.as_str()])
        .finish(limit())
        .success();
    let counted = finished.counts()["origin"].objects;
    assert_eq!(counted, poisoned().poison.len() as u64);
}

#[test]
fn dead_letters_in_a_topic_are_the_records_with_the_reasons_in_headers() {
    let broker = Broker::shared();
    let folder = run::folder("letter-topic");
    let topic = Prefix::new("letters").topic("failed");
    let run = |group: &str, topic: &str| {
        let to = format!("kafka:{topic}");
        host(&poisoned().prefix.group(group), &folder)
            .args(["--on-failure", "dead-letter", "--dead-letters", &to])
            .finish(limit())
    };
    let missing = run("missing-topic", &topic).code(1);
    let said = format!("the topic `{topic}` for dead letters does not exist");
    assert!(missing.stderr.contains(&said), "{}", missing.stderr);
    let own = poisoned().prefix.topic("letters");
    let own = run("own-topic", &own).code(2);
    assert!(
        own.stderr.contains("the prefix of the topics"),
        "{}",
        own.stderr
    );
    broker.create_topics(&[&topic], 3);
    let _done = run("letter-topic", &topic).success();
    let printed = oracle::script("headers.py", [&*broker.address(), &topic]);
    let mut found = BTreeMap::new();
    for letter in journal_tests::host::parse(&printed) {
        let headers = &letter["headers"];
        let number = |name: &str| -> u64 {
            let text = headers[name].as_str().expect("it is there");
            text.parse().expect("it is a number")
        };
        let kind = headers["kind"].as_str().expect("it is a text").to_owned();
        found.insert((number("partition"), number("offset")), kind);
        assert_eq!(letter["value"], "wMDAwMDAwMDAwMDAwMDAwMDAwMA=");
        assert_eq!(headers["topic"], poisoned().prefix.topic("origin"));
        assert_eq!(headers["timestamp"], letter["timestamp"].to_string());
        assert!(
            headers["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
        let plugin = headers["plugin"].as_str().expect("it is JSON");
        assert!(plugin.contains("\"name\":\"guest-hostile\""), "{plugin}");
    }
    assert!(found.keys().eq(poisoned().poison.keys()), "{found:?}");
    let local = Host::run(&paths::plugin("guest-hostile"))
        .arg("--recording")
        .arg(folder.join("none"))
        .args(["--on-failure", "dead-letter", "--dead-letters", "kafka:t"])
        .finish(limit())
        .code(2);
    assert!(
        local.stderr.contains("names a topic, which needs"),
        "{}",
        local.stderr
    );
}
