//! The metrics of a run, in the format `OpenMetrics`, which Prometheus reads.
//!
//! Their names are here and nowhere else. They are read from the counters of [`Progress`] when somebody asks, so that a
//! run pays for them only then.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::process;
use super::progress::{CALL_SECONDS, Calls, PrivacyCounts, Progress};

/// What is known of a run from its start on.
#[derive(Clone, Debug)]
pub(crate) struct RunInfo {
    /// The plugin's name.
    pub(crate) plugin: String,
    /// The plugin's version.
    pub(crate) plugin_version: String,
    /// SHA-256 of the plugin's file, as lowercase hex.
    pub(crate) plugin_digest: String,
    /// The same of its options.
    pub(crate) options_digest: String,
    /// The consumer group; empty where there is none.
    pub(crate) group: String,
}

/// How a metric changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// A metric as it is documented.
struct Metric {
    name: &'static str,
    kind: Kind,
    /// The names of its labels.
    labels: &'static [&'static str],
    help: &'static str,
}

const OBJECTS: Metric = Metric {
    name: "journal_host_objects",
    kind: Kind::Counter,
    labels: &[],
    help: "Objects that the processor has processed",
};
const BYTES: Metric = Metric {
    name: "journal_host_bytes",
    kind: Kind::Counter,
    labels: &[],
    help: "Bytes of their keys and values",
};
const ROWS: Metric = Metric {
    name: "journal_host_rows",
    kind: Kind::Counter,
    labels: &["output"],
    help: "Rows that are durable",
};
const ROW_BYTES: Metric = Metric {
    name: "journal_host_row_bytes",
    kind: Kind::Counter,
    labels: &["output"],
    help: "Bytes of the durable rows as they are encoded for their sink",
};
const REJECTIONS: Metric = Metric {
    name: "journal_host_rejections",
    kind: Kind::Counter,
    labels: &[],
    help: "Records that the processor rejected and that were skipped",
};
const FAILURES: Metric = Metric {
    name: "journal_host_failures",
    kind: Kind::Counter,
    labels: &["kind"],
    help: "Records that failed and were passed over; `rejected` is one of the kinds",
};
const DEAD_LETTERS: Metric = Metric {
    name: "journal_host_dead_letters",
    kind: Kind::Counter,
    labels: &[],
    help: "Dead letters that are durable",
};
const MASKED: Metric = Metric {
    name: "journal_host_masked_records",
    kind: Kind::Counter,
    labels: &[],
    help: "Records of masked objects, which the processor does not see; absent without a list of them",
};
const ANONYMISED: Metric = Metric {
    name: "journal_host_anonymised_records",
    kind: Kind::Counter,
    labels: &[],
    help: "Records whose persons were replaced; absent where nothing is held back",
};
const MASK: Metric = Metric {
    name: "journal_host_mask_objects",
    kind: Kind::Gauge,
    labels: &[],
    help: "Objects that are masked; absent without a list of them",
};
const MASK_STALE: Metric = Metric {
    name: "journal_host_mask_stale_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Time for which the list of masked objects could not be read again; 0 where it is the one in use",
};
const CALLS: Metric = Metric {
    name: "journal_host_call_seconds",
    kind: Kind::Histogram,
    labels: &[],
    help: "Time of the calls into the processor, by the clock",
};
const STAGES: Metric = Metric {
    name: "journal_host_stage_seconds",
    kind: Kind::Counter,
    labels: &["stage"],
    help: "Time of the workers by the clock: `poll` waits for records and takes them, `call` is in the processor, `write` writes rows",
};
const LAG: Metric = Metric {
    name: "journal_host_lag",
    kind: Kind::Gauge,
    labels: &["topic"],
    help: "Records that the partitions of this process still hold",
};
const PARTITION_LAG: Metric = Metric {
    name: "journal_host_partition_lag",
    kind: Kind::Gauge,
    labels: &["topic", "partition"],
    help: "The same of each partition, at `/metrics?partitions` only",
};
const READ_AHEAD: Metric = Metric {
    name: "journal_host_read_ahead_records",
    kind: Kind::Gauge,
    labels: &[],
    help: "Records that librdkafka has fetched and that wait for a worker, seconds ago; absent without a cluster",
};
const READ_AHEAD_BYTES: Metric = Metric {
    name: "journal_host_read_ahead_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Bytes of them",
};
const PARTITIONS: Metric = Metric {
    name: "journal_host_partitions",
    kind: Kind::Gauge,
    labels: &["worker"],
    help: "Partitions that are assigned to a worker; absent until it is known",
};
const REBALANCES: Metric = Metric {
    name: "journal_host_rebalances",
    kind: Kind::Counter,
    labels: &[],
    help: "Changes of the partitions of a worker",
};
const UNCONFIRMED: Metric = Metric {
    name: "journal_host_unconfirmed_records",
    kind: Kind::Gauge,
    labels: &[],
    help: "Records that come again if the process ends now",
};
const CHECKPOINT_AGE: Metric = Metric {
    name: "journal_host_checkpoint_age_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Time since the last confirmed checkpoint, of the worker that waits longest; absent before the first one",
};
const WITHOUT_BROKERS: Metric = Metric {
    name: "journal_host_without_brokers_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Time for which no broker has been connected to a worker, of the one that waits longest; 0 while all have one",
};
const STILL: Metric = Metric {
    name: "journal_host_loop_still_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Time for which the loop of a worker has not turned, of the one that is still longest",
};
const GUEST_MEMORY: Metric = Metric {
    name: "journal_host_guest_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Memory of the instances of the processor",
};
const RESIDENT: Metric = Metric {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Memory of the process",
};
const CPU: Metric = Metric {
    name: "process_cpu_seconds",
    kind: Kind::Counter,
    labels: &[],
    help: "CPU time of the process",
};
const UPTIME: Metric = Metric {
    name: "journal_host_uptime_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Time since the run started",
};
const BUILD: Metric = Metric {
    name: "journal_host_build",
    kind: Kind::Info,
    labels: &["version"],
    help: "The host",
};
const PLUGIN: Metric = Metric {
    name: "journal_host_plugin",
    kind: Kind::Info,
    labels: &["name", "version", "digest", "options_digest", "group"],
    help: "The plugin, SHA-256 of its file and of its options, and the consumer group",
};

/// The metrics of one run.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// With the metrics of each partition.
    with_partitions: Registry,
}

impl Metrics {
    /// The metrics of a run with these counters.
    #[must_use]
    pub(crate) fn new(info: RunInfo, progress: Arc<Progress>) -> Self {
        let registry = |collector| {
            let mut registry = Registry::default();
            registry.register_collector(Box::new(collector));
            registry
        };
        let collector = RunCollector {
            info,
            progress,
            by_partition: false,
        };
        Self {
            registry: registry(collector.clone()),
            with_partitions: registry(RunCollector {
                by_partition: true,
                ..collector
            }),
        }
    }

    /// All metrics as text; those of each partition on request.
    ///
    /// # Errors
    /// Never, as far as is known: a text takes all that is written to it.
    pub(crate) fn text(&self, by_partition: bool) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registry = if by_partition {
            &self.with_partitions
        } else {
            &self.registry
        };
        encode(&mut text, registry)?;
        Ok(text)
    }
}

#[derive(Clone, Debug)]
struct RunCollector {
    info: RunInfo,
    progress: Arc<Progress>,
    by_partition: bool,
}

impl Collector for RunCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = To(encoder);
        let progress = &*self.progress;
        to.counter(&OBJECTS, progress.objects())?;
        to.counter(&BYTES, progress.bytes())?;
        to.counters(&ROWS, progress.rows())?;
        to.counters(&ROW_BYTES, progress.row_bytes())?;
        to.counter(&REJECTIONS, progress.rejections())?;
        to.counters(&FAILURES, progress.failures_by_kind())?;
        to.counter(&DEAD_LETTERS, progress.dead_letters())?;
        to.privacy(progress.privacy())?;
        to.calls(&progress.calls())?;
        to.times(&STAGES, progress.stages())?;
        let lag = progress.lag_by_topic();
        to.gauges(&LAG, lag.iter().map(|(topic, &lag)| (&**topic, lag)))?;
        if self.by_partition {
            to.partitions(progress)?;
        }
        let ahead = progress.read_ahead();
        to.gauge(&READ_AHEAD, ahead.map(|ahead| ahead.records))?;
        to.gauge(&READ_AHEAD_BYTES, ahead.map(|ahead| ahead.bytes))?;
        let assigned = progress.assigned().enumerate();
        let assigned: Vec<_> = assigned
            .filter_map(|(number, partitions)| Some((number.to_string(), partitions?)))
            .collect();
        let assigned = assigned.iter();
        to.gauges(
            &PARTITIONS,
            assigned.map(|(number, partitions)| (number.as_str(), *partitions)),
        )?;
        to.counter(&REBALANCES, progress.rebalances())?;
        to.gauge(&UNCONFIRMED, progress.unconfirmed())?;
        to.seconds(&CHECKPOINT_AGE, progress.confirmed_for())?;
        let without_brokers = progress.without_brokers_for().unwrap_or_default();
        to.seconds(&WITHOUT_BROKERS, Some(without_brokers))?;
        to.seconds(&STILL, Some(progress.still_for()))?;
        to.gauge(&GUEST_MEMORY, Some(progress.guest_memory_bytes()))?;
        to.gauge(&RESIDENT, process::resident_bytes())?;
        to.cpu()?;
        to.seconds(&UPTIME, Some(progress.elapsed()))?;
        to.info(&BUILD, &[env!("CARGO_PKG_VERSION")])?;
        let info = &self.info;
        to.info(
            &PLUGIN,
            &[
                &info.plugin,
                &info.plugin_version,
                &info.plugin_digest,
                &info.options_digest,
                &info.group,
            ],
        )
    }
}

/// Writes metrics. One that is not known is left out.
struct To<'a>(DescriptorEncoder<'a>);

impl To<'_> {
    fn begin(&mut self, metric: &'static Metric) -> Result<MetricEncoder<'_>, fmt::Error> {
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        self.0
            .encode_descriptor(metric.name, metric.help, None, kind)
    }

    fn counter(&mut self, metric: &'static Metric, value: u64) -> fmt::Result {
        self.begin(metric)?
            .encode_counter::<NoLabels, _, u64>(&value, None)
    }

    fn counters<'v>(
        &mut self,
        metric: &'static Metric,
        values: impl Iterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric)?;
        for (label, value) in values {
            encoder
                .encode_family(&[(metric.labels[0], label)])?
                .encode_counter::<NoLabels, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn cpu(&mut self) -> fmt::Result {
        let seconds = process::cpu_time().as_secs_f64();
        self.begin(&CPU)?
            .encode_counter::<NoLabels, _, u64>(&seconds, None)
    }

    fn gauge(&mut self, metric: &'static Metric, value: Option<u64>) -> fmt::Result {
        let Some(value) = value else {
            return Ok(());
        };
        self.begin(metric)?.encode_gauge(&value)
    }

    fn gauges<'v>(
        &mut self,
        metric: &'static Metric,
        values: impl Iterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric)?;
        for (label, value) in values {
            encoder
                .encode_family(&[(metric.labels[0], label)])?
                .encode_gauge(&value)?;
        }
        Ok(())
    }

    fn partitions(&mut self, progress: &Progress) -> fmt::Result {
        let mut encoder = self.begin(&PARTITION_LAG)?;
        let [topic, number] = [PARTITION_LAG.labels[0], PARTITION_LAG.labels[1]];
        for (partition, lag) in progress.lag_by_partition() {
            let Some(lag) = lag else {
                continue;
            };
            let labels = [
                (topic, partition.topic.to_string()),
                (number, partition.number.to_string()),
            ];
            encoder.encode_family(&labels)?.encode_gauge(&lag)?;
        }
        Ok(())
    }

    fn times(
        &mut self,
        metric: &'static Metric,
        values: impl IntoIterator<Item = (&'static str, Duration)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric)?;
        for (label, value) in values {
            encoder
                .encode_family(&[(metric.labels[0], label)])?
                .encode_counter::<NoLabels, _, u64>(&value.as_secs_f64(), None)?;
        }
        Ok(())
    }

    fn seconds(&mut self, metric: &'static Metric, value: Option<Duration>) -> fmt::Result {
        let Some(value) = value else {
            return Ok(());
        };
        self.begin(metric)?.encode_gauge(&value.as_secs_f64())
    }

    fn privacy(&mut self, counts: Option<&PrivacyCounts>) -> fmt::Result {
        let Some(counts) = counts else {
            return Ok(());
        };
        self.counter(&ANONYMISED, counts.anonymised())?;
        if counts.mask().is_none() {
            return Ok(());
        }
        self.counter(&MASKED, counts.masked())?;
        self.gauge(&MASK, counts.mask())?;
        self.seconds(
            &MASK_STALE,
            Some(counts.mask_stale_for().unwrap_or_default()),
        )
    }

    fn calls(&mut self, calls: &Calls) -> fmt::Result {
        let within: u64 = calls.within.iter().sum();
        let longer = (f64::INFINITY, calls.count.saturating_sub(within));
        let buckets = CALL_SECONDS.into_iter().zip(calls.within);
        let buckets: Vec<_> = buckets.chain([longer]).collect();
        self.begin(&CALLS)?.encode_histogram::<NoLabels>(
            calls.time.as_secs_f64(),
            calls.count,
            &buckets,
            None,
        )
    }

    fn info(&mut self, metric: &'static Metric, values: &[&str]) -> fmt::Result {
        let labels = metric.labels.iter().zip(values);
        let labels: Vec<_> = labels.map(|(label, value)| (*label, *value)).collect();
        self.begin(metric)?.encode_info(&labels)
    }
}

type NoLabels = [(&'static str, &'static str); 0];

#[cfg(test)]
mod tests;
