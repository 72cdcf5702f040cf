//! What is committed by one checkpoint, as a file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ParquetError;
use crate::journal::offsets::Partition;
use crate::sink::tables::Owner;

/// The version of manifests.
const VERSION: u32 = 1;
/// Each manifest with a number that this divides has all positions, so that few are read at the start.
pub(super) const SNAPSHOT_EVERY: u64 = 100;

/// The rows and positions of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of the format.
    version: u32,
    /// Counts the manifests of the group, from 1.
    pub(super) number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(flatten)]
    pub(super) id: Id,
    /// The version of the host.
    host: String,
    plugin: Plugin,
    pub(super) files: Vec<NamedFile>,
    pub(super) positions: Vec<Advance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<Snapshot>,
}

/// Which checkpoint it is. Its number is 0 where positions change without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Id {
    pub(super) run: String,
    pub(super) worker: usize,
    pub(super) checkpoint: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plugin {
    name: String,
    version: String,
    digest: String,
    options_digest: String,
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedFile {
    pub(super) table: String,
    /// The path in the folder.
    pub(super) path: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// A position that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Advance {
    pub(super) topic: String,
    pub(super) partition: u32,
    /// Where the worker went on from; none where the partition starts, or an operator sets the position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<u64>,
    #[serde(flatten)]
    pub(super) to: Kept,
}

/// The position of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The next record to read.
    pub(super) next: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) note: String,
    /// The identifier of the topic; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) topic_id: String,
    /// Nothing goes on from here: the run without a group has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ended: bool,
}

/// All that the manifests up to one say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Snapshot {
    /// The number of files that they name.
    files: u64,
    positions: Vec<Advance>,
}

/// What the manifests of a group say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the last manifest; 0 if there is none.
    pub(super) number: u64,
    /// How many files are named.
    pub(super) files: u64,
    pub(super) positions: BTreeMap<Partition, Kept>,
}

impl Manifest {
    /// The one that follows `state`.
    pub(super) fn after(
        state: &State,
        owner: &Owner,
        id: Id,
        files: Vec<NamedFile>,
        positions: Vec<Advance>,
    ) -> Self {
        let provenance = &owner.provenance;
        let mut manifest = Self {
            version: VERSION,
            number: state.number + 1,
            group: owner.group.clone(),
            id,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            plugin: Plugin {
                name: owner.plugin.clone(),
                version: provenance.version.clone(),
                digest: provenance.digest.clone(),
                options_digest: provenance.options_digest.clone(),
            },
            files,
            positions,
            snapshot: None,
        };
        if manifest.number.is_multiple_of(SNAPSHOT_EVERY) {
            let mut after = state.clone();
            after.apply(&manifest);
            manifest.snapshot = Some(after.snapshot());
        }
        manifest
    }

    /// Reads the manifest with this number; none if there is no such file.
    pub(super) fn read(path: &Path, number: u64) -> Result<Option<Self>, ParquetError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ParquetError::read(path)(error)),
        };
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| ParquetError::damaged(path, &error))?;
        if manifest.version != VERSION {
            let reason = format!("it has the version {}", manifest.version);
            return Err(ParquetError::damaged(path, &reason));
        }
        if manifest.number != number {
            let reason = format!("it has the number {}", manifest.number);
            return Err(ParquetError::damaged(path, &reason));
        }
        Ok(Some(manifest))
    }

    /// The text of its file.
    pub(super) fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// What it and all before it say, where it has that.
    pub(super) fn state(&self) -> Option<State> {
        let snapshot = self.snapshot.as_ref()?;
        Some(State {
            number: self.number,
            files: snapshot.files,
            positions: snapshot.positions.iter().map(Advance::pair).collect(),
        })
    }
}

impl State {
    /// Goes on to the next manifest.
    pub(super) fn apply(&mut self, manifest: &Manifest) {
        self.number = manifest.number;
        self.files += manifest.files.len() as u64;
        for (partition, kept) in manifest.positions.iter().map(Advance::pair) {
            if kept.ended {
                self.positions.remove(&partition);
            } else {
                self.positions.insert(partition, kept);
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let position = |(partition, kept): (&Partition, &Kept)| Advance {
            topic: partition.topic.to_string(),
            partition: partition.number,
            from: None,
            to: kept.clone(),
        };
        Snapshot {
            files: self.files,
            positions: self.positions.iter().map(position).collect(),
        }
    }
}

impl Advance {
    fn pair(&self) -> (Partition, Kept) {
        let partition = Partition {
            topic: (*self.topic).into(),
            number: self.partition,
        };
        (partition, self.to.clone())
    }
}
