//! The positions of a group in a database, as an operator looks at them and changes them.

use std::cell::RefCell;

use postgres::Client;

use super::PostgresError;
use super::positions::PositionStatements;
use super::prepare;
use super::session::Access;
use super::table::Schema;
use super::url::Url;
use crate::journal::group_offsets::Committed;
use crate::sink::{PositionKeeper, SinkError};

/// What a session has that locks positions. The brokers are asked in its transaction, which may take longer than the
/// pauses of a worker.
const PATIENT: &str = "SET idle_in_transaction_session_timeout = '2min'";

/// The positions of one group in a database, whose tables need not exist yet.
pub(super) struct Keeper {
    access: Access,
    /// The name of the schema, unless it is the first of the user's search path.
    schema: Option<String>,
    name: String,
    group: String,
    /// Has locked the positions, in the transaction that may replace them.
    locked: Option<RefCell<Client>>,
}

impl Keeper {
    pub(super) fn new(url: &Url, group: &str) -> Result<Self, PostgresError> {
        Ok(Self {
            access: Access::of(url)?,
            schema: url.schema.clone(),
            name: format!("`{url}`"),
            group: group.to_owned(),
            locked: None,
        })
    }

    fn schema(&self, client: &mut Client) -> Result<Schema, PostgresError> {
        prepare::schema(&self.access, client, self.schema.as_deref())
    }

    fn read(&self, client: &mut Client) -> Result<Committed, PostgresError> {
        let statements = PositionStatements::new(&self.schema(client)?);
        let read = statements.of_operator(client, &self.group);
        read.map_err(|error| self.access.cannot("read", &error))
    }

    /// Begins a transaction. Workers that would advance the positions wait for its end.
    fn begin(&self) -> Result<Client, PostgresError> {
        let mut client = self.access.connect_first()?;
        let statements = PositionStatements::new(&self.schema(&mut client)?);
        let locked = client
            .batch_execute(PATIENT)
            .and_then(|()| client.batch_execute("BEGIN"))
            .and_then(|()| statements.lock_all(&mut client, &self.group));
        locked.map_err(|error| self.access.cannot("lock the positions of", &error))?;
        Ok(client)
    }
}

impl PositionKeeper for Keeper {
    fn name(&self) -> &str {
        &self.name
    }

    fn positions(&self) -> Result<Committed, SinkError> {
        Ok(match &self.locked {
            Some(client) => self.read(&mut client.borrow_mut())?,
            None => self.read(&mut self.access.connect_first()?)?,
        })
    }

    fn lock(&mut self) -> Result<(), SinkError> {
        if self.locked.is_none() {
            self.locked = Some(RefCell::new(self.begin()?));
        }
        Ok(())
    }

    fn replace(&mut self, positions: &Committed) -> Result<(), SinkError> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut client = match self.locked.take() {
            Some(client) => client.into_inner(),
            None => self.begin()?,
        };
        let schema = self.schema(&mut client)?;
        let statements = PositionStatements::new(&schema);
        let replaced = prepare::create_own(&mut client, &schema, &statements)
            .and_then(|()| statements.replace(&mut client, &self.group, positions))
            .and_then(|()| client.batch_execute("COMMIT"));
        Ok(replaced.map_err(|error| self.access.cannot("write to", &error))?)
    }
}
