//! What every command takes that sets a processor to work: its options, its objects and its bounds.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use super::report::Report;
use super::values;
use crate::config::memory::{GUEST_PER_BATCH, MemoryPlan};
use crate::config::options;
use crate::pipeline::stop::Stop;
use crate::sandbox::{Limits, ObjectTypes, Plan, Plugin};
use crate::sink::jsonl;
use crate::source::BatchLimits;

/// Has signals end the work well, before anything is loaded: the engine writes too, when it maps a plugin's code
/// from a file in memory.
pub(super) fn install_signal_handlers() -> Result<Stop, Report> {
    jsonl::survive_size_limits();
    Stop::on_signals().map_err(|source| {
        Report::failure(
            anyhow::Error::new(source).context("cannot handle signals"),
            None,
        )
    })
}

/// The plugin's options.
#[derive(Debug, clap::Args)]
pub(super) struct OptionArguments {
    /// Set an option of the plugin; repeat it for a list.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = values::pair)]
    options: Vec<(String, String)>,

    /// Read the plugin's options from a file with a JSON object; `--option` overrides it.
    #[arg(long = "options", value_name = "FILE")]
    options_file: Option<PathBuf>,
}

/// Which objects the plugin reads.
#[derive(Debug, clap::Args)]
pub(super) struct ObjectArguments {
    /// Read only this object type of those in the plugin's plan; may be repeated.
    #[arg(long = "object-type", value_name = "TYPE")]
    object_types: Vec<String>,

    /// Read the privileged topics, which are not anonymised, where they exist.
    #[arg(long)]
    pub(super) privileged: bool,

    /// Prefix of the topic names, before the object type.
    #[arg(long, default_value = "swh.journal.objects")]
    pub(super) prefix: String,
}

/// Limits of one call.
#[derive(Debug, clap::Args)]
pub(super) struct BoundArguments {
    /// Maximum number of records per call into the processor.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = values::records)]
    batch_records: NonZero<u32>,

    /// Maximum size of the keys and values of one call; a larger record is passed alone [default: 1MiB].
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(super) batch_bytes: Option<usize>,

    /// Time limit for one call into the processor.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::span)]
    pub(super) deadline: Duration,

    /// Memory limit for one instance of the processor [default: 512MiB].
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(super) memory_limit: Option<usize>,
}

impl OptionArguments {
    /// The options as JSON that the plugin's schema accepts.
    pub(super) fn of(&self, plugin: &Plugin) -> Result<String, Report> {
        let file = self
            .options_file
            .as_deref()
            .map(options::read_file)
            .transpose()?;
        let options = options::parse(&plugin.description().options, &self.options, file)?;
        Ok(options.to_string())
    }
}

impl ObjectArguments {
    /// The object types of the plan, narrowed by those on the command line.
    pub(super) fn of(&self, plan: &Plan) -> Result<ObjectTypes, Report> {
        let wanted = &self.object_types;
        if wanted.is_empty() {
            return Ok(plan.object_types.clone());
        }
        if let ObjectTypes::Named(offered) = &plan.object_types
            && let Some(other) = wanted.iter().find(|wanted| !offered.contains(wanted))
        {
            return Err(Report::wrong_use(
                anyhow::anyhow!("`--object-type {other}` is not one that the plugin reads"),
                Some(format!("it reads {}", offered.join(", "))),
            ));
        }
        let mut named = wanted.clone();
        named.sort_unstable();
        named.dedup();
        Ok(ObjectTypes::Named(named))
    }
}

impl BoundArguments {
    /// Refuses bounds that cannot go together.
    pub(super) fn check(shares: &MemoryPlan) -> Result<(), Report> {
        if shares.batch > shares.guest / GUEST_PER_BATCH {
            return Err(Report::wrong_use(
                anyhow::anyhow!("`--batch-bytes` is more than a quarter of `--memory-limit`"),
                Some("the guest holds a batch and works on it: raise `--memory-limit`".to_owned()),
            ));
        }
        Ok(())
    }

    /// The limits of the parts where the whole process has none.
    pub(super) fn shares(&self) -> MemoryPlan {
        MemoryPlan::usual(self.memory_limit, self.batch_bytes)
    }

    pub(super) fn limits(&self, shares: &MemoryPlan) -> Limits {
        Limits {
            deadline: self.deadline,
            memory_bytes: shares.guest,
            emit_bytes: shares.call,
        }
    }

    pub(super) fn batch_limits(&self, shares: &MemoryPlan) -> BatchLimits {
        BatchLimits {
            records: self.records(),
            bytes: shares.batch,
            memory_limit_bytes: shares.guest,
        }
    }

    /// Records of one call at the most.
    pub(super) fn records(&self) -> usize {
        usize::try_from(self.batch_records.get()).unwrap_or(usize::MAX)
    }
}
