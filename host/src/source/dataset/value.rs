//! Rows as keys and values of the journal, without the members that an export lacks.

use super::error::Error;
use super::file::Rows;
use super::identity::{self, Branch, Entry, Verdict};
use super::members::{Members, branch_target, hash, needed};
use super::related::{Related, RelatedRows as _};
use super::row::Row;
use super::table::{Main, Relation};
use crate::source::encoder::Encoder;
use crate::source::times;

/// The hashes of a content.
const HASHES: [&str; 4] = ["blake2s256", "sha1", "sha1_git", "sha256"];

/// A record that is made of a row.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) key: Encoder,
    pub(super) value: Encoder,
    /// The identifier, where the object has one.
    pub(super) id: [u8; 20],
    members: Members,
    /// Items of a member, before their number is known.
    items: Encoder,
}

impl Record {
    /// Makes the record of the current row of a main table. The rows that belong to it are passed over.
    pub(super) fn make(
        &mut self,
        table: Main,
        rows: &Rows,
        related: &mut [Related],
    ) -> Result<Verdict, Error> {
        self.key.clear();
        self.value.clear();
        self.members.clear();
        self.items.clear();
        let verdict = match table {
            Main::Content => self.content(rows, false)?,
            Main::SkippedContent => self.content(rows, true)?,
            Main::Directory => self.directory(rows, related)?,
            Main::Revision => self.revision(rows, related)?,
            Main::Release => self.release(rows)?,
            Main::Snapshot => self.snapshot(rows, related)?,
            Main::Origin => self.origin(rows)?,
            Main::OriginVisit => self.visit(rows)?,
            Main::OriginVisitStatus => self.status(rows)?,
        };
        self.members.write(&mut self.value);
        Ok(verdict)
    }

    /// Whether a zone of the record is made of minutes.
    pub(super) fn derives_zone(&self) -> bool {
        self.members.derives_zone()
    }

    fn content(&mut self, rows: &Rows, is_skipped: bool) -> Result<Verdict, Error> {
        self.key.map(HASHES.len());
        for name in HASHES {
            self.key.str(name);
            if name.ends_with("256") {
                let hash = hash::<32>(rows, name)?.flatten();
                self.key.bin_or_nil(hash.as_ref().map(|hash| &hash[..]));
            } else {
                let hash = hash::<20>(rows, name)?.flatten();
                self.key.bin_or_nil(hash.as_ref().map(|hash| &hash[..]));
            }
        }
        let members = &mut self.members;
        members.hash::<20>(rows, "sha1")?;
        members.hash::<20>(rows, "sha1_git")?;
        members.hash::<32>(rows, "sha256")?;
        members.hash::<32>(rows, "blake2s256")?;
        members.integer(rows, "length");
        members.text(rows, "status");
        if is_skipped {
            members.text(rows, "reason");
        }
        Ok(Verdict::NotVerifiable)
    }

    /// Writes the identifier as the key, and returns it with its digits.
    fn id<'a>(&mut self, rows: &'a Rows) -> Result<(&'a str, [u8; 20]), Error> {
        let missing = || rows.wrong("id", "is NULL");
        let id = hash::<20>(rows, "id")?.flatten().ok_or_else(missing)?;
        self.key.bin(&id);
        self.id = id;
        let digits = rows.text("id").flatten().unwrap_or_default();
        Ok((digits, id))
    }

    fn directory(&mut self, rows: &Rows, related: &mut [Related]) -> Result<Verdict, Error> {
        let (digits, id) = self.id(rows)?;
        let mut entries = Vec::new();
        // Where each entry ends in the items.
        let mut ends = Vec::new();
        let items = &mut self.items;
        let is_there = related.each(Relation::DirectoryEntry, digits, |row| {
            let entry = Entry {
                name: needed(row, "name", row.bytes("name").flatten())?,
                kind: needed(row, "type", row.text("type").flatten())?,
                target: needed(row, "target", hash::<20>(row, "target")?.flatten())?,
                perms: needed(row, "perms", row.integer("perms").flatten())?,
            };
            items.map(4).str("name").bin(entry.name);
            items.str("type").str(entry.kind);
            items.str("target").bin(&entry.target);
            items.str("perms").int(entry.perms);
            entries.push(entry.sortable());
            ends.push(items.bytes().len());
            Ok(())
        })?;
        if is_there {
            let items = self.items.bytes();
            let into = self.members.add("entries").array(entries.len());
            if related.is_reordered(Relation::DirectoryEntry) {
                // The order of the export is lost. The one of git is that of most directories in the journal.
                let mut order: Vec<usize> = (0..entries.len()).collect();
                order.sort_by_key(|&index| &entries[index]);
                for index in order {
                    let from = index.checked_sub(1).map_or(0, |before| ends[before]);
                    into.raw(&items[from..ends[index]]);
                }
            } else {
                into.raw(items);
            }
        }
        self.members.add("id").bin(&id);
        self.members.bytes_if_any(rows, "raw_manifest");
        let manifest = rows.bytes("raw_manifest").flatten();
        Ok(match (is_there, manifest) {
            (_, Some(manifest)) => identity::raw(&id, manifest),
            (true, None) => match identity::directory(&id, entries) {
                // Only the manifest says what is odd about a directory, and old exports do not have it.
                Verdict::Mismatch if rows.bytes("raw_manifest").is_none() => Verdict::CannotTell,
                verdict => verdict,
            },
            (false, None) => Verdict::NotVerifiable,
        })
    }

    fn revision(&mut self, rows: &Rows, related: &mut [Related]) -> Result<Verdict, Error> {
        let (digits, id) = self.id(rows)?;
        let members = &mut self.members;
        members.bytes(rows, "message");
        members.person(rows, "author");
        members.person(rows, "committer");
        members.date(rows, "date", "date_offset", "date_raw_offset_bytes")?;
        members.date(
            rows,
            "committer_date",
            "committer_offset",
            "committer_date_raw_offset_bytes",
        )?;
        members.text(rows, "type");
        members.hash::<20>(rows, "directory")?;
        let mut parents = Vec::new();
        let is_there = related.each(Relation::RevisionHistory, digits, |row| {
            let parent = hash::<20>(row, "parent_id")?.flatten();
            let parent = needed(row, "parent_id", parent)?;
            let rank = needed(row, "parent_rank", row.integer("parent_rank").flatten())?;
            parents.push((rank, parent));
            Ok(())
        })?;
        if is_there {
            parents.sort_by_key(|(rank, _)| *rank);
            let into = members.add("parents").array(parents.len());
            for (_, parent) in &parents {
                into.bin(parent);
            }
        }
        members.add("id").bin(&id);
        let items = &mut self.items;
        let mut count = 0;
        let is_there = related.each(Relation::RevisionExtraHeaders, digits, |row| {
            let key = needed(row, "key", row.bytes("key").flatten())?;
            let value = needed(row, "value", row.bytes("value").flatten())?;
            items.array(2).bin(key).bin(value);
            count += 1;
            Ok(())
        })?;
        if is_there {
            let into = members.add("extra_headers");
            into.array(count).raw(self.items.bytes());
        }
        members.bytes_if_any(rows, "raw_manifest");
        Ok(Verdict::NotVerifiable)
    }

    fn release(&mut self, rows: &Rows) -> Result<Verdict, Error> {
        let (_, id) = self.id(rows)?;
        let members = &mut self.members;
        members.bytes(rows, "name");
        members.bytes(rows, "message");
        members.hash::<20>(rows, "target")?;
        members.text(rows, "target_type");
        members.person(rows, "author");
        members.date(rows, "date", "date_offset", "date_raw_offset_bytes")?;
        members.add("id").bin(&id);
        members.bytes_if_any(rows, "raw_manifest");
        Ok(Verdict::NotVerifiable)
    }

    fn snapshot(&mut self, rows: &Rows, related: &mut [Related]) -> Result<Verdict, Error> {
        let (digits, id) = self.id(rows)?;
        let mut branches = Vec::new();
        let is_there = related.each(Relation::SnapshotBranch, digits, |row| {
            let name = needed(row, "name", row.bytes("name").flatten())?;
            let kind = needed(row, "target_type", row.text("target_type").flatten())?;
            branches.push(Branch {
                name: name.to_owned(),
                kind: kind.to_owned(),
                target: branch_target(row)?,
            });
            Ok(())
        })?;
        if related.is_reordered(Relation::SnapshotBranch) {
            branches.sort_unstable();
        }
        if is_there {
            let into = self.members.add("branches").map(branches.len());
            for branch in &branches {
                into.bin(&branch.name);
                into.map(2).str("target").bin(&branch.target);
                into.str("target_type").str(&branch.kind);
            }
        }
        self.members.add("id").bin(&id);
        Ok(if is_there {
            identity::snapshot(&id, branches)
        } else {
            Verdict::NotVerifiable
        })
    }

    fn origin(&mut self, rows: &Rows) -> Result<Verdict, Error> {
        let url = needed(rows, "url", rows.text("url").flatten())?;
        self.key.map(1).str("url").str(url);
        self.members.add("url").str(url);
        self.members.hash::<20>(rows, "id")?;
        let Some(id) = hash::<20>(rows, "id")?.flatten() else {
            return Ok(Verdict::NotVerifiable);
        };
        self.id = id;
        Ok(identity::origin(&id, url))
    }

    fn visit(&mut self, rows: &Rows) -> Result<Verdict, Error> {
        let origin = needed(rows, "origin", rows.text("origin").flatten())?;
        let date = date(rows)?;
        self.key
            .map(2)
            .str("date")
            .str(&date)
            .str("origin")
            .str(origin);
        let members = &mut self.members;
        members.text(rows, "origin");
        members.time(rows, "date");
        members.text(rows, "type");
        members.integer_if_any(rows, "visit");
        Ok(Verdict::NotVerifiable)
    }

    fn status(&mut self, rows: &Rows) -> Result<Verdict, Error> {
        let origin = needed(rows, "origin", rows.text("origin").flatten())?;
        let visit = needed(rows, "visit", rows.integer("visit").flatten())?;
        let date = date(rows)?;
        self.key.map(3).str("date").str(&date);
        self.key.str("origin").str(origin);
        self.key.str("visit").str(&visit.to_string());
        let members = &mut self.members;
        members.text(rows, "origin");
        members.integer(rows, "visit");
        members.time(rows, "date");
        members.text(rows, "status");
        members.hash::<20>(rows, "snapshot")?;
        members.text(rows, "type");
        Ok(Verdict::NotVerifiable)
    }
}

/// The date of a visit in a key.
fn date(rows: &Rows) -> Result<String, Error> {
    let time = needed(rows, "date", rows.time("date").flatten())?;
    let microseconds = u32::try_from(time.rem_euclid(1_000_000)).unwrap_or_default();
    Ok(times::python(time.div_euclid(1_000_000), microseconds))
}
