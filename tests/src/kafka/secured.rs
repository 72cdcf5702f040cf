//! A listener with the security of production: TLS, SCRAM-SHA-512 and access control lists.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Broker;
use super::broker::{Setup, run_setup};
use crate::oracle;

const PASSWORD_OF_KEYS: &str = "no-secret";
const KEYS: &str = "keys.p12";
const CERTIFICATE: &str = "certificate.pem";

/// A user of the secured listener.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The user's name. The names of the user's groups begin with it.
    pub name: &'static str,
    /// The password.
    pub password: &'static str,
}

impl Broker {
    /// Starts a broker that only the caller uses. It has a second listener, which only this account can use. The plain
    /// listener is for administration.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_secured(account: Account) -> Self {
        Self::start_secured_with(account, "")
    }

    /// The same, with additional lines for its `server.properties`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_secured_with(account: Account, properties: &str) -> Self {
        let Account { name, password } = account;
        let account = format!("SCRAM-SHA-512=[name={name},password={password}]");
        Self::start_as(&Setup {
            properties,
            account: Some(&account),
        })
    }

    /// `host:port` of the secured listener.
    ///
    /// # Panics
    /// When the broker has none.
    #[must_use]
    pub fn secured_address(&self) -> String {
        let port = self.secured.expect("the broker was started secured");
        format!("127.0.0.1:{port}")
    }

    /// The path of the certificate that a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// Lets an account read the topics and use the groups whose names begin with these prefixes.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn grant(&self, account: Account, topics: &str, groups: &str) {
        let arguments = [&self.address(), account.name, topics, groups];
        let granted = oracle::script("grant.py", arguments);
        assert_eq!(granted, "");
    }

    /// Takes the rights of an account on the topics of a [granted](Self::grant) prefix away.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn revoke_topics(&self, account: Account, topics: &str) {
        let _nothing = oracle::script(
            "revoke.py",
            [&self.address(), account.name, "topic", topics],
        );
    }

    /// Takes the rights of an account on the groups of a [granted](Self::grant) prefix away.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn revoke_group(&self, account: Account, groups: &str) {
        let _nothing = oracle::script(
            "revoke.py",
            [&self.address(), account.name, "group", groups],
        );
    }

    /// Removes the account. Its open connections stay until they have to authenticate again.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn remove_account(&self, account: Account) {
        let _nothing = oracle::script("revoke.py", [&self.address(), account.name, "account"]);
    }
}

/// The addition to the list of listeners.
pub(super) fn listener(port: u16) -> String {
    format!(",SASL_SSL://127.0.0.1:{port}")
}

/// Settings of the listener. Creates its keys in the folder.
pub(super) fn properties(folder: &Path) -> String {
    make_keys(folder);
    format!(
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n\
         ssl.keystore.type=PKCS12\n\
         ssl.keystore.location={}\n\
         ssl.keystore.password={PASSWORD_OF_KEYS}\n",
        folder.join(KEYS).display()
    )
}

fn make_keys(folder: &Path) {
    let keytool = |command: &str, arguments: &[&str]| {
        let mut keytool = Command::new("keytool");
        keytool.args([command, "-alias", "broker", "-keystore", KEYS]);
        keytool.args(["-storepass", PASSWORD_OF_KEYS]);
        run_setup(keytool.args(arguments).current_dir(folder), folder);
    };
    keytool(
        "-genkeypair",
        &[
            "-storetype",
            "PKCS12",
            "-keyalg",
            "EC",
            "-dname",
            "CN=127.0.0.1",
            "-ext",
            "san=ip:127.0.0.1",
        ],
    );
    keytool("-exportcert", &["-rfc", "-file", CERTIFICATE]);
}
