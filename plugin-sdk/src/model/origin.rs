//! Origins and visits.

use journal_msgpack::Head;

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::reader::Reader;
use crate::{Id, Timestamp};

object! {
    /// An origin: a URL from which source code is archived.
    ///
    /// ```
    /// use journal_plugin_sdk::{Origin, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org/repository.git").encode();
    /// assert_eq!(Origin::new(&value).url()?, "https://example.org/repository.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Origin("origin", "origin"), fields FieldIndex {
        /// The URL.
        url = "url": &'a str;
        id = "id";
    }
}

object! {
    /// A visit: an attempt to archive an origin.
    ///
    /// ```
    /// use journal_plugin_sdk::{OriginVisit, owned};
    ///
    /// let value = owned::OriginVisit::new().origin("https://example.org/r.git").visit_type("git").encode();
    /// assert_eq!(OriginVisit::new(&value).visit_type()?, "git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    OriginVisit("origin_visit", "visit"), fields VisitFieldIndex {
        origin = "origin";
        /// When the visit started.
        date = "date": Timestamp;
        visit_type = "type";
        visit = "visit";
    }
}

object! {
    /// The status of a visit at a point in time.
    ///
    /// ```
    /// use journal_plugin_sdk::{OriginVisitStatus, VisitStatus, owned};
    ///
    /// let value = owned::OriginVisitStatus::new().status(VisitStatus::Full).encode();
    /// assert_eq!(OriginVisitStatus::new(&value).status()?, VisitStatus::Full);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    OriginVisitStatus("origin_visit_status", "visit status"), fields StatusFieldIndex {
        origin = "origin";
        /// The number of the visit to this origin.
        visit = "visit": u64;
        /// When the visit had this status.
        date = "date": Timestamp;
        /// The status.
        status = "status": VisitStatus;
        /// The snapshot that the visit created, if any.
        snapshot = "snapshot": Option<Id>;
        /// The type of the visit, such as `git`: the field `type`, which is missing in old records.
        visit_type = "type": Option<&'a str>;
        /// Metadata from the loader.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

choice! {
    /// The progress of a visit.
    VisitStatus: "status of a visit" {
        /// The visit is planned.
        Created = "created",
        /// The visit is in progress.
        Ongoing = "ongoing",
        /// The visit archived the whole origin.
        Full = "full",
        /// The visit archived a part of the origin.
        Partial = "partial",
        /// The visit did not find the origin.
        NotFound = "not_found",
        /// The visit failed.
        Failed = "failed",
    }
}

impl<'a> OriginVisit<'a> {
    /// The URL of the origin.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().origin("https://example.org/r.git").encode();
    /// assert_eq!(OriginVisit::new(&value).origin()?, "https://example.org/r.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn origin(&self) -> Result<&'a str, FieldError> {
        let url = self.read_with(VisitFieldIndex::origin, origin_url)?;
        url.flatten()
            .ok_or_else(|| self.missing(VisitFieldIndex::origin))
    }

    /// The type of the visit, such as `git`: the field `type`.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().visit_type("hg").encode();
    /// assert_eq!(OriginVisit::new(&value).visit_type()?, "hg");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn visit_type(&self) -> Result<&'a str, FieldError> {
        if let Some(kind) = self
            .read_with(VisitFieldIndex::visit_type, Option::read)?
            .flatten()
        {
            return Ok(kind);
        }
        // Old records with a whole origin may have the type in it.
        let of_origin =
            self.read_with(VisitFieldIndex::origin, |reader| match reader.peek()? {
                Head::Map(_) => member(reader, b"type"),
                _ => reader.skip().map(|()| None),
            })?;
        of_origin
            .flatten()
            .ok_or_else(|| self.missing(VisitFieldIndex::visit_type))
    }

    /// The number of the visit to this origin, if it has one.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().visit(3).encode();
    /// assert_eq!(OriginVisit::new(&value).visit()?, Some(3));
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn visit(&self) -> Result<Option<u64>, FieldError> {
        let visit = self.read_with(VisitFieldIndex::visit, Option::<u64>::read)?;
        Ok(visit.flatten().filter(|&visit| visit != 0))
    }
}

impl<'a> OriginVisitStatus<'a> {
    /// The URL of the origin.
    ///
    /// # Errors
    /// If the field is invalid.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisitStatus, owned};
    /// let value = owned::OriginVisitStatus::new().origin("https://example.org/r.git").encode();
    /// assert_eq!(OriginVisitStatus::new(&value).origin()?, "https://example.org/r.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn origin(&self) -> Result<&'a str, FieldError> {
        let url = self.read_with(StatusFieldIndex::origin, origin_url)?;
        url.flatten()
            .ok_or_else(|| self.missing(StatusFieldIndex::origin))
    }
}

/// The URL of the origin of a visit or a status. Old records have a map of the whole origin instead.
fn origin_url<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, FieldError> {
    match reader.peek()? {
        Head::Map(_) => member(reader, b"url"),
        _ => reader.text().map(Some),
    }
}

/// Reads a map and returns the text of one of its keys.
fn member<'a>(reader: &mut Reader<'a>, name: &[u8]) -> Result<Option<&'a str>, FieldError> {
    let mut member = None;
    for _ in 0..reader.map()? {
        if reader.key()? == Some(name) {
            member = Option::read(reader)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(member)
}

identified!(Origin("origin"), FieldIndex);
