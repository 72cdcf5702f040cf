//! The SDK's bindings to the contract are generated and checked in, so that building a plugin requires neither a
//! generator nor its procedural macros.

use std::fs;

use journal_contract::{WIT, WORLD};
use journal_tests::paths;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;
use wit_parser::Resolve;

/// The variable that makes the test write the file instead of comparing with it.
const UPDATE: &str = "UPDATE_BINDINGS";

/// The contract without its comments, so that only changes of the interfaces change the bindings.
fn interfaces() -> String {
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let lines: Vec<_> = WIT.lines().filter(|line| !is_comment(line)).collect();
    lines.join("\n")
}

fn generated(world: &str, options: Opts) -> String {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("journal.wit", &interfaces())
        .expect("the contract is WIT");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("the contract has the world");
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .expect("the contract has bindings in Rust");
    let (_name, content) = files.iter().next().expect("the bindings are one file");
    String::from_utf8(content.to_vec()).expect("Rust is UTF-8")
}

#[track_caller]
fn matches(path: &str, generated: &str) {
    let path = paths::repository().join(path);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, generated).expect("the bindings can be written");
    }
    let checked_in = fs::read_to_string(&path).expect("the bindings can be read");
    assert!(
        checked_in == generated,
        "{} is not what wit-bindgen makes of the contract: `{UPDATE}=1 ./test --test bindings` writes it again",
        path.display()
    );
}

#[test]
fn bindings_of_the_sdk_match_the_contract() {
    let options = Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some("export_plugin".to_owned()),
        default_bindings_module: Some("$crate::guest::bindings".to_owned()),
        ..Opts::default()
    };
    matches(
        "plugin-sdk/src/guest/bindings.rs",
        &generated(WORLD, options),
    );
}

#[test]
fn bindings_of_the_runtime_match_the_contract() {
    let options = Opts {
        format: true,
        export_macro_name: Some("export_runtime".to_owned()),
        ..Opts::default()
    };
    matches(
        "runtimes/javascript/src/guest/bindings.rs",
        &generated("runtime", options),
    );
}
