//! The jars of the broker, from Maven Central.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cache, paths};

/// The folder's name contains the version that `tests/kafka/pom.xml` names, so that changing it downloads the jars
/// again.
const FOLDER: &str = "kafka-4.3.0";
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// The folder of the broker's jars, which are downloaded if it does not exist yet.
pub(super) fn libs() -> PathBuf {
    cache::once(FOLDER, |folder| {
        let pom = paths::repository().join("tests/kafka/pom.xml");
        let mut maven = Command::new("mvn");
        maven
            .args(["--quiet", "--batch-mode", "--strict-checksums", "--file"])
            .arg(&pom)
            .arg(PLUGIN)
            .arg(format!("-DoutputDirectory={}", folder.display()));
        cache::fetch_with(&mut maven, "maven");
        assert!(
            has_broker(folder),
            "maven left no broker in {}",
            folder.display()
        );
    })
}

fn has_broker(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("kafka_2.13-")
    })
}
