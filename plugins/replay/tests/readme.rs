//! The README has the tables as the plan declares them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use journal_plugin_sdk::Processor as _;
use replay::Replay;
use serde_json::Value;

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The section about a table.
fn section(output: &Value) -> String {
    let key = output["key"].as_array().expect("every table has a key");
    let key: Vec<_> = key
        .iter()
        .map(|name| format!("`{}`", name.as_str().expect("a name is text")))
        .collect();
    let mut section = format!(
        "### `{}`\n\n{}. Key: {}.\n\n| column | type | |\n|---|---|---|\n",
        text(output, "name"),
        text(output, "summary"),
        key.join(", ")
    );
    for column in output["row"].as_array().expect("every table has columns") {
        let null = if column["nullable"] == true {
            " or NULL"
        } else {
            ""
        };
        let (name, column_type) = (text(column, "name"), text(column, "type"));
        let _ = writeln!(
            section,
            "| `{name}` | {column_type}{null} | {} |",
            text(column, "summary")
        );
    }
    section
}

#[test]
fn readme_has_every_table_with_its_columns() {
    let plan = serde_json::to_value(Replay::default().plan()).expect("a plan is JSON");
    let outputs = plan["outputs"].as_array().expect("it has outputs");
    assert_eq!(outputs.len(), 18);
    let sections: Vec<_> = outputs.iter().map(section).collect();
    let expected = sections.join("\n");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("it is there");
    let (_, found) = readme
        .split_once("\n## Tables\n")
        .expect("it has the tables");
    let (_, found) = found.split_once("\n\n###").expect("they have sections");
    assert_eq!(
        format!("###{found}"),
        expected,
        "the tables of the README should be:\n{expected}"
    );
}
