//! The object types in SWHIDs.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::SwhidProblem;

/// The type of an object in a SWHID, or of the target of a release or a branch: its name in rows, values and JSON.
///
/// ```
/// use journal_plugin_sdk::ObjectKind;
///
/// assert_eq!(ObjectKind::Revision.name(), "revision");
/// assert_eq!(ObjectKind::Revision.code(), "rev");
/// assert_eq!(ObjectKind::from_name("revision"), Some(ObjectKind::Revision));
/// assert_eq!(ObjectKind::from_code("rev"), Some(ObjectKind::Revision));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A content, the bytes of a file: `cnt`.
    Content,
    /// A directory: `dir`.
    Directory,
    /// A revision, such as a commit: `rev`.
    Revision,
    /// A release, such as an annotated tag: `rel`.
    Release,
    /// A snapshot, the branches of an origin at a point in time: `snp`.
    Snapshot,
}

/// The type of an object in an extended SWHID: its name in rows, values and JSON.
///
/// ```
/// use journal_plugin_sdk::{ExtendedObjectKind, ObjectKind};
///
/// assert_eq!(ExtendedObjectKind::Origin.code(), "ori");
/// assert_eq!(ExtendedObjectKind::from(ObjectKind::Content).name(), "content");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtendedObjectKind {
    /// A content, the bytes of a file: `cnt`.
    Content,
    /// A directory: `dir`.
    Directory,
    /// A revision, such as a commit: `rev`.
    Revision,
    /// A release, such as an annotated tag: `rel`.
    Release,
    /// A snapshot, the branches of an origin at a point in time: `snp`.
    Snapshot,
    /// An origin: `ori`.
    Origin,
    /// Extrinsic metadata: `emd`.
    RawExtrinsicMetadata,
}

impl ObjectKind {
    /// All kinds.
    ///
    /// ```
    /// use journal_plugin_sdk::ObjectKind;
    ///
    /// assert!(ObjectKind::ALL.contains(&ObjectKind::Snapshot));
    /// ```
    pub const ALL: [Self; 5] = [
        Self::Content,
        Self::Directory,
        Self::Revision,
        Self::Release,
        Self::Snapshot,
    ];

    /// The three-letter code in a SWHID.
    ///
    /// ```
    /// use journal_plugin_sdk::ObjectKind;
    ///
    /// assert_eq!(ObjectKind::Release.code(), "rel");
    /// ```
    #[must_use]
    pub fn code(self) -> &'static str {
        ExtendedObjectKind::from(self).code()
    }

    /// The name of the object type in the journal.
    ///
    /// ```
    /// use journal_plugin_sdk::ObjectKind;
    ///
    /// assert_eq!(ObjectKind::Release.name(), "release");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        ExtendedObjectKind::from(self).name()
    }

    /// The kind with this three-letter code.
    ///
    /// ```
    /// use journal_plugin_sdk::ObjectKind;
    ///
    /// assert_eq!(ObjectKind::from_code("rel"), Some(ObjectKind::Release));
    /// assert_eq!(ObjectKind::from_code("tag"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        ExtendedObjectKind::from_code(code)?.try_into().ok()
    }

    /// The kind with this object type name.
    ///
    /// ```
    /// use journal_plugin_sdk::ObjectKind;
    ///
    /// assert_eq!(ObjectKind::from_name("release"), Some(ObjectKind::Release));
    /// assert_eq!(ObjectKind::from_name("tag"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ExtendedObjectKind::from_name(name)?.try_into().ok()
    }
}

impl ExtendedObjectKind {
    /// All kinds.
    ///
    /// ```
    /// use journal_plugin_sdk::ExtendedObjectKind;
    ///
    /// assert!(ExtendedObjectKind::ALL.contains(&ExtendedObjectKind::Origin));
    /// ```
    pub const ALL: [Self; 7] = [
        Self::Content,
        Self::Directory,
        Self::Revision,
        Self::Release,
        Self::Snapshot,
        Self::Origin,
        Self::RawExtrinsicMetadata,
    ];

    /// The three-letter code in a SWHID.
    ///
    /// ```
    /// use journal_plugin_sdk::ExtendedObjectKind;
    ///
    /// assert_eq!(ExtendedObjectKind::Origin.code(), "ori");
    /// ```
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Content => "cnt",
            Self::Directory => "dir",
            Self::Revision => "rev",
            Self::Release => "rel",
            Self::Snapshot => "snp",
            Self::Origin => "ori",
            Self::RawExtrinsicMetadata => "emd",
        }
    }

    /// The name of the object type in the journal.
    ///
    /// ```
    /// use journal_plugin_sdk::ExtendedObjectKind;
    ///
    /// assert_eq!(ExtendedObjectKind::Origin.name(), "origin");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Directory => "directory",
            Self::Revision => "revision",
            Self::Release => "release",
            Self::Snapshot => "snapshot",
            Self::Origin => "origin",
            Self::RawExtrinsicMetadata => "raw_extrinsic_metadata",
        }
    }

    /// The kind with this three-letter code.
    ///
    /// ```
    /// use journal_plugin_sdk::ExtendedObjectKind;
    ///
    /// assert_eq!(ExtendedObjectKind::from_code("ori"), Some(ExtendedObjectKind::Origin));
    /// assert_eq!(ExtendedObjectKind::from_code("tag"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind with this object type name.
    ///
    /// ```
    /// use journal_plugin_sdk::ExtendedObjectKind;
    ///
    /// assert_eq!(ExtendedObjectKind::from_name("origin"), Some(ExtendedObjectKind::Origin));
    /// assert_eq!(ExtendedObjectKind::from_name("tag"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl From<ObjectKind> for ExtendedObjectKind {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Content => Self::Content,
            ObjectKind::Directory => Self::Directory,
            ObjectKind::Revision => Self::Revision,
            ObjectKind::Release => Self::Release,
            ObjectKind::Snapshot => Self::Snapshot,
        }
    }
}

impl TryFrom<ExtendedObjectKind> for ObjectKind {
    type Error = SwhidProblem;

    fn try_from(kind: ExtendedObjectKind) -> Result<Self, SwhidProblem> {
        match kind {
            ExtendedObjectKind::Content => Ok(Self::Content),
            ExtendedObjectKind::Directory => Ok(Self::Directory),
            ExtendedObjectKind::Revision => Ok(Self::Revision),
            ExtendedObjectKind::Release => Ok(Self::Release),
            ExtendedObjectKind::Snapshot => Ok(Self::Snapshot),
            ExtendedObjectKind::Origin | ExtendedObjectKind::RawExtrinsicMetadata => {
                Err(SwhidProblem::ExtendedKind)
            }
        }
    }
}

impl Display for ObjectKind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Display for ExtendedObjectKind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_name_and_by_code() {
        for kind in ExtendedObjectKind::ALL {
            assert_eq!(ExtendedObjectKind::from_code(kind.code()), Some(kind));
            assert_eq!(ExtendedObjectKind::from_name(kind.name()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            let core = ObjectKind::try_from(kind).ok();
            assert_eq!(ObjectKind::from_code(kind.code()), core);
            assert_eq!(ObjectKind::from_name(kind.name()), core);
        }
        for kind in ObjectKind::ALL {
            assert_eq!(ExtendedObjectKind::from(kind).try_into(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
    }
}
