//! A git repository of some 180,000 objects that is the same each time: folders within folders, and commits that change a
//! line of a file or two.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journal_tests::run;

/// A commit writes a tree of four levels for each file that it changes, and a third of the commits change two files.
const COMMITS: u32 = 24_000;
/// The folders in a folder, on each of three levels, and the files in those of the last level.
const FOLDERS: u32 = 8;
const FILES: u32 = 12;
/// The lines of a file.
const LINES: u32 = 40;
/// Seconds between commits.
const PACE: u32 = 3_600;

/// `git` in a folder, without settings of the user.
pub(crate) fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

/// Makes the repository with this number of commits, and packs it as `git gc --aggressive` does.
pub(crate) fn make(folder: PathBuf, commits: Option<u32>) -> PathBuf {
    std::fs::create_dir(&folder).expect("the folder is ours");
    run::succeed(git(&folder).args(["init", "--quiet", "--initial-branch=main"]));
    let mut import = git(&folder)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is installed");
    let stdin = import.stdin.take().expect("it is a pipe");
    write(BufWriter::new(stdin), commits.unwrap_or(COMMITS)).expect("it reads to the end");
    assert!(import.wait().expect("it is a child").success());
    run::succeed(git(&folder).args(["repack", "-adfq"]));
    folder
}

/// Writes the stream that `git fast-import` reads.
fn write(mut to: impl Write, commits: u32) -> io::Result<()> {
    let files = FOLDERS.pow(3) * FILES;
    let mut versions = vec![0_u32; files as usize];
    let mut random = Random(1);
    for number in 0..commits {
        head(&mut to, number)?;
        if number == 0 {
            for file in 0..files {
                change(&mut to, file, 0)?;
            }
            continue;
        }
        for _ in 0..=u32::from(number % 3 == 0) {
            let file = random.below(files);
            let version = &mut versions[file as usize];
            *version += 1;
            change(&mut to, file, *version)?;
        }
    }
    to.flush()
}

/// The beginning of a commit.
fn head(to: &mut impl Write, number: u32) -> io::Result<()> {
    let person = number % 50;
    let time = 1_300_000_000 + number * PACE;
    let message = format!(
        "Change number {number} of the history\n\nIt has a message of a usual length, which says why a line\nof a file is another one now.\n"
    );
    writeln!(to, "commit refs/heads/main")?;
    for role in ["author", "committer"] {
        writeln!(
            to,
            "{role} Person {person} <person{person}@example.org> {time} +0{}00",
            person % 10
        )?;
    }
    write!(to, "data {}\n{message}", message.len())
}

/// A version of a file: each one differs from that before it in one line.
fn change(to: &mut impl Write, file: u32, version: u32) -> io::Result<()> {
    let mut content = String::new();
    for line in 0..LINES {
        let changed = version.saturating_sub((version + LINES - line) % LINES);
        let line = format!("line {line} of file {file} was changed last in version {changed}\n");
        content.push_str(&line);
    }
    let (section, number) = (file / FILES, file % FILES);
    let (part, section) = (section / FOLDERS, section % FOLDERS);
    let (module, part) = (part / FOLDERS, part % FOLDERS);
    writeln!(
        to,
        "M 100644 inline module_{module}/part_{part}/section_{section}/file_{number:02}.rs"
    )?;
    writeln!(to, "data {}\n{content}", content.len())
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = u32::try_from(self.0 >> 32).unwrap_or_default();
        high % limit
    }
}
