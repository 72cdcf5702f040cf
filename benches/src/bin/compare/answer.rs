//! The answers of all subjects in one form: a map from names to numbers.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hasher;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

/// A number for each name, such as `revision`, `month 2016-02` and `extension rs`.
pub(crate) type Answer = BTreeMap<String, u64>;

/// The name for the number of a month.
pub(crate) fn month(month: Option<&str>) -> String {
    format!("month {}", month.unwrap_or("none"))
}

/// The name for the number of an extension.
pub(crate) fn extension(extension: Option<&str>) -> String {
    format!(
        "extension {}",
        extension.map_or("none".to_owned(), |text| format!("`{text}`"))
    )
}

/// The answer if each record is repeated this many times.
pub(crate) fn times(answer: &Answer, repetitions: u64) -> Answer {
    let product =
        |(name, number): (&String, &u64)| (name.clone(), number.wrapping_mul(repetitions));
    answer.iter().map(product).collect()
}

/// The number of objects of each type, from the partial sums of `count-objects`.
pub(crate) fn of_counts(rows: &Path) -> Answer {
    of_types(rows, "objects")
}

/// The number of fields that have a value in the objects of each type, from partial sums.
pub(crate) fn of_fields(rows: &Path) -> Answer {
    of_types(rows, "fields")
}

fn of_types(rows: &Path, column: &str) -> Answer {
    let mut answer = Answer::new();
    each_row(rows, |row| {
        let name = row["object_type"].as_str().expect("a row names its type");
        add(&mut answer, name.to_owned(), &row[column]);
    });
    answer
}

/// Months and extensions, from the partial sums of `months-and-extensions`.
pub(crate) fn of_months_and_extensions(months: &Path, extensions: &Path) -> Answer {
    let mut answer = Answer::new();
    each_row(months, |row| {
        add(&mut answer, month(row["month"].as_str()), &row["revisions"]);
    });
    each_row(extensions, |row| {
        let name = extension(row["extension"].as_str());
        add(&mut answer, name, &row["files"]);
    });
    answer
}

/// The number of lines of a file, and a checksum of them that does not depend on their order.
pub(crate) fn of_lines(rows: &Path) -> Answer {
    let mut input = open(rows);
    let (mut count, mut sum) = (0, 0_u64);
    let mut line = Vec::new();
    while input
        .read_until(b'\n', &mut line)
        .expect("rows can be read")
        > 0
    {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(&line);
        sum = sum.wrapping_add(hasher.finish());
        count += 1;
        line.clear();
    }
    Answer::from([("lines".to_owned(), count), ("sum".to_owned(), sum)])
}

fn add(answer: &mut Answer, name: String, number: &Value) {
    *answer.entry(name).or_default() += number.as_u64().expect("a column is a number");
}

fn each_row(path: &Path, mut take: impl FnMut(Value)) {
    for line in open(path).lines() {
        let line = line.expect("rows can be read");
        take(serde_json::from_str(&line).expect("a row is JSON"));
    }
}

fn open(path: &Path) -> BufReader<File> {
    let file = File::open(path);
    BufReader::new(file.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())))
}
