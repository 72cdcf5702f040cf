//! What a processor wants to read and what it emits.

use journal_aggregate::Shape;
use serde::{Serialize, Serializer};

use crate::out::OutputPlan;
use crate::{Aggregate, Failure, aggregate};

/// All object types that the journal has, those not known yet included: the value of
/// [`Processor::OBJECT_TYPES`](crate::Processor::OBJECT_TYPES) for a processor that reads everything.
pub const ANY: &[&str] = &[];

// The rules of `wit/plan.schema.json`, by which the host refuses a plan.
const MAX_TYPES: usize = 100;
const MAX_TYPE_CHARS: usize = 100;
const MAX_OUTPUTS: usize = 64;
const MAX_NAME_CHARS: usize = 63;
const MAX_SUMMARY_CHARS: usize = 1000;

/// A column of a batch: what crosses from the host into the processor.
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
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    /// Asks for records without a value too.
    #[must_use]
    pub fn tombstones(mut self) -> Self {
        self.tombstones = true;
        self
    }

    /// Promises that nothing is held back from one call to the next, so that the host may repeat a
    /// single call.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.holds_state = false;
        self
    }

    /// Declares an output, with what its rows mean. The first one takes the place of `rows`.
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
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn as_json(plan: &Plan) -> Value {
        serde_json::from_str(&plan.to_json().unwrap()).unwrap()
    }

    #[test]
    fn new_plan_leaves_columns_and_outputs_to_the_contract() {
        let expected = json!({
            "object-types": ["revision"], "tombstones": false, "holds-state": true,
        });
        assert_eq!(as_json(&Plan::new(["revision"])), expected);
    }

    #[test]
    fn every_member_of_the_contract_can_be_set() {
        let plan = Plan::new(ANY)
            .columns([Column::ValueEnds, Column::Keys])
            .tombstones()
            .stateless()
            .output("sums", "One row an object type")
            .output("rest", "")
            .aggregate(
                "counts",
                "Objects",
                Aggregate::by(["type"]).sum("n").min("a").max("z"),
            );
        let expected = json!({
            "object-types": "any", "columns": ["value-ends", "keys"],
            "tombstones": true, "holds-state": false,
            "outputs": [{"name": "sums", "summary": "One row an object type"}, {"name": "rest"}, {
                "name": "counts", "kind": "aggregate", "summary": "Objects", "key": ["type"],
                "columns": [{"name": "n", "merge": "sum"}, {"name": "a", "merge": "min"},
                    {"name": "z", "merge": "max"}],
            }],
        });
        assert_eq!(as_json(&plan), expected);
    }

    #[test]
    fn plan_without_outputs_says_so() {
        assert_eq!(
            as_json(&Plan::new(ANY).without_outputs())["outputs"],
            json!([])
        );
    }

    #[test]
    fn output_that_is_declared_twice_is_refused() {
        let plan = Plan::new(ANY).output("sums", "").output("sums", "");
        let failure = plan.to_json().unwrap_err();
        assert_eq!(
            failure.reason(),
            "the plan declares the output `sums` twice"
        );
    }

    #[track_caller]
    fn check_refused(plan: &Plan, expected: &str) {
        assert_eq!(plan.to_json().unwrap_err().reason(), expected);
    }

    #[test]
    fn plan_that_breaks_a_rule_is_refused_by_a_sentence_that_names_the_place() {
        let output = |name: &str, summary: &str| Plan::new(ANY).output(name, summary);
        check_refused(
            &Plan::new(["Revision"]),
            "the plan names the object type `Revision`, which is not 1 to 100 of `a-z0-9_`",
        );
        check_refused(
            &Plan::new(["origin", "revision", "origin"]),
            "the plan names the object type `origin` twice",
        );
        check_refused(
            &Plan::new((0..101).map(|number| number.to_string())),
            "the plan names 101 object types, and 100 are the most",
        );
        check_refused(
            &Plan::new(ANY).columns([Column::ValueEnds, Column::ValueEnds]),
            "the plan asks for `Column::ValueEnds` twice",
        );
        check_refused(
            &output("Sums", ""),
            "the plan declares the output `Sums`, whose name is not a letter `a-z` and up to 62 of `a-z0-9_-`",
        );
        check_refused(
            &output("sums", &"é".repeat(1001)),
            "the summary of the output `sums` is longer than 1000 characters",
        );
        let outputs = (0..65).fold(Plan::new(ANY), |plan, number| {
            plan.output(format!("o{number}"), "")
        });
        check_refused(
            &outputs,
            "the plan declares 65 outputs, and 64 are the most",
        );
    }

    /// An aggregate with so many fields of the key, and so many columns.
    fn of_size(key: usize, columns: usize) -> Aggregate {
        let key = (0..key).map(|number| format!("k{number}"));
        (0..columns).fold(Aggregate::by(key), |aggregate, number| {
            aggregate.sum(format!("c{number}"))
        })
    }

    #[test]
    fn aggregate_that_breaks_a_rule_is_refused_by_a_sentence_that_names_it() {
        let refused = |aggregate, expected: &str| {
            let plan = Plan::new(ANY).aggregate("a", "", aggregate);
            check_refused(&plan, &format!("the aggregate `a` {expected}"));
        };
        refused(
            of_size(17, 1),
            "names 17 fields of the key, and 16 are the most",
        );
        refused(
            of_size(1, 0),
            "has no column: add one with `sum`, `min` or `max`",
        );
        refused(of_size(0, 49), "has 49 columns, and 48 are the most");
        refused(
            Aggregate::by(["a b"]).sum("n"),
            "has the field `a b`, whose name is not a letter or `_` and up to 62 of `A-Za-z0-9_-`",
        );
        refused(Aggregate::by(["n"]).sum("n"), "names the field `n` twice");
        refused(
            Aggregate::by(["k"]).sum("n").max("n"),
            "names the field `n` twice",
        );
    }

    #[test]
    fn plan_is_refused_exactly_where_the_schema_of_the_contract_does() {
        let schema = serde_json::from_str(include_str!("../wit/plan.schema.json")).unwrap();
        let outputs = |count| {
            (0..count).fold(Plan::new(ANY), |plan, number| {
                plan.output(format!("o{number}"), "")
            })
        };
        let types = |count: u32| Plan::new((0..count).map(|number| number.to_string()));
        let mut plans = vec![outputs(64), outputs(65), types(100), types(101)];
        for name in [
            "", "a", "0", "_", "-", "a-", "a_9", "A", "aB", "é", "a b", "a\n",
        ] {
            plans.push(Plan::new([name]));
            plans.push(Plan::new(ANY).output(name, ""));
        }
        for length in [62, 63, 64, 100, 101] {
            plans.push(Plan::new(["a".repeat(length)]));
            plans.push(Plan::new(ANY).output("a".repeat(length), ""));
        }
        for length in [1000, 1001] {
            plans.push(Plan::new(ANY).output("a", "é".repeat(length)));
        }
        let names = ["", "a", "_", "A-9_", "9", "-a", "a b", "é", "a\n"].map(str::to_owned);
        for name in names
            .into_iter()
            .chain([63, 64].map(|length| "a".repeat(length)))
        {
            let of_key = Aggregate::by([&name]).sum("n");
            let column = Aggregate::by(["k"]).max(&name);
            plans.extend([of_key, column].map(|it| Plan::new(ANY).aggregate("a", "", it)));
        }
        for (key, columns) in [(0, 0), (1, 0), (0, 1), (16, 48), (17, 48), (16, 49)] {
            plans.push(Plan::new(ANY).aggregate("a", "", of_size(key, columns)));
        }
        plans.push(Plan::new(ANY).aggregate("a", "", Aggregate::by(["k", "k"]).sum("n")));
        plans.push(Plan::new(["a", "a"]));
        plans.push(Plan::new(ANY).columns([]));
        plans.push(Plan::new(ANY).columns([Column::Keys, Column::Keys]));
        for plan in plans {
            let allowed = jsonschema::is_valid(&schema, &serde_json::to_value(&plan).unwrap());
            assert_eq!(plan.to_json().is_ok(), allowed, "{plan:?}");
        }
    }

    #[test]
    fn values_bring_their_ends() {
        assert!(
            Plan::new(ANY)
                .columns([Column::Values])
                .wants(Column::ValueEnds)
        );
        assert!(
            !Plan::new(ANY)
                .columns([Column::ValueEnds])
                .wants(Column::Values)
        );
    }
}
