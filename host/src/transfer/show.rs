//! Finds records for people to look at.

use std::fmt;
use std::io;

use journal_msgpack::{Item, Walker};
use journal_recording::Frame;
use sha1::{Digest, Sha1};

use super::error::{Error, Interruption};
use super::local;
use super::passed::{Passed, shown};
use super::ranges::{Bound, PartitionChoice};
use super::record::{ClusterPart, Copied, Ended, Part, TakeFrames};
use super::with_progress;
use crate::journal::batch::Topic;
use crate::kafka::Settings;
use crate::observe::progress::{Progress, WorkerProgress};
use crate::pipeline::stop::Stop;
use crate::source::Damage;
use crate::source::local::Local;
use crate::text::hex;

/// Which records are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any.
    Any,
    /// Those with this key.
    Key(Vec<u8>),
    /// Those whose object has this identifier.
    Object(ObjectId),
    /// The one at this position, in each topic.
    Position {
        /// The partition.
        partition: u32,
        /// The offset in it.
        offset: u64,
    },
}

/// The identifier of an object: a SWHID without qualifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectId {
    kind: ObjectKind,
    hash: [u8; 20],
}

/// A kind of object that SWHIDs name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObjectKind {
    Content,
    Directory,
    Revision,
    Release,
    Snapshot,
    Origin,
    Metadata,
}

impl ObjectKind {
    const ALL: [Self; 7] = [
        Self::Content,
        Self::Directory,
        Self::Revision,
        Self::Release,
        Self::Snapshot,
        Self::Origin,
        Self::Metadata,
    ];

    fn code(self) -> &'static str {
        match self {
            Self::Content => "cnt",
            Self::Directory => "dir",
            Self::Revision => "rev",
            Self::Release => "rel",
            Self::Snapshot => "snp",
            Self::Origin => "ori",
            Self::Metadata => "emd",
        }
    }

    fn object_types(self) -> &'static [&'static str] {
        match self {
            Self::Content => &["content", "skipped_content"],
            Self::Directory => &["directory"],
            Self::Revision => &["revision"],
            Self::Release => &["release"],
            Self::Snapshot => &["snapshot"],
            Self::Origin => &["origin"],
            Self::Metadata => &["raw_extrinsic_metadata"],
        }
    }

    /// Whether the object with this value has the hash.
    fn has(self, value: &[u8], hash: [u8; 20]) -> bool {
        let is_it = |field, is: &dyn Fn(&[u8]) -> bool| bytes_of(value, field).is_some_and(is);
        match self {
            Self::Content => is_it("sha1_git", &|id| id == hash),
            Self::Origin => is_it("url", &|url| Sha1::digest(url).as_slice() == hash),
            _ => is_it("id", &|id| id == hash),
        }
    }
}

impl ObjectId {
    /// The object types that have such identifiers.
    pub(crate) fn object_types(&self) -> &'static [&'static str] {
        self.kind.object_types()
    }

    /// Reads a SWHID. Qualifiers are passed over.
    pub(crate) fn read(swhid: &str) -> Option<Self> {
        let bare = swhid.split(';').next()?;
        let (code, digits) = bare.strip_prefix("swh:1:")?.split_once(':')?;
        let kind = ObjectKind::ALL.into_iter().find(|kind| kind.code() == code);
        let mut hash = [0; 20];
        // Identifiers are in lower case.
        let is_lower = !digits.contains(|digit: char| digit.is_ascii_uppercase());
        const_hex::decode_to_slice(digits, &mut hash)
            .ok()
            .filter(|()| is_lower)?;
        Some(Self { kind: kind?, hash })
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, hash) = (self.kind.code(), hex(&self.hash));
        write!(f, "swh:1:{code}:{hash}")
    }
}

/// The bytes or the text of a field of an object.
fn bytes_of<'a>(value: &'a [u8], field: &str) -> Option<&'a [u8]> {
    let mut walker = Walker::new(value);
    let Ok(Item::Map(fields)) = walker.item() else {
        return None;
    };
    for _ in 0..fields {
        let (Item::Str(name) | Item::Bin(name)) = walker.item().ok()? else {
            return None;
        };
        if name == field.as_bytes() {
            return match walker.item().ok()? {
                Item::Str(bytes) | Item::Bin(bytes) => Some(bytes),
                _ => None,
            };
        }
        walker.skip().ok()?;
    }
    None
}

impl Wanted {
    /// Whether one is looked for that may be far from the beginning.
    fn is_searched(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Object(_))
    }

    fn is(&self, frame: &Frame<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Key(key) => frame.key == key,
            Self::Object(id) => {
                let value = frame.value.unwrap_or_default();
                id.kind.has(value, id.hash)
            }
            Self::Position { partition, offset } => {
                frame.partition == Some(*partition) && frame.offset == Some(*offset)
            }
        }
    }

    /// Narrows what is read of a cluster.
    fn narrow(&self, part: &mut Part) {
        if let Self::Position { partition, offset } = *self {
            part.partitions = vec![PartitionChoice {
                topic: None,
                number: partition,
            }];
            part.from = Some(Bound::Offset(offset));
            part.until = Some(Bound::Offset(offset.saturating_add(1)));
        }
    }
}

/// Prints a record, and what its source found damaged.
pub(crate) type Print<'p> =
    dyn FnMut(&Topic, &Frame<'_>, Option<&Damage>) -> io::Result<()> + Send + 'p;

/// Prints the records of a cluster that are wanted, and returns their number. It joins no group and commits nothing.
///
/// # Errors
/// When the cluster cannot be read, or nothing more can be printed.
pub(crate) fn show(
    settings: &Settings,
    part: &Part,
    wanted: &Wanted,
    print: &mut Print<'_>,
    stop: &Stop,
) -> Result<u64, Error> {
    let mut part = part.clone();
    wanted.narrow(&mut part);
    let cluster = ClusterPart::choose(settings, &part)?;
    let topics = shown(cluster.topics(), &part);
    let mut viewer = Viewer {
        topics: &topics,
        wanted,
        print,
    };
    look(wanted, |counters| {
        let mut passed = Passed::new(&part, cluster.topics(), &mut viewer);
        cluster.copy(settings, &part, &mut passed, counters, stop)
    })
}

/// Prints the records of a source that is no cluster, as [`show`] does.
///
/// # Errors
/// When the source cannot be read, or nothing more can be printed.
pub(crate) fn show_local(
    source: Local,
    part: &Part,
    wanted: &Wanted,
    print: &mut Print<'_>,
    stop: &Stop,
) -> Result<u64, Error> {
    let source = local::open(source, part)?;
    // Opening may take long, and a signal ends it at once.
    stop.begin();
    let topics = source.topics();
    let read = || topics.iter().map(|topic| &**topic);
    let shown = shown(read(), part);
    let mut viewer = Viewer {
        topics: &shown,
        wanted,
        print,
    };
    look(wanted, |counters| {
        let mut passed = Passed::new(part, read(), &mut viewer);
        local::copy(source, &topics, part, &mut passed, counters, stop)
    })
}

/// Reads, with a line of progress where that may take long.
fn look(
    wanted: &Wanted,
    copy: impl FnOnce(&WorkerProgress) -> Copied + Send,
) -> Result<u64, Error> {
    let shown = |copied: Copied| match copied.ended {
        Err(Ended::Failed(error)) if !matches!(*error, Error::ReaderGone) => Err(*error),
        Err(Ended::Early(Interruption::Kafka(error))) => Err(error.into()),
        Err(Ended::Early(interruption)) => Err(Error::NotShown(interruption)),
        // It has seen enough.
        Ok(()) | Err(Ended::Failed(_)) => Ok(copied.records),
    };
    if wanted.is_searched() {
        with_progress("looking", |counters| shown(copy(counters)))
    } else {
        shown(copy(&Progress::new(1, &[]).worker(0)))
    }
}

/// Prints what is wanted.
struct Viewer<'a, 'p> {
    topics: &'a [Topic],
    wanted: &'a Wanted,
    print: &'a mut Print<'p>,
}

impl Viewer<'_, '_> {
    fn show(&mut self, frame: &Frame<'_>, damage: Option<&Damage>) -> Result<bool, Ended> {
        if !self.wanted.is(frame) {
            return Ok(false);
        }
        let mut topics = self.topics.iter();
        let Some(topic) = topics.find(|topic| topic.name == frame.topic) else {
            return Ok(false);
        };
        match (self.print)(topic, frame, damage) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(Error::ReaderGone.into())
            }
            Err(error) => Err(Error::StandardOutput(error).into()),
        }
    }
}

impl TakeFrames for Viewer<'_, '_> {
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, Ended> {
        self.show(frame, None)
    }

    fn take_damaged(&mut self, frame: &Frame<'_>, damage: &Damage) -> Result<bool, Ended> {
        self.show(frame, Some(damage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn identifier_is_read_with_and_without_qualifiers() {
        for code in ["cnt", "dir", "rev", "rel", "snp", "ori", "emd"] {
            let text = format!("swh:1:{code}:{HASH}");
            let id = ObjectId::read(&text).unwrap();
            assert_eq!(id.to_string(), text);
            let qualified = format!("{text};origin=https://example.org");
            assert_eq!(ObjectId::read(&qualified), Some(id));
        }
        for wrong in [
            "",
            HASH,
            &format!("swh:2:rev:{HASH}"),
            &format!("swh:1:xyz:{HASH}"),
            &format!("swh:1:rev:{}", HASH.to_uppercase()),
            &format!("swh:1:rev:{HASH}0"),
        ] {
            assert_eq!(ObjectId::read(wrong), None, "{wrong}");
        }
    }

    fn frame(value: Option<&[u8]>) -> Frame<'_> {
        Frame {
            topic: "t",
            key: b"k",
            value,
            partition: Some(1),
            offset: Some(2),
            timestamp_ms: None,
        }
    }

    fn object(text: &str) -> Wanted {
        Wanted::Object(ObjectId::read(text).unwrap())
    }

    #[test]
    fn object_is_found_by_the_field_that_has_its_identifier() {
        let mut hash = [0; 20];
        const_hex::decode_to_slice(HASH, &mut hash).unwrap();
        let with = |field: &str| {
            let head = [
                0x82,
                0xa1,
                b'x',
                0x92,
                1,
                2,
                0xa0 | u8::try_from(field.len()).unwrap(),
            ];
            [&head, field.as_bytes(), &[0xc4, 20], &hash].concat()
        };
        let revision = object(&format!("swh:1:rev:{HASH}"));
        assert!(revision.is(&frame(Some(&with("id")))));
        assert!(!revision.is(&frame(Some(&with("sha1_git")))));
        assert!(!revision.is(&frame(None)));
        assert!(!revision.is(&frame(Some(b"\xc1"))));
        assert!(object(&format!("swh:1:cnt:{HASH}")).is(&frame(Some(&with("sha1_git")))));
        let origin = b"\x81\xa3url\xb2https://example.or";
        let id = hex(&Sha1::digest(b"https://example.or"));
        assert!(object(&format!("swh:1:ori:{id}")).is(&frame(Some(origin))));
    }

    #[test]
    fn position_and_key_name_one_record() {
        let at = |partition, offset| Wanted::Position { partition, offset };
        assert!(at(1, 2).is(&frame(None)));
        assert!(!at(1, 3).is(&frame(None)) && !at(0, 2).is(&frame(None)));
        let key = |key: &[u8]| Wanted::Key(key.to_owned());
        assert!(key(b"k").is(&frame(None)) && !key(b"kk").is(&frame(None)));
    }
}
