//! What all workers find: how many objects have the identifiers that their content gives them, and whose zones are derived.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::folder::MainFile;
use super::identity::Verdict;
use super::table::Main;

/// The counts of all workers.
#[derive(Debug)]
pub(super) struct Counts {
    /// By the table and the verdict.
    by_type: [[AtomicU64; 4]; Main::ALL.len()],
    /// The tables that were said to have zones made of minutes.
    derived: [AtomicBool; Main::ALL.len()],
    /// Workers that read.
    reading: AtomicUsize,
}

/// The verdicts, in the order of the counts.
const VERDICTS: [(Verdict, &str); 4] = [
    (Verdict::Verified, "verified"),
    (Verdict::Mismatch, "damaged"),
    (Verdict::CannotTell, "cannot tell"),
    (Verdict::NotVerifiable, "not verifiable"),
];

impl Counts {
    /// Those of this many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            by_type: Default::default(),
            derived: Default::default(),
            reading: AtomicUsize::new(workers),
        }
    }

    /// Counts an object.
    pub(super) fn add(&self, table: Main, verdict: Verdict) {
        self.by_type[table as usize][verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A zone of a record from this file is made of minutes. The first one of a table is said.
    pub(super) fn note_derived_zone(&self, file: &MainFile) {
        if !self.derived[file.table as usize].swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "time zones of the table `{}` are derived from their minutes, because the zone as it was written is not in \
                 `{}`: `+0000` may stand for an invalid zone",
                file.table.name(),
                file.path.display()
            );
        }
    }

    /// A worker is at its end. The last one says what was found.
    pub(super) fn end(&self) {
        if self.reading.fetch_sub(1, Ordering::AcqRel) == 1 {
            for line in self.lines() {
                tracing::info!("{line}");
            }
        }
    }

    /// A line for each type with objects.
    fn lines(&self) -> Vec<String> {
        let line = |table: Main| {
            let counts = VERDICTS.iter().filter_map(|(verdict, name)| {
                let count = self.by_type[table as usize][*verdict as usize].load(Ordering::Relaxed);
                (count > 0).then(|| format!("{count} {name}"))
            });
            let counts: Vec<String> = counts.collect();
            (!counts.is_empty()).then(|| {
                let name = table.name();
                format!("identifiers of the type `{name}`: {}", counts.join(", "))
            })
        };
        Main::ALL.into_iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_with_objects_has_a_line() {
        let counts = Counts::new(1);
        counts.add(Main::Directory, Verdict::Verified);
        counts.add(Main::Directory, Verdict::Mismatch);
        counts.add(Main::Revision, Verdict::NotVerifiable);
        counts.add(Main::Revision, Verdict::NotVerifiable);
        assert_eq!(
            counts.lines(),
            [
                "identifiers of the type `directory`: 1 verified, 1 damaged",
                "identifiers of the type `revision`: 2 not verifiable",
            ]
        );
    }
}
