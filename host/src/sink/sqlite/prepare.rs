//! What a run does with the tables of a database before it writes rows.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::table::Strict;
use super::writer::Writer;
use super::{SqliteError, positions};
use crate::sink::tables::{Existing, Found, Known, Needed, Owner, Table};

/// Creates the tables that are missing, and checks those that exist.
pub(super) fn prepare(writer: &Writer, tables: &[Table], owner: &Owner) -> Result<(), SqliteError> {
    let mut open = writer.wait();
    let cannot = |source| writer.cannot("prepare", source);
    let transaction = open
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(cannot)?;
    transaction
        .execute_batch(positions::TABLES)
        .map_err(cannot)?;
    for table in tables {
        let known = known(&transaction, &table.name).map_err(cannot)?;
        let existing = existing(&transaction, table, known).map_err(cannot)?;
        match table.needed(&Strict, &writer.file, owner, existing)? {
            Needed::Creation => {
                let begun = match &owner.group {
                    Some(group) => positions::has_any(&transaction, group).map_err(cannot)?,
                    None => false,
                };
                if begun {
                    table.warn_of_begun_group(&writer.file);
                }
                create(&transaction, table, owner).map_err(cannot)?;
            }
            Needed::Statements { statements, group } => {
                for sql in &statements {
                    tracing::info!("`{}`: {sql}", writer.file);
                    let done = transaction.execute_batch(sql);
                    done.map_err(|source| writer.cannot("change", source))?;
                }
                remember(&transaction, table, owner, group.as_deref()).map_err(cannot)?;
            }
        }
    }
    transaction.commit().map_err(cannot)
}

/// Whether the tables that exist take rows. Nothing is changed.
pub(super) fn check(
    connection: &Connection,
    file: &str,
    tables: &[Table],
    owner: &Owner,
) -> Result<(), SqliteError> {
    let cannot = |source: rusqlite::Error| SqliteError::Sqlite {
        file: file.to_owned(),
        action: "read",
        source: source.into(),
    };
    let is_there = "SELECT 1 FROM sqlite_schema WHERE name = 'journal_tables'";
    let is_there = connection.query_row(is_there, [], |_| Ok(())).optional();
    let remembers = is_there.map_err(cannot)?.is_some();
    for table in tables {
        let known = if remembers {
            known(connection, &table.name).map_err(cannot)?
        } else {
            None
        };
        let existing = existing(connection, table, known).map_err(cannot)?;
        let _needed = table.needed(&Strict, file, owner, existing)?;
    }
    Ok(())
}

/// The tables that have rows, for messages.
pub(super) fn with_rows(writer: &Writer, tables: &[Table]) -> Result<Vec<String>, SqliteError> {
    let open = writer.wait();
    let has_rows = |table: &Table| {
        let first = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
        let found = open.connection.query_row(&first, [], |_| Ok(())).optional();
        found.map(|found| found.is_some())
    };
    let mut found = Vec::new();
    for table in tables {
        if has_rows(table).map_err(|source| writer.cannot("read", source))? {
            found.push(format!("the table `{}` of `{}`", table.name, writer.file));
        }
    }
    Ok(found)
}

/// Removes all rows of the tables.
pub(super) fn remove_rows(writer: &Writer, tables: &[Table]) -> Result<(), SqliteError> {
    let mut open = writer.wait();
    let behavior = TransactionBehavior::Immediate;
    let mut remove = || {
        let transaction = open.connection.transaction_with_behavior(behavior)?;
        for table in tables {
            transaction.execute(&format!("DELETE FROM \"{}\"", table.name), [])?;
        }
        transaction.commit()
    };
    remove().map_err(|source| writer.cannot("remove rows from", source))
}

fn known(connection: &Connection, table: &str) -> rusqlite::Result<Option<Known>> {
    let sql = "SELECT plugin, output, group_id, combining FROM journal_tables WHERE name = ?1 COLLATE NOCASE";
    let known = connection.query_row(sql, [table], |row| {
        Ok(Known {
            plugin: row.get(0)?,
            output: row.get(1)?,
            group: row.get(2)?,
            combining: row.get(3)?,
        })
    });
    known.optional()
}

/// What a database has under the names of a table, of which it remembers this.
fn existing(
    connection: &Connection,
    table: &Table,
    known: Option<Known>,
) -> rusqlite::Result<Existing> {
    let view = table.view.as_ref().map(|view| found(connection, view));
    Ok(Existing {
        known,
        is_table: is_table(connection, &table.name)?,
        columns: found(connection, &table.name)?,
        view: view.transpose()?.unwrap_or_default(),
    })
}

/// Whether this is a table, and no view.
fn is_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type = 'table'";
    let found = connection.query_row(sql, [name], |_| Ok(())).optional();
    found.map(|found| found.is_some())
}

/// The columns of a table or view; none if there is no such table.
fn found(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Found>> {
    let mut statement =
        connection.prepare("SELECT name, type, \"notnull\" FROM pragma_table_xinfo(?1)")?;
    let columns = statement.query_map([table], |row| {
        Ok(Found {
            name: row.get(0)?,
            sql_type: row.get(1)?,
            not_null: row.get(2)?,
        })
    })?;
    columns.collect()
}

fn create(transaction: &Transaction<'_>, table: &Table, owner: &Owner) -> rusqlite::Result<()> {
    transaction.execute_batch(&table.create())?;
    remember(transaction, table, owner, owner.group.as_deref())
}

fn remember(
    transaction: &Transaction<'_>,
    table: &Table,
    owner: &Owner,
    group: Option<&str>,
) -> rusqlite::Result<()> {
    let combining = serde_json::to_string(&table.combining).unwrap_or_default();
    transaction.execute(
        "INSERT OR REPLACE INTO journal_tables VALUES (?1, ?2, ?3, ?4, ?5)",
        params![table.name, owner.plugin, table.output, group, combining],
    )?;
    Ok(())
}
