//! What passes from a source to a recording or to people: no masked object and, where these are removed, no names.

use journal_recording::Frame;

use super::error::Error;
use super::record::{Ended, Part, TakeFrames};
use crate::journal::batch::{RecordRef, Topic};
use crate::privacy::{Guard, Privacy};
use crate::source::{Damage, SourceError};

/// The topics as the output knows them: without names, records are those of public topics.
pub(super) fn shown<'t>(topics: impl Iterator<Item = &'t Topic>, part: &Part) -> Vec<Topic> {
    let privacy = part.privacy.as_deref();
    let anonymises = privacy.is_some_and(Privacy::anonymises);
    topics
        .map(|topic| {
            if anonymises {
                topic.public()
            } else {
                topic.clone()
            }
        })
        .collect()
}

/// A frame as a guard takes it.
pub(super) fn record_of<'f>(frame: &Frame<'f>) -> RecordRef<'f> {
    RecordRef {
        partition: frame.partition.unwrap_or_default(),
        offset: frame.offset.unwrap_or_default(),
        timestamp_ms: frame.timestamp_ms.unwrap_or(-1),
        key: frame.key,
        value: frame.value.unwrap_or_default(),
    }
}

/// Hands on what passes.
pub(super) struct Passed<'a> {
    guard: Option<Guard>,
    /// The topics that are read, and what the output knows them as.
    topics: Vec<(&'a Topic, Topic)>,
    output: &'a mut dyn TakeFrames,
}

impl<'a> Passed<'a> {
    /// Hands records of these topics on to `output`.
    pub(super) fn new(
        part: &Part,
        topics: impl Iterator<Item = &'a Topic>,
        output: &'a mut dyn TakeFrames,
    ) -> Self {
        let topics: Vec<&Topic> = topics.collect();
        let shown = shown(topics.iter().copied(), part);
        Self {
            guard: part.privacy.as_ref().map(Guard::new),
            topics: topics.into_iter().zip(shown).collect(),
            output,
        }
    }
}

impl Passed<'_> {
    /// Hands a record on with `hand`, if it passes.
    fn pass(
        &mut self,
        frame: &Frame<'_>,
        hand: impl FnOnce(&mut dyn TakeFrames, &Frame<'_>) -> Result<bool, Ended>,
    ) -> Result<bool, Ended> {
        let Some(guard) = &mut self.guard else {
            return hand(self.output, frame);
        };
        let mut topics = self.topics.iter();
        let Some((topic, shown)) = topics.find(|(topic, _)| topic.name == frame.topic) else {
            return Ok(false);
        };
        let admitted = guard.admit(topic, record_of(frame));
        let admitted = admitted.map_err(|refused| Error::from(SourceError::from(refused)))?;
        let Some(admitted) = admitted else {
            return Ok(false);
        };
        let passing = Frame {
            topic: &shown.name,
            value: frame.value.map(|_| admitted.value),
            ..*frame
        };
        hand(self.output, &passing)
    }
}

impl TakeFrames for Passed<'_> {
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, Ended> {
        self.pass(frame, |output, frame| output.take(frame))
    }

    fn take_damaged(&mut self, frame: &Frame<'_>, damage: &Damage) -> Result<bool, Ended> {
        self.pass(frame, |output, frame| output.take_damaged(frame, damage))
    }
}
