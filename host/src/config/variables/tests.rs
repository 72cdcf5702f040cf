use super::*;
use crate::config::{OnEof, Span};

fn key(setting: Setting) -> String {
    match setting {
        Setting::PasswordFile => "kafka_password_file",
        Setting::Deadline => "deadline",
        Setting::Plugin => "plugin",
        Setting::ObjectTypes => "object_types",
        Setting::Kafka => "kafka",
        Setting::OnEof => "on_eof",
        Setting::Options => "options",
        Setting::Outputs => "outputs",
        Setting::BatchRecords => "batch_records",
        _ => "other",
    }
    .to_owned()
}

fn read(variables: &[(&str, &str)]) -> Result<Variables, LoadError> {
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Variables::read(variables, key)
}

#[test]
fn variables_set_settings() {
    let variables = read(&[
        ("JOURNAL_HOST_PLUGIN", "p.wasm"),
        ("JOURNAL_HOST_DEADLINE", "2s"),
        ("JOURNAL_HOST_OBJECT_TYPES", "origin,revision"),
        ("JOURNAL_HOST_ON_EOF", "stop"),
        ("JOURNAL_HOST_OPTIONS", "{count: 3}"),
        ("JOURNAL_HOST_KAFKA_PASSWORD_FILE", "/run/secrets/p"),
        ("JOURNAL_HOST_KAFKA_SASL_PASSWORD", "won: derland"),
        ("JOURNAL_HOST_LOG", "debug"),
        ("JOURNAL_HOST_PREFIX_UNRELATED", ""),
        ("HOME", "/"),
    ])
    .unwrap();
    let layer = &variables.layer;
    assert_eq!(layer.processor.plugin, Some("p.wasm".into()));
    let span = Span(std::time::Duration::from_secs(2));
    assert_eq!(layer.limits.deadline, Some(span));
    let types = layer.journal.object_types.as_deref().unwrap();
    assert_eq!(types, ["origin", "revision"]);
    assert_eq!(layer.journal.on_eof, Some(OnEof::Stop));
    assert_eq!(layer.kafka.password_file, Some("/run/secrets/p".into()));
    let secret = ("sasl.password".to_owned(), "won: derland".to_owned());
    assert_eq!(layer.kafka.settings.as_ref().unwrap().0, [secret]);
    let options = layer.processor.options.clone().unwrap();
    assert_eq!(options["count"], 3);
    assert_eq!(
        variables.origins.of(Setting::Deadline),
        &origin("JOURNAL_HOST_DEADLINE")
    );
    assert_eq!(
        variables.origins.of_kafka("sasl.password"),
        &origin("JOURNAL_HOST_KAFKA_SASL_PASSWORD")
    );
    assert_eq!(variables.notices, []);
}

#[test]
fn variable_of_one_setting_wins_over_that_of_all() {
    let variables = read(&[
        ("JOURNAL_HOST_KAFKA", "{client.rack: a, client.id: b}"),
        ("JOURNAL_HOST_KAFKA_CLIENT_RACK", "c"),
    ])
    .unwrap();
    let settings = variables.layer.kafka.settings.unwrap().0;
    let pairs = [("client.id", "b"), ("client.rack", "c")];
    assert_eq!(settings, pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

/// Asserts that a variable is none, and that another one is named instead.
#[track_caller]
fn assert_unknown(name: &str, meant: &str) {
    let nearest = Some(meant.to_owned());
    let origin = origin(name);
    assert_eq!(
        read(&[(name, "x")]).unwrap_err(),
        LoadError::Unknown { origin, nearest }
    );
}

#[test]
fn mistyped_variable_gets_the_one_that_was_meant() {
    for (name, meant) in [
        ("JOURNAL_HOST_DEADLIN", "JOURNAL_HOST_DEADLINE"),
        ("JOURNAL_HOST_OBJECT_TYPE", "JOURNAL_HOST_OBJECT_TYPES"),
        (
            "JOURNAL_HOST_KAFKA_SASL_PASWORD",
            "JOURNAL_HOST_KAFKA_SASL_PASSWORD",
        ),
    ] {
        assert_unknown(name, meant);
    }
}

#[test]
fn variables_of_other_origin_are_passed_over() {
    // Kubernetes makes these for a service of the same name.
    let service = read(&[
        ("JOURNAL_HOST_SERVICE_HOST", "10.0.0.1"),
        ("JOURNAL_HOST_SERVICE_PORT", "80"),
        ("JOURNAL_HOST_SERVICE_PORT_HTTP", "80"),
        ("JOURNAL_HOST_PORT", "tcp://10.0.0.1:80"),
        ("JOURNAL_HOST_PORT_80_TCP_ADDR", "10.0.0.1"),
    ]);
    assert_eq!(service.unwrap().notices, []);
    let other = read(&[("JOURNAL_HOST_SOMETHING_ELSE_ENTIRELY", "x")]);
    let notices = other.unwrap().notices;
    let origin = origin("JOURNAL_HOST_SOMETHING_ELSE_ENTIRELY");
    assert_eq!(notices, [Notice::Ignored(origin)]);
}

#[test]
fn upstreams_variables_name_the_file_and_the_member() {
    let variables = read(&[
        ("SWH_CONFIG_FILENAME", "/etc/swh.yml"),
        ("KAFKA_GROUP_INSTANCE_ID", "mirror-7"),
    ])
    .unwrap();
    let file = ("SWH_CONFIG_FILENAME".to_owned(), "/etc/swh.yml".into());
    assert_eq!(variables.config_file, Some(file));
    let id = variables.group_instance_id.unwrap();
    assert_eq!(id.1, Text("mirror-7".to_owned()));
    let own = read(&[
        ("JOURNAL_HOST_CONFIG", "own.yml"),
        ("SWH_CONFIG_FILENAME", "swh.yml"),
    ]);
    let file = own.unwrap().config_file.unwrap();
    assert_eq!(file.0, "JOURNAL_HOST_CONFIG");
}

#[test]
fn outputs_are_a_list_or_a_mapping() {
    let outputs = |value: &str| {
        let variables = read(&[("JOURNAL_HOST_OUTPUTS", value)]);
        variables.map(|variables| variables.layer.outputs.unwrap())
    };
    for (value, expected) in [
        ("rows.jsonl", &["rows.jsonl"][..]),
        ("a=rows.sqlite, b.jsonl", &["a=rows.sqlite", "b.jsonl"]),
        ("[a=rows.sqlite, b.jsonl]", &["a=rows.sqlite", "b.jsonl"]),
        ("{a: rows.sqlite}", &["a=rows.sqlite"]),
        (
            "{a: {type: sqlite, file: rows.db, table: t}}",
            &["a=sqlite:rows.db?table=t"],
        ),
    ] {
        assert_eq!(outputs(value).unwrap(), expected, "{value}");
    }
    for value in ["[a", "{a: {file: x}}"] {
        let refused = outputs(value);
        assert!(
            matches!(refused, Err(LoadError::BadValue { .. })),
            "{value}: {refused:?}"
        );
    }
}

#[test]
fn password_file_has_a_variable_by_each_of_its_names() {
    let name = "JOURNAL_HOST_PASSWORD_FILE";
    let variables = read(&[(name, "/run/secrets/p")]).unwrap();
    assert_eq!(
        variables.layer.kafka.password_file,
        Some("/run/secrets/p".into())
    );
    assert_eq!(variables.origins.of(Setting::PasswordFile), &origin(name));
    let other = "JOURNAL_HOST_KAFKA_PASSWORD_FILE";
    assert_eq!(
        read(&[(name, "a"), (other, "b")]).unwrap_err(),
        LoadError::Exclusive {
            one: Box::new(origin(other)),
            other: Box::new(origin(name)),
        }
    );
    let mistyped = read(&[("JOURNAL_HOST_PASWORD_FILE", "a")]).unwrap_err();
    assert!(
        matches!(&mistyped, LoadError::Unknown { nearest: Some(nearest), .. } if nearest == name),
        "{mistyped:?}"
    );
}

/// Whoever sets one would not see that the run goes on without it.
#[test]
fn key_of_upstreams_section_is_no_variable() {
    for (name, meant) in [
        ("JOURNAL_HOST_BATCH_SIZE", "JOURNAL_HOST_BATCH_RECORDS"),
        (
            "JOURNAL_HOST_AUTO_OFFSET_RESET",
            "JOURNAL_HOST_KAFKA_AUTO_OFFSET_RESET",
        ),
    ] {
        assert_unknown(name, meant);
    }
}

#[test]
fn members_of_a_mapping_in_a_variable_have_its_origin() {
    let variables = read(&[
        (
            "JOURNAL_HOST_KAFKA",
            r#"{"client.rack": "a", "log.connection.close": true}"#,
        ),
        ("JOURNAL_HOST_OPTIONS", "{count: 3}"),
    ])
    .unwrap();
    let origins = &variables.origins;
    for key in ["client.rack", "log.connection.close"] {
        assert_eq!(origins.of_kafka(key), &origin("JOURNAL_HOST_KAFKA"));
    }
    assert_eq!(origins.of_option("count"), &origin("JOURNAL_HOST_OPTIONS"));
    let settings = variables.layer.kafka.settings.unwrap().0;
    assert!(settings.contains(&("log.connection.close".to_owned(), "true".to_owned())));
}
