//! `print-objects` prints the objects that upstream's client passes to its worker function, with all of their fields.

use std::path::Path;
use std::time::Duration;

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, oracle, paths, run};
use serde_json::{Map, Value};

const LIMIT: Duration = Duration::from_mins(1);
/// Fields whose bytes are identifiers, as the plugin's README lists them.
const IDENTIFIERS: [&str; 13] = [
    "blake2s256",
    "directory",
    "extid",
    "id",
    "parents",
    "payload",
    "release",
    "revision",
    "sha1",
    "sha1_git",
    "sha256",
    "snapshot",
    "target",
];

/// Converts an object from upstream's client to the form that the plugin's README documents.
fn printed(given: &Value, are_identifiers: bool) -> Value {
    match given {
        Value::Array(items) => items
            .iter()
            .map(|item| printed(item, are_identifiers))
            .collect(),
        Value::Object(members) => match members.iter().next() {
            Some((kind, value)) if members.len() == 1 && kind == "bytes" => bytes(
                value.as_str().expect("bytes are hexadecimal"),
                are_identifiers,
            )
            .into(),
            Some((kind, value)) if members.len() == 1 && kind == "time" => {
                time(value.as_str().expect("times are text")).into()
            }
            Some((kind, value)) if members.len() == 1 && kind == "map" => {
                let pairs = value.as_array().expect("maps are pairs").iter();
                let pairs = pairs.map(|pair| (key(&pair[0]), &pair[1]));
                map(&pairs.collect::<Vec<_>>())
            }
            _ => {
                let pairs = members.iter().map(|(key, value)| (key.clone(), value));
                map(&pairs.collect::<Vec<_>>())
            }
        },
        other => other.clone(),
    }
}

fn map(pairs: &[(String, &Value)]) -> Value {
    let is_alias = pairs
        .iter()
        .any(|(key, value)| key == "target_type" && *value == "alias");
    let entry = |(key, value): &(String, &Value)| {
        let are_identifiers = IDENTIFIERS.contains(&key.as_str()) && !(is_alias && key == "target");
        (key.clone(), printed(value, are_identifiers))
    };
    pairs.iter().map(entry).collect::<Map<_, _>>().into()
}

fn key(given: &Value) -> String {
    match printed(given, false) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn bytes(digits: &str, are_identifiers: bool) -> String {
    let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16);
    let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
    match String::from_utf8(bytes.expect("bytes are hexadecimal")) {
        Ok(text) if !are_identifiers => text,
        _ => digits.to_owned(),
    }
}

/// Python writes six digits of the second or none, and UTC as the offset `+00:00`.
fn time(text: &str) -> String {
    let text = text.strip_suffix("+00:00").expect("times are in UTC");
    if text.contains('.') {
        format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
    } else {
        format!("{text}Z")
    }
}

/// The rows as sorted strings, independent of the order of their members.
fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    fn ordered(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(ordered).collect(),
            Value::Object(members) => {
                let mut members: Vec<_> = members.into_iter().collect();
                members.sort_by(|one, two| one.0.cmp(&two.0));
                let members = members.into_iter();
                let ordered = members.map(|(key, value)| (key, ordered(value)));
                ordered.collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }
    let mut rows: Vec<String> = rows
        .into_iter()
        .map(|row| ordered(row).to_string())
        .collect();
    rows.sort_unstable();
    rows
}

#[track_caller]
fn assert_same(name: &str, ours: &[String], upstream: &[String]) {
    let pairs = ours.iter().zip(upstream);
    if let Some((ours, upstream)) = pairs.into_iter().find(|(ours, upstream)| ours != upstream) {
        panic!("{name}: we print\n{ours}\nand upstream\n{upstream}");
    }
    assert_eq!(ours.len(), upstream.len(), "{name}");
}

/// Prints the same records with upstream's client, and with the host from Kafka and from the recording, and compares
/// the results. Without object types, prints all.
fn compare(name: &str, path: &Path, privileged: bool, object_types: &[&str]) -> Vec<String> {
    let prefix = Prefix::new(name);
    let journal = Journal::read(path);
    let broker = Broker::shared();
    broker.load(&prefix, &journal, 4, 1);

    let (address, group) = (broker.address(), prefix.group("upstream"));
    let flag = if privileged { "true" } else { "false" };
    let mut arguments = vec![&*address, prefix.as_str(), &*group, flag];
    arguments.extend(object_types);
    let given = oracle::script("print_objects.py", arguments);
    let upstream = sorted(given.lines().map(|line| {
        let given: Value = serde_json::from_str(line).expect("the script writes JSON");
        printed(&given, false)
    }));
    assert!(!upstream.is_empty());

    let host = || {
        let host = Host::run(&paths::plugin("print-objects"));
        let host = host.args(privileged.then_some("--privileged"));
        match object_types {
            [] => host.args(["--option", "object_types=any"]),
            _ => host,
        }
    };
    let from_kafka = host()
        .args(["--brokers", &address, "--prefix", prefix.as_str()])
        .args(["--group-id", &prefix.group("ours"), "--on-eof", "stop"])
        .finish(LIMIT)
        .success();
    assert_same("from Kafka", &sorted(from_kafka.rows()), &upstream);
    let recorded = host().arg("--recording").arg(path).finish(LIMIT).success();
    assert_same("from the recording", &sorted(recorded.rows()), &upstream);
    upstream
}

#[test]
fn revisions_and_releases_of_the_shipped_recording_equal_those_of_upstreams_client() {
    let path = paths::repository().join("recordings/ripgrep.journal.zst");
    let rows = compare("shipped", &path, false, &["revision", "release"]);
    let of = |object_type: &str| {
        let end = format!("\"object_type\":\"{object_type}\"}}");
        rows.iter().filter(|row| row.ends_with(&end)).count()
    };
    assert_eq!((of("revision"), of("release")), (4391, 272));
}

#[test]
fn objects_of_upstreams_tests_equal_those_of_upstreams_client() {
    let path = oracle::test_objects(&run::folder("upstream"));
    let public = compare("public", &path, false, &[]);
    let privileged = compare("privileged", &path, true, &[]);
    assert_eq!(public.len(), privileged.len());
    assert_ne!(public, privileged, "names are anonymised in one of them");
    let three = compare("three", &path, true, &["revision", "release"]);
    assert_eq!(three.len(), 6);
}
