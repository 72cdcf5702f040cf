//! What is asked of a group and done with it.

use std::cell::RefCell;
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
use crate::sink::{self, PositionKeeper};

/// A group and the topics that were chosen.
pub(super) struct Group {
    admin: GroupAdmin,
    id: String,
    choices: Vec<TopicChoice>,
    /// The output that keeps the positions of the group. It decides where a run goes on, and the group follows.
    keeper: Option<RefCell<Box<dyn PositionKeeper>>>,
}

/// The positions that are committed.
struct Known {
    /// Those that decide where a run goes on.
    deciding: Committed,
    /// Those of the group, where others decide.
    of_group: Option<Committed>,
}

/// What a group has committed, with what its topics hold.
pub(super) struct Found {
    pub(super) group_id: String,
    pub(super) group: kafka::Group,
    pub(super) partitions: Vec<Partition>,
    pub(super) committed: Committed,
    pub(super) ranges: LogRanges,
    /// The output that has the committed positions, unless the group has them.
    pub(super) keeper: Option<String>,
    /// The partitions of which the group has an offset, and the output that decides has none.
    pub(super) only_in_group: usize,
}

/// What was changed, or would be.
pub(super) struct Applied {
    pub(super) group_id: String,
    pub(super) dry_run: bool,
    pub(super) changes: Changes,
    /// The output whose positions were changed, and those of the group with them.
    pub(super) keeper: Option<String>,
}

impl Group {
    /// Connects, and finds the topics of the object types.
    pub(super) fn connect(
        config: &GroupConfig,
        mut choices: Vec<TopicChoice>,
    ) -> Result<Self, OffsetsError> {
        let id = config.kafka.connection.group_id.clone();
        let keeper = sink::position_keeper(&config.outputs, &id)?;
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
            id,
            choices,
            keeper: keeper.map(RefCell::new),
        })
    }

    /// What the group has committed.
    pub(super) fn look(&self) -> Result<Found, OffsetsError> {
        let group = self.admin.describe()?;
        // They are read before the ends, so that a commit between the two requests is not beyond the end.
        let known = self.known()?;
        if group.state == GroupState::Missing && known.is_empty() {
            return Err(self.missing(false));
        }
        let partitions = self.select(&known.all())?;
        let ranges = self.admin.ranges(&partitions)?;
        Ok(Found {
            group_id: self.id.clone(),
            group,
            ranges,
            keeper: self.keeper_name(),
            only_in_group: known.only_in_group(&partitions),
            partitions,
            committed: known.deciding,
        })
    }

    /// The committed offsets of the chosen topics.
    pub(super) fn offsets(&self) -> Result<OffsetFile, OffsetsError> {
        let known = self.known()?;
        if known.is_empty() && self.admin.describe()?.state == GroupState::Missing {
            return Err(self.missing(false));
        }
        let committed = known.deciding;
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
        let state = self.check_members(dry_run)?;
        self.lock(dry_run)?;
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
        let known = self.known()?;
        // The offsets are of the same journal that the group began to read at that time.
        let start = start_time(&known.all());
        self.say_whether_new(state, dry_run);
        self.apply(&known, &wanted, start, dry_run)
    }

    /// Commits the offsets at which the chosen partitions start. `now` is the time of the end.
    pub(super) fn reset(
        &self,
        start: Start,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Applied, OffsetsError> {
        let state = self.check_members(dry_run)?;
        self.lock(dry_run)?;
        let known = self.known()?;
        let committed = known.all();
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
        let is_at = |(one, next): (&Partition, &u64)| {
            committed
                .get(one)
                .is_some_and(|position| position.next == *next)
        };
        let is_there = start == Start::Latest && wanted.iter().all(is_at);
        let started = start_time(&committed);
        let noted = match start {
            _ if !is_whole || (is_there && started.is_some()) => started,
            Start::Earliest => None,
            Start::Latest => Some(StartTime::from(now)),
            Start::Time(ms) => Some(StartTime::from_ms(ms)),
        };
        self.say_whether_new(state, dry_run);
        self.apply(&known, &wanted, noted, dry_run)
    }

    /// Changes the group first, because its coordinator may still refuse: then nothing was changed.
    fn apply(
        &self,
        known: &Known,
        wanted: &Offsets,
        start: Option<StartTime>,
        dry_run: bool,
    ) -> Result<Applied, OffsetsError> {
        let changes = Changes::between(&known.deciding, wanted, start);
        if !dry_run {
            let of_group = known.of_group.as_ref();
            let of_group = of_group.map(|committed| Changes::between(committed, wanted, start));
            let of_group = of_group.as_ref().unwrap_or(&changes);
            self.admin.commit(&of_group.positions())?;
            if let Some(keeper) = &self.keeper {
                keeper.borrow_mut().replace(&changes.positions())?;
            }
        }
        Ok(Applied {
            group_id: self.id.clone(),
            dry_run,
            changes,
            keeper: self.keeper_name(),
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
        Ok(group.state)
    }

    fn say_whether_new(&self, state: GroupState, dry_run: bool) {
        if state == GroupState::Missing && !dry_run {
            tracing::info!("the group `{}` is new", self.id);
        }
    }

    /// Keeps runs away from the output that has the positions.
    fn lock(&self, dry_run: bool) -> Result<(), OffsetsError> {
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !dry_run) {
            keeper.borrow_mut().lock()?;
        }
        Ok(())
    }

    /// The positions that are committed now.
    fn known(&self) -> Result<Known, OffsetsError> {
        let of_group = self.admin.committed()?;
        Ok(match &self.keeper {
            None => Known {
                deciding: of_group,
                of_group: None,
            },
            Some(keeper) => Known {
                deciding: keeper.borrow().positions()?,
                of_group: Some(of_group),
            },
        })
    }

    /// The output that has the positions, unless the group has them.
    pub(super) fn keeper_name(&self) -> Option<String> {
        let keeper = self.keeper.as_ref()?;
        Some(keeper.borrow().name().to_owned())
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

impl Known {
    fn is_empty(&self) -> bool {
        self.deciding.is_empty() && self.of_group.as_ref().is_none_or(Committed::is_empty)
    }

    /// The positions that decide, and of other partitions those of the group.
    fn all(&self) -> Committed {
        let mut all = self.of_group.clone().unwrap_or_default();
        all.extend(self.deciding.clone());
        all
    }

    /// How many of these partitions have a position in the group alone.
    fn only_in_group(&self, partitions: &[Partition]) -> usize {
        let Some(of_group) = &self.of_group else {
            return 0;
        };
        let is_missing =
            |one: &&Partition| of_group.contains_key(one) && !self.deciding.contains_key(one);
        partitions.iter().filter(is_missing).count()
    }
}
