//! How a run is seen from outside: its metrics and health over HTTP, and by a supervisor.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Builder;
use crate::config::{Config, Source};
use crate::journal::batch::Topic;
use crate::observe::health::Health;
use crate::observe::http::{self, ServeError, Server};
use crate::observe::metrics::{Metrics, RunInfo};
use crate::observe::page::{About, Page};
use crate::observe::progress::Progress;
use crate::observe::statsd::Statsd;
use crate::observe::systemd::Notifier;
use crate::pipeline::stop::Stop;
use crate::sandbox::{Plugin, ScriptDigests};
use crate::sink;
use crate::text;

/// Who is shown the state of a run.
pub(super) struct Observation {
    notifier: Option<Notifier>,
    statsd: Option<Statsd>,
    progress: Arc<Progress>,
    page: Option<Arc<Page>>,
    _server: Option<Server>,
}

impl Observation {
    /// Serves the state of a run at `address`, if there is one, and shows it to a supervisor that wants it.
    ///
    /// # Errors
    /// When the address cannot be served.
    pub(super) fn begin(
        address: Option<SocketAddr>,
        info: RunInfo,
        about: About,
        progress: &Arc<Progress>,
        longest_call: Duration,
    ) -> Result<Self, ServeError> {
        let health = Health::new(Arc::clone(progress), longest_call);
        let statsd = Statsd::from_environment(&info.group, progress);
        let mut page = None;
        let mut server = None;
        if let Some(address) = address {
            let metrics = Metrics::new(info.clone(), Arc::clone(progress));
            let shown = Arc::new(Page::new(info, about, Arc::clone(progress)));
            page = Some(Arc::clone(&shown));
            server = Some(http::serve(address, metrics, health.clone(), shown)?);
        }
        Ok(Self {
            notifier: Notifier::from_environment(health),
            statsd,
            progress: Arc::clone(progress),
            page,
            _server: server,
        })
    }

    /// Shows what has changed. It is called several times per second.
    pub(super) fn look(&mut self, stop: &Stop) {
        if stop.requested() {
            self.progress.happenings().show_ending();
        }
        if let Some(page) = &self.page {
            page.look();
        }
        if let Some(notifier) = &mut self.notifier {
            notifier.look(stop.requested());
        }
        if let Some(statsd) = &mut self.statsd {
            statsd.look();
        }
    }
}

/// What the page says of a run from its start on. Values of options may be secret, so it has their names only.
pub(super) fn about(plugin: &Plugin, options: &str, configuration: String) -> About {
    let options: Map<String, Value> = serde_json::from_str(options).unwrap_or_default();
    About {
        summary: plugin.description().summary.clone(),
        options: options.into_iter().map(|(name, _)| name).collect(),
        configuration,
    }
}

/// What is known of a run from its start on.
pub(super) fn run_info(config: &Config, plugin: &Plugin, options: &str) -> RunInfo {
    let description = plugin.description();
    RunInfo {
        plugin: description.name.clone(),
        plugin_version: description.version.clone(),
        plugin_digest: plugin.digest().to_owned(),
        options_digest: digest(options),
        group: group(config).unwrap_or_default().to_owned(),
    }
}

pub(super) fn digest(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The consumer group, where the run has one.
pub(super) fn group(config: &Config) -> Option<&str> {
    match &config.source {
        Source::Kafka(kafka) if kafka.partitions.is_empty() => Some(&kafka.connection.group_id),
        _ => None,
    }
}

impl Builder<'_> {
    /// Logs what begins: the host, the plugin, the group, what is read, and where the rows go.
    pub(super) fn log_start(&self, topics: &[Arc<Topic>]) {
        let plugin = &self.processor.plugin;
        let description = plugin.description();
        let group = group(self.config);
        let group = group.map_or_else(String::new, |group| {
            format!("; group {}", text::Quoted(group))
        });
        let outputs = match &self.config.outputs[..] {
            [] => "standard output".to_owned(),
            outputs => text::list(outputs.iter().map(|output| sink::shown_binding(output))),
        };
        let parts = plugin.script_digests().map(|digests| {
            let ScriptDigests { runtime, script } = digests;
            format!(" of the runtime {runtime} and the script {script}")
        });
        tracing::info!(
            "journal-host {}: plugin {} {} (SHA-256 {}{}, options {}){group}; topics: {}; outputs: {outputs}",
            env!("CARGO_PKG_VERSION"),
            text::Quoted(&description.name),
            description.version,
            plugin.digest(),
            parts.unwrap_or_default(),
            digest(&self.processor.options),
            text::list(topics.iter().map(|topic| &*topic.name)),
        );
    }
}
