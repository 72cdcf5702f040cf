//! The topics of a recording: those that are read, and those whose records are skipped.

use std::sync::Arc;

use journal_recording::Format;

use crate::journal::batch::Topic;
use crate::journal::topics::{Subscription, TopicError};

/// A topic of the recording.
#[derive(Clone, Debug)]
struct Entry {
    /// The name in the records.
    name: String,
    /// The topic, if it is read.
    topic: Option<Arc<Topic>>,
    /// Records seen so far.
    records: u64,
}

/// All topics of the recording, those that are not read included.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    entries: Vec<Entry>,
    /// The index of the last record's entry: consecutive records often have the same topic.
    last: usize,
}

impl Topics {
    /// Selects topics; `names` are all names in the recording, of topics or of object types.
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

    /// The topic with this name in the records, and the number of its earlier records. The outer `None` is for a name
    /// that the recording should not have, the inner one for a topic that is not read.
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

    /// The topics that are read.
    pub(super) fn read(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.entries.iter().filter_map(|entry| entry.topic.as_ref())
    }

    /// The names of those that are not read.
    pub(super) fn unread(&self) -> impl Iterator<Item = &str> {
        let unread = self.entries.iter().filter(|entry| entry.topic.is_none());
        unread.map(|entry| entry.name.as_str())
    }

    /// Resets the counts.
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
