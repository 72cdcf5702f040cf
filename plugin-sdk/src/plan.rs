//! The plan: what a processor reads and emits.

mod keyed;

use journal_aggregate::Shape;
use journal_rows::RowType;
use serde::{Serialize, Serializer};

use crate::out::OutputPlan;
use crate::{Aggregate, Columns, Failure, RowColumn, aggregate};

/// All object types of the journal, including future ones. The value of
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

/// A column of a batch. Only the columns in the plan are copied into the sandbox.
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
    /// The values. Includes [`Column::ValueEnds`].
    Values,
    /// The sizes of the values. A tombstone has the size 0.
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

/// What a processor does with names of persons: the public topics of revisions and releases are anonymised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Persons {
    /// It is of no use without them: the host refuses to run it over anonymised topics.
    Required,
    /// It uses them where there are some. This is assumed of a plan that says nothing.
    Useful,
    /// It does not use them.
    None,
}

/// What a processor reads and emits.
///
/// By default a plan asks for every column and no tombstones, allows the processor to hold state between calls, and
/// declares one output named `rows`.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    persons: Option<Persons>,
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
    /// The key of an output that keeps one row for each key.
    #[serde(rename = "key", skip_serializing_if = "Option::is_none")]
    row_key: Option<Vec<String>>,
    /// The column by which it finds the latest row of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// The columns of its rows, if they have types.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Vec<RowColumn>>,
}

impl Output {
    fn row_type(&self) -> Option<Result<RowType, journal_rows::RowTypeError>> {
        let columns = self.row.as_ref()?.iter();
        Some(RowType::new(
            columns.map(|column| column.0.clone()).collect(),
        ))
    }
}

fn any_or_list<S: Serializer>(types: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    if types.is_empty() {
        serializer.serialize_str("any")
    } else {
        types.serialize(serializer)
    }
}

impl Plan {
    /// A plan that reads these object types, or all if the list is empty.
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
            persons: None,
            holds_state: true,
            outputs: None,
        }
    }

    /// Asks only for these columns. Reading any other column panics.
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

    /// Asks also for tombstones, the records without a value.
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

    /// Says what the processor does with names of persons.
    ///
    /// ```
    /// use journal_plugin_sdk::{Persons, Plan};
    ///
    /// let plan = Plan::new(["revision"]).persons(Persons::Required);
    /// ```
    #[must_use]
    pub fn persons(mut self, persons: Persons) -> Self {
        self.persons = Some(persons);
        self
    }

    /// Promises that the processor holds no state between calls, so that the host may repeat a single call.
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

    /// Declares an output and describes its rows. The first declared output replaces the default output `rows`.
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
            row_key: None,
            order: None,
            row: None,
        };
        self.outputs.get_or_insert_default().push(output);
        self
    }

    /// Declares an aggregate output, in which rows with the same key become one. Write to it with
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
            row_key: None,
            order: None,
            row: None,
        };
        self.outputs.get_or_insert_default().push(output);
        self
    }

    /// Says that the rows of the output declared last are structs of the type `R`, so that their columns have types and
    /// documentation. In a plan that declares no output, it is about the default output `rows`.
    ///
    /// A row that does not have these columns fails the call. Rows without types go to JSON lines only: databases need
    /// the types.
    ///
    /// ```
    /// use journal_plugin_sdk::{Columns, Id, Plan};
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize, Columns)]
    /// struct Signed {
    ///     /// The release.
    ///     id: Id,
    /// }
    ///
    /// let plan = Plan::new(["release"])
    ///     .output("signed", "Releases with a signature")
    ///     .row::<Signed>();
    /// let plan = Plan::new(["release"]).row::<Signed>();
    /// ```
    #[must_use]
    pub fn row<R: Columns>(self) -> Self {
        self.change_last(|output| output.row = Some(R::columns()))
    }

    /// Changes the output declared last. In a plan that declares none, that is the default one.
    fn change_last(mut self, change: impl FnOnce(&mut Output)) -> Self {
        if self.outputs.as_ref().is_none_or(Vec::is_empty) {
            self = self.output("rows", "");
        }
        let last = self.outputs.as_mut().and_then(|outputs| outputs.last_mut());
        if let Some(output) = last {
            change(output);
        }
        self
    }

    /// Declares that the processor has no output.
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

    /// The outputs, in the order of their declaration.
    pub(crate) fn outputs(&self) -> Vec<OutputPlan> {
        let plan = |output: &Output| OutputPlan {
            name: output.name.clone(),
            shape: output.shape.clone(),
            order: output.order_plan(),
            types: output.row_types(),
        };
        match &self.outputs {
            None => vec![OutputPlan::untyped("rows")],
            Some(outputs) => outputs.iter().map(plan).collect(),
        }
    }

    /// The plan in the JSON form of the contract.
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
                "the plan names {count} object types, and the limit is {MAX_TYPES}"
            ));
        }
        if let Some(name) = types.iter().find(|name| !is_type(name)) {
            return Some(format!(
                "the plan names the object type `{name}`: a name must be 1 to {MAX_TYPE_CHARS} of `a-z0-9_`"
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
                "the plan declares {count} outputs, and the limit is {MAX_OUTPUTS}"
            ));
        }
        for output in outputs {
            let Output { name, summary, .. } = output;
            if !is_output_name(name) {
                return Some(format!(
                    "the plan declares the output `{name}`: a name must be a letter `a-z` and at most {} of \
                     `a-z0-9_-`",
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
            if let Some(rule) = output.broken_by_key() {
                let kind = output.order.as_ref().map_or("unique output", |_| "upsert");
                return Some(format!("the {kind} `{name}` {rule}"));
            }
            match (output.row_type(), &output.shape) {
                (Some(Err(rule)), _) => {
                    return Some(format!("the row of the output `{name}` {rule}"));
                }
                (Some(Ok(row)), Some(shape)) => {
                    if let Some(rule) = shape.broken_by_types(&row) {
                        return Some(format!("the aggregate `{name}` {rule}"));
                    }
                }
                _ => {}
            }
        }
        let names: Vec<_> = outputs.iter().map(|output| &output.name).collect();
        repeated(&names).map(|name| format!("the plan declares the output `{name}` twice"))
    }
}

/// The first item that occurs earlier in the list.
fn repeated<T: PartialEq>(items: &[T]) -> Option<&T> {
    let is_repeated = |(index, item): &(usize, &T)| items[..*index].contains(item);
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
