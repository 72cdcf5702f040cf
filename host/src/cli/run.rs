//! `journal-host run`: a processor over the journal.

use super::args::{
    self, LimitArguments, ObjectArguments, PluginArguments, PrivacyArguments, SourceArguments,
};
use super::config;
use super::confined;
use super::environment::Environment;
use super::names::Names;
use super::report::{self, Report};
use super::values;
use super::watch::{self, WatchArguments};
use crate::config::{
    Config, EarlierRows, Layer, MaxFailures, MetricsAddress, OnEof, OnFailure, OnSchemaChange,
    Origins, Phases, Share, Size, Span, StartFrom, Text, TopicPartition, WorkerCount,
};
use crate::pipeline::build::{self, Pipeline};
use crate::pipeline::{Ended, stop};
use crate::sink::preview::Preview;

/// Runs a plugin over the journal, or over a recording.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Command {
    #[command(flatten)]
    run: Arguments,

    #[command(flatten)]
    watch: WatchArguments,
}

/// The flags of a run.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    #[command(flatten)]
    plugin: PluginArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    group: MemberArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    /// For a replay: read object types in stages, each to its end by all processes of the group, and stop after the
    /// last one. STAGES is `dependencies-first`, `reverse`, or object types such as
    /// `revision,release/directory/content`.
    #[arg(long, value_name = "STAGES")]
    phases: Option<Phases>,

    /// Read one of several parts of recordings or of a dataset: with 2/8, the second of eight. A process for each part, each
    /// with outputs of its own or with the same database, reads all of it.
    #[arg(long, value_name = "I/N")]
    share: Option<Share>,

    /// Stop after this number of objects.
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,

    /// Append rows as JSON lines to FILE, compressed if it ends in `.gz` or `.zst`, or write them to standard output (`-`,
    /// the default); `jsonl:FILE` says so whatever the name is. `sqlite:FILE[?table=TABLE]`, or a FILE that ends in
    /// `.sqlite` or `.db`, is a database, and `kafka:TOPIC` a topic. With NAME, only the rows of that output. May be
    /// repeated.
    #[arg(long = "output", value_name = "[NAME=]FILE")]
    outputs: Vec<String>,

    /// Over a recording: add rows to those that an output has already. Without this, such a run is refused.
    #[arg(long)]
    append: bool,

    /// Over a recording: remove the rows that an output has already.
    #[arg(long)]
    overwrite: bool,

    /// What to do where a table does not fit the plan of the plugin [default: refuse].
    #[arg(long, value_enum)]
    on_schema_change: Option<OnSchemaChange>,

    #[command(flatten)]
    failure: FailureArguments,

    #[command(flatten)]
    privacy: PrivacyArguments,

    #[command(flatten)]
    limits: LimitArguments,

    /// Memory limit for the whole process; limits that you do not set are derived from it and from `--workers`.
    #[arg(long, value_name = "SIZE")]
    process_memory: Option<Size>,

    /// Do not take rights from the process that a run does not need. Where the kernel can, other files than those of the
    /// settings and the system cannot be opened, and no program can be started.
    #[arg(long)]
    no_confine: bool,

    /// Maximum time between two checkpoints, which write rows and commit offsets [default: 5s] [default with Parquet
    /// files: 5m]. Over a recording, only the size of the rows makes one due, and its end.
    #[arg(long, value_name = "TIME")]
    checkpoint_interval: Option<Span>,

    /// Size of the rows of a worker at which a checkpoint is due, where its memory is enough [default: 16MiB] [default
    /// with Parquet files: 128MiB].
    #[arg(long, value_name = "SIZE")]
    checkpoint_size: Option<Size>,

    /// Time limit for ending the run after SIGTERM or Ctrl-C: for the calls at work, the last commits and leaving the
    /// group [default: 25s].
    #[arg(long, value_name = "TIME")]
    shutdown_timeout: Option<Span>,

    /// Serve a page that shows the run, metrics for Prometheus at `/metrics`, and health at `/healthz` and `/readyz`: PORT on the
    /// loopback interface, or ADDRESS:PORT. With port 0 the system chooses one, which the log names.
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    metrics: Option<MetricsAddress>,

    /// Allow an address for `--metrics` that other machines reach. Nothing there is encrypted or asks for a password.
    #[arg(long)]
    metrics_public: bool,
}

/// What is done when the processor fails.
#[derive(Clone, Debug, clap::Args)]
struct FailureArguments {
    /// What to do with a record that the processor rejects, or on which it panics, traps or exceeds a limit
    /// [default: stop].
    #[arg(long, value_enum)]
    on_failure: Option<OnFailure>,

    /// Where dead letters are written to with `--on-failure dead-letter`: a file, one line of JSON for each record, or a
    /// topic of the cluster that records come from.
    #[arg(long, value_name = "FILE|kafka:TOPIC")]
    dead_letters: Option<Text>,

    /// End the run if more records fail than this number, or than this share once 1,000 were processed; `100%` never
    /// does [default: 1%].
    #[arg(long, value_name = "N|PERCENT%")]
    max_failures: Option<MaxFailures>,

    /// How often to repeat a call that fails and asks to be repeated, after a pause of 1 s that doubles up to 30 s
    /// [default: 5].
    #[arg(long, value_name = "N")]
    retries: Option<u32>,

    /// The former name of `--on-failure`.
    #[arg(long, hide = true, value_parser = values::on_bad_record)]
    on_bad_record: Option<String>,
}

impl FailureArguments {
    fn add_to(self, layer: &mut Layer) {
        layer.failure.on_failure = self.on_failure;
        layer.failure.dead_letters = self.dead_letters;
        layer.failure.max_failures = self.max_failures;
        layer.failure.retries = self.retries;
    }
}

/// How a cluster is read.
#[derive(Clone, Debug, clap::Args)]
struct MemberArguments {
    /// Consumer group; processes with the same group share the work.
    #[arg(long, value_name = "ID")]
    group_id: Option<Text>,

    /// Read only this partition, without a consumer group: no offset is read or committed. May be repeated.
    #[arg(long = "partition", value_name = "TOPIC:NUMBER")]
    partitions: Vec<TopicPartition>,

    /// Name of this process in its group: the group keeps its partitions for ten minutes while it is away.
    #[arg(long, value_name = "NAME")]
    group_instance_id: Option<Text>,

    /// Create the topics that are missing, with one partition each; for development.
    #[arg(long)]
    create_topics: bool,

    /// Where a group without committed offsets starts: `earliest`, `latest`, a time (`2026-01-31T12:00:00Z`), a span
    /// before now (`2d`), or an offset file [default: earliest].
    #[arg(long, value_name = "START")]
    from: Option<StartFrom>,

    /// What to do when all existing records are processed; over any other source than Kafka, always `stop` [default: continue].
    #[arg(long, value_enum)]
    on_eof: Option<OnEof>,

    /// Number of workers in this process, each with its own consumer and processor [default: 1]. A recording needs an index,
    /// which `record` writes, to be read by several.
    #[arg(long, value_name = "N")]
    workers: Option<WorkerCount>,
}

/// Loads, connects, and works until the end.
pub(super) fn execute(command: Command, environment: &Environment) -> Result<(), Report> {
    let Command {
        run: arguments,
        watch,
    } = command;
    let mut layer = arguments.into_layer();
    if watch.watch {
        return watch::execute(layer, Vec::new());
    }
    let Some(plugin) = watch.watched else {
        return run(layer, environment, None, None).map(drop);
    };
    layer.processor.plugin = Some(plugin);
    let preview = Preview::default();
    run(layer, environment, None, Some(preview.clone()))?;
    watch::print(&preview)
}

/// Runs with these flags, and says how the run ended. `earlier_rows` is what no flag can say, and rows go to a `preview`
/// if there is one.
pub(super) fn run(
    flags: Layer,
    environment: &Environment,
    earlier_rows: Option<EarlierRows>,
    preview: Option<Preview>,
) -> Result<Ended, Report> {
    let (layer, origins) =
        args::combine(flags).map_err(|error| Report::of(&error, Names(&Origins::default())))?;
    let shown = config::without_values_of_options(&layer, &origins);
    let (config, origins) = args::complete::<Config>(layer, origins);
    let names = Names(&origins);
    let mut config = config.map_err(|error| Report::of(&error, names))?;
    config.earlier_rows = earlier_rows.unwrap_or(config.earlier_rows);
    let early = args::exit_on_signals()?;
    let prepared = build::prepare(&config).map_err(|error| Report::of(&error, names))?;
    let prepared = prepared.showing(shown, preview);
    confined::confine(&config);
    (environment.confined)();
    let stop = args::install_signal_handlers(config.shutdown_timeout)?;
    drop(early);
    let pipeline = Pipeline::build(&config, &environment.files, &stop, prepared)
        .map_err(|error| Report::of(&error, names))?;
    let done = pipeline.run().map_err(|error| Report::of(&error, names));
    if stop.has_abandoned() {
        stop::exit_at_once(report::code(done.map(drop)));
    }
    done
}

impl Arguments {
    /// The layer of the configuration that the command line sets.
    pub(super) fn into_layer(self) -> Layer {
        let mut layer = Layer {
            outputs: args::given(self.outputs),
            ..Layer::default()
        };
        self.plugin.add_to(&mut layer);
        self.source.add_to(&mut layer);
        self.objects.add_to(&mut layer);
        self.privacy.add_to(&mut layer);
        self.limits.add_to(&mut layer);
        layer.journal.phases = self.phases;
        layer.journal.share = self.share;
        layer.journal.stop_after = self.stop_after;
        layer.journal.on_eof = self.group.on_eof;
        layer.kafka.group_id = self.group.group_id;
        layer.kafka.partitions = args::given(self.group.partitions);
        layer.kafka.group_instance_id = self.group.group_instance_id;
        layer.journal.create_topics = self.group.create_topics.then_some(true);
        layer.kafka.from = self.group.from;
        layer.process.memory = self.process_memory;
        layer.process.workers = self.group.workers;
        layer.checkpoint.interval = self.checkpoint_interval;
        layer.checkpoint.size = self.checkpoint_size;
        layer.earlier.append = self.append.then_some(true);
        layer.earlier.overwrite = self.overwrite.then_some(true);
        layer.earlier.on_schema_change = self.on_schema_change;
        self.failure.add_to(&mut layer);
        layer.process.shutdown_timeout = self.shutdown_timeout;
        layer.observe.metrics = self.metrics;
        layer.observe.metrics_public = self.metrics_public.then_some(true);
        layer.process.no_confine = self.no_confine.then_some(true);
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
        Anonymise, DEFAULT_BATCH_RECORDS, DEFAULT_BROKER_TIMEOUT, DEFAULT_CHECKPOINT_INTERVAL,
        DEFAULT_COMPILE_TIMEOUT, DEFAULT_DEADLINE, DEFAULT_PREFIX, DEFAULT_SHUTDOWN_TIMEOUT,
        KafkaSettings, LogFormat, MissingTopics, Print, Privileged, Setting, Source,
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

    const ALL: &str = "p.wasm --option a=b --options o.json --runtime r.wasm --with m.py --print log --object-type origin --privileged --missing-topics ignore --prefix x \
        --recording r --git d --origin u --visit-date 2026-01-02 --all-objects --max-content-size 7KiB --dataset e --without directory_entry --temp v --on-eof stop --phases reverse --share 2/3 --stop-after 7 --brokers b:9092 --group-id g --partition t:5 --kafka k=v --from 2d \
        --kafka-password-file w --kafka-key-password-file y --group-instance-id i --create-topics --output f --append --overwrite --on-schema-change add-columns \
        --batch-records 2 --batch-bytes 3KiB --deadline 4s --memory-limit 5MiB --compile-memory 12MiB --compile-timeout 13s --process-memory 6MiB --workers 8 \
        --checkpoint-interval 9s --checkpoint-size 16KiB --masked m --anonymise=strict --on-failure skip --dead-letters d --max-failures 14 --retries 15 --broker-timeout 10s --shutdown-timeout 11s --no-confine \
        --metrics 12 --metrics-public --log-level warn --log-format json";

    #[test]
    fn each_flag_reaches_its_member() {
        let size = |text: &str| Some(text.parse::<Size>().unwrap());
        let span = |seconds| Some(Span(Duration::from_secs(seconds)));
        let text = |text: &str| Some(Text(text.to_owned()));
        let mut expected = Layer::default();
        expected.processor.plugin = Some("p.wasm".into());
        expected.processor.option_texts = Some(vec![("a".to_owned(), "b".to_owned())]);
        expected.processor.options_file = Some("o.json".into());
        expected.processor.runtime = Some("r.wasm".into());
        expected.processor.with = Some(vec!["m.py".into()]);
        expected.processor.print = Some(Print::Log);
        expected.journal.object_types = Some(vec!["origin".to_owned()]);
        expected.journal.privileged = Some(Privileged::Required);
        expected.journal.missing_topics = Some(MissingTopics::Ignore);
        expected.journal.prefix = Some("x".to_owned());
        expected.journal.recordings = Some(vec!["r".into()]);
        expected.git.repository = Some("d".into());
        expected.git.origin = text("u");
        expected.git.visit_date = Some("2026-01-02".parse().unwrap());
        expected.git.all_objects = Some(true);
        expected.git.max_content_size = size("7KiB");
        expected.dataset.folder = Some("e".into());
        expected.dataset.without = Some(vec!["directory_entry".to_owned()]);
        expected.dataset.temp = Some("v".into());
        expected.journal.on_eof = Some(OnEof::Stop);
        expected.journal.phases = Some(Phases::Reverse);
        expected.journal.share = Some("2/3".parse().unwrap());
        expected.journal.stop_after = Some(7);
        expected.kafka.brokers = text("b:9092");
        expected.kafka.group_id = text("g");
        expected.kafka.partitions = Some(vec!["t:5".parse().unwrap()]);
        expected.kafka.settings = Some(KafkaSettings(vec![("k".to_owned(), "v".to_owned())]));
        expected.kafka.password_file = Some("w".into());
        expected.kafka.key_password_file = Some("y".into());
        expected.kafka.group_instance_id = text("i");
        expected.journal.create_topics = Some(true);
        expected.kafka.from = Some("2d".parse().unwrap());
        expected.outputs = Some(vec!["f".to_owned()]);
        expected.earlier.append = Some(true);
        expected.earlier.overwrite = Some(true);
        expected.earlier.on_schema_change = Some(OnSchemaChange::AddColumns);
        expected.limits.batch_records = Some("2".parse().unwrap());
        expected.limits.batch_bytes = size("3KiB");
        expected.limits.deadline = span(4);
        expected.limits.memory = size("5MiB");
        expected.limits.compile_memory = size("12MiB");
        expected.limits.compile_timeout = span(13);
        expected.process.memory = size("6MiB");
        expected.process.workers = Some("8".parse().unwrap());
        expected.checkpoint.interval = span(9);
        expected.checkpoint.size = size("16KiB");
        expected.privacy.masked = Some("m".into());
        expected.privacy.anonymise = Some(Anonymise::Strict);
        expected.failure.on_failure = Some(OnFailure::Skip);
        expected.failure.dead_letters = Some("d".parse().unwrap());
        expected.failure.max_failures = Some(MaxFailures::Records(14));
        expected.failure.retries = Some(15);
        expected.kafka.broker_timeout = span(10);
        expected.process.shutdown_timeout = span(11);
        expected.observe.metrics = Some("127.0.0.1:12".parse().unwrap());
        expected.observe.metrics_public = Some(true);
        expected.observe.log_level = Some("warn".parse().unwrap());
        expected.observe.log_format = Some(LogFormat::Json);
        expected.process.no_confine = Some(true);
        assert_eq!(layer(ALL), expected);
    }

    #[test]
    fn privileged_takes_an_optional_value_and_never_the_next_argument() {
        let privileged = |arguments: &str| layer(arguments).journal.privileged;
        assert_eq!(privileged("p.wasm"), None);
        assert_eq!(
            privileged("--privileged p.wasm"),
            Some(Privileged::Required)
        );
        assert_eq!(
            privileged("--privileged=if-available p.wasm"),
            Some(Privileged::IfAvailable)
        );
        assert_eq!(privileged("--privileged=no p.wasm"), Some(Privileged::No));
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
        // It names settings, and is none.
        flags.retain(|flag| flag != "--config" && flag != "--on-bad-record");
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
            span(DEFAULT_SHUTDOWN_TIMEOUT),
            span(DEFAULT_BROKER_TIMEOUT),
            "1MiB".to_owned(),
            "16MiB".to_owned(),
            "512MiB".to_owned(),
            "768MiB".to_owned(),
            span(DEFAULT_COMPILE_TIMEOUT),
        ] {
            assert!(help.contains(&format!("[default: {default}]")), "{default}");
        }
        let config = Config::try_from(layer("p.wasm --brokers b --group-id g")).unwrap();
        let Source::Kafka(kafka) = config.source else {
            panic!("it is a cluster");
        };
        assert_eq!((kafka.on_eof, config.workers), (OnEof::Continue, 1));
        assert_eq!(config.failure.on_failure, OnFailure::Stop);
        assert_eq!(config.objects.privileged, Privileged::No);
        assert_eq!(config.objects.missing_topics, None);
    }
}
