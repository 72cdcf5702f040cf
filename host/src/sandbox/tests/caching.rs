//! Compiled code on disk is used when it is intact, and replaced when it is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::guest::{Guest, LIMITS};
use crate::sandbox::cache::Cache;
use crate::sandbox::private_dir::Folder;
use crate::sandbox::{Compiler, Engine, Plugin, Processor};

/// A plugin's file and an empty cache.
struct Fixture {
    top: tempfile::TempDir,
    plugin: PathBuf,
    engine: Engine,
}

impl Fixture {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let plugin = top.path().join("guest.wasm");
        fs::write(&plugin, Guest::default().module()).unwrap();
        let engine = Engine::new(Compiler::Here).unwrap();
        Self {
            top,
            plugin,
            engine,
        }
    }

    fn cache(&self) -> Cache {
        Cache::in_folder(Folder::open_below(self.top.path(), self.top.path(), "cache").unwrap())
    }

    fn load(&self) -> Plugin {
        let plugin = Plugin::load_with(&self.engine, &self.plugin, LIMITS, Some(&self.cache()));
        let plugin = plugin.unwrap();
        assert_eq!(plugin.description().name, "guest");
        plugin
    }

    /// The only entry of the cache.
    fn entry(&self) -> PathBuf {
        let entries: Vec<_> = fs::read_dir(self.top.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

/// Identifies the file itself: a new entry has another inode.
fn identity(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().ino()
}

#[test]
fn the_second_load_takes_the_code_of_the_first() {
    let fixture = Fixture::new();
    fixture.load();
    let (entry, first) = (fixture.entry(), identity(&fixture.entry()));
    fixture.load();
    assert_eq!(fixture.entry(), entry);
    assert_eq!(identity(&entry), first);
}

#[test]
fn another_plugin_has_an_entry_of_its_own() {
    let fixture = Fixture::new();
    fixture.load();
    let other = Guest {
        process: "nop",
        ..Guest::default()
    };
    fs::write(&fixture.plugin, other.module()).unwrap();
    fixture.load();
    assert_eq!(
        fs::read_dir(fixture.top.path().join("cache"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn a_damaged_entry_is_compiled_again() {
    let fixture = Fixture::new();
    fixture.load();
    let entry = fixture.entry();
    let whole = fs::read(&entry).unwrap();
    let flipped = |offset: usize| {
        let mut bytes = whole.clone();
        bytes[offset] ^= 1;
        bytes
    };
    for damaged in [
        flipped(0),
        flipped(10),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
        whole[..whole.len() - 1].to_vec(),
        whole[..20].to_vec(),
        Vec::new(),
    ] {
        fs::write(&entry, damaged).unwrap();
        fixture.load();
        assert!(fs::read(fixture.entry()).unwrap().len() >= whole.len());
        fixture.load();
    }
}

#[test]
fn an_entry_with_the_right_digest_and_other_code_is_compiled_again() {
    use sha2::Digest;
    let fixture = Fixture::new();
    fixture.load();
    let entry = fixture.entry();
    let code = b"not machine code";
    let size = (code.len() as u64).to_le_bytes();
    let forged = [&b"jh-code3"[..], &size, &sha2::Sha256::digest(code), code].concat();
    fs::write(&entry, &forged).unwrap();
    fixture.load();
    assert_ne!(fs::read(fixture.entry()).unwrap(), forged);
}

/// The file is larger than any machine's memory: reading it before the check would abort the test.
#[test]
fn an_entry_of_another_size_than_it_claims_takes_no_memory() {
    let fixture = Fixture::new();
    fixture.load();
    let entry = fixture.entry();
    let whole = fs::read(&entry).unwrap().len() as u64;
    let file = fs::File::options().write(true).open(&entry).unwrap();
    file.set_len(8 << 40).unwrap();
    fixture.load();
    assert_eq!(fs::metadata(fixture.entry()).unwrap().len(), whole);
}

#[test]
fn an_entry_larger_than_what_may_be_compiled_takes_no_memory() {
    use std::io::Write as _;
    let fixture = Fixture::new();
    fixture.load();
    let entry = fixture.entry();
    let whole = fs::read(&entry).unwrap().len() as u64;
    let mut file = fs::File::options().write(true).open(&entry).unwrap();
    let claimed = (8_u64 << 40) - 48;
    let header = [&b"jh-code3"[..], &claimed.to_le_bytes()].concat();
    file.write_all(&header).unwrap();
    file.set_len(8 << 40).unwrap();
    fixture.load();
    assert_eq!(fs::metadata(fixture.entry()).unwrap().len(), whole);
}

/// A mapping of the entry itself would read what its file holds when a page is needed, and end the process here.
#[test]
fn entry_that_changes_after_its_check_never_runs() {
    use std::io::Write as _;
    let fixture = Fixture::new();
    fixture.load();
    let plugin = fixture.load();
    let works = || {
        let (mut processor, plan) = Processor::start(&plugin, "{}", LIMITS).unwrap();
        processor.process(&[]).unwrap();
        plan
    };
    let plan = works();
    let entry = fixture.entry();
    let bytes = usize::try_from(fs::metadata(&entry).unwrap().len()).unwrap();
    let mut file = fs::File::options().write(true).open(&entry).unwrap();
    file.write_all(&vec![0xcc; bytes]).unwrap();
    assert_eq!(works(), plan);
    file.set_len(0).unwrap();
    assert_eq!(works(), plan);
}

#[test]
fn a_link_instead_of_an_entry_is_not_followed() {
    let fixture = Fixture::new();
    fixture.load();
    let entry = fixture.entry();
    let elsewhere = fixture.top.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    fixture.load();
    assert!(fs::symlink_metadata(fixture.entry()).unwrap().is_file());
}

#[test]
fn without_a_cache_a_plugin_loads_all_the_same() {
    let fixture = Fixture::new();
    Plugin::load_with(&fixture.engine, &fixture.plugin, LIMITS, None).unwrap();
}

/// A runtime of scripts was used long ago, and its code takes half a minute to compile again.
#[test]
fn many_small_plugins_leave_the_code_of_a_large_one() {
    let fixture = Fixture::new();
    fixture.load();
    let folder = fixture.top.path().join("cache");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1000);
    let put = |name: &str, bytes: u64, age: std::time::SystemTime| {
        let file = fs::File::create(folder.join(name)).unwrap();
        file.set_len(bytes).unwrap();
        file.set_modified(age).unwrap();
    };
    put("runtime", 8 << 20, long_ago);
    put("old", (8 << 20) - 1, long_ago);
    let lately = long_ago + std::time::Duration::from_hours(1);
    for number in 0..62 {
        put(&number.to_string(), 1, lately);
    }
    let other = Guest {
        process: "nop",
        ..Guest::default()
    };
    fs::write(&fixture.plugin, other.module()).unwrap();
    fixture.load();
    assert!(folder.join("runtime").exists());
    assert!(!folder.join("old").exists());
    assert_eq!(fs::read_dir(folder).unwrap().count(), 65);
}
