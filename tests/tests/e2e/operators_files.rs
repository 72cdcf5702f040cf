//! Configurations as the operators of mirrors have them, with nothing changed but the name of a plugin: every command
//! that connects takes the same settings from them.

use std::fs;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, paths};

const LIMIT: Duration = Duration::from_mins(1);
const RECORDS: u64 = 12;

/// The settings of librdkafka, and others, in the sections of four programs.
const FILES: [(&str, &str); 4] = [
    (
        "graph",
        "  session.timeout.ms: 600000
  max.poll.interval.ms: 3600000
  message.max.bytes: 1000000000
  privileged: true
  batch_size: 2000
  stop_on_eof: true
",
    ),
    (
        "objects",
        "  batch_size: 250
  message.max.bytes: 524288000
  session.timeout.ms: 600000
  on_eof: stop
",
    ),
    (
        "contents",
        "  session.timeout.ms: 600000
  max.poll.interval.ms: 3600000
  message.max.bytes: 10485760
  fetch.max.bytes: 10485760
  batch_size: 2000
  on_eof: stop
",
    ),
    (
        "modern",
        "  auto_offset_reset: earliest
  create_topics: false
  on_eof: stop
  consumer_settings:
    client.id: mirror
    session.timeout.ms: 600000
    fetch.message.max.bytes: 10485760
    max.partition.fetch.bytes: 20971520
    receive.message.max.bytes: 30000000
    reconnect.backoff.max.ms: 10
",
    ),
];

fn section(prefix: &Prefix, group: &str, more: &str) -> String {
    format!(
        "storage:
  cls: remote
  url: http://storage:5002/
journal_client:
  cls: kafka
  brokers:
    - {}
  group_id: {group}
  prefix: {prefix}
  object_types: [content, origin]
{more}replayer:
  error_reporter:
    host: redis
",
        Broker::shared().address()
    )
}

/// A command with the file.
fn command(text: &str, command: &[&str]) -> Host {
    let host = Host::new()
        .args(command)
        .args(["--config", "config.yaml"])
        .args(["--broker-timeout", "20s"]);
    fs::write(host.folder().join("config.yaml"), text).expect("the folder is ours");
    host
}

#[test]
fn every_command_takes_the_settings_of_an_operators_file() {
    let prefix = Prefix::new("operators-files");
    let record = |number: u64, object_type: &str| Record {
        object_type: object_type.into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 12].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; 5]),
    };
    let records = ["content", "origin"].map(|one| (0..RECORDS).map(move |n| record(n, one)));
    let journal = Journal {
        records: records.into_iter().flatten().collect(),
    };
    Broker::shared().load(&prefix, &journal, 2, 1);
    let plugin = paths::plugin("count-objects").display().to_string();
    for (name, more) in FILES {
        let text = section(&prefix, &prefix.group(name), more);
        let command = |words: &[&str]| command(&text, words);
        for words in [
            &["config", &plugin][..],
            &["config", &plugin, "--process-memory", "256MiB"],
            &["check", &plugin],
            &["check", &plugin, "--process-memory", "256MiB"],
        ] {
            let finished = command(words).finish(LIMIT);
            assert!(finished.status.success(), "{name}: {}", finished.stderr);
        }
        let finished = command(&["run", &plugin]).finish(LIMIT).success();
        let counts = finished.counts();
        assert_eq!(counts["origin"].objects, RECORDS, "{name}");
        assert_eq!(counts["content"].objects, RECORDS, "{name}");
        let group = format!("{}-bounded", prefix.group(name));
        let bounded = ["run", &plugin, "--process-memory", "256MiB"];
        let bounded = command(&bounded).args(["--group-id", &group]);
        let finished = bounded.finish(LIMIT).success();
        assert_eq!(finished.counts()["origin"].objects, RECORDS, "{name}");
        let shown = command(&["offsets", "show"]).finish(LIMIT).success();
        assert!(shown.stdout.contains("\nlag: no records in 4 partitions"));
        let record = command(&["record", "--output", "copy.journal.zst"]);
        let copy = record.folder().join("copy.journal.zst");
        let _recorded = record.finish(LIMIT).success();
        let produce = ["produce", &copy.display().to_string()];
        let other = Prefix::new(&format!("operators-{name}"));
        let produced = command(&produce)
            .args(["--prefix", other.as_str()])
            .finish(LIMIT)
            .success();
        let confirmed = format!("{} records, ", 2 * RECORDS);
        assert!(produced.stderr.contains(&confirmed), "{}", produced.stderr);
        // librdkafka warns of settings that a producer does not have.
        assert!(!produced.stderr.contains("CONFWARN"), "{}", produced.stderr);
    }
}

#[test]
fn settings_that_contradict_each_other_are_named_by_every_command() {
    let prefix = Prefix::new("operators-mistakes");
    let more = "  consumer_settings:
    fetch.max.bytes: 1048576
    message.max.bytes: 1000000000
";
    let text = section(&prefix, "group", more);
    let plugin = paths::plugin("count-objects").display().to_string();
    for words in [
        &["config", &plugin][..],
        &["run", &plugin],
        &["record", "--output", "copy.journal.zst"],
        &["offsets", "show"],
    ] {
        let finished = command(&text, words).finish(LIMIT).code(2);
        let key = "journal_client.consumer_settings";
        let error = format!(
            "error: `{key}.fetch.max.bytes: 1048576` in line 12 of `config.yaml` is too small: \
             `{key}.message.max.bytes: 1000000000` in line 13 of `config.yaml` needs at least 1000000000\n\
             hint: set `fetch.max.bytes` to at least 1000000000, or leave one of the two out: it then follows from the \
             other\n"
        );
        assert!(finished.stderr.ends_with(&error), "{}", finished.stderr);
    }
    let checked = command(&text, &["check", &plugin]).finish(LIMIT).code(1);
    let failed = "failed   settings: `journal_client.consumer_settings.fetch.max.bytes: 1048576`";
    assert!(checked.stdout.contains(failed), "{}", checked.stdout);
}

/// librdkafka finds these only when it makes a client.
#[test]
fn neither_config_nor_check_says_that_settings_are_right_which_run_refuses() {
    let plugin = paths::plugin("count-objects").display().to_string();
    for setting in [
        "ssl.keystore.location=/etc/passwd",
        "security.protocol=sasl_ssl",
        "sasl.mechanism=OAUTHBEARER",
    ] {
        let of = |command: &str| {
            let mut words = vec![command, &plugin, "--brokers", "127.0.0.1:1"];
            words.extend([
                "--group-id",
                "g",
                "--broker-timeout",
                "1s",
                "--kafka",
                setting,
            ]);
            if setting.starts_with("sasl") {
                words.extend(["--kafka", "security.protocol=sasl_plaintext"]);
            }
            let finished = Host::new().args(words).finish(LIMIT);
            (finished.status.code(), finished.stderr + &finished.stdout)
        };
        let (code, text) = of("run");
        assert_eq!(code, Some(2), "{text}");
        assert_eq!(of("config"), (Some(2), text.clone()));
        let (code, checked) = of("check");
        assert_eq!(code, Some(1), "{checked}");
        assert!(checked.contains("failed   settings: "), "{checked}");
    }
}
