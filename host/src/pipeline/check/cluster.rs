//! Whether a run could use the cluster: brokers, topics, rights and lag.

use super::finding::plural;
use super::{CheckError, CheckWarning, Checker, NO_TYPES, Subject, build};
use crate::journal::group_offsets::{LogRanges, check_ranges};
use crate::journal::offsets::{Offsets, Partition, Start};
use crate::journal::topics::{ObjectTypes, Subscription, TopicError};
use crate::kafka::{self, GroupAdmin, GroupState, Settings, Unreadable, find_unreadable};

impl Checker<'_> {
    pub(super) fn cluster(&mut self, settings: Option<&Settings>, types: Option<ObjectTypes>) {
        const REST: [Subject; 3] = [Subject::Topics, Subject::Group, Subject::Lag];
        let Some(settings) = settings else {
            self.skip(&[Subject::Brokers], "the settings are wrong");
            return self.skip(&REST, "the settings are wrong");
        };
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
        let ranges = self.topics(&admin, settings, types);
        let may_ask = self.group(&admin, &settings.group_id);
        match ranges {
            Some(ranges) if may_ask => self.lag(&admin, settings, &ranges),
            Some(_) => self.skip(&[Subject::Lag], "the group cannot be described"),
            None => self.skip(&[Subject::Lag], "the topics are not known"),
        }
    }

    /// The ranges of the partitions of all topics, if they are known.
    fn topics(
        &mut self,
        admin: &GroupAdmin,
        settings: &Settings,
        types: Option<ObjectTypes>,
    ) -> Option<LogRanges> {
        let Some(types) = types else {
            self.skip(&[Subject::Topics], NO_TYPES);
            return None;
        };
        let subscription = build::subscription(&self.config.objects, types);
        let names = admin.sizes().keys().map(|name| &**name);
        let topics = match subscription.choose(names) {
            Ok(topics) => topics,
            Err(error) => {
                let error = hidden(admin, &subscription, &error).unwrap_or_else(|| {
                    let brokers = admin.brokers().to_owned();
                    kafka::Error::Topics { brokers, error }.into()
                });
                self.fail(Subject::Topics, error);
                return None;
            }
        };
        let partitions: Vec<Partition> = topics
            .iter()
            .flat_map(|topic| admin.partitions_of(&topic.name))
            .collect();
        if self.config.workers > partitions.len() {
            self.warn(
                Subject::Topics,
                CheckWarning::IdleWorkers {
                    workers: self.config.workers,
                    partitions: partitions.len(),
                },
            );
        }
        let looked = admin.ranges(&partitions).and_then(|ranges| {
            let ends: Offsets = ranges
                .iter()
                .map(|(partition, range)| (partition.clone(), range.end))
                .collect();
            Ok((find_unreadable(settings, &ends)?, ranges))
        });
        match looked {
            Ok((unreadable, ranges)) => {
                for topic in &topics {
                    self.topic(&topic.name, &partitions, &ranges, &unreadable);
                }
                Some(ranges)
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

    /// Answers whether the group's offsets can be asked for.
    fn group(&mut self, admin: &GroupAdmin, group_id: &str) -> bool {
        let group = match admin.describe() {
            Ok(group) => group,
            Err(error) => {
                self.fail(Subject::Group, error);
                return false;
            }
        };
        let group_id = group_id.to_owned();
        let count = group.members.len();
        match group.may_be_used {
            Some(false) => self.fail(Subject::Group, CheckError::GroupRight { group_id }),
            None => self.warn(Subject::Group, CheckWarning::UnknownRights { group_id }),
            Some(true) if count > 0 => self.warn(
                Subject::Group,
                CheckWarning::Members {
                    group_id,
                    count,
                    state: group.state,
                },
            ),
            Some(true) => {
                let state = match group.state {
                    GroupState::Missing => "is new",
                    _ => "has no members",
                };
                self.fine(
                    Subject::Group,
                    format!("`{group_id}` may be used, and {state}"),
                );
            }
        }
        true
    }

    fn lag(&mut self, admin: &GroupAdmin, settings: &Settings, ranges: &LogRanges) {
        let committed = match admin.committed() {
            Ok(committed) => committed,
            Err(error) => return self.fail(Subject::Lag, error),
        };
        let next = committed.iter();
        let next = next.map(|(partition, position)| (partition.clone(), position.next));
        if let Err(source) = check_ranges(&next.collect(), ranges) {
            let group_id = settings.group_id.clone();
            return self.fail(Subject::Lag, CheckError::OutOfRange { group_id, source });
        }
        let mut new = ranges.keys().filter(|one| !committed.contains_key(one));
        let first = new.next();
        let count = usize::from(first.is_some()) + new.count();
        let start = settings.start().unwrap_or_default();
        if let (Some(first), None) = (first, start) {
            let first = first.clone();
            return self.fail(Subject::Lag, CheckError::NoOffset { count, first });
        }
        let starts_at_end = start == Some(Start::Latest);
        let lag = ranges.iter().filter_map(|(partition, range)| {
            let next = committed.get(partition).map(|position| position.next);
            range.lag(next.or(starts_at_end.then_some(range.end)))
        });
        let mut text = format!(
            "{} records in {}",
            lag.sum::<u64>(),
            plural(ranges.len(), "partition")
        );
        if count > 0 {
            let new = plural(count, "partition");
            let start = if starts_at_end { "end" } else { "first record" };
            text = format!("{text}; without an offset, and so read from the {start}: {new}");
        }
        self.fine(Subject::Lag, text);
    }
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
