//! The sources of records: their kinds, and the one that a configuration names.

use std::env;
use std::path::PathBuf;
use std::time::SystemTime;

use super::layer::{DatasetLayer, GitLayer, KafkaLayer, Layer};
use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::values::{OnEof, StartFrom, TopicPartition};
use super::{ConfigError, Connection, DEFAULT_MAX_CONTENT_SIZE, Objects, PrivacyConfig};

/// Where records are read from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A source that is no cluster.
    Local(Local),
    /// A cluster.
    Kafka(Kafka),
}

/// A source that is no cluster: it is read from the first record to the last one, without a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// A journal in files, which are read one after another; `-` is standard input.
    Recordings(Vec<PathBuf>),
    /// A git repository.
    Git(Git),
    /// A dataset.
    Dataset(Dataset),
}

/// A dataset, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The tables that are left out.
    pub(crate) without: Vec<String>,
    /// The folder in which tables are sorted.
    pub(crate) temp: PathBuf,
    /// The memory for that, in bytes.
    pub(crate) sort_memory: usize,
}

/// The tables that can be left out: their rows belong to those of other tables.
pub(crate) const RELATIONS: [&str; 4] = [
    "directory_entry",
    "revision_extra_headers",
    "revision_history",
    "snapshot_branch",
];

/// The memory of a sort, in bytes, if the memory of the process is not limited.
const USUAL_SORT: usize = 512 << 20;
/// The least memory of a sort, in bytes.
const LEAST_SORT: usize = 16 << 20;

impl Dataset {
    fn of(
        layer: &DatasetLayer,
        process_memory: Option<usize>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(folder) = layer.folder.clone() else {
            return Ok(None);
        };
        let without = layer.without.clone().unwrap_or_default();
        let is_relation = |table: &String| RELATIONS.contains(&table.as_str());
        if !without.iter().all(is_relation) {
            return Err(ConfigError::NotLeftOut);
        }
        // It sorts before the run: what is left is for the file that is read, and for the process itself.
        let memory = process_memory.map_or(USUAL_SORT, |memory| memory / 2);
        Ok(Some(Self {
            folder,
            without,
            temp: layer.temp.clone().unwrap_or_else(default_temp),
            sort_memory: memory.clamp(LEAST_SORT, USUAL_SORT),
        }))
    }
}

/// A folder of the user's caches: what was sorted is kept, and the system's temporary folder is often in memory.
fn default_temp() -> PathBuf {
    let folder = |name| {
        let folder = env::var_os(name).map(PathBuf::from);
        folder.filter(|path| path.is_absolute())
    };
    let caches = folder("XDG_CACHE_HOME");
    let caches = caches.or_else(|| folder("HOME").map(|home| home.join(".cache")));
    let caches = caches.unwrap_or_else(env::temp_dir);
    caches.join("journal-host").join("datasets")
}

/// A git repository, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Git {
    /// A folder of it.
    pub(crate) repository: PathBuf,
    /// The URL of the origin, if it is given.
    pub(crate) origin: Option<String>,
    /// The time of the visit, if it is given.
    pub(crate) visit_date: Option<SystemTime>,
    /// Whether objects are read that no ref leads to.
    pub(crate) all_objects: bool,
    /// Bytes from which a content is skipped.
    pub(crate) max_content_size: u64,
}

impl Git {
    fn of(layer: &GitLayer) -> Option<Self> {
        Some(Self {
            repository: layer.repository.clone()?,
            origin: layer.origin.as_ref().map(|origin| origin.0.clone()),
            visit_date: layer.visit_date.map(|date| date.0),
            all_objects: layer.all_objects.unwrap_or_default(),
            max_content_size: layer
                .max_content_size
                .map_or(DEFAULT_MAX_CONTENT_SIZE, |size| size.0 as u64),
        })
    }
}

/// A cluster, and how it is read.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    /// The cluster and the consumer group.
    pub(crate) connection: Connection,
    /// The partitions to read without the group; if empty, the group reads all.
    pub(crate) partitions: Vec<TopicPartition>,
    /// What to do when all existing records are processed.
    pub(crate) on_eof: OnEof,
    /// Whether topics that are missing are created.
    pub(crate) create_topics: bool,
    /// Where a group without committed offsets starts, if that is set here and not by librdkafka's name.
    pub(crate) from: Option<StartFrom>,
}

impl Local {
    /// The files or the folder that are read.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Recordings(files) => files,
            Self::Git(git) => std::slice::from_ref(&git.repository),
            Self::Dataset(dataset) => std::slice::from_ref(&dataset.folder),
        }
    }
}

/// A kind of source. A configuration names exactly one source, and a layer that names one replaces those of lower layers,
/// whatever their kind.
///
/// To add a kind, add a variant here, one of [`Local`], and a setting with its flag in `SourceArguments` of `cli`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// A file.
    Recording,
    /// A git repository.
    Git,
    /// A folder of ORC files.
    Dataset,
    /// A cluster.
    Kafka,
}

impl SourceKind {
    /// All kinds, in the order in which messages name them.
    pub(crate) const ALL: [Self; 4] = [Self::Recording, Self::Git, Self::Dataset, Self::Kafka];

    /// The setting that names a source of this kind.
    pub(crate) fn setting(self) -> Setting {
        match self {
            Self::Recording => Setting::Recording,
            Self::Git => Setting::Git,
            Self::Dataset => Setting::Dataset,
            Self::Kafka => Setting::Brokers,
        }
    }

    /// The kinds that a layer names.
    fn named(layer: &Layer) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| match kind {
            Self::Recording => {
                let files = layer.journal.recordings.as_ref();
                files.is_some_and(|files| !files.is_empty())
            }
            Self::Git => layer.git.repository.is_some(),
            Self::Dataset => layer.dataset.folder.is_some(),
            Self::Kafka => layer.kafka.brokers.is_some(),
        })
    }

    /// Removes a source of this kind from a layer, with the settings that belong to it.
    fn remove_from(self, layer: &mut Layer) {
        match self {
            Self::Recording => layer.journal.recordings = None,
            Self::Git => layer.git = GitLayer::default(),
            Self::Dataset => {
                // The folder in which tables are sorted is one of the machine.
                let temp = layer.dataset.temp.take();
                layer.dataset = DatasetLayer {
                    temp,
                    ..DatasetLayer::default()
                };
            }
            Self::Kafka => layer.kafka = KafkaLayer::default(),
        }
    }

    /// Whether one worker reads all of it, without a group.
    pub(crate) fn is_local(self) -> bool {
        self != Self::Kafka
    }
}

/// Whether a layer names a source that is no cluster.
pub(crate) fn is_local(layer: &Layer) -> bool {
    SourceKind::named(layer).any(SourceKind::is_local)
}

/// Whether a layer names a source.
pub(super) fn is_named(layer: &Layer) -> bool {
    SourceKind::named(layer).next().is_some()
}

/// Removes from a lower layer what the source of a layer replaces.
pub(super) fn replace_in(layer: &Layer, lower: &mut Layer) {
    if !is_named(layer) {
        return;
    }
    if is_local(layer) && !layer.copies_to_cluster {
        // It is read to its end, and how many workers read the cluster says nothing of it.
        SourceKind::Kafka.remove_from(lower);
        lower.process.workers = None;
        lower.journal.on_eof = None;
    }
    for kind in SourceKind::ALL.into_iter().filter(|kind| kind.is_local()) {
        kind.remove_from(lower);
    }
}

/// Removes the folder in which tables are sorted where no dataset is read: it may be set for all commands of a machine. One
/// that the command line names is an error there.
pub(crate) fn remove_unused(layer: &mut Layer, origins: &Origins) {
    if layer.dataset.folder.is_none() && *origins.of(Setting::Temp) != Origin::Flag {
        layer.dataset.temp = None;
    }
}

/// The one source that the layer names, for a run.
pub(super) fn source(layer: &Layer) -> Result<Source, ConfigError> {
    if let Some(local) = local(layer)? {
        return Ok(Source::Local(local));
    }
    let kafka = &layer.kafka;
    let incomplete = |missing, given| ConfigError::Incomplete { missing, given };
    let partitions = kafka.partitions.clone().unwrap_or_default();
    let is_named = kafka.group_id.is_some();
    match Connection::of(kafka) {
        Some(_) if !is_named && partitions.is_empty() => {
            Err(incomplete(Setting::GroupId, Setting::Brokers))
        }
        Some(connection) => Ok(Source::Kafka(Kafka {
            connection,
            partitions,
            on_eof: layer.journal.on_eof.unwrap_or(match layer.journal.phases {
                Some(_) => OnEof::Stop,
                None => OnEof::Continue,
            }),
            create_topics: layer.journal.create_topics.unwrap_or_default(),
            from: kafka.from.clone(),
        })),
        None if is_named => Err(incomplete(Setting::Brokers, Setting::GroupId)),
        None if partitions.is_empty() => Err(ConfigError::NoSource),
        None => Err(incomplete(Setting::Brokers, Setting::Partitions)),
    }
}

/// The source that the layer names, unless that is a cluster.
fn local(layer: &Layer) -> Result<Option<Local>, ConfigError> {
    let Some((kind, local)) = only_local(layer)? else {
        return Ok(None);
    };
    let kafka = &layer.kafka;
    let given = [
        (kafka.brokers.is_some(), Setting::Brokers),
        (kafka.group_id.is_some(), Setting::GroupId),
        (kafka.partitions.is_some(), Setting::Partitions),
        (kafka.settings.is_some(), Setting::Kafka),
        (kafka.password_file.is_some(), Setting::PasswordFile),
        (kafka.key_password_file.is_some(), Setting::KeyPasswordFile),
        (kafka.group_instance_id.is_some(), Setting::GroupInstanceId),
        (kafka.from.is_some(), Setting::From),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, other)) => Err(ConfigError::TwoSources {
            named: kind.setting(),
            other,
        }),
        None => Ok(Some(local)),
    }
}

/// The same whether or not the layer has settings of a cluster, to which records may be copied.
pub(super) fn only_local(layer: &Layer) -> Result<Option<(SourceKind, Local)>, ConfigError> {
    if layer.git.repository.is_none()
        && let Some(given) = layer.git.settings().next()
    {
        let missing = Setting::Git;
        return Err(ConfigError::Incomplete { missing, given });
    }
    if layer.dataset.folder.is_none()
        && let Some(given) = layer.dataset.settings().next()
    {
        let missing = Setting::Dataset;
        return Err(ConfigError::Incomplete { missing, given });
    }
    let mut named = SourceKind::named(layer).filter(|kind| kind.is_local());
    let Some(kind) = named.next() else {
        return Ok(None);
    };
    if let Some(other) = named.next() {
        return Err(ConfigError::TwoSources {
            named: kind.setting(),
            other: other.setting(),
        });
    }
    let local = match kind {
        SourceKind::Recording => layer.journal.recordings.clone().map(Local::Recordings),
        SourceKind::Git => Git::of(&layer.git).map(Local::Git),
        SourceKind::Dataset => {
            let memory = layer.process.memory.map(|size| size.0);
            Dataset::of(&layer.dataset, memory)?.map(Local::Dataset)
        }
        SourceKind::Kafka => None,
    };
    Ok(local.map(|local| (kind, local)))
}

/// The settings of a command that reads records without a plugin and without a consumer group.
///
/// The group of a file with settings for `run` is ignored.
#[derive(Clone, Debug)]
pub(crate) struct ReadConfig {
    /// Where they are read from.
    pub(crate) source: ReadSource,
    /// Which of them are read.
    pub(crate) objects: Objects,
    /// What is held back.
    pub(crate) privacy: PrivacyConfig,
}

/// The source of such a command.
#[derive(Clone, Debug)]
pub(crate) enum ReadSource {
    /// A source that is no cluster.
    Local(Local),
    /// A cluster.
    Cluster(Connection),
}

impl TryFrom<Layer> for ReadConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let connection = Connection::of(&layer.kafka);
        let source = match (local(&layer)?, connection) {
            (Some(local), _) => ReadSource::Local(local),
            (None, Some(connection)) => ReadSource::Cluster(connection),
            (None, None) => return Err(ConfigError::NothingToRead),
        };
        Ok(Self {
            source,
            objects: Objects::of(&layer.journal),
            privacy: PrivacyConfig::of(layer.privacy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn layer(text: &str) -> Layer {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn reading_needs_a_source_and_neither_a_plugin_nor_a_group() {
        let read = |text| ReadConfig::try_from(layer(text));
        let cluster = read(r#"{"kafka": {"brokers": "b"}}"#).unwrap();
        assert!(matches!(cluster.source, ReadSource::Cluster(_)));
        let local = read(r#"{"journal": {"recordings": ["r"]}}"#).unwrap();
        assert!(matches!(
            local.source,
            ReadSource::Local(Local::Recordings(_))
        ));
        for text in ["{}", r#"{"kafka": {"group_id": "g"}}"#] {
            assert_eq!(read(text).unwrap_err(), ConfigError::NothingToRead);
        }
    }

    #[test]
    fn settings_of_a_repository_need_one() {
        let read = |text| ReadConfig::try_from(layer(text));
        let error = read(r#"{"git": {"origin": "o"}, "kafka": {"brokers": "b"}}"#).unwrap_err();
        let (missing, given) = (Setting::Git, Setting::Origin);
        assert_eq!(error, ConfigError::Incomplete { missing, given });
        let config = read(
            r#"{"git": {"repository": "r", "visit_date": "2026-01-02", "max_content_size": "1KiB"}}"#,
        );
        let ReadSource::Local(Local::Git(git)) = config.unwrap().source else {
            panic!("it is a repository");
        };
        assert_eq!((git.max_content_size, git.all_objects), (1024, false));
        assert!(git.visit_date.is_some() && git.origin.is_none());
    }

    #[test]
    fn tables_are_left_out_of_a_dataset_whose_rows_belong_to_others() {
        let read = |text| ReadConfig::try_from(layer(text));
        let without = |tables: &str| {
            let text = format!(r#"{{"dataset": {{"folder": "d", "without": {tables}}}}}"#);
            ReadConfig::try_from(layer(&text))
        };
        let config = without(r#"["directory_entry", "revision_history"]"#).unwrap();
        let ReadSource::Local(Local::Dataset(dataset)) = config.source else {
            panic!("it is a dataset");
        };
        assert_eq!(dataset.without, ["directory_entry", "revision_history"]);
        assert!(dataset.temp.ends_with("journal-host/datasets"));
        assert_eq!(dataset.sort_memory, USUAL_SORT);
        let error = without(r#"["directory"]"#).unwrap_err();
        assert_eq!(error, ConfigError::NotLeftOut);
        let error = read(r#"{"dataset": {"without": ["directory_entry"]}}"#).unwrap_err();
        let (missing, given) = (Setting::Dataset, Setting::Without);
        assert_eq!(error, ConfigError::Incomplete { missing, given });
    }

    /// The folder may be set for all commands of a machine.
    #[test]
    fn folder_for_sorts_is_ignored_where_no_dataset_is_read_unless_a_flag_names_it() {
        let read = |flags: &str, file: &str| {
            let by_file = |_| Origin::File {
                path: "c.yaml".into(),
                key: "temp".to_owned(),
                line: None,
            };
            let layers = Layers::default().over(layer(flags), |_| Origin::Flag);
            let (mut layer, origins) = layers.over(layer(file), by_file).into_parts();
            remove_unused(&mut layer, &origins);
            ReadConfig::try_from(layer).map(|config| config.source)
        };
        let temp = r#"{"dataset": {"temp": "t"}}"#;
        for source in [
            r#""journal": {"recordings": ["r"]}"#,
            r#""git": {"repository": "r"}"#,
            r#""kafka": {"brokers": "b"}"#,
        ] {
            let with_temp = format!(r#"{{{source}, "dataset": {{"temp": "t"}}}}"#);
            assert!(read("{}", &with_temp).is_ok(), "{source}");
            let alone = format!("{{{source}}}");
            assert!(read(&alone, temp).is_ok(), "{source}");
            let error = read(temp, &alone).unwrap_err();
            let (missing, given) = (Setting::Dataset, Setting::Temp);
            assert_eq!(error, ConfigError::Incomplete { missing, given });
        }
        // What is read does depend on a table that is left out.
        let without = r#"{"dataset": {"without": ["directory_entry"]}, "kafka": {"brokers": "b"}}"#;
        let error = read("{}", without).unwrap_err();
        let (missing, given) = (Setting::Dataset, Setting::Without);
        assert_eq!(error, ConfigError::Incomplete { missing, given });
        // A dataset of the command line replaces that of the file, but for the folder.
        let lower = r#"{"dataset": {"folder": "e", "without": ["directory_entry"], "temp": "t"}}"#;
        for lower in [temp, lower] {
            let found = read(r#"{"dataset": {"folder": "d"}}"#, lower).unwrap();
            let ReadSource::Local(Local::Dataset(dataset)) = found else {
                panic!("it is a dataset");
            };
            assert_eq!(
                (dataset.folder, dataset.temp),
                (PathBuf::from("d"), PathBuf::from("t"))
            );
            assert!(dataset.without.is_empty());
        }
    }

    #[test]
    fn memory_of_a_sort_is_half_of_that_of_the_process() {
        for (process, expected) in [
            ("400MiB", 200 << 20),
            ("1MiB", LEAST_SORT),
            ("9GiB", USUAL_SORT),
        ] {
            let text = format!(
                r#"{{"dataset": {{"folder": "d", "temp": "t"}}, "process": {{"memory": "{process}"}}}}"#
            );
            let config = ReadConfig::try_from(layer(&text)).unwrap();
            let ReadSource::Local(Local::Dataset(dataset)) = config.source else {
                panic!("it is a dataset");
            };
            assert_eq!(dataset.temp, PathBuf::from("t"));
            assert_eq!(dataset.sort_memory, expected, "{process}");
        }
    }

    #[test]
    fn each_kind_is_named_by_its_setting_and_removed_with_it() {
        for (kind, text) in [
            (
                SourceKind::Recording,
                r#"{"journal": {"recordings": ["r"]}}"#,
            ),
            (SourceKind::Git, r#"{"git": {"repository": "r"}}"#),
            (SourceKind::Dataset, r#"{"dataset": {"folder": "d"}}"#),
            (SourceKind::Kafka, r#"{"kafka": {"brokers": "b"}}"#),
        ] {
            let mut layer = layer(text);
            assert_eq!(SourceKind::named(&layer).collect::<Vec<_>>(), [kind]);
            assert!(layer.settings().any(|setting| setting == kind.setting()));
            kind.remove_from(&mut layer);
            assert!(!is_named(&layer), "{kind:?}");
        }
    }
}
