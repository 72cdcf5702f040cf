//! Values as flags, variables and files have them.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::str::FromStr;

use bytesize::ByteSize;

use super::scalar::{Scalar, Word};
use super::{
    Anonymise, KafkaSettings, LogFilter, MOST_SHARES, MOST_WORKERS, MaxFailures, MetricsAddress,
    Phases, Privileged, RecordCount, Share, Size, Span, StartFrom, Text, Time, TopicPartition,
    ValueError, WorkerCount, time,
};

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

impl FromStr for Share {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parsed = || {
            let (number, of) = text.split_once('/')?;
            Some((number.parse().ok()?, of.parse().ok()?))
        };
        match parsed() {
            Some((number, of)) if (1..=of).contains(&number) && of <= MOST_SHARES => {
                Ok(Self { number, of })
            }
            _ => Err(ValueError::Share),
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

impl FromStr for Time {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        time(text).map(Self).ok_or(ValueError::Time)
    }
}

impl FromStr for TopicPartition {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (topic, number) = text.rsplit_once(':').ok_or(ValueError::Partition)?;
        // Kafka's numbers are signed.
        let number = number.parse::<i32>().ok();
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number {
            Some(number) if !topic.is_empty() => Ok(Self {
                topic: topic.to_owned(),
                number,
            }),
            _ => Err(ValueError::Partition),
        }
    }
}

impl FromStr for Privileged {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "no" | "false" => Ok(Self::No),
            "required" | "true" => Ok(Self::Required),
            "if-available" => Ok(Self::IfAvailable),
            _ => Err(ValueError::Privileged),
        }
    }
}

impl FromStr for Anonymise {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "no" | "false" => Ok(Self::No),
            "persons" | "true" => Ok(Self::Persons),
            "strict" => Ok(Self::Strict),
            _ => Err(ValueError::Anonymise),
        }
    }
}

impl TryFrom<Word> for Text {
    type Error = ValueError;

    fn try_from(word: Word) -> Result<Self, ValueError> {
        word.0.parse()
    }
}

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

read_from_scalar!(
    Size,
    Span,
    RecordCount,
    WorkerCount,
    Share,
    StartFrom,
    Time,
    TopicPartition,
    Phases,
    Privileged,
    Anonymise,
    LogFilter,
    MetricsAddress,
    MaxFailures
);

impl From<BTreeMap<String, Scalar>> for KafkaSettings {
    fn from(settings: BTreeMap<String, Scalar>) -> Self {
        let settings = settings.into_iter();
        Self(settings.map(|(key, value)| (key, value.0)).collect())
    }
}
