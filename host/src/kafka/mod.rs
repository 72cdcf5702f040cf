//! Everything that names rdkafka: clients, requests, and a worker's membership in a consumer group.
//!
//! A worker has one consumer. The queues of its partitions are forwarded to one data queue, which is read in batches.
//! `poll` serves everything else: rebalances, errors and log lines.

mod catalog;
mod clients;
mod cluster;
mod context;
mod coupled;
mod ends;
mod error;
mod group;
mod group_admin;
mod group_protocol;
mod group_store;
mod leave_barrier;
mod membership;
mod memory;
mod native;
mod notes;
mod outage;
mod producer;
mod producer_settings;
mod queries;
mod query_client;
mod read_check;
mod setting_check;
mod setting_files;
mod setting_names;
mod settings;
mod slice;
mod start_report;
mod subscription;
mod topic_admin;
mod topic_watch;
mod transactions;
mod transient_errors;

pub use self::clients::Clients;
pub use self::cluster::Cluster;
pub use self::error::{Error, LikelyCause, Reserved};
pub use self::group::{Group, GroupError, GroupMember, GroupState};
pub use self::group_admin::GroupAdmin;
pub use self::group_protocol::foreign_assignor;
pub use self::group_store::GroupStore;
pub use self::membership::{Member, Membership};
pub use self::memory::FetchRequest;
pub use self::read_check::{ReadRefusal, Unreadable, find_unreadable};
pub use self::settings::{FetchLimits, Settings};

pub(crate) use self::catalog::{Catalog, partitions_of};
pub(crate) use self::coupled::integer;
pub(crate) use self::leave_barrier::BarrierGuard;
pub(crate) use self::membership::Rebalance;
pub(crate) use self::native::{Message, Messages, PartitionEvent, Queue, TopicId};
pub(crate) use self::producer::{Answers, Failure, Header, NewRecord, Producer, Refusal};
pub(crate) use self::queries::Question;
pub(crate) use self::setting_check::{
    Masked, check as check_settings, is_known, is_secret, named_by_variable, nearest_name,
};
pub(crate) use self::slice::SliceReader;
pub(crate) use self::start_report::GroupOffsets;
pub(crate) use self::topic_admin::NewTopics;
pub(crate) use self::topic_watch::{Watched, WatchedTopic};
pub(crate) use self::transactions::{Step, TransactionError, Transactions};
pub(crate) use self::transient_errors::TransientErrors;
