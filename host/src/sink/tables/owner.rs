//! Whose rows are in a table.

use crate::text;

/// What happens where a table does not fit the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaChange {
    /// The run is refused.
    #[default]
    Refuse,
    /// Missing columns are added; the run is refused where that is not enough.
    AddColumns,
}

/// Whose rows are written.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// The name of the plugin.
    pub plugin: String,
    /// The consumer group, if the records are of one. Its positions are committed with the rows.
    pub group: Option<String>,
    /// The name of a run without a group, if a later run can go on from its positions, which are then committed with the
    /// rows, too.
    pub run: Option<RunName>,
    /// Whether the rows are of records that failed, and are added to those of any group or recording.
    pub redrives: bool,
    /// What happens where a table does not fit the plan.
    pub schema_change: SchemaChange,
    /// What makes the rows.
    pub provenance: Provenance,
}

impl Owner {
    /// The name under which positions are committed with the rows, if they are.
    #[must_use]
    pub fn keeps_positions_of(&self) -> Option<&str> {
        let run = self.run.as_ref().map(|run| &*run.0);
        self.group.as_deref().or(run)
    }

    /// What the names of the plugin's runs without a group begin with. [`RunName::DIGITS`] follow.
    pub(in crate::sink) fn runs(&self) -> String {
        format!("recording {} ", self.plugin)
    }

    /// Whether a run without a group with this name is one of the plugin.
    #[cfg(any(feature = "parquet", feature = "postgres"))]
    pub(in crate::sink) fn is_run(&self, name: &str) -> bool {
        let digits = name.strip_prefix(&*self.runs());
        digits.is_some_and(|digits| digits.len() == RunName::DIGITS)
    }
}

/// A run without a group: the same one if the same plugin reads the same data in the same way. It has the place of a
/// group where positions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunName(String);

impl RunName {
    /// The number of hexadecimal digits of the digest in a name.
    pub const DIGITS: usize = 32;

    /// The run of a plugin with this digest of all that makes it the same run.
    #[must_use]
    pub fn new(owner: &Owner, digest: &[u8; Self::DIGITS / 2]) -> Self {
        Self(format!("{}{}", owner.runs(), text::hex(digest)))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What makes the rows of a run, for destinations that keep it beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The version of the plugin.
    pub version: String,
    /// The SHA-256 of its file.
    pub digest: String,
    /// The SHA-256 of its options.
    pub options_digest: String,
}
