//! A real Apache Kafka: its download, its brokers, and the topics of each test.

mod admin;
mod broker;
mod changes;
mod distribution;
mod load;
mod secured;

pub use admin::{Prefix, TopicPartition};
pub use broker::Broker;
pub use load::{Counts, Journal, Record, Sums};
pub use secured::Account;
