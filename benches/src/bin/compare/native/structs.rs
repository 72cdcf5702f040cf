//! Counts months and extensions with structs that rmp-serde reads, with only the required fields. The entries of a
//! directory are counted while they are read, without a list.

use std::fmt::{self, Formatter};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Work;
use super::months::{Kind, MonthsAndExtensions};
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Structs {
    counts: MonthsAndExtensions,
}

#[derive(Deserialize)]
struct Revision {
    date: Option<Date>,
}

#[derive(Deserialize)]
pub(super) struct Date {
    pub(super) timestamp: Moment,
}

#[derive(Deserialize)]
pub(super) struct Moment {
    pub(super) seconds: i64,
    pub(super) microseconds: u32,
}

#[derive(Deserialize)]
struct Entry<'a> {
    name: &'a [u8],
    r#type: &'a str,
}

/// A directory, and the counts to which its files are added.
struct Directory<'c>(&'c mut MonthsAndExtensions);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Entries,
    #[serde(other)]
    Other,
}

/// Its entries.
struct Entries<'c>(&'c mut MonthsAndExtensions);

impl<'de> DeserializeSeed<'de> for Directory<'_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Directory<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a directory")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut has_entries = false;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Entries => {
                    map.next_value_seed(Entries(&mut *self.0))?;
                    has_entries = true;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_entries {
            Ok(())
        } else {
            Err(de::Error::missing_field("entries"))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("the entries of a directory")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Entry<'de>>()? {
            if entry.r#type == "file" {
                self.0.file(entry.name);
            }
        }
        Ok(())
    }
}

impl Work for Structs {
    type Topic = Kind;

    fn topic(&mut self, object_type: &str) -> Kind {
        Kind::of(object_type)
    }

    fn record(&mut self, kind: Kind, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        match kind {
            Kind::Directory => {
                let mut reader = rmp_serde::Deserializer::from_read_ref(value);
                Directory(&mut self.counts)
                    .deserialize(&mut reader)
                    .expect("a directory is one");
            }
            Kind::Revision => {
                let revision: Revision = rmp_serde::from_slice(value).expect("a revision is one");
                if let Some(date) = revision.date {
                    self.counts.revision(date.timestamp.seconds);
                }
            }
        }
    }

    fn answer(self) -> Answer {
        self.counts.answer()
    }
}
