//! A field costs no more than the walk to it.

use journal_msgpack::{Cursor, Head};

use super::samples::{Sample, accessors, all};
use crate::{Object, Revision};

/// Where the value of each pair ends.
fn ends(value: &[u8]) -> Vec<usize> {
    let mut cursor = Cursor::new(value);
    let Ok(Head::Map(pairs)) = cursor.head() else {
        panic!("an object is a map");
    };
    let mut end = || {
        cursor.skip_many(2).unwrap();
        cursor.place()
    };
    (0..pairs).map(|_| end()).collect()
}

#[test]
fn field_that_is_broken_does_not_hinder_those_before_it() {
    for Sample { object_type, value } in all() {
        let fields = accessors(object_type);
        let whole = Object::new(object_type, &value).unwrap();
        for (last, &end) in ends(&value).iter().enumerate() {
            // The byte 0xc1 is no msgpack, so that nothing passes it.
            let broken = [&value[..end], &[0xc1]].concat();
            let Ok(object) = Object::new(object_type, &broken) else {
                // The status of a content is read at once.
                assert!(object_type == "content" && last < 5, "{object_type}");
                continue;
            };
            for (place, read) in fields.iter().enumerate() {
                if place <= last {
                    assert_eq!(
                        read(&object),
                        read(&whole),
                        "field {place} of the {object_type}, broken behind {last}"
                    );
                } else {
                    assert!(read(&object).is_err(), "field {place} of the {object_type}");
                }
            }
            // They are there after the errors too.
            assert_eq!(fields[0](&object), fields[0](&whole));
        }
    }
}

#[test]
fn field_of_a_wrong_kind_does_not_hinder_those_behind_it() {
    // {"message": 5, "author": nil, "type": "git"}
    let revision = Revision::new(b"\x83\xa7message\x05\xa6author\xc0\xa4type\xa3git");
    assert!(revision.message().is_err());
    assert_eq!(revision.author(), Ok(None));
    assert!(revision.message().is_err());
    assert_eq!(revision.revision_type(), Ok(crate::RevisionType::Git));
}
