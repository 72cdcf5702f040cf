//! Says what a worker waits for that has read its own partitions, in a run that stops at the end of the data.

use std::time::{Duration, Instant};

use crate::journal::offsets::Partition;

/// How long a worker waits before it says so: other workers are usually as fast.
const FIRST_AFTER: Duration = Duration::from_secs(10);
/// How often it says so again.
const EVERY: Duration = Duration::from_secs(30);
/// The limit on the partitions that are named.
const NAMED: usize = 8;

/// For how long a worker has waited for others.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    since: Option<Instant>,
    said: Option<Instant>,
}

impl Waiting {
    /// The worker has something to do again.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// The line to log now about the partitions that others have not finished, if one is due. `static_session` is how
    /// long the group keeps the partitions of a static member that is away, where the members are static.
    pub(super) fn line<'a>(
        &mut self,
        open: impl ExactSizeIterator<Item = &'a Partition>,
        static_session: Option<Duration>,
        now: Instant,
    ) -> Option<String> {
        let since = *self.since.get_or_insert(now);
        let is_due = match self.said {
            None => now.duration_since(since) >= FIRST_AFTER,
            Some(said) => now.duration_since(said) >= EVERY,
        };
        if !is_due {
            return None;
        }
        self.said = Some(now);
        let seconds = now.duration_since(since).as_secs();
        let more = open.len().saturating_sub(NAMED);
        let named: Vec<String> = open.take(NAMED).map(Partition::to_string).collect();
        let partitions = match more {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        };
        let consequence = match static_session {
            Some(session) => format!(
                "the group keeps the partitions of a static member that has died for up to {} s \
                 (`session.timeout.ms`), unless it is started again",
                session.as_secs()
            ),
            None => "the partitions of a member that has died are given to others when its session times out"
                .to_owned(),
        };
        Some(format!(
            "all own partitions are read; waiting for {seconds} s until other members of the group have committed the \
             ends of {partitions}: {consequence}"
        ))
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

    #[test]
    fn waiting_is_said_after_ten_seconds_and_then_each_thirty() {
        let start = Instant::now();
        let mut waiting = Waiting::default();
        let open = partitions(2);
        let mut said_at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            waiting.line(open.iter(), None, now).is_some()
        };
        let said: Vec<u64> = (0..=75).filter(|&second| said_at(second)).collect();
        assert_eq!(said, [10, 40, 70]);
    }

    #[test]
    fn a_worker_that_gets_work_counts_from_the_beginning() {
        let start = Instant::now();
        let mut waiting = Waiting::default();
        let open = partitions(1);
        let line = |waiting: &mut Waiting, seconds| {
            waiting.line(open.iter(), None, start + Duration::from_secs(seconds))
        };
        assert!(line(&mut waiting, 0).is_none());
        assert!(line(&mut waiting, 10).is_some());
        waiting.over();
        assert!(line(&mut waiting, 41).is_none());
        let text = line(&mut waiting, 51).unwrap();
        assert!(text.contains("waiting for 10 s"), "{text}");
    }

    #[test]
    fn line_names_the_partitions_and_how_long_the_group_keeps_them() {
        let start = Instant::now();
        let mut waiting = Waiting::default();
        let open = partitions(10);
        let session = Some(Duration::from_mins(10));
        let mut line = |seconds| {
            let now = start + Duration::from_secs(seconds);
            waiting.line(open.iter(), session, now)
        };
        assert_eq!(line(0), None);
        let text = line(12).unwrap();
        assert!(text.contains("waiting for 12 s"), "{text}");
        assert!(
            text.contains("`t` partition 0, `t` partition 1, "),
            "{text}"
        );
        assert!(text.contains("`t` partition 7 and 2 more: "), "{text}");
        assert!(text.contains("up to 600 s"), "{text}");
    }
}
