//! From the memory of the whole process to the limits of its parts.
//!
//! The sum of the worst cases is what counts, because workers know nothing of each other: all may be at
//! their worst at the same moment. `docs/operating.md` says what the sum leaves out.

use std::fmt;

use crate::kafka::{FetchLimits, FetchRequest};
use crate::text::RoundedUp as Size;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The memory of one instance, unless something is set, in bytes.
const USUAL_GUEST: usize = 512 * MIB;
/// Keys and values of one call, unless something is set, in bytes.
const USUAL_BATCH: usize = MIB;
/// Held rows that make a checkpoint due, and the most that a derived limit waits for, in bytes.
pub(crate) const USUAL_HELD: usize = 16 * MIB;

/// What the process takes before any worker does anything: code, engine, allocator, the client that asks about
/// the cluster, and what is left behind by the loading of a plugin. Measured, with room.
const BASE: usize = 48 * MIB;
/// Compiled code is a few times as large as the plugin's file, and is mapped whole.
const CODE_PER_PLUGIN_BYTE: usize = 4;
/// What a worker takes that nobody sets: its consumer's threads and their arenas, its stack, the tables of its
/// instance. Measured, with room.
const WORKER: usize = 6 * MIB;
/// Columns beside keys and values, positions of messages, and the names of rejected records.
const PER_RECORD: usize = 128;

/// Buffers of batches that are kept, in relation to a batch: buffers double as they grow, and there are several
/// topics.
const KEPT_TIMES: usize = 4;

/// Rows above those that make a checkpoint due, in relation to what one call may emit: those of `process` and those
/// of `checkpoint` after it, for each as lines and as merged rows. What a call hands to the host beside its rows,
/// such as rejections, takes no more, and is gone before `checkpoint`.
const CALLS_HELD: usize = 4;

/// The least that a worker can do anything useful with, in bytes.
const LEAST_GUEST: usize = 8 * MIB;
const LEAST_CALL: usize = MIB;
const LEAST_BATCH: usize = 64 * KIB;
/// An instance has at least this much memory in relation to a batch.
pub(crate) const GUEST_PER_BATCH: usize = 4;
/// More than that no instance can address.
const MOST_GUEST: usize = 4 << 30;

/// The limits of the parts of each worker, in bytes where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryPlan {
    /// The memory of its instance; a record may take half of it.
    pub(crate) guest: usize,
    /// What one call may emit, as rows and as the sink's own encoding of them.
    pub(crate) call: usize,
    /// Keys and values of one call, but for a single larger record.
    pub(crate) batch: usize,
    /// Held rows that make a checkpoint due.
    pub(crate) held: usize,
    /// What is bounded only where the memory of the whole process is.
    pub(crate) bounded: Option<Bounds>,
}

/// What one worker may hold where the memory of the whole process is bounded, and what nothing bounds otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Lines that ever wait for a checkpoint, in bytes.
    pub(crate) lines: usize,
    /// Memory that batches may keep from one call to the next, in bytes.
    pub(crate) kept_batches: usize,
    /// Records that are fetched ahead.
    pub(crate) fetch: FetchLimits,
}

/// What the operator sets; the limits that are absent follow from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemoryRequest {
    /// The most memory of the process, in bytes.
    pub(crate) process: usize,
    /// How many workers share it.
    pub(crate) workers: usize,
    /// The size of the plugin's file, in bytes.
    pub(crate) plugin: usize,
    /// Records of one call.
    pub(crate) records: usize,
    /// The memory of one instance, in bytes.
    pub(crate) guest: Option<usize>,
    /// Keys and values of one call, in bytes.
    pub(crate) batch: Option<usize>,
    /// What librdkafka fetches.
    pub(crate) fetch: FetchRequest,
}

/// The parts do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a process of {} is too little for {}: {}", Size(*.process), Workers(*.workers), self.needed())]
pub struct TooLittle {
    pub(crate) process: usize,
    pub(crate) workers: usize,
    base: usize,
    least: Least,
    /// Whether some limit of a part was given.
    pub(crate) given: bool,
}

/// The least that a worker takes, by what takes it.
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
    /// What the parts take at the least, as a sentence.
    pub(crate) fn needed(&self) -> String {
        let Least {
            guest,
            fetched,
            rows,
            rest,
        } = self.least;
        format!(
            "the process takes {}, and each worker at the least {} (its instance {}, fetched records {}, rows {}, the \
             rest {})",
            Size(self.base),
            Size(self.least.sum()),
            Size(guest),
            Size(fetched),
            Size(rows),
            Size(rest)
        )
    }

    /// The memory that is enough for all workers.
    pub(crate) fn enough(&self) -> Size {
        let workers = self.least.sum().saturating_mul(self.workers);
        Size(self.base.saturating_add(workers))
    }

    /// The workers that the memory is enough for.
    pub(crate) fn fitting(&self) -> Workers {
        Workers(self.process.saturating_sub(self.base) / self.least.sum().max(1))
    }
}

impl MemoryPlan {
    /// The parts where nobody bounds the whole.
    pub(crate) fn usual(guest: Option<usize>, batch: Option<usize>) -> Self {
        let guest = guest.unwrap_or(USUAL_GUEST);
        Self {
            guest,
            call: guest,
            batch: batch.unwrap_or(USUAL_BATCH),
            held: USUAL_HELD,
            bounded: None,
        }
    }

    /// Parts whose worst cases, of all workers at the same time, fit into `request.process`. A quarter of a worker's
    /// share is for fetched records and a quarter for rows; its instance, and the copy of a large record that
    /// the host makes for it, have the rest.
    ///
    /// # Errors
    /// When there is too little for parts that are given, or for the least that the others need.
    pub(crate) fn within(request: &MemoryRequest) -> Result<Self, TooLittle> {
        let each = request.of_each_worker();
        let least = request.least();
        let Some(mut spare) = each.checked_sub(least.sum()) else {
            return Err(request.too_little(least));
        };
        // Each part takes what it has above its least from what is spare; the instance comes last, because it can
        // use any amount.
        let quarter = match request.guest {
            Some(_) => (spare + least.fetched + least.rows) / 2,
            None => each / 4,
        };
        let may_take = |least: usize, spare: usize| quarter.clamp(least, least + spare);
        let fetch = request.fetch.within(may_take(least.fetched, spare));
        spare -= fetch.worst_case() - least.fetched;
        let call = call_within(may_take(least.rows, spare));
        let call = call.clamp(
            LEAST_CALL,
            request.guest.unwrap_or(MOST_GUEST).max(LEAST_CALL),
        );
        spare -= of_rows(call) - least.rows;
        let batch = request.batch.unwrap_or_else(|| {
            let most = USUAL_BATCH.min((each / 64).max(LEAST_BATCH));
            most.min(LEAST_BATCH + spare / 2 / KEPT_TIMES)
        });
        spare -= kept_batches(batch) - kept_batches(request.least_batch());
        let guest = request.guest.unwrap_or_else(|| {
            let least_guest = request.least_guest();
            guest_within(least.guest + spare).clamp(least_guest, MOST_GUEST.max(least_guest))
        });
        Ok(Self {
            guest,
            call,
            batch: request.batch.unwrap_or(batch.min(guest / GUEST_PER_BATCH)),
            held: held(call),
            bounded: Some(Bounds {
                lines: of_rows(call),
                kept_batches: kept_batches(batch),
                fetch,
            }),
        })
    }
}

impl MemoryRequest {
    /// What the process takes before any worker does.
    fn base(&self) -> usize {
        sum([BASE, self.plugin.saturating_mul(CODE_PER_PLUGIN_BYTE)])
    }

    /// What each worker may take.
    fn of_each_worker(&self) -> usize {
        self.process.saturating_sub(self.base()) / self.workers.max(1)
    }

    fn least(&self) -> Least {
        Least {
            guest: of_guest(self.guest.unwrap_or_else(|| self.least_guest())),
            fetched: self.fetch.least().worst_case(),
            rows: of_rows(LEAST_CALL),
            rest: of_rest(self.least_batch(), self.records),
        }
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

/// An instance, and the one record of half its memory that a batch may be.
fn of_guest(guest: usize) -> usize {
    guest.saturating_add(guest / 2)
}

/// The largest instance that takes this much with its record: the inverse of [`of_guest`], but for two bytes.
fn guest_within(memory: usize) -> usize {
    memory / 3 * 2
}

fn of_rows(call: usize) -> usize {
    held(call).saturating_add(call.saturating_mul(CALLS_HELD))
}

/// The largest call whose rows take this much: the inverse of [`of_rows`]. The first is greater as long as all that
/// is held is a call's rows, the second once that is [`USUAL_HELD`].
fn call_within(memory: usize) -> usize {
    (memory / (1 + CALLS_HELD)).max(memory.saturating_sub(USUAL_HELD) / CALLS_HELD)
}

fn held(call: usize) -> usize {
    call.min(USUAL_HELD)
}

fn of_rest(batch: usize, records: usize) -> usize {
    let records = records.saturating_mul(PER_RECORD);
    sum([WORKER, kept_batches(batch), records])
}

/// Each topic has its own buffers, which are all released when they pass this.
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
        match self.0 {
            1 => f.write_str("1 worker"),
            count => write!(f, "{count} workers"),
        }
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

    /// What the process takes when every part of every worker is at its worst.
    fn worst_case(request: &MemoryRequest, plan: &MemoryPlan) -> usize {
        let bounded = plan.bounded.unwrap();
        let worker = of_guest(plan.guest)
            + bounded.fetch.worst_case()
            + of_rows(plan.call)
            + of_rest(plan.batch, request.records);
        BASE + request.plugin * CODE_PER_PLUGIN_BYTE + request.workers * worker
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
