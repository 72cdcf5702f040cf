//! Compiled code on disk: used when whole, made anew when not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::guest::{Guest, LIMITS};
use crate::sandbox::cache::Cache;
use crate::sandbox::private_dir::Folder;
use crate::sandbox::{Engine, Plugin};

/// A plugin's file beside an empty cache.
struct Place {
    top: tempfile::TempDir,
    plugin: PathBuf,
    engine: Engine,
}

impl Place {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let plugin = top.path().join("guest.wasm");
        fs::write(&plugin, Guest::default().module()).unwrap();
        let engine = Engine::new().unwrap();
        Self {
            top,
            plugin,
            engine,
        }
    }

    fn cache(&self) -> Cache {
        Cache::in_folder(Folder::open_below(self.top.path(), self.top.path(), "cache").unwrap())
    }

    fn load(&self) {
        let plugin = Plugin::load_with(&self.engine, &self.plugin, LIMITS, Some(&self.cache()));
        assert_eq!(plugin.unwrap().description().name, "guest");
    }

    /// The one entry.
    fn entry(&self) -> PathBuf {
        let entries: Vec<_> = fs::read_dir(self.top.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

/// The file itself, which a new entry is not.
fn identity(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().ino()
}

#[test]
fn the_second_load_takes_the_code_of_the_first() {
    let place = Place::new();
    place.load();
    let (entry, first) = (place.entry(), identity(&place.entry()));
    place.load();
    assert_eq!(place.entry(), entry);
    assert_eq!(identity(&entry), first);
}

#[test]
fn another_plugin_has_an_entry_of_its_own() {
    let place = Place::new();
    place.load();
    let other = Guest {
        process: "nop",
        ..Guest::default()
    };
    fs::write(&place.plugin, other.module()).unwrap();
    place.load();
    assert_eq!(
        fs::read_dir(place.top.path().join("cache"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn a_damaged_entry_is_made_anew() {
    let place = Place::new();
    place.load();
    let entry = place.entry();
    let whole = fs::read(&entry).unwrap();
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
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
        place.load();
        assert!(fs::read(place.entry()).unwrap().len() >= whole.len());
        place.load();
    }
}

#[test]
fn an_entry_with_the_right_digest_and_other_code_is_made_anew() {
    use sha2::Digest;
    let place = Place::new();
    place.load();
    let entry = place.entry();
    let code = b"not machine code";
    let forged = [&b"jh-code1"[..], &sha2::Sha256::digest(code), code].concat();
    fs::write(&entry, &forged).unwrap();
    place.load();
    assert_ne!(fs::read(place.entry()).unwrap(), forged);
}

#[test]
fn a_link_in_an_entrys_place_is_not_followed() {
    let place = Place::new();
    place.load();
    let entry = place.entry();
    let elsewhere = place.top.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    place.load();
    assert!(fs::symlink_metadata(place.entry()).unwrap().is_file());
}

#[test]
fn without_a_cache_a_plugin_loads_all_the_same() {
    let place = Place::new();
    Plugin::load_with(&place.engine, &place.plugin, LIMITS, None).unwrap();
}
