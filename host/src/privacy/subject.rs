//! Which objects a record is of or about: if one of them is masked, so is the record.

use journal_msgpack::{Cursor, Head};

use super::fields::{self, Unreadable};
use super::set::{MaskSet, Middle};
use super::swhid::{Id, Kind, Swhid};

/// Reads the identifier from a key, where the key has it in the usual form.
type IdOf = fn(&[u8]) -> Option<Id>;

/// How the masked records of one topic are found. It is chosen once for a mask, and not for each record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way(Found);

#[derive(Clone, Copy, Debug)]
enum Found {
    /// There are none: the mask has no object that they could be of or about.
    Never,
    /// By the identifier in the key; by the whole record where the key has none in the usual form.
    ByKey(Kind, IdOf),
    /// By the whole record.
    Whole,
}

impl Way {
    /// Where nothing is masked.
    pub(super) const NONE: Self = Self(Found::Never);

    /// That of the records of this object type.
    pub(super) fn of(object_type: &str, mask: &MaskSet) -> Self {
        let (kind, id): (_, IdOf) = match object_type {
            "directory" => (Kind::Directory, usual_id),
            "revision" => (Kind::Revision, usual_id),
            "release" => (Kind::Release, usual_id),
            "snapshot" => (Kind::Snapshot, usual_id),
            "content" | "skipped_content" | "hash_colliding_content" => {
                (Kind::Content, usual_sha1_git)
            }
            "origin" => (Kind::Origin, |key| origin_id(key, "url")),
            "origin_visit" | "origin_visit_status" => {
                (Kind::Origin, |key| origin_id(key, "origin"))
            }
            "extid" | "raw_extrinsic_metadata" => return Self(Found::Whole),
            _ => return Self::NONE,
        };
        if mask.is_without(kind) {
            return Self::NONE;
        }
        Self(Found::ByKey(kind, id))
    }

    /// Whether records may be masked.
    pub(super) fn is_needed(self) -> bool {
        !matches!(self.0, Found::Never)
    }

    /// What the filter asks of a record with this key, where the key alone says whether it is masked.
    #[inline]
    pub(super) fn middle(self, key: &[u8]) -> Option<Middle> {
        match self.0 {
            Found::ByKey(_, id) => id(key).map(|id| Middle::of(&id)),
            _ => None,
        }
    }

    /// Whether a record whose key has this may be masked.
    #[inline]
    pub(super) fn may_be_masked(self, middle: Middle, mask: &MaskSet) -> bool {
        match self.0 {
            Found::ByKey(kind, _) => mask.may_contain(kind, middle),
            _ => true,
        }
    }

    /// Whether a record with this key is masked, where the key alone says it.
    pub(super) fn is_masked(self, key: &[u8], mask: &MaskSet) -> bool {
        let Found::ByKey(kind, id) = self.0 else {
            return true;
        };
        id(key).is_none_or(|id| mask.contains(&Swhid { kind, id }))
    }
}

/// The identifier in a key that is one, in its usual form.
#[inline]
fn usual_id(key: &[u8]) -> Option<Id> {
    key.strip_prefix(&[0xc4, 20])?.try_into().ok()
}

/// The hash as git computes it in a key of the four hashes, in its usual form.
#[inline]
fn usual_sha1_git(key: &[u8]) -> Option<Id> {
    const BEFORE_BLAKE2S256: &[u8] = b"\x84\xaablake2s256\xc4\x20";
    const BEFORE_SHA1: &[u8] = b"\xa4sha1\xc4\x14";
    const BEFORE_SHA1_GIT: &[u8] = b"\xa8sha1_git\xc4\x14";
    const BEFORE_SHA256: &[u8] = b"\xa6sha256\xc4\x20";
    let key: &[u8; 145] = key.try_into().ok()?;
    let rest = key.strip_prefix(BEFORE_BLAKE2S256)?;
    let rest = rest.get(32..)?.strip_prefix(BEFORE_SHA1)?;
    let rest = rest.get(20..)?.strip_prefix(BEFORE_SHA1_GIT)?;
    let (id, rest) = rest.split_first_chunk::<20>()?;
    let rest = rest.strip_prefix(BEFORE_SHA256)?;
    (rest.len() == 32).then_some(*id)
}

/// The identifier of the origin whose URL is this member of the key, once and as a text.
fn origin_id(key: &[u8], member: &'static str) -> Option<Id> {
    let mut urls = 0;
    let mut id = None;
    let each = fields::each(key, member.as_bytes(), |mut url| {
        let url = fields::bytes(&mut url)?.ok_or(Unreadable::Member(member))?;
        urls += 1;
        id = Some(Swhid::of_origin(url).id);
        Ok(())
    });
    each.ok().and(id).filter(|_| urls == 1)
}

/// Whether a record is masked. What the key says is not read from the value, except for old contents, whose keys do not
/// have the hash that identifies them. Keys are missing from some recordings.
///
/// # Errors
/// When neither key nor value says what the record is of.
pub(super) fn is_masked(
    object_type: &str,
    key: &[u8],
    value: &[u8],
    mask: &MaskSet,
) -> Result<bool, Unreadable> {
    let of_kind = |kind| -> Result<bool, Unreadable> {
        if mask.is_without(kind) {
            return Ok(false);
        }
        let id = match key_id(key) {
            Some(id) => id,
            None => member_id(value, "id")?.ok_or(Unreadable::Missing("id"))?,
        };
        Ok(mask.contains(&Swhid { kind, id }))
    };
    match object_type {
        "directory" => of_kind(Kind::Directory),
        "revision" => of_kind(Kind::Revision),
        "release" => of_kind(Kind::Release),
        "snapshot" => of_kind(Kind::Snapshot),
        "content" | "skipped_content" | "hash_colliding_content" => content(key, value, mask),
        "origin" => origin(key, value, "url", mask),
        "origin_visit" | "origin_visit_status" => origin(key, value, "origin", mask),
        "extid" => target(value, mask),
        "raw_extrinsic_metadata" => Ok(metadata(key, value, mask)? || target(value, mask)?),
        _ => Ok(false),
    }
}

/// The identifier that is the whole key.
fn key_id(key: &[u8]) -> Option<Id> {
    let mut cursor = Cursor::new(key);
    let id = cursor.short_bytes().filter(|_| cursor.at_end())?;
    id.try_into().ok()
}

/// The identifier in a member, if it is there.
fn member_id(map: &[u8], name: &'static str) -> Result<Option<Id>, Unreadable> {
    let mut id = None;
    fields::each(map, name.as_bytes(), |mut value| {
        let bytes = fields::bytes(&mut value)?;
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        id = Some(bytes.ok_or(Unreadable::Member(name))?);
        Ok(())
    })?;
    Ok(id)
}

/// A content by its hash as git computes it. A content that was skipped may have none, and then no SWHID.
fn content(key: &[u8], value: &[u8], mask: &MaskSet) -> Result<bool, Unreadable> {
    const MEMBER: &str = "sha1_git";
    if mask.is_without(Kind::Content) {
        return Ok(false);
    }
    let of = |map: &[u8]| -> Result<Option<bool>, Unreadable> {
        let mut found = None;
        fields::each(map, MEMBER.as_bytes(), |mut hash| {
            let is_masked = match fields::bytes(&mut hash)? {
                None => false,
                Some(bytes) => mask.contains(&Swhid {
                    kind: Kind::Content,
                    id: bytes.try_into().map_err(|_| Unreadable::Member(MEMBER))?,
                }),
            };
            found = Some(found.unwrap_or(false) || is_masked);
            Ok(())
        })?;
        Ok(found)
    };
    let has_hashes = matches!(Cursor::new(key).head(), Ok(Head::Map(_)));
    let in_key = if has_hashes { of(key)? } else { None };
    match in_key {
        Some(is_masked) => Ok(is_masked),
        None => of(value)?.ok_or(Unreadable::Missing(MEMBER)),
    }
}

/// An origin by its URL, which is in this member of the key or the value; old records have a map there.
fn origin(
    key: &[u8],
    value: &[u8],
    member: &'static str,
    mask: &MaskSet,
) -> Result<bool, Unreadable> {
    if mask.is_without(Kind::Origin) {
        return Ok(false);
    }
    let of = |map: &[u8]| -> Result<Option<bool>, Unreadable> {
        let mut found = None;
        fields::each(map, member.as_bytes(), |url| {
            let is_masked = is_masked_url(url, mask).ok_or(Unreadable::Member(member))?;
            found = Some(found.unwrap_or(false) || is_masked);
            Ok(())
        })?;
        Ok(found)
    };
    let is_map = matches!(Cursor::new(key).head(), Ok(Head::Map(_)));
    let in_key = if is_map { of(key)? } else { None };
    match in_key {
        Some(is_masked) => Ok(is_masked),
        None => of(value)?.ok_or(Unreadable::Missing(member)),
    }
}

/// Whether the origin at the cursor is masked: its URL, or a map with one.
fn is_masked_url(mut cursor: Cursor<'_>, mask: &MaskSet) -> Option<bool> {
    let whole = cursor.value().ok()?;
    let mut cursor = Cursor::new(whole);
    if let Some(url) = fields::bytes(&mut cursor).ok()? {
        return Some(mask.contains(&Swhid::of_origin(url)));
    }
    let mut found = None;
    let each = fields::each(whole, b"url", |mut url| {
        let url = fields::bytes(&mut url)?.ok_or(Unreadable::Member("url"))?;
        found = Some(found.unwrap_or(false) || mask.contains(&Swhid::of_origin(url)));
        Ok(())
    });
    each.ok().and(found)
}

/// Extrinsic metadata by its own identifier. Old records may have none.
fn metadata(key: &[u8], value: &[u8], mask: &MaskSet) -> Result<bool, Unreadable> {
    if mask.is_without(Kind::Metadata) {
        return Ok(false);
    }
    let id = match key_id(key) {
        Some(id) => Some(id),
        None => member_id(value, "id")?,
    };
    Ok(id.is_some_and(|id| {
        let kind = Kind::Metadata;
        mask.contains(&Swhid { kind, id })
    }))
}

/// The object that a record is about: its SWHID, or in old metadata of origins its URL.
fn target(value: &[u8], mask: &MaskSet) -> Result<bool, Unreadable> {
    const MEMBER: &str = "target";
    let mut found = None;
    fields::each(value, MEMBER.as_bytes(), |mut target| {
        let target = fields::bytes(&mut target)?.ok_or(Unreadable::Member(MEMBER))?;
        let swhid = match Swhid::parse(target) {
            Some(swhid) => swhid,
            None if target.starts_with(b"swh:") => return Err(Unreadable::Member(MEMBER)),
            None => Swhid::of_origin(target),
        };
        found = Some(found.unwrap_or(false) || mask.contains(&swhid));
        Ok(())
    })?;
    found.ok_or(Unreadable::Missing(MEMBER))
}

#[cfg(test)]
mod tests;
