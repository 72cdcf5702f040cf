//! Damaged values give an object or an error, and never a panic.

use super::samples::{Sample, accessors, all};
use crate::{Object, owned};

/// Reads everything, and returns whether there was no error.
fn is_read(object_type: &str, value: &[u8]) -> bool {
    let Ok(object) = Object::new(object_type, value) else {
        return false;
    };
    let verified = object.verify().is_ok();
    let whole = match &object {
        Object::Content(object) => {
            again(object.decode(), |value| crate::Content::new(value).decode())
        }
        Object::SkippedContent(object) => again(object.decode(), |value| {
            crate::SkippedContent::new(value).decode()
        }),
        Object::HashCollidingContent(object) => again(object.decode(), |value| {
            crate::HashCollidingContent::new(value).decode()
        }),
        Object::Directory(object) => again(object.decode(), |value| {
            crate::Directory::new(value).decode()
        }),
        Object::Revision(object) => again(object.decode(), |value| {
            crate::Revision::new(value).decode()
        }),
        Object::Release(object) => {
            again(object.decode(), |value| crate::Release::new(value).decode())
        }
        Object::Snapshot(object) => again(object.decode(), |value| {
            crate::Snapshot::new(value).decode()
        }),
        Object::Origin(object) => {
            again(object.decode(), |value| crate::Origin::new(value).decode())
        }
        Object::OriginVisit(object) => again(object.decode(), |value| {
            crate::OriginVisit::new(value).decode()
        }),
        Object::OriginVisitStatus(object) => again(object.decode(), |value| {
            crate::OriginVisitStatus::new(value).decode()
        }),
        Object::ExtId(object) => again(object.decode(), |value| crate::ExtId::new(value).decode()),
        Object::MetadataAuthority(object) => again(object.decode(), |value| {
            crate::MetadataAuthority::new(value).decode()
        }),
        Object::MetadataFetcher(object) => again(object.decode(), |value| {
            crate::MetadataFetcher::new(value).decode()
        }),
        Object::RawExtrinsicMetadata(object) => again(object.decode(), |value| {
            crate::RawExtrinsicMetadata::new(value).decode()
        }),
        Object::Other(_) => true,
    };
    for read in accessors(object_type) {
        let _ = read(&object);
    }
    whole && verified
}

/// A decoded value is encoded so that it decodes to the same.
fn again<T: owned::Object + PartialEq + std::fmt::Debug>(
    object: Result<T, crate::FieldError>,
    decode: impl Fn(&[u8]) -> Result<T, crate::FieldError>,
) -> bool {
    let Ok(object) = object else {
        return false;
    };
    let _ = object.key();
    assert_eq!(decode(&object.encode()).as_ref(), Ok(&object));
    true
}

#[test]
fn every_sample_is_read() {
    for Sample { object_type, value } in all() {
        assert!(is_read(object_type, &value), "{object_type}");
    }
}

#[test]
fn value_that_is_cut_anywhere_is_an_error() {
    for Sample { object_type, value } in all() {
        for length in 0..value.len() {
            assert!(
                !is_read(object_type, &value[..length]),
                "{object_type} of {length} bytes"
            );
        }
    }
}

#[test]
fn value_with_a_flipped_bit_is_read_or_an_error() {
    for Sample {
        object_type,
        mut value,
    } in all()
    {
        for index in 0..value.len() {
            for bit in 0..8 {
                value[index] ^= 1 << bit;
                // A content whose status is flipped to another type of object has no accessors here.
                is_read(object_type, &value);
                value[index] ^= 1 << bit;
            }
        }
    }
}
