//! `verify-objects` finds what upstream's classes refuse, in made records and in objects that are drawn with flaws.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_plugin_sdk::{Id, Object, Verification, owned};
use journal_tests::kafka::Journal;
use journal_tests::kafka::Record;
use journal_tests::{Finished, Host, oracle, paths, run, seed};
use rmpv::Value as Msgpack;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// How often each flaw is drawn.
const EACH: u32 = 60;

/// The object type and the offset of a record.
type Location = (String, u64);

/// The rows of damaged records.
fn damage(recording: &Path) -> BTreeMap<Location, Value> {
    let corrupt = run::folder("refused").join("corrupt.jsonl");
    let _: Finished = Host::run(&paths::plugin("verify-objects"))
        .arg("--recording")
        .arg(recording)
        .args(["--privileged=if-available", "--output", "checked=/dev/null"])
        .args(["--output", &format!("corrupt={}", corrupt.display())])
        .finish(LIMIT)
        .success();
    let text = fs::read_to_string(&corrupt).expect("the rows were written");
    let rows = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row is JSON"));
    rows.map(|row: Value| (location(&row), row)).collect()
}

fn location(row: &Value) -> Location {
    let object_type = row["object_type"].as_str().expect("a type is text");
    let offset = row["offset"].as_u64().expect("an offset is a number");
    (object_type.to_owned(), offset)
}

fn made(name: &str) -> PathBuf {
    paths::repository().join("tests/data/records").join(name)
}

/// The rules that the plugin's README lists.
fn documented_rules() -> BTreeSet<String> {
    let readme = paths::repository().join("plugins/verify-objects/README.md");
    let text = fs::read_to_string(readme).expect("the plugin has a README");
    let (_, table) = text.split_once("| rule |").expect("it lists the rules");
    let (table, _) = table.split_once("\n\n").expect("text follows");
    let names = table.lines().filter_map(|line| line.strip_prefix("| `"));
    names
        .filter_map(|line| line.split_once('`').map(|(name, _)| name.to_owned()))
        .collect()
}

#[test]
fn each_made_record_that_upstream_refuses_is_damaged() {
    let path = made("refused-by-the-model.frames");
    let refused: BTreeSet<_> = oracle::script("refused.py", [&path])
        .lines()
        .map(|line| location(&serde_json::from_str(line).expect("a line is JSON")))
        .collect();
    let found = damage(&path);
    assert_eq!(refused.len(), 26);
    for record in &refused {
        assert!(found.contains_key(record), "{record:?}");
    }
    let by_model = |row: &&Value| row["damage"] == "refused-by-model";
    let by_model: Vec<_> = found.values().filter(by_model).collect();
    assert_eq!(by_model.len(), 16);
    let rules: BTreeSet<_> = by_model.iter().map(|row| row["rule"].as_str()).collect();
    assert!(!rules.contains(&None) && rules.len() > 8, "{rules:?}");
    assert!(by_model.iter().all(|row| refused.contains(&location(row))));
}

#[test]
fn slash_in_the_name_of_an_entry_is_refused_by_the_model() {
    let found = damage(&made("slash-in-entry-name.frames"));
    let rules: Vec<_> = found.values().map(|row| &row["rule"]).collect();
    assert_eq!(rules, ["slash-in-entry-name"]);
}

#[test]
fn flawed_objects_are_damaged_where_upstream_refuses_them() {
    let seed = seed::fresh("flawed objects");
    let folder = run::folder("flawed");
    let [drawn, right] = ["drawn.frames", "right.frames"].map(|name| folder.join(name));
    let [seed_text, each] = [seed, EACH].map(|number| number.to_string());
    let drawn_path = drawn.to_str().expect("the path is text");
    let arguments = [drawn_path, "--seed", &seed_text, "--each", &each];
    let lines = oracle::script("flawed_objects.py", arguments);
    put_in_right_identifiers(&drawn, &right);
    let found = damage(&right);
    let (mut refused, mut rules) = (0, BTreeSet::new());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("the script writes JSON");
        let row = found.get(&location(&line));
        let damage = row.map(|row| row["damage"].as_str().expect("a damage is text"));
        if line["refused"] == true {
            refused += 1;
            assert!(
                damage.is_some(),
                "seed {seed}: {line} is refused by upstream"
            );
        } else {
            // The README lists what cannot be read here, and what upstream reads.
            let allowed = [None, Some("unreadable"), Some("key")];
            assert!(allowed.contains(&damage), "seed {seed}: {line} is {row:?}");
        }
        if line["flaw"] == "none" && line["object_type"] != "release" {
            assert_eq!(damage, None, "seed {seed}: {line} is {row:?}");
        }
        rules.extend(row.and_then(|row| row["rule"].as_str()).map(str::to_owned));
    }
    assert!(refused > 3000, "seed {seed}: {refused}");
    assert_eq!(rules, documented_rules(), "seed {seed}");
}

/// Copies a recording, and gives each object the identifier of its fields.
fn put_in_right_identifiers(from: &Path, to: &Path) {
    let mut frames = Vec::new();
    for record in Journal::read(from).records {
        let (key, value) = right(&record).unwrap_or_else(|| (record.key.clone(), value(&record)));
        let topic = format!("swh.journal.objects_privileged.{}", record.object_type);
        let frame = [
            topic.as_str().into(),
            Msgpack::from(key),
            Msgpack::from(value),
        ];
        rmpv::encode::write_value(&mut frames, &Msgpack::Array(frame.into()))
            .expect("memory can be written");
    }
    fs::write(to, frames).expect("the folder can be written");
}

fn value(record: &Record) -> Vec<u8> {
    record.value.clone().expect("it has a value")
}

/// The key and the value with the identifier that the fields result in; `None` if the object cannot be read.
fn right(record: &Record) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut value = value(record);
    let object = Object::new(&record.object_type, &value).ok()?;
    let replaced = match object.verify().ok()? {
        Verification::Corrupt { claimed, computed } => Some((claimed, computed)),
        _ => None,
    };
    let key = match &object {
        Object::Origin(origin) => owned::Origin::new().url(origin.url().ok()?).key(),
        _ if record.key.starts_with(&[0xc4, 20]) => {
            let id = match replaced {
                Some((_, computed)) => computed,
                None => object.id().ok()??,
            };
            [&[0xc4, 20], &id.0[..]].concat()
        }
        _ => record.key.clone(),
    };
    if let Some((Id(claimed), Id(computed))) = replaced {
        let index = value
            .windows(20)
            .rposition(|bytes| bytes == claimed)
            .expect("the object claims it");
        value[index..index + 20].copy_from_slice(&computed);
    }
    Some((key, value))
}
