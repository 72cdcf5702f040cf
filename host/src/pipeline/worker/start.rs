//! How partitions come, and where they start.
//!
//! A partition goes on from its committed position. One without a position starts where an offset file says, or else
//! with its group: at the time that the group's commits remember, or at its beginning if they remember none. Only where
//! nothing is committed the settings decide. A start that is not the beginning is committed before the first row is
//! durable, because a later run could not find it again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use super::Worker;
use crate::journal::offsets::{
    OffsetStore, Offsets, Partition, Position, Positions, Start, StoreError,
};
use crate::journal::start::{GroupStart, StartTime};
use crate::journal::topic_note;
use crate::pipeline::checkpoint::Unconfirmed;
use crate::pipeline::failure::WorkerError;
use crate::source::{Source, TopicIdentity};
use crate::text::plural;

/// Where partitions without a committed position start.
#[derive(Clone, Debug)]
pub(crate) struct StartRules {
    /// The start of a group that has committed nothing. Without one, a partition without a committed position ends the
    /// run.
    pub(crate) of_group: Option<Start>,
    /// Whether the operator says where a partition starts of which a sink has no position.
    pub(crate) is_explicit: bool,
    /// The positions of an offset file.
    pub(crate) listed: Arc<Offsets>,
    /// The partitions that the group may have committed positions for, of other topics included.
    pub(crate) partitions: Arc<[Partition]>,
}

impl StartRules {
    /// Every partition starts at its beginning, and nothing remembers it.
    pub(crate) fn beginning() -> Self {
        Self {
            of_group: Some(Start::Earliest),
            is_explicit: false,
            listed: Arc::default(),
            partitions: Arc::default(),
        }
    }
}

/// Partitions that come.
#[derive(Debug)]
pub(super) struct Arriving {
    partitions: Vec<Partition>,
    /// Their committed positions, once they are known.
    committed: Option<Positions>,
    /// Whether the group was asked as well, where a sink has the positions.
    group_is_asked: bool,
    /// The beginnings of partitions whose positions are of topics that were deleted, once they are known.
    again: Option<Offsets>,
    /// The start of the group, once it is known and a partition depends on it.
    group: Option<GroupStart>,
}

impl Arriving {
    pub(super) fn new(partitions: Vec<Partition>) -> Self {
        Self {
            partitions,
            committed: None,
            group_is_asked: false,
            again: None,
            group: None,
        }
    }

    /// What the commits of these partitions alone say about the start of the group.
    fn start(&self) -> GroupStart {
        let committed = self.committed.as_ref();
        committed.map_or(GroupStart::NotYet, GroupStart::of)
    }
}

/// Where partitions start.
#[derive(Debug, Default)]
struct Starts {
    positions: BTreeMap<Partition, Position>,
    /// Those that have to be committed, because nothing else remembers them.
    unsaved: BTreeMap<Partition, Position>,
    /// Those that were committed before.
    resumed: BTreeMap<Partition, Position>,
}

impl Starts {
    fn add_unsaved(&mut self, partition: &Partition, next: u64, note: String) {
        let position = Position { next, note };
        self.unsaved.insert(partition.clone(), position.clone());
        self.positions.insert(partition.clone(), position);
    }

    fn add_resumed(&mut self, partition: &Partition, next: u64, note: String) {
        let position = Position { next, note };
        self.resumed.insert(partition.clone(), position.clone());
        self.positions.insert(partition.clone(), position);
    }

    fn add(&mut self, partition: &Partition, next: u64, note: String) {
        let position = Position { next, note };
        self.positions.insert(partition.clone(), position);
    }
}

impl Worker {
    /// Starts partitions that come, once it is known where.
    pub(super) fn start_arrived(&mut self) -> Result<(), WorkerError> {
        let Some(mut arriving) = self.arriving.take() else {
            return Ok(());
        };
        match self.starts_of(&mut arriving)? {
            Poll::Pending => {
                self.arriving = Some(arriving);
                Ok(())
            }
            Poll::Ready(starts) => self.assign(starts),
        }
    }

    fn starts_of(&mut self, arriving: &mut Arriving) -> Result<Poll<Starts>, WorkerError> {
        if self.sinks.store().is_some() && !arriving.group_is_asked {
            // Whoever asks the brokers for its positions also learns which topics exist now.
            if self.store.load(&arriving.partitions)?.is_pending() {
                return Ok(Poll::Pending);
            }
            arriving.group_is_asked = true;
        }
        let committed = match arriving.committed.take() {
            Some(committed) => committed,
            None => match self.deciding_store().load(&arriving.partitions)? {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(committed) => committed,
            },
        };
        let committed = arriving.committed.insert(committed);
        let mut starts = Starts::default();
        let (mut fresh, mut again) = (Vec::new(), Vec::new());
        for partition in &arriving.partitions {
            if let Some(Some(position)) = committed.get(partition) {
                if self.source.is_of_another_topic(partition, position) {
                    again.push(partition.clone());
                    continue;
                }
                let time = StartTime::of_note(&position.note);
                let note = time.map(StartTime::note).unwrap_or_default();
                starts.add_resumed(partition, position.next, note);
            } else if let Some(&next) = self.settings.start.listed.get(partition) {
                starts.add_unsaved(partition, next, String::new());
            } else {
                fresh.push(partition.clone());
            }
        }
        if !again.is_empty() && self.add_again(&mut starts, arriving, &again)?.is_pending() {
            return Ok(Poll::Pending);
        }
        if !fresh.is_empty() && self.add_fresh(&mut starts, arriving, &fresh)?.is_pending() {
            return Ok(Poll::Pending);
        }
        Ok(Poll::Ready(starts))
    }

    /// Adds the beginnings of partitions for which a sink has positions of topics that were deleted.
    fn add_again(
        &mut self,
        starts: &mut Starts,
        arriving: &mut Arriving,
        again: &[Partition],
    ) -> Result<Poll<()>, WorkerError> {
        let found = match arriving.again.take() {
            Some(found) => found,
            None => match self.source.resolve(again, Start::Earliest)? {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(found) => found,
            },
        };
        for (partition, &next) in &*arriving.again.insert(found) {
            tracing::warn!(
                "the topic of {partition} was created again since the output got rows of it: it is read from its \
                 beginning"
            );
            starts.add(partition, next, String::new());
            if let TopicIdentity::Known(topic) = self.source.topic_of(partition) {
                let note = topic_note::join("", topic);
                let position = Position { next, note };
                starts.unsaved.insert(partition.clone(), position);
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Adds the starts of partitions that have neither a committed position nor one in an offset file.
    fn add_fresh(
        &mut self,
        starts: &mut Starts,
        arriving: &mut Arriving,
        fresh: &[Partition],
    ) -> Result<Poll<()>, WorkerError> {
        if self.check_the_group(fresh)?.is_pending() {
            return Ok(Poll::Pending);
        }
        let of_group = self.settings.start.of_group;
        let of_group = of_group.ok_or_else(|| WorkerError::NoCommittedOffset(fresh[0].clone()))?;
        let group = match arriving.group {
            Some(group) => group,
            None => match self.group_start()? {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(group) => *arriving.group.insert(group.with(arriving.start())),
            },
        };
        let at = match group {
            GroupStart::NotYet => of_group,
            GroupStart::Beginning => Start::Earliest,
            GroupStart::At(time) => Start::Time(time.ms()),
        };
        let found = match self.source.resolve(fresh, at)? {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(found) => found,
        };
        let fresh = plural(fresh.len(), "partition");
        if at == of_group {
            tracing::debug!("without a committed offset, {fresh} start at {at}");
        } else {
            tracing::info!(
                "without a committed offset, {fresh} start at {at}, where the group started"
            );
        }
        for (partition, &next) in &found {
            match at {
                // It is found again as long as nothing is processed.
                Start::Earliest => starts.add(partition, next, String::new()),
                Start::Latest => starts.add_unsaved(partition, next, String::new()),
                Start::Time(ms) => {
                    starts.add_unsaved(partition, next, StartTime::from_ms(ms).note());
                }
            }
        }
        Ok(Poll::Ready(()))
    }

    fn assign(&mut self, starts: Starts) -> Result<(), WorkerError> {
        let mut offsets = offsets_of(&starts.positions);
        let resumed = self.resume_after_durable_rows(&mut offsets);
        self.source.assign(&offsets)?;
        let partitions = plural(offsets.len(), "partition");
        self.durable.extend(offsets);
        self.counters.count_rebalance();
        self.counters.show_assigned(self.durable.len());
        if self.settings.leaves_a_group {
            tracing::info!(
                "worker {}: {partitions} assigned, {} in all",
                self.number,
                self.durable.len()
            );
        }
        let positions = starts.positions.into_iter();
        let notes = positions.map(|(partition, position)| (partition, position.note));
        self.notes
            .extend(notes.filter(|(_, note)| !note.is_empty()));
        self.commit_starts(&starts.unsaved)?;
        if self.sinks.store().is_some() {
            // The group may lack what the worker before this one committed to the sink.
            self.send_courtesy(&starts.resumed);
        }
        self.send_again(&resumed)
    }

    /// Commits where partitions start. No checkpoint is made durable before this is confirmed: after a crash these
    /// rows would be there, and the records after them would be passed over.
    fn commit_starts(&mut self, starts: &BTreeMap<Partition, Position>) -> Result<(), WorkerError> {
        if starts.is_empty() {
            return Ok(());
        }
        self.deciding_store().send(starts)?;
        let number = self.sinks.number();
        let unconfirmed = &mut self.unconfirmed;
        let unconfirmed = unconfirmed.get_or_insert_with(|| Unconfirmed::new(number));
        // Nothing before these positions comes again.
        unconfirmed.extend(&Offsets::new(), offsets_of(starts));
        self.look_for_confirmation()
    }

    /// A sink that decides and has no position of a partition must not pass over, or take again, what the group went
    /// through with another output.
    fn check_the_group(&mut self, fresh: &[Partition]) -> Result<Poll<()>, WorkerError> {
        if self.sinks.store().is_none() || self.settings.start.is_explicit {
            return Ok(Poll::Ready(()));
        }
        let Poll::Ready(committed) = self.store.committed(fresh)? else {
            return Ok(Poll::Pending);
        };
        let ahead = committed.into_iter().find_map(|(partition, position)| {
            let committed = position?.next;
            Some((partition, committed))
        });
        match ahead {
            Some((partition, committed)) => Err(WorkerError::GroupAhead {
                partition,
                committed,
            }),
            None => Ok(Poll::Ready(())),
        }
    }

    /// Takes the positions of a sink that has others than this worker, whose rows it refuses.
    pub(super) fn load_again(&mut self) -> Result<(), WorkerError> {
        let assigned: Vec<_> = self.durable.keys().cloned().collect();
        // Without an answer, the next checkpoint is refused as well, and asks again.
        self.wait_until(None, |worker| {
            let Poll::Ready(positions) = worker.deciding_store().load(&assigned)? else {
                return Ok(false);
            };
            let known = positions.into_iter();
            let known = known.filter_map(|(one, position)| Some((one, position?.next)));
            worker.durable.extend(known);
            Ok(true)
        })?;
        Ok(())
    }

    /// What the commits of the whole group say about its start.
    fn group_start(&mut self) -> Result<Poll<GroupStart>, StoreError> {
        let partitions = Arc::clone(&self.settings.start.partitions);
        let found = self.deciding_store().committed(&partitions)?;
        Ok(found.map(|positions| GroupStart::of(&positions)))
    }

    /// Whether a later run starts where this one did. A group that starts at a time may find nothing to read, and must
    /// not end before its start is committed.
    pub(super) fn start_is_saved(&mut self) -> Result<bool, WorkerError> {
        let of_group = self.settings.start.of_group;
        if matches!(of_group, None | Some(Start::Earliest)) || !self.durable.is_empty() {
            // What this worker has sent is confirmed before it ends.
            return Ok(true);
        }
        Ok(match self.group_start()? {
            Poll::Pending => false,
            Poll::Ready(start) => start != GroupStart::NotYet,
        })
    }

    /// The store that decides: that of a sink which commits offsets with its rows, or else the group.
    pub(super) fn deciding_store(&mut self) -> &mut dyn OffsetStore {
        match self.sinks.store() {
            Some(store) => store,
            None => self.store.as_mut(),
        }
    }
}

impl dyn Source {
    /// Whether the position is one of a topic of the same name that was deleted.
    fn is_of_another_topic(&self, partition: &Partition, position: &Position) -> bool {
        match (
            topic_note::split(&position.note).1,
            self.topic_of(partition),
        ) {
            (Some(before), TopicIdentity::Known(now)) => before != now,
            _ => false,
        }
    }
}

fn offsets_of(positions: &BTreeMap<Partition, Position>) -> Offsets {
    let positions = positions.iter();
    positions
        .map(|(partition, position)| (partition.clone(), position.next))
        .collect()
}
