//! The cells of a relation's row as bytes. Texts of hexadecimal digits, which most are, take half of their length.

use std::ops::Range;
use std::path::Path;

use super::kept::TAG;
use crate::source::dataset::error::Error;
use crate::source::dataset::file::{Cell, Rows};
use crate::source::dataset::members::{branch_target, hash};
use crate::source::dataset::row::Row;
use crate::source::dataset::table::{Column, Kind, Relation};

/// What a cell begins with.
const INTEGER: u8 = 1;
const BYTES: u8 = 2;
const DIGITS: u8 = 3;

/// Adds the cells of a row to `into`, but for the first one, which is the identifier.
///
/// # Errors
/// When a cell is NULL, or holds something else than its column is for. Once it is sorted, neither its file nor its row is known.
pub(super) fn pack(rows: &Rows, relation: Relation, into: &mut Vec<u8>) -> Result<(), Error> {
    for column in relation.columns().iter().skip(1) {
        let missing = || rows.wrong(column.name, "is NULL");
        match column.kind {
            Kind::Integer | Kind::Time => {
                let number = rows.integer(column.name).flatten().ok_or_else(missing)?;
                into.push(INTEGER);
                into.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Text => {
                let text = rows.text(column.name).flatten().ok_or_else(missing)?;
                if !pack_digits(text, into) {
                    pack_bytes(text.as_bytes(), into);
                }
            }
            Kind::Bytes => {
                let bytes = rows.bytes(column.name).flatten().ok_or_else(missing)?;
                pack_bytes(bytes, into);
            }
        }
    }
    match relation {
        Relation::DirectoryEntry => hash::<20>(rows, "target").map(drop),
        Relation::RevisionHistory => hash::<20>(rows, "parent_id").map(drop),
        Relation::SnapshotBranch => branch_target(rows).map(drop),
        Relation::RevisionExtraHeaders => Ok(()),
    }
}

fn pack_bytes(bytes: &[u8], into: &mut Vec<u8>) {
    into.push(BYTES);
    pack_length(bytes.len(), into);
    into.extend_from_slice(bytes);
}

/// True for lowercase hexadecimal digits.
fn pack_digits(text: &str, into: &mut Vec<u8>) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(is_digit) {
        return false;
    }
    into.push(DIGITS);
    pack_length(text.len() / 2, into);
    let from = into.len();
    into.resize(from + text.len() / 2, 0);
    // The length is right, and all are digits.
    const_hex::decode_to_slice(text, &mut into[from..]).is_ok()
}

fn pack_length(mut length: usize, into: &mut Vec<u8>) {
    while length >= 0x80 {
        into.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    into.push(length.to_le_bytes()[0]);
}

/// The cells of a row that were packed.
#[derive(Debug, Default)]
pub(in crate::source::dataset) struct Cells {
    cells: Vec<Found>,
    /// The digits of all cells that have some.
    digits: String,
}

#[derive(Clone, Debug)]
enum Found {
    Integer(i64),
    /// Where the bytes are among those that were packed.
    Bytes(Range<usize>),
    /// Where the digits are.
    Digits(Range<usize>),
}

impl Cells {
    /// Reads what was packed, or returns false where it is damaged.
    pub(super) fn read(&mut self, packed: &[u8]) -> bool {
        self.cells.clear();
        self.digits.clear();
        let mut at = 0;
        while at < packed.len() {
            if self.cell(packed, &mut at).is_none() {
                return false;
            }
        }
        true
    }

    fn cell(&mut self, packed: &[u8], at: &mut usize) -> Option<()> {
        let kind = *packed.get(*at)?;
        *at += 1;
        if kind == INTEGER {
            let bytes = packed.get(*at..)?.first_chunk::<8>()?;
            *at += bytes.len();
            self.cells.push(Found::Integer(i64::from_le_bytes(*bytes)));
            return Some(());
        }
        let length = length(packed, at)?;
        let range = *at..at.checked_add(length)?;
        let bytes = packed.get(range.clone())?;
        *at = range.end;
        self.cells.push(match kind {
            BYTES => Found::Bytes(range),
            DIGITS => {
                let from = self.digits.len();
                self.digits.push_str(&crate::text::hex(bytes));
                Found::Digits(from..self.digits.len())
            }
            _ => return None,
        });
        Some(())
    }
}

fn length(packed: &[u8], at: &mut usize) -> Option<usize> {
    let mut length = 0;
    for shift in (0..35).step_by(7) {
        let byte = *packed.get(*at)?;
        *at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// A row of a relation that was sorted.
pub(in crate::source::dataset) struct SortedRow<'a> {
    pub(super) file: &'a Path,
    /// The beginning of the identifier of the row of the main table.
    pub(super) tag: [u8; TAG],
    pub(super) columns: &'static [Column],
    pub(super) packed: &'a [u8],
    pub(super) cells: &'a Cells,
}

impl SortedRow<'_> {
    /// Whether it may belong to a row with this identifier.
    pub(in crate::source::dataset) fn belongs_to(&self, id: &str) -> bool {
        let mut tag = [0; TAG];
        let begin = id.get(..2 * TAG).unwrap_or_default();
        const_hex::decode_to_slice(begin, &mut tag).is_ok() && tag == self.tag
    }

    /// The error where it does not.
    pub(in crate::source::dataset) fn of_others(&self) -> Error {
        Error::KeptOfOthers(self.file.to_owned())
    }

    fn found(&self, column: &str) -> Option<&Found> {
        let mut columns = self.columns.iter().skip(1);
        let index = columns.position(|one| one.name == column)?;
        self.cells.cells.get(index)
    }
}

impl Row for SortedRow<'_> {
    fn text(&self, column: &str) -> Cell<&str> {
        match self.found(column)? {
            Found::Digits(range) => Some(self.cells.digits.get(range.clone())),
            Found::Bytes(range) => {
                let bytes = self.packed.get(range.clone())?;
                Some(std::str::from_utf8(bytes).ok())
            }
            Found::Integer(_) => None,
        }
    }

    fn bytes(&self, column: &str) -> Cell<&[u8]> {
        match self.found(column)? {
            Found::Digits(range) => Some(self.cells.digits.get(range.clone()).map(str::as_bytes)),
            Found::Bytes(range) => Some(self.packed.get(range.clone())),
            Found::Integer(_) => None,
        }
    }

    fn integer(&self, column: &str) -> Cell<i64> {
        match self.found(column)? {
            Found::Integer(number) => Some(Some(*number)),
            _ => None,
        }
    }

    /// Cells were checked before they were sorted, so that the file with the sorted rows is damaged.
    fn wrong(&self, _column: &'static str, _reason: &'static str) -> Error {
        Error::Kept(self.file.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(parts: &[(u8, &[u8])]) -> Vec<u8> {
        let mut packed = Vec::new();
        for (kind, bytes) in parts {
            match *kind {
                DIGITS => {
                    let text = std::str::from_utf8(bytes).unwrap();
                    assert!(pack_digits(text, &mut packed));
                }
                BYTES => pack_bytes(bytes, &mut packed),
                _ => {
                    packed.push(INTEGER);
                    packed.extend_from_slice(bytes);
                }
            }
        }
        packed
    }

    #[test]
    fn cells_are_read_as_they_were_packed() {
        let name = vec![0xff; 300];
        let packed = packed(&[
            (BYTES, &name),
            (BYTES, b"file"),
            (DIGITS, b"00ff"),
            (INTEGER, &(-5_i64).to_le_bytes()),
        ]);
        assert_eq!(packed.len(), 1 + 2 + 300 + 1 + 1 + 4 + 1 + 1 + 2 + 1 + 8);
        let mut cells = Cells::default();
        assert!(cells.read(&packed));
        let row = SortedRow {
            file: Path::new("f"),
            tag: [0; TAG],
            columns: Relation::DirectoryEntry.columns(),
            packed: &packed,
            cells: &cells,
        };
        assert_eq!(row.bytes("name"), Some(Some(&name[..])));
        assert_eq!(row.text("type"), Some(Some("file")));
        assert_eq!(row.text("target"), Some(Some("00ff")));
        assert_eq!(row.integer("perms"), Some(Some(-5)));
        assert_eq!(row.integer("rank"), None);
        for end in [1, 2, 100, packed.len() - 1] {
            assert!(!cells.read(&packed[..end]), "{end}");
        }
    }

    #[test]
    fn only_lowercase_digits_in_pairs_are_packed_as_such() {
        for text in ["", "0", "0A", "0g", "00 0"] {
            assert!(!pack_digits(text, &mut Vec::new()), "{text}");
        }
    }
}
