//! The state of the cluster, which a process requests before its workers join the group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::clients::{self, Clients};
use super::ends::fetch_ends;
use super::error::{Error, LikelyCause, words};
use super::group_store::GroupStore;
use super::leave_barrier::{BarrierGuard, LeaveBarrier};
use super::membership::{Member, Membership, list_of};
use super::queries::Queries;
use super::query_client::QueryClient;
use super::settings::Settings;
use super::start_report::{self, GroupOffsets};
use super::topic_watch::{TopicWatch, Watched};
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition};
use crate::journal::topics::{Subscription, TopicError};

/// The time limit for the answers of the brokers at the start.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for one attempt of a request. It is short, so that an error seen meanwhile is reported soon.
const ATTEMPT: Duration = Duration::from_secs(1);
/// How long a connection has to fail in a way that wrong settings explain before they are held to be the cause.
const CERTAIN_AFTER: Duration = Duration::from_secs(3);
/// The pause before a failed request is sent again.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The cluster as the process found it when it started.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    topics: Vec<Arc<Topic>>,
    partitions: Arc<[Partition]>,
    ends: Option<Offsets>,
    /// The partitions to read without a group; if empty, the members of the group share all.
    given: Vec<Partition>,
    queries: Arc<Queries>,
    leave_barrier: Arc<LeaveBarrier>,
}

impl Cluster {
    /// Asks the brokers for the topics and, for a run that stops at the end of the data, for the
    /// ends of all partitions. There is a [`Member`] for each worker.
    ///
    /// # Errors
    /// When no broker answers, or the subscription matches no topic.
    pub fn connect(
        clients: Clients,
        subscription: &Subscription,
        stop_at_end: bool,
    ) -> Result<(Arc<Self>, Vec<Member>), Error> {
        let Clients {
            mut settings,
            query_client,
            workers,
            consumers,
        } = clients;
        let metadata = fetch_metadata(&query_client, &settings)?;
        settings.share_responses(metadata.brokers().len())?;
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let topics = subscription.choose(names).map_err(|error| Error::Topics {
            brokers: settings.brokers.clone(),
            error: with_rights(error, &query_client),
        })?;
        let topics: Vec<_> = topics.into_iter().map(Arc::new).collect();
        let given = existing(&subscription.partitions, &metadata, &settings.brokers)?;
        let has_group = given.is_empty();
        let ends = if stop_at_end {
            let mut ends = fetch_ends(&query_client, &metadata, &topics, has_group)?;
            ends.retain(|partition, _| has_group || given.contains(partition));
            Some(ends)
        } else {
            None
        };
        let consumers = consumers.map_or_else(|| clients::consumers(&settings, workers), Ok)?;
        let leave_barrier = Arc::new(LeaveBarrier::new());
        let member = |(worker, consumer)| {
            let mut own = given.iter().skip(worker).step_by(workers);
            Ok(Member {
                membership: Arc::new(Membership::new(consumer)?),
                barrier_guard: BarrierGuard::new(&leave_barrier),
                partitions: (!has_group).then(|| own.by_ref().cloned().collect()),
            })
        };
        let members = consumers
            .into_iter()
            .enumerate()
            .map(member)
            .collect::<Result<_, Error>>()?;
        // A run over given partitions reads no other topics.
        let interval = settings.metadata_interval();
        let interval = interval.filter(|_| given.is_empty());
        let left_out = subscription.left_out(metadata.topics().iter().map(MetadataTopic::name));
        let watch = TopicWatch::new(
            subscription.clone(),
            &topics,
            ends.clone(),
            interval,
            left_out,
        );
        let cluster = Self {
            settings,
            topics,
            partitions: of_journal(&metadata, subscription),
            ends,
            given,
            queries: Arc::new(Queries::new(query_client, watch)?),
            leave_barrier,
        };
        Ok((Arc::new(cluster), members))
    }

    /// The same cluster with only these topics.
    #[must_use]
    pub fn only(&self, topics: &[Arc<Topic>]) -> Arc<Self> {
        let is_one = |partition: &Partition| {
            let mut topics = topics.iter();
            topics.any(|topic| *topic.name == *partition.topic)
        };
        let ends = self.ends.as_ref().map(|ends| {
            let ends = ends.iter().filter(|(partition, _)| is_one(partition));
            ends.map(|(partition, &end)| (partition.clone(), end))
                .collect()
        });
        Arc::new(Self {
            settings: self.settings.clone(),
            topics: topics.to_vec(),
            partitions: Arc::clone(&self.partitions),
            ends,
            given: self.given.clone(),
            queries: Arc::clone(&self.queries),
            leave_barrier: Arc::clone(&self.leave_barrier),
        })
    }

    /// Consumers that join the group after others of this process have left it.
    ///
    /// # Errors
    /// When librdkafka gives no client.
    pub fn new_members(&self, workers: usize) -> Result<Vec<Member>, Error> {
        let member = |consumer| {
            Ok(Member {
                membership: Arc::new(Membership::new(consumer)?),
                barrier_guard: BarrierGuard::new(&self.leave_barrier),
                partitions: None,
            })
        };
        let consumers = clients::consumers(&self.settings, workers)?;
        consumers.into_iter().map(member).collect()
    }

    /// The partitions whose end the group has not committed, with the offsets that are missing, for a run that stops
    /// at the end. A partition without a committed offset counts from 0. Blocks until the coordinator answers.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub fn unread(&self) -> Result<Offsets, Error> {
        let mut unread = self.ends.clone().unwrap_or_default();
        let all: Vec<_> = unread.keys().cloned().collect();
        if all.is_empty() {
            return Ok(unread);
        }
        let started = Instant::now();
        let committed = loop {
            match self.queries.client().committed(list_of(&all)) {
                Ok(committed) => break committed,
                Err(source) if started.elapsed() >= ANSWER_TIMEOUT => {
                    return Err(Error::request("return the group's offsets", &source));
                }
                // A coordinator may be moving or loading.
                Err(error) => tracing::debug!("requesting the group's offsets again: {error}"),
            }
            std::thread::sleep(RETRY_AFTER);
        };
        for (partition, element) in all.iter().zip(committed.elements()) {
            if let (rdkafka::Offset::Offset(next), Some(left)) =
                (element.offset(), unread.get_mut(partition))
            {
                *left = left.saturating_sub(u64::try_from(next).unwrap_or_default());
            }
        }
        unread.retain(|_, left| *left > 0);
        Ok(unread)
    }

    /// The topics that each member of the group is subscribed to; none while a rebalance hides them.
    ///
    /// # Errors
    /// When the coordinator does not answer.
    pub fn subscriptions(&self) -> Result<Option<Vec<BTreeSet<String>>>, Error> {
        let subscriptions = self.queries.client().subscriptions();
        subscriptions.map_err(|source| Error::request("describe the group", &source))
    }

    /// Whether the members of this process are static: the group keeps those that leave.
    #[must_use]
    pub fn has_static_members(&self) -> bool {
        self.settings.has_static_members()
    }

    /// The consumer group.
    #[must_use]
    pub fn group_id(&self) -> &str {
        &self.settings.group_id
    }

    /// The topics that the run reads, which [`watch`](Self::watch) adds to.
    #[must_use]
    pub fn topics(&self) -> &[Arc<Topic>] {
        &self.topics
    }

    /// All partitions of the journal that there were when the process started, of topics that the run does not read
    /// included: the group may have committed offsets for them.
    #[must_use]
    pub fn partitions(&self) -> Arc<[Partition]> {
        Arc::clone(&self.partitions)
    }

    /// The partitions of the topics that the run reads.
    pub(crate) fn read_partitions(&self) -> impl Iterator<Item = &Partition> {
        let is_read = |partition: &&Partition| {
            let mut topics = self.topics.iter();
            topics.any(|topic| *topic.name == *partition.topic)
        };
        self.partitions.iter().filter(is_read)
    }

    /// What the group has and has not committed, for the log; none where that is not known. Nothing is
    /// missing in a group with members, which are still reading. A group without any offset is only looked at if it
    /// `had_offsets`.
    pub(crate) fn group_offsets(&self, had_offsets: bool) -> Option<GroupOffsets> {
        let of: Vec<_> = self.read_partitions().cloned().collect();
        start_report::group_offsets(self.queries.client(), &of, had_offsets)
            .inspect_err(|error| tracing::debug!("the group's offsets are not known: {error}"))
            .ok()
            .flatten()
    }

    /// Refuses positions that their partitions do not have.
    ///
    /// # Errors
    /// The first such position, or when the brokers do not answer.
    pub(crate) fn check_positions(&self, positions: &Offsets) -> Result<(), Error> {
        start_report::check_positions(self.queries.client(), positions)
    }

    /// The end of every partition that held a record when the process started, for a run that stops there.
    #[must_use]
    pub fn ends(&self) -> Option<&Offsets> {
        self.ends.as_ref()
    }

    /// The brokers, as they were given.
    pub(crate) fn brokers(&self) -> &str {
        &self.settings.brokers
    }

    /// How long a run waits for brokers that do not answer.
    pub(crate) fn broker_timeout(&self) -> Duration {
        self.settings.broker_timeout
    }

    /// The watch over the topics of the process.
    pub(crate) fn watch(&self) -> &TopicWatch {
        self.queries.watch()
    }

    /// The topics that the run reads and their ends, as they are now: [`topics`](Self::topics), and those that were
    /// created since.
    pub(crate) fn watched(&self) -> Watched {
        let mut watched = self.watch().watched();
        watched.topics.retain(|own| {
            let mut topics = self.topics.iter();
            own.is_new || topics.any(|topic| topic.name == own.topic.name)
        });
        if let Some(ends) = &mut watched.new_ends {
            ends.retain(|partition, _| {
                let mut topics = watched.topics.iter();
                let is_given = self.given.is_empty() || self.given.contains(partition);
                is_given && topics.any(|own| *own.topic.name == *partition.topic)
            });
        }
        watched
    }

    /// The store of a member's offsets.
    ///
    /// # Errors
    /// When librdkafka gives no queue.
    pub fn store(&self, member: &Member) -> Result<GroupStore, Error> {
        GroupStore::new(
            Arc::clone(&member.membership),
            Arc::clone(&self.queries),
            self.settings.group_id.clone(),
        )
    }

    /// How long the answer to a commit can take: a join of the classic protocol keeps it waiting until the session of a
    /// silent member ends. With the protocol `consumer` only the brokers can, which have the broker time-out.
    #[must_use]
    pub fn commit_timeout(&self) -> Duration {
        let session = self.settings.session_timeout();
        session.unwrap_or(self.settings.broker_timeout)
    }

    /// How long a revocation may take: the group waits for the answer as long as for the next poll.
    #[must_use]
    pub fn revoke_timeout(&self) -> Duration {
        let most = self.settings.max_poll_interval() / 3;
        self.commit_timeout().min(most)
    }

    /// How long the group keeps the partitions of a member that is away, where members are static.
    #[must_use]
    pub fn static_session(&self) -> Option<Duration> {
        let is_static = self.settings.has_static_members();
        is_static.then(|| self.settings.session_timeout())?
    }

    pub(crate) fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Leaves the group with a member that has no partitions any more.
    pub(crate) fn leave(&self, membership: &Membership, others_end: Option<Instant>) {
        let waits = self.given.is_empty() && !self.settings.has_static_members();
        let barrier = waits.then_some(&*self.leave_barrier);
        // No member waits for the join of another one in the protocol `consumer`.
        let joins = !self.settings.has_consumer_protocol();
        let joins = joins.then_some(self.queries.client());
        membership.leave(barrier, others_end, joins);
    }
}

pub(super) fn fetch_metadata(
    query_client: &QueryClient,
    settings: &Settings,
) -> Result<Metadata, Error> {
    let started = Instant::now();
    let limit = ANSWER_TIMEOUT.min(settings.broker_timeout);
    loop {
        let error = match query_client.metadata(ATTEMPT) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => error,
        };
        let last_error = query_client.last_error();
        let hopeless = match &last_error {
            Some((RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL, _)) => true,
            // A broker that restarts may also close connections, but not for so long.
            Some((_, reason)) if LikelyCause::of_connection(reason).is_some() => {
                started.elapsed() >= CERTAIN_AFTER
            }
            _ => false,
        };
        if hopeless || started.elapsed() >= limit {
            let reason = last_error.map_or_else(
                || {
                    error
                        .rdkafka_error_code()
                        .map_or_else(|| error.to_string(), words)
                },
                |(_, reason)| reason,
            );
            return Err(Error::Unreachable {
                brokers: settings.brokers.clone(),
                seconds: started.elapsed().as_secs(),
                reason,
            });
        }
    }
}

/// The list of all topics lacks those that an account may not see, so privileged topics that are missing are asked for
/// by name.
fn with_rights(error: TopicError, query_client: &QueryClient) -> TopicError {
    let TopicError::Anonymised { topics, .. } = error else {
        return error;
    };
    let denied = query_client.denied(&topics).unwrap_or_else(|error| {
        tracing::debug!("the rights on topics are not known: {error}");
        BTreeSet::new()
    });
    let is_denied = !denied.is_empty();
    TopicError::Anonymised {
        topics: if is_denied { denied } else { topics },
        is_denied,
    }
}

/// The partitions that are to be read without a group, each once; they have to exist.
fn existing(
    wanted: &[Partition],
    metadata: &Metadata,
    brokers: &str,
) -> Result<Vec<Partition>, Error> {
    for partition in wanted {
        let mut topics = metadata.topics().iter();
        let topic = topics.find(|topic| topic.name() == &*partition.topic);
        let numbers = topic.map(MetadataTopic::partitions).unwrap_or_default();
        let number = i32::try_from(partition.number).unwrap_or(-1);
        if !numbers.iter().any(|known| known.id() == number) {
            return Err(Error::Topics {
                brokers: brokers.to_owned(),
                error: TopicError::NoPartition {
                    partition: partition.clone(),
                    count: numbers.len(),
                },
            });
        }
    }
    let unique: BTreeSet<_> = wanted.iter().cloned().collect();
    Ok(unique.into_iter().collect())
}

/// All partitions of the journal, of object types that are not read included.
fn of_journal(metadata: &Metadata, subscription: &Subscription) -> Arc<[Partition]> {
    let topics = metadata.topics().iter();
    let topics = topics.filter(|topic| subscription.covers(topic.name()));
    let partitions = topics.flat_map(|topic| {
        let name: Arc<str> = topic.name().into();
        let numbers = topic
            .partitions()
            .iter()
            .map(rdkafka::metadata::MetadataPartition::id);
        numbers.filter_map(move |number| {
            Some(Partition {
                topic: Arc::clone(&name),
                number: u32::try_from(number).ok()?,
            })
        })
    });
    partitions.collect()
}
