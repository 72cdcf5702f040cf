//! Months and extensions from structs that rmp-serde fills, with just the fields that are needed.

use serde::Deserialize;

use super::Work;
use super::months::MonthsAndExtensions;
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Structs {
    counts: MonthsAndExtensions,
}

#[derive(Deserialize)]
struct Revision {
    date: Option<Date>,
}

#[derive(Deserialize)]
pub(super) struct Date {
    pub(super) timestamp: Moment,
}

#[derive(Deserialize)]
pub(super) struct Moment {
    pub(super) seconds: i64,
    pub(super) microseconds: u32,
}

#[derive(Deserialize)]
struct Directory<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    name: &'a [u8],
    r#type: &'a str,
}

impl Work for Structs {
    fn record(&mut self, object_type: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        if object_type == "directory" {
            let directory: Directory<'_> =
                rmp_serde::from_slice(value).expect("a directory is one");
            for entry in directory.entries {
                if entry.r#type == "file" {
                    self.counts.file(entry.name);
                }
            }
        } else {
            let revision: Revision = rmp_serde::from_slice(value).expect("a revision is one");
            if let Some(date) = revision.date {
                self.counts.revision(date.timestamp.seconds);
            }
        }
    }

    fn answer(self) -> Answer {
        self.counts.answer()
    }
}
