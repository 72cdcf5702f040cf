//! The thread that talks to a server for one worker, so that the worker stays in its group whatever the server does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::session::{Access, Failure, Session};
use super::{PostgresError, Refusal};

/// How long the end of a worker waits for its connection to be closed.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Something to do on the connection.
type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// The thread, which ends with this.
pub(super) struct Link {
    /// None at the end.
    jobs: Option<Sender<Job>>,
    ended: Mutex<Receiver<()>>,
    pub(super) access: Arc<Access>,
}

impl Link {
    /// Starts the thread. It connects with its first job, and runs `begins` on each connection.
    pub(super) fn start(access: &Arc<Access>, begins: Vec<String>) -> Result<Self, PostgresError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (end, ended) = mpsc::channel();
        let mut session = Session::new(Arc::clone(access), begins);
        let work = move || {
            for job in queue {
                job(&mut session);
            }
            // This closes the connection, so that the server does not wait for the process.
            drop(session);
            let _ = end.send(());
        };
        let started = thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(work);
        started.map_err(|source| PostgresError::Thread {
            database: access.name.clone(),
            source,
        })?;
        Ok(Self {
            jobs: Some(jobs),
            ended: Mutex::new(ended),
            access: Arc::clone(access),
        })
    }

    /// Begins something that ends with a result.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session, &dyn Fn() -> bool) -> Result<T, Failure> + Send + 'static,
    ) -> Asked<T> {
        let (send, result) = mpsc::channel();
        let is_wanted = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&is_wanted);
        let job: Job = Box::new(move |session| {
            let done = job(session, &|| wanted.load(Ordering::Relaxed));
            let _ = send.send(done);
        });
        if let Some(jobs) = &self.jobs {
            // Where the thread has ended, so has the channel of the result.
            let _ = jobs.send(job);
        }
        Asked { result, is_wanted }
    }

    /// The error of a job that went wrong.
    pub(super) fn error(&self, failure: Failure, action: &'static str) -> PostgresError {
        match failure {
            Failure::Database(error) => self.access.cannot(action, &error),
            Failure::Refused(error) => error,
            Failure::Lost(kind) => self.access.refused(action, Refusal::lost(kind)),
            Failure::Abandoned => PostgresError::Ended {
                database: self.access.name.clone(),
            },
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.jobs = None;
        if let Ok(ended) = self.ended.lock() {
            let _ = ended.recv_timeout(CLOSE_WAIT);
        }
    }
}

/// A result that comes.
#[derive(Debug)]
pub(super) struct Asked<T> {
    result: Receiver<Result<T, Failure>>,
    is_wanted: Arc<AtomicBool>,
}

impl<T> Asked<T> {
    /// The result, if it comes within this time.
    pub(super) fn wait(&self, time: Duration) -> Option<Result<T, Failure>> {
        match self.result.recv_timeout(time) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Failure::Abandoned)),
        }
    }
}

/// Whoever does not wait any more does not want it tried again.
impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}
