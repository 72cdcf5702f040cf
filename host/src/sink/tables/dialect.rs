//! What differs between the databases.

use journal_rows::Column;

use super::Table;

/// How a database names and types columns.
pub(in crate::sink) trait Dialect {
    /// The type of a column, as the catalogue has it.
    fn sql_type(&self, table: &Table, column: &Column) -> &'static str;

    /// The table or view with this name in a statement.
    fn identifier(&self, name: &str) -> String;

    /// How a statement begins that creates a view in place of an earlier one.
    fn replace_view(&self) -> &'static str;

    /// Whether the earlier view is removed before.
    fn drops_view_first(&self) -> bool;

    /// The table in a statement.
    fn table(&self, table: &Table) -> String {
        self.identifier(&table.name)
    }

    /// Whether two names are those of one column.
    fn is_same_name(&self, one: &str, other: &str) -> bool;

    /// A column in a statement.
    fn definition(&self, table: &Table, column: &Column, nullable: bool) -> String {
        let (name, sql_type) = (&column.name, self.sql_type(table, column));
        let not_null = if nullable { "" } else { " NOT NULL" };
        format!("\"{name}\" {sql_type}{not_null}")
    }
}
