//! The visit of a repository: its snapshot, its origin, and what upstream's loader writes of the visit itself.

use std::time::SystemTime;

use sha1::{Digest, Sha1};

use super::refs::Branch;
use crate::source::encoder::Encoder;
use crate::source::times;

/// The number of the visit: there is one.
const VISIT: u64 = 1;
/// The type of the visit.
const TYPE: &str = "git";

/// A time of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VisitDate {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Microseconds after them.
    pub microseconds: u32,
}

/// What is known of the visit.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The URL of the origin.
    pub(super) origin: String,
    /// The time of the visit.
    pub(super) date: VisitDate,
    /// The identifier of the snapshot.
    pub(super) snapshot: [u8; 20],
    /// Whether nothing is missing.
    pub(super) is_full: bool,
}

/// The identifier of the snapshot with these branches, which are sorted by name.
pub(super) fn snapshot_id(branches: &[(Vec<u8>, Branch)]) -> [u8; 20] {
    let mut manifest = Vec::new();
    for (name, branch) in branches {
        let (kind, target) = branch.parts();
        manifest.extend_from_slice(kind.unwrap_or("dangling").as_bytes());
        manifest.push(b' ');
        manifest.extend_from_slice(name);
        manifest.extend_from_slice(format!("\0{}:", target.len()).as_bytes());
        manifest.extend_from_slice(target);
    }
    let header = format!("snapshot {}\0", manifest.len());
    let hash = Sha1::new().chain_update(header).chain_update(&manifest);
    hash.finalize().into()
}

/// Writes the snapshot with these branches.
pub(super) fn write_snapshot(into: &mut Encoder, branches: &[(Vec<u8>, Branch)], id: &[u8; 20]) {
    into.map(2).str("branches").map(branches.len());
    for (name, branch) in branches {
        into.bin(name);
        match branch.parts() {
            (Some(kind), target) => {
                into.map(2).str("target").bin(target);
                into.str("target_type").str(kind);
            }
            (None, _) => drop(into.nil()),
        }
    }
    into.str("id").bin(id);
}

impl Visit {
    /// Writes the key of the origin.
    pub(super) fn write_origin_key(&self, into: &mut Encoder) {
        into.map(1).str("url").str(&self.origin);
    }

    /// Writes the origin.
    pub(super) fn write_origin(&self, into: &mut Encoder) {
        let id: [u8; 20] = Sha1::digest(self.origin.as_bytes()).into();
        into.map(2).str("url").str(&self.origin);
        into.str("id").bin(&id);
    }

    /// Writes the key of the visit.
    pub(super) fn write_visit_key(&self, into: &mut Encoder) {
        into.map(2).str("date").str(&self.date.text());
        into.str("origin").str(&self.origin);
    }

    /// Writes the visit.
    pub(super) fn write_visit(&self, into: &mut Encoder) {
        into.map(4).str("origin").str(&self.origin);
        into.str("date");
        self.date.write(into);
        into.str("type").str(TYPE);
        into.str("visit").uint(VISIT);
    }

    /// Writes the key of one of the two statuses: the one at the end comes a microsecond after the one at the beginning,
    /// so that their keys differ.
    pub(super) fn write_status_key(&self, into: &mut Encoder, is_end: bool) {
        into.map(3)
            .str("date")
            .str(&self.status_date(is_end).text());
        into.str("origin").str(&self.origin);
        into.str("visit").str(&VISIT.to_string());
    }

    /// Writes one of the two statuses.
    pub(super) fn write_status(&self, into: &mut Encoder, is_end: bool) {
        into.map(7).str("origin").str(&self.origin);
        into.str("visit").uint(VISIT);
        into.str("date");
        self.status_date(is_end).write(into);
        let status = match (is_end, self.is_full) {
            (false, _) => "created",
            (true, true) => "full",
            (true, false) => "partial",
        };
        into.str("status").str(status);
        into.str("snapshot")
            .bin_or_nil(is_end.then_some(&self.snapshot));
        into.str("type").str(TYPE);
        into.str("metadata").nil();
    }

    fn status_date(&self, is_end: bool) -> VisitDate {
        if is_end {
            self.date.after_a_microsecond()
        } else {
            self.date
        }
    }
}

impl From<SystemTime> for VisitDate {
    fn from(time: SystemTime) -> Self {
        let (is_before, span) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(span) => (false, span),
            Err(error) => (true, error.duration()),
        };
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        match (is_before, span.subsec_micros()) {
            (false, microseconds) => Self {
                seconds,
                microseconds,
            },
            (true, 0) => Self::at(-seconds),
            (true, microseconds) => Self {
                seconds: -seconds - 1,
                microseconds: 1_000_000 - microseconds,
            },
        }
    }
}

impl VisitDate {
    /// The beginning of a second.
    pub(super) fn at(seconds: i64) -> Self {
        Self {
            seconds,
            microseconds: 0,
        }
    }

    fn after_a_microsecond(self) -> Self {
        if self.microseconds < 999_999 {
            return Self {
                microseconds: self.microseconds + 1,
                ..self
            };
        }
        Self::at(self.seconds + 1)
    }

    fn write(self, into: &mut Encoder) {
        into.time(self.seconds, self.microseconds * 1000);
    }

    fn text(self) -> String {
        times::python(self.seconds, self.microseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::git::headers;

    #[test]
    fn status_at_the_end_has_another_time() {
        let date = VisitDate {
            seconds: 1,
            microseconds: 999_999,
        };
        assert_eq!(date.after_a_microsecond(), VisitDate::at(2));
        let next = VisitDate::at(2).after_a_microsecond();
        assert_eq!((next.seconds, next.microseconds), (2, 1));
    }

    /// The identifier is the one that `swh.model` computes for these branches.
    #[test]
    fn snapshot_of_no_branch_has_the_identifier_of_upstream() {
        let digits = headers::digits(&snapshot_id(&[]));
        assert_eq!(digits, "1a8893e6a86f444e8be8e7bda6cb34fb1735a00e");
    }
}
