//! Damaged records, which are not copied: nothing in a copy would tell them from whole ones.

use crate::source::Damage;
use crate::text::plural;

/// How many damaged records are named in the log.
const NAMED: u64 = 10;

/// Counts the damaged records of a source, and names the first ones.
#[derive(Debug, Default)]
pub(super) struct LeftOut(u64);

impl LeftOut {
    /// Leaves a damaged record out.
    pub(super) fn leave_out(&mut self, damage: &Damage) {
        if self.0 < NAMED {
            tracing::warn!("left out: {damage}");
        } else if self.0 == NAMED {
            tracing::warn!(
                "more damaged records are left out: they are counted and no longer named"
            );
        }
        self.0 += 1;
    }

    /// The count, as the rest of a sentence; nothing without one.
    pub(super) fn text(&self) -> String {
        match self.0 {
            0 => String::new(),
            damaged => format!(", {} left out", plural(damaged, "damaged record")),
        }
    }
}
