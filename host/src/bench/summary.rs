//! Summarises all rounds: medians and ranges.

use serde::Serialize;

use super::{Parts, Round};
use crate::observe::meter::thread_nanoseconds;
use crate::sandbox::LoadTimes;

/// The median, minimum and maximum of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The median; of an even number, the middle of the two central values.
    pub median: f64,
    /// The minimum.
    pub min: f64,
    /// The maximum.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; without values all three are 0.
    #[must_use]
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            min: at(0),
            max: at(last),
        }
    }
}

/// A benchmark as a whole; it is also written as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Benchmark {
    /// The version of journal-host.
    pub host_version: &'static str,
    /// The recording.
    pub recording: String,
    /// The number of rounds before the measured ones.
    pub warm_up: u32,
    /// The plugin, and the second one where two are compared.
    pub plugins: Vec<Measured>,
    /// The ratios of the second plugin to the first.
    pub ratios: Option<Ratios>,
}

/// One plugin's figures.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// Its file.
    pub plugin: String,
    /// The name in its description.
    pub name: String,
    /// The version in its description.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Time to load it, with compiling.
    pub compile_ns: u64,
    /// Time to load it from the cache of compiled code, where there is one.
    pub load_ns: Option<u64>,
    /// Time to create an instance and call `start`.
    pub start_ns: Spread,
    /// The peak of the guest's linear memory in all rounds.
    pub guest_memory_bytes: u64,
    /// Objects per second of wall time.
    pub objects_per_second: Spread,
    /// Millions of bytes of keys and values per second of wall time.
    pub megabytes_per_second: Spread,
    /// CPU time of one object.
    pub cpu_ns_per_object: Spread,
    /// The parts of the CPU time of one object. Medians of parts need not add up to the median of the total; the parts
    /// of each round do.
    pub parts_ns_per_object: Parts<Spread>,
    /// The share of each part in the total of all rounds, from 0 to 1. The shares add up to 1.
    pub parts_share: Parts<f64>,
    /// The share of reading the clock in the total.
    pub metering_share: f64,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
}

/// The ratios of the second plugin to the first: each round is compared with the one next to it.
#[derive(Debug, Serialize)]
pub(crate) struct Ratios {
    /// CPU time of one object.
    pub cpu_per_object: Spread,
    /// Objects per second of wall time.
    pub objects_per_second: Spread,
    /// The parts of the CPU time of one object.
    pub parts: Parts<Spread>,
}

/// The file, name and version of a plugin.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Its file.
    pub plugin: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: String,
}

impl Measured {
    /// Summarises the rounds.
    #[must_use]
    pub(crate) fn new(identity: Identity, load: LoadTimes, rounds: Vec<Round>) -> Self {
        let spread = |of: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
        let whole = sum(&rounds, |round| round.cpu_ns);
        let reads = sum(&rounds, |round| round.clock_reads);
        Self {
            plugin: identity.plugin,
            name: identity.name,
            version: identity.version,
            sha256: identity.sha256,
            compile_ns: nanoseconds(load.compiled),
            load_ns: load.cached.map(nanoseconds),
            start_ns: spread(&|round| float(round.start_ns)),
            guest_memory_bytes: rounds
                .iter()
                .map(|round| round.guest_memory_bytes)
                .max()
                .unwrap_or_default(),
            objects_per_second: spread(&objects_per_second),
            // Bytes per microsecond are millions of bytes per second.
            megabytes_per_second: spread(&|round| {
                float(round.bytes) * 1e3 / float(round.wall_ns.max(1))
            }),
            cpu_ns_per_object: spread(&cpu_per_object),
            parts_ns_per_object: Parts::<u64>::each(|part| {
                spread(&|round| per_object(round, part(&round.parts_ns)))
            }),
            parts_share: Parts::<u64>::each(|part| {
                float(sum(&rounds, |round| part(&round.parts_ns))) / float(whole.max(1))
            }),
            metering_share: float(reads) * clock_read_ns() / float(whole.max(1)),
            rounds,
        }
    }

    /// Objects of one round.
    #[must_use]
    pub(crate) fn objects(&self) -> u64 {
        self.rounds.last().map_or(0, |round| round.objects)
    }

    /// The ratios of this plugin to `first`.
    #[must_use]
    pub(crate) fn by(&self, first: &Self) -> Ratios {
        let ratio = |of: &dyn Fn(&Round) -> f64| {
            let pairs = self.rounds.iter().zip(&first.rounds);
            let pairs = pairs.map(|(second, first)| (of(second), of(first)));
            Spread::of(
                pairs
                    .filter(|&(_, first)| first > 0.0)
                    .map(|(second, first)| second / first),
            )
        };
        Ratios {
            cpu_per_object: ratio(&cpu_per_object),
            objects_per_second: ratio(&objects_per_second),
            parts: Parts::<u64>::each(|part| {
                ratio(&|round| per_object(round, part(&round.parts_ns)))
            }),
        }
    }
}

fn objects_per_second(round: &Round) -> f64 {
    float(round.objects) * 1e9 / float(round.wall_ns.max(1))
}

fn cpu_per_object(round: &Round) -> f64 {
    per_object(round, round.cpu_ns)
}

fn per_object(round: &Round, nanoseconds: u64) -> f64 {
    float(nanoseconds) / float(round.objects.max(1))
}

fn sum(rounds: &[Round], of: impl Fn(&Round) -> u64) -> u64 {
    rounds.iter().map(of).sum()
}

fn nanoseconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a hundred days of nanoseconds are exact, and no more is measured"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// The time that one reading of the thread's clock takes on this machine now.
fn clock_read_ns() -> f64 {
    const READS: u32 = 1000;
    let before = thread_nanoseconds();
    for _ in 0..READS {
        std::hint::black_box(thread_nanoseconds());
    }
    float(thread_nanoseconds() - before) / f64::from(READS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn round(cpu_ns: u64) -> Round {
        let parts_ns = Parts {
            source: 0,
            gather: 0,
            boundary: cpu_ns / 4,
            guest: cpu_ns / 2,
            emit: 0,
            sink: 0,
            rest: cpu_ns - cpu_ns / 4 - cpu_ns / 2,
        };
        Round {
            objects: 10,
            bytes: 5000,
            rejected: 0,
            wall_ns: 2 * cpu_ns,
            cpu_ns: parts_ns.total(),
            parts_ns,
            start_ns: 1,
            guest_memory_bytes: cpu_ns,
            clock_reads: 0,
        }
    }

    fn measured(cpu_ns: &[u64]) -> Measured {
        let identity = Identity {
            plugin: "a.wasm".into(),
            name: "a".into(),
            version: "1".into(),
            sha256: "00".into(),
        };
        let load = LoadTimes {
            compiled: Duration::from_millis(3),
            cached: None,
        };
        Measured::new(
            identity,
            load,
            cpu_ns.iter().map(|&cpu_ns| round(cpu_ns)).collect(),
        )
    }

    fn spread(median: f64, min: f64, max: f64) -> Spread {
        Spread { median, min, max }
    }

    #[test]
    fn median_is_the_middle_and_between_two_of_an_even_number() {
        assert_eq!(Spread::of([3.0, 1.0, 8.0]), spread(3.0, 1.0, 8.0));
        assert_eq!(Spread::of([8.0, 1.0, 3.0, 2.0]), spread(2.5, 1.0, 8.0));
        assert_eq!(Spread::of([7.0]), spread(7.0, 7.0, 7.0));
        assert_eq!(Spread::of([]), spread(0.0, 0.0, 0.0));
    }

    #[test]
    fn rates_are_those_of_the_wall_and_costs_those_of_the_cpu() {
        let measured = measured(&[1000, 4000, 2000]);
        assert_eq!(
            measured.cpu_ns_per_object,
            spread(200.0, 100.0, 400.0),
            "10 objects a round"
        );
        assert_eq!(
            measured.objects_per_second,
            spread(2.5e6, 1.25e6, 5e6),
            "10 objects in 4 us"
        );
        assert_eq!(
            measured.megabytes_per_second,
            spread(1250.0, 625.0, 2500.0),
            "5000 bytes in 4 us"
        );
        assert_eq!(measured.guest_memory_bytes, 4000);
        assert_eq!(measured.compile_ns, 3_000_000);
    }

    #[test]
    fn shares_of_the_parts_add_up_to_the_whole() {
        let measured = measured(&[1000, 3000]);
        assert!((measured.parts_share.guest - 0.5).abs() < 1e-9);
        let sum: f64 = measured.parts_share.list().iter().map(|part| part.1).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }

    #[test]
    fn rounds_are_compared_with_those_beside_them() {
        let ratios = measured(&[2000, 6000, 1000]).by(&measured(&[1000, 2000, 4000]));
        assert_eq!(ratios.cpu_per_object, spread(2.0, 0.25, 3.0));
        assert_eq!(ratios.parts.guest, spread(2.0, 0.25, 3.0));
        assert_eq!(
            ratios.parts.emit,
            spread(0.0, 0.0, 0.0),
            "nothing by nothing"
        );
    }
}
