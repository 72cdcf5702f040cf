//! The state of the cluster, which a process requests before its workers join the group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::clients::{self, Clients};
use super::error::{Error, words};
use super::group_store::GroupStore;
use super::leave_barrier::{BarrierGuard, LeaveBarrier};
use super::membership::{Member, Membership, partitions as partitions_of};
use super::native;
use super::notes;
use super::queries::{Queries, Range};
use super::query_client::QueryClient;
use super::settings::Settings;
use super::topic_watch::{TopicWatch, Watched};
use crate::journal::batch::Topic;
use crate::journal::offsets::Offsets;
use crate::journal::topics::Subscription;

/// The time limit for the answers of the brokers at the start.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for one attempt of a request. It is short, so that an error seen meanwhile is reported soon.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The pause before a failed request is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The cluster as the process found it when it started.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    topics: Vec<Arc<Topic>>,
    ends: Option<Offsets>,
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
        let metadata = fetch_metadata(&query_client, &settings.brokers)?;
        settings.share_responses(metadata.brokers().len())?;
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let topics = subscription.choose(names).map_err(|error| Error::Topics {
            brokers: settings.brokers.clone(),
            error,
        })?;
        let topics: Vec<_> = topics.into_iter().map(Arc::new).collect();
        let ends = if stop_at_end {
            Some(fetch_ends(&query_client, &metadata, &topics)?)
        } else {
            None
        };
        let consumers = consumers.map_or_else(|| clients::consumers(&settings, workers), Ok)?;
        let leave_barrier = Arc::new(LeaveBarrier::new());
        let member = |consumer| {
            Ok(Member {
                membership: Arc::new(Membership::new(consumer)?),
                barrier_guard: BarrierGuard::new(&leave_barrier),
            })
        };
        let members = consumers
            .into_iter()
            .map(member)
            .collect::<Result<_, Error>>()?;
        let interval = settings.metadata_interval();
        let watch = TopicWatch::new(subscription.clone(), &topics, ends.clone(), interval);
        let cluster = Self {
            settings,
            topics,
            ends,
            queries: Arc::new(Queries::new(query_client, watch)?),
            leave_barrier,
        };
        Ok((Arc::new(cluster), members))
    }

    /// The topics that the run reads, which [`watch`](Self::watch) adds to.
    #[must_use]
    pub fn topics(&self) -> &[Arc<Topic>] {
        &self.topics
    }

    /// The end of every partition that held a record when the process started, for a run that stops there.
    #[must_use]
    pub fn ends(&self) -> Option<&Offsets> {
        self.ends.as_ref()
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
                topics.any(|own| *own.topic.name == *partition.topic)
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
    /// silent member ends. With the protocol `consumer` only the brokers can, which have `broker_timeout`.
    #[must_use]
    pub fn commit_timeout(&self, broker_timeout: Duration) -> Duration {
        self.settings.session_timeout().unwrap_or(broker_timeout)
    }

    /// How long a revocation may take: the group waits for the answer as long as for the next poll.
    #[must_use]
    pub fn revoke_timeout(&self, broker_timeout: Duration) -> Duration {
        let most = self.settings.max_poll_interval() / 3;
        self.commit_timeout(broker_timeout).min(most)
    }

    pub(crate) fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Leaves the group with a member that has no partitions any more.
    pub(crate) fn leave(&self, membership: &Membership) {
        let waits = !self.settings.has_static_members();
        let barrier = waits.then_some(&*self.leave_barrier);
        // No member waits for the join of another one in the protocol `consumer`.
        let joins = !self.settings.has_consumer_protocol();
        membership.leave(barrier, joins.then_some(self.queries.client()));
    }
}

fn fetch_metadata(query_client: &QueryClient, brokers: &str) -> Result<Metadata, Error> {
    let started = Instant::now();
    loop {
        let error = match query_client.metadata(ATTEMPT) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => error,
        };
        let last_error = query_client.last_error();
        let hopeless = matches!(
            last_error,
            Some((RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL, _))
        );
        if hopeless || started.elapsed() >= ANSWER_TIMEOUT {
            let reason = last_error.map_or_else(
                || {
                    error
                        .rdkafka_error_code()
                        .map_or_else(|| error.to_string(), words)
                },
                |(_, reason)| reason,
            );
            return Err(Error::Unreachable {
                brokers: brokers.to_owned(),
                seconds: started.elapsed().as_secs(),
                reason,
            });
        }
    }
}

fn fetch_ends(
    query_client: &QueryClient,
    metadata: &Metadata,
    topics: &[Arc<Topic>],
) -> Result<Offsets, Error> {
    let offsets = |at: rdkafka::Offset| -> Result<TopicPartitionList, KafkaError> {
        let mut list = partitions(metadata, topics);
        list.set_all_offsets(at)?;
        query_client.offsets(list, ANSWER_TIMEOUT)
    };
    // A failure to read the offsets of the group is not reported here: the workers report it with the reason.
    let committed = || {
        let committed = query_client.committed(partitions(metadata, topics));
        committed.unwrap_or_else(|error| {
            tracing::debug!("the group's offsets are not known: {error}");
            TopicPartitionList::new()
        })
    };
    let started = Instant::now();
    loop {
        // The committed offsets are read first, so that a commit between the two requests is not beyond the end.
        let committed = committed();
        let found = offsets(rdkafka::Offset::Beginning).and_then(|first| {
            let last = offsets(rdkafka::Offset::End)?;
            Ok((ends(&first, &last)?, first, last))
        });
        match found {
            Ok((ends, first, last)) => {
                check_range(query_client, &committed, &first, &last)?;
                return Ok(ends);
            }
            Err(source) if started.elapsed() >= ANSWER_TIMEOUT => {
                return Err(Error::request("return the ends of the partitions", &source));
            }
            // A partition may be between two leaders.
            Err(error) => tracing::debug!("requesting the ends again: {error}"),
        }
        std::thread::sleep(RETRY_AFTER);
    }
}

/// The ends of the partitions that hold records, from the first offsets and the end offsets of all partitions.
fn ends(first: &TopicPartitionList, last: &TopicPartitionList) -> Result<Offsets, KafkaError> {
    let mut ends = Offsets::new();
    for (partition, end) in partitions_of(last).into_iter().zip(last.elements()) {
        end.error()?;
        let start = first.find_partition(end.topic(), end.partition());
        let start = start.and_then(|start| start.offset().to_raw()).unwrap_or(0);
        let offset = end.offset().to_raw().unwrap_or(0);
        if offset > start {
            ends.insert(partition, u64::try_from(offset).unwrap_or_default());
        }
    }
    Ok(ends)
}

fn partitions(metadata: &Metadata, topics: &[Arc<Topic>]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for topic in metadata.topics() {
        if topics.iter().any(|wanted| wanted.name == topic.name()) {
            for partition in topic.partitions() {
                list.add_partition(topic.name(), partition.id());
            }
        }
    }
    list
}

/// A committed offset out of range would count as the end of the partition before librdkafka asks for a record there.
/// One that belongs to a topic that was deleted is read from the beginning instead.
fn check_range(
    query_client: &QueryClient,
    committed: &TopicPartitionList,
    first: &TopicPartitionList,
    last: &TopicPartitionList,
) -> Result<(), Error> {
    for (element, note) in committed.elements().iter().zip(native::notes(committed)) {
        let (topic, partition) = (element.topic(), element.partition());
        let raw = |list: &TopicPartitionList| {
            let found = list.find_partition(topic, partition)?;
            found.offset().to_raw()
        };
        if let (rdkafka::Offset::Offset(offset), Some(first), Some(last)) =
            (element.offset(), raw(first), raw(last))
            && !(first..=last).contains(&offset)
            && !is_of_another_topic(query_client, topic, &note)
        {
            let range = Range {
                first: u64::try_from(first).unwrap_or_default(),
                end: u64::try_from(last).unwrap_or_default(),
            };
            return Err(query_client.out_of_range(topic, partition, offset, range));
        }
    }
    Ok(())
}

fn is_of_another_topic(query_client: &QueryClient, topic: &str, note: &str) -> bool {
    let described = query_client.describe_topics(&[topic], ANSWER_TIMEOUT);
    let existing = described.ok().and_then(|topics| topics.first()?.id);
    notes::is_of_another_topic(notes::split(note).1, existing)
}
