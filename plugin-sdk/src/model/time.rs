//! Reads times in the current format and in those of old records.

use journal_msgpack::Head;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use super::error::FieldError;
use super::field::Field;
use super::reader::{Reader, unexpected};
use crate::{Date, Timestamp};

const MICROSECONDS: u32 = 1_000_000;

impl Field<'_> for Timestamp {
    /// Extension -1. In old records an ISO 8601 text, alone or in a map `{b"swhtype": "datetime", b"d": text}`.
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let start = *reader;
        // The 8-byte form, for times with fractions of a second until the year 2514.
        if reader.pass(b"\xd7\xff")
            && let Some(time) = reader.take(8).ok().and_then(Self::from_msgpack)
        {
            return Ok(time);
        }
        *reader = start;
        any_time(reader)
    }
}

fn any_time(reader: &mut Reader<'_>) -> Result<Timestamp, FieldError> {
    let start = reader.offset();
    match reader.peek()? {
        Head::Ext(-1, length) => {
            reader.head()?;
            Timestamp::from_msgpack(reader.take(length)?)
                .ok_or_else(|| FieldError::wrong(start, "is an extension and not a time"))
        }
        Head::Str(_) | Head::Map(2) => old_time(reader).map(Timestamp::from),
        other => Err(unexpected(start, other, "a time")),
    }
}

/// The time in UTC. The offset in the text is dropped, as in swh.model.
impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let (seconds, nanoseconds) = (time.unix_timestamp(), time.nanosecond());
        // The library returns less than a second of nanoseconds.
        Self::new(seconds, nanoseconds).unwrap_or(Self::from_millis(seconds * 1000))
    }
}

#[cold]
fn old_time(reader: &mut Reader<'_>) -> Result<OffsetDateTime, FieldError> {
    let start = reader.offset();
    let text = match reader.peek()? {
        Head::Map(_) => time_in_map(reader)?,
        _ => reader.text()?,
    };
    // Python writes a space instead of the T of ISO 8601, and offsets with seconds, which ISO 8601 does not have.
    let text = text.replacen(' ', "T", 1);
    OffsetDateTime::parse(&text, &Iso8601::DEFAULT)
        .map_err(|error| FieldError::wrong(start, format!("is not a time in ISO 8601: {error}")))
}

fn time_in_map<'a>(reader: &mut Reader<'a>) -> Result<&'a str, FieldError> {
    let start = reader.offset();
    let (mut is_time, mut text) = (false, None);
    for _ in 0..reader.map()? {
        match reader.key()? {
            Some(b"swhtype") => is_time = reader.text()? == "datetime",
            Some(b"d") => text = Some(reader.text()?),
            _ => reader.skip()?,
        }
    }
    text.filter(|_| is_time)
        .ok_or_else(|| FieldError::wrong(start, "is a map and not a time"))
}

impl<'a> Field<'a> for Date<'a> {
    /// A map of a timestamp and the bytes of the offset. In old records the offset is in minutes, or the date is a number
    /// of seconds or a time.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        if !reader.pass(b"\x82\xa9timestamp") {
            return other_date(reader);
        }
        let before = *reader;
        let (seconds, microseconds) = moment(reader).map_err(|error| error.within("timestamp"))?;
        if reader.pass(b"\xacoffset_bytes") {
            let offset = reader
                .bytes()
                .map_err(|error| error.within("offset_bytes"))?;
            return Ok(Self::new(seconds, microseconds, offset));
        }
        *reader = before;
        date_in_map(reader, 2, true)
    }
}

#[cold]
fn other_date<'a>(reader: &mut Reader<'a>) -> Result<Date<'a>, FieldError> {
    let start = reader.offset();
    match reader.peek()? {
        Head::Map(2) if reader.pass(b"\x82\xc4\x07swhtype") || reader.pass(b"\x82\xc4\x01d") => {
            *reader = Reader::at(reader.value(), start);
            date_of_time(reader)
        }
        Head::Map(pairs) => {
            reader.head()?;
            date_in_map(reader, pairs, false)
        }
        Head::Uint(_) | Head::Int(_) => {
            i64::read(reader).map(|seconds| Date::new(seconds, 0, &b"+0000"[..]))
        }
        Head::Ext(..) => {
            let time = Timestamp::read(reader)?;
            let microseconds = time.nanoseconds() / 1000;
            Ok(Date::new(time.seconds(), microseconds, &b"+0000"[..]))
        }
        other => Err(unexpected(start, other, "a date")),
    }
}

/// A date from a time with an offset in whole minutes.
fn date_of_time<'a>(reader: &mut Reader<'a>) -> Result<Date<'a>, FieldError> {
    let start = reader.offset();
    let time = old_time(reader)?;
    let minutes = time.offset().whole_minutes();
    Date::from_minutes(time.unix_timestamp(), time.microsecond(), minutes, false)
        .ok_or_else(|| FieldError::wrong(start, "has an offset that is out of range"))
}

/// Reads the pairs of a date in any order. `in_timestamp` means that the first name was read already.
fn date_in_map<'a>(
    reader: &mut Reader<'a>,
    pairs: u32,
    in_timestamp: bool,
) -> Result<Date<'a>, FieldError> {
    let start = reader.offset();
    let (mut timestamp, mut bytes, mut minutes, mut negative_utc) = (None, None, None, None);
    for pair in 0..pairs {
        let key = if pair == 0 && in_timestamp {
            Some(&b"timestamp"[..])
        } else {
            reader.key()?
        };
        match key {
            Some(b"timestamp") => {
                timestamp = Some(moment(reader).map_err(|error| error.within("timestamp"))?);
            }
            Some(b"offset_bytes") => {
                bytes = Some(
                    reader
                        .bytes()
                        .map_err(|error| error.within("offset_bytes"))?,
                );
            }
            // These two are read later, because they are ignored if there are bytes.
            Some(b"offset") => {
                minutes = Some(*reader);
                reader.skip()?;
            }
            Some(b"negative_utc") => {
                negative_utc = Some(*reader);
                reader.skip()?;
            }
            _ => reader.skip()?,
        }
    }
    let (seconds, microseconds) =
        timestamp.ok_or_else(|| FieldError::missing(start).within("timestamp"))?;
    if let Some(bytes) = bytes {
        return Ok(Date::new(seconds, microseconds, bytes));
    }
    let minutes = match minutes {
        Some(mut minutes) => i64::read(&mut minutes).map_err(|error| error.within("offset"))?,
        None => return Err(FieldError::wrong(start, "has no offset")),
    };
    let negative_utc = match negative_utc {
        Some(mut negative_utc) => Option::<bool>::read(&mut negative_utc)
            .map_err(|error| error.within("negative_utc"))?
            .unwrap_or(false),
        None => false,
    };
    i16::try_from(minutes)
        .ok()
        .and_then(|minutes| Date::from_minutes(seconds, microseconds, minutes, negative_utc))
        .ok_or_else(|| {
            let reason = format!("is {minutes} minutes, which is not an offset");
            FieldError::wrong(start, reason).within("offset")
        })
}

/// Seconds and microseconds, as a map or as a number of seconds.
#[inline]
fn moment(reader: &mut Reader<'_>) -> Result<(i64, u32), FieldError> {
    let start = *reader;
    if let Some(moment) = usual_moment(reader) {
        return Ok(moment);
    }
    *reader = start;
    any_moment(reader)
}

/// A moment in the usual encoding of the journal's writer.
#[inline]
fn usual_moment(reader: &mut Reader<'_>) -> Option<(i64, u32)> {
    if !reader.pass(b"\x82\xa7seconds") {
        return None;
    }
    let seconds = reader.short_uint()?;
    if !reader.pass(b"\xacmicroseconds") {
        return None;
    }
    let microseconds = reader.short_uint()?;
    (microseconds < MICROSECONDS).then_some((seconds.into(), microseconds))
}

fn any_moment(reader: &mut Reader<'_>) -> Result<(i64, u32), FieldError> {
    let start = reader.offset();
    if !matches!(reader.peek()?, Head::Map(_)) {
        return i64::read(reader).map(|seconds| (seconds, 0));
    }
    let (mut seconds, mut microseconds) = (0, 0);
    for _ in 0..reader.map()? {
        match reader.key_of([b"\xa7seconds", b"\xacmicroseconds"])? {
            Some(0) => seconds = i64::read(reader).map_err(|error| error.within("seconds"))?,
            Some(_) => {
                microseconds = u32::read(reader).map_err(|error| error.within("microseconds"))?;
            }
            None => reader.skip()?,
        }
    }
    if microseconds >= MICROSECONDS {
        let reason = format!("is {microseconds}, which is a second or more");
        return Err(FieldError::wrong(start, reason).within("microseconds"));
    }
    Ok((seconds, microseconds))
}
