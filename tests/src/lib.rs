//! What the end-to-end tests stand on: a real Apache Kafka broker, the host as a process, and
//! counts from other hands to compare with.
//!
//! Everything here panics with a sentence when it cannot do its work: a test that lacks its broker
//! fails, it is never skipped. Whatever a test starts or writes lives in the run's process group and
//! its one temporary folder (see [`run`]), and both are gone when the test process is, however it ends.

pub mod cache;
pub mod cases;
pub mod faults;
pub mod fuzz;
pub mod host;
pub mod kafka;
pub mod oracle;
pub mod paths;
pub mod run;
pub mod seed;
pub mod wait;

pub use host::{Finished, Host, Running};
pub use kafka::{Broker, Prefix};
pub use wait::until;
