use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::yaml;
use crate::config::{OnEof, RecordCount, Size, Span, Text};

/// The keys of the tests: the settings' own names.
fn key(setting: Setting) -> String {
    let name = format!("{setting:?}");
    let mut key = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !key.is_empty() {
            key.push('_');
        }
        key.push(c.to_ascii_lowercase());
    }
    key
}

fn document(text: &str) -> Result<Document, LoadError> {
    read(
        &yaml::parse(text).unwrap().unwrap(),
        Path::new("c.yaml"),
        key,
    )
}

fn own(text: &str) -> Layer {
    document(text).unwrap().own
}

fn error(text: &str) -> LoadError {
    document(text).unwrap_err()
}

fn at(key: &str, line: usize) -> Origin {
    Origin::File {
        path: "c.yaml".into(),
        key: key.to_owned(),
        line: Some(line),
    }
}

#[test]
fn keys_at_the_top_set_settings_and_know_their_lines() {
    let text = "
plugin: p.wasm
options: {word: x, count: 3}
brokers: b:9092
group_id: 007
kafka:
  sasl.username: alice
  socket.keepalive.enable: yes
  sasl.mechanism:
object_types: [origin, revision]
on_eof: stop
deadline: 1m
batch_bytes: 4096
memory_limit: 64MiB
batch_records: 10
stop_after: 5
";
    let Document {
        own, own_origins, ..
    } = document(text).unwrap();
    assert_eq!(own.processor.plugin, Some(PathBuf::from("p.wasm")));
    let options = serde_json::json!({"word": "x", "count": 3});
    assert_eq!(own.processor.options.map(Into::into), Some(options));
    assert_eq!(own.kafka.group_id, Some(Text("007".to_owned())));
    let settings = own.kafka.settings.unwrap().0;
    let pairs = [
        ("sasl.username", "alice"),
        ("socket.keepalive.enable", "true"),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(settings, pairs);
    assert_eq!(own.journal.object_types.unwrap(), ["origin", "revision"]);
    assert_eq!(own.journal.on_eof, Some(OnEof::Stop));
    assert_eq!(own.journal.stop_after, Some(5));
    assert_eq!(own.limits.deadline, Some(Span(Duration::from_mins(1))));
    assert_eq!(own.limits.batch_bytes, Some(Size(4096)));
    assert_eq!(own.limits.memory, Some(Size(64 << 20)));
    assert_eq!(own.limits.batch_records, "10".parse::<RecordCount>().ok());
    assert_eq!(own_origins.of(Setting::Deadline), &at("deadline", 12));
    assert_eq!(
        own_origins.of_kafka("sasl.username"),
        &at("kafka.sasl.username", 7)
    );
    assert_eq!(own_origins.of_option("count"), &at("options.count", 3));
}

/// A section of settings that `Layer::set` lacks would be accepted and set nothing.
#[test]
fn every_setting_can_be_set_from_a_file() {
    for setting in Setting::ALL {
        let values = [
            "true",
            "1",
            "1s",
            "stop",
            "{a: b}",
            "[a]",
            "[t:1]",
            "1/2",
            "earliest",
            "error",
            "1MiB",
            "refuse",
            "log",
            "text",
            "2026-01-31",
        ];
        let is_set = values.iter().any(|value| {
            let document = document(&format!("{}: {value}", key(setting)));
            document.is_ok_and(|document| document.own.settings().any(|set| set == setting))
        });
        assert!(is_set, "{setting:?}");
    }
}

#[test]
fn outputs_are_a_file_a_list_or_a_mapping() {
    let outputs = |text: &str| own(text).outputs.unwrap();
    assert_eq!(outputs("outputs: rows.jsonl"), ["rows.jsonl"]);
    assert_eq!(outputs("outputs: [a=x, y]"), ["a=x", "y"]);
    assert_eq!(outputs("outputs: {a: x, b: y}"), ["a=x", "b=y"]);
    let typed = "outputs: {a: {type: sqlite, file: x, table: t}, b: {type: kafka, topic: y}}";
    assert_eq!(outputs(typed), ["a=sqlite:x?table=t", "b=kafka:y"]);
    let folder =
        "outputs: {a: {type: parquet, folder: x, table: t}, b: {type: parquet, folder: y}}";
    assert_eq!(outputs(folder), ["a=parquet:x?table=t", "b=parquet:y"]);
    let database = "outputs: {a: {type: postgres, url: 'postgres://h/d?sslmode=require', table: t, password_file: 'p&q'}}";
    assert_eq!(
        outputs(database),
        ["a=postgres://h/d?sslmode=require&table=t&password_file=p%26q"]
    );
}

#[test]
fn bad_value_is_named_with_its_line_and_reason() {
    let bad = |text: &str, key: &str, value: Option<&str>, reason: &str| {
        assert_eq!(
            error(text),
            LoadError::BadValue {
                origin: at(key, 1),
                value: value.map(str::to_owned),
                reason: reason.to_owned(),
            }
        );
    };
    let span = "it is not a span of time such as 30s or 500ms";
    bad("deadline: 30", "deadline", Some("30"), span);
    let list = "it is a list, not a single value";
    bad("deadline: [1s]", "deadline", None, list);
    let number = "it is not a whole number";
    bad("stop_after: many", "stop_after", Some("many"), number);
    let word = "it is not one of `stop`, `skip`, `dead-letter`; did you mean `stop`?";
    bad("on_failure: stopp", "on_failure", Some("stopp"), word);
    let mapping = "it is not a mapping";
    bad("kafka: sasl.password=x", "kafka", None, mapping);
    bad(
        "kafka: {sasl.password: [x]}",
        "kafka.sasl.password",
        None,
        list,
    );
}

#[test]
fn mistyped_key_gets_the_one_that_was_meant() {
    let unknown = |text: &str, key: &str, nearest: &str| {
        let (origin, nearest) = (at(key, 1), Some(nearest.to_owned()));
        assert_eq!(error(text), LoadError::Unknown { origin, nearest });
    };
    unknown("output: rows.jsonl", "output", "outputs");
    unknown("batch-records: 5", "batch-records", "batch_records");
    unknown("journal_clients: {}", "journal_clients", "journal_client");
    // They belong into a section.
    let (setting, meant) = ("sasl.username", "kafka.sasl.username");
    unknown("sasl.username: alice", setting, meant);
    let (setting, meant) = ("consumer_settings", "journal_client.consumer_settings");
    unknown("consumer_settings: {}", setting, meant);
}

#[test]
fn sections_of_other_programs_are_passed_over() {
    let text = "
plugin: p.wasm
storage: {cls: remote, url: http://storage}
objstorage: {cls: remote}
replayer: {error_reporter: {host: localhost}}
sentry: {dsn: x}
something_else: [1]
sentry_dsn: https://sentry
";
    let Document { own, notices, .. } = document(text).unwrap();
    assert_eq!(own.settings().collect::<Vec<_>>(), [Setting::Plugin]);
    let names = [
        "storage",
        "objstorage",
        "replayer",
        "sentry",
        "something_else",
    ];
    assert_eq!(
        notices,
        [
            Notice::Ignored(at("sentry_dsn", 8)),
            Notice::OtherSections {
                path: "c.yaml".into(),
                names: names.map(str::to_owned).to_vec(),
            }
        ]
    );
}

#[test]
fn section_of_a_client_with_another_name_is_named() {
    let text = "
search: {cls: remote}
journal:
  brokers: [b:1]
  group_id: g
indexer:
  steps:
    - journal_client: {brokers: b, group_id: g}
storage: {journal_writer: {cls: kafka, brokers: [b]}}
";
    let clients = |text: &str| {
        let notices = document(text).unwrap().notices;
        let clients = notices.into_iter().filter_map(|notice| match notice {
            Notice::OtherClient(origin) => Some(origin),
            _ => None,
        });
        clients.collect::<Vec<_>>()
    };
    assert_eq!(
        clients(text),
        [at("journal", 3), at("indexer.steps.journal_client", 8)]
    );
    let with_own = format!("{text}journal_client: {{brokers: b, group_id: g}}\n");
    assert_eq!(clients(&with_own), []);
}

#[test]
fn file_that_sets_nothing_is_named() {
    let nothing = Notice::NothingSet("c.yaml".into());
    let notices = |text: &str| document(text).unwrap().notices;
    assert!(notices("storage: {cls: remote}").contains(&nothing));
    assert!(notices("debug: true").contains(&nothing));
    assert!(!notices("journal_client: {cls: kafka}").contains(&nothing));
    assert!(!notices("plugin: p.wasm").contains(&nothing));
}

#[test]
fn secret_is_taken_as_it_is_written_and_no_message_has_it() {
    let text = "kafka: {sasl.password: 012_3}";
    let layer = own(text);
    let secret = ("sasl.password".to_owned(), "012_3".to_owned());
    assert_eq!(layer.kafka.settings.as_ref().unwrap().0, [secret]);
    assert!(!format!("{layer:?}").contains("012_3"), "{layer:?}");
    let error = error("kafka: {\"sasl.password:wonderland\": ~}");
    assert!(matches!(error, LoadError::NotAName { line: 1, .. }));
    assert!(!format!("{error:?}").contains("wonderland"), "{error:?}");
}

#[test]
fn a_file_of_a_password_has_two_names_of_which_one_may_be_given() {
    let layer = own("password_file: p");
    assert_eq!(layer.kafka.password_file, Some(PathBuf::from("p")));
    let text = "password_file: p\nkey_password_file: q\n";
    assert!(document(text).is_ok());
    assert!(matches!(
        super::read(
            &yaml::parse("password_file: p\nkafka_password_file: q\n")
                .unwrap()
                .unwrap(),
            Path::new("c.yaml"),
            |setting| match setting {
                Setting::PasswordFile => "kafka_password_file".to_owned(),
                other => key(other),
            }
        ),
        Err(LoadError::Exclusive { .. })
    ));
}

#[test]
fn a_file_that_is_no_mapping_is_refused() {
    assert!(matches!(
        error("[plugin]"),
        LoadError::NotAMapping { section: None, .. }
    ));
    assert!(matches!(
        error("journal_client: [a]"),
        LoadError::NotAMapping {
            section: Some(_),
            ..
        }
    ));
}
