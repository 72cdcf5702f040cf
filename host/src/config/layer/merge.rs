//! How values of two layers become one.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::config::values::{
    Anonymise, KafkaSettings, LogFilter, LogFormat, MaxFailures, MetricsAddress, MissingTopics,
    OnEof, OnFailure, OnSchemaChange, Phases, Print, Privileged, RecordCount, Share, Size, Span,
    StartFrom, Text, Time, TopicPartition, WorkerCount,
};

/// Combines a value with that of a lower layer, which it replaces by default.
pub(super) trait Merge: Sized {
    fn over(self, _lower: Self) -> Self {
        self
    }
}

impl Merge for PathBuf {}
impl Merge for String {}
impl Merge for Vec<String> {}
impl Merge for Vec<(String, String)> {}
impl Merge for Vec<PathBuf> {}
impl Merge for Vec<TopicPartition> {}
impl Merge for bool {}
impl Merge for u64 {}
impl Merge for Size {}
impl Merge for Span {}
impl Merge for RecordCount {}
impl Merge for WorkerCount {}
impl Merge for Text {}
impl Merge for OnEof {}
impl Merge for Print {}
impl Merge for Privileged {}
impl Merge for Anonymise {}
impl Merge for MissingTopics {}
impl Merge for Phases {}
impl Merge for StartFrom {}
impl Merge for Time {}
impl Merge for OnSchemaChange {}
impl Merge for MetricsAddress {}
impl Merge for LogFilter {}
impl Merge for LogFormat {}
impl Merge for OnFailure {}
impl Merge for MaxFailures {}
impl Merge for u32 {}
impl Merge for Share {}

impl Merge for KafkaSettings {
    /// Merges by key; this layer takes precedence.
    fn over(self, mut lower: Self) -> Self {
        lower.0.extend(self.0);
        lower
    }
}

impl Merge for Map<String, Value> {
    /// Merges by option; this layer takes precedence.
    fn over(self, mut lower: Self) -> Self {
        lower.extend(self);
        lower
    }
}
