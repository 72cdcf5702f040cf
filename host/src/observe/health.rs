//! Whether a run is alive and ready, as supervisors ask.

use std::sync::Arc;
use std::time::Duration;

use super::progress::Progress;

/// The time that a loop may be still in addition to the longest call.
const GRACE: Duration = Duration::from_mins(1);

/// The health of a run.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    progress: Arc<Progress>,
    /// How long the loop of a worker may be still.
    still_at_most: Duration,
}

impl Health {
    /// The health of a run whose calls take at most `longest_call`.
    #[must_use]
    pub(crate) fn new(progress: Arc<Progress>, longest_call: Duration) -> Self {
        Self {
            progress,
            still_at_most: longest_call + GRACE,
        }
    }

    /// Whether the loops of all workers turn.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub(super) fn live(&self) -> Result<(), String> {
        let still = self.progress.still_for();
        if still <= self.still_at_most {
            return Ok(());
        }
        Err(format!(
            "the loop of a worker has not turned for {} s",
            still.as_secs()
        ))
    }

    /// Whether all workers have a broker, know which partitions are theirs, if any, and turn.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub(super) fn ready(&self) -> Result<(), String> {
        self.live()?;
        if let Some(time) = self.progress.without_brokers_for() {
            return Err(format!(
                "no broker has been connected for {} s",
                time.as_secs()
            ));
        }
        let waiting = self.progress.assigned().filter(Option::is_none).count();
        if waiting == 0 {
            return Ok(());
        }
        let workers = self.progress.assigned().count();
        Err(format!(
            "{waiting} of {workers} workers do not know their partitions yet"
        ))
    }

    /// How far the run is, in one line.
    pub(super) fn status(&self) -> String {
        self.progress.status()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_run_is_ready_once_every_worker_knows_its_partitions_even_if_there_are_none() {
        let progress = Arc::new(Progress::new(2, &[]));
        let health = Health::new(Arc::clone(&progress), Duration::ZERO);
        assert_eq!(health.live(), Ok(()));
        let error = health.ready().unwrap_err();
        assert_eq!(error, "2 of 2 workers do not know their partitions yet");
        progress.worker(0).show_assigned(3);
        assert!(health.ready().is_err());
        progress.worker(1).show_assigned(0);
        assert_eq!(health.ready(), Ok(()));
        progress
            .worker(0)
            .show_without_brokers(Some(Instant::now()));
        let error = health.ready().unwrap_err();
        assert_eq!(error, "no broker has been connected for 0 s");
        // Another process could not reach them either.
        assert_eq!(health.live(), Ok(()));
        progress.worker(0).show_without_brokers(None);
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn a_loop_that_does_not_turn_is_not_alive() {
        let progress = Arc::new(Progress::new(1, &[]));
        progress.worker(0).show_turn();
        let health = Health {
            progress: Arc::clone(&progress),
            still_at_most: Duration::ZERO,
        };
        std::thread::sleep(Duration::from_millis(2));
        assert!(health.live().is_err());
        assert!(health.ready().is_err());
        // It has ended.
        progress.worker(0).show_ended();
        assert_eq!(health.live(), Ok(()));
    }
}
