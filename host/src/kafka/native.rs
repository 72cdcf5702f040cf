//! The few calls of librdkafka that rust-rdkafka does not offer.
//!
//! Reading in batches from one forwarded queue costs two thirds of the CPU time of one `poll` a
//! message, and a commit whose result comes over a queue is the only one that neither blocks nor
//! goes unreported: both need the C interface.
#![expect(
    unsafe_code,
    reason = "calls into librdkafka, each with the invariant that makes it sound"
)]

use std::ffi::{CStr, CString, c_int};
use std::os::raw::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

/// A queue of librdkafka that this side owns.
///
/// Invariant: it is dropped before its consumer, whose destruction otherwise waits for ever.
#[derive(Debug)]
pub(super) struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread, and this one has one owner.
unsafe impl Send for Queue {}
// SAFETY: librdkafka locks its queues itself.
unsafe impl Sync for Queue {}

impl Queue {
    /// A queue that nothing is forwarded to yet.
    pub(super) fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the consumer's handle is valid as long as the consumer is borrowed.
        NonNull::new(unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) }).map(Self)
    }

    /// The queue on which the consumer's events arrive.
    pub(super) fn of_consumer<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Self> {
        // SAFETY: as above; the reference that is returned is released on drop.
        NonNull::new(unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) })
            .map(Self)
    }

    /// The queue of one partition; messages that it gets go to `target` from now on.
    pub(super) fn forward_partition<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
        target: &Self,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: handle and topic are valid for the call; both queues barrier_guard owned by this side.
        unsafe {
            let queue = NonNull::new(sys::rd_kafka_queue_get_partition(
                consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            ))?;
            sys::rd_kafka_queue_forward(queue.as_ptr(), target.0.as_ptr());
            Some(Self(queue))
        }
    }

    /// Events or messages that wait.
    pub(super) fn len(&self) -> usize {
        // SAFETY: the queue is valid until it is dropped.
        unsafe { sys::rd_kafka_queue_length(self.0.as_ptr()) }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference is owned and not used again.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Messages that were read and not handed on yet, in the broker's own buffers.
#[derive(Debug, Default)]
pub(super) struct Messages {
    buffer: Vec<*mut sys::rd_kafka_message_t>,
    /// Those before this place are destroyed already.
    next: usize,
}

// SAFETY: messages may be used and destroyed from any thread, and these have one owner.
unsafe impl Send for Messages {}

impl Messages {
    /// Reads up to `most` messages when none waits: those that are there, or else the first that
    /// comes within `wait`.
    pub(super) fn read(&mut self, queue: &Queue, most: usize, wait: Duration) {
        if self.next < self.buffer.len() {
            return;
        }
        self.buffer.clear();
        self.next = 0;
        if self.read_now(queue, most, Duration::ZERO) == 0 && !wait.is_zero() {
            // One message, not a batch: the batch call waits until it is full or its time is up.
            if self.read_now(queue, 1, wait) == 1 && most > 1 {
                self.read_now(queue, most - 1, Duration::ZERO);
            }
        }
    }

    fn read_now(&mut self, queue: &Queue, most: usize, wait: Duration) -> usize {
        let before = self.buffer.len();
        self.buffer.reserve(most);
        let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the buffer has room for `most` more pointers, and librdkafka says how many of
        // them it set; a negative count means none.
        unsafe {
            let room = self.buffer.as_mut_ptr().add(before);
            let count = sys::rd_kafka_consume_batch_queue(queue.0.as_ptr(), wait_ms, room, most);
            self.buffer
                .set_len(before + usize::try_from(count).unwrap_or(0));
        }
        self.buffer.len() - before
    }

    /// The message at the front.
    pub(super) fn front(&self) -> Option<Message<'_>> {
        let message = *self.buffer.get(self.next)?;
        // SAFETY: a message from `next` on is not destroyed before `advance`, which needs `&mut`.
        Some(Message(unsafe { &*message }))
    }

    /// Destroys the message at the front.
    pub(super) fn advance(&mut self) {
        if let Some(&message) = self.buffer.get(self.next) {
            self.next += 1;
            // SAFETY: it was not destroyed before, and `next` keeps it from being so again.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }

    /// Messages that wait.
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.next
    }

    /// Destroys the messages that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(Message<'_>) -> bool) {
        let waiting = self.buffer.split_off(self.next);
        self.buffer.clear();
        self.next = 0;
        for message in waiting {
            // SAFETY: those from `next` on were not destroyed, and each is either kept or
            // destroyed here.
            unsafe {
                if keep(Message(&*message)) {
                    self.buffer.push(message);
                } else {
                    sys::rd_kafka_message_destroy(message);
                }
            }
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        while self.next < self.buffer.len() {
            self.advance();
        }
    }
}

/// One message, or an event in a message's place.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(&'a sys::rd_kafka_message_t);

impl<'a> Message<'a> {
    /// The event that stands here in place of a message.
    pub(super) fn error(self) -> Option<RDKafkaErrorCode> {
        self.0.err.is_error().then(|| self.0.err.into())
    }

    /// What librdkafka says about the event.
    pub(super) fn error_text(self) -> String {
        // SAFETY: the text lives as long as the message.
        let text = unsafe { sys::rd_kafka_message_errstr(ptr::from_ref(self.0)) };
        text_of(text).unwrap_or_default()
    }

    /// A number that is the same for all messages of a topic while its partitions are assigned.
    pub(super) fn topic_handle(self) -> usize {
        self.0.rkt as usize
    }

    /// The topic's name.
    pub(super) fn topic_name(self) -> Option<String> {
        if self.0.rkt.is_null() {
            return None;
        }
        // SAFETY: the topic's handle lives as long as the message.
        text_of(unsafe { sys::rd_kafka_topic_name(self.0.rkt) })
    }

    pub(super) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.0.offset
    }

    /// Milliseconds since 1970, -1 where the message has none.
    pub(super) fn timestamp_ms(self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and `kind` is written to.
        unsafe { sys::rd_kafka_message_timestamp(ptr::from_ref(self.0), &raw mut kind) }
    }

    pub(super) fn key(self) -> &'a [u8] {
        // SAFETY: librdkafka's key and its length belong together.
        unsafe { bytes_of(self.0.key, self.0.key_len) }
    }

    /// The value, empty for a tombstone.
    pub(super) fn value(self) -> &'a [u8] {
        // SAFETY: librdkafka's payload and its length belong together.
        unsafe { bytes_of(self.0.payload, self.0.len) }
    }
}

/// # Safety
/// `start` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes_of<'a>(start: *const c_void, length: usize) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}

fn text_of(text: *const std::os::raw::c_char) -> Option<String> {
    // SAFETY: librdkafka's texts are null or end in a zero byte.
    (!text.is_null()).then(|| {
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    })
}

/// What became of a commit.
#[derive(Debug)]
pub(super) struct CommitResult {
    /// The first trouble, of the request or of a partition.
    pub(super) outcome: Result<(), RDKafkaErrorCode>,
}

/// Sends a commit of `offsets`; its result comes to `results`.
pub(super) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
    results: &Queue,
) -> Result<(), RDKafkaErrorCode> {
    // SAFETY: all three are valid for the call; librdkafka copies the list.
    let error: RDKafkaRespErr = unsafe {
        sys::rd_kafka_commit_queue(
            consumer.client().native_ptr(),
            offsets.ptr(),
            results.0.as_ptr(),
            None,
            ptr::null_mut(),
        )
    };
    if error.is_error() {
        Err(error.into())
    } else {
        Ok(())
    }
}

/// The result of the commit in flight, if it comes within `wait`.
pub(super) fn commit_result(results: &Queue, wait: Duration) -> Option<CommitResult> {
    let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the event is owned until it is destroyed below; the list belongs to the event.
    unsafe {
        let event = NonNull::new(sys::rd_kafka_queue_poll(results.0.as_ptr(), wait_ms))?;
        let mut error = sys::rd_kafka_event_error(event.as_ptr());
        let list = sys::rd_kafka_event_topic_partition_list(event.as_ptr());
        if !error.is_error() && !list.is_null() && (*list).cnt > 0 {
            let count = usize::try_from((*list).cnt).unwrap_or(0);
            let elements = std::slice::from_raw_parts((*list).elems, count);
            if let Some(refused) = elements.iter().find(|element| element.err.is_error()) {
                error = refused.err;
            }
        }
        sys::rd_kafka_event_destroy(event.as_ptr());
        let outcome = if error.is_error() {
            Err(error.into())
        } else {
            Ok(())
        };
        Some(CommitResult { outcome })
    }
}

/// The end of a partition as the last fetch told it, without asking the broker.
pub(super) fn known_end<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: handle and topic are valid for the call, and both numbers are written to.
    let error = unsafe {
        sys::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (!error.is_error() && high >= 0).then_some(high)
}
