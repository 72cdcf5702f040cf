//! Whether a run could start: everything that [`build`](super::build) needs is tried, and nothing is written or
//! committed.

mod cluster;
mod finding;
mod group;

use std::collections::BTreeSet;

pub(crate) use self::finding::{CheckError, CheckWarning, Finding, Outcome, Subject};
use super::build::{self, BuildError, CompiledPlugin};
use crate::config::memory::MemoryPlan;
use crate::config::{self, Config, EarlierRows};
use crate::journal::plan::{Kind, Plan};
use crate::journal::topics::ObjectTypes;
use crate::privacy::Privacy;
use crate::sandbox::{LoadError, Processor};
use crate::sink::kafka::{TopicError, Writable};
use crate::sink::{self, BindError, Destination, SinkError, State};
use crate::source::SourceError;
use crate::source::local::{self, Local};
use crate::text::{LISTED, plural};

/// What comes before the process is confined.
pub(crate) struct Prepared {
    plugin: Result<CompiledPlugin, LoadError>,
    /// The source, unless it is a cluster. That of a repository starts programs.
    local: Option<Result<Local, SourceError>>,
}

/// Compiles the plugin, and opens the source unless it is a cluster.
pub(crate) fn prepare(config: &Config) -> Prepared {
    Prepared {
        plugin: CompiledPlugin::of(config),
        local: match &config.source {
            config::Source::Local(source) => Some(build::local_to_check(source)),
            config::Source::Kafka(_) => None,
        },
    }
}

/// Checks everything that a run with this configuration needs, and hands each finding to `found` at once.
pub(crate) fn check(config: &Config, prepared: Prepared, found: &mut dyn FnMut(Finding)) {
    let mut checker = Checker { config, found };
    let is_set_up = checker.settings();
    let started = checker.plugin(prepared.plugin);
    let plan = started.as_ref().map(|started| &started.plan);
    let types = checker.object_types(plan);
    match (&config.source, prepared.local) {
        (config::Source::Kafka(kafka), _) => {
            let settings = build::cluster_settings(&kafka.connection);
            checker.cluster(kafka, is_set_up.then_some(&settings), types);
        }
        (config::Source::Local(source), Some(local)) => {
            checker.local(source, local, types, plan);
        }
        (config::Source::Local(_), None) => {}
    }
    checker.outputs(started.as_ref());
}

/// A plugin that has started.
struct Started {
    name: String,
    version: String,
    plan: Plan,
}

struct Checker<'a> {
    config: &'a Config,
    found: &'a mut dyn FnMut(Finding),
}

impl Checker<'_> {
    fn report(&mut self, subject: Subject, outcome: Outcome) {
        (self.found)(Finding { subject, outcome });
    }

    fn fine(&mut self, subject: Subject, text: String) {
        self.report(subject, Outcome::Fine(text));
    }

    fn warn(&mut self, subject: Subject, warning: CheckWarning) {
        self.report(subject, Outcome::Warning(warning));
    }

    fn fail(&mut self, subject: Subject, error: impl Into<CheckError>) {
        self.report(subject, Outcome::Failed(Box::new(error.into())));
    }

    fn skip(&mut self, subjects: &[Subject], because: &'static str) {
        for &subject in subjects {
            self.report(subject, Outcome::Skipped(because));
        }
    }

    fn settings(&mut self) -> bool {
        let masked = self.config.privacy.masked.as_deref();
        let checked = Privacy::survey(masked)
            .map_err(BuildError::from)
            .and_then(|held_back| build::check_thoroughly(self.config, held_back));
        match checked {
            Ok(_) => {
                self.fine(Subject::Settings, "they fit together".to_owned());
                true
            }
            Err(error) => {
                self.fail(Subject::Settings, error);
                false
            }
        }
    }

    /// The plugin, if it loads and starts.
    fn plugin(&mut self, compiled: Result<CompiledPlugin, LoadError>) -> Option<Started> {
        match self.start(compiled) {
            Ok(started) => {
                let Started { name, version, .. } = &started;
                self.fine(
                    Subject::Plugin,
                    format!("{name} {version} loads and starts"),
                );
                Some(started)
            }
            Err(error) => {
                self.fail(Subject::Plugin, error);
                None
            }
        }
    }

    /// The limits of the run, or the usual ones where the settings are wrong.
    fn memory(&self) -> MemoryPlan {
        build::check(self.config, 0).unwrap_or_else(|_| MemoryPlan::usual(None, None))
    }

    fn start(&self, compiled: Result<CompiledPlugin, LoadError>) -> Result<Started, BuildError> {
        let limits = build::limits(self.config, &self.memory());
        let plugin = compiled?.load(limits)?;
        let options = build::plugin_options(&self.config.options, &plugin)?;
        let (_processor, plan) = Processor::start(&plugin, &options, limits)?;
        let description = plugin.description();
        Ok(Started {
            name: description.name.clone(),
            version: description.version.clone(),
            plan,
        })
    }

    /// The object types that a run reads, if they are known.
    fn object_types(&mut self, plan: Option<&Plan>) -> Option<ObjectTypes> {
        let Some(plan) = plan else {
            self.skip(&[Subject::Plan], "the plugin does not start");
            let named = &self.config.objects.types;
            return (!named.is_empty()).then(|| ObjectTypes::Named(named.clone()));
        };
        match build::read_types(self.config, plan) {
            Ok(types) => {
                self.fine(Subject::Plan, describe(&types, plan));
                Some(types)
            }
            Err(error) => {
                self.fail(Subject::Plan, error);
                None
            }
        }
    }

    fn local(
        &mut self,
        source: &config::Local,
        local: Result<Local, SourceError>,
        types: Option<ObjectTypes>,
        plan: Option<&Plan>,
    ) {
        let subject = match source {
            config::Local::Recordings(_) => Subject::Recording,
            config::Local::Git(_) => Subject::Repository,
            config::Local::Dataset(_) => Subject::Dataset,
        };
        let local = match local {
            Ok(local) => local,
            Err(error) => return self.fail(subject, BuildError::Source(error)),
        };
        let Some(types) = types else {
            return self.skip(&[subject], NO_TYPES);
        };
        let options = local::Options {
            local,
            privacy: None,
            subscription: build::run_subscription(self.config, types),
            tombstones: plan.is_some_and(|plan| plan.tombstones),
            largest_record: build::batch_limits(self.config, &self.memory()).largest_record(),
        };
        match options.open() {
            Ok(opened) => {
                for text in options.subscription.warnings(&opened.topics()) {
                    self.warn(Subject::Recording, CheckWarning::OfTopics(text));
                }
                if let Some(text) = opened.left_out(&options.subscription) {
                    self.warn(subject, CheckWarning::LeftOut(text));
                }
                self.fine(subject, format!("`{}` has the object types", opened.name()));
            }
            Err(error) => self.fail(subject, BuildError::Source(error)),
        }
    }

    fn output_topic(&self, topic: &str) -> Result<Writable, TopicError> {
        match &self.config.source {
            config::Source::Kafka(kafka) => {
                let settings = build::cluster_settings(&kafka.connection);
                sink::kafka::check(&settings, topic)
            }
            config::Source::Local(_) => Err(TopicError::NoCluster(topic.to_owned())),
        }
    }

    /// The databases whose tables would not take the rows, with the reasons.
    fn refused_tables(&self, started: Option<&Started>) -> Vec<(String, SinkError)> {
        let Some(Started { name, plan, .. }) = started else {
            return Vec::new();
        };
        let owner = build::owner(self.config, name);
        // A binding that is wrong was reported before.
        sink::check_tables(&self.config.outputs, &plan.outputs, &owner).unwrap_or_default()
    }

    fn outputs(&mut self, started: Option<&Started>) {
        let outputs = started.map(|started| &started.plan.outputs[..]);
        let destinations = match sink::check(&self.config.outputs, outputs) {
            Ok(destinations) => destinations,
            Err(error) => return self.fail(Subject::Outputs, error),
        };
        let topics: BTreeSet<_> = sink::topics_of(&self.config.outputs).collect();
        if destinations.is_empty() && topics.is_empty() {
            self.fine(Subject::Outputs, "rows go to standard output".to_owned());
        }
        for topic in topics {
            match self.output_topic(&topic) {
                Ok(found) => self.fine(Subject::Outputs, describe_topic(&topic, found)),
                Err(error) => self.fail(Subject::Outputs, BindError::from(SinkError::from(error))),
            }
        }
        let is_tried = |one: &Destination| matches!(one.state, Ok(State::Append));
        let mut refused = if destinations.iter().any(is_tried) {
            self.refused_tables(started)
        } else {
            Vec::new()
        };
        for destination in destinations {
            let is_this = |(name, _): &(String, SinkError)| *name == destination.name;
            if is_tried(&destination)
                && let Some(index) = refused.iter().position(is_this)
            {
                let (_, error) = refused.swap_remove(index);
                self.fail(Subject::Outputs, BindError::from(error));
                continue;
            }
            let file = destination.name;
            match destination.state {
                Ok(State::Append) if destination.has_content && self.refuses_earlier_rows() => {
                    self.warn(Subject::Outputs, CheckWarning::HasContent { file });
                }
                Ok(State::Append) => {
                    self.fine(Subject::Outputs, format!("{file} can be appended to"));
                }
                Ok(State::Create) => {
                    self.fine(Subject::Outputs, format!("{file} can be created"));
                }
                Ok(State::Stream) => {
                    self.fine(Subject::Outputs, format!("{file} is a stream"));
                }
                Ok(State::HalfLine) => {
                    self.warn(Subject::Outputs, CheckWarning::HalfLine { file });
                }
                Ok(State::Held) => {
                    self.warn(Subject::Outputs, CheckWarning::Held { file });
                }
                Err(error) => self.fail(Subject::Outputs, error),
            }
        }
    }
}

impl Checker<'_> {
    /// Whether a run ends before it adds rows to those of an earlier one.
    fn refuses_earlier_rows(&self) -> bool {
        let is_local = matches!(self.config.source, config::Source::Local(_));
        is_local && self.config.earlier_rows == EarlierRows::Refuse
    }
}

/// Why topics are not looked for.
const NO_TYPES: &str = "the object types are not known";

fn describe(types: &ObjectTypes, plan: &Plan) -> String {
    let types = match types {
        ObjectTypes::Any => "all object types".to_owned(),
        ObjectTypes::Named(names) => first(names, ", "),
    };
    let outputs = plan.outputs.iter().map(|output| match output.kind {
        Kind::Append => format!("`{}`", output.name),
        Kind::Text => format!("`{}`, as text", output.name),
        Kind::Aggregate(_) => format!("the aggregate `{}`", output.name),
        Kind::Unique(_) => format!("`{}`, without repetitions", output.name),
        Kind::Upsert(_) => format!("`{}`, the latest row of each key", output.name),
    });
    let outputs: Vec<String> = outputs.collect();
    if outputs.is_empty() {
        return format!("reads {types}, and emits nothing");
    }
    format!("reads {types}, and emits to {}", first(&outputs, ", "))
}

fn describe_topic(topic: &str, found: Writable) -> String {
    let partitions = plural(found.partitions, "partition");
    let right = if found.has_right {
        ", and the account may write to it"
    } else {
        "; the brokers do not say whether the account may write to it"
    };
    format!("the topic `{topic}` has {partitions}{right}")
}

/// The first of several texts, and how many more there are.
fn first(texts: &[String], separator: &str) -> String {
    let shown = texts.iter().take(LISTED).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(separator);
    match texts.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
