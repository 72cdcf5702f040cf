//! The result of a run in the harness.

use std::fmt::{self, Display, Formatter};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Error;
use super::output::{OutputRow, OutputRows};
use crate::log::Level;

/// A call to the processor.
///
/// ```
/// use journal_plugin_sdk::testing::Call;
///
/// assert_eq!(Call::Process(2).to_string(), "`process` call 2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `start`.
    Start,
    /// `process`; the first one is number 1.
    Process(usize),
    /// `checkpoint`.
    Checkpoint,
}

impl Display for Call {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => formatter.write_str("`start`"),
            Self::Process(number) => write!(formatter, "`process` call {number}"),
            Self::Checkpoint => formatter.write_str("`checkpoint`"),
        }
    }
}

/// How rows of two runs are compared.
///
#[doc = include_str!("example.md")]
/// use journal_plugin_sdk::testing::Rows;
///
/// let origin = owned::Origin::new().url("https://example.org");
/// let run = Harness::<Urls, _>::new().object(&origin).same_for_any_split(3, Rows::InAnyOrder)?;
/// # assert_eq!(run.rows("rows").len(), 1);
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// The same rows in the same order.
    InOrder,
    /// The same rows, each the same number of times.
    InAnyOrder,
}

/// A record that the processor rejected.
///
#[doc = include_str!("example.md")]
/// let run = Harness::<Urls, _>::new().raw_record("origin", "a key", b"no msgpack").run()?;
/// assert_eq!(run.rejections()[0].key, b"a key");
/// assert!(run.rejections()[0].reason.starts_with("the origin"));
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its object type.
    pub object_type: String,
    /// Its key, as in the journal.
    pub key: Vec<u8>,
    /// Its Kafka partition.
    pub partition: u32,
    /// Its offset in the partition.
    pub offset: u64,
    /// The reason that the processor gave.
    pub reason: String,
}

/// A line of the log.
///
#[doc = include_str!("example.md")]
/// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
/// assert_eq!(run.log()[0].message, "one more");
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The severity.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// The result of a run: rows, rejections and the log.
///
#[doc = include_str!("example.md")]
/// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
/// assert_eq!(run.rows("rows").len(), 1);
/// assert!(run.rejections().is_empty());
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Run {
    pub(super) outputs: Vec<OutputRows>,
    pub(super) rejections: Vec<Rejected>,
    pub(super) log: Vec<LogLine>,
    pub(super) process_calls: usize,
}

impl Run {
    /// The rows of an output in JSON, as the host writes them: bytes as hexadecimal digits, times as RFC 3339. Where a
    /// row has a key twice, the last value counts; [`lines`](Self::lines) has both.
    ///
    /// # Panics
    /// If the plan does not declare this output.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.rows("rows"), [serde_json::json!({"url": "https://example.org"})]);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn rows(&self, output: &str) -> Vec<Value> {
        self.output(output)
            .rows
            .iter()
            .map(OutputRow::value)
            .collect()
    }

    /// The rows of an output byte by byte as the host writes them, without the ends of the lines.
    ///
    /// # Panics
    /// When the plan does not declare this output.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.lines("rows"), [r#"{"url":"https://example.org"}"#]);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn lines(&self, output: &str) -> Vec<&str> {
        let rows = self.output(output).rows.iter();
        rows.map(|row| row.json.as_str()).collect()
    }

    /// The rows of an output, decoded.
    ///
    /// # Errors
    /// If a row is not a `T`.
    ///
    /// # Panics
    /// If the plan does not declare this output.
    ///
    #[doc = include_str!("example.md")]
    /// #[derive(serde::Deserialize)]
    /// struct Url {
    ///     url: String,
    /// }
    ///
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// let rows: Vec<Url> = run.rows_as("rows")?;
    /// assert_eq!(rows[0].url, "https://example.org");
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    pub fn rows_as<T: DeserializeOwned>(&self, output: &str) -> Result<Vec<T>, Error> {
        let rows = self.output(output).rows.iter();
        rows.map(|row| rmp_serde::from_slice(&row.msgpack))
            .collect::<Result<_, _>>()
            .map_err(|source| Error::Decode {
                output: output.to_owned(),
                source,
            })
    }

    /// The records that the processor rejected.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert!(run.rejections().is_empty());
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn rejections(&self) -> &[Rejected] {
        &self.rejections
    }

    /// The lines that the processor logged.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.log().len(), 1);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn log(&self) -> &[LogLine] {
        &self.log
    }

    /// How often `process` was called.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.process_calls(), 1);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn process_calls(&self) -> usize {
        self.process_calls
    }

    fn output(&self, name: &str) -> &OutputRows {
        let found = self.outputs.iter().find(|output| output.name == name);
        found.unwrap_or_else(|| {
            let names: Vec<_> = self.outputs.iter().map(|output| &output.name).collect();
            panic!("the plan declares the outputs {names:?}, and not `{name}`")
        })
    }

    /// Fails if another run, with the split of this seed, had a different result.
    pub(super) fn compare(&self, other: &Self, seed: u64, rows: Rows) -> Result<(), Error> {
        for (one, two) in self.outputs.iter().zip(&other.outputs) {
            let lines = |output: &OutputRows| {
                output
                    .rows
                    .iter()
                    .map(|row| row.value().to_string())
                    .collect()
            };
            compare(lines(one), lines(two), seed, rows, || {
                format!("the rows of the output `{}`", one.name)
            })?;
        }
        let lines = |run: &Self| {
            run.rejections
                .iter()
                .map(|one| format!("{one:?}"))
                .collect()
        };
        compare(lines(self), lines(other), seed, Rows::InAnyOrder, || {
            "the rejections".to_owned()
        })
    }
}

fn compare(
    mut one: Vec<String>,
    mut two: Vec<String>,
    seed: u64,
    rows: Rows,
    part: impl Fn() -> String,
) -> Result<(), Error> {
    if rows == Rows::InAnyOrder {
        one.sort_unstable();
        two.sort_unstable();
    }
    if one == two {
        return Ok(());
    }
    Err(Error::DependsOnSplit {
        seed,
        part: part(),
        missing: without(&one, &two),
        extra: without(&two, &one),
    })
}

/// The first few of these lines that are missing from the others. A line that occurs twice must be there twice.
fn without(lines: &[String], others: &[String]) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut left: Vec<_> = others.iter().collect();
    left.sort_unstable();
    let missing = lines.iter().filter(|line| match left.binary_search(line) {
        Ok(index) => {
            left.remove(index);
            false
        }
        Err(_) => true,
    });
    missing.take(SHOWN).cloned().collect()
}
