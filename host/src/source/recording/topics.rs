//! Which topics of a recording are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use journal_recording::{Format, RecordingName};

use super::error::Error;
use crate::journal::batch::Topic;
use crate::sandbox::ObjectTypes;

/// What the operator and the plan want of the topics.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    pub(super) object_types: &'a ObjectTypes,
    pub(super) privileged: bool,
}

/// A topic of the recording.
#[derive(Debug)]
struct Entry {
    /// As the records name it.
    name: String,
    /// The topic, where it is read.
    topic: Option<Arc<Topic>>,
    /// Records seen so far.
    records: u64,
}

/// All topics of the recording, those that are not read included.
#[derive(Debug)]
pub(super) struct Topics {
    entries: Vec<Entry>,
    /// The entry of the last record: neighbours are often of one topic.
    last: usize,
}

impl Topics {
    /// Chooses among `names`, which are all that the recording has.
    pub(super) fn choose(
        names: &[String],
        format: Format,
        wanted: &Wanted<'_>,
        place: &RecordingName,
    ) -> Result<Self, Error> {
        let topics: Vec<_> = names
            .iter()
            .map(|name| wanted.topic(name, format))
            .collect();
        if topics.iter().all(Option::is_none) {
            let prefix = wanted.prefix.to_owned();
            return Err(Error::NoTopics {
                place: place.clone(),
                prefix,
                others: prefixes(names),
            });
        }
        if let ObjectTypes::Named(object_types) = wanted.object_types {
            let readable = || {
                let known = topics.iter().flatten();
                known.filter(|topic| wanted.privileged || !topic.privileged)
            };
            for object_type in object_types {
                if !readable().any(|topic| topic.object_type == *object_type) {
                    return Err(Error::NoTopic {
                        place: place.clone(),
                        object_type: object_type.clone(),
                        known: list(readable().map(|topic| topic.object_type.as_str())),
                    });
                }
            }
        }
        let is_read = |topic: &Topic| {
            let twin = topics
                .iter()
                .flatten()
                .any(|other| other.object_type == topic.object_type && other.privileged);
            wanted.has(topic) && topic.privileged == (wanted.privileged && twin)
        };
        let entry = |(name, topic): (&String, &Option<Topic>)| Entry {
            name: name.clone(),
            topic: topic.clone().filter(is_read).map(Arc::new),
            records: 0,
        };
        let entries: Vec<_> = names.iter().zip(&topics).map(entry).collect();
        if entries.iter().all(|entry| entry.topic.is_none()) {
            let prefix = wanted.prefix.to_owned();
            return Err(Error::OnlyPrivileged {
                place: place.clone(),
                prefix,
            });
        }
        Ok(Self { entries, last: 0 })
    }

    /// The topic that records call `name`, and how many of its records came before. The outer
    /// `None` is for a name that the recording should not have, the inner for a topic not read.
    pub(super) fn find(&mut self, name: &str) -> Option<(Option<&Arc<Topic>>, u64)> {
        if self
            .entries
            .get(self.last)
            .is_none_or(|entry| entry.name != name)
        {
            self.last = self.entries.iter().position(|entry| entry.name == name)?;
        }
        let entry = self.entries.get(self.last)?;
        Some((entry.topic.as_ref(), entry.records))
    }

    /// Counts a record of the topic found last.
    pub(super) fn count(&mut self) {
        if let Some(entry) = self.entries.get_mut(self.last) {
            entry.records += 1;
        }
    }
}

impl Wanted<'_> {
    /// Takes a name apart; `None` when it is not under the prefix.
    fn topic(&self, name: &str, format: Format) -> Option<Topic> {
        if format == Format::Stream {
            return Some(Topic {
                name: format!("{}.{name}", self.prefix),
                object_type: name.to_owned(),
                privileged: false,
            });
        }
        let rest = name.strip_prefix(self.prefix)?;
        let (privileged, object_type) = match rest.strip_prefix("_privileged.") {
            Some(object_type) => (true, object_type),
            // Naming the privileged prefix is no way around the flag.
            None if self.prefix.ends_with("_privileged") => return None,
            None => (false, rest.strip_prefix('.')?),
        };
        // What has a further dot belongs to a longer prefix.
        (!object_type.is_empty() && !object_type.contains('.')).then(|| Topic {
            name: name.to_owned(),
            object_type: object_type.to_owned(),
            privileged,
        })
    }

    fn has(&self, topic: &Topic) -> bool {
        match self.object_types {
            ObjectTypes::Any => true,
            ObjectTypes::Named(names) => names.contains(&topic.object_type),
        }
    }
}

fn prefixes(names: &[String]) -> String {
    list(names.iter().filter_map(|name| {
        let (prefix, _) = name.rsplit_once('.')?;
        Some(prefix.strip_suffix("_privileged").unwrap_or(prefix))
    }))
}

/// The names in alphabetical order, each once.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}
