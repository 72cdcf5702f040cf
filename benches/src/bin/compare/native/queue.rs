//! The cheapest use of librdkafka: the queues of all partitions are forwarded to one queue, which is read in batches,
//! and records are processed without a copy.
#![expect(
    unsafe_code,
    reason = "rust-rdkafka has neither queues nor the batch call"
)]

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings as sys;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};

use super::{Arguments, Commits, Topics, Work, commit, object_type, settings};
use crate::answer::Answer;

const WAIT_MS: i32 = 20;
/// The host's default of `--batch-records`.
const BATCH: usize = 1000;

pub(super) fn consume<W: Work>(arguments: &Arguments, mut work: W) -> Answer {
    let config = settings(arguments);
    let consumer = BaseConsumer::from_config_and_context(&config, Forwarding::default())
        .expect("the settings are right");
    // Declared after the consumer and therefore dropped before it: otherwise dropping the consumer would never return.
    let queue = Queue::new(&consumer);
    let names: Vec<&str> = arguments.topics.iter().map(String::as_str).collect();
    consumer.subscribe(&names).expect("the topics are there");
    let mut commits = Commits::new();
    let mut messages: Vec<*mut sys::rd_kafka_message_t> = Vec::with_capacity(BATCH);
    let mut topics = Topics::new();
    let mut read = 0;
    while read < arguments.records {
        if let Some(event) = consumer.poll(Duration::ZERO) {
            event.expect("the broker answers");
            unreachable!("messages come on their own queue");
        }
        queue.read(&mut messages);
        for &message in &messages {
            // SAFETY: librdkafka set the pointer, and the message is destroyed at the end of this block, after its last
            // use. A value and its length belong together. The topic lives as long as the message, and its name ends in
            // a zero byte.
            unsafe {
                let one = &*message;
                assert_eq!(
                    one.err,
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
                    "the broker answers"
                );
                let value = (!one.payload.is_null())
                    .then(|| std::slice::from_raw_parts(one.payload.cast(), one.len));
                let topic = topics.of(one.rkt, || {
                    let name = CStr::from_ptr(sys::rd_kafka_topic_name(one.rkt));
                    work.topic(object_type(name.to_str().expect("a name is ASCII")))
                });
                work.record(topic, value);
                sys::rd_kafka_message_destroy(message);
            }
        }
        read += messages.len() as u64;
        commits.if_due(&consumer, &mut work);
    }
    commit(&consumer, &mut work, CommitMode::Sync);
    work.answer()
}

/// Forwards the queue of each assigned partition to one queue.
#[derive(Default)]
struct Forwarding {
    /// The queue to which all others are forwarded.
    target: AtomicPtr<sys::rd_kafka_queue_t>,
}

impl ClientContext for Forwarding {}

impl ConsumerContext for Forwarding {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(partitions) = rebalance else {
            return;
        };
        let client = consumer.client().native_ptr();
        let target = self.target.load(Ordering::Acquire);
        for partition in partitions.elements() {
            let topic = CString::new(partition.topic()).expect("a topic's name has no zero byte");
            // SAFETY: client, name and both queues are valid for the calls, because no partition is assigned before
            // there is a target. The reference to the partition's queue is released.
            unsafe {
                let own = sys::rd_kafka_queue_get_partition(
                    client,
                    topic.as_ptr(),
                    partition.partition(),
                );
                sys::rd_kafka_queue_forward(own, target);
                sys::rd_kafka_queue_destroy(own);
            }
        }
    }
}

/// The queue that receives all messages.
struct Queue(*mut sys::rd_kafka_queue_t);

impl Queue {
    /// Creates the queue. Partitions that are assigned to the consumer from now on are forwarded to it.
    fn new(consumer: &BaseConsumer<Forwarding>) -> Self {
        // SAFETY: the client is valid while the consumer is borrowed.
        let queue = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        consumer.context().target.store(queue, Ordering::Release);
        Self(queue)
    }

    /// Replaces `messages` with the available ones. If there are none, waits for the first.
    fn read(&self, messages: &mut Vec<*mut sys::rd_kafka_message_t>) {
        messages.clear();
        let mut read = |wait_ms, most| {
            // SAFETY: there is room for `BATCH` pointers, and librdkafka returns how many of them it set.
            unsafe {
                let count =
                    sys::rd_kafka_consume_batch_queue(self.0, wait_ms, messages.as_mut_ptr(), most);
                messages.set_len(usize::try_from(count).unwrap_or(0));
            }
            messages.len()
        };
        if read(0, BATCH) == 0 {
            read(WAIT_MS, 1);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference is owned and not used again.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}
