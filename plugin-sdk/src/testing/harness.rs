//! Calls a processor in the same way as the host.

use std::collections::HashMap;
use std::marker::PhantomData;
#[cfg(feature = "recordings")]
use std::path::PathBuf;

use journal_options::OptionSchema;
use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::records::{self, TestRecord};
use super::run::{LogLine, Rows, Run};
use super::worker::Worker;
use crate::processor::About;
use crate::{NoOptions, Options, Plan, Processor, log, owned};

/// Runs the processor `P`, with options of type `O`, over the records of a test.
///
/// Records that the test adds get partition 0 and the next offset of their object type.
///
#[doc = include_str!("example.md")]
/// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
/// assert_eq!(run.rows("rows").len(), 1);
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Debug)]
pub struct Harness<P, O = NoOptions> {
    options: Value,
    steps: Vec<Step>,
    /// The offset of the next record of each object type.
    offsets: HashMap<String, u64>,
    /// The timestamp of the next record; -1 if it has none.
    timestamp_ms: i64,
    privileged: bool,
    seed: Option<u64>,
    /// The first error while the records were added.
    error: Option<Error>,
    processor: PhantomData<fn(O) -> P>,
}

#[derive(Debug)]
enum Step {
    Record(TestRecord),
    #[cfg(feature = "recordings")]
    Recording(PathBuf),
    Checkpoint,
}

impl<P: Processor<O>, O: Options> Default for Harness<P, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Processor<O>, O: Options> Harness<P, O> {
    /// A harness without records and options.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().run()?;
    /// assert_eq!(run.process_calls(), 0);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Value::Object(serde_json::Map::new()),
            steps: Vec::new(),
            offsets: HashMap::new(),
            timestamp_ms: -1,
            privileged: false,
            seed: None,
            error: None,
            processor: PhantomData,
        }
    }

    /// Sets the options, as a JSON object: `json!({"smallest": 10})`.
    ///
    /// ```
    /// use journal_plugin_sdk::testing::Harness;
    /// use journal_plugin_sdk::{Options, Processor};
    /// use serde_json::json;
    ///
    /// fn since_2020<P: Processor<O>, O: Options>() -> Harness<P, O> {
    ///     Harness::new().options(json!({"since": 2020}))
    /// }
    /// ```
    #[must_use]
    pub fn options(mut self, options: Value) -> Self {
        self.options = options;
        self
    }

    /// Prefers privileged records over anonymised ones in the recordings, as `--privileged=if-available` does.
    ///
    /// ```
    /// use journal_plugin_sdk::Processor;
    /// use journal_plugin_sdk::testing::Harness;
    ///
    /// fn with_names<P: Processor>(recording: &str) -> Harness<P> {
    ///     Harness::new().recording(recording).privileged()
    /// }
    /// ```
    #[must_use]
    pub fn privileged(mut self) -> Self {
        self.privileged = true;
        self
    }

    /// Adds a record. The value is serialized; the key is not. Use [`msgpack`](super::msgpack) for a key as in the
    /// journal.
    ///
    #[doc = include_str!("example.md")]
    /// use serde_json::json;
    ///
    /// let run = Harness::<Urls, _>::new().record("origin", "a key", &json!({"url": "https://example.org"})).run()?;
    /// assert_eq!(run.rows("rows"), [json!({"url": "https://example.org"})]);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn record<V: Serialize + ?Sized>(
        mut self,
        object_type: &str,
        key: impl AsRef<[u8]>,
        value: &V,
    ) -> Self {
        match super::msgpack(value) {
            Ok(value) => self.raw_record(object_type, key, value),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// Adds the record of an object, with the key that it has in the journal.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.rows("rows").len(), 1);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn object<T: owned::Object>(self, object: &T) -> Self {
        self.raw_record(T::OBJECT_TYPE, object.key(), object.encode())
    }

    /// Adds a record with these bytes as its value.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().raw_record("origin", "a key", b"no msgpack").run()?;
    /// assert_eq!(run.rejections().len(), 1);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn raw_record(
        mut self,
        object_type: &str,
        key: impl AsRef<[u8]>,
        value: impl Into<Vec<u8>>,
    ) -> Self {
        let value = value.into();
        if value.is_empty() {
            self.error.get_or_insert(Error::EmptyValue);
        }
        self.push(object_type, key.as_ref(), value);
        self
    }

    /// Adds a record without a value. The processor sees it only if its plan asks for tombstones.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().tombstone("origin", "a key").run()?;
    /// assert!(run.rows("rows").is_empty());
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn tombstone(mut self, object_type: &str, key: impl AsRef<[u8]>) -> Self {
        self.push(object_type, key.as_ref(), Vec::new());
        self
    }

    /// Adds the records of a recording. Object types that the plan does not ask for are skipped.
    ///
    /// This needs the feature `recordings` of the SDK, which compiles zstd.
    ///
    /// ```
    /// use journal_plugin_sdk::Processor;
    /// use journal_plugin_sdk::testing::{Error, Harness, Run};
    ///
    /// fn run<P: Processor>() -> Result<Run, Error> {
    ///     Harness::<P>::new().recording("recordings/ripgrep.journal.zst").run()
    /// }
    /// ```
    #[cfg(feature = "recordings")]
    #[must_use]
    pub fn recording(mut self, path: impl Into<PathBuf>) -> Self {
        self.steps.push(Step::Recording(path.into()));
        self
    }

    /// Gives the records that the test adds from here on this timestamp, in milliseconds since 1970-01-01T00:00:00Z. Without
    /// one, they have none.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().timestamp_ms(1_500_000_000_000).tombstone("origin", "a key").run()?;
    /// assert!(run.rows("rows").is_empty());
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = timestamp_ms;
        self
    }

    /// Makes a checkpoint after the records so far. There is always one at the end.
    ///
    #[doc = include_str!("example.md")]
    /// let origin = owned::Origin::new().url("https://example.org");
    /// let run = Harness::<Urls, _>::new().object(&origin).checkpoint().object(&origin).run()?;
    /// assert_eq!(run.process_calls(), 2);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint(mut self) -> Self {
        self.steps.push(Step::Checkpoint);
        self
    }

    /// Splits the records into calls at random. The same seed gives the same split. Without a seed, each call gets up to
    /// 1000 records or one mebibyte, the host's default.
    ///
    /// A processor whose plan says that it is stateless is started again for each call.
    ///
    #[doc = include_str!("example.md")]
    /// let origin = owned::Origin::new().url("https://example.org");
    /// let run = Harness::<Urls, _>::new().object(&origin).object(&origin).split_at_random(42).run()?;
    /// assert_eq!(run.rows("rows").len(), 2);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    #[must_use]
    pub fn split_at_random(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs the processor over all records.
    ///
    /// # Errors
    /// In all cases in which the host stops.
    ///
    #[doc = include_str!("example.md")]
    /// let run = Harness::<Urls, _>::new().object(&owned::Origin::new().url("https://example.org")).run()?;
    /// assert_eq!(run.rows("rows")[0]["url"], "https://example.org");
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    pub fn run(self) -> Result<Run, Error> {
        let seed = self.seed;
        self.prepare()?.run(seed)
    }

    /// Runs the processor once with the host's default calls and `splits` times with random calls, compares the results,
    /// and returns the first run. The rows of aggregate outputs are compared after merging.
    ///
    /// # Errors
    /// In all cases in which the host stops, and if a split changes rows or rejections.
    ///
    #[doc = include_str!("example.md")]
    /// use journal_plugin_sdk::testing::Rows;
    ///
    /// let origin = owned::Origin::new().url("https://example.org");
    /// let run = Harness::<Urls, _>::new()
    ///     .object(&origin)
    ///     .object(&origin)
    ///     .same_for_any_split(10, Rows::InOrder)?;
    /// assert_eq!(run.rows("rows").len(), 2);
    /// # Ok::<(), journal_plugin_sdk::testing::Error>(())
    /// ```
    pub fn same_for_any_split(self, splits: u64, rows: Rows) -> Result<Run, Error> {
        let first_seed = self.seed.unwrap_or(0);
        let prepared = self.prepare()?;
        let unsplit = prepared.run(None)?;
        for seed in first_seed..first_seed + splits {
            unsplit.compare(&prepared.run(Some(seed))?, seed, rows)?;
        }
        Ok(unsplit)
    }

    fn push(&mut self, object_type: &str, key: &[u8], value: Vec<u8>) {
        let next_offset = self.offsets.entry(object_type.to_owned()).or_default();
        let offset = *next_offset;
        *next_offset += 1;
        self.steps.push(Step::Record(TestRecord {
            object_type: object_type.to_owned(),
            privileged: self.privileged,
            key: key.to_owned(),
            value,
            partition: 0,
            offset,
            timestamp_ms: self.timestamp_ms,
            explicit: true,
        }));
    }

    /// Checks the options, and reads the recordings.
    fn prepare(self) -> Result<Prepared<P, O>, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check_options::<O>(&self.options)?;
        let mut sections = vec![Vec::new()];
        for step in self.steps {
            match (step, sections.last_mut()) {
                (Step::Record(record), Some(section)) => section.push(record),
                #[cfg(feature = "recordings")]
                (Step::Recording(path), Some(section)) => {
                    section.extend(super::recording::read(&path, self.privileged)?);
                }
                (Step::Checkpoint, _) | (_, None) => sections.push(Vec::new()),
            }
        }
        Ok(Prepared {
            options: self.options.to_string(),
            sections,
            processor: PhantomData,
        })
    }
}

/// Checks the options as the host does, by the schema that the plugin describes them with.
fn check_options<O: Options>(given: &Value) -> Result<(), Error> {
    let about = About {
        name: "test",
        version: "0",
        summary: "",
    };
    let described = crate::processor::describe::<O>(about).ok();
    let described: Value = described
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let schema = OptionSchema::read(&described["options"]).map_err(|error| Error::Schema {
        pointer: error.pointer,
        rule: error.rule,
        hint: error.hint.to_owned(),
    })?;
    let Some(given) = given.as_object() else {
        return Err(Error::Options {
            reason: "the options are not a JSON object".to_owned(),
            hint: "make them with `json!({\"name\": \"value\"})`".to_owned(),
        });
    };
    schema.check(given).map_err(|error| Error::Options {
        reason: error.to_string(),
        hint: error.hint(str::to_owned),
    })
}

/// Records in sections, with a checkpoint after each section.
struct Prepared<P, O> {
    options: String,
    sections: Vec<Vec<TestRecord>>,
    processor: PhantomData<fn(O) -> P>,
}

impl<P: Processor<O>, O: Options> Prepared<P, O> {
    fn run(&self, seed: Option<u64>) -> Result<Run, Error> {
        let (result, lines) = log::capture(|| self.run_captured(seed));
        match result {
            Ok(mut run) => {
                let line = |(level, message)| LogLine { level, message };
                run.log = lines.into_iter().map(line).collect();
                Ok(run)
            }
            Err(error) => {
                // An error does not hold the log, which may explain it.
                for (level, message) in lines {
                    log::write(level, format_args!("{message}"));
                }
                Err(error)
            }
        }
    }

    fn run_captured(&self, seed: Option<u64>) -> Result<Run, Error> {
        let mut random = seed.map(Random::of);
        let mut worker = Worker::<P, O>::start(&self.options)?;
        for section in &self.sections {
            let wanted = wanted(section, &worker.plan)?;
            let mut left = &wanted[..];
            while !left.is_empty() {
                let length = match &mut random {
                    Some(random) => random_length(random, left.len()),
                    None => records::call_length(left),
                };
                let (now, later) = left.split_at(length);
                worker.process(now)?;
                left = later;
                if seed.is_some() && worker.plan.is_stateless() {
                    worker.restart(&self.options)?;
                }
            }
            worker.checkpoint()?;
        }
        Ok(worker.finish())
    }
}

/// The records that the plan asks for.
fn wanted<'t>(records: &'t [TestRecord], plan: &Plan) -> Result<Vec<&'t TestRecord>, Error> {
    let stranger = records
        .iter()
        .find(|record| record.explicit && !plan.reads(&record.object_type));
    if let Some(record) = stranger {
        return Err(Error::NotInPlan {
            object_type: record.object_type.clone(),
        });
    }
    let is_wanted = |record: &&TestRecord| {
        plan.reads(&record.object_type) && (!record.value.is_empty() || plan.wants_tombstones())
    };
    Ok(records.iter().filter(is_wanted).collect())
}

/// Numbers that look random and follow from a seed (xorshift), for which a test needs no library.
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        // It must not be zero, and seeds that are close must not begin alike.
        Self((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// A number from 1 to `most`.
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0 % most).map_or(usize::MAX, |number| number + 1)
    }
}

/// A random length that is often short and sometimes long.
fn random_length(random: &mut Random, left: usize) -> usize {
    let longest = random.up_to(left);
    random.up_to(longest.min(1000))
}
