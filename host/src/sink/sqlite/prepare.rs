//! What a run does with the tables of a database before it writes rows.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::table::{Combining, Differences, Found, Table};
use super::writer::Writer;
use super::{Owner, SchemaChange, SqliteError, positions};

/// What the database remembers of a table.
struct Known {
    plugin: String,
    output: String,
    group: Option<String>,
    combining: String,
}

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
                return Err(SqliteError::NotOwn {
                    file: writer.file.clone(),
                    table: table.name.clone(),
                });
            }
            (_, true) => {
                let begun = match &owner.group {
                    Some(group) => positions::has_any(&transaction, group).map_err(cannot)?,
                    None => false,
                };
                if begun {
                    tracing::warn!(
                        "the table `{}` of `{}` is new, and its rows begin where the group is: the database has \
                         positions of the group already",
                        table.name,
                        writer.file
                    );
                }
                create(&transaction, table, owner).map_err(cannot)?;
            }
            (Some(known), false) => {
                check_owner(writer, table, owner, &known)?;
                check_schema(writer, &transaction, table, owner, &found, &known)?;
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

fn check_owner(
    writer: &Writer,
    table: &Table,
    owner: &Owner,
    known: &Known,
) -> Result<(), SqliteError> {
    let is_of_plugin = known.plugin == owner.plugin && known.output == table.output;
    let is_same = is_of_plugin && (owner.redrives || known.group == owner.group);
    if is_same {
        return Ok(());
    }
    let text = |plugin: &str, output: &str, group: Option<&String>| {
        let whose = group.map_or_else(
            || "recordings".to_owned(),
            |group| format!("the group `{group}`"),
        );
        format!("the output `{output}` of the plugin `{plugin}` over {whose}")
    };
    Err(SqliteError::OtherOwner {
        file: writer.file.clone(),
        table: table.name.clone(),
        owner: text(&known.plugin, &known.output, known.group.as_ref()),
        wanted: text(&owner.plugin, &table.output, owner.group.as_ref()),
    })
}

fn check_schema(
    writer: &Writer,
    transaction: &Transaction<'_>,
    table: &Table,
    owner: &Owner,
    found: &[Found],
    known: &Known,
) -> Result<(), SqliteError> {
    // What cannot be read was written by another version.
    let combining = serde_json::from_str::<Combining>(&known.combining);
    let Differences {
        add,
        mut drop,
        must_drop,
        fixed,
    } = match combining {
        Ok(combining) => table.differences(found, &combining),
        Err(_) => Differences {
            fixed: vec!["another version of journal-host has created it".to_owned()],
            ..Differences::default()
        },
    };
    let adds = owner.schema_change == SchemaChange::AddColumns;
    if adds {
        drop.clear();
    }
    drop.extend(must_drop);
    if fixed.is_empty() && drop.is_empty() && (add.is_empty() || adds) {
        for sql in &add {
            tracing::info!("`{}`: {sql}", writer.file);
            transaction
                .execute_batch(sql)
                .map_err(|source| writer.cannot("change", source))?;
        }
        return Ok(());
    }
    Err(SqliteError::OtherSchema {
        file: writer.file.clone(),
        table: table.name.clone(),
        statements: add.into_iter().chain(drop).collect(),
        fixed,
    })
}
