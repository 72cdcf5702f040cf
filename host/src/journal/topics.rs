//! Selects the topics that a run reads.
//!
//! The name of a topic is `{prefix}.{object type}`, or `{prefix}_privileged.{object type}` for records that are not
//! anonymised. The same rules hold for a Kafka cluster and a recording.

use std::collections::{BTreeMap, BTreeSet};

use journal_recording::is_topic_name;

use super::batch::Topic;
use crate::text::{Quoted, list, list_like};

/// The suffix of the prefix of privileged topics.
const PRIVILEGED: &str = "_privileged";

/// Which object types a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectTypes {
    /// All object types of the journal.
    Any,
    /// These object types.
    Named(Vec<String>),
}

/// Which topics a run reads.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The part of a topic's name before the object type.
    pub prefix: String,
    /// The object types.
    pub object_types: ObjectTypes,
    /// Whether privileged topics are preferred where they exist; without this they are never read.
    pub privileged: bool,
}

/// Why no topics can be selected, as the rest of a sentence about the brokers or the recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No topic has the prefix.
    #[error(
        "has no topic with the prefix {}; the prefixes there are: {}",
        Quoted(prefix), list_like(others.iter().map(String::as_str), prefix)
    )]
    NoTopics {
        /// The prefix that was asked for.
        prefix: String,
        /// The prefixes that the topics have.
        others: BTreeSet<String>,
    },
    /// The object types exist only in privileged topics, which were not asked for.
    #[error(
        "has only privileged topics with the prefix {} for: {}",
        Quoted(prefix),
        list(object_types)
    )]
    OnlyPrivileged {
        /// The prefix that was asked for.
        prefix: String,
        /// The object types that only privileged topics have.
        object_types: BTreeSet<String>,
    },
    /// There is no topic for an object type that the plan asks for.
    #[error(
        "has no topic for the object type {} with the prefix {}; the object types there are: {}",
        Quoted(object_type),
        Quoted(prefix),
        list(known)
    )]
    NoTopic {
        /// The object type.
        object_type: String,
        /// The prefix that was asked for.
        prefix: String,
        /// The object types that can be read.
        known: BTreeSet<String>,
    },
}

/// The topics of one object type.
#[derive(Debug, Default)]
struct Versions {
    public: Option<Topic>,
    privileged: Option<Topic>,
}

impl Subscription {
    /// Selects topics by name; `names` are all topics of the journal. Names that Kafka does not allow, and topics under
    /// other prefixes, are ignored. The topics are sorted by object type.
    ///
    /// # Errors
    /// When an object type has no topic that may be read, or none has.
    pub fn choose<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Topic>, TopicError> {
        let mut types: BTreeMap<String, Versions> = BTreeMap::new();
        let mut others = BTreeSet::new();
        for name in names.into_iter().filter(|name| is_topic_name(name)) {
            if let Some(topic) = self.topic(name) {
                let versions = types.entry(topic.object_type.clone()).or_default();
                if topic.privileged {
                    versions.privileged = Some(topic);
                } else {
                    versions.public = Some(topic);
                }
            } else if let Some(prefix) = public_prefix(name) {
                others.insert(prefix.to_owned());
            }
        }
        self.choose_types(types, others)
    }

    /// Selects object types that have no topic names, such as those of upstream's stream format; none of them is
    /// privileged.
    ///
    /// # Errors
    /// When an object type is missing, or there is none.
    pub fn choose_object_types<'a>(
        &self,
        object_types: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Topic>, TopicError> {
        let versions = |object_type: &str| Versions {
            public: Some(Topic {
                name: format!("{}.{object_type}", self.prefix),
                object_type: object_type.to_owned(),
                privileged: false,
            }),
            privileged: None,
        };
        let types = object_types
            .into_iter()
            .map(|object_type| (object_type.to_owned(), versions(object_type)));
        self.choose_types(types.collect(), BTreeSet::new())
    }

    fn choose_types(
        &self,
        mut types: BTreeMap<String, Versions>,
        others: BTreeSet<String>,
    ) -> Result<Vec<Topic>, TopicError> {
        if types.is_empty() {
            let prefix = self.prefix.clone();
            return Err(TopicError::NoTopics { prefix, others });
        }
        let names_of = |wanted: &dyn Fn(&str, &Versions) -> bool| -> BTreeSet<String> {
            let found = types
                .iter()
                .filter(|(name, versions)| wanted(name, versions));
            found.map(|(name, _)| name.clone()).collect()
        };
        let is_readable = |versions: &Versions| self.privileged || versions.public.is_some();
        let known = names_of(&|_, versions| is_readable(versions));
        let only_privileged = names_of(&|name, versions| {
            !is_readable(versions) && (known.is_empty() || self.names(name))
        });
        if !only_privileged.is_empty() {
            return Err(TopicError::OnlyPrivileged {
                prefix: self.prefix.clone(),
                object_types: only_privileged,
            });
        }
        let wanted = match &self.object_types {
            ObjectTypes::Any => known,
            ObjectTypes::Named(wanted) => {
                if let Some(missing) = wanted.iter().find(|wanted| !known.contains(*wanted)) {
                    return Err(TopicError::NoTopic {
                        object_type: missing.clone(),
                        prefix: self.prefix.clone(),
                        known,
                    });
                }
                wanted.iter().cloned().collect()
            }
        };
        let read = wanted.iter().filter_map(|name| types.remove(name));
        let read = read.filter_map(|versions| match versions.privileged {
            Some(topic) if self.privileged => Some(topic),
            _ => versions.public,
        });
        Ok(read.collect())
    }

    /// Splits a name; `None` when it does not have the prefix.
    fn topic(&self, name: &str) -> Option<Topic> {
        let rest = name.strip_prefix(&self.prefix)?;
        let after_privileged = rest
            .strip_prefix(PRIVILEGED)
            .and_then(|rest| rest.strip_prefix('.'));
        let (privileged, object_type) = match after_privileged {
            Some(object_type) => (true, object_type),
            // The privileged prefix does not replace the flag.
            None if self.prefix.ends_with(PRIVILEGED) => return None,
            None => (false, rest.strip_prefix('.')?),
        };
        // A name with another dot belongs to a longer prefix.
        (!object_type.is_empty() && !object_type.contains('.')).then(|| Topic {
            name: name.to_owned(),
            object_type: object_type.to_owned(),
            privileged,
        })
    }

    /// Whether the object type is asked for by its name.
    fn names(&self, object_type: &str) -> bool {
        match &self.object_types {
            ObjectTypes::Any => false,
            ObjectTypes::Named(names) => names.iter().any(|name| name == object_type),
        }
    }
}

/// The name of a topic under another prefix: a privileged topic stays privileged.
#[must_use]
pub(crate) fn renamed(name: &str, prefix: &str) -> String {
    let (old, object_type) = name.rsplit_once('.').unwrap_or(("", name));
    let privileged = if old.ends_with(PRIVILEGED) {
        PRIVILEGED
    } else {
        ""
    };
    format!("{prefix}{privileged}.{object_type}")
}

/// The prefix of a topic; none for the topics of Kafka itself.
fn public_prefix(name: &str) -> Option<&str> {
    let (prefix, _) = name.rsplit_once('.')?;
    let public = prefix.strip_suffix(PRIVILEGED).unwrap_or(prefix);
    (!name.starts_with("__")).then_some(public)
}

#[cfg(test)]
mod tests;
