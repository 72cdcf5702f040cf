use std::path::Path;

use super::*;
use crate::journal::offsets::{Partition, ReadAhead, Remaining};
use crate::journal::plan::Output;

const ALL: [&Metric; 29] = [
    &OBJECTS,
    &BYTES,
    &ROWS,
    &ROW_BYTES,
    &REJECTIONS,
    &FAILURES,
    &DEAD_LETTERS,
    &ANONYMISED,
    &MASKED,
    &MASK,
    &MASK_STALE,
    &CALLS,
    &STAGES,
    &LAG,
    &PARTITION_LAG,
    &READ_AHEAD,
    &READ_AHEAD_BYTES,
    &PARTITIONS,
    &REBALANCES,
    &UNCONFIRMED,
    &CHECKPOINT_AGE,
    &WITHOUT_BROKERS,
    &STILL,
    &GUEST_MEMORY,
    &RESIDENT,
    &CPU,
    &UPTIME,
    &BUILD,
    &PLUGIN,
];

impl Metric {
    /// The name as Prometheus has it.
    fn exposed(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{}{suffix}", self.name)
    }
}

fn text(progress: Progress) -> String {
    let info = RunInfo {
        plugin: "a \"quoted\"\nname".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: "ab".to_owned(),
        options_digest: "cd".to_owned(),
        group: "g".to_owned(),
    };
    Metrics::new(info, Arc::new(progress)).text(true).unwrap()
}

fn known() -> Progress {
    let progress = Progress::new(1, &[Output::untyped("months")]);
    let held_back = PrivacyCounts::default();
    held_back.show_mask(3);
    let progress = progress.holding_back(Some(Arc::new(held_back)));
    let worker = progress.worker(0);
    worker.add(7, 100);
    worker.show_unconfirmed(3);
    worker.show_confirmed();
    worker.show_turn();
    worker.show_remaining(Remaining::ByPartition(
        [(1, Some(5)), (2, None)]
            .map(|(number, lag)| {
                let topic = "t.revision".into();
                (Partition { topic, number }, lag)
            })
            .into(),
    ));
    progress.count_rows([(2, 30)].into_iter());
    worker.show_read_ahead(Some(ReadAhead {
        records: 11,
        bytes: 1300,
    }));
    worker.show_read_ahead(None);
    progress
}

#[test]
fn every_metric_is_written_once_it_is_known() {
    let text = text(known());
    for metric in ALL {
        let samples = match metric.kind {
            Kind::Histogram => format!("\n{}_count", metric.name),
            _ => format!("\n{}", metric.exposed()),
        };
        assert!(text.contains(&samples), "{samples} in {text}");
    }
    for sample in [
        "journal_host_objects_total 7\n",
        "journal_host_rows_total{output=\"months\"} 2\n",
        "journal_host_row_bytes_total{output=\"months\"} 30\n",
        "journal_host_read_ahead_records 11\n",
        "journal_host_read_ahead_bytes 1300\n",
        "journal_host_lag{topic=\"t.revision\"} 5\n",
        "journal_host_partition_lag{topic=\"t.revision\",partition=\"1\"} 5\n",
        "journal_host_stage_seconds_total{stage=\"poll\"} 0.0\n",
        "journal_host_partitions{worker=\"0\"} 0\n",
        "journal_host_unconfirmed_records 3\n",
        "journal_host_call_seconds_bucket{le=\"+Inf\"} 0\n",
        "name=\"a \\\"quoted\\\"\\nname\"",
    ] {
        assert!(text.contains(sample), "{sample} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_is_not_known_is_left_out() {
    let text = text(Progress::new(1, &[]));
    for metric in [
        &UNCONFIRMED,
        &CHECKPOINT_AGE,
        &ANONYMISED,
        &MASKED,
        &MASK,
        &READ_AHEAD,
    ] {
        assert!(!text.contains(metric.name), "{text}");
    }
}

#[test]
fn documentation_has_every_metric_as_it_is() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/observing.md");
    let document = std::fs::read_to_string(document).unwrap();
    let table = document
        .split_once("| metric | labels | meaning |")
        .unwrap()
        .1;
    let rows = table.lines().skip(2);
    let found: Vec<&str> = rows.take_while(|row| row.starts_with('|')).collect();
    let expected = ALL.map(|metric| {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        format!("| `{}` | {labels} | {} |", metric.exposed(), metric.help).replace("|  |", "| |")
    });
    assert_eq!(found, expected);
}

/// The names of metrics in a text that are the host's or of its process.
fn named(text: &str) -> std::collections::BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("journal_host_") || word.starts_with("process_");
    words.filter(is_metric).collect()
}

#[test]
fn board_and_alerts_name_only_metrics_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring");
    let exposed = ALL.map(Metric::exposed);
    for file in ["alerts.yml", "alerts.test.yml", "grafana.json"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let named = named(&text);
        assert!(named.len() > 3, "{file}");
        for name in named {
            // A histogram is read through its samples.
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(
                exposed.iter().any(|known| known == name),
                "{name} in {file}"
            );
        }
    }
}
