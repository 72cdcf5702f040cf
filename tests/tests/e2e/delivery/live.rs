//! A journal that grows as long as a test needs it, and a group that reads it.

use journal_tests::kafka::{Counts, Feed, Journal};
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths, until};
use rustix::process::Signal;

use super::{LIMIT, objects, shipped};

/// Object types of which the shipped recording has many records. Each partition gets some of each copy.
const OBJECT_TYPES: [&str; 3] = ["content", "directory", "revision"];
const RECORDS_PER_TYPE: usize = 200;
const PARTITIONS: i32 = 4;

/// A run that reads it never comes to an end, so it is always running when a test does its next step.
pub(super) struct Live<'a> {
    pub(super) prefix: Prefix,
    pub(super) group: String,
    broker: &'a Broker,
    feed: Feed,
}

impl Live<'static> {
    pub(super) fn new(name: &str) -> Self {
        Self::on(Broker::shared(), name)
    }
}

impl<'a> Live<'a> {
    pub(super) fn on(broker: &'a Broker, name: &str) -> Self {
        let prefix = Prefix::new(name);
        Self {
            group: prefix.group("group"),
            feed: Feed::start(broker, &prefix, some(), PARTITIONS),
            broker,
            prefix,
        }
    }

    /// A run that waits for more at the end, with many checkpoints.
    pub(super) fn host(&self, plugin: &str) -> Host {
        self.plain(plugin)
            .args(["--checkpoint-interval", "100ms"])
            // A member learns of a rebalance from its heartbeat.
            .args(["--kafka", "heartbeat.interval.ms=200"])
    }

    /// A run that waits for more at the end, without further arguments.
    pub(super) fn plain(&self, plugin: &str) -> Host {
        Host::run(&paths::plugin(plugin))
            .args(["--brokers", &self.broker.address()])
            .args(["--prefix", self.prefix.as_str(), "--group-id", &self.group])
    }

    /// Waits until there are more records.
    pub(super) fn until_more(&self) {
        self.feed.until_more();
    }

    /// Waits until the group has no members.
    pub(super) fn until_nobody_is_left(&self) {
        until("the group is empty", LIMIT, || {
            (self.broker.group(&self.group).0 == 0).then_some(())
        });
    }

    /// Waits until so many members share the partitions.
    pub(super) fn until_members_are(&self, members: usize) {
        until("members share the partitions", LIMIT, || {
            self.has_members(members).then_some(())
        });
    }

    /// Whether so many members share the partitions.
    pub(super) fn has_members(&self, members: usize) -> bool {
        self.broker.group(&self.group) == (members, "Stable".to_owned())
    }

    /// The number of records that the group has committed.
    pub(super) fn committed(&self) -> u64 {
        self.broker.committed_records(&self.group, &self.prefix)
    }

    /// Writes no more, reads what the runs before have left, and returns the counts of everything that was written.
    pub(super) fn rest(self) -> (Finished, Counts) {
        let rest = self.plain("count-objects").args(["--on-eof", "stop"]);
        // The runs have not come to an end: there was more after the last of them.
        self.feed.until_more();
        let counts = self.feed.stop();
        let rest = rest.finish(LIMIT).success();
        assert!(objects(&rest.counts()) > 0, "something was left");
        (rest, counts)
    }

    /// Writes no more, ends the run once it has committed everything, and returns the counts of everything.
    pub(super) fn end(self, mut running: Running) -> (Finished, Counts) {
        let (broker, prefix, group) = (self.broker, self.prefix, self.group);
        let counts = self.feed.stop();
        running.until("everything is committed", LIMIT, |_| {
            (broker.committed_records(&group, &prefix) == objects(&counts)).then_some(())
        });
        (stop(running), counts)
    }
}

/// Asks a run to end, which it does well.
pub(super) fn stop(running: Running) -> Finished {
    running.signal(Signal::TERM);
    running.finish(LIMIT).success()
}

/// Waits until a run writes rows that it had not written before.
pub(super) fn until_it_handles_more(running: &mut Running) {
    let before = running.rows().len();
    running.until("the member handles records", LIMIT, |running| {
        (running.rows().len() > before).then_some(())
    });
}

/// A few records of each type, in turns.
fn some() -> Journal {
    let all = shipped().records;
    let of = |wanted: &str| {
        let records = all
            .iter()
            .filter(move |record| record.object_type == wanted);
        records.take(RECORDS_PER_TYPE).cloned().collect::<Vec<_>>()
    };
    let by_type = OBJECT_TYPES.map(of);
    let turn = |index: usize| by_type.iter().map(move |records| records[index].clone());
    Journal {
        records: (0..RECORDS_PER_TYPE).flat_map(turn).collect(),
    }
}
