//! Databases of PostgreSQL that cannot be used or written.

use super::Explain;
use crate::cli::names::Names;
use crate::sink::postgres::PostgresError;

#[cfg(feature = "postgres")]
impl Explain for PostgresError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Server { source, .. } => of_code(source.code())?.to_owned(),
            Self::Table(error) => return error.hint(names),
            Self::PasswordFile { .. } => {
                "name a file that can be read, with the password and nothing else for \
                `password_file`, or in the format of `.pgpass` for `passfile`"
                    .to_owned()
            }
            Self::Certificates { .. } => {
                "`sslrootcert=FILE` names a file of certificates in PEM".to_owned()
            }
            Self::NoUser { .. } => "name the user before an `@`, or set `PGUSER`".to_owned(),
            Self::NoSchema { .. } => "name a schema with `schema=NAME` after the `?`".to_owned(),
            Self::Thread { .. } | Self::Ended { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Table(error) => error.is_wrong_use(),
            Self::NoUser { .. } => true,
            Self::Server { .. }
            | Self::PasswordFile { .. }
            | Self::Certificates { .. }
            | Self::NoSchema { .. }
            | Self::Thread { .. }
            | Self::Ended { .. } => false,
        }
    }
}

/// What helps where PostgreSQL refuses something for the reason of this code.
#[cfg(feature = "postgres")]
fn of_code(code: Option<&str>) -> Option<&'static str> {
    Some(match code {
        None => {
            "check the host, the port and that the server listens there; `sslmode` and `sslrootcert` after a `?` in the \
             URL say how it shows who it is"
        }
        Some("28P01" | "28000") => {
            "the password comes from `PGPASSWORD`, `~/.pgpass` or `password_file=FILE` after a `?` in the URL, and \
             `pg_hba.conf` of the server says who may connect"
        }
        Some("3D000") => "create the database with `createdb`",
        Some("42501") => {
            "the user needs the rights to create tables in the schema, temporary ones in the database, and the schema \
             where it is not there: `GRANT CREATE, USAGE ON SCHEMA ... TO ...; GRANT TEMPORARY, CREATE ON DATABASE ... TO ...`"
        }
        Some("53100") => {
            "make room and run again: nothing of this checkpoint was written or committed"
        }
        Some("42P10") => {
            "somebody has removed the primary key of the table: add it again, with the columns of the output's key"
        }
        Some("25006") => "connect to the primary server, which can be written to",
        _ => return None,
    })
}

#[cfg(not(feature = "postgres"))]
impl Explain for PostgresError {
    fn hint(&self, _names: Names<'_>) -> Option<String> {
        match *self {}
    }
}
