//! The statements of a table.

use std::fmt::Write as _;

use journal_aggregate::Merge;
use journal_rows::{Column, ColumnType, UpsertTypes};

use super::encoder::is_numeric;
use crate::sink::tables::{Dialect, Table, is_greater};

/// How PostgreSQL names and types columns, in the schema of this name, which is not quoted.
#[derive(Clone, Debug)]
pub(super) struct Schema(pub(super) String);

impl Dialect for Schema {
    fn sql_type(&self, table: &Table, column: &Column) -> &'static str {
        match column.column_type {
            ColumnType::Uint if is_numeric(table, column) => "numeric",
            ColumnType::Int | ColumnType::Uint => "bigint",
            ColumnType::Bool => "boolean",
            ColumnType::Float => "double precision",
            // By its bytes, as this program orders it, and not as a language does.
            ColumnType::Text => "text COLLATE \"C\"",
            ColumnType::Bytes | ColumnType::Id => "bytea",
            ColumnType::Timestamp => "timestamp with time zone",
            // Not `jsonb`, which changes the text and refuses U+0000.
            ColumnType::Json => "json",
        }
    }

    fn identifier(&self, name: &str) -> String {
        self.named(name)
    }

    /// Views of others that depend on it stay.
    fn replace_view(&self) -> &'static str {
        "CREATE OR REPLACE VIEW"
    }

    fn drops_view_first(&self) -> bool {
        false
    }

    fn is_same_name(&self, one: &str, other: &str) -> bool {
        one == other
    }
}

/// Everything that is asked of the server for one table.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    /// Takes rows: those of the table, or those that are to be merged.
    pub(super) copy: String,
    /// What merging takes, where rows are merged.
    pub(super) merge: Option<Merging>,
}

/// The statements that merge rows.
#[derive(Clone, Debug)]
pub(super) struct Merging {
    /// Creates the table of the session that takes the rows.
    pub(super) create: String,
    /// Merges them.
    pub(super) merge: String,
    /// The key of a row whose sum would leave the range of its column, if there is a column that has one.
    pub(super) out_of_range: Option<String>,
}

impl Schema {
    /// The schema as statements have it: between quotes.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }

    /// A name in this schema.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}.\"{name}\"", self.quoted())
    }

    /// The expressions that are unique, by which a row finds the one that it is merged with.
    fn target(&self, table: &Table, key: &[&Column]) -> String {
        if key.is_empty() {
            // All rows are merged into one.
            return "(true)".to_owned();
        }
        let expressions = key.iter().map(|column| {
            let name = &column.name;
            if !column.nullable {
                return format!("\"{name}\"");
            }
            // NULL differs from itself in an index.
            let none = match self.sql_type(table, column) {
                "boolean" => "false",
                "bytea" => "''::bytea",
                "timestamp with time zone" => "'epoch'::timestamptz",
                "bigint" => "0::bigint",
                _ => "''::text",
            };
            format!("(\"{name}\" IS NULL), (coalesce(\"{name}\", {none}))")
        });
        expressions.collect::<Vec<_>>().join(", ")
    }

    /// The statements that create the table.
    pub(super) fn create(&self, table: &Table) -> Vec<String> {
        let name = self.table(table);
        let columns = table.row.columns();
        let definitions = columns.iter();
        let mut parts: Vec<_> = definitions
            .map(|column| self.definition(table, column, column.nullable))
            .collect();
        let key = table.key();
        let primary = key.as_ref().is_some_and(|key| Table::has_primary_key(key));
        if let Some(key) = key.as_ref().filter(|_| primary) {
            parts.push(format!("PRIMARY KEY ({})", self.target(table, key)));
        }
        let mut statements = vec![format!("CREATE TABLE {name} ({})", parts.join(", "))];
        if let Some(key) = key.as_ref().filter(|_| !primary) {
            // PostgreSQL chooses a name, which it would cut off otherwise.
            let target = self.target(table, key);
            statements.push(format!("CREATE UNIQUE INDEX ON {name} ({target})"));
        }
        statements.extend(table.create_view(self));
        statements.extend(comments(table, "TABLE", &name, columns));
        if let Some(view) = &table.view {
            let name = self.named(view);
            let shown = columns
                .iter()
                .filter(|column| column.name != UpsertTypes::REMOVED);
            statements.extend(comments(table, "VIEW", &name, shown));
        }
        statements
    }

    /// The statements that write rows. `number` is that of the table in its database.
    pub(super) fn statements(&self, table: &Table, number: usize) -> Statements {
        let names = names(table.row.columns().iter());
        let copy = |into: &str| format!("COPY {into} ({names}) FROM STDIN (FORMAT BINARY)");
        let Some(key) = table.key() else {
            return Statements {
                copy: copy(&self.table(table)),
                merge: None,
            };
        };
        let session = format!("pg_temp.\"journal_merge_{number}\"");
        let columns = table.row.columns().iter();
        let definitions = columns.map(|column| self.definition(table, column, true));
        let definitions = definitions.collect::<Vec<_>>().join(", ");
        Statements {
            copy: copy(&session),
            merge: Some(Merging {
                create: format!(
                    "CREATE TEMPORARY TABLE IF NOT EXISTS \"journal_merge_{number}\" ({definitions}) ON COMMIT DELETE ROWS"
                ),
                merge: match table.ranking() {
                    Some(ranking) => self.replace(table, &key, &ranking, &session),
                    None => self.merge(table, &key, &session),
                },
                out_of_range: self.out_of_range(table, &key, &session),
            }),
        }
    }

    /// Rows are merged in the order of their keys, so that no two transactions wait for each other.
    fn merge(&self, table: &Table, key: &[&Column], session: &str) -> String {
        let columns = table.row.columns();
        let merge_of = |column: &Column| {
            let shape = table.shape.as_deref()?;
            shape.columns.iter().find(|one| one.name == column.name)
        };
        let is_merged = table.shape.is_some();
        let deciding = |column: &Column| {
            let shape = table.shape.as_deref();
            shape.map_or_else(Vec::new, |shape| table.deciding(shape, &column.name))
        };
        // Times that differ by less than a microsecond are one key here, and were two so far.
        let has_times = is_merged
            && key
                .iter()
                .any(|one| one.column_type == ColumnType::Timestamp);
        let selected = columns.iter().map(|column| {
            let name = &column.name;
            let sql_type = self.sql_type(table, column);
            match merge_of(column).map(|one| one.merge).filter(|_| has_times) {
                None => format!("\"{name}\""),
                Some(Merge::Sum) => format!("sum(\"{name}\")::{sql_type}"),
                Some(Merge::Min) => smallest(name, column.column_type, ""),
                Some(Merge::Max) => smallest(name, column.column_type, " DESC"),
                Some(Merge::Latest) => latest(name, &deciding(column)),
            }
        });
        let selected = selected.collect::<Vec<_>>().join(", ");
        let names_of_key = names(key.iter().copied());
        let mut sql = format!(
            "INSERT INTO {} AS o ({}) SELECT {selected} FROM {session}",
            self.table(table),
            names(columns.iter())
        );
        if has_times {
            let _ = write!(sql, " GROUP BY {names_of_key}");
        }
        if !key.is_empty() {
            let _ = write!(sql, " ORDER BY {names_of_key}");
        }
        let set = columns.iter().filter_map(|column| {
            let merge = merge_of(column)?.merge;
            let (name, old, new) = (
                &column.name,
                format!("o.\"{}\"", column.name),
                format!("excluded.\"{}\"", column.name),
            );
            // NULL leaves the other one as it is.
            let merged = match merge {
                Merge::Sum => format!("coalesce({old} + {new}, {old}, {new})"),
                Merge::Min => format!("least({old}, {new})"),
                Merge::Max => format!("greatest({old}, {new})"),
                Merge::Latest => {
                    let pair = |one: &&Column| {
                        let name = &one.name;
                        (format!("excluded.\"{name}\""), format!("o.\"{name}\""))
                    };
                    let pairs: Vec<_> = deciding(column).iter().map(pair).collect();
                    format!("CASE WHEN {} THEN {new} ELSE {old} END", is_greater(&pairs))
                }
            };
            Some(format!("\"{name}\" = {merged}"))
        });
        let set = set.collect::<Vec<_>>().join(", ");
        let target = self.target(table, key);
        // Of rows that are unique, the one that is there is kept.
        let action = if set.is_empty() {
            "NOTHING".to_owned()
        } else {
            format!("UPDATE SET {set}")
        };
        let _ = write!(sql, " ON CONFLICT ({target}) DO {action}");
        sql
    }

    /// Of the rows with the same key, the latest replaces the one that is there, if that is older. The order is that of the
    /// keys, as where rows are merged.
    fn replace(
        &self,
        table: &Table,
        key: &[&Column],
        ranking: &[&Column],
        session: &str,
    ) -> String {
        let all = names(table.row.columns().iter());
        let of_key = names(key.iter().copied());
        let order = ranking
            .iter()
            .map(|column| format!("{} DESC NULLS LAST", compared(column, "")));
        let order = order.collect::<Vec<_>>().join(", ");
        let set = ranking.iter().map(|column| {
            let name = &column.name;
            format!("\"{name}\" = excluded.\"{name}\"")
        });
        let set = set.collect::<Vec<_>>().join(", ");
        let pair = |column: &&Column| (compared(column, "excluded."), compared(column, "o."));
        let pairs: Vec<_> = ranking.iter().map(pair).collect();
        format!(
            "INSERT INTO {} AS o ({all}) SELECT DISTINCT ON ({of_key}) {all} FROM {session} ORDER BY {of_key}, {order} \
             ON CONFLICT ({}) DO UPDATE SET {set} WHERE {}",
            self.table(table),
            self.target(table, key),
            is_greater(&pairs)
        )
    }

    /// Asks for the key, as text, of a row whose sum is in no `bigint`.
    fn out_of_range(&self, table: &Table, key: &[&Column], session: &str) -> Option<String> {
        let shape = table.shape.as_deref()?;
        let sums = shape.columns.iter().filter(|one| one.merge == Merge::Sum);
        let sums = sums.filter_map(|one| table.column(&one.name));
        let is_beyond = sums
            .filter(|column| !is_numeric(table, column))
            .map(|column| {
                let name = &column.name;
                format!(
                    "coalesce(o.\"{name}\", 0)::numeric + sum(n.\"{name}\")::numeric \
                 NOT BETWEEN -9223372036854775808 AND 9223372036854775807"
                )
            });
        let is_beyond = is_beyond.collect::<Vec<_>>().join(" OR ");
        if is_beyond.is_empty() {
            return None;
        }
        let parts = key.iter().map(|column| {
            let name = &column.name;
            format!("'{name} = ' || quote_nullable(n.\"{name}\"::text)")
        });
        let text = parts.collect::<Vec<_>>().join(" || ', ' || ");
        let text = if key.is_empty() { "'()'" } else { &text };
        let on = key.iter().map(|column| {
            let name = &column.name;
            format!("o.\"{name}\" IS NOT DISTINCT FROM n.\"{name}\"")
        });
        let on = on.collect::<Vec<_>>().join(" AND ");
        let on = if key.is_empty() { "true" } else { &on };
        let of_key = |table: &str| {
            let names = key
                .iter()
                .map(|column| format!("{table}.\"{}\"", column.name));
            names.collect::<Vec<_>>()
        };
        let sums = shape.columns.iter().filter(|one| one.merge == Merge::Sum);
        let sums = sums.map(|one| format!("o.\"{}\"", one.name));
        let group: Vec<_> = of_key("n").into_iter().chain(sums).collect();
        Some(format!(
            "SELECT {text} FROM {session} AS n LEFT JOIN {} AS o ON {on} GROUP BY {} HAVING {is_beyond} ORDER BY 1 LIMIT 1",
            self.table(table),
            group.join(", ")
        ))
    }
}

/// The smallest of the values of a group, which may be of types that have no `min`.
fn smallest(name: &str, column_type: ColumnType, order: &str) -> String {
    match column_type {
        ColumnType::Bytes | ColumnType::Id => {
            format!("(array_agg(\"{name}\" ORDER BY \"{name}\"{order} NULLS LAST))[1]")
        }
        _ if order.is_empty() => format!("min(\"{name}\")"),
        _ => format!("max(\"{name}\")"),
    }
}

/// A column as it is compared: JSON has no order of its own.
fn compared(column: &Column, of: &str) -> String {
    let name = &column.name;
    match column.column_type {
        ColumnType::Json => format!("({of}\"{name}\"::text COLLATE \"C\")"),
        _ => format!("{of}\"{name}\""),
    }
}

/// The value of the latest of the rows of a group.
fn latest(name: &str, deciding: &[&Column]) -> String {
    let order = deciding.iter();
    let order = order.map(|one| format!("\"{}\" DESC NULLS LAST", one.name));
    let order = order.collect::<Vec<_>>().join(", ");
    format!("(array_agg(\"{name}\" ORDER BY {order}))[1]")
}

fn names<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let names = columns.map(|column| format!("\"{}\"", column.name));
    names.collect::<Vec<_>>().join(", ")
}

/// The statements that say what a table or view and its columns stand for.
fn comments<'a>(
    table: &Table,
    kind: &str,
    name: &str,
    columns: impl IntoIterator<Item = &'a Column>,
) -> Vec<String> {
    let of_all = Some(&table.summary).filter(|summary| !summary.is_empty());
    let of_all = of_all.map(|summary| format!("COMMENT ON {kind} {name} IS {}", literal(summary)));
    let columns = columns.into_iter();
    let columns = columns.filter(|column| !column.summary.is_empty());
    let of_columns = columns.map(|column| {
        let text = literal(&column.summary);
        format!("COMMENT ON COLUMN {name}.\"{}\" IS {text}", column.name)
    });
    of_all.into_iter().chain(of_columns).collect()
}

/// A text of the plugin as SQL has it, whatever the server takes a backslash for.
fn literal(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|one| if one == '\0' { ' ' } else { one })
        .collect();
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tables::tests::{
        column, latest as latest_by, sums, table, table_of, unique, upsert,
    };
    use crate::sink::tables::{Combining, Differences, Found};

    fn schema() -> Schema {
        Schema("s".to_owned())
    }

    #[test]
    fn comments_are_texts_whatever_they_hold() {
        assert_eq!(literal("it's"), "E'it''s'");
        assert_eq!(
            literal(r"a\'; DROP TABLE x; --"),
            r"E'a\\''; DROP TABLE x; --'"
        );
        let mut table = table(vec![column("a", ColumnType::Int, false)], None);
        table.summary = "one\0'".to_owned();
        let found = schema().create(&table);
        assert_eq!(
            found,
            [
                r#"CREATE TABLE "s"."t" ("a" bigint NOT NULL)"#,
                r#"COMMENT ON TABLE "s"."t" IS E'one '''"#
            ]
        );
    }

    #[test]
    fn rows_are_merged_in_the_order_of_their_keys() {
        let columns = vec![
            column("k", ColumnType::Text, false),
            column("n", ColumnType::Int, false),
            column("u", ColumnType::Uint, false),
            column("m", ColumnType::Timestamp, true),
        ];
        let merges = [("n", Merge::Sum), ("u", Merge::Sum), ("m", Merge::Max)];
        let keyed = table(columns, Some(sums(&["k"], &merges)));
        let created = schema().create(&keyed);
        assert_eq!(
            created,
            [
                "CREATE TABLE \"s\".\"t\" (\"k\" text COLLATE \"C\" NOT NULL, \"n\" bigint NOT NULL, \"u\" numeric NOT NULL, \
              \"m\" timestamp with time zone, PRIMARY KEY (\"k\"))"
            ]
        );
        let statements = schema().statements(&keyed, 3);
        let merging = statements.merge.unwrap();
        assert_eq!(
            merging.merge,
            "INSERT INTO \"s\".\"t\" AS o (\"k\", \"n\", \"u\", \"m\") SELECT \"k\", \"n\", \"u\", \"m\" FROM \
             pg_temp.\"journal_merge_3\" ORDER BY \"k\" ON CONFLICT (\"k\") DO UPDATE SET \
             \"n\" = coalesce(o.\"n\" + excluded.\"n\", o.\"n\", excluded.\"n\"), \
             \"u\" = coalesce(o.\"u\" + excluded.\"u\", o.\"u\", excluded.\"u\"), \
             \"m\" = greatest(o.\"m\", excluded.\"m\")"
        );
        let question = merging.out_of_range.unwrap();
        assert!(
            question.contains("sum(n.\"n\")") && !question.contains("sum(n.\"u\")"),
            "{question}"
        );
        assert!(
            statements
                .copy
                .starts_with("COPY pg_temp.\"journal_merge_3\" (\"k\", ")
        );
    }

    #[test]
    fn unique_rows_are_copied_before_they_come_into_the_table() {
        let columns = vec![
            column("k", ColumnType::Timestamp, false),
            column("v", ColumnType::Json, true),
        ];
        let kept = table_of(columns, unique(&["k"]));
        assert!(schema().create(&kept)[0].contains("PRIMARY KEY (\"k\")"));
        let statements = schema().statements(&kept, 0);
        assert!(statements.copy.starts_with("COPY pg_temp."));
        let merging = statements.merge.unwrap();
        assert!(merging.out_of_range.is_none());
        assert_eq!(
            merging.merge,
            "INSERT INTO \"s\".\"t\" AS o (\"k\", \"v\") SELECT \"k\", \"v\" FROM pg_temp.\"journal_merge_0\" \
             ORDER BY \"k\" ON CONFLICT (\"k\") DO NOTHING"
        );
    }

    #[test]
    fn rows_are_replaced_by_later_ones_and_a_view_shows_those_that_are_not_removed() {
        let columns = vec![
            column("v", ColumnType::Json, true),
            column("k", ColumnType::Text, false),
            column("o", ColumnType::Int, false),
        ];
        let kind = upsert(columns.clone(), &["k"], "o");
        let mut table = table_of(columns, kind);
        table.summary = "s".to_owned();
        let created = schema().create(&table);
        let expected = [
            "CREATE TABLE \"s\".\"t_all\" (\"v\" json, \"k\" text COLLATE \"C\" NOT NULL, \"o\" bigint NOT NULL, \
             \"_removed\" boolean NOT NULL, PRIMARY KEY (\"k\"))",
            "CREATE VIEW \"s\".\"t\" AS SELECT \"v\", \"k\", \"o\" FROM \"s\".\"t_all\" WHERE NOT \"_removed\"",
            "COMMENT ON TABLE \"s\".\"t_all\" IS E's'",
            "COMMENT ON COLUMN \"s\".\"t_all\".\"_removed\" IS E'Whether the key is removed'",
            "COMMENT ON VIEW \"s\".\"t\" IS E's'",
        ];
        assert_eq!(created, expected);
        let merging = schema().statements(&table, 0).merge.unwrap();
        let select = "SELECT DISTINCT ON (\"k\") \"v\", \"k\", \"o\", \"_removed\" FROM pg_temp.\"journal_merge_0\" \
                      ORDER BY \"k\", \"o\" DESC NULLS LAST, \"_removed\" DESC NULLS LAST, \
                      (\"v\"::text COLLATE \"C\") DESC NULLS LAST ON CONFLICT (\"k\") DO UPDATE SET \
                      \"o\" = excluded.\"o\", \"_removed\" = excluded.\"_removed\", \"v\" = excluded.\"v\" \
                      WHERE CASE WHEN excluded.\"o\" IS NOT DISTINCT FROM o.\"o\" THEN ";
        assert!(merging.merge.contains(select), "{}", merging.merge);
        let last = "WHEN (o.\"v\"::text COLLATE \"C\") IS NULL THEN true ELSE (excluded.\"v\"::text COLLATE \"C\") > \
                    (o.\"v\"::text COLLATE \"C\") END";
        assert!(merging.merge.contains(last), "{}", merging.merge);
        assert!(merging.out_of_range.is_none());
    }

    #[test]
    fn latest_values_are_decided_by_the_order_and_by_all_that_it_has() {
        let columns = vec![
            column("k", ColumnType::Timestamp, false),
            column("o", ColumnType::Int, true),
            column("v", ColumnType::Text, true),
            column("w", ColumnType::Bool, true),
        ];
        let merged = table(columns, Some(latest_by(&["k"], "o", &["v", "w"])));
        let merge = schema().statements(&merged, 0).merge.unwrap().merge;
        let last = "CASE WHEN excluded.\"w\" IS NULL THEN false WHEN o.\"w\" IS NULL THEN true ELSE \
                    excluded.\"w\" > o.\"w\" END";
        for part in [
            "\"v\" = CASE WHEN CASE WHEN excluded.\"o\" IS NOT DISTINCT FROM o.\"o\" THEN CASE WHEN excluded.\"v\" ",
            "END THEN excluded.\"w\" ELSE o.\"w\" END",
            "(array_agg(\"w\" ORDER BY \"o\" DESC NULLS LAST, \"v\" DESC NULLS LAST, \"w\" DESC NULLS LAST))[1]",
            last,
        ] {
            assert!(merge.contains(part), "{part}: {merge}");
        }
    }

    #[test]
    fn keys_that_may_be_null_have_an_index_of_expressions() {
        let columns = vec![
            column("k", ColumnType::Timestamp, true),
            column("n", ColumnType::Uint, false),
        ];
        let merged = table(columns.clone(), Some(sums(&["k"], &[("n", Merge::Sum)])));
        let created = schema().create(&merged);
        let target = "(\"k\" IS NULL), (coalesce(\"k\", 'epoch'::timestamptz))";
        assert_eq!(
            created[1],
            format!("CREATE UNIQUE INDEX ON \"s\".\"t\" ({target})")
        );
        let merge = schema().statements(&merged, 0).merge.unwrap();
        assert!(merge.out_of_range.is_none());
        assert!(
            merge.merge.contains("sum(\"n\")::numeric") && merge.merge.contains("GROUP BY \"k\"")
        );
        assert!(merge.merge.contains(&format!("ON CONFLICT ({target})")));
        let all = table(columns[1..].to_vec(), Some(sums(&[], &[("n", Merge::Sum)])));
        assert!(schema().create(&all)[1].ends_with("((true))"));
    }

    #[test]
    fn differences_are_statements_or_reasons() {
        let found = |name: &str, sql_type: &str, not_null| Found {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            not_null,
        };
        let append = table(
            vec![
                column("a", ColumnType::Int, false),
                column("b", ColumnType::Text, true),
            ],
            None,
        );
        let all = [
            found("a", "bigint", true),
            found("b", "text COLLATE \"C\"", false),
        ];
        let none = append.differences(&schema(), &all, &Combining::Append);
        assert_eq!(none, Differences::default());
        let others = [found("A", "bigint", true), found("a", "integer", true)];
        let found = append.differences(&schema(), &others, &Combining::Append);
        assert_eq!(
            found.add,
            ["ALTER TABLE \"s\".\"t\" ADD COLUMN \"b\" text COLLATE \"C\""]
        );
        assert_eq!(
            found.must_drop,
            ["ALTER TABLE \"s\".\"t\" DROP COLUMN \"A\""]
        );
        assert_eq!(
            found.fixed,
            ["its column `a` is integer, and the plan needs bigint"]
        );
    }
}
