//! The statements of a table.

use std::fmt::Write as _;

use journal_aggregate::Merge;
use journal_rows::{Column, ColumnType};

use crate::sink::tables::{Dialect, Pair, Table, is_greater};

/// How SQLite names and types columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strict;

impl Dialect for Strict {
    fn sql_type(&self, _table: &Table, column: &Column) -> &'static str {
        sql_type(column.column_type)
    }

    fn identifier(&self, name: &str) -> String {
        format!("\"{name}\"")
    }

    fn replace_view(&self) -> &'static str {
        "CREATE VIEW"
    }

    fn drops_view_first(&self) -> bool {
        true
    }

    fn is_same_name(&self, one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other)
    }
}

/// The type of a column in a `STRICT` table.
pub(super) fn sql_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool | ColumnType::Int | ColumnType::Uint => "INTEGER",
        ColumnType::Float => "REAL",
        ColumnType::Text | ColumnType::Timestamp | ColumnType::Json => "TEXT",
        ColumnType::Bytes | ColumnType::Id => "BLOB",
    }
}

impl Table {
    /// The expressions that are unique, by which a row finds the one that it is merged with.
    fn target(key: &[&Column], first: &str) -> String {
        if key.is_empty() {
            // All rows are merged into one. SQLite takes no constant here.
            return format!("\"{first}\" IS \"{first}\"");
        }
        let primary = Self::has_primary_key(key);
        let expressions = key.iter().map(|column| {
            let name = &column.name;
            if primary || !column.nullable {
                return format!("\"{name}\"");
            }
            // NULL differs from itself in an index.
            let none = match sql_type(column.column_type) {
                "TEXT" => "''",
                "BLOB" => "x''",
                _ => "0",
            };
            format!("\"{name}\" IS NULL, ifnull(\"{name}\", {none})")
        });
        expressions.collect::<Vec<_>>().join(", ")
    }

    /// The statements that create the table. Comments stay in the database's schema.
    pub(super) fn create(&self) -> String {
        let key = self.key();
        let primary = key.as_ref().is_some_and(|key| Self::has_primary_key(key));
        let mut sql = format!("CREATE TABLE \"{}\" (", self.name);
        if !self.summary.is_empty() {
            let _ = write!(sql, " -- {}", comment(&self.summary));
        }
        let columns = self.row.columns();
        for (index, column) in columns.iter().enumerate() {
            let is_last = index + 1 == columns.len() && !primary;
            let comma = if is_last { "" } else { "," };
            let _ = write!(
                sql,
                "\n    {}{comma}",
                Strict.definition(self, column, column.nullable)
            );
            if !column.summary.is_empty() {
                let _ = write!(sql, " -- {}", comment(&column.summary));
            }
        }
        let Some(key) = key else {
            sql.push_str("\n) STRICT");
            return sql;
        };
        let target = Self::target(&key, &columns[0].name);
        if primary {
            let _ = write!(sql, "\n    PRIMARY KEY ({target})\n) STRICT, WITHOUT ROWID");
        } else {
            let name = &self.name;
            let _ = write!(
                sql,
                "\n) STRICT;\nCREATE UNIQUE INDEX \"{name} key\" ON \"{name}\" ({target})"
            );
        }
        if let Some(view) = self.create_view(&Strict) {
            let _ = write!(sql, ";\n{view}");
        }
        sql
    }

    /// The statement that takes a row: its parameters are the columns in the order of the plan.
    pub(super) fn insert(&self) -> String {
        let columns = self.row.columns();
        let names: Vec<_> = columns
            .iter()
            .map(|one| format!("\"{}\"", one.name))
            .collect();
        let values: Vec<_> = (1..=columns.len())
            .map(|number| format!("?{number}"))
            .collect();
        let mut sql = format!(
            "INSERT INTO \"{}\" ({}) VALUES ({})",
            self.name,
            names.join(", "),
            values.join(", ")
        );
        let target = self.key().map(|key| Self::target(&key, &columns[0].name));
        if let (Some(target), None) = (&target, &self.shape) {
            let _ = write!(sql, " ON CONFLICT ({target}) DO ");
            match self.ranking() {
                Some(ranking) => sql.push_str(&replaced(&ranking)),
                None => sql.push_str("NOTHING"),
            }
        }
        if let (Some(target), Some(shape)) = (target, &self.shape) {
            let merged = shape.columns.iter().map(|one| {
                let merged = match self.column(&one.name) {
                    Some(column) if one.merge == Merge::Latest => {
                        latest(column, &self.deciding(shape, &one.name))
                    }
                    Some(column) => merged(column, one.merge),
                    // A shape has the columns of its rows.
                    None => "NULL".to_owned(),
                };
                format!("\"{}\" = {merged}", one.name)
            });
            let merged: Vec<_> = merged.collect();
            let _ = write!(
                sql,
                " ON CONFLICT ({target}) DO UPDATE SET {}",
                merged.join(", ")
            );
        }
        sql
    }
}

/// The value of a merged column: NULL leaves the other one as it is.
fn merged(column: &Column, merge: Merge) -> String {
    let (new, old) = values(column);
    let (compared_new, compared_old) = compared(column);
    let sign = match merge {
        Merge::Sum => return format!("coalesce({old} + {new}, {old}, {new})"),
        Merge::Min => '<',
        Merge::Max | Merge::Latest => '>',
    };
    format!(
        "CASE WHEN {old} IS NULL OR {compared_new} {sign} {compared_old} THEN {new} ELSE {old} END"
    )
}

/// The columns of a row take those of the one that replaces it, if that is the later one.
fn replaced(ranking: &[&Column]) -> String {
    let set = ranking.iter().map(|column| {
        let (new, old) = values(column);
        format!("{old} = {new}")
    });
    let pairs: Vec<_> = ranking.iter().copied().map(compared).collect();
    format!(
        "UPDATE SET {} WHERE {}",
        set.collect::<Vec<_>>().join(", "),
        is_greater(&pairs)
    )
}

/// The value of a column that has that of the later row.
fn latest(column: &Column, deciding: &[&Column]) -> String {
    let pairs: Vec<_> = deciding.iter().copied().map(compared).collect();
    let (new, old) = values(column);
    format!("CASE WHEN {} THEN {new} ELSE {old} END", is_greater(&pairs))
}

/// The value of the row that is written, and that of the row that is there.
fn values(column: &Column) -> Pair {
    let name = &column.name;
    (format!("excluded.\"{name}\""), format!("\"{name}\""))
}

/// The same as they are compared.
fn compared(column: &Column) -> Pair {
    let (new, old) = values(column);
    match column.column_type {
        // A fraction of a second comes before the letter.
        ColumnType::Timestamp => (format!("rtrim({new}, 'Z')"), format!("rtrim({old}, 'Z')")),
        _ => (new, old),
    }
}

/// A text of the plugin in one line, so that no part of it is a statement.
fn comment(text: &str) -> String {
    let printable = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one });
    // SQLite's shell splits statements at the end of a line.
    printable.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::plan::Kind;
    use crate::sink::tables::tests::{
        column, latest as latest_by, merging, sums, table, table_of, unique,
    };
    use crate::sink::tables::{Combining, Differences, Found};

    #[test]
    fn comments_cannot_end_before_their_text() {
        let mut table = table(vec![column("a", ColumnType::Int, false)], None);
        table.summary = "one\n); DROP TABLE x; --\u{2028}".to_owned();
        let sql = table.create();
        assert!(
            sql.starts_with("CREATE TABLE \"t\" ( -- one ); DROP"),
            "{sql}"
        );
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(&sql).unwrap();
    }

    #[test]
    fn table_of_unique_rows_keeps_the_row_that_is_there() {
        let columns = vec![
            column("a", ColumnType::Id, false),
            column("b", ColumnType::Text, true),
        ];
        let table = table_of(columns, unique(&["a"]));
        assert!(table.create().contains("PRIMARY KEY (\"a\")"));
        assert!(
            table
                .insert()
                .ends_with("VALUES (?1, ?2) ON CONFLICT (\"a\") DO NOTHING")
        );
        let becomes = |kind: &Kind| {
            let found = [("a", "BLOB", true), ("b", "TEXT", false)];
            let found = found.map(|(name, sql_type, not_null)| Found {
                name: name.to_owned(),
                sql_type: sql_type.to_owned(),
                not_null,
            });
            let differences = table.differences(&Strict, &found, &Combining::of(kind));
            differences.fixed.is_empty()
        };
        assert!(becomes(&unique(&["a"])));
        assert!(!becomes(&unique(&["a", "b"])) && !becomes(&Kind::Append));
    }

    #[test]
    fn differences_are_statements_or_reasons() {
        let found = |name: &str, sql_type: &str, not_null| Found {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            not_null,
        };
        let columns = vec![
            column("a", ColumnType::Int, false),
            column("b", ColumnType::Text, true),
            column("c", ColumnType::Id, false),
        ];
        let append = table(columns.clone(), None);
        let all = [
            found("a", "INTEGER", true),
            found("b", "TEXT", false),
            found("c", "BLOB", false),
        ];
        assert_eq!(
            append.differences(&Strict, &all, &Combining::Append),
            Differences::default()
        );
        let others = [
            found("A", "TEXT", true),
            found("b", "TEXT", true),
            found("d", "TEXT", false),
        ];
        let found = append.differences(&Strict, &others, &Combining::Append);
        assert_eq!(found.add, ["ALTER TABLE \"t\" ADD COLUMN \"c\" BLOB"]);
        assert_eq!(found.drop, ["ALTER TABLE \"t\" DROP COLUMN \"d\""]);
        assert_eq!(
            found.fixed,
            [
                "its column `a` is TEXT, and the plan needs INTEGER",
                "its column `b` is NOT NULL, and the plan has NULL"
            ]
        );
        let shape = sums(&["c"], &[("a", Merge::Sum), ("b", Merge::Max)]);
        let merged = table(columns.clone(), Some(shape.clone()));
        assert_eq!(
            merged
                .differences(&Strict, &all, &Combining::Append)
                .fixed
                .len(),
            1
        );
        let fewer = merging(sums(&["c"], &[("a", Merge::Sum)]));
        assert_eq!(
            merged.differences(&Strict, &all, &fewer),
            Differences::default()
        );
        let by_a = merging(latest_by(&["c"], "a", &["b"]));
        assert_eq!(merged.differences(&Strict, &all, &by_a).fixed.len(), 1);
        let other = merging(sums(&["c"], &[("a", Merge::Max)]));
        assert_eq!(merged.differences(&Strict, &all, &other).fixed.len(), 1);
        let json = serde_json::to_string(&merging(shape)).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"aggregate","key":["c"],"columns":[{"name":"a","merge":"sum"},{"name":"b","merge":"max"}]}"#
        );
    }
}
