//! What is said about settings that are used or left out.

use super::names::{Names, flag, written};
use crate::config::{Layer, Notice, Origin, Phases, Setting};
use crate::journal::stages;
use crate::text::{self, Quoted};

/// Logs notices.
pub(super) fn log(notices: &[Notice]) {
    for notice in notices {
        match notice {
            Notice::OtherSections { path, names } => tracing::info!(
                "`{}` has sections of other programs, which are passed over: {}",
                path.display(),
                text::list(names)
            ),
            other => tracing::warn!("{}", sentence(other)),
        }
    }
}

/// Warns of object types that look mistyped. Only the brokers know all types, and may not answer.
pub(super) fn log_unknown_types(layer: &Layer, names: Names<'_>) {
    for (setting, name, meant) in unknown_types(layer) {
        tracing::warn!(
            "{} names the object type {}, which Software Heritage does not have: did you mean `{meant}`?",
            names.of(setting),
            Quoted(name)
        );
    }
}

fn unknown_types(layer: &Layer) -> Vec<(Setting, &str, &'static str)> {
    let journal = &layer.journal;
    let listed = [&journal.object_types, &journal.offered_object_types];
    let listed = listed.into_iter().flatten().flatten();
    let staged = match &journal.phases {
        Some(Phases::Given(stages)) => &stages[..],
        _ => &[],
    };
    let listed = listed.map(|name| (Setting::ObjectTypes, name));
    let staged = staged.iter().flatten().map(|name| (Setting::Phases, name));
    let unknown = listed.chain(staged).filter_map(|(setting, name)| {
        let meant = stages::meant_type(name)?;
        Some((setting, name.as_str(), meant))
    });
    unknown.take(text::LISTED).collect()
}

fn sentence(notice: &Notice) -> String {
    let named = |origin: &Origin| written(origin).unwrap_or_default();
    match notice {
        Notice::OtherSections { names, .. } => text::list(names),
        Notice::OtherClient(origin) => format!(
            "{} has brokers and a group, and is not read: the section of the journal's client has to be \
             `journal_client`, at the top of the file",
            named(origin)
        ),
        Notice::NothingSet(path) => format!(
            "`{}` sets nothing: it has neither keys of journal-host nor the section `journal_client`",
            path.display()
        ),
        Notice::Ignored(origin) => format!("{} is not a setting, and is ignored", named(origin)),
        Notice::Deprecated { origin, instead } => {
            format!("{} is deprecated: use `{instead}`", named(origin))
        }
        Notice::Beside {
            section,
            names,
            instead,
        } => format!(
            "{} has settings of librdkafka beside its own keys, which is deprecated; put them into `{instead}`: {}",
            named(section),
            text::list(names)
        ),
        Notice::Overruled { origin, by } => {
            let by = by.map_or("journal-host".to_owned(), |key| format!("`{key}`"));
            format!("{} is ignored: {by} sets it", named(origin))
        }
        Notice::SecretOnCommandLine(key) => format!(
            "other users of this machine can see the value of `{} {key}` in the list of processes: {}",
            flag(Setting::Kafka),
            instead_of_the_command_line(key)
        ),
    }
}

/// Where a secret can be set without others seeing it.
fn instead_of_the_command_line(key: &str) -> String {
    let file = match key {
        crate::config::PASSWORD => Some(flag(Setting::PasswordFile)),
        crate::config::KEY_PASSWORD => Some(flag(Setting::KeyPasswordFile)),
        _ => None,
    };
    match file {
        Some(file) => format!("use `{file}`, the environment or a configuration file"),
        None => "use the environment or a configuration file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_object_types_of_lists_and_stages_are_found() {
        let mut layer = Layer::default();
        layer.journal.object_types = Some(vec!["origin".to_owned(), "orign".to_owned()]);
        layer.journal.phases = Some("relase/event".parse().unwrap());
        assert_eq!(
            unknown_types(&layer),
            [
                (Setting::ObjectTypes, "orign", "origin"),
                (Setting::Phases, "relase", "release")
            ]
        );
    }

    #[test]
    fn secret_on_the_command_line_is_named_with_the_way_out() {
        let text = sentence(&Notice::SecretOnCommandLine("sasl.password".to_owned()));
        assert_eq!(
            text,
            "other users of this machine can see the value of `--kafka sasl.password` in the list of processes: use \
             `--kafka-password-file`, the environment or a configuration file"
        );
    }

    #[test]
    fn deprecated_and_overruled_keys_are_named_with_their_lines() {
        let origin = |key: &str| Origin::File {
            path: "c.yaml".into(),
            key: key.to_owned(),
            line: Some(3),
        };
        let deprecated = Notice::Deprecated {
            origin: origin("journal_client.stop_on_eof"),
            instead: "on_eof: stop",
        };
        assert_eq!(
            sentence(&deprecated),
            "`journal_client.stop_on_eof` in line 3 of `c.yaml` is deprecated: use `on_eof: stop`"
        );
        let overruled = Notice::Overruled {
            origin: origin("journal_client.consumer_settings.group.id"),
            by: Some("group_id"),
        };
        assert_eq!(
            sentence(&overruled),
            "`journal_client.consumer_settings.group.id` in line 3 of `c.yaml` is ignored: `group_id` sets it"
        );
    }
}
