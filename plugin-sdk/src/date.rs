//! Dates as version control systems write them, with the author's offset from UTC.

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter, Write as _};

use crate::{CalendarTime, Timestamp, calendar};

const MINUTES_A_DAY: u16 = 24 * 60;
const MICROSECONDS: u32 = 1_000_000;

/// The date of a revision or a release: a time in UTC, and the offset from UTC as it was written.
///
/// A date holds what the author's tool wrote: the year may be far in the future, and the offset may be any bytes. Methods that
/// calculate return `None` for an invalid date.
///
/// A row cannot hold a `Date`. Emit [`timestamp`](Self::timestamp), or [`to_rfc3339`](Self::to_rfc3339) for a text with
/// the offset.
///
/// ```
/// use journal_plugin_sdk::Date;
///
/// let date = Date::new(1_700_000_000, 0, b"+0530");
/// assert_eq!(date.to_rfc3339().unwrap(), "2023-11-15T03:43:20+05:30");
/// assert_eq!(date.utc().unwrap().day, 14);
/// assert_eq!(date.local().unwrap().day, 15);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date<'a> {
    pub(crate) seconds: i64,
    pub(crate) microseconds: u32,
    pub(crate) offset_bytes: Cow<'a, [u8]>,
}

impl<'a> Date<'a> {
    /// Creates a date.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let date = Date::new(1_700_000_000, 250_000, b"-0800");
    /// assert_eq!(date.to_rfc3339().unwrap(), "2023-11-14T14:13:20.25-08:00");
    /// ```
    #[must_use]
    pub fn new(seconds: i64, microseconds: u32, offset_bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            seconds,
            microseconds,
            offset_bytes: offset_bytes.into(),
        }
    }

    /// Creates a date from an offset in minutes, the format of old records.
    ///
    /// `negative_utc` distinguishes `-0000` from `+0000`. Returns `None` if it is set and the offset is above 0.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let date = Date::from_minutes(1_700_000_000, 0, -90, false).unwrap();
    /// assert_eq!(date.offset_bytes(), b"-0130");
    /// let date = Date::from_minutes(1_700_000_000, 0, 0, true).unwrap();
    /// assert_eq!(date.offset_bytes(), b"-0000");
    /// ```
    #[must_use]
    pub fn from_minutes(
        seconds: i64,
        microseconds: u32,
        offset_minutes: i16,
        negative_utc: bool,
    ) -> Option<Self> {
        if negative_utc && offset_minutes > 0 {
            return None;
        }
        let sign = if negative_utc || offset_minutes < 0 {
            '-'
        } else {
            '+'
        };
        let minutes = offset_minutes.unsigned_abs();
        let offset = format!("{sign}{:02}{:02}", minutes / 60, minutes % 60);
        Some(Self::new(seconds, microseconds, offset.into_bytes()))
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// assert_eq!(Date::new(1_700_000_000, 250_000, b"-0800").seconds(), 1_700_000_000);
    /// ```
    #[must_use]
    #[inline]
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Microseconds after [`seconds`](Self::seconds). A million or more are invalid.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// assert_eq!(Date::new(1_700_000_000, 250_000, b"-0800").microseconds(), 250_000);
    /// ```
    #[must_use]
    #[inline]
    pub fn microseconds(&self) -> u32 {
        self.microseconds
    }

    /// The offset from UTC as it was written, such as `+0530`.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// assert_eq!(Date::new(1_700_000_000, 0, b"-800").offset_bytes(), b"-800");
    /// ```
    #[must_use]
    #[inline]
    pub fn offset_bytes(&self) -> &[u8] {
        &self.offset_bytes
    }

    /// The same date, owned.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let offset = b"+0100".to_vec();
    /// let date: Date<'static> = Date::new(0, 0, &offset).into_owned();
    /// assert_eq!(date.offset_bytes(), offset);
    /// ```
    #[must_use]
    pub fn into_owned(self) -> Date<'static> {
        Date {
            offset_bytes: Cow::Owned(self.offset_bytes.into_owned()),
            ..self
        }
    }

    /// The offset from UTC in minutes, if the bytes are a sign and valid digits.
    ///
    /// One or two digits are hours. Of three or more digits, the last two are minutes, below 60. Offsets of a day or more
    /// are valid, up to 32,767 minutes.
    ///
    /// swh.model returns 0 or raises an error where this returns `None`.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let offset = |bytes: &'static [u8]| Date::new(0, 0, bytes).offset_minutes();
    /// assert_eq!(offset(b"-0130"), Some(-90));
    /// assert_eq!(offset(b"+02"), Some(120));
    /// assert_eq!(offset(b"+200"), Some(120));
    /// assert_eq!(offset(b"+0190"), None);
    /// assert_eq!(offset(b"UTC"), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn offset_minutes(&self) -> Option<i16> {
        let (sign, digits) = self.offset_bytes.split_first()?;
        let (hours, minutes) = match digits.len() {
            0 => return None,
            1 | 2 => (digits, &b"0"[..]),
            length => digits.split_at(length - 2),
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        if minutes > 59 {
            return None;
        }
        let offset = i32::from(hours) * 60 + i32::from(minutes);
        match sign {
            b'+' => i16::try_from(offset).ok(),
            b'-' => i16::try_from(-offset).ok(),
            _ => None,
        }
    }

    /// The time in UTC, for a row. Every time that it returns can be written.
    ///
    /// `None` if the year does not have four digits, or if the microseconds are a million or more. For a time of any
    /// year, make a [`Timestamp`] of the fields.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let date = Date::new(1_700_000_000, 500_000, b"+0530");
    /// assert_eq!(date.timestamp().unwrap().to_string(), "2023-11-14T22:13:20.5Z");
    /// assert_eq!(Date::new(i64::MAX, 0, b"+0000").timestamp(), None);
    /// ```
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        let time = Timestamp::new(self.seconds, self.microseconds.checked_mul(1000)?)?;
        time.has_four_digit_year().then_some(time)
    }

    /// The date and time in UTC, if the year has four digits. The offset is ignored.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let month = |date: &Date<'_>| date.utc().map(|time| (time.year, time.month));
    /// assert_eq!(month(&Date::new(1_700_000_000, 0, b"anything")), Some((2023, 11)));
    /// assert_eq!(month(&Date::new(i64::MAX, 0, b"+0000")), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn utc(&self) -> Option<CalendarTime> {
        self.is_time()
            .then(|| CalendarTime::from_seconds(self.seconds))?
    }

    /// The date and time in the author's time zone.
    ///
    /// `None` if the offset is invalid or a day or more, or if the local year does not have four digits.
    ///
    /// ```
    /// use journal_plugin_sdk::{Date, Weekday};
    ///
    /// let date = Date::new(1_700_265_600, 0, b"-0100");
    /// assert_eq!(date.utc().unwrap().weekday, Weekday::Saturday);
    /// assert_eq!(date.local().unwrap().weekday, Weekday::Friday);
    /// assert_eq!(date.local().unwrap().hour, 23);
    /// ```
    #[must_use]
    #[inline]
    pub fn local(&self) -> Option<CalendarTime> {
        let seconds = self.local_seconds()?;
        self.is_time()
            .then(|| CalendarTime::from_seconds(seconds))?
    }

    /// The local date and time with the offset, in the format of RFC 3339.
    ///
    /// `None` if [`local`](Self::local) is `None`. `-0000` becomes `-00:00`, which in RFC 3339 means that the local time is
    /// not known.
    ///
    /// ```
    /// use journal_plugin_sdk::Date;
    ///
    /// let date = Date::new(-1, 500_000, b"-0000");
    /// assert_eq!(date.to_rfc3339().unwrap(), "1969-12-31T23:59:59.5-00:00");
    /// assert_eq!(Date::new(0, 0, b"+9999").to_rfc3339(), None);
    /// ```
    #[must_use]
    pub fn to_rfc3339(&self) -> Option<String> {
        let seconds = self.local_seconds()?;
        if !self.is_time() || !calendar::has_four_digit_year(seconds) {
            return None;
        }
        let sign = char::from(*self.offset_bytes.first()?);
        let offset = self.offset_minutes()?.unsigned_abs();
        let mut text = String::with_capacity("2023-11-14T22:13:20.123456+05:30".len());
        calendar::write_rfc3339(&mut text, seconds, self.microseconds * 1000).ok()?;
        write!(text, "{sign}{:02}:{:02}", offset / 60, offset % 60).ok()?;
        Some(text)
    }

    /// Seconds since 1970-01-01T00:00:00 in the author's time zone.
    #[inline]
    fn local_seconds(&self) -> Option<i64> {
        let offset = self.offset_minutes()?;
        if offset.unsigned_abs() >= MINUTES_A_DAY {
            return None;
        }
        self.seconds.checked_add(i64::from(offset) * 60)
    }

    #[inline]
    fn is_time(&self) -> bool {
        self.microseconds < MICROSECONDS
    }
}

/// Shows the offset as text, because it nearly always is one.
impl Debug for Date<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Date")
            .field("seconds", &self.seconds)
            .field("microseconds", &self.microseconds)
            .field(
                "offset_bytes",
                &format_args!("b\"{}\"", self.offset_bytes.escape_ascii()),
            )
            .finish()
    }
}

/// The number in decimal digits, if it fits.
#[inline]
fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number
            .checked_mul(10)?
            .checked_add(u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_offset(bytes: &[u8], expected: Option<i16>) {
        assert_eq!(Date::new(0, 0, bytes).offset_minutes(), expected);
    }

    #[test]
    fn offsets_are_hours_and_minutes() {
        check_offset(b"+0000", Some(0));
        check_offset(b"-0000", Some(0));
        check_offset(b"+0530", Some(330));
        check_offset(b"-0010", Some(-10));
        check_offset(b"+2", Some(120));
        check_offset(b"+02", Some(120));
        check_offset(b"-200", Some(-120));
        check_offset(b"+0000200", Some(120));
        check_offset(b"-2400", Some(-1440));
        check_offset(b"+9959", Some(5999));
    }

    #[test]
    fn offsets_end_where_16_bits_end() {
        check_offset(b"+54607", Some(i16::MAX));
        check_offset(b"+54608", None);
        check_offset(b"-54608", Some(i16::MIN));
        check_offset(b"-54609", None);
        check_offset(b"+200000000000000000", None);
    }

    #[test]
    fn odd_offsets_are_none() {
        for odd in [
            &b""[..],
            b"+",
            b"-",
            b"0000",
            b"+0160",
            b"+-100",
            b"+ 100",
            b"+1_000",
            b"UTC",
            b"+01:00",
            b"+0200 ",
            b"+0200\n",
            b"\xff0200",
            b"+\xd9\xa3\xd9\xa3",
        ] {
            check_offset(odd, None);
        }
    }

    #[test]
    fn minutes_of_old_records_become_bytes_that_read_back() {
        for minutes in i16::MIN..=i16::MAX {
            let date = Date::from_minutes(0, 0, minutes, false).unwrap();
            assert_eq!(date.offset_minutes(), Some(minutes));
        }
        let bytes = |minutes, negative_utc| {
            let date = Date::from_minutes(0, 0, minutes, negative_utc)?;
            Some(String::from_utf8(date.offset_bytes.into_owned()).unwrap())
        };
        assert_eq!(bytes(0, false).as_deref(), Some("+0000"));
        assert_eq!(bytes(0, true).as_deref(), Some("-0000"));
        assert_eq!(bytes(-1, true).as_deref(), Some("-0001"));
        assert_eq!(bytes(i16::MAX, false).as_deref(), Some("+54607"));
        assert_eq!(bytes(1, true), None);
    }

    #[track_caller]
    fn check_text(date: &Date<'_>, expected: Option<&str>) {
        assert_eq!(date.to_rfc3339().as_deref(), expected);
        let local = date.local().map(|time| time.to_string());
        assert_eq!(local.as_deref(), expected.map(|text| &text[..19]));
    }

    #[test]
    fn text_is_the_authors_time_and_offset() {
        check_text(
            &Date::new(0, 0, b"+0000"),
            Some("1970-01-01T00:00:00+00:00"),
        );
        check_text(
            &Date::new(0, 0, b"-0000"),
            Some("1970-01-01T00:00:00-00:00"),
        );
        check_text(
            &Date::new(0, 1, b"-0330"),
            Some("1969-12-31T20:30:00.000001-03:30"),
        );
        check_text(
            &Date::new(951_782_399, 120_000, b"+01"),
            Some("2000-02-29T00:59:59.12+01:00"),
        );
        check_text(
            &Date::new(0, 999_999, b"+2359"),
            Some("1970-01-01T23:59:00.999999+23:59"),
        );
    }

    #[test]
    fn invalid_dates_have_no_text() {
        check_text(&Date::new(0, 0, b"+2400"), None);
        check_text(&Date::new(0, 0, b"-2400"), None);
        check_text(&Date::new(0, 0, b"UTC"), None);
        check_text(&Date::new(i64::MAX, 0, b"+0100"), None);
        check_text(&Date::new(i64::MIN, 0, b"-0100"), None);
        check_text(&Date::new(0, 1_000_000, b"+0000"), None);
        assert_eq!(Date::new(0, 1_000_000, b"+0000").utc(), None);
        assert_eq!(Date::new(0, 1_000_000, b"+0000").timestamp(), None);
        assert_eq!(Date::new(0, u32::MAX, b"+0000").timestamp(), None);
        assert!(Date::new(0, 0, b"UTC").utc().is_some());
    }

    #[test]
    fn timestamp_is_one_that_a_row_can_hold() {
        let is_some = |seconds| Date::new(seconds, 0, b"UTC").timestamp().is_some();
        assert!(is_some(-62_167_219_200) && !is_some(-62_167_219_201));
        assert!(is_some(253_402_300_799) && !is_some(253_402_300_800));
        assert!(!is_some(i64::MAX) && !is_some(i64::MIN));
    }

    #[test]
    fn offset_moves_a_date_over_the_limits_of_the_calendar() {
        let (first, last) = (-62_167_219_200, 253_402_300_799);
        check_text(&Date::new(last, 0, b"+0001"), None);
        check_text(
            &Date::new(last + 1, 0, b"-0001"),
            Some("9999-12-31T23:59:00-00:01"),
        );
        check_text(&Date::new(first, 0, b"-0001"), None);
        check_text(
            &Date::new(first - 1, 0, b"+0001"),
            Some("0000-01-01T00:00:59+00:01"),
        );
    }

    #[test]
    fn debug_shows_the_offset_as_text() {
        assert_eq!(
            format!("{:?}", Date::new(1, 2, b"+02\xff")),
            r#"Date { seconds: 1, microseconds: 2, offset_bytes: b"+02\xff" }"#
        );
    }
}
