//! A database as the operator names it: `postgres://user@host:port/database?schema=SCHEMA`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::super::binding;

/// The port of PostgreSQL.
const PORT: u16 = 5432;
/// What may follow `?`.
const PARAMETERS: &str =
    "`schema`, `table`, `host`, `sslmode`, `sslrootcert`, `passfile` and `password_file`";

/// Whether a connection is encrypted, and what the server has to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption if the server has it.
    Prefer,
    /// Encryption; the server proves nothing.
    Require,
    /// The certificate of the server is signed by an authority that is trusted.
    VerifyCa,
    /// The same, and it is one of the host's name.
    VerifyFull,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// A name or an address.
    Host(String),
    /// The folder of a socket.
    Folder(PathBuf),
}

/// A database, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sink) struct Url {
    /// The user, if the operator names one.
    pub(super) user: Option<String>,
    pub(super) server: Server,
    pub(super) port: u16,
    pub(super) database: String,
    /// The schema of the tables; if absent, the first of the user's search path.
    pub(super) schema: Option<String>,
    /// The table; if absent, the one with the output's name.
    pub(in crate::sink) table: Option<String>,
    tls: Option<TlsMode>,
    /// The certificates of authorities that are trusted; if absent, those of the system.
    pub(super) root_certificates: Option<PathBuf>,
    /// A file in the format of `.pgpass`.
    pub(super) passfile: Option<PathBuf>,
    /// A file with nothing but the password.
    pub(super) password_file: Option<PathBuf>,
}

/// Why a text names no database. Nothing of the text is shown that may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sink) enum UrlError {
    /// It has a password, which other users of the machine see in the list of processes.
    #[error(
        "the URL of a PostgreSQL database has a password, which other users of the machine can see"
    )]
    Password,
    /// It is not of the form of a URL.
    #[error("a PostgreSQL database is named by `postgres://USER@HOST/DATABASE`")]
    Form,
    /// It names several servers.
    #[error("the URL of a PostgreSQL database names several servers")]
    Servers,
    /// The port is no port.
    #[error("the URL of a PostgreSQL database has a port that is no number from 1 to 65535")]
    Port,
    /// A `%` is not followed by two hexadecimal digits, or they stand for no text.
    #[error(
        "the URL of a PostgreSQL database has a `%` that is not followed by the two hexadecimal digits of a byte"
    )]
    Encoding,
    /// A parameter is unknown.
    #[error("the URL of a PostgreSQL database has the parameter `{0}`; known are {PARAMETERS}")]
    Parameter(String),
    /// The same parameter comes twice.
    #[error("the URL of a PostgreSQL database has the parameter `{0}` twice")]
    Twice(String),
    /// The mode of TLS is unknown.
    #[error(
        "`sslmode={0}` is none of `disable`, `prefer`, `require`, `verify-ca` and `verify-full`"
    )]
    TlsMode(String),
    /// No schema of tables can have the name.
    #[error("no schema can have the name `{0}`")]
    Schema(String),
    /// No table can have the name.
    #[error("no table can have the name `{0}`")]
    Table(String),
}

impl Url {
    /// Reads what follows `postgres:`.
    pub(in crate::sink) fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.strip_prefix("//").ok_or(UrlError::Form)?;
        let (text, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (authority, database) = text.split_once('/').ok_or_else(|| {
            // Whatever comes before the first `@` may be a password.
            if text.contains(':') && text.contains('@') {
                UrlError::Password
            } else {
                UrlError::Form
            }
        })?;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(UrlError::Password),
            Some((user, host)) => (Some(decoded(user)?), host),
            None => (None, authority),
        };
        if database.contains('@') {
            return Err(UrlError::Password);
        }
        let (host, port) = host_and_port(host)?;
        let mut url = Self {
            user: user.filter(|user| !user.is_empty()),
            server: Server::Host(host),
            port,
            database: decoded(database)?,
            schema: None,
            table: None,
            tls: None,
            root_certificates: None,
            passfile: None,
            password_file: None,
        };
        url.read_parameters(parameters)?;
        let is_named = match &url.server {
            Server::Host(host) => !host.is_empty(),
            Server::Folder(_) => true,
        };
        if url.database.is_empty() || url.database.contains('/') || !is_named {
            return Err(UrlError::Form);
        }
        Ok(url)
    }

    fn read_parameters(&mut self, parameters: &str) -> Result<(), UrlError> {
        let mut seen = Vec::new();
        for parameter in parameters.split('&').filter(|one| !one.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if seen.contains(&name) {
                return Err(UrlError::Twice(name.to_owned()));
            }
            seen.push(name);
            let value = decoded(value)?;
            match name {
                "password" => return Err(UrlError::Password),
                "schema" if is_schema(&value) => self.schema = Some(value),
                "schema" => return Err(UrlError::Schema(value)),
                "table" if binding::is_table(&value) => self.table = Some(value),
                "table" => return Err(UrlError::Table(value)),
                "host" if value.starts_with('/') => self.server = Server::Folder(value.into()),
                "host" => self.server = Server::Host(value),
                "sslmode" => self.tls = Some(TlsMode::of(&value)?),
                "sslrootcert" => self.root_certificates = Some(value.into()),
                "passfile" => self.passfile = Some(value.into()),
                "password_file" => self.password_file = Some(value.into()),
                _ => return Err(UrlError::Parameter(name.to_owned())),
            }
        }
        Ok(())
    }

    /// Whether both have the same tables, so that one transaction writes to them.
    pub(in crate::sink) fn is_same_database(&self, other: &Self) -> bool {
        let of = |url: &Self| {
            let Self {
                user,
                server,
                port,
                database,
                schema,
                ..
            } = url.clone();
            (user, server, port, database, schema)
        };
        of(self) == of(other)
    }

    /// Whether the connection leaves this machine only where the server has shown who it is.
    pub(super) fn tls(&self) -> TlsMode {
        self.tls.unwrap_or(match &self.server {
            Server::Folder(_) => TlsMode::Disable,
            Server::Host(host) if is_local(host) => TlsMode::Prefer,
            Server::Host(_) => TlsMode::VerifyFull,
        })
    }

    /// The files that are read for a connection.
    pub(in crate::sink) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.root_certificates, &self.passfile, &self.password_file];
        files.into_iter().flatten().map(PathBuf::as_path)
    }
}

/// The database without what only this program reads, for messages.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if let Server::Host(host) = &self.server {
            let is_address = host.contains(':');
            if is_address {
                write!(f, "[{host}]")
            } else {
                f.write_str(host)
            }?;
        }
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        write!(f, "/{}", self.database)?;
        let mut separator = '?';
        if let Server::Folder(folder) = &self.server {
            write!(f, "?host={}", folder.display())?;
            separator = '&';
        }
        match &self.schema {
            Some(schema) => write!(f, "{separator}schema={schema}"),
            None => Ok(()),
        }
    }
}

impl TlsMode {
    fn of(text: &str) -> Result<Self, UrlError> {
        Ok(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return Err(UrlError::TlsMode(text.to_owned())),
        })
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), UrlError> {
    if text.contains(',') {
        return Err(UrlError::Servers);
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Ok(PORT), |port| {
        let number = port.parse().ok().filter(|&number| number != 0);
        number.ok_or(UrlError::Port)
    })?;
    Ok((decoded(host)?, port))
}

/// Whether a connection to this host stays on this machine.
fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// PostgreSQL keeps names with `pg_` for itself.
fn is_schema(name: &str) -> bool {
    journal_rows::Column::is_name(name) && !name.to_ascii_lowercase().starts_with("pg_")
}

/// Replaces `%` and two digits by the byte that they stand for.
fn decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = digits
            .filter(is_hex)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or(UrlError::Encoding)?);
        rest = &after[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| UrlError::Encoding)?;
    if text.contains('\0') {
        return Err(UrlError::Encoding);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Url {
        Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn parts_of_a_url_are_read() {
        let url = parsed("//me@db.example.org:6543/graph?schema=s&table=t&sslrootcert=/etc/ca.pem");
        assert_eq!(url.user.as_deref(), Some("me"));
        assert_eq!(url.server, Server::Host("db.example.org".to_owned()));
        assert_eq!((url.port, &*url.database), (6543, "graph"));
        assert_eq!(url.schema.as_deref(), Some("s"));
        assert_eq!(url.table.as_deref(), Some("t"));
        assert_eq!(url.files().count(), 1);
        assert_eq!(
            url.to_string(),
            "postgres://me@db.example.org:6543/graph?schema=s"
        );
        let socket = parsed("///my%20graph?host=/run/postgresql&passfile=a%26b");
        assert_eq!(socket.server, Server::Folder("/run/postgresql".into()));
        assert_eq!(&*socket.database, "my graph");
        assert_eq!(socket.files().next(), Some(Path::new("a&b")));
        assert_eq!(parsed("//[::1]:7/d").server, Server::Host("::1".to_owned()));
        assert_eq!(parsed("//[::1]/d").to_string(), "postgres://[::1]/d");
        assert!(parsed("//h/d?table=a").is_same_database(&parsed("//h:5432/d?table=b")));
        assert!(!parsed("//h/d?schema=a").is_same_database(&parsed("//h/d?schema=b")));
    }

    #[test]
    fn servers_elsewhere_have_to_show_who_they_are() {
        for (text, mode) in [
            ("//h/d", TlsMode::VerifyFull),
            ("//localhost.example.org/d", TlsMode::VerifyFull),
            ("//192.0.2.1/d", TlsMode::VerifyFull),
            ("//localhost/d", TlsMode::Prefer),
            ("//127.0.0.2/d", TlsMode::Prefer),
            ("//[::1]/d", TlsMode::Prefer),
            ("///d?host=/tmp", TlsMode::Disable),
            ("//h/d?sslmode=disable", TlsMode::Disable),
            ("//localhost/d?sslmode=verify-ca", TlsMode::VerifyCa),
        ] {
            assert_eq!(parsed(text).tls(), mode, "{text}");
        }
    }

    #[test]
    fn passwords_are_refused_and_never_shown() {
        for text in [
            "//me:secret@h/d",
            "//me:secret@h",
            "//me:sec/ret@h/d",
            "//:secret@h/d",
            "//h/d?password=secret",
        ] {
            let error = Url::parse(text).unwrap_err();
            assert_eq!(error, UrlError::Password, "{text}");
            assert!(!error.to_string().contains("sec"));
        }
    }

    #[test]
    fn wrong_urls_are_refused() {
        for (text, error) in [
            ("h/d", UrlError::Form),
            ("//h", UrlError::Form),
            ("//h/", UrlError::Form),
            ("///d", UrlError::Form),
            ("//h/d/e", UrlError::Form),
            ("//a,b/d", UrlError::Servers),
            ("//h:x/d", UrlError::Port),
            ("//h:0/d", UrlError::Port),
            ("//h/%2", UrlError::Encoding),
            ("//h/%zz", UrlError::Encoding),
            ("//h/%+1", UrlError::Encoding),
            ("//h/%00", UrlError::Encoding),
            ("//h/%ff", UrlError::Encoding),
            ("//h/d?tabel=t", UrlError::Parameter("tabel".to_owned())),
            ("//h/d?table=t&table=t", UrlError::Twice("table".to_owned())),
            ("//h/d?sslmode=maybe", UrlError::TlsMode("maybe".to_owned())),
            (
                "//h/d?schema=pg_catalog",
                UrlError::Schema("pg_catalog".to_owned()),
            ),
            ("//h/d?schema=a%22", UrlError::Schema("a\"".to_owned())),
            (
                "//h/d?table=journal_offsets",
                UrlError::Table("journal_offsets".to_owned()),
            ),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
