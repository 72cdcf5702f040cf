//! Times and dates, in the forms that the model reads.

use journal_plugin_sdk::Date;
use journal_plugin_sdk::msgpack::{Item, Walker};

use super::fields::{Fields, Names, Others, names};
use super::value::{self, Depth};
use super::{Finding, Rule};

/// The seconds of a date that upstream can store: one day after the first of Python's times, and one hour before the
/// last.
pub(super) const DATE_SECONDS: std::ops::RangeInclusive<i64> = -62_135_510_961..=253_402_297_199;

/// The seconds of Python's times, from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const CALENDAR_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Whether a class parses a point in time from a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Parsed,
    /// Only old records have it.
    Refused,
}

/// Checks a point in time: an extension, or the map of old records.
pub(super) fn check_instant(value: &mut Walker<'_>, texts: Texts) -> Result<(), Finding> {
    if let Some(text) = old_text(*value) {
        return check_text(text);
    }
    match value.item()? {
        Item::Ext(-1, data) => value::check_time(data),
        text @ Item::Str(_) if texts == Texts::Parsed => check_text(text),
        _ => Err(Finding::new(
            Rule::FieldType,
            "is not a time, but a form of old records",
        )),
    }
}

/// Checks the seconds of a point in time in UTC.
pub(super) fn check_calendar(seconds: i64) -> Result<(), Finding> {
    if CALENDAR_SECONDS.contains(&seconds) {
        return Ok(());
    }
    let what = format!("is outside of the years 1 to 9999: {seconds} seconds");
    Err(Finding::new(Rule::InvalidTime, what))
}

/// Checks the date of a revision or release, which the SDK read as `date`.
pub(super) fn check_date(value: &mut Walker<'_>, date: &Date<'_>) -> Result<(), Finding> {
    if let Some(text) = old_text(*value) {
        check_text(text)?;
    } else {
        let mut first = *value;
        match first.item()? {
            Item::Map(_) => check_date_map(value)?,
            Item::Ext(_, instant) => value::check_time(instant)?,
            Item::Uint(0) | Item::Int(0) => {
                let what = "is 0, which the class takes for no date";
                return Err(Finding::new(Rule::FieldType, what));
            }
            _ => {}
        }
    }
    if DATE_SECONDS.contains(&date.seconds()) {
        return Ok(());
    }
    let [first, last] = [DATE_SECONDS.start(), DATE_SECONDS.end()];
    let what = format!(
        "has {} seconds, which is not in {first} to {last}",
        date.seconds()
    );
    Err(Finding::new(Rule::SecondsOutOfRange, what))
}

fn check_date_map(value: &mut Walker<'_>) -> Result<(), Finding> {
    const NAMES: &Names<4> = names!["timestamp", "offset_bytes", "offset", "negative_utc"];
    let depth = Depth::OBJECT.inside();
    let date = Fields::read(value, NAMES, Others::Ignored, depth)?;
    if let Item::Map(_) = date.item(0)? {
        date.optional(0, |timestamp| {
            let names = names!["seconds", "microseconds"];
            Fields::read(timestamp, names, Others::Ignored, depth.inside()).map(drop)
        })?;
    }
    // These two may be anything if there are bytes.
    for field in [2, 3] {
        date.optional(field, |value| value::check(value, depth.inside()))?;
    }
    Ok(())
}

/// The text of a time in the form of old records, `{b"swhtype": "datetime", b"d": text}`, which upstream's reader turns
/// into a time wherever it is.
pub(super) fn old_text(mut value: Walker<'_>) -> Option<Item<'_>> {
    let Ok(Item::Map(2)) = value.item() else {
        return None;
    };
    let (mut text, mut is_time) = (None, false);
    for _ in 0..2 {
        match value.item().ok()? {
            Item::Bin(b"swhtype") => is_time = value.item().ok()? == Item::Str(b"datetime"),
            Item::Bin(b"d") => text = Some(value.item().ok()?),
            _ => return None,
        }
    }
    text.filter(|_| is_time)
}

/// Checks that Python parses the text of a time.
pub(super) fn check_text(text: Item<'_>) -> Result<(), Finding> {
    match text {
        Item::Str(text) if is_time(text) => Ok(()),
        _ => Err(Finding::new(
            Rule::InvalidTime,
            "is not a time in the form of Python",
        )),
    }
}

/// Whether Python's `datetime.fromisoformat` parses the text: `YYYY-MM-DD` or `YYYYMMDD`, and possibly one character
/// and a time of the day with an offset. Dates by their week are not checked.
fn is_time(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else {
        return false;
    };
    let date_bytes = match text.as_bytes() {
        [_, _, _, _, b'W', ..] | [_, _, _, _, b'-', b'W', ..] => return true,
        [_, _, _, _, b'-', ..] => 10,
        _ => 8,
    };
    let Some((date, rest)) = text.split_at_checked(date_bytes) else {
        return false;
    };
    let mut rest = rest.chars();
    is_date(date) && (rest.next().is_none() || is_time_of_day(rest.as_str()))
}

fn is_date(date: &str) -> bool {
    let parts = match date.as_bytes() {
        [year @ .., b'-', m1, m2, b'-', d1, d2] | [year @ .., m1, m2, d1, d2] => {
            (year, [*m1, *m2], [*d1, *d2])
        }
        _ => return false,
    };
    let (Some(year), Some(month), Some(day)) =
        (number(parts.0), number(&parts.1), number(&parts.2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// A time of the day, and possibly its offset from UTC.
fn is_time_of_day(text: &str) -> bool {
    match text.find(['+', '-', 'Z']) {
        None => is_clock(text),
        Some(end) => {
            let (clock, offset) = text.split_at(end);
            is_clock(clock)
                && (offset == "Z" || (!offset.starts_with('Z') && is_clock(&offset[1..])))
        }
    }
}

/// Hours, and possibly minutes, seconds and a fraction.
fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let parts: Vec<&[u8]> = if clock.contains(':') {
        clock.split(':').map(str::as_bytes).collect()
    } else {
        clock.as_bytes().chunks(2).collect()
    };
    let limits = [24, 60, 60];
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&parts.len())
        && is_digits(fraction)
        && parts
            .iter()
            .zip(limits)
            .all(|(part, limit)| part.len() == 2 && number(part).is_some_and(|part| part < limit))
}

fn number(digits: &[u8]) -> Option<u32> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .filter(|_| all_digits)
}

#[cfg(test)]
mod tests {
    use super::is_time;

    #[test]
    fn times_are_those_that_python_parses() {
        for text in [
            "2020-01-02",
            "20200102",
            "2020-01-02T03:04:05+00:00",
            "2020-01-02 03:04:05.678901+02:00",
            "20200102T030405Z",
            "2020-02-29é03:04:05,5-00:00",
            "2020-01-02T03+00:00",
            "2020-01-02T03:04.5Z",
            "2020-01-02T03:04:05.1234567+01:00:30",
            "2020-W01-1T00:00:00Z",
        ] {
            assert!(is_time(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2021-02-29",
            "0000-01-01",
            "2020-13-01",
            "2020-002T00:00:00+00:00",
            "+002020-01-02T00:00:00Z",
            "2020-01-02T",
            "2020-01-02T24:00:00Z",
            "2020-01-02T03:04:60Z",
            "2020-01-02T03:04:05z",
            "2020-01-02T03:04:05+24:00",
            "2020-01-02T3:4:5Z",
            "2020-01-02T03:04:05Z0",
        ] {
            assert!(!is_time(text.as_bytes()), "{text}");
        }
    }
}
