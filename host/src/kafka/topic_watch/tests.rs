use rdkafka::error::KafkaError;

use super::*;
use crate::journal::topics::{ObjectTypes, Privileged};

const TOPIC: &str = "p.origin";

fn topic(name: &str, object_type: &str) -> Arc<Topic> {
    Arc::new(Topic {
        name: name.to_owned(),
        object_type: object_type.to_owned(),
        privileged: false,
    })
}

fn partition(topic: &str, number: u32) -> Partition {
    Partition {
        topic: topic.into(),
        number,
    }
}

/// A run over two topics, of which each has one partition that ends at 10, if it stops there.
fn watch(stops: bool) -> TopicWatch {
    let subscription = Subscription {
        prefix: "p".into(),
        object_types: ObjectTypes::Any,
        privileged: Privileged::No,
        ignores_missing: false,
        partitions: Vec::new(),
    };
    let topics = [topic(TOPIC, "origin"), topic("p.release", "release")];
    let end = |topic: &Arc<Topic>| (partition(&topic.name, 0), 10);
    let ends = stops.then(|| topics.iter().map(end).collect());
    TopicWatch::new(
        subscription,
        &topics,
        ends,
        Some(Duration::from_secs(2)),
        None,
    )
}

fn described(id: u128, partitions: u32) -> TopicState {
    TopicState {
        name: TOPIC.to_owned(),
        id: Some(TopicId(id)),
        partitions,
        operations: None,
        error: None,
    }
}

fn missing() -> TopicState {
    TopicState {
        name: TOPIC.to_owned(),
        id: None,
        partitions: 0,
        operations: None,
        error: Some(RDKafkaErrorCode::UnknownTopicOrPartition),
    }
}

fn no_ends(_: &TopicState) -> Result<Offsets, KafkaError> {
    panic!("the ends did not change")
}

fn ends_at(end: u64) -> impl Fn(&TopicState) -> Result<Offsets, KafkaError> {
    move |topic| Ok(Offsets::from([(partition(&topic.name, 0), end)]))
}

#[test]
fn identifier_that_becomes_another_one_is_a_change_and_one_that_becomes_known_too() {
    let watch = watch(false);
    watch.update(&[described(1, 1)], no_ends);
    assert_eq!(watch.version(), 1);
    assert_eq!(watch.id(TOPIC), Some(TopicId(1)));
    watch.update(&[described(1, 1)], no_ends);
    assert_eq!(watch.version(), 1);
    watch.update(&[described(2, 1)], no_ends);
    assert_eq!(watch.version(), 2);
    assert_eq!(watch.watched().topics[0].id, Some(TopicId(2)));
}

#[test]
fn topic_that_is_created_again_has_its_new_ends() {
    let watch = watch(true);
    watch.update(&[described(1, 1)], no_ends);
    watch.update(&[described(2, 1)], ends_at(3));
    let ends = watch.watched().new_ends.unwrap();
    assert_eq!(ends[&partition(TOPIC, 0)], 3);
    assert_eq!(ends[&partition("p.release", 0)], 10);
}

#[test]
fn topic_whose_new_ends_are_not_known_is_looked_at_again() {
    let watch = watch(true);
    watch.update(&[described(1, 1)], no_ends);
    watch.update(&[described(2, 1)], |_| Err(KafkaError::Canceled));
    assert_eq!(watch.id(TOPIC), Some(TopicId(1)), "nothing changed yet");
    watch.update(&[described(2, 1)], ends_at(3));
    assert_eq!(watch.id(TOPIC), Some(TopicId(2)));
}

#[test]
fn topic_is_deleted_if_two_looks_in_a_row_miss_it() {
    let watch = watch(true);
    watch.update(&[described(1, 1)], no_ends);
    watch.update(&[missing()], no_ends);
    watch.update(&[described(1, 1)], no_ends);
    watch.update(&[missing()], no_ends);
    assert!(!watch.is_gone(&partition(TOPIC, 0)));
    assert_eq!(watch.watched().new_ends, None);
    watch.update(&[missing()], no_ends);
    assert!(watch.is_gone(&partition(TOPIC, 0)));
    assert_eq!(watch.watched().new_ends.unwrap().len(), 1);
    watch.update(&[described(2, 1)], ends_at(3));
    assert!(!watch.is_gone(&partition(TOPIC, 0)));
    assert_eq!(watch.watched().new_ends.unwrap().len(), 2);
}

#[test]
fn partition_is_gone_if_the_topic_has_fewer() {
    let watch = watch(false);
    assert!(!watch.is_gone(&partition(TOPIC, 7)), "nothing is known yet");
    watch.update(&[described(1, 8)], no_ends);
    assert!(!watch.is_gone(&partition(TOPIC, 7)));
    watch.update(&[described(2, 4)], no_ends);
    assert!(watch.is_gone(&partition(TOPIC, 7)));
    assert!(!watch.is_gone(&partition(TOPIC, 3)));
}

#[test]
fn created_topics_are_added_by_the_rules_of_the_subscription() {
    let watch = watch(false);
    watch.list_names([
        "p.origin",
        "p.release",
        "p_privileged.revision",
        "q.snapshot",
    ]);
    assert_eq!(watch.version(), 0);
    watch.list_names(["p.origin", "p.release", "p.snapshot", "p.skipped"]);
    let names: Vec<_> = watch
        .watched()
        .topics
        .into_iter()
        .map(|own| own.topic.name.clone())
        .collect();
    assert_eq!(names, ["p.origin", "p.release", "p.skipped", "p.snapshot"]);
    assert_eq!(watch.version(), 2);
}

#[test]
fn new_type_that_has_only_a_privileged_topic_is_named_once() {
    let watch = watch(false);
    for _ in 0..2 {
        watch.list_names(["p.origin", "p.release", "p_privileged.revision"]);
    }
    let said: Vec<String> = watch.state().said.iter().cloned().collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("`revision`"), "{said:?}");
    // What was logged at the start is not logged again.
    let before = TopicWatch::new(
        watch.subscription.clone(),
        &[],
        None,
        None,
        said.first().cloned(),
    );
    before.list_names(["p.origin", "p_privileged.revision"]);
    assert_eq!(before.state().said.len(), 1);
}

#[test]
fn run_that_stops_at_the_end_lists_no_topics() {
    assert!(watch(true).schedule().next_list.is_none());
    assert!(watch(false).schedule().next_list.is_some());
}
