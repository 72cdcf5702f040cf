//! `journal-host config`: the effective configuration, and the schema of the file.

mod schema;
mod yaml;

use serde_json::{Map, Value};

use super::args;
use super::confined;
use super::names::{self, Names, flag, key};
use super::report::{self, Report};
use super::run;
use crate::config::{
    self, Anonymise, Config, ConfigError, DEFAULT_BATCH_RECORDS, DEFAULT_BROKER_TIMEOUT,
    DEFAULT_CHECKPOINT_INTERVAL, DEFAULT_DEADLINE, DEFAULT_MAX_FAILURES, DEFAULT_PREFIX,
    DEFAULT_RETRIES, DEFAULT_SHUTDOWN_TIMEOUT, GROUP_INSTANCE_ID, Layer, LogFormat, MissingTopics,
    OnEof, OnFailure, OnSchemaChange, Origin, Origins, Privileged, Setting, Span, complete,
    options,
};
use crate::kafka;
use crate::pipeline::build::{self, BuildError, CompiledPlugin};
use crate::sink;
use crate::text;

/// Prints the settings of a run, without running it: what flags, environment variables and the file set, and the
/// defaults.
///
/// The output is YAML, with a comment on each line that names where the value was set. `--config` reads it. Secrets are
/// left out.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: run::Arguments,

    /// Print the JSON Schema of the file instead.
    #[arg(long)]
    schema: bool,
}

/// Prints the configuration or the schema.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let text = if arguments.schema {
        format!("{:#}\n", schema::schema())
    } else {
        effective(arguments.run.into_layer())?
    };
    report::print(&text).map_err(Report::of_standard_output)
}

/// The effective configuration as YAML.
fn effective(flags: Layer) -> Result<String, Report> {
    let (layer, origins) = args::combine(flags).map_err(|error| {
        let origins = Origins::default();
        Report::of(&error, Names(&origins))
    })?;
    let names = Names(&origins);
    let config = checked(layer.clone(), &origins)?;
    let config = config.filter(|_| layer.processor.plugin.is_some());
    let options =
        plugin_options(&layer, config.as_ref()).map_err(|error| Report::of(&error, names))?;
    let printer = Printer {
        layer: &layer,
        origins: &origins,
    };
    Ok(printer.print(&options))
}

/// The configuration of a run as its page shows it: without secrets, and without values of options, which may be secret.
pub(super) fn without_values_of_options(layer: &Layer, origins: &Origins) -> String {
    let mut layer = layer.clone();
    layer.processor.options_file = None;
    let printer = Printer {
        layer: &layer,
        origins,
    };
    printer.print(&Map::new())
}

/// The checked configuration of a layer, if it is complete apart from the plugin.
fn checked(mut layer: Layer, origins: &Origins) -> Result<Option<Config>, Report> {
    let mut all_origins = origins.clone();
    let read = config::read_passwords(&mut layer, &mut all_origins);
    let names = Names(&all_origins);
    read.map_err(|error| Report::of(&error, Names(origins)))?;
    config::remove_unused(&mut layer, origins);
    layer.processor.plugin.get_or_insert_default();
    let settings = layer.kafka.settings.clone().unwrap_or_default();
    match Config::try_from(layer) {
        // Further settings can make it complete, and none makes one of librdkafka's right that is wrong by itself.
        Err(ConfigError::NoSource | ConfigError::Incomplete { .. }) => {
            let checked = kafka::check_settings(&settings.0);
            checked.map_err(|error| Report::of(&error, names))?;
            Ok(None)
        }
        Err(error) => Err(Report::of(&error, names)),
        Ok(config) => {
            // The list of masked objects may take long to read, and is no setting.
            build::check_thoroughly(&config, 0).map_err(|error| Report::of(&error, names))?;
            Ok(Some(config))
        }
    }
}

/// The plugin's options from all layers and the file of options. Texts get their types from the plugin's schema.
fn plugin_options(
    layer: &Layer,
    config: Option<&Config>,
) -> Result<Map<String, Value>, BuildError> {
    let processor = &layer.processor;
    let mut values = processor.options.clone().unwrap_or_default();
    if let Some(path) = &processor.options_file {
        values.extend(options::read_file(path)?);
    }
    values.extend(processor.options_over_file.clone().unwrap_or_default());
    let texts = processor.option_texts.as_deref().unwrap_or_default();
    if let Some(config) = config.filter(|_| !texts.is_empty()) {
        let limits = build::limits(config, &build::usual_memory(config)?);
        let compiled = CompiledPlugin::of(config)?;
        confined::confine(config);
        let plugin = compiled.load(limits)?;
        values.extend(options::typed(&plugin.description().options, texts)?);
    } else {
        // Without a plugin nothing says what they are.
        let texts = texts.iter().cloned();
        values.extend(texts.map(|(name, text)| (name, Value::String(text))));
    }
    Ok(values)
}

/// Leaves out a password that somebody has written into the URL of an output, which a run refuses.
fn without_passwords(setting: Setting, value: Value) -> Value {
    match value {
        Value::Array(outputs) if setting == Setting::Outputs => {
            let shown = |output: Value| match output {
                Value::String(output) => Value::String(sink::shown_binding(&output)),
                other => other,
            };
            Value::Array(outputs.into_iter().map(shown).collect())
        }
        other => other,
    }
}

/// Writes the settings of combined layers.
struct Printer<'a> {
    layer: &'a Layer,
    origins: &'a Origins,
}

impl Printer<'_> {
    fn print(&self, options: &Map<String, Value>) -> String {
        let mut lines = vec![format!(
            "# The configuration of journal-host {}, and where each value was set.",
            env!("CARGO_PKG_VERSION")
        )];
        for setting in Setting::ALL {
            match setting {
                Setting::Options => self.options(options, &mut lines),
                // Its options are among the others.
                Setting::OptionsFile => {}
                Setting::Kafka => self.kafka(&mut lines),
                Setting::ObjectTypes if self.layer.journal.offered_object_types.is_some() => {}
                setting => self.setting(setting, &mut lines),
            }
        }
        if let Some(types) = &self.layer.journal.offered_object_types {
            let types = types.iter().cloned().map(Value::String).collect();
            let origin = self.comment(Setting::ObjectTypes);
            lines.push("journal_client:".to_owned());
            lines.push("  cls: kafka".to_owned());
            lines.push(yaml::line(2, "object_types", &Value::Array(types), &origin));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn setting(&self, setting: Setting, lines: &mut Vec<String>) {
        let (value, comment) = match self.layer.value(setting) {
            Some(value) => (without_passwords(setting, value), self.comment(setting)),
            None => match self.default(setting) {
                Some(value) => (value, "default".to_owned()),
                None => return,
            },
        };
        lines.push(yaml::line(0, &key(setting), &value, &comment));
    }

    fn options(&self, options: &Map<String, Value>, lines: &mut Vec<String>) {
        if options.is_empty() {
            return;
        }
        lines.push(format!("{}:", key(Setting::Options)));
        for (name, value) in options {
            let comment = match self.origins.of_option(name) {
                // It comes from the file of options, or has been given on the command line.
                Origin::Default => self.comment(Setting::OptionsFile),
                origin => comment(origin, Setting::Options, name),
            };
            lines.push(yaml::line(2, name, value, &comment));
        }
    }

    /// The settings of librdkafka, with those that follow from others. The value of a secret is left out, so that the
    /// lines remain a configuration.
    fn kafka(&self, lines: &mut Vec<String>) {
        let mut settings = complete(&self.layer.kafka);
        if self.layer.kafka.group_instance_id.is_some() {
            settings.retain(|(name, _)| name != GROUP_INSTANCE_ID);
        }
        if settings.is_empty() || config::is_local(self.layer) {
            return;
        }
        // The last one of the same name wins.
        let mut printed: Vec<(&str, &str)> = Vec::new();
        for (name, value) in settings.iter().rev() {
            if !printed.iter().any(|(known, _)| known == name) {
                printed.push((name, value));
            }
        }
        printed.reverse();
        let is_shown = |name: &str| !kafka::is_secret(name) && kafka::is_known(name);
        // A mapping of comments alone would be no mapping.
        let opening = if printed.iter().any(|(name, _)| is_shown(name)) {
            ""
        } else {
            "# "
        };
        lines.push(format!("{opening}{}:", key(Setting::Kafka)));
        for (name, value) in printed {
            let comment = match self.origins.of_kafka(name) {
                Origin::Default => "follows from the settings of the group".to_owned(),
                origin => comment(origin, Setting::Kafka, name),
            };
            if is_shown(name) {
                lines.push(yaml::line(2, name, &Value::from(value), &comment));
            } else {
                let name = text::clean(name, text::REASON_BYTES);
                lines.push(format!("  # {name}: not shown  # {comment}"));
            }
        }
    }

    fn comment(&self, setting: Setting) -> String {
        comment(self.origins.of(setting), setting, &key(setting))
    }

    /// The default of a setting, where it has one that does not depend on others.
    fn default(&self, setting: Setting) -> Option<Value> {
        let layer = self.layer;
        let reads_cluster = !config::is_local(layer);
        let is_limited = layer.process.memory.is_some();
        let checkpoints = || {
            let outputs = layer.outputs.as_deref().unwrap_or_default();
            sink::checkpoint_defaults(outputs)
        };
        let value = match setting {
            Setting::Prefix => serde_json::to_value(DEFAULT_PREFIX),
            Setting::Privileged => serde_json::to_value(Privileged::No),
            Setting::MissingTopics => serde_json::to_value(MissingTopics::Error),
            Setting::CreateTopics => serde_json::to_value(false),
            Setting::OnEof if reads_cluster && layer.journal.phases.is_some() => {
                serde_json::to_value(OnEof::Stop)
            }
            Setting::OnEof if reads_cluster => serde_json::to_value(OnEof::Continue),
            Setting::BrokerTimeout if reads_cluster => {
                serde_json::to_value(Span(DEFAULT_BROKER_TIMEOUT))
            }
            Setting::ShutdownTimeout => serde_json::to_value(Span(DEFAULT_SHUTDOWN_TIMEOUT)),
            Setting::Outputs => serde_json::to_value(["-"]),
            Setting::BatchRecords => serde_json::to_value(DEFAULT_BATCH_RECORDS),
            Setting::BatchBytes if !is_limited => serde_json::to_value("1MiB"),
            Setting::MemoryLimit if !is_limited => serde_json::to_value("512MiB"),
            Setting::Deadline => serde_json::to_value(Span(DEFAULT_DEADLINE)),
            Setting::Workers => serde_json::to_value(1),
            Setting::CheckpointInterval => {
                let interval = checkpoints().interval;
                serde_json::to_value(Span(interval.unwrap_or(DEFAULT_CHECKPOINT_INTERVAL)))
            }
            Setting::CheckpointSize if !is_limited => {
                let is_large = checkpoints().held.is_some();
                serde_json::to_value(if is_large { "128MiB" } else { "16MiB" })
            }
            Setting::Anonymise => serde_json::to_value(Anonymise::No),
            Setting::OnSchemaChange => serde_json::to_value(OnSchemaChange::Refuse),
            Setting::LogLevel => serde_json::to_value("info"),
            Setting::LogFormat => serde_json::to_value(LogFormat::Text),
            Setting::OnFailure => serde_json::to_value(OnFailure::Stop),
            Setting::MaxFailures => serde_json::to_value(DEFAULT_MAX_FAILURES),
            Setting::Retries => serde_json::to_value(DEFAULT_RETRIES),
            _ => return None,
        };
        value.ok()
    }
}

/// Where a value was set.
fn comment(origin: &Origin, setting: Setting, written: &str) -> String {
    let text = match origin {
        Origin::Default => "default".to_owned(),
        Origin::Flag => flag(setting).to_owned(),
        Origin::Environment { variable } => variable.clone(),
        Origin::File { path, key, line } => {
            let file = names::file(path, *line).replace('`', "");
            if key == written {
                file
            } else {
                format!("{file}: {key}")
            }
        }
    };
    text::clean(&text, text::REASON_BYTES)
}

#[cfg(test)]
mod tests;
