//! Dead letters: records that could not be processed, with the reason.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::SinkError;
use super::files::Files;
use super::jsonl::{Compression, LinesOfOneFile, OpenError};
use super::letter_topic::LetterTopic;
use crate::journal::failure_kind::FailureKind;

/// What all dead letters of a run have in common.
#[derive(Debug, Default, Clone)]
pub(crate) struct RunIdentity {
    /// The plugin's name and version.
    pub(crate) plugin: String,
    pub(crate) plugin_version: String,
    /// SHA-256 of the plugin's file, or of a script with its runtime.
    pub(crate) plugin_digest: String,
    /// SHA-256 of the runtime's file and of the script's files, where it is a script.
    pub(crate) script: Option<ScriptIdentity>,
    /// SHA-256 of the plugin's options as JSON.
    pub(crate) options_digest: String,
}

/// SHA-256 of what a script consists of.
#[derive(Debug, Clone)]
pub(crate) struct ScriptIdentity {
    /// Of the runtime's file.
    pub(crate) runtime_digest: String,
    /// Of the script's files.
    pub(crate) script_digest: String,
}

/// A record that could not be processed.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) topic: String,
    /// The public topic that the value is of, where the topic is a privileged one and names were removed.
    pub(crate) read_as: Option<String>,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    /// Milliseconds since 1970, where it is known.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) object_type: String,
    /// The identifier in its key, where it has one.
    pub(crate) id: Option<String>,
    pub(crate) key: Vec<u8>,
    /// The value as it was; none for a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
    /// The message of the processor's panic and where it is in its source.
    pub(crate) panic: Option<(String, String)>,
    /// How often the record was processed.
    pub(crate) attempt: u32,
    /// When it failed, in RFC 3339.
    pub(crate) time: String,
    pub(crate) run: Arc<RunIdentity>,
}

impl DeadLetter {
    /// The memory that it takes, in bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        const REST: usize = 512;
        let value = self.value.as_ref().map_or(0, Vec::len);
        // It is encoded beside what is held.
        (self.key.len() + value) * 3 + self.reason.len() + REST
    }

    /// Everything about it but its key and value.
    pub(crate) fn about(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        set("topic", self.topic.as_str().into());
        if let Some(read_as) = &self.read_as {
            set("read_as", read_as.as_str().into());
        }
        set("partition", self.partition.into());
        set("offset", self.offset.into());
        set("timestamp", self.timestamp_ms.into());
        set("object_type", self.object_type.as_str().into());
        set("id", self.id.as_deref().into());
        set("kind", self.kind.name().into());
        set("reason", self.reason.as_str().into());
        let panic = self.panic.as_ref();
        let panic =
            panic.map(|(message, location)| json!({"message": message, "location": location}));
        set("panic", panic.into());
        let run = &self.run;
        let mut plugin =
            json!({"name": run.plugin, "version": run.plugin_version, "digest": run.plugin_digest});
        if let Some(script) = &run.script {
            plugin["runtime_digest"] = script.runtime_digest.as_str().into();
            plugin["script_digest"] = script.script_digest.as_str().into();
        }
        set("plugin", plugin);
        set("options_digest", run.options_digest.as_str().into());
        set("host_version", env!("CARGO_PKG_VERSION").into());
        set("attempt", self.attempt.into());
        set("time", self.time.as_str().into());
        members
    }

    /// It as a line of JSON.
    fn line(&self) -> String {
        let mut members = self.about();
        let base64 = |bytes: &[u8]| Value::from(STANDARD.encode(bytes));
        members.insert("key".to_owned(), base64(&self.key));
        let value = self.value.as_deref().map(base64);
        members.insert("value".to_owned(), value.into());
        let mut line = Value::Object(members).to_string();
        line.push('\n');
        line
    }
}

/// Where dead letters are written to.
pub(crate) trait LetterSink: Send {
    /// Makes them durable, all or none as far as the destination allows.
    ///
    /// # Errors
    /// When they could not be written.
    fn write(&mut self, letters: &[DeadLetter]) -> Result<(), SinkError>;

    /// Opens again what was moved or removed.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn reopen(&mut self) -> Result<(), SinkError>;
}

/// Where the dead letters of a run go.
#[derive(Clone, Debug)]
pub(crate) enum Letters {
    File(LetterFile),
    Topic(LetterTopic),
}

impl Letters {
    /// For one worker.
    #[must_use]
    pub(crate) fn sink(&self) -> Box<dyn LetterSink> {
        match self {
            Self::File(file) => Box::new(file.clone()),
            Self::Topic(topic) => Box::new(topic.sink()),
        }
    }
}

/// A file of dead letters, one JSON object in each line.
#[derive(Clone, Debug)]
pub(crate) struct LetterFile(LinesOfOneFile);

impl LetterFile {
    /// Opens and locks a file.
    ///
    /// # Errors
    /// When its name promises compressed lines, or it cannot be opened or locked.
    pub(crate) fn open(files: &Arc<dyn Files>, name: &str) -> Result<Self, OpenError> {
        match Compression::of_name(name) {
            Some(_) => Err(OpenError::CompressedLetters {
                file: name.to_owned(),
            }),
            None => LinesOfOneFile::open(files, name).map(Self),
        }
    }
}

impl LetterSink for LetterFile {
    fn write(&mut self, letters: &[DeadLetter]) -> Result<(), SinkError> {
        let lines: String = letters.iter().map(DeadLetter::line).collect();
        self.0.append(lines.as_bytes())
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        self.0.reopen()
    }
}
