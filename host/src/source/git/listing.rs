//! The first pass: the identifiers of all objects, with their types and sizes.

use std::io::Read;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Error;
use super::command::{Git, piped, spawn};
use super::headers;
use super::stderr::Said;

const READ_BYTES: usize = 64 << 10;

/// The type of a git object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blob,
    Tree,
    Commit,
    Tag,
}

impl Kind {
    /// The one with this name in git.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let all = [Self::Blob, Self::Tree, Self::Commit, Self::Tag];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// The name in git.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Blob => b"blob",
            Self::Tree => b"tree",
            Self::Commit => b"commit",
            Self::Tag => b"tag",
        }
    }

    /// The object type of the archive.
    pub(super) fn object_type(self) -> &'static str {
        match self {
            Self::Blob => "content",
            Self::Tree => "directory",
            Self::Commit => "revision",
            Self::Tag => "release",
        }
    }
}

/// An object of the list. A large repository has millions, so that it is kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) id: [u8; 20],
    /// Its bytes, or the greatest number where there are more.
    pub(super) size: u32,
}

/// All objects, by type.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) blobs: Vec<Object>,
    /// The blobs that are too large for the archive.
    pub(super) large: Vec<Object>,
    pub(super) trees: Vec<Object>,
    pub(super) commits: Vec<Object>,
    pub(super) tags: Vec<Object>,
    /// Objects that others name and that are not there.
    pub(super) missing: u64,
}

impl Listing {
    /// The objects of a type; of the blobs, those that are kept or those that are skipped.
    pub(super) fn of(&self, kind: Kind, is_skipped: bool) -> &[Object] {
        match kind {
            Kind::Blob if is_skipped => &self.large,
            Kind::Blob => &self.blobs,
            Kind::Tree => &self.trees,
            Kind::Commit => &self.commits,
            Kind::Tag => &self.tags,
        }
    }

    /// Separates the blobs that have this many bytes or more. All that have 4 GiB are among them.
    pub(super) fn skip_from(&mut self, size: u64) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let is_large = |blob: &Object| blob.size >= size;
        self.large
            .extend(self.blobs.iter().copied().filter(is_large));
        self.blobs.retain(|blob| !is_large(blob));
    }

    /// Adds the object of a line: `ID TYPE SIZE`, or `?ID missing`.
    fn add(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|&byte| byte == b' ');
        let (id, kind) = (words.next()?, words.next()?);
        if kind == b"missing" {
            self.missing += 1;
            return Some(());
        }
        let size: u64 = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        let object = Object {
            id: headers::id(id)?,
            size: u32::try_from(size).unwrap_or(u32::MAX),
        };
        let objects = match Kind::of(kind)? {
            Kind::Blob => &mut self.blobs,
            Kind::Tree => &mut self.trees,
            Kind::Commit => &mut self.commits,
            Kind::Tag => &mut self.tags,
        };
        objects.push(object);
        Some(())
    }
}

/// The processes that list the objects.
pub(super) struct Lister {
    git: Git,
    /// Those that write to one another, the last one to the host.
    processes: Vec<(Child, Said, &'static str)>,
    stdout: ChildStdout,
    buffer: Vec<u8>,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    listing: Listing,
}

impl Lister {
    /// Starts to list the objects that can be reached from these.
    ///
    /// # Errors
    /// When git cannot be started.
    pub(super) fn of_reachable<'a>(
        git: &Git,
        tips: impl Iterator<Item = &'a [u8; 20]>,
    ) -> Result<Self, Error> {
        const WALK: [&str; 5] = [
            "rev-list",
            "--objects",
            "--no-object-names",
            "--missing=print",
            "--stdin",
        ];
        const CHECK: [&str; 3] = ["cat-file", "--batch-check", "--buffer"];
        let mut walk = spawn(git.call(&WALK).stdin(Stdio::piped()))?;
        let mut input = piped(walk.stdin.take())?;
        let said = Said::of(piped(walk.stderr.take())?)?;
        let ids = Stdio::from(piped(walk.stdout.take())?);
        let check = spawn(git.call(&CHECK).stdin(ids))?;
        let lister = Self::of(git, vec![(walk, said, "rev-list")], check)?;
        let mut tips_text = Vec::new();
        for tip in tips {
            headers::write_id(&mut tips_text, tip);
            tips_text.push(b'\n');
        }
        // It reads them all before it writes. If it has ended already, its status says why.
        let _broken = std::io::Write::write_all(&mut input, &tips_text);
        Ok(lister)
    }

    /// Starts to list all objects that the repository holds.
    ///
    /// # Errors
    /// When git cannot be started.
    pub(super) fn of_all(git: &Git) -> Result<Self, Error> {
        const CHECK: [&str; 5] = [
            "cat-file",
            "--batch-all-objects",
            "--batch-check",
            "--unordered",
            "--buffer",
        ];
        let check = spawn(&mut git.call(&CHECK))?;
        Self::of(git, Vec::new(), check)
    }

    fn of(
        git: &Git,
        mut processes: Vec<(Child, Said, &'static str)>,
        mut last: Child,
    ) -> Result<Self, Error> {
        let stdout = piped(last.stdout.take())?;
        let said = Said::of(piped(last.stderr.take())?)?;
        processes.push((last, said, "cat-file"));
        Ok(Self {
            git: git.clone(),
            processes,
            stdout,
            buffer: vec![0; READ_BYTES],
            line: Vec::new(),
            listing: Listing::default(),
        })
    }

    /// Reads what has come within `wait`. Returns the list once it is whole.
    ///
    /// # Errors
    /// When a process fails.
    pub(super) fn step(&mut self, wait: Duration) -> Result<Option<Listing>, Error> {
        for (_, said, _) in &mut self.processes {
            said.read();
        }
        let timeout = Timespec::try_from(wait).ok();
        match poll(
            &mut [PollFd::new(&self.stdout, PollFlags::IN)],
            timeout.as_ref(),
        ) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(Error::Pipe(error.into())),
        }
        let count = self.stdout.read(&mut self.buffer)?;
        if count == 0 {
            return self.finish().map(Some);
        }
        let mut rest = &self.buffer[..count];
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            let added = if self.line.is_empty() {
                self.listing.add(line)
            } else {
                self.line.extend_from_slice(line);
                let line = std::mem::take(&mut self.line);
                self.listing.add(&line)
            };
            if added.is_none() {
                let line = String::from_utf8_lossy(line).chars().take(100).collect();
                return Err(Error::Answer(line));
            }
        }
        self.line.extend_from_slice(rest);
        Ok(None)
    }

    fn finish(&mut self) -> Result<Listing, Error> {
        for (child, said, command) in &mut self.processes {
            let status = child.wait()?;
            said.read();
            if !status.success() {
                return Err(self.git.failed(&[command], said.text()));
            }
        }
        Ok(std::mem::take(&mut self.listing))
    }
}

impl Drop for Lister {
    fn drop(&mut self) {
        for (child, _, _) in &mut self.processes {
            // They may have ended already.
            let _gone = child.kill();
            let _status = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_of_the_list_takes_24_bytes() {
        assert_eq!(size_of::<Object>(), 24);
    }

    #[test]
    fn large_blobs_are_separated() {
        let blob = |size| Object { id: [0; 20], size };
        let mut listing = Listing {
            blobs: [4, 5, 6, u32::MAX].map(blob).to_vec(),
            ..Listing::default()
        };
        listing.skip_from(1 << 40);
        assert_eq!(listing.large, [blob(u32::MAX)]);
        listing.skip_from(5);
        assert_eq!(listing.blobs, [blob(4)]);
        assert_eq!(listing.large.len(), 3);
    }

    #[test]
    fn lines_are_objects_or_missing() {
        let id = "0101010101010101010101010101010101010101";
        let mut listing = Listing::default();
        for line in [
            format!("{id} blob 5"),
            format!("{id} tree 99999999999"),
            format!("?{id} missing"),
        ] {
            listing.add(line.as_bytes()).unwrap();
        }
        assert_eq!(
            listing.blobs,
            [Object {
                id: [1; 20],
                size: 5
            }]
        );
        assert_eq!(listing.trees[0].size, u32::MAX);
        assert_eq!(listing.missing, 1);
        for bad in [
            "",
            "x",
            "x blob 5",
            &format!("{id} blob"),
            &format!("{id} word 5"),
        ] {
            assert_eq!(listing.add(bad.as_bytes()), None, "{bad}");
        }
    }
}
