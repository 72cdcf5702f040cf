//! The object types and the topics that a run reads.

use super::{BuildError, privileged};
use crate::config::{self, Config, Local, MissingTopics, Phases, Source};
use crate::journal::offsets::Partition;
use crate::journal::plan::{Persons, Plan};
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::text;

/// The object types that a run reads.
///
/// # Errors
/// When the configuration names one that the plugin does not read, or the plugin needs names that it would not get.
pub(crate) fn read_types(config: &Config, plan: &Plan) -> Result<ObjectTypes, BuildError> {
    let read = in_stages(config, object_types(config, plan)?)?;
    check_names(config, plan, &read)?;
    Ok(read)
}

/// The object types of the plan, narrowed by those of the configuration.
///
/// # Errors
/// When the configuration names one that the plugin does not read.
pub(crate) fn object_types(config: &Config, plan: &Plan) -> Result<ObjectTypes, BuildError> {
    let wanted = &config.objects.types;
    if wanted.is_empty() {
        return Ok(plan.object_types.clone());
    }
    let mut named = wanted.clone();
    if let ObjectTypes::Named(offered) = &plan.object_types {
        let (read, other): (Vec<_>, Vec<_>) = named
            .into_iter()
            .partition(|wanted| offered.contains(wanted));
        let is_enough = config.objects.types_are_offered && !read.is_empty();
        if let Some(object_type) = other.first().filter(|_| !is_enough) {
            return Err(BuildError::ObjectType {
                object_type: object_type.clone(),
                offered: offered.clone(),
            });
        }
        if !other.is_empty() {
            let other = text::list(&other);
            tracing::info!("the plugin does not read these of the given object types: {other}");
        }
        named = read;
    }
    named.sort_unstable();
    named.dedup();
    Ok(ObjectTypes::Named(named))
}

/// Refuses a run that would have no names of persons, if the plugin needs some.
///
/// # Errors
/// When names are removed, or public topics are read, which are anonymised.
fn check_names(config: &Config, plan: &Plan, read: &ObjectTypes) -> Result<(), BuildError> {
    if plan.persons != Persons::Required || !read.may_have_persons() {
        return Ok(());
    }
    if config.privacy.anonymise.is_some() {
        return Err(BuildError::NeedsNames { anonymised: true });
    }
    if config.objects.privileged != config::Privileged::Required {
        return Err(BuildError::NeedsNames { anonymised: false });
    }
    Ok(())
}

/// The object types that are read where the configuration lists stages: those of all stages.
///
/// # Errors
/// When a stage has one that the run does not read.
fn in_stages(config: &Config, read: ObjectTypes) -> Result<ObjectTypes, BuildError> {
    let Some(Phases::Given(stages)) = &config.phases else {
        return Ok(read);
    };
    let mut listed: Vec<String> = stages.iter().flatten().cloned().collect();
    if let ObjectTypes::Named(offered) = &read {
        if let Some(other) = listed.iter().find(|one| !offered.contains(one)) {
            return Err(BuildError::StagedType {
                object_type: other.clone(),
                offered: offered.clone(),
            });
        }
        let left_out: Vec<_> = offered.iter().filter(|one| !listed.contains(one)).collect();
        if !left_out.is_empty() {
            let names = text::list(&left_out);
            tracing::warn!("object types that are in no stage are not read: {names}");
        }
    }
    listed.sort_unstable();
    Ok(ObjectTypes::Named(listed))
}

/// The topics that a run reads for these object types.
pub(crate) fn run_subscription(config: &Config, object_types: ObjectTypes) -> Subscription {
    Subscription {
        ignores_missing: ignores_missing(config),
        ..subscription(&config.objects, object_types)
    }
}

/// Whether an object type without a topic is left out. A repository or a dataset never has some of the journal's types: without
/// a word of the operator, a plugin that also reads those reads the others.
pub(crate) fn ignores_missing(config: &Config) -> bool {
    if let Some(asked) = config.objects.missing_topics {
        return asked == MissingTopics::Ignore;
    }
    let objects = &config.objects;
    let is_named = !objects.types.is_empty() && !objects.types_are_offered;
    let is_staged = matches!(config.phases, Some(Phases::Given(_)));
    let lacks_types = matches!(
        config.source,
        Source::Local(Local::Git(_) | Local::Dataset(_))
    );
    lacks_types && !is_named && !is_staged
}

/// The topics that a command reads for these object types.
pub(crate) fn subscription(objects: &config::Objects, object_types: ObjectTypes) -> Subscription {
    Subscription {
        prefix: objects.prefix.clone(),
        object_types,
        privileged: privileged(objects.privileged),
        ignores_missing: objects.missing_topics == Some(MissingTopics::Ignore),
        partitions: Vec::new(),
    }
}

/// The partitions that are read without a group.
pub(crate) fn given_partitions(kafka: &config::Kafka) -> Vec<Partition> {
    let partition = |given: &config::TopicPartition| Partition {
        topic: given.topic.as_str().into(),
        number: given.number,
    };
    kafka.partitions.iter().map(partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    fn ignores(source: &str, journal: &str) -> bool {
        let text =
            format!(r#"{{"processor": {{"plugin": "p"}}, {source} "journal": {{{journal}}}}}"#);
        let layer: Layer = serde_json::from_str(&text).unwrap();
        ignores_missing(&layer.try_into().unwrap())
    }

    #[test]
    fn repository_or_dataset_may_lack_types_that_the_operator_did_not_name() {
        let local = [
            r#""git": {"repository": "r"},"#,
            r#""dataset": {"folder": "d"},"#,
        ];
        for source in local {
            assert!(ignores(source, ""), "{source}");
            for named in [
                r#""object_types": ["extid"]"#,
                r#""missing_topics": "error""#,
            ] {
                assert!(!ignores(source, named), "{source} {named}");
            }
        }
        let recording = r#""recordings": ["r"]"#;
        assert!(!ignores("", recording));
        let asked = format!(r#"{recording}, "missing_topics": "ignore""#);
        assert!(ignores("", &asked));
    }
}
