//! Settings from a file, from the environment and from flags, with upstream's section on a real broker.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths, run};
use serde_json::Value;

/// Time limit for one run.
const LIMIT: Duration = Duration::from_mins(1);
const RECORDS: u64 = 40;

/// Topics of two object types on the shared broker, of which `count-objects` is to read one.
fn loaded(name: &str) -> Prefix {
    let prefix = Prefix::new(name);
    let record = |number: u64, object_type: &str| Record {
        object_type: object_type.into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 12].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; 5]),
    };
    let origins = (0..RECORDS).map(|number| record(number, "origin"));
    let snapshots = (0..RECORDS).map(|number| record(number, "snapshot"));
    let journal = Journal {
        records: origins.chain(snapshots).collect(),
    };
    Broker::shared().load(&prefix, &journal, 2, 1);
    prefix
}

/// A run with a file `config.yaml` that nothing but its environment or `--config` names.
fn with_file(text: &str) -> Host {
    let host = Host::new().arg("run");
    fs::write(host.folder().join("config.yaml"), text).expect("the folder is ours");
    host
}

/// A file of upstream's client that reads the topics to their end, after the name of a plugin.
fn upstream(prefix: &Prefix, group: &str, more: &str) -> String {
    format!(
        "plugin: {}
storage:
  cls: remote
  url: http://storage.example.org:5002/
journal_client:
  cls: kafka
  brokers:
    - {}
  group_id: {group}
  prefix: {prefix}
  object_types: [origin]
  on_eof: stop
  batch_size: 10
  consumer_settings:
    fetch.wait.max.ms: 50
    enable.auto.commit: false
{more}",
        paths::plugin("count-objects").display(),
        Broker::shared().address(),
    )
}

fn committed(prefix: &Prefix, group: &str) -> u64 {
    Broker::shared().committed_records(group, prefix)
}

fn assert_counts_origins(finished: &Finished) {
    let counts = finished.counts();
    assert_eq!(counts["origin"].objects, RECORDS);
    assert_eq!(counts.len(), 1, "{counts:?}");
}

#[test]
fn configuration_of_upstreams_client_runs_with_the_name_of_a_plugin() {
    let prefix = loaded("config-upstream");
    let group = prefix.group("mirror");
    let finished = with_file(&upstream(&prefix, &group, ""))
        .args(["--config", "config.yaml"])
        .finish(LIMIT)
        .success();
    assert_counts_origins(&finished);
    assert_eq!(committed(&prefix, &group), RECORDS);
    for line in [
        "`config.yaml` has sections of other programs, which are passed over: `storage`",
        "`journal_client.consumer_settings.enable.auto.commit` in line 16 of `config.yaml` is ignored: journal-host \
         sets it",
    ] {
        assert!(finished.stderr.contains(line), "{}", finished.stderr);
    }
}

/// Numbers, truth values and deprecated forms mean the same to both.
#[test]
fn upstreams_client_and_the_host_read_the_same_with_the_same_section() {
    let prefix = Prefix::new("config-same");
    let journal = Journal::read(&oracle::test_objects(&run::folder("config")));
    Broker::shared().load(&prefix, &journal, 2, 1);
    let section = |group: &str| {
        format!(
            "journal_client:
  cls: kafka
  brokers: {}
  group_id: {group}
  prefix: {prefix}
  object_types:
    - origin
    - revision
    - release
  privileged: yes
  stop_on_eof: True
  batch_size: 2_0
  fetch.wait.max.ms: 50
  consumer_settings:
    socket.keepalive.enable: on
    session.timeout.ms: 600_00
    client.rack:
",
            Broker::shared().address()
        )
    };
    let host = with_file(&section(&prefix.group("host")));
    let file = host.folder().join("upstream.yaml");
    fs::write(&file, section(&prefix.group("upstream"))).expect("the folder is ours");
    let read = oracle::script("read_config.py", [&file]);
    let read: BTreeMap<String, u64> = serde_json::from_str(&read).expect("it prints numbers");
    assert_eq!(read.len(), 3, "{read:?}");
    let finished = host
        .arg(paths::plugin("count-objects"))
        .args(["--config", "config.yaml"])
        .finish(LIMIT)
        .success();
    let counts = finished.counts().into_iter();
    let counts: BTreeMap<String, u64> = counts
        .map(|(object_type, sums)| (object_type, sums.objects))
        .collect();
    assert_eq!(counts, read);
    assert_eq!(finished.counts(), {
        let mut counts = journal.counts(true, 1);
        counts.retain(|object_type, _| read.contains_key(object_type));
        counts
    });
}

#[test]
fn upstreams_variables_name_the_file_and_a_static_member() {
    let prefix = loaded("config-variables");
    let group = prefix.group("mirror");
    let finished = with_file(&upstream(&prefix, &group, ""))
        .env("SWH_CONFIG_FILENAME", "config.yaml")
        .env("KAFKA_GROUP_INSTANCE_ID", "mirror-7")
        .finish(LIMIT)
        .success();
    assert_counts_origins(&finished);
    let printed = with_file(&upstream(&prefix, &group, ""))
        .env("SWH_CONFIG_FILENAME", "config.yaml")
        .env("KAFKA_GROUP_INSTANCE_ID", "mirror-7");
    let printed = Host::config_of(printed).finish(LIMIT).success().stdout;
    assert!(
        printed.contains("\ngroup_instance_id: mirror-7  # KAFKA_GROUP_INSTANCE_ID\n"),
        "{printed}"
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let prefix = loaded("config-layers");
    let [file, variable, flag] = ["file", "variable", "flag"].map(|name| prefix.group(name));
    let host = || with_file(&upstream(&prefix, &file, "")).args(["--config", "config.yaml"]);
    let by_variable = host().env("JOURNAL_HOST_GROUP_ID", &variable);
    assert_counts_origins(&by_variable.finish(LIMIT).success());
    assert_eq!(committed(&prefix, &variable), RECORDS);
    assert_eq!(committed(&prefix, &file), 0);
    let by_flag = host()
        .env("JOURNAL_HOST_GROUP_ID", &variable)
        .args(["--group-id", &flag]);
    assert_counts_origins(&by_flag.finish(LIMIT).success());
    assert_eq!(committed(&prefix, &flag), RECORDS);
}

#[test]
fn host_is_configured_by_the_environment_alone() {
    let prefix = loaded("config-environment");
    let group = prefix.group("environment");
    let finished = Host::new()
        .arg("run")
        .env("JOURNAL_HOST_PLUGIN", paths::plugin("count-objects"))
        .env("JOURNAL_HOST_BROKERS", Broker::shared().address())
        .env("JOURNAL_HOST_GROUP_ID", &group)
        .env("JOURNAL_HOST_PREFIX", prefix.as_str())
        .env("JOURNAL_HOST_OBJECT_TYPES", "origin")
        .env("JOURNAL_HOST_ON_EOF", "stop")
        .env("JOURNAL_HOST_KAFKA_FETCH_WAIT_MAX_MS", "50")
        .finish(LIMIT)
        .success();
    assert_counts_origins(&finished);
}

#[test]
fn what_config_prints_is_a_configuration_that_means_the_same() {
    let prefix = loaded("config-printed");
    let group = prefix.group("printed");
    let more = "    sasl.password: wonderland\ndeadline: 20s\n";
    let print = |text: &str| {
        let host = with_file(text).args(["--config", "config.yaml", "--memory-limit", "256MiB"]);
        let host = host.env("JOURNAL_HOST_CHECKPOINT_INTERVAL", "2s");
        Host::config_of(host).finish(LIMIT).success().stdout
    };
    let printed = print(&upstream(&prefix, &group, more));
    assert!(!printed.contains("wonderland"), "{printed}");
    for line in [
        "deadline: \"20s\"  # line 18 of config.yaml",
        "memory_limit: \"256MiB\"  # --memory-limit",
        "checkpoint_interval: \"2s\"  # JOURNAL_HOST_CHECKPOINT_INTERVAL",
        "workers: 1  # default",
        "  # sasl.password: not shown  # line 17 of config.yaml: journal_client.consumer_settings.sasl.password",
    ] {
        assert!(
            printed.contains(&format!("\n{line}\n")),
            "{line}\n{printed}"
        );
    }
    let without_comments = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
        lines
            .map(|line| line.split("  # ").next().unwrap_or_default().to_owned())
            .collect()
    };
    let again = print(&printed);
    assert_eq!(without_comments(&again), without_comments(&printed));
    let finished = with_file(&printed)
        .args(["--config", "config.yaml"])
        .finish(LIMIT)
        .success();
    assert_counts_origins(&finished);
}

#[test]
fn config_gives_options_the_types_of_the_plugins_schema() {
    let host = with_file("options: {process: none}\n")
        .arg(paths::plugin("guest-hostile"))
        .args(["--config", "config.yaml", "--recording", "r"])
        .args(["--option", "number=7"]);
    let printed = Host::config_of(host).finish(LIMIT).success().stdout;
    assert!(printed.contains("\n  number: 7  # --option\n"), "{printed}");
    let process = "\n  process: none  # line 1 of config.yaml: options.process\n";
    assert!(printed.contains(process), "{printed}");
}

#[test]
fn schema_is_json_with_a_property_for_each_key() {
    let host = Host::new().args(["config", "--schema"]);
    let schema: Value =
        serde_json::from_str(&host.finish(LIMIT).success().stdout).expect("a schema is JSON");
    for key in ["plugin", "journal_client", "kafka", "deadline"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn missing_topics_are_created_where_that_is_asked_for() {
    let prefix = Prefix::new("config-create");
    let group = prefix.group("create");
    let text = upstream(&prefix, &group, "  create_topics: true\n");
    let finished = with_file(&text)
        .args(["--config", "config.yaml"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.stdout, "");
    let topics = Broker::shared().topics(&prefix);
    assert_eq!(topics.get(&prefix.topic("origin")), Some(&1), "{topics:?}");
    let text = upstream(&prefix, &group, "");
    let text = text.replace("[origin]", "[snapshot]");
    let finished = with_file(&text).args(["--config", "config.yaml"]);
    assert!(finished.finish(LIMIT).code(1).stderr.contains("`snapshot`"));
}

/// The flags of the example in docs/operating.md.
fn documented_static_member() -> Vec<String> {
    let text = fs::read_to_string(paths::repository().join("docs/operating.md"))
        .expect("the document can be read");
    let section = text.split_once("### Static membership\n");
    let section = section.expect("it has the section").1;
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    let block: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    let command = block.join(" ").replace('\\', " ");
    let words = command.split_whitespace();
    words.map(str::to_owned).collect()
}

#[test]
fn example_of_a_static_member_runs_as_it_is_documented() {
    let prefix = loaded("config-static");
    let group = prefix.group("static");
    let words = documented_static_member();
    assert_eq!(words[..2], ["journal-host", "run"]);
    assert!(
        words.contains(&"--group-instance-id".to_owned()),
        "{words:?}"
    );
    let words = words.into_iter().skip(1).map(|word| match word.as_str() {
        "plugin.wasm" => paths::plugin("count-objects").display().to_string(),
        "broker1.example.org:9093" => Broker::shared().address(),
        "alice-counts" => group.clone(),
        _ => word,
    });
    let finished = Host::new()
        .args(words)
        .args(["--prefix", prefix.as_str(), "--object-type", "origin"])
        .args(["--on-eof", "stop"])
        .finish(LIMIT)
        .success();
    assert_counts_origins(&finished);
}

#[test]
fn run_that_waits_for_a_static_member_that_died_says_so() {
    let prefix = loaded("config-dead");
    let group = prefix.group("dead");
    let host = |name: &str| {
        Host::run(&paths::plugin("count-objects"))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", prefix.as_str(), "--object-type", "origin"])
            .args(["--group-id", &group, "--group-instance-id", name])
    };
    // It has the partitions, and commits nothing.
    let mut member = host("one").args(["--checkpoint-interval", "1h"]).spawn();
    member.until("it is in the group", LIMIT, |_| {
        let (members, state) = Broker::shared().group(&group);
        (members == 1 && state == "Stable").then_some(())
    });
    let _killed = member.kill();
    let mut other = host("two").args(["--on-eof", "stop"]).spawn();
    let said = other.until("it says what it waits for", LIMIT, |running| {
        let text = running.stderr();
        let line = text.lines().find(|line| line.contains("waiting for "));
        line.map(str::to_owned)
    });
    for part in [
        &format!("`{}` partition 0", prefix.topic("origin")),
        "other members of the group",
        "static member `one`",
        "for up to 600 s",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let _killed = other.kill();
}

#[test]
fn mistakes_are_named_with_their_line_and_the_way_out() {
    let fails = |text: &str, sentence: &str, hint: &str| {
        let host = with_file(text).args(["--config", "config.yaml"]);
        let finished = host.finish(LIMIT).code(2);
        let text = &finished.stderr;
        assert!(text.contains(&format!("error: {sentence}\n")), "{text}");
        assert!(text.contains(&format!("hint: {hint}")), "{text}");
        assert_eq!(finished.stdout, "");
    };
    fails(
        "plugin: p.wasm\noutput: rows\n",
        "`output` in line 2 of `config.yaml` is not a key of journal-host",
        "did you mean `outputs`?",
    );
    fails(
        "journal_client:\n  cls: kafka\n  groupid: g\n",
        "`journal_client.groupid` in line 3 of `config.yaml` is not a key of journal-host",
        "did you mean `group_id`?",
    );
    fails(
        "journal_client:\n  cls: memory\n",
        "`journal_client.cls: memory` in line 2 of `config.yaml` is not supported",
        "the journal is read with `cls: kafka`",
    );
    fails(
        "journal_client:\n  process_timeout: 60\n",
        "`journal_client.process_timeout` in line 2 of `config.yaml` has no meaning for journal-host",
        "leave the key out: `deadline`",
    );
    let host = with_file("a: [1\n").args(["--config", "config.yaml"]);
    let text = host.finish(LIMIT).code(2).stderr;
    let sentence = "error: the configuration `config.yaml` is not valid: line ";
    assert!(text.contains(sentence), "{text}");
    let host = with_file("deadline: 30\n").args(["--config", "config.yaml"]);
    let text = host.finish(LIMIT).code(2).stderr;
    let sentence = "error: `deadline` in line 1 of `config.yaml` cannot be `30`: it is not a span of time such as 30s";
    assert!(text.contains(sentence), "{text}");
    let host = Host::new().arg("run").env("SWH_CONFIG_FILENAME", "no.yaml");
    let text = host.finish(LIMIT).code(2).stderr;
    let sentence = "error: cannot read the configuration `no.yaml`, which `SWH_CONFIG_FILENAME` names: No such file";
    assert!(text.contains(sentence), "{text}");
    let host = Host::new().arg("run").env("JOURNAL_HOST_DEADLIN", "5s");
    let text = host.finish(LIMIT).code(2).stderr;
    assert!(
        text.contains("`JOURNAL_HOST_DEADLIN` is not a variable of journal-host"),
        "{text}"
    );
    assert!(
        text.contains("hint: did you mean `JOURNAL_HOST_DEADLINE`?"),
        "{text}"
    );
}

#[test]
fn bench_takes_a_recording_over_the_cluster_of_the_file() {
    let recording: PathBuf = paths::repository().join("recordings/ripgrep.journal.zst");
    let plugin = paths::plugin("count-objects");
    let text = format!(
        "plugin: {}\nbrokers: 127.0.0.1:1\ngroup_id: g\nworkers: 4\nbatch_records: 500\n",
        plugin.display()
    );
    let host = Host::new().arg("bench");
    fs::write(host.folder().join("config.yaml"), text).expect("the folder is ours");
    let finished = host
        .args([
            "--config",
            "config.yaml",
            "--rounds",
            "1",
            "--warm-up",
            "0",
            "--json",
        ])
        .arg("--recording")
        .arg(recording)
        .finish(LIMIT)
        .success();
    assert!(
        finished.stdout.contains("\"plugins\""),
        "{}",
        finished.stdout
    );
}
