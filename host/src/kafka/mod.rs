//! Records of a Kafka cluster, shared with the other members of a consumer group.
//!
//! A worker has one consumer. The queues of its partitions are forwarded into one data queue that
//! is read in batches, while `poll` serves everything else: rebalances, errors and log lines.

mod assignment;
mod clients;
mod cluster;
mod commits;
mod context;
mod end;
mod error;
mod gather;
mod leave;
mod leave_barrier;
mod memory;
mod native;
mod query_client;
mod rebalance;
mod setting_check;
mod setting_names;
mod settings;
mod transient_errors;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};

pub use self::clients::Clients;
pub use self::cluster::{Cluster, Member};
pub use self::error::{Error, LikelyCause, Reserved};
pub use self::memory::FetchRequest;
pub use self::settings::{FetchLimits, Settings};

use self::assignment::Assignment;
use self::commits::Commits;
use self::context::Context;
use self::end::{EndTracker, Reached};
use self::leave_barrier::BarrierGuard;
use self::native::{Messages, Queue};
use self::settings::Start;
use self::transient_errors::TransientErrors;
use crate::journal::batch::Batches;
use crate::observe::progress::WorkerProgress;
use crate::pipeline::quota::RecordQuota;
use crate::source::BatchLimits;
use crate::source::{Event, Source, SourceError, Wait};

/// How often the end is looked for while records come.
const END_EVERY: Duration = Duration::from_secs(1);
/// How often the lag is worked out for the progress line.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// What a worker's source needs besides the cluster.
#[derive(Debug)]
pub struct WorkerOptions {
    /// What one `process` call may be made of.
    pub limits: BatchLimits,
    /// Whether tombstones are handed out.
    pub tombstones: bool,
    /// The records that the process may still take.
    pub quota: Arc<RecordQuota>,
    /// Where the lag is told.
    pub progress: Arc<WorkerProgress>,
}

/// One worker's membership in a consumer group.
///
/// The order of the fields matters: queues and messages are dropped before the consumer, whose
/// destruction would otherwise wait for ever.
pub struct KafkaSource {
    messages: Messages,
    assignment: Assignment,
    commits: Commits,
    data: Queue,
    events: Queue,
    consumer: BaseConsumer<Context>,
    cluster: Arc<Cluster>,
    options: WorkerOptions,
    start: Start,
    session_timeout: Duration,
    end: Option<EndTracker>,
    /// Partitions that are about to go, until [`Source::release`].
    leaving: Option<Leaving>,
    /// Records handed out since the last checkpoint, all claimed from the quota.
    claimed: usize,
    transient_errors: TransientErrors,
    lag_told: Instant,
    end_looked: Instant,
    /// Partitions that came and whose committed offsets are not known yet.
    arriving: Option<TopicPartitionList>,
    /// Until the worker comes to leave.
    barrier_guard: Option<BarrierGuard>,
}

#[derive(Debug)]
struct Leaving {
    partitions: TopicPartitionList,
    lost: bool,
}

impl KafkaSource {
    /// Has `member` join the group.
    ///
    /// # Errors
    /// When librdkafka gives no queue or does not take the subscription.
    pub fn join(
        cluster: Arc<Cluster>,
        member: Member,
        options: WorkerOptions,
    ) -> Result<Self, Error> {
        let Member {
            consumer,
            barrier_guard,
        } = member;
        let settings = &cluster.settings;
        let queue = |what: &str, queue: Option<Queue>| {
            queue.ok_or_else(|| Error::NoQueue {
                what: what.to_owned(),
            })
        };
        let events = queue("events", Queue::of_consumer(&consumer))?;
        let data = queue("messages", Queue::new(&consumer))?;
        let results = queue("commits", Queue::new(&consumer))?;
        let names: Vec<&str> = cluster
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .collect();
        consumer
            .subscribe(&names)
            .map_err(|source| Error::request("take the subscription", &source))?;
        Ok(Self {
            messages: Messages::default(),
            assignment: Assignment::default(),
            commits: Commits::new(results, settings.group_id.clone()),
            data,
            events,
            consumer,
            start: settings.start()?,
            session_timeout: settings.session_timeout(),
            end: cluster.ends.as_deref().map(EndTracker::new),
            leaving: None,
            claimed: 0,
            transient_errors: TransientErrors::default(),
            lag_told: Instant::now(),
            end_looked: Instant::now(),
            arriving: None,
            barrier_guard: Some(barrier_guard),
            cluster,
            options,
        })
    }

    fn take_event(&mut self, batches: &mut Batches, wait: Duration) -> Result<Event, Error> {
        self.commits.receive(&mut self.assignment, Duration::ZERO)?;
        self.commits.send(&self.consumer, &self.assignment)?;
        self.serve_events()?;
        if let Some(event) = self.answer_rebalances()? {
            return Ok(event);
        }
        if self.options.quota.is_exhausted() {
            return self.wait_for_the_budget(wait);
        }
        if self.assignment.is_empty() {
            self.options.progress.tell_lag(0);
            self.wait_for_events(wait)?;
            return Ok(self.look_for_the_end());
        }
        // Where records never cease to come, no read is ever empty.
        if self.end_looked.elapsed() >= END_EVERY && self.look_for_the_end() == Event::End {
            return Ok(Event::End);
        }
        self.messages
            .read(&self.data, self.options.limits.records, wait);
        self.gather(batches)?;
        self.tell_lag();
        if batches.is_empty() {
            Ok(self.look_for_the_end())
        } else {
            Ok(Event::Records)
        }
    }

    /// Other workers of the process may give claims back; until then only events are served.
    fn wait_for_the_budget(&mut self, wait: Duration) -> Result<Event, Error> {
        if self.options.quota.is_confirmed() {
            return Ok(Event::End);
        }
        if self.claimed == 0 {
            self.wait_for_events(wait)?;
        }
        Ok(Event::Drained)
    }

    /// `poll` answers one event and then says that there is none, so the queue is asked.
    fn serve_events(&mut self) -> Result<(), Error> {
        while self.events.len() > 0 {
            self.poll(Duration::ZERO)?;
        }
        Ok(())
    }

    fn wait_for_events(&mut self, wait: Duration) -> Result<(), Error> {
        self.cluster.query_client.drain();
        self.poll(wait)?;
        self.serve_events()
    }

    fn poll(&mut self, wait: Duration) -> Result<(), Error> {
        match self.consumer.poll(wait) {
            None => Ok(()),
            Some(Err(error)) => self.transient_errors.consumer(&error),
            // A message that took the wrong queue is read again from its partition's position.
            Some(Ok(message)) => {
                let (topic, partition) = (
                    rdkafka::Message::topic(&message).to_owned(),
                    rdkafka::Message::partition(&message),
                );
                drop(message);
                self.start_again(&topic, partition)
            }
        }
    }

    fn look_for_the_end(&mut self) -> Event {
        self.end_looked = Instant::now();
        match self
            .end
            .as_mut()
            .map(|end| end.look(&self.cluster.query_client, &self.assignment))
        {
            None | Some(Reached::NotYet) => Event::Idle,
            Some(Reached::OwnPartitions) => Event::Drained,
            Some(Reached::All) => Event::End,
        }
    }

    fn tell_lag(&mut self) {
        if self.lag_told.elapsed() < LAG_EVERY {
            return;
        }
        self.lag_told = Instant::now();
        self.cluster.query_client.drain();
        let lag = self.assignment.iter().filter_map(|own| {
            let end = native::known_end(&self.consumer, &own.topic.name, own.number)?;
            u64::try_from(end - own.next).ok()
        });
        self.options.progress.tell_lag(lag.sum());
    }
}

impl Source for KafkaSource {
    fn take(&mut self, batches: &mut Batches, wait: Duration) -> Result<Event, SourceError> {
        Ok(self.take_event(batches, wait)?)
    }

    fn commit(&mut self, wait: Wait) -> Result<(), SourceError> {
        Ok(self.commit_durable(wait)?)
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        self.serve_events()?;
        if !self.consumer.context().has_lost() {
            return Ok(true);
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.lost = true;
            return Ok(false);
        }
        Ok(self.answer_rebalances()? != Some(Event::Lost))
    }

    fn release(&mut self) -> Result<(), SourceError> {
        Ok(self.unassign()?)
    }

    fn close(&mut self) {
        self.leave();
    }
}

/// The names of topics, for a message.
fn topic_names(list: &TopicPartitionList) -> BTreeSet<String> {
    list.elements()
        .iter()
        .map(|element| element.topic().to_owned())
        .collect()
}

impl Drop for KafkaSource {
    /// A worker that panics leaves rebalances unanswered, and the consumer's own drop waits for them.
    fn drop(&mut self) {
        self.abandon_assignment();
    }
}
