//! The plan of a processor: what it reads and what it emits.

mod outputs;

use self::outputs::outputs;
use super::answer::{Part, Response};
use super::{AnswerError, Question};
use crate::journal::batch::Columns;
use crate::journal::plan::{Output, Persons, Plan};
use crate::journal::topics::ObjectTypes;

/// The limits on the number of object types in a plan and on the length of their names, in characters.
const TYPES: usize = 100;
const TYPE_CHARS: usize = 100;

const COLUMNS: [&str; 6] = [
    "values",
    "value-ends",
    "keys",
    "partitions",
    "offsets",
    "timestamps",
];

/// Checks the answer of `plugin` to `start`.
pub(super) fn check(plugin: &str, answer: &str) -> Result<Plan, AnswerError> {
    read(&Response::read(Question::Start, plugin, answer)?)
}

/// The same for a further instance, whose answer needs no warnings again.
pub(super) fn check_again(plugin: &str, answer: &str) -> Result<Plan, AnswerError> {
    read(&Response::read(Question::Start, plugin, answer)?.quiet())
}

fn read(response: &Response<'_>) -> Result<Plan, AnswerError> {
    let plan = response.root();
    plan.object(&[
        "object-types",
        "columns",
        "tombstones",
        "persons",
        "holds-state",
        "outputs",
    ])?;
    let flag = |name: &str, default: bool| plan.get(name).map_or(Ok(default), |flag| flag.flag());
    // Every run goes back to its last checkpoint, whether the processor holds state or not.
    flag("holds-state", true)?;
    Ok(Plan {
        object_types: object_types(&plan.need("object-types")?)?,
        columns: plan
            .get("columns")
            .map_or(Ok(Columns::ALL), |part| columns(&part))?,
        tombstones: flag("tombstones", false)?,
        persons: plan
            .get("persons")
            .map_or(Ok(Persons::default()), |part| persons(&part))?,
        outputs: match plan.get("outputs") {
            None => vec![Output::untyped("rows")],
            Some(part) => outputs(&part)?,
        },
    })
}

fn object_types(part: &Part<'_>) -> Result<ObjectTypes, AnswerError> {
    let is_type = |name: &str| {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        (1..=TYPE_CHARS).contains(&name.len()) && name.bytes().all(allowed)
    };
    if part.value() == "any" {
        return Ok(ObjectTypes::Any);
    }
    if !part.value().is_array() {
        return Err(part.is_not("\"any\" or a list of object types"));
    }
    let items = part.list(1..=TYPES)?;
    let names = items.iter().map(|item| {
        let name = item.value().as_str().filter(|name| is_type(name));
        // The pointer is that of the whole, because the rule is about one of two forms of it.
        name.ok_or_else(|| {
            let item = journal_options::shown(item.value());
            part.refuse(&format!(
                "{item} is not an object type: 1 to {TYPE_CHARS} of a-z, 0-9 and _"
            ))
        })
    });
    let names: Vec<&str> = names.collect::<Result<_, _>>()?;
    part.check_unique(&names)?;
    Ok(ObjectTypes::Named(
        names.into_iter().map(str::to_owned).collect(),
    ))
}

fn persons(part: &Part<'_>) -> Result<Persons, AnswerError> {
    const ALL: [Persons; 3] = [Persons::Required, Persons::Useful, Persons::None];
    let name = part.one_of(&ALL.map(Persons::name))?;
    let mut all = ALL.into_iter();
    Ok(all
        .find(|persons| persons.name() == name)
        .unwrap_or_default())
}

fn columns(part: &Part<'_>) -> Result<Columns, AnswerError> {
    let items = part.list(0..=COLUMNS.len())?;
    let names = items.iter().map(|item| item.one_of(&COLUMNS));
    let names: Vec<&str> = names.collect::<Result<_, _>>()?;
    part.check_unique(&names)?;
    let wanted = |name: &str| names.contains(&name);
    Ok(Columns {
        values: wanted("values"),
        value_ends: wanted("values") || wanted("value-ends"),
        keys: wanted("keys"),
        partitions: wanted("partitions"),
        offsets: wanted("offsets"),
        timestamps: wanted("timestamps"),
    })
}

#[cfg(test)]
mod tests {
    use journal_aggregate::{Merge, Shape};
    use serde_json::{Value, json};

    use super::*;
    use crate::journal::plan::Kind;

    const RULES: &str = journal_contract::PLAN_SCHEMA;

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
            persons: Persons::Useful,
            outputs: vec![Output::untyped("rows")],
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
    fn value_that_breaks_a_rule_is_named_with_its_pointer() {
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
        let members = r#", "kind": "aggregate", "key": ["a", "b"], "columns": [{"name": "c", "merge": "sum"},
            {"name": "d", "merge": "max"}, {"name": "e", "merge": "latest", "by": "d"}]"#;
        let plan = check("p", &with_output(members)).unwrap();
        let Kind::Aggregate(shape) = &plan.outputs[0].kind else {
            panic!("{plan:?}");
        };
        assert_eq!(shape.names().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
        let merges = shape.columns.iter().map(|column| column.merge);
        assert_eq!(
            merges.collect::<Vec<_>>(),
            [Merge::Sum, Merge::Max, Merge::Latest]
        );
        assert_eq!(shape.columns[2].by.as_deref(), Some("d"));
        let members = r#", "kind": "aggregate", "columns": [{"name": "c", "merge": "min"}]"#;
        assert!(check("p", &with_output(members)).is_ok());
    }

    #[test]
    fn text_has_neither_a_key_nor_columns() {
        let plan = check("p", &with_output(r#", "kind": "text""#)).unwrap();
        assert_eq!(
            (&plan.outputs[0].kind, &plan.outputs[0].row),
            (&Kind::Text, &None)
        );
        for (member, pointer) in [
            (r#""key": ["k"]"#, "at `/outputs/0/key`"),
            (
                r#""row": [{"name": "text", "type": "text"}]"#,
                "at `/outputs/0/row`",
            ),
        ] {
            let text = refused(&with_output(&format!(r#", "kind": "text", {member}"#)));
            assert!(text.contains(pointer), "{member}: {text}");
        }
    }

    #[test]
    fn unique_output_has_a_key_of_its_columns() {
        let row = r#""row": [{"name": "a", "type": "id"}, {"name": "b", "type": "float"}]"#;
        let unique = |members: &str| with_output(&format!(r#", "kind": "unique", {members}"#));
        let plan = check("p", &unique(&format!(r#""key": ["a"], {row}"#))).unwrap();
        assert_eq!(plan.outputs[0].kind, Kind::Unique(["a".to_owned()].into()));
        for (members, part) in [
            (row.to_owned(), "at `/outputs/0`"),
            (r#""key": ["a"]"#.to_owned(), "at `/outputs/0`"),
            (format!(r#""key": [], {row}"#), "at `/outputs/0/key`"),
            (
                format!(r#""key": ["a", "a"], {row}"#),
                "at `/outputs/0/key`",
            ),
            (
                format!(r#""key": ["c"], {row}"#),
                "at `/outputs/0/key`: the unique output has the key `c`, which is no column",
            ),
            (
                format!(r#""key": ["b"], {row}"#),
                "the unique output has the key `b`, whose type cannot be one",
            ),
            (
                format!(r#""key": ["a"], "columns": [], {row}"#),
                "at `/outputs/0/columns`",
            ),
        ] {
            let text = refused(&unique(&members));
            assert!(text.contains(part), "{members}: {text}");
        }
    }

    #[test]
    fn upsert_has_a_key_and_an_order() {
        let row = r#""row": [{"name": "a", "type": "id"}, {"name": "b", "type": "int"}]"#;
        let upsert = |members: &str| with_output(&format!(r#", "kind": "upsert", {members}"#));
        let whole = format!(r#""key": ["a"], "order": "b", {row}"#);
        let plan = check("p", &upsert(&whole)).unwrap();
        let Kind::Upsert(upsert_of_plan) = &plan.outputs[0].kind else {
            panic!("{plan:?}");
        };
        assert_eq!(upsert_of_plan.order, "b");
        let types = plan.outputs[0].row_types().unwrap();
        assert_eq!(types.stored().columns().len(), 3);
        for (members, part) in [
            (format!(r#""key": ["a"], {row}"#), "at `/outputs/0`"),
            (format!(r#""order": "b", {row}"#), "at `/outputs/0`"),
            (
                r#""key": ["a"], "order": "b""#.to_owned(),
                "at `/outputs/0`",
            ),
            (
                format!(r#""key": ["a"], "order": "a", {row}"#),
                "at `/outputs/0/row`: the upsert has the order `a`, which is of its key",
            ),
        ] {
            let text = refused(&upsert(&members));
            assert!(text.contains(part), "{members}: {text}");
        }
        let unique = format!(r#", "kind": "unique", {whole}"#);
        assert!(refused(&with_output(&unique)).contains("at `/outputs/0/order`"));
    }

    #[test]
    fn aggregate_that_breaks_a_rule_is_refused_with_its_pointer() {
        let column = r#"{"name": "c", "merge": "sum"}"#;
        for (members, pointer) in [
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
            (
                r#""kind": "aggregate", "columns": [{"name": "c", "merge": "latest"}]"#.to_owned(),
                "at `/outputs/0/columns/0`",
            ),
            (
                r#""kind": "aggregate", "columns": [{"name": "c", "merge": "max", "by": "c"}]"#
                    .to_owned(),
                "at `/outputs/0/columns/0/by`",
            ),
            (
                format!(
                    r#""kind": "aggregate", "columns": [{column}, {{"name": "d", "merge": "latest", "by": "c"}}]"#
                ),
                "the aggregate keeps the latest `d` by `c`, which is not a column that keeps the max",
            ),
        ] {
            let text = refused(&with_output(&format!(", {members}")));
            assert!(text.contains(pointer), "{members}: {text}");
        }
    }

    #[test]
    fn rules_have_the_bounds_of_a_shape() {
        let rules: Value = serde_json::from_str(RULES).unwrap();
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

    #[test]
    fn rows_have_columns_with_types() {
        let members = r#", "summary": "s", "row": [{"name": "a", "type": "id"},
            {"name": "b", "type": "text", "nullable": true, "summary": "t"}]"#;
        let plan = check("p", &with_output(members)).unwrap();
        let output = &plan.outputs[0];
        let row = output.row.as_ref().unwrap();
        let columns: Vec<_> = row.columns().iter().map(|one| &*one.name).collect();
        assert_eq!((columns, &*output.summary), (vec!["a", "b"], "s"));
        assert!(!row.columns()[0].nullable && row.columns()[1].nullable);
        assert_eq!(row.columns()[1].summary, "t");
    }

    #[test]
    fn types_that_break_a_rule_are_refused_with_their_pointer() {
        let typed = |columns: &str| format!(r#", "row": [{columns}]"#);
        let twice = typed(r#"{"name": "id", "type": "id"}, {"name": "ID", "type": "id"}"#);
        let summed = r#", "kind": "aggregate", "columns": [{"name": "c", "merge": "sum"}]"#;
        for (members, pointer) in [
            (typed(""), "at `/outputs/0/row`"),
            (
                twice,
                "at `/outputs/0/row`: the row has the column `ID` twice",
            ),
            (
                typed(r#"{"name": "a", "type": "string"}"#),
                "at `/outputs/0/row/0/type`",
            ),
            (
                typed(r#"{"name": "a b", "type": "id"}"#),
                "at `/outputs/0/row/0/name`",
            ),
            (
                format!("{summed}{}", typed(r#"{"name": "c", "type": "text"}"#)),
                "at `/outputs/0/row`: the aggregate adds up the column `c`",
            ),
        ] {
            let text = refused(&with_output(&members));
            assert!(text.contains(pointer), "{members}: {text}");
        }
    }

    /// Whether the plan is accepted. The contract's schema and the host must agree on that, except for names that only
    /// the host can compare, and for types of an aggregate.
    #[track_caller]
    fn compare(plan: &Value) {
        let rules = serde_json::from_str(RULES).unwrap();
        let document = journal_json_schema::accepts(&rules, plan);
        match check("p", &plan.to_string()) {
            Ok(_) => assert!(document, "{plan}"),
            Err(error) if document => assert!(
                error.rule.ends_with("already")
                    || error.rule.contains(" twice; upper")
                    || error.rule.starts_with("the aggregate ")
                    || error.rule.starts_with("the unique output ")
                    || error.rule.starts_with("the upsert "),
                "{plan}: {error}"
            ),
            Err(_) => {}
        }
    }

    /// The pointers to a value and to all values inside it.
    fn pointers(value: &Value, pointer: &str, into: &mut Vec<String>) {
        into.push(pointer.to_owned());
        let mut inside = |name: &str, value| pointers(value, &format!("{pointer}/{name}"), into);
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    inside(&index.to_string(), item);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    inside(name, value);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn document_of_the_contract_says_the_same() {
        let whole = json!({
            "object-types": ["revision", "release"],
            "columns": ["values", "offsets"],
            "tombstones": true,
            "persons": "required",
            "holds-state": false,
            "outputs": [
                {
                    "name": "a", "kind": "append", "summary": "s",
                    "row": [
                        { "name": "r", "type": "json" },
                        { "name": "t", "type": "uint", "nullable": true, "summary": "u" },
                    ],
                },
                {
                    "name": "b-_9",
                    "kind": "aggregate",
                    "key": ["k", "_K-9"],
                    "columns": [
                        { "name": "c", "merge": "sum" }, { "name": "d", "merge": "max" },
                        { "name": "e", "merge": "latest", "by": "d" },
                    ],
                },
                { "name": "t", "kind": "text" },
                {
                    "name": "u", "kind": "unique", "key": ["a", "b"],
                    "row": [{ "name": "a", "type": "id" }, { "name": "b", "type": "int" }],
                },
                {
                    "name": "p", "kind": "upsert", "key": ["a"], "order": "b",
                    "row": [{ "name": "a", "type": "id" }, { "name": "b", "type": "int" }],
                },
            ],
        });
        let mut texts = [
            "", "a", "A", "_", "-", "9", "a b", "é", "a\n", "any", "append", "text", "values",
            "min", "latest", "d", "unique", "upsert",
        ]
        .map(|text| json!(text))
        .to_vec();
        texts.extend([62, 63, 64, 100, 101, 1000, 1001].map(|length| json!("a".repeat(length))));
        let mut values = vec![
            json!(null),
            json!(1),
            json!(true),
            json!([]),
            json!({}),
            json!(["a", "a"]),
        ];
        values.extend([17, 65, 101].map(|count| {
            json!(
                (0..count)
                    .map(|it: u32| format!("a{it}"))
                    .collect::<Vec<_>>()
            )
        }));
        values.push(json!(["values", "values"]));
        values.push(json!(vec!["values"; 7]));
        values.push(json!({ "name": "a", "key": [] }));
        values.push(json!({ "name": "a", "columns": [{ "name": "c", "merge": "sum" }] }));
        values.push(json!({ "name": "a", "kind": "aggregate" }));
        for count in [64, 65] {
            let outputs = (0..count).map(|it: u32| json!({ "name": format!("a{it}") }));
            values.push(json!(outputs.collect::<Vec<_>>()));
        }
        for count in [48, 49] {
            let columns =
                (0..count).map(|it: u32| json!({ "name": format!("a{it}"), "merge": "min" }));
            values.push(json!(columns.collect::<Vec<_>>()));
        }
        compare(&whole);
        check("p", &whole.to_string()).unwrap();
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        for pointer in &all {
            for value in texts.iter().chain(&values) {
                let mut changed = whole.clone();
                *changed.pointer_mut(pointer).unwrap() = value.clone();
                compare(&changed);
            }
            if let Some((parent, name)) = pointer.rsplit_once('/') {
                let mut without = whole.clone();
                match without.pointer_mut(parent).unwrap() {
                    Value::Object(members) => drop(members.remove(name)),
                    Value::Array(items) => drop(items.pop()),
                    _ => unreachable!("it holds others"),
                }
                compare(&without);
            }
        }
        assert!(all.len() > 20);
    }
}
