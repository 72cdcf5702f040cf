//! Compares the host with its alternatives: plain Rust on rdkafka, and Python with upstream's client.
//!
//! `./compare` builds everything and runs this program. It loads many copies of a real history on a real broker. All
//! subjects with the same workload must give the same answer, or the comparison fails. The subjects alternate, each in
//! its own processes. The program writes the tables, as Markdown, to standard output.

mod answer;
mod journal;
mod native;
mod parts;
mod results;
mod rounds;
mod scripts;
mod subject;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;

use crate::parts::Part;
use crate::results::Report;

#[derive(Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Number of measured rounds; one unmeasured round runs before them.
    #[arg(long, default_value = "5")]
    rounds: NonZero<usize>,

    /// Number of rounds for slow subjects, such as Python.
    #[arg(long, default_value = "3")]
    few_rounds: NonZero<usize>,

    /// Measure only this part; may be repeated.
    #[arg(long = "part", value_enum)]
    parts: Vec<Part>,

    /// Write all measurements to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,

    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(clap::Subcommand)]
enum Child {
    /// One of the subjects, which the comparison starts.
    #[command(hide = true)]
    Native(native::Arguments),
    /// A subject in plain Rust that ends at its first record.
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
