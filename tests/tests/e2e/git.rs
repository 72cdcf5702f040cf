//! `--git`: a repository gives the records that upstream's git loader writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use journal_recording::Reader;
use journal_tests::{Host, oracle, paths, run};
use rmpv::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// `git` in a repository, as nobody's.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "A U Thor"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "C"),
            ("GIT_COMMITTER_EMAIL", "c@example.org"),
            ("GIT_AUTHOR_DATE", "1700000000 +0200"),
            ("GIT_COMMITTER_DATE", "1700000100 -0130"),
        ]);
    git
}

/// A repository that a shell makes.
fn repository(name: &str, script: &str) -> PathBuf {
    let folder = run::folder(name).join("repository");
    fs::create_dir(&folder).expect("the folder is ours");
    let _said = run::succeed(git(&folder).args(["init", "--quiet", "--initial-branch=main", "."]));
    let mut shell = Command::new("bash");
    for (name, value) in git(&folder).get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let _said = run::succeed(shell.current_dir(&folder).args(["-eu", "-c", script]));
    folder
}

/// Commits of the usual kind, tags of all kinds and refs of all kinds.
const USUAL: &str = "
    mkdir d; echo a > d/a; echo b > 'b c'; chmod +x 'b c'; ln -s b l; head -c 2000 /dev/zero > large
    git add .; git commit -qm one; git tag light
    git checkout -qb side; echo s > s; git add s; git commit -qm side
    git tag -am signed -m '-----BEGIN PGP SIGNATURE-----
x
-----END PGP SIGNATURE-----' v1
    git tag -am nested v2 v1; git tag -am tree vt HEAD^{tree}; git tag -am blob vb HEAD:s
    git checkout -q main; git merge -q --no-ff -m merged v1
    git update-ref refs/things/tree HEAD^{tree}; git update-ref refs/things/blob HEAD:s
    git update-ref refs/pull/1/merge HEAD; git update-ref refs/pull/1/head HEAD~
    git update-ref refs/changes/1/1/1 HEAD; git update-ref refs/pipelines/1 HEAD
    git notes add -m note; git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/gone
    git symbolic-ref refs/heads/alias refs/heads/main
    git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm submodule
";

/// Commits, tags and trees that only `hash-object` makes.
const ODD: &str = r#"
    tree=$(git mktree </dev/null); blob=$(echo x | git hash-object -w --stdin)
    keep() { id=$(git hash-object -t "$1" -w --stdin --literally); git update-ref "$2$id" $id; }
    commit() { keep commit refs/odd/; }
    who='A <a@b> 1700000000 +0000'
    printf 'tree %s\nauthor %s\ncommitter %s\n' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\ncommitter %s\n\n' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor A <a@b> 99999999999999 +0000\ncommitter %s\n\nm' $tree "$who" | commit
    printf 'tree %s\nauthor A <a@b> 1  +051800\ncommitter %s\n\nm' $tree "$who" | commit
    printf 'tree %s\nauthor A <a@b> 1 +051800\ncommitter %s\n\nm' $tree "$who" | commit
    printf 'tree %s\nauthor  <> 1 -0000\ncommitter A < b> <c > 1 -7\n\nm' $tree | commit
    printf 'tree %s\nauthor %s\ncommitter %s\nx y\nencoding latin1\ngpgsig a\n b\n\nm\351' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\ncommitter %s\nmergetag object %s\n type tree\n tag v\n tagger %s\n \n m\nHG:extra x\n\nm' \
        $tree "$who" "$who" $tree "$who" | commit
    printf 'tree %s\nauthor %s\ncommitter %s\nmergetag nothing at all\nencoding e\n\nm' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\nauthor %s\ncommitter %s\n\nm' $tree "$who" 'B <b> 2 +0200' "$who" | commit
    tag() { keep tag refs/tags/; }
    printf 'object %s\ntype tree\ntag t\n' $tree | tag
    printf 'object %s\ntype tree\ntag t\ntagger A <a>\n\nm' $tree | tag
    printf 'object %s\ntype blob\ntag t\ntagger %s\nx y\n\nm' $blob "$who" | tag
    printf 'object %s\ntype blob\ntag t\ntagger \n\nm' $blob | tag
    raw=$(printf %s $blob | sed 's/../\\x&/g')
    tree() { keep tree refs/odd/; }
    printf "100664 a\0$raw""100644 b\0$raw" | tree
    printf "0100644 a\0$raw" | tree
    printf "100644 b\0$raw""100644 a\0$raw" | tree
    printf "100644 a/b\0$raw" | tree
"#;

/// The records by topic, without what differs from run to run.
fn normal(records: &[(String, Vec<u8>, Vec<u8>)]) -> BTreeMap<String, BTreeSet<String>> {
    fn sorted(value: Value, drops_date: bool) -> Value {
        match value {
            Value::Map(mut pairs) => {
                pairs.retain(|(name, _)| !drops_date || name.as_str() != Some("date"));
                let pairs = pairs.into_iter();
                let mut pairs: Vec<_> = pairs
                    .map(|(name, value)| (name, sorted(value, false)))
                    .collect();
                pairs.sort_by_key(|(name, _)| name.to_string());
                Value::Map(pairs)
            }
            Value::Array(items) => items.into_iter().map(|item| sorted(item, false)).collect(),
            other => other,
        }
    }
    let mut by_topic: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (topic, key, value) in records {
        let drops_date = topic.starts_with("origin_visit");
        let read = |mut bytes: &[u8]| {
            let value = rmpv::decode::read_value(&mut bytes).expect("it is msgpack");
            sorted(value, drops_date)
        };
        let text = format!("{:?} {:?}", read(key), read(value));
        by_topic.entry(topic.clone()).or_default().insert(text);
    }
    by_topic
}

/// The records that the host makes of a repository.
fn ours(folder: &Path, arguments: &[&str]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let path = run::folder("recorded-git").join("r.journal.zst");
    let _done = Host::new()
        .args(["record", "--git"])
        .arg(folder)
        .args(["--max-content-size", "1000", "--output"])
        .arg(&path)
        .args(arguments)
        .finish(LIMIT)
        .success();
    let mut reader = Reader::open(&path).unwrap_or_else(|error| panic!("{error}"));
    let mut records = Vec::new();
    while let Some(frame) = reader
        .next_frame()
        .unwrap_or_else(|error| panic!("{error}"))
    {
        let (prefix, name) = frame.topic.rsplit_once('.').expect("it has a prefix");
        let whole = if prefix.ends_with("_privileged") {
            "!"
        } else {
            ""
        };
        let value = frame.value.unwrap_or_default().to_vec();
        records.push((format!("{name}{whole}"), frame.key.to_vec(), value));
    }
    records
}

fn upstream(folder: &Path) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let said = oracle::git_loader("load_git.py", [folder]);
    let line = said.lines().last().expect("it prints a line");
    let found: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_str(line).unwrap_or_else(|_| panic!("the loader fails: {line}"));
    let bytes = |digits: &str| -> Vec<u8> {
        let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16);
        let bytes: Result<_, _> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.expect("it is hexadecimal")
    };
    let found = found.into_iter();
    let records = found.flat_map(|(topic, records)| {
        let record =
            move |(key, value): (String, String)| (topic.clone(), bytes(&key), bytes(&value));
        records.into_iter().map(record).collect::<Vec<_>>()
    });
    records.collect()
}

fn assert_equals_upstream(folder: &Path) {
    let theirs = normal(&upstream(folder));
    let public = normal(&ours(
        folder,
        &["--origin", &format!("file://{}", folder.display())],
    ));
    let arguments = [
        "--privileged",
        "--origin",
        &format!("file://{}", folder.display()),
    ];
    let whole = normal(&ours(folder, &arguments));
    assert!(!theirs.is_empty());
    for (topic, expected) in theirs {
        let of = if topic.ends_with('!') {
            &whole
        } else {
            &public
        };
        let found = of.get(&topic).cloned().unwrap_or_default();
        let missing: Vec<_> = expected.difference(&found).collect();
        let more: Vec<_> = found.difference(&expected).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{topic}: upstream alone\n{missing:#?}\nand we alone\n{more:#?}"
        );
    }
}

#[test]
fn usual_repository_gives_the_records_of_upstreams_loader() {
    let folder = repository("git-usual", USUAL);
    assert_equals_upstream(&folder);
    let _said = run::succeed(git(&folder).args(["repack", "-adbq"]));
    let _said = run::succeed(git(&folder).args(["pack-refs", "--all"]));
    assert_equals_upstream(&folder);
}

#[test]
fn odd_objects_give_the_records_of_upstreams_loader() {
    assert_equals_upstream(&repository("git-odd", ODD));
}

#[test]
fn detached_and_unborn_heads_give_the_records_of_upstreams_loader() {
    let detached = "echo a > a; git add a; git commit -qm a; git checkout -q --detach";
    assert_equals_upstream(&repository("git-detached", detached));
    let unborn = "echo a > a; git add a; git commit -qm a; git checkout -q --orphan none";
    assert_equals_upstream(&repository("git-unborn", unborn));
}

/// Nothing of a repository's configuration runs, not even for objects that a partial clone lacks.
#[test]
fn hostile_configuration_runs_nothing() {
    let folder = repository("git-hostile", "echo a > a; git add a; git commit -qm a");
    let traces = folder.join("traces");
    fs::create_dir(&traces).expect("the folder is ours");
    let program = |name: &str| format!("touch {}/{name}; false", traces.display());
    for (key, name) in [
        ("core.fsmonitor", "fsmonitor"),
        ("core.sshCommand", "ssh"),
        ("core.pager", "pager"),
        ("core.editor", "editor"),
        ("core.askPass", "askpass"),
        ("credential.helper", "credential"),
        ("core.alternateRefsCommand", "alternates"),
        ("uploadpack.packObjectsHook", "pack"),
        ("remote.origin.uploadpack", "uploadpack"),
        ("diff.external", "diff"),
        ("alias.rev-list", "alias"),
    ] {
        let value = program(name);
        let _said = run::succeed(git(&folder).args(["config", key, &format!("!{value}")]));
    }
    let url = format!("ext::sh -c touch% {}/ext", traces.display());
    for (key, value) in [
        ("remote.origin.url", url.as_str()),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
    ] {
        let _said = run::succeed(git(&folder).args(["config", key, value]));
    }
    let blob = run::succeed(git(&folder).args(["rev-parse", "HEAD:a"]));
    let (begin, rest) = blob.trim().split_at(2);
    let object = folder.join(".git/objects").join(begin).join(rest);
    fs::remove_file(object).expect("it is a loose object");
    let lost = folder.join(".git/refs/heads/lost");
    fs::write(lost, "1111111111111111111111111111111111111111\n").expect("the folder is ours");

    let finished = Host::run(&paths::plugin("count-objects"))
        .arg("--git")
        .arg(&folder)
        .finish(LIMIT)
        .success();
    assert!(
        finished.stderr.contains("lacks 2 of its objects"),
        "{}",
        finished.stderr
    );
    let left: Vec<_> = fs::read_dir(&traces).expect("it exists").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_no_repository_of_the_archive_is_refused() {
    let refused = |folder: &Path, said: &str| {
        let finished = Host::run(&paths::plugin("count-objects"))
            .arg("--git")
            .arg(folder)
            .finish(LIMIT)
            .code(2);
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
    };
    let folder = run::folder("git-none");
    refused(&folder, "is no git repository");
    refused(&folder.join("none"), "is no git repository");
    let mut init = git(&folder);
    let made = init
        .args(["init", "--object-format=sha256", "."])
        .stdout(Stdio::null());
    assert!(made.status().expect("git runs").success());
    refused(&folder, "the archive does not hold them");
}

#[test]
fn shallow_clone_is_a_partial_visit_and_says_so() {
    let from = repository(
        "git-deep",
        "for n in 1 2 3; do git commit -q --allow-empty -m $n; done",
    );
    let folder = run::folder("git-shallow");
    let url = format!("file://{}", from.display());
    let _said = run::succeed(git(&folder).args(["clone", "--quiet", "--depth=1", &url, "clone"]));
    let records = ours(&folder.join("clone"), &[]);
    let of = |topic: &str| records.iter().filter(|record| record.0 == topic).count();
    assert_eq!((of("revision"), of("origin_visit_status")), (1, 2));
    let last = &records.last().expect("there are records").2;
    let status = String::from_utf8_lossy(last).into_owned();
    assert!(status.contains("partial"), "{status}");
}

#[test]
fn objects_without_a_ref_are_read_on_request_only() {
    let folder = repository(
        "git-all",
        "git commit -q --allow-empty -m a; echo lost | git hash-object -w --stdin",
    );
    let count = |arguments: &[&str]| {
        let records = ours(&folder, arguments);
        records
            .iter()
            .filter(|record| record.0 == "content")
            .count()
    };
    assert_eq!((count(&[]), count(&["--all-objects"])), (0, 1));
}

/// The position is one of the repository, and not of the records' topics.
#[test]
fn failed_call_after_others_is_repeated_once_and_its_record_is_skipped() {
    let folder = repository(
        "git-poison",
        "for n in $(seq 45); do git commit -q --allow-empty -m $n; done",
    );
    let finished = Host::run(&paths::plugin("guest-hostile"))
        .arg("--git")
        .arg(&folder)
        .args(["--option", "object_types=revision"])
        .args(["--option", "poison_every=20", "--batch-records", "15"])
        .args(["--on-failure", "skip"])
        .finish(LIMIT)
        .success();
    let offsets = finished
        .rows()
        .into_iter()
        .map(|row| row["offset"].as_u64());
    let good = (0..45).filter(|offset| offset % 20 != 19).map(Some);
    assert!(offsets.eq(good), "{}", finished.stdout);
    let failed = finished.stderr.matches("`process` failed").count();
    assert_eq!(failed, 1, "{}", finished.stderr);
}
