//! What the programs that measure have in common: CPU time, and what several rounds of it say.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Runs `work` and answers with the CPU time, user and system, that this thread spent in it.
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

/// What `/proc` counts CPU time in on Linux, whatever the kernel's own tick.
const TICKS_A_SECOND: f64 = 100.0;

/// CPU time of the children that have ended and were waited for.
///
/// # Panics
/// Where there is no Linux to ask.
#[must_use]
pub fn children_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    // The name in parentheses may hold anything; `cutime` and `cstime` are fields 16 and 17.
    let behind_name = stat.rsplit_once(')').expect("the name ends").1;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("a number");
    (ticks(16) + ticks(17)) / TICKS_A_SECOND
}

/// The middle and the ends of what several rounds measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle, the higher one where there are two.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of these measures.
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

/// Writes `MEDIAN (LEAST to MOST)`, with as many digits as the formatter says.
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
