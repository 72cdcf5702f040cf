//! What a run does with the tables of a database before it writes rows.

use postgres::{Client, GenericClient, Transaction};

use super::PostgresError;
use super::positions::PositionStatements;
use super::session::Access;
use super::table::Schema;
use crate::sink::tables::{Existing, Found, Known, Needed, Owner, Table};

/// Processes that start at once create tables one after the other. The number has no meaning.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235419880142033)";
const SCHEMA_EXISTS: &str = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
/// Ordinary tables, and those that somebody has partitioned.
const IS_TABLE: &str =
    "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')";
const FOUND: &str = "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
        || CASE WHEN l.collname = 'C' THEN ' COLLATE \"C\"' ELSE '' END, a.attnotnull
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
    WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// The tables of a database before anything is written.
pub(super) struct Preparing<'a> {
    pub(super) access: &'a Access,
    pub(super) schema: &'a Schema,
    pub(super) positions: &'a PositionStatements,
    pub(super) owner: &'a Owner,
}

/// The schema of the tables: the one that the operator names, or the first of the user's search path.
pub(super) fn schema(
    access: &Access,
    client: &mut Client,
    named: Option<&str>,
) -> Result<Schema, PostgresError> {
    if let Some(name) = named {
        return Ok(Schema(name.to_owned()));
    }
    let row = client.query_one("SELECT current_schema()::text", &[]);
    let row = row.map_err(|error| access.cannot("read", &error))?;
    let name = row
        .get::<_, Option<String>>(0)
        .ok_or_else(|| PostgresError::NoSchema {
            database: access.name.clone(),
        })?;
    Ok(Schema(name))
}

/// Creates the schema, and the tables that remember whose rows a database has, where they are missing. Until the
/// transaction ends, no other process does.
pub(super) fn create_own(
    client: &mut impl GenericClient,
    schema: &Schema,
    positions: &PositionStatements,
) -> Result<(), postgres::Error> {
    client.batch_execute(LOCK)?;
    if client.query_opt(SCHEMA_EXISTS, &[&schema.0])?.is_none() {
        client.batch_execute(&format!("CREATE SCHEMA {}", schema.quoted()))?;
    }
    positions.create(client)
}

impl Preparing<'_> {
    /// Creates the tables that are missing, and checks those that exist.
    pub(super) fn prepare<'t>(
        &self,
        client: &mut Client,
        tables: impl Iterator<Item = &'t Table>,
    ) -> Result<(), PostgresError> {
        let (transaction, statements) = self.begin(client, tables)?;
        let committed = transaction.commit();
        committed.map_err(|error| self.access.cannot("prepare", &error))?;
        for sql in statements {
            tracing::info!("`{}`: {sql}", self.access.name);
        }
        Ok(())
    }

    /// Does the same, and takes it back.
    pub(super) fn check<'t>(
        &self,
        client: &mut Client,
        tables: impl Iterator<Item = &'t Table>,
    ) -> Result<(), PostgresError> {
        let (transaction, _) = self.begin(client, tables)?;
        let taken_back = transaction.rollback();
        taken_back.map_err(|error| self.access.cannot("prepare", &error))
    }

    /// Prepares the tables in a transaction. With it come the statements that changed tables.
    fn begin<'c, 't>(
        &self,
        client: &'c mut Client,
        tables: impl Iterator<Item = &'t Table>,
    ) -> Result<(Transaction<'c>, Vec<String>), PostgresError> {
        let cannot = |error: postgres::Error| self.access.cannot("prepare", &error);
        let mut transaction = client.transaction().map_err(cannot)?;
        create_own(&mut transaction, self.schema, self.positions).map_err(cannot)?;
        let mut changes = Vec::new();
        for table in tables {
            changes.extend(self.prepare_table(&mut transaction, table)?);
        }
        Ok((transaction, changes))
    }

    /// Prepares a table, and returns the statements that changed it.
    fn prepare_table(
        &self,
        transaction: &mut Transaction<'_>,
        table: &Table,
    ) -> Result<Vec<String>, PostgresError> {
        let cannot = |error: postgres::Error| self.access.cannot("prepare", &error);
        let database = &self.access.name;
        let existing = self.existing(transaction, table).map_err(cannot)?;
        match table.needed(self.schema, database, self.owner, existing)? {
            Needed::Creation => {
                let begun = match &self.owner.group {
                    Some(group) => self.positions.has_any(transaction, group).map_err(cannot)?,
                    None => false,
                };
                if begun {
                    table.warn_of_begun_group(database);
                }
                for sql in self.schema.create(table) {
                    transaction.batch_execute(&sql).map_err(cannot)?;
                }
                self.remember(transaction, table, self.owner.group.as_deref())
                    .map_err(cannot)?;
                Ok(Vec::new())
            }
            Needed::Statements { statements, group } => {
                for sql in &statements {
                    transaction
                        .batch_execute(sql)
                        .map_err(|error| self.access.cannot("change", &error))?;
                }
                self.remember(transaction, table, group.as_deref())
                    .map_err(cannot)?;
                Ok(statements)
            }
        }
    }

    /// What the database has under the names of a table.
    fn existing(
        &self,
        transaction: &mut Transaction<'_>,
        table: &Table,
    ) -> Result<Existing, postgres::Error> {
        let view = match &table.view {
            Some(view) => self.found(transaction, view)?,
            None => Vec::new(),
        };
        let is_table = transaction.query_opt(IS_TABLE, &[&self.schema.0, &table.name])?;
        Ok(Existing {
            known: self.known(transaction, &table.name)?,
            is_table: is_table.is_some(),
            columns: self.found(transaction, &table.name)?,
            view,
        })
    }

    /// The columns of a table or view; none if there is no such table.
    fn found(
        &self,
        transaction: &mut Transaction<'_>,
        name: &str,
    ) -> Result<Vec<Found>, postgres::Error> {
        let columns = transaction.query(FOUND, &[&self.schema.0, &name])?;
        let columns = columns.iter().map(|row| Found {
            name: row.get(0),
            sql_type: row.get(1),
            not_null: row.get(2),
        });
        Ok(columns.collect())
    }

    fn known(
        &self,
        transaction: &mut Transaction<'_>,
        table: &str,
    ) -> Result<Option<Known>, postgres::Error> {
        let tables = self.schema.named("journal_tables");
        let sql =
            format!("SELECT plugin, output, group_id, combining FROM {tables} WHERE name = $1");
        let row = transaction.query_opt(&sql, &[&table])?;
        Ok(row.map(|row| Known {
            plugin: row.get(0),
            output: row.get(1),
            group: row.get(2),
            combining: row.get(3),
        }))
    }

    fn remember(
        &self,
        transaction: &mut Transaction<'_>,
        table: &Table,
        group: Option<&str>,
    ) -> Result<(), postgres::Error> {
        let combining = serde_json::to_string(&table.combining).unwrap_or_default();
        let sql = format!(
            "INSERT INTO {} VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET plugin = excluded.plugin,
            output = excluded.output, group_id = excluded.group_id, combining = excluded.combining",
            self.schema.named("journal_tables")
        );
        let plugin = &self.owner.plugin;
        transaction.execute(
            &sql,
            &[&table.name, plugin, &table.output, &group, &combining],
        )?;
        Ok(())
    }
}

/// The tables that have rows.
pub(super) fn with_rows<'t>(
    schema: &Schema,
    client: &mut Client,
    tables: impl Iterator<Item = &'t Table>,
) -> Result<Vec<&'t Table>, postgres::Error> {
    let mut found = Vec::new();
    for table in tables {
        let first = format!("SELECT 1 FROM {} LIMIT 1", schema.named(&table.name));
        if client.query_opt(&first, &[])?.is_some() {
            found.push(table);
        }
    }
    Ok(found)
}

/// Removes all rows of the tables.
pub(super) fn remove_rows<'t>(
    schema: &Schema,
    client: &mut Client,
    tables: impl Iterator<Item = &'t Table>,
) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    for table in tables {
        transaction.batch_execute(&format!("DELETE FROM {}", schema.named(&table.name)))?;
    }
    transaction.commit()
}
