//! Values as `config` prints them.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{
    Anonymise, KafkaSettings, LogFilter, MaxFailures, MetricsAddress, Phases, Privileged, Share,
    Size, Span, Time, TopicPartition,
};
use crate::kafka::Masked;

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Masked(&self.0).fmt(f)
    }
}

impl Serialize for KafkaSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for Size {
    /// As it is written in a file, exactly: `512MiB`, or a number of bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0.is_multiple_of(unit) {
                return serializer.collect_str(&format_args!("{}{name}", self.0 / unit));
            }
        }
        self.0.serialize(serializer)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

macro_rules! write_as_text {
    ($($value:ty),*) => {$(
        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

write_as_text!(
    Share,
    Time,
    TopicPartition,
    Phases,
    Privileged,
    Anonymise,
    LogFilter,
    MetricsAddress,
    MaxFailures
);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339(self.0).fmt(f)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.topic, self.number)
    }
}

impl fmt::Display for Privileged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Required => "required",
            Self::IfAvailable => "if-available",
        })
    }
}

impl fmt::Display for Anonymise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Persons => "persons",
            Self::Strict => "strict",
        })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}
