//! What all databases have in common: whose rows their tables have, and whether a table that exists fits the plan.

mod combining;
mod dialect;
mod error;
mod later;
mod owner;
mod view;

use std::sync::Arc;

use journal_aggregate::Shape;
use journal_rows::{Column, RowType, RowTypes};

use super::binding;
use crate::journal::plan::{Kind, Output};

pub(super) use self::combining::Combining;
pub(super) use self::dialect::Dialect;
pub use self::error::TableError;
#[cfg(any(feature = "parquet", feature = "postgres"))]
pub(super) use self::later::deciding;
pub(super) use self::later::{Pair, is_greater};
pub use self::owner::{Owner, Provenance, RunName, SchemaChange};

/// A table with the output whose rows it takes.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its name. It needs no escape in quotes.
    pub(super) name: String,
    /// The name of the view of the rows that are not removed, where rows can be.
    pub(super) view: Option<String>,
    /// The name of the output.
    pub(super) output: String,
    /// The types of the rows that are written.
    pub(super) types: RowTypes,
    /// The columns of the table.
    pub(super) row: Arc<RowType>,
    /// How its rows are combined.
    pub(super) combining: Combining,
    /// How they are merged, where they are.
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

/// What a database remembers of a table.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) plugin: String,
    pub(super) output: String,
    pub(super) group: Option<String>,
    pub(super) combining: String,
}

/// What a database has under the names of a table.
#[derive(Clone, Debug)]
pub(super) struct Existing {
    pub(super) known: Option<Known>,
    /// Whether the name is a table's, and no view's.
    pub(super) is_table: bool,
    /// The columns of the table; none if there is no such table.
    pub(super) columns: Vec<Found>,
    /// Those of its view.
    pub(super) view: Vec<Found>,
}

/// What a table takes before rows are written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// It is created.
    Creation,
    /// It is there.
    Statements {
        /// What makes it fit the plan; nothing where it does.
        statements: Vec<String>,
        /// The group whose rows it has, which stay its own, whoever adds to them.
        group: Option<String>,
    },
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

impl Table {
    /// The table of an output.
    ///
    /// # Errors
    /// When its columns have no types, or no table can have the name.
    pub(super) fn of(output: &Output, table: Option<&str>) -> Result<Self, TableError> {
        let table = table.unwrap_or(&output.name);
        let (name, view) = match &output.kind {
            // The name is that of the view, which readers query.
            Kind::Upsert(_) => (view::name_of_table(table), Some(table.to_owned())),
            _ => (table.to_owned(), None),
        };
        let mut names = std::iter::once(&name).chain(&view);
        if let Some(bad) = names.find(|name| !binding::is_table(name)) {
            return Err(TableError::TableName { table: bad.clone() });
        }
        let types = output.row_types().ok_or_else(|| TableError::Untyped {
            output: output.name.clone(),
        })?;
        let shape = match &output.kind {
            Kind::Aggregate(shape) => Some(Arc::clone(shape)),
            _ => None,
        };
        Ok(Self {
            name,
            view,
            output: output.name.clone(),
            row: Arc::clone(types.stored()),
            types,
            combining: Combining::of(&output.kind),
            shape,
            summary: output.summary.clone(),
        })
    }

    /// The tables of outputs, each with the name of its table if that is not the output's.
    ///
    /// # Errors
    /// As for [`of`](Self::of), and when two outputs have one table.
    pub(super) fn all(
        outputs: &[(&Output, Option<&str>)],
        database: &str,
        is_same: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<Self>, TableError> {
        let mut tables: Vec<Self> = Vec::new();
        for &(output, table) in outputs {
            let table = Self::of(output, table)?;
            let shared = |other: &Self| {
                let is_shared = |name: &&&str| other.names().iter().any(|one| is_same(one, name));
                table
                    .names()
                    .iter()
                    .find(is_shared)
                    .map(|&name| name.to_owned())
            };
            let mut others = tables.iter();
            if let Some((other, shared)) = others.find_map(|other| Some((other, shared(other)?))) {
                return Err(TableError::SameTable {
                    database: database.to_owned(),
                    table: shared,
                    first: other.output.clone(),
                    second: table.output,
                });
            }
            tables.push(table);
        }
        Ok(tables)
    }

    /// What it takes before rows are written to it, where the database has this.
    ///
    /// # Errors
    /// When it is not the owner's, or does not fit the plan and may not be changed.
    pub(super) fn needed(
        &self,
        dialect: &dyn Dialect,
        database: &str,
        owner: &Owner,
        existing: Existing,
    ) -> Result<Needed, TableError> {
        let Existing {
            known,
            is_table,
            columns,
            view,
        } = existing;
        let not_own = |name: &String| TableError::NotOwn {
            database: database.to_owned(),
            table: name.clone(),
        };
        if columns.is_empty() {
            let taken = self.view.as_ref().filter(|_| !view.is_empty());
            return taken.map_or(Ok(Needed::Creation), |name| Err(not_own(name)));
        }
        // Somebody may have put a view in the place of a table.
        let known = known.filter(|_| is_table);
        let known = known.ok_or_else(|| not_own(&self.name))?;
        self.check_owner(database, owner, &known)?;
        let mut statements = self.changes(dialect, database, owner, &columns, &known)?;
        statements.extend(self.renew_view(dialect, &columns, &view));
        Ok(Needed::Statements {
            statements,
            group: known.group,
        })
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.row
            .index_of(name)
            .map(|index| &self.row.columns()[index])
    }

    /// The columns of the key, where there is one row for each key.
    pub(super) fn key(&self) -> Option<Vec<&Column>> {
        let columns = self.combining.key()?.iter();
        Some(columns.filter_map(|name| self.column(name)).collect())
    }

    /// Whether the key is the primary key: NULL cannot be in one.
    pub(super) fn has_primary_key(key: &[&Column]) -> bool {
        !key.is_empty() && key.iter().all(|column| !column.nullable)
    }

    /// Compares the table that exists with the plan. `combining` is how its rows were combined so far.
    pub(super) fn differences(
        &self,
        dialect: &dyn Dialect,
        found: &[Found],
        combining: &Combining,
    ) -> Differences {
        let mut differences = Differences::default();
        let table = dialect.table(self);
        if !combining.becomes(&self.combining) {
            differences
                .fixed
                .push("its rows were merged in another way, or by another key".to_owned());
        }
        let is_key = |name: &String| self.combining.key().is_some_and(|key| key.contains(name));
        for column in self.row.columns() {
            let name = &column.name;
            let mut existing = found.iter();
            let Some(existing) = existing.find(|one| dialect.is_same_name(&one.name, name)) else {
                if is_key(name) {
                    differences
                        .fixed
                        .push(format!("its key lacks the column `{name}`"));
                } else {
                    // Rows that are there already have no value for it.
                    let definition = dialect.definition(self, column, true);
                    differences
                        .add
                        .push(format!("ALTER TABLE {table} ADD COLUMN {definition}"));
                }
                continue;
            };
            let (old, new) = (&existing.sql_type, dialect.sql_type(self, column));
            if old != new {
                let old = if old.is_empty() {
                    "without a type"
                } else {
                    old.as_str()
                };
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
            let mut columns = self.row.columns().iter();
            if columns.any(|one| dialect.is_same_name(&one.name, name)) {
                continue;
            }
            let list = if other.not_null {
                &mut differences.must_drop
            } else {
                &mut differences.drop
            };
            list.push(format!("ALTER TABLE {table} DROP COLUMN \"{name}\""));
        }
        differences
    }

    /// Refuses a table of another plugin, output or group.
    pub(super) fn check_owner(
        &self,
        database: &str,
        owner: &Owner,
        known: &Known,
    ) -> Result<(), TableError> {
        let is_of_plugin = known.plugin == owner.plugin && known.output == self.output;
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
        Err(TableError::OtherOwner {
            database: database.to_owned(),
            table: self.name.clone(),
            owner: text(&known.plugin, &known.output, known.group.as_ref()),
            wanted: text(&owner.plugin, &self.output, owner.group.as_ref()),
        })
    }

    /// The statements that make a table fit, which exists.
    ///
    /// # Errors
    /// When the owner does not want them, or they are not enough.
    pub(super) fn changes(
        &self,
        dialect: &dyn Dialect,
        database: &str,
        owner: &Owner,
        found: &[Found],
        known: &Known,
    ) -> Result<Vec<String>, TableError> {
        // What cannot be read was written by another version.
        let combining = serde_json::from_str::<Combining>(&known.combining);
        let Differences {
            add,
            mut drop,
            must_drop,
            fixed,
        } = match combining {
            Ok(combining) => self.differences(dialect, found, &combining),
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
            return Ok(add);
        }
        Err(TableError::OtherSchema {
            database: database.to_owned(),
            table: self.name.clone(),
            statements: self.without_view(dialect, found, add.into_iter().chain(drop).collect()),
            fixed,
        })
    }

    /// The warning about a table that is new where its group is not.
    pub(super) fn warn_of_begun_group(&self, database: &str) {
        tracing::warn!(
            "the table `{}` of `{database}` is new, and its rows begin where the group is: the database has positions \
             of the group already",
            self.name,
        );
    }
}

/// Builders of tables for tests.
#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use journal_aggregate::{Merge, Shape};
    use journal_rows::{Column, ColumnType, RowType, UpsertTypes};

    use super::{Combining, Table};
    use crate::journal::plan::{Kind, Output, Upsert};

    pub(crate) fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
        Column {
            name: name.to_owned(),
            column_type,
            nullable,
            summary: String::new(),
        }
    }

    pub(crate) fn table(columns: Vec<Column>, shape: Option<Shape>) -> Table {
        let kind = shape.map_or(Kind::Append, |shape| Kind::Aggregate(Arc::new(shape)));
        table_of(columns, kind)
    }

    pub(crate) fn table_of(columns: Vec<Column>, kind: Kind) -> Table {
        let output = Output {
            name: "t".to_owned(),
            kind,
            row: Some(Arc::new(RowType::new(columns).unwrap())),
            summary: String::new(),
        };
        Table::of(&output, None).unwrap()
    }

    /// How the rows of an aggregate are combined.
    pub(crate) fn merging(shape: Shape) -> Combining {
        Combining::of(&Kind::Aggregate(Arc::new(shape)))
    }

    /// Rows that replace each other.
    pub(crate) fn upsert(columns: Vec<Column>, key: &[&str], order: &str) -> Kind {
        let row = Arc::new(RowType::new(columns).unwrap());
        let key: Vec<_> = key.iter().map(|&name| name.to_owned()).collect();
        let types = UpsertTypes::new(&row, &key, order).unwrap();
        Kind::Upsert(Arc::new(Upsert {
            key,
            order: order.to_owned(),
            types: Arc::new(types),
        }))
    }

    pub(crate) fn unique(key: &[&str]) -> Kind {
        Kind::Unique(key.iter().map(|&name| name.to_owned()).collect())
    }

    pub(crate) fn sums(key: &[&str], columns: &[(&str, Merge)]) -> Shape {
        let column = |&(name, merge): &(&str, Merge)| journal_aggregate::Column {
            name: name.to_owned(),
            merge,
            by: None,
        };
        Shape {
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns: columns.iter().map(column).collect(),
        }
    }

    /// The largest order of each key, and the latest values by it.
    pub(crate) fn latest(key: &[&str], order: &str, columns: &[&str]) -> Shape {
        let mut shape = sums(key, &[(order, Merge::Max)]);
        let column = |&name: &&str| journal_aggregate::Column {
            name: name.to_owned(),
            merge: Merge::Latest,
            by: Some(order.to_owned()),
        };
        shape.columns.extend(columns.iter().map(column));
        shape
    }
}
