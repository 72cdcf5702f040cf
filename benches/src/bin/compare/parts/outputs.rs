//! CPU time of the host per row into each kind of output, compared with JSON lines. That of servers does not count, nor
//! that of the start, which a connection to a database makes longer.

use std::path::Path;

use journal_tests::postgres::{Database, PASSWORD, Postgres};
use journal_tests::{Host, paths, run};

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};
use crate::rounds::ratios;
use crate::subject::{Measured, measure_after_the_start};

/// A plugin, and where its rows go.
struct Subject {
    name: &'static str,
    plugin: &'static str,
    kind: Kind,
    /// What the ratio is to, by its index, and what it should be.
    to: Option<(usize, f64)>,
}

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A file whose name ends so.
    Lines(&'static str),
    Sqlite,
    /// A database, with these parameters of its URL.
    Postgres(&'static str),
    Parquet,
    /// A topic, with this compression.
    Topic(&'static str),
}

const PLAIN: Kind = Kind::Lines("");
const ENCRYPTED: Kind = Kind::Postgres("");
const CLEAR: Kind = Kind::Postgres("?sslmode=disable");
const LISTED: &str = "list-revisions";
const SUMMED: &str = "commit-activity";

const ALL: [Subject; 11] = [
    subject("a row a revision, JSON lines", LISTED, PLAIN, None),
    subject("SQLite", LISTED, Kind::Sqlite, Some((0, 2.0))),
    subject("PostgreSQL", LISTED, ENCRYPTED, Some((0, 0.8))),
    subject("PostgreSQL, no TLS", LISTED, CLEAR, Some((0, 0.8))),
    subject("Parquet", LISTED, Kind::Parquet, Some((0, 1.0))),
    subject("topic, zstd", LISTED, Kind::Topic("zstd"), Some((0, 4.0))),
    subject("topic, lz4", LISTED, Kind::Topic("lz4"), Some((0, 3.0))),
    subject("lines, zstd", LISTED, Kind::Lines(".zst"), Some((0, 2.0))),
    subject("lines, gzip", LISTED, Kind::Lines(".gz"), Some((0, 5.0))),
    subject("sums by hour, JSON lines", SUMMED, PLAIN, None),
    subject("sums, SQLite", SUMMED, Kind::Sqlite, Some((9, 1.1))),
];

const fn subject(
    name: &'static str,
    plugin: &'static str,
    kind: Kind,
    to: Option<(usize, f64)>,
) -> Subject {
    Subject {
        name,
        plugin,
        kind,
        to,
    }
}

pub(super) fn measure_outputs(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let mut measured = ALL.map(|_| Vec::new());
    for round in 0..=arguments.rounds.get() {
        for index in 0..ALL.len() {
            // Each round starts with the next subject.
            let index = (index + round) % ALL.len();
            let took = ALL[index].run(loaded, &format!("{index}_{round}"));
            if round > 0 {
                measured[index].push(took.cpu_us());
            }
        }
    }
    let mut table = Table::new(
        "rows from Kafka, by output, after the start",
        "CPU us/record",
        2,
    );
    for (subject, took) in ALL.iter().zip(&measured) {
        let row = table.row(subject.name, took);
        if let Some((other, most)) = subject.to {
            let ratios = ratios(took, &measured[other]);
            row.ratio("to JSON lines", &ratios, Some(Target::AtMost(most)));
        }
    }
    report.add(table);
}

impl Subject {
    fn run(&self, loaded: &Loaded, round: &str) -> Measured {
        let topics = loaded.topics(Which::Large);
        let records = loaded.records(Work::Rows) * u64::from(topics.repetitions);
        let folder = run::folder("outputs");
        let host = Host::run(&paths::plugin(self.plugin))
            .args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
            .args(["--prefix", topics.prefix.as_str()])
            .args(["--group-id", &topics.prefix.group(round)]);
        let database = matches!(self.kind, Kind::Postgres(_))
            .then(|| Postgres::shared().database(&format!("rows_{round}")));
        let host = self.bound(host, loaded, round, &folder, database.as_ref());
        let (measured, finished) = measure_after_the_start(host);
        // The end of the log has the number of rows that are durable.
        if self.plugin == LISTED {
            let counted = finished.stderr.replace(',', "");
            let expected = format!("rows: {records} in `revisions`");
            assert!(counted.contains(&expected), "{}", finished.stderr);
        }
        Measured {
            records,
            ..measured
        }
    }

    /// The host with an output that nobody has written to.
    fn bound(
        &self,
        host: Host,
        loaded: &Loaded,
        round: &str,
        folder: &Path,
        database: Option<&Database<'_>>,
    ) -> Host {
        let file = |name: &str| folder.join(name).display().to_string();
        let url = |parameters: &str| {
            database
                .map(|database| database.url(parameters))
                .unwrap_or_default()
        };
        match self.kind {
            Kind::Lines(ending) => host.args(["--output", &file(&format!("rows.jsonl{ending}"))]),
            Kind::Sqlite => host.args(["--output", &file("rows.sqlite")]),
            Kind::Parquet => host.args(["--output", &file("rows.parquet")]),
            Kind::Postgres(parameters) => host
                .env("PGPASSWORD", PASSWORD)
                .args(["--output", &url(parameters)]),
            Kind::Topic(compression) => {
                let topic = format!("rows-{round}");
                loaded.broker.create_topics(&[&topic], 3);
                host.args(["--output", &format!("kafka:{topic}")])
                    .args(["--kafka", &format!("compression.type={compression}")])
            }
        }
    }
}
