//! Members of consumer groups that are no journal-host.

use std::fmt;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::Broker;
use crate::until;

/// Time limit for joining a group.
const JOIN_LIMIT: Duration = Duration::from_secs(30);

/// A member of a consumer group that has partitions and reads nothing. It leaves the group when this is dropped.
pub struct GroupMember {
    _consumer: BaseConsumer,
}

impl fmt::Debug for GroupMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupMember").finish_non_exhaustive()
    }
}

impl Broker {
    /// Joins a group with the `classic` protocol or the `consumer` protocol of KIP-848. The client calls itself
    /// `a-member`.
    ///
    /// # Panics
    /// When it gets no partitions.
    #[must_use]
    pub fn join(&self, group: &str, topic: &str, protocol: &str) -> GroupMember {
        self.join_with(group, topic, ("group.protocol", protocol))
    }

    /// Joins a group with the assignor of journal-host.
    ///
    /// # Panics
    /// When it gets no partitions.
    #[must_use]
    pub fn join_cooperatively(&self, group: &str, topic: &str) -> GroupMember {
        let assignor = ("partition.assignment.strategy", "cooperative-sticky");
        self.join_with(group, topic, assignor)
    }

    fn join_with(&self, group: &str, topic: &str, (key, value): (&str, &str)) -> GroupMember {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", group)
            .set("client.id", "a-member")
            .set(key, value)
            .set("enable.auto.commit", "false")
            .create()
            .expect("the settings are right");
        consumer.subscribe(&[topic]).expect("the topic has a name");
        until(format!("a member of `{group}`"), JOIN_LIMIT, || {
            let _event = consumer.poll(Duration::from_millis(10));
            let assigned = consumer.assignment().expect("the client answers");
            (assigned.count() > 0).then_some(())
        });
        GroupMember {
            _consumer: consumer,
        }
    }
}
