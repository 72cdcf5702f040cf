//! Checks settings with librdkafka, and keeps secret values out of texts.
//!
//! A value is shown only where its setting is known and not secret: a mistyped name may have a password as its value.

use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::error::Error;
use super::setting_names::NAMES;
use crate::text;

/// Parts of the names of settings whose values are secret.
const SECRET: [&str; 8] = [
    "pass",
    "secret",
    "token",
    "credential",
    "private.key",
    "key.pem",
    "jaas",
    "oauthbearer.config",
];
/// Shorter secrets are not searched for in texts, because words contain them.
const SEARCHED_BYTES: usize = 4;

/// Whether the setting's value is secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET.iter().any(|part| key.contains(part))
}

/// Settings as they may be logged: without the values of those that are secret or unknown.
pub(crate) struct Masked<'a>(pub(crate) &'a [(String, String)]);

impl std::fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |key: &str, value: &str| {
            if is_secret(key) || !NAMES.contains(&key) {
                "(not shown)".to_owned()
            } else {
                value.to_owned()
            }
        };
        let settings = self.0.iter();
        f.debug_map()
            .entries(settings.map(|(key, value)| (key, shown(key, value))))
            .finish()
    }
}

/// The setting of librdkafka that is most like a name.
pub(crate) fn nearest_name(name: &str) -> Option<&'static str> {
    text::nearest(name, NAMES)
}

/// Whether librdkafka has a setting of this name.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The setting whose name a variable of the environment writes in capitals, with underscores for points.
pub(crate) fn named_by_variable(name: &str) -> Option<&'static str> {
    let is_meant = |known: &&&str| known.replace('.', "_").eq_ignore_ascii_case(name);
    NAMES.iter().find(is_meant).copied()
}

/// Checks each setting alone, so that the error names the first bad one.
pub(crate) fn check(settings: &[(String, String)]) -> Result<(), Error> {
    settings.iter().try_for_each(|(key, value)| {
        let mut config = ClientConfig::new();
        config.set(key, value);
        config
            .create_native_config()
            .map(drop)
            .map_err(|error| client_error(error, &Secrets::of(&config)))
    })
}

/// Makes a client that connects to nothing, because librdkafka checks only then whether settings go together.
pub(super) fn try_client<C: FromClientConfig>(mut config: ClientConfig) -> Result<(), Error> {
    config.remove("bootstrap.servers");
    config.remove("debug");
    // It would log that it has no brokers.
    config.set_log_level(RDKafkaLogLevel::Emerg);
    let created = config.create::<C>().map(drop);
    created.map_err(|error| client_error(error, &Secrets::of(&config)))
}

/// Distinguishes a setting that librdkafka refuses from other errors.
pub(super) fn client_error(error: KafkaError, secrets: &Secrets) -> Error {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, key, _) => {
            let nearest = text::nearest(&key, NAMES);
            Error::UnknownSetting { key, nearest }
        }
        KafkaError::ClientConfig(_, _, key, _) if is_secret(&key) => Error::BadSetting {
            key,
            value: None,
            reason: "librdkafka's reason may quote it and is not shown".to_owned(),
        },
        KafkaError::ClientConfig(_, reason, key, value) => Error::BadSetting {
            key,
            value: Some(value),
            reason,
        },
        KafkaError::ClientCreation(reason) => Error::Together {
            reason: secrets.hide(&reason),
        },
        other => Error::Client(other),
    }
}

/// The secret settings of a client.
#[derive(Default)]
pub(super) struct Secrets(Vec<(String, String)>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    pub(super) fn of(config: &ClientConfig) -> Self {
        // Some values of the map are already replaced, and would hide nothing.
        let secret = config.config_map().into_keys().filter(|key| is_secret(key));
        let pair = |key: &str| Some((key.to_owned(), config.get(key)?.to_owned()));
        Self(secret.filter_map(pair).collect())
    }

    /// A text of librdkafka without the secrets. It is cut after the name of a secret setting, because any part of the
    /// value may follow.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (key, value) in &self.0 {
            if let Some(start) = text.find(key.as_str()) {
                text.truncate(start + key.len());
                text.push_str(" (the rest is not shown)");
            }
            if value.len() >= SEARCHED_BYTES {
                text = text.replace(value.as_str(), "(not shown)");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "wonderland";

    fn refusal(key: &str, value: &str) -> Error {
        check(&[(key.to_owned(), value.to_owned())]).unwrap_err()
    }

    #[test]
    fn unknown_setting_is_reported_without_its_value_and_with_the_one_that_was_meant() {
        for (key, meant) in [
            ("sasl.pasword", Some("sasl.password")),
            ("sesion.timeout.ms", Some("session.timeout.ms")),
            ("nonsense", None),
        ] {
            let error = refusal(key, PASSWORD);
            assert!(!format!("{error}{error:?}").contains(PASSWORD));
            let Error::UnknownSetting { nearest, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(nearest, meant);
        }
    }

    #[test]
    fn bad_value_of_a_known_setting_is_reported_with_librdkafkas_reason() {
        let error = refusal("session.timeout.ms", "soon");
        let text = error.to_string();
        assert!(
            text.starts_with("`session.timeout.ms` cannot be `soon`: Invalid value"),
            "{text}"
        );
    }

    #[test]
    fn bad_value_of_a_secret_setting_is_not_shown() {
        let error = client_error(
            KafkaError::ClientConfig(
                RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
                format!("bad: {PASSWORD}"),
                "sasl.password".to_owned(),
                PASSWORD.to_owned(),
            ),
            &Secrets::default(),
        );
        assert!(!format!("{error}{error:?}").contains(PASSWORD));
        assert!(
            error
                .to_string()
                .starts_with("`sasl.password` cannot have this value: "),
            "{error}"
        );
    }

    #[test]
    fn settings_with_secrets_are_known_by_their_names() {
        for key in [
            "sasl.password",
            "SASL.PASSWORD",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.jaas.config",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "group.id",
            "ssl.ca.location",
            "sasl.username",
            "fetch.max.bytes",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn texts_of_librdkafka_lose_secrets_and_parts_of_them() {
        let mut config = ClientConfig::new();
        config.set("sasl.password", PASSWORD);
        config.set("sasl.oauthbearer.config", "scope=hidden principal=alice");
        config.set("client.id", "journal-host");
        let secrets = Secrets::of(&config);
        assert_eq!(
            secrets.hide("journal-host: `wonderland` was refused"),
            "journal-host: `(not shown)` was refused"
        );
        assert_eq!(
            secrets.hide("Invalid sasl.oauthbearer.config: beginning at: hidden principal=alice"),
            "Invalid sasl.oauthbearer.config (the rest is not shown)"
        );
        assert!(!format!("{secrets:?}").contains(PASSWORD));
    }
}
