//! Follows `docs/writing-a-plugin.md` literally, in an empty folder outside of the repository.
//!
//! It processes the fenced blocks in order. It runs `sh` blocks. It writes `rust` blocks to the file that the paragraph
//! before names last, or appends to it if that paragraph begins with `Add`. `json` and `text` blocks must equal the end
//! of what the last commands printed. Indented blocks are ignored.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use journal_tests::paths;

/// A fenced block of the page.
struct Block {
    language: String,
    text: String,
    /// The last line of the paragraph before it.
    before: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut before = String::new();
    let mut is_open = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                is_open = true;
                blocks.push(Block {
                    language: language.to_owned(),
                    text: String::new(),
                    before: std::mem::take(&mut before),
                    line: index + 1,
                });
            }
            None if is_open => {
                let block = blocks.last_mut().expect("a block was opened");
                writeln!(block.text, "{line}").expect("a string takes all");
            }
            None if !line.is_empty() => line.clone_into(&mut before),
            None => {}
        }
    }
    blocks
}

/// The file name in backticks at the end of a line.
fn file(line: &str) -> Option<&str> {
    line.strip_suffix("`:")?
        .rsplit_once('`')
        .map(|(_, name)| name)
}

/// A reader who follows the page: the folder for the shell, and the output of the last commands.
struct Reader<'a> {
    home: &'a Path,
    printed: String,
}

impl Reader<'_> {
    fn follow(&mut self, block: &Block) {
        let Block { text, line, .. } = block;
        match block.language.as_str() {
            "sh" => self.printed = self.run(text, *line),
            "rust" => self.write(block),
            "json" | "text" => {
                let (start, end) = self
                    .printed
                    .split_at(self.printed.len().saturating_sub(text.len()));
                assert_eq!(end, text, "what the page shows in line {line}");
                assert!(
                    start.is_empty() || start.ends_with('\n'),
                    "line {line} begins too late"
                );
            }
            other => panic!("line {line} begins a block in `{other}`, which is not known here"),
        }
    }

    fn write(&self, block: &Block) {
        let Block {
            text, before, line, ..
        } = block;
        let name =
            file(before).unwrap_or_else(|| panic!("line {line}: no file is named in `{before}`"));
        let path = self.home.join("weekdays").join(name);
        let is_added = before.starts_with("Add");
        let mut file = fs::File::options()
            .create(true)
            .write(true)
            .append(is_added)
            .truncate(!is_added)
            .open(&path)
            .unwrap_or_else(|error| panic!("line {line}: {}: {error}", path.display()));
        let separator = if is_added { "\n" } else { "" };
        write!(file, "{separator}{text}").expect("a folder of ours");
    }

    fn run(&self, commands: &str, line: usize) -> String {
        let repository = paths::repository();
        let crate_folder = self.home.join("weekdays");
        let is_begun = crate_folder.exists();
        let path = format!(
            "{}:{}",
            paths::host()
                .parent()
                .expect("a program is in a folder")
                .display(),
            std::env::var("PATH").expect("there are programs")
        );
        let output = Command::new("bash")
            .args(["-euc", commands])
            .current_dir(if is_begun { &crate_folder } else { self.home })
            .env("JOURNAL_HOST", &repository)
            .env("PATH", path)
            // Kept between runs, like an author's target folder.
            .env("CARGO_TARGET_DIR", paths::target().join("writing-a-plugin"))
            // Debug information would take half of the build time.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .output()
            .expect("bash can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the commands in line {line} failed: {said}"
        );
        if !is_begun {
            // The same versions of all dependencies, so that those built for other plugins are reused.
            fs::copy(
                repository.join("Cargo.lock"),
                crate_folder.join("Cargo.lock"),
            )
            .expect("the page has made the folder");
        }
        String::from_utf8(output.stdout).expect("what the page has printed is text")
    }
}

#[test]
fn page_leads_from_an_empty_folder_to_a_running_plugin() {
    let page = paths::repository().join("docs/writing-a-plugin.md");
    let page = fs::read_to_string(page).expect("it ships");
    let home = tempfile::tempdir().expect("there is room for a small folder");
    let mut reader = Reader {
        home: home.path(),
        printed: String::new(),
    };
    let blocks = blocks(&page);
    assert!(blocks.len() > 10, "{} blocks were found", blocks.len());
    for block in &blocks {
        reader.follow(block);
    }
}

#[test]
fn readme_shows_the_template() {
    let read = |name: &str| fs::read_to_string(paths::repository().join(name)).expect("it ships");
    let readme = blocks(&read("README.md"));
    let shown = readme.iter().find(|block| block.language == "rust");
    let shown = &shown.expect("the README shows a plugin").text;
    let template = read("plugins/template/src/lib.rs");
    assert!(template.ends_with(shown.as_str()), "it shows:\n{shown}");
}
