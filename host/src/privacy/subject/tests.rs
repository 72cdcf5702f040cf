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
    let length = u8::try_from(text.len()).unwrap();
    let head = match length {
        0..32 => vec![0xa0 | length],
        _ => vec![0xd9, length],
    };
    [&head[..], text.as_bytes()].concat()
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
fn key_in_its_usual_form_says_what_the_whole_record_says() {
    let hashes = |id: &[u8]| {
        map(&[
            ("blake2s256", bin(&[1; 32])),
            ("sha1", bin(&OTHER)),
            ("sha1_git", bin(id)),
            ("sha256", bin(&[2; 32])),
        ])
    };
    let visit = |url: &str| map(&[("date", text("2026")), ("origin", text(url))]);
    let origin = Swhid::of_origin(URL.as_bytes());
    for (object_type, masked, other, object) in [
        ("content", hashes(&ID), hashes(&OTHER), of(Kind::Content)),
        (
            "skipped_content",
            hashes(&ID),
            hashes(&OTHER),
            of(Kind::Content),
        ),
        ("directory", bin(&ID), bin(&OTHER), of(Kind::Directory)),
        ("release", bin(&ID), bin(&OTHER), of(Kind::Release)),
        (
            "origin_visit",
            visit(URL),
            visit("https://a"),
            mask(&[origin]),
        ),
    ] {
        let way = Way::of(object_type, &object);
        for (key, expected) in [(&masked, true), (&other, false)] {
            let middle = way.middle(key).unwrap();
            assert_eq!(way.is_masked(key, &object), expected);
            assert!(!expected || way.may_be_masked(middle, &object));
            assert_eq!(is_masked(object_type, key, b"?", &object), Ok(expected));
        }
        // Nothing of another kind can be what these records are of.
        let way = Way::of(object_type, &of(Kind::Metadata));
        assert!(!way.is_needed() && way.middle(&masked).is_none());
    }
}

#[test]
fn key_in_another_form_leaves_it_to_the_whole_record() {
    let usual = map(&[
        ("blake2s256", bin(&[1; 32])),
        ("sha1", bin(&OTHER)),
        ("sha1_git", bin(&ID)),
        ("sha256", bin(&[2; 32])),
    ]);
    let contents = Way::of("content", &of(Kind::Content));
    assert!(contents.middle(&usual).is_some());
    for index in [0, 1, 12, 13, 46, 73, 83, 104, 112] {
        let mut other = usual.clone();
        other[index] ^= 1;
        assert!(contents.middle(&other).is_none(), "{index}");
    }
    assert!(contents.middle(&usual[..144]).is_none());
    let visits = Way::of("origin_visit", &mask(&[Swhid::of_origin(URL.as_bytes())]));
    let twice = map(&[("origin", text("https://a")), ("origin", text(URL))]);
    assert!(visits.middle(&twice).is_none() && visits.middle(b"").is_none());
    let metadata = Way::of("raw_extrinsic_metadata", &of(Kind::Directory));
    assert!(metadata.is_needed() && metadata.middle(&bin(&ID)).is_none());
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
    let masked = |key: &[u8], value: &[u8]| is_masked("content", key, value, &of(Kind::Content));
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
