//! What a run does with the tables of a database before it writes rows.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::table::Strict;
use super::writer::Writer;
use super::{SqliteError, positions};
use crate::sink::tables::{Found, Known, Owner, Table, TableError};

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
        let found = found(&transaction, &table.name).map_err(cannot)?;
        match (known, found.is_empty()) {
            (None, false) => {
                let (database, table) = (writer.file.clone(), table.name.clone());
                return Err(TableError::NotOwn { database, table }.into());
            }
            (_, true) => {
                let begun = match &owner.group {
                    Some(group) => positions::has_any(&transaction, group).map_err(cannot)?,
                    None => false,
                };
                if begun {
                    table.warn_of_begun_group(&writer.file);
                }
                create(&transaction, table, owner).map_err(cannot)?;
            }
            (Some(known), false) => {
                table.check_owner(&writer.file, owner, &known)?;
                let changes = table.changes(&Strict, &writer.file, owner, &found, &known)?;
                for sql in &changes {
                    tracing::info!("`{}`: {sql}", writer.file);
                    let done = transaction.execute_batch(sql);
                    done.map_err(|source| writer.cannot("change", source))?;
                }
                // Rows of a group stay its own, whoever adds to them.
                let group = known.group.as_deref();
                remember(&transaction, table, owner, group).map_err(cannot)?;
            }
        }
    }
    transaction.commit().map_err(cannot)
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
    let combining = serde_json::to_string(&table.combining()).unwrap_or_default();
    transaction.execute(
        "INSERT OR REPLACE INTO journal_tables VALUES (?1, ?2, ?3, ?4, ?5)",
        params![table.name, owner.plugin, table.output, group, combining],
    )?;
    Ok(())
}
