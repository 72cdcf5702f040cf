//! Questions to the brokers that block nobody: a thread asks them, and whoever asked looks for the answer now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::error::Error;
use super::membership::{Membership, list_of, partitions};
use super::native::{self, TopicId};
use super::notes;
use super::query_client::QueryClient;
use super::topic_watch::TopicWatch;
use super::transient_errors::TransientErrors;
use crate::journal::group_offsets::LogRange;
use crate::journal::holders::Holder;
use crate::journal::offsets::{Offsets, Partition, Position, Positions, Start};

/// How long one request for offsets at a time may take.
const OFFSETS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first look for an answer waits: a broker nearby answers within it, so that nothing is read or polled
/// in vain meanwhile.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// How long a question that failed waits before it is asked again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The thread that asks, one a process.
#[derive(Debug)]
pub(crate) struct Queries {
    client: Arc<QueryClient>,
    watch: Arc<TopicWatch>,
    /// None once it is dropped, which ends the thread.
    sender: Option<Sender<Query>>,
    /// Whether nobody waits for the questions that are still there.
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A question and where its answer goes.
enum Query {
    Committed(
        Asker,
        Vec<Partition>,
        TopicIds,
        Sender<Result<Committed, KafkaError>>,
    ),
    Resolve(Vec<Partition>, Start, Sender<Result<Offsets, KafkaError>>),
    Range(Vec<Partition>, Sender<Result<LogRange, KafkaError>>),
    Holders(Sender<Result<Vec<Holder>, KafkaError>>),
    Look,
}

/// Who asks for the offsets of a group.
///
/// A member asks the coordinator that it joined. A client that is no member may still ask one that was paused for so
/// long that the group has moved to another broker, and that answers with old offsets until it learns of that.
pub(super) type Asker = Option<Arc<Membership>>;

/// The identifiers of topics.
pub(super) type TopicIds = BTreeMap<Arc<str>, TopicId>;

/// What the group has committed.
#[derive(Debug)]
pub(super) struct Committed {
    /// The positions; a partition of `again` starts at its beginning.
    pub(super) positions: Positions,
    /// Partitions whose topic was created again since the group read it.
    pub(super) again: Vec<Partition>,
    /// The topics that the positions belong to.
    pub(super) ids: TopicIds,
}

impl Queries {
    pub(super) fn new(client: QueryClient, watch: TopicWatch) -> Result<Self, Error> {
        let client = Arc::new(client);
        let watch = Arc::new(watch);
        let (sender, receiver) = mpsc::channel();
        let (asking, watching) = (Arc::clone(&client), Arc::clone(&watch));
        let closing = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closing);
        let thread = thread::Builder::new()
            .name("kafka-queries".to_owned())
            .spawn(move || answer_all(&asking, &watching, &receiver, &seen))
            .map_err(Error::Thread)?;
        Ok(Self {
            client,
            watch,
            sender: Some(sender),
            closing,
            thread: Some(thread),
        })
    }

    /// The client, for questions whose answer is waited for.
    pub(crate) fn client(&self) -> &QueryClient {
        &self.client
    }

    /// The topics of the run.
    pub(crate) fn watch(&self) -> &TopicWatch {
        &self.watch
    }

    /// Has the topics looked at soon.
    pub(super) fn look_soon(&self) {
        self.send(Query::Look);
    }

    fn send(&self, query: Query) {
        // Without the thread the asker finds its end of the channel closed.
        if let Some(sender) = &self.sender {
            let _sent = sender.send(query);
        }
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        self.sender = None;
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn answer_all(
    client: &QueryClient,
    watch: &TopicWatch,
    queries: &Receiver<Query>,
    closing: &AtomicBool,
) {
    let mut schedule = watch.schedule();
    loop {
        watch.look_if_due(&mut schedule, client);
        let query = match queries.recv_timeout(schedule.left()) {
            Ok(query) => query,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if closing.load(Ordering::Relaxed) {
            return;
        }
        // Nobody waits for an answer any more where the other end is gone.
        match query {
            Query::Committed(asker, of, read, answer) => {
                let positions = match &asker {
                    Some(member) => member.committed(list_of(&of)),
                    None => client.committed(list_of(&of)),
                };
                // The member may have left meanwhile, and its consumer must not be dropped late.
                drop(asker);
                let positions = positions.and_then(|found| positions_of(&found));
                drop(answer.send(committed_here(client, watch, positions, &read)));
            }
            Query::Resolve(of, start, answer) => {
                drop(answer.send(resolve_known(client, watch, &of, start)));
            }
            Query::Range(of, answer) => {
                // A topic that was created again explains an offset out of range.
                watch.look(client);
                drop(answer.send(range(client, &of)));
            }
            Query::Holders(answer) => {
                let holders = client.holders();
                drop(answer.send(holders.map_err(|error| KafkaError::AdminOp(error.code))));
            }
            Query::Look => schedule.hasten(),
        }
    }
}

/// What the group has committed, by the names of the topics.
pub(super) fn committed(client: &QueryClient, of: &[Partition]) -> Result<Positions, KafkaError> {
    positions_of(&client.committed(list_of(of))?)
}

pub(super) fn positions_of(found: &TopicPartitionList) -> Result<Positions, KafkaError> {
    let elements = found.elements();
    elements
        .iter()
        .try_for_each(TopicPartitionListElem::error)?;
    let position = |(element, note): (&TopicPartitionListElem<'_>, String)| match element.offset() {
        Offset::Offset(next) => Some(Position {
            next: u64::try_from(next).ok()?,
            note,
        }),
        _ => None,
    };
    let positions = elements.iter().zip(native::notes(found)).map(position);
    Ok(partitions(found).into_iter().zip(positions).collect())
}

/// What the group has committed for the topics that exist. `read` are those that the worker read before: brokers forget
/// the offsets of a topic that is deleted.
fn committed_here(
    client: &QueryClient,
    watch: &TopicWatch,
    committed: Result<Positions, KafkaError>,
    read: &TopicIds,
) -> Result<Committed, KafkaError> {
    let mut positions = committed?;
    let (mut again, mut ids) = (Vec::new(), TopicIds::new());
    for (partition, position) in &mut positions {
        let id = watch.id(&partition.topic);
        ids.extend(id.map(|id| (Arc::clone(&partition.topic), id)));
        let is_another = if let Some(position) = position {
            let (note, topic) = notes::split(&position.note);
            let is_another = notes::is_of_another_topic(topic, id);
            position.note = note;
            is_another
        } else {
            let before = read.get(&partition.topic).copied();
            before.is_some_and(|before| id.is_some_and(|id| id != before))
        };
        if is_another {
            again.push(partition.clone());
        }
    }
    for (partition, next) in resolve_known(client, watch, &again, Start::Earliest)? {
        let position = positions.get_mut(&partition).and_then(Option::take);
        let note = position.map(|position| position.note).unwrap_or_default();
        positions.insert(partition, Some(Position { next, note }));
    }
    Ok(Committed {
        positions,
        again,
        ids,
    })
}

/// Partitions that are gone have no offsets: whatever they start at, the group takes them away.
fn resolve_known(
    client: &QueryClient,
    watch: &TopicWatch,
    of: &[Partition],
    start: Start,
) -> Result<Offsets, KafkaError> {
    let (gone, known): (Vec<_>, Vec<_>) = of
        .iter()
        .cloned()
        .partition(|partition| watch.is_gone(partition));
    let mut offsets: Offsets = gone.into_iter().map(|partition| (partition, 0)).collect();
    if !known.is_empty() {
        offsets.extend(resolve(client, &known, start)?);
    }
    Ok(offsets)
}

/// The first offsets and the ends of partitions.
pub(super) fn ranges(
    client: &QueryClient,
    of: &[Partition],
) -> Result<(Offsets, Offsets), KafkaError> {
    let first = resolve(client, of, Start::Earliest)?;
    Ok((first, resolve(client, of, Start::Latest)?))
}

/// The range of the first of these partitions.
fn range(client: &QueryClient, of: &[Partition]) -> Result<LogRange, KafkaError> {
    let (first, end) = ranges(client, of)?;
    let of_first = |offsets: Offsets| offsets.into_values().next().unwrap_or_default();
    Ok(LogRange {
        first: of_first(first),
        end: of_first(end),
    })
}

pub(super) fn resolve(
    client: &QueryClient,
    of: &[Partition],
    start: Start,
) -> Result<Offsets, KafkaError> {
    match start {
        Start::Earliest => offsets_at(client, of, Offset::Beginning),
        Start::Latest => offsets_at(client, of, Offset::End),
        Start::Time(milliseconds) => {
            // Where every record is older, the partition starts at its end. The end is looked up first: a record that
            // comes between the two requests lies after it.
            let mut offsets = offsets_at(client, of, Offset::End)?;
            offsets.extend(offsets_at(client, of, Offset::Offset(milliseconds))?);
            Ok(offsets)
        }
    }
}

/// The offset at a time, at the beginning or at the end, of the partitions that have one.
fn offsets_at(client: &QueryClient, of: &[Partition], at: Offset) -> Result<Offsets, KafkaError> {
    let mut list = list_of(of);
    list.set_all_offsets(at)?;
    let found = client.offsets(list, OFFSETS_TIMEOUT)?;
    let elements = found.elements();
    elements
        .iter()
        .try_for_each(TopicPartitionListElem::error)?;
    let offset = |(partition, element): (Partition, &TopicPartitionListElem<'_>)| {
        let Offset::Offset(next) = element.offset() else {
            return None;
        };
        Some((partition, u64::try_from(next).unwrap_or_default()))
    };
    let pairs = partitions(&found).into_iter().zip(elements.iter());
    Ok(pairs.filter_map(offset).collect())
}

/// A question that got no answer this time.
#[derive(Debug)]
pub(crate) struct QueryFailed(KafkaError);

impl QueryFailed {
    /// Logs it once, unless no waiting mends it.
    pub(crate) fn note(&self, errors: &mut TransientErrors) -> Result<(), Error> {
        errors.question(&self.0)
    }
}

/// A question that may be under way.
#[derive(Debug)]
pub(crate) struct Question<T> {
    asked: Option<Asked<T>>,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Asked<T> {
    of: Vec<Partition>,
    start: Option<Start>,
    answer: Receiver<Result<T, KafkaError>>,
}

impl<T> Default for Question<T> {
    fn default() -> Self {
        Self {
            asked: None,
            not_before: None,
        }
    }
}

impl<T> Question<T> {
    /// The answer to the question of this argument; it is asked when another one or none is under way.
    fn look(
        &mut self,
        of: &[Partition],
        start: Option<Start>,
        ask: impl FnOnce(Sender<Result<T, KafkaError>>),
    ) -> Poll<Result<T, KafkaError>> {
        let same = |asked: &Asked<T>| asked.of == of && asked.start == start;
        let mut wait = Duration::ZERO;
        if !self.asked.as_ref().is_some_and(same) {
            if self.not_before.is_some_and(|time| Instant::now() < time) {
                return Poll::Pending;
            }
            let (sender, answer) = mpsc::channel();
            ask(sender);
            self.asked = Some(Asked {
                of: of.to_vec(),
                start,
                answer,
            });
            wait = FIRST_LOOK;
        }
        let Some(asked) = &self.asked else {
            return Poll::Pending;
        };
        match asked.answer.recv_timeout(wait) {
            Ok(answer) => {
                self.asked = None;
                self.not_before = answer.is_err().then(|| Instant::now() + BACK_OFF);
                Poll::Ready(answer)
            }
            Err(RecvTimeoutError::Timeout) => Poll::Pending,
            // The thread panicked.
            Err(RecvTimeoutError::Disconnected) => Poll::Ready(Err(KafkaError::Canceled)),
        }
    }
}

impl Question<Committed> {
    /// What the group has committed; `read` are the topics that the worker read before.
    pub(super) fn committed(
        &mut self,
        queries: &Queries,
        asker: Asker,
        of: &[Partition],
        read: &TopicIds,
    ) -> Poll<Result<Committed, KafkaError>> {
        if of.is_empty() {
            return Poll::Ready(Ok(Committed {
                positions: Positions::new(),
                again: Vec::new(),
                ids: TopicIds::new(),
            }));
        }
        self.look(of, None, |answer| {
            queries.send(Query::Committed(asker, of.to_vec(), read.clone(), answer));
        })
    }
}

impl Question<Offsets> {
    /// The offsets where partitions start.
    pub(crate) fn resolve(
        &mut self,
        queries: &Queries,
        of: &[Partition],
        start: Start,
    ) -> Poll<Result<Offsets, QueryFailed>> {
        if of.is_empty() {
            return Poll::Ready(Ok(Offsets::new()));
        }
        let answer = self.look(of, Some(start), |answer| {
            queries.send(Query::Resolve(of.to_vec(), start, answer));
        });
        answer.map_err(QueryFailed)
    }
}

impl Question<Vec<Holder>> {
    /// The members of the group; none where nobody answers.
    pub(crate) fn holders(&mut self, queries: &Queries) -> Poll<Option<Vec<Holder>>> {
        let answer = self.look(&[], None, |answer| queries.send(Query::Holders(answer)));
        answer.map(Result::ok)
    }
}

impl Question<LogRange> {
    /// The records that a partition holds. The topics are looked at before it is answered.
    pub(crate) fn range(
        &mut self,
        queries: &Queries,
        of: &Partition,
    ) -> Poll<Result<LogRange, QueryFailed>> {
        let of = std::slice::from_ref(of);
        let answer = self.look(of, None, |answer| {
            queries.send(Query::Range(of.to_vec(), answer));
        });
        answer.map_err(QueryFailed)
    }
}
