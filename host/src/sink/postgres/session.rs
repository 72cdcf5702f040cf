//! One connection to a server, which is made again where it is lost.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use postgres_openssl::MakeTlsConnector;

use super::url::{Server, TlsMode, Url};
use super::{PostgresError, Refusal, password};

/// How long a server may take to answer a connection, and how long what was sent may stay without an answer of its
/// machine.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
const UNANSWERED: Duration = Duration::from_secs(30);
/// How long the start waits for a server that starts itself.
pub(super) const START_WAIT: Duration = Duration::from_secs(10);
/// The pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// How often a wait is logged.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What every session has. Another one that is paused, or waits for rows that a third one keeps, must not keep others
/// waiting for ever: its transaction ends, and it writes again.
const SETTINGS: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '20s'; \
     SET statement_timeout = 0; SET client_min_messages = warning; \
     SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// How a database is reached.
pub(super) struct Access {
    config: Config,
    /// None where connections are never encrypted: the certificates of the system take longer to read than to connect.
    tls: Option<MakeTlsConnector>,
    /// The name of the database in messages.
    pub(super) name: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration has the password.
        f.debug_struct("Access")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the password and the certificates.
    pub(super) fn of(url: &Url) -> Result<Self, PostgresError> {
        let variable = |name: &str| -> Option<OsString> { std::env::var_os(name) };
        let text = |name: &str| variable(name)?.into_string().ok();
        let user = url
            .user
            .clone()
            .or_else(|| text("PGUSER"))
            .or_else(|| text("USER"));
        let user = user.ok_or_else(|| PostgresError::NoUser {
            database: url.to_string(),
        })?;
        let mut config = Config::new();
        config
            .user(&user)
            .dbname(&url.database)
            .port(url.port)
            .application_name("journal-host")
            .connect_timeout(CONNECT_WAIT)
            .tcp_user_timeout(UNANSWERED)
            .keepalives_idle(UNANSWERED)
            .ssl_mode(match url.tls() {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Prefer => SslMode::Prefer,
                TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
            });
        match &url.server {
            Server::Host(host) => config.host(host),
            Server::Folder(folder) => config.host_path(folder),
        };
        if let Some(password) = password::of(url, &user, &variable)? {
            config.password(password);
        }
        Ok(Self {
            config,
            tls: tls(url)?,
            name: url.to_string(),
        })
    }

    pub(super) fn cannot(&self, action: &'static str, error: &postgres::Error) -> PostgresError {
        self.refused(action, Refusal::of(error))
    }

    pub(super) fn refused(&self, action: &'static str, source: Refusal) -> PostgresError {
        PostgresError::Server {
            database: self.name.clone(),
            action,
            source,
        }
    }

    /// Connects for the first time: what is wrong then is usually a setting.
    pub(super) fn connect_first(&self) -> Result<Client, PostgresError> {
        self.connect_while(Instant::now(), Refusal::is_starting)
    }

    /// Connects again after the server was there: it comes back.
    pub(super) fn connect_again(&self, begun: Instant) -> Result<Client, PostgresError> {
        self.connect_while(begun, Refusal::is_transient)
    }

    /// Tries again, for a time since `begun`, as long as a refusal passes by itself.
    fn connect_while(
        &self,
        begun: Instant,
        passes: impl Fn(&Refusal) -> bool,
    ) -> Result<Client, PostgresError> {
        loop {
            match self.connect() {
                Ok(client) => return Ok(client),
                Err(refusal) if passes(&refusal) && begun.elapsed() < START_WAIT => {
                    thread::sleep(FIRST_PAUSE);
                }
                Err(refusal) => return Err(self.refused("connect to", refusal)),
            }
        }
    }

    fn connect(&self) -> Result<Client, Refusal> {
        let connected = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        let mut client = connected.map_err(|error| Refusal::of(&error))?;
        let set = client.batch_execute(SETTINGS);
        set.map_err(|error| Refusal::of(&error))?;
        Ok(client)
    }
}

/// How a connection is encrypted, and what the server has to prove.
fn tls(url: &Url) -> Result<Option<MakeTlsConnector>, PostgresError> {
    let mode = url.tls();
    if mode == TlsMode::Disable {
        return Ok(None);
    }
    let file = |file: &std::path::Path| file.display().to_string();
    let cannot = |error: &dyn std::fmt::Display| PostgresError::Certificates {
        file: url
            .root_certificates
            .as_deref()
            .map_or_else(|| "the system".to_owned(), file),
        reason: error.to_string(),
    };
    let mut builder =
        SslConnector::builder(SslMethod::tls_client()).map_err(|error| cannot(&error))?;
    if let Some(file) = &url.root_certificates {
        builder.set_ca_file(file).map_err(|error| cannot(&error))?;
    }
    let verifies = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    if !verifies {
        builder.set_verify(SslVerifyMode::NONE);
    }
    let mut connector = MakeTlsConnector::new(builder.build());
    if mode != TlsMode::VerifyFull {
        connector.set_callback(|connection, _| {
            connection.set_verify_hostname(false);
            Ok(())
        });
    }
    Ok(Some(connector))
}

/// Why an attempt came to nothing.
pub(super) enum Failure {
    Database(postgres::Error),
    /// The connection was lost as rows were sent.
    Lost(io::ErrorKind),
    Refused(PostgresError),
    /// Nobody waits for the result any more.
    Abandoned,
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        Self::Database(error)
    }
}

/// A connection that lasts as long as a worker.
pub(super) struct Session {
    access: Arc<Access>,
    client: Option<Client>,
    /// What every new connection runs.
    begins: Vec<String>,
}

impl Session {
    pub(super) fn new(access: Arc<Access>, begins: Vec<String>) -> Self {
        Self {
            access,
            client: None,
            begins,
        }
    }

    /// Calls `attempt` until it succeeds, or fails for good. What was sent on a connection that is lost may have been
    /// done.
    pub(super) fn persist<T>(
        &mut self,
        action: &'static str,
        is_wanted: &dyn Fn() -> bool,
        mut attempt: impl FnMut(&mut Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = FIRST_PAUSE;
        let begun = Instant::now();
        let mut said = begun;
        loop {
            if !is_wanted() {
                return Err(Failure::Abandoned);
            }
            let refusal = match self.client() {
                Ok(client) => match attempt(client) {
                    Ok(done) => return Ok(done),
                    Err(Failure::Database(error)) => {
                        let refusal = Refusal::of(&error);
                        if refusal.code().is_none() || client.is_closed() {
                            self.client = None;
                        }
                        refusal
                    }
                    Err(Failure::Lost(kind)) => {
                        self.client = None;
                        Refusal::lost(kind)
                    }
                    Err(other) => return Err(other),
                },
                Err(refusal) => refusal,
            };
            if !refusal.is_transient() {
                return Err(Failure::Refused(self.access.refused(action, refusal)));
            }
            tracing::debug!("`{}`: {refusal}", self.access.name);
            if said.elapsed() >= SAY_EVERY {
                said = Instant::now();
                tracing::warn!(
                    "waiting for `{}` for {} s: {refusal}",
                    self.access.name,
                    begun.elapsed().as_secs()
                );
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    fn client(&mut self) -> Result<&mut Client, Refusal> {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => {
                let mut client = self.access.connect()?;
                for sql in &self.begins {
                    client
                        .batch_execute(sql)
                        .map_err(|error| Refusal::of(&error))?;
                }
                client
            }
        };
        Ok(self.client.insert(client))
    }
}
