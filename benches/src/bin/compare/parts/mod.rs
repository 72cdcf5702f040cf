//! The parts of the comparison.

mod aggregates;
mod batches;
mod masked;
mod memory;
mod observed;
mod outputs;
mod recording;
mod scaling;
mod scripts;
mod start_up;
mod throughput;

use crate::Arguments;
use crate::journal::Loaded;
use crate::results::Report;

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// CPU time per record from Kafka, compared with plain Rust and Python.
    Throughput,
    /// Several workers with much work per record.
    Scaling,
    /// Records from a recording, on one CPU.
    Recording,
    /// CPU time per record by batch size.
    Batches,
    /// Memory and sizes.
    Memory,
    /// The time to the first record.
    StartUp,
    /// CPU time per record with metrics, compared with none.
    Metrics,
    /// CPU time per record with masked objects, compared with none.
    Masked,
    /// CPU time per record by the kind of the output.
    Outputs,
    /// CPU time per key of a checkpoint of merged rows.
    Aggregates,
    /// CPU time per object of scripts, compared with upstream's client in native Python.
    Scripts,
}

const ALL: [Part; 11] = [
    Part::Throughput,
    Part::Scaling,
    Part::Recording,
    Part::Batches,
    Part::Memory,
    Part::StartUp,
    Part::Metrics,
    Part::Masked,
    Part::Outputs,
    Part::Aggregates,
    Part::Scripts,
];

/// Measures the requested parts, or all.
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
            Part::Metrics => observed::measure(&loaded, arguments, report),
            Part::Masked => masked::measure_masked(&loaded, arguments, report),
            Part::Outputs => outputs::measure_outputs(&loaded, arguments, report),
            Part::Aggregates => aggregates::measure_aggregates(&loaded, arguments, report),
            Part::Scripts => scripts::measure_scripts(&loaded, arguments, report),
        }
    }
}
