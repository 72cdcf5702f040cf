//! What is measured, part by part.

mod batches;
mod memory;
mod recording;
mod scaling;
mod start_up;
mod throughput;

use crate::Arguments;
use crate::journal::Loaded;
use crate::results::Report;

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// CPU time of a record from Kafka, beside plain Rust and Python.
    Throughput,
    /// Several workers where each record takes much work.
    Scaling,
    /// Records from a recording, on one processor.
    Recording,
    /// CPU time of a record over the size of batches.
    Batches,
    /// Memory and sizes.
    Memory,
    /// The time to the first record.
    StartUp,
}

const ALL: [Part; 6] = [
    Part::Throughput,
    Part::Scaling,
    Part::Recording,
    Part::Batches,
    Part::Memory,
    Part::StartUp,
];

/// Measures the parts that were asked for, or all.
pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let parts = if arguments.parts.is_empty() {
        &ALL[..]
    } else {
        &arguments.parts
    };
    let loaded = Loaded::new();
    for part in parts {
        match part {
            Part::Throughput => throughput::measure(&loaded, arguments, report),
            Part::Scaling => scaling::measure(&loaded, arguments, report),
            Part::Recording => recording::measure(&loaded, arguments, report),
            Part::Batches => batches::measure(&loaded, arguments, report),
            Part::Memory => memory::measure(&loaded, arguments, report),
            Part::StartUp => start_up::measure(&loaded, arguments, report),
        }
    }
}
