//! A recording in memory, which is counted independently of the host and written to a broker any number of times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rmpv::Value;

use super::{Broker, Prefix};

/// Time limit for the confirmation of the last records.
const FLUSH_LIMIT: Duration = Duration::from_mins(2);
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// One record of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The object type: the part of the topic's name after its last dot.
    pub object_type: String,
    /// Whether the topic is privileged.
    pub privileged: bool,
    /// The key, empty if there is none.
    pub key: Vec<u8>,
    /// The value, or `None` for a tombstone.
    pub value: Option<Vec<u8>>,
}

/// The records of a recording, in order.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// The records.
    pub records: Vec<Record>,
}

/// The counts that `count-objects` has to find for one object type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// The number of records with a value.
    pub objects: u64,
    /// The total length of the values, in bytes.
    pub bytes: u64,
    /// The number of records without a value.
    pub tombstones: u64,
}

/// Sums by object type.
pub type Counts = BTreeMap<String, Sums>;

impl Journal {
    /// Reads a recording of frames, plain or compressed.
    ///
    /// It decodes the frames with `rmpv`, because its counts are compared with those of the host, which uses
    /// `journal-recording`.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        Self::try_read(path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    fn try_read(path: &Path) -> io::Result<Self> {
        let mut magic = [0; 4];
        let is_zstd = File::open(path)?.read_exact(&mut magic).is_ok() && magic == ZSTD_MAGIC;
        let file = BufReader::new(File::open(path)?);
        let mut bytes = Vec::new();
        if is_zstd {
            zstd::Decoder::new(file)?.read_to_end(&mut bytes)?;
        } else {
            { file }.read_to_end(&mut bytes)?;
        }
        let mut rest = bytes.as_slice();
        let mut journal = Self::default();
        while !rest.is_empty() {
            let frame = rmpv::decode::read_value(&mut rest).map_err(io::Error::other)?;
            journal.records.extend(record(frame)?);
        }
        Ok(journal)
    }

    /// The records that a reader gets. A privileged reader reads the privileged topic of an object type if there is
    /// one; all others read the public topics.
    pub fn seen_by(&self, privileged: bool) -> impl Iterator<Item = &Record> {
        let has_privileged = |object_type: &str| {
            self.records
                .iter()
                .any(|record| record.privileged && record.object_type == object_type)
        };
        let mut reads_privileged: BTreeMap<&str, bool> = BTreeMap::new();
        for record in &self.records {
            reads_privileged
                .entry(&record.object_type)
                .or_insert_with(|| privileged && has_privileged(&record.object_type));
        }
        self.records.iter().filter(move |record| {
            reads_privileged[record.object_type.as_str()] == record.privileged
        })
    }

    /// The counts that `count-objects` has to find when the recording is read `repetitions` times.
    #[must_use]
    pub fn counts(&self, privileged: bool, repetitions: u64) -> Counts {
        let mut counts = Counts::new();
        for record in self.seen_by(privileged) {
            let sums = counts.entry(record.object_type.clone()).or_default();
            match &record.value {
                Some(value) => {
                    sums.objects += repetitions;
                    sums.bytes += repetitions * value.len() as u64;
                }
                None => sums.tombstones += repetitions,
            }
        }
        counts
    }

    /// The names of this journal's topics under a prefix.
    #[must_use]
    pub fn topics(&self, prefix: &Prefix) -> Vec<String> {
        let topics = self.records.iter().map(|record| topic(prefix, record));
        topics.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn topic(prefix: &Prefix, record: &Record) -> String {
    if record.privileged {
        prefix.privileged_topic(&record.object_type)
    } else {
        prefix.topic(&record.object_type)
    }
}

/// The record of a frame `[topic, key, value, ...]`, or `None` for the header of a recording.
fn record(frame: Value) -> io::Result<Option<Record>> {
    let Value::Array(members) = frame else {
        return if frame.is_map() {
            Ok(None)
        } else {
            Err(io::Error::other("a frame is no array"))
        };
    };
    let mut members = members.into_iter();
    let (Some(Value::String(topic)), Some(key), Some(value)) =
        (members.next(), members.next(), members.next())
    else {
        return Err(io::Error::other("a frame is not `[topic, key, value]`"));
    };
    let topic = topic.into_str().unwrap_or_default();
    let (prefix, object_type) = topic.rsplit_once('.').unwrap_or(("", &topic));
    Ok(Some(Record {
        object_type: object_type.to_owned(),
        privileged: prefix.ends_with("_privileged"),
        key: binary(key)?.unwrap_or_default(),
        value: binary(value)?,
    }))
}

fn binary(value: Value) -> io::Result<Option<Vec<u8>>> {
    match value {
        Value::Nil => Ok(None),
        Value::Binary(bytes) => Ok(Some(bytes)),
        _ => Err(io::Error::other("a key or value is not binary")),
    }
}

impl Broker {
    /// Creates the journal's topics with `partitions` each, and writes its records `repetitions` times, with different
    /// keys each time. Returns the number of records in all topics.
    ///
    /// # Panics
    /// When a record is not confirmed, or the broker does not hold the number of records that were sent.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn load(
        &self,
        prefix: &Prefix,
        journal: &Journal,
        partitions: i32,
        repetitions: u32,
    ) -> u64 {
        self.create_topics(&journal.topics(prefix), partitions);
        self.append(prefix, journal, repetitions);
        let sent = journal.records.len() as u64 * u64::from(repetitions);
        let held: i64 = self.end_offsets(prefix).values().sum();
        assert_eq!(held.unsigned_abs(), sent, "the broker holds what was sent");
        sent
    }

    /// Writes the journal's records `repetitions` times to topics that exist.
    ///
    /// # Panics
    /// When a record is not confirmed.
    pub fn append(&self, prefix: &Prefix, journal: &Journal, repetitions: u32) {
        self.write(prefix, journal, repetitions, None);
    }

    /// Writes the journal's records once to topics that exist, with this timestamp, in milliseconds since 1970.
    ///
    /// # Panics
    /// When a record is not confirmed.
    pub fn append_at(&self, prefix: &Prefix, journal: &Journal, timestamp_ms: i64) {
        self.write(prefix, journal, 1, Some(timestamp_ms));
    }

    fn write(
        &self,
        prefix: &Prefix,
        journal: &Journal,
        repetitions: u32,
        timestamp_ms: Option<i64>,
    ) {
        let writer = Writer::new(self.client(), prefix, journal);
        for repetition in 0..repetitions {
            writer.write(repetition, timestamp_ms);
        }
        writer.flush();
    }
}

/// Writes the records of a journal to topics that exist.
pub(super) struct Writer<'a> {
    producer: ThreadedProducer<Confirmations>,
    /// Each record with its topic.
    records: Vec<(&'a Record, String)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(mut client: ClientConfig, prefix: &Prefix, journal: &'a Journal) -> Self {
        let producer = client
            .set("enable.idempotence", "true")
            .set("compression.type", "zstd")
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "10000")
            .set("message.max.bytes", "104857600")
            .set("queue.buffering.max.messages", "400000")
            .set("queue.buffering.max.kbytes", "262144")
            .create_with_context(Confirmations)
            .expect("the settings are right");
        let records = journal.records.iter();
        Self {
            producer,
            records: records
                .map(|record| (record, topic(prefix, record)))
                .collect(),
        }
    }

    /// Writes each record once, with the keys of this repetition.
    pub(super) fn write(&self, repetition: u32, timestamp_ms: Option<i64>) {
        let mut key = Vec::new();
        for (record, topic) in &self.records {
            write_key(&mut key, &record.key, repetition);
            let mut message = BaseRecord::to(topic).key(&key);
            if let Some(value) = &record.value {
                message = message.payload(value);
            }
            if let Some(timestamp_ms) = timestamp_ms {
                message = message.timestamp(timestamp_ms);
            }
            send(&self.producer, message);
        }
    }

    /// Waits until the broker has confirmed everything.
    pub(super) fn flush(&self) {
        self.producer
            .flush(FLUSH_LIMIT)
            .expect("the broker confirms what was sent");
    }
}

impl Broker {
    /// Writes records in a transaction, whose end takes an offset of its own.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn write_in_a_transaction(&self, topic: &str, records: u32) {
        let producer: ThreadedProducer<Confirmations> = self
            .client()
            .set("transactional.id", topic)
            .create_with_context(Confirmations)
            .expect("the settings are right");
        let done = "a transaction succeeds";
        producer.init_transactions(FLUSH_LIMIT).expect(done);
        producer.begin_transaction().expect(done);
        for number in 0..records {
            let key = number.to_be_bytes().to_vec();
            send(&producer, BaseRecord::to(topic).key(&key).payload(&key));
        }
        producer.commit_transaction(FLUSH_LIMIT).expect(done);
    }
}

/// Writes the key of a repetition. It stays valid msgpack. The last bytes of an identifier change; for a key of another
/// form, later repetitions write a binary that contains the key and the number of the repetition.
fn write_key(key: &mut Vec<u8>, original: &[u8], repetition: u32) {
    const BIN8: u8 = 0xc4;
    const BIN16: u8 = 0xc5;
    key.clear();
    let tail = repetition.to_be_bytes();
    if original.first() == Some(&BIN8) && original.len() > 2 + tail.len() {
        key.extend_from_slice(original);
        let start = key.len() - tail.len();
        for (byte, change) in key[start..].iter_mut().zip(tail) {
            *byte ^= change;
        }
    } else if repetition == 0 || original.is_empty() {
        key.extend_from_slice(original);
    } else {
        let length = u16::try_from(original.len() + tail.len()).expect("keys are short");
        key.push(BIN16);
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(original);
        key.extend_from_slice(&tail);
    }
}

fn send(producer: &ThreadedProducer<Confirmations>, mut message: BaseRecord<'_, Vec<u8>, Vec<u8>>) {
    loop {
        match producer.send(message) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                message = unsent;
                std::thread::sleep(Duration::from_millis(5));
            }
            Err((error, _)) => panic!("cannot send a record: {error}"),
        }
    }
}

/// Prints why a record was not confirmed. The count of the records on the broker then fails the test.
struct Confirmations;

impl rdkafka::ClientContext for Confirmations {}

impl ProducerContext for Confirmations {
    type DeliveryOpaque = ();

    #[expect(
        clippy::print_stderr,
        reason = "a callback of librdkafka cannot fail the test itself"
    )]
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            eprintln!("a record was not confirmed: {error}");
        }
    }
}
