//! Reading a field looks only at the bytes before it.

use journal_msgpack::{Cursor, Head};

use super::samples::{Sample, accessors, all};
use crate::{Object, Revision};

/// The end of the value of each pair.
fn ends(value: &[u8]) -> Vec<usize> {
    let mut cursor = Cursor::new(value);
    let Ok(Head::Map(pairs)) = cursor.head() else {
        panic!("an object is a map");
    };
    let mut end = || {
        cursor.skip_many(2).unwrap();
        cursor.offset()
    };
    (0..pairs).map(|_| end()).collect()
}

#[test]
fn broken_field_does_not_affect_those_before_it() {
    for Sample { object_type, value } in all() {
        let fields = accessors(object_type);
        let whole = Object::new(object_type, &value).unwrap();
        for (last, &end) in ends(&value).iter().enumerate() {
            // The byte 0xc1 is not msgpack, so nothing can skip it.
            let broken = [&value[..end], &[0xc1]].concat();
            let Ok(object) = Object::new(object_type, &broken) else {
                // The status of a content is read at once.
                assert!(object_type == "content" && last < 5, "{object_type}");
                continue;
            };
            for (index, read) in fields.iter().enumerate() {
                if index <= last {
                    assert_eq!(
                        read(&object),
                        read(&whole),
                        "field {index} of the {object_type}, broken after {last}"
                    );
                } else {
                    assert!(read(&object).is_err(), "field {index} of the {object_type}");
                }
            }
            // They can still be read after the errors.
            assert_eq!(fields[0](&object), fields[0](&whole));
        }
    }
}

#[test]
fn field_of_a_wrong_type_does_not_affect_those_after_it() {
    // {"message": 5, "author": nil, "type": "git"}
    let revision = Revision::new(b"\x83\xa7message\x05\xa6author\xc0\xa4type\xa3git");
    assert!(revision.message().is_err());
    assert_eq!(revision.author(), Ok(None));
    assert!(revision.message().is_err());
    assert_eq!(revision.revision_type(), Ok(crate::RevisionType::Git));
}
