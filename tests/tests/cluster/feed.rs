//! Records that arrive all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use journal_tests::Prefix;
use journal_tests::kafka::Cluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

/// Object types, each with a topic of [`PARTITIONS`] partitions.
const OBJECT_TYPES: [&str; 2] = ["origin", "release"];
const PARTITIONS: i32 = 6;
/// Records a second.
const RATE: u64 = 4000;
/// The pause between two records that are sent together.
const TICK: Duration = Duration::from_millis(20);
const FLUSH_LIMIT: Duration = Duration::from_mins(1);

/// Writes records until it is stopped.
pub(super) struct Feed {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Feed {
    /// Makes the topics of a prefix and writes to them.
    pub(super) fn start(cluster: &Cluster, prefix: &Prefix) -> Self {
        let topics = OBJECT_TYPES.map(|object_type| prefix.topic(object_type));
        cluster.any().create_topics(&topics, PARTITIONS);
        let stop = Arc::new(AtomicBool::new(false));
        let producer: ThreadedProducer<DefaultProducerContext> = client(cluster)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .expect("the settings are right");
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || write(&producer, &topics, &stopped));
        Self { stop, thread }
    }

    /// Stops, once every record has reached the brokers.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("records are written");
    }
}

fn client(cluster: &Cluster) -> rdkafka::ClientConfig {
    cluster.any().client()
}

fn write(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topics: &[String],
    stop: &AtomicBool,
) {
    let started = Instant::now();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = started.elapsed().as_millis();
        let due = u64::try_from(due).expect("a test is short") * RATE / 1000;
        while sent < due {
            let topic = &topics[usize::try_from(sent).expect("it fits") % topics.len()];
            let partition = i32::try_from(sent / topics.len() as u64 % PARTITIONS as u64);
            let key = sent.to_be_bytes();
            let record = BaseRecord::to(topic)
                .partition(partition.expect("it is small"))
                .key(&key[..])
                .payload("\u{0}");
            if producer.send(record).is_err() {
                // Its queue is full, because brokers are missing.
                break;
            }
            sent += 1;
        }
        thread::sleep(TICK);
    }
    producer
        .flush(FLUSH_LIMIT)
        .expect("the brokers take what was sent");
}
