//! Origins and visits.

use super::object::{encoded_owned, identified_owned, owned};
use crate::model::encode::{self, Encode};
use crate::{Id, Metadata, Timestamp, VisitStatus};

owned! {
    /// An origin.
    Origin("origin") {
        /// The URL.
        url = "url": String = String::new(), set text;
        /// The identifier. It is computed from the URL if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
    }
}
identified_owned!(Origin);

impl Origin {
    /// The key of the record in the journal: the URL.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert!(owned::Origin::new().url("https://example.org").key().ends_with(b"example.org"));
    /// ```
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        encode::map(&mut key, 1);
        encode::pair(&mut key, "url", &self.url);
        key
    }
}

owned! {
    /// A visit to an origin.
    OriginVisit("origin_visit") {
        /// The URL of the origin.
        origin = "origin": String = String::new(), set text;
        /// When the visit started.
        date = "date": Timestamp = Timestamp::from_millis(0), set value;
        /// The type of the visit, such as `git`.
        visit_type = "type": String = String::new(), set text;
        /// The number of the visit to this origin, if it has one.
        visit = "visit"[?]: Option<u64> = None, set optional;
    }
}
encoded_owned!(OriginVisit);

impl OriginVisit {
    /// The key of the record in the journal: the date and the origin.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert!(owned::OriginVisit::new().key().starts_with(b"\x82\xa4date\xb91970-01-01 00:00:00+00:00"));
    /// ```
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        encode::map(&mut key, 2);
        encode::pair(&mut key, "date", &key_date(self.date));
        encode::pair(&mut key, "origin", &self.origin);
        key
    }
}

owned! {
    /// The status of a visit at a point in time.
    OriginVisitStatus("origin_visit_status") {
        /// The URL of the origin.
        origin = "origin": String = String::new(), set text;
        /// The number of the visit to this origin.
        visit = "visit": u64 = 0, set value;
        /// When the visit had this status.
        date = "date": Timestamp = Timestamp::from_millis(0), set value;
        /// The status.
        status = "status": VisitStatus = VisitStatus::Created, set value;
        /// The snapshot that the visit created, if any.
        snapshot = "snapshot": Option<Id> = None, set optional;
        /// The type of the visit, such as `git`.
        visit_type = "type": Option<String> = None, set optional_text;
        /// Metadata from the loader.
        metadata = "metadata": Option<Metadata<'static>> = None, set metadata;
    }
}
encoded_owned!(OriginVisitStatus);

impl OriginVisitStatus {
    /// The key of the record in the journal: the date, the origin and the visit.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert!(owned::OriginVisitStatus::new().key().ends_with(b"\xa5visit\xa10"));
    /// ```
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        encode::map(&mut key, 3);
        encode::pair(&mut key, "date", &key_date(self.date));
        encode::pair(&mut key, "origin", &self.origin);
        encode::pair(&mut key, "visit", &self.visit.to_string());
        key
    }
}

impl Encode for VisitStatus {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::text(value, self.as_str());
    }
}

/// A time in the format of Python, which keys contain: the fraction of a second has six digits or none.
fn key_date(date: Timestamp) -> String {
    let second = date.whole_seconds().to_string();
    let second = second.trim_end_matches('Z').replacen('T', " ", 1);
    match date.nanoseconds() / 1000 {
        0 => format!("{second}+00:00"),
        microseconds => format!("{second}.{microseconds:06}+00:00"),
    }
}
