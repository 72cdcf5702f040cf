//! Workers with their sources, processors and sinks.

use std::sync::Arc;
use std::time::Duration;

use super::assembly::Assembly;
use super::limits::checkpoint_interval;
use super::notices;
use super::observation::{digest, group};
use super::resuming::{Ending, Resumable};
use super::stages::Stages;
use super::start::AskedStart;
use super::{BuildError, cluster_settings, given_partitions, run_subscription};
use crate::config::{
    Config, EarlierRows, LettersTo, OnEof, OnSchemaChange, Phases, Privileged, Source,
};
use crate::journal::batch::Topic;
use crate::journal::offsets::{NoStore, OffsetStore, Offsets, Start};
use crate::journal::stages::Order;
use crate::journal::topics::{self, ObjectTypes, Subscription};
use crate::kafka::{Clients, Cluster, Member};
use crate::pipeline::{
    Deadlines, Finished, OutputBindings, Process, ProcessorSettings, Work, Worker, WorkerError,
    WorkerParts, WorkerSettings,
};
use crate::privacy::{Guard, Privacy};
use crate::sandbox::Processor;
use crate::sink::dead_letters::{LetterFile, LetterSink, Letters};
use crate::sink::files::Files;
use crate::sink::kafka::TopicError;
use crate::sink::letter_topic::{LetterTopic, LetterTopicError};
use crate::sink::preview::Preview;
use crate::sink::tables::{Owner, Provenance, SchemaChange};
use crate::sink::{self, Sink, SinkError};
use crate::source::SourceError;
use crate::source::kafka::KafkaSource;
use crate::source::local::{self, Local, LocalSource, Share};
use crate::text::plural;

/// How long the end of a run waits for its last commit in addition to the time that the group can keep it waiting.
const COMMIT_GRACE: Duration = Duration::from_secs(15);

/// The workers that run, and what comes after them.
pub(super) type Staged = (Vec<Work>, Then);

/// What comes once all workers have read to the end.
pub(super) enum Then {
    Nothing,
    /// The workers of the next stages of a replay.
    Stages(Box<Stages>),
    /// The positions of the run are not needed any more.
    End(Ending),
}

/// A run whose plugin is started and whose source and sinks are not open yet.
pub(super) struct Builder<'a> {
    pub(super) config: &'a Config,
    /// Performs the durable operations on the sinks' files.
    pub(super) files: &'a Arc<dyn Files>,
    /// What no plugin may see.
    pub(super) privacy: Option<Arc<Privacy>>,
    /// Where rows go instead of the outputs of the configuration.
    pub(super) preview: Option<Preview>,
    pub(super) object_types: ObjectTypes,
    pub(super) settings: WorkerSettings,
    pub(super) processor: ProcessorSettings,
    /// The limit on the encoded rows that a worker holds, in bytes, where the memory of the process is limited.
    pub(super) most_rows_bytes: Option<usize>,
}

impl Builder<'_> {
    fn subscription(&self) -> Subscription {
        let partitions = match &self.config.source {
            Source::Local(_) => Vec::new(),
            Source::Kafka(kafka) => given_partitions(kafka),
        };
        Subscription {
            partitions,
            ..run_subscription(self.config, self.object_types.clone())
        }
    }

    /// The workers that read a source that is no cluster.
    pub(super) fn over_local(
        &self,
        local: Local,
        processor: Processor,
    ) -> Result<Staged, BuildError> {
        let subscription = self.subscription();
        let options = local::Options {
            local,
            subscription: subscription.clone(),
            tombstones: self.processor.plan.tombstones,
            privacy: self.privacy.clone(),
            largest_record: self.settings.batch_limits.largest_record(),
        };
        if let Some(order) = self.order() {
            let source = options.open()?;
            source.check_rereading()?;
            let topics = source.topics();
            self.log_start(&topics);
            log_data(&options.local, &source);
            warn(&subscription, &topics, source.left_out(&subscription));
            let assembly = self.assembly(self.local_outputs(None)?, self.settings.clone());
            let mut stages = Stages::over_local(assembly, options, order.divide(&topics));
            let work = stages.work(None, Some(processor))?;
            return Ok((work, Then::Stages(Box::new(stages))));
        }
        let share = self.config.share.map_or(Share::WHOLE, |share| Share {
            index: share.number - 1,
            of: share.of,
        });
        let sources = options.open_for(self.config.workers, share)?;
        if let Some(first) = sources.first() {
            let topics = first.topics();
            self.log_start(&topics);
            log_data(&options.local, first);
            warn(&subscription, &topics, first.left_out(&subscription));
        }
        let run = self.resumable(&sources);
        let outputs = self.local_outputs(run.as_ref())?;
        let assembly = self.assembly(outputs, self.settings.clone());
        let work = assembly.local_workers(sources, Some(processor))?;
        let then = match run {
            Some(_) => Then::End(Ending::new(assembly.outputs)),
            None => Then::Nothing,
        };
        Ok((work, then))
    }

    /// The workers that share a consumer group.
    pub(super) fn over_kafka(
        &self,
        clients: Clients,
        mut asked: AskedStart,
        on_eof: OnEof,
        first: Processor,
    ) -> Result<Staged, BuildError> {
        let subscription = self.subscription();
        if matches!(&self.config.source, Source::Kafka(kafka) if kafka.create_topics) {
            clients
                .create_missing_topics(&subscription)
                .map_err(SourceError::from)?;
        }
        let (cluster, members) = Cluster::connect(clients, &subscription, on_eof == OnEof::Stop)
            .map_err(SourceError::from)?;
        self.log_start(cluster.topics());
        let partitions = cluster.partitions();
        let all = partitions.iter().map(|partition| &*partition.topic);
        let left_out = subscription.left_out(all);
        warn(&subscription, cluster.topics(), left_out);
        let has_group = subscription.partitions.is_empty();
        if !has_group {
            // Nothing is ever committed, so that a setting for a missing offset says nothing.
            asked.of_group = asked.of_group.or(Some(Start::Earliest));
            tracing::info!(
                "read without a consumer group: {}; no offset is read or committed",
                plural(subscription.partitions.len(), "partition")
            );
        }
        if let Some(text) = asked.overruled() {
            tracing::info!("{text}");
        }
        let outputs = self.outputs(None)?;
        let settings = WorkerSettings {
            checkpoint_interval: Some(checkpoint_interval(self.config)),
            start: asked.rules(&cluster)?,
            reads_again: on_eof == OnEof::Restart,
            deadlines: Deadlines {
                revoke: cluster.revoke_timeout(),
                finish: cluster.commit_timeout() + COMMIT_GRACE,
            },
            leaves_a_group: has_group,
            static_session: cluster.static_session(),
            ..self.settings.clone()
        };
        if has_group {
            if let Some(name) = outputs.deciding() {
                tracing::info!(
                    "rows and the positions of the group are one transaction, in {name}"
                );
            } else {
                notices::log(&cluster, &asked, &outputs.earlier_rows()?);
            }
        }
        let assembly = self.assembly(outputs, settings);
        let Some(order) = self.order() else {
            let work = assembly.group_workers(&cluster, members, Some(first))?;
            return Ok((work, Then::Nothing));
        };
        let stages = order.divide(cluster.topics());
        let mut stages =
            Stages::over_group(assembly, cluster, stages).map_err(SourceError::from)?;
        let work = stages.work(Some(members), Some(first))?;
        Ok((work, Then::Stages(Box::new(stages))))
    }

    /// The order of a replay in stages.
    fn order(&self) -> Option<Order> {
        Some(match self.config.phases.as_ref()? {
            Phases::DependenciesFirst => Order::DependenciesFirst,
            Phases::Reverse => Order::Reverse,
            Phases::Given(stages) => Order::Given(stages.clone()),
        })
    }

    fn assembly(&self, outputs: OutputBindings, settings: WorkerSettings) -> Assembly {
        Assembly {
            outputs,
            settings,
            processor: self.processor.clone(),
            most_rows_bytes: self.most_rows_bytes,
            privacy: self.privacy.clone(),
            workers: self.config.workers,
        }
    }

    fn outputs(&self, run: Option<&Resumable>) -> Result<OutputBindings, BuildError> {
        let plan = &self.processor.plan;
        let plugin = &self.processor.plugin;
        let owner = Owner {
            provenance: Provenance {
                version: plugin.description().version.clone(),
                digest: plugin.digest().to_owned(),
                options_digest: digest(&self.processor.options),
            },
            run: run.map(|run| run.name.clone()),
            ..owner(self.config, &plugin.description().name)
        };
        let bindings = &self.config.outputs;
        let subscription = self.subscription();
        if let Some(topic) = sink::topics_of(bindings).find(|topic| subscription.covers(topic)) {
            return Err(SinkError::from(TopicError::OfTheJournal(topic)).into());
        }
        let cluster = match &self.config.source {
            Source::Kafka(kafka) => Some(cluster_settings(&kafka.connection)),
            Source::Local(_) => None,
        };
        let opened = sink::open(
            self.files,
            bindings,
            &plan.outputs,
            &owner,
            cluster.as_ref(),
        )?;
        let outputs = OutputBindings::to(opened, plan)?;
        Ok(match &self.config.failure.dead_letters {
            None => outputs,
            Some(to) => outputs.with_dead_letters(self.letters(to)?),
        })
    }

    fn letters(&self, to: &LettersTo) -> Result<Letters, BuildError> {
        match to {
            LettersTo::Topic { topic, cluster } => {
                if self.subscription().covers(topic) {
                    return Err(LetterTopicError::OfTheJournal(topic.clone()).into());
                }
                let settings = cluster_settings(cluster).without_transactions();
                Ok(Letters::Topic(LetterTopic::find(settings, topic)?))
            }
            LettersTo::File(name) => Ok(Letters::File(LetterFile::open(self.files, name)?)),
        }
    }

    /// The outputs of a run without a group.
    fn local_outputs(&self, run: Option<&Resumable>) -> Result<OutputBindings, BuildError> {
        if let Some(preview) = &self.preview {
            let plan = &self.processor.plan;
            return Ok(OutputBindings::to_one(Box::new(preview.clone()), plan)?);
        }
        let outputs = self.outputs(run)?;
        self.settle_earlier_rows(&outputs, run)?;
        Ok(outputs)
    }
}

/// Logs which files of a dataset are read, so that two runs can be compared.
fn log_data(local: &Local, source: &LocalSource) {
    if let Local::Dataset(_) = local
        && let Some(digest) = source.data_digest()
    {
        let digest = String::from_utf8_lossy(&digest);
        tracing::info!("the files of `{}` have the digest {digest}", source.name());
    }
}

/// Logs what the operator has to know about the topics that were chosen, and about those that were left out.
fn warn(subscription: &Subscription, chosen: &[Arc<Topic>], left_out: Option<String>) {
    for warning in subscription.warnings(chosen).into_iter().chain(left_out) {
        tracing::warn!("{warning}");
    }
}

/// Whose rows a run of this plugin writes.
pub(crate) fn owner(config: &Config, plugin: &str) -> Owner {
    Owner {
        plugin: plugin.to_owned(),
        group: group(config).map(str::to_owned),
        run: None,
        redrives: config.earlier_rows == EarlierRows::Redrive,
        schema_change: match config.on_schema_change {
            OnSchemaChange::Refuse => SchemaChange::Refuse,
            OnSchemaChange::AddColumns => SchemaChange::AddColumns,
        },
        provenance: Provenance::default(),
    }
}

/// Which privileged topics a configuration selects.
pub(crate) fn privileged(setting: Privileged) -> topics::Privileged {
    match setting {
        Privileged::No => topics::Privileged::No,
        Privileged::Required => topics::Privileged::Required,
        Privileged::IfAvailable => topics::Privileged::IfAvailable,
    }
}

/// The parts of a worker over Kafka, before it joins its group in its own thread.
pub(super) struct KafkaWorker {
    pub(super) cluster: Arc<Cluster>,
    pub(super) member: Member,
    pub(super) processor: Box<dyn Process>,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) letters: Option<Box<dyn LetterSink>>,
    pub(super) tombstones: bool,
    pub(super) privacy: Option<Arc<Privacy>>,
    pub(super) settings: WorkerSettings,
    pub(super) number: usize,
}

impl KafkaWorker {
    pub(super) fn run(self) -> Finished {
        match self.join() {
            Ok((worker, settings)) => Worker::new(worker, settings).run(),
            Err(error) => {
                // The run ends only after all workers have left, which may take long.
                tracing::error!("{}", error.with_causes());
                Err(error).into()
            }
        }
    }

    fn join(self) -> Result<(WorkerParts, WorkerSettings), WorkerError> {
        let mut ends = self.cluster.ends().cloned();
        let (store, membership): (Box<dyn OffsetStore>, _) = match self.member.partitions() {
            None => {
                let store = self.cluster.store(&self.member);
                let store = store.map_err(SourceError::from)?;
                (Box::new(store), Some(self.member.membership()))
            }
            Some(own) => {
                // Nothing says how far the other workers are, so each ends for itself.
                let only_own = |ends: &mut Offsets| ends.retain(|one, _| own.contains(one));
                ends.as_mut().map(only_own);
                (Box::new(NoStore::default()), None)
            }
        };
        let source = KafkaSource::join(
            self.cluster,
            self.member,
            self.tombstones,
            self.privacy.as_ref().map(Guard::new),
        );
        let parts = WorkerParts {
            source: Box::new(source.map_err(SourceError::from)?),
            store,
            processor: self.processor,
            sinks: self.sinks,
            letters: self.letters,
            membership,
            ends,
            counters: self.settings.progress.worker(self.number),
            number: self.number,
        };
        Ok((parts, self.settings))
    }
}
