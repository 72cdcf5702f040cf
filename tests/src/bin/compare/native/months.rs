//! Months and extensions: what the structs and the lazy model have in common.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::answer::{self, Answer};

/// An extension has at most this many bytes.
const LONGEST_EXTENSION: usize = 16;
const DAY_SECONDS: i64 = 86_400;

/// Revisions by month in UTC and files by extension.
#[derive(Default)]
pub(super) struct MonthsAndExtensions {
    /// By the months since the year 0.
    months: HashMap<Option<i64>, u64>,
    extensions: HashMap<Vec<u8>, u64>,
    without_extension: u64,
}

impl MonthsAndExtensions {
    /// Counts a revision with a date.
    pub(super) fn revision(&mut self, seconds: i64) {
        *self.months.entry(Some(month(seconds))).or_default() += 1;
    }

    /// Counts a file by its name.
    pub(super) fn file(&mut self, name: &[u8]) {
        let Some(extension) = extension(name) else {
            self.without_extension += 1;
            return;
        };
        match self.extensions.get_mut(&*extension) {
            Some(count) => *count += 1,
            None => {
                self.extensions.insert(extension.into_owned(), 1);
            }
        }
    }

    pub(super) fn answer(self) -> Answer {
        let months = self.months.into_iter().map(|(month, count)| {
            let text = month.map(|month| format!("{:04}-{:02}", month / 12, month % 12 + 1));
            (answer::month(text.as_deref()), count)
        });
        let mut all: Answer = months.collect();
        for (extension, count) in self.extensions {
            let text = String::from_utf8_lossy(&extension);
            *all.entry(answer::extension(Some(&text))).or_default() += count;
        }
        all.insert(answer::extension(None), self.without_extension);
        all
    }
}

/// What follows the last dot of a name, unless the name begins or ends with that dot, in lower case.
fn extension(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let extension = &name[dot + 1..];
    if dot == 0 || extension.is_empty() || extension.len() > LONGEST_EXTENSION {
        return None;
    }
    if extension.iter().any(u8::is_ascii_uppercase) {
        Some(extension.to_ascii_lowercase().into())
    } else {
        Some(extension.into())
    }
}

/// The months since the year 0 of a time in seconds since 1970, in the Gregorian calendar.
pub(super) fn month(seconds: i64) -> i64 {
    let (year, month, _) = date(seconds.div_euclid(DAY_SECONDS));
    year * 12 + month - 1
}

/// Year, month and day of the month of a number of days since 1970.
///
/// Years begin in March here, so that the leap day is their last, and come in eras of 400: the algorithm
/// `civil_from_days` of Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html>.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(ERA_DAYS);
    let day = days.rem_euclid(ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (
        year + era * 400 + i64::from(month <= 2),
        month,
        day_of_month,
    )
}
