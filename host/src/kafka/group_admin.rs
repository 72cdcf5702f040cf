//! A consumer group as an operator looks at it and changes it, by a client that is no member of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::fetch_metadata;
use super::error::{Error, words};
use super::group::{Group, GroupError, GroupState};
use super::group_store;
use super::membership::{list_of, partitions};
use super::native::admin::{AdminError, Element};
use super::notes;
use super::queries::{self, TopicIds};
use super::query_client::QueryClient;
use super::settings::Settings;
use crate::journal::group_offsets::{Committed, LogRange, LogRanges, TopicSizes};
use crate::journal::offsets::{Offsets, Partition, Position, Start};

/// The time limit for the answer to a question, repetitions included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause before a failed request is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// A client for the offsets of one group.
pub struct GroupAdmin {
    client: QueryClient,
    brokers: String,
    broker_count: usize,
    group_id: String,
    sizes: TopicSizes,
    leaderless: BTreeSet<Partition>,
}

impl GroupAdmin {
    /// Connects, and asks for the topics.
    ///
    /// # Errors
    /// When a setting is wrong, or no broker answers.
    pub fn connect(settings: &Settings) -> Result<Self, Error> {
        settings.check(Duration::ZERO)?;
        let client = QueryClient::new(settings)?;
        let metadata = fetch_metadata(&client, settings)?;
        let mut sizes = TopicSizes::new();
        let mut leaderless = BTreeSet::new();
        for topic in metadata.topics() {
            let name: Arc<str> = topic.name().into();
            let mut count = 0;
            for partition in topic.partitions() {
                let number = u32::try_from(partition.id()).unwrap_or_default();
                count = count.max(number + 1);
                if partition.leader() < 0 {
                    leaderless.insert(Partition {
                        topic: Arc::clone(&name),
                        number,
                    });
                }
            }
            sizes.insert(name, count);
        }
        Ok(Self {
            client,
            brokers: settings.brokers.clone(),
            broker_count: metadata.brokers().len(),
            group_id: settings.group_id.clone(),
            sizes,
            leaderless,
        })
    }

    /// The brokers as they were named.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The number of brokers that the cluster has.
    #[must_use]
    pub fn broker_count(&self) -> usize {
        self.broker_count
    }

    /// The topics that the account may see.
    #[must_use]
    pub fn sizes(&self) -> &TopicSizes {
        &self.sizes
    }

    /// Whether the account may not see a topic. Brokers do not say whether it exists then.
    #[must_use]
    pub fn is_hidden(&self, topic: &str) -> bool {
        let error = until_answered(|| self.client.topic_error(topic, ATTEMPT), is_passing);
        matches!(error, Ok(Some(RDKafkaErrorCode::TopicAuthorizationFailed)))
    }

    /// The partitions of a topic.
    #[must_use]
    pub fn partitions_of(&self, topic: &str) -> Vec<Partition> {
        let Some((topic, &count)) = self.sizes.get_key_value(topic) else {
            return Vec::new();
        };
        let partition = |number| Partition {
            topic: Arc::clone(topic),
            number,
        };
        (0..count).map(partition).collect()
    }

    /// Asks for the state and the members of the group.
    ///
    /// # Errors
    /// When the coordinator does not answer, or refuses.
    pub fn describe(&self) -> Result<Group, Error> {
        let answer = until_answered(
            || self.client.describe_group(ATTEMPT),
            AdminError::is_transient,
        );
        match answer {
            Ok(description) => Ok(description.into()),
            Err(error) if error.code == RDKafkaErrorCode::GroupIdNotFound => Ok(Group {
                state: GroupState::Missing,
                members: Vec::new(),
                assignor: None,
                may_be_used: None,
            }),
            Err(error) => Err(error.refused("describe the group")),
        }
    }

    /// Asks for all positions that the group has committed.
    ///
    /// # Errors
    /// When the coordinator does not answer, or refuses.
    pub fn committed(&self) -> Result<Committed, Error> {
        let what = "return the group's offsets";
        let elements = until_answered(
            || {
                let elements = self.client.group_offsets(ATTEMPT)?;
                match elements.iter().find_map(|element| element.error) {
                    Some(code) => Err(AdminError { code, text: None }),
                    None => Ok(elements),
                }
            },
            AdminError::is_transient,
        );
        let elements = elements.map_err(|error| error.refused(what))?;
        let position = |element: Element| {
            let next = u64::try_from(element.offset).ok()?;
            let partition = Partition {
                topic: element.topic.into(),
                number: u32::try_from(element.partition).ok()?,
            };
            // The identifier of the topic is not the operator's: an offset that stays keeps it.
            let (note, _) = notes::split(&element.note);
            Some((partition, Position { next, note }))
        };
        Ok(elements.into_iter().filter_map(position).collect())
    }

    /// Asks for the first offsets and the ends of those of the partitions that exist and have a leader.
    ///
    /// # Errors
    /// When a broker does not answer, or refuses.
    pub fn ranges(&self, of: &[Partition]) -> Result<LogRanges, Error> {
        let exists = |partition: &&Partition| {
            let count = self.sizes.get(&partition.topic);
            count.is_some_and(|&count| partition.number < count)
        };
        let led = of
            .iter()
            .filter(|partition| !self.leaderless.contains(partition));
        let of: Vec<Partition> = led.filter(exists).cloned().collect();
        if of.is_empty() {
            return Ok(LogRanges::new());
        }
        let found = until_answered(
            || {
                let first = self.offsets(&of, Offset::Beginning)?;
                let end = self.offsets(&of, Offset::End)?;
                let ranges = first.into_iter().filter_map(|(partition, first)| {
                    let end = *end.get(&partition)?;
                    Some((partition, LogRange { first, end }))
                });
                Ok(ranges.collect())
            },
            is_passing,
        );
        found.map_err(|error| Error::request("return the ends of the partitions", &error))
    }

    fn offsets(&self, of: &[Partition], at: Offset) -> Result<Offsets, KafkaError> {
        let mut list = list_of(of);
        list.set_all_offsets(at)?;
        let found = self.client.offsets(list, ATTEMPT)?;
        let elements = found.elements();
        elements
            .iter()
            .try_for_each(TopicPartitionListElem::error)?;
        let offset = |element: &TopicPartitionListElem<'_>| {
            let raw = element.offset().to_raw().unwrap_or_default();
            u64::try_from(raw).unwrap_or_default()
        };
        Ok(partitions(&found)
            .into_iter()
            .zip(elements.iter().map(offset))
            .collect())
    }

    /// The offsets at which partitions start.
    ///
    /// # Errors
    /// When a partition has no leader, or a broker does not answer or refuses.
    pub fn resolve(&self, of: &[Partition], start: Start) -> Result<Offsets, GroupError> {
        if of.is_empty() {
            return Ok(Offsets::new());
        }
        let leaderless = of.iter().find(|of| self.leaderless.contains(of));
        if let Some(partition) = leaderless {
            let partition = partition.clone();
            return Err(GroupError::NoLeader { partition });
        }
        let found = until_answered(|| queries::resolve(&self.client, of, start), is_passing);
        Ok(found.map_err(|error| Error::request("return offsets of the partitions", &error))?)
    }

    /// Commits positions for the group, which has no members.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses, which it does if the group has a member.
    pub fn commit(&self, positions: &Committed) -> Result<(), GroupError> {
        if positions.is_empty() {
            return Ok(());
        }
        let what = "commit the group's offsets";
        let list = group_store::list(positions, &TopicIds::new());
        let list: TopicPartitionList = list.map_err(|error| Error::request(what, &error))?;
        let answer = until_answered(
            || {
                let elements = self.client.alter_group_offsets(&list, ATTEMPT)?;
                let passing = elements.iter().filter_map(|element| element.error);
                match passing.into_iter().find(|&code| passes(code)) {
                    Some(code) => Err(AdminError { code, text: None }),
                    None => Ok(elements),
                }
            },
            AdminError::is_transient,
        );
        let elements = answer.map_err(|error| {
            if is_membership(error.code) {
                self.in_use()
            } else {
                error.refused(what).into()
            }
        })?;
        let refused = elements.iter().filter(|element| element.error.is_some());
        let Some((element, code)) = elements
            .iter()
            .find_map(|element| Some((element, element.error?)))
        else {
            return Ok(());
        };
        if is_membership(code) {
            return Err(self.in_use());
        }
        Err(GroupError::Refused {
            group_id: self.group_id.clone(),
            refused: refused.count(),
            all: positions.len(),
            partition: Partition {
                topic: element.topic.as_str().into(),
                number: u32::try_from(element.partition).unwrap_or_default(),
            },
            code,
        })
    }

    fn in_use(&self) -> GroupError {
        GroupError::InUse {
            group_id: self.group_id.clone(),
        }
    }
}

impl AdminError {
    fn is_transient(&self) -> bool {
        passes(self.code)
    }

    fn refused(self, what: &str) -> Error {
        let reason = words(self.code);
        Error::Request {
            what: what.to_owned(),
            code: Some(self.code),
            // librdkafka's own text says more about an argument than the code.
            reason: match self.text {
                Some(text) if self.code == RDKafkaErrorCode::InvalidArgument => text,
                _ => reason,
            },
        }
    }
}

/// Repeats a question whose error passes.
fn until_answered<T, E>(
    mut ask: impl FnMut() -> Result<T, E>,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match ask() {
            Err(error) if passes(&error) && started.elapsed() < ANSWER_TIMEOUT => {
                thread::sleep(RETRY_AFTER);
            }
            answer => return answer,
        }
    }
}

fn is_passing(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(passes)
}

/// Whether an error belongs to a coordinator or a leader that starts or moves.
fn passes(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::LeaderNotAvailable
            | Code::NotCoordinator
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::UnstableOffsetCommit
            | Code::WaitingForCoordinator
    )
}

/// Whether a commit was refused because only members may commit.
fn is_membership(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownMemberId
            | Code::IllegalGeneration
            | Code::RebalanceInProgress
            | Code::StaleMemberEpoch
    )
}
