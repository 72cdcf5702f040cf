//! Derives the limits of the parts from the memory of the whole process.
//!
//! The sum of the worst cases counts, because workers are independent: all may need their most memory at the same
//! moment. `docs/operating.md` lists what the sum leaves out.

use std::fmt;

use crate::kafka::{FetchLimits, FetchRequest};
use crate::text::{RoundedUp as Size, plural};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The default memory of one instance, in bytes.
const USUAL_GUEST: usize = 512 * MIB;
/// What one call may emit by default, in bytes: a revision of 100 MiB may have five million parents, which are edges of a
/// graph.
const USUAL_CALL: usize = 1 << 30;
/// The default size of the keys and values of one call, in bytes.
const USUAL_BATCH: usize = MIB;
/// The usual size of held rows that makes a checkpoint due, in bytes. Derived limits are at most this large.
pub(crate) const USUAL_HELD: usize = 16 * MIB;

/// The memory of the process before any worker runs: code, engine, allocator, the client for queries, and memory that
/// stays allocated after loading a plugin. Measured, with a margin.
const BASE: usize = 48 * MIB;
/// Compiled code is a few times as large as the plugin's file, and all of it is mapped.
const CODE_PER_PLUGIN_BYTE: usize = 4;
/// The memory of a worker that no setting limits: its consumer's threads and their arenas, its stack, the tables of its
/// instance. Measured, with a margin.
const WORKER: usize = 6 * MIB;
/// The memory for each record apart from its key and value: the other columns, positions of messages, and the names of
/// rejected records.
const PER_RECORD: usize = 128;

/// The size of kept buffers of batches in relation to a batch: buffers double as they grow, and there are several
/// topics.
const KEPT_TIMES: usize = 4;
/// The size of the buffers for another batch in relation to it, while the records of a failed call are kept.
const REPEATED_TIMES: usize = 2;

/// The size of rows beyond those that make a checkpoint due, in relation to what one call may emit: those of `process`
/// and of `checkpoint` after it, each as lines and as merged rows. Whatever else a call passes to the host, such as
/// rejections, takes no more, and is freed before `checkpoint`.
const CALLS_HELD: usize = 4;

/// The smallest limits with which a worker is useful, in bytes.
const LEAST_GUEST: usize = 8 * MIB;
const LEAST_CALL: usize = MIB;
const LEAST_BATCH: usize = 64 * KIB;
/// The smallest memory of an instance in relation to a batch.
pub(crate) const GUEST_PER_BATCH: usize = 4;
/// No instance can address more.
const MOST_GUEST: usize = 4 << 30;

/// The limits of the parts of each worker, in bytes unless stated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryPlan {
    /// The memory of its instance; a record may take half of it.
    pub(crate) guest: usize,
    /// What one call may emit, as rows and as the sink's own encoding of them.
    pub(crate) call: usize,
    /// Keys and values of one call, except for a single larger record.
    pub(crate) batch: usize,
    /// The size of held rows that makes a checkpoint due.
    pub(crate) held: usize,
    /// Limits that exist only where the memory of the whole process is limited.
    pub(crate) bounded: Option<Bounds>,
}

/// The limits of one worker that exist only where the memory of the whole process is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The limit on lines that wait for a checkpoint, in bytes.
    pub(crate) lines: usize,
    /// The limit on the memory that batches keep between calls, in bytes.
    pub(crate) kept_batches: usize,
    /// The limits of records that are fetched ahead.
    pub(crate) fetch: FetchLimits,
}

/// The operator's settings; limits that are absent are derived.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemoryRequest {
    /// The memory limit of the process, in bytes.
    pub(crate) process: usize,
    /// The memory of a list of masked objects, in bytes.
    pub(crate) held_back: usize,
    /// How many workers share it.
    pub(crate) workers: usize,
    /// The size of the plugin's file, in bytes.
    pub(crate) plugin: usize,
    /// What the destinations of the outputs take, in bytes.
    pub(crate) destinations: usize,
    /// The size of held rows that makes a checkpoint due, in bytes, if it is not the usual one.
    pub(crate) held: Option<usize>,
    /// Records of one call.
    pub(crate) records: usize,
    /// The memory of one instance, in bytes.
    pub(crate) guest: Option<usize>,
    /// Keys and values of one call, in bytes.
    pub(crate) batch: Option<usize>,
    /// The fetch sizes of librdkafka.
    pub(crate) fetch: FetchRequest,
}

/// The parts do not fit into the memory of the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a process of {} is too little for {}: {}", Size(*.process), Workers(*.workers), self.needed())]
pub(crate) struct TooLittle {
    pub(crate) process: usize,
    pub(crate) workers: usize,
    base: usize,
    least: Least,
    /// Whether some limit of a part was given.
    pub(crate) given: bool,
}

/// The smallest memory of a worker, by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Least {
    guest: usize,
    fetched: usize,
    rows: usize,
    rest: usize,
}

impl Least {
    fn sum(self) -> usize {
        sum([self.guest, self.fetched, self.rows, self.rest])
    }
}

impl TooLittle {
    /// The smallest memory of the parts, as a clause.
    pub(crate) fn needed(&self) -> String {
        let Least {
            guest,
            fetched,
            rows,
            rest,
        } = self.least;
        format!(
            "the process takes {}, and each worker at least {} (its instance {}, fetched records {}, rows {}, the \
             rest {})",
            Size(self.base),
            Size(self.least.sum()),
            Size(guest),
            Size(fetched),
            Size(rows),
            Size(rest)
        )
    }

    /// The memory that all workers need.
    pub(crate) fn enough(&self) -> Size {
        let workers = self.least.sum().saturating_mul(self.workers);
        Size(self.base.saturating_add(workers))
    }

    /// The number of workers that fit into the memory.
    pub(crate) fn fitting(&self) -> Workers {
        Workers(self.process.saturating_sub(self.base) / self.least.sum().max(1))
    }
}

impl MemoryPlan {
    /// The limits where the memory of the process is not limited.
    pub(crate) fn usual(guest: Option<usize>, batch: Option<usize>) -> Self {
        Self {
            guest: guest.unwrap_or(USUAL_GUEST),
            call: guest.unwrap_or(USUAL_CALL),
            batch: batch.unwrap_or(USUAL_BATCH),
            held: USUAL_HELD,
            bounded: None,
        }
    }

    /// Limits with which the worst cases of all workers together fit into `request.process`. A quarter of a worker's
    /// share is for fetched records and a quarter for rows; the rest is for its instance and for the copy of a large
    /// record that the host makes for it.
    ///
    /// # Errors
    /// When the memory is too small for the limits that are set and for the smallest that the others need.
    pub(crate) fn within(request: &MemoryRequest) -> Result<Self, TooLittle> {
        let each = request.of_each_worker();
        let least = request.least();
        let Some(mut spare) = each.checked_sub(least.sum()) else {
            return Err(request.too_little(least));
        };
        // Each part takes what exceeds its minimum from the spare memory; the instance comes last, because it can use
        // any amount.
        let quarter = match request.guest {
            Some(_) => (spare + least.fetched + least.rows) / 2,
            None => each / 4,
        };
        let may_take = |least: usize, spare: usize| quarter.clamp(least, least + spare);
        let fetch = request.fetch.within(may_take(least.fetched, spare));
        spare -= fetch.worst_case() - least.fetched;
        let call = request.call_within(may_take(least.rows, spare));
        let call = call.clamp(
            LEAST_CALL,
            request.guest.unwrap_or(MOST_GUEST).max(LEAST_CALL),
        );
        spare -= request.of_rows(call) - least.rows;
        let batch = request.batch.unwrap_or_else(|| {
            let most = USUAL_BATCH.min((each / 64).max(LEAST_BATCH));
            most.min(LEAST_BATCH + spare / 2 / (KEPT_TIMES + REPEATED_TIMES))
        });
        spare -= of_batches(batch) - of_batches(request.least_batch());
        let guest = request.guest.unwrap_or_else(|| {
            let least_guest = request.least_guest();
            guest_within(least.guest + spare).clamp(least_guest, MOST_GUEST.max(least_guest))
        });
        Ok(Self {
            guest,
            call,
            batch: request.batch.unwrap_or(batch.min(guest / GUEST_PER_BATCH)),
            held: request.held(call),
            bounded: Some(Bounds {
                lines: request.of_rows(call),
                kept_batches: kept_batches(batch),
                fetch,
            }),
        })
    }
}

impl MemoryRequest {
    /// The memory of the process without its workers.
    fn base(&self) -> usize {
        let code = self.plugin.saturating_mul(CODE_PER_PLUGIN_BYTE);
        sum([BASE, self.held_back, code, self.destinations])
    }

    /// The share of each worker.
    fn of_each_worker(&self) -> usize {
        self.process.saturating_sub(self.base()) / self.workers.max(1)
    }

    fn least(&self) -> Least {
        Least {
            guest: of_guest(self.guest.unwrap_or_else(|| self.least_guest())),
            fetched: self.fetch.least().worst_case(),
            rows: self.of_rows(LEAST_CALL),
            rest: of_rest(self.least_batch(), self.records),
        }
    }

    fn of_rows(&self, call: usize) -> usize {
        let calls = call.saturating_mul(CALLS_HELD);
        self.held(call).saturating_add(calls)
    }

    /// The largest call whose rows fit: the inverse of [`of_rows`](Self::of_rows). The first is greater while the held
    /// rows are those of one call, the second once they reach what is wanted.
    fn call_within(&self, memory: usize) -> usize {
        let rest = memory.saturating_sub(self.wanted_held());
        (memory / (1 + CALLS_HELD)).max(rest / CALLS_HELD)
    }

    fn held(&self, call: usize) -> usize {
        call.min(self.wanted_held())
    }

    fn wanted_held(&self) -> usize {
        self.held.unwrap_or(USUAL_HELD)
    }

    fn least_batch(&self) -> usize {
        self.batch.unwrap_or(LEAST_BATCH)
    }

    fn least_guest(&self) -> usize {
        LEAST_GUEST.max(self.least_batch().saturating_mul(GUEST_PER_BATCH))
    }

    fn too_little(&self, least: Least) -> TooLittle {
        let FetchRequest {
            queued_bytes,
            response_bytes,
        } = self.fetch;
        let given = [self.guest, self.batch, queued_bytes, response_bytes];
        TooLittle {
            process: self.process,
            workers: self.workers,
            base: self.base(),
            least,
            given: given.iter().any(Option::is_some),
        }
    }
}

/// An instance, and a batch of a single record of half its memory.
fn of_guest(guest: usize) -> usize {
    guest.saturating_add(guest / 2)
}

/// The largest instance that fits with its record: the inverse of [`of_guest`], up to two bytes.
fn guest_within(memory: usize) -> usize {
    memory / 3 * 2
}

fn of_rest(batch: usize, records: usize) -> usize {
    let records = records.saturating_mul(PER_RECORD);
    sum([WORKER, of_batches(batch), records])
}

/// The buffers of batches, and those of another one after a failed call.
fn of_batches(batch: usize) -> usize {
    kept_batches(batch).saturating_add(batch.saturating_mul(REPEATED_TIMES))
}

/// Each topic has its own buffers. They are all freed when they exceed this size.
fn kept_batches(batch: usize) -> usize {
    batch.saturating_mul(KEPT_TIMES)
}

fn sum<const N: usize>(parts: [usize; N]) -> usize {
    parts.into_iter().fold(0, usize::saturating_add)
}

/// A number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workers(pub(crate) usize);

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plural(self.0, "worker"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(process: usize, workers: usize) -> MemoryRequest {
        MemoryRequest {
            process,
            workers,
            plugin: 200 * KIB,
            records: 1000,
            ..MemoryRequest::default()
        }
    }

    /// The memory of the process in the worst case of every part of every worker.
    fn worst_case(request: &MemoryRequest, plan: &MemoryPlan) -> usize {
        let bounded = plan.bounded.unwrap();
        let worker = of_guest(plan.guest)
            + bounded.fetch.worst_case()
            + request.of_rows(plan.call)
            + of_rest(plan.batch, request.records);
        let code = request.plugin * CODE_PER_PLUGIN_BYTE;
        BASE + code + request.destinations + request.workers * worker
    }

    #[test]
    fn worst_cases_of_all_workers_fit_and_use_most_of_what_there_is() {
        for process in [128, 200, 256, 512, 1000, 4096] {
            for workers in [1, 2, 3, 4, 16] {
                let request = request(process * MIB, workers);
                let Ok(plan) = MemoryPlan::within(&request) else {
                    assert!(process / workers < 128, "{process} for {workers}");
                    continue;
                };
                let worst = worst_case(&request, &plan);
                assert!(worst <= request.process, "{worst} for {request:?}");
                assert!(worst * 10 >= request.process * 9, "{worst} for {request:?}");
                assert!(plan.batch <= plan.guest / GUEST_PER_BATCH);
                assert!(plan.guest >= LEAST_GUEST && plan.call >= LEAST_CALL);
            }
        }
    }

    #[test]
    fn limits_that_are_given_are_kept_and_the_others_have_the_rest() {
        let given = MemoryRequest {
            guest: Some(100 * MIB),
            batch: Some(3 * MIB),
            fetch: FetchRequest {
                queued_bytes: Some(5 * MIB),
                response_bytes: Some(MIB),
            },
            ..request(1024 * MIB, 2)
        };
        let plan = MemoryPlan::within(&given).unwrap();
        let bounded = plan.bounded.unwrap();
        assert_eq!((plan.guest, plan.batch), (100 * MIB, 3 * MIB));
        assert_eq!(
            (bounded.fetch.queued_bytes, bounded.fetch.response_bytes),
            (5 * MIB, MIB)
        );
        assert!(worst_case(&given, &plan) <= given.process);
        for one in [
            MemoryRequest {
                guest: Some(100 * MIB),
                ..request(512 * MIB, 2)
            },
            MemoryRequest {
                batch: Some(8 * MIB),
                ..request(512 * MIB, 2)
            },
            MemoryRequest {
                fetch: FetchRequest {
                    queued_bytes: Some(20 * MIB),
                    response_bytes: None,
                },
                ..request(512 * MIB, 2)
            },
            MemoryRequest {
                fetch: FetchRequest {
                    queued_bytes: None,
                    response_bytes: Some(2 * MIB),
                },
                ..request(512 * MIB, 2)
            },
        ] {
            let plan = MemoryPlan::within(&one).unwrap();
            assert!(worst_case(&one, &plan) <= one.process, "{one:?}");
        }
    }

    #[test]
    fn more_rows_are_held_where_that_is_wanted_and_there_is_room() {
        for (process, expected) in [(4096, 128 * MIB), (512, 24 * MIB)] {
            let wanted = MemoryRequest {
                held: Some(128 * MIB),
                ..request(process * MIB, 1)
            };
            let plan = MemoryPlan::within(&wanted).unwrap();
            assert!(worst_case(&wanted, &plan) <= wanted.process);
            let held = plan.held;
            assert!(held <= expected && held * 10 >= expected * 7, "{held}");
            assert!(held > MemoryPlan::within(&request(process * MIB, 1)).unwrap().held);
        }
        let little = MemoryRequest {
            held: Some(MIB),
            ..request(4096 * MIB, 1)
        };
        assert_eq!(MemoryPlan::within(&little).unwrap().held, MIB);
    }

    #[test]
    fn caches_of_destinations_are_taken_from_the_workers() {
        let with = MemoryRequest {
            destinations: 24 * MIB,
            ..request(256 * MIB, 2)
        };
        let plan = MemoryPlan::within(&with).unwrap();
        assert!(worst_case(&with, &plan) <= with.process);
        let without = MemoryPlan::within(&request(232 * MIB, 2)).unwrap();
        assert_eq!(plan, without);
    }

    #[test]
    fn too_little_names_what_is_enough() {
        let error = MemoryPlan::within(&request(100 * MIB, 4)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(
                "a process of 100 MiB is too little for 4 workers: the process takes 49 MiB"
            ),
            "{text}"
        );
        let enough = error.enough().0.div_ceil(MIB);
        assert!(MemoryPlan::within(&request(enough * MIB, 4)).is_ok());
        assert!(MemoryPlan::within(&request((enough - 1) * MIB, 4)).is_err());
        assert_eq!(error.fitting(), Workers(1));
        assert!(MemoryPlan::within(&request(100 * MIB, 1)).is_ok());
        assert!(MemoryPlan::within(&request(100 * MIB, 2)).is_err());
        let error = MemoryPlan::within(&request(MIB, 4)).unwrap_err();
        assert_eq!((error.fitting(), error.given), (Workers(0), false));
    }

    #[test]
    fn limits_that_are_given_and_do_not_fit_are_said_to_be_given() {
        let given = MemoryRequest {
            guest: Some(512 * MIB),
            ..request(512 * MIB, 1)
        };
        assert!(MemoryPlan::within(&given).unwrap_err().given);
        let absurd = MemoryRequest {
            guest: Some(usize::MAX),
            batch: Some(usize::MAX),
            fetch: FetchRequest {
                queued_bytes: Some(usize::MAX),
                response_bytes: Some(usize::MAX),
            },
            records: usize::MAX,
            ..request(usize::MAX, usize::MAX)
        };
        assert!(MemoryPlan::within(&absurd).is_err());
    }
}
