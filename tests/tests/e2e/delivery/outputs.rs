//! Output files that are rotated, moved or removed during a run: nothing is lost and nothing is written to a file that
//! nobody looks for.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal_tests::kafka::Counts;
use journal_tests::{Host, Running, host as rows_of, run, until};
use rustix::process::Signal;

use super::live::Live;
use super::{LIMIT, add};

const FILE: &str = "rows.jsonl";
/// How often a file is rotated during a run.
const ROTATIONS: usize = 6;

/// A run in two workers that writes as long as its journal grows.
fn writing_to(live: &Live<'_>, folder: &Path) -> Host {
    live.host("guest-counter")
        .args(["--workers", "2", "--output"])
        .arg(folder.join(FILE))
}

fn until_it_has_rows(running: &mut Running, file: &Path) {
    running.until("rows are written", LIMIT, |_| {
        fs::metadata(file)
            .is_ok_and(|file| file.len() > 0)
            .then_some(())
    });
}

/// Writes a configuration with these directives and the usual signal, and returns its path.
fn configuration(folder: &Path, running: &Running, directives: &str) -> PathBuf {
    let path = folder.join("logrotate.conf");
    let text = format!(
        "{file} {{\n{directives}\nrotate 1000\npostrotate\nkill -HUP {pid}\nendscript\n}}\n",
        file = folder.join(FILE).display(),
        pid = running.pid().as_raw_nonzero()
    );
    fs::write(&path, text).expect("the folder is ours");
    path
}

fn rotate(folder: &Path, configuration: &Path) {
    // Debian has it where only root looks for programs.
    let path = std::env::var("PATH").unwrap_or_default();
    run::succeed(
        Command::new("logrotate")
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .arg("--force")
            .arg("--state")
            .arg(folder.join("state"))
            .arg(configuration),
    );
}

/// The text of each file that the output has or had, and of those that logrotate made of them.
fn texts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is ours");
    let paths = entries.map(|entry| entry.expect("the folder is ours").path());
    let is_output = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(FILE))
    };
    let text = |path: PathBuf| {
        if path.extension().is_some_and(|extension| extension == "gz") {
            run::succeed(Command::new("gzip").arg("-dc").arg(path))
        } else {
            fs::read_to_string(path).expect("rows are text")
        }
    };
    paths.filter(is_output).map(text).collect()
}

fn counts(texts: &[String]) -> Counts {
    let mut all = Counts::new();
    for text in texts {
        assert!(text.is_empty() || text.ends_with('\n'), "half a line");
        add(&mut all, &rows_of::sum(&rows_of::parse(text)));
    }
    all
}

#[test]
fn file_that_logrotate_moves_and_signals_loses_and_repeats_nothing() {
    for (name, directives) in [
        ("rotate", "nocreate"),
        ("rotate-create", "create\ncompress\ndelaycompress"),
    ] {
        let (folder, live) = (run::folder(name), Live::new(name));
        let file = folder.join(FILE);
        // Only the signal, or a checkpoint of the other worker, opens the file again.
        let mut running = writing_to(&live, &folder).spawn();
        let configuration = configuration(&folder, &running, directives);
        for _ in 0..ROTATIONS {
            until_it_has_rows(&mut running, &file);
            rotate(&folder, &configuration);
        }
        until_it_has_rows(&mut running, &file);
        let (finished, written) = live.end(running);
        let texts = texts(&folder);
        assert!(texts.len() > ROTATIONS, "{}", texts.len());
        assert_eq!(counts(&texts), written, "{directives}");
        let moved = finished.stderr.matches("was moved").count();
        let replaced = finished.stderr.matches("was replaced").count();
        assert!(moved + replaced >= ROTATIONS, "{}", finished.stderr);
    }
}

#[test]
fn file_that_logrotate_copies_and_truncates_is_continued_without_holes() {
    let (folder, live) = (run::folder("copytruncate"), Live::new("copytruncate"));
    let file = folder.join(FILE);
    let mut running = writing_to(&live, &folder).spawn();
    let configuration = configuration(&folder, &running, "copytruncate");
    for _ in 0..ROTATIONS {
        until_it_has_rows(&mut running, &file);
        rotate(&folder, &configuration);
    }
    until_it_has_rows(&mut running, &file);
    let (finished, _) = live.end(running);
    let texts = texts(&folder);
    assert_eq!(texts.len(), ROTATIONS + 1);
    assert!(texts.iter().all(|text| !text.contains('\0')));
    // What is written between the copy and the truncation is missing. What is written and truncated before the host has
    // looked at it may be in the copy, too, and comes twice.
    assert!(!counts(&texts).is_empty());
    let shrank = finished.stderr.matches("shrank from").count();
    assert!((1..=ROTATIONS).contains(&shrank), "{}", finished.stderr);
}

#[test]
fn removed_file_is_created_again_and_the_rest_of_the_rows_is_in_it() {
    let (folder, live) = (run::folder("removed"), Live::new("removed"));
    let file = folder.join(FILE);
    let mut running = writing_to(&live, &folder).spawn();
    until_it_has_rows(&mut running, &file);
    // What was removed can be read as long as it is open.
    let mut removed = File::open(&file).expect("it is there");
    fs::remove_file(&file).expect("it is there");
    until_it_has_rows(&mut running, &file);
    let (finished, written) = live.end(running);
    let mut text = String::new();
    removed.read_to_string(&mut text).expect("rows are text");
    let rest = fs::read_to_string(&file).expect("rows are text");
    assert_eq!(counts(&[text, rest]), written);
    let said = format!("`{}` was removed: rows go to the file", file.display());
    assert_eq!(finished.stderr.matches(&said).count(), 1);
}

#[test]
fn hangup_opens_a_moved_file_again_without_rows_and_never_ends_a_run() {
    let (folder, live) = (run::folder("hangup"), Live::new("hangup"));
    let file = folder.join(FILE);
    // There is no checkpoint before the end.
    let mut running = live
        .plain("count-objects")
        .args(["--checkpoint-interval", "1h", "--output"])
        .arg(&file)
        .spawn();
    running.until("the file is there", LIMIT, |_| file.exists().then_some(()));
    for number in 0..5 {
        running.signal(Signal::HUP);
        running.until("the signal is answered", LIMIT, |running| {
            (running.stderr().matches("SIGHUP").count() > number).then_some(())
        });
    }
    fs::rename(&file, folder.join("moved")).expect("it is there");
    running.signal(Signal::HUP);
    running.until("the file is there", LIMIT, |_| file.exists().then_some(()));
    running.signal(Signal::TERM);
    let _ = running.finish(LIMIT).success();
    assert_eq!(rows_of::rows(&folder.join("moved")).len(), 0);
}

#[test]
fn path_that_is_a_directory_now_ends_the_run_and_loses_nothing() {
    let (folder, live) = (run::folder("directory"), Live::new("directory"));
    let file = folder.join(FILE);
    let mut running = writing_to(&live, &folder).spawn();
    until_it_has_rows(&mut running, &file);
    let mut number = 0;
    until("the path is a directory", LIMIT, || {
        // The host may have made the file again.
        number += 1;
        let _moved = fs::rename(&file, folder.join(format!("{FILE}.{number}")));
        fs::create_dir(&file).ok()
    });
    let finished = running.finish(LIMIT).code(1);
    let says = format!("`{}` is a directory, not a file", file.display());
    assert!(finished.stderr.contains(&says), "{}", finished.stderr);
    fs::remove_dir(&file).expect("it is empty");
    let running = writing_to(&live, &folder).spawn();
    let (_, written) = live.end(running);
    assert_eq!(counts(&texts(&folder)), written);
}

#[test]
fn removed_file_of_standard_output_ends_the_run_before_its_rows_are_lost() {
    let folder = run::folder("standard-output");
    let file = folder.join(FILE);
    let live = Live::new("standard-output");
    let stdout = File::create(&file).expect("the folder is ours");
    let mut running = live.host("guest-counter").stdout(stdout).spawn();
    running.until("the group commits", LIMIT, |_| {
        (live.committed() > 0).then_some(())
    });
    let mut removed = File::open(&file).expect("it is there");
    fs::remove_file(&file).expect("it is there");
    let finished = running.finish(LIMIT).code(1);
    let says = "standard output was removed during the run: nobody could read";
    assert!(finished.stderr.contains(says), "{}", finished.stderr);
    let mut text = String::new();
    removed.read_to_string(&mut text).expect("rows are text");
    let (rest, written) = live.rest();
    assert_eq!(counts(&[text, rest.stdout]), written);
}
