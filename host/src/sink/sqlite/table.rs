//! A table: its statements, and what it takes to make an existing one fit.

use std::fmt::Write as _;
use std::sync::Arc;

use journal_aggregate::{Merge, Shape};
use journal_rows::{Column, ColumnType, RowType};
use serde::{Deserialize, Serialize};

/// How the rows of a table are combined, as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Combining {
    /// Every row is added.
    Append,
    /// Rows with the same key are merged.
    Aggregate {
        /// The columns of the key.
        key: Vec<String>,
        /// The merged columns, each with its merge.
        columns: Vec<journal_aggregate::Column>,
    },
}

impl Combining {
    fn of(shape: Option<&Shape>) -> Self {
        shape.map_or(Self::Append, |shape| Self::Aggregate {
            key: shape.key.clone(),
            columns: shape.columns.clone(),
        })
    }

    /// Whether rows that were combined in this way can go on as `other`. Columns may be added to an aggregate.
    fn becomes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Append, Self::Append) => true,
            (
                Self::Aggregate { key, columns },
                Self::Aggregate {
                    key: other_key,
                    columns: others,
                },
            ) => {
                let same = |one: &journal_aggregate::Column| {
                    let mut others = others.iter();
                    others.all(|other| other.name != one.name || other.merge == one.merge)
                };
                key == other_key && columns.iter().all(same)
            }
            _ => false,
        }
    }
}

/// A table with the output whose rows it takes.
#[derive(Clone, Debug)]
pub(in crate::sink) struct Table {
    /// Its name. It needs no escape in quotes.
    pub(super) name: String,
    /// The name of the output.
    pub(super) output: String,
    pub(super) row: Arc<RowType>,
    pub(super) shape: Option<Arc<Shape>>,
    /// What one row stands for.
    pub(super) summary: String,
}

/// A column of a table that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) sql_type: String,
    pub(super) not_null: bool,
}

/// How a table that exists differs from what the plan needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Statements that add the columns that are missing.
    pub(super) add: Vec<String>,
    /// Statements that drop the columns that the plan does not have, and that can be NULL.
    pub(super) drop: Vec<String>,
    /// The same for columns that need a value in each row.
    pub(super) must_drop: Vec<String>,
    /// What no statement changes, each as a sentence.
    pub(super) fixed: Vec<String>,
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
    /// How its rows are combined.
    pub(super) fn combining(&self) -> Combining {
        Combining::of(self.shape.as_deref())
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.row
            .index_of(name)
            .map(|index| &self.row.columns()[index])
    }

    /// The columns of the key, where rows are merged.
    fn key(&self) -> Option<Vec<&Column>> {
        let shape = self.shape.as_ref()?;
        let columns = shape.key.iter();
        Some(columns.filter_map(|name| self.column(name)).collect())
    }

    /// Whether the key is the primary key: NULL cannot be in one.
    fn has_primary_key(key: &[&Column]) -> bool {
        !key.is_empty() && key.iter().all(|column| !column.nullable)
    }

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
            let _ = write!(sql, "\n    {}{comma}", definition(column, column.nullable));
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
        if let (Some(key), Some(shape)) = (self.key(), &self.shape) {
            let target = Self::target(&key, &columns[0].name);
            let merged = shape.columns.iter().map(|one| {
                let column_type = self.column(&one.name).map(|column| column.column_type);
                format!(
                    "\"{}\" = {}",
                    one.name,
                    merged(&one.name, one.merge, column_type)
                )
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

    /// Compares the table that exists with the plan. `combining` is how its rows were combined so far.
    pub(super) fn differences(&self, found: &[Found], combining: &Combining) -> Differences {
        let mut differences = Differences::default();
        let table = &self.name;
        if !combining.becomes(&self.combining()) {
            differences
                .fixed
                .push("its rows were merged in another way, or by another key".to_owned());
        }
        let is_key = |name: &String| {
            self.shape
                .as_ref()
                .is_some_and(|one| one.key.contains(name))
        };
        for column in self.row.columns() {
            let name = &column.name;
            let Some(existing) = found.iter().find(|one| one.name.eq_ignore_ascii_case(name))
            else {
                if is_key(name) {
                    differences
                        .fixed
                        .push(format!("its key lacks the column `{name}`"));
                } else {
                    // Rows that are there already have no value for it.
                    let definition = definition(column, true);
                    differences
                        .add
                        .push(format!("ALTER TABLE \"{table}\" ADD COLUMN {definition}"));
                }
                continue;
            };
            let (old, new) = (&existing.sql_type, sql_type(column.column_type));
            if old != new {
                differences.fixed.push(format!(
                    "its column `{name}` is {old}, and the plan needs {new}"
                ));
            }
            if existing.not_null && column.nullable {
                differences.fixed.push(format!(
                    "its column `{name}` is NOT NULL, and the plan has NULL"
                ));
            }
        }
        for other in found {
            let name = &other.name;
            if self
                .row
                .columns()
                .iter()
                .any(|one| one.name.eq_ignore_ascii_case(name))
            {
                continue;
            }
            let list = if other.not_null {
                &mut differences.must_drop
            } else {
                &mut differences.drop
            };
            list.push(format!("ALTER TABLE \"{table}\" DROP COLUMN \"{name}\""));
        }
        differences
    }
}

fn definition(column: &Column, nullable: bool) -> String {
    let (name, sql_type) = (&column.name, sql_type(column.column_type));
    let not_null = if nullable { "" } else { " NOT NULL" };
    format!("\"{name}\" {sql_type}{not_null}")
}

/// The value of a merged column: NULL leaves the other one as it is.
fn merged(name: &str, merge: Merge, column_type: Option<ColumnType>) -> String {
    let (old, new) = (format!("\"{name}\""), format!("excluded.\"{name}\""));
    let sign = match merge {
        Merge::Sum => return format!("coalesce({old} + {new}, {old}, {new})"),
        Merge::Min => '<',
        Merge::Max => '>',
    };
    let comparison = match column_type {
        // A fraction of a second comes before the letter.
        Some(ColumnType::Timestamp) => format!("rtrim({new}, 'Z') {sign} rtrim({old}, 'Z')"),
        _ => format!("{new} {sign} {old}"),
    };
    format!("CASE WHEN {old} IS NULL OR {comparison} THEN {new} ELSE {old} END")
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
pub(super) mod tests {
    use super::*;

    pub(crate) fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
        Column {
            name: name.to_owned(),
            column_type,
            nullable,
            summary: String::new(),
        }
    }

    pub(crate) fn table(columns: Vec<Column>, shape: Option<Shape>) -> Table {
        Table {
            name: "t".to_owned(),
            output: "rows".to_owned(),
            row: Arc::new(RowType::new(columns).unwrap()),
            shape: shape.map(Arc::new),
            summary: String::new(),
        }
    }

    pub(crate) fn sums(key: &[&str], columns: &[(&str, Merge)]) -> Shape {
        let column = |&(name, merge): &(&str, Merge)| journal_aggregate::Column {
            name: name.to_owned(),
            merge,
        };
        Shape {
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns: columns.iter().map(column).collect(),
        }
    }

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
            append.differences(&all, &Combining::Append),
            Differences::default()
        );
        let others = [
            found("A", "TEXT", true),
            found("b", "TEXT", true),
            found("d", "TEXT", false),
        ];
        let found = append.differences(&others, &Combining::Append);
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
        assert_eq!(merged.differences(&all, &Combining::Append).fixed.len(), 1);
        let fewer = Combining::of(Some(&sums(&["c"], &[("a", Merge::Sum)])));
        assert_eq!(merged.differences(&all, &fewer), Differences::default());
        let other = Combining::of(Some(&sums(&["c"], &[("a", Merge::Max)])));
        assert_eq!(merged.differences(&all, &other).fixed.len(), 1);
        let json = serde_json::to_string(&Combining::of(Some(&shape))).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"aggregate","key":["c"],"columns":[{"name":"a","merge":"sum"},{"name":"b","merge":"max"}]}"#
        );
    }
}
