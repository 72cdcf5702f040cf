//! Runs all workers of a process, each in its own thread.

use std::thread;

use super::failure::WorkerError;
use super::stop::Stop;
use super::worker::Ended;
use crate::observe::progress::Progress;

/// The work of one thread.
pub(crate) type Work = Box<dyn FnOnce() -> Result<Ended, WorkerError> + Send>;

/// The stack of a worker's thread: the guest may use 512 KiB of it, the rest is for the host.
const STACK_BYTES: usize = 4 << 20;

/// Runs each worker in its own thread until all have ended.
///
/// The first failure asks the others to end: they finish their batch, take a checkpoint and commit.
///
/// # Errors
/// The first failure of a worker, or a thread that the system refuses.
pub(crate) fn run_workers(
    workers: Vec<Work>,
    stop: &Stop,
    progress: &Progress,
) -> Result<Ended, WorkerError> {
    let mut threads = Vec::with_capacity(workers.len());
    let mut failure = None;
    for (number, work) in workers.into_iter().enumerate() {
        let to_stop = stop.clone();
        let spawned = thread::Builder::new()
            .name(format!("worker-{number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // A worker that fails or panics asks the others to end as well.
                let on_failure = StopOnDrop(Some(to_stop));
                let result = work();
                if result.is_ok() {
                    on_failure.not_needed();
                }
                result
            });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(source) => {
                stop.request();
                failure = Some(WorkerError::Thread { source });
                break;
            }
        }
    }
    progress.show_until(|| threads.iter().all(thread::JoinHandle::is_finished));
    let mut ended = Ended::EndOfData;
    for thread in threads {
        match thread.join() {
            Ok(Ok(how)) => ended = ended.max(how),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(_) => failure = failure.or(Some(WorkerError::Panicked)),
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(ended),
    }
}

struct StopOnDrop(Option<Stop>);

impl StopOnDrop {
    fn not_needed(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.request();
        }
    }
}
