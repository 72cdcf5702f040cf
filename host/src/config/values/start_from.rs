//! Where a group starts, as it is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::{Scalar, Span, ValueError};

/// Where a group without committed offsets starts: `earliest`, `latest`, a time, a span before now, or an offset file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) enum StartFrom {
    /// At the first record of each partition.
    Earliest,
    /// After the last record of each partition.
    Latest,
    /// At the first record that is not older.
    Time(SystemTime),
    /// At a time so long before the start of the run.
    Ago(Duration),
    /// At the positions in a file.
    OffsetFile(PathBuf),
}

impl FromStr for StartFrom {
    type Err = ValueError;

    /// What is neither a word nor a time is the name of a file.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "" => return Err(ValueError::Empty),
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        if let Some(time) = time(text) {
            return if time > SystemTime::now() {
                Err(ValueError::Future)
            } else {
                Ok(Self::Time(time))
            };
        }
        match text.parse() {
            Ok(Span(span)) => Ok(Self::Ago(span)),
            Err(ValueError::Zero) => Err(ValueError::Zero),
            Err(_) => Ok(Self::OffsetFile(text.into())),
        }
    }
}

impl fmt::Display for StartFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
            Self::Time(time) => humantime::format_rfc3339(*time).fmt(f),
            Self::Ago(span) => humantime::format_duration(*span).fmt(f),
            Self::OffsetFile(path) => path.display().fmt(f),
        }
    }
}

impl serde::Serialize for StartFrom {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time as RFC 3339 has it, or the beginning of a day in UTC.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    let text = text.to_ascii_uppercase();
    if text.len() == "2026-01-01".len() {
        return humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok();
    }
    if let Ok(time) = humantime::parse_rfc3339(&text) {
        return Some(time);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let local = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let [hours, minutes] = [(hours, 24), (minutes, 60)].map(|(text, limit)| {
        let number = text.parse::<u64>().ok()?;
        (digits(text) && number < limit).then_some(number)
    });
    let offset_from_utc = Duration::from_secs(hours? * 3600 + minutes? * 60);
    match offset.as_bytes().first()? {
        b'+' => local.checked_sub(offset_from_utc),
        b'-' => local.checked_add(offset_from_utc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_a_word_a_time_a_span_or_else_a_file() {
        let from = |text: &str| text.parse::<StartFrom>();
        assert_eq!(from("earliest"), Ok(StartFrom::Earliest));
        assert_eq!(from("latest"), Ok(StartFrom::Latest));
        let days = |days: u64| Duration::from_hours(days * 24);
        assert_eq!(from("2d"), Ok(StartFrom::Ago(days(2))));
        assert_eq!(from("0s"), Err(ValueError::Zero));
        assert_eq!(from(""), Err(ValueError::Empty));
        let day = SystemTime::UNIX_EPOCH + days(20_000);
        for text in [
            "2024-10-04",
            "2024-10-04T00:00:00Z",
            "2024-10-04t00:00:00.000z",
            "2024-10-04T02:30:00+02:30",
            "2024-10-03T19:00:00-05:00",
        ] {
            assert_eq!(from(text), Ok(StartFrom::Time(day)), "{text}");
        }
        assert_eq!(from("9999-01-01"), Err(ValueError::Future));
        for text in [
            "./2d",
            "offsets.tsv",
            "Latest",
            "2024-10-04.tsv",
            "2024-13-04",
            "2024-10-04T02:30:00+24:00",
            "2024-10-04T02:30:00+2:300",
            "2024-10-04T02:30:00*02:30",
            "é",
        ] {
            assert_eq!(from(text), Ok(StartFrom::OffsetFile(text.into())), "{text}");
        }
    }
}
