//! A tag as a release.

use super::headers::{self, Headers};
use super::ident::{self, Ident};
use super::listing::Kind;
use super::revision;
use crate::source::encoder::Encoder;

/// What a tag holds, in the members of a release.
#[derive(Debug)]
struct Tag<'a> {
    target: Option<[u8; 20]>,
    kind: Option<Kind>,
    name: &'a [u8],
    tagger: Option<Ident<'a>>,
    message: Option<&'a [u8]>,
}

impl<'a> Tag<'a> {
    fn of(headers: &'a Headers<'a>) -> Self {
        let value = |name| headers.values(name).next();
        let tagger = revision::person(headers, b"tagger");
        Self {
            target: value(b"object").and_then(|value| headers::id(value)),
            kind: value(b"type").and_then(|value| Kind::of(value)),
            name: value(b"tag").map_or(&[], |value| value),
            // An empty one is none.
            tagger: tagger.filter(|tagger| !tagger.fullname.is_empty()),
            message: headers.message,
        }
    }

    /// Whether the release made of the members hashes to the identifier of the tag.
    fn is_faithful(&self, bytes: &[u8]) -> bool {
        let (Some(target), Some(kind)) = (&self.target, self.kind) else {
            return false;
        };
        let mut manifest = Vec::with_capacity(bytes.len() + 64);
        manifest.extend_from_slice(b"object ");
        headers::write_id(&mut manifest, target);
        manifest.push(b'\n');
        headers::write(&mut manifest, b"type", kind.name());
        headers::write(&mut manifest, b"tag", self.name);
        if let Some(tagger) = &self.tagger {
            tagger.write(&mut manifest, b"tagger");
        }
        headers::write_message(&mut manifest, self.message);
        manifest == bytes
    }
}

/// Whether upstream's parser of git reads the value of the header `mergetag` as a tag.
pub(super) fn is_readable(value: &[u8]) -> bool {
    let headers = Headers::read(value);
    let [object, kind, tag, ..] = &headers.all[..] else {
        return false;
    };
    let tagger = headers.values(b"tagger").next();
    let is_person = |value: &[u8]| {
        let ends = value.windows(2).any(|two| two == b"> ");
        !ends || Ident::of(value, None).date.is_some()
    };
    object.0 == b"object"
        && headers::id(&object.1).is_some()
        && kind.0 == b"type"
        && Kind::of(&kind.1).is_some()
        && tag.0 == b"tag"
        && tagger.is_none_or(|tagger| is_person(tagger))
}

/// The object that a tag names.
pub(super) fn target(bytes: &[u8]) -> Option<([u8; 20], Kind)> {
    let headers = Headers::read(bytes);
    let tag = Tag::of(&headers);
    Some((tag.target?, tag.kind?))
}

/// Writes a tag as a release, with its person whole or anonymised.
pub(super) fn write(
    into: &mut Encoder,
    id: &[u8; 20],
    bytes: &[u8],
    is_whole: bool,
    manifest: impl Fn() -> Vec<u8>,
) {
    let headers = Headers::read(bytes);
    let tag = Tag::of(&headers);
    let is_faithful = tag.is_faithful(bytes);
    into.map(if is_faithful { 8 } else { 9 });
    into.str("name").bin(tag.name);
    into.str("message").bin_or_nil(tag.message);
    into.str("target")
        .bin_or_nil(tag.target.as_ref().map(|id| &id[..]));
    let kind = tag.kind.unwrap_or(Kind::Commit);
    into.str("target_type").str(kind.object_type());
    into.str("synthetic").no();
    into.str("author");
    let tagger = tag.tagger.as_ref();
    ident::write_person(into, tagger.map(|tagger| tagger.fullname), is_whole);
    into.str("date");
    ident::write_date(into, tagger.and_then(|tagger| tagger.date.as_ref()));
    into.str("id").bin(id);
    if !is_faithful {
        into.str("raw_manifest").bin(&manifest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "object 0101010101010101010101010101010101010101\ntype tree\ntag v1\n";

    fn is_faithful(text: &str) -> bool {
        let headers = Headers::read(text.as_bytes());
        Tag::of(&headers).is_faithful(text.as_bytes())
    }

    #[test]
    fn usual_tags_need_no_manifest_and_odd_ones_do() {
        for (rest, expected) in [
            ("", true),
            ("\n", true),
            (
                "tagger A <a> 1 +0000\n\nm\n-----BEGIN PGP SIGNATURE-----\nx\n",
                true,
            ),
            ("tagger A <a>\n\nm", true),
            ("tagger \n\nm", false),
            ("tagger A <a> 99999999999999999999 +0000\n\nm", false),
            ("tagger A <a> 1 +0000\nx y\n\nm", false),
        ] {
            assert_eq!(is_faithful(&format!("{BEGIN}{rest}")), expected, "{rest}");
        }
    }

    #[test]
    fn merged_tag_is_readable_as_upstream_reads_it() {
        for (text, expected) in [
            (BEGIN.to_owned(), true),
            (format!("{BEGIN}tagger A <a> 1 +0000\n\nm"), true),
            (format!("{BEGIN}tagger A <a>\n\nm"), true),
            (format!("{BEGIN}tagger A <a> x y\n\nm"), false),
            (BEGIN.replace("tree", "word"), false),
            (BEGIN.replace("0101", "x101"), false),
            (BEGIN.replace("type", "kind"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_readable(text.as_bytes()), expected, "{text}");
        }
    }
}
