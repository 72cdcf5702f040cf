//! Says what a worker waits for: for other workers, in a run that stops at the end of the data, or for the confirmation
//! of a commit.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::journal::holders::Holder;
use crate::journal::offsets::Partition;
use crate::text::plural;

/// How long a worker waits for others before it says so: usually they are as fast.
pub(super) const OTHERS_SAY_AFTER: Duration = Duration::from_secs(10);
/// How often it says so again.
pub(super) const EVERY: Duration = Duration::from_secs(30);
/// The limit on the partitions that are named, and on the members.
const NAMED: usize = 8;

/// For how long a worker has waited.
#[derive(Debug)]
pub(super) struct Waiting {
    say_after: Duration,
    since: Option<Instant>,
    said: Option<Instant>,
}

impl Waiting {
    /// Waiting that is said after this time, and then each 30 s.
    pub(super) fn saying_after(say_after: Duration) -> Self {
        Self {
            say_after,
            since: None,
            said: None,
        }
    }

    /// There is nothing to wait for any more.
    pub(super) fn over(&mut self) {
        *self = Self::saying_after(self.say_after);
    }

    /// The worker waits. Whether that is to be said now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        match self.said {
            None => now.duration_since(since) >= self.say_after,
            Some(said) => now.duration_since(said) >= EVERY,
        }
    }

    /// It is said now. Answers for how long the worker has waited.
    pub(super) fn said(&mut self, now: Instant) -> Duration {
        self.said = Some(now);
        now.duration_since(*self.since.get_or_insert(now))
    }
}

/// The line about partitions that others have not finished. `static_session` is how long the group keeps the partitions
/// of a static member that is away, where the members are static.
pub(super) fn for_others<'a>(
    waited: Duration,
    open: impl Iterator<Item = &'a Partition>,
    all: &[Holder],
    static_session: Option<Duration>,
) -> String {
    let open: BTreeSet<_> = open.collect();
    let shown = open.iter().take(NAMED).map(ToString::to_string);
    let partitions = listed(shown, open.len());
    let has_open = |holder: &&Holder| holder.partitions.iter().any(|own| open.contains(own));
    let holders: Vec<_> = all.iter().filter(has_open).collect();
    let names = holders.iter().take(NAMED).map(|holder| holder.name.clone());
    let held = match holders.len() {
        0 if all.is_empty() => String::new(),
        // A rebalance hides who has what.
        0 => format!("; the group has {}", members(all)),
        count => format!(", which the group has given to {}", listed(names, count)),
    };
    let consequence = match static_session {
        Some(session) => format!(
            "the group keeps the partitions of a static member that has died for up to {} s (`session.timeout.ms`), \
             unless it is started again",
            session.as_secs()
        ),
        None => "the partitions of a member that has died are given to others when its session times out".to_owned(),
    };
    format!(
        "all own partitions are read; waiting for {} s until other members of the group have committed the ends of \
         {partitions}{held}: {consequence}",
        waited.as_secs()
    )
}

/// The number of members of a group, and their names.
pub(super) fn members(holders: &[Holder]) -> String {
    let names = holders.iter().take(NAMED).map(|holder| holder.name.clone());
    let names = listed(names, holders.len());
    format!("{}: {names}", plural(holders.len(), "member"))
}

/// Some of `count` names.
fn listed(names: impl Iterator<Item = String>, count: usize) -> String {
    let names: Vec<_> = names.collect();
    let text = names.join(", ");
    match count - names.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(count: u32) -> Vec<Partition> {
        let partition = |number| Partition {
            topic: "t".into(),
            number,
        };
        (0..count).map(partition).collect()
    }

    /// The seconds at which it is said, of those up to 75.
    fn said(waiting: &mut Waiting) -> Vec<u64> {
        let start = Instant::now();
        let mut said_at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            let is_due = waiting.is_due(now);
            if is_due {
                assert_eq!(waiting.said(now), Duration::from_secs(seconds));
            }
            is_due
        };
        (0..=75).filter(|&second| said_at(second)).collect()
    }

    #[test]
    fn waiting_is_said_after_a_time_and_then_each_thirty_seconds() {
        let mut waiting = Waiting::saying_after(OTHERS_SAY_AFTER);
        assert_eq!(said(&mut waiting), [10, 40, 70]);
        assert_eq!(said(&mut Waiting::saying_after(EVERY)), [30, 60]);
    }

    #[test]
    fn a_worker_that_gets_work_counts_from_the_beginning() {
        let mut waiting = Waiting::saying_after(OTHERS_SAY_AFTER);
        assert_eq!(said(&mut waiting), [10, 40, 70]);
        waiting.over();
        assert_eq!(said(&mut waiting), [10, 40, 70]);
    }

    #[test]
    fn line_names_the_partitions_who_has_them_and_how_long_the_group_keeps_them() {
        let open = partitions(10);
        let session = Some(Duration::from_mins(10));
        let holder = |name: &str, partitions: &[Partition]| Holder {
            name: name.to_owned(),
            partitions: partitions.to_vec(),
        };
        let holders = [holder("one", &open[3..]), holder("other", &[])];
        let text = for_others(Duration::from_secs(12), open.iter(), &holders, session);
        for part in [
            "waiting for 12 s",
            "`t` partition 0, `t` partition 1, ",
            "`t` partition 7 and 2 more, which the group has given to one: ",
            "up to 600 s",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let hidden = [holder("one", &[]), holder("other", &[])];
        let text = for_others(Duration::from_secs(12), open.iter(), &hidden, None);
        let says = " and 2 more; the group has 2 members: one, other: the partitions";
        assert!(text.contains(says), "{text}");
        let unknown = for_others(Duration::from_secs(12), open.iter(), &[], None);
        assert!(unknown.contains(" and 2 more: the partitions"), "{unknown}");
        assert_eq!(members(&holders), "2 members: one, other");
    }
}
