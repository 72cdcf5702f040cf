//! Replaces the persons of revisions and releases, byte for byte as upstream's writer does for public topics.
//!
//! The value is spliced: what holds no person is copied as it is, so that forms of old messages stay.

use journal_msgpack::{Cursor, Head};
use sha2::{Digest, Sha256};

use super::fields::{self, Unreadable};
use super::scrub::scrub;

/// How much is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Persons become the hash of their full name, as in public topics.
    Persons,
    /// The same, and members that may repeat names or addresses are removed.
    Strict,
}

/// What is known of the topic of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) object_type: &'a str,
    /// Whether its persons are never anonymised already.
    pub(super) privileged: bool,
}

/// The members that hold persons. None for an object type without persons.
fn persons(object_type: &str) -> Option<&'static [&'static str]> {
    match object_type {
        "revision" => Some(&["author", "committer"]),
        "release" => Some(&["author"]),
        _ => None,
    }
}

/// Whether values of this object type are changed.
pub(super) fn has_persons(object_type: &str) -> bool {
    persons(object_type).is_some()
}

/// Writes the anonymised `value` to `out`, which is cleared before.
///
/// # Errors
/// When it cannot be read: then nothing says where its names are.
pub(super) fn anonymise(
    value: &[u8],
    of: Origin<'_>,
    level: Level,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let persons = persons(of.object_type).ok_or(Unreadable::ObjectType)?;
    out.clear();
    let mut splice = Splice {
        cursor: Cursor::new(value),
        copied: 0,
        out,
    };
    let pairs = fields::map(&mut splice.cursor)?;
    let mut removed = 0;
    for _ in 0..pairs {
        let pair = splice.cursor.offset();
        let name = fields::name(&mut splice.cursor)?;
        let person = persons.iter().find(|person| person.as_bytes() == name);
        if let Some(person) = person {
            splice.person(person, of.privileged)?;
        } else if level == Level::Strict {
            match name {
                b"raw_manifest" => {
                    splice.drop_since(pair)?;
                    removed += 1;
                }
                b"metadata" => splice.nil()?,
                b"message" => splice.message()?,
                b"extra_headers" => splice.extra_headers()?,
                _ => splice.cursor.skip()?,
            }
        } else {
            splice.cursor.skip()?;
        }
    }
    if !splice.cursor.at_end() {
        return Err(Unreadable::NoMap);
    }
    splice.copy();
    if removed > 0 {
        set_count(out, pairs - removed);
    }
    Ok(())
}

/// Changes the number of pairs of the map that begins `out`, in the form that it has: it is smaller than before.
fn set_count(out: &mut [u8], count: u32) {
    let count = count.to_be_bytes();
    match out {
        [first @ 0x80..=0x8f, ..] => *first = 0x80 | count[3],
        [0xde, rest @ ..] => rest[..2].copy_from_slice(&count[2..]),
        [0xdf, rest @ ..] => rest[..4].copy_from_slice(&count),
        _ => {}
    }
}

/// A value that is copied in pieces.
struct Splice<'a, 'o> {
    cursor: Cursor<'a>,
    /// The input before this is written or left out.
    copied: usize,
    out: &'o mut Vec<u8>,
}

impl<'a> Splice<'a, '_> {
    /// Copies everything up to the cursor.
    fn copy(&mut self) {
        let offset = self.cursor.offset();
        let piece = self.cursor.input().get(self.copied..offset);
        self.out.extend_from_slice(piece.unwrap_or_default());
        self.copied = offset;
    }

    /// Copies everything up to the value at the cursor, and passes over that value. Returns it.
    fn replace(&mut self) -> Result<&'a [u8], Unreadable> {
        self.copy();
        let value = self.cursor.value()?;
        self.copied = self.cursor.offset();
        Ok(value)
    }

    fn drop_since(&mut self, pair: usize) -> Result<(), Unreadable> {
        let piece = self.cursor.input().get(self.copied..pair);
        self.out.extend_from_slice(piece.unwrap_or_default());
        self.cursor.skip()?;
        self.copied = self.cursor.offset();
        Ok(())
    }

    fn nil(&mut self) -> Result<(), Unreadable> {
        self.replace()?;
        self.out.push(NIL);
        Ok(())
    }

    fn person(&mut self, member: &'static str, privileged: bool) -> Result<(), Unreadable> {
        let value = self.replace()?;
        if value == [NIL] {
            self.out.push(NIL);
            return Ok(());
        }
        let person = Person::read(value).map_err(|_| Unreadable::Person(member))?;
        if !privileged && person.is_anonymised() {
            self.out.extend_from_slice(value);
            return Ok(());
        }
        self.out.extend_from_slice(b"\x83\xa8fullname\xc4\x20");
        self.out.extend_from_slice(&person.hash());
        self.out.extend_from_slice(b"\xa4name\xc0\xa5email\xc0");
        Ok(())
    }

    fn message(&mut self) -> Result<(), Unreadable> {
        let value = self.replace()?;
        match fields::bytes(&mut Cursor::new(value))? {
            Some(message) => write_bytes(self.out, &scrub(message)),
            None if value == [NIL] => self.out.push(NIL),
            None => return Err(Unreadable::Member("message")),
        }
        Ok(())
    }

    /// Keeps the one header that is needed to read the message.
    fn extra_headers(&mut self) -> Result<(), Unreadable> {
        const MEMBER: Unreadable = Unreadable::Member("extra_headers");
        let value = self.replace()?;
        let mut cursor = Cursor::new(value);
        let Head::Array(count) = cursor.head()? else {
            self.out.push(EMPTY_LIST);
            return Ok(());
        };
        let mut kept = Vec::new();
        let mut keeps = 0_u8;
        for _ in 0..count {
            let begin = cursor.offset();
            if cursor.head()? != Head::Array(2) {
                return Err(MEMBER);
            }
            let is_encoding = fields::name(&mut cursor)? == b"encoding";
            cursor.skip()?;
            let pair = value.get(begin..cursor.offset()).unwrap_or_default();
            // An encoding has a short name, and there is one at most.
            if is_encoding && keeps == 0 && pair.len() <= LONGEST_ENCODING {
                kept.extend_from_slice(pair);
                keeps += 1;
            }
        }
        self.out.push(EMPTY_LIST | keeps);
        self.out.extend_from_slice(&kept);
        Ok(())
    }
}

const NIL: u8 = 0xc0;
const EMPTY_LIST: u8 = 0x90;
/// The limit on the header `encoding`, in bytes of msgpack.
const LONGEST_ENCODING: usize = 64;

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    match length {
        [0, 0, 0, short] => out.extend_from_slice(&[0xc4, short]),
        [0, 0, high, low] => out.extend_from_slice(&[0xc5, high, low]),
        [..] => {
            out.push(0xc6);
            out.extend_from_slice(&length);
        }
    }
    out.extend_from_slice(bytes);
}

/// The members of a person.
#[derive(Default)]
struct Person<'a> {
    fullname: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    email: Option<&'a [u8]>,
}

impl<'a> Person<'a> {
    fn read(value: &'a [u8]) -> Result<Self, Unreadable> {
        let mut cursor = Cursor::new(value);
        let mut person = Self::default();
        for _ in 0..fields::map(&mut cursor)? {
            let name = fields::name(&mut cursor)?;
            match name {
                b"fullname" => person.fullname = fields::bytes(&mut cursor)?,
                b"name" => person.name = fields::bytes(&mut cursor)?,
                b"email" => person.email = fields::bytes(&mut cursor)?,
                _ => cursor.skip()?,
            }
        }
        Ok(person)
    }

    /// Whether it looks as upstream anonymises persons.
    fn is_anonymised(&self) -> bool {
        let is_hash = self.fullname.is_some_and(|name| name.len() == 32);
        is_hash && self.name.is_none() && self.email.is_none()
    }

    /// The hash of the full name. Old messages have none: it is then made of the name and the address.
    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        if let Some(fullname) = self.fullname {
            hash.update(fullname);
        } else {
            hash.update(self.name.unwrap_or_default());
            if let Some(email) = self.email {
                if self.name.is_some() {
                    hash.update(b" ");
                }
                hash.update(b"<");
                hash.update(email);
                hash.update(b">");
            }
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_REVISION: Origin<'static> = Origin {
        object_type: "revision",
        privileged: true,
    };

    fn anonymised(value: &[u8], of: Origin<'_>, level: Level) -> Result<Vec<u8>, Unreadable> {
        let mut out = b"earlier".to_vec();
        anonymise(value, of, level, &mut out).map(|()| out)
    }

    fn person(fullname: &[u8]) -> Vec<u8> {
        let hash = Sha256::digest(fullname);
        [
            &b"\x83\xa8fullname\xc4\x20"[..],
            &hash,
            b"\xa4name\xc0\xa5email\xc0",
        ]
        .concat()
    }

    #[test]
    fn persons_are_replaced_and_everything_else_stays_as_it_is() {
        let plain = b"\x83\xa8fullname\xc4\x07A <a@b>\xa4name\xc4\x01A\xa5email\xc4\x03a@b";
        // A number in a longer form than it needs, which a decoder would not keep.
        let rest = b"\xa2id\xc4\x01i\xa4date\xcd\x00\x01";
        let value = [&b"\x84\xa6author"[..], plain, b"\xa9committer\xc0", rest].concat();
        let expected = [
            &b"\x84\xa6author"[..],
            &person(b"A <a@b>"),
            b"\xa9committer\xc0",
            rest,
        ]
        .concat();
        assert_eq!(
            anonymised(&value, OF_REVISION, Level::Persons),
            Ok(expected)
        );
    }

    #[test]
    fn full_name_of_old_messages_is_made_of_name_and_address() {
        for (members, fullname) in [
            (
                &b"\x82\xa4name\xc4\x01A\xa5email\xc4\x01b"[..],
                &b"A <b>"[..],
            ),
            (b"\x82\xa4name\xc0\xa5email\xc4\x01b", b"<b>"),
            (b"\x82\xa4name\xa1A\xa5email\xc0", b"A"),
            (b"\x82\xa4name\xa0\xa5email\xa0", b" <>"),
            (b"\x80", b""),
        ] {
            let value = [b"\x81\xa6author", members].concat();
            let expected = [b"\x81\xa6author", &person(fullname)[..]].concat();
            assert_eq!(
                anonymised(&value, OF_REVISION, Level::Persons),
                Ok(expected)
            );
        }
    }

    #[test]
    fn persons_of_public_topics_are_hashed_unless_they_are_hashes() {
        let public = Origin {
            privileged: false,
            ..OF_REVISION
        };
        let hashed = [b"\x81\xa6author", &person(b"A <b>")[..]].concat();
        assert_eq!(anonymised(&hashed, public, Level::Persons).unwrap(), hashed);
        // The same bytes in a privileged topic are a name of 32 bytes.
        assert_ne!(
            anonymised(&hashed, OF_REVISION, Level::Persons).unwrap(),
            hashed
        );
        let plain = b"\x81\xa6author\x81\xa8fullname\xc4\x05A <b>";
        assert_eq!(anonymised(plain, public, Level::Persons).unwrap(), hashed);
    }

    #[test]
    fn value_that_cannot_be_read_is_refused() {
        for value in [
            &b""[..],
            b"\xc0",
            b"\x81\xa6author",
            b"\x81\xa6author\xc4\x03A B",
            b"\x81\xa6author\xc0more",
            b"\xdf\xff\xff\xff\xff",
            b"\x81\xa6author\x81\xa8fullname\xc4\xffA",
        ] {
            for level in [Level::Persons, Level::Strict] {
                assert!(anonymised(value, OF_REVISION, level).is_err(), "{value:?}");
            }
        }
        let other = Origin {
            object_type: "person",
            ..OF_REVISION
        };
        assert_eq!(
            anonymised(b"\x80", other, Level::Persons),
            Err(Unreadable::ObjectType)
        );
    }

    #[test]
    fn strict_removes_what_may_repeat_names() {
        let value = [
            &b"\x86\xa6author\xc0\xacraw_manifest\xc4\x05A <b>\xa8metadata\x81\xa1x\xa1y"[..],
            b"\xadextra_headers\x92\x92\xc4\x06gpgsig\xc4\x01A\x92\xc4\x08encoding\xc4\x05UTF-8",
            b"\xa7message\xc4\x11by a@b.c\n\nX-by: A",
            b"\xa2id\xc4\x01i",
        ]
        .concat();
        let expected = [
            &b"\x85\xa6author\xc0\xa8metadata\xc0"[..],
            b"\xadextra_headers\x91\x92\xc4\x08encoding\xc4\x05UTF-8",
            b"\xa7message\xc4\x1dby (removed)\n\nX-by: (removed)\xa2id\xc4\x01i",
        ]
        .concat();
        let found = anonymised(&value, OF_REVISION, Level::Strict).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn count_of_a_large_map_keeps_its_form() {
        for (form, after) in [
            (&b"\xde\x00\x02"[..], &b"\xde\x00\x01"[..]),
            (b"\xdf\x00\x00\x00\x02", b"\xdf\x00\x00\x00\x01"),
        ] {
            let value = [form, b"\xacraw_manifest\xc4\x01A\xa2id\xc0"].concat();
            let expected = [after, b"\xa2id\xc0"].concat();
            assert_eq!(anonymised(&value, OF_REVISION, Level::Strict), Ok(expected));
        }
    }
}
