//! Which objects a record is of or about: if one of them is masked, so is the record.

use journal_msgpack::{Cursor, Head};

use super::fields::{self, Unreadable};
use super::set::MaskSet;
use super::swhid::{Id, Kind, Swhid};

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
mod tests {
    use super::*;
    use crate::privacy::set::MaskBuilder;

    const ID: Id = [0xaa; 20];
    const OTHER: Id = [0xbb; 20];
    const URL: &str = "https://a/b";

    fn mask(swhids: &[Swhid]) -> MaskSet {
        let mut builder = MaskBuilder::default();
        for swhid in swhids {
            builder.add(swhid);
        }
        builder.build()
    }

    fn of(kind: Kind) -> MaskSet {
        mask(&[Swhid { kind, id: ID }])
    }

    fn bin(bytes: &[u8]) -> Vec<u8> {
        [&[0xc4, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        [&[0xd9, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut map = vec![0x80 | u8::try_from(members.len()).unwrap()];
        for (name, value) in members {
            map.extend(text(name));
            map.extend(value);
        }
        map
    }

    #[test]
    fn object_is_masked_by_its_key_and_without_a_key_by_its_value() {
        for (object_type, kind) in [
            ("directory", Kind::Directory),
            ("revision", Kind::Revision),
            ("release", Kind::Release),
            ("snapshot", Kind::Snapshot),
        ] {
            let masked = |key: &[u8], value: &[u8]| is_masked(object_type, key, value, &of(kind));
            assert_eq!(masked(&bin(&ID), b"?"), Ok(true));
            assert_eq!(masked(&bin(&OTHER), b"?"), Ok(false));
            assert_eq!(masked(b"", &map(&[("id", bin(&ID))])), Ok(true));
            assert_eq!(masked(b"", &map(&[("id", bin(&OTHER))])), Ok(false));
            assert_eq!(
                masked(b"", &map(&[("x", bin(&ID))])),
                Err(Unreadable::Missing("id"))
            );
            // Nothing of this kind is masked, so that nothing has to be known.
            let other = of(Kind::Content);
            assert_eq!(is_masked(object_type, &bin(&ID), b"?", &other), Ok(false));
            assert_eq!(is_masked(object_type, b"", b"?", &other), Ok(false));
        }
    }

    #[test]
    fn content_with_an_old_key_is_masked_by_its_value() {
        let masked =
            |key: &[u8], value: &[u8]| is_masked("content", key, value, &of(Kind::Content));
        let hashes = |id: &[u8]| map(&[("sha1", bin(&OTHER)), ("sha1_git", bin(id))]);
        assert_eq!(masked(&hashes(&ID), b"?"), Ok(true));
        assert_eq!(masked(&hashes(&OTHER), b"?"), Ok(false));
        // A bare sha1 is no identifier, even if it equals one.
        assert_eq!(masked(&bin(&ID), &hashes(&OTHER)), Ok(false));
        assert_eq!(masked(&bin(&OTHER), &hashes(&ID)), Ok(true));
        assert_eq!(
            masked(&bin(&OTHER), &map(&[("length", vec![1])])),
            Err(Unreadable::Missing("sha1_git"))
        );
        let skipped = map(&[("sha1_git", vec![0xc0])]);
        assert_eq!(
            is_masked("skipped_content", &skipped, b"?", &of(Kind::Content)),
            Ok(false)
        );
    }

    #[test]
    fn origin_masks_its_visits_and_their_statuses() {
        let mask = mask(&[Swhid::of_origin(URL.as_bytes())]);
        for (object_type, member) in [
            ("origin", "url"),
            ("origin_visit", "origin"),
            ("origin_visit_status", "origin"),
        ] {
            let with = |url: &str| map(&[("date", text("2026")), (member, text(url))]);
            let masked = |key: &[u8], value: &[u8]| is_masked(object_type, key, value, &mask);
            assert_eq!(masked(&with(URL), b"?"), Ok(true));
            assert_eq!(masked(&with("https://a"), b"?"), Ok(false));
            assert_eq!(masked(b"", &with(URL)), Ok(true));
            assert!(masked(b"", b"\x80").is_err());
            let old = map(&[(member, map(&[("type", text("git")), ("url", text(URL))]))]);
            assert_eq!(masked(&old, b"?"), Ok(true));
        }
    }

    #[test]
    fn metadata_and_extids_are_masked_by_their_target() {
        let swhid = |id: &Id| text(&format!("swh:1:dir:{}", crate::text::hex(id)));
        let of_directory = of(Kind::Directory);
        for object_type in ["extid", "raw_extrinsic_metadata"] {
            let masked = |value: &[u8]| is_masked(object_type, &bin(&ID), value, &of_directory);
            assert_eq!(masked(&map(&[("target", swhid(&ID))])), Ok(true));
            assert_eq!(masked(&map(&[("target", swhid(&OTHER))])), Ok(false));
            assert!(masked(b"\x80").is_err());
            assert!(masked(&map(&[("target", text("swh:1:dir:1"))])).is_err());
        }
        let value = map(&[("target", swhid(&OTHER))]);
        let masked = |mask: &MaskSet| is_masked("raw_extrinsic_metadata", &bin(&ID), &value, mask);
        assert_eq!(masked(&of(Kind::Metadata)), Ok(true));
        let old = map(&[("type", text("origin")), ("target", text(URL))]);
        let of_origin = mask(&[Swhid::of_origin(URL.as_bytes())]);
        assert_eq!(
            is_masked("raw_extrinsic_metadata", b"\x80", &old, &of_origin),
            Ok(true)
        );
    }

    #[test]
    fn two_members_of_one_name_count_both() {
        let twice = map(&[("sha1_git", bin(&ID)), ("sha1_git", bin(&OTHER))]);
        assert_eq!(
            is_masked("content", b"", &twice, &of(Kind::Content)),
            Ok(true)
        );
    }

    #[test]
    fn object_type_without_identifiers_is_never_masked() {
        assert_eq!(
            is_masked("metadata_fetcher", b"?", b"?", &of(Kind::Content)),
            Ok(false)
        );
    }
}
