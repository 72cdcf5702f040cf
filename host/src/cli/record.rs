//! `journal-host record`: a part of a journal, or of another source, to a recording.

use std::path::PathBuf;
use std::time::SystemTime;

use super::args::{
    self, ConfigArguments, ObjectArguments, PrivacyArguments, SortArguments, SourceArguments,
};
use super::names::Names;
use super::report::Report;
use crate::config::{
    self, DEFAULT_SHUTDOWN_TIMEOUT, Layer, ReadConfig, ReadSource, Span, TopicPartition,
};
use crate::journal::start::StartTime;
use crate::journal::topics::ObjectTypes;
use crate::pipeline::build::{self, cluster_settings, subscription};
use crate::transfer::{self, Bound, Part, PartitionChoice};

/// Records a part of a journal, or of another source, for `run --recording`, `bench` and `produce`.
///
/// Each record keeps its partition, offset and timestamp. Over Kafka, the command joins no consumer group and commits
/// nothing, and ends at the records that existed when it started.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    sort: SortArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    #[command(flatten)]
    privacy: PrivacyArguments,

    /// Record only this partition of all of a cluster's topics, or of one topic; may be repeated.
    #[arg(long = "partition", value_name = "[TOPIC:]N", value_parser = partition)]
    partitions: Vec<PartitionChoice>,

    /// Begin at an offset, at a time (`2026-11-01` or `2026-11-01T12:00:00Z`), or so long before now (`2h`) [default: the
    /// first record].
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound)]
    from: Option<Bound>,

    /// End before an offset or a time, in the same forms [default: the end when the command starts].
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound)]
    until: Option<Bound>,

    /// Maximum number of records.
    #[arg(long, value_name = "N")]
    max_records: Option<u64>,

    /// Maximum number of records of each topic.
    #[arg(long, value_name = "N")]
    max_records_per_topic: Option<u64>,

    /// File for the recording, which must not exist. It is compressed with zstd; `NAME.journal.zst` is a usual name.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Reads, and writes the file.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    // For outputs of a run it is standard output.
    if arguments.output.as_os_str() == "-" {
        let error = anyhow::Error::msg("standard output is no place for a recording");
        let hint = "name a file with `--output`; `./-` is one with the name `-`";
        return Err(Report::wrong_use(error, Some(hint.to_owned())));
    }
    let mut layer = Layer::default();
    arguments.config.add_to(&mut layer);
    arguments.source.add_to(&mut layer);
    arguments.sort.add_to(&mut layer);
    arguments.objects.add_to(&mut layer);
    arguments.privacy.add_to(&mut layer);
    let (config, origins) = args::configure::<ReadConfig>(layer);
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let object_types = match &config.objects.types[..] {
        [] => ObjectTypes::Any,
        types => ObjectTypes::Named(types.to_vec()),
    };
    let path = arguments.output;
    let privacy = build::privacy(&config.privacy).map_err(|error| Report::of(&error, names))?;
    let part = Part {
        subscription: subscription(&config.objects, object_types),
        partitions: arguments.partitions,
        from: arguments.from,
        until: arguments.until,
        privacy,
        max_records: arguments.max_records,
        max_records_per_topic: arguments.max_records_per_topic,
    };
    let stop = args::install_signal_handlers(DEFAULT_SHUTDOWN_TIMEOUT)?;
    let recorded = match &config.source {
        ReadSource::Cluster(connection) => {
            stop.begin();
            transfer::record(&cluster_settings(connection), &part, &path, &stop)
        }
        ReadSource::Local(source) => build::local(source)
            .map_err(transfer::Error::from)
            .and_then(|local| transfer::record_local(local, &part, &path, &stop)),
    };
    recorded.map_err(|error| Report::of(&error, names))
}

/// `N` or `TOPIC:N`.
fn partition(text: &str) -> Result<PartitionChoice, String> {
    if let Ok(number) = text.parse() {
        return Ok(PartitionChoice {
            topic: None,
            number,
        });
    }
    match text.parse() {
        Ok(TopicPartition { topic, number }) => Ok(PartitionChoice {
            topic: Some(topic),
            number,
        }),
        Err(_) => Err("it is not the number of a partition, nor TOPIC:NUMBER".to_owned()),
    }
}

/// An offset, the beginning of a day in UTC, a time, or a span before now.
fn bound(text: &str) -> Result<Bound, String> {
    if let Ok(offset) = text.parse() {
        return Ok(Bound::Offset(offset));
    }
    let ago = || {
        let Span(span) = text.parse().ok()?;
        SystemTime::now().checked_sub(span)
    };
    config::time(text)
        .or_else(ago)
        .map(|time| Bound::Time(StartTime::from(time).ms()))
        .ok_or_else(|| {
            "it is no offset, no time such as 2026-11-01 or 2026-11-01T12:00:00Z, and no span such as 2h"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_an_offset_a_day_or_a_time() {
        assert_eq!(bound("17"), Ok(Bound::Offset(17)));
        assert_eq!(bound("1970-01-02"), Ok(Bound::Time(86_400_000)));
        assert_eq!(bound("1970-01-01T00:00:01.5Z"), Ok(Bound::Time(1500)));
        assert!(matches!(bound("2h"), Ok(Bound::Time(time)) if time > 1_600_000_000_000));
        for text in ["", "-1", "yesterday", "2026-13-01", "1969-12-31", "12:00"] {
            assert!(bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_partition_is_one_of_all_topics_or_of_one() {
        let choice = |topic: Option<&str>, number| PartitionChoice {
            topic: topic.map(str::to_owned),
            number,
        };
        assert_eq!(partition("3"), Ok(choice(None, 3)));
        assert_eq!(partition("a.b:0"), Ok(choice(Some("a.b"), 0)));
        for text in ["", "a", "-1", ":1", "a:", "a:-1", "a:1:x"] {
            assert!(partition(text).is_err(), "{text}");
        }
    }
}
