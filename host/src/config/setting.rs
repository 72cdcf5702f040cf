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
    /// The runtime of a script.
    Runtime,
    /// What a script may import.
    With,
    /// Where text goes that a script prints.
    Print,
    /// The prefix of topic names.
    Prefix,
    /// The object types to read.
    ObjectTypes,
    /// Whether privileged topics are read.
    Privileged,
    /// What to do about an object type that has no topic.
    MissingTopics,
    /// The recordings that are read instead of a cluster.
    Recording,
    /// The git repository that is read instead of a cluster.
    Git,
    /// The URL of the repository as an origin.
    Origin,
    /// The time of the repository's visit.
    VisitDate,
    /// Whether objects of the repository are read that no ref leads to.
    AllObjects,
    /// The size from which a content of the repository is skipped.
    MaxContentSize,
    /// The dataset that is read instead of a cluster.
    Dataset,
    /// The tables of the dataset that are left out.
    Without,
    /// The folder in which tables of the dataset are sorted.
    Temp,
    /// Where a run ends when all existing records are processed.
    OnEof,
    /// The stages of a replay.
    Phases,
    /// The part of a source that the process reads.
    Share,
    /// The number of objects after which it ends.
    StopAfter,
    /// Whether topics that are missing are created.
    CreateTopics,
    /// The brokers of the cluster.
    Brokers,
    /// The consumer group.
    GroupId,
    /// The partitions to read without the group.
    Partitions,
    /// The settings of librdkafka; each has its own origin.
    Kafka,
    /// A file with the password of the account.
    PasswordFile,
    /// A file with the password of the client's key.
    KeyPasswordFile,
    /// The name of the process in the group.
    GroupInstanceId,
    /// Where a group without committed offsets starts.
    From,
    /// Where outputs are written to.
    Outputs,
    /// Whether the rows of a recording are added to those that an output has.
    Append,
    /// Whether the rows of a recording replace those that an output has.
    Overwrite,
    /// What to do where a table does not fit the plan.
    OnSchemaChange,
    /// Records of one call.
    BatchRecords,
    /// Bytes of one call.
    BatchBytes,
    /// The time of one call.
    Deadline,
    /// The memory of one instance.
    MemoryLimit,
    /// The memory for compiling the plugin.
    CompileMemory,
    /// The CPU time for compiling the plugin.
    CompileTimeout,
    /// The memory of the process.
    ProcessMemory,
    /// How many workers a process has.
    Workers,
    /// A list of masked objects.
    Masked,
    /// Whether names of persons are removed.
    Anonymise,
    /// The time between two checkpoints.
    CheckpointInterval,
    /// The size of held rows that makes a checkpoint due.
    CheckpointSize,
    /// What to do with a record that the processor rejects or fails on.
    OnFailure,
    /// Where dead letters are written to.
    DeadLetters,
    /// How many records may fail.
    MaxFailures,
    /// How often a call is repeated because the processor asks for it.
    Retries,
    /// How long a command waits for brokers that do not answer.
    BrokerTimeout,
    /// How long the process may take to end after a request to stop.
    ShutdownTimeout,
    /// The address at which the run shows its metrics and its health.
    Metrics,
    /// Whether that address may be one that other machines reach.
    MetricsPublic,
    /// Which log lines are shown.
    LogLevel,
    /// How log lines are written.
    LogFormat,
    /// Whether the process keeps rights that it does not need.
    NoConfine,
}

impl Setting {
    /// All settings.
    pub(crate) const ALL: [Self; 59] = [
        Self::Plugin,
        Self::Options,
        Self::OptionsFile,
        Self::Runtime,
        Self::With,
        Self::Print,
        Self::Prefix,
        Self::ObjectTypes,
        Self::Privileged,
        Self::MissingTopics,
        Self::Recording,
        Self::Git,
        Self::Origin,
        Self::VisitDate,
        Self::AllObjects,
        Self::MaxContentSize,
        Self::Dataset,
        Self::Without,
        Self::Temp,
        Self::OnEof,
        Self::Phases,
        Self::Share,
        Self::StopAfter,
        Self::CreateTopics,
        Self::Brokers,
        Self::GroupId,
        Self::Partitions,
        Self::Kafka,
        Self::PasswordFile,
        Self::KeyPasswordFile,
        Self::GroupInstanceId,
        Self::From,
        Self::Outputs,
        Self::Append,
        Self::Overwrite,
        Self::OnSchemaChange,
        Self::BatchRecords,
        Self::BatchBytes,
        Self::Deadline,
        Self::MemoryLimit,
        Self::CompileMemory,
        Self::CompileTimeout,
        Self::ProcessMemory,
        Self::Workers,
        Self::Masked,
        Self::Anonymise,
        Self::CheckpointInterval,
        Self::CheckpointSize,
        Self::OnFailure,
        Self::DeadLetters,
        Self::MaxFailures,
        Self::Retries,
        Self::BrokerTimeout,
        Self::ShutdownTimeout,
        Self::Metrics,
        Self::MetricsPublic,
        Self::LogLevel,
        Self::LogFormat,
        Self::NoConfine,
    ];
}
