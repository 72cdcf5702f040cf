//! Counts months and extensions with the SDK's lazy model, as native code.

use journal_plugin_sdk::{Directory, EntryType, FieldError, Revision};

use super::Work;
use super::months::{Kind, MonthsAndExtensions};
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Lazily {
    counts: MonthsAndExtensions,
}

impl Lazily {
    #[inline]
    fn read(&mut self, kind: Kind, value: &[u8]) -> Result<(), FieldError> {
        match kind {
            Kind::Directory => {
                for entry in Directory::new(value).entries()? {
                    let entry = entry?;
                    if entry.entry_type == EntryType::File {
                        self.counts.file(entry.name);
                    }
                }
            }
            Kind::Revision => {
                if let Some(date) = Revision::new(value).date()? {
                    self.counts.revision(date.seconds());
                }
            }
        }
        Ok(())
    }
}

impl Work for Lazily {
    type Topic = Kind;

    fn topic(&mut self, object_type: &str) -> Kind {
        Kind::of(object_type)
    }

    fn record(&mut self, kind: Kind, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        self.read(kind, value).expect("an object is one");
    }

    fn answer(self) -> Answer {
        self.counts.answer()
    }
}
