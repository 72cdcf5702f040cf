//! A replay in stages: each is read to its end by all processes of the group before the next one begins.
//!
//! The workers of a stage are those of a run that stops at its end: they leave the group once everything is committed.
//! The next stage has new ones, with the same plugin, outputs, counters and quota. A process that still reads a stage is
//! a member that is subscribed to its topics, so that the others see it and wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::assembly::Assembly;
use crate::journal::stages::Stage;
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::kafka::{self, Cluster, Member};
use crate::pipeline::{Work, WorkerError};
use crate::sandbox::Processor;
use crate::source::SourceError;
use crate::source::local::{self, Share};
use crate::text::plural;

/// How often the group is looked at while a process waits for others.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a process waits before that is logged, and how often it is logged after that.
const SAY_AFTER: Duration = Duration::from_secs(2);
const SAY_EVERY: Duration = Duration::from_secs(30);
/// How long a start waits for a rebalance that hides where the group is.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
/// How long a coordinator may fail to answer before the run ends.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// The stages of a replay and how their workers are made.
pub(super) struct Stages {
    assembly: Assembly,
    input: Input,
    all: Vec<Stage>,
    /// The index of the stage that is being read.
    current: usize,
}

/// Where the records of all stages come from.
enum Input {
    Local(local::Options),
    Group(Arc<Cluster>),
}

impl Stages {
    /// The stages of a source that is no cluster, which is read once for each of them.
    pub(super) fn over_local(
        assembly: Assembly,
        options: local::Options,
        stages: Vec<Stage>,
    ) -> Self {
        Self {
            assembly,
            input: Input::Local(options),
            all: stages,
            current: 0,
        }
    }

    /// The stages of a consumer group, from the one where the group is.
    pub(super) fn over_group(
        assembly: Assembly,
        cluster: Arc<Cluster>,
        stages: Vec<Stage>,
    ) -> Result<Self, kafka::Error> {
        let current = stage_of(&cluster, &stages)?;
        Ok(Self {
            assembly,
            input: Input::Group(cluster),
            all: stages,
            current,
        })
    }

    /// The workers of the current stage. `members` are consumers that have not joined the group yet, and `first` an
    /// instance of the plugin that is new.
    pub(super) fn work(
        &mut self,
        members: Option<Vec<Member>>,
        first: Option<Processor>,
    ) -> Result<Vec<Work>, WorkerError> {
        let Some(stage) = self.all.get(self.current) else {
            return Ok(Vec::new());
        };
        let (number, count) = (self.current + 1, self.all.len());
        tracing::info!("stage {number} of {count} begins: {stage}");
        match &self.input {
            Input::Local(options) => {
                let types = ObjectTypes::Named(stage.object_types());
                let of_stage = local::Options {
                    subscription: Subscription {
                        object_types: types,
                        ..options.subscription.clone()
                    },
                    ..options.clone()
                };
                let sources = of_stage.open_for(self.assembly.workers, Share::WHOLE)?;
                self.assembly.local_workers(sources, first)
            }
            Input::Group(cluster) => {
                let of_stage = cluster.only(&stage.topics);
                let members = members.map_or_else(
                    || {
                        let workers = self.assembly.workers.min(most_workers(&of_stage));
                        let members = cluster.new_members(workers);
                        members.map_err(SourceError::from)
                    },
                    Ok,
                )?;
                // Those that are left over have not joined the group.
                let members = members.into_iter().take(most_workers(&of_stage));
                self.assembly
                    .group_workers(&of_stage, members.collect(), first)
            }
        }
    }

    /// The workers of the next stage, once the current one is over in all processes. None after the last stage, or
    /// where the run is to end before it.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Work>>, WorkerError> {
        let quota_is_used_up = self.assembly.settings.quota.is_confirmed();
        let is_last = self.current + 1 >= self.all.len();
        if quota_is_used_up || is_last || !self.wait_for_others()? {
            return Ok(None);
        }
        self.current += 1;
        self.work(None, None).map(Some)
    }

    /// Waits until no other process reads the current stage. False when the run is to end.
    fn wait_for_others(&self) -> Result<bool, SourceError> {
        let (Input::Group(cluster), Some(stage)) = (&self.input, self.all.get(self.current)) else {
            return Ok(true);
        };
        let started = Instant::now();
        let (mut said, mut answered): (Option<Instant>, _) = (None, started);
        while !self.assembly.settings.stop.requested() {
            // The group keeps static members that leave, so nothing says which of them still read.
            if cluster.has_static_members() {
                return Ok(true);
            }
            match cluster.subscriptions() {
                Ok(all) => {
                    answered = Instant::now();
                    let reads =
                        |topics: &BTreeSet<String>| topics.iter().any(|topic| stage.has(topic));
                    if all.is_some_and(|all| !all.iter().any(reads)) {
                        return Ok(true);
                    }
                }
                Err(error) if answered.elapsed() >= ANSWER_LIMIT => return Err(error.into()),
                // A coordinator may be moving or restarting.
                Err(error) => tracing::debug!("asking for the group again: {error}"),
            }
            let waited = started.elapsed();
            if waited >= SAY_AFTER && said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
                said = Some(Instant::now());
                tracing::info!(
                    "stage {} of {} is read: waiting for other members of the group that still read {stage} ({} s)",
                    self.current + 1,
                    self.all.len(),
                    waited.as_secs()
                );
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(false)
    }
}

/// How many workers of a process can have a partition. A stage stops at the ends that there are, so that none is added.
fn most_workers(of_stage: &Cluster) -> usize {
    of_stage.read_partitions().count().max(1)
}

/// The index of the stage where the group is: the one that other processes read, or else the first that is not
/// committed to its end.
fn stage_of(cluster: &Cluster, stages: &[Stage]) -> Result<usize, kafka::Error> {
    let unread = cluster.unread()?;
    let is_open = |stage: &Stage| unread.keys().any(|partition| stage.has(&partition.topic));
    let last = stages.len().saturating_sub(1);
    let open = stages.iter().position(is_open).unwrap_or(last);
    let Some(shared) = stage_of_others(cluster, stages) else {
        return Ok(open);
    };
    let passed = unread.iter().filter(|(partition, _)| {
        let mut before = stages[..shared].iter();
        before.any(|stage| stage.has(&partition.topic))
    });
    let passed: u64 = passed.map(|(_, left)| left).sum();
    if passed > 0 {
        tracing::warn!(
            "other processes of the group read stage {} of {}: this one goes on with them, and leaves up to {} \
             of earlier stages to the next run",
            shared + 1,
            stages.len(),
            plural(passed, "record")
        );
    }
    Ok(shared)
}

/// The last stage that another process reads. A member with topics of several stages reads without stages.
fn stage_of_others(cluster: &Cluster, stages: &[Stage]) -> Option<usize> {
    let started = Instant::now();
    let members = loop {
        match cluster.subscriptions() {
            Ok(Some(members)) => break members,
            Ok(None) if started.elapsed() < SETTLE_LIMIT => thread::sleep(LOOK_EVERY),
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!("the other members of the group are not known: {error}");
                return None;
            }
        }
    };
    let stage = |topics: &BTreeSet<String>| {
        let mut found = stages.iter().enumerate().filter(|(_, stage)| {
            let mut topics = topics.iter();
            topics.any(|topic| stage.has(topic))
        });
        let (index, _) = found.next()?;
        found.next().is_none().then_some(index)
    };
    members.iter().filter_map(stage).max()
}
