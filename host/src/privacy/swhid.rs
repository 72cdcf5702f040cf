//! Identifiers of objects, as masks list them.

use sha1::{Digest, Sha1};

/// The bytes of an object's hash.
pub(super) type Id = [u8; 20];

/// What a SWHID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Content,
    Directory,
    Revision,
    Release,
    Snapshot,
    Origin,
    Metadata,
}

impl Kind {
    /// The number of kinds.
    pub(super) const COUNT: usize = 7;

    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"cnt" => Self::Content,
            b"dir" => Self::Directory,
            b"rev" => Self::Revision,
            b"rel" => Self::Release,
            b"snp" => Self::Snapshot,
            b"ori" => Self::Origin,
            b"emd" => Self::Metadata,
            _ => return None,
        })
    }
}

/// A SWHID without qualifiers: `swh:1:cnt:` and 40 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swhid {
    pub(super) kind: Kind,
    pub(super) id: Id,
}

impl Swhid {
    /// Reads the text of a SWHID.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"swh:1:")?;
        let (kind, rest) = rest.split_at_checked(3)?;
        let digits = rest.strip_prefix(b":")?;
        let (pairs, odd) = digits.as_chunks::<2>();
        if pairs.len() != 20 || !odd.is_empty() {
            return None;
        }
        let mut id = [0; 20];
        for (byte, &[high, low]) in id.iter_mut().zip(pairs) {
            *byte = (digit(high)? << 4) | digit(low)?;
        }
        Some(Self {
            kind: Kind::of(kind)?,
            id,
        })
    }

    /// The identifier of the origin with this URL.
    pub(super) fn of_origin(url: &[u8]) -> Self {
        Self {
            kind: Kind::Origin,
            id: Sha1::digest(url).into(),
        }
    }
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swhid_is_read_and_nothing_that_resembles_one() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        let parse = |text: &str| Swhid::parse(text.as_bytes());
        let found = parse(&format!("swh:1:emd:{digits}")).unwrap();
        assert_eq!(found.kind, Kind::Metadata);
        assert_eq!(crate::text::hex(&found.id), digits);
        for text in [
            String::new(),
            "swh:1:cnt:".to_owned(),
            format!("swh:1:cnt:{digits}0"),
            format!("swh:1:cnt:{digits}00"),
            format!("swh:1:cnt:{}", &digits[1..]),
            format!("swh:1:cnt:{}", digits.to_ascii_uppercase()),
            format!("swh:2:cnt:{digits}"),
            format!("swh:1:per:{digits}"),
            format!("swh:1:cnt:{digits};origin=https://a"),
            format!(" swh:1:cnt:{digits}"),
            digits.to_owned(),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn identifier_of_an_origin_is_that_of_its_url() {
        let found = Swhid::of_origin(b"https://github.com/hylang/hy");
        assert_eq!(
            crate::text::hex(&found.id),
            "7bed762bf5ddc7164a08dac613ead782784474bb"
        );
    }
}
