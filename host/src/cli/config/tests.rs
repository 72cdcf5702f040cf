use super::*;
use crate::config::Layers;

fn printed(layer: &str, options: &Value) -> String {
    let layer: Layer = serde_json::from_str(layer).unwrap();
    let (layer, origins) = Layers::default()
        .over(layer, |setting| Origin::File {
            path: "c.yaml".into(),
            key: key(setting),
            line: Some(3),
        })
        .into_parts();
    let printer = Printer {
        layer: &layer,
        origins: &origins,
    };
    printer.print(options.as_object().unwrap())
}

#[test]
fn each_value_has_a_comment_with_its_origin() {
    let text = printed(
        r#"{"processor": {"plugin": "p.wasm", "options": {"a": 1}},
            "kafka": {"brokers": "b:1", "group_instance_id": "m", "settings": {"client.rack": "r"}},
            "limits": {"memory": 1048576}, "journal": {"object_types": ["origin"]}}"#,
        &serde_json::json!({"a": 1}),
    );
    for line in [
        "plugin: p.wasm  # line 3 of c.yaml",
        "options:\n  a: 1  # line 3 of c.yaml: options.a",
        "brokers: \"b:1\"  # line 3 of c.yaml",
        "  client.rack: r  # line 3 of c.yaml: kafka.client.rack",
        "  session.timeout.ms: \"600000\"  # follows from the settings of the group",
        "group_instance_id: m  # line 3 of c.yaml",
        "memory_limit: \"1MiB\"  # line 3 of c.yaml",
        "object_types: [\"origin\"]  # line 3 of c.yaml",
        "deadline: \"30s\"  # default",
        "checkpoint_interval: \"5s\"  # default",
        "outputs: [\"-\"]  # default",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
}

#[test]
fn secrets_are_left_out() {
    let text = printed(
        r#"{"kafka": {"settings": {"sasl.password": "wonderland", "sasl.pasword": "wonderland"}}}"#,
        &serde_json::json!({}),
    );
    assert!(!text.contains("wonderland"), "{text}");
    let line = "  # sasl.password: not shown  # line 3 of c.yaml: kafka.sasl.password\n";
    assert!(text.contains(line), "{text}");
    let text = printed(
        r#"{"outputs": ["rows=postgres://me:wonderland@h/d"]}"#,
        &serde_json::json!({}),
    );
    assert!(
        text.contains("me:...@h") && !text.contains("wonderland"),
        "{text}"
    );
}

#[test]
fn schema_has_every_setting_with_its_help() {
    let schema = schema::schema();
    for setting in Setting::ALL {
        let property = &schema["properties"][key(setting)];
        assert!(property["description"].is_string(), "{setting:?}");
    }
    let properties = &schema["properties"];
    assert_eq!(properties["batch_records"]["minimum"], 1);
    assert_eq!(properties["create_topics"]["type"][0], "boolean");
    let on_eof = properties["on_eof"]["enum"].as_array().unwrap();
    assert!(on_eof.contains(&"stop".into()), "{on_eof:?}");
    let outputs = properties["outputs"]["anyOf"].as_array().unwrap();
    assert_eq!(outputs.len(), 3);
}

/// Checks what the command line sets, without a file and an environment.
fn checked_flags(flags: &str) -> Result<(), String> {
    let flags: Layer = serde_json::from_str(flags).unwrap();
    let (layer, origins) = Layers::default().over(flags, |_| Origin::Flag).into_parts();
    checked(layer, &origins)
        .map(drop)
        .map_err(|report| format!("{report:?}"))
}

#[test]
fn setting_that_does_not_exist_is_refused_before_the_source_is_complete() {
    for source in [
        "",
        r#""brokers": "b","#,
        r#""brokers": "b", "group_id": "g","#,
    ] {
        let wrong = format!(r#"{{"kafka": {{{source} "settings": {{"nonsense": "1"}}}}}}"#);
        let error = checked_flags(&wrong).unwrap_err();
        assert!(error.contains("nonsense"), "{error}");
        let right = format!(r#"{{"kafka": {{{source} "settings": {{"client.rack": "1"}}}}}}"#);
        assert_eq!(checked_flags(&right), Ok(()), "{source}");
    }
}

#[test]
fn log_in_without_its_password_names_the_setting_and_the_way_to_give_it() {
    let error = checked_flags(
        r#"{"kafka": {"brokers": "b", "group_id": "g", "settings": {"security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN", "sasl.username": "alice"}}}"#,
    )
    .unwrap_err();
    for text in [
        "--kafka sasl.mechanism=PLAIN",
        "sasl.password",
        "--kafka-password-file",
        "kafka_password_file",
    ] {
        assert!(error.contains(text), "{error}");
    }
}
