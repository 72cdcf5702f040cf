//! What a guest writes to the operator's log.

use std::sync::{Arc, Mutex};

use super::guest::{Guest, LIMITS};
use crate::sandbox::plugin_log::CALL_LINES;

/// Counts events with the target `plugin`, and keeps their messages.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(tracing::Level, String)>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        if event.metadata().target() == "plugin" {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0
                .lock()
                .unwrap()
                .push((*event.metadata().level(), message.0));
        }
    }
}

fn logged(calls: usize, process: &'static str) -> Vec<(tracing::Level, String)> {
    let guest = Guest {
        process,
        ..Guest::default()
    };
    logged_by(&guest, calls)
}

/// What a guest logs in so many calls of `process`.
pub(super) fn logged_by(guest: &Guest, calls: usize) -> Vec<(tracing::Level, String)> {
    use tracing_subscriber::layer::SubscriberExt;
    let (mut processor, _) = guest.started(LIMITS);
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..calls {
            processor.process(&[]).unwrap();
        }
        drop(processor);
    });
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[test]
fn log_lines_reach_the_log_at_their_level_and_without_control_characters() {
    let lines = logged(
        1,
        "(i32.store8 (i32.const 80) (i32.const 27))
         (call $log (i32.const 1) (i32.const 80) (i32.const 1))
         (call $log (i32.const 3) (i32.const 32768) (i32.const 4))",
    );
    let expected = [
        (tracing::Level::WARN, r"`guest`: \u{1b}".to_owned()),
        (tracing::Level::DEBUG, "`guest`: {\"ob".to_owned()),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn long_log_lines_are_cut() {
    let lines = logged(
        1,
        "(call $log (i32.const 2) (i32.const 66000) (i32.const 60000))",
    );
    assert_eq!(lines.len(), 1);
    // Each zero byte is shown as `\u{0}`, and the cut as one character.
    let shown = lines[0].1.strip_prefix("`guest`: ").unwrap();
    assert_eq!(shown.chars().count(), 4096 / 5 * 5 + 1);
}

/// 1234 lines a call.
const FLOOD: &str = "(local $i i32)
    (loop $again
      (call $log (i32.const 2) (i32.const 32768) (i32.const 4))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 1234))))";

#[test]
fn a_flood_of_log_lines_is_dropped_and_that_is_said_once() {
    let lines = logged(1, FLOOD);
    assert_eq!(lines.len(), CALL_LINES as usize + 1);
    let last = &lines[CALL_LINES as usize].1;
    assert_eq!(
        last,
        "`guest`: dropped 234 log lines: one call may write 1000, and all calls 100 a second"
    );
}

#[test]
fn a_flood_over_many_calls_is_dropped_as_well() {
    let begin = std::time::Instant::now();
    let lines = logged(20, FLOOD);
    let seconds = usize::try_from(begin.elapsed().as_secs()).unwrap() + 1;
    let (reports, written): (Vec<_>, Vec<_>) = lines
        .iter()
        .partition(|(_, line)| line.contains(": dropped "));
    assert!(written.len() <= 1000 + 100 * seconds, "{}", written.len());
    // One report at the end of the first call, then one each second, and one at the end.
    assert!((2..=2 + seconds).contains(&reports.len()), "{reports:?}");
    let number = |line: &str| {
        line.split(' ')
            .nth(2)
            .and_then(|word| word.parse::<usize>().ok())
    };
    let dropped: usize = reports.iter().filter_map(|(_, line)| number(line)).sum();
    assert_eq!(written.len() + dropped, 20 * 1234);
}
