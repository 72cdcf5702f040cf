//! Compares the host with what people write today: plain Rust on rdkafka, and Python with upstream's client.
//!
//! `./compare` builds all that is needed and runs it. One real history, many times over, lies on a real broker; all
//! subjects of one work have to give the same answer, or the comparison fails. They take turns, and each runs in
//! processes of its own. The tables, in Markdown, go to standard output.

mod answer;
mod journal;
mod native;
mod parts;
mod results;
mod subject;
mod turns;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;

use crate::parts::Part;
use crate::results::Report;

#[derive(Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Rounds that count; one more comes before them.
    #[arg(long, default_value = "5")]
    rounds: NonZero<usize>,

    /// Rounds of what takes long, Python above all.
    #[arg(long, default_value = "3")]
    few_rounds: NonZero<usize>,

    /// Measures only this; may be repeated.
    #[arg(long = "part", value_enum)]
    parts: Vec<Part>,

    /// Writes everything that was measured to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,

    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(clap::Subcommand)]
enum Child {
    /// One of the subjects, as the comparison itself starts it.
    #[command(hide = true)]
    Native(native::Arguments),
    /// Plain Rust that ends at its first record.
    #[command(hide = true)]
    FirstRecord {
        brokers: String,
        prefix: String,
        group: String,
    },
}

#[expect(clippy::print_stdout, reason = "the tables are the data")]
fn main() {
    let arguments = Arguments::parse();
    match &arguments.child {
        Some(Child::Native(child)) => return native::run(child),
        Some(Child::FirstRecord {
            brokers,
            prefix,
            group,
        }) => journal_benches::startup::bare_first_record(brokers, prefix, group),
        None => {}
    }
    let mut report = Report::new();
    parts::measure(&arguments, &mut report);
    println!("{report}");
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&report).expect("numbers are JSON");
        std::fs::write(path, json)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}
