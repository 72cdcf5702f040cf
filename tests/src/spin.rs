//! Work that takes as long on every machine.

use std::sync::OnceLock;
use std::time::Duration;

use crate::{Host, paths};

/// So many that they take many ticks of the clock on a fast machine.
const TRIAL_ITERATIONS: u64 = 4_000_000_000;
/// The object type of which the shipped recording has this number of records.
const TRIAL_TYPE: (&str, u64) = ("snapshot", 2);
const LIMIT: Duration = Duration::from_mins(2);

/// An option of `guest-counter`, with which each record takes this CPU time. It is measured once how fast this machine
/// is.
///
/// Prefer a [feed](crate::kafka::Feed), with which a run goes on as long as a test wants.
///
/// # Panics
/// When the host does not run.
#[must_use]
pub fn spin(per_record: Duration) -> String {
    static PER_SECOND: OnceLock<f64> = OnceLock::new();
    let per_second = PER_SECOND.get_or_init(iterations_per_second);
    format!("spin={:.0}", per_second * per_record.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "it is a measure")]
fn iterations_per_second() -> f64 {
    let (object_type, records) = TRIAL_TYPE;
    let mut running = Host::run(&paths::plugin("guest-counter"))
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--object-type", object_type, "--deadline", "1m", "--option"])
        .arg(format!("spin={}", TRIAL_ITERATIONS / records))
        .spawn();
    let mut taken = running.cpu_time();
    running.until("the trial is over", LIMIT, |running| {
        taken = running.cpu_time_so_far().unwrap_or(taken);
        (!running.stdout().is_empty()).then_some(())
    });
    let _ = running.finish(LIMIT).success();
    TRIAL_ITERATIONS as f64 / taken.as_secs_f64()
}
