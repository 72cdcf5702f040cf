//! What is asked of a group and done with it.

use std::path::Path;
use std::time::SystemTime;

use super::OffsetsError;
use crate::config::GroupConfig;
use crate::journal::group_offsets::{
    Changes, Committed, LogRanges, TopicChoice, Unknown, check_partitions, check_ranges, select,
    start_time,
};
use crate::journal::offset_file::OffsetFile;
use crate::journal::offsets::{Offsets, Partition, Start};
use crate::journal::start::StartTime;
use crate::journal::topics::ObjectTypes;
use crate::kafka::{self, GroupAdmin, GroupError, GroupState};
use crate::pipeline::build::{cluster_settings, subscription};

/// A group and the topics that were chosen.
pub(super) struct Group {
    admin: GroupAdmin,
    id: String,
    choices: Vec<TopicChoice>,
}

/// What a group has committed, with what its topics hold.
pub(super) struct Found {
    pub(super) group_id: String,
    pub(super) group: kafka::Group,
    pub(super) partitions: Vec<Partition>,
    pub(super) committed: Committed,
    pub(super) ranges: LogRanges,
}

/// What was changed, or would be.
pub(super) struct Applied {
    pub(super) group_id: String,
    pub(super) dry_run: bool,
    pub(super) changes: Changes,
}

impl Group {
    /// Connects, and finds the topics of the object types.
    pub(super) fn connect(
        config: &GroupConfig,
        mut choices: Vec<TopicChoice>,
    ) -> Result<Self, OffsetsError> {
        let admin = GroupAdmin::connect(&cluster_settings(&config.kafka.connection))?;
        if !config.objects.types.is_empty() {
            let types = ObjectTypes::Named(config.objects.types.clone());
            let subscription = subscription(&config.objects, types);
            let topics = subscription.choose(admin.sizes().keys().map(|name| &**name));
            let topics = topics.map_err(|error| kafka::Error::Topics {
                brokers: admin.brokers().to_owned(),
                error,
            })?;
            choices.extend(topics.into_iter().map(|topic| TopicChoice {
                topic: topic.name,
                partition: None,
            }));
        }
        Ok(Self {
            admin,
            id: config.kafka.connection.group_id.clone(),
            choices,
        })
    }

    /// What the group has committed.
    pub(super) fn look(&self) -> Result<Found, OffsetsError> {
        let group = self.admin.describe()?;
        // They are read before the ends, so that a commit between the two requests is not beyond the end.
        let committed = self.admin.committed()?;
        if group.state == GroupState::Missing && committed.is_empty() {
            return Err(self.missing(false));
        }
        let partitions = self.select(&committed)?;
        let ranges = self.admin.ranges(&partitions)?;
        Ok(Found {
            group_id: self.id.clone(),
            group,
            partitions,
            committed,
            ranges,
        })
    }

    /// The committed offsets of the chosen topics.
    pub(super) fn offsets(&self) -> Result<OffsetFile, OffsetsError> {
        let committed = self.admin.committed()?;
        if committed.is_empty() && self.admin.describe()?.state == GroupState::Missing {
            return Err(self.missing(false));
        }
        let partitions = self.select(&committed)?;
        let offsets: Offsets = partitions
            .into_iter()
            .filter_map(|partition| {
                let next = committed.get(&partition)?.next;
                Some((partition, next))
            })
            .collect();
        if offsets.is_empty() {
            return Err(self.nothing_committed());
        }
        Ok(OffsetFile {
            group_id: Some(self.id.clone()),
            offsets,
        })
    }

    /// Commits the offsets in a file.
    pub(super) fn restore(
        &self,
        path: &Path,
        file: OffsetFile,
        dry_run: bool,
    ) -> Result<Applied, OffsetsError> {
        if let Some(other) = file.group_id.filter(|other| *other != self.id) {
            tracing::warn!(
                "the offsets in `{}` were saved from the group `{other}`",
                path.display()
            );
        }
        let mut wanted = file.offsets;
        if !self.choices.is_empty() {
            let chosen = self.select(&Committed::new())?;
            wanted.retain(|partition, _| chosen.binary_search(partition).is_ok());
            if wanted.is_empty() {
                return Err(OffsetsError::NotInFile {
                    path: path.to_owned(),
                });
            }
        }
        self.check_members(dry_run)?;
        check_partitions(self.admin.sizes(), &wanted).map_err(|unknown| self.unknown(unknown))?;
        let partitions: Vec<Partition> = wanted.keys().cloned().collect();
        let ranges = self.admin.ranges(&partitions)?;
        if let Some(partition) = partitions.iter().find(|one| !ranges.contains_key(one)) {
            let partition = partition.clone();
            return Err(GroupError::NoLeader { partition }.into());
        }
        check_ranges(&wanted, &ranges).map_err(|source| OffsetsError::OutOfRange {
            path: path.to_owned(),
            source,
        })?;
        let committed = self.admin.committed()?;
        // The offsets are of the same journal that the group began to read at that time.
        let start = start_time(&committed);
        self.apply(Changes::between(&committed, &wanted, start), dry_run)
    }

    /// Commits the offsets at which the chosen partitions start. `now` is the time of the end.
    pub(super) fn reset(
        &self,
        start: Start,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Applied, OffsetsError> {
        let state = self.check_members(dry_run)?;
        let committed = self.admin.committed()?;
        let partitions = self.select(&committed)?;
        if partitions.is_empty() {
            return Err(match state {
                GroupState::Missing => self.missing(true),
                _ => self.nothing_committed(),
            });
        }
        if let Some(gone) = partitions.iter().find(|one| !self.exists(one)) {
            return Err(self.unknown(Unknown::Topic {
                topic: gone.topic.to_string(),
            }));
        }
        let wanted = self.admin.resolve(&partitions, start)?;
        // A group whose offsets are all reset starts again, so that other partitions follow when it sees them; otherwise
        // they begin where the group began.
        let is_whole = committed.keys().all(|one| wanted.contains_key(one));
        let noted = match start {
            _ if !is_whole => start_time(&committed),
            Start::Earliest => None,
            Start::Latest => Some(StartTime::from(now)),
            Start::Time(ms) => Some(StartTime::from_ms(ms)),
        };
        self.apply(Changes::between(&committed, &wanted, noted), dry_run)
    }

    fn apply(&self, changes: Changes, dry_run: bool) -> Result<Applied, OffsetsError> {
        if !dry_run {
            self.admin.commit(&changes.positions())?;
        }
        Ok(Applied {
            group_id: self.id.clone(),
            dry_run,
            changes,
        })
    }

    /// Refuses to change what members would not notice, and commit over.
    fn check_members(&self, dry_run: bool) -> Result<GroupState, OffsetsError> {
        let group = self.admin.describe()?;
        if !group.members.is_empty() {
            if !dry_run {
                return Err(OffsetsError::HasMembers {
                    group_id: self.id.clone(),
                    members: group.members,
                });
            }
            tracing::warn!("the group has members now: stop them before you change its offsets");
        }
        if group.state == GroupState::Missing && !dry_run {
            tracing::info!("the group `{}` is new", self.id);
        }
        Ok(group.state)
    }

    fn select(&self, committed: &Committed) -> Result<Vec<Partition>, OffsetsError> {
        let selected = select(self.admin.sizes(), &self.choices, committed);
        selected.map_err(|unknown| self.unknown(unknown))
    }

    fn exists(&self, partition: &Partition) -> bool {
        let count = self.admin.sizes().get(&partition.topic);
        count.is_some_and(|&count| partition.number < count)
    }

    fn missing(&self, can_be_created: bool) -> OffsetsError {
        OffsetsError::Missing {
            brokers: self.admin.brokers().to_owned(),
            group_id: self.id.clone(),
            can_be_created,
        }
    }

    fn nothing_committed(&self) -> OffsetsError {
        OffsetsError::NothingCommitted {
            group_id: self.id.clone(),
            narrowed: !self.choices.is_empty(),
        }
    }

    fn unknown(&self, unknown: Unknown) -> OffsetsError {
        let topics = self.admin.sizes().keys();
        OffsetsError::Unknown {
            brokers: self.admin.brokers().to_owned(),
            unknown,
            topics: topics.map(ToString::to_string).collect(),
        }
    }
}
