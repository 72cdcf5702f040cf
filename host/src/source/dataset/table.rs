//! The tables of an export, and the columns that are read.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Integer,
    Time,
}

/// A column that is read, found by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

const fn text(name: &'static str) -> Column {
    let kind = Kind::Text;
    Column { name, kind }
}

const fn bytes(name: &'static str) -> Column {
    let kind = Kind::Bytes;
    Column { name, kind }
}

const fn integer(name: &'static str) -> Column {
    let kind = Kind::Integer;
    Column { name, kind }
}

const fn time(name: &'static str) -> Column {
    let kind = Kind::Time;
    Column { name, kind }
}

/// A table of which each row is a record, under the name of its object type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Main {
    Content,
    SkippedContent,
    Directory,
    Revision,
    Release,
    Snapshot,
    Origin,
    OriginVisit,
    OriginVisitStatus,
}

/// A table whose rows belong to rows of a main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    DirectoryEntry,
    RevisionHistory,
    RevisionExtraHeaders,
    SnapshotBranch,
}

impl Main {
    /// All, in the order in which they are read: what an object names comes before it.
    pub(super) const ALL: [Self; 9] = [
        Self::Content,
        Self::SkippedContent,
        Self::Directory,
        Self::Revision,
        Self::Release,
        Self::Snapshot,
        Self::Origin,
        Self::OriginVisit,
        Self::OriginVisitStatus,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::SkippedContent => "skipped_content",
            Self::Directory => "directory",
            Self::Revision => "revision",
            Self::Release => "release",
            Self::Snapshot => "snapshot",
            Self::Origin => "origin",
            Self::OriginVisit => "origin_visit",
            Self::OriginVisitStatus => "origin_visit_status",
        }
    }

    /// The tables whose rows belong to its rows.
    pub(super) fn relations(self) -> &'static [Relation] {
        match self {
            Self::Directory => &[Relation::DirectoryEntry],
            Self::Revision => &[Relation::RevisionHistory, Relation::RevisionExtraHeaders],
            Self::Snapshot => &[Relation::SnapshotBranch],
            _ => &[],
        }
    }

    /// Its columns. The first one of a table with relations is the identifier that their rows name.
    pub(super) fn columns(self) -> &'static [Column] {
        const CONTENT: &[Column] = &[
            text("sha1"),
            text("sha1_git"),
            text("sha256"),
            text("blake2s256"),
            integer("length"),
            text("status"),
        ];
        const SKIPPED_CONTENT: &[Column] = &[
            text("sha1"),
            text("sha1_git"),
            text("sha256"),
            text("blake2s256"),
            integer("length"),
            text("status"),
            text("reason"),
        ];
        const DIRECTORY: &[Column] = &[text("id"), bytes("raw_manifest")];
        const REVISION: &[Column] = &[
            text("id"),
            bytes("message"),
            bytes("author"),
            time("date"),
            integer("date_offset"),
            bytes("date_raw_offset_bytes"),
            bytes("committer"),
            time("committer_date"),
            integer("committer_offset"),
            bytes("committer_date_raw_offset_bytes"),
            text("directory"),
            text("type"),
            bytes("raw_manifest"),
        ];
        const RELEASE: &[Column] = &[
            text("id"),
            bytes("name"),
            bytes("message"),
            text("target"),
            text("target_type"),
            bytes("author"),
            time("date"),
            integer("date_offset"),
            bytes("date_raw_offset_bytes"),
            bytes("raw_manifest"),
        ];
        const SNAPSHOT: &[Column] = &[text("id")];
        const ORIGIN: &[Column] = &[text("id"), text("url")];
        const ORIGIN_VISIT: &[Column] =
            &[text("origin"), integer("visit"), time("date"), text("type")];
        const ORIGIN_VISIT_STATUS: &[Column] = &[
            text("origin"),
            integer("visit"),
            time("date"),
            text("status"),
            text("snapshot"),
            text("type"),
        ];
        match self {
            Self::Content => CONTENT,
            Self::SkippedContent => SKIPPED_CONTENT,
            Self::Directory => DIRECTORY,
            Self::Revision => REVISION,
            Self::Release => RELEASE,
            Self::Snapshot => SNAPSHOT,
            Self::Origin => ORIGIN,
            Self::OriginVisit => ORIGIN_VISIT,
            Self::OriginVisitStatus => ORIGIN_VISIT_STATUS,
        }
    }

    /// What names its objects, or their origin, in a SWHID.
    pub(super) fn swhid_code(self) -> &'static str {
        match self {
            Self::Content | Self::SkippedContent => "cnt",
            Self::Directory => "dir",
            Self::Revision => "rev",
            Self::Release => "rel",
            Self::Snapshot => "snp",
            Self::Origin | Self::OriginVisit | Self::OriginVisitStatus => "ori",
        }
    }

    /// The columns without which a row is no record: they make its key, or name it.
    pub(super) fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Content | Self::SkippedContent => &["sha1", "sha1_git", "sha256", "blake2s256"],
            Self::Directory | Self::Revision | Self::Release | Self::Snapshot => &["id"],
            Self::Origin => &["url"],
            Self::OriginVisit => &["origin", "date"],
            Self::OriginVisitStatus => &["origin", "visit", "date"],
        }
    }
}

impl Relation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DirectoryEntry => "directory_entry",
            Self::RevisionHistory => "revision_history",
            Self::RevisionExtraHeaders => "revision_extra_headers",
            Self::SnapshotBranch => "snapshot_branch",
        }
    }

    /// Its columns. The first one is the identifier of the row that it belongs to. All are needed.
    pub(super) fn columns(self) -> &'static [Column] {
        const DIRECTORY_ENTRY: &[Column] = &[
            text("directory_id"),
            bytes("name"),
            text("type"),
            text("target"),
            integer("perms"),
        ];
        const REVISION_HISTORY: &[Column] =
            &[text("id"), text("parent_id"), integer("parent_rank")];
        const REVISION_EXTRA_HEADERS: &[Column] = &[text("id"), bytes("key"), bytes("value")];
        const SNAPSHOT_BRANCH: &[Column] = &[
            text("snapshot_id"),
            bytes("name"),
            text("target"),
            text("target_type"),
        ];
        match self {
            Self::DirectoryEntry => DIRECTORY_ENTRY,
            Self::RevisionHistory => REVISION_HISTORY,
            Self::RevisionExtraHeaders => REVISION_EXTRA_HEADERS,
            Self::SnapshotBranch => SNAPSHOT_BRANCH,
        }
    }
}
