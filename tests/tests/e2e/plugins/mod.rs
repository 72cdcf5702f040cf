//! The shipped plugins write the same rows as independent scripts over the same records.

mod empty_parent;
mod graph_edges;
mod list_revisions;
pub(crate) mod newest;
mod replay;
mod statistics;
