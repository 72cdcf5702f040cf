//! The few functions of librdkafka that rust-rdkafka does not offer.
//!
//! Reading in batches from one forwarded queue costs two thirds of the CPU time of one `poll` for each message, and a
//! commit whose result arrives on a queue is the only one that neither blocks nor hides its result: both need the C
//! interface.
#![expect(
    unsafe_code,
    reason = "calls into librdkafka, each with the invariant that makes it sound"
)]

pub(super) mod admin;
mod describe;
mod transaction;

use std::ffi::{CStr, CString, c_int};
use std::os::raw::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

pub(crate) use self::describe::TopicId;
pub(super) use self::describe::{Asked, TopicState, describe_topics};
pub(super) use self::transaction::{Failed, GroupMetadata, send_offsets};

/// A queue of librdkafka that this process owns.
///
/// Invariant: it is dropped before its consumer, whose destruction otherwise never ends.
#[derive(Debug)]
pub(crate) struct Queue(NonNull<sys::rd_kafka_queue_t>);

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

    /// The queue of one partition; its further messages go to `target`.
    pub(super) fn forward_partition<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
        target: &Self,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: handle and topic are valid for the call; both queues stay owned by this process.
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

    /// The number of waiting events or messages.
    pub(crate) fn len(&self) -> usize {
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

/// Messages that were read but not passed on yet, in the broker's own buffers.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    buffer: Vec<*mut sys::rd_kafka_message_t>,
    /// Those before this index are destroyed already.
    next: usize,
}

// SAFETY: messages may be used and destroyed from any thread, and these have one owner.
unsafe impl Send for Messages {}

impl Messages {
    /// Reads up to `most` messages when none waits: those that are there, or else the first that
    /// comes within `wait`.
    pub(crate) fn read(&mut self, queue: &Queue, most: usize, wait: Duration) {
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
    pub(crate) fn front(&self) -> Option<Message<'_>> {
        let message = *self.buffer.get(self.next)?;
        // SAFETY: a message from `next` on is not destroyed before `advance`, which needs `&mut`.
        Some(Message(unsafe { &*message }))
    }

    /// Destroys the message at the front.
    pub(crate) fn advance(&mut self) {
        if let Some(&message) = self.buffer.get(self.next) {
            self.next += 1;
            // SAFETY: it was not destroyed before, and `next` keeps it from being so again.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }

    /// The number of waiting messages.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - self.next
    }

    /// Destroys the messages that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(Message<'_>) -> bool) {
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

/// An event of one partition, which arrives among its messages.
#[derive(Debug)]
pub(crate) struct PartitionEvent {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// The partition's offset at the event.
    pub(crate) offset: i64,
    pub(super) code: RDKafkaErrorCode,
    /// librdkafka's description of it.
    pub(crate) text: String,
}

impl PartitionEvent {
    /// Whether the end of the partition was reached.
    pub(crate) fn is_end(&self) -> bool {
        self.code == RDKafkaErrorCode::PartitionEOF
    }

    /// Whether the partition does not have the offset that was asked for.
    pub(crate) fn is_out_of_range(&self) -> bool {
        self.code == RDKafkaErrorCode::AutoOffsetReset
    }
}

/// One message, or an event instead of it.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a sys::rd_kafka_message_t);

impl<'a> Message<'a> {
    /// The event that arrived instead of a message.
    pub(crate) fn event(self) -> Option<PartitionEvent> {
        if !self.0.err.is_error() {
            return None;
        }
        // SAFETY: the text lives as long as the message.
        let text = unsafe { sys::rd_kafka_message_errstr(ptr::from_ref(self.0)) };
        Some(PartitionEvent {
            topic: self.topic_name().unwrap_or_default(),
            partition: self.0.partition,
            offset: self.0.offset,
            code: self.0.err.into(),
            text: text_of(text).unwrap_or_default(),
        })
    }

    /// A number that is the same for all messages of a topic while its partitions are assigned.
    pub(crate) fn topic_handle(self) -> usize {
        self.0.rkt as usize
    }

    /// The topic's name.
    pub(crate) fn topic_name(self) -> Option<String> {
        if self.0.rkt.is_null() {
            return None;
        }
        // SAFETY: the topic's handle lives as long as the message.
        text_of(unsafe { sys::rd_kafka_topic_name(self.0.rkt) })
    }

    pub(crate) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(crate) fn offset(self) -> i64 {
        self.0.offset
    }

    /// Milliseconds since 1970, -1 where the message has none.
    pub(crate) fn timestamp_ms(self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and `kind` is written to.
        unsafe { sys::rd_kafka_message_timestamp(ptr::from_ref(self.0), &raw mut kind) }
    }

    pub(crate) fn key(self) -> &'a [u8] {
        // SAFETY: librdkafka's key and its length belong together.
        unsafe { bytes_of(self.0.key, self.0.key_len) }
    }

    /// Whether there is no value, which is not the same as an empty one.
    pub(crate) fn is_tombstone(self) -> bool {
        self.0.payload.is_null()
    }

    /// The value, empty for a tombstone.
    pub(crate) fn value(self) -> &'a [u8] {
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

/// What was committed beside each offset of `list`. Any client may have committed it: what is no UTF-8 is replaced, and
/// zero bytes at its end are left out.
pub(super) fn notes(list: &TopicPartitionList) -> Vec<String> {
    // SAFETY: the list lives as long as it is borrowed; it has `cnt` elements, and the metadata of each and its size
    // belong together.
    unsafe {
        let list = &*list.ptr();
        let count = usize::try_from(list.cnt).unwrap_or(0);
        let elements = if count == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(list.elems, count)
        };
        let note = |element: &sys::rd_kafka_topic_partition_t| {
            let bytes = bytes_of(element.metadata, element.metadata_size);
            note_of(bytes)
        };
        elements.iter().map(note).collect()
    }
}

/// A committed note without the zero byte at its end.
fn note_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\0').to_owned()
}

/// Sends a commit of `offsets`; its result arrives on `results`.
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

/// The result of the commit in flight, if it comes within `wait`: the first error, of the request or of a partition.
pub(super) fn commit_result(
    results: &Queue,
    wait: Duration,
) -> Option<Result<(), RDKafkaErrorCode>> {
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
        Some(if error.is_error() {
            Err(error.into())
        } else {
            Ok(())
        })
    }
}

/// The end of a partition that the last fetch reported, without a request to the broker.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_of_another_client_that_is_no_text_is_read_with_replacements() {
        let mut list = TopicPartitionList::new();
        assert_eq!(notes(&list), Vec::<String>::new());
        list.add_partition("a", 0).set_metadata("start=5");
        list.add_partition("a", 1).set_metadata("xy");
        list.add_partition("a", 2);
        list.add_partition("a", 3).set_metadata("start=7\0");
        // SAFETY: the second of three elements has two bytes of metadata, which the list owns.
        unsafe {
            let element = (*list.ptr()).elems.add(1);
            (*element).metadata.cast::<u8>().add(1).write(0xff);
        }
        assert_eq!(notes(&list), ["start=5", "x\u{fffd}", "", "start=7"]);
    }
}
