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
use super::membership::{list_of, partitions};
use super::native;
use super::query_client::QueryClient;
use super::transient_errors::TransientErrors;
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
    /// None once it is dropped, which ends the thread.
    sender: Option<Sender<Query>>,
    /// Whether nobody waits for the questions that are still there.
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A question and where its answer goes.
enum Query {
    Committed(Vec<Partition>, Sender<Result<Positions, KafkaError>>),
    Resolve(Vec<Partition>, Start, Sender<Result<Offsets, KafkaError>>),
}

impl Queries {
    pub(super) fn new(client: QueryClient) -> Result<Self, Error> {
        let client = Arc::new(client);
        let (sender, receiver) = mpsc::channel();
        let asking = Arc::clone(&client);
        let closing = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closing);
        let thread = thread::Builder::new()
            .name("kafka-queries".to_owned())
            .spawn(move || answer_all(&asking, &receiver, &seen))
            .map_err(Error::Thread)?;
        Ok(Self {
            client,
            sender: Some(sender),
            closing,
            thread: Some(thread),
        })
    }

    /// The client, for questions whose answer is waited for.
    pub(crate) fn client(&self) -> &QueryClient {
        &self.client
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

fn answer_all(client: &QueryClient, queries: &Receiver<Query>, closing: &AtomicBool) {
    while let Ok(query) = queries.recv() {
        if closing.load(Ordering::Relaxed) {
            return;
        }
        // Nobody waits for an answer any more where the other end is gone.
        match query {
            Query::Committed(of, answer) => drop(answer.send(committed(client, &of))),
            Query::Resolve(of, start, answer) => drop(answer.send(resolve(client, &of, start))),
        }
    }
}

fn committed(client: &QueryClient, of: &[Partition]) -> Result<Positions, KafkaError> {
    let found = client.committed(list_of(of))?;
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
    let positions = elements.iter().zip(native::notes(&found)).map(position);
    Ok(partitions(&found).into_iter().zip(positions).collect())
}

pub(super) fn resolve(
    client: &QueryClient,
    of: &[Partition],
    start: Start,
) -> Result<Offsets, KafkaError> {
    let at = |of: &[Partition], offset| {
        let mut list = list_of(of);
        list.set_all_offsets(offset)?;
        let found = client.offsets(list, OFFSETS_TIMEOUT)?;
        found
            .elements()
            .iter()
            .try_for_each(TopicPartitionListElem::error)?;
        Ok::<TopicPartitionList, KafkaError>(found)
    };
    let found = at(
        of,
        match start {
            Start::Earliest => Offset::Beginning,
            Start::Latest => Offset::End,
            Start::Time(milliseconds) => Offset::Offset(milliseconds),
        },
    )?;
    let mut offsets = Offsets::new();
    let mut beyond = Vec::new();
    for (partition, element) in partitions(&found).into_iter().zip(found.elements()) {
        match element.offset() {
            Offset::Offset(next) => {
                offsets.insert(partition, u64::try_from(next).unwrap_or_default());
            }
            _ => beyond.push(partition),
        }
    }
    // Where every record is older than the time, the partition starts at its end.
    if !beyond.is_empty() && start != Start::Latest {
        offsets.extend(resolve(client, &beyond, Start::Latest)?);
    }
    Ok(offsets)
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

impl Question<Positions> {
    /// What the group has committed.
    pub(super) fn committed(
        &mut self,
        queries: &Queries,
        of: &[Partition],
    ) -> Poll<Result<Positions, KafkaError>> {
        if of.is_empty() {
            return Poll::Ready(Ok(BTreeMap::new()));
        }
        self.look(of, None, |answer| {
            queries.send(Query::Committed(of.to_vec(), answer));
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
