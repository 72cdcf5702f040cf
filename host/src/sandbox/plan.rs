//! What a processor wants to read and what it emits.

use serde::Deserialize;
use serde_json::Value;

use super::answer::{self, Answer};
use super::{AnswerError, ObjectTypes, Plan, Question, text};
use crate::batch::Columns;
use crate::output::Output;

const RULES: &str = include_str!("../../../plugin-sdk/wit/plan.schema.json");

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
}

fn yes() -> bool {
    true
}

/// Checks the answer of `plugin` to `start`.
pub(super) fn check(plugin: &str, answer: &str) -> Result<Plan, AnswerError> {
    let answer = Answer::check(Question::Start, RULES, plugin, answer)?;
    for output in answer.value()["outputs"].as_array().into_iter().flatten() {
        answer.warn_unknown("/properties/outputs/items", output);
    }
    check_names(plugin, answer.value())?;
    let told: Told = answer.into_typed()?;
    Ok(Plan {
        object_types: match told.object_types {
            Types::Any(_) => ObjectTypes::Any,
            Types::Named(names) => ObjectTypes::Named(names),
        },
        columns: told.columns.map_or(Columns::ALL, |names| columns(&names)),
        tombstones: told.tombstones,
        holds_state: told.holds_state,
        outputs: outputs(told.outputs),
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
    };
    told.unwrap_or_else(|| vec![rows()])
        .into_iter()
        .map(|output| Output {
            name: output.name,
            summary: output
                .summary
                .map(|summary| text::clean(&summary, text::MESSAGE_BYTES)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
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
}
