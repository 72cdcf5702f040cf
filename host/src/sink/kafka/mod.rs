//! Topics of the cluster that the records come from: a message for each row.
//!
//! A checkpoint is one transaction: rows, and the positions of the consumer group. The group's coordinator refuses the
//! positions of a worker that has lost its partitions, and the rows with them.

mod committer;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::committer::{CommitError, Committer, Producer};
use super::moves::{self, Compared};
use super::{Checkpoint, Committed, EncodeError, Encoder, Sink, SinkError, SinkFactory, jsonl};
use crate::journal::plan::{Kind, Output, Plan};
use crate::kafka::{self, Catalog, Settings, Step, TransactionError, Transactions};
use crate::text;

/// How long a worker aborts the transaction of a checkpoint that is dropped. Brokers that answer take milliseconds, and others
/// must not keep it from its source.
const ABANDON: Duration = Duration::from_secs(1);

/// Why topics take no rows.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The cluster cannot be asked, or its settings are wrong.
    #[error(transparent)]
    Kafka(Box<kafka::Error>),
    /// The records do not come from a cluster.
    #[error("rows for the topic `{0}` can only be written while a cluster is read")]
    NoCluster(String),
    /// The output is text, which has no rows.
    #[error("the output `{0}` is text, and a topic takes rows")]
    Text(String),
    /// The run might read its own rows.
    #[error("the topic `{0}` for rows has the prefix of the topics that are read")]
    OfTheJournal(String),
    /// The topic does not exist, or the account does not see it.
    #[error("the topic `{0}` for rows does not exist")]
    Missing(String),
    /// The account may not write to the topic.
    #[error("the account may not write to the topic `{0}`")]
    NoRight(String),
    /// Another process has the same name for its transactions.
    #[error("another process writes with the transactional identifier `{0}`")]
    Fenced(String),
    /// The brokers refuse a transaction.
    #[error("cannot write to {topics}: {reason}")]
    Refused {
        /// The topics.
        topics: String,
        /// The reason of the brokers or of librdkafka.
        reason: String,
    },
}

impl From<kafka::Error> for TopicError {
    fn from(error: kafka::Error) -> Self {
        Self::Kafka(Box::new(error))
    }
}

/// The topics that outputs are bound to.
#[derive(Debug)]
pub struct TopicSinks {
    settings: Settings,
    /// The topic of each stream.
    topics: Arc<[String]>,
    /// The names of the outputs, with the numbers of their streams.
    outputs: Vec<(String, usize)>,
    /// The consumer group, if the records are of one.
    group: Option<String>,
    /// The beginning of the workers' transactional identifiers.
    transactional_name: String,
}

impl TopicSinks {
    /// The topics of these outputs, if they exist in the cluster that is read.
    ///
    /// # Errors
    /// When one does not, no cluster is read, or its settings allow no transactions.
    pub fn find(
        cluster: Option<&Settings>,
        bound: &[(&Output, Option<&str>)],
        group: Option<&str>,
    ) -> Result<Self, TopicError> {
        let names: Vec<_> = bound.iter().filter_map(|&(_, topic)| topic).collect();
        let first = names.first().copied().unwrap_or_default();
        let settings = cluster.ok_or_else(|| TopicError::NoCluster(first.to_owned()))?;
        find_topics(settings, &names)?;
        let mut topics: Vec<String> = Vec::new();
        let mut outputs = Vec::new();
        for (&(output, _), topic) in bound.iter().zip(names) {
            if output.kind == Kind::Text {
                return Err(TopicError::Text(output.name.clone()));
            }
            let known = topics.iter().position(|known| known == topic);
            let stream = known.unwrap_or_else(|| {
                topics.push(topic.to_owned());
                topics.len() - 1
            });
            outputs.push((output.name.clone(), stream));
        }
        // Seeded by the system at random for each process.
        let random = || format!("{:016x}", RandomState::new().hash_one(()));
        let transactional_name = match (settings.transactional_name(), group) {
            (Some(name), Some(group)) => format!("{group}-{name}"),
            (Some(name), None) => name.to_owned(),
            (None, Some(group)) => format!("{group}-{}", random()),
            (None, None) => format!("journal-host-{}", random()),
        };
        Ok(Self {
            settings: settings.clone(),
            topics: topics.into(),
            outputs,
            group: group.map(str::to_owned),
            transactional_name,
        })
    }

    fn stream_of(&self, output: &Output) -> usize {
        let mut outputs = self.outputs.iter();
        let found = outputs.find(|(name, _)| *name == output.name);
        found.map_or(0, |&(_, stream)| stream)
    }

    fn name(&self) -> String {
        format!("topic {}", text::list(self.topics.iter()))
    }
}

/// A topic that rows can be written to, as far as that is known without writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writable {
    /// The number of its partitions.
    pub(crate) partitions: u32,
    /// Whether the brokers say that the account may write to it; otherwise they say nothing.
    pub(crate) has_right: bool,
}

/// Whether rows could be written to a topic.
///
/// # Errors
/// When it does not exist, the account may not write to it, or the settings allow no transactions.
pub(crate) fn check(settings: &Settings, topic: &str) -> Result<Writable, TopicError> {
    let catalog = find_topics(settings, &[topic])?;
    let missing = || TopicError::Missing(topic.to_owned());
    let partitions = catalog.partitions(topic).ok_or_else(missing)?;
    match catalog.may_be_written(topic) {
        Some(false) => Err(TopicError::NoRight(topic.to_owned())),
        found => Ok(Writable {
            partitions,
            has_right: found.is_some(),
        }),
    }
}

/// The topics of the cluster, which these are among.
fn find_topics(settings: &Settings, topics: &[&str]) -> Result<Catalog, TopicError> {
    settings.check_for_transactions()?;
    let catalog = Catalog::fetch(settings)?;
    let mut topics = topics.iter();
    match topics.find(|topic| catalog.partitions(topic).is_none()) {
        Some(missing) => Err(TopicError::Missing((*missing).to_owned())),
        None => Ok(catalog),
    }
}

impl SinkFactory for TopicSinks {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        let stream = self.stream_of(output);
        let mut outputs = self.outputs.iter();
        let is_shared = outputs.any(|(name, other)| *other == stream && *name != output.name);
        Box::new(MessageEncoder {
            line: jsonl::encoder(is_shared.then_some(&output.name), output.row_types()),
            most_bytes: self.settings.largest_message(),
        })
    }

    fn stream(&self, output: &Output) -> usize {
        self.stream_of(output)
    }

    fn deciding(&self) -> Option<String> {
        self.group.is_some().then(|| self.name())
    }

    fn sink(&self, worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        let id = format!("{}-{worker}", self.transactional_name);
        let mut sink = TopicSink {
            committer: Committer::new(
                TopicProducer {
                    settings: self.settings.clone(),
                    topics: Arc::clone(&self.topics),
                    id: id.clone(),
                    transactions: None,
                },
                self.settings
                    .transactional_name()
                    .map(|_| self.settings.transaction_timeout()),
            ),
            id,
            topics: self.name(),
            has_group: self.group.is_some(),
        };
        sink.start(Instant::now() + self.settings.broker_timeout)?;
        Ok(Box::new(sink))
    }
}

/// Encodes a row as JSON that fits into a message.
struct MessageEncoder {
    line: Box<dyn Encoder>,
    most_bytes: usize,
}

impl Encoder for MessageEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let start = encoded.len();
        self.line.encode(row, encoded, limit)?;
        // A message that is too large would stop every further checkpoint.
        if encoded.len() - start > self.most_bytes {
            let most = self.most_bytes;
            return Err(EncodeError::BadRow(format!(
                "takes more than {most} bytes as JSON, which `message.max.bytes` sets"
            )));
        }
        Ok(())
    }
}

/// The sink of one worker.
struct TopicSink {
    committer: Committer<TopicProducer>,
    id: String,
    topics: String,
    has_group: bool,
}

impl TopicSink {
    /// Positions that an earlier process left in an open transaction cannot be read before it is ended.
    fn start(&mut self, end: Instant) -> Result<(), SinkError> {
        match self.committer.start(end) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(CommitError::Refused(
                "the brokers do not answer to the beginning of a transaction".to_owned(),
            ))),
            Err(error) => Err(self.error(error)),
        }
    }

    fn error(&self, error: CommitError) -> SinkError {
        SinkError::Topic(match error {
            CommitError::Fenced => TopicError::Fenced(self.id.clone()),
            CommitError::Refused(reason) => TopicError::Refused {
                topics: self.topics.clone(),
                reason,
            },
        })
    }
}

impl Sink for TopicSink {
    fn commits_for_the_group(&self) -> bool {
        self.has_group
    }

    fn give_up(&mut self) {
        // An open transaction would keep the positions of its partitions, and the rows after its own, from everybody until it
        // times out: this worker may get no partitions again, and take no further checkpoint.
        if let Err(error) = self.committer.abandon(Instant::now() + ABANDON) {
            tracing::debug!("the next checkpoint meets this again: {error:?}");
        }
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let committed = self.committer.commit(checkpoint);
        committed.map_err(|error| self.error(error))
    }
}

/// The producer of one worker.
struct TopicProducer {
    settings: Settings,
    topics: Arc<[String]>,
    id: String,
    transactions: Option<Transactions>,
}

impl TopicProducer {
    fn transactions(&self) -> Result<&Transactions, TransactionError> {
        let lost = || TransactionError::Lost("it is not connected".to_owned());
        self.transactions.as_ref().ok_or_else(lost)
    }
}

impl Producer for TopicProducer {
    fn renew(&mut self) -> Result<(), TransactionError> {
        // The one before is dropped first, so that it does not take part any more.
        self.transactions = None;
        let started = Transactions::start(&self.settings, &self.id);
        let started = started.map_err(|error| TransactionError::Refused(error.to_string()))?;
        self.transactions = Some(started);
        Ok(())
    }

    fn init(&mut self) -> Result<Step, TransactionError> {
        self.transactions()?.init()
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.transactions()?.begin()
    }

    fn send(&mut self, topic: usize, row: &[u8]) -> Result<Step, TransactionError> {
        let topic = self.topics.get(topic).map_or("", String::as_str);
        self.transactions()?.send(topic, row)
    }

    fn flush(&mut self) -> Result<Step, TransactionError> {
        self.transactions()?.flush()
    }

    fn send_positions(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Step, TransactionError> {
        let positions = checkpoint.changed_positions();
        match checkpoint.membership {
            Some(membership) if !positions.is_empty() => {
                self.transactions()?
                    .send_positions(&positions, checkpoint.topics, membership)
            }
            _ => Ok(Step::Done),
        }
    }

    fn commit(&mut self) -> Result<Step, TransactionError> {
        self.transactions()?.commit()
    }

    fn abort(&mut self) -> Result<Step, TransactionError> {
        self.transactions()?.abort()
    }

    fn compare(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Compared, String> {
        let Some(membership) = checkpoint.membership else {
            return Ok(Compared::First);
        };
        let moves = moves::of(checkpoint);
        let partitions: Vec<_> = moves.iter().map(|one| one.partition.clone()).collect();
        let committed = Transactions::committed(membership, &partitions)?;
        Ok(moves::compare(&moves, |partition| {
            let next = committed.get(partition)?.as_ref()?.next;
            // The group's coordinator forgets the positions of a topic that is deleted.
            Some((moves::integer(next), String::new()))
        }))
    }
}
