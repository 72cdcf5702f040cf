//! Files that are not plugins, or not plugins for this host.

use std::fs;

use journal_contract::{PROCESSOR as OFFERED, WIT};
use journal_tests::{Host, paths};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{Failure, fails, shipped};

const DESCRIPTION: &str = r#"{"name": "guest", "version": "1"}"#;
pub(super) const PLAN: &str = r#"{"object-types": "any"}"#;

/// Runs a plugin with these bytes, which is invalid.
#[track_caller]
fn plugin(bytes: impl AsRef<[u8]>) -> Failure {
    let host = Host::new();
    fs::write(host.folder().join("plugin.wasm"), bytes).expect("the folder is ours");
    fails(
        host.args(["run", "plugin.wasm", "--recording"])
            .arg(shipped()),
    )
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A complete plugin that returns this description and plan, for this version of the contract.
pub(super) fn guest(description: &str, plan: &str, version: &str) -> Vec<u8> {
    let escape = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("\\{byte:02x}"));
        bytes.collect::<String>()
    };
    let size = |text: &str| {
        let size = u32::try_from(text.len()).expect("texts are short");
        let bytes = size.to_le_bytes().map(|byte| format!("\\{byte:02x}"));
        bytes.concat()
    };
    let mut module = wat(&format!(
        r#"(module
            (memory (export "memory") 2)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
            (func (export "swh:journal/processor@{version}#describe") (result i32) (i32.const 16))
            (func (export "swh:journal/processor@{version}#start") (param i32 i32) (result i32)
                (i32.const 32))
            (func (export "swh:journal/processor@{version}#process") (param i32 i32) (result i32)
                unreachable)
            (func (export "swh:journal/processor@{version}#checkpoint") (result i32) unreachable)
            (data (i32.const 16) "\00\04\00\00{description_size}")
            (data (i32.const 32) "\00\00\00\00\00\80\00\00{plan_size}")
            (data (i32.const 1024) "{description}")
            (data (i32.const 32768) "{plan}"))"#,
        description = escape(description),
        description_size = size(description),
        plan = escape(plan),
        plan_size = size(plan),
    ));
    embed_contract(&mut module, version);
    module
}

/// Turns a core module into a plugin: adds the types of its exports and imports.
pub(super) fn embed_contract(module: &mut Vec<u8>, version: &str) {
    let wit = WIT.replace("@0.1.0", &format!("@{version}"));
    let mut resolve = Resolve::default();
    let embedded = resolve
        .push_source("journal.wit", &wit)
        .and_then(|package| resolve.select_world(&[package], Some("plugin")))
        .map_err(|error| error.to_string())
        .and_then(|world| {
            embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
                .map_err(|error| error.to_string())
        });
    embedded.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn missing_file_is_named() {
    let host = Host::new().args(["run", "nowhere/plugin.wasm", "--recording"]);
    fails(host.arg(shipped()))
        .says("there is no plugin at `nowhere/plugin.wasm`")
        .hints("name the `.wasm` file");
}

#[test]
fn folder_instead_of_a_plugin_is_named() {
    fails(Host::new().args(["run", ".", "--recording"]).arg(shipped()))
        .says("the plugin `.` is a folder without a script to run")
        .hints("if it has a `__main__.py` (Python) or an `index.js` (JavaScript)")
        .hints("`journal-host build` makes");
    let template = paths::repository().join("plugins/template");
    let host = Host::new().arg("run").arg(&template);
    fails(host.arg("--recording").arg(shipped()))
        .says(&format!("the plugin `{}` is a folder", template.display()))
        .hints("`journal-host build` makes");
}

#[test]
fn file_that_is_not_webassembly_is_named() {
    for bytes in [b"#!/bin/sh\n".as_slice(), b"", b"(print 1)", b"\0as"] {
        plugin(bytes)
            .says("the plugin `plugin.wasm` is not WebAssembly")
            .hints("a plugin is the `.wasm` file that building it makes");
    }
    // Data compressed with zstd starts with a parenthesis, as WebAssembly's text format does.
    plugin(fs::read(shipped()).expect("it ships"))
        .says("the plugin `plugin.wasm` is not WebAssembly")
        .hints("a plugin is the `.wasm` file that building it makes");
}

#[test]
fn webassembly_text_is_distinguished_from_other_text() {
    for text in ["(module)", ";; a comment\n(module)", "\n( component )"] {
        plugin(text)
            .says("the plugin `plugin.wasm` is not WebAssembly")
            .hints("`wasm-tools parse` makes it binary");
    }
}

#[test]
fn plugin_that_is_cut_short_is_named() {
    let whole = fs::read(paths::plugin("count-objects")).expect("it was built");
    plugin(&whole[..whole.len() / 2])
        .names("the plugin `plugin.wasm` is not valid WebAssembly: ")
        .hints("copy or build it again");
}

#[test]
fn module_without_the_interface_is_named() {
    plugin(wat("(module)"))
        .says("the plugin `plugin.wasm` is a core module without an embedded component type")
        .hints("the SDK's macro `export!`; in other languages, it exports the functions of the contract, as docs/languages.md");
    plugin(wat("(component)"))
        .says(&format!(
            "the plugin `plugin.wasm` does not export `{OFFERED}`"
        ))
        .hints("implements the SDK's `Processor`")
        .hints("as docs/languages.md says");
}

#[test]
fn plugin_of_another_version_of_the_interface_names_both() {
    plugin(guest(DESCRIPTION, PLAN, "0.2.0"))
        .says(&format!(
            "the plugin `plugin.wasm` is made for `swh:journal/processor@0.2.0`, and this host offers `{OFFERED}`"
        ))
        .hints("with the plugin SDK of this host's version, in other languages as docs/languages.md says");
}

#[test]
fn import_that_the_host_does_not_offer_is_named() {
    let component = r#"(component
        (import "wasi:cli/environment@0.2.0" (instance))
        (import "wasi:filesystem/types@0.2.0" (instance))
        (component $empty)
        (instance $processor (instantiate $empty))
        (export "swh:journal/processor@0.1.0" (instance $processor)))"#;
    plugin(wat(component))
        .says(
            "the plugin `plugin.wasm` imports `wasi:cli/environment@0.2.0`, `wasi:filesystem/types@0.2.0`, \
             which this host does not offer",
        )
        .hints("build it for WASI preview 1 as a module, as docs/languages.md says, or in Rust for `wasm32-unknown-unknown`");
    let module = r#"(module
        (@custom "component-type" "")
        (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#;
    plugin(wat(module))
        .says("the plugin `plugin.wasm` imports `wasi_unstable.fd_write`, which this host does not offer")
        .hints("or in Rust for `wasm32-unknown-unknown`");
}

#[test]
fn invalid_description_is_reported_with_its_json_pointer() {
    let described = |answer: &str, rule: &str| {
        plugin(guest(answer, PLAN, "0.1.0"))
            .names("the plugin `plugin.wasm` does not describe itself: ")
            .names(rule)
            .hints("description.schema.json");
    };
    described("{", "it must be JSON, and is not");
    described(r#"{"version": "1"}"#, r#""name" is a required property"#);
    described(
        r#"{"name": "guest", "version": 1}"#,
        "at `/version`: 1 is not of type",
    );
    described(
        r#"{"name": "a\u001b[2J", "version": "1"}"#,
        "at `/name`: it must not hold backticks or control characters",
    );
    described(
        r#"{"name": "guest", "version": "1", "options": {"properties": {"a": {"type": "strong"}}}}"#,
        "at `/options/properties/a/type`: \"strong\" is not a type of an option",
    );
}

/// Its references `#/$defs/%611` lead to one schema if `%61` is decoded and to another if it is not. The check of the
/// schema's size once took one, and the check of the options the other, which has 2^32 parts: the run never ended.
#[test]
fn schema_whose_references_have_two_meanings_is_refused() {
    let path = paths::repository().join("tests/data/hostile/schema-pct-bomb.wat");
    let mut module = wat(&fs::read_to_string(path).expect("it is in the repository"));
    embed_contract(&mut module, "0.1.0");
    plugin(module)
        .says(
            "the plugin `plugin.wasm` does not describe itself: the answer of the plugin `plugin.wasm` to `describe` \
             breaks a rule at `/options/$defs`: `$defs` is not supported in a schema of options",
        )
        .hints("write each schema out where it is used")
        .hints("description.schema.json");
}

#[test]
fn schema_that_is_deep_large_or_ambiguous_is_refused() {
    let refused = |options: &str, rule: &str| {
        let description = format!(
            r#"{{"name": "guest", "version": "1", "options": {{"properties": {options}}}}}"#
        );
        plugin(guest(&description, PLAN, "0.1.0")).names(rule);
    };
    let list = r#"{"type": "array", "items": "#;
    let deep = format!("{}true{}", list.repeat(40), "}".repeat(40));
    refused(
        &format!(r#"{{"a": {deep}}}"#),
        "schemas nest deeper than 32",
    );
    // More levels than the JSON parser accepts.
    let deep = format!("{}true{}", list.repeat(400), "}".repeat(400));
    refused(&format!(r#"{{"a": {deep}}}"#), "recursion limit exceeded");
    let many = vec!["0"; 12_000].join(",");
    refused(
        &format!(r#"{{"a": {{"enum": [{many}]}}}}"#),
        "has more than 10000 parts",
    );
    refused(
        r#"{"a": {}, "\u0061": {"type": "integer"}}"#,
        r#"the name "a" stands twice in one object"#,
    );
    refused(
        r##"{"%61/~": {"$ref": "#/properties/%2561"}}"##,
        "at `/options/properties/%61~1~0/$ref`: `$ref` is not supported",
    );
}

#[test]
fn invalid_plan_is_reported_with_its_json_pointer() {
    let planned = |answer: &str, rule: &str| {
        plugin(guest(DESCRIPTION, answer, "0.1.0"))
            .names("the answer of the plugin `guest` to `start` breaks a rule")
            .names(rule)
            .hints("plan.schema.json");
    };
    planned("[]", r#"[] is not of type "object""#);
    planned(r#"{"object-types": "all"}"#, "at `/object-types`: ");
    planned(
        r#"{"object-types": "any", "columns": ["value"]}"#,
        "at `/columns/0`: ",
    );
    planned(
        r#"{"object-types": "any", "outputs": [{"name": "a"}, {"name": "a"}]}"#,
        r#"at `/outputs/1/name`: "a" is the name of another output already"#,
    );
    planned(
        r#"{"object-types": "any", "outputs": [{"name": "../a"}]}"#,
        "at `/outputs/0/name`: ",
    );
}
