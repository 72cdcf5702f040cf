//! The settings that an operator has.

/// A setting, which is also the key of its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    /// The plugin's file.
    Plugin,
    /// The plugin's options, one by one.
    Options,
    /// A file with the plugin's options.
    OptionsFile,
    /// The prefix of topic names.
    Prefix,
    /// The object types to read.
    ObjectTypes,
    /// Whether privileged topics are read.
    Privileged,
    /// The recording that is read instead of a cluster.
    Recording,
    /// Where a run ends when all existing records are processed.
    OnEof,
    /// The number of objects after which it ends.
    StopAfter,
    /// The brokers of the cluster.
    Brokers,
    /// The consumer group.
    GroupId,
    /// The settings of librdkafka; each has its own origin.
    Kafka,
    /// Where outputs are written to.
    Outputs,
    /// Records of one call.
    BatchRecords,
    /// Bytes of one call.
    BatchBytes,
    /// The time of one call.
    Deadline,
    /// The memory of one instance.
    MemoryLimit,
    /// The memory of the process.
    ProcessMemory,
    /// How many workers a process has.
    Workers,
    /// The time between two checkpoints.
    CheckpointInterval,
    /// What to do with a record that the processor rejects.
    OnBadRecord,
    /// How long a run waits for brokers that do not answer.
    BrokerTimeout,
    /// How long the process may take to end after a request to stop.
    ShutdownTimeout,
}

impl Setting {
    /// All settings.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 23] = [
        Self::Plugin,
        Self::Options,
        Self::OptionsFile,
        Self::Prefix,
        Self::ObjectTypes,
        Self::Privileged,
        Self::Recording,
        Self::OnEof,
        Self::StopAfter,
        Self::Brokers,
        Self::GroupId,
        Self::Kafka,
        Self::Outputs,
        Self::BatchRecords,
        Self::BatchBytes,
        Self::Deadline,
        Self::MemoryLimit,
        Self::ProcessMemory,
        Self::Workers,
        Self::CheckpointInterval,
        Self::OnBadRecord,
        Self::BrokerTimeout,
        Self::ShutdownTimeout,
    ];
}
