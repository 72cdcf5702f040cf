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
        .persons(Persons::None)
        .stateless()
        .output("sums", "One row an object type")
        .output("rest", "")
        .aggregate(
            "counts",
            "Objects",
            Aggregate::by(["type"])
                .sum("n")
                .min("a")
                .max("z")
                .latest_by("z", ["v"]),
        );
    let expected = json!({
        "object-types": "any", "columns": ["value-ends", "keys"],
        "tombstones": true, "persons": "none", "holds-state": false,
        "outputs": [{"name": "sums", "summary": "One row an object type"}, {"name": "rest"}, {
            "name": "counts", "kind": "aggregate", "summary": "Objects", "key": ["type"],
            "columns": [{"name": "n", "merge": "sum"}, {"name": "a", "merge": "min"},
                {"name": "z", "merge": "max"}, {"name": "v", "merge": "latest", "by": "z"}],
        }],
    });
    assert_eq!(as_json(&plan), expected);
}

#[derive(Columns, Serialize)]
struct Typed {
    /// The host.
    k: Option<String>,
    n: u32,
}

#[test]
fn rows_of_an_output_have_the_columns_of_their_struct() {
    let row = json!([
        {"name": "k", "type": "text", "nullable": true, "summary": "The host."},
        {"name": "n", "type": "uint"},
    ]);
    let counts = Aggregate::by(["k"]).sum("n");
    let plan = Plan::new(ANY)
        .output("untyped", "")
        .aggregate("counts", "", counts)
        .row::<Typed>();
    let outputs = &as_json(&plan)["outputs"];
    assert_eq!(outputs[0], json!({"name": "untyped"}));
    assert_eq!(outputs[1]["row"], row);
    let default = as_json(&Plan::new(ANY).row::<Typed>());
    assert_eq!(default["outputs"], json!([{"name": "rows", "row": row}]));
    let schema = serde_json::from_str(journal_contract::PLAN_SCHEMA).unwrap();
    assert!(journal_json_schema::accepts(&schema, &as_json(&plan)));
}

#[test]
fn unique_output_has_a_key_of_its_columns() {
    let typed = |key: &[&str]| Plan::new(ANY).output("a", "").row::<Typed>().unique_by(key);
    let output = &as_json(&typed(&["n", "k"]))["outputs"][0];
    assert_eq!(
        (&output["kind"], &output["key"]),
        (&json!("unique"), &json!(["n", "k"]))
    );
    let schema = serde_json::from_str(journal_contract::PLAN_SCHEMA).unwrap();
    assert!(journal_json_schema::accepts(
        &schema,
        &as_json(&typed(&["n"]))
    ));
    let default = as_json(&Plan::new(ANY).row::<Typed>().unique_by(["n"]));
    assert_eq!(default["outputs"][0]["name"], "rows");
    let refused = |plan: &Plan, rule: &str| {
        check_refused(plan, &format!("the unique output `a` {rule}"));
    };
    refused(&typed(&[]), "has no key");
    refused(
        &typed(&["x"]),
        "has the key `x`, which is no column of its row",
    );
    refused(&typed(&["n", "n"]), "has the key `n` twice");
    refused(
        &Plan::new(ANY).output("a", "").unique_by(["n"]),
        "has no types: name its row with `Plan::row`",
    );
    let sums = Aggregate::by(["k"]).sum("n");
    refused(
        &Plan::new(ANY)
            .aggregate("a", "", sums)
            .row::<Typed>()
            .unique_by(["k"]),
        "is an aggregate, which has one row for each key already",
    );
}

#[test]
fn upsert_has_a_key_and_an_order_of_its_columns() {
    let typed = |key: &[&str], order: &str| {
        let plan = Plan::new(ANY).output("a", "").row::<Typed>();
        plan.upsert_by(key, order)
    };
    let plan = as_json(&typed(&["k"], "n"));
    let output = &plan["outputs"][0];
    assert_eq!(
        (&output["kind"], &output["key"], &output["order"]),
        (&json!("upsert"), &json!(["k"]), &json!("n"))
    );
    let schema = serde_json::from_str(journal_contract::PLAN_SCHEMA).unwrap();
    assert!(journal_json_schema::accepts(&schema, &plan));
    let refused = |plan: &Plan, rule: &str| check_refused(plan, &format!("the upsert `a` {rule}"));
    refused(&typed(&[], "n"), "has no key");
    refused(
        &typed(&["n"], "n"),
        "has the order `n`, which is of its key",
    );
    refused(
        &typed(&["n"], "k"),
        "has the order `k`, which may have no value",
    );
    refused(
        &Plan::new(ANY).output("a", "").upsert_by(["k"], "n"),
        "has no types: name its row with `Plan::row`",
    );
}

#[test]
fn types_that_do_not_fit_the_aggregate_are_refused() {
    let typed = |aggregate| Plan::new(ANY).aggregate("a", "", aggregate).row::<Typed>();
    check_refused(
        &typed(Aggregate::by(["n"]).sum("k")),
        "the aggregate `a` adds up the column `k`, whose type is text and not int or uint",
    );
    check_refused(
        &typed(Aggregate::by(["k"]).sum("other")),
        "the aggregate `a` has a type for `n`, which is neither of the key nor a column",
    );
}

#[derive(Columns, Serialize)]
#[expect(non_snake_case, reason = "it is what databases take for the same name")]
struct Ambiguous {
    id: u8,
    ID: u8,
}

#[test]
fn columns_with_the_same_name_for_databases_are_refused() {
    check_refused(
        &Plan::new(ANY).row::<Ambiguous>(),
        "the row of the output `rows` has the column `ID` twice; upper and lower case count as the same",
    );
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
fn plan_that_breaks_a_rule_is_refused_with_the_name_that_breaks_it() {
    let output = |name: &str, summary: &str| Plan::new(ANY).output(name, summary);
    check_refused(
        &Plan::new(["Revision"]),
        "the plan names the object type `Revision`: a name must be 1 to 100 of `a-z0-9_`",
    );
    check_refused(
        &Plan::new(["origin", "revision", "origin"]),
        "the plan names the object type `origin` twice",
    );
    check_refused(
        &Plan::new((0..101).map(|number| number.to_string())),
        "the plan names 101 object types, and the limit is 100",
    );
    check_refused(
        &Plan::new(ANY).columns([Column::ValueEnds, Column::ValueEnds]),
        "the plan asks for `Column::ValueEnds` twice",
    );
    check_refused(
        &output("Sums", ""),
        "the plan declares the output `Sums`: a name must be a letter `a-z` and at most 62 of `a-z0-9_-`",
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
        "the plan declares 65 outputs, and the limit is 64",
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
fn aggregate_that_breaks_a_rule_is_refused_by_name() {
    let refused = |aggregate, expected: &str| {
        let plan = Plan::new(ANY).aggregate("a", "", aggregate);
        check_refused(&plan, &format!("the aggregate `a` {expected}"));
    };
    refused(
        of_size(17, 1),
        "has 17 fields in its key, and the limit is 16",
    );
    refused(
        of_size(1, 0),
        "has no column: add one with `sum`, `min`, `max` or `latest_by`",
    );
    refused(of_size(0, 49), "has 49 columns, and the limit is 48");
    refused(
        Aggregate::by(["a b"]).sum("n"),
        "has the field `a b`: a name must be a letter or `_` and at most 62 of `A-Za-z0-9_-`",
    );
    refused(Aggregate::by(["n"]).sum("n"), "names the field `n` twice");
    refused(
        Aggregate::by(["k"]).sum("n").max("n"),
        "names the field `n` twice",
    );
    refused(
        Aggregate::by(["k"]).min("o").latest_by("o", ["v"]),
        "keeps the latest `v` by `o`, which is not a column that keeps the max",
    );
}

#[test]
fn plan_is_refused_exactly_where_the_schema_of_the_contract_does() {
    let schema = serde_json::from_str(journal_contract::PLAN_SCHEMA).unwrap();
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
        let allowed = journal_json_schema::accepts(&schema, &serde_json::to_value(&plan).unwrap());
        assert_eq!(plan.to_json().is_ok(), allowed, "{plan:?}");
    }
}

#[test]
fn values_include_their_ends() {
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
