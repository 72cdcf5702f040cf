//! Origins and the visits to them.

use journal_msgpack::Head;

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::reader::Reader;
use crate::{Id, Timestamp};

object! {
    /// An origin: a place that source code is archived from.
    ///
    /// ```
    /// use journal_plugin_sdk::{Origin, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org/repository.git").encode();
    /// assert_eq!(Origin::new(&value).url()?, "https://example.org/repository.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Origin("origin", "origin"), fields Place {
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
    OriginVisit("origin_visit", "visit"), fields VisitPlace {
        origin = "origin";
        /// When it began.
        date = "date": Timestamp;
        visit_type = "type";
        visit = "visit";
    }
}

object! {
    /// The status of a visit: how far it had come at one time.
    ///
    /// ```
    /// use journal_plugin_sdk::{OriginVisitStatus, VisitStatus, owned};
    ///
    /// let value = owned::OriginVisitStatus::new().status(VisitStatus::Full).encode();
    /// assert_eq!(OriginVisitStatus::new(&value).status()?, VisitStatus::Full);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    OriginVisitStatus("origin_visit_status", "visit status"), fields StatusPlace {
        origin = "origin";
        /// The number of the visit among those of its origin.
        visit = "visit": u64;
        /// When the visit had come so far.
        date = "date": Timestamp;
        /// The status itself.
        status = "status": VisitStatus;
        /// The snapshot that the visit made, where it made one.
        snapshot = "snapshot": Option<Id>;
        /// The kind of visit, such as `git`: the field `type`, which old records do not have.
        visit_type = "type": Option<&'a str>;
        /// What the loader noted about it.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

choice! {
    /// How far a visit has come.
    VisitStatus: "status of a visit" {
        /// The visit is planned.
        Created = "created",
        /// The visit is under way.
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
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().origin("https://example.org/r.git").encode();
    /// assert_eq!(OriginVisit::new(&value).origin()?, "https://example.org/r.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn origin(&self) -> Result<&'a str, FieldError> {
        let url = self.read_with(VisitPlace::origin, origin_url)?;
        url.flatten()
            .ok_or_else(|| self.missing(VisitPlace::origin))
    }

    /// The kind of visit, such as `git`: the field `type`.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().visit_type("hg").encode();
    /// assert_eq!(OriginVisit::new(&value).visit_type()?, "hg");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn visit_type(&self) -> Result<&'a str, FieldError> {
        if let Some(kind) = self
            .read_with(VisitPlace::visit_type, Option::read)?
            .flatten()
        {
            return Ok(kind);
        }
        // Records that have the whole origin may have the kind there.
        let of_origin = self.read_with(VisitPlace::origin, |reader| match reader.peek()? {
            Head::Map(_) => member(reader, b"type"),
            _ => reader.skip().map(|()| None),
        })?;
        of_origin
            .flatten()
            .ok_or_else(|| self.missing(VisitPlace::visit_type))
    }

    /// The number of the visit among those of its origin, where it was given one.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisit, owned};
    /// let value = owned::OriginVisit::new().visit(3).encode();
    /// assert_eq!(OriginVisit::new(&value).visit()?, Some(3));
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn visit(&self) -> Result<Option<u64>, FieldError> {
        let visit = self.read_with(VisitPlace::visit, Option::<u64>::read)?;
        Ok(visit.flatten().filter(|&visit| visit != 0))
    }
}

impl<'a> OriginVisitStatus<'a> {
    /// The URL of the origin.
    ///
    /// # Errors
    /// When the field is not what it should be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{OriginVisitStatus, owned};
    /// let value = owned::OriginVisitStatus::new().origin("https://example.org/r.git").encode();
    /// assert_eq!(OriginVisitStatus::new(&value).origin()?, "https://example.org/r.git");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn origin(&self) -> Result<&'a str, FieldError> {
        let url = self.read_with(StatusPlace::origin, origin_url)?;
        url.flatten()
            .ok_or_else(|| self.missing(StatusPlace::origin))
    }
}

/// The URL of the origin that a visit or a status names; old records have the whole origin there.
fn origin_url<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, FieldError> {
    match reader.peek()? {
        Head::Map(_) => member(reader, b"url"),
        _ => reader.text().map(Some),
    }
}

/// Passes a map and answers with the text that one of its keys has.
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

identified!(Origin("origin"), Place);
