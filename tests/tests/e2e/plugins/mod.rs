//! The plugins that ship give the answers of independent scripts over the same records.

mod graph_edges;
mod list_revisions;
mod statistics;
