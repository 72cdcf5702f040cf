//! What is said about settings that are used or left out.

use super::names::{flag, written};
use crate::config::{Notice, Origin, Setting};
use crate::text;

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

fn sentence(notice: &Notice) -> String {
    let named = |origin: &Origin| written(origin).unwrap_or_default();
    match notice {
        Notice::OtherSections { names, .. } => text::list(names),
        Notice::Ignored(origin) => format!("{} is not a setting, and is ignored", named(origin)),
        Notice::Deprecated { origin, instead } => {
            format!("{} is deprecated: use `{instead}`", named(origin))
        }
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
