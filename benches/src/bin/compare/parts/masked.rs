//! CPU time per record with a list of ten million masked objects, compared with the same run without one.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use journal_tests::{Host, paths, run};

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};
use crate::rounds::ratios;
use crate::subject::{Measured, measure_after_the_start};

/// None of them is in the journal, as most records of a real one are not masked.
const OBJECTS: u64 = 10_000_000;
/// What the mask may cost.
const MOST: Target = Target::AtMost(1.03);
const WORKS: [(Work, &str); 3] = [
    (Work::Counts, "counts"),
    (Work::Months, "months"),
    (Work::Rows, "a row a revision"),
];

pub(super) fn measure_masked(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let list = write_list();
    let masked = vec!["--masked".to_owned(), list.display().to_string()];
    let mut measured = WORKS.map(|_| [Vec::new(), Vec::new()]);
    for round in 0..=arguments.rounds.get() {
        eprintln!("round {round} of {}", arguments.rounds);
        for ((work, _), measured) in WORKS.iter().zip(&mut measured) {
            // Which of the two runs first alternates.
            for index in [round % 2, (round + 1) % 2] {
                let arguments = if index == 0 { &[][..] } else { &masked };
                let group = format!("masked-{index}-{round}");
                let took = run_after_the_start(loaded, *work, &group, arguments);
                if round > 0 {
                    measured[index].push(took.cpu_us());
                }
            }
        }
    }
    let mut table = Table::new(
        "what ten million masked objects cost after the start, from Kafka",
        "CPU us/record",
        3,
    );
    for ((_, name), [plain, masked]) in WORKS.iter().zip(&measured) {
        let ratios = ratios(masked, plain);
        table.row(&format!("{name}, no mask"), plain);
        table
            .row(&format!("{name}, masked"), masked)
            .ratio("to no mask", &ratios, Some(MOST));
    }
    report.add(table);
}

/// Runs once. The CPU time up to the assignment is left out: the list is read then.
fn run_after_the_start(loaded: &Loaded, work: Work, group: &str, arguments: &[String]) -> Measured {
    let topics = loaded.topics(Which::Large);
    let host = Host::run(&paths::plugin(work.plugin()))
        .args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
        .args(["--prefix", topics.prefix.as_str()])
        .args([
            "--group-id",
            &topics.prefix.group(&format!("{group}-{}", work.plugin())),
        ])
        .args(arguments);
    let (measured, _) = measure_after_the_start(host);
    Measured {
        records: loaded.records(work) * u64::from(topics.repetitions),
        ..measured
    }
}

/// Writes a list of made identifiers, each of another object.
fn write_list() -> PathBuf {
    let path = run::folder("masked").join("masked.txt");
    write_swhids(&path).expect("there is room");
    path
}

fn write_swhids(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..OBJECTS {
        // About as the archive has them.
        let object_type =
            ["cnt", "cnt", "cnt", "dir", "dir", "rev"][usize::try_from(number % 6).unwrap_or(0)];
        let [one, two, three] = [3 * number, 3 * number + 1, 3 * number + 2].map(mixed);
        writeln!(
            file,
            "swh:1:{object_type}:{one:016x}{two:016x}{:08x}",
            three >> 32
        )?;
    }
    file.flush()
}

/// Spreads a number over 64 bits, as `SplitMix64` does (Steele, Lea and Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
