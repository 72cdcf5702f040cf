//! Watches the topics that a run reads: some are created after it started, some are deleted, and some are deleted and
//! created again.
//!
//! librdkafka does not say that a topic was created again under its name: it goes on at its old offset, or reads
//! nothing. Only the topic's identifier tells, so it is asked for at intervals.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::native::{TopicId, TopicState};
use super::query_client::QueryClient;
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition};
use crate::journal::topics::Subscription;
use crate::text::{LISTED, list};

/// How often the topics are looked at, unless the metadata interval is shorter: for so long it can go unnoticed that a
/// topic was created again.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The shortest time after which a partition that brings nothing is suspicious, however often topics are looked at.
const LEAST_SILENCE: Duration = Duration::from_secs(5);
/// How soon a look that was asked for may follow the one before.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The time limit for one request of a look, which keeps other questions waiting.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How many looks in a row must miss a topic: a broker that just started may not know it yet.
const MISSES: u32 = 2;

/// A topic of the run.
#[derive(Clone, Debug)]
pub(crate) struct WatchedTopic {
    /// The topic.
    pub(crate) topic: Arc<Topic>,
    /// Its identifier; none before the first look, and from brokers that have none.
    pub(crate) id: Option<TopicId>,
    /// The number of its partitions; none before the first look.
    partitions: Option<u32>,
    /// Whether it was created after the run started.
    pub(super) is_new: bool,
    /// Looks in a row that did not find it.
    misses: u32,
}

/// What changed since a version.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The version of all this.
    pub(crate) version: u64,
    /// The topics that are read.
    pub(crate) topics: Vec<WatchedTopic>,
    /// The ends at which the run stops, if they changed since it started.
    pub(crate) new_ends: Option<Offsets>,
}

/// The topics of a run, shared by the thread that looks at them and the workers.
#[derive(Debug)]
pub(crate) struct TopicWatch {
    subscription: Subscription,
    /// How often all topics are listed; never where it is none.
    list_every: Option<Duration>,
    look_every: Duration,
    version: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    topics: Vec<WatchedTopic>,
    ends: Option<Offsets>,
    has_new_ends: bool,
    /// What was logged about topics that are not read.
    said: BTreeSet<String>,
}

/// When the next looks are due.
#[derive(Debug)]
pub(super) struct Schedule {
    last_look: Option<Instant>,
    next_look: Instant,
    next_list: Option<Instant>,
}

impl TopicWatch {
    /// Watches `topics`. A run that stops at `ends` reads the topics that existed when it started and no others.
    /// `said` is what was logged already about topics that are not read.
    pub(super) fn new(
        subscription: Subscription,
        topics: &[Arc<Topic>],
        ends: Option<Offsets>,
        metadata_interval: Option<Duration>,
        said: Option<String>,
    ) -> Self {
        let watched = |topic: &Arc<Topic>| WatchedTopic {
            topic: Arc::clone(topic),
            id: None,
            partitions: None,
            is_new: false,
            misses: 0,
        };
        Self {
            subscription,
            list_every: metadata_interval.filter(|_| ends.is_none()),
            look_every: metadata_interval.map_or(LOOK_EVERY, |interval| interval.min(LOOK_EVERY)),
            version: AtomicU64::new(0),
            state: Mutex::new(State {
                topics: topics.iter().map(watched).collect(),
                ends,
                has_new_ends: false,
                said: said.into_iter().collect(),
            }),
        }
    }

    /// A number that is another one after each change.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is known now.
    pub(super) fn watched(&self) -> Watched {
        let state = self.state();
        Watched {
            version: self.version(),
            topics: state.topics.clone(),
            new_ends: state.ends.clone().filter(|_| state.has_new_ends),
        }
    }

    /// How long a partition of a topic that was created again may bring nothing although it holds records.
    pub(crate) fn silence(&self) -> Duration {
        self.look_every.max(LEAST_SILENCE)
    }

    /// The identifier of a topic.
    pub(crate) fn id(&self, topic: &str) -> Option<TopicId> {
        let state = self.state();
        let mut topics = state.topics.iter();
        topics.find(|own| own.topic.name == topic)?.id
    }

    /// Whether the partition is known to be gone: its topic was deleted, or created again with fewer partitions.
    pub(crate) fn is_gone(&self, partition: &Partition) -> bool {
        let state = self.state();
        let mut topics = state.topics.iter();
        let found = topics.find(|own| *own.topic.name == *partition.topic);
        found.is_some_and(|own| {
            own.misses >= MISSES
                || own
                    .partitions
                    .is_some_and(|count| partition.number >= count)
        })
    }

    /// Looks at the topics if that is due.
    pub(super) fn look_if_due(&self, schedule: &mut Schedule, client: &QueryClient) {
        let now = Instant::now();
        if now < schedule.next_look {
            return;
        }
        if schedule.next_list.is_some_and(|next| next <= now) {
            schedule.next_list = self.list_every.map(|every| now + every);
            match client.metadata(LOOK_TIMEOUT) {
                Ok(metadata) => self.list_names(metadata.topics().iter().map(MetadataTopic::name)),
                Err(error) => tracing::debug!("the topics are not listed: {error}"),
            }
        }
        self.look(client);
        schedule.last_look = Some(Instant::now());
        schedule.next_look = Instant::now() + self.look_every;
    }

    /// When looks are due, of which the first is at once: answers to other questions depend on it.
    pub(super) fn schedule(&self) -> Schedule {
        let now = Instant::now();
        Schedule {
            last_look: None,
            next_look: now,
            next_list: self.list_every.map(|every| now + every),
        }
    }

    /// Adds topics that were created since.
    fn list_names<'a>(&self, names: impl IntoIterator<Item = &'a str> + Clone) {
        let chosen = self.subscription.choose(names.clone());
        let left_out = self.subscription.left_out(names);
        let mut state = self.state();
        if let Some(text) = left_out {
            state.say(text);
        }
        let chosen = match chosen {
            Ok(chosen) => chosen,
            Err(error) => {
                state.say(format!("no topics are added while the cluster {error}"));
                return;
            }
        };
        let mut created = Vec::new();
        for topic in chosen {
            if state.topics.iter().any(|own| own.topic.name == topic.name) {
                continue;
            }
            let same_type = |own: &&WatchedTopic| own.topic.object_type == topic.object_type;
            if let Some(own) = state.topics.iter().find(same_type) {
                let text = format!(
                    "`{}` was created, and the run goes on with `{}`: start it again to read the other one",
                    topic.name, own.topic.name
                );
                state.say(text);
                continue;
            }
            created.push(topic.name.clone());
            state.topics.push(WatchedTopic {
                topic: Arc::new(topic),
                id: None,
                partitions: None,
                is_new: true,
                misses: 0,
            });
            self.changed();
        }
        if let [one] = &created[..] {
            tracing::info!("`{one}` was created: this run reads it as well");
        } else if !created.is_empty() {
            let created = list(&created);
            tracing::info!("topics were created, which this run reads as well: {created}");
        }
    }

    /// Looks at the identifiers of the topics.
    pub(super) fn look(&self, client: &QueryClient) {
        let topics: Vec<_> = self
            .state()
            .topics
            .iter()
            .map(|own| Arc::clone(&own.topic))
            .collect();
        let names: Vec<_> = topics.iter().map(|topic| topic.name.as_str()).collect();
        match client.describe_topics(&names, LOOK_TIMEOUT) {
            Ok(described) => {
                let new_ends = |topic: &TopicState| ends_of(client, topic);
                self.update(&described, new_ends);
            }
            Err(error) => tracing::debug!("the topics are not described: {error}"),
        }
    }

    fn update(
        &self,
        described: &[TopicState],
        new_ends: impl Fn(&TopicState) -> Result<Offsets, KafkaError>,
    ) {
        for topic in described {
            match topic.error {
                None => self.update_existing(topic, &new_ends),
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => self.miss(&topic.name),
                Some(code) => tracing::debug!("`{}` is not described: {code}", topic.name),
            }
        }
    }

    fn update_existing(
        &self,
        described: &TopicState,
        new_ends: &impl Fn(&TopicState) -> Result<Offsets, KafkaError>,
    ) {
        let before = self.id(&described.name);
        let again = matches!((before, described.id), (Some(old), Some(new)) if old != new);
        // Without its ends a run could stop too early or never: the next look finds the same change.
        let ends = if again && self.state().ends.is_some() {
            match new_ends(described) {
                Ok(ends) => Some(ends),
                Err(error) => {
                    tracing::debug!("the ends of `{}` are not known: {error}", described.name);
                    return;
                }
            }
        } else {
            None
        };
        let mut state = self.state();
        let Some(own) = state.find(&described.name) else {
            return;
        };
        own.partitions = Some(described.partitions);
        if own.misses >= MISSES && !again {
            tracing::info!("`{}` exists again", described.name);
        }
        own.misses = 0;
        let (Some(id), true) = (described.id, before != described.id) else {
            return;
        };
        own.id = Some(id);
        if let (Some(old), true) = (before, again) {
            tracing::warn!(
                "`{}` was deleted and created again (its identifier was {old} and is {id})",
                described.name
            );
        }
        if let Some(ends) = ends {
            state.replace_ends(&described.name, ends);
        }
        self.changed();
    }

    fn miss(&self, name: &str) {
        let mut state = self.state();
        let Some(own) = state.find(name) else {
            return;
        };
        own.misses = own.misses.saturating_add(1);
        if own.misses == MISSES {
            tracing::warn!("`{name}` was deleted: nothing is left to read there");
            state.replace_ends(name, Offsets::new());
            self.changed();
        }
    }

    /// Called with the lock held, so that a version belongs to one state.
    fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&mut self, name: &str) -> Option<&mut WatchedTopic> {
        self.topics.iter_mut().find(|own| own.topic.name == name)
    }

    fn replace_ends(&mut self, topic: &str, new: Offsets) {
        if let Some(ends) = &mut self.ends {
            ends.retain(|partition, _| *partition.topic != *topic);
            ends.extend(new);
            self.has_new_ends = true;
        }
    }

    /// Logs a text once, and no more texts than there are names in a list.
    fn say(&mut self, text: String) {
        if self.said.len() < LISTED && !self.said.contains(&text) {
            tracing::warn!("{text}");
            self.said.insert(text);
        }
    }
}

impl Schedule {
    /// Has the next look come soon.
    pub(super) fn hasten(&mut self) {
        if let Some(last) = self.last_look {
            self.next_look = self.next_look.min(last + LOOK_AGAIN_AFTER);
        }
    }

    /// How long nothing is due.
    pub(super) fn left(&self) -> Duration {
        self.next_look.saturating_duration_since(Instant::now())
    }
}

/// The ends of the partitions of a topic that hold records.
fn ends_of(client: &QueryClient, topic: &TopicState) -> Result<Offsets, KafkaError> {
    let name: Arc<str> = topic.name.as_str().into();
    let partition = |number| Partition {
        topic: Arc::clone(&name),
        number,
    };
    let partitions: Vec<_> = (0..topic.partitions).map(partition).collect();
    let (first, end) = super::queries::ranges(client, &partitions)?;
    let holds_records = |(partition, end): &(Partition, u64)| first.get(partition) != Some(end);
    Ok(end.into_iter().filter(holds_records).collect())
}

#[cfg(test)]
mod tests;
