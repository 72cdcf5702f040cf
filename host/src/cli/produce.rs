//! `journal-host produce`: a recording, or a dataset, to topics.

use std::path::PathBuf;

use super::args::{self, ClusterArguments, DatasetArguments, PrivacyArguments, SortArguments};
use super::names::Names;
use super::report::Report;
use crate::config::{CopyConfig, DEFAULT_PREFIX, DEFAULT_SHUTDOWN_TIMEOUT, Layer, Local};
use crate::pipeline::build::{self, cluster_settings};
use crate::transfer::{self, Input, ProduceOptions};

/// Writes a recording to Kafka, with its keys, values, tombstones and timestamps, or an export of the archive's graph.
///
/// Topics that do not exist are created, and nothing is ever deleted from them by age or size. Records with the same key
/// go to the same partition, in their order. The command succeeds when the brokers have confirmed every record.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["recording", "dataset"]))]
pub(super) struct Arguments {
    /// Recording to write; must be a regular file.
    recording: Option<PathBuf>,

    #[command(flatten)]
    dataset: DatasetArguments,

    #[command(flatten)]
    sort: SortArguments,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    privacy: PrivacyArguments,

    /// Prefix of the topic names, before the object type [default: that of the recording, and of a dataset
    /// swh.journal.objects].
    #[arg(long)]
    prefix: Option<String>,

    /// Number of partitions of each new topic [default: 1, or with `--keep-partitions` as many as were recorded].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    partitions: Option<u32>,

    /// Number of replicas of each new topic [default: that of the brokers].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    replication_factor: Option<u16>,

    /// Write each record to its recorded partition, instead of one that follows from its key.
    #[arg(long)]
    keep_partitions: bool,

    /// Add to topics that hold records already.
    #[arg(long)]
    append: bool,
}

/// Reads a recording twice: first to check it, then to write it.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let mut layer = Layer {
        copies_to_cluster: true,
        ..Layer::default()
    };
    layer.journal.recordings = arguments.recording.map(|file| vec![file]);
    arguments.dataset.add_to(&mut layer);
    arguments.sort.add_to(&mut layer);
    arguments.cluster.add_to(&mut layer);
    arguments.privacy.add_to(&mut layer);
    layer.journal.prefix = arguments.prefix;
    let (config, origins) = args::configure::<CopyConfig>(layer);
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let input = match config.source {
        Local::Recordings(mut files) if files.len() == 1 => Input::Recording(files.remove(0)),
        source => {
            let local = build::local(&source).map_err(transfer::Error::from);
            Input::Local(local.map_err(|error| Report::of(&error, names))?)
        }
    };
    let options = ProduceOptions {
        input,
        prefix: config.prefix.clone(),
        default_prefix: DEFAULT_PREFIX.to_owned(),
        partitions: arguments.partitions,
        replication_factor: arguments.replication_factor,
        keep_partitions: arguments.keep_partitions,
        privacy: build::privacy(&config.privacy).map_err(|error| Report::of(&error, names))?,
        append: arguments.append,
    };
    let stop = args::install_signal_handlers(DEFAULT_SHUTDOWN_TIMEOUT)?;
    let settings = cluster_settings(&config.connection);
    transfer::produce(&settings, &options, &stop).map_err(|error| Report::of(&error, names))
}
