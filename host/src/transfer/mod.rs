//! Copies records between a cluster and a recording: `produce` writes a recording to topics, `record` writes a part of a
//! journal, or of another source, to a recording, and `show` prints some of its records. Values are passed on as they are, and nothing is committed.

mod error;
mod left_out;
mod local;
mod output;
mod passed;
mod produce;
mod ranges;
mod record;
mod show;
mod survey;
mod targets;

use std::thread;
use std::time::Instant;

use crate::observe::progress::{Progress, WorkerProgress};
use crate::text::plural;

pub(crate) use self::error::{Error, Incomplete, Interruption};
pub(crate) use self::local::record_local;
pub(crate) use self::produce::{Input, ProduceOptions, produce};
pub(crate) use self::ranges::{Bound, PartitionChoice};
pub(crate) use self::record::{Part, record};
pub(crate) use self::show::{ObjectId, Wanted, show, show_local};

/// Does `work` in a thread of its own while a line shows its progress.
fn with_progress<T: Send>(
    title: &str,
    work: impl FnOnce(&WorkerProgress) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let progress = Progress::new(1, &[]).titled(format!("{title}: "));
    let counters = progress.worker(0);
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name(title.to_owned())
            .spawn_scoped(scope, || work(&counters))
            .map_err(Error::Thread)?;
        progress.show_until(|| thread.is_finished(), || {});
        thread.join().unwrap_or(Err(Error::Panicked))
    })
}

/// Records, bytes and the rate, for the last line of a command.
fn figures(records: u64, bytes: u64, started: Instant) -> String {
    let elapsed = started.elapsed();
    let rate = u128::from(records) * 1000 / elapsed.as_millis().max(1);
    format!(
        "{}, {} in {:.1} s: {}/s",
        plural(records, "record"),
        indicatif::HumanBytes(bytes),
        elapsed.as_secs_f64(),
        plural(rate, "record")
    )
}
