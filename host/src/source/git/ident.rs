//! The lines of git that name a person and a time: `NAME <EMAIL> SECONDS ZONE`.
//!
//! Git keeps what it was given, so that such a line may be anything. It is read as upstream's loader reads it; what that
//! refuses to read is a name without a time here.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

use super::headers;
use crate::source::encoder::Encoder;

/// The seconds that the archive holds: those of the years 1 to 9999. Others become 0.
const SECONDS: RangeInclusive<i128> = -62_135_510_961..=253_402_297_199;

/// A person with a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ident<'a> {
    /// The person as git has it.
    pub(super) fullname: &'a [u8],
    /// The time.
    pub(super) date: Option<Date<'a>>,
}

/// A time as git has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Date<'a> {
    /// Seconds since 1970.
    pub(super) seconds: i64,
    /// The zone.
    pub(super) offset: Cow<'a, [u8]>,
}

impl<'a> Ident<'a> {
    /// Reads the value of a header. `zone` is the zone of [`zone`], of the last header of that name.
    pub(super) fn of(value: &'a [u8], zone: Option<&'a [u8]>) -> Self {
        let whole = Self {
            fullname: value,
            date: None,
        };
        let Some(end) = value.windows(2).rposition(|two| two == b"> ") else {
            return whole;
        };
        let (fullname, rest) = (&value[..=end], &value[end + 2..]);
        let Some(space) = rest.iter().rposition(|&byte| byte == b' ') else {
            return whole;
        };
        let Some(seconds) = integer(&rest[..space]) else {
            return whole;
        };
        let Some(numeric) = minutes(&rest[space + 1..]) else {
            return whole;
        };
        let offset = match zone {
            Some(zone) => Cow::Borrowed(zone),
            None => Cow::Owned(offset(numeric)),
        };
        let seconds = if SECONDS.contains(&seconds) {
            i64::try_from(seconds).unwrap_or(0)
        } else {
            0
        };
        Self {
            fullname,
            date: Some(Date { seconds, offset }),
        }
    }

    /// Appends the header that git would have for this.
    pub(super) fn write(&self, into: &mut Vec<u8>, name: &[u8]) {
        let mut line = self.fullname.to_vec();
        if let Some(date) = &self.date {
            line.extend_from_slice(format!(" {} ", date.seconds).as_bytes());
            line.extend_from_slice(&date.offset);
        }
        headers::write(into, name, &line);
    }
}

/// The zone of a header's value, where the value ends in the usual form: `> SECONDS ZONE`.
pub(super) fn zone(value: &[u8]) -> Option<&[u8]> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let word = |value: &[u8]| {
        let start = value.iter().rposition(|&byte| is_space(byte))? + 1;
        (start < value.len() && value[start - 1] == b' ').then_some(start)
    };
    let zone = word(value)?;
    let seconds = word(&value[..zone - 1])?;
    let before = &value[..seconds - 1];
    (before.ends_with(b">") && !before.contains(&b'\n')).then_some(&value[zone..])
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// A number as Python reads it: with a sign, white space around it, and single underscores between digits. It saturates.
fn integer(text: &[u8]) -> Option<i128> {
    let start = text.iter().position(|&byte| !is_space(byte))?;
    let end = text.iter().rposition(|&byte| !is_space(byte))?;
    let text = &text[start..=end];
    let (is_negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let mut number: i128 = 0;
    let mut after_digit = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .saturating_mul(10)
                    .saturating_add(i128::from(byte - b'0'));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return None,
        }
    }
    after_digit.then_some(if is_negative { -number } else { number })
}

/// A zone in minutes, and whether it is zero with a minus sign.
fn minutes(zone: &[u8]) -> Option<(i128, bool)> {
    let (sign, number) = zone.split_first()?;
    let number = integer(number)?;
    let number = match sign {
        b'+' => number,
        b'-' => -number,
        _ => return None,
    };
    let is_negative_zero = number >= 0 && *sign == b'-';
    let magnitude = number.checked_abs()?;
    let minutes = magnitude / 100 * 60 + magnitude % 100;
    Some((minutes * number.signum(), is_negative_zero))
}

/// A zone in the usual form.
fn offset((minutes, is_negative_zero): (i128, bool)) -> Vec<u8> {
    let sign = if minutes < 0 || is_negative_zero {
        '-'
    } else {
        '+'
    };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60).into_bytes()
}

/// Writes a person: whole, or as the public topics of the journal have it, with the digest of the full name in its stead.
pub(super) fn write_person(into: &mut Encoder, fullname: Option<&[u8]>, is_whole: bool) {
    let Some(fullname) = fullname else {
        into.nil();
        return;
    };
    into.map(3).str("fullname");
    if is_whole {
        let (name, email) = parts(fullname);
        into.bin(fullname);
        into.str("name").bin_or_nil(name);
        into.str("email").bin_or_nil(email);
    } else {
        into.bin(&Sha256::digest(fullname));
        into.str("name").nil();
        into.str("email").nil();
    }
}

/// Writes a time, or nil.
pub(super) fn write_date(into: &mut Encoder, date: Option<&Date<'_>>) {
    let Some(date) = date else {
        into.nil();
        return;
    };
    into.map(2).str("timestamp").map(2);
    into.str("seconds").int(date.seconds);
    into.str("microseconds").uint(0);
    into.str("offset_bytes").bin(&date.offset);
}

/// The name and the email of a full name, as upstream's model cuts it.
fn parts(fullname: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let Some(open) = fullname.iter().position(|&byte| byte == b'<') else {
        return ((!fullname.is_empty()).then_some(fullname), None);
    };
    let (name, rest) = (&fullname[..open], &fullname[open + 1..]);
    let end = rest.iter().rposition(|&byte| byte == b'>');
    let email = &rest[..end.unwrap_or(rest.len())];
    let start = name.iter().position(|&byte| !is_space(byte));
    let end = name.iter().rposition(|&byte| !is_space(byte));
    let name = match (start, end) {
        (Some(start), Some(end)) => Some(&name[start..=end]),
        _ => None,
    };
    (name, (!email.is_empty()).then_some(email))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> (String, Option<(i64, String)>) {
        let ident = Ident::of(value.as_bytes(), zone(value.as_bytes()));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let date = ident.date.as_ref();
        let date = date.map(|date| (date.seconds, text(&date.offset)));
        (text(ident.fullname), date)
    }

    #[test]
    fn odd_lines_are_read_as_upstream_reads_them() {
        for (line, fullname, date) in [
            ("A <a@b> 1 +0100", "A <a@b>", Some((1, "+0100"))),
            ("A <a> b> 1 -0000", "A <a> b>", Some((1, "-0000"))),
            ("<> 1 +051800", "<>", Some((1, "+051800"))),
            // The zone is kept as it is, and made again where the line has another form.
            ("A <a> 1 +7", "A <a>", Some((1, "+7"))),
            ("A <a> 12  +7", "A <a>", Some((12, "+0007"))),
            ("A <a> 1_2  -130", "A <a>", Some((12, "-0130"))),
            ("A <a> 1 --700", "A <a>", Some((1, "--700"))),
            // Out of range.
            (
                "A <a> 99999999999999999999 +0000",
                "A <a>",
                Some((0, "+0000")),
            ),
            (
                "A <a> 253402297199 +0000",
                "A <a>",
                Some((253_402_297_199, "+0000")),
            ),
            ("A <a> 253402297200 +0000", "A <a>", Some((0, "+0000"))),
            (
                "A <a> -62135510961 +0000",
                "A <a>",
                Some((-62_135_510_961, "+0000")),
            ),
            ("A <a> -62135510962 +0000", "A <a>", Some((0, "+0000"))),
            // What upstream does not read.
            ("A <a>", "A <a>", None),
            ("A a 1 +0000", "A a 1 +0000", None),
            ("A <a> x +0000", "A <a> x +0000", None),
            ("A <a> 1 0000", "A <a> 1 0000", None),
            ("A <a> 1", "A <a> 1", None),
            ("", "", None),
        ] {
            let date = date.map(|(seconds, zone)| (seconds, zone.to_owned()));
            assert_eq!(read(line), (fullname.to_owned(), date), "{line}");
        }
    }

    #[test]
    fn full_name_is_cut_as_upstream_cuts_it() {
        for (fullname, name, email) in [
            ("A B <a@b>", Some("A B"), Some("a@b")),
            ("  A  <a>", Some("A"), Some("a")),
            ("<a>", None, Some("a")),
            (" <a>", None, Some("a")),
            ("A <>", Some("A"), None),
            ("A <a <b> c>", Some("A"), Some("a <b> c")),
            ("A <a", Some("A"), Some("a")),
            ("A ", Some("A "), None),
            ("", None, None),
        ] {
            let found = parts(fullname.as_bytes());
            let expected = (name.map(str::as_bytes), email.map(str::as_bytes));
            assert_eq!(found, expected, "{fullname}");
        }
    }
}
