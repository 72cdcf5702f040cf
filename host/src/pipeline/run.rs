//! Runs all workers of a process, each in its own thread.

use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::failure::WorkerError;
use super::stop::Stop;
use super::worker::{Ended, Finished};
use crate::observe::progress::Progress;

/// The work of one thread.
pub(crate) type Work = Box<dyn FnOnce() -> Finished + Send>;

/// The stack of a worker's thread: the guest may use 512 KiB of it, the rest is for the host.
const STACK_BYTES: usize = 4 << 20;

/// Runs each worker in its own thread until all have ended.
///
/// `look` is called several times per second meanwhile.
///
/// The first failure asks the others to end: they finish their batch, take a checkpoint and commit. When the time to
/// end is up, workers that have not ended are abandoned, whatever blocks them.
///
/// # Errors
/// The first failure of a worker, a thread that the system refuses, or workers that did not end in time.
pub(crate) fn run_workers(
    workers: Vec<Work>,
    stop: &Stop,
    progress: &Progress,
    look: impl FnMut(),
) -> Result<Ended, WorkerError> {
    stop.begin();
    let (sender, results) = mpsc::channel();
    let mut run = Run::new(results, stop);
    for (number, work) in workers.into_iter().enumerate() {
        let to_stop = stop.clone();
        let sender = sender.clone();
        let spawned = thread::Builder::new()
            .name(format!("worker-{number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // A worker that fails or panics asks the others to end as well.
                let on_failure = StopOnDrop(Some(to_stop));
                let Finished { result, leave } = work();
                if result.is_ok() {
                    on_failure.not_needed();
                }
                // Before it leaves, which may take long. The receiver is there until all threads have ended or are
                // abandoned.
                let _sent = sender.send(result);
                leave();
            });
        match spawned {
            Ok(thread) => run.threads.push(thread),
            Err(source) => {
                stop.request();
                run.failure = Some(WorkerError::Thread { source });
                break;
            }
        }
    }
    drop(sender);
    progress.show_until(|| run.is_over(Instant::now()), look);
    run.end(progress)
}

/// Workers at work, and what those that have ended returned.
struct Run<'a> {
    threads: Vec<JoinHandle<()>>,
    results: Receiver<Result<Ended, WorkerError>>,
    stop: &'a Stop,
    returned: usize,
    ended: Ended,
    failure: Option<WorkerError>,
    /// Since when workers only leave their group.
    leaving_since: Option<Instant>,
}

impl<'a> Run<'a> {
    fn new(results: Receiver<Result<Ended, WorkerError>>, stop: &'a Stop) -> Self {
        Self {
            threads: Vec::new(),
            results,
            stop,
            returned: 0,
            ended: Ended::EndOfData,
            failure: None,
            leaving_since: None,
        }
    }

    fn take_results(&mut self) {
        while let Ok(result) = self.results.try_recv() {
            self.returned += 1;
            match result {
                Ok(ended) => self.ended = self.ended.max(ended),
                Err(error) => {
                    self.failure = Some(match self.failure.take() {
                        None => error,
                        Some(first) => first.with_records_of(&error),
                    });
                }
            }
        }
    }

    /// Whether all workers have ended, or their time is up.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.threads.iter().all(JoinHandle::is_finished) {
            return true;
        }
        self.take_results();
        let limit = self.stop.limit();
        if self.returned == self.threads.len() {
            let since = *self.leaving_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= limit {
                return true;
            }
        }
        self.stop.end().is_some_and(|end| now >= end)
    }

    fn end(mut self, progress: &Progress) -> Result<Ended, WorkerError> {
        let workers = self.threads.len();
        let mut is_abandoned = false;
        let mut has_panicked = false;
        for thread in self.threads.drain(..) {
            if thread.is_finished() {
                has_panicked |= thread.join().is_err();
            } else {
                is_abandoned = true;
            }
        }
        self.take_results();
        if is_abandoned {
            self.stop.abandon();
        }
        if let Some(error) = self.failure {
            return Err(error);
        }
        if has_panicked {
            return Err(WorkerError::Panicked);
        }
        if self.returned < workers {
            return Err(WorkerError::NotEnded {
                seconds: self.stop.limit().as_secs_f64(),
                is_writing: progress.is_writing(),
                records: progress.unconfirmed(),
            });
        }
        if is_abandoned {
            tracing::warn!(
                "leaving the group took too long: it waits for this process until the session times out"
            );
        }
        Ok(self.ended)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;
    use std::time::Duration;

    use super::*;

    /// A worker that is blocked until the answer is dropped, for a test that must not leave a thread behind.
    fn blocked() -> (Sender<()>, Receiver<()>) {
        mpsc::channel()
    }

    fn run(work: Vec<Work>, stop: &Stop) -> Result<Ended, WorkerError> {
        run_workers(work, stop, &Progress::new(0, &[]), || {})
    }

    /// A stop that was requested and whose time is up soon.
    fn requested() -> Stop {
        let stop = Stop::new(Duration::from_millis(50));
        stop.request();
        stop
    }

    #[test]
    fn worker_that_does_not_end_in_time_is_abandoned() {
        let (_end, wait) = blocked();
        let stop = requested();
        let work: Work = Box::new(move || {
            let _dropped = wait.recv();
            Ok(Ended::Stopped).into()
        });
        let error = run(vec![work], &stop).unwrap_err();
        assert_eq!(error.to_string(), "the run did not end within 0.05 s");
        assert!(stop.has_abandoned());
    }

    #[test]
    fn worker_that_has_finished_is_not_waited_for_for_ever_while_it_leaves() {
        for result in [Ok(Ended::EndOfData), Err(WorkerError::OtherPlan)] {
            let (_end, wait) = blocked();
            // Nobody asked it to stop.
            let stop = Stop::new(Duration::from_millis(50));
            let expected = result.is_ok();
            let work: Work = Box::new(move || Finished {
                result,
                leave: Box::new(move || {
                    let _dropped = wait.recv();
                }),
            });
            let ended = run(vec![work], &stop);
            match ended {
                Ok(ended) => assert!(expected && ended == Ended::EndOfData),
                Err(error) => assert!(!expected && matches!(error, WorkerError::OtherPlan)),
            }
            assert!(stop.has_abandoned());
        }
    }

    #[test]
    fn failure_of_one_worker_is_the_error_although_another_does_not_end() {
        let (_end, wait) = blocked();
        let stop = Stop::new(Duration::from_millis(50));
        let blocked: Work = Box::new(move || {
            let _dropped = wait.recv();
            Ok(Ended::Stopped).into()
        });
        let failing: Work = Box::new(|| Err(WorkerError::OtherPlan).into());
        let ended = run(vec![blocked, failing], &stop);
        assert!(matches!(ended, Err(WorkerError::OtherPlan)), "{ended:?}");
        assert!(stop.requested());
    }

    #[test]
    fn workers_that_end_leave_no_thread_behind() {
        let stop = requested();
        let work = |ended| -> Work { Box::new(move || Ok(ended).into()) };
        let ended = run(vec![work(Ended::EndOfData), work(Ended::Stopped)], &stop);
        assert_eq!(ended.unwrap(), Ended::Stopped);
        assert!(!stop.has_abandoned());
        let panics: Work = Box::new(|| panic!("the test wants a panic"));
        let ended = run(vec![panics], &Stop::default());
        assert!(matches!(ended, Err(WorkerError::Panicked)), "{ended:?}");
    }
}
