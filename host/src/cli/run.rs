//! `journal-host run`: a processor over the journal.

use std::path::PathBuf;

use super::args::{self, LimitArguments, ObjectArguments, PluginArguments};
use super::environment::Environment;
use super::names::Names;
use super::report::Report;
use super::values;
use crate::config::{
    Config, KafkaSettings, Layer, OnBadRecord, OnEof, Size, Span, Text, WorkerCount,
};
use crate::pipeline::build::Pipeline;

/// Runs a plugin over the journal, or over a recording.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    plugin: PluginArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    /// Stop after this number of objects.
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,

    /// Append rows as JSON lines to FILE, or write them to standard output (`-`, the default). With NAME, only the
    /// rows of that output. May be repeated.
    #[arg(long = "output", value_name = "[NAME=]FILE")]
    outputs: Vec<String>,

    /// What to do with a record that the processor rejects [default: stop].
    #[arg(long, value_enum)]
    on_bad_record: Option<OnBadRecord>,

    #[command(flatten)]
    limits: LimitArguments,

    /// Memory limit for the whole process; limits that you do not set are derived from it and from `--workers`.
    #[arg(long, value_name = "SIZE")]
    process_memory: Option<Size>,

    /// Maximum time between two checkpoints, which write rows and commit offsets [default: 5s]. Over a
    /// recording, there is one checkpoint per 16 MiB of rows and one at the end.
    #[arg(long, value_name = "TIME")]
    checkpoint_interval: Option<Span>,
}

#[derive(Clone, Debug, clap::Args)]
struct SourceArguments {
    /// Read a recording instead of Kafka.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,

    /// Bootstrap brokers, separated by commas.
    #[arg(long, value_name = "HOST:PORT,...")]
    brokers: Option<Text>,

    /// Consumer group; processes with the same group share the work.
    #[arg(long, value_name = "ID")]
    group_id: Option<Text>,

    /// Set a setting of librdkafka; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::SecretPair)]
    kafka: Vec<(String, String)>,

    /// What to do when all existing records are processed; over a recording, always `stop` [default: continue].
    #[arg(long, value_enum)]
    on_eof: Option<OnEof>,

    /// Number of workers in this process, each with its own consumer and processor [default: 1].
    #[arg(long, value_name = "N")]
    workers: Option<WorkerCount>,
}

/// Loads, connects, and works until the end.
pub(super) fn execute(arguments: Arguments, environment: &Environment) -> Result<(), Report> {
    let (config, origins) = args::configure::<Config>(arguments.into_layer());
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let stop = args::install_signal_handlers()?;
    let pipeline = Pipeline::build(&config, &environment.files, &stop)
        .map_err(|error| Report::of(&error, names))?;
    pipeline.run().map_err(|error| Report::of(&error, names))?;
    Ok(())
}

impl Arguments {
    /// The layer of the configuration that the command line sets.
    fn into_layer(self) -> Layer {
        let mut layer = Layer {
            outputs: args::given(self.outputs),
            ..Layer::default()
        };
        self.plugin.add_to(&mut layer);
        self.objects.add_to(&mut layer);
        self.limits.add_to(&mut layer);
        layer.journal.stop_after = self.stop_after;
        layer.journal.recording = self.source.recording;
        layer.journal.on_eof = self.source.on_eof;
        layer.kafka.brokers = self.source.brokers;
        layer.kafka.group_id = self.source.group_id;
        layer.kafka.settings = args::given(self.source.kafka).map(KafkaSettings);
        layer.process.memory = self.process_memory;
        layer.process.workers = self.source.workers;
        layer.checkpoint.interval = self.checkpoint_interval;
        layer.failure.on_bad_record = self.on_bad_record;
        layer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{Args, Command, FromArgMatches};

    use super::*;
    use crate::cli::names::flag;
    use crate::config::{
        DEFAULT_BATCH_RECORDS, DEFAULT_CHECKPOINT_INTERVAL, DEFAULT_DEADLINE, DEFAULT_PREFIX,
        Setting, Source,
    };

    fn command() -> Command {
        Arguments::augment_args(Command::new("run").no_binary_name(true))
    }

    fn layer(arguments: &str) -> Layer {
        let matches = command()
            .try_get_matches_from(arguments.split(' ').filter(|word| !word.is_empty()))
            .unwrap();
        Arguments::from_arg_matches(&matches).unwrap().into_layer()
    }

    const ALL: &str = "p.wasm --option a=b --options o.json --object-type origin --privileged --prefix x \
        --recording r --on-eof stop --stop-after 7 --brokers b:9092 --group-id g --kafka k=v --output f \
        --batch-records 2 --batch-bytes 3KiB --deadline 4s --memory-limit 5MiB --process-memory 6MiB --workers 8 \
        --checkpoint-interval 9s --on-bad-record skip";

    #[test]
    fn each_flag_reaches_its_member() {
        let size = |text: &str| Some(text.parse::<Size>().unwrap());
        let span = |seconds| Some(Span(Duration::from_secs(seconds)));
        let text = |text: &str| Some(Text(text.to_owned()));
        let mut expected = Layer::default();
        expected.processor.plugin = Some("p.wasm".into());
        expected.processor.option_texts = Some(vec![("a".to_owned(), "b".to_owned())]);
        expected.processor.options_file = Some("o.json".into());
        expected.journal.object_types = Some(vec!["origin".to_owned()]);
        expected.journal.privileged = Some(true);
        expected.journal.prefix = Some("x".to_owned());
        expected.journal.recording = Some("r".into());
        expected.journal.on_eof = Some(OnEof::Stop);
        expected.journal.stop_after = Some(7);
        expected.kafka.brokers = text("b:9092");
        expected.kafka.group_id = text("g");
        expected.kafka.settings = Some(KafkaSettings(vec![("k".to_owned(), "v".to_owned())]));
        expected.outputs = Some(vec!["f".to_owned()]);
        expected.limits.batch_records = Some("2".parse().unwrap());
        expected.limits.batch_bytes = size("3KiB");
        expected.limits.deadline = span(4);
        expected.limits.memory = size("5MiB");
        expected.process.memory = size("6MiB");
        expected.process.workers = Some("8".parse().unwrap());
        expected.checkpoint.interval = span(9);
        expected.failure.on_bad_record = Some(OnBadRecord::Skip);
        assert_eq!(layer(ALL), expected);
    }

    #[test]
    fn flags_set_every_setting_and_none_that_is_not_given() {
        let mut settings: Vec<_> = layer(ALL).settings().collect();
        settings.sort_unstable();
        assert_eq!(settings, Setting::ALL);
        assert_eq!(layer(""), Layer::default());
    }

    #[test]
    fn the_name_of_each_setting_is_a_flag_that_there_is() {
        let command = command();
        let long = command.get_arguments().filter_map(clap::Arg::get_long);
        let mut flags: Vec<String> = long.map(|name| format!("--{name}")).collect();
        flags.push("PLUGIN".to_owned());
        flags.sort_unstable();
        let mut named = Setting::ALL.map(flag);
        named.sort_unstable();
        assert_eq!(named, flags[..]);
    }

    #[test]
    fn help_names_the_defaults_that_hold() {
        let help = command().render_long_help().to_string();
        let span = |span: Duration| humantime::format_duration(span).to_string();
        for default in [
            DEFAULT_PREFIX.to_owned(),
            DEFAULT_BATCH_RECORDS.to_string(),
            span(DEFAULT_DEADLINE),
            span(DEFAULT_CHECKPOINT_INTERVAL),
            "1MiB".to_owned(),
            "512MiB".to_owned(),
        ] {
            assert!(help.contains(&format!("[default: {default}]")), "{default}");
        }
        let config = Config::try_from(layer("p.wasm --brokers b --group-id g")).unwrap();
        let Source::Kafka(kafka) = config.source else {
            panic!("it is a cluster");
        };
        assert_eq!((kafka.on_eof, config.workers), (OnEof::Continue, 1));
        assert_eq!(config.on_bad_record, OnBadRecord::Stop);
    }
}
