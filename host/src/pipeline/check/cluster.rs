//! Whether a run could use the cluster: brokers, topics and rights.

use std::collections::BTreeSet;

use super::{CheckError, CheckWarning, Checker, NO_TYPES, Outcome, Subject, build};
use crate::config;
use crate::journal::group_offsets::LogRanges;
use crate::journal::offsets::{Offsets, Partition};
use crate::journal::topics::{ObjectTypes, Subscription, TopicError};
use crate::kafka::{self, GroupAdmin, Settings, Unreadable, find_unreadable};
use crate::text::plural;

/// Why the group is not looked at.
const NO_GROUP: &str = "single partitions are read without a consumer group";

/// What a run would read.
pub(super) struct Reading {
    pub(super) subscription: Subscription,
    /// All partitions of the topics, of which a run without a group reads some.
    pub(super) partitions: Vec<Partition>,
    /// The ranges of the partitions that are read.
    pub(super) ranges: LogRanges,
}

/// The topics of a run.
struct Topics {
    /// Those that exist.
    names: Vec<String>,
    /// Those that the run would create.
    missing: Vec<String>,
}

impl Checker<'_> {
    pub(super) fn cluster(
        &mut self,
        kafka: &config::Kafka,
        settings: Option<&Settings>,
        types: Option<ObjectTypes>,
    ) {
        const REST: [Subject; 3] = [Subject::Topics, Subject::Group, Subject::Lag];
        let Some(settings) = settings else {
            self.skip(&[Subject::Brokers], "the settings are wrong");
            return self.skip(&REST, "the settings are wrong");
        };
        let start = self.start_of(kafka);
        let admin = match GroupAdmin::connect(settings) {
            Ok(admin) => admin,
            Err(error) => {
                self.fail(Subject::Brokers, error);
                return self.skip(&REST, "no broker answers");
            }
        };
        let brokers = match admin.broker_count() {
            1 => "a broker answers".to_owned(),
            count => format!("{count} brokers, of which one answers"),
        };
        self.fine(
            Subject::Brokers,
            format!("`{}`: {brokers}", admin.brokers()),
        );
        let subscription = types.map(|types| Subscription {
            partitions: build::given_partitions(kafka),
            ..build::subscription(&self.config.objects, types)
        });
        let reading = if let Some(subscription) = subscription {
            self.topics(&admin, kafka, settings, subscription)
        } else {
            self.skip(&[Subject::Topics], NO_TYPES);
            None
        };
        let start = start.and_then(|start| self.listed(start, reading.as_ref()));
        if !kafka.partitions.is_empty() {
            return self.skip(&[Subject::Group, Subject::Lag], NO_GROUP);
        }
        let may_ask = self.group(&admin, settings);
        match (reading, start) {
            _ if !may_ask => self.skip(&[Subject::Lag], "the group cannot be described"),
            (None, _) => self.skip(&[Subject::Lag], "the topics are not known"),
            (Some(_), None) => self.skip(&[Subject::Lag], "the start is wrong"),
            (Some(reading), Some(start)) => self.lag(&admin, settings, &reading, &start),
        }
    }

    /// What a run would read, if its topics are known.
    fn topics(
        &mut self,
        admin: &GroupAdmin,
        kafka: &config::Kafka,
        settings: &Settings,
        subscription: Subscription,
    ) -> Option<Reading> {
        let found = choose(admin, kafka, &subscription).and_then(|topics| {
            let given = given(admin, &topics, &subscription.partitions)?;
            Ok((topics, given))
        });
        let (topics, given) = match found {
            Ok(found) => found,
            Err(error) => {
                self.report(Subject::Topics, Outcome::Failed(error));
                return None;
            }
        };
        let partitions = topics.names.iter();
        let partitions: Vec<Partition> = partitions
            .flat_map(|topic| admin.partitions_of(topic))
            .collect();
        let read = if subscription.partitions.is_empty() {
            partitions.clone()
        } else {
            given
        };
        let all = admin.sizes().keys().map(|name| &**name);
        if let Some(text) = subscription.left_out(all) {
            self.warn(Subject::Topics, CheckWarning::LeftOut(text));
        }
        for topic in &topics.missing {
            let topic = topic.clone();
            self.warn(Subject::Topics, CheckWarning::Created { topic });
        }
        let missing = if subscription.partitions.is_empty() {
            // A run gives each new topic one partition.
            topics.missing.len()
        } else {
            0
        };
        let (workers, count) = (self.config.workers, read.len() + missing);
        if workers > count {
            let partitions = count;
            self.warn(
                Subject::Topics,
                CheckWarning::IdleWorkers {
                    workers,
                    partitions,
                },
            );
        }
        let looked = admin.ranges(&read).and_then(|ranges| {
            let ends: Offsets = ranges
                .iter()
                .map(|(partition, range)| (partition.clone(), range.end))
                .collect();
            Ok((find_unreadable(settings, &ends)?, ranges))
        });
        match looked {
            Ok((unreadable, ranges)) => {
                for topic in &topics.names {
                    self.topic(topic, &read, &ranges, &unreadable);
                }
                Some(Reading {
                    subscription,
                    partitions,
                    ranges,
                })
            }
            Err(error) => {
                self.fail(Subject::Topics, error);
                None
            }
        }
    }

    fn topic(
        &mut self,
        topic: &str,
        partitions: &[Partition],
        ranges: &LogRanges,
        unreadable: &Unreadable,
    ) {
        let is_own = |partition: &&Partition| *partition.topic == *topic;
        let all = partitions.iter().filter(is_own).count();
        let led = ranges.keys().filter(is_own).count();
        let silent = unreadable.silent.iter().filter(is_own).count();
        let mut refused = unreadable
            .refused
            .iter()
            .filter(|(partition, _)| is_own(partition))
            .map(|(_, &refusal)| refusal);
        let topic = topic.to_owned();
        if let Some(refusal) = refused.next() {
            let count = 1 + refused.count();
            return self.fail(
                Subject::Topics,
                CheckError::Unreadable {
                    topic,
                    count,
                    all,
                    refusal,
                },
            );
        }
        if silent > 0 {
            let count = silent;
            return self.fail(Subject::Topics, CheckError::Silent { topic, count, all });
        }
        if led < all {
            let count = all - led;
            return self.warn(
                Subject::Topics,
                CheckWarning::NoLeader { topic, count, all },
            );
        }
        let partitions = plural(all, "partition");
        self.fine(
            Subject::Topics,
            format!("`{topic}`: {partitions} can be read"),
        );
    }
}

/// The topics of the subscription; those that a run creates may be missing.
fn choose(
    admin: &GroupAdmin,
    kafka: &config::Kafka,
    subscription: &Subscription,
) -> Result<Topics, Box<CheckError>> {
    let mut missing: Vec<String> = Vec::new();
    if kafka.create_topics {
        missing = subscription.named_topics();
        missing.retain(|topic| !admin.sizes().contains_key(topic.as_str()));
    }
    if let Some(topic) = missing.iter().find(|topic| admin.is_hidden(topic)) {
        let topic = topic.clone();
        return Err(Box::new(CheckError::Hidden { topic }));
    }
    let names = admin.sizes().keys().map(|name| &**name);
    let names = names.chain(missing.iter().map(String::as_str));
    match subscription.choose(names) {
        Ok(topics) => {
            let names = topics.into_iter().map(|topic| topic.name);
            let names = names.filter(|name| !missing.contains(name)).collect();
            Ok(Topics { names, missing })
        }
        Err(error) => {
            let hidden = hidden(admin, subscription, &error);
            Err(Box::new(hidden.unwrap_or_else(|| of_brokers(admin, error))))
        }
    }
}

/// The given partitions, each once; those of a topic that is created are left out.
fn given(
    admin: &GroupAdmin,
    topics: &Topics,
    partitions: &[Partition],
) -> Result<Vec<Partition>, Box<CheckError>> {
    let unique: BTreeSet<&Partition> = partitions.iter().collect();
    let mut given = Vec::new();
    for partition in unique {
        let size = admin.sizes().get(&partition.topic).copied();
        let is_new = size.is_none() && topics.missing.contains(&partition.topic.to_string());
        let count = size.unwrap_or(u32::from(is_new));
        if partition.number >= count {
            let error = TopicError::NoPartition {
                partition: partition.clone(),
                count: usize::try_from(count).unwrap_or(usize::MAX),
            };
            return Err(Box::new(of_brokers(admin, error)));
        }
        if !is_new {
            given.push(partition.clone());
        }
    }
    Ok(given)
}

fn of_brokers(admin: &GroupAdmin, error: TopicError) -> CheckError {
    let brokers = admin.brokers().to_owned();
    kafka::Error::Topics { brokers, error }.into()
}

/// A topic that is missing may be one that the account does not see.
fn hidden(
    admin: &GroupAdmin,
    subscription: &Subscription,
    error: &TopicError,
) -> Option<CheckError> {
    let object_type = match (error, &subscription.object_types) {
        (TopicError::NoTopic { object_type, .. }, _) => object_type,
        (TopicError::NoTopics { .. }, ObjectTypes::Named(names)) => names.first()?,
        _ => return None,
    };
    let topic = format!("{}.{object_type}", subscription.prefix);
    admin
        .is_hidden(&topic)
        .then_some(CheckError::Hidden { topic })
}
