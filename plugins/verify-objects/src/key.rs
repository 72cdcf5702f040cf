//! Checks whether the key of a record names the object in its value.

use journal_plugin_sdk::{FieldError, Id, Object, Raw, owned};

/// The hashes in the key of a content, with their names in the key.
type Hashes<'a> = [(&'static str, Option<&'a [u8]>); 4];

/// The identifier in the key, if the key is one.
pub(crate) fn id(key: &[u8]) -> Option<Id> {
    let bytes = key.strip_prefix(&[0xc4, 20])?;
    bytes.try_into().ok().map(Id)
}

/// Whether the key names this object. The formats of keys that do not name the object are accepted; the README lists them.
pub(crate) fn names(key: &[u8], object: &Object<'_>) -> Result<bool, FieldError> {
    // Recordings in upstream's stream format have no keys.
    if key.is_empty() {
        return Ok(true);
    }
    Ok(match object {
        Object::Content(content) => has_hashes(
            key,
            &[
                ("sha1", Some(content.sha1()?)),
                ("sha1_git", Some(&content.sha1_git()?.0)),
                ("sha256", Some(content.sha256()?)),
                ("blake2s256", Some(content.blake2s256()?)),
            ],
        ),
        Object::HashCollidingContent(content) => has_hashes(
            key,
            &[
                ("sha1", Some(content.sha1()?)),
                ("sha1_git", Some(&content.sha1_git()?.0)),
                ("sha256", Some(content.sha256()?)),
                ("blake2s256", Some(content.blake2s256()?)),
            ],
        ),
        Object::SkippedContent(content) => has_hashes(
            key,
            &[
                ("sha1", content.sha1()?.map(|hash| &hash[..])),
                ("sha1_git", content.sha1_git()?.as_ref().map(|id| &id.0[..])),
                ("sha256", content.sha256()?.map(|hash| &hash[..])),
                ("blake2s256", content.blake2s256()?.map(|hash| &hash[..])),
            ],
        ),
        Object::Origin(origin) => key == owned::Origin::new().url(origin.url()?).key(),
        // In old records the keys are maps.
        Object::ExtId(_) | Object::RawExtrinsicMetadata(_) if id(key).is_none() => true,
        _ => match object.id()? {
            None => true,
            claimed => id(key) == claimed,
        },
    })
}

/// Whether the key holds these hashes: all of them or, until 2025, only the SHA-1.
fn has_hashes(key: &[u8], hashes: &Hashes<'_>) -> bool {
    let is = |found: &[u8], expected: Option<&[u8]>| match expected {
        None => Raw::new(found).is_nil(),
        // The head and the length of short bytes in msgpack.
        Some(hash) => match found.split_first_chunk() {
            Some(([0xc4, length], found)) => usize::from(*length) == found.len() && found == hash,
            _ => false,
        },
    };
    let map = Raw::new(key);
    is(key, hashes[0].1)
        || hashes.iter().all(|(name, expected)| {
            map.get(name)
                .is_some_and(|found| is(found.as_msgpack(), *expected))
        })
}
