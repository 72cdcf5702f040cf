//! Lines for the operator's log.

use std::fmt::Arguments;

/// The severity of a line of the log.
///
/// ```
/// use journal_plugin_sdk::log::Level;
///
/// assert!(Level::Error < Level::Debug);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is suspicious.
    Warn,
    /// Something that the operator should know.
    Info,
    /// For the author of the processor.
    Debug,
}

/// Writes one line. The macros call it.
#[doc(hidden)]
pub fn write(level: Level, message: Arguments<'_>) {
    match message.as_str() {
        Some(text) => platform::write(level, text),
        None => platform::write(level, &message.to_string()),
    }
}

#[cfg(target_family = "wasm")]
mod platform {
    use super::Level;
    use crate::guest::bindings::swh::journal::log;

    pub(super) fn write(level: Level, message: &str) {
        let level = match level {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
        };
        log::log(level, message);
    }
}

#[cfg(not(target_family = "wasm"))]
mod platform {
    use std::cell::RefCell;

    use super::Level;

    thread_local! {
        static CAPTURED: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
    }

    pub(super) fn write(level: Level, message: &str) {
        CAPTURED.with_borrow_mut(|captured| match captured {
            Some(lines) => lines.push((level, message.to_owned())),
            None => eprintln!("{level:?}: {message}"),
        });
    }

    pub(crate) fn capture<T>(work: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
        let outer = CAPTURED.replace(Some(Vec::new()));
        let result = work();
        let lines = CAPTURED.replace(outer).unwrap_or_default();
        (result, lines)
    }
}

/// Runs `work`, and returns with its result the lines that this thread logged meanwhile.
#[cfg(not(target_family = "wasm"))]
pub(crate) use platform::capture;

/// Logs an error. The arguments are those of `format!`.
///
/// ```
/// journal_plugin_sdk::error!("{} objects have no type", 3);
/// ```
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Error, ::core::format_args!($($message)+))
    };
}

/// Logs a warning. The arguments are those of `format!`.
///
/// ```
/// journal_plugin_sdk::warn!("the branch {:?} has no target", "main");
/// ```
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($message)+))
    };
}

/// Logs something that the operator should know. The arguments are those of `format!`.
///
/// ```
/// journal_plugin_sdk::info!("rows start in the year {}", 1970);
/// ```
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Info, ::core::format_args!($($message)+))
    };
}

/// Logs something for the author of the processor. The arguments are those of `format!`.
///
/// ```
/// let parents = 3;
/// journal_plugin_sdk::debug!("a merge of {parents}");
/// ```
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($message)+))
    };
}
