use super::*;

/// A layer as a configuration file has it.
fn file(text: &str) -> Layer {
    serde_json::from_str(text).unwrap()
}

fn in_file(setting: Setting) -> Origin {
    Origin::File {
        path: "config.yaml".into(),
        key: format!("{setting:?}"),
        line: None,
    }
}

/// A layer of flags over one of a file.
fn combined(flags: &str, lower: &str) -> (Layer, Origins) {
    Layers::default()
        .over(file(flags), |_| Origin::Flag)
        .over(file(lower), in_file)
        .into_parts()
}

fn config(flags: &str, lower: &str) -> Result<Config, ConfigError> {
    combined(flags, lower).0.try_into()
}

const RECORDING: &str = r#"{"processor": {"plugin": "p.wasm"}, "journal": {"recordings": ["r"]}}"#;

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let flags = r#"{"processor": {"plugin": "p.wasm"}, "limits": {"deadline": "2s"}}"#;
    let lower = r#"{"processor": {"plugin": "q.wasm"}, "journal": {"recordings": ["r"], "object_types": ["origin"]},
        "limits": {"deadline": "9s", "batch_bytes": "2MiB"}, "checkpoint": {"interval": "1m"}}"#;
    let (layer, origins) = combined(flags, lower);
    let config = Config::try_from(layer).unwrap();
    assert_eq!(config.plugin, PathBuf::from("p.wasm"));
    assert_eq!(config.limits.deadline, Duration::from_secs(2));
    assert_eq!(config.limits.batch_bytes, Some(2 << 20));
    assert_eq!(config.checkpoint_interval, Some(Duration::from_mins(1)));
    assert_eq!(config.limits.batch_records, DEFAULT_BATCH_RECORDS);
    assert_eq!(origins.of(Setting::Deadline), &Origin::Flag);
    assert_eq!(origins.of(Setting::Plugin), &Origin::Flag);
    for setting in [
        Setting::BatchBytes,
        Setting::CheckpointInterval,
        Setting::ObjectTypes,
    ] {
        assert_eq!(origins.of(setting), &in_file(setting));
    }
    assert_eq!(origins.of(Setting::BatchRecords), &Origin::Default);
}

#[test]
fn what_nothing_sets_has_its_default() {
    let config = config(RECORDING, "{}").unwrap();
    assert_eq!(config.objects.prefix, DEFAULT_PREFIX);
    assert_eq!(config.limits.deadline, DEFAULT_DEADLINE);
    assert_eq!(
        (config.checkpoint_interval, config.checkpoint_size),
        (None, None)
    );
    assert_eq!(
        (config.workers, config.failure.on_failure),
        (1, OnFailure::Stop)
    );
    assert_eq!(config.objects.privileged, Privileged::No);
    assert_eq!(config.objects.missing_topics, None);
    assert!(config.outputs.is_empty());
}

#[test]
fn settings_of_librdkafka_and_options_are_combined_one_by_one() {
    let flags = r#"{"processor": {"plugin": "p.wasm", "options": {"a": 1}}, "kafka": {"settings": {"x": 1}}}"#;
    let lower = r#"{"processor": {"options": {"a": 2, "b": 2}},
        "kafka": {"brokers": "b:9092", "group_id": "g", "settings": {"x": 2, "y": 2}}}"#;
    let (layer, origins) = combined(flags, lower);
    assert_eq!(origins.of_kafka("x"), &Origin::Flag);
    assert_eq!(
        origins.of_kafka("y"),
        &in_file(Setting::Kafka).of_member("y", None)
    );
    assert_eq!(origins.of_kafka("z"), &Origin::Default);
    let config = Config::try_from(layer).unwrap();
    assert_eq!(
        Value::Object(config.options.values),
        serde_json::json!({"a": 1, "b": 2})
    );
    let Source::Kafka(kafka) = config.source else {
        panic!("it is a cluster");
    };
    let settings = kafka.connection.settings;
    let last = |key: &str| {
        settings
            .iter()
            .rev()
            .find(|(known, _)| known == key)
            .unwrap()
    };
    assert_eq!((last("x").1.as_str(), last("y").1.as_str()), ("1", "2"));
}

#[test]
fn unknown_members_are_refused_by_name() {
    for text in [
        r#"{"limit": {}}"#,
        r#"{"limits": {"dead_line": "1s"}}"#,
        r#"{"processor": {"option_texts": [["a", "b"]]}}"#,
    ] {
        let error = serde_json::from_str::<Layer>(text).unwrap_err();
        assert!(error.to_string().starts_with("unknown field `"), "{error}");
    }
}

#[test]
fn values_of_a_file_are_checked_by_the_rules_of_flags() {
    for text in [
        r#"{"limits": {"deadline": "0s"}}"#,
        r#"{"limits": {"batch_records": 0}}"#,
        r#"{"limits": {"memory": "much"}}"#,
        r#"{"process": {"workers": 257}}"#,
        r#"{"kafka": {"brokers": ""}}"#,
        r#"{"journal": {"on_eof": "wait"}}"#,
        r#"{"failure": {"on_failure": "retry"}}"#,
    ] {
        assert!(serde_json::from_str::<Layer>(text).is_err(), "{text}");
    }
}

#[test]
fn a_source_replaces_that_of_the_layers_under_it() {
    let cluster =
        r#"{"processor": {"plugin": "p.wasm"}, "kafka": {"brokers": "b:9092", "group_id": "g"}}"#;
    let over_cluster = config(RECORDING, cluster).unwrap();
    assert!(matches!(over_cluster.source, Source::Local(_)));
    let over_recording = config(cluster, RECORDING).unwrap();
    assert!(matches!(over_recording.source, Source::Kafka(_)));
    let (_, origins) = combined(cluster, RECORDING);
    assert_eq!(origins.of(Setting::Recording), &Origin::Default);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let plugin = r#"{"processor": {"plugin": "p.wasm"}}"#;
    let error = |layer: &str| config(layer, plugin).unwrap_err();
    assert_eq!(config("{}", "{}").unwrap_err(), ConfigError::NoPlugin);
    assert_eq!(error("{}"), ConfigError::NoSource);
    let (missing, given) = (Setting::GroupId, Setting::Brokers);
    assert_eq!(
        error(r#"{"kafka": {"brokers": "b:9092"}}"#),
        ConfigError::Incomplete { missing, given }
    );
    let (missing, given) = (given, missing);
    let two = |other| ConfigError::TwoSources {
        named: Setting::Recording,
        other,
    };
    assert_eq!(
        error(r#"{"kafka": {"group_id": "g"}}"#),
        ConfigError::Incomplete { missing, given }
    );
    for (kafka, setting) in [
        (r#"{"brokers": "b"}"#, Setting::Brokers),
        (r#"{"group_id": "g"}"#, Setting::GroupId),
        (r#"{"settings": {"a": "b"}}"#, Setting::Kafka),
    ] {
        let layer = format!(r#"{{"journal": {{"recordings": ["r"]}}, "kafka": {kafka}}}"#);
        assert_eq!(error(&layer), two(setting));
    }
    assert_eq!(
        error(r#"{"git": {"repository": "r"}, "process": {"workers": 2}}"#),
        ConfigError::SeveralWorkers {
            named: Setting::Git
        }
    );
}

#[test]
fn partitions_are_read_without_a_group_and_only_from_a_cluster() {
    let flags = |kafka: &str| {
        format!(
            r#"{{"processor": {{"plugin": "p.wasm"}}, "kafka": {{"partitions": ["t:1"]{kafka}}}}}"#
        )
    };
    let config = config(&flags(r#", "brokers": "b:9092""#), "{}").unwrap();
    let Source::Kafka(kafka) = config.source else {
        panic!("it is a cluster");
    };
    assert_eq!(kafka.partitions, ["t:1".parse().unwrap()]);
    assert_eq!(kafka.connection.group_id, "journal-host");
    let refused = |flags: &str, lower: &str| self::config(flags, lower).unwrap_err();
    assert_eq!(
        refused(&flags(""), "{}"),
        ConfigError::Incomplete {
            missing: Setting::Brokers,
            given: Setting::Partitions
        }
    );
    let with_recording = r#"{"processor": {"plugin": "p.wasm"}, "journal": {"recordings": ["r"]},
        "kafka": {"partitions": ["t:1"]}}"#;
    assert_eq!(
        refused(with_recording, "{}"),
        ConfigError::TwoSources {
            named: Setting::Recording,
            other: Setting::Partitions
        }
    );
}

#[test]
fn phases_end_after_the_last_one_and_read_whole_topics() {
    let with = |journal: &str, kafka: &str| {
        let layer = format!(
            r#"{{"processor": {{"plugin": "p.wasm"}}, "journal": {{"phases": "reverse"{journal}}},
                "kafka": {{"brokers": "b:9092", "group_id": "g"{kafka}}}}}"#
        );
        config(&layer, "{}")
    };
    let refused = |setting| ConfigError::NotInPhases { setting };
    for on_eof in ["continue", "restart"] {
        let on_eof = format!(r#", "on_eof": "{on_eof}""#);
        assert_eq!(with(&on_eof, "").unwrap_err(), refused(Setting::OnEof));
    }
    assert_eq!(
        with("", r#", "partitions": ["t:0"]"#).unwrap_err(),
        refused(Setting::Partitions)
    );
    for config in [with("", ""), with(r#", "on_eof": "stop""#, "")] {
        let Source::Kafka(kafka) = config.unwrap().source else {
            panic!("it is a cluster");
        };
        assert_eq!(kafka.on_eof, OnEof::Stop);
    }
}
