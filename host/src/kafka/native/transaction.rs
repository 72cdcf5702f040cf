//! The one request of a transaction whose arguments rust-rdkafka hides.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{RDKafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::text_of;

/// A member of a group as it is now.
#[derive(Debug)]
pub(crate) struct GroupMetadata(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

impl GroupMetadata {
    /// None unless the consumer has joined its group: brokers do not check the positions of a client that has not.
    pub(in crate::kafka) fn of<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the handle is valid while the consumer is borrowed, and the answer is owned.
        let metadata =
            unsafe { sys::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) };
        let metadata = Self(NonNull::new(metadata)?);
        let pointer = metadata.0.as_ptr();
        // SAFETY: it is valid until it is dropped, and the text is null or ends in a zero byte.
        let has_joined = unsafe {
            let member = sys::rd_kafka_consumer_group_metadata_member_id(pointer);
            sys::rd_kafka_consumer_group_metadata_generation_id(pointer) >= 0
                && !member.is_null()
                && !CStr::from_ptr(member).is_empty()
        };
        has_joined.then_some(metadata)
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: it is owned and not used again.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

/// What librdkafka says about a request of a transaction that failed.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Failed {
    pub(in crate::kafka) code: RDKafkaErrorCode,
    pub(in crate::kafka) text: String,
    pub(in crate::kafka) is_fatal: bool,
    /// The same request may succeed later.
    pub(in crate::kafka) is_retriable: bool,
    /// The transaction has to be aborted.
    pub(in crate::kafka) requires_abort: bool,
}

impl From<&RDKafkaError> for Failed {
    fn from(error: &RDKafkaError) -> Self {
        Self {
            code: error.code(),
            text: error.string(),
            is_fatal: error.is_fatal(),
            is_retriable: error.is_retriable(),
            requires_abort: error.txn_requires_abort(),
        }
    }
}

/// Adds positions to the producer's transaction, as this member of its group.
pub(in crate::kafka) fn send_offsets<C: ProducerContext>(
    producer: &BaseProducer<C>,
    offsets: &TopicPartitionList,
    member: &GroupMetadata,
    wait: Duration,
) -> Result<(), Failed> {
    let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: handle, list and metadata are valid for the call, which copies them; the error is owned.
    unsafe {
        let error = sys::rd_kafka_send_offsets_to_transaction(
            producer.client().native_ptr(),
            offsets.ptr(),
            member.0.as_ptr(),
            wait_ms,
        );
        if error.is_null() {
            return Ok(());
        }
        let failed = Failed {
            code: sys::rd_kafka_error_code(error).into(),
            text: text_of(sys::rd_kafka_error_string(error)).unwrap_or_default(),
            is_fatal: sys::rd_kafka_error_is_fatal(error) != 0,
            is_retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            requires_abort: sys::rd_kafka_error_txn_requires_abort(error) != 0,
        };
        sys::rd_kafka_error_destroy(error);
        Err(failed)
    }
}
