//! Repositories with every oddity, which upstream's loaders read: the one that fetches what refs lead to, and the one that
//! reads an archive of a repository with all of its objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rmpv::Value;

use super::{Loaded, Record, ours, repository, upstream};

/// A repository to compare.
struct Oddity {
    name: &'static str,
    script: &'static str,
    /// The repository that is read, which the script may have made beside its own.
    read: &'static str,
    /// Whether it lacks objects. Upstream reads it only as an archive, and calls the visit full, where we call it partial.
    is_partial: bool,
}

const fn oddity(name: &'static str, script: &'static str) -> Oddity {
    Oddity {
        name,
        script,
        read: "repository",
        is_partial: false,
    }
}

impl Oddity {
    const fn read(self, read: &'static str) -> Self {
        Self { read, ..self }
    }

    const fn partial(self) -> Self {
        Self {
            is_partial: true,
            ..self
        }
    }
}

/// Commits of the usual kind, tags of all kinds and refs of all kinds.
macro_rules! usual {
    ($then:literal) => {
        concat!(
            r"
    mkdir d; echo a > d/a; echo b > 'b c'; chmod +x 'b c'; ln -s b l; head -c 2000 /dev/zero > large
    head -c 1000 /dev/zero > largest; head -c 999 /dev/zero > smaller; : > empty
    git add .; git commit -qm one; git tag light
    git checkout -qb side; echo s > s; git add s; git commit -qm side
    git tag -am signed -m '-----BEGIN PGP SIGNATURE-----
x
-----END PGP SIGNATURE-----' v1
    git tag -am nested v2 v1; git tag -am tree vt HEAD^{tree}; git tag -am blob vb HEAD:s
    git checkout -q main; git merge -q --no-ff -m merged v1
    git update-ref refs/things/tree HEAD^{tree}; git update-ref refs/things/blob HEAD:s
    git update-ref refs/pull/1/merge HEAD; git update-ref refs/pull/1/head HEAD~
    git update-ref refs/merge-requests/1/merge HEAD; git update-ref refs/merge-requests/1/head HEAD~
    git update-ref refs/changes/1/1/1 HEAD; git update-ref refs/pipelines/1 HEAD
    git notes add -m note; git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/gone
    git symbolic-ref refs/heads/alias refs/heads/main; git symbolic-ref refs/heads/again refs/heads/alias
    git symbolic-ref refs/heads/to-dropped refs/pull/1/merge; git symbolic-ref refs/pull/2/merge refs/heads/main
    git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm submodule
    ",
            $then
        )
    };
}

/// Commits, tags and trees that only `hash-object` makes.
const ODD: &str = r#"
    tree=$(git mktree </dev/null); blob=$(echo x | git hash-object -w --stdin); base=$(git commit-tree $tree -m base)
    keep() { id=$(git hash-object -t "$1" -w --stdin --literally); git update-ref "$2$id" $id; }
    commit() { keep commit refs/odd/; }
    who='A <a@b> 1700000000 +0000'
    printf 'tree %s\nauthor %s\ncommitter %s\n' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\ncommitter %s\n\n' $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\ncommitter %s\n\n\0\351\n\n' $tree "$who" "$who" | commit
    for time in 99999999999999 99999999999999999999999999 253402297199 253402297200 0 -1 -62135510961 -62135510962; do
        printf 'tree %s\nauthor A <a@b> %s +0000\ncommitter %s\n\nm' $tree $time "$who" | commit
    done
    for zone in -0000 +051800 +7 -7 --700 +1_0 -1234 +9959; do
        printf 'tree %s\nauthor A <a@b> 1 %s\ncommitter %s\n\nm' $tree $zone "$who" | commit
    done
    printf 'tree %s\nauthor A <a@b> 1  +051800\ncommitter %s\n\nm' $tree "$who" | commit
    printf 'tree %s\nauthor  <> 1 -0000\ncommitter A < b> <c > 1 -7\n\nm' $tree | commit
    for person in '<>' '<a>' ' <a>' '  A  < a >' 'A <a@b> c>' 'A <a<b>>' 'A <a@b>>' 'A > b>' $'J\351r\364me <j@e>' 'A <a> <b>' '>'; do
        printf 'tree %s\nauthor %s 1 +0000\ncommitter %s\n\nm' $tree "$person" "$who" | commit
    done
    usual=$(printf 'tree %s\nauthor %s\ncommitter %s' $tree "$who" "$who")
    tag=$(printf 'mergetag object %s\n type tree\n tag v\n tagger %s\n \n m\n -----BEGIN PGP SIGNATURE-----\n x' $tree "$who")
    for headers in 'encoding latin1' $'x y\nencoding latin1\ngpgsig a\n b' $'gpgsig a\nx y' $'gpgsig a\n b\n \n c\ngpgsig d' \
        'gpgsig-sha256 a' $'encoding a\nencoding b' $'x y\nx z\n w\nHG:extra a:b' $'x y\n\n' 'gpgsig ' 'encoding ' \
        "$tag"$'\nHG:extra x' $'x y\n'"$tag" "$tag"$'\n'"$tag"$'\ngpgsig s' 'mergetag nothing at all' "gpgsig s"$'\n'"$tag"; do
        printf '%s\n%s\n\nm\351' "$usual" "$headers" | commit
    done
    printf 'tree %s\nauthor %s\nauthor %s\ncommitter %s\n\nm' $tree "$who" 'B <b> 2 +0200' "$who" | commit
    printf 'tree %s\ntree %s\nauthor %s\ncommitter %s\n\nm' $tree $tree "$who" "$who" | commit
    printf 'tree %s\nauthor %s\nparent %s\ncommitter %s\n\nm' $tree "$who" $base "$who" | commit
    printf 'tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nm' $tree $base $base "$who" "$who" | commit
    printf 'tree %s\ncommitter %s\nauthor %s\n\nm' $tree "$who" "$who" | commit
    tag() { keep tag refs/tags/; }
    printf 'object %s\ntype tree\ntag t\n' $tree | tag
    printf 'object %s\ntype tree\ntag t\n\n' $tree | tag
    printf 'object %s\ntype tree\ntag t\n\nm' $tree | tag
    printf 'object %s\ntype tree\ntag \n\nm' $tree | tag
    printf 'object %s\ntype tree\ntag t\ntagger A <a>\n\nm' $tree | tag
    printf 'object %s\ntype tree\ntag t\ntagger A\n\nm' $tree | tag
    printf 'object %s\ntype blob\ntag t\ntagger %s\nx y\n\nm' $blob "$who" | tag
    printf 'object %s\ntype blob\ntag t\nx y\ntagger %s\n\nm' $blob "$who" | tag
    printf 'object %s\ntype blob\ntag t\ntagger %s\ntagger %s\n\nm' $blob "$who" 'B <b> 2 +0200' | tag
    printf 'object %s\ntype blob\ntag t\ntagger \n\nm' $blob | tag
    printf 'object %s\ntype blob\ntag t\ntagger A <a> 99999999999999 +0000\n\nm' $blob | tag
    for signature in 'PGP SIGNATURE' 'PGP MESSAGE' 'SSH SIGNATURE' 'SIGNED MESSAGE'; do
        for message in '' 'm' $'m\n' $'\n\n'; do
            printf 'object %s\ntype blob\ntag t\ntagger %s\n\n%s-----BEGIN %s-----\nx\n-----END %s-----\nafter' \
                $blob "$who" "$message" "$signature" "$signature" | tag
        done
    done
    raw() { printf %s $1 | sed 's/../\\x&/g'; }
    file=$(raw $blob); folder=$(raw $tree); other=$(raw $base)
    tree() { keep tree refs/odd/; }
    for mode in 100644 100755 100600 100664 100777 120000 120777 140000 0 1 177777 0100644 00100644 100000; do
        printf "$mode a\0$file" | tree
    done
    for mode in 40000 40755 040000 40777; do printf "$mode a\0$folder" | tree; done
    for mode in 160000 160755 0160000; do printf "$mode a\0$other" | tree; done
    printf "100664 a\0$file""100644 b\0$file" | tree
    printf "100644 b\0$file""100644 a\0$file" | tree
    printf "100644 a\0$file""100755 a\0$file" | tree
    printf "100644 a\0$file""100644 a.b\0$file""40000 a\0$folder" | tree
    printf "140000 a\0$file""100644 a.b\0$file" | tree
    printf "100644 a.b\0$file""140000 a\0$file" | tree
    for name in a/b a/ / . .. .git 'a\nb' '\351' ' ' '\\'; do printf "100644 $name\0$file" | tree; done
"#;

static REPOSITORIES: [Oddity; 17] = [
    oddity("usual", usual!("")),
    oddity(
        "packed",
        usual!(
            "git repack -adbq; git pack-refs --all; git commit-graph write --reachable
             git multi-pack-index write; echo more > more; git add more; git commit -qm more"
        ),
    ),
    oddity("odd", ODD),
    // Objects that no ref leads to, in a pack and beside it. None is twice there, at which upstream's loader of archives fails.
    oddity(
        "lost",
        "echo a > a; git add a; git commit -qm a; git tag -am t lost; git repack -dq; git tag -d lost
         echo lost | git hash-object -w --stdin; echo b > a; git commit -qa --amend -m b
         git mktree </dev/null; git reflog expire --expire=all --all",
    ),
    oddity(
        "detached",
        "echo a > a; git add a; git commit -qm a; git checkout -q --detach",
    ),
    oddity(
        "unborn",
        "echo a > a; git add a; git commit -qm a; git checkout -q --orphan none",
    ),
    oddity("empty", ""),
    oddity(
        "stash",
        "echo a > a; git add a; git commit -qm a; echo b > a; echo c > c; git stash -qu; echo d > a; git stash -q",
    ),
    oddity("clone", usual!("git clone -q . ../clone")).read("clone"),
    oddity("mirror", usual!("git clone -q --mirror . ../mirror")).read("mirror"),
    oddity(
        "worktree",
        usual!(
            "git worktree add -q ../worktree side; cd ../worktree; git update-ref refs/worktree/own HEAD~
             echo w > w; git add w; git commit -qm worktree"
        ),
    )
    .read("worktree"),
    oddity(
        "borrower",
        usual!(
            "git clone -q --shared . ../borrower; cd ../borrower; echo n > n; git add n; git commit -qm new"
        ),
    )
    .read("borrower"),
    oddity(
        "separate",
        "git clone -q --separate-git-dir=../elsewhere . ../separate 2>/dev/null
         cd ../separate; echo a > a; git add a; git commit -qm a",
    )
    .read("separate"),
    oddity(
        "replaced",
        "for n in 1 2 3; do echo $n > $n; git add $n; git commit -qm $n; done
         git replace HEAD~ HEAD~2; git replace $(git rev-parse HEAD:3) $(git rev-parse HEAD:1)",
    ),
    oddity(
        "names",
        r#"for name in 'a b' ü $'\351' $'tab\t'; do echo "$name" > "$name"; done; git add .; git commit -qm names
           git branch ü; git branch $'latin-\351'; git tag 'a#b'; git tag a-$(printf 'x%.0s' {1..200})"#,
    ),
    oddity(
        "shallow",
        "for n in 1 2 3 4; do echo $n > $n; git add $n; git commit -qm $n; done
         git clone -q --depth=2 file://$PWD ../shallow",
    )
    .read("shallow")
    .partial(),
    oddity(
        "filtered",
        "for n in 1 2 3; do echo $n > f; git add f; git commit -qm $n; done; git config uploadpack.allowFilter true
         git clone -q --filter=blob:none file://$PWD ../filtered",
    )
    .read("filtered")
    .partial(),
];

/// The repositories, which are made once.
static FOLDERS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let folder = |oddity: &Oddity| {
        let made = repository(&format!("git-{}", oddity.name), oddity.script);
        made.with_file_name(oddity.read)
    };
    REPOSITORIES.iter().map(folder).collect()
});

/// The records by topic, without what differs from run to run.
fn normal(records: &[Record]) -> BTreeMap<String, BTreeSet<String>> {
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

/// Our records of a repository, public ones and whole ones, as upstream's journal has them.
fn all_of_ours(folder: &Path, arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let url = format!("file://{}", folder.display());
    let arguments = [&["--origin", &url][..], arguments].concat();
    let mut all = normal(&ours(folder, &arguments));
    let whole = normal(&ours(folder, &[&arguments[..], &["--privileged"]].concat()));
    all.extend(whole.into_iter().filter(|(topic, _)| topic.ends_with('!')));
    all
}

fn assert_equal(oddity: &Oddity, ours: &mut BTreeMap<String, BTreeSet<String>>, loaded: Loaded) {
    let name = oddity.name;
    let theirs = loaded.unwrap_or_else(|error| panic!("{name}: upstream fails: {error}"));
    let mut theirs = normal(&theirs);
    if oddity.is_partial {
        const STATUS: &str = "origin_visit_status";
        let (ours, theirs) = (ours.remove(STATUS), theirs.remove(STATUS));
        assert!(ours.is_some() && theirs.is_some(), "{name}");
    }
    assert!(
        ours.keys().eq(theirs.keys()),
        "{name}: {:?} and {:?}",
        ours.keys(),
        theirs.keys()
    );
    for (topic, expected) in theirs {
        let found = &ours[&topic];
        let missing: Vec<_> = expected.difference(found).collect();
        let more: Vec<_> = found.difference(&expected).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{name}, {topic}: upstream alone\n{missing:#?}\nand we alone\n{more:#?}"
        );
    }
}

fn assert_all_equal(upstreams: &[&str], arguments: &[&str], is_compared: fn(&Oddity) -> bool) {
    let compared = REPOSITORIES.iter().zip(&*FOLDERS);
    let compared: Vec<_> = compared.filter(|(oddity, _)| is_compared(oddity)).collect();
    let folders: Vec<&Path> = compared
        .iter()
        .map(|(_, folder)| folder.as_path())
        .collect();
    for ((oddity, folder), loaded) in compared.iter().zip(upstream(upstreams, &folders)) {
        assert_equal(oddity, &mut all_of_ours(folder, arguments), loaded);
    }
}

#[test]
fn objects_of_refs_give_the_records_of_upstreams_loader() {
    assert_all_equal(&[], &[], |oddity| !oddity.is_partial);
}

/// An archive has no worktree, and needs what it borrows.
#[test]
fn all_objects_give_the_records_of_upstreams_loader_of_archives() {
    let fits = |oddity: &Oddity| oddity.name != "worktree";
    assert_all_equal(&["--archives"], &["--all-objects"], fits);
}
