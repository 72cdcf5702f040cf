//! Rows of an object that are there more than once: files were merged.

use std::collections::HashMap;

use super::external::Key;
use crate::source::dataset::table::Relation;

/// The order of the rows of extra headers whose object the main table has once.
pub(super) const OF_ONE_ROW: u64 = 0;

/// Tells which rows are left out, among all rows in their order.
#[derive(Debug)]
pub(super) enum Repeated {
    /// Rows that are the same follow each other.
    Adjacent {
        before: Option<Key>,
        packed: Vec<u8>,
    },
    /// A row may be there several times in one file, and all these count.
    InFiles(InFiles),
}

/// The rows of one object, by their files.
#[derive(Debug, Default)]
pub(super) struct InFiles {
    /// The row of the main table, and the number of the file.
    at: (u64, u64),
    /// How often a row was kept, and how often the file has it.
    counts: HashMap<Vec<u8>, [u64; 2]>,
}

impl Repeated {
    pub(super) fn of(relation: Relation) -> Self {
        match relation {
            Relation::RevisionExtraHeaders => Self::InFiles(InFiles::default()),
            Relation::DirectoryEntry | Relation::RevisionHistory | Relation::SnapshotBranch => {
                Self::Adjacent {
                    before: None,
                    packed: Vec::new(),
                }
            }
        }
    }

    /// Whether a row is left out.
    pub(super) fn leaves_out(&mut self, key: Key, row: &[u8]) -> bool {
        match self {
            Self::Adjacent { before, packed } => {
                let is_same = |before: Key| (before.row, before.order) == (key.row, key.order);
                if before.is_some_and(is_same) && packed == row {
                    return true;
                }
                *before = Some(key);
                packed.clear();
                packed.extend_from_slice(row);
                false
            }
            Self::InFiles(files) => files.leaves_out(key, row),
        }
    }
}

impl InFiles {
    /// Whether files before that of the row have it as often.
    fn leaves_out(&mut self, key: Key, row: &[u8]) -> bool {
        if key.order == OF_ONE_ROW {
            return false;
        }
        let (main_row, file) = self.at;
        if main_row != key.row {
            self.counts.clear();
        } else if file != key.order {
            for [_, in_file] in self.counts.values_mut() {
                *in_file = 0;
            }
        }
        self.at = (key.row, key.order);
        if let Some([kept, in_file]) = self.counts.get_mut(row) {
            *in_file += 1;
            let is_left_out = *in_file <= *kept;
            *kept = (*kept).max(*in_file);
            return is_left_out;
        }
        self.counts.insert(row.to_vec(), [1, 1]);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows that are kept, of rows with the number of the main row, the order and the text.
    fn kept(relation: Relation, rows: &[(u64, u64, &'static str)]) -> Vec<&'static str> {
        let mut repeated = Repeated::of(relation);
        let mut is_kept = |&(row, order, text): &(u64, u64, &'static str)| {
            let key = Key {
                row,
                order,
                sequence: 0,
            };
            !repeated.leaves_out(key, text.as_bytes())
        };
        let rows = rows.iter().filter(|row| is_kept(row));
        rows.map(|(_, _, text)| *text).collect()
    }

    #[test]
    fn same_row_of_an_object_is_kept_once() {
        let rows = [
            (1, 5, "a"),
            (1, 5, "a"),
            (1, 5, "b"),
            (1, 6, "b"),
            (2, 6, "b"),
        ];
        for relation in [Relation::DirectoryEntry, Relation::RevisionHistory] {
            assert_eq!(kept(relation, &rows), ["a", "b", "b", "b"]);
        }
    }

    #[test]
    fn header_is_kept_as_often_as_one_file_has_it() {
        let relation = Relation::RevisionExtraHeaders;
        let rows = [
            (1, 3, "a"),
            (1, 3, "a"),
            (1, 3, "b"),
            (1, 4, "a"),
            (1, 4, "c"),
            (1, 5, "a"),
            (1, 5, "c"),
            (1, 5, "a"),
            (1, 5, "a"),
            (2, 5, "a"),
        ];
        assert_eq!(kept(relation, &rows), ["a", "a", "b", "c", "a", "a"]);
        // An object that is there once has all of its rows, whatever files they are in.
        let rows = rows.map(|(row, _, text)| (row, OF_ONE_ROW, text));
        assert_eq!(kept(relation, &rows), rows.map(|row| row.2));
    }
}
