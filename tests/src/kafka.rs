//! A real Apache Kafka, from Maven Central to the topics of one test.

mod admin;
mod broker;
mod distribution;
mod load;
mod secured;

pub use admin::{Prefix, TopicPartition};
pub use broker::Broker;
pub use load::{Counts, Journal, Record, Sums};
pub use secured::Account;
