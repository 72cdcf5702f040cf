//! Converts seconds to calendar dates, for every type that holds a time.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

const SECONDS_A_DAY: i64 = 86_400;

/// The Gregorian calendar repeats itself after 400 years, including the days of the week.
const DAYS_IN_400_YEARS: i64 = 146_097;

/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

const WEEKDAYS_FROM_0000_03_01: [Weekday; 7] = [
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
    Weekday::Monday,
    Weekday::Tuesday,
];

/// A date and time in the Gregorian calendar, in the years 0 to 9999.
///
/// [`Timestamp::utc`](crate::Timestamp::utc), [`Date::utc`](crate::Date::utc) and [`Date::local`](crate::Date::local)
/// return it; the type does not contain the offset from UTC. In a row it is a map of its fields.
///
/// ```
/// use journal_plugin_sdk::{Timestamp, Weekday};
///
/// let time = Timestamp::from_millis(1_700_000_000_000).utc().unwrap();
/// assert_eq!((time.year, time.month, time.day), (2023, 11, 14));
/// assert_eq!((time.hour, time.minute, time.second), (22, 13, 20));
/// assert_eq!(time.weekday, Weekday::Tuesday);
/// assert_eq!(time.to_string(), "2023-11-14T22:13:20");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CalendarTime {
    /// 0 to 9999; the year 0 precedes the year 1.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59: leap seconds are not counted.
    pub second: u8,
    /// The day of the week.
    pub weekday: Weekday,
}

/// A day of the week. Its English name in rows and text; as a number, 1 for Monday to 7 for Sunday.
///
/// ```
/// use journal_plugin_sdk::Weekday;
///
/// assert_eq!(Weekday::Sunday.to_string(), "Sunday");
/// assert_eq!(Weekday::Sunday as u8, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are clear")]
pub enum Weekday {
    Monday = 1,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl CalendarTime {
    /// The time that is this many seconds after 1970-01-01T00:00:00, if the year is 0 to 9999.
    ///
    /// ```
    /// use journal_plugin_sdk::CalendarTime;
    ///
    /// let leap_day = CalendarTime::from_seconds(951_782_400).unwrap();
    /// assert_eq!((leap_day.year, leap_day.month, leap_day.day), (2000, 2, 29));
    /// assert_eq!(CalendarTime::from_seconds(i64::MAX), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        if !has_four_digit_year(seconds) {
            return None;
        }
        let (years_before, within) = split(seconds);
        let year = u16::try_from(years_before + i64::from(within.year)).ok()?;
        Some(Self { year, ..within })
    }
}

/// Writes RFC 3339 without an offset.
impl Display for CalendarTime {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write_date_time(formatter, 0, *self)
    }
}

impl Display for Weekday {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        })
    }
}

/// Whether RFC 3339 can write the time.
#[inline]
pub(crate) fn has_four_digit_year(seconds: i64) -> bool {
    // The first seconds of the years 0 and 10000.
    (-62_167_219_200..253_402_300_800).contains(&seconds)
}

/// Writes RFC 3339 without an offset, with the significant digits of the fraction. Years outside of RFC 3339 are written
/// with a sign or more digits.
pub(crate) fn write_rfc3339(
    formatter: &mut impl fmt::Write,
    seconds: i64,
    nanoseconds: u32,
) -> fmt::Result {
    let (years_before, within) = split(seconds);
    write_date_time(formatter, years_before, within)?;
    if nanoseconds > 0 {
        let digits = format!("{nanoseconds:09}");
        write!(formatter, ".{}", digits.trim_end_matches('0'))?;
    }
    Ok(())
}

fn write_date_time(
    formatter: &mut impl fmt::Write,
    years_before: i64,
    time: CalendarTime,
) -> fmt::Result {
    let CalendarTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = time;
    let year = years_before + i64::from(year);
    write!(
        formatter,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    )
}

/// Splits a time into periods of 400 years, given in years, and a time in the years 0 to 400.
///
/// Days are counted from 0000-03-01, so that the leap day is the last of its year. The remainder fits into 32 bits, for
/// which division is fast in WebAssembly too.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder of a period is small"
)]
fn split(seconds: i64) -> (i64, CalendarTime) {
    let day = seconds.div_euclid(SECONDS_A_DAY) + DAYS_BEFORE_1970;
    let second = seconds.rem_euclid(SECONDS_A_DAY) as u32;
    let span = day.div_euclid(DAYS_IN_400_YEARS);
    let day = day.rem_euclid(DAYS_IN_400_YEARS) as u32;
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (year, month) = match month_from_march {
        0..10 => (year, month_from_march + 3),
        _ => (year + 1, month_from_march - 9),
    };
    let within = CalendarTime {
        year: year as u16,
        month: month as u8,
        day: day_of_month as u8,
        hour: (second / 3600) as u8,
        minute: (second / 60 % 60) as u8,
        second: (second % 60) as u8,
        weekday: WEEKDAYS_FROM_0000_03_01[(day % 7) as usize],
    };
    (span * 400, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last second of the calendar.
    const ENDS: (i64, i64) = (-62_167_219_200, 253_402_300_799);

    #[test]
    fn calendar_ends_with_the_years_of_four_digits() {
        let text = |seconds| CalendarTime::from_seconds(seconds).map(|time| time.to_string());
        assert_eq!(text(ENDS.0).as_deref(), Some("0000-01-01T00:00:00"));
        assert_eq!(text(ENDS.1).as_deref(), Some("9999-12-31T23:59:59"));
        assert_eq!(text(ENDS.0 - 1), None);
        assert_eq!(text(ENDS.1 + 1), None);
        assert_eq!(text(i64::MIN), None);
        assert_eq!(text(i64::MAX), None);
    }

    /// Compares 800 years at both ends and in the middle with a calendar that counts days.
    #[test]
    fn every_day_is_the_one_after_the_day_before() {
        for (first_year, first_second, first_weekday) in [
            (0, ENDS.0, Weekday::Saturday),
            (1600, -11_676_096_000, Weekday::Saturday),
            (9200, 228_156_739_200, Weekday::Saturday),
        ] {
            let mut seconds = first_second;
            let mut weekday = first_weekday as u8;
            for year in first_year..first_year + 800 {
                let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let february = if is_leap { 29 } else { 28 };
                let days = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
                for (month, days) in (1..).zip(days) {
                    for day in 1..=days {
                        let time = CalendarTime::from_seconds(seconds).unwrap();
                        assert_eq!((time.year, time.month, time.day), (year, month, day));
                        assert_eq!((time.hour, time.minute, time.second), (0, 0, 0));
                        assert_eq!(time.weekday as u8, weekday);
                        let last = CalendarTime::from_seconds(seconds + 86_399).unwrap();
                        assert_eq!((last.month, last.day), (month, day));
                        assert_eq!((last.hour, last.minute, last.second), (23, 59, 59));
                        weekday = weekday % 7 + 1;
                        seconds += SECONDS_A_DAY;
                    }
                }
            }
        }
    }

    #[test]
    fn row_names_the_day_of_the_week() {
        let time = CalendarTime::from_seconds(0).unwrap();
        assert_eq!(
            serde_json::to_string(&time).unwrap(),
            r#"{"year":1970,"month":1,"day":1,"hour":0,"minute":0,"second":0,"weekday":"Thursday"}"#
        );
    }

    #[test]
    fn times_far_outside_of_the_calendar_are_still_written() {
        for seconds in [i64::MIN, i64::MAX] {
            let mut text = String::new();
            write_rfc3339(&mut text, seconds, 0).unwrap();
            assert!(text.contains("292277"), "{text}");
        }
    }
}
