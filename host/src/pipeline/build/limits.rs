//! The limits of the parts of a run: of memory, of time, and of batches.

use std::time::Duration;

use super::{BuildError, Program, cluster_settings};
use crate::config::memory::{GUEST_PER_BATCH, MemoryPlan, MemoryRequest};
use crate::config::{self, Config};
use crate::sandbox::Limits;
use crate::source::{BatchLimits, SourceError};
use crate::{kafka, sink};

/// Refuses settings that are wrong whatever the plugin, brokers and files are, and returns the limits of the parts. A list
/// of masked objects takes `held_back` bytes.
///
/// # Errors
/// The first setting that is wrong.
pub(crate) fn check(config: &Config, held_back: usize) -> Result<MemoryPlan, BuildError> {
    let settings = match &config.source {
        config::Source::Kafka(kafka) => Some(cluster_settings(&kafka.connection)),
        config::Source::Local(_) => None,
    };
    if let Some(settings) = &settings {
        settings
            .check(config.limits.deadline)
            .map_err(SourceError::from)?;
    }
    let Some(process) = config.process_memory else {
        return usual_memory(config);
    };
    let plugin = Program::size(config);
    let memory = MemoryPlan::within(&MemoryRequest {
        process,
        held_back,
        workers: config.workers,
        plugin: usize::try_from(plugin).unwrap_or(usize::MAX),
        destinations: sink::memory(&config.outputs, config.workers),
        held: held(config),
        records: config.limits.batch_records,
        guest: config.limits.memory,
        batch: config.limits.batch_bytes,
        fetch: settings
            .as_ref()
            .map(kafka::Settings::fetch_request)
            .unwrap_or_default(),
    })?;
    fits(memory)
}

/// The same, with all that needs neither the plugin nor brokers: librdkafka finds some wrong settings only when it makes
/// a client. A list of masked objects takes `held_back` bytes.
///
/// # Errors
/// The first setting that is wrong.
pub(crate) fn check_thoroughly(
    config: &Config,
    held_back: usize,
) -> Result<MemoryPlan, BuildError> {
    let memory = check(config, held_back)?;
    if let config::Source::Kafka(kafka) = &config.source {
        let mut settings = cluster_settings(&kafka.connection);
        settings.fetch = memory.bounded.map(|bounds| bounds.fetch);
        settings
            .try_clients(config.workers)
            .map_err(SourceError::from)?;
    }
    Ok(memory)
}

/// The limits of the parts where the process has no memory limit.
///
/// # Errors
/// When a batch is too large for an instance.
pub(crate) fn usual_memory(config: &Config) -> Result<MemoryPlan, BuildError> {
    let memory = usual(&config.limits);
    fits(MemoryPlan {
        held: held(config).unwrap_or(memory.held),
        ..memory
    })
}

/// The size of held rows that makes a checkpoint due, if it is not the usual one.
fn held(config: &Config) -> Option<usize> {
    let of_outputs = || sink::checkpoint_defaults(&config.outputs).held;
    config.checkpoint_size.or_else(of_outputs)
}

/// The longest time between two checkpoints.
pub(super) fn checkpoint_interval(config: &Config) -> Duration {
    let of_outputs = || sink::checkpoint_defaults(&config.outputs).interval;
    let interval = config.checkpoint_interval.or_else(of_outputs);
    interval.unwrap_or(config::DEFAULT_CHECKPOINT_INTERVAL)
}

fn usual(limits: &config::Limits) -> MemoryPlan {
    MemoryPlan::usual(limits.memory, limits.batch_bytes)
}

fn fits(memory: MemoryPlan) -> Result<MemoryPlan, BuildError> {
    if memory.batch > memory.guest / GUEST_PER_BATCH {
        return Err(BuildError::BatchTooLarge);
    }
    Ok(memory)
}

/// The limits of an instance.
pub(crate) fn limits(config: &Config, memory: &MemoryPlan) -> Limits {
    limits_within(config.limits.deadline, poll_interval(config), memory)
}

/// The limits of an instance that reads no records.
pub(crate) fn limits_without_source(limits: &config::Limits) -> Limits {
    limits_within(limits.deadline, None, &usual(limits))
}

fn limits_within(
    deadline: Duration,
    poll_interval: Option<Duration>,
    memory: &MemoryPlan,
) -> Limits {
    Limits {
        deadline,
        wall: wall_limit(deadline, poll_interval),
        memory_bytes: memory.guest,
        emit_bytes: memory.call,
    }
}

/// How long a worker may be silent before its group gives its partitions away.
fn poll_interval(config: &Config) -> Option<Duration> {
    match &config.source {
        config::Source::Kafka(kafka) => {
            Some(cluster_settings(&kafka.connection).max_poll_interval())
        }
        config::Source::Local(_) => None,
    }
}

/// The time of a call by the clock on the wall, for which the deadline in CPU time does not account. A member of a group
/// needs time for its checkpoint, too.
fn wall_limit(deadline: Duration, poll_interval: Option<Duration>) -> Duration {
    let usual = deadline.saturating_mul(4);
    match poll_interval {
        None => usual,
        Some(interval) => usual.min((interval / 3).max(deadline)),
    }
}

/// The limits of the batches of one call.
pub(crate) fn batch_limits(config: &Config, memory: &MemoryPlan) -> BatchLimits {
    BatchLimits {
        records: config.limits.batch_records,
        bytes: memory.batch,
        memory_limit_bytes: memory.guest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_has_four_times_its_deadline_on_the_wall_and_a_third_of_the_poll_interval_at_most() {
        let limit = |deadline, interval: Option<u64>| {
            let interval = interval.map(Duration::from_secs);
            wall_limit(Duration::from_secs(deadline), interval).as_secs()
        };
        assert_eq!(limit(30, None), 120);
        assert_eq!(limit(20, Some(300)), 80);
        assert_eq!(limit(30, Some(300)), 100);
        // The operator allows calls that are longer.
        assert_eq!(limit(140, Some(300)), 140);
    }
}
