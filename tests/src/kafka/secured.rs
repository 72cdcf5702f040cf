//! Listeners with the security of production: TLS with SCRAM or PLAIN, TLS with client certificates, and access control
//! lists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Broker;
use super::broker::{Setup, run_setup};
use crate::oracle;

/// The broker's key and certificate, in the one file that Kafka expects.
const BROKER: &str = "broker-keystore.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const CLIENT_CERTIFICATE: &str = "client.pem";
const CLIENT_KEY: &str = "client-key.pem";
const CLIENT_KEYSTORE: &str = "client.p12";
/// The password of the client's key store.
pub const KEYSTORE_PASSWORD: &str = "white-rabbit";

/// A user of the secured listeners.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The user's name. The names of the user's groups begin with it.
    pub name: &'static str,
    /// The password.
    pub password: &'static str,
}

/// The ports of the secured listeners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// TLS, with a name and a password.
    pub(super) passwords: u16,
    /// TLS, with a client certificate.
    pub(super) certificates: u16,
}

impl Broker {
    /// Starts a broker that only the caller uses. It has two more listeners, which only this account can use: one with
    /// the password by SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN, and one with a client certificate. The plain listener is
    /// for administration.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_secured(account: Account) -> Self {
        Self::start_as(&Setup {
            properties: "",
            account: Some(account),
        })
    }

    /// `host:port` of the listener that asks for a password.
    ///
    /// # Panics
    /// When the broker has none.
    #[must_use]
    pub fn secured_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports().passwords)
    }

    /// `host:port` of the listener that asks for a client certificate.
    ///
    /// # Panics
    /// When the broker has none.
    #[must_use]
    pub fn certificate_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports().certificates)
    }

    fn ports(&self) -> Ports {
        self.secured.expect("the broker was started secured")
    }

    /// The path of the certificate that a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// The path of a certificate that the broker trusts, with the account's name.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.folder.join(CLIENT_CERTIFICATE)
    }

    /// The path of its key.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.join(CLIENT_KEY)
    }

    /// The path of a PKCS#12 key store with both, whose password is [`KEYSTORE_PASSWORD`].
    #[must_use]
    pub fn client_keystore(&self) -> PathBuf {
        self.folder.join(CLIENT_KEYSTORE)
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

    /// Lets an account see the topics whose names begin with this prefix, and not read them.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn grant_description(&self, account: Account, topics: &str) {
        let arguments = [&self.address(), account.name, topics];
        let granted = oracle::script("grant.py", arguments);
        assert_eq!(granted, "");
    }

    /// Lets an account write to the topics whose names begin with this prefix.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn grant_writing(&self, account: Account, topics: &str) {
        let arguments = [&self.address(), account.name, topics, "--write"];
        let granted = oracle::script("grant.py", arguments);
        assert_eq!(granted, "");
    }
}

/// The addition to the list of listeners.
pub(super) fn listeners(ports: Ports) -> String {
    format!(
        ",SASL_SSL://127.0.0.1:{},SSL://127.0.0.1:{}",
        ports.passwords, ports.certificates
    )
}

/// The accounts in the form that `StorageTool` expects.
pub(super) fn scram(account: Account) -> [String; 2] {
    let Account { name, password } = account;
    ["SCRAM-SHA-256", "SCRAM-SHA-512"]
        .map(|mechanism| format!("{mechanism}=[name={name},password={password}]"))
}

/// Settings of the listeners. Creates their keys in the folder.
pub(super) fn properties(folder: &Path, account: Account) -> String {
    make_keys(folder, account);
    let Account { name, password } = account;
    let module = "org.apache.kafka.common.security";
    format!(
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL\n\
         sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN\n\
         listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
         user_{name}=\"{password}\";\n\
         listener.name.ssl.ssl.client.auth=required\n\
         listener.name.ssl.ssl.truststore.type=PEM\n\
         listener.name.ssl.ssl.truststore.location={}\n\
         ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={}\n",
        folder.join(CLIENT_CERTIFICATE).display(),
        folder.join(BROKER).display()
    )
}

fn make_keys(folder: &Path, account: Account) {
    let openssl = |arguments: &[&str]| {
        let mut openssl = Command::new("openssl");
        run_setup(openssl.args(arguments).current_dir(folder), folder);
    };
    let certificate = |key: &str, certificate: &str, name: &str, further: &[&str]| {
        let subject = format!("/CN={name}");
        let arguments = [
            &["req", "-x509", "-newkey", "ec", "-nodes", "-days", "3650"],
            &["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", &subject][..],
            &["-keyout", key, "-out", certificate],
            further,
        ];
        openssl(&arguments.concat());
    };
    let address = ["-addext", "subjectAltName=IP:127.0.0.1"];
    certificate(KEY, CERTIFICATE, "127.0.0.1", &address);
    certificate(CLIENT_KEY, CLIENT_CERTIFICATE, account.name, &[]);
    let pair = [KEY, CERTIFICATE]
        .map(|name| fs::read_to_string(folder.join(name)).expect("openssl has written it"));
    fs::write(folder.join(BROKER), pair.concat()).expect("the folder is ours");
    let password = format!("pass:{KEYSTORE_PASSWORD}");
    openssl(&[
        "pkcs12",
        "-export",
        "-inkey",
        CLIENT_KEY,
        "-in",
        CLIENT_CERTIFICATE,
        "-out",
        CLIENT_KEYSTORE,
        "-passout",
        &password,
    ]);
}
