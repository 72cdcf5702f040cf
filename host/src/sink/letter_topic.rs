//! Dead letters in a Kafka topic: each record as it was, and everything else about it in headers.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::SinkError;
use super::dead_letters::{DeadLetter, LetterSink};
use crate::kafka::{self, Catalog, Header, NewRecord, Producer, Settings};

/// The interval at which answers of the brokers are looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A topic of the cluster that the records come from.
#[derive(Clone, Debug)]
pub(crate) struct LetterTopic {
    settings: Settings,
    topic: String,
}

/// Why a topic takes no dead letters.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LetterTopicError {
    /// The cluster cannot be asked, or its settings are wrong.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The run might read its own dead letters.
    #[error("the topic `{0}` for dead letters has the prefix of the topics that are read")]
    OfTheJournal(String),
    /// The topic does not exist, or the account does not see it.
    #[error("the topic `{0}` for dead letters does not exist")]
    Missing(String),
}

impl LetterTopic {
    /// The topic, if it exists.
    ///
    /// # Errors
    /// When it does not, or the brokers do not answer.
    pub(crate) fn find(settings: Settings, topic: &str) -> Result<Self, LetterTopicError> {
        settings.check_for_producer()?;
        if Catalog::fetch(&settings)?.partitions(topic).is_none() {
            return Err(LetterTopicError::Missing(topic.to_owned()));
        }
        Ok(Self {
            settings,
            topic: topic.to_owned(),
        })
    }

    /// For one worker. It connects when there is something to write.
    pub(crate) fn sink(&self) -> TopicLetters {
        TopicLetters {
            to: self.clone(),
            producer: None,
        }
    }
}

/// Writes one worker's dead letters.
pub(crate) struct TopicLetters {
    to: LetterTopic,
    producer: Option<Producer>,
}

impl TopicLetters {
    fn refused(&self, reason: String) -> SinkError {
        SinkError::NoLetters {
            topic: self.to.topic.clone(),
            reason,
        }
    }

    fn write_to(&self, producer: &Producer, letters: &[DeadLetter]) -> Result<(), SinkError> {
        let end = Instant::now() + self.to.settings.broker_timeout;
        for letter in letters {
            let headers = headers(letter);
            let record = NewRecord {
                topic: &self.to.topic,
                partition: None,
                key: &letter.key,
                value: letter.value.as_deref(),
                timestamp_ms: letter.timestamp_ms,
                headers: &headers,
            };
            loop {
                let sent = producer.send(&record);
                if sent.map_err(|refusal| self.refused(refusal.reason))? {
                    break;
                }
                self.check(producer, end)?;
            }
        }
        while producer.unanswered() > 0 {
            producer.poll(LOOK);
            self.check(producer, end)?;
        }
        match producer.answers().refusal {
            Some(refusal) => Err(self.refused(refusal.reason)),
            None => Ok(()),
        }
    }

    /// Fails once no further confirmation is to be expected.
    fn check(&self, producer: &Producer, end: Instant) -> Result<(), SinkError> {
        if let Some(failure) = producer.failure() {
            return Err(self.refused(failure.reason));
        }
        if Instant::now() < end {
            return Ok(());
        }
        let why = producer.last_error();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Err(self.refused(format!("the brokers do not confirm it{why}")))
    }
}

impl LetterSink for TopicLetters {
    /// The brokers may have more than the run knows of: after a failure, all of them come again.
    fn write(&mut self, letters: &[DeadLetter]) -> Result<(), SinkError> {
        if letters.is_empty() {
            return Ok(());
        }
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => Producer::start(&self.to.settings)
                .map_err(|error| self.refused(error.to_string()))?,
        };
        self.write_to(&producer, letters)?;
        self.producer = Some(producer);
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Everything about a dead letter but its key and value. Texts are as they are, other values JSON.
fn headers(letter: &DeadLetter) -> Vec<Header> {
    let members = letter.about().into_iter();
    let known = members.filter(|(_, value)| !value.is_null());
    known
        .map(|(name, value)| Header {
            name,
            value: match value {
                Value::String(text) => text,
                other => other.to_string(),
            },
        })
        .collect()
}
