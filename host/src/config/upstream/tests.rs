use super::*;
use crate::config::yaml;
use crate::config::{RecordCount, Text};

/// The section in the second line of a file.
fn section(text: &str) -> Result<(Layer, Origins, Vec<Notice>), LoadError> {
    let indented = text.replace('\n', "\n  ");
    let text = format!("\njournal_client:\n  {indented}\n");
    let node = yaml::parse(&text).unwrap().unwrap();
    let Content::Mapping(entries) = node.content else {
        panic!("it is a mapping");
    };
    let (key, value) = &entries[0];
    let path = Path::new("c.yaml");
    let mut notices = Vec::new();
    let keys = |setting| format!("{setting:?}").to_ascii_lowercase();
    let (layer, origins) = read(value, path, origin(path, "", key), keys, &mut notices)?;
    Ok((layer, origins, notices))
}

fn layer(text: &str) -> Layer {
    section(text).unwrap().0
}

fn error(text: &str) -> LoadError {
    section(text).unwrap_err()
}

fn at(key: &str, line: usize) -> Origin {
    Origin::File {
        path: "c.yaml".into(),
        key: format!("journal_client.{key}"),
        line: Some(line),
    }
}

fn setting(layer: &Layer, key: &str) -> Option<String> {
    let mut settings = layer.kafka.settings.iter().flat_map(|settings| &settings.0);
    let found = settings.find(|(known, _)| known == key)?;
    Some(found.1.clone())
}

#[test]
fn every_key_of_upstreams_client_is_read() {
    let (layer, origins, notices) = section(
        "cls: kafka
brokers:
  - broker1:9093
  - broker2:9093
group_id: mirror-1
prefix: swh.journal.test
object_types: [origin, revision]
privileged: true
stop_after_objects: 7
batch_size: 2_00
auto_offset_reset: latest
on_eof: stop
create_topics: true
consumer_settings:
  security.protocol: sasl_ssl
  sasl.username: mirror
  sasl.password: wonderland
  session.timeout.ms: 600_000
  enable.sparse.connections: True
  client.rack: ~
process_timeout: ~
value_deserializer:
error_reporter: {}",
    )
    .unwrap();
    let brokers = Text("broker1:9093,broker2:9093".to_owned());
    assert_eq!(layer.kafka.brokers, Some(brokers));
    assert_eq!(layer.kafka.group_id, Some(Text("mirror-1".to_owned())));
    assert_eq!(layer.journal.prefix.as_deref(), Some("swh.journal.test"));
    let types = layer.journal.offered_object_types.as_deref().unwrap();
    assert_eq!(types, ["origin", "revision"]);
    assert_eq!(layer.journal.object_types, None);
    assert_eq!(layer.journal.privileged, Some(Privileged::IfAvailable));
    assert_eq!(layer.journal.stop_after, Some(7));
    assert_eq!(
        layer.limits.batch_records,
        "200".parse::<RecordCount>().ok()
    );
    assert_eq!(layer.journal.on_eof, Some(OnEof::Stop));
    assert_eq!(layer.journal.create_topics, Some(true));
    let value = |key: &str| setting(&layer, key);
    assert_eq!(value("auto.offset.reset").as_deref(), Some("latest"));
    assert_eq!(value("security.protocol").as_deref(), Some("sasl_ssl"));
    assert_eq!(value("sasl.password").as_deref(), Some("wonderland"));
    assert_eq!(value("session.timeout.ms").as_deref(), Some("600000"));
    let truth = value("enable.sparse.connections");
    assert_eq!(truth.as_deref(), Some("true"));
    assert_eq!(value("client.rack"), None);
    assert_eq!(notices, []);
    assert_eq!(origins.of(Setting::Brokers), &at("brokers", 4));
    assert_eq!(
        origins.of_kafka("sasl.username"),
        &at("consumer_settings.sasl.username", 18)
    );
    assert_eq!(
        origins.of_kafka("auto.offset.reset"),
        &at("auto_offset_reset", 13)
    );
}

#[test]
fn brokers_are_a_text_or_a_list() {
    let brokers = |text: &str| layer(text).kafka.brokers.unwrap().0;
    assert_eq!(brokers("brokers: a:1,b:2"), "a:1,b:2");
    assert_eq!(brokers("brokers: [a:1]"), "a:1");
    assert!(matches!(error("brokers: []"), LoadError::BadValue { .. }));
    assert!(matches!(
        error("brokers: {a: 1}"),
        LoadError::BadValue { .. }
    ));
}

#[test]
fn what_means_nothing_to_upstreams_client_sets_nothing() {
    let empty = layer("stop_after_objects: 0\nobject_types: []\nprefix:\non_eof: null");
    assert_eq!(empty, Layer::default());
    assert_eq!(layer(""), Layer::default());
}

#[test]
fn stop_on_eof_is_on_eof_with_a_warning() {
    for (text, on_eof, instead) in [
        ("stop_on_eof: true", OnEof::Stop, "on_eof: stop"),
        ("stop_on_eof: no", OnEof::Continue, "on_eof: continue"),
    ] {
        let (layer, _, notices) = section(text).unwrap();
        assert_eq!(layer.journal.on_eof, Some(on_eof));
        let origin = at("stop_on_eof", 3);
        assert_eq!(notices, [Notice::Deprecated { origin, instead }]);
    }
    let (one, other) = (at("stop_on_eof", 4).into(), at("on_eof", 3).into());
    assert_eq!(
        error("on_eof: stop\nstop_on_eof: true"),
        LoadError::Exclusive { one, other }
    );
}

#[test]
fn key_of_the_host_belongs_to_the_top_of_the_file() {
    let name = "workers".to_owned();
    let origin = at("workers", 3);
    assert_eq!(error("workers: 4"), LoadError::InSection { origin, name });
}

#[test]
fn settings_of_librdkafka_beside_the_keys_are_deprecated_and_give_way() {
    let text = "fetch.wait.max.ms: 5\nclient.rack: a\nconsumer_settings: {client.rack: b}";
    let (layer, origins, notices) = section(text).unwrap();
    assert_eq!(setting(&layer, "fetch.wait.max.ms").as_deref(), Some("5"));
    assert_eq!(setting(&layer, "client.rack").as_deref(), Some("b"));
    assert_eq!(
        origins.of_kafka("client.rack"),
        &at("consumer_settings.client.rack", 5)
    );
    assert_eq!(
        notices,
        [Notice::Beside {
            section: Origin::File {
                path: "c.yaml".into(),
                key: "journal_client".to_owned(),
                line: Some(2),
            },
            names: ["fetch.wait.max.ms", "client.rack"]
                .map(str::to_owned)
                .to_vec(),
            instead: "consumer_settings",
        }]
    );
}

#[test]
fn settings_that_upstreams_client_sets_itself_are_passed_over_with_a_warning() {
    let text = "consumer_settings:
  auto.offset.reset: latest
  group.id: other
  enable.auto.commit: false
group_id: g";
    let (layer, _, notices) = section(text).unwrap();
    assert_eq!(setting(&layer, "auto.offset.reset"), None);
    assert_eq!(setting(&layer, "group.id"), None);
    assert_eq!(layer.kafka.group_id, Some(Text("g".to_owned())));
    let overruled = |key: &str, line, by| Notice::Overruled {
        origin: at(&format!("consumer_settings.{key}"), line),
        by,
    };
    assert_eq!(
        notices,
        [
            overruled("auto.offset.reset", 4, Some("auto_offset_reset")),
            overruled("group.id", 5, Some("group_id")),
            overruled("enable.auto.commit", 6, None),
        ]
    );
}

#[test]
fn what_cannot_apply_is_an_error() {
    for (text, key, what) in [
        (
            "value_deserializer: f",
            "value_deserializer",
            Unsupported::ValueDeserializer,
        ),
        ("stats_cb: a:b", "stats_cb", Unsupported::StatisticsCallback),
        (
            "process_timeout: 5",
            "process_timeout",
            Unsupported::ProcessTimeout,
        ),
        (
            "error_reporter: {host: h}",
            "error_reporter",
            Unsupported::ErrorReporter,
        ),
    ] {
        let origin = at(key, 3);
        assert_eq!(error(text), LoadError::Unsupported { origin, what });
    }
    let class = "memory".to_owned();
    let origin = at("cls", 3);
    assert_eq!(error("cls: memory"), LoadError::Class { origin, class });
}

#[test]
fn unknown_key_gets_the_one_that_was_meant() {
    let unknown = |text: &str, key: &str, nearest: Option<&str>| {
        let (origin, nearest) = (at(key, 3), nearest.map(str::to_owned));
        assert_eq!(error(text), LoadError::Unknown { origin, nearest });
    };
    unknown("group: g", "group", None);
    unknown("groupid: g", "groupid", Some("group_id"));
    unknown("batchsize: 5", "batchsize", Some("batch_size"));
    unknown("object-types: [a]", "object-types", Some("object_types"));
}

#[test]
fn bad_values_are_refused() {
    for text in [
        "auto_offset_reset: none",
        "on_eof: wait",
        "batch_size: 0",
        "batch_size: -1",
        "privileged: maybe",
        "stop_after_objects: -1",
        "consumer_settings: [a]",
        "group_id: ''",
    ] {
        assert!(matches!(error(text), LoadError::BadValue { .. }), "{text}");
    }
}
