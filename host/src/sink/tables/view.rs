//! Tables whose rows replace each other by key. Keys that are removed stay in the table, with the order of their removal,
//! so that an older row that comes later does not bring them back. Readers query a view without them.

use journal_rows::{Column, UpsertTypes};

use super::{Combining, Dialect, Found, Table};

/// The end of the name of such a table: the name without it is that of the view.
const ALL: &str = "_all";

/// The name of the table that a view with this name shows.
pub(super) fn name_of_table(view: &str) -> String {
    format!("{view}{ALL}")
}

impl Table {
    /// The names that it takes in its database.
    pub(super) fn names(&self) -> Vec<&str> {
        let view = self.view.as_deref();
        std::iter::once(&*self.name).chain(view).collect()
    }

    /// The columns that decide which of two rows with the same key is kept, the most important first: the order, whether
    /// the key is removed, and all others that are not of the key. None where it is decided in another way.
    pub(crate) fn ranking(&self) -> Option<Vec<&Column>> {
        let Combining::Upsert { key, order } = &self.combining else {
            return None;
        };
        let columns = self.row.columns();
        let rest = columns.iter().filter(|column| {
            let name = &column.name;
            name != order && name != UpsertTypes::REMOVED && !key.contains(name)
        });
        let first = [order, UpsertTypes::REMOVED].into_iter();
        let first = first.filter_map(|name| self.column(name));
        Some(first.chain(rest).collect())
    }

    /// The statement that creates the view of a new table.
    pub(crate) fn create_view(&self, dialect: &dyn Dialect) -> Option<String> {
        let columns = self.row.columns().iter().map(|column| &*column.name);
        self.view_of(dialect, "CREATE VIEW", columns)
    }

    /// The statements that make the view show all columns that the table has once those of the plan were added. There are
    /// none where it does already.
    pub(super) fn renew_view(
        &self,
        dialect: &dyn Dialect,
        found: &[Found],
        shown: &[Found],
    ) -> Vec<String> {
        let Some(view) = &self.view else {
            return Vec::new();
        };
        let added = self.added(dialect, found);
        let columns: Vec<&str> = names(found).chain(added).collect();
        let needed = columns.iter().filter(|name| **name != UpsertTypes::REMOVED);
        if needed.copied().eq(names(shown)) {
            return Vec::new();
        }
        let created = self.view_of(dialect, dialect.replace_view(), columns.into_iter());
        let dropped = dialect.drops_view_first().then(|| drop_view(dialect, view));
        dropped.into_iter().chain(created).collect()
    }

    /// Statements that change the table, between those that remove the view and create it for the columns of the plan.
    pub(super) fn without_view(
        &self,
        dialect: &dyn Dialect,
        found: &[Found],
        statements: Vec<String>,
    ) -> Vec<String> {
        let view = self.view.as_ref().filter(|_| !statements.is_empty());
        let Some(view) = view else {
            return statements;
        };
        let stay = names(found).filter(|name| self.has(dialect, name));
        let columns = stay.chain(self.added(dialect, found));
        let created = self.view_of(dialect, "CREATE VIEW", columns);
        let first = std::iter::once(drop_view(dialect, view));
        first.chain(statements).chain(created).collect()
    }

    fn view_of<'a>(
        &self,
        dialect: &dyn Dialect,
        create: &str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        let view = dialect.identifier(self.view.as_ref()?);
        let shown = columns.filter(|name| *name != UpsertTypes::REMOVED);
        let shown = shown.map(|name| format!("\"{name}\""));
        Some(format!(
            "{create} {view} AS SELECT {} FROM {} WHERE NOT \"{}\"",
            shown.collect::<Vec<_>>().join(", "),
            dialect.table(self),
            UpsertTypes::REMOVED
        ))
    }

    fn has(&self, dialect: &dyn Dialect, name: &str) -> bool {
        let mut columns = self.row.columns().iter();
        columns.any(|column| dialect.is_same_name(&column.name, name))
    }

    /// The columns of the plan that the table does not have.
    fn added<'a>(
        &'a self,
        dialect: &dyn Dialect,
        found: &'a [Found],
    ) -> impl Iterator<Item = &'a str> {
        let columns = self.row.columns().iter().map(|column| &*column.name);
        let is_there = |name: &str| names(found).any(|other| dialect.is_same_name(other, name));
        let missing: Vec<_> = columns.filter(|name| !is_there(name)).collect();
        missing.into_iter()
    }
}

fn names(found: &[Found]) -> impl Iterator<Item = &str> {
    found.iter().map(|column| &*column.name)
}

fn drop_view(dialect: &dyn Dialect, view: &str) -> String {
    format!("DROP VIEW IF EXISTS {}", dialect.identifier(view))
}
