//! Counts revisions by month and files by extension, in one pass over two object types.

use std::borrow::Cow;

use journal_plugin_sdk::{
    Aggregate, Batches, CalendarTime, Column, Columns, EntryType, Failure, Out, Plan, Processor,
    export,
};
use serde::Serialize;

/// The maximum length of an extension in bytes. A longer one, such as the end of a sentence, is not an extension.
const LONGEST_EXTENSION: usize = 16;

#[derive(Serialize, Columns)]
struct OfMonth<'a> {
    /// In UTC, such as `2016-02`; null if the date is outside of the calendar.
    month: Option<&'a str>,
    /// The number of revisions.
    revisions: u64,
}

#[derive(Serialize, Columns)]
struct OfExtension<'a> {
    /// Without the dot; null if the name has no extension.
    extension: Option<Cow<'a, str>>,
    /// The number of files.
    files: u64,
}

/// Counts revisions and files. It is stateless.
#[derive(Debug, Default)]
pub struct MonthsAndExtensions;

impl Processor for MonthsAndExtensions {
    const OBJECT_TYPES: &'static [&'static str] = &["revision", "directory"];

    fn plan(&self) -> Plan {
        let months = Aggregate::by(["month"]).sum("revisions");
        let extensions = Aggregate::by(["extension"]).sum("files");
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate("months", "Revisions in each month, in UTC", months)
            .row::<OfMonth<'_>>()
            .aggregate("extensions", "Files with each extension", extensions)
            .row::<OfExtension<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_revision(out, |revision, out| {
            // Revisions of tarballs may have no date.
            let Some(date) = revision.date()? else {
                return Ok(());
            };
            let month = date.utc().map(month);
            let row = OfMonth {
                month: month.as_ref().and_then(|text| str::from_utf8(text).ok()),
                revisions: 1,
            };
            out.merge("months", &row)
        })?;
        batches.each_directory(out, |directory, out| {
            for entry in directory.entries()? {
                let entry = entry?;
                if entry.entry_type == EntryType::File {
                    let extension = entry.extension();
                    let extension = extension.filter(|bytes| bytes.len() <= LONGEST_EXTENSION);
                    let row = OfExtension {
                        extension: extension.map(text),
                        files: 1,
                    };
                    out.merge("extensions", &row)?;
                }
            }
            Ok(())
        })
    }
}

/// The month as text, such as `2016-02`. Its length is fixed, so it does not need a `String`.
fn month(time: CalendarTime) -> [u8; 7] {
    let digit = |number: u16| b"0123456789"[usize::from(number % 10)];
    let (year, month) = (time.year, u16::from(time.month));
    [
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
    ]
}

/// An extension as text in lower case, borrowed if it is in lower case already, like nearly all are.
fn text(extension: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(extension) {
        Ok(text) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => text.into(),
        _ => String::from_utf8_lossy(extension)
            .to_ascii_lowercase()
            .into(),
    }
}

export!(MonthsAndExtensions);
