//! A consumer group as its coordinator describes it, and why it cannot be read or changed.

use std::fmt;

use rdkafka::bindings::{
    rd_kafka_AclOperation_t as Operation, rd_kafka_consumer_group_state_t as State,
};
use rdkafka::error::RDKafkaErrorCode;

use super::error::{Error, words};
use super::native::admin::{Description, Member};
use crate::journal::offsets::Partition;
use crate::text::{Quoted, plural};

/// A consumer group as its coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it does.
    pub state: GroupState,
    /// Its members.
    pub members: Vec<GroupMember>,
    /// How the members of a group of the classic protocol divide its partitions, once they agree on it.
    pub assignor: Option<String>,
    /// Whether the account may join the group and commit for it, where the broker says it.
    pub may_be_used: Option<bool>,
}

/// What a consumer group does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// It does not exist: it has neither members nor offsets.
    Missing,
    /// It has no members.
    Empty,
    /// Its members read.
    Stable,
    /// Its partitions are being distributed.
    Rebalancing,
    /// A state that librdkafka does not know.
    Unknown,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The name that the coordinator gave it.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// The host that it connects from.
    pub host: String,
}

/// Why a group's offsets cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The cluster did not answer, or refused.
    #[error(transparent)]
    Kafka(#[from] Error),
    /// A partition has no leader, so that its range is not known.
    #[error("{partition} has no leader")]
    NoLeader {
        /// The partition.
        partition: Partition,
    },
    /// The coordinator refused to commit, because the group has a member.
    #[error("the group {} got a member meanwhile", Quoted(group_id))]
    InUse {
        /// The group.
        group_id: String,
    },
    /// Some partitions were refused.
    #[error(
        "the brokers refused {refused} of {} of the group {}, that of {partition} because of: {}",
        plural(*all, "offset"), Quoted(group_id), words(*code)
    )]
    Refused {
        /// The group.
        group_id: String,
        /// How many were refused.
        refused: usize,
        /// How many were sent.
        all: usize,
        /// The first that was refused.
        partition: Partition,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
}

impl GroupError {
    /// Whether the account lacks the right to commit for a topic.
    #[must_use]
    pub fn is_missing_right(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: RDKafkaErrorCode::TopicAuthorizationFailed,
                ..
            }
        )
    }
}

impl From<Member> for GroupMember {
    fn from(member: Member) -> Self {
        Self {
            member_id: member.name,
            instance_id: member.instance_id,
            client_id: member.client_id,
            host: member.host,
        }
    }
}

impl From<Description> for Group {
    fn from(description: Description) -> Self {
        let operations = description.operations;
        Self {
            state: match description.state {
                State::RD_KAFKA_CONSUMER_GROUP_STATE_DEAD => GroupState::Missing,
                State::RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY => GroupState::Empty,
                State::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE => GroupState::Stable,
                State::RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE
                | State::RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE => {
                    GroupState::Rebalancing
                }
                _ => GroupState::Unknown,
            },
            members: description
                .members
                .into_iter()
                .map(GroupMember::from)
                .collect(),
            assignor: description.assignor,
            may_be_used: operations.map(|operations| {
                operations.contains(&Operation::RD_KAFKA_ACL_OPERATION_READ)
                    || operations.contains(&Operation::RD_KAFKA_ACL_OPERATION_ALL)
            }),
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Stable => "stable",
            Self::Rebalancing => "rebalancing",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for GroupMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Quoted(&self.member_id))?;
        if let Some(instance_id) = &self.instance_id {
            write!(f, ", static member {}", Quoted(instance_id))?;
        }
        let (client_id, host) = (Quoted(&self.client_id), Quoted(&self.host));
        write!(f, ", client {client_id}, host {host}")
    }
}
