//! The topics to which a recording is written.

use std::collections::BTreeMap;

use journal_recording::{Format, is_topic_name};

use super::error::Error;
use super::produce::ProduceOptions;
use super::survey::Survey;
use crate::journal::batch::Topic;
use crate::journal::offsets::{Partition, Start};
use crate::journal::topics::{public_name, renamed};
use crate::kafka::{Catalog, partitions_of};
use crate::text::plural;

/// The most partitions of a new topic: a recording may name any.
const MOST_PARTITIONS: u32 = 100_000;

/// The topic to which the records of a topic of the recording go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    /// The topic in the recording.
    pub(super) source: Topic,
    /// Whether its records are privileged copies of those of a public topic, which go to that topic.
    pub(super) is_left_out: bool,
    pub(super) partitions: u32,
    /// Whether it has to be created.
    pub(super) is_new: bool,
}

/// The name of the target of each topic of the recording.
///
/// # Errors
/// When a name is none for a topic, or two topics get the same one.
fn names(survey: &Survey, options: &ProduceOptions) -> Result<BTreeMap<String, String>, Error> {
    let mut targets = BTreeMap::new();
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for topic in survey.topics.keys() {
        if is_copy(topic, survey, options) {
            continue;
        }
        let target = match (&options.prefix, survey.format) {
            (Some(prefix), _) => renamed(topic, prefix),
            (None, Format::Stream) => renamed(topic, &options.default_prefix),
            (None, Format::Frames) => topic.clone(),
        };
        let target = if options.anonymises() {
            public_name(&target)
        } else {
            target
        };
        if !is_topic_name(&target) {
            return Err(Error::BadTopicName(target));
        }
        if let Some(one) = taken.insert(target.clone(), topic) {
            return Err(Error::SameTopic {
                one: one.to_owned(),
                other: topic.clone(),
                target,
            });
        }
        targets.insert(topic.clone(), target);
    }
    Ok(targets)
}

/// Whether the records of a topic become those of another one of the recording, because names are removed.
fn is_copy(topic: &str, survey: &Survey, options: &ProduceOptions) -> bool {
    let public = public_name(topic);
    options.anonymises() && public != topic && survey.topics.contains_key(&public)
}

/// The target of each topic of the recording. Changes nothing on the cluster.
///
/// # Errors
/// When the records do not fit the topics, or a topic holds records already and may not be added to.
pub(super) fn choose(
    survey: &Survey,
    options: &ProduceOptions,
    catalog: &Catalog,
    max_message_bytes: usize,
) -> Result<BTreeMap<String, Target>, Error> {
    let mut targets = BTreeMap::new();
    for topic in survey
        .topics
        .keys()
        .filter(|topic| is_copy(topic, survey, options))
    {
        targets.insert(
            topic.clone(),
            Target {
                name: public_name(topic),
                source: Topic::named(topic),
                is_left_out: true,
                partitions: 0,
                is_new: false,
            },
        );
        tracing::info!(
            "the records of `{topic}` are left out: without names they are those of the public topic"
        );
    }
    for (topic, name) in names(survey, options)? {
        let seen = survey.topics.get(&topic).copied().unwrap_or_default();
        if seen.largest > max_message_bytes {
            return Err(Error::RecordTooLarge {
                topic,
                bytes: seen.largest,
                limit: max_message_bytes,
            });
        }
        let needed = if options.keep_partitions {
            seen.partitions
        } else {
            0
        };
        if needed > MOST_PARTITIONS {
            return Err(Error::TooManyPartitions {
                topic,
                needed,
                most: MOST_PARTITIONS,
            });
        }
        let existing = catalog.partitions(&name);
        let partitions = existing
            .or(options.partitions)
            .unwrap_or_else(|| needed.max(1));
        if partitions < needed {
            return Err(Error::TooFewPartitions {
                topic: name,
                needed,
                partitions,
                exists: existing.is_some(),
            });
        }
        if let (Some(existing), Some(wanted)) = (existing, options.partitions)
            && existing != wanted
        {
            let existing = plural(existing, "partition");
            tracing::warn!("the topic `{name}` exists and keeps its {existing}");
        }
        let target = Target {
            name,
            source: Topic::named(&topic),
            is_left_out: false,
            partitions,
            is_new: existing.is_none(),
        };
        targets.insert(topic, target);
    }
    if !options.append {
        let existing = targets.values();
        let existing = existing.filter(|target| !target.is_new && !target.is_left_out);
        refuse_held(existing, catalog)?;
    }
    Ok(targets)
}

/// Refuses topics that hold records.
fn refuse_held<'a>(
    existing: impl Iterator<Item = &'a Target>,
    catalog: &Catalog,
) -> Result<(), Error> {
    let partitions: Vec<Partition> = existing
        .flat_map(|target| partitions_of(&target.name, target.partitions))
        .collect();
    let first = catalog.offsets(&partitions, Start::Earliest)?;
    let last = catalog.offsets(&partitions, Start::Latest)?;
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for (partition, &end) in &last {
        let begin = first.get(partition).copied().unwrap_or(0);
        if end > begin {
            *held.entry(partition.topic.to_string()).or_default() += end - begin;
        }
    }
    if held.is_empty() {
        Ok(())
    } else {
        Err(Error::HoldRecords(held.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::survey::Seen;
    use super::*;

    fn renamed_by(
        topics: &[&str],
        format: Format,
        prefix: Option<&str>,
    ) -> Result<Vec<String>, String> {
        let survey = Survey {
            format,
            topics: topics
                .iter()
                .map(|&topic| (topic.to_owned(), Seen::default()))
                .collect(),
            records: 0,
        };
        let options = ProduceOptions {
            prefix: prefix.map(str::to_owned),
            default_prefix: "swh.journal.objects".to_owned(),
            ..ProduceOptions::default()
        };
        names(&survey, &options)
            .map(|names| names.into_values().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn topics_keep_their_names_unless_a_prefix_is_given() {
        let recorded = ["a.b.origin", "a.b_privileged.revision", "plain"];
        let names = |prefix| renamed_by(&recorded, Format::Frames, prefix);
        assert_eq!(names(None).unwrap(), recorded);
        assert_eq!(
            names(Some("x.y")).unwrap(),
            ["x.y.origin", "x.y_privileged.revision", "x.y.plain"]
        );
    }

    #[test]
    fn object_types_of_a_stream_get_the_usual_prefix() {
        let names = |prefix| renamed_by(&["origin"], Format::Stream, prefix).unwrap();
        assert_eq!(names(None), ["swh.journal.objects.origin"]);
        assert_eq!(names(Some("x")), ["x.origin"]);
    }

    #[test]
    fn two_topics_never_become_one() {
        let refusal = renamed_by(&["a.origin", "b.origin"], Format::Frames, Some("x"));
        assert_eq!(
            refusal.unwrap_err(),
            "`a.origin` and `b.origin` would both become `x.origin`"
        );
        let refusal = renamed_by(&["a.origin"], Format::Frames, Some("x y"));
        assert!(refusal.unwrap_err().starts_with("`x y.origin` cannot be"));
    }
}
