//! Support for the end-to-end tests: a real Apache Kafka broker, the host as a process, and independent counts to
//! compare with.
//!
//! Every function here panics with a message when it cannot do its work: a test without its broker fails and is never
//! skipped. Every process that a test starts is in the run's process group, and every file that it writes is in the
//! run's temporary folder (see [`run`]). Both are removed when the test process ends, however it ends.

pub mod browser;
pub mod cache;
pub mod cases;
pub mod faults;
pub mod fuzz;
pub mod fuzzing;
pub mod guest;
pub mod host;
pub mod kafka;
pub mod oracle;
pub mod paths;
pub mod postgres;
pub mod probe;
pub mod run;
pub mod seed;
pub mod spin;
pub mod wait;

pub use host::{Finished, Host, Running};
pub use kafka::{Broker, Prefix};
pub use spin::spin;
pub use wait::until;
