//! What systemd, or who speaks its protocol, is told of the run: that it is ready, how far it is, and that it lives.
//!
//! Nothing is sent where the environment names no socket.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::health::Health;

/// The interval between two messages about how far the run is.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// Sends the state of a run.
#[derive(Debug)]
pub(crate) struct Notifier {
    health: Health,
    is_ready: bool,
    is_ending: bool,
    status: Option<Instant>,
    /// The interval at which the supervisor wants to hear that the run lives.
    watchdog: Option<Duration>,
    fed: Option<Instant>,
}

impl Notifier {
    /// A notifier, if the environment names a socket for it.
    #[must_use]
    pub(crate) fn from_environment(health: Health) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        Some(Self {
            health,
            is_ready: false,
            is_ending: false,
            status: None,
            watchdog: sd_notify::watchdog_enabled(),
            fed: None,
        })
    }

    /// Sends what is due. It is called several times per second.
    pub(crate) fn look(&mut self, is_ending: bool) {
        let now = Instant::now();
        let is_due = |last: Option<Instant>, every: Duration| {
            last.is_none_or(|last| now.duration_since(last) >= every)
        };
        let mut due = Vec::new();
        if !self.is_ready && self.health.ready().is_ok() {
            self.is_ready = true;
            due.push(NotifyState::Ready);
        }
        if is_ending && !self.is_ending {
            self.is_ending = true;
            due.push(NotifyState::Stopping);
        }
        // Twice as often as it is expected.
        if let Some(interval) = self.watchdog
            && is_due(self.fed, interval / 2)
            && self.health.live().is_ok()
        {
            self.fed = Some(now);
            due.push(NotifyState::Watchdog);
        }
        let status = self.health.status();
        if is_due(self.status, STATUS_EVERY) {
            self.status = Some(now);
            due.push(NotifyState::Status(&status));
        }
        send(&due);
    }
}

fn send(states: &[NotifyState<'_>]) {
    if states.is_empty() {
        return;
    }
    // A supervisor that does not listen ends no run.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the supervisor cannot be notified: {error}");
    }
}
