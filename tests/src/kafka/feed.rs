//! Records that arrive all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::load::Writer;
use super::{Broker, Counts, Journal, Prefix};
use crate::until;

/// The pause between two copies of the journal.
const PAUSE: Duration = Duration::from_millis(50);
const MORE_LIMIT: Duration = Duration::from_mins(1);

/// Writes one copy of a small journal after another until it is stopped.
///
/// A run that waits for more records at the end never ends while there is a feed, and always has something to do. So a
/// test has time for all its steps, however fast the machine is.
#[derive(Debug)]
pub struct Feed {
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    /// The copies that the broker has confirmed.
    copies: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Makes the journal's topics with `partitions` each, and writes to them from now on. The first copy is on the
    /// broker when this returns.
    ///
    /// # Panics
    /// When the broker refuses a topic, or does not confirm the first copy.
    #[must_use]
    pub fn start(broker: &Broker, prefix: &Prefix, journal: Journal, partitions: i32) -> Self {
        broker.create_topics(&journal.topics(prefix), partitions);
        let journal = Arc::new(journal);
        let (stop, copies) = (Arc::default(), Arc::default());
        let thread = {
            let (client, prefix, journal) = (broker.client(), prefix.clone(), Arc::clone(&journal));
            let (stop, copies) = (Arc::clone(&stop), Arc::clone(&copies));
            thread::spawn(move || write(&Writer::new(client, &prefix, &journal), &stop, &copies))
        };
        let feed = Self {
            journal,
            stop,
            copies,
            thread: Some(thread),
        };
        feed.until_more();
        feed
    }

    /// Waits until there is a further copy.
    ///
    /// # Panics
    /// When the broker does not confirm it.
    pub fn until_more(&self) {
        let before = self.copies.load(Ordering::Acquire);
        until("more records", MORE_LIMIT, || {
            (self.copies.load(Ordering::Acquire) > before).then_some(())
        });
    }

    /// Writes no more, and returns the counts of everything that was written.
    ///
    /// # Panics
    /// When the broker does not confirm the last copy.
    #[must_use]
    pub fn stop(mut self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("records are written");
        let copies = self.copies.load(Ordering::Acquire);
        self.journal.counts(false, copies.into())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // The thread of a test that failed ends, too.
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn write(writer: &Writer<'_>, stop: &AtomicBool, copies: &AtomicU32) {
    while !stop.load(Ordering::Relaxed) {
        writer.write(copies.load(Ordering::Relaxed), None);
        writer.flush();
        copies.fetch_add(1, Ordering::Release);
        thread::sleep(PAUSE);
    }
}
