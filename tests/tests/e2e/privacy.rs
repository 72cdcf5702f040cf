//! Masked objects and the removal of names, in all commands that read records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_recording::{Frame, Reader, Writer};
use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, oracle, paths, run};
use rustix::process::Signal;

use crate::observing::{address, get};

const LIMIT: Duration = Duration::from_mins(1);
const PREFIX: &str = "swh.journal.objects";

/// Values by topic and key.
type Values = BTreeMap<(String, Vec<u8>), Option<Vec<u8>>>;

fn values(path: &Path) -> Values {
    let mut reader = Reader::open(path).expect("it is a recording");
    let mut values = Values::new();
    while let Some(frame) = reader.next_frame().expect("it is whole") {
        let key = (frame.topic.to_owned(), frame.key.to_owned());
        values.insert(key, frame.value.map(<[u8]>::to_owned));
    }
    values
}

/// Compares values, and names those that differ by their topic and key.
#[track_caller]
fn assert_same(found: &Values, expected: &Values) {
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| found.get(*key) != expected.get(*key));
    let differ: Vec<String> = differ
        .map(|key| {
            let has = |values: &Values| values.contains_key(key);
            let is = (has(found), has(expected));
            format!("{} {} {is:?}", key.0, key.1.escape_ascii())
        })
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

/// The objects of upstream's tests as its writer writes them: revisions and releases twice.
fn objects() -> PathBuf {
    oracle::test_objects(&run::folder("privacy"))
}

fn record_of(path: &Path) -> (Host, PathBuf) {
    let output = run::folder("privacy").join("new.journal.zst");
    let host = Host::new()
        .args(["record", "--recording"])
        .arg(path)
        .arg("--output")
        .arg(&output);
    (host, output)
}

/// A list of masked objects.
fn mask(swhids: &[String]) -> PathBuf {
    let path = run::folder("privacy").join("masked");
    fs::write(&path, swhids.join("\n")).expect("it can be written");
    path
}

#[test]
fn anonymised_records_equal_those_of_upstreams_public_topics() {
    let objects = objects();
    let original = values(&objects);
    let (host, output) = record_of(&objects);
    let done = host.args(["--privileged", "--anonymise"]).finish(LIMIT);
    let done = done.success();
    assert!(done.stderr.contains(" anonymised"), "{}", done.stderr);
    let recorded = values(&output);
    let public: Values = original
        .iter()
        .filter(|((topic, _), _)| !topic.contains("_privileged"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    assert!(original.len() > public.len());
    assert_same(&recorded, &public);
}

#[test]
fn plugin_gets_records_without_names_that_are_not_privileged() {
    let objects = objects();
    let rows = |arguments: &[&str]| {
        Host::run(&paths::plugin("guest-columns"))
            .arg("--recording")
            .arg(&objects)
            .args(["--object-type", "revision", "--object-type", "release"])
            .args(arguments)
            .finish(LIMIT)
            .success()
            .rows()
    };
    let public = rows(&[]);
    let anonymised = rows(&["--privileged", "--anonymise"]);
    let named = rows(&["--privileged"]);
    assert!(named.iter().all(|row| row["privileged"] == true));
    assert_ne!(named, public);
    assert_eq!(anonymised, public);
}

/// Privileged revisions in which everything that can hold a person does. Each identifier is one byte, repeated.
fn named_revisions(ids: &[u8]) -> PathBuf {
    let path = run::folder("privacy").join("named.journal.zst");
    let topic = "swh.journal.objects_privileged.revision";
    let mut writer = Writer::create(&path, &[topic]).expect("it can be created");
    for &id in ids {
        let (key, value) = named_revision(id);
        let frame = Frame {
            topic,
            key: &key,
            value: Some(&value),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        writer.write(&frame).expect("it can be written");
    }
    writer.finish().expect("it can be written");
    path
}

/// The key and the value of such a revision.
fn named_revision(id: u8) -> (Vec<u8>, Vec<u8>) {
    let bin = |text: &str| rmpv::Value::Binary(text.as_bytes().to_vec());
    let text = |text: &str| rmpv::Value::from(text);
    let map = |pairs: Vec<(&str, rmpv::Value)>| {
        let pairs = pairs.into_iter().map(|(name, value)| (text(name), value));
        rmpv::Value::Map(pairs.collect())
    };
    let person = map(vec![
        ("fullname", bin(PERSON)),
        ("name", bin("Ada Example")),
        ("email", bin("ada@example.org")),
    ]);
    let header = |name: &str, value: &str| rmpv::Value::Array(vec![bin(name), bin(value)]);
    let id = rmpv::Value::Binary(vec![id; 20]);
    let revision = map(vec![
        (
            "message",
            bin(&format!(
                "Fix it, ada@example.org\n\nSigned-off-by: {PERSON}\n"
            )),
        ),
        ("author", person.clone()),
        ("committer", person),
        ("date", rmpv::Value::Nil),
        ("committer_date", rmpv::Value::Nil),
        ("type", text("git")),
        ("directory", id.clone()),
        ("synthetic", false.into()),
        ("metadata", map(vec![("original", text(PERSON))])),
        ("parents", rmpv::Value::Array(Vec::new())),
        ("id", id.clone()),
        (
            "extra_headers",
            rmpv::Value::Array(vec![
                header("encoding", "latin-1"),
                header("mergetag", &format!("tagger {PERSON}")),
            ]),
        ),
        ("raw_manifest", bin(&format!("commit 1\0author {PERSON}"))),
    ]);
    let packed = |value: &rmpv::Value| {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).expect("a vector takes all");
        bytes
    };
    (packed(&id), packed(&revision))
}

const PERSON: &str = "Ada Example <ada@example.org>";

#[test]
fn strict_leaves_no_name_and_no_address_in_rows_recordings_and_log() {
    let named = named_revisions(&[7]);
    let holds = |arguments: &[&str]| {
        let done = Host::run(&paths::plugin("print-objects"))
            .arg("--recording")
            .arg(&named)
            .args(["--option", "object_types=any", "--privileged"])
            .args(arguments)
            .finish(LIMIT)
            .success();
        let rows = done.rows();
        assert_eq!(rows.len(), 1);
        let (host, output) = record_of(&named);
        let recorded = host
            .arg("--privileged")
            .args(arguments)
            .finish(LIMIT)
            .success();
        let values: Vec<u8> = values(&output).into_values().flatten().flatten().collect();
        let values = String::from_utf8_lossy(&values).into_owned();
        let shown = Host::new()
            .args(["show", "--recording"])
            .arg(&named)
            .arg("--privileged")
            .args(arguments)
            .finish(LIMIT)
            .success();
        let texts = [
            done.stdout,
            done.stderr,
            recorded.stderr,
            values,
            shown.stdout,
        ];
        let parts = ["Ada", "ada@example.org"];
        texts.map(|text| parts.iter().any(|part| text.contains(part)))
    };
    assert_eq!(holds(&[]), [true, false, false, true, true]);
    // Messages and headers may repeat names, as in public topics.
    assert_eq!(holds(&["--anonymise"]), [true, false, false, true, true]);
    assert_eq!(holds(&["--anonymise=strict"]), [false; 5]);
}

#[test]
fn page_and_dead_letters_have_no_name_under_strict_and_nothing_of_a_masked_object() {
    const MASKED: u8 = 8;
    let broker = Broker::shared();
    let prefix = Prefix::new("strict");
    // Those with an even offset are rejected, one of which is masked.
    let named = named_revisions(&[7, 6, MASKED]);
    broker.load(&prefix, &Journal::read(&named), 1, 1);
    let masked = format!("{MASKED:02x}").repeat(20);
    let list = mask(&[format!("swh:1:rev:{masked}")]);
    let letters = run::folder("privacy").join("letters.jsonl");
    let mut running = Host::run(&paths::plugin("guest-hostile"))
        .args(["--brokers", &broker.address()])
        .args(["--prefix", prefix.as_str()])
        .args(["--group-id", &prefix.group("strict")])
        .args(["--object-type", "revision", "--privileged"])
        .args(["--anonymise=strict", "--log-level", "debug"])
        .args(["--option", "process=reject-even"])
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .arg("--masked")
        .arg(&list)
        .args(["--metrics", "0", "--checkpoint-interval", "100ms"])
        .spawn();
    let address = address(&mut running);
    let state = running.until("the page shows the dead letter", LIMIT, |_| {
        let (_, state) = get(&address, "/state.json", &address);
        state.contains("its offset is even").then_some(state)
    });
    let (_, page) = get(&address, "/", &address);
    let (_, metrics) = get(&address, "/metrics", &address);
    assert!(metrics.contains("journal_host_masked_records_total 1\n"));
    running.signal(Signal::TERM);
    let done = running.finish(LIMIT).success();
    let left: Vec<u8> = values(&letters).into_values().flatten().flatten().collect();
    let left = String::from_utf8_lossy(&left).into_owned();
    assert!(left.contains("Fix it"), "{left}");
    let letters = fs::read_to_string(&letters).expect("there is a dead letter");
    assert_eq!(letters.lines().count(), 1, "{letters}");
    let texts = [
        state,
        page,
        metrics,
        done.stdout,
        done.stderr,
        letters,
        left,
    ];
    for text in texts {
        for secret in ["Ada", "ada@example.org", &masked] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

/// The bytes of hexadecimal digits.
fn bytes_of(digits: &str) -> Vec<u8> {
    let digit = |index| u8::from_str_radix(&digits[index..index + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(digit).collect()
}

#[test]
fn no_record_of_a_masked_object_passes_in_any_command() {
    let objects = objects();
    let all = oracle::script("swhids.py", [&objects]);
    // Each line: a SWHID and the keys of the records that it masks, in hexadecimal.
    let lines: Vec<Vec<&str>> = all.lines().map(|line| line.split(' ').collect()).collect();
    let chosen: Vec<_> = lines.iter().step_by(2).collect();
    assert!(chosen.len() > 5);
    let masked = mask(
        &chosen
            .iter()
            .map(|line| line[0].to_owned())
            .collect::<Vec<_>>(),
    );
    let keys: BTreeSet<Vec<u8>> = chosen
        .iter()
        .flat_map(|line| &line[1..])
        .map(|key| bytes_of(key))
        .collect();
    let (host, output) = record_of(&objects);
    let done = host.arg("--masked").arg(&masked).finish(LIMIT).success();
    assert!(done.stderr.contains(" masked"), "{}", done.stderr);
    let original = values(&objects);
    let expected: Values = original
        .iter()
        .filter(|((topic, key), value)| {
            !topic.contains("_privileged") && (value.is_none() || !keys.contains(key))
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    assert_same(&values(&output), &expected);

    let shown: String = chosen.iter().map(|line| line[0]).take(1).collect();
    let show = || {
        Host::new()
            .args(["show", "--recording"])
            .arg(&objects)
            .args(["--id", &shown])
    };
    let _found = show().finish(LIMIT).success();
    let hidden = show().arg("--masked").arg(&masked).finish(LIMIT).code(1);
    assert!(hidden.stdout.is_empty());
}

#[test]
fn masked_object_reaches_no_plugin_over_kafka_and_is_counted() {
    let broker = Broker::shared();
    let prefix = Prefix::new("masked");
    let journal = Journal::read(&objects());
    broker.load(&prefix, &journal, 2, 1);
    let of_type = |object_type: &str| {
        let records = journal.records.iter();
        records
            .filter(|record| record.object_type == object_type && !record.privileged)
            .collect::<Vec<_>>()
    };
    let directories = of_type("directory");
    let swhids: Vec<String> = directories
        .iter()
        .map(|record| {
            let id = &record.key[2..];
            let digits = id.iter().fold(String::new(), |mut digits, byte| {
                write!(digits, "{byte:02x}").expect("a string takes all");
                digits
            });
            format!("swh:1:dir:{digits}")
        })
        .collect();
    let run = |group: &str, count: usize| {
        Host::run(&paths::plugin("guest-columns"))
            .args(["--brokers", &broker.address(), "--prefix", prefix.as_str()])
            .args(["--group-id", &prefix.group(group), "--on-eof", "stop"])
            .args(["--object-type", "directory", "--masked"])
            .arg(mask(&swhids[..count]))
            .finish(LIMIT)
            .success()
    };
    let some = run("some", swhids.len() - 1);
    assert_eq!(some.rows().len(), 1);
    let counted = format!(", {} masked", swhids.len() - 1);
    assert!(some.stderr.contains(&counted), "{}", some.stderr);
    let all = run("all", swhids.len());
    assert!(all.rows().is_empty());
    for swhid in &swhids {
        assert!(!all.stderr.contains(&swhid[10..]));
    }
}

#[test]
fn list_that_cannot_be_used_ends_the_run_with_the_line() {
    let bad = mask(&["# comment".to_owned(), "swh:1:cnt:12".to_owned()]);
    let finished = Host::run(&paths::plugin("guest-columns"))
        .arg("--recording")
        .arg(objects())
        .arg("--masked")
        .arg(&bad)
        .finish(LIMIT)
        .code(2);
    let line = "line 2 of the list of masked objects";
    assert!(finished.stderr.contains(line), "{}", finished.stderr);
    assert!(finished.stdout.is_empty());
    let missing = Host::run(&paths::plugin("guest-columns"))
        .arg("--recording")
        .arg(objects())
        .args(["--masked", "/nonexistent/masked"])
        .finish(LIMIT)
        .code(2);
    assert!(
        missing.stderr.contains("cannot open the list"),
        "{}",
        missing.stderr
    );
}

#[test]
fn produced_topics_have_no_names_and_privileged_copies_are_left_out() {
    let broker = Broker::shared();
    let prefix = Prefix::new("anonymised");
    let objects = objects();
    let _done = Host::new()
        .arg("produce")
        .arg(&objects)
        .args(["--brokers", &broker.address(), "--prefix", prefix.as_str()])
        .arg("--anonymise")
        .finish(LIMIT)
        .success();
    let output = run::folder("privacy").join("read.journal.zst");
    let _done = Host::new()
        .args(["record", "--brokers", &broker.address()])
        .args(["--prefix", prefix.as_str(), "--output"])
        .arg(&output)
        .finish(LIMIT)
        .success();
    let public: Values = values(&objects)
        .into_iter()
        .filter(|((topic, _), _)| !topic.contains("_privileged"))
        .map(|((topic, key), value)| ((topic.replace(PREFIX, prefix.as_str()), key), value))
        .collect();
    assert_same(&values(&output), &public);
    assert!(
        broker
            .topics(&prefix)
            .iter()
            .all(|topic| !topic.0.contains("_privileged"))
    );
}

#[test]
fn dead_letters_have_no_names_and_are_redriven_as_they_are() {
    let folder = run::folder("privacy");
    let letters = folder.join("letters.jsonl");
    let objects = objects();
    let _done = Host::run(&paths::plugin("guest-hostile"))
        .arg("--recording")
        .arg(&objects)
        .args(["--object-type", "revision", "--privileged", "--anonymise"])
        .args(["--option", "process=reject-even", "--max-failures", "1000"])
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .finish(LIMIT)
        .success();
    let public = |(topic, key): &(String, Vec<u8>)| (topic.replace("_privileged", ""), key.clone());
    let left = values(&letters);
    let original = values(&objects);
    assert!(!left.is_empty());
    for (key, value) in &left {
        assert!(!key.0.contains("_privileged"), "{}", key.0);
        assert_eq!(original.get(&public(key)), Some(value));
    }
    let text = fs::read_to_string(&letters).expect("it is text");
    assert!(text.contains("swh.journal.objects_privileged.revision"));
    // A value that was anonymised is not anonymised again.
    let rows = folder.join("redriven.jsonl");
    let _done = Host::new()
        .arg("redrive")
        .arg(&letters)
        .arg("--plugin")
        .arg(paths::plugin("guest-columns"))
        .arg("--anonymise")
        .arg("--output")
        .arg(&rows)
        .finish(LIMIT)
        .success();
    let redriven = journal_tests::host::parse(&fs::read_to_string(&rows).expect("it is text"));
    assert_eq!(redriven.len(), left.len());
    for row in redriven {
        assert_eq!(row["privileged"], false);
        let value = bytes_of(row["value"].as_str().expect("it is no tombstone"));
        assert!(left.values().any(|left| left.as_ref() == Some(&value)));
    }
}

#[test]
fn repository_gives_no_masked_object_and_no_names() {
    let folder = run::folder("privacy").join("repository");
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(&folder).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "Ada Example"), ("EMAIL", "ada@example.org")] {
            git.env(format!("GIT_AUTHOR_{name}"), value);
            git.env(format!("GIT_COMMITTER_{name}"), value);
        }
        run::succeed(&mut git)
    };
    fs::create_dir(&folder).expect("the folder is ours");
    let _said = git(&["init", "--quiet", "."]);
    fs::write(folder.join("a"), "a").expect("it can be written");
    fs::write(folder.join("b"), "b").expect("it can be written");
    let _said = git(&["add", "."]);
    let _said = git(&["commit", "--quiet", "--message", "one"]);
    let rows = |arguments: &[&str]| {
        Host::run(&paths::plugin("guest-columns"))
            .arg("--git")
            .arg(&folder)
            .args(["--visit-date", "2026-01-02"])
            .args(arguments)
            .finish(LIMIT)
            .success()
            .rows()
    };
    let public = rows(&[]);
    assert_eq!(rows(&["--privileged", "--anonymise"]), public);
    assert_ne!(rows(&["--privileged"]), public);
    let blob = git(&["rev-parse", "HEAD:a"]);
    let list = mask(&[format!("swh:1:cnt:{}", blob.trim())]);
    let list = list.to_str().expect("it is text");
    let left = rows(&["--masked", list]);
    let is_other =
        |row: &serde_json::Value| !row["key"].as_str().unwrap_or("").contains(blob.trim());
    let expected: Vec<_> = public.iter().filter(|row| is_other(row)).cloned().collect();
    assert_eq!(expected.len() + 1, public.len());
    assert_eq!(left, expected);
}

#[test]
fn plugin_that_needs_names_is_not_run_without_them() {
    let objects = objects();
    let run = |arguments: &[&str]| {
        Host::run(&paths::plugin("guest-hostile"))
            .arg("--recording")
            .arg(&objects)
            .args(["--option", "needs_names=true"])
            .args(arguments)
            .finish(LIMIT)
    };
    for (arguments, hint) in [
        (&[][..], "`--privileged` reads the privileged topics"),
        (&["--privileged=if-available"], "`--privileged` reads"),
        (&["--privileged", "--anonymise"], "without `--anonymise`"),
    ] {
        let refused = run(arguments).code(2);
        assert!(
            refused.stderr.contains("needs names of persons"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
        assert!(refused.stdout.is_empty());
    }
    assert!(!run(&["--privileged"]).success().rows().is_empty());
    // Origins have none.
    assert!(
        !run(&["--object-type", "origin"])
            .success()
            .rows()
            .is_empty()
    );
}
