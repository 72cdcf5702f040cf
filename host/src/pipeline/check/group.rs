//! Where a run would start: the group, its committed offsets and the offset file.

use std::time::SystemTime;

use super::cluster::Reading;
use super::{CheckError, CheckWarning, Checker, Outcome, Subject};
use crate::config::{self, StartFrom};
use crate::journal::group_offsets::{Committed, LogRange, LogRanges, check_ranges};
use crate::journal::offsets::{Offsets, Partition, Positions, Start};
use crate::journal::start::{GroupStart, StartTime};
use crate::kafka::{GroupAdmin, GroupError, GroupState, Settings, foreign_assignor};
use crate::pipeline::build::AskedStart;
use crate::sink;
use crate::text::plural;

/// The start that the settings ask for.
pub(super) struct CheckedStart {
    asked: AskedStart,
    /// The time of the check, which stands for the start of the run.
    now: SystemTime,
    /// Whether the settings name an offset file.
    has_file: bool,
}

impl Checker<'_> {
    /// The start that the settings ask for, if the offset file can be read.
    pub(super) fn start_of(&mut self, kafka: &config::Kafka) -> Option<CheckedStart> {
        let now = SystemTime::now();
        match AskedStart::of(kafka, now) {
            Ok(asked) => Some(CheckedStart {
                asked,
                now,
                has_file: matches!(kafka.from, Some(StartFrom::OffsetFile(_))),
            }),
            Err(error) => {
                self.fail(Subject::Start, error);
                None
            }
        }
    }

    /// The start with the positions of the offset file that the run would use, if all of them can be read.
    pub(super) fn listed(
        &mut self,
        start: CheckedStart,
        reading: Option<&Reading>,
    ) -> Option<CheckedStart> {
        if !start.has_file {
            return Some(start);
        }
        let Some(reading) = reading else {
            self.skip(&[Subject::Start], "the topics are not known");
            return None;
        };
        let known = reading.partitions.iter().collect();
        let listed = match start.asked.listed_among(&known) {
            Ok(listed) => listed,
            Err(error) => {
                self.fail(Subject::Start, error);
                return None;
            }
        };
        if let Err(source) = check_ranges(&listed, &reading.ranges) {
            self.fail(Subject::Start, CheckError::Listed { source });
            return None;
        }
        let count = plural(listed.len(), "position");
        self.fine(
            Subject::Start,
            format!("the offset file has {count} that can be read"),
        );
        let asked = AskedStart {
            listed,
            ..start.asked
        };
        Some(CheckedStart { asked, ..start })
    }

    /// Answers whether the group's offsets can be asked for.
    pub(super) fn group(&mut self, admin: &GroupAdmin, settings: &Settings) -> bool {
        let group = match admin.describe() {
            Ok(group) => group,
            Err(error) => {
                self.fail(Subject::Group, error);
                return false;
            }
        };
        let group_id = settings.group_id.clone();
        let count = group.members.len();
        if let Some(assignor) = foreign_assignor(settings, &group) {
            let assignor = assignor.to_owned();
            let error = CheckError::OtherMembers {
                group_id,
                count,
                assignor,
            };
            self.fail(Subject::Group, error);
            return true;
        }
        match group.may_be_used {
            Some(false) => self.fail(Subject::Group, CheckError::GroupRight { group_id }),
            None => self.warn(Subject::Group, CheckWarning::UnknownRights { group_id }),
            Some(true) if count > 0 => self.warn(
                Subject::Group,
                CheckWarning::Members {
                    group_id,
                    count,
                    state: group.state,
                },
            ),
            Some(true) => {
                let state = match group.state {
                    GroupState::Missing => "is new",
                    _ => "has no members",
                };
                self.fine(
                    Subject::Group,
                    format!("`{group_id}` may be used, and {state}"),
                );
            }
        }
        true
    }

    /// What is left to read, from the committed offsets and, where there is none, from the start of the run.
    pub(super) fn lag(
        &mut self,
        admin: &GroupAdmin,
        settings: &Settings,
        reading: &Reading,
        start: &CheckedStart,
    ) {
        let (committed, keeper) = match self.committed(admin, settings, reading, start) {
            Ok(Some(found)) => found,
            Ok(None) => return self.skip(&[Subject::Lag], "the outputs are wrong"),
            Err(error) => return self.report(Subject::Lag, Outcome::Failed(error)),
        };
        let ranges = &reading.ranges;
        let next = committed.iter();
        let mut next: Offsets = next
            .filter(|(partition, _)| ranges.contains_key(partition))
            .map(|(partition, position)| (partition.clone(), position.next))
            .collect();
        if let Err(source) = check_ranges(&next, ranges) {
            let group_id = settings.group_id.clone();
            return self.fail(Subject::Lag, CheckError::OutOfRange { group_id, source });
        }
        let mut details = Vec::new();
        let listed = start.asked.listed.iter();
        let listed: Vec<_> = listed
            .filter(|(partition, _)| {
                ranges.contains_key(partition) && !next.contains_key(partition)
            })
            .map(|(partition, &position)| (partition.clone(), position))
            .collect();
        details.extend(detail("the offset file", listed.len()));
        next.extend(listed);
        let without = ranges.keys().filter(|one| !next.contains_key(one));
        let without: Vec<Partition> = without.cloned().collect();
        if let Some(first) = without.first() {
            let group = GroupStart::of(&of_journal(&committed, reading));
            let Some(at) = start.of_fresh(group) else {
                let (count, first) = (without.len(), first.clone());
                return self.fail(Subject::Lag, CheckError::NoOffset { count, first });
            };
            match resolve(admin, &without, at, ranges) {
                Ok(found) => next.extend(found),
                Err(error) => return self.fail(Subject::Lag, error),
            }
            let name = match at {
                Start::Earliest => "the first record".to_owned(),
                at => at.to_string(),
            };
            details.extend(detail(&name, without.len()));
        }
        let lag = ranges
            .iter()
            .filter_map(|(partition, range)| range.lag(next.get(partition).copied()));
        let mut text = format!(
            "{} in {}",
            plural(lag.sum::<u64>(), "record"),
            plural(ranges.len(), "partition")
        );
        if let Some(keeper) = keeper {
            text = format!("{text}, from the offsets in {keeper}");
        }
        if !details.is_empty() {
            let details = details.join(", and ");
            text = format!("{text}; without an offset, and so read {details}");
        }
        self.fine(Subject::Lag, text);
    }
}

impl Checker<'_> {
    /// The positions that decide where a run goes on, and the output that has them, unless the group does. None where the
    /// outputs cannot be read, which their own check reports.
    fn committed(
        &self,
        admin: &GroupAdmin,
        settings: &Settings,
        reading: &Reading,
        start: &CheckedStart,
    ) -> Result<Option<(Committed, Option<String>)>, Box<CheckError>> {
        let of_group = admin.committed();
        let of_group = of_group.map_err(|error| Box::new(CheckError::from(error)))?;
        let Ok(keeper) = sink::position_keeper(&self.config.outputs, &settings.group_id) else {
            return Ok(None);
        };
        let Some(keeper) = keeper else {
            return Ok(Some((of_group, None)));
        };
        let Ok(kept) = keeper.positions() else {
            return Ok(None);
        };
        let ranges = &reading.ranges;
        let ahead = of_group
            .iter()
            .find(|(one, _)| ranges.contains_key(one) && !kept.contains_key(one));
        match ahead {
            Some((partition, position)) if !start.asked.explicit => {
                Err(Box::new(CheckError::GroupAhead {
                    output: keeper.name().to_owned(),
                    partition: partition.clone(),
                    committed: position.next,
                }))
            }
            _ => {
                let name = Some(keeper.name().to_owned());
                let name = name.filter(|_| !kept.is_empty());
                Ok(Some((kept, name)))
            }
        }
    }
}

impl CheckedStart {
    /// Where partitions start that have neither a committed offset nor one in the offset file. None where they end the
    /// run.
    fn of_fresh(&self, group: GroupStart) -> Option<Start> {
        let of_group = self.asked.of_group?;
        Some(match group {
            GroupStart::NotYet if of_group == Start::Time(StartTime::from(self.now).ms()) => {
                // Nothing is older than the end, and nothing newer was written yet.
                Start::Latest
            }
            GroupStart::NotYet => of_group,
            GroupStart::Beginning => Start::Earliest,
            GroupStart::At(time) => Start::Time(time.ms()),
        })
    }
}

fn detail(from: &str, count: usize) -> Option<String> {
    (count > 0).then(|| format!("from {from}: {}", plural(count, "partition")))
}

/// The positions that the group has committed for the journal, whatever the run reads of it.
fn of_journal(committed: &Committed, reading: &Reading) -> Positions {
    let all = committed.iter();
    all.filter(|(partition, _)| reading.subscription.covers(&partition.topic))
        .map(|(partition, position)| (partition.clone(), Some(position.clone())))
        .collect()
}

fn resolve(
    admin: &GroupAdmin,
    of: &[Partition],
    at: Start,
    ranges: &LogRanges,
) -> Result<Offsets, GroupError> {
    let from_range = |position: fn(LogRange) -> u64| {
        let known = of.iter().filter_map(|one| Some((one, ranges.get(one)?)));
        known
            .map(|(partition, &range)| (partition.clone(), position(range)))
            .collect()
    };
    match at {
        Start::Earliest => Ok(from_range(|range| range.first)),
        Start::Latest => Ok(from_range(|range| range.end)),
        Start::Time(_) => {
            let found = admin.resolve(of, at)?;
            // Records may have come since the ranges were asked for.
            let within = |(partition, next): (Partition, u64)| {
                let range = ranges.get(&partition)?;
                Some((partition, next.clamp(range.first, range.end)))
            };
            Ok(found.into_iter().filter_map(within).collect())
        }
    }
}
