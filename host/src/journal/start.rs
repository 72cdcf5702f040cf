//! Where a group started, as it is remembered in the notes of its commits.
//!
//! A group that starts at the end of the journal, or at a time, starts at one time in all partitions. The time is
//! committed beside each offset, so that a partition which the group sees later starts at the same time: a partition
//! that was added, one of another object type, or one whose first commit a crash prevented.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::offsets::{Position, Positions};

/// The name of the part of a note that holds the time. Parts are separated by spaces.
const NOTE: &str = "start=";
/// The longest note that is read, in bytes: any client may have committed it.
const MOST_NOTE: usize = 256;
/// The last millisecond that RFC 3339 has a text for: the end of the year 9999.
const MOST_MS: i64 = 253_402_300_799_999;

/// A time, in milliseconds since 1970, from which on a group reads all records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartTime(i64);

impl StartTime {
    /// A time in milliseconds since 1970, moved into the years from 1970 to 9999.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, MOST_MS))
    }

    /// The time in milliseconds since 1970.
    #[must_use]
    pub fn ms(self) -> i64 {
        self.0
    }

    /// The note of a commit that remembers this time.
    #[must_use]
    pub fn note(self) -> String {
        format!("{NOTE}{self}")
    }

    /// The time in the note of a commit, if it has one.
    #[must_use]
    pub fn of_note(note: &str) -> Option<Self> {
        let note = Some(note).filter(|note| note.len() <= MOST_NOTE)?;
        let text = note.split(' ').find_map(|part| part.strip_prefix(NOTE))?;
        Some(humantime::parse_rfc3339(text).ok()?.into())
    }
}

impl From<SystemTime> for StartTime {
    /// Cut to milliseconds, as the times of records are. Times before 1970 count as its beginning.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_ms(i64::try_from(since.as_millis()).unwrap_or(MOST_MS))
    }
}

impl std::fmt::Display for StartTime {
    /// As RFC 3339 has it, in UTC.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = Duration::from_millis(self.0.unsigned_abs());
        let time = UNIX_EPOCH + since;
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

/// What the committed positions of a group say about where it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStart {
    /// Nothing is committed: it has not started.
    NotYet,
    /// It started at the beginning of each partition, or at positions that somebody chose.
    Beginning,
    /// It started at a time. If the members that started together noted several, it is the earliest.
    At(StartTime),
}

impl GroupStart {
    /// What these positions say.
    #[must_use]
    pub fn of(positions: &Positions) -> Self {
        let committed = positions.values().flatten();
        let one = |position: &Position| match StartTime::of_note(&position.note) {
            Some(time) => Self::At(time),
            None => Self::Beginning,
        };
        committed.map(one).fold(Self::NotYet, Self::with)
    }

    /// What both say together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one), Self::At(other)) => Self::At(one.min(other)),
            (Self::At(time), _) | (_, Self::At(time)) => Self::At(time),
            (Self::Beginning, _) | (_, Self::Beginning) => Self::Beginning,
            (Self::NotYet, Self::NotYet) => Self::NotYet,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::journal::offsets::Partition;

    const NOON: i64 = 1_764_244_800_123;

    #[test]
    fn note_names_the_time_and_reads_as_it_was() {
        let time = StartTime::from_ms(NOON);
        assert_eq!(time.note(), "start=2025-11-27T12:00:00.123Z");
        assert_eq!(StartTime::of_note(&time.note()), Some(time));
        let among_others = format!("a=b {} c=d", time.note());
        assert_eq!(StartTime::of_note(&among_others), Some(time));
    }

    #[test]
    fn note_of_another_client_has_no_time() {
        let long = format!("{NOTE}2025-11-27T12:00:00.{}Z", "0".repeat(5000));
        for note in [
            "",
            "start=",
            "start=soon",
            "started=2025-11-27T12:00:00Z",
            &long,
        ] {
            assert_eq!(StartTime::of_note(note), None, "{note}");
        }
    }

    #[test]
    fn times_that_a_note_cannot_hold_are_moved_to_those_that_it_can() {
        for ms in [i64::MIN, -1, 0, i64::MAX] {
            let time = StartTime::from_ms(ms);
            assert_eq!(StartTime::of_note(&time.note()), Some(time));
        }
        let early = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(StartTime::from(early).ms(), 0);
    }

    #[test]
    fn group_starts_at_the_earliest_time_of_any_note_and_else_at_the_beginning() {
        let of = |notes: &[Option<&str>]| {
            let positions = notes.iter().enumerate().map(|(number, note)| {
                let partition = Partition {
                    topic: "t".into(),
                    number: u32::try_from(number).unwrap(),
                };
                let position = note.map(|note| Position {
                    next: 7,
                    note: note.to_owned(),
                });
                (partition, position)
            });
            GroupStart::of(&positions.collect::<BTreeMap<_, _>>())
        };
        let (early, late) = (StartTime::from_ms(NOON), StartTime::from_ms(NOON + 1));
        assert_eq!(of(&[]), GroupStart::NotYet);
        assert_eq!(of(&[None, None]), GroupStart::NotYet);
        assert_eq!(of(&[None, Some("")]), GroupStart::Beginning);
        assert_eq!(
            of(&[Some(""), Some(&late.note()), None, Some(&early.note())]),
            GroupStart::At(early)
        );
    }
}
