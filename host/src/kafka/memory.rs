//! The memory of the records that a worker fetches ahead.

use super::settings::FetchLimits;

/// Fetched values count in librdkafka's queue; keys and its own record of each message do not. The limit on waiting
/// messages allows as much again for those.
const QUEUED_TIMES: usize = 2;
/// librdkafka's own record of each message, 320 bytes, and its key.
const QUEUED_RECORD: usize = 512;
/// The memory of a response: its own size, and its records, which decompress to four times its size and take three
/// times as much memory (keys, and librdkafka's own record of each message).
const RESPONSE_TIMES: usize = 1 + 4 * 3;
/// Records that a worker has read from the queue occupy memory until they are processed, while the queue fills again.
/// The allocator keeps as much again: each receiving thread of librdkafka has its own arena, which does not return all
/// freed memory. (Measured: 3 to 5 MiB for each worker where this allows 4 to 8.)
const FETCHED_TIMES: usize = 3;
/// The size of the queue in relation to a response: it has room for a decompressed one, so that it does not run empty
/// between two.
const QUEUED_PER_RESPONSE: usize = 4;

/// The smallest response that is derived, in bytes: smaller ones cost more in requests than they save in memory.
const LEAST_RESPONSE: usize = 128 << 10;
/// The largest response that is derived, in bytes: larger ones make no consumer faster.
const MOST_RESPONSE: usize = 16 << 20;

/// The fetch sizes that the operator sets; the others are derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchRequest {
    /// `queued.max.messages.kbytes`, in bytes.
    pub queued_bytes: Option<usize>,
    /// `fetch.max.bytes`.
    pub response_bytes: Option<usize>,
}

impl FetchRequest {
    /// The smallest limits with which a consumer works well.
    #[must_use]
    pub fn least(&self) -> FetchLimits {
        self.with_response(LEAST_RESPONSE)
    }

    /// The largest limits whose worst case fits into `memory` bytes, but never less than [`least`](Self::least).
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
    /// The memory of fetched records when the queue is full and all brokers answer at the same time, in bytes.
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
