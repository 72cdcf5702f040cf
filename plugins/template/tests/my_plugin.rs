//! Runs the plugin natively, without WebAssembly and journal-host.

use journal_plugin_sdk::owned;
use journal_plugin_sdk::testing::{Error, Harness, Rows};
use my_plugin::MyPlugin;
use serde_json::json;

#[test]
fn origins_become_rows_and_other_values_are_rejected() -> Result<(), Error> {
    let run = Harness::<MyPlugin, _>::new()
        .object(&owned::Origin::new().url("https://example.org/a"))
        .record("origin", "key 2", &json!({"link": "https://example.org/b"}))
        .same_for_any_split(10, Rows::InOrder)?;
    assert_eq!(run.rows("rows"), [json!({"url": "https://example.org/a"})]);
    assert_eq!(run.rejections()[0].reason, "`url` of the origin is missing");
    Ok(())
}
