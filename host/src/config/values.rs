//! Parses the values of settings from text by the same rules for all layers.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The limit on the workers of a process: each has a thread, a consumer and an instance.
const MOST_WORKERS: usize = 256;

/// Why a text is no value for a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// It is not a size.
    #[error("it is not a size such as 1MiB")]
    Size,
    /// It is not a span of time.
    #[error("it is not a span of time such as 30s or 500ms")]
    Span,
    /// A size or a span of zero.
    #[error("it must be greater than zero")]
    Zero,
    /// It is not a number, or not one in the range.
    #[error("it is not a number from 1 to {most}")]
    Number {
        /// The greatest number in the range.
        most: u64,
    },
    /// It is empty.
    #[error("it must not be empty")]
    Empty,
    /// A time that has not come yet.
    #[error("it is in the future")]
    Future,
}

/// A size above zero, in bytes: `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct Size(pub(crate) usize);

/// A span of time above zero: `30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct Span(pub(crate) Duration);

/// A number of records above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct RecordCount(pub(crate) NonZero<u32>);

/// A number of workers, from 1 to [`MOST_WORKERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct WorkerCount(pub(crate) NonZero<usize>);

/// A text that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct Text(pub(crate) String);

/// Settings of librdkafka; the last one with the same key takes precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "BTreeMap<String, Scalar>")]
pub(crate) struct KafkaSettings(pub(crate) Vec<(String, String)>);

/// What a run does when all existing records are processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnEof {
    /// The run ends.
    Stop,
    /// It waits for more records.
    Continue,
}

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

/// What a run does with a record that the processor rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnBadRecord {
    /// It ends, and drops everything since the last checkpoint.
    Stop,
    /// It counts the record and continues.
    Skip,
}

impl FromStr for Size {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let size: ByteSize = text.parse().map_err(|_| ValueError::Size)?;
        match usize::try_from(size.as_u64()) {
            Ok(0) => Err(ValueError::Zero),
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(ValueError::Size),
        }
    }
}

impl FromStr for Span {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match humantime::parse_duration(text) {
            Ok(span) if !span.is_zero() => Ok(Self(span)),
            Ok(_) => Err(ValueError::Zero),
            Err(_) => Err(ValueError::Span),
        }
    }
}

impl FromStr for RecordCount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let most = u32::MAX.into();
        text.parse()
            .map(Self)
            .map_err(|_| ValueError::Number { most })
    }
}

impl FromStr for WorkerCount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.parse::<NonZero<usize>>() {
            Ok(workers) if workers.get() <= MOST_WORKERS => Ok(Self(workers)),
            _ => Err(ValueError::Number {
                most: MOST_WORKERS as u64,
            }),
        }
    }
}

impl FromStr for Text {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            Err(ValueError::Empty)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
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
fn time(text: &str) -> Option<SystemTime> {
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

/// A text, a number or a truth value of a file, as the text that a flag would take.
#[derive(Debug)]
struct Scalar(String);

macro_rules! read_from_scalar {
    ($($value:ty),*) => {$(
        impl TryFrom<Scalar> for $value {
            type Error = ValueError;

            fn try_from(scalar: Scalar) -> Result<Self, ValueError> {
                scalar.0.parse()
            }
        }
    )*};
}

read_from_scalar!(Size, Span, RecordCount, WorkerCount, Text, StartFrom);

impl From<BTreeMap<String, Scalar>> for KafkaSettings {
    fn from(settings: BTreeMap<String, Scalar>) -> Self {
        let settings = settings.into_iter();
        Self(settings.map(|(key, value)| (key, value.0)).collect())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, or true or false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_where_they_say_so() {
        assert_eq!("1MiB".parse(), Ok(Size(1 << 20)));
        assert_eq!("4096".parse(), Ok(Size(4096)));
        assert_eq!("0".parse::<Size>(), Err(ValueError::Zero));
        assert_eq!("many".parse::<Size>(), Err(ValueError::Size));
    }

    #[test]
    fn a_batch_of_no_records_is_refused() {
        assert_eq!("1000".parse::<RecordCount>().unwrap().0.get(), 1000);
        assert!("0".parse::<RecordCount>().is_err());
        assert!("-1".parse::<RecordCount>().is_err());
    }

    #[test]
    fn a_span_of_nothing_is_refused() {
        assert_eq!("1m 30s".parse(), Ok(Span(Duration::from_secs(90))));
        assert_eq!("0s".parse::<Span>(), Err(ValueError::Zero));
        assert_eq!("30".parse::<Span>(), Err(ValueError::Span));
    }

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

    #[test]
    fn start_that_is_written_reads_as_it_was() {
        for text in [
            "earliest",
            "latest",
            "2024-10-04T00:00:00Z",
            "2days",
            "a/b.tsv",
        ] {
            let from: StartFrom = text.parse().unwrap();
            let written = serde_json::to_string(&from).unwrap();
            assert_eq!(written, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<StartFrom>(&written).unwrap(), from);
        }
    }

    #[test]
    fn a_file_reads_numbers_and_texts_by_the_rules_of_the_text() {
        assert_eq!(serde_json::from_str::<Size>("4096").unwrap(), Size(4096));
        assert_eq!(
            serde_json::from_str::<Size>("\"4KiB\"").unwrap(),
            Size(4096)
        );
        let error = serde_json::from_str::<Span>("30").unwrap_err();
        assert!(error.to_string().contains("span of time"), "{error}");
        assert!(serde_json::from_str::<WorkerCount>("257").is_err());
        assert!(serde_json::from_str::<WorkerCount>("-1").is_err());
        assert!(serde_json::from_str::<Text>("\"\"").is_err());
        let settings: KafkaSettings =
            serde_json::from_str(r#"{"a": 1, "b": true, "c": "text"}"#).unwrap();
        let pairs = [("a", "1"), ("b", "true"), ("c", "text")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(settings.0, pairs);
    }
}
