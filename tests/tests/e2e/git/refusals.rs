//! What is no repository of the archive is refused, and a repository that lacks something is a partial visit.

use std::path::Path;
use std::process::Stdio;

use journal_tests::{Host, paths, run};

use super::{LIMIT, git, ours, repository};

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

/// The status at the end of the visit, and what was logged of the repository.
fn status(folder: &Path) -> (String, String) {
    status_with(folder, &[])
}

fn status_with(folder: &Path, arguments: &[&str]) -> (String, String) {
    let finished = Host::run(&paths::plugin("print-objects"))
        .args(["--option", "object_types=origin_visit_status", "--git"])
        .arg(folder)
        .args(arguments)
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    let last = rows.last().expect("there are two statuses");
    let status = last["object"]["status"]
        .as_str()
        .expect("a status is a text");
    (status.to_owned(), finished.stderr)
}

#[test]
fn shallow_clone_is_a_partial_visit_and_says_so() {
    let from = repository(
        "git-deep",
        "for n in 1 2 3; do git commit -q --allow-empty -m $n; done",
    );
    assert_eq!(status(&from).0, "full");
    let folder = run::folder("git-shallow");
    let url = format!("file://{}", from.display());
    let _said = run::succeed(git(&folder).args(["clone", "--quiet", "--depth=1", &url, "clone"]));
    let records = ours(&folder.join("clone"), &[]);
    let of = |topic: &str| records.iter().filter(|record| record.0 == topic).count();
    assert_eq!((of("revision"), of("origin_visit_status")), (1, 2));
    let (status, logged) = status(&folder.join("clone"));
    assert_eq!(status, "partial");
    let line = "is a shallow clone: its history ends at 1 commits";
    assert!(logged.contains(line), "{logged}");
}

#[test]
fn partial_clone_is_a_partial_visit_that_counts_what_it_lacks() {
    let from = repository(
        "git-whole",
        "for n in 1 2 3; do echo $n > f; git add f; git commit -qm $n; done; git config uploadpack.allowFilter true
         git clone -q --filter=blob:none file://$PWD ../clone",
    );
    let clone = from.with_file_name("clone");
    let (status, logged) = status(&clone);
    assert_eq!(status, "partial");
    assert!(logged.contains("lacks 2 of its objects"), "{logged}");
    assert!(!logged.contains("is damaged"), "{logged}");
    // All objects that are there are listed, so that nothing tells how many are not.
    let (status, logged) = status_with(&clone, &["--all-objects"]);
    assert_eq!(status, "partial");
    assert!(
        logged.contains("is a partial clone: what it lacks"),
        "{logged}"
    );
    assert_eq!(status_with(&from, &["--all-objects"]).0, "full");
}

#[test]
fn repository_is_checked_before_a_run() {
    let folder = repository("checked", "git commit --quiet --allow-empty -m one");
    let check = || Host::new().arg("check").arg(paths::plugin("count-objects"));
    let checked = check().arg("--git").arg(&folder).finish(LIMIT).success();
    let expected = "ok       repository: ";
    assert!(checked.stdout.contains(expected), "{}", checked.stdout);
    let none = check().args(["--git", "/"]).finish(LIMIT).code(1);
    assert!(
        none.stdout.contains("failed   repository: "),
        "{}",
        none.stdout
    );
}

#[test]
fn repository_that_lost_an_object_is_a_partial_visit_and_said_to_be_damaged() {
    let folder = repository(
        "git-damaged",
        "echo a > f; git add f; git commit -qm a
         blob=$(git rev-parse HEAD:f); rm -f .git/objects/${blob:0:2}/${blob:2}",
    );
    let (status, logged) = status(&folder);
    assert_eq!(status, "partial");
    let line = "is damaged: it lacks 1 of its objects, which are left out; `git fsck` names them";
    assert!(logged.contains(line), "{logged}");
    assert!(!logged.contains("partial clone"), "{logged}");
}

#[test]
fn repository_with_broken_refs_is_a_partial_visit_that_names_them() {
    let folder = repository(
        "git-broken-refs",
        "git commit -q --allow-empty -m a
         echo garbage > .git/refs/heads/bad; : > .git/refs/tags/empty",
    );
    let (status, logged) = status(&folder);
    assert_eq!(status, "partial");
    let line = "is damaged: git cannot read the refs `refs/heads/bad`, `refs/tags/empty`, which are left out";
    assert!(logged.contains(line), "{logged}");
}

#[test]
fn types_that_no_repository_has_are_left_out_unless_the_operator_names_them() {
    let folder = repository("git-types", "git commit -q --allow-empty -m a");
    let host = |types: &[&str]| {
        let options = types
            .iter()
            .map(|one| format!("--option=object_types={one}"));
        Host::run(&paths::plugin("print-objects"))
            .args(options)
            .arg("--git")
            .arg(&folder)
    };
    let both = ["revision", "hash_colliding_content"];
    let read = host(&both).finish(LIMIT).success();
    assert_eq!(read.rows().len(), 1, "{}", read.stdout);
    let line = "object types that have no topic are left out: `hash_colliding_content`";
    assert_eq!(read.stderr.matches(line).count(), 1, "{}", read.stderr);
    let named = both.map(|one| format!("--object-type={one}"));
    for refused in [
        host(&both).args(named),
        host(&both).args(["--missing-topics", "error"]),
        host(&both[1..]),
    ] {
        let stderr = refused.finish(LIMIT).code(2).stderr;
        let line = "has no topic for the object type `hash_colliding_content`";
        assert!(stderr.contains(line), "{stderr}");
    }
}
