//! Plugins and files that say much: what is printed of it is bounded.

use std::fmt::Write;
use std::fs;

use journal_tests::{Host, paths};

use super::plugins::{PLAN, guest};
use super::{LIMIT, shipped};

/// The lines of standard error of a command, with the file `plugin.wasm`.
fn lines(plugin: &[u8], arguments: &[&str]) -> Vec<String> {
    let host = Host::new().args(["run", "plugin.wasm"]).args(arguments);
    fs::write(host.folder().join("plugin.wasm"), plugin).expect("the folder is ours");
    let finished = host.arg("--recording").arg(shipped()).finish(LIMIT);
    finished.stderr.lines().map(str::to_owned).collect()
}

#[test]
fn unknown_members_of_a_plan_are_named_up_to_twenty() {
    let member = |number| format!(r#", "u{number}": 1"#);
    let members = (0..30).map(member).collect::<Vec<_>>().concat();
    let output = |number| format!(r#"{{"name": "o{number}"{members}}}"#);
    let outputs: Vec<String> = (0..60).map(output).collect();
    let plan = format!(
        r#"{{"object-types": "any", "outputs": [{}]}}"#,
        outputs.join(",")
    );
    let description = r#"{"name": "flood", "version": "1"}"#;
    let lines = lines(&guest(description, &plan, "0.1.0"), &[]);
    let named = lines.iter().filter(|line| line.contains("unknown member"));
    assert_eq!(named.count(), 20 + 1, "{lines:?}");
    let more = "to `start` has 1780 more unknown members";
    assert!(lines.iter().any(|line| line.ends_with(more)), "{lines:?}");
}

#[test]
fn options_of_a_plugin_are_listed_up_to_fifty() {
    let mut options = String::new();
    for number in 0..300 {
        let separator = if number == 0 { "" } else { "," };
        let _written = write!(
            options,
            r#"{separator}"o{number}": {{"type": "string", "description": "{}"}}"#,
            "d".repeat(20)
        );
    }
    let description = format!(
        r#"{{"name": "flood", "version": "1", "options": {{"type": "object", "properties": {{{options}}}}}}}"#
    );
    let lines = lines(
        &guest(&description, PLAN, "0.1.0"),
        &["--option", "other=1"],
    );
    let listed = lines.iter().filter(|line| line.starts_with("  `o"));
    assert_eq!(listed.count(), 50, "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("  and 250 more"));
}

#[test]
fn description_of_an_option_is_cut() {
    let description = format!(
        r#"{{"name": "flood", "version": "1", "options": {{"type": "object", "properties": {{
            "o": {{"type": "integer", "description": "{}"}}}}}}}}"#,
        "d".repeat(20_000)
    );
    let lines = lines(&guest(&description, PLAN, "0.1.0"), &["--option", "o=x"]);
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes < 2000, "{bytes} bytes");
}

#[test]
fn unknown_keys_of_a_file_are_named_up_to_twenty() {
    let line = |number| format!("unknown{number}: 1\n");
    let text = (0..5000).map(line).collect::<Vec<_>>().concat();
    let host = Host::new()
        .arg("config")
        .arg(paths::plugin("count-objects"))
        .args(["--config", "config.yaml"]);
    fs::write(host.folder().join("config.yaml"), text).expect("the folder is ours");
    let finished = host.finish(LIMIT).success();
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 20 + 1, "{lines:?}");
    let more = "and 4981 more warnings about the settings";
    assert!(lines[20].ends_with(more), "{}", lines[20]);
}
