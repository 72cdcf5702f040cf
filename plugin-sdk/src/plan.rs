//! What a processor wants to read and what it emits.

use journal_aggregate::Shape;
use serde::{Serialize, Serializer};

use crate::out::OutputPlan;
use crate::{Aggregate, Failure, aggregate};

/// All object types that the journal has, those not known yet included: the value of
/// [`Processor::OBJECT_TYPES`](crate::Processor::OBJECT_TYPES) for a processor that reads everything.
///
/// ```
/// use journal_plugin_sdk::{ANY, Plan};
///
/// assert_eq!(Plan::new(ANY), Plan::new::<&str>([]));
/// ```
pub const ANY: &[&str] = &[];

// The rules of `plan.schema.json` in the contract, by which the host refuses a plan.
const MAX_TYPES: usize = 100;
const MAX_TYPE_CHARS: usize = 100;
const MAX_OUTPUTS: usize = 64;
const MAX_NAME_CHARS: usize = 63;
const MAX_SUMMARY_CHARS: usize = 1000;

/// A column of a batch: what crosses from the host into the processor.
///
/// ```
/// use journal_plugin_sdk::{ANY, Column, Plan};
///
/// // Enough to count objects and their bytes: no value is copied.
/// let plan = Plan::new(ANY).columns([Column::ValueEnds]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// The values; brings [`Column::ValueEnds`] with it.
    Values,
    /// The sizes of the values, which also tell tombstones.
    ValueEnds,
    /// The keys.
    Keys,
    /// The Kafka partitions.
    Partitions,
    /// The offsets in the partitions.
    Offsets,
    /// The times of the records.
    Timestamps,
}

/// What a processor wants to read and what it emits.
///
/// A new plan asks for every column and no tombstones, says that the processor may hold something back
/// between two calls, and declares one output named `rows`.
///
/// ```
/// use journal_plugin_sdk::{Column, Plan};
///
/// let plan = Plan::new(["revision", "release"])
///     .columns([Column::Values])
///     .stateless()
///     .output("months", "Revisions and releases in each month");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    #[serde(serialize_with = "any_or_list")]
    object_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<Column>>,
    tombstones: bool,
    holds_state: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<Output>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Output {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(flatten)]
    shape: Option<Shape>,
}

fn any_or_list<S: Serializer>(types: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    if types.is_empty() {
        serializer.serialize_str("any")
    } else {
        types.serialize(serializer)
    }
}

impl Plan {
    /// A plan that reads these object types: all that there are, when there is none in the list.
    ///
    /// ```
    /// use journal_plugin_sdk::Plan;
    ///
    /// let plan = Plan::new(["revision", "release"]);
    /// ```
    #[must_use]
    pub fn new<T: AsRef<str>>(object_types: impl IntoIterator<Item = T>) -> Self {
        Self {
            object_types: object_types
                .into_iter()
                .map(|name| name.as_ref().to_owned())
                .collect(),
            columns: None,
            tombstones: false,
            holds_state: true,
            outputs: None,
        }
    }

    /// Asks for these columns only. What is not asked for is not copied, and reading it panics.
    ///
    /// ```
    /// use journal_plugin_sdk::{Column, Plan};
    ///
    /// let plan = Plan::new(["origin"]).columns([Column::Values, Column::Offsets]);
    /// ```
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    /// Asks for records without a value too.
    ///
    /// ```
    /// use journal_plugin_sdk::Plan;
    ///
    /// let plan = Plan::new(["content"]).tombstones();
    /// ```
    #[must_use]
    pub fn tombstones(mut self) -> Self {
        self.tombstones = true;
        self
    }

    /// Promises that nothing is held back from one call to the next, so that the host may repeat a
    /// single call.
    ///
    /// ```
    /// use journal_plugin_sdk::Plan;
    ///
    /// let plan = Plan::new(["origin"]).stateless();
    /// ```
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.holds_state = false;
        self
    }

    /// Declares an output, with what its rows mean. The first one takes the place of `rows`.
    ///
    /// ```
    /// use journal_plugin_sdk::Plan;
    ///
    /// let plan = Plan::new(["release"])
    ///     .output("signed", "Releases with a signature")
    ///     .output("unsigned", "All other releases");
    /// ```
    #[must_use]
    pub fn output(mut self, name: impl Into<String>, summary: impl Into<String>) -> Self {
        let output = Output {
            name: name.into(),
            kind: None,
            summary: summary.into(),
            shape: None,
        };
        self.outputs.get_or_insert_default().push(output);
        self
    }

    /// Declares an aggregate output: rows with the same key become one. They are written with
    /// [`Out::merge`](crate::Out::merge).
    ///
    /// ```
    /// use journal_plugin_sdk::{Aggregate, Plan};
    ///
    /// let counts = Aggregate::by(["year"]).sum("revisions");
    /// let plan = Plan::new(["revision"]).stateless().aggregate("years", "Revisions by year", counts);
    /// ```
    #[must_use]
    pub fn aggregate(
        mut self,
        name: impl Into<String>,
        summary: impl Into<String>,
        aggregate: Aggregate,
    ) -> Self {
        let output = Output {
            name: name.into(),
            kind: Some("aggregate"),
            summary: summary.into(),
            shape: Some(aggregate.shape),
        };
        self.outputs.get_or_insert_default().push(output);
        self
    }

    /// Declares that nothing is ever emitted.
    ///
    /// ```
    /// use journal_plugin_sdk::Plan;
    ///
    /// // For a processor that only writes to the log.
    /// let plan = Plan::new(["origin"]).without_outputs();
    /// ```
    #[must_use]
    pub fn without_outputs(mut self) -> Self {
        self.outputs = Some(Vec::new());
        self
    }

    /// The outputs, in their order.
    pub(crate) fn outputs(&self) -> Vec<OutputPlan> {
        let plan = |name: &str, shape: Option<&Shape>| OutputPlan {
            name: name.to_owned(),
            shape: shape.cloned(),
        };
        match &self.outputs {
            None => vec![plan("rows", None)],
            Some(outputs) => outputs
                .iter()
                .map(|output| plan(&output.name, output.shape.as_ref()))
                .collect(),
        }
    }

    /// The plan as the host reads it.
    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        let broken = self
            .broken_by_types()
            .or_else(|| self.broken_by_columns())
            .or_else(|| self.broken_by_outputs());
        match broken {
            Some(rule) => Err(Failure::fatal(rule)),
            None => Ok(serde_json::to_string(self)?),
        }
    }

    fn broken_by_types(&self) -> Option<String> {
        let types = &self.object_types;
        if types.len() > MAX_TYPES {
            let count = types.len();
            return Some(format!(
                "the plan names {count} object types, and {MAX_TYPES} are the most"
            ));
        }
        if let Some(name) = types.iter().find(|name| !is_type(name)) {
            return Some(format!(
                "the plan names the object type `{name}`, which is not 1 to {MAX_TYPE_CHARS} of `a-z0-9_`"
            ));
        }
        repeated(types).map(|name| format!("the plan names the object type `{name}` twice"))
    }

    fn broken_by_columns(&self) -> Option<String> {
        let column = repeated(self.columns.as_deref().unwrap_or_default())?;
        Some(format!("the plan asks for `Column::{column:?}` twice"))
    }

    fn broken_by_outputs(&self) -> Option<String> {
        let outputs = self.outputs.as_deref().unwrap_or_default();
        if outputs.len() > MAX_OUTPUTS {
            let count = outputs.len();
            return Some(format!(
                "the plan declares {count} outputs, and {MAX_OUTPUTS} are the most"
            ));
        }
        for output in outputs {
            let Output { name, summary, .. } = output;
            if !is_output_name(name) {
                return Some(format!(
                    "the plan declares the output `{name}`, whose name is not a letter `a-z` and up to {} \
                     of `a-z0-9_-`",
                    MAX_NAME_CHARS - 1
                ));
            }
            if summary.chars().count() > MAX_SUMMARY_CHARS {
                return Some(format!(
                    "the summary of the output `{name}` is longer than {MAX_SUMMARY_CHARS} characters"
                ));
            }
            if let Some(rule) = output.shape.as_ref().and_then(aggregate::broken_rule) {
                return Some(format!("the aggregate `{name}` {rule}"));
            }
        }
        let names: Vec<_> = outputs.iter().map(|output| &output.name).collect();
        repeated(&names).map(|name| format!("the plan declares the output `{name}` twice"))
    }
}

/// The first item that stands in the list before.
fn repeated<T: PartialEq>(items: &[T]) -> Option<&T> {
    let is_repeated = |(place, item): &(usize, &T)| items[..*place].contains(item);
    let (_, item) = items.iter().enumerate().find(is_repeated)?;
    Some(item)
}

fn is_type(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=MAX_TYPE_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

fn is_output_name(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    name.len() <= MAX_NAME_CHARS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed)
}

#[cfg(not(target_family = "wasm"))]
impl Plan {
    /// Whether the plan asks for this object type.
    pub(crate) fn reads(&self, object_type: &str) -> bool {
        self.object_types.is_empty() || self.object_types.iter().any(|name| name == object_type)
    }

    /// Whether the plan asks for this column.
    pub(crate) fn wants(&self, column: Column) -> bool {
        self.columns.as_ref().is_none_or(|columns| {
            columns.contains(&column)
                || column == Column::ValueEnds && columns.contains(&Column::Values)
        })
    }

    pub(crate) fn wants_tombstones(&self) -> bool {
        self.tombstones
    }

    pub(crate) fn is_stateless(&self) -> bool {
        !self.holds_state
    }
}

#[cfg(test)]
mod tests;
