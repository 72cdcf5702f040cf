//! A real Apache Kafka: its download, its brokers, and the topics of each test.

mod admin;
mod broker;
mod changes;
mod cluster;
mod distribution;
mod feed;
mod load;
mod members;
mod rows;
mod secured;

pub use admin::{Prefix, TopicPartition};
pub use broker::Broker;
pub(crate) use broker::free_port;
pub use cluster::Cluster;
pub use feed::Feed;
pub use load::{Counts, Journal, Record, Sums};
pub use members::GroupMember;
pub use secured::{Account, KEYSTORE_PASSWORD};
