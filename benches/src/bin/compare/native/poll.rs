//! The usual loop of rust-rdkafka: one message per call.

use std::time::Duration;

use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;

use super::{Arguments, Commits, Topics, Work, commit, object_type, settings};
use crate::answer::Answer;

const WAIT: Duration = Duration::from_millis(100);
/// The number of messages between two checks of the clock.
const CLOCK_EVERY: u64 = 1024;

pub(super) fn consume<W: Work>(arguments: &Arguments, mut work: W) -> Answer {
    let consumer = BaseConsumer::from_config(&settings(arguments)).expect("the settings are right");
    let names: Vec<&str> = arguments.topics.iter().map(String::as_str).collect();
    consumer.subscribe(&names).expect("the topics are there");
    let mut commits = Commits::new();
    let mut topics = Topics::new();
    let mut read = 0;
    while read < arguments.records {
        // Without a time-out, a poll of an available message costs less in librdkafka.
        let now = consumer.poll(Duration::ZERO);
        let Some(message) = now.or_else(|| consumer.poll(WAIT)) else {
            commits.if_due(&consumer, &mut work);
            continue;
        };
        let message = message.expect("the broker answers");
        let topic = topics.of(message.topic_ptr(), || {
            work.topic(object_type(message.topic()))
        });
        work.record(topic, message.payload());
        read += 1;
        if read % CLOCK_EVERY == 0 {
            commits.if_due(&consumer, &mut work);
        }
    }
    commit(&consumer, &mut work, CommitMode::Sync);
    work.answer()
}
