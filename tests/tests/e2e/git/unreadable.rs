//! Objects that upstream's loader does not read: it ends without a visit. Ours hash to the identifiers that git has.
//! `docs/git.md` lists them.

use std::path::{Path, PathBuf};

use journal_tests::{Host, paths};

use super::{LIMIT, repository, upstream};

/// An object: what it is, its type, its bytes for `printf`, and whether git lists it where a ref leads to it. Git itself
/// refuses the others, so that they are read only with all objects.
///
/// `$tree` and `$blob` are identifiers, `$raw` is one as bytes, and `$usual` are the headers of a usual commit.
struct Unreadable(&'static str, &'static str, &'static str, bool);

const OBJECTS: [Unreadable; 22] = [
    Unreadable(
        "a commit without an author",
        "commit",
        r"tree $tree\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a commit without a committer",
        "commit",
        r"tree $tree\nauthor $who\n\nm",
        true,
    ),
    Unreadable(
        "an author without a date",
        "commit",
        r"tree $tree\nauthor A <a>\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "an author without a mail address",
        "commit",
        r"tree $tree\nauthor A 1 +0000\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a committer whose seconds are no number",
        "commit",
        r"tree $tree\nauthor $who\ncommitter A <a> x +0000\n\nm",
        true,
    ),
    Unreadable(
        "an author without a zone",
        "commit",
        r"tree $tree\nauthor A <a> 1\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a zone without a sign",
        "commit",
        r"tree $tree\nauthor A <a> 1 0000\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a zone that is no number",
        "commit",
        r"tree $tree\nauthor A <a> 1 +CEST\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a zone of many days after two spaces",
        "commit",
        r"tree $tree\nauthor A <a> 1  +99999\ncommitter $who\n\nm",
        true,
    ),
    Unreadable(
        "a header without a value",
        "commit",
        r"$usual\nx\n\nm",
        true,
    ),
    Unreadable(
        "a merged tag with a header without a value",
        "commit",
        r"$usual\nmergetag object $tree\n type tree\n tag v\n x\n \n m\n\nm",
        true,
    ),
    Unreadable(
        "a tree that is no identifier",
        "commit",
        r"tree x\nauthor $who\ncommitter $who\n\nm",
        false,
    ),
    Unreadable(
        "a parent that is no identifier",
        "commit",
        r"tree $tree\nparent x\nauthor $who\ncommitter $who\n\nm",
        false,
    ),
    Unreadable(
        "a commit that does not begin with its tree",
        "commit",
        r"author $who\ntree $tree\ncommitter $who\n\nm",
        false,
    ),
    Unreadable(
        "a tagger whose seconds are no number",
        "tag",
        r"object $tree\ntype tree\ntag t\ntagger A <a> x +0000\n\nm",
        true,
    ),
    Unreadable(
        "a tag of an unknown type",
        "tag",
        r"object $tree\ntype word\ntag t\n\nm",
        false,
    ),
    Unreadable(
        "a tag without a name",
        "tag",
        r"object $tree\ntype tree\n\nm",
        false,
    ),
    Unreadable(
        "a tag whose headers have another order",
        "tag",
        r"type tree\nobject $tree\ntag t\n\nm",
        false,
    ),
    Unreadable(
        "names that differ by a slash alone",
        "tree",
        r"100644 a/b\0${raw}100644 a_b\0$raw",
        true,
    ),
    Unreadable(
        "a mode that is no octal number",
        "tree",
        r"1006x4 a\0$raw",
        false,
    ),
    Unreadable(
        "an entry that is cut off",
        "tree",
        r"100644 a\0${raw}100644 b\0",
        false,
    ),
    Unreadable("bytes that are no entry", "tree", "x", false),
];

/// A repository with one of them, to which a ref leads: git itself would refuse to make the ref.
fn with(object: &Unreadable) -> PathBuf {
    let Unreadable(_, kind, bytes, _) = object;
    let script = format!(
        r#"tree=$(git mktree </dev/null); blob=$(echo x | git hash-object -w --stdin)
        raw=$(printf %s $blob | sed 's/../\\x&/g'); who='A <a@b> 1700000000 +0000'
        usual="tree $tree\nauthor $who\ncommitter $who"
        id=$(printf "{bytes}" | git hash-object -t {kind} -w --stdin --literally)
        mkdir .git/refs/odd; echo $id > .git/refs/odd/$id"#
    );
    repository("git-unreadable", &script)
}

fn host(folder: &Path) -> Host {
    Host::run(&paths::plugin("verify-objects"))
        .arg("--git")
        .arg(folder)
        .args(["--privileged", "--object-type", "directory"])
        .args(["--object-type", "revision", "--object-type", "release"])
        .args(["--output", "rows.jsonl"])
}

/// The damaged records that `verify-objects` finds, and the number of those whose identifiers are verified.
fn verified(folder: &Path, arguments: &[&str]) -> (Vec<String>, u64) {
    let host = host(folder).args(arguments);
    let rows = host.folder().join("rows.jsonl");
    let _done = host.finish(LIMIT).success();
    let (mut damage, mut count) = (Vec::new(), 0);
    for line in journal_tests::host::rows(&rows) {
        let row = &line["row"];
        if line["output"] == "corrupt" {
            damage.push(format!("{} {}", row["damage"], row["rule"]));
        } else {
            count += row["verified"].as_u64().expect("a count is a number");
        }
    }
    (damage, count)
}

#[test]
fn objects_that_upstreams_loader_does_not_read_have_the_identifiers_of_git() {
    let folders: Vec<PathBuf> = OBJECTS.iter().map(with).collect();
    let paths: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    for ((object, folder), loaded) in OBJECTS
        .iter()
        .zip(&folders)
        .zip(upstream(&["--archives"], &paths))
    {
        let Unreadable(what, _, _, is_listed) = object;
        assert!(loaded.is_err(), "upstream's loader reads {what}");
        // The other one is the empty tree.
        let expected = if *what == "names that differ by a slash alone" {
            let refused = r#""refused-by-model" "entry-name-twice""#;
            (vec![refused.to_owned()], 1)
        } else {
            (Vec::new(), 2)
        };
        assert_eq!(verified(folder, &["--all-objects"]), expected, "{what}");
        if *is_listed {
            let of_refs = verified(folder, &[]);
            assert_eq!(of_refs.0, expected.0, "{what}");
            assert!(of_refs.1 + of_refs.0.len() as u64 > 0, "{what}");
        } else {
            let stderr = host(folder).finish(LIMIT).code(1).stderr;
            assert!(stderr.contains("`git rev-list` failed"), "{what}: {stderr}");
        }
    }
}

/// The docs list what the test above reads.
#[test]
fn docs_list_all_objects_that_upstreams_loader_does_not_read() {
    let docs = paths::repository().join("docs/git.md");
    let docs = std::fs::read_to_string(docs).expect("they are part of the repository");
    let unlisted: Vec<_> = OBJECTS
        .iter()
        .map(|object| object.0)
        .filter(|what| !docs.contains(what))
        .collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}
