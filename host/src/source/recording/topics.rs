//! The topics of a recording: those that are read, and those whose records are passed over.

use std::sync::Arc;

use journal_recording::Format;

use crate::journal::batch::Topic;
use crate::journal::topics::{Subscription, TopicError};

/// A topic of the recording.
#[derive(Debug)]
struct Entry {
    /// As the records name it.
    name: String,
    /// The topic, where it is read.
    topic: Option<Arc<Topic>>,
    /// Records seen so far.
    records: u64,
}

/// All topics of the recording, those that are not read included.
#[derive(Debug)]
pub(super) struct Topics {
    entries: Vec<Entry>,
    /// The entry of the last record: neighbours are often of one topic.
    last: usize,
}

impl Topics {
    /// Chooses among `names`, which are all that the recording has: of topics, or of object types.
    pub(super) fn choose(
        names: &[String],
        format: Format,
        subscription: &Subscription,
    ) -> Result<Self, TopicError> {
        let all = names.iter().map(String::as_str);
        let (chosen, name_of): (_, fn(&Topic) -> &str) = match format {
            Format::Frames => (subscription.choose(all)?, |topic| &topic.name),
            Format::Stream => (subscription.choose_object_types(all)?, |topic| {
                &topic.object_type
            }),
        };
        let chosen: Vec<_> = chosen.into_iter().map(Arc::new).collect();
        let entry = |name: &String| Entry {
            name: name.clone(),
            topic: chosen.iter().find(|topic| name_of(topic) == name).cloned(),
            records: 0,
        };
        Ok(Self {
            entries: names.iter().map(entry).collect(),
            last: 0,
        })
    }

    /// The topic that records call `name`, and how many of its records came before. The outer
    /// `None` is for a name that the recording should not have, the inner for a topic not read.
    pub(super) fn find(&mut self, name: &str) -> Option<(Option<&Arc<Topic>>, u64)> {
        if self
            .entries
            .get(self.last)
            .is_none_or(|entry| entry.name != name)
        {
            self.last = self.entries.iter().position(|entry| entry.name == name)?;
        }
        let entry = self.entries.get(self.last)?;
        Some((entry.topic.as_ref(), entry.records))
    }

    /// Forgets what was counted.
    pub(super) fn start_over(&mut self) {
        for entry in &mut self.entries {
            entry.records = 0;
        }
    }

    /// Counts a record of the topic found last.
    pub(super) fn count(&mut self) {
        if let Some(entry) = self.entries.get_mut(self.last) {
            entry.records += 1;
        }
    }
}
