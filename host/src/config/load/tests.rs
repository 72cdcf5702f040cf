use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::{Config, ConfigError, Source};

/// The keys of the tests are those that they use.
fn key(setting: Setting) -> String {
    match setting {
        Setting::Plugin => "plugin",
        Setting::Options => "options",
        Setting::OptionsFile => "options_file",
        Setting::Recording => "recording",
        Setting::ObjectTypes => "object_types",
        Setting::Brokers => "brokers",
        Setting::GroupId => "group_id",
        Setting::GroupInstanceId => "group_instance_id",
        Setting::Kafka => "kafka",
        Setting::PasswordFile => "kafka_password_file",
        Setting::Workers => "workers",
        Setting::Deadline => "deadline",
        other => return format!("{other:?}"),
    }
    .to_owned()
}

/// A folder with a configuration and a password.
struct Folder(TempDir);

impl Folder {
    fn with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("c.yaml"), configuration).unwrap();
        fs::write(folder.path().join("password"), "wonderland\r\n").unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, flags: Layer, variables: &[(&str, &str)]) -> Result<Loaded, LoadError> {
        let flags = Layer {
            config_file: Some(self.file("c.yaml")),
            ..flags
        };
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        load(flags, variables, key)
    }

    fn layers(&self, flags: &str, variables: &[(&str, &str)]) -> (Layer, Origins) {
        let flags = serde_json::from_str(flags).unwrap();
        self.load(flags, variables).unwrap().layers.into_parts()
    }

    fn config(&self, flags: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        self.layers(flags, variables).0.try_into()
    }
}

fn settings(config: Config) -> Vec<(String, String)> {
    match config.source {
        Source::Kafka(kafka) => kafka.connection.settings,
        Source::Local(_) => panic!("it reads a cluster"),
    }
}

fn value(settings: &[(String, String)], key: &str) -> Option<String> {
    let mut settings = settings.iter().rev();
    let found = settings.find(|(known, _)| known == key)?;
    Some(found.1.clone())
}

const MIRROR: &str = "
plugin: p.wasm
workers: 4
deadline: 9s
journal_client:
  cls: kafka
  brokers: upstream:1
  group_id: g
  object_types: [origin]
  consumer_settings: {sasl.password: of-the-file, client.rack: a}
";

#[test]
fn flags_win_over_variables_those_over_the_file_and_its_keys_over_its_section() {
    let folder = Folder::with(&format!("{MIRROR}brokers: own:1\n"));
    let variables = [
        ("JOURNAL_HOST_DEADLINE", "8s"),
        ("JOURNAL_HOST_WORKERS", "3"),
    ];
    let (layer, origins) = folder.layers(r#"{"limits": {"deadline": "7s"}}"#, &variables);
    assert_eq!(origins.of(Setting::Deadline), &Origin::Flag);
    assert!(matches!(
        origins.of(Setting::Workers),
        Origin::Environment { variable } if variable == "JOURNAL_HOST_WORKERS"
    ));
    assert!(matches!(
        origins.of(Setting::Brokers),
        Origin::File { key, line: Some(11), .. } if key == "brokers"
    ));
    assert!(matches!(
        origins.of(Setting::GroupId),
        Origin::File { key, line: Some(8), .. } if key == "journal_client.group_id"
    ));
    let config = Config::try_from(layer).unwrap();
    assert_eq!(config.limits.deadline.as_secs(), 7);
    assert_eq!(config.workers, 3);
    assert!(config.objects.types_are_offered);
    let Source::Kafka(kafka) = config.source else {
        panic!("it reads a cluster");
    };
    assert_eq!(kafka.connection.brokers, "own:1");
}

#[test]
fn recording_of_a_flag_replaces_the_cluster_and_its_workers() {
    let folder = Folder::with(MIRROR);
    let recording = r#"{"journal": {"recordings": ["r"]}}"#;
    let variables = [("KAFKA_GROUP_INSTANCE_ID", "mirror-7")];
    let config = folder.config(recording, &variables).unwrap();
    assert!(matches!(config.source, Source::Local(_)));
    assert_eq!(config.workers, 1);
}

#[test]
fn named_object_types_replace_those_of_upstreams_section() {
    let folder = Folder::with(MIRROR);
    let types = r#"{"journal": {"object_types": ["snapshot"]}}"#;
    let config = folder.config(types, &[]).unwrap();
    assert_eq!(config.objects.types, ["snapshot"]);
    assert!(!config.objects.types_are_offered);
}

#[test]
fn upstreams_variable_of_a_member_wins_over_the_file_and_loses_to_flags() {
    let file = "kafka: {group.instance.id: of-the-file}";
    let folder = Folder::with(&format!("{MIRROR}{file}\n"));
    let id = |flags: &str| {
        let variables = [("KAFKA_GROUP_INSTANCE_ID", "of-the-variable")];
        let settings = settings(folder.config(flags, &variables).unwrap());
        value(&settings, "group.instance.id").unwrap()
    };
    assert_eq!(id("{}"), "of-the-variable");
    let by_flag = r#"{"kafka": {"group_instance_id": "of-the-flag"}}"#;
    assert_eq!(id(by_flag), "of-the-flag");
    let by_setting = r#"{"kafka": {"settings": {"group.instance.id": "of-the-setting"}}}"#;
    assert_eq!(id(by_setting), "of-the-setting");
}

#[test]
fn file_of_a_password_replaces_a_password_below_it_and_gives_way_to_one_above() {
    let folder = Folder::with(MIRROR);
    let password = |flags: Layer, variables: &[(&str, &str)]| {
        let loaded = folder.load(flags, variables).unwrap();
        let (mut layer, mut origins) = loaded.layers.into_parts();
        read_passwords(&mut layer, &mut origins).unwrap();
        let settings = layer.kafka.settings.unwrap().0;
        value(&settings, "sasl.password").unwrap()
    };
    assert_eq!(password(Layer::default(), &[]), "of-the-file");
    let file = folder.file("password");
    let by_file = [("JOURNAL_HOST_KAFKA_PASSWORD_FILE", file.to_str().unwrap())];
    assert_eq!(password(Layer::default(), &by_file), "wonderland");
    let by_flag = r#"{"kafka": {"settings": {"sasl.password": "of-the-flag"}}}"#;
    let by_flag = serde_json::from_str(by_flag).unwrap();
    assert_eq!(password(by_flag, &by_file), "of-the-flag");
}

#[test]
fn password_and_its_file_in_one_layer_are_refused() {
    let folder = Folder::with("kafka: {sasl.password: a}\npassword_file: password\n");
    let (mut layer, mut origins) = folder.layers("{}", &[]);
    let error = read_passwords(&mut layer, &mut origins).unwrap_err();
    assert!(matches!(
        error,
        LoadError::SecretTwice {
            setting: Setting::PasswordFile,
            key: "sasl.password"
        }
    ));
}

#[test]
fn secret_on_the_command_line_gets_a_notice() {
    let flags = r#"{"kafka": {"settings": {"sasl.password": "a", "client.rack": "b"}}}"#;
    let flags = serde_json::from_str(flags).unwrap();
    let notices = Folder::with("plugin: p.wasm\n")
        .load(flags, &[])
        .unwrap()
        .notices;
    let secret = Notice::SecretOnCommandLine("sasl.password".to_owned());
    assert_eq!(notices, [secret]);
}

#[test]
fn options_of_a_higher_layer_win_over_a_file_of_options_of_a_lower_one() {
    let folder = Folder::with(&format!("{MIRROR}options_file: o.json\n"));
    let variables = [("JOURNAL_HOST_OPTIONS", "{a: 1}")];
    let over = folder.config("{}", &variables).unwrap().options;
    assert_eq!(over.file, Some("o.json".into()));
    assert_eq!(over.over_file["a"], 1);
    assert!(over.values.is_empty());
    let folder = Folder::with(&format!("{MIRROR}options: {{a: 2}}\n"));
    let file = r#"{"processor": {"options_file": "o.json"}}"#;
    let under = folder.config(file, &[]).unwrap().options;
    assert_eq!(under.values["a"], 2);
    assert!(under.over_file.is_empty());
}

#[test]
fn file_that_cannot_be_read_is_named_with_the_variable_that_names_it() {
    let variables = [("SWH_CONFIG_FILENAME", "/nowhere/c.yaml")];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    let error = load(Layer::default(), variables.into_iter(), key).unwrap_err();
    assert!(matches!(
        error,
        LoadError::Unreadable { variable: Some(name), .. } if name == "SWH_CONFIG_FILENAME"
    ));
    let folder = Folder::with("");
    let largest = usize::try_from(yaml::MOST_BYTES).unwrap();
    fs::write(folder.file("c.yaml"), " ".repeat(largest + 1)).unwrap();
    let error = folder.load(Layer::default(), &[]).unwrap_err();
    assert!(
        matches!(&error, LoadError::Unreadable { reason, .. } if reason.starts_with("it is larger")),
        "{error}"
    );
}

#[test]
fn process_that_is_named_by_two_settings_of_one_layer_is_refused() {
    let twice = "group_instance_id: b\nkafka: {group.instance.id: a}\n";
    let refused = Folder::with(twice).load(Layer::default(), &[]).unwrap_err();
    assert!(
        matches!(refused, LoadError::Exclusive { .. }),
        "{refused:?}"
    );
    let folder = Folder::with("group_instance_id: b\n");
    let both = r#"{"kafka": {"group_instance_id": "b", "settings": {"group.instance.id": "a"}}}"#;
    let flags: Layer = serde_json::from_str(both).unwrap();
    let refused = folder.load(flags, &[]).unwrap_err();
    assert!(
        matches!(refused, LoadError::SettingTwice { .. }),
        "{refused:?}"
    );
    let variables = [
        ("JOURNAL_HOST_GROUP_INSTANCE_ID", "b"),
        ("JOURNAL_HOST_KAFKA_GROUP_INSTANCE_ID", "a"),
    ];
    let refused = folder.load(Layer::default(), &variables).unwrap_err();
    assert!(
        matches!(refused, LoadError::Exclusive { .. }),
        "{refused:?}"
    );
    // A higher layer replaces either.
    let cluster = "plugin: p.wasm\nbrokers: b\ngroup_id: g\ngroup_instance_id: of-the-file\n";
    let config = Folder::with(cluster).config("{}", &variables[1..]).unwrap();
    let settings = settings(config);
    assert_eq!(value(&settings, "group.instance.id").as_deref(), Some("a"));
}

#[test]
fn word_that_yaml_takes_for_a_truth_value_is_no_name_unless_it_is_in_quotes() {
    let refused = Folder::with("group_id: yes\n").load(Layer::default(), &[]);
    match refused {
        Err(LoadError::BadValue { value, reason, .. }) => {
            assert_eq!(value.as_deref(), Some("yes"));
            assert!(reason.contains("quotes"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    for (text, expected) in [("\"yes\"", "yes"), ("0123", "0123"), ("mirror", "mirror")] {
        let (layer, _) = Folder::with(&format!("group_id: {text}\n")).layers("{}", &[]);
        assert_eq!(layer.kafka.group_id.unwrap().0, expected);
    }
    // A variable has no types.
    let folder = Folder::with("");
    let (layer, _) = folder.layers("{}", &[("JOURNAL_HOST_GROUP_ID", "yes")]);
    assert_eq!(layer.kafka.group_id.unwrap().0, "yes");
}
