use super::*;

const PREFIX: &str = "swh.journal.objects";
const REVISION: &str = "swh.journal.objects.revision";
const PRIVILEGED_REVISION: &str = "swh.journal.objects_privileged.revision";
const CONTENT: &str = "swh.journal.objects.content";

fn any() -> Subscription {
    Subscription {
        prefix: PREFIX.to_owned(),
        object_types: ObjectTypes::Any,
        privileged: Privileged::No,
        ignores_missing: false,
        partitions: Vec::new(),
    }
}

fn named(names: &[&str]) -> Subscription {
    Subscription {
        object_types: ObjectTypes::Named(names.iter().map(|&name| name.to_owned()).collect()),
        ..any()
    }
}

fn privileged(subscription: Subscription) -> Subscription {
    Subscription {
        privileged: Privileged::Required,
        ..subscription
    }
}

fn if_available(subscription: Subscription) -> Subscription {
    Subscription {
        privileged: Privileged::IfAvailable,
        ..subscription
    }
}

fn ignoring(subscription: Subscription) -> Subscription {
    Subscription {
        ignores_missing: true,
        ..subscription
    }
}

/// What an operator reads about the topics that are chosen.
#[track_caller]
fn warnings(subscription: &Subscription, topics: &[&str]) -> Vec<String> {
    let chosen = subscription.choose(topics.iter().copied()).unwrap();
    let chosen: Vec<_> = chosen.into_iter().map(Arc::new).collect();
    subscription.warnings(&chosen)
}

fn with_prefix(prefix: &str) -> Subscription {
    Subscription {
        prefix: prefix.to_owned(),
        ..any()
    }
}

#[track_caller]
fn names(subscription: &Subscription, topics: &[&str]) -> Vec<String> {
    let chosen = subscription.choose(topics.iter().copied());
    chosen
        .unwrap()
        .into_iter()
        .map(|topic| topic.name)
        .collect()
}

#[track_caller]
fn refusal(subscription: &Subscription, topics: &[&str]) -> TopicError {
    subscription.choose(topics.iter().copied()).unwrap_err()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn public_topics_are_read_in_the_order_of_their_object_types() {
    let topics = [REVISION, PRIVILEGED_REVISION, CONTENT];
    assert_eq!(names(&any(), &topics), [CONTENT, REVISION]);
    assert_eq!(names(&named(&["revision"]), &topics), [REVISION]);
    assert_eq!(
        names(&named(&["revision", "content"]), &topics),
        [CONTENT, REVISION]
    );
}

#[test]
fn types_that_have_only_a_privileged_topic_are_named_where_all_types_are_read() {
    let topics = [PRIVILEGED_REVISION, CONTENT];
    assert_eq!(names(&any(), &topics), [CONTENT]);
    let text = any().left_out(topics).unwrap();
    assert!(text.ends_with("not asked for: `revision`"), "{text}");
    assert!(text.contains("left out"), "{text}");
    for (subscription, topics) in [
        (any(), &[REVISION, PRIVILEGED_REVISION, CONTENT][..]),
        (named(&["content"]), &topics),
        (privileged(any()), &topics),
        (if_available(any()), &topics),
        (with_prefix("another.prefix"), &topics),
    ] {
        let found = subscription.left_out(topics.iter().copied());
        assert_eq!(found, None, "{subscription:?}");
    }
}

#[test]
fn topic_has_its_object_type_and_its_right() {
    let topics = [PRIVILEGED_REVISION, CONTENT];
    let chosen = privileged(any()).choose(topics).unwrap();
    let described: Vec<_> = chosen
        .iter()
        .map(|topic| (topic.object_type.as_str(), topic.privileged))
        .collect();
    assert_eq!(described, [("content", false), ("revision", true)]);
}

#[test]
fn privileged_topics_are_preferred_where_they_are_asked_for() {
    let topics = [REVISION, PRIVILEGED_REVISION, CONTENT];
    assert_eq!(
        names(&privileged(any()), &topics),
        [CONTENT, PRIVILEGED_REVISION]
    );
    assert_eq!(
        names(&privileged(named(&["revision"])), &topics),
        [PRIVILEGED_REVISION]
    );
    assert_eq!(
        names(&privileged(any()), &[PRIVILEGED_REVISION]),
        [PRIVILEGED_REVISION]
    );
}

#[test]
fn anonymised_topic_is_refused_where_privileged_ones_are_required() {
    const RELEASE: &str = "swh.journal.objects.release";
    let missing = |names: &[&str]| TopicError::Anonymised {
        topics: set(names),
        is_denied: false,
    };
    let one = refusal(&privileged(any()), &[REVISION, CONTENT]);
    assert_eq!(one, missing(&[PRIVILEGED_REVISION]));
    assert_eq!(
        one.to_string(),
        "has no topic `swh.journal.objects_privileged.revision`, and the public topics of these object types are \
         anonymised"
    );
    let both = refusal(&privileged(any()), &[REVISION, RELEASE]);
    let privileged_release = "swh.journal.objects_privileged.release";
    assert_eq!(both, missing(&[privileged_release, PRIVILEGED_REVISION]));
    // One of two is as wrong as both.
    let topics = [REVISION, PRIVILEGED_REVISION, RELEASE];
    assert_eq!(
        refusal(&privileged(any()), &topics),
        missing(&[privileged_release])
    );
    // Types that are never anonymised have no privileged topic.
    assert_eq!(
        names(&privileged(named(&["content"])), &[REVISION, CONTENT]),
        [CONTENT]
    );
    assert_eq!(
        warnings(&privileged(any()), &[CONTENT, PRIVILEGED_REVISION]),
        [""; 0]
    );
}

#[test]
fn anonymised_topics_are_counted_where_privileged_ones_are_only_preferred() {
    let topics = [REVISION, CONTENT];
    assert_eq!(names(&if_available(any()), &topics), [CONTENT, REVISION]);
    assert_eq!(
        warnings(&if_available(any()), &topics),
        [
            "1 of 2 topics anonymised, because this account sees no privileged topic instead: \
             `swh.journal.objects.revision`"
        ]
    );
    let with_privileged = [REVISION, PRIVILEGED_REVISION, CONTENT];
    assert_eq!(
        names(&if_available(any()), &with_privileged),
        [CONTENT, PRIVILEGED_REVISION]
    );
    assert_eq!(warnings(&if_available(any()), &with_privileged), [""; 0]);
    assert_eq!(warnings(&any(), &topics), [""; 0]);
}

#[test]
fn partitions_restrict_the_topics_and_their_topics_have_to_be_read() {
    let of = |subscription: Subscription, topics: &[&str]| Subscription {
        partitions: topics
            .iter()
            .map(|&topic| Partition {
                topic: topic.into(),
                number: 1,
            })
            .collect(),
        ..subscription
    };
    let topics = [REVISION, PRIVILEGED_REVISION, CONTENT];
    assert_eq!(
        names(&of(any(), &[REVISION, REVISION]), &topics),
        [REVISION]
    );
    // Other types of the plan may lack a topic.
    let plan = named(&["content", "origin"]);
    assert_eq!(names(&of(plan.clone(), &[CONTENT]), &topics), [CONTENT]);
    let other = |topic: &str| TopicError::OtherTopic {
        topic: topic.to_owned(),
    };
    for (subscription, topic) in [
        (plan, REVISION),
        (any(), PRIVILEGED_REVISION),
        (privileged(any()), REVISION),
        (any(), "revision"),
        (any(), "other.revision"),
    ] {
        assert_eq!(refusal(&of(subscription, &[topic]), &topics), other(topic));
    }
    assert_eq!(
        names(&of(privileged(any()), &[PRIVILEGED_REVISION]), &topics),
        [PRIVILEGED_REVISION]
    );
    assert!(matches!(
        refusal(&of(any(), &["swh.journal.objects.origin"]), &topics),
        TopicError::NoTopic { .. }
    ));
}

#[test]
fn object_types_without_a_topic_are_left_out_and_named_where_that_is_wanted() {
    let plan = named(&["content", "origin", "snapshot"]);
    assert!(matches!(
        refusal(&plan, &[CONTENT, REVISION]),
        TopicError::NoTopic { object_type, .. } if object_type == "origin"
    ));
    assert_eq!(
        names(&ignoring(plan.clone()), &[CONTENT, REVISION]),
        [CONTENT]
    );
    assert_eq!(
        warnings(&ignoring(plan.clone()), &[CONTENT, REVISION]),
        ["object types that have no topic are left out: `origin`, `snapshot`"]
    );
    // Nothing at all is no run.
    assert!(matches!(
        refusal(&ignoring(plan), &[REVISION]),
        TopicError::NoTopic { .. }
    ));
    // A topic that may not be read is not missing.
    assert!(matches!(
        refusal(
            &ignoring(named(&["content", "revision"])),
            &[CONTENT, PRIVILEGED_REVISION]
        ),
        TopicError::OnlyPrivileged { .. }
    ));
}

#[test]
fn only_privileged_topics_are_one_error_whatever_the_plan_asks_for() {
    let expected = TopicError::OnlyPrivileged {
        prefix: PREFIX.to_owned(),
        object_types: set(&["revision"]),
    };
    for subscription in [any(), named(&["revision"]), named(&["content", "revision"])] {
        assert_eq!(refusal(&subscription, &[PRIVILEGED_REVISION]), expected);
    }
    assert_eq!(
        expected.to_string(),
        "has only privileged topics with the prefix `swh.journal.objects` for: `revision`"
    );
}

#[test]
fn object_type_that_only_a_privileged_topic_has_is_the_same_error_beside_public_topics() {
    let topics = [PRIVILEGED_REVISION, CONTENT];
    assert_eq!(
        refusal(&named(&["revision"]), &topics),
        TopicError::OnlyPrivileged {
            prefix: PREFIX.to_owned(),
            object_types: set(&["revision"]),
        }
    );
    // A plan for any object type gets the public topics.
    assert_eq!(names(&any(), &topics), [CONTENT]);
    assert_eq!(names(&named(&["content"]), &topics), [CONTENT]);
}

#[test]
fn missing_object_type_is_named_with_those_that_can_be_read() {
    let topics = [REVISION, CONTENT, "swh.journal.objects_privileged.release"];
    let missing = |known: &[&str]| TopicError::NoTopic {
        object_type: "origin".to_owned(),
        prefix: PREFIX.to_owned(),
        known: set(known),
    };
    let plan = named(&["content", "origin"]);
    let error = refusal(&plan, &topics);
    assert_eq!(error, missing(&["content", "revision"]));
    assert_eq!(
        error.to_string(),
        "has no topic for the object type `origin` with the prefix `swh.journal.objects`; the object \
         types there are: `content`, `revision`"
    );
    assert_eq!(
        refusal(&privileged(plan), &topics),
        missing(&["content", "release", "revision"])
    );
    assert_eq!(
        refusal(&privileged(named(&["origin"])), &[PRIVILEGED_REVISION]),
        missing(&["revision"])
    );
}

#[test]
fn prefix_without_topics_names_the_prefixes_there_are() {
    let topics = [
        REVISION,
        PRIVILEGED_REVISION,
        "other.origin",
        "__consumer.offsets",
        "nodot",
    ];
    for prefix in [
        "swh.journal",
        "swh.journal.objects_privileged",
        "swh.journal.object",
        "",
    ] {
        for subscription in [with_prefix(prefix), privileged(with_prefix(prefix))] {
            assert_eq!(
                refusal(&subscription, &topics),
                TopicError::NoTopics {
                    prefix: prefix.to_owned(),
                    others: set(&["other", PREFIX]),
                }
            );
        }
    }
    let none = refusal(&with_prefix("a\n"), &[]).to_string();
    assert_eq!(
        none,
        "has no topic with the prefix `a\\n`; the prefixes there are: none"
    );
}

#[test]
fn topics_of_a_longer_prefix_and_without_an_object_type_are_ignored() {
    let topics = [
        "swh.journal.objects.more.revision",
        "swh.journal.objects.",
        "swh.journal.objects_privileged.",
        "swh.journal.objects",
        CONTENT,
    ];
    assert_eq!(names(&any(), &topics), [CONTENT]);
}

#[test]
fn names_that_kafka_does_not_allow_are_neither_read_nor_shown() {
    let long = format!("{PREFIX}.{}", "a".repeat(250));
    let topics = [
        "swh.journal.objects.revision\n",
        "swh.journal.objects.\u{202e}",
        "other\u{1b}.origin",
        &long,
    ];
    assert_eq!(
        refusal(&any(), &topics),
        TopicError::NoTopics {
            prefix: PREFIX.to_owned(),
            others: set(&[]),
        }
    );
}

#[test]
fn object_types_without_topics_are_chosen_by_their_names() {
    let types = ["origin", "content", "origin"];
    let chosen = |subscription: &Subscription| {
        let topics = subscription.choose_object_types(types).unwrap();
        topics
            .into_iter()
            .map(|topic| topic.name)
            .collect::<Vec<_>>()
    };
    let origin = "swh.journal.objects.origin";
    assert_eq!(chosen(&any()), [CONTENT, origin]);
    assert_eq!(chosen(&privileged(named(&["origin"]))), [origin]);
    let anonymised = privileged(any()).choose_object_types(["origin", "release"]);
    assert!(matches!(anonymised, Err(TopicError::Anonymised { .. })));
    // They have no prefix, so none is privileged.
    assert_eq!(
        chosen(&with_prefix("a_privileged")),
        ["a_privileged.content", "a_privileged.origin"]
    );
    let missing = named(&["release"]).choose_object_types(types);
    assert!(matches!(missing, Err(TopicError::NoTopic { .. })));
    let none = any().choose_object_types([]);
    assert!(matches!(none, Err(TopicError::NoTopics { .. })));
}

#[test]
fn privileged_topic_stays_privileged_under_another_prefix() {
    for (name, renamed) in [
        ("a.b.origin", "x.origin"),
        ("a.b_privileged.release", "x_privileged.release"),
        ("origin", "x.origin"),
    ] {
        assert_eq!(super::renamed(name, "x"), renamed);
    }
}
