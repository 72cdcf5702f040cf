//! Selects the topics that a run reads.
//!
//! The name of a topic is `{prefix}.{object type}`, or `{prefix}_privileged.{object type}` for records that are not
//! anonymised. The same rules hold for a Kafka cluster and a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use journal_recording::is_topic_name;

use super::batch::Topic;
use super::offsets::Partition;
use crate::text::{Quoted, list, list_like, plural};

/// The suffix of the prefix of privileged topics.
const PRIVILEGED: &str = "_privileged";
/// The object types whose public topics are anonymised. Each has a privileged topic.
const ANONYMISED: [&str; 2] = ["release", "revision"];

/// Which object types a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectTypes {
    /// All object types of the journal.
    Any,
    /// These object types.
    Named(Vec<String>),
}

impl ObjectTypes {
    /// Whether values of persons may be among them.
    #[must_use]
    pub(crate) fn may_have_persons(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => names.iter().any(|name| ANONYMISED.contains(&name.as_str())),
        }
    }
}

/// Whether privileged topics are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileged {
    /// They are never read.
    No,
    /// They are read, and no anonymised topic is.
    Required,
    /// They are read where they exist, and anonymised topics elsewhere.
    IfAvailable,
}

/// Which topics a run reads.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The part of a topic's name before the object type.
    pub prefix: String,
    /// The object types.
    pub object_types: ObjectTypes,
    /// Whether privileged topics are read.
    pub privileged: Privileged,
    /// Whether an object type without a topic is left out, as long as there is another one.
    pub ignores_missing: bool,
    /// The partitions to read; all of the topics if empty.
    pub partitions: Vec<Partition>,
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
    /// Privileged topics are required, and only the public topics of these object types can be read.
    #[error(
        "{} {}, and the public topics of these object types are anonymised",
        if *is_denied { "denies this account access to" } else { "has no topic" },
        list(topics)
    )]
    Anonymised {
        /// The privileged topics that are missing.
        topics: BTreeSet<String>,
        /// Whether the brokers refuse to answer whether they exist.
        is_denied: bool,
    },
    /// A partition of a topic that the run does not read.
    #[error("has no topic {} that this run reads", Quoted(topic))]
    OtherTopic {
        /// The topic that was asked for.
        topic: String,
    },
    /// A partition that does not exist.
    #[error("has no {partition}: the topic has {}, counted from 0", plural(*count, "partition"))]
    NoPartition {
        /// The partition that was asked for.
        partition: Partition,
        /// The partitions of the topic.
        count: usize,
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
        if self.partitions.is_empty() {
            return self.choose_topics(names);
        }
        let chosen = self.of_partitions()?.choose_topics(names)?;
        let is_chosen = |topic: &str| chosen.iter().any(|chosen| chosen.name == topic);
        self.refuse_others(is_chosen)?;
        Ok(chosen)
    }

    /// The same subscription, restricted to the object types of its partitions.
    fn of_partitions(&self) -> Result<Self, TopicError> {
        let object_type = |topic: &str| self.topic(topic).map(|topic| topic.object_type);
        self.refuse_others(|topic| {
            object_type(topic).is_some_and(|object_type| match &self.object_types {
                ObjectTypes::Any => true,
                ObjectTypes::Named(names) => names.contains(&object_type),
            })
        })?;
        let types = self.partitions.iter();
        let types: BTreeSet<_> = types.filter_map(|one| object_type(&one.topic)).collect();
        Ok(Self {
            object_types: ObjectTypes::Named(types.into_iter().collect()),
            ..self.clone()
        })
    }

    /// Refuses a partition of a topic that is not read.
    fn refuse_others(&self, is_read: impl Fn(&str) -> bool) -> Result<(), TopicError> {
        let mut partitions = self.partitions.iter();
        match partitions.find(|partition| !is_read(&partition.topic)) {
            None => Ok(()),
            Some(other) => Err(TopicError::OtherTopic {
                topic: other.topic.to_string(),
            }),
        }
    }

    fn choose_topics<'a>(
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

    /// Whether a topic belongs to the journal with this prefix, of whatever object type.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        is_topic_name(name) && self.topic(name).is_some()
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
        let is_privileged = self.privileged != Privileged::No;
        let is_readable = |versions: &Versions| is_privileged || versions.public.is_some();
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
                let is_none = !wanted.iter().any(|wanted| known.contains(wanted));
                if let Some(missing) = wanted.iter().find(|wanted| !known.contains(*wanted))
                    && (is_none || !self.ignores_missing)
                {
                    return Err(TopicError::NoTopic {
                        object_type: missing.clone(),
                        prefix: self.prefix.clone(),
                        known,
                    });
                }
                let found = wanted.iter().filter(|wanted| known.contains(*wanted));
                found.cloned().collect()
            }
        };
        let read = wanted.iter().filter_map(|name| types.remove(name));
        let read = read.filter_map(|versions| match versions.privileged {
            Some(topic) if is_privileged => Some(topic),
            _ => versions.public,
        });
        self.refuse_anonymised(read.collect())
    }

    /// Answers the topics, unless privileged ones are required and an anonymised one is among them.
    fn refuse_anonymised(&self, chosen: Vec<Topic>) -> Result<Vec<Topic>, TopicError> {
        if self.privileged != Privileged::Required {
            return Ok(chosen);
        }
        let anonymised = chosen.iter().filter(|topic| topic.is_anonymised());
        let missing = |topic: &Topic| format!("{}{PRIVILEGED}.{}", self.prefix, topic.object_type);
        let topics: BTreeSet<_> = anonymised.map(missing).collect();
        if topics.is_empty() {
            return Ok(chosen);
        }
        Err(TopicError::Anonymised {
            topics,
            is_denied: false,
        })
    }

    /// What the operator has to know about the topics that were chosen: the privileged ones that were preferred and are
    /// not there, and the object types that are left out.
    #[must_use]
    pub fn warnings(&self, chosen: &[Arc<Topic>]) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.privileged == Privileged::IfAvailable {
            let anonymised = chosen.iter().filter(|topic| topic.is_anonymised());
            let anonymised: Vec<_> = anonymised.map(|topic| topic.name.as_str()).collect();
            if !anonymised.is_empty() {
                warnings.push(format!(
                    "{} of {} anonymised, because this account sees no privileged topic instead: {}",
                    anonymised.len(),
                    plural(chosen.len(), "topic"),
                    list(&anonymised)
                ));
            }
        }
        // With single partitions, only the object types of their topics are asked for.
        if let ObjectTypes::Named(wanted) = &self.object_types
            && self.partitions.is_empty()
        {
            let is_missing = |wanted: &&String| {
                let mut types = chosen.iter().map(|topic| &topic.object_type);
                !types.any(|object_type| object_type == *wanted)
            };
            let missing: Vec<_> = wanted.iter().filter(is_missing).collect();
            if !missing.is_empty() {
                warnings.push(format!(
                    "object types that have no topic are left out: {}",
                    list(&missing)
                ));
            }
        }
        warnings
    }

    /// What the operator of a mirror has to know about topics that exist: where all object types are read and privileged
    /// topics are not asked for, those that have only a privileged topic are left out.
    #[must_use]
    pub fn left_out<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let reads_any = matches!(self.object_types, ObjectTypes::Any) && self.partitions.is_empty();
        if !reads_any || self.privileged != Privileged::No {
            return None;
        }
        let (mut privileged, mut public) = (BTreeSet::new(), BTreeSet::new());
        for topic in names.into_iter().filter(|name| is_topic_name(name)) {
            if let Some(topic) = self.topic(topic) {
                let types = if topic.privileged {
                    &mut privileged
                } else {
                    &mut public
                };
                types.insert(topic.object_type);
            }
        }
        let only: Vec<_> = privileged.difference(&public).collect();
        (!only.is_empty()).then(|| {
            let only = list(&only);
            format!(
                "object types that have only a privileged topic are left out, because privileged topics are not asked for: \
                 {only}"
            )
        })
    }

    /// The topics of the object types that are asked for by name: the privileged ones, if these are read.
    pub(crate) fn named_topics(&self) -> Vec<String> {
        let ObjectTypes::Named(object_types) = &self.object_types else {
            return Vec::new();
        };
        let is_privileged = self.privileged != Privileged::No;
        let suffix = if is_privileged { PRIVILEGED } else { "" };
        let names = object_types.iter();
        names
            .map(|object_type| format!("{}{suffix}.{object_type}", self.prefix))
            .collect()
    }

    /// The privileged topics of all object types that have one.
    pub(crate) fn privileged_names(&self) -> Vec<String> {
        let name = |object_type| format!("{}{PRIVILEGED}.{object_type}", self.prefix);
        ANONYMISED.into_iter().map(name).collect()
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

impl Topic {
    /// Whether its records hold no names.
    fn is_anonymised(&self) -> bool {
        !self.privileged && ANONYMISED.contains(&self.object_type.as_str())
    }
}

impl Topic {
    /// The public topic of the same object type.
    #[must_use]
    pub(crate) fn public(&self) -> Self {
        Self {
            name: public_name(&self.name),
            object_type: self.object_type.clone(),
            privileged: false,
        }
    }

    /// The public topic that its values are of, where it is a privileged one whose names are removed.
    #[must_use]
    pub(crate) fn public_counterpart(&self) -> Option<String> {
        let public = public_name(&self.name);
        (!self.privileged && public != self.name).then_some(public)
    }

    /// The topic that a name is of.
    #[must_use]
    pub(crate) fn named(name: &str) -> Self {
        let (prefix, object_type) = name.rsplit_once('.').unwrap_or(("", name));
        Self {
            name: name.to_owned(),
            object_type: object_type.to_owned(),
            privileged: prefix.ends_with(PRIVILEGED),
        }
    }
}

/// The name of the public topic of the same object type.
#[must_use]
pub(crate) fn public_name(name: &str) -> String {
    let public = name.rsplit_once('.').and_then(|(prefix, object_type)| {
        let prefix = prefix.strip_suffix(PRIVILEGED)?;
        Some(format!("{prefix}.{object_type}"))
    });
    public.unwrap_or_else(|| name.to_owned())
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
