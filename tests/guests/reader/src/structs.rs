//! Reads with rmp-serde into structs that borrow as much as possible, like an author without the lazy views: each field in
//! the fastest form of serde, with identifiers as slices and enums as texts.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use journal_plugin_sdk::Timestamp;
use rmp_serde::decode::Error;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Checksum;

/// Reads every field.
#[inline]
pub(crate) fn fields(object_type: &str, value: &[u8], sum: &mut Checksum) -> Result<(), Error> {
    match object_type {
        "content" => rmp_serde::from_slice::<Content<'_>>(value)?.add_to(sum),
        "directory" => rmp_serde::from_slice::<Directory<'_>>(value)?.add_to(sum),
        "revision" => rmp_serde::from_slice::<Revision<'_>>(value)?.add_to(sum),
        "release" => rmp_serde::from_slice::<Release<'_>>(value)?.add_to(sum),
        "snapshot" => rmp_serde::from_slice::<Snapshot<'_>>(value)?.add_to(sum),
        "origin" => rmp_serde::from_slice::<Origin<'_>>(value)?.add_to(sum),
        "origin_visit" => rmp_serde::from_slice::<OriginVisit<'_>>(value)?.add_to(sum),
        "origin_visit_status" => rmp_serde::from_slice::<OriginVisitStatus<'_>>(value)?.add_to(sum),
        // The recording has no others.
        _ => {}
    }
    Ok(())
}

/// Reads months of revisions and extensions of files.
#[inline]
pub(crate) fn months(object_type: &str, value: &[u8], sum: &mut Checksum) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Revision<'a> {
        #[serde(borrow)]
        committer_date: Option<Date<'a>>,
    }
    #[derive(Deserialize)]
    struct Directory<'a> {
        #[serde(borrow)]
        entries: Vec<Entry<'a>>,
    }
    #[derive(Deserialize)]
    struct Entry<'a> {
        name: &'a [u8],
        r#type: &'a str,
    }
    match object_type {
        "revision" => {
            if let Some(date) = rmp_serde::from_slice::<Revision<'_>>(value)?.committer_date {
                let Moment {
                    seconds,
                    microseconds,
                } = date.timestamp;
                let date = journal_plugin_sdk::Date::new(seconds, microseconds, date.offset_bytes);
                sum.month(&date);
            }
        }
        "directory" => {
            for entry in rmp_serde::from_slice::<Directory<'_>>(value)?.entries {
                if entry.r#type == "file" {
                    sum.extension(entry.name);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[derive(Deserialize)]
struct Content<'a> {
    sha1: &'a [u8],
    sha1_git: &'a [u8],
    sha256: &'a [u8],
    blake2s256: &'a [u8],
    length: u64,
    status: &'a str,
    #[serde(borrow, default)]
    data: Option<&'a [u8]>,
    ctime: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Directory<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
    id: &'a [u8],
    #[serde(borrow, default)]
    raw_manifest: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    name: &'a [u8],
    r#type: &'a str,
    target: &'a [u8],
    perms: u32,
}

#[derive(Deserialize)]
struct Revision<'a> {
    #[serde(borrow)]
    message: Option<&'a [u8]>,
    #[serde(borrow)]
    author: Option<Person<'a>>,
    #[serde(borrow)]
    committer: Option<Person<'a>>,
    #[serde(borrow)]
    date: Option<Date<'a>>,
    #[serde(borrow)]
    committer_date: Option<Date<'a>>,
    r#type: &'a str,
    directory: &'a [u8],
    synthetic: bool,
    metadata: Option<IgnoredAny>,
    #[serde(borrow)]
    parents: Vec<&'a [u8]>,
    id: &'a [u8],
    #[serde(borrow, default)]
    extra_headers: Vec<(&'a [u8], &'a [u8])>,
    #[serde(borrow, default)]
    raw_manifest: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Release<'a> {
    name: &'a [u8],
    #[serde(borrow)]
    message: Option<&'a [u8]>,
    #[serde(borrow)]
    target: Option<&'a [u8]>,
    target_type: &'a str,
    synthetic: bool,
    #[serde(borrow)]
    author: Option<Person<'a>>,
    #[serde(borrow)]
    date: Option<Date<'a>>,
    id: &'a [u8],
    #[serde(default)]
    metadata: Option<IgnoredAny>,
    #[serde(borrow, default)]
    raw_manifest: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Snapshot<'a> {
    #[serde(borrow)]
    branches: Pairs<'a>,
    id: &'a [u8],
}

#[derive(Deserialize)]
struct Target<'a> {
    target: &'a [u8],
    target_type: &'a str,
}

#[derive(Deserialize)]
struct Origin<'a> {
    url: &'a str,
    id: &'a [u8],
}

#[derive(Deserialize)]
struct OriginVisit<'a> {
    origin: &'a str,
    date: Timestamp,
    r#type: &'a str,
    visit: Option<u64>,
}

#[derive(Deserialize)]
struct OriginVisitStatus<'a> {
    origin: &'a str,
    visit: u64,
    date: Timestamp,
    status: &'a str,
    #[serde(borrow)]
    snapshot: Option<&'a [u8]>,
    #[serde(borrow)]
    r#type: Option<&'a str>,
    metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Person<'a> {
    fullname: &'a [u8],
    #[serde(borrow)]
    name: Option<&'a [u8]>,
    #[serde(borrow)]
    email: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Date<'a> {
    timestamp: Moment,
    #[serde(borrow)]
    offset_bytes: &'a [u8],
}

#[derive(Deserialize)]
struct Moment {
    seconds: i64,
    microseconds: u32,
}

/// The branches in order, which serde's maps do not keep.
struct Pairs<'a>(Vec<(&'a [u8], Option<Target<'a>>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for PairsVisitor<'a> {
    type Value = Pairs<'a>;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of branches")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'a>, A::Error> {
        let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0).min(1000));
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

impl Content<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.bytes(self.sha1);
        sum.bytes(self.sha1_git);
        sum.bytes(self.sha256);
        sum.bytes(self.blake2s256);
        sum.number(self.length);
        sum.bytes(self.status.as_bytes());
        sum.optional(self.data);
        add_time(self.ctime, sum);
    }
}

impl Directory<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        for entry in &self.entries {
            sum.bytes(entry.name);
            sum.bytes(entry.r#type.as_bytes());
            sum.bytes(entry.target);
            sum.number(entry.perms.into());
        }
        sum.bytes(self.id);
        sum.optional(self.raw_manifest);
    }
}

impl Revision<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.optional(self.message);
        add_person(self.author.as_ref(), sum);
        add_person(self.committer.as_ref(), sum);
        add_date(self.date.as_ref(), sum);
        add_date(self.committer_date.as_ref(), sum);
        sum.bytes(self.r#type.as_bytes());
        sum.bytes(self.directory);
        sum.number(self.synthetic.into());
        sum.number(self.metadata.is_some().into());
        for parent in &self.parents {
            sum.bytes(parent);
        }
        sum.bytes(self.id);
        for (name, value) in &self.extra_headers {
            sum.bytes(name);
            sum.bytes(value);
        }
        sum.optional(self.raw_manifest);
    }
}

impl Release<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.bytes(self.name);
        sum.optional(self.message);
        sum.optional(self.target);
        sum.bytes(self.target_type.as_bytes());
        sum.number(self.synthetic.into());
        add_person(self.author.as_ref(), sum);
        add_date(self.date.as_ref(), sum);
        sum.bytes(self.id);
        sum.number(self.metadata.is_some().into());
        sum.optional(self.raw_manifest);
    }
}

impl Snapshot<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        for (name, target) in &self.branches.0 {
            sum.bytes(name);
            if let Some(target) = target {
                sum.bytes(target.target);
                sum.bytes(target.target_type.as_bytes());
            }
        }
        sum.bytes(self.id);
    }
}

impl Origin<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.bytes(self.url.as_bytes());
        sum.bytes(self.id);
    }
}

impl OriginVisit<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.bytes(self.origin.as_bytes());
        add_time(Some(self.date), sum);
        sum.bytes(self.r#type.as_bytes());
        sum.number(self.visit.unwrap_or(0));
    }
}

impl OriginVisitStatus<'_> {
    fn add_to(&self, sum: &mut Checksum) {
        sum.bytes(self.origin.as_bytes());
        sum.number(self.visit);
        add_time(Some(self.date), sum);
        sum.bytes(self.status.as_bytes());
        sum.optional(self.snapshot);
        sum.optional(self.r#type.map(str::as_bytes));
        sum.number(self.metadata.is_some().into());
    }
}

#[inline]
fn add_time(time: Option<Timestamp>, sum: &mut Checksum) {
    if let Some(time) = time {
        sum.signed(time.seconds());
        sum.number(time.nanoseconds().into());
    }
}

#[inline]
fn add_person(person: Option<&Person<'_>>, sum: &mut Checksum) {
    if let Some(person) = person {
        sum.bytes(person.fullname);
        sum.optional(person.name);
        sum.optional(person.email);
    }
}

#[inline]
fn add_date(date: Option<&Date<'_>>, sum: &mut Checksum) {
    if let Some(date) = date {
        sum.signed(date.timestamp.seconds);
        sum.number(date.timestamp.microseconds.into());
        sum.bytes(date.offset_bytes);
    }
}
