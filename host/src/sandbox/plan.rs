//! What a processor wants to read and what it emits.

use std::sync::Arc;

use journal_aggregate::{Column, Shape};
use journal_contract::PLAN_SCHEMA;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{self, Response};
use super::{AnswerError, ObjectTypes, Plan, Question};
use crate::journal::batch::Columns;
use crate::sink::{Kind, Output};
use crate::text;

/// Where the rules for a column of an aggregate stand in these.
const COLUMN_RULES: &str = "/properties/outputs/items/properties/columns/items";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    object_types: Types,
    columns: Option<Vec<String>>,
    #[serde(default)]
    tombstones: bool,
    #[serde(default = "yes")]
    holds_state: bool,
    outputs: Option<Vec<ToldOutput>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Types {
    Named(Vec<String>),
    /// The rules allow `any` alone.
    Any(#[expect(dead_code, reason = "the rules leave it one value")] String),
}

#[derive(Deserialize)]
struct ToldOutput {
    name: String,
    summary: Option<String>,
    #[serde(default)]
    key: Vec<String>,
    /// The rules leave them to aggregates alone.
    columns: Option<Vec<Column>>,
}

fn yes() -> bool {
    true
}

/// Checks the answer of `plugin` to `start`.
pub(super) fn check(plugin: &str, answer: &str) -> Result<Plan, AnswerError> {
    let answer = Response::check(Question::Start, PLAN_SCHEMA, plugin, answer)?;
    for output in answer.value()["outputs"].as_array().into_iter().flatten() {
        answer.warn_unknown("/properties/outputs/items", output);
        for column in output["columns"].as_array().into_iter().flatten() {
            answer.warn_unknown(COLUMN_RULES, column);
        }
    }
    check_names(plugin, answer.value())?;
    let told: Told = answer.into_typed()?;
    let outputs = outputs(told.outputs);
    check_fields(plugin, &outputs)?;
    Ok(Plan {
        object_types: match told.object_types {
            Types::Any(_) => ObjectTypes::Any,
            Types::Named(names) => ObjectTypes::Named(names),
        },
        columns: told.columns.map_or(Columns::ALL, |names| columns(&names)),
        tombstones: told.tombstones,
        holds_state: told.holds_state,
        outputs,
    })
}

/// No two outputs have one name, which no schema can say.
fn check_names(plugin: &str, plan: &Value) -> Result<(), AnswerError> {
    let names: Vec<&Value> = plan["outputs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|output| &output["name"])
        .collect();
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            let path = format!("/outputs/{place}/name");
            let rule = format!("{name} is the name of another output already");
            return Err(answer::refuse(plugin, Question::Start, path, rule));
        }
    }
    Ok(())
}

/// No two fields of an aggregate's rows have one name, be they of the key or columns.
fn check_fields(plugin: &str, outputs: &[Output]) -> Result<(), AnswerError> {
    for (place, output) in outputs.iter().enumerate() {
        if let Kind::Aggregate(shape) = &output.kind
            && let Some(name) = shape.repeated_name()
        {
            let path = format!("/outputs/{place}/columns");
            let rule =
                format!("\"{name}\" is the name of another column or part of the key already");
            return Err(answer::refuse(plugin, Question::Start, path, rule));
        }
    }
    Ok(())
}

fn columns(names: &[String]) -> Columns {
    let wanted = |name: &str| names.iter().any(|wanted| wanted == name);
    Columns {
        values: wanted("values"),
        value_ends: wanted("values") || wanted("value-ends"),
        keys: wanted("keys"),
        partitions: wanted("partitions"),
        offsets: wanted("offsets"),
        timestamps: wanted("timestamps"),
    }
}

fn outputs(told: Option<Vec<ToldOutput>>) -> Vec<Output> {
    let rows = || ToldOutput {
        name: "rows".to_owned(),
        summary: None,
        key: Vec::new(),
        columns: None,
    };
    let output = |output: ToldOutput| Output {
        name: output.name,
        kind: match output.columns {
            None => Kind::Append,
            Some(columns) => Kind::Aggregate(Arc::new(Shape {
                key: output.key,
                columns,
            })),
        },
        summary: output
            .summary
            .map(|summary| text::clean(&summary, text::MESSAGE_BYTES)),
    };
    let told = told.unwrap_or_else(|| vec![rows()]);
    told.into_iter().map(output).collect()
}

#[cfg(test)]
mod tests {
    use journal_aggregate::Merge;

    use super::*;

    fn refused(answer: &str) -> String {
        check("p", answer).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_plan_gets_every_default() {
        let plan = check("p", r#"{"object-types": "any"}"#).unwrap();
        let expected = Plan {
            object_types: ObjectTypes::Any,
            columns: Columns::ALL,
            tombstones: false,
            holds_state: true,
            outputs: vec![Output {
                name: "rows".to_owned(),
                kind: Kind::Append,
                summary: None,
            }],
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn values_bring_their_ends() {
        let plan = check(
            "p",
            r#"{"object-types": ["revision"], "columns": ["values"], "outputs": [], "tombstones": true}"#,
        )
        .unwrap();
        assert!(plan.columns.values && plan.columns.value_ends && !plan.columns.keys);
        assert_eq!(
            plan.object_types,
            ObjectTypes::Named(vec!["revision".to_owned()])
        );
        assert!(plan.outputs.is_empty() && plan.tombstones);
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_place() {
        assert!(refused(r#"{"object-types": "all"}"#).contains("at `/object-types`"));
        assert!(refused(r#"{"object-types": []}"#).contains("at `/object-types`"));
        assert!(refused(r#"{"object-types": ["Revision"]}"#).contains("at `/object-types`"));
        let columns = refused(r#"{"object-types": "any", "columns": ["value"]}"#);
        assert!(
            columns.contains("to `start` breaks a rule at `/columns/0`"),
            "{columns}"
        );
    }

    #[test]
    fn two_outputs_of_one_name_are_refused() {
        let text = refused(r#"{"object-types": "any", "outputs": [{"name": "a"}, {"name": "a"}]}"#);
        assert!(
            text.ends_with("at `/outputs/1/name`: \"a\" is the name of another output already"),
            "{text}"
        );
    }

    /// A plan with one output that has these members.
    fn with_output(members: &str) -> String {
        format!(r#"{{"object-types": "any", "outputs": [{{"name": "a"{members}}}]}}"#)
    }

    #[test]
    fn aggregate_has_a_key_and_columns() {
        let members = r#", "kind": "aggregate", "key": ["a", "b"],
            "columns": [{"name": "c", "merge": "sum"}, {"name": "d", "merge": "max"}]"#;
        let plan = check("p", &with_output(members)).unwrap();
        let Kind::Aggregate(shape) = &plan.outputs[0].kind else {
            panic!("{plan:?}");
        };
        assert_eq!(shape.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        let merges = shape.columns.iter().map(|column| column.merge);
        assert_eq!(merges.collect::<Vec<_>>(), [Merge::Sum, Merge::Max]);
        let members = r#", "kind": "aggregate", "columns": [{"name": "c", "merge": "min"}]"#;
        assert!(check("p", &with_output(members)).is_ok());
    }

    #[test]
    fn aggregate_that_breaks_a_rule_is_refused_with_its_place() {
        let column = r#"{"name": "c", "merge": "sum"}"#;
        for (members, place) in [
            (r#""kind": "aggregate""#.to_owned(), "at `/outputs/0`"),
            (
                r#""kind": "aggregate", "columns": []"#.to_owned(),
                "at `/outputs/0/columns`",
            ),
            (
                format!(r#""columns": [{column}]"#),
                "at `/outputs/0/columns`",
            ),
            (
                r#""kind": "append", "key": ["k"]"#.to_owned(),
                "at `/outputs/0/key`",
            ),
            (
                r#""kind": "aggregate", "columns": [{"name": "c", "merge": "mean"}]"#.to_owned(),
                "at `/outputs/0/columns/0/merge`",
            ),
            (
                format!(r#""kind": "aggregate", "key": ["9"], "columns": [{column}]"#),
                "at `/outputs/0/key/0`",
            ),
            (
                format!(r#""kind": "aggregate", "key": ["k", "k"], "columns": [{column}]"#),
                "at `/outputs/0/key`",
            ),
            (
                format!(r#""kind": "aggregate", "key": ["c"], "columns": [{column}]"#),
                "at `/outputs/0/columns`",
            ),
        ] {
            let text = refused(&with_output(&format!(", {members}")));
            assert!(text.contains(place), "{members}: {text}");
        }
    }

    #[test]
    fn rules_have_the_bounds_of_a_shape() {
        let rules: Value = serde_json::from_str(PLAN_SCHEMA).unwrap();
        let output = &rules["properties"]["outputs"]["items"]["properties"];
        assert_eq!(output["key"]["maxItems"], Shape::MAX_KEY);
        assert_eq!(output["columns"]["maxItems"], Shape::MAX_COLUMNS);
        for name in [
            &output["key"]["items"],
            &output["columns"]["items"]["properties"]["name"],
        ] {
            let pattern = format!("^[A-Za-z_][A-Za-z0-9_-]{{0,{}}}$", Shape::MAX_NAME - 1);
            assert_eq!(name["pattern"], pattern);
        }
    }
}
