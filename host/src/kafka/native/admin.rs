//! Requests about one consumer group that need no membership: who its members are, and its offsets.
//!
//! librdkafka asks about groups of both protocols, the classic one and that of KIP-848, and answers in the same form.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};

use super::{Queue, bytes_of, note_of, text_of};
use crate::journal::offsets::Partition;

/// How much longer than a request its answer is waited for: librdkafka answers when the request's time is up.
const GRACE: Duration = Duration::from_secs(1);

/// A request that got no answer, or an error instead of one.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct AdminError {
    /// librdkafka's code.
    pub(in crate::kafka) code: RDKafkaErrorCode,
    /// The reason in librdkafka's words, where it has more than the code.
    pub(in crate::kafka) text: Option<String>,
}

/// A consumer group as its coordinator describes it.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Description {
    pub(in crate::kafka) state: sys::rd_kafka_consumer_group_state_t,
    pub(in crate::kafka) members: Vec<Member>,
    /// How the members of a classic group divide its partitions, once they agree on it.
    pub(in crate::kafka) assignor: Option<String>,
    /// What the account may do with the group, where the broker says it.
    pub(in crate::kafka) operations: Option<Vec<sys::rd_kafka_AclOperation_t>>,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Member {
    pub(in crate::kafka) name: String,
    pub(in crate::kafka) instance_id: Option<String>,
    pub(in crate::kafka) client_id: String,
    pub(in crate::kafka) host: String,
    /// What it has, where no rebalance hides that.
    pub(in crate::kafka) partitions: Vec<Partition>,
}

impl Description {
    /// Whether members have to join again before the group goes on.
    pub(in crate::kafka) fn waits_for_a_join(&self) -> bool {
        use sys::rd_kafka_consumer_group_state_t as State;
        matches!(
            self.state,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE
                | State::RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE
        )
    }
}

/// The offset of one partition in an answer.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Element {
    pub(in crate::kafka) topic: String,
    pub(in crate::kafka) partition: i32,
    /// Negative where there is none.
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) note: String,
    pub(in crate::kafka) error: Option<RDKafkaErrorCode>,
}

/// Asks the coordinator of a group for its members and for the account's rights.
pub(in crate::kafka) fn describe_group<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group_id: &str,
    timeout: Duration,
) -> Result<Description, AdminError> {
    let name = name(group_id)?;
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let mut names = [name.as_ptr()];
    let answer = ask(consumer, operation, timeout, |client, options, queue| {
        // SAFETY: all are valid for the call, which copies the name; the options are those of this request.
        unsafe {
            let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !refused.is_null() {
                sys::rd_kafka_error_destroy(refused);
            }
            sys::rd_kafka_DescribeConsumerGroups(client, names.as_mut_ptr(), 1, options, queue);
        }
    })?;
    // SAFETY: the result and its parts live as long as the answer, and all texts are copied.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(AdminError::of(RDKafkaErrorCode::BadMessage));
        }
        let mut count = 0;
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if count == 0 || groups.is_null() {
            return Err(AdminError::of(RDKafkaErrorCode::BadMessage));
        }
        let group = *groups;
        check(sys::rd_kafka_ConsumerGroupDescription_error(group))?;
        Ok(Description {
            state: sys::rd_kafka_ConsumerGroupDescription_state(group),
            members: members(group),
            assignor: assignor(group),
            operations: operations(group),
        })
    }
}

/// Asks for all offsets that a group has committed.
pub(in crate::kafka) fn group_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group_id: &str,
    timeout: Duration,
) -> Result<Vec<Element>, AdminError> {
    let name = name(group_id)?;
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let answer = ask(consumer, operation, timeout, |client, options, queue| {
        // SAFETY: all are valid for the call, which copies the request; no list means all partitions.
        unsafe {
            let mut request =
                sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), ptr::null());
            sys::rd_kafka_ListConsumerGroupOffsets(client, &raw mut request, 1, options, queue);
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
        }
    })?;
    // SAFETY: the result and its parts live as long as the answer, and all texts are copied.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(AdminError::of(RDKafkaErrorCode::BadMessage));
        }
        let mut count = 0;
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
        elements_of(groups, count)
    }
}

/// Commits offsets for a group that has no members, with the metadata that the list has. The answer has an error for
/// each partition that was refused.
///
/// The coordinator refuses all of them if the group has a member.
pub(in crate::kafka) fn alter_group_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group_id: &str,
    offsets: &TopicPartitionList,
    timeout: Duration,
) -> Result<Vec<Element>, AdminError> {
    let name = name(group_id)?;
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
    let answer = ask(consumer, operation, timeout, |client, options, queue| {
        // SAFETY: all are valid for the call, which copies the request and the list in it.
        unsafe {
            let mut request =
                sys::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), offsets.ptr());
            sys::rd_kafka_AlterConsumerGroupOffsets(client, &raw mut request, 1, options, queue);
            sys::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
        }
    })?;
    // SAFETY: the result and its parts live as long as the answer, and all texts are copied.
    unsafe {
        let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(AdminError::of(RDKafkaErrorCode::BadMessage));
        }
        let mut count = 0;
        let groups = sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count);
        elements_of(groups, count)
    }
}

impl AdminError {
    fn of(code: RDKafkaErrorCode) -> Self {
        Self { code, text: None }
    }
}

/// The answer to a request, which owns all that its parts refer to.
struct Answer(NonNull<sys::rd_kafka_event_t>);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the event is owned and not used again.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// Sends a request and waits for its answer.
fn ask<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    operation: sys::rd_kafka_admin_op_t,
    timeout: Duration,
    send: impl FnOnce(
        *mut sys::rd_kafka_t,
        *mut sys::rd_kafka_AdminOptions_t,
        *mut sys::rd_kafka_queue_t,
    ),
) -> Result<Answer, AdminError> {
    let milliseconds = |time: Duration| c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    let queue =
        Queue::new(consumer).ok_or(AdminError::of(RDKafkaErrorCode::CriticalSystemResource))?;
    let client = consumer.client().native_ptr();
    // SAFETY: the client is valid as long as the consumer is borrowed. The options are destroyed once the request has
    // copied them, and the event that is polled belongs to the answer. The buffer takes the text of an error.
    let answer = unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client, operation);
        let mut text: [c_char; 256] = [0; 256];
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options,
            milliseconds(timeout),
            text.as_mut_ptr(),
            text.len(),
        );
        send(client, options, queue.0.as_ptr());
        sys::rd_kafka_AdminOptions_destroy(options);
        let event = sys::rd_kafka_queue_poll(queue.0.as_ptr(), milliseconds(timeout + GRACE));
        NonNull::new(event).map(Answer)
    };
    let answer = answer.ok_or(AdminError::of(RDKafkaErrorCode::OperationTimedOut))?;
    // SAFETY: the event is valid, and its text is copied.
    let (code, text) = unsafe {
        let event = answer.0.as_ptr();
        (
            sys::rd_kafka_event_error(event),
            text_of(sys::rd_kafka_event_error_string(event)),
        )
    };
    if code.is_error() {
        return Err(AdminError {
            code: code.into(),
            text,
        });
    }
    Ok(answer)
}

/// A group's name as C's text, which cannot hold a zero byte.
fn name(group_id: &str) -> Result<CString, AdminError> {
    CString::new(group_id).map_err(|_| AdminError::of(RDKafkaErrorCode::InvalidGroupId))
}

/// # Safety
/// `error` is null or valid.
unsafe fn check(error: *const sys::rd_kafka_error_t) -> Result<(), AdminError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: promised by the caller.
    let (code, text) = unsafe {
        (
            sys::rd_kafka_error_code(error),
            text_of(sys::rd_kafka_error_string(error)),
        )
    };
    if code.is_error() {
        return Err(AdminError {
            code: code.into(),
            text,
        });
    }
    Ok(())
}

/// # Safety
/// `group` is valid.
unsafe fn members(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> Vec<Member> {
    // SAFETY: promised by the caller; the members have the indexes up to their number.
    unsafe {
        let count = sys::rd_kafka_ConsumerGroupDescription_member_count(group);
        let member = |index| {
            let member = sys::rd_kafka_ConsumerGroupDescription_member(group, index);
            Member {
                name: text_of(sys::rd_kafka_MemberDescription_consumer_id(member))
                    .unwrap_or_default(),
                instance_id: text_of(sys::rd_kafka_MemberDescription_group_instance_id(member)),
                client_id: text_of(sys::rd_kafka_MemberDescription_client_id(member))
                    .unwrap_or_default(),
                host: text_of(sys::rd_kafka_MemberDescription_host(member)).unwrap_or_default(),
                partitions: assigned_to(member),
            }
        };
        (0..count).map(member).collect()
    }
}

/// # Safety
/// `group` is valid.
unsafe fn assignor(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> Option<String> {
    use sys::rd_kafka_consumer_group_type_t as Type;
    // SAFETY: promised by the caller; the text is copied.
    unsafe {
        // In a group of the other protocol it is the coordinator's, and no member has to know it.
        if sys::rd_kafka_ConsumerGroupDescription_type(group)
            == Type::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER
        {
            return None;
        }
        text_of(sys::rd_kafka_ConsumerGroupDescription_partition_assignor(
            group,
        ))
        .filter(|assignor| !assignor.is_empty())
    }
}

/// # Safety
/// `member` is valid.
unsafe fn assigned_to(member: *const sys::rd_kafka_MemberDescription_t) -> Vec<Partition> {
    // SAFETY: promised by the caller; the list belongs to the description and has `cnt` elements.
    unsafe {
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        if assignment.is_null() {
            return Vec::new();
        }
        let list = sys::rd_kafka_MemberAssignment_partitions(assignment);
        if list.is_null() || (*list).cnt <= 0 {
            return Vec::new();
        }
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        let elements = std::slice::from_raw_parts((*list).elems, count).iter();
        let partition = |element: &sys::rd_kafka_topic_partition_t| {
            let topic = CStr::from_ptr(element.topic).to_string_lossy();
            Some(Partition {
                topic: topic.as_ref().into(),
                number: u32::try_from(element.partition).ok()?,
            })
        };
        elements.filter_map(partition).collect()
    }
}

/// # Safety
/// `group` is valid.
unsafe fn operations(
    group: *const sys::rd_kafka_ConsumerGroupDescription_t,
) -> Option<Vec<sys::rd_kafka_AclOperation_t>> {
    let mut count = 0;
    // SAFETY: promised by the caller; the operations and their number belong together.
    unsafe {
        let operations =
            sys::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &raw mut count);
        (!operations.is_null()).then(|| std::slice::from_raw_parts(operations, count).to_vec())
    }
}

/// The offsets of the first of these groups; only one was asked for.
///
/// # Safety
/// `groups` has `count` valid elements.
unsafe fn elements_of(
    groups: *mut *const sys::rd_kafka_group_result_t,
    count: usize,
) -> Result<Vec<Element>, AdminError> {
    if groups.is_null() || count == 0 {
        return Err(AdminError::of(RDKafkaErrorCode::BadMessage));
    }
    // SAFETY: promised by the caller; the list has `cnt` elements, and the metadata of each and its size belong
    // together.
    unsafe {
        let group = *groups;
        check(sys::rd_kafka_group_result_error(group))?;
        let list = sys::rd_kafka_group_result_partitions(group);
        if list.is_null() || (*list).cnt <= 0 {
            return Ok(Vec::new());
        }
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        let elements = std::slice::from_raw_parts((*list).elems, count);
        let element = |element: &sys::rd_kafka_topic_partition_t| Element {
            topic: CStr::from_ptr(element.topic).to_string_lossy().into_owned(),
            partition: element.partition,
            offset: element.offset,
            note: note_of(bytes_of(element.metadata, element.metadata_size)),
            error: element.err.is_error().then(|| element.err.into()),
        };
        Ok(elements.iter().map(element).collect())
    }
}
