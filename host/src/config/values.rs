//! Parses the values of settings from text by the same rules for all layers.

mod observe;
mod phases;
mod reading;
mod scalar;
mod start_from;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::Serialize;

pub(crate) use self::observe::{LogFilter, LogFormat, MetricsAddress};
pub(crate) use self::phases::Phases;
pub(super) use self::scalar::SCALAR;
use self::scalar::{Scalar, Word};
pub(crate) use self::start_from::{StartFrom, time};

/// The most processes that share a source: each reads at least one of its parts.
const MOST_SHARES: usize = 1_000_000;
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
    /// It is no order of object types.
    #[error(
        "it is not `dependencies-first`, `reverse`, or stages such as `revision,release/directory/content`"
    )]
    Phases,
    /// It names an object type twice.
    #[error("it has an object type twice")]
    PhaseTwice,
    /// It is no part of a whole.
    #[error("it is not of the form I/N, such as 2/8 for the second of eight")]
    Share,
    /// It is not a partition.
    #[error("it is not of the form TOPIC:NUMBER")]
    Partition,
    /// It does not say whether privileged topics are read.
    #[error("it is not `required`, `if-available` or `no`")]
    Privileged,
    /// It does not say whether names are removed.
    #[error("it is not `persons`, `strict` or `no`")]
    Anonymise,
    /// It does not say which log lines are shown.
    #[error("{0}")]
    Log(String),
    /// It is not an address.
    #[error("it is not a port, or an address with a port such as 127.0.0.1:9464")]
    Address,
    /// It is no limit on failures.
    #[error("it is neither a number of records nor a share from 0% to 100%")]
    Failures,
    /// It is not a time.
    #[error("it is not a day or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")]
    Time,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct RecordCount(pub(crate) NonZero<u32>);

/// A number of workers, from 1 to [`MOST_WORKERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct WorkerCount(pub(crate) NonZero<usize>);

/// A part of what several processes read: `2/8` is the second of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct Share {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// How many there are.
    pub(crate) of: usize,
}

/// A text that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(try_from = "Word")]
pub(crate) struct Text(pub(crate) String);

/// A time, or the beginning of a day in UTC: `2026-01-31T12:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct Time(pub(crate) SystemTime);

/// A partition of a topic: `TOPIC:NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct TopicPartition {
    /// The topic's whole name.
    pub(crate) topic: String,
    /// The partition's number in the topic.
    pub(crate) number: u32,
}

/// Settings of librdkafka; the last one with the same key takes precedence.
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "BTreeMap<String, Scalar>")]
pub(crate) struct KafkaSettings(pub(crate) Vec<(String, String)>);

/// Whether privileged topics, which are not anonymised, are read. `true` and `false` are `required` and `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) enum Privileged {
    /// They are never read.
    No,
    /// They are read, and the run fails where it would read an anonymised topic.
    Required,
    /// They are read where they exist, and anonymised topics elsewhere.
    IfAvailable,
}

/// Whether names of persons are removed. `true` and `false` are `persons` and `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) enum Anonymise {
    /// They are not.
    No,
    /// Persons are replaced as in public topics.
    Persons,
    /// The same, and members that may repeat names or addresses are removed.
    Strict,
}

/// What a run does about an object type that has no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingTopics {
    /// It fails.
    Error,
    /// It reads the others.
    Ignore,
}

/// Where text goes that a script prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Print {
    /// To the log.
    Log,
    /// To an output, which is written to standard output unless it is bound to something else.
    Stdout,
}

/// What a run does when all existing records are processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnEof {
    /// The run ends.
    Stop,
    /// It waits for more records.
    Continue,
    /// It reads all records again from the beginning.
    Restart,
}

/// What a run does with a record that the processor rejects or fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFailure {
    /// It ends, and drops everything since the last checkpoint.
    Stop,
    /// It counts the record and continues.
    Skip,
    /// It writes the record to the dead letters and continues.
    DeadLetter,
}

/// How many records may fail: a number, or a share such as `1%` with up to two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) enum MaxFailures {
    /// So many.
    Records(u64),
    /// So many of a hundred.
    Percent(Percent),
}

/// A share in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(u32);

impl Percent {
    /// One percent.
    pub(crate) const ONE: Self = Self(100);
    /// All.
    pub(crate) const ALL: Self = Self(10_000);

    /// The share in hundredths of a percent.
    pub(crate) fn hundredths(self) -> u32 {
        self.0
    }
}

impl FromStr for MaxFailures {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const WHOLE: u32 = 10_000;
        let Some(percent) = text.trim().strip_suffix('%') else {
            let number = text.trim().parse();
            return number.map(Self::Records).map_err(|_| ValueError::Failures);
        };
        let (whole, decimals) = percent
            .trim()
            .split_once('.')
            .unwrap_or((percent.trim(), ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 2 || !is_number(whole) || !is_number(decimals) {
            return Err(ValueError::Failures);
        }
        let hundredths: u32 = format!("{whole}{decimals:0<2}")
            .parse()
            .map_err(|_| ValueError::Failures)?;
        if hundredths > WHOLE {
            return Err(ValueError::Failures);
        }
        Ok(Self::Percent(Percent(hundredths)))
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(most) => most.fmt(f),
            Self::Percent(Percent(hundredths)) => {
                write!(f, "{}", hundredths / 100)?;
                match hundredths % 100 {
                    0 => {}
                    rest if rest % 10 == 0 => write!(f, ".{}", rest / 10)?,
                    rest => write!(f, ".{rest:02}")?,
                }
                f.write_str("%")
            }
        }
    }
}

/// What a run does where a table does not fit the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnSchemaChange {
    /// It ends before it writes anything.
    Refuse,
    /// It adds the columns that are missing, and ends where that is not enough.
    AddColumns,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_a_number_up_to_the_count() {
        let share = Share { number: 2, of: 8 };
        assert_eq!("2/8".parse(), Ok(share));
        assert_eq!(share.to_string(), "2/8");
        for text in ["0/8", "9/8", "2", "2/", "/8", "-1/8", "2/8/9", "1/1000001"] {
            assert_eq!(text.parse::<Share>(), Err(ValueError::Share), "{text}");
        }
    }

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
    fn privileged_topics_are_required_preferred_or_not_read() {
        for (text, expected) in [
            ("true", Ok(Privileged::Required)),
            ("required", Ok(Privileged::Required)),
            ("if-available", Ok(Privileged::IfAvailable)),
            ("false", Ok(Privileged::No)),
            ("no", Ok(Privileged::No)),
            ("yes", Err(ValueError::Privileged)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        let from_file: Privileged = serde_json::from_str("true").unwrap();
        assert_eq!(from_file, Privileged::Required);
    }

    #[test]
    fn a_partition_is_a_topic_and_a_number() {
        let partition = |topic: &str, number| {
            let topic = topic.to_owned();
            Ok(TopicPartition { topic, number })
        };
        assert_eq!("a.b:3".parse(), partition("a.b", 3));
        for wrong in ["a.b", "a:", ":1", "a:-1", "a:x", "a:2147483648"] {
            assert_eq!(
                wrong.parse::<TopicPartition>(),
                Err(ValueError::Partition),
                "{wrong}"
            );
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
