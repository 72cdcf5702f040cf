//! What tells recordings from others, without reading them whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

/// Bytes at the beginning and at the end of a file that are compared. The end has the index, which counts records and bytes.
const COMPARED: u64 = 64 << 10;

/// A digest of the sizes and of the ends of all files; none where a file can be read only once, or not at all.
pub(super) fn identity(files: &[PathBuf]) -> Option<Vec<u8>> {
    let mut digest = Sha256::new();
    for file in files {
        add(&mut digest, file).ok()?;
    }
    Some(digest.finalize().to_vec())
}

fn add(digest: &mut Sha256, path: &PathBuf) -> io::Result<()> {
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut file = File::open(path)?;
    digest.update(metadata.len().to_be_bytes());
    for from in [0, metadata.len().saturating_sub(COMPARED)] {
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        (&mut file).take(COMPARED).read_to_end(&mut part)?;
        digest.update(Sha256::digest(&part));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ends_and_sizes_are_other_data_and_names_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            identity(&[path]).unwrap()
        };
        let mut bytes = vec![7; 200_000];
        let one = of("one", &bytes);
        assert_eq!(of("same", &bytes), one);
        bytes[199_999] = 8;
        let other = of("other", &bytes);
        assert_ne!(other, one);
        bytes[0] = 8;
        assert_ne!(of("third", &bytes), other);
        bytes.insert(100_000, 7);
        assert_ne!(of("longer", &bytes), of("third", &bytes[1..]));
        let both = |names: [&str; 2]| identity(&names.map(|name| folder.path().join(name)));
        assert_ne!(both(["one", "other"]), both(["other", "one"]));
        assert_eq!(identity(&[folder.path().to_owned()]), None);
        assert_eq!(identity(&[folder.path().join("none")]), None);
    }
}
