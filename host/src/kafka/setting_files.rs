//! Checks the files that settings name: librdkafka's own errors name neither the file nor the reason.

use std::fs::{self, File};

use super::error::Error;

/// Settings that name a file, which is opened when a client is created.
const FILES: [&str; 5] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
];
/// The value with which librdkafka looks for the system's authorities.
const PROBE: &str = "probe";

/// Refuses settings whose files cannot be read.
pub(super) fn check(settings: &[(String, String)]) -> Result<(), Error> {
    let files = settings
        .iter()
        .filter(|(key, value)| FILES.contains(&key.as_str()) && value != PROBE);
    for (key, path) in files {
        // Authorities may be in a folder.
        let opened = if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
            fs::read_dir(path).map(drop)
        } else {
            File::open(path).map(drop)
        };
        opened.map_err(|source| Error::SettingFile {
            key: key.clone(),
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}
