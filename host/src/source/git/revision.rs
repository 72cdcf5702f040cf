//! A commit as a revision.

use std::borrow::Cow;

use super::headers::{self, Headers};
use super::ident::{self, Ident};
use super::release;
use crate::source::encoder::Encoder;

/// The identifier of nothing: that of a tree which a commit does not name.
const NO_ID: [u8; 20] = [0; 20];

/// What a commit holds, in the members of a revision.
#[derive(Debug)]
struct Commit<'a> {
    tree: Option<[u8; 20]>,
    parents: Vec<[u8; 20]>,
    author: Option<Ident<'a>>,
    committer: Option<Ident<'a>>,
    extra: Vec<(&'a [u8], Cow<'a, [u8]>)>,
    message: Option<&'a [u8]>,
}

impl<'a> Commit<'a> {
    fn of(headers: &'a Headers<'a>) -> Self {
        let mut commit = Self {
            tree: None,
            parents: Vec::new(),
            author: person(headers, b"author"),
            committer: person(headers, b"committer"),
            extra: Vec::new(),
            message: headers.message,
        };
        let mut merged = Vec::new();
        let mut others = Vec::new();
        let mut signatures: Vec<&[u8]> = Vec::new();
        // Parents are those that follow the tree.
        let mut in_parents = false;
        for (name, value) in &headers.all {
            let follows = in_parents;
            in_parents = *name == b"parent" && follows;
            match *name {
                b"tree" => {
                    in_parents = commit.tree.is_none();
                    commit.tree = commit.tree.or_else(|| headers::id(value));
                }
                b"parent" if follows => commit.parents.extend(headers::id(value)),
                b"encoding" if commit.extra.is_empty() => commit.extra.push((name, value.clone())),
                b"parent" | b"author" | b"committer" | b"encoding" => {}
                b"mergetag" if release::is_readable(value) => merged.push((*name, value.clone())),
                b"gpgsig" => signatures.push(value),
                _ => others.push((*name, value.clone())),
            }
        }
        commit.extra.append(&mut merged);
        commit.extra.append(&mut others);
        let signature = signatures.join(&b'\n');
        if !signature.is_empty() {
            commit.extra.push((b"gpgsig", signature.into()));
        }
        commit
    }

    /// Whether the revision made of the members hashes to the identifier of the commit.
    fn is_faithful(&self, bytes: &[u8]) -> bool {
        let mut manifest = Vec::with_capacity(bytes.len() + 64);
        let write_id = |manifest: &mut Vec<u8>, name: &[u8], id: &[u8; 20]| {
            manifest.extend_from_slice(name);
            headers::write_id(manifest, id);
            manifest.push(b'\n');
        };
        write_id(&mut manifest, b"tree ", &self.tree.unwrap_or(NO_ID));
        for parent in &self.parents {
            write_id(&mut manifest, b"parent ", parent);
        }
        let idents = [
            (&b"author"[..], &self.author),
            (b"committer", &self.committer),
        ];
        for (name, ident) in idents {
            if let Some(ident) = ident {
                ident.write(&mut manifest, name);
            }
        }
        for (name, value) in &self.extra {
            headers::write(&mut manifest, name, value);
        }
        headers::write_message(&mut manifest, self.message);
        manifest == bytes
    }
}

/// The first person with this header. The zone is that of the last one.
pub(super) fn person<'a>(headers: &'a Headers<'a>, name: &'static [u8]) -> Option<Ident<'a>> {
    let first = headers.values(name).next()?;
    let zone = headers.values(name).filter_map(|value| ident::zone(value));
    Some(Ident::of(first, zone.last()))
}

/// The committer's time, in seconds since 1970.
pub(super) fn committed(bytes: &[u8]) -> Option<i64> {
    let headers = Headers::read(bytes);
    let committer = person(&headers, b"committer")?;
    committer.date.map(|date| date.seconds)
}

/// The person as git has it.
fn fullname<'a>(ident: Option<&Ident<'a>>) -> Option<&'a [u8]> {
    ident.map(|ident| ident.fullname)
}

/// Writes a commit as a revision, with persons whole or anonymised.
pub(super) fn write(
    into: &mut Encoder,
    id: &[u8; 20],
    bytes: &[u8],
    is_whole: bool,
    manifest: impl Fn() -> Vec<u8>,
) {
    let headers = Headers::read(bytes);
    let commit = Commit::of(&headers);
    let is_faithful = commit.is_faithful(bytes);
    into.map(if is_faithful { 12 } else { 13 });
    into.str("message").bin_or_nil(commit.message);
    into.str("author");
    ident::write_person(into, fullname(commit.author.as_ref()), is_whole);
    into.str("committer");
    ident::write_person(into, fullname(commit.committer.as_ref()), is_whole);
    for (name, ident) in [
        ("date", &commit.author),
        ("committer_date", &commit.committer),
    ] {
        into.str(name);
        ident::write_date(into, ident.as_ref().and_then(|ident| ident.date.as_ref()));
    }
    into.str("type").str("git");
    into.str("directory").bin(&commit.tree.unwrap_or(NO_ID));
    into.str("synthetic").no();
    into.str("metadata").nil();
    into.str("parents").array(commit.parents.len());
    for parent in &commit.parents {
        into.bin(parent);
    }
    into.str("id").bin(id);
    into.str("extra_headers").array(commit.extra.len());
    for (name, value) in &commit.extra {
        into.array(2).bin(name).bin(value);
    }
    if !is_faithful {
        into.str("raw_manifest").bin(&manifest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "tree 0101010101010101010101010101010101010101\n";
    const PARENT: &str = "parent 0202020202020202020202020202020202020202\n";
    const AUTHOR: &str = "author A <a@b> 1 +0000\n";
    const COMMITTER: &str = "committer B <b> 2 -0130\n";
    const TAG: &str = "object 0101010101010101010101010101010101010101\n type commit\n tag v\n";

    fn extra(text: &str) -> (bool, Vec<String>) {
        let headers = Headers::read(text.as_bytes());
        let commit = Commit::of(&headers);
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let extra = commit.extra.iter();
        let extra = extra.map(|(name, value)| format!("{}={}", text_of(name), text_of(value)));
        (commit.is_faithful(text.as_bytes()), extra.collect())
    }

    #[test]
    fn headers_in_the_usual_order_need_no_manifest() {
        for rest in [
            "",
            "\n",
            "\nmessage",
            "encoding x\ngpgsig a\n b\n\nm",
            "x y\n\nm",
            "HG:extra a\n\nm",
        ] {
            let text = format!("{TREE}{PARENT}{PARENT}{AUTHOR}{COMMITTER}{rest}");
            assert!(extra(&text).0, "{text}");
        }
        let signed = format!("{TREE}{AUTHOR}{COMMITTER}mergetag {TAG}gpgsig s\n\nm");
        let (is_faithful, extra) = extra(&signed);
        assert!(is_faithful);
        assert_eq!(extra.len(), 2);
        assert!(extra[0].starts_with("mergetag=object 01"), "{extra:?}");
        assert_eq!(extra[1], "gpgsig=s");
    }

    #[test]
    fn headers_have_the_order_of_upstream_and_odd_commits_are_not_faithful() {
        let begin = format!("{TREE}{AUTHOR}{COMMITTER}");
        for (text, expected) in [
            (
                format!("{begin}x y\nencoding e\n\nm"),
                &["encoding=e", "x=y"][..],
            ),
            (format!("{begin}gpgsig s\nx y\n\nm"), &["x=y", "gpgsig=s"]),
            (
                format!("{begin}gpgsig s\nx y\ngpgsig t\n\nm"),
                &["x=y", "gpgsig=s\nt"],
            ),
            // What is no tag stays between the others.
            (
                format!("{begin}encoding e\nencoding f\nx y\nmergetag t\n\n"),
                &["encoding=e", "x=y", "mergetag=t"],
            ),
            (format!("{begin}{PARENT}\nm"), &[]),
            (format!("{begin}{AUTHOR}\nm"), &[]),
            (format!("{TREE}{TREE}{AUTHOR}{COMMITTER}\nm"), &[]),
        ] {
            let (is_faithful, found) = extra(&text);
            assert!(!is_faithful, "{text}");
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn time_of_a_commit_is_its_committers() {
        let text = format!("{TREE}{AUTHOR}{COMMITTER}\nm");
        assert_eq!(committed(text.as_bytes()), Some(2));
        assert_eq!(committed(b"tree x"), None);
    }
}
