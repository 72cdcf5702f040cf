//! Hostile plugins, recordings and values: each ends with its message and its exit code, within 2 CPU seconds and 256 MiB.
//!
//! A case is a line of a table: a plugin in WebAssembly's text format or a file, a recording, and what the run has to end
//! with. What a run took is what the system counts for its process, so a busy machine changes no result.

mod answers;
mod calls;
mod files;
mod recordings;
mod rows;
mod table;
mod values;

use std::collections::BTreeSet;

use table::{Case, check};

type Table = fn() -> Vec<Case>;

const TABLES: [Table; 7] = [
    files::cases,
    answers::of_describe,
    answers::of_start,
    calls::cases,
    rows::cases,
    recordings::cases,
    values::cases,
];

#[test]
fn hostile_files_end_within_the_limits() {
    check(&files::cases());
}

#[test]
fn hostile_descriptions_end_within_the_limits() {
    check(&answers::of_describe());
}

#[test]
fn hostile_plans_end_within_the_limits() {
    check(&answers::of_start());
}

#[test]
fn hostile_calls_end_within_the_limits() {
    check(&calls::cases());
}

#[test]
fn hostile_rows_end_within_the_limits() {
    check(&rows::cases());
}

#[test]
fn hostile_recordings_end_within_the_limits() {
    check(&recordings::cases());
}

#[test]
fn hostile_values_pass_every_shipped_plugin_within_the_limits() {
    check(&values::cases());
}

#[test]
fn there_are_more_than_a_hundred_cases_each_with_its_name() {
    let cases: Vec<Case> = TABLES.iter().flat_map(|table| table()).collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert!(cases.len() > 100, "{}", cases.len());
    assert_eq!(names.len(), cases.len());
}
