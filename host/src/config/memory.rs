//! From the memory of the whole process to the limits of its parts.
//!
//! The sum of the worst cases is what counts, because workers know nothing of each other: all may be at
//! their worst at the same moment. `docs/operating.md` says what the sum leaves out.

use std::fmt;

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
/// Columns beside keys and values, places of messages, and the names of rejected records.
const PER_RECORD: usize = 128;

/// Fetched values count in librdkafka's queue; keys and its own record of each message do not. As many messages
/// may wait as make that as much again.
const QUEUED_TIMES: usize = 2;
/// What librdkafka keeps of each message besides its bytes, 320 bytes, and its key.
const QUEUED_RECORD: usize = 512;
/// What comes of a response: itself, and its records at four times its size (they are compressed) with three
/// times as much of memory for each (keys, and librdkafka's own record of each message).
const RESPONSE_TIMES: usize = 1 + 4 * 3;
/// What a worker has read from the queue keeps its memory until it is processed, and meanwhile the queue fills
/// anew. As much again stays with the allocator: each thread of librdkafka that receives has an arena of its own,
/// which does not give back all that was freed. (Measured: 3 to 5 MiB a worker
/// where this allows 4 to 8.)
const FETCHED_TIMES: usize = 3;
/// Responses in relation to the queue: it has room for one that is decompressed, or it would run dry between two.
const QUEUED_PER_RESPONSE: usize = 4;

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
const LEAST_RESPONSE: usize = 128 * KIB;
const LEAST_BATCH: usize = 64 * KIB;
/// An instance has at least this much memory in relation to a batch.
pub(crate) const GUEST_PER_BATCH: usize = 4;
/// More than that no instance can address, and no consumer needs.
const MOST_GUEST: usize = 4 << 30;
const MOST_RESPONSE: usize = 16 * MIB;

/// The limits of the parts of each worker, in bytes where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The memory of its instance; a record may take half of it.
    pub guest: usize,
    /// What one call may emit, as rows and as the sink's own encoding of them.
    pub call: usize,
    /// Keys and values of one call, but for a single larger record.
    pub batch: usize,
    /// Held rows that make a checkpoint due.
    pub held: usize,
    /// What is not as usual where the whole process is bounded.
    pub bounded: Option<Bounded>,
}

/// What is bounded only where the memory of the whole process is, in bytes where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded {
    /// Lines that ever wait for a checkpoint.
    pub lines: usize,
    /// Memory that batches may keep from one call to the next.
    pub kept_batches: usize,
    /// Values that are fetched ahead.
    pub queued: usize,
    /// Messages that are fetched ahead.
    pub queued_records: usize,
    /// The responses of all brokers that may be on their way at the same time.
    pub responses: usize,
}

/// What the operator says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// The most memory of the process, in bytes.
    pub process: usize,
    /// How many workers share it.
    pub workers: usize,
    /// The size of the plugin's file, in bytes.
    pub plugin: usize,
    /// Records of one call.
    pub records: usize,
    /// `--memory-limit`, where given.
    pub guest: Option<usize>,
    /// `--batch-bytes`, where given.
    pub batch: Option<usize>,
    /// `--kafka queued.max.messages.kbytes`, where given, in bytes.
    pub queued: Option<usize>,
    /// `--kafka fetch.max.bytes`, where given.
    pub response: Option<usize>,
}

/// The parts do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`--process-memory` of {} is too little for {}: the process takes {}, and each worker at the least {} \
     (its instance {}, fetched records {}, rows {}, the rest {})",
    Size(*.process), Workers(*.workers), Size(*.base), Size(.least.sum()), Size(.least.guest), Size(.least.fetched),
    Size(.least.rows), Size(.least.rest)
)]
pub struct TooLittle {
    process: usize,
    workers: usize,
    base: usize,
    least: Least,
    /// Whether some limit of a part was given.
    given: bool,
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
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        let worker = self.least.sum();
        let needed = self
            .base
            .saturating_add(worker.saturating_mul(self.workers));
        let mut ways = vec![format!("set it to at least {}", Size(needed))];
        let fitting = self.process.saturating_sub(self.base) / worker.max(1);
        if fitting > 0 {
            ways.push(format!("take {} at the most", Workers(fitting)));
        }
        if self.given {
            ways.push("lower the limits of parts that are given".to_owned());
        }
        ways.join(", or ")
    }
}

impl MemoryPlan {
    /// The parts where nobody bounds the whole.
    #[must_use]
    pub fn usual(guest: Option<usize>, batch: Option<usize>) -> Self {
        let guest = guest.unwrap_or(USUAL_GUEST);
        Self {
            guest,
            call: guest,
            batch: batch.unwrap_or(USUAL_BATCH),
            held: USUAL_HELD,
            bounded: None,
        }
    }

    /// Parts whose worst cases of all workers together stay below `wanted.process`. A quarter of a worker's
    /// share is for fetched records and a quarter for rows; its instance, and the copy of a large record that
    /// the host makes for it, have the rest.
    ///
    /// # Errors
    /// When there is too little for parts that are given, or for the least that the others need.
    pub fn within(wanted: &Wanted) -> Result<Self, TooLittle> {
        let base = sum([BASE, wanted.plugin.saturating_mul(CODE_PER_PLUGIN_BYTE)]);
        let each = wanted.process.saturating_sub(base) / wanted.workers.max(1);
        let least_batch = wanted.batch.unwrap_or(LEAST_BATCH);
        let least_guest = LEAST_GUEST.max(least_batch.saturating_mul(GUEST_PER_BATCH));
        let least_response = wanted.response.unwrap_or(LEAST_RESPONSE);
        let queued = |response: usize| {
            let in_relation = response.saturating_mul(QUEUED_PER_RESPONSE);
            wanted.queued.unwrap_or(in_relation)
        };
        let least = Least {
            guest: of_guest(wanted.guest.unwrap_or(least_guest)),
            fetched: of_fetched(queued(least_response), least_response),
            rows: of_rows(LEAST_CALL),
            rest: of_rest(least_batch, wanted.records),
        };
        let Some(spare) = each.checked_sub(least.sum()) else {
            return Err(TooLittle {
                process: wanted.process,
                workers: wanted.workers,
                base,
                least,
                given: [wanted.guest, wanted.batch, wanted.queued, wanted.response]
                    .iter()
                    .any(Option::is_some),
            });
        };
        // What a part takes above its least is taken from what is left; the instance comes last, because it can
        // use any amount.
        let quarter = match wanted.guest {
            Some(_) => (spare + least.fetched + least.rows) / 2,
            None => each / 4,
        };
        let (fetched, spare) = grow(least.fetched, quarter, spare);
        let response = largest(least_response, MOST_RESPONSE, |response| {
            of_fetched(queued(response), response) <= fetched
        });
        let response = wanted.response.unwrap_or(response);
        let spare = spare + (fetched - of_fetched(queued(response), response));
        let (rows, spare) = grow(least.rows, quarter, spare);
        let most_call = wanted.guest.unwrap_or(MOST_GUEST).max(LEAST_CALL);
        let call = largest(LEAST_CALL, most_call, |call| of_rows(call) <= rows);
        let spare = spare + (rows - of_rows(call));
        let batch = wanted.batch.unwrap_or_else(|| {
            let most = USUAL_BATCH.min((each / 64).max(LEAST_BATCH));
            largest(LEAST_BATCH, most, |batch| {
                of_rest(batch, wanted.records) <= least.rest.saturating_add(spare / 2)
            })
        });
        let spare = spare - (of_rest(batch, wanted.records) - least.rest);
        let guest = wanted.guest.unwrap_or_else(|| {
            largest(least_guest, MOST_GUEST, |guest| {
                of_guest(guest) <= least.guest.saturating_add(spare)
            })
        });
        Ok(Self {
            guest,
            call,
            batch: wanted.batch.unwrap_or(batch.min(guest / GUEST_PER_BATCH)),
            held: held(call),
            bounded: Some(Bounded {
                lines: of_rows(call),
                kept_batches: kept_batches(batch),
                queued: queued(response),
                queued_records: (queued(response) / QUEUED_RECORD).max(1),
                responses: response,
            }),
        })
    }
}

/// An instance, and the one record of half its memory that a batch may be.
fn of_guest(guest: usize) -> usize {
    guest.saturating_add(guest / 2)
}

fn of_fetched(queued: usize, responses: usize) -> usize {
    let queued = queued.saturating_mul(QUEUED_TIMES);
    let come = responses.saturating_mul(RESPONSE_TIMES);
    sum([queued, come]).saturating_mul(FETCHED_TIMES)
}

fn of_rows(call: usize) -> usize {
    held(call).saturating_add(call.saturating_mul(CALLS_HELD))
}

fn held(call: usize) -> usize {
    call.min(USUAL_HELD)
}

fn of_rest(batch: usize, records: usize) -> usize {
    let records = records.saturating_mul(PER_RECORD);
    sum([WORKER, kept_batches(batch), records])
}

/// Each topic has buffers of its own, which are all given up when they pass this.
fn kept_batches(batch: usize) -> usize {
    batch.saturating_mul(KEPT_TIMES)
}

/// What a part takes that would like to take `wish`, and what is spare then.
fn grow(least: usize, wish: usize, spare: usize) -> (usize, usize) {
    let more = wish.saturating_sub(least).min(spare);
    (least + more, spare - more)
}

/// The largest number from `least` to `most` that `fits`, to a page; `least` in any case.
fn largest(least: usize, most: usize, fits: impl Fn(usize) -> bool) -> usize {
    const PAGE: usize = 4 * KIB;
    let (mut low, mut high) = (least, most.max(least));
    while high - low > PAGE {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if fits(high) { high } else { low }
}

fn sum<const N: usize>(parts: [usize; N]) -> usize {
    parts.into_iter().fold(0, usize::saturating_add)
}

struct Workers(usize);

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 worker"),
            count => write!(f, "{count} workers"),
        }
    }
}

/// Rounded up: what is asked for has to be enough.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(MIB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(process: usize, workers: usize) -> Wanted {
        Wanted {
            process,
            workers,
            plugin: 200 * KIB,
            records: 1000,
            ..Wanted::default()
        }
    }

    /// What the process takes when every part of every worker is at its worst.
    fn worst_case(wanted: &Wanted, shares: &MemoryPlan) -> usize {
        let bounded = shares.bounded.unwrap();
        let worker = of_guest(shares.guest)
            + of_fetched(bounded.queued, bounded.responses)
            + of_rows(shares.call)
            + of_rest(shares.batch, wanted.records);
        BASE + wanted.plugin * CODE_PER_PLUGIN_BYTE + wanted.workers * worker
    }

    #[test]
    fn worst_cases_of_all_workers_fit_and_use_most_of_what_there_is() {
        for process in [128, 200, 256, 512, 1000, 4096] {
            for workers in [1, 2, 3, 4, 16] {
                let wanted = wanted(process * MIB, workers);
                let Ok(shares) = MemoryPlan::within(&wanted) else {
                    assert!(process / workers < 128, "{process} for {workers}");
                    continue;
                };
                let worst = worst_case(&wanted, &shares);
                assert!(worst <= wanted.process, "{worst} for {wanted:?}");
                assert!(worst * 10 >= wanted.process * 9, "{worst} for {wanted:?}");
                assert!(shares.batch <= shares.guest / GUEST_PER_BATCH);
                assert!(shares.guest >= LEAST_GUEST && shares.call >= LEAST_CALL);
            }
        }
    }

    #[test]
    fn limits_that_are_given_go_first_and_the_others_have_the_rest() {
        let given = Wanted {
            guest: Some(100 * MIB),
            batch: Some(3 * MIB),
            queued: Some(5 * MIB),
            response: Some(MIB),
            ..wanted(1024 * MIB, 2)
        };
        let shares = MemoryPlan::within(&given).unwrap();
        let bounded = shares.bounded.unwrap();
        assert_eq!((shares.guest, shares.batch), (100 * MIB, 3 * MIB));
        assert_eq!((bounded.queued, bounded.responses), (5 * MIB, MIB));
        assert!(worst_case(&given, &shares) <= given.process);
        for one in [
            Wanted {
                guest: Some(100 * MIB),
                ..wanted(512 * MIB, 2)
            },
            Wanted {
                batch: Some(8 * MIB),
                ..wanted(512 * MIB, 2)
            },
            Wanted {
                queued: Some(20 * MIB),
                ..wanted(512 * MIB, 2)
            },
            Wanted {
                response: Some(2 * MIB),
                ..wanted(512 * MIB, 2)
            },
        ] {
            let shares = MemoryPlan::within(&one).unwrap();
            assert!(worst_case(&one, &shares) <= one.process, "{one:?}");
        }
    }

    #[test]
    fn too_little_names_what_is_enough() {
        let error = MemoryPlan::within(&wanted(100 * MIB, 4)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("`--process-memory` of 100 MiB is too little for 4 workers: the process takes 49 MiB"),
            "{text}"
        );
        let hint = error.hint();
        let enough = hint.split(' ').find_map(|word| word.parse::<usize>().ok());
        let enough = enough.unwrap();
        assert!(MemoryPlan::within(&wanted(enough * MIB, 4)).is_ok());
        assert!(MemoryPlan::within(&wanted((enough - 1) * MIB, 4)).is_err());
        assert!(
            hint.ends_with("MiB, or take 1 worker at the most"),
            "{hint}"
        );
        assert!(MemoryPlan::within(&wanted(100 * MIB, 1)).is_ok());
        assert!(MemoryPlan::within(&wanted(100 * MIB, 2)).is_err());
        let hint = MemoryPlan::within(&wanted(MIB, 4)).unwrap_err().hint();
        assert!(!hint.contains("at the most"), "{hint}");
    }

    #[test]
    fn limits_that_are_given_and_do_not_fit_are_a_way_out() {
        let given = Wanted {
            guest: Some(512 * MIB),
            ..wanted(512 * MIB, 1)
        };
        let hint = MemoryPlan::within(&given).unwrap_err().hint();
        assert!(
            hint.ends_with("lower the limits of parts that are given"),
            "{hint}"
        );
        let absurd = Wanted {
            guest: Some(usize::MAX),
            batch: Some(usize::MAX),
            queued: Some(usize::MAX),
            response: Some(usize::MAX),
            records: usize::MAX,
            ..wanted(usize::MAX, usize::MAX)
        };
        assert!(MemoryPlan::within(&absurd).is_err());
    }
}
