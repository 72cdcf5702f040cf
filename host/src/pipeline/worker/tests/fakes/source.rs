//! A source that follows the script.

use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Answer, Step, World, letters, offsets_text, partition};
use crate::journal::batch::{Batches, TooLarge};
use crate::journal::offsets::{Offsets, Partition, Position, Remaining, Start};
use crate::source::{BatchLimits, Event, Source, SourceError, TopicIdentity, before_records};

impl World {
    /// Hands out what was handed out before, up to these positions, unless the script has an event next.
    fn hand_out_again(
        &self,
        into: &mut Batches,
        limits: BatchLimits,
        until: &Offsets,
    ) -> Option<Event> {
        let (position, is_records) = {
            let mut state = self.state();
            state.polls += 1;
            // No event comes in this poll.
            let is_idle = state
                .steps
                .pop_front_if(|next| matches!(next, Step::Idle))
                .is_some();
            let next = state.steps.front();
            let is_records = matches!(next, Some(Step::Records(..) | Step::End) | None);
            (state.position.clone(), is_idle || is_records)
        };
        if !is_records {
            return None;
        }
        for (partition, &end) in until {
            let next = position.get(partition).copied().unwrap_or(end);
            let count = end.saturating_sub(next).min(limits.records as u64);
            if count > 0 {
                return Some(self.hand_out(partition, count, into));
            }
        }
        Some(Event::Idle)
    }
}

impl World {
    /// Notes how much other workers could claim.
    fn look_at_the_quota(&self) {
        let claimable = self.quota.claim(1000);
        self.quota.give_back(claimable);
        let mut state = self.state();
        state.claimable = state.claimable.min(claimable);
    }

    /// Hands out what the source went back over, before the script's next records.
    fn hand_out_after_rewinding(&self, into: &mut Batches, limits: BatchLimits) -> Option<Event> {
        let (partition, count) = {
            let state = self.state();
            let is_records = matches!(
                state.steps.front(),
                Some(Step::Records(..) | Step::End | Step::WaitForTheEnd) | None
            );
            if !state.given.hands_out_again || !is_records || limits.records == 0 {
                return None;
            }
            let left = state.position.iter().map(|(partition, &next)| {
                let furthest = state.furthest.get(partition).copied().unwrap_or(0);
                (partition.clone(), furthest.saturating_sub(next))
            });
            left.into_iter().find(|&(_, count)| count > 0)?
        };
        Some(self.hand_out(&partition, count.min(limits.records as u64), into))
    }
}

impl World {
    fn answer_from_now(&self, step: &Step) {
        let given = &mut self.state().given;
        match step {
            Step::Confirming(answer) => given.confirms = *answer,
            Step::GroupConfirming(answer) => given.group_confirms = *answer,
            _ => {}
        }
    }
}

impl Source for World {
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        if !wait.is_zero() {
            self.look_at_the_quota();
        }
        if let Some(until) = until
            && let Some(event) = self.hand_out_again(into, limits, until)
        {
            return Ok(event);
        }
        if let Some(event) = self.hand_out_after_rewinding(into, limits) {
            return Ok(event);
        }
        let step = {
            let mut state = self.state();
            state.polls += 1;
            assert!(
                state.polls < 10_000,
                "the worker polls for ever: {:?}",
                state.log
            );
            state.steps.pop_front()
        };
        match step {
            Some(Step::Records(partition, count)) if limits.records == 0 => {
                let mut state = self.state();
                if state.log.last().is_none_or(|line| line != "only events") {
                    state.log.push("only events".to_owned());
                }
                // Where a worker never reads again, what comes after the records has to reach it.
                let never = matches!(state.given.confirms, Answer::Never);
                if !never {
                    state.steps.push_front(Step::Records(partition, count));
                }
                Ok(Event::Idle)
            }
            Some(Step::Records(partition, count)) => {
                let most = count.min(limits.records as u64);
                let event = self.hand_out(&partition, most, into);
                let rest = count - into.records() as u64;
                if rest > 0 {
                    let rest = Step::Records(partition, rest);
                    self.state().steps.push_front(rest);
                }
                Ok(event)
            }
            Some(Step::PassOver(partition, next)) => {
                self.state().position.insert(partition, next);
                Ok(Event::Idle)
            }
            Some(Step::Assigned(partitions)) => Ok(Event::Assigned(partitions)),
            Some(Step::Revoking(partitions)) => {
                self.state()
                    .steps
                    .push_front(Step::Revoking(partitions.clone()));
                Ok(Event::Revoking(partitions))
            }
            Some(Step::Lost(partitions)) => {
                self.state()
                    .steps
                    .push_front(Step::Lost(partitions.clone()));
                Ok(Event::Lost(partitions))
            }
            Some(Step::Idle) => Ok(Event::Idle),
            Some(Step::Stop) => {
                self.stop.request();
                Ok(Event::Idle)
            }
            Some(Step::Reopen) => {
                self.reopen.request();
                Ok(Event::Idle)
            }
            Some(Step::CutOff) => Err(SourceError::Kafka(crate::kafka::Error::Gone {
                brokers: "broker".to_owned(),
                seconds: 600,
                reason: "refused".to_owned(),
            })),
            Some(Step::Fail) => Err(SourceError::Batch(TooLarge)),
            Some(step @ (Step::Confirming(_) | Step::GroupConfirming(_))) => {
                self.answer_from_now(&step);
                Ok(Event::Idle)
            }
            Some(Step::LoseAfterKeepAlives(times)) => {
                self.state().lose_after = Some(times);
                Ok(Event::Idle)
            }
            Some(Step::CommittedByOthers(partition, next)) => {
                let position = Position::at(next);
                self.state().committed.insert(partition, position);
                Ok(Event::Idle)
            }
            Some(Step::Topic(topic)) => {
                self.state().topic = topic;
                Ok(Event::Idle)
            }
            Some(Step::WaitForTheEnd) => {
                std::thread::sleep(Duration::from_millis(1));
                self.state().steps.push_front(Step::WaitForTheEnd);
                Ok(Event::Idle)
            }
            Some(Step::End) | None => Ok(Event::End),
        }
    }

    fn position(&self) -> Offsets {
        self.state().position.clone()
    }

    fn position_before(&self, batches: &Batches) -> Offsets {
        before_records(self.position(), batches)
    }

    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError> {
        let next = match start {
            Start::Earliest => {
                if !self.state().committed.is_empty() {
                    self.note(format!("resolve{}", letters(of)));
                }
                0
            }
            Start::Latest => {
                let latest = self.state().given.latest.clone();
                let latest = latest.iter().map(|&(name, end)| (partition(name), end));
                return Ok(Poll::Ready(
                    latest.filter(|(one, _)| of.contains(one)).collect(),
                ));
            }
            Start::Time(ms) => {
                self.note(format!("resolve{} since {ms}", letters(of)));
                100
            }
        };
        let offsets = of.iter().map(|one| (one.clone(), next));
        Ok(Poll::Ready(offsets.collect()))
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        self.note(format!("assign{}", offsets_text(start)));
        self.state().position.extend(start.clone());
        Ok(())
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        self.note(format!("rewind{}", offsets_text(to)));
        let mut state = self.state();
        for (partition, next) in state.position.clone() {
            let furthest = state.furthest.entry(partition).or_insert(next);
            *furthest = next.max(*furthest);
        }
        state.position.extend(to.clone());
        Ok(())
    }

    fn release(&mut self) -> Result<(), SourceError> {
        let going = match self.state().steps.pop_front() {
            Some(Step::Revoking(going) | Step::Lost(going)) => going,
            other => panic!("nothing is to be released: {other:?}"),
        };
        self.note(format!("release{}", letters(&going)));
        let mut state = self.state();
        state.position.retain(|own, _| !going.contains(own));
        state.furthest.retain(|own, _| !going.contains(own));
        state.lose_after = None;
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        // A step that changes how a store confirms also takes effect while the worker waits for it.
        let next = self.state().steps.front().cloned();
        if let Some(step) = next {
            self.answer_from_now(&step);
        }
        let mut state = self.state();
        Ok(match &mut state.lose_after {
            None => true,
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
        })
    }

    fn remaining(&mut self) -> Remaining {
        Remaining::Unknown
    }

    fn topic_of(&self, _: &Partition) -> TopicIdentity {
        self.state().topic
    }

    fn close(self: Box<Self>, _others_end: Option<Instant>) {
        self.note("close".to_owned());
    }
}
