//! What the records that a worker fetches ahead take of its memory.

use super::settings::FetchLimits;

/// Fetched values count in librdkafka's queue; keys and its own record of each message do not. As many messages
/// may wait as make that as much again.
const QUEUED_TIMES: usize = 2;
/// What librdkafka keeps of each message besides its bytes, 320 bytes, and its key.
const QUEUED_RECORD: usize = 512;
/// What comes of a response: itself, and its records at four times its size (they are compressed) with three
/// times as much of memory for each (keys, and librdkafka's own record of each message).
const RESPONSE_TIMES: usize = 1 + 4 * 3;
/// What a worker has read from the queue keeps its memory until it is processed, and meanwhile the queue fills
/// again. As much again stays with the allocator: each thread of librdkafka that receives has its own arena,
/// which does not give back all that was freed. (Measured: 3 to 5 MiB a worker where this allows 4 to 8.)
const FETCHED_TIMES: usize = 3;
/// Responses in relation to the queue: it has room for one that is decompressed, or it would run dry between two.
const QUEUED_PER_RESPONSE: usize = 4;

/// Smaller responses cost more requests than they save memory, in bytes.
const LEAST_RESPONSE: usize = 128 << 10;
/// Larger responses make no consumer faster, in bytes.
const MOST_RESPONSE: usize = 16 << 20;

/// What the operator sets of the sizes that librdkafka fetches; the others are derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchRequest {
    /// `queued.max.messages.kbytes`, in bytes.
    pub queued_bytes: Option<usize>,
    /// `fetch.max.bytes`.
    pub response_bytes: Option<usize>,
}

impl FetchRequest {
    /// The smallest limits that a consumer works well with.
    #[must_use]
    pub fn least(&self) -> FetchLimits {
        self.with_response(LEAST_RESPONSE)
    }

    /// The largest limits whose worst case fits into `memory` bytes; [`least`](Self::least) in any case.
    #[must_use]
    pub fn within(&self, memory: usize) -> FetchLimits {
        // The inverse of `worst_case`, for a queue that is set and for one that follows from the response.
        let memory = memory / FETCHED_TIMES;
        let response = match self.queued_bytes {
            Some(queued) => {
                memory.saturating_sub(queued.saturating_mul(QUEUED_TIMES)) / RESPONSE_TIMES
            }
            None => memory / (QUEUED_PER_RESPONSE * QUEUED_TIMES + RESPONSE_TIMES),
        };
        self.with_response(response.clamp(LEAST_RESPONSE, MOST_RESPONSE))
    }

    fn with_response(&self, derived: usize) -> FetchLimits {
        let response_bytes = self.response_bytes.unwrap_or(derived);
        let in_relation = response_bytes.saturating_mul(QUEUED_PER_RESPONSE);
        let queued_bytes = self.queued_bytes.unwrap_or(in_relation);
        FetchLimits {
            queued_bytes,
            queued_records: (queued_bytes / QUEUED_RECORD).max(1),
            response_bytes,
        }
    }
}

impl FetchLimits {
    /// The memory of fetched records where the queue is full and all brokers answer at the same time, in bytes.
    #[must_use]
    pub fn worst_case(&self) -> usize {
        let queued = self.queued_bytes.saturating_mul(QUEUED_TIMES);
        let received = self.response_bytes.saturating_mul(RESPONSE_TIMES);
        queued
            .saturating_add(received)
            .saturating_mul(FETCHED_TIMES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn limits_fit_and_use_the_memory_that_they_are_derived_from() {
        let derived = FetchRequest::default();
        let queue_set = FetchRequest {
            queued_bytes: Some(3 * MIB + 1),
            ..derived
        };
        for request in [derived, queue_set] {
            for memory in [30 * MIB, 100 * MIB + 17, 600_000_001] {
                let worst = request.within(memory).worst_case();
                assert!(worst <= memory, "{worst} for {memory}");
                assert!(memory - worst < 64, "{worst} for {memory}");
            }
        }
    }

    #[test]
    fn limits_end_where_more_or_less_is_of_no_use() {
        let request = FetchRequest::default();
        assert_eq!(request.within(0), request.least());
        assert_eq!(request.within(usize::MAX).response_bytes, MOST_RESPONSE);
        assert_eq!(request.least().response_bytes, LEAST_RESPONSE);
    }

    #[test]
    fn what_the_operator_sets_is_not_changed() {
        let request = FetchRequest {
            queued_bytes: Some(5 * MIB),
            response_bytes: Some(MIB),
        };
        for limits in [
            request.least(),
            request.within(0),
            request.within(usize::MAX),
        ] {
            assert_eq!((limits.queued_bytes, limits.response_bytes), (5 * MIB, MIB));
            assert_eq!(limits.queued_records, 5 * MIB / QUEUED_RECORD);
        }
        let absurd = FetchRequest {
            queued_bytes: Some(usize::MAX),
            response_bytes: Some(usize::MAX),
        };
        assert_eq!(absurd.least().worst_case(), usize::MAX);
    }
}
