//! A repository of somebody else: nothing of its configuration runs, and git decides whether it is read at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal_tests::{Finished, Host, paths, run};

use super::{LIMIT, git, repository};

/// Settings that name a program, each with the name of a file that the program would make.
const PROGRAMS: [(&str, &str); 21] = [
    ("core.fsmonitor", "fsmonitor"),
    ("core.sshCommand", "ssh"),
    ("core.pager", "pager"),
    ("core.editor", "editor"),
    ("core.askPass", "askpass"),
    ("core.gitProxy", "proxy"),
    ("core.alternateRefsCommand", "alternates"),
    ("credential.helper", "credential"),
    ("diff.external", "diff"),
    ("diff.trap.textconv", "textconv"),
    ("diff.trap.command", "command"),
    ("filter.trap.clean", "clean"),
    ("filter.trap.smudge", "smudge"),
    ("filter.trap.process", "process"),
    ("gpg.program", "gpg"),
    ("interactive.diffFilter", "filter"),
    ("merge.trap.driver", "merge"),
    ("pager.cat-file", "pager-of-command"),
    ("remote.origin.uploadpack", "uploadpack"),
    ("sequence.editor", "sequence"),
    ("uploadpack.packObjectsHook", "pack"),
];
const HOOKS: [&str; 6] = [
    "post-checkout",
    "post-index-change",
    "pre-auto-gc",
    "pre-commit",
    "query-watchman",
    "reference-transaction",
];

/// Lays traps: each makes a file in the folder that is returned when it goes off.
fn lay_traps(folder: &Path) -> PathBuf {
    let traces = folder.join("traces");
    fs::create_dir(&traces).expect("the folder is ours");
    let program = |name: &str| format!("touch {}/{name}; false", traces.display());
    let configure = |key: &str, value: &str| {
        let _said = run::succeed(git(folder).args(["config", key, value]));
    };
    for command in ["rev-list", "cat-file", "for-each-ref"] {
        configure(
            &format!("alias.{command}"),
            &format!("!{}", program(command)),
        );
    }
    for (key, name) in PROGRAMS {
        configure(key, &program(name));
    }
    let url = format!("ext::sh -c touch% {}/ext", traces.display());
    for (key, value) in [
        ("remote.origin.url", url.as_str()),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
        ("log.showSignature", "true"),
    ] {
        configure(key, value);
    }
    // A shell writes the hooks, so that no process of another test has them open.
    let hooks = HOOKS.map(|hook| format!(".git/hooks/{hook}")).join(" ");
    let script = format!(
        "mkdir -p .git/hooks; for hook in {hooks}; do
            printf '#!/bin/sh\\ntouch {}/hook\\n' > $hook; chmod +x $hook
        done; echo '* diff=trap filter=trap merge=trap' > .git/info/attributes",
        traces.display()
    );
    let mut shell = Command::new("bash");
    let _said = run::succeed(shell.current_dir(folder).args(["-eu", "-c", &script]));
    traces
}

/// The traps that went off.
fn traces(folder: &Path) -> BTreeSet<String> {
    let traces = fs::read_dir(folder).expect("it exists");
    let names = traces.map(|entry| entry.expect("it can be read").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// Not even for objects that a partial clone lacks.
#[test]
fn hostile_configuration_runs_nothing() {
    let folder = repository("git-hostile", "echo a > a; git add a; git commit -qm a");
    let traps = lay_traps(&folder);
    let blob = run::succeed(git(&folder).args(["rev-parse", "HEAD:a"]));
    let (begin, rest) = blob.trim().split_at(2);
    let object = folder.join(".git/objects").join(begin).join(rest);
    fs::remove_file(object).expect("it is a loose object");
    let lost = folder.join(".git/refs/heads/lost");
    fs::write(lost, "1111111111111111111111111111111111111111\n").expect("the folder is ours");
    // What made the repository may have run some.
    fs::remove_dir_all(&traps).expect("the folder is ours");
    fs::create_dir(&traps).expect("the folder is ours");

    for arguments in [&[][..], &["--all-objects"]] {
        let finished = Host::run(&paths::plugin("count-objects"))
            .args(arguments)
            .arg("--git")
            .arg(&folder)
            .finish(LIMIT)
            .success();
        let lacks = if arguments.is_empty() { 2 } else { 1 };
        let line = format!("lacks {lacks} of its objects");
        assert!(finished.stderr.contains(&line), "{}", finished.stderr);
        assert_eq!(traces(&traps), BTreeSet::new());
    }

    // They do go off where git is called without care.
    for arguments in [
        &["status"][..],
        &["cat-file", "blob", blob.trim()],
        &["update-ref", "refs/heads/new", "HEAD"],
    ] {
        let _fails = run::output(git(&folder).args(arguments));
    }
    let expected = ["ext", "fsmonitor", "hook"].map(str::to_owned).into();
    let found = traces(&traps);
    assert!(found.is_superset(&expected), "{found:?}");
}

/// The host, for which all repositories belong to another user. `permitted` is a file with git's settings of the user.
fn as_stranger(programs: &Path, permitted: &Path) -> Host {
    // A variable that git has for its own tests, and the host passes none of those on.
    let script = format!(
        "printf '%s\\n' '#!/bin/sh' 'export GIT_TEST_ASSUME_DIFFERENT_OWNER=1 GIT_CONFIG_NOSYSTEM=1' \
         'export GIT_CONFIG_GLOBAL={}' \"exec $(command -v git) \\\"\\$@\\\"\" > git; chmod +x git",
        permitted.display()
    );
    let mut shell = Command::new("bash");
    let _said = run::succeed(shell.current_dir(programs).args(["-eu", "-c", &script]));
    let path = std::env::var("PATH").expect("programs are found somewhere");
    let path = format!("{}:{path}", programs.display());
    Host::run(&paths::plugin("count-objects")).env("PATH", path)
}

fn read(host: Host, repository: &Path) -> Finished {
    host.arg("--git").arg(repository).finish(LIMIT)
}

#[test]
fn repository_of_another_user_is_refused_with_the_command_that_permits_it() {
    let folder = repository("git-owner", "git commit -q --allow-empty -m a");
    let programs = run::folder("programs");
    let permitted = programs.join("gitconfig");
    // The folder of a host is beside those of all others.
    let parent = folder.parent().and_then(Path::parent);
    let relative = folder.strip_prefix(parent.expect("it is in the folder of the run"));
    let relative = Path::new("..").join(relative.expect("it is in its parent"));
    for path in [&relative, &folder] {
        let refused = read(as_stranger(&programs, &permitted), path).code(2);
        let stderr = &refused.stderr;
        assert!(stderr.contains("belongs to another user"), "{stderr}");
        let (_, hint) = stderr.split_once("hint: ").expect("there is a way out");
        let command = hint.split('`').nth(1).expect("it has a command");
        let mut shell = Command::new("bash");
        shell.env("GIT_CONFIG_GLOBAL", &permitted);
        let _said = run::succeed(shell.args(["-eu", "-c", command]));
        let counts = read(as_stranger(&programs, &permitted), path).success();
        assert_eq!(counts.counts()["revision"].objects, 1);
        fs::remove_file(&permitted).expect("the command has made it");
    }
}
