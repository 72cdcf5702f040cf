//! Months and extensions with the lazy model of the SDK, as native code.

use journal_plugin_sdk::{Directory, EntryType, FieldError, Revision};

use super::Work;
use super::months::MonthsAndExtensions;
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Lazily {
    counts: MonthsAndExtensions,
}

impl Lazily {
    fn read(&mut self, object_type: &str, value: &[u8]) -> Result<(), FieldError> {
        if object_type == "directory" {
            for entry in Directory::new(value).entries()? {
                let entry = entry?;
                if entry.entry_type == EntryType::File {
                    self.counts.file(entry.name);
                }
            }
        } else if let Some(date) = Revision::new(value).date()? {
            self.counts.revision(date.seconds);
        }
        Ok(())
    }
}

impl Work for Lazily {
    fn record(&mut self, object_type: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        self.read(object_type, value).expect("an object is one");
    }

    fn answer(self) -> Answer {
        self.counts.answer()
    }
}
