//! A source whose polls are done in another way, such as metered or with other limits.

use std::task::Poll;
use std::time::{Duration, Instant};

use super::{BatchLimits, Event, Source, SourceError, TopicIdentity};
use crate::journal::batch::Batches;
use crate::journal::holders::Holder;
use crate::journal::offsets::{Offsets, Partition, ReadAhead, Remaining, Start};

/// A source, and what is done for each of its polls.
pub(crate) struct Polled<S, P> {
    source: S,
    poll: P,
}

impl<S, P> Polled<S, P>
where
    S: Source,
    P: FnMut(
            &mut S,
            &mut Batches,
            BatchLimits,
            Option<&Offsets>,
            Duration,
        ) -> Result<Event, SourceError>
        + Send,
{
    /// The source, whose polls `poll` does. It gets the source and what [`Source::poll`] gets.
    pub(crate) fn by(source: S, poll: P) -> Self {
        Self { source, poll }
    }
}

impl<S, P> Source for Polled<S, P>
where
    S: Source,
    P: FnMut(
            &mut S,
            &mut Batches,
            BatchLimits,
            Option<&Offsets>,
            Duration,
        ) -> Result<Event, SourceError>
        + Send,
{
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        (self.poll)(&mut self.source, into, limits, until, wait)
    }

    fn position(&self) -> Offsets {
        self.source.position()
    }

    fn position_before(&self, batches: &Batches) -> Offsets {
        self.source.position_before(batches)
    }

    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError> {
        self.source.resolve(of, start)
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        self.source.assign(start)
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        self.source.rewind(to)
    }

    fn release(&mut self) -> Result<(), SourceError> {
        self.source.release()
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        self.source.keep_alive()
    }

    fn remaining(&mut self) -> Remaining {
        self.source.remaining()
    }

    fn read_ahead(&self) -> Option<ReadAhead> {
        self.source.read_ahead()
    }

    fn without_brokers_since(&self) -> Option<Instant> {
        self.source.without_brokers_since()
    }

    fn new_ends(&mut self) -> Option<Offsets> {
        self.source.new_ends()
    }

    fn holders(&mut self) -> Poll<Option<Vec<Holder>>> {
        self.source.holders()
    }

    fn topic_of(&self, partition: &Partition) -> TopicIdentity {
        self.source.topic_of(partition)
    }

    fn close(self: Box<Self>, others_end: Option<Instant>) {
        Box::new(self.source).close(others_end);
    }
}
