//! Descriptions of topics: rust-rdkafka does not offer their identifiers.

use std::ffi::{CString, c_char, c_int};
use std::fmt;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::{Queue, text_of};

/// How much longer than its time-out an answer is waited for: librdkafka itself answers that time is up.
const GRACE: Duration = Duration::from_millis(500);

/// The identifier of a topic: a topic that is deleted and created again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicId(pub(in crate::kafka) u128);

impl TopicId {
    pub(crate) fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TopicId {
    /// As Kafka's tools write it: base64 with `-` and `_`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        // Six bits a digit: the last of the 22 digits has the lowest two.
        (0..22).try_for_each(|digit| {
            let shift = 122 - 6 * digit;
            let six = if shift >= 0 {
                self.0 >> shift
            } else {
                self.0 << -shift
            };
            let index = usize::try_from(six & 63).unwrap_or_default();
            write!(f, "{}", char::from(DIGITS[index]))
        })
    }
}

/// A topic as the brokers describe it.
#[derive(Debug)]
pub(in crate::kafka) struct TopicState {
    pub(in crate::kafka) name: String,
    /// None from brokers that have no identifiers.
    pub(in crate::kafka) id: Option<TopicId>,
    /// The number of its partitions.
    pub(in crate::kafka) partitions: u32,
    /// What the account may do with it, where that was asked for and the brokers say it.
    pub(in crate::kafka) operations: Option<Vec<sys::rd_kafka_AclOperation_t>>,
    /// Why it is not described.
    pub(in crate::kafka) error: Option<RDKafkaErrorCode>,
}

/// What is asked about topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Asked {
    /// What they are.
    Topics,
    /// The same, and what the account may do with them.
    Rights,
}

/// Describes topics by their names, each of which is given once.
pub(in crate::kafka) fn describe_topics<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topics: &[&str],
    asked: Asked,
    timeout: Duration,
) -> Result<Vec<TopicState>, RDKafkaErrorCode> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let request = Request::new(client, topics, timeout)?;
    if asked == Asked::Rights {
        request.ask_for_rights();
    }
    let mut names: Vec<_> = request.names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the names live as long as the request, and librdkafka copies them; client, options and queue are valid for
    // the call.
    unsafe {
        let collection =
            sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        sys::rd_kafka_DescribeTopics(
            client.client().native_ptr(),
            collection,
            request.options.as_ptr(),
            request.answers.0.as_ptr(),
        );
        sys::rd_kafka_TopicCollection_destroy(collection);
    }
    let answer = request.answer()?;
    // SAFETY: the answer is valid until it is dropped, and so are the descriptions in it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(RDKafkaErrorCode::BadMessage);
        }
        let mut count = 0;
        let descriptions = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let descriptions = slice_of(descriptions, count);
        Ok(descriptions
            .iter()
            .map(|topic| topic_state(*topic))
            .collect())
    }
}

/// # Safety
/// `topic` is a description that lives during the call.
unsafe fn topic_state(topic: *const sys::rd_kafka_TopicDescription_t) -> TopicState {
    // SAFETY: promised by the caller; name, error and identifier belong to the description.
    unsafe {
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let bits = |bits: i64| u128::from(bits.cast_unsigned());
        let id = if id.is_null() {
            0
        } else {
            bits(sys::rd_kafka_Uuid_most_significant_bits(id)) << 64
                | bits(sys::rd_kafka_Uuid_least_significant_bits(id))
        };
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        TopicState {
            name: text_of(sys::rd_kafka_TopicDescription_name(topic)).unwrap_or_default(),
            id: (id != 0).then_some(TopicId(id)),
            partitions: u32::try_from(partitions).unwrap_or(u32::MAX),
            operations: operations(topic),
            error: error_of(sys::rd_kafka_TopicDescription_error(topic)),
        }
    }
}

/// # Safety
/// `topic` is a description that lives during the call.
unsafe fn operations(
    topic: *const sys::rd_kafka_TopicDescription_t,
) -> Option<Vec<sys::rd_kafka_AclOperation_t>> {
    let mut count = 0;
    // SAFETY: promised by the caller; the operations and their number belong together.
    unsafe {
        let operations =
            sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut count);
        (!operations.is_null()).then(|| std::slice::from_raw_parts(operations, count).to_vec())
    }
}

/// # Safety
/// `start` is null or points to `count` pointers that live for `'a`.
unsafe fn slice_of<'a, T>(start: *mut *const T, count: usize) -> &'a [*const T] {
    if start.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(start.cast_const(), count) }
}

/// # Safety
/// `error` is null or an error that lives during the call.
unsafe fn error_of(error: *const sys::rd_kafka_error_t) -> Option<RDKafkaErrorCode> {
    if error.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    let code: RDKafkaRespErr = unsafe { sys::rd_kafka_error_code(error) };
    code.is_error().then(|| code.into())
}

/// A request with a queue for its answer.
struct Request {
    names: Vec<CString>,
    options: NonNull<sys::rd_kafka_AdminOptions_t>,
    answers: Queue,
    timeout: Duration,
}

impl Request {
    fn new<C: ConsumerContext>(
        client: &BaseConsumer<C>,
        names: &[&str],
        timeout: Duration,
    ) -> Result<Self, RDKafkaErrorCode> {
        let names = names.iter().map(|name| CString::new(*name));
        let names: Result<Vec<_>, _> = names.collect();
        let names = names.map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
        let answers = Queue::new(client).ok_or(RDKafkaErrorCode::Fail)?;
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the client is valid as long as it is borrowed; the options belong to the request, and what they
        // complain about is not asked for.
        let options = unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client.client().native_ptr(), operation);
            let options = NonNull::new(options).ok_or(RDKafkaErrorCode::Fail)?;
            let no_text: *mut c_char = ptr::null_mut();
            sys::rd_kafka_AdminOptions_set_request_timeout(
                options.as_ptr(),
                timeout_ms,
                no_text,
                0,
            );
            options
        };
        Ok(Self {
            names,
            options,
            answers,
            timeout,
        })
    }

    fn ask_for_rights(&self) {
        // SAFETY: the options are valid, and their error is owned. Without the option, the answer has no rights.
        unsafe {
            let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(
                self.options.as_ptr(),
                1,
            );
            if !refused.is_null() {
                sys::rd_kafka_error_destroy(refused);
            }
        }
    }

    /// Waits for the answer.
    fn answer(&self) -> Result<Answer, RDKafkaErrorCode> {
        let wait = self.timeout + GRACE;
        let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is valid; the event is owned by the answer.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.answers.0.as_ptr(), wait_ms);
            let answer = Answer(NonNull::new(event).ok_or(RDKafkaErrorCode::OperationTimedOut)?);
            let code: RDKafkaRespErr = sys::rd_kafka_event_error(event);
            if code.is_error() {
                Err(code.into())
            } else {
                Ok(answer)
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: the options are owned and not used again.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.options.as_ptr()) }
    }
}

/// The event that answers a request.
struct Answer(NonNull<sys::rd_kafka_event_t>);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the event is owned and not used again.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_is_written_as_kafkas_tools_write_it() {
        // Each as URL-safe base64 of sixteen bytes has it.
        assert_eq!(
            TopicId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef).to_string(),
            "ASNFZ4mrze8BI0VniavN7w"
        );
        assert_eq!(TopicId(1).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId(u128::MAX).to_string(), "_____________________w");
    }
}
