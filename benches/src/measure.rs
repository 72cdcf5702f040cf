//! CPU time, and statistics of several rounds.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Runs `work` and returns the CPU time, user and system, that this thread spent in it.
pub fn thread_cpu_time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = now();
    let result = work();
    (now().saturating_sub(start), result)
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.cast_unsigned(),
        u32::try_from(time.tv_nsec).expect("there are fewer nanoseconds than a second has"),
    )
}

/// CPU time, user and system, of the children that have ended and were waited for, by `getrusage`.
///
/// # Panics
/// When the system does not return it.
#[must_use]
pub fn children_cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system returns it");
    let seconds = |time: TimeVal| {
        Duration::from_secs(time.tv_sec().cast_unsigned())
            + Duration::from_micros(time.tv_usec().cast_unsigned())
    };
    (seconds(usage.user_time()) + seconds(usage.system_time())).as_secs_f64()
}

/// The median, minimum and maximum of the values of several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median: the higher of the two middle values if their number is even.
    pub median: f64,
    /// The minimum.
    pub least: f64,
    /// The maximum.
    pub most: f64,
}

impl Spread {
    /// The spread of these values.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn of(measures: impl IntoIterator<Item = f64>) -> Self {
        let mut measures: Vec<f64> = measures.into_iter().collect();
        measures.sort_by(f64::total_cmp);
        Self {
            median: measures[measures.len() / 2],
            least: measures[0],
            most: measures[measures.len() - 1],
        }
    }
}

/// Writes `MEDIAN (MINIMUM to MAXIMUM)`, with the formatter's precision.
impl Display for Spread {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let digits = formatter.precision().unwrap_or(2);
        let Self {
            median,
            least,
            most,
        } = self;
        write!(
            formatter,
            "{median:.digits$} ({least:.digits$} to {most:.digits$})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn spread_is_the_middle_and_the_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(format!("{spread:.1}"), "2.0 (1.0 to 3.0)");
    }
}
