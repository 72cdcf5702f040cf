use super::{Cursor, Fault, Head, timestamp};

fn head(bytes: &[u8]) -> Result<Head, Fault> {
    Cursor::new(bytes).head()
}

#[test]
fn every_marker_has_its_head() {
    assert_eq!(head(&[0x7f]), Ok(Head::Uint(127)));
    assert_eq!(head(&[0xe0]), Ok(Head::Int(-32)));
    assert_eq!(head(&[0x82]), Ok(Head::Map(2)));
    assert_eq!(head(&[0x93]), Ok(Head::Array(3)));
    assert_eq!(head(&[0xbf]), Ok(Head::Str(31)));
    assert_eq!(head(&[0xc0]), Ok(Head::Nil));
    assert_eq!(head(&[0xc1]), Err(Fault::Reserved));
    assert_eq!(head(&[0xc3]), Ok(Head::Bool(true)));
    assert_eq!(head(&[0xc5, 1, 0]), Ok(Head::Bin(256)));
    assert_eq!(head(&[0xc7, 12, 0xff]), Ok(Head::Ext(-1, 12)));
    assert_eq!(head(&[0xca, 0x3f, 0x80, 0, 0]), Ok(Head::F32(1.0)));
    assert_eq!(
        head(&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Ok(Head::Uint(u64::MAX))
    );
    assert_eq!(
        head(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        Ok(Head::Int(i64::MIN))
    );
    assert_eq!(head(&[0xd8, 5]), Ok(Head::Ext(5, 16)));
    assert_eq!(head(&[0xdf, 0, 1, 0, 0]), Ok(Head::Map(65536)));
}

#[test]
fn only_the_expected_bytes_are_skipped() {
    let bytes: Vec<u8> = (0..40).collect();
    for length in 0..bytes.len() {
        let mut expected = bytes[..length].to_vec();
        let mut cursor = Cursor::new(&bytes);
        assert!(cursor.pass(&expected));
        assert_eq!(cursor.offset(), length);
        for wrong in 0..length {
            expected[wrong] ^= 0x80;
            assert!(!Cursor::new(&bytes).pass(&expected), "{wrong} of {length}");
            expected[wrong] ^= 0x80;
        }
        assert!(!Cursor::new(&bytes[..length]).pass(&bytes));
    }
}

#[test]
fn short_values_are_read_completely_or_not_at_all() {
    for (bytes, value, offset) in [
        (&[0x7f][..], Some(127), 1),
        (&[0xcc, 0xff], Some(255), 2),
        (&[0xcd, 1, 0], Some(256), 3),
        (&[0xce, 0xff, 0, 0, 0], Some(0xff00_0000), 5),
        (&[0xce, 0, 0, 0], None, 0),
        (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 1], None, 0),
        (&[0xff], None, 0),
        (&[], None, 0),
    ] {
        let mut cursor = Cursor::new(bytes);
        assert_eq!((cursor.short_uint(), cursor.offset()), (value, offset));
    }
    let mut cursor = Cursor::new(&[0xc4, 2, 7, 8, 9]);
    assert_eq!(
        (cursor.short_bytes(), cursor.offset()),
        (Some(&[7, 8][..]), 4)
    );
    let mut cursor = Cursor::new(&[0xc4, 2, 7]);
    assert_eq!((cursor.short_bytes(), cursor.offset()), (None, 0));
}

#[test]
fn head_that_is_cut_is_incomplete() {
    for bytes in [
        &[][..],
        &[0xc4],
        &[0xc7, 1],
        &[0xcb, 0, 0],
        &[0xdd, 0, 0, 0],
    ] {
        assert_eq!(head(bytes), Err(Fault::Incomplete), "{bytes:?}");
    }
}

/// The first byte of every type of value, with the bytes that must follow.
fn one_of_each_first_byte() -> impl Iterator<Item = Vec<u8>> {
    (0..=u8::MAX).filter(|&first| first != 0xc1).map(|first| {
        let mut bytes = vec![first];
        bytes.resize(40, 0);
        bytes
    })
}

#[test]
fn skipping_agrees_with_the_heads() {
    for bytes in one_of_each_first_byte() {
        let mut by_head = Cursor::new(&bytes);
        let mut left = 1;
        while left > 0 {
            left -= 1;
            match by_head.head().unwrap() {
                Head::Str(length) | Head::Bin(length) | Head::Ext(_, length) => {
                    by_head.bytes(length).unwrap();
                }
                Head::Array(count) => left += count,
                Head::Map(count) => left += 2 * count,
                _ => {}
            }
        }
        let mut skipping = Cursor::new(&bytes);
        skipping.skip().unwrap();
        assert_eq!(skipping.offset(), by_head.offset(), "{:#x}", bytes[0]);
        let cut = &bytes[..skipping.offset() - 1];
        assert_eq!(
            Cursor::new(cut).skip(),
            Err(Fault::Incomplete),
            "{:#x}",
            bytes[0]
        );
    }
    assert_eq!(Cursor::new(&[0xc1]).skip(), Err(Fault::Reserved));
}

#[test]
fn timestamps_of_every_form_are_read() {
    let long = |seconds: i64, nanoseconds: u32| {
        let data = [&nanoseconds.to_be_bytes()[..], &seconds.to_be_bytes()].concat();
        timestamp(&data)
    };
    assert_eq!(timestamp(&[0xff; 4]), Some((u32::MAX.into(), 0)));
    let both = (500_000_000_u64 << 34) + (1 << 34) - 1;
    let half = Some(((1 << 34) - 1, 500_000_000));
    assert_eq!(timestamp(&both.to_be_bytes()), half);
    assert_eq!(long(i64::MIN, 999_999_999), Some((i64::MIN, 999_999_999)));
    assert_eq!(
        (long(0, 1_000_000_000), timestamp(&[0xff; 8])),
        (None, None)
    );
    for length in (0..20).filter(|length| ![4, 8, 12].contains(length)) {
        assert_eq!(timestamp(&vec![0; length]), None);
    }
}

#[test]
fn deep_nesting_is_skipped_without_recursion() {
    let mut bytes = vec![0x91; 5_000_000];
    assert_eq!(Cursor::new(&bytes).skip(), Err(Fault::Incomplete));
    bytes.extend([0xc0, 0xc0]);
    let mut cursor = Cursor::new(&bytes);
    assert_eq!(cursor.value(), Ok(&bytes[..5_000_001]));
    assert!(!cursor.at_end());
}

#[test]
fn claimed_counts_cost_nothing() {
    assert_eq!(
        Cursor::new(&[0xdf, 0xff, 0xff, 0xff, 0xff]).skip(),
        Err(Fault::Incomplete)
    );
    assert_eq!(
        Cursor::new(&[0xc6, 0xff, 0xff, 0xff, 0xff]).skip(),
        Err(Fault::Incomplete)
    );
}
