//! Which files a worker reads, in which order, and from which rows on.

use std::sync::Arc;

use super::cursor::Marks;
use super::folder::MainFile;
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition};

/// A file of a main table that is read.
pub(super) struct Section {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: Partition,
    pub(super) file: MainFile,
    pub(super) marks: Marks,
    /// The rows up to here were counted.
    pub(super) counted: u64,
    /// The first row that is read.
    first_row: u64,
    /// The position of that row.
    start: u64,
}

impl Section {
    fn new(topic: Arc<Topic>, file: MainFile) -> Self {
        Self {
            partition: Partition {
                topic: topic.name.as_str().into(),
                number: file.number,
            },
            topic,
            file,
            marks: Marks::default(),
            counted: 0,
            first_row: 0,
            start: 0,
        }
    }

    /// The row at a position that is not before the section.
    pub(super) fn row_at(&self, position: u64) -> u64 {
        self.first_row + position.saturating_sub(self.start)
    }

    /// The position after its last row.
    pub(super) fn end(&self) -> u64 {
        self.start + (self.file.rows - self.first_row)
    }
}

/// Divides files among workers so that each reads about as many bytes. There are fewer shares than workers where there
/// are fewer files, and one share at least.
pub(super) fn divide(files: Vec<(Arc<Topic>, MainFile)>, workers: usize) -> Vec<Vec<Section>> {
    let count = workers.min(files.len()).max(1);
    let mut by_size: Vec<usize> = (0..files.len()).collect();
    by_size.sort_by_key(|&index| std::cmp::Reverse(files[index].1.work));
    let mut bytes = vec![0; count];
    let mut owner = vec![0; files.len()];
    for index in by_size {
        let least = (0..count).min_by_key(|&worker| bytes[worker]).unwrap_or(0);
        bytes[least] += files[index].1.work.max(1);
        owner[index] = least;
    }
    let mut shares: Vec<Vec<Section>> = (0..count).map(|_| Vec::new()).collect();
    for ((topic, file), owner) in files.into_iter().zip(owner) {
        shares[owner].push(Section::new(topic, file));
    }
    for share in &mut shares {
        start_at(share, &Offsets::new());
    }
    shares
}

/// Has each file begin at its offset, or at its first row where there is none.
pub(super) fn start_at(sections: &mut [Section], offsets: &Offsets) {
    let mut start = 0;
    for section in sections {
        let offset = offsets.get(&section.partition).copied();
        section.first_row = offset.unwrap_or(0).min(section.file.rows);
        section.start = start;
        start = section.end();
    }
}

/// The offsets at a position.
pub(super) fn offsets(sections: &[Section], position: u64) -> Offsets {
    let offset = |section: &Section| {
        let row = section.row_at(position).min(section.file.rows);
        (section.partition.clone(), row)
    };
    sections.iter().map(offset).collect()
}

/// The position of offsets: that of the first file which is not at its end.
pub(super) fn position_of(sections: &[Section], offsets: &Offsets) -> u64 {
    for section in sections {
        if let Some(&offset) = offsets.get(&section.partition)
            && offset < section.file.rows
        {
            return section.start + offset.saturating_sub(section.first_row);
        }
    }
    sections.last().map_or(0, Section::end)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::source::dataset::table::Main;

    /// Files of a table with these numbers of rows, each of which takes a byte.
    fn files(rows: &[u64]) -> Vec<(Arc<Topic>, MainFile)> {
        let topic = Arc::new(Topic {
            name: "p.origin".to_owned(),
            object_type: "origin".to_owned(),
            privileged: false,
        });
        let file = |(number, &rows)| {
            let file = MainFile {
                table: Main::Origin,
                number,
                path: PathBuf::new(),
                rows,
                bytes: rows,
                work: rows,
                relations: Vec::new(),
            };
            (Arc::clone(&topic), file)
        };
        (0..).zip(rows).map(file).collect()
    }

    fn at(offsets: &[(u32, u64)]) -> Offsets {
        let offset = |&(number, next): &(u32, u64)| {
            let topic = "p.origin".into();
            (Partition { topic, number }, next)
        };
        offsets.iter().map(offset).collect()
    }

    #[test]
    fn workers_share_files_by_their_bytes() {
        let numbers = |rows: &[u64], workers| -> Vec<Vec<u32>> {
            let shares = divide(files(rows), workers);
            let numbers = |share: &Vec<Section>| share.iter().map(|one| one.file.number).collect();
            shares.iter().map(numbers).collect()
        };
        assert_eq!(numbers(&[1, 5, 3, 2], 2), [vec![0, 1], vec![2, 3]]);
        assert_eq!(numbers(&[1, 5], 4), [vec![1], vec![0]]);
        assert_eq!(numbers(&[], 2), [Vec::<u32>::new()]);
    }

    #[test]
    fn positions_are_those_of_the_offsets_at_which_a_run_began() {
        let mut shares = divide(files(&[3, 0, 4]), 1);
        let sections = &mut shares[0];
        for (position, expected) in [
            (0, [(0, 0), (1, 0), (2, 0)]),
            (3, [(0, 3), (1, 0), (2, 0)]),
            (5, [(0, 3), (1, 0), (2, 2)]),
            (7, [(0, 3), (1, 0), (2, 4)]),
        ] {
            assert_eq!(offsets(sections, position), at(&expected));
            assert_eq!(position_of(sections, &at(&expected)), position);
        }
        // Another worker had read a part of the last file.
        start_at(sections, &at(&[(0, 1), (2, 3)]));
        assert_eq!(offsets(sections, 0), at(&[(0, 1), (1, 0), (2, 3)]));
        assert_eq!(offsets(sections, 2), at(&[(0, 3), (1, 0), (2, 3)]));
        assert_eq!(offsets(sections, 3), at(&[(0, 3), (1, 0), (2, 4)]));
        assert_eq!(position_of(sections, &at(&[(0, 2), (1, 0), (2, 3)])), 1);
        assert_eq!(sections[2].row_at(2), 3);
    }
}
